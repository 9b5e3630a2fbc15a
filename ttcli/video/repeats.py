"""Repeated pictures, as re-encoding from a lower frame rate leaves them: two of five frames, every second, one in six.

A repeat is not the same to the bit, for the encoder goes on mending it, and a real frame may differ from the one before by
nothing but a small ball that moved by a pixel. Measured on real and simulated clips at some 512x288, 3x3 means of
the difference of grays reach 60 and more where people play, 22 where only a ball of 3 pixels moves in slow motion, 2 to 7
where nothing moves before a noisy camera; 2 to 8 in repeats at usual quality, and 50 at the worst. So a repeat is told
by the company it is in: quiet in peak and mean, with louder frames on both sides. Where that is not certain, the frame
counts as a picture of its own: to miss a repeat costs less than to lose a frame.
"""

from typing import NamedTuple

import cv2
import numpy as np

LOUD = 12.0
"""Gray levels, as a mean over 3x3 pixels, above which a difference is no repeat, whatever lies around it."""
SAME = 0.5
"""The same, up to which two pictures are the same, whatever lies around them."""
PEAK_SHARE = 0.3
"""Largest peak of a repeat's difference, as a share of that of the louder frames on both sides."""
MEAN_SHARE = 0.35
"""The same of its mean: noise of the camera is as strong in a quiet frame as in a loud one, and a repeat has none."""
LONGEST_RUN = 9
"""Repeats in a row, as 24 pictures a second become 240. In a longer run nothing moves, which says nothing."""


class Change(NamedTuple):
    """How two pictures differ."""

    peak: float
    """Largest mean over 3x3 pixels, in gray levels."""
    mean: float
    """In gray levels."""


class RepeatFinder:
    """Tells of each picture whether it repeats the one before, up to LONGEST_RUN pictures later.

    Whether the last picture was a repeat is not known yet when the next one comes, so each is compared with the last
    loud one: what creeps away from it becomes loud itself.
    """

    def __init__(self) -> None:
        self._loud: np.ndarray | None = None
        self._before: Change | None = None  # of the last loud picture
        self._run: list[Change] = []  # of the quiet ones since

    def add(self, gray: np.ndarray) -> list[bool]:
        """Take the next picture, (H, W) uint8, and return the decisions on the oldest ones that are ready now."""
        if self._loud is None:
            self._loud = gray
            return [False]
        change = measure_change(self._loud, gray)
        if change.peak > LOUD:
            decisions = [*self._judge_run(change), False]
            self._loud, self._before = gray, change
            return decisions
        self._run.append(change)
        if len(self._run) <= LONGEST_RUN:
            return []
        # the last of them is a picture of its own in any case, so that nobody waits for the end of a still
        decisions = [*(each.peak <= SAME for each in self._run[:-1]), False]
        self._loud, self._before, self._run = gray, change, []
        return decisions

    def finish(self) -> list[bool]:
        """Return the decisions on the last pictures."""
        decisions = [each.peak <= SAME for each in self._run]
        self._run = []
        return decisions

    def _judge_run(self, after: Change) -> list[bool]:
        """Return which of the quiet pictures before a loud one are repeats."""
        before = self._before or after
        peak = PEAK_SHARE * min(before.peak, after.peak)
        mean = MEAN_SHARE * min(before.mean, after.mean)
        decisions = [each.peak <= SAME or (each.peak <= peak and each.mean <= mean) for each in self._run]
        self._run = []
        return decisions


def measure_change(before: np.ndarray, after: np.ndarray) -> Change:
    """Return how two gray pictures, (H, W) uint8, differ."""
    if before.shape != after.shape:
        return Change(255.0, 255.0)
    difference = cv2.subtract(after, before, dtype=cv2.CV_16S)
    sums = cv2.boxFilter(difference, -1, (3, 3), normalize=False)
    return Change(cv2.norm(sums, cv2.NORM_INF) / 9, cv2.norm(before, after, cv2.NORM_L1) / before.size)
