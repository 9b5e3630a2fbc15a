"""How the camera moves from picture to picture, and how windows look as if it stood still.

Under a pan every lamp and letter moves as a ball might. So the frames of a window are aligned to its middle one before
the network sees them, and its predictions are carried back to where each frame really was. Measured on the one real
clip whose camera pans and zooms: docs/EXPERIMENTS.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from ttcli.video.stillness import points_of_all_parts, stands_still

REDUCTION = 2
"""Pictures are looked at this many times smaller."""
LOOK_EVERY = 8
"""Pictures between two looks while the camera stands still, which it does in most videos."""
STILL_LOOKS = 2
"""Looks without motion, LOOK_EVERY pictures each, after which a camera that moved is taken to stand still."""
COMPARED = 2
"""Pictures that are compared with the same one while the camera moves. After one a slow pan is hardly longer than the
error; after many, a shift, a turn and a zoom are no longer all that differs."""
MOST_DRIFT = 8.0
"""Pixels that corners of the picture may seem to have moved since the look before, where the camera perhaps stands still."""
LEAST_MOTION = 0.6
"""Pixels that corners of the picture move between two looks for the camera to move; estimates err by a tenth."""
LEAST_POINTS, LEAST_SHARE = 16, 0.25
"""Points that must agree on a motion, and their share among those tracked; the rest are players."""
AGREEMENT = 0.75
"""Pixels of the reduced picture within which a point agrees."""
THERE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
"""How what lies where a map leads is fetched from there."""
LARGEST_STEP, LARGEST_ZOOM = 40.0, 1.1
"""Pixels and factor from one picture to the next beyond which it is no camera's motion, but an error."""


class Box(NamedTuple):
    """A part of a picture, in whole pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """Return that part of a picture (H, W, ...)."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(eq=False)
class _Look:
    """A picture that was looked at."""

    number: int
    """In the shot."""
    gray: np.ndarray
    """Reduced."""
    pose: np.ndarray
    """(3, 3) from its pixels to those of the first picture."""

    @cached_property
    def points(self) -> np.ndarray:
        """(N, 1, 2) that can be followed; looked for only in pictures that others are compared with."""
        return points_of_all_parts(self.gray)


