"""Runs of claims that hang where they are: no ball in play does.

A sign that flickers, the tip of a branch, a lamp and a badge look like a ball frame after frame, and the decision over
time believes each of them more and more. A ball in the air cannot stay: gravity takes it 245 of its own widths down in
the first second squared, so that in half a second between rising and falling it moves at least 7 widths. So a run of
claims that stays within a few pixels for longer is taken back. A ball that is held and then tossed is kept, for its
run goes on from where it was held.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from ttcli.inference.answers import Peak

CLAIM = 0.5
"""Confidence from which a choice belongs to a run."""
REACH = 6.0
"""Working pixels within which all of a run that rests lies."""
LEAST_REST = 0.5
"""Seconds: shorter runs are too short to tell. A ball 1.3 px wide moves 10 px in this time."""
MOST_GAP = 0.4
"""Seconds without a claim over which a run goes on."""
MOST_SPEED, MOST_STEP = 300.0, 6.0
"""Pixels a second, and pixels beside them, by which a claim may lie from the last one of its run."""
LONGEST = 4.0
"""Seconds for which a run that rests waits for what becomes of it."""
MOST_HELD = 1000
"""Choices, where many frames have one time."""
PLACES = 16
"""Places of a shot where something rested that are remembered: shorter runs at one of them rest too."""
LEFT = 0.1
"""Share of its confidence that is left to a claim at rest."""


class Choice(NamedTuple):
    """What was chosen in one frame."""

    time_seconds: float
    """Time of the frame."""
    peak: Peak
    """The candidate, in pixels of the working picture."""
    confidence: float
    """Probability that it is the ball."""


def without_rests(choices: Iterable[Choice]) -> Iterator[Choice]:
    """Yield the choices of a shot, in order; those in runs that rest with little confidence.

    A choice is held back while its run may rest, LONGEST seconds at most.

    Args:
        choices: One for each frame, in order.
    """
    watch = _Watch()
    for choice in choices:
        yield from watch.add(choice)
    yield from watch.finish()


class _Watch:
    """Holds back the choices of a run until it is clear whether it moves."""

    def __init__(self) -> None:
        self._held: deque[Choice] = deque()
        self._places: deque[np.ndarray] = deque(maxlen=PLACES)
        self._last: Choice | None = None  # the last claim of the run
        self._begin = 0.0  # when the run began
        self._low = self._high = np.zeros(2)  # corners of the box around it
        self._moves = False

    def add(self, choice: Choice) -> Iterator[Choice]:
        """Take the next choice and yield those that are decided."""
        claims = choice.confidence >= CLAIM
        if self._last is not None and (_is_past(choice, self._last) or (claims and not _follows(choice, self._last))):
            yield from self.finish()
        if claims:
            self._lengthen(choice)
        self._held.append(choice)
        if self._last is None or self._moves:
            yield from self._released(len(self._held), rests=False)
        else:
            latest = choice.time_seconds - LONGEST
            waited = sum(held.time_seconds < latest for held in self._held)
            yield from self._released(max(waited, len(self._held) - MOST_HELD), rests=True)

    def finish(self) -> Iterator[Choice]:
        """End the run and yield what is held."""
        rests = self._last is not None and not self._moves and self._rests(self._last)
        if rests:
            self._places.append((self._low + self._high) / 2)
        yield from self._released(len(self._held), rests)
        self._last = None

    def _lengthen(self, claim: Choice) -> None:
        """Add a claim to the run."""
        place = np.array(claim.peak[:2])
        if self._last is None:
            self._begin, self._moves, self._low, self._high = claim.time_seconds, False, place, place
        self._last = claim
        self._low, self._high = np.minimum(self._low, place), np.maximum(self._high, place)
        self._moves = self._moves or math.dist(self._low, self._high) > REACH

    def _rests(self, last: Choice) -> bool:
        """Return whether a run that ends, and has not moved, is long enough to tell, or lies where another one did."""
        middle = (self._low + self._high) / 2
        known = any(math.dist(middle, place) <= REACH for place in self._places)
        return known or last.time_seconds - self._begin >= LEAST_REST

    def _released(self, count: int, rests: bool) -> Iterator[Choice]:
        """Yield the first of the choices that are held."""
        for _ in range(count):
            choice = self._held.popleft()
            inside = rests and math.dist(choice.peak[:2], (self._low + self._high) / 2) <= REACH
            yield choice._replace(confidence=choice.confidence * LEFT) if inside else choice


def _is_past(choice: Choice, last: Choice) -> bool:
    """Return whether a choice comes too late to be of the run that ends with another."""
    return choice.time_seconds - last.time_seconds > MOST_GAP


def _follows(choice: Choice, last: Choice) -> bool:
    """Return whether a claim may be of the run that ends with another: a ball that is tossed begins slowly."""
    reach = MOST_STEP + MOST_SPEED * (choice.time_seconds - last.time_seconds)
    return math.dist(choice.peak[:2], last.peak[:2]) <= reach
