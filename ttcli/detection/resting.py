"""Runs of claims that hang where they are: no ball in play does.

A sign that flickers, the tip of a branch and a lamp look like a ball in frame after frame, and the decision over time
believes them more and more. A ball in the air cannot stay, for gravity pulls it down by 245 of its own widths per
second squared. Even around the top of a toss it moves 2 widths in a quarter of a second, and 8 in half a second. So a
run of claims that falls and rises by less, and moves little sideways, loses its confidence. A ball that is held and
then tossed is kept, for its run goes on from where it was held.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import takewhile

import numpy as np

from ttcli.detection.choices import CLAIM, Choice

HINT, NEAR = 0.05, 2.0
"""Confidence of choices that show for how long something is at the place of a run, and working pixels within which they
lie. A light that flashes is claimed for three frames and hinted at for nine."""
LEAST_REST = 0.25
"""Seconds: shorter runs are too short to tell."""
STAY, HIGHEST = 20.0, 10.0
"""A run that rests is less high than STAY working pixels per second squared times the square of its time, and than
HIGHEST working pixels. The path of a ball around its top is as high as an eighth of gravity times that square. For a
ball one pixel wide this is 30, and balls that are found are 2 to 8 pixels wide. A third is left to cameras that look
down. Three times as much takes real balls on broadcasts: docs/EXPERIMENTS.md."""
WIDEST = 12.0
"""Working pixels: what moves further sideways may roll, or fly by in slow motion."""
SAME_PLACE = 6.0
"""Working pixels: so far around the box of a run that rests lies what else is at rest, and from its middle a later run
at the same place."""
MOST_GAP = 0.4
"""Seconds without a claim over which a run goes on."""
MOST_SPEED, MOST_STEP = 300.0, 6.0
"""Pixels a second, and pixels beside them, by which a claim may lie from the last one of its run."""
LONGEST, MOST_HELD = 4.0, 1000
"""Seconds for which a run that rests is held back, and the most choices, for many frames may have one time."""
PLACES = 16
"""Places of a shot where something rested that are remembered: shorter runs at one of them rest too."""


def without_rests(choices: Iterable[Choice]) -> Iterator[Choice]:
    """Yield the choices of a shot, in order; those in runs that rest have little confidence.

    A choice is held back while its run may rest, for LONGEST seconds at most.

    Args:
        choices: One for each frame, in order.
    """
    watch = _Watch()
    for choice in choices:
        yield from watch.add(choice)
    yield from watch.finish()


class _Run:
    """Claims that follow each other, and the box around them.

    Args:
        claim: The first one.
        hinted: What was chosen shortly before it, latest last.
    """

    def __init__(self, claim: Choice, hinted: Iterable[Choice]) -> None:
        self.last = claim
        self._low = self._high = np.array(claim.peak[:2])
        self._begin = self._end = claim.time_seconds
        for choice in reversed(list(hinted)):
            if not self._is_hint(choice):
                break
            self._begin = choice.time_seconds

    @property
    def middle(self) -> np.ndarray:
        """Middle of the box around the claims, (2,)."""
        return (self._low + self._high) / 2

    @property
    def moves(self) -> bool:
        """Whether the box is so large that nothing at rest fills it."""
        width, height = self._high - self._low
        return bool(width > WIDEST or height > HIGHEST)

    @property
    def rests(self) -> bool:
        """Whether it stays where no ball in the air would."""
        seconds = self._end - self._begin
        _, height = self._high - self._low
        return not self.moves and bool(seconds >= LEAST_REST and height <= STAY * seconds**2)

    def holds(self, choice: Choice) -> bool:
        """Return whether a choice lies where the run is."""
        place = np.array(choice.peak[:2])
        return bool((place >= self._low - SAME_PLACE).all() and (place <= self._high + SAME_PLACE).all())

    def goes_on_at(self, time_seconds: float) -> bool:
        """Return whether a choice at that time may belong to the run."""
        return time_seconds - self.last.time_seconds <= MOST_GAP

    def reaches(self, claim: Choice) -> bool:
        """Return whether a claim may be the next one: a ball that is tossed begins slowly."""
        reach = MOST_STEP + MOST_SPEED * (claim.time_seconds - self.last.time_seconds)
        return math.dist(claim.peak[:2], self.last.peak[:2]) <= reach

    def add(self, claim: Choice) -> None:
        """Take the next claim."""
        self.last, self._end = claim, claim.time_seconds
        place = np.array(claim.peak[:2])
        self._low, self._high = np.minimum(self._low, place), np.maximum(self._high, place)

    def hint(self, choice: Choice) -> None:
        """Take what was chosen without being claimed."""
        if self._is_hint(choice):
            self._end = choice.time_seconds

    def _is_hint(self, choice: Choice) -> bool:
        return choice.confidence >= HINT and math.dist(choice.peak[:2], self.middle) <= NEAR


class _Watch:
    """Holds back the choices of a run until it is clear whether it moves."""

    def __init__(self) -> None:
        self._held: deque[Choice] = deque()
        self._places: deque[np.ndarray] = deque(maxlen=PLACES)
        self._recent: deque[Choice] = deque()  # the last ones that are no claims, LEAST_REST seconds of them
        self._run: _Run | None = None

    def add(self, choice: Choice) -> Iterator[Choice]:
        """Take the next choice and yield those that are decided."""
        claims = choice.confidence >= CLAIM
        if self._run and not (self._run.goes_on_at(choice.time_seconds) and (not claims or self._run.reaches(choice))):
            yield from self.finish()
        self._held.append(choice)
        if claims and self._run is None:
            self._run = _Run(choice, self._recent)
        elif claims and self._run:
            self._run.add(choice)
        elif self._run:
            self._run.hint(choice)
        self._note(choice, claims)
        if self._run is None or self._run.moves:
            yield from self._released(len(self._held))
            return
        latest = choice.time_seconds - LONGEST
        waited = sum(1 for _ in takewhile(lambda held: held.time_seconds < latest, self._held))
        yield from self._released(max(waited, len(self._held) - MOST_HELD), self._run if self._run.rests else None)

    def finish(self) -> Iterator[Choice]:
        """End the run and yield what is held."""
        run, self._run = self._run, None
        if run is not None and (run.rests or self._is_known(run)):
            self._places.append(run.middle)
            yield from self._released(len(self._held), run)
        else:
            yield from self._released(len(self._held))

    def _is_known(self, run: _Run) -> bool:
        """Return whether something rested where a run stays."""
        return not run.moves and any(math.dist(run.middle, place) <= SAME_PLACE for place in self._places)

    def _note(self, choice: Choice, claims: bool) -> None:
        """Remember what was chosen just now, from which a run may begin."""
        if claims:
            self._recent.clear()
            return
        self._recent.append(choice)
        while choice.time_seconds - self._recent[0].time_seconds > LEAST_REST or len(self._recent) > MOST_HELD:
            self._recent.popleft()

    def _released(self, count: int, rest: _Run | None = None) -> Iterator[Choice]:
        """Yield the first of the choices that are held; those at the place of a rest with little confidence."""
        for _ in range(count):
            choice = self._held.popleft()
            doubted = rest is not None and rest.holds(choice)
            yield choice.doubted() if doubted else choice
