"""When a camera looks down on the table: there a bounce is no lowest point of the path, and a network of its own knows it.

Seen from the side, a bounce is the lowest point of a path. Seen from above it is a slight bend, as a stroke or an error
of positions may be.
"""

from itertools import pairwise

import numpy as np

from ttcli.table.camera import TableCamera, Tables
from ttcli.table.constants import TABLE_HEIGHT

STEEP = 0.8
"""Sine of the angle at which a camera looks down on the table, from which on it sees it from above: 53 degrees."""


def sees_from_above(camera: TableCamera) -> bool:
    """Return whether a camera looks down on the table so steeply that bounces are no lowest points."""
    towards = np.array([0, 0, TABLE_HEIGHT]) - camera.position
    return bool(-towards[2] > STEEP * np.linalg.norm(towards))


def steps_from_above(tables: Tables, times: np.ndarray) -> np.ndarray:
    """Return which steps (S,) are of runs that a camera sees from above, by their times (S,), NaN between runs."""
    above = np.zeros(len(times), bool)
    gaps = np.flatnonzero(~np.isfinite(times))
    for before, after in pairwise([-1, *gaps.tolist(), len(times)]):
        run = slice(before + 1, after)
        if after > before + 1:
            camera = tables(float(times[(before + after) // 2]))
            above[run] = camera is not None and sees_from_above(camera)
    return above
