"""A table that somebody tells by its corners on the picture."""

from collections.abc import Callable

import numpy as np

from ttcli.errors import SettingError
from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.fit import _ends_told_apart, _search
from ttcli.table.views import TableView, TableViews

OPTION = "--table"
CURE = 'give the four corners going around, as in --table "412,530 1180,512 1420,760 310,798"'
MOST_MISFIT = 6.0 / 1920
"""Picture widths that corners may be off, root mean square, of the camera that fits best."""
FOREVER = 1e9


def table_by_hand(said: str, height: int, width: int, seconds_of: Callable[[int], float] | None = None) -> TableViews:
    """Return the views of a table that somebody told.

    Args:
        said: Corners as in "x,y x,y x,y x,y", going around.
        height: Of the video's picture.
        width: Its width.
        seconds_of: When a frame is; None where nobody knows.

    Raises:
        SettingError: They are no corners, or no camera sees a table so.
    """
    corners = _corners(said)
    around = landmarks()[0][[0, 2, 3, 1]]  # the first side is a long one
    choices = [np.roll(order, -turn, 0) for order in (around, around[::-1]) for turn in (0, 1)]
    cameras = [
        (_misfit(camera, places, corners), camera) for places in choices if (camera := _search(places, corners, width, height))
    ]
    if not cameras:
        raise SettingError(OPTION, "no camera above a table sees it so", CURE)
    misfit, camera = min(cameras, key=lambda pair: pair[0])
    if misfit > MOST_MISFIT * width:
        raise SettingError(OPTION, f"no camera sees a table so: the best one is {misfit:.0f} px off", CURE)
    return TableViews([TableView(0.0, FOREVER, _ends_told_apart(camera))])


def _corners(said: str) -> np.ndarray:
    try:
        places = np.array([[float(x) for x in pair.split(",")] for pair in said.split()])
    except ValueError:
        places = np.zeros(0)
    if places.shape != (4, 2) or not np.isfinite(places).all():
        raise SettingError(OPTION, f"{said[:60]!r} are not four places", CURE)
    sides = np.roll(places, -1, 0) - places
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    if not ((turns > 1).all() or (turns < -1).all()):
        raise SettingError(OPTION, "the corners are crossed, or three lie on a line", CURE)
    return places


def _misfit(camera: TableCamera, places: np.ndarray, corners: np.ndarray) -> float:
    return float(np.sqrt(((camera.project(places) - corners) ** 2).sum(1).mean()))
