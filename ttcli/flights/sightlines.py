"""Sightings of a flight as one camera would have had them, though the camera turned, zoomed, or has a bent lens."""

import numpy as np

from ttcli.flights.views import View
from ttcli.table.camera import TableCamera, Tables

SAME_PLACE = 0.05
"""Metres that a camera may seem to move within a flight; more is another camera."""


def camera_at(tables: Tables, begin: float, end: float) -> TableCamera | None:
    """Return the camera of the first moment of a flight at which the table is known; None where it never is."""
    for seconds in np.linspace(begin, end, 5):
        if (camera := tables(float(seconds))) is not None:
            return camera
    return None


def as_seen_by(camera: TableCamera, tables: Tables, times: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return pixels (N, 2) as a camera would have seen them, NaN where the table is not known or another camera looks.

    Args:
        camera: Whose pixels are wanted.
        tables: How the table was seen.
        times: (N,) seconds.
        pixels: (N, 2).
    """
    shown = np.full(pixels.shape, np.nan)
    for row, seconds in enumerate(times):
        other = tables(float(seconds))
        if other is camera:
            shown[row] = pixels[row]
        elif other is not None and np.linalg.norm(other.position - camera.position) < SAME_PLACE:
            ray = np.append((pixels[row] - other.centre) / other.focal, 1.0) @ other.rotation
            seen = camera.rotation @ ray
            if seen[2] > 1e-6:
                shown[row] = camera.centre + camera.focal * seen[:2] / seen[2]
    return shown


def view_of(camera: TableCamera) -> View:
    """Return a camera with how sure it is: as it says itself, else as landmarks seen with the usual error make it."""
    covariance = getattr(camera, "covariance", None)
    return View.of(camera, covariance if covariance is not None else View.usual_covariance(camera))
