"""The other table that four corners may be of: seen from an end they may look as from a side through another lens."""

import cv2
import numpy as np

from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.constants import TABLE_HEIGHT

MOST_MISFIT = 3.0 / 1920
"""Picture widths, root mean square, that the corners may be off the other camera."""
_FOCALS = np.geomspace(0.3, 12.0, 60)
"""Picture widths."""
_CLOSER = 5


def turned_round(camera: TableCamera) -> TableCamera | None:
    """Return the camera that sees the same corners, but ends where the given one sees long sides; None where there is none."""
    places = landmarks()[0][[0, 2, 3, 1]]  # going around
    corners, turned = camera.project(places), np.roll(places, 1, 0)
    best, least = None, MOST_MISFIT * camera.width
    focals = _FOCALS * camera.width
    for _ in range(_CLOSER):
        tried = [(_camera_of_focal(turned, corners, float(focal), camera.centre, camera.width), focal) for focal in focals]
        found = [(np.sqrt(square), focal, other) for (other, square), focal in tried if other is not None]
        if not found:
            return best
        misfit, focal, other = min(found, key=lambda each: each[0])
        if misfit < least:
            best, least = other, misfit
        step = float(focals[1] / focals[0])
        focals = focal * np.geomspace(1 / step, step, 9)
    return best


def _camera_of_focal(
    places: np.ndarray, seen: np.ndarray, focal: float, centre: np.ndarray, width: int
) -> tuple[TableCamera | None, float]:
    """Return the camera of a focal length that sees four places nearest to pixels, and the mean square of its errors.

    Args:
        places: (4, 3) metres.
        seen: (4, 2) pixels.
        focal: Pixels.
        centre: (2,) where the camera's axis meets the picture, pixels.
        width: Of the picture, pixels.

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
