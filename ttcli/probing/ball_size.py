"""How wide the ball is and how long the streak that it draws, measured where it was found."""

from typing import NamedTuple

import cv2
import numpy as np

REACH = 0.06
"""Half a crop's side, as a share of the picture's width: a streak of 150 px at full HD fits."""
NEAR = 0.008
"""How far from the ball's place its brightest pixel may lie, as a share of the picture's width."""
LEAST_CONTRAST = 15
"""Gray levels by which a ball stands out."""
WIDEST_SHARE = 0.04
"""Share of the picture's width: what is wider is no ball."""


BACKGROUND_FRAMES = (-4, -2, 0, 2, 4)
"""Frames around one whose median is what lies behind the ball."""


class BallSize(NamedTuple):
    """Size of the ball's picture in one frame, in pixels."""

    width: float
    length: float


def crop_box(x: float, y: float, height: int, width: int) -> tuple[slice, slice]:
    """Return rows and columns of the crop around a place in a picture of `height` x `width`."""
    reach = max(8, round(REACH * width))
    top, left = max(0, round(y) - reach), max(0, round(x) - reach)
    return slice(top, min(height, round(y) + reach + 1)), slice(left, min(width, round(x) + reach + 1))


def measure_ball(crops: list[np.ndarray], middle: int, x: float, y: float, picture_width: int) -> BallSize | None:
    """Return the size of the ball in one of several crops of the same place; None where it does not stand out.

    Args:
        crops: Gray crops, (H, W) uint8, of frames in a row: what is in most of them is the background.
        middle: Which of them to measure.
        x: The ball's place in the crop.
        y: The same.
        picture_width: Width of the whole picture.
    """
    stack = np.stack(crops).astype(np.int16)
    difference = np.abs(stack[middle] - np.median(stack, axis=0)).astype(np.float32)
    near = max(3, round(NEAR * picture_width))
    top, left = max(0, round(y) - near), max(0, round(x) - near)
    around = difference[top : round(y) + near + 1, left : round(x) + near + 1]
    if around.size == 0 or around.max() < LEAST_CONTRAST:
        return None
    row, column = np.unravel_index(int(around.argmax()), around.shape)
    # halfway between the ball and what is behind it lies the edge
    _, labels = cv2.connectedComponents((difference > around.max() / 2).astype(np.uint8))
    rows, columns = np.nonzero(labels == labels[top + row, left + column])
    height, width = difference.shape
    if min(rows.min(), columns.min(), height - 1 - rows.max(), width - 1 - columns.max()) == 0:
        return None  # it leaves the crop: a player
    _, sides, _ = cv2.minAreaRect(np.stack([columns, rows], axis=1).astype(np.int32))
    size = BallSize(min(sides) + 1, max(sides) + 1)
    return size if size.width <= WIDEST_SHARE * picture_width else None
