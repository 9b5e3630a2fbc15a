"""How the picture moves while a camera pans, zooms or shakes: from points that mostly agree.

Each picture is compared with one that stands for many, not with the one before, so that small errors do not add up.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ttcli.table.camera import TableCamera, landmarks, outlines
from ttcli.video.stillness import points_of_all_parts, stands_still

SIZE = 288 * 162
"""Pixels of the pictures that are compared, about."""
LEAST_POINTS, LEAST_SHARE = 16, 0.4
"""Points that must agree on a motion, and their share of those tracked; the rest are players."""
AGREEMENT = 0.8
"""Pixels of the compared pictures within which a point agrees."""
THERE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
MOST_OFF = 0.05
"""Picture widths that the picture's middle seems to have moved at most, where the camera may stand as it did at first."""
KEPT_SHARE, KEPT_SHIFT = 0.55, 0.2
"""A new picture is compared with once fewer points of the old one agree, or it moved by a larger part of its width."""
LARGEST_ZOOM = 1.6
"""Factor from the picture that is compared with beyond which it is an error."""


SAME_LEVELS, MOST_CHANGED = 12, 0.15
"""Levels of 255 by which a pixel may differ and be the same, and the share of pixels that differ where only people move."""
MOST_REST, MUCH_BETTER = 1.5, 0.6
"""A picture is the first one again if it differs from it by so many levels in the mean, or by so much less than the
moved one does. While a camera goes by where it began, both differ as much."""


class _Compared(NamedTuple):
    """A picture that others are compared with."""

    gray: np.ndarray
    """(h, w)."""
    points: np.ndarray
    """(N, 1, 2) that are followed."""
    seen: np.ndarray
    """(3, 3) from the first picture's pixels to its own."""


class MotionTracker:
    """Tells how pictures of a shot lie relative to its first one.

    Args:
        height: Height of the video's picture, in whose pixels motions are.
        width: Its width.
    """

    def __init__(self, height: int, width: int) -> None:
        scale = (SIZE / (height * width)) ** 0.5
        self._size = max(16, round(width * scale)), max(16, round(height * scale))
        ratio = width / self._size[0], height / self._size[1]
        # Pixel centres are whole numbers.
        self._enlarge = np.array([[ratio[0], 0, (ratio[0] - 1) / 2], [0, ratio[1], (ratio[1] - 1) / 2], [0, 0, 1.0]])
        self.begin()

    def begin(self) -> None:
        """Forget what was seen: another shot follows."""
        self._first: np.ndarray | None = None  # gray
        self._compared: _Compared | None = None
        self._last: np.ndarray | None = None  # gray, of the picture that `_seen` is of
        self._seen, self._known_better = np.eye(3), np.eye(3)  # by points, and what is known besides of the first picture

    def add(self, picture: np.ndarray) -> np.ndarray | None:
        """Return the map (3, 3) from the pixels of the first picture to this one; None where it is lost."""
        gray = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), self._size, interpolation=cv2.INTER_AREA)
        if self._first is None or self._compared is None:
            self._first = self._last = gray
            self._compare_with(gray)
            return self._in_video()
        compared = self._compared
        found = self._follow(compared, gray)
        if found is None and self._last is not None and self._last is not compared.gray:
            compared = self._compare_with(self._last)  # less has changed since
            found = self._follow(compared, gray)
        if found is None:
            if not _unchanged(compared.gray, gray):
                return None
            found = np.eye(3), len(compared.points)  # a bare hall has few points, but it stands still
        step, agree = found
        self._last, self._seen = gray, step @ compared.seen
        if self._is_back(self._first, gray):
            self._seen, self._known_better = np.eye(3), np.eye(3)
        if agree < KEPT_SHARE * len(compared.points) or np.abs(step[:2, 2]).max() > KEPT_SHIFT * self._size[0]:
            self._compare_with(gray)
        return self._in_video()

    def correct(self, motion: np.ndarray) -> None:
        """Take the last picture to lie where a map (3, 3) from the first one's pixels leads, for it is known better."""
        self._known_better = np.linalg.inv(self._seen) @ np.linalg.inv(self._enlarge) @ motion @ self._enlarge

    def _is_back(self, first: np.ndarray, gray: np.ndarray) -> bool:
        """Return whether a camera that seemed to have moved a little shows what it did at first."""
        middle = np.array(self._size) / 2
        off = np.abs(self._seen[:2] @ [*middle, 1] - middle).max()
        if not 0 < off < MOST_OFF * self._size[0]:
            return False
        first, now = cv2.blur(first, (3, 3)), cv2.blur(gray, (3, 3))
        moved = cv2.warpAffine(now, self._seen[:2], self._size, flags=THERE)
        inside = cv2.warpAffine(np.full_like(now, 255), self._seen[:2], self._size, flags=THERE) == 255
        rest, other = (np.minimum(cv2.absdiff(first, each)[inside], SAME_LEVELS).mean() for each in (now, moved))
        return bool(rest <= (other if rest <= MOST_REST else MUCH_BETTER * other))

    def _follow(self, compared: _Compared, gray: np.ndarray) -> tuple[np.ndarray, int] | None:
        """Return how a picture lies to an earlier one, and how many points say so; None where it is not clear."""
        return _similarity(compared.gray, gray, compared.points, self._seen @ np.linalg.inv(compared.seen))

    def _compare_with(self, gray: np.ndarray) -> _Compared:
        self._compared = _Compared(gray, points_of_all_parts(gray), self._seen.copy())
        return self._compared

    def _in_video(self) -> np.ndarray:
        return self._enlarge @ self._seen @ self._known_better @ np.linalg.inv(self._enlarge)


