"""Whether a camera stands still, by points of its picture that were followed."""

from collections.abc import Sequence

import cv2
import numpy as np

STILL = ((0.1, 0.9), (0.3, 0.5), (0.75, 0.5))
"""Pixels within which a point stands still, of a picture 288 wide. Beside each: how many such points there are at the
least, as a share of those that lie as near to where the motion takes them.

In a dim hall most of what can be followed is noise or on players: a still camera would seem to drift. But nothing
moves as exactly as what stands still. In a pan captions stand still, which are few.
"""


def stands_still(
    points: np.ndarray, followed: np.ndarray, motion: np.ndarray, nearness: Sequence[tuple[float, float]] = STILL
) -> bool:
    """Return whether points were followed to where they are about as often as to where a motion takes them.

    Args:
        points: (N, 1, 2) of one picture.
        followed: (N, 1, 2) where they are in the other one.
        motion: (2, 3) that most of them agree on.
        nearness: Pixels and shares, as STILL has them.
    """
    rest = np.linalg.norm(followed - points, axis=2)
    moved = np.linalg.norm(followed - cv2.transform(points, motion), axis=2)
    return all((rest < near).sum() >= share * (moved < near).sum() for near, share in nearness)
