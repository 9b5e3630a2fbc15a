"""Where one shot ends and another begins.

Measured on pictures reduced to 32x18 cells, gray, their own mean taken off. Neighbouring frames of one shot differ
by 2.7 at most and correlate by 0.98 at least, with a camera that pans and zooms and with play in front of the lens.
Frames of different shots differ by 24 and more and correlate by 0.68 at most. The bounds lie between. A pan is loud
for many frames, so a cut must stand out; a flash and a damaged frame go back to what was before, so a cut must
last. A dissolve is no cut of this kind: `dissolves` finds its end.
"""

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.video.dissolves import DissolveFinder

CELLS_HIGH, CELLS_WIDE = 18, 32
LEAST_DIFFERENCE = 7.0
"""Mean difference of a cut, in gray levels."""
MOST_CORRELATION = 0.93
LEAST_PROMINENCE = 2.5
"""How many times as large as those around it the difference of a cut is."""
AROUND = 3
"""Frames before and after a cut that are looked at. Later frames must be seen first, so decisions are that late."""


class Contrast(NamedTuple):
    """How two reduced pictures differ."""

    difference: float
    correlation: float

    @property
    def of_two_shots(self) -> bool:
        """Whether two neighbours of one shot would not differ like this."""
        return self.difference >= LEAST_DIFFERENCE and self.correlation <= MOST_CORRELATION


class CutFinder:
    """Tells of each picture whether a shot begins with it, AROUND pictures later: after a cut, or at a dissolve's end."""

    def __init__(self) -> None:
        self._cells: deque[np.ndarray] = deque(maxlen=AROUND + 2)  # up to the newest
        self._changes: deque[Contrast] = deque(maxlen=2 * AROUND + 1)  # of each to the one before, up to the newest
        self._dissolves = DissolveFinder(AROUND, _differ)
        self._undecided = 0

    def add(self, gray: np.ndarray) -> list[bool]:
        """Take the next picture, (H, W) uint8, and return the decision on the oldest one that is ready now, if any."""
        cells = _reduce(gray)
        self._changes.append(contrast(self._cells[-1], cells) if self._cells else Contrast(0.0, 1.0))
        self._cells.append(cells)
        self._dissolves.add(cells)
        self._undecided += 1
        if self._undecided <= AROUND:
            return []
        self._undecided -= 1
        return [self._begins_shot(AROUND)]

    def finish(self) -> list[bool]:
        """Return the decisions on the last pictures."""
        decisions = [self._begins_shot(later) for later in range(self._undecided - 1, -1, -1)]
        self._undecided = 0
        return decisions

    def _begins_shot(self, later: int) -> bool:
        """Decide on the picture that `later` ones have followed, and note it."""
        begins = self._is_cut(later) or self._dissolves.has_ended(later)
        if begins:
            self._dissolves.begin()
        return begins

    def _is_cut(self, later: int) -> bool:
        """Return whether a cut is before the picture that `later` ones have followed."""
        place = len(self._changes) - 1 - later
        change = self._changes[place]
        if not change.of_two_shots:
            return False
        around = [other.difference for index, other in enumerate(self._changes) if 0 < abs(index - place) <= AROUND]
        if change.difference < LEAST_PROMINENCE * max(around, default=0.0):
            return False
        before = self._cells[len(self._cells) - 2 - later]
        return contrast(before, self._cells[-1]).of_two_shots


def _differ(before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether two reduced pictures are of two shots, most often by their difference alone."""
    return float(np.abs(after - before).mean()) >= LEAST_DIFFERENCE and contrast(before, after).of_two_shots


def contrast(before: np.ndarray, after: np.ndarray) -> Contrast:
    """Return how two pictures differ that `_reduce` gave."""
    product = float(np.sqrt((before**2).sum() * (after**2).sum()))
    correlation = float((before * after).sum()) / product if product else 0.0  # one of them is black, or white
    return Contrast(float(np.abs(after - before).mean()), correlation)


def _reduce(gray: np.ndarray) -> np.ndarray:
    """Return the mean gray of each cell, (CELLS_HIGH, CELLS_WIDE) float32, less the mean of all."""
    cells = cv2.resize(gray, (CELLS_WIDE, CELLS_HIGH), interpolation=cv2.INTER_AREA).astype(np.float32)
    return cells - cells.mean()