def _unchanged(before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether most of two pictures (h, w) is the same; of black ones nobody can tell."""
    return float(after.std()) > SAME_LEVELS and float((cv2.absdiff(before, after) > SAME_LEVELS).mean()) < MOST_CHANGED


def _similarity(before: np.ndarray, after: np.ndarray, points: np.ndarray, guess: np.ndarray) -> tuple[np.ndarray, int] | None:
    """Return the map (3, 3) from pixels of `before` to those of `after` that most points agree on, and how many do.

    Points are tracked by Lucas and Kanade, and agree on a shift, a turn and a zoom (RANSAC). None where it is not clear.
    """
    if len(points) < LEAST_POINTS:
        return None
    begin = cv2.transform(points, guess[:2]).astype(np.float32)
    tracked, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, begin, winSize=(13, 13), maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    found = found[:, 0] == 1
    if found.sum() < LEAST_POINTS:
        return None
    part, agree = cv2.estimateAffinePartial2D(points[found], tracked[found], ransacReprojThreshold=AGREEMENT)
    if part is None or agree.sum() < max(LEAST_POINTS, LEAST_SHARE * found.sum()):
        return None
    zoom = float(np.sqrt(abs(np.linalg.det(part[:, :2]))))
    if not 1 / LARGEST_ZOOM < zoom < LARGEST_ZOOM:
        return None
    if stands_still(points[found], tracked[found], part):
        return np.eye(3), int(agree.sum())
    return np.vstack([part, [0, 0, 1]]), int(agree.sum())


def farthest_corner(one: np.ndarray, other: np.ndarray, height: int, width: int) -> float:
    """Return how far apart two motions (3, 3) take the corners of a picture at most, pixels."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    return float(np.linalg.norm(corners @ (one - other)[:2].T, axis=1).max())


def similarity_between(before: TableCamera, after: TableCamera, most_off: float) -> np.ndarray | None:
    """Return the similarity (3, 3) that takes what one camera shows of the table to what the other shows, by least squares.

    None where a corner would be off by more than `most_off` pixels. By half a turn the table is the same.
    """
    places = np.concatenate([landmarks()[0], outlines()["top"][0]])
    for turn in (1.0, -1.0):
        here, there = before.project(places), after.project(places * [turn, turn, 1])
        middle, moved = here.mean(0), there.mean(0)
        one, other = ((part @ [1, 1j]) for part in (here - middle, there - moved))
        factor = (np.conj(one) @ other) / (np.conj(one) @ one)
        linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
        off = np.linalg.norm((here - middle) @ linear.T + moved - there, axis=1)[:4].max()
        if off <= most_off:
            return np.vstack([np.column_stack([linear, moved - linear @ middle]), [0, 0, 1]])
    return None
