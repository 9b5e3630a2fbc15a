"""From the four corners of a table, put by a person, to the camera that sees them there."""

import cv2
import numpy as np

from ttcli.table.camera import TableCamera
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

LEAST_AREA = 50.0
"""Least area of a table on the picture, pixels; corners that span less are a slip."""
FOCALS = np.geomspace(0.3, 8.0, 20)
"""Focal lengths that are tried, in picture widths; then ever closer to the best one."""
CLOSER = (0.06, 0.015, 0.004)
"""Shares of the best focal length by which others around it are tried."""


USUAL_FOCAL, FOCAL_SPREAD = 1.2, 0.6
"""Focal length of usual lenses, in picture widths, and how far logarithms of real ones are from its logarithm."""
HAND_PIXELS = 3.0
"""By which a person misses a corner, of a picture 1920 wide."""


def camera_from_corners(corners: np.ndarray, height: int, width: int, like: TableCamera | None = None) -> TableCamera | None:
    """Return the camera, its axis through the picture's middle, that sees the corners of the board nearest to given places.

    From the side and from far behind an end, four corners may look the same within what a hand misses them by. Then the
    side that `like` sees near is near, or without it the lens is the more usual one.

    Its y axis points to the picture's right, or upwards where the table stands upright on it, as in all views of a table.

    Args:
        corners: Pixels (4, 2) in turn around the board, the first two nearer to the camera.
        height: Height of the picture, pixels.
        width: Width of the picture.
        like: How the same table was seen, about; None where nobody knows.

    Returns:
        The camera; None where the corners are no outline of a table.
    """
    outline = np.asarray(corners, np.float32)
    if not cv2.isContourConvex(outline) or cv2.contourArea(outline) < LEAST_AREA:
        return None
    across, along = TABLE_WIDTH / 2, TABLE_LENGTH / 2
    board = np.array([(-across, -along), (across, -along), (across, along), (-across, along)])
    best, least = None, np.inf
    for turn in range(4):  # any of the four sides may be the near one
        places = np.column_stack([np.roll(board, turn, axis=0), np.full(4, TABLE_HEIGHT)])
        camera, error = _nearest(places, np.asarray(corners, float), height, width)
        if (
            camera is None
            or not _points_right_or_up(camera)
            or (like is not None and _short_is_near(camera) != _short_is_near(like))
        ):
            continue
        cost = 2 * error / (HAND_PIXELS * width / 1920) ** 2
        cost += (np.log(camera.focal / width / USUAL_FOCAL) / FOCAL_SPREAD) ** 2 / 2
        if cost < least:
            best, least = camera, cost
    return best


def _nearest(places: np.ndarray, seen: np.ndarray, height: int, width: int) -> tuple[TableCamera | None, float]:
    """Return the camera that sees places (4, 3) nearest to pixels (4, 2), and the mean square of its errors."""
    best: TableCamera | None = None
    least, focals = np.inf, FOCALS * width
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    for share in (*CLOSER, 0.0):
        for focal in focals:
            camera, error = camera_of_focal(places, seen, float(focal), centre, width)
            if error < least:
                best, least = camera, error
        if best is None:
            break
        focals = best.focal * (1 + share * np.linspace(-2, 2, 5))
    return best, least


def camera_of_focal(
    places: np.ndarray, seen: np.ndarray, focal: float, centre: np.ndarray, width: int
) -> tuple[TableCamera | None, float]:
    """Return the camera of a focal length that sees four places nearest to pixels, and the mean square of its errors.

    Args:
        places: (4, 3) metres.
        seen: (4, 2) pixels.
        focal: Pixels.
        centre: (2,) where the camera's axis meets the picture, pixels.
        width: Width of the picture, pixels.

    Returns:
        None and infinity where it would stand under the table, or see a place behind it.
    """
    matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    found, turn, shift = cv2.solvePnP(places, seen, matrix, None, flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        return None, np.inf
    turn, shift = cv2.solvePnPRefineLM(places, seen, matrix, None, turn, shift)
    rotation, _ = cv2.Rodrigues(turn)
    position = -rotation.T @ shift[:, 0]
    if not np.isfinite(position).all() or position[2] < TABLE_HEIGHT or not (places @ rotation[2] + shift[2] > 0).all():
        return None, np.inf
    camera = TableCamera(position, rotation, focal, centre, width)
    return camera, float(((camera.project(places) - seen) ** 2).sum(1).mean())


def _short_is_near(camera: TableCamera) -> bool:
    """Return whether a short side of the board is lower on the picture than its long ones."""
    ends = np.array([(0, side * TABLE_LENGTH / 2, TABLE_HEIGHT) for side in (-1, 1)])
    sides = np.array([(side * TABLE_WIDTH / 2, 0, TABLE_HEIGHT) for side in (-1, 1)])
    return bool(camera.project(ends)[:, 1].max() > camera.project(sides)[:, 1].max())


def _points_right_or_up(camera: TableCamera) -> bool:
    there, here = camera.project(np.array([[0, TABLE_LENGTH / 2, TABLE_HEIGHT], [0, -TABLE_LENGTH / 2, TABLE_HEIGHT]]))
    right, down = there - here
    return bool(right > 0 if abs(right) > abs(down) else down < 0)
