"""The other table that four corners may be of: seen from an end they may look as from a side through another lens."""

import numpy as np

from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.corners import camera_of_focal

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
        tried = [(camera_of_focal(turned, corners, float(focal), camera.centre, camera.width), focal) for focal in focals]
        found = [(np.sqrt(square), focal, other) for (other, square), focal in tried if other is not None]
        if not found:
            return best
        misfit, focal, other = min(found, key=lambda each: each[0])
        if misfit < least:
            best, least = other, misfit
        step = float(focals[1] / focals[0])
        focals = focal * np.geomspace(1 / step, step, 9)
    return best
