"""Another clock for an overlay: slower around events, so that an eye can follow."""

from collections.abc import Iterable

BEFORE_SECONDS, AFTER_SECONDS = 0.25, 0.35
"""Of each event that are slow."""


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

    def shown_at(self, seconds: float) -> float:
        """Return when a moment of the video is shown."""
        slow = sum(max(0.0, min(seconds, end) - begin) for begin, end in self.spans)
        return seconds + (self.factor - 1) * slow
