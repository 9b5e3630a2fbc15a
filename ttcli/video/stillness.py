"""Points of a picture that can be followed, and whether the camera stands still, by where they are later."""

import cv2
import numpy as np

MOST_POINTS, POINT_QUALITY, POINT_DISTANCE = 600, 0.001, 7
SQUARE, OF_A_SQUARE = 24, 2
"""Pixels of squares that a picture is cut into, and points that are followed in each of them. The clearest points are
often all on a caption, which stands still while the camera turns."""
STILL = ((0.1, 0.9), (0.3, 0.7), (0.75, 0.7))
"""Pixels within which a point stands still, of a picture 288 wide. Beside each: how many such points there are at the
least, as a share of those that lie as near to where the motion takes them.

In a dim hall most of what can be followed is noise or on players: a still camera would seem to drift. But nothing
moves as exactly as what stands still. In a pan captions stand still, which are few.
"""


def points_of_all_parts(gray: np.ndarray) -> np.ndarray:
    """Return the points (N, 1, 2) that can be followed best in a picture (h, w), a few in each of its parts."""
    clearest_first = cv2.goodFeaturesToTrack(gray, MOST_POINTS, POINT_QUALITY, POINT_DISTANCE)
    if clearest_first is None:
        return np.empty((0, 1, 2), np.float32)
    square = (clearest_first[:, 0] // SQUARE).astype(int) @ [1, gray.shape[1]]
    order = np.argsort(square, kind="stable")
    begin = np.searchsorted(square[order], square[order])
    return clearest_first[np.sort(order[np.arange(len(order)) - begin < OF_A_SQUARE])]


def stands_still(points: np.ndarray, followed: np.ndarray, motion: np.ndarray) -> bool:
    """Return whether points were followed to where they are about as often as to where a motion takes them.

    Args:
        points: (N, 1, 2) of one picture.
        followed: (N, 1, 2) where they are in the other one.
        motion: (2, 3) that most of them agree on.
    """
    rest = np.linalg.norm(followed - points, axis=2)
    moved = np.linalg.norm(followed - cv2.transform(points, motion), axis=2)
    return all((rest < near).sum() >= share * (moved < near).sum() for near, share in STILL)
