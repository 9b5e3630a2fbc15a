"""Sightings of a flight as one camera would have had them, though the camera turned, zoomed, or has a bent lens."""

from dataclasses import replace

import numpy as np

from ttcli.flights.views import View
from ttcli.table.camera import TableCamera, Tables
from ttcli.table.constants import TABLE_HEIGHT

SAME_PLACE = 0.05
"""Metres that a camera may seem to move within a flight; more is another camera."""


def camera_at(tables: Tables, begin: float, end: float) -> TableCamera | None:
    """Return the camera of the first moment of a flight at which the table is known; None where it never is."""
    for seconds in np.linspace(begin, end, 5):
        if (camera := tables(float(seconds))) is not None:
            return camera
    return None


def as_seen_by(camera: TableCamera, tables: Tables, times: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return pixels (N, 2) as a camera with a straight lens would see them.

    They are NaN where no table is known or another camera looks.

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
            shown[row] = other.straight(pixels[row])
        elif other is not None and np.linalg.norm(other.position - camera.position) < SAME_PLACE:
            ray = np.append((other.straight(pixels[row]) - other.centre) / other.focal, 1.0) @ other.rotation
            seen = camera.rotation @ ray
            if seen[2] > 1e-6:
                shown[row] = camera.centre + camera.focal * seen[:2] / seen[2]
    return shown


def view_of(camera: TableCamera) -> View:
    """Return a camera with a straight lens, and how sure it is: as it says itself, else by landmarks with the usual error."""
    straight = replace(camera, bend=0.0)
    covariance = View.usual_covariance(straight) if camera.covariance is None else camera.wider**2 * camera.covariance
    return View.of(straight, covariance)


def as_wide_as(view: View, size: float) -> View:
    """Return a view of the same picture, of a world `size` times as large around the middle of the table."""
    middle = np.array([0, 0, TABLE_HEIGHT])
    camera = replace(view.camera, position=(view.camera.position - middle) * size + middle)
    spread = view.spread.copy()
    spread[3:6] *= size
    return View(camera, spread)
