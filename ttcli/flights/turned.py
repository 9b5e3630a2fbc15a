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
    corners = camera.project(places)
    best, least = None, MOST_MISFIT * camera.width
    focals = _FOCALS * camera.width
    for _ in range(_CLOSER):
        found = [
            (_misfit(other, np.roll(places, 1, 0), corners), focal, other)
            for focal in focals
            if (other := _pose(camera, places, corners, focal))
        ]
        if not found:
            return best
        misfit, focal, other = min(found, key=lambda each: each[0])
        if misfit < least:
            best, least = other, misfit
        step = float(focals[1] / focals[0])
        focals = focal * np.geomspace(1 / step, step, 9)
    return best


def _misfit(camera: TableCamera, places: np.ndarray, corners: np.ndarray) -> float:
    return float(np.sqrt(((camera.project(places) - corners) ** 2).sum(1).mean()))


def _pose(camera: TableCamera, places: np.ndarray, corners: np.ndarray, focal: float) -> TableCamera | None:
    """Return the camera of a focal length that sees the corners turned by one."""
    matrix = np.array([[focal, 0, camera.centre[0]], [0, focal, camera.centre[1]], [0, 0, 1]])
    turned = np.roll(places, 1, 0)
    found, turn, shift = cv2.solvePnP(turned, corners, matrix, None, flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        return None
    turn, shift = cv2.solvePnPRefineLM(turned, corners, matrix, None, turn, shift)
    rotation, _ = cv2.Rodrigues(turn)
    position = -rotation.T @ shift[:, 0]
    if not np.isfinite(position).all() or position[2] < TABLE_HEIGHT or not (places @ rotation[2] + shift[2] > 0).all():
        return None
    return TableCamera(position, rotation, float(focal), camera.centre, camera.width)
