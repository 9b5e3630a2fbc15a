"""Another clock for an overlay: slower around events, so that an eye can follow."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

BEFORE_SECONDS, AFTER_SECONDS = 0.25, 0.35
"""Seconds before and after each event that are slow."""


class SlowMotion:
    """Tells when a picture is shown, where those around some instants take longer.

    Args:
        instants: Seconds of the video, in any order.
        factor: How many times longer.
    """

    def __init__(self, instants: Iterable[float], factor: float) -> None:
        self.factor = factor
        self.spans: list[tuple[float, float]] = []
        """Begin and end in seconds, in order, no two overlapping."""
        for instant in sorted(instants):
            begin, end = max(0.0, instant - BEFORE_SECONDS), instant + AFTER_SECONDS
            if self.spans and begin <= self.spans[-1][1]:
                begin = self.spans.pop()[0]
            self.spans.append((begin, end))
        self._begins = [begin for begin, _ in self.spans]
        self._slow_before = list(accumulate((end - begin for begin, end in self.spans), initial=0.0))

    def shown_at(self, seconds: float) -> float:
        """Return when a moment of the video is shown."""
        index = bisect_right(self._begins, seconds)
        slow = self._slow_before[index]
        if index:  # what is left of the last one that has begun
            slow -= max(0.0, self.spans[index - 1][1] - seconds)
        return seconds + (self.factor - 1) * slow