class CameraTracker:
    """Tells where each picture of a shot lies relative to the first one.

    Args:
        height: Height of the pictures.
        width: Width of the pictures.
    """

    def __init__(self, height: int, width: int) -> None:
        self._size = height, width
        self.begin()

    def begin(self, first: int = 0) -> None:
        """Forget what was seen: another shot follows, that begins with frame `first` of the video."""
        self._rhythm = first
        self.poses: list[np.ndarray] = []
        """(3, 3) of each picture: from its pixels to those of the first one, as far as known so far."""
        self._first = 0  # number of the picture that poses[0] is of
        self._moving = False
        self._looked: _Look | None = None
        self._anchor: _Look | None = None  # the look before, of a camera that moves
        self._still = 0

    def add(self, picture: np.ndarray | None) -> None:
        """Take the next picture, (H, W, 3) uint8; None, a broken one, is taken to lie where the last one does."""
        number = self._first + len(self.poses)
        self.poses.append(self.poses[-1] if self.poses else np.eye(3))
        if picture is None:
            return
        before = self._looked
        if before is None:
            self._looked = self._look(number, picture)
            return
        since = number - before.number
        if self._moving:
            now = self._look(number, picture)
            step = _motion(_followed(before, now), *self._size)
            if step is not None:
                now.pose = self.poses[-1] = before.pose @ step
            self._looked = now if step is None or since >= COMPARED else before
            self._note_rest(now)
        elif (number + self._rhythm) % LOOK_EVERY == 0 or since >= LOOK_EVERY:
            now = self._looked = self._look(number, picture)
            followed = _followed(before, now)
            step = _motion(followed, *self._size)
            if step is not None and not _rests(followed) and self._corner_motion(step) > LEAST_MOTION:
                self._moving, self._still, self._anchor = True, 0, now
                self._spread(step, min(since, LOOK_EVERY))  # who asked where an older picture lies was told for good
                now.pose = self.poses[-1]

    def pose(self, number: int) -> np.ndarray:
        """Return the pose of a picture by its number in the shot."""
        return self.poses[number - self._first]

    def maps(self, numbers: Sequence[int], onto: int) -> list[np.ndarray] | None:
        """Return the maps (3, 3) from the pixels of some pictures to picture `onto`; None where the camera rests."""
        there = self.pose(onto)
        if all(self.pose(number) is there for number in numbers):
            return None
        back = np.linalg.inv(there)
        maps = [back @ self.pose(number) for number in numbers]
        return maps if any(self._corner_motion(each) > LEAST_MOTION for each in maps) else None

    def forget(self, number: int) -> None:
        """Let go of the pictures before that one."""
        count = max(0, min(number - self._first, len(self.poses) - 1))
        del self.poses[:count]
        self._first += count

    def _look(self, number: int, picture: np.ndarray) -> _Look:
        height, width = self._size
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        gray = cv2.resize(gray, (width // REDUCTION, height // REDUCTION), interpolation=cv2.INTER_AREA)
        return _Look(number, gray, self.poses[-1])

    def _note_rest(self, now: _Look) -> None:
        """Take the camera to stand still once it did for a while."""
        anchor = self._anchor
        if anchor is None:
            self._anchor = now
        elif now.number - anchor.number >= LOOK_EVERY:
            drift = self._corner_motion(np.linalg.inv(anchor.pose) @ now.pose)
            self._still = self._still + 1 if drift < MOST_DRIFT and _rests(_followed(anchor, now)) else 0
            self._anchor, self._moving = now, self._still < STILL_LOOKS

    def _spread(self, step: np.ndarray, count: int) -> None:
        """Spread a motion evenly over the last `count` pictures, which were taken to stand still."""
        start = self.poses[-1]
        for back in range(count):
            if back < len(self.poses):
                share = 1 - back / count
                self.poses[-1 - back] = start @ (np.eye(3) + share * (step - np.eye(3)))

    def _corner_motion(self, step: np.ndarray) -> float:
        """Return how far the corners of the picture move at most, in pixels."""
        return corner_motion(step, *self._size)


def corner_motion(step: np.ndarray, height: int, width: int) -> float:
    """Return how far a map (3, 3) moves the corners of a picture at most, in pixels."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    return float(np.linalg.norm(corners @ (step - np.eye(3)).T, axis=1).max())


class _Followed(NamedTuple):
    """Points that were found again in a later picture."""

    here: np.ndarray
    """(N, 1, 2)."""
    there: np.ndarray
    """(N, 1, 2) in the later one."""
    back: np.ndarray
    """(2, 3) the map from there to here that most agree on."""


def _followed(before: _Look, now: _Look) -> _Followed | None:
    """Follow the points of one picture to a later one (Lucas and Kanade); None where it is not clear.

    They agree on a shift, a turn and a zoom (RANSAC).
    """
    points = before.points
    if len(points) < LEAST_POINTS:
        return None
    there = np.empty_like(points)  # which is written; without a flag it says nothing of where to begin
    there, found, _ = cv2.calcOpticalFlowPyrLK(before.gray, now.gray, points, there, winSize=(15, 15), maxLevel=3)
    found = found[:, 0] == 1
    if found.sum() < LEAST_POINTS:
        return None
    part, agree = cv2.estimateAffinePartial2D(there[found], points[found], ransacReprojThreshold=AGREEMENT)
    if part is None or agree.sum() < max(LEAST_POINTS, LEAST_SHARE * found.sum()):
        return None
    return _Followed(points[found], there[found], part)


def _rests(followed: _Followed | None) -> bool:
    """Return whether the camera stood still; not where it is not clear."""
    return followed is not None and stands_still(followed.there, followed.here, followed.back)


def _motion(followed: _Followed | None, height: int, width: int) -> np.ndarray | None:
    """Return the map (3, 3) from the pixels of the later picture to those of the other; None where it is not clear."""
    if followed is None:
        return None
    step = np.vstack([followed.back, [0, 0, 1]])
    # Pixel centres are whole numbers: pixel x of the reduced picture has its centre at REDUCTION * x + shift.
    shift = (REDUCTION - 1) / 2
    enlarge = np.array([[REDUCTION, 0, shift], [0, REDUCTION, shift], [0, 0, 1]])
    step = enlarge @ step @ np.linalg.inv(enlarge)
    zoom = float(np.sqrt(abs(np.linalg.det(step[:2, :2]))))
    likely = corner_motion(step, height, width) <= LARGEST_STEP * 2 and 1 / LARGEST_ZOOM < zoom < LARGEST_ZOOM
    return step if likely else None


def align(pictures: Sequence[np.ndarray], maps: Sequence[np.ndarray], box: Box | None = None) -> list[np.ndarray]:
    """Return pictures (H, W, C) uint8 moved by maps (3, 3), from their own pixels to the picture they are aligned to.

    What comes from beyond a border repeats it.

    Args:
        pictures: The pictures.
        maps: Maps of each.
        box: The part of them that is wanted; None for all.
    """
    height, width, _ = pictures[0].shape
    box = box or Box(0, 0, width, height)
    to_box = np.array([[1.0, 0, -box.left], [0, 1, -box.top], [0, 0, 1]])
    return [
        box.of(picture)
        if corner_motion(each, height, width) < 1e-6
        else cv2.warpAffine(
            picture, (to_box @ each)[:2], (box.width, box.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for picture, each in zip(pictures, maps, strict=True)
    ]


def carry_back(probabilities: Tensor, offsets: Tensor, maps: Sequence[np.ndarray], stride: int) -> tuple[Tensor, Tensor]:
    """Return heatmaps (K, h, w) and offsets (K, 2, h, w) of aligned frames, carried back to where each really was.

    Args:
        probabilities: As the network predicts them for the aligned pictures, on the processor.
        offsets: From each cell to the ball, in cells.
        maps: Maps of the K frames (3, 3), as for `align`.
        stride: Pixels per cell; the first cell's centre lies at (stride - 1) / 2.
    """
    height, width = probabilities.shape[-2:]
    layers = torch.cat([probabilities[:, None], offsets], 1).permute(0, 2, 3, 1).contiguous().numpy()  # (K, h, w, 3)
    carried, turn = np.empty_like(layers), np.eye(3)
    for layer, each, out in zip(layers, maps, carried, strict=True):
        turn[1:, 1:] = np.linalg.inv(each)[:2, :2]  # of a step from a cell to the ball
        there = cv2.warpAffine(layer, _in_cells(each, stride), (width, height), flags=THERE, borderMode=cv2.BORDER_REPLICATE)
        cv2.transform(there, turn, dst=out)
        out[..., 0] *= carried_back(np.ones((height, width), np.float32), each, stride) > 0
    told = torch.from_numpy(carried).permute(0, 3, 1, 2)
    return told[:, 0], told[:, 1:]


def carried_back(layer: np.ndarray, each: np.ndarray, stride: int) -> np.ndarray:
    """Return cells (h, w) of a laid picture where they are in the frame that it was; 0 of what is not in them."""
    return cv2.warpAffine(layer, _in_cells(each, stride), layer.shape[::-1], flags=THERE)


def _in_cells(each: np.ndarray, stride: int) -> np.ndarray:
    """Return a map (3, 3) from pixels to pixels as one (2, 3) from cells to cells."""
    shift = (stride - 1) / 2
    to_pixels = np.array([[stride, 0, shift], [0, stride, shift], [0, 0, 1]])
    return (np.linalg.inv(to_pixels) @ each @ to_pixels)[:2]
