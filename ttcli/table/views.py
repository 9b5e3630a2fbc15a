"""From when to when a camera saw the table how, as manifests hold it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttcli.table.camera import TableCamera

NUMBERS = {"position": (3,), "rotation": (3, 3), "centre": (2,), "focal": (), "width": ()}
"""What is written of a camera, and the shape of each."""


@dataclass(frozen=True)
class TableView:
    """A camera that stood still for a while."""

    start_seconds: float
    end_seconds: float
    """On the clock of ball.csv, both included."""
    camera: TableCamera


class TableViews:
    """The views of a video, to be asked for by time."""

    def __init__(self, views: Iterable[TableView]) -> None:
        self._views = list(views)

    @property
    def views(self) -> list[TableView]:
        """Return all of them, in order of time."""
        return list(self._views)

    def __call__(self, seconds: float) -> TableCamera | None:
        """Return the camera that saw the table then, or None where it was not found or moved."""
        for view in self._views:
            if view.start_seconds <= seconds <= view.end_seconds:
                return view.camera
        return None


def views_as_json(views: Iterable[TableView]) -> list[dict[str, Any]]:
    """Return views as JSON knows them, exact to the last digit."""
    return [
        {
            "start_s": view.start_seconds,
            "end_s": view.end_seconds,
            **{name: np.asarray(getattr(view.camera, name)).tolist() for name in NUMBERS},
        }
        for view in views
    ]


def views_from_json(said: object, width: int | None = None) -> TableViews:
    """Return the views that a manifest holds, those of pictures so wide where `width` is given.

    What is not as `views_as_json` writes it is left out.
    """
    found = [_view(each) for each in said] if isinstance(said, list) else []
    return TableViews(view for view in found if view is not None and width in (None, view.camera.width))


def _view(said: object) -> TableView | None:
    if not isinstance(said, dict):
        return None
    try:
        parts: dict[str, np.ndarray] = {name: np.array(said[name], float) for name in NUMBERS}
        start, end = float(said["start_s"]), float(said["end_s"])
    except (TypeError, ValueError, KeyError, OverflowError):
        return None
    if any(parts[name].shape != shape or not np.isfinite(parts[name]).all() for name, shape in NUMBERS.items()):
        return None
    if not np.allclose(parts["rotation"] @ parts["rotation"].T, np.eye(3), atol=1e-3):
        return None
    if not (math.isfinite(start) and math.isfinite(end) and parts["focal"] > 0 and parts["width"] >= 1):
        return None
    position, rotation, centre = (parts[name] for name in ("position", "rotation", "centre"))
    return TableView(start, end, TableCamera(position, rotation, float(parts["focal"]), centre, int(parts["width"])))
