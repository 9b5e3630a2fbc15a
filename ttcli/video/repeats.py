"""Repeated pictures, as re-encoding from a lower frame rate leaves them: two of five frames, every second, one in six.

A repeat is not the same to the bit, for the encoder goes on mending it. A real frame may differ from the one before by
nothing but a small ball that moved by a pixel. Measured on real and simulated clips at some 512x288, 3x3 means of the
difference of grays reach 60 and more where people play. They reach 22 where only a ball of 3 pixels moves in slow
motion, and 2 to 7 where nothing moves in front of a noisy camera. Repeats reach 2 to 17 at usual quality, and 50 at the
worst. So a repeat shows by the company it is in: quiet, with louder frames on both sides. Where that is not certain,
the frame counts as a
picture of its own: to miss a repeat costs less than to lose a frame. docs/VIDEOS.md says how often both happen.
"""

from typing import NamedTuple

import cv2
import numpy as np

LOUD = 16.0
"""Peak, in gray levels, above which a difference is no repeat, whatever lies around it."""
SAME = 0.5
"""Peak up to which two pictures are the same, whatever lies around them."""
PEAK_SHARE, SPREAD_SHARE, MEAN_SHARE = 0.3, 0.4, 0.6
"""Largest peak, spread and mean of a repeat's difference, as shares of the same in the louder frames on both sides.
The mean
tells a repeat from a frame in which nothing moves: there the noise of the camera is as strong as anywhere."""
CODEC_MEAN = 0.12
"""Mean, in gray levels, that an encoder may add to a repeat however little moves around it."""
STRIP = 48
"""Rows that are looked at together for something loud."""
LONGEST_RUN = 9
"""Repeats in a row, as 24 pictures a second become 240. In a longer run nothing moves, which says nothing."""


class Change(NamedTuple):
    """How two gray pictures differ, in gray levels."""

    peak: float
    """Largest mean of the difference over 3x3 pixels, which leaves out the noise of single ones."""
    spread: float
    """Root of the mean square of these means."""
    mean: float
    """Mean of the difference of single pixels, without sign."""


class RepeatFinder:
    """Tells of each picture whether it repeats the one before, up to LONGEST_RUN pictures later.

    Whether the last picture was a repeat is not known yet when the next one comes, so each is compared with the last
    loud one: what creeps away from it becomes loud itself. How loud a loud one is matters beside quiet ones only, and
    is measured only there.
    """

    def __init__(self) -> None:
        self._loud: np.ndarray | None = None  # the last loud picture
        self._loud_before: np.ndarray | None = None  # the one before it
        self._before: Change | None = None  # from that to the last one; None where it is not measured
        self._run: list[Change] = []  # of the quiet ones since
        self._work: list[np.ndarray] = []

    def add(self, gray: np.ndarray) -> list[bool]:
        """Take the next picture, (H, W) uint8, and return the decisions on the oldest ones that are ready now."""
        if self._loud is None:
            self._loud = gray
            self._work = [np.empty(gray.shape, np.int16) for _ in range(2)]
            return [False]
        if not self._run and is_surely_loud(self._loud, gray, self._work):
            self._loud_before, self._loud, self._before = self._loud, gray, None
            return [False]
        change = measure_change(self._loud, gray, self._work)
        if change.peak > LOUD:
            decisions = [*self._judge_run(self._loud, change), False]
            self._loud_before, self._loud, self._before = self._loud, gray, change
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

    def _judge_run(self, loud: np.ndarray, after: Change) -> list[bool]:
        """Return which of the quiet pictures between the last loud one and the next are repeats, by the change to the next."""
        before = self._before
        if before is None and self._loud_before is not None:
            before = measure_change(self._loud_before, loud, self._work)
        before = before or after
        peak, spread, mean = (min(pair) for pair in zip(before, after, strict=True))
        decisions = [
            each.peak <= SAME
            or (
                each.peak <= PEAK_SHARE * peak
                and each.spread <= SPREAD_SHARE * spread
                and each.mean <= max(MEAN_SHARE * mean, CODEC_MEAN)
            )
            for each in self._run
        ]
        self._run = []
        return decisions


def is_surely_loud(before: np.ndarray, after: np.ndarray, work: list[np.ndarray]) -> bool:
    """Return True where one of some strips is loud, looked at from the middle on, where people play; as a rule soon.

    Args:
        before: One picture.
        after: The other.
        work: As for `measure_change`.
    """
    height = len(before)
    for top in sorted(range(0, height, STRIP), key=lambda row: abs(2 * row + STRIP - height)):
        strip = slice(top, top + STRIP)
        np.subtract(after[strip], before[strip], out=work[0][strip], dtype=np.int16)
        cv2.boxFilter(work[0][strip], -1, (3, 3), work[1][strip], normalize=False)
        if cv2.norm(work[1][strip], cv2.NORM_INF) > 9 * LOUD:
            return True
    return False


def measure_change(before: np.ndarray, after: np.ndarray, work: list[np.ndarray] | None = None) -> Change:
    """Return how two gray pictures, (H, W) uint8 of one size, differ.

    Args:
        before: One picture.
        after: The other.
        work: Two int16 arrays of their size to write over: fresh memory costs as much time as the work.
    """
    difference, sums = work or (np.empty(before.shape, np.int16), np.empty(before.shape, np.int16))
    np.subtract(after, before, out=difference, dtype=np.int16)
    cv2.boxFilter(difference, -1, (3, 3), sums, normalize=False)
    return Change(
        cv2.norm(sums, cv2.NORM_INF) / 9,
        cv2.norm(sums, cv2.NORM_L2) / 9 / before.size**0.5,
        cv2.norm(before, after, cv2.NORM_L1) / before.size,
    )
