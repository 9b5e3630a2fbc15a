"""From when to when a camera saw the table how, or why it saw none, as manifests hold it."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ttcli.table.camera import TableCamera, landmarks

NUMBERS = {"position": (3,), "rotation": (3, 3), "centre": (2,), "focal": (), "width": ()}
"""What is written of a camera, and the shape of each."""
DRIFT, DRIFT_A_SECOND = 1.0 / 1920, 0.5 / 1920
"""Picture widths, 1 sigma: how far off a table is that was carried along, and how much more each second since it was seen."""


CORNERS_SHARE = 0.85
"""Sigmas of where a found table's corners are, against those that lines and network leave open: 95 % ellipses of them
hold 0.956 of the corners on 107 drawn videos. Intervals of strokes were set with the whole, and keep it where a
camera rests."""


class Move(NamedTuple):
    """How far the picture had moved at a time, since the view began."""

    seconds: float
    motion: np.ndarray
    """(3, 3) similarity, from the pixels of the first picture to this one."""
    drift_seconds: float = 0.0
    """How long ago the table itself was looked at."""


@dataclass(frozen=True)
class TableView:
    """A camera that stood in one place for a while, and may have turned and zoomed."""

    start_seconds: float
    end_seconds: float
    """On the clock of ball.csv, both included."""
    camera: TableCamera
    """At the beginning."""
    moves: tuple[Move, ...] = ()
    """Where it moved, in order of time; between them it moves evenly. Empty where it stood still."""
    error: float | None = None
    """Pixels, 1 sigma, of the worst corner in the picture; None where nobody knows."""
    score: float | None = None
    """From 0 to 1: how much of what should be seen was seen; None of a table that was told by hand."""
    source: str = "found"
    """`found` by the network, `again` after a cut, or told by `hand`."""

    def at(self, seconds: float) -> TableCamera:
        """Return the camera as it stood at a time."""
        return camera_then(self.camera, self.moves, seconds)


@dataclass(frozen=True)
class NoTable:
    """A while without a table, and why."""

    start_seconds: float
    end_seconds: float
    reason: str


def later(view: TableView | NoTable, seconds: float) -> TableView | NoTable:
    """Return a view on a clock that began so many seconds earlier."""
    start, end = view.start_seconds + seconds, view.end_seconds + seconds
    if isinstance(view, NoTable):
        return replace(view, start_seconds=start, end_seconds=end)
    moves = tuple(move._replace(seconds=move.seconds + seconds) for move in view.moves)
    return replace(view, start_seconds=start, end_seconds=end, moves=moves)


def joined(views: Iterable[TableView | NoTable]) -> list[TableView | NoTable]:
    """Return views in order of time, those without a table for one reason that follow each other as one."""
    found: list[TableView | NoTable] = []
    for view in views:
        before = found[-1] if found else None
        if isinstance(view, NoTable) and isinstance(before, NoTable) and view.reason == before.reason:
            found[-1] = replace(before, end_seconds=view.end_seconds)
        else:
            found.append(view)
    return found


def camera_then(camera: TableCamera, moves: Sequence[Move], seconds: float) -> TableCamera:
    """Return a camera as it stood at a time, by its moves."""
    if not moves:
        return camera
    motion, drift = motion_between(moves, seconds)
    return drifted(camera.carried(motion), drift)


def stated(camera: TableCamera) -> TableCamera:
    """Return the camera of a found table with its errors as the corners are off."""
    if camera.covariance is None:
        return camera
    return replace(camera, covariance=CORNERS_SHARE**2 * camera.covariance, wider=1 / CORNERS_SHARE)


def drifted(camera: TableCamera, seconds: float) -> TableCamera:
    """Return a camera that was carried along, its aim as much less sure as the time since the table was seen makes it."""
    if camera.covariance is None:
        return camera
    sigma = (DRIFT + DRIFT_A_SECOND * seconds) * camera.width / camera.focal
    return replace(camera, covariance=camera.covariance + np.diag([sigma**2] * 2 + [0.0] * 5))


def motion_between(moves: Sequence[Move], seconds: float) -> tuple[np.ndarray, float]:
    """Return the motion at a time, and how long ago the table was looked at."""
    after = min(bisect_left(moves, seconds, key=lambda move: move.seconds), len(moves) - 1)
    later, before = moves[after], moves[max(after - 1, 0)]
    span = later.seconds - before.seconds
    share = float(np.clip((seconds - before.seconds) / span, 0, 1)) if span > 0 else 1.0
    drift = before.drift_seconds + share * (later.drift_seconds - before.drift_seconds)
    return before.motion + share * (later.motion - before.motion), drift


class TableViews:
    """The views of a video, to be asked for by time."""

    def __init__(self, views: Iterable[TableView | NoTable]) -> None:
        self.views = [view for view in views if isinstance(view, TableView)]

    def __call__(self, seconds: float) -> TableCamera | None:
        """Return the camera that saw the table then, or None where it was not found."""
        for view in self.views:
            if view.start_seconds <= seconds <= view.end_seconds:
                return view.at(seconds)
        return None


def views_as_json(views: Iterable[TableView | NoTable]) -> list[dict[str, Any]]:
    """Return views as JSON knows them, cameras exact to the last digit."""
    return [_none_as_json(view) if isinstance(view, NoTable) else _view_as_json(view) for view in views]


def _none_as_json(view: NoTable) -> dict[str, Any]:
    return {"start_s": view.start_seconds, "end_s": view.end_seconds, "none": view.reason}


def _view_as_json(view: TableView) -> dict[str, Any]:
    camera = view.camera
    return {
        "start_s": view.start_seconds,
        "end_s": view.end_seconds,
        "source": view.source,
        "corners": corners_of(camera),
        "error_px": None if view.error is None else round(view.error, 2),
        "sure": None if view.score is None else round(view.score, 3),
        **{name: np.asarray(getattr(camera, name)).tolist() for name in NUMBERS},
        "bend": camera.bend,
        "covariance": None if camera.covariance is None else camera.covariance.tolist(),
        "wider": camera.wider,
        "keyframes": [
            {
                "time_s": move.seconds,
                "corners": corners_of(camera.carried(move.motion)),
                "motion": move.motion[:2].tolist(),
                "seen_s_ago": round(move.drift_seconds, 3),
            }
            for move in view.moves
        ],
    }


def corners_of(camera: TableCamera) -> list[list[float]]:
    """Return the corners of the board [x, y] in pixels, going around."""
    return camera.project(landmarks()[0][[0, 1, 3, 2]]).round(2).tolist()


def views_from_json(said: object, width: int | None = None) -> TableViews:
    """Return the views that a manifest holds, of pictures so wide where `width` is given.

    What is not as `views_as_json` writes it is left out.
    """
    found = [_view(each) for each in said] if isinstance(said, list) else []
    return TableViews(view for view in found if view is not None and width in (None, view.camera.width))


def _view(said: object) -> TableView | None:
    if not isinstance(said, dict):
        return None
    try:
        parts: dict[str, np.ndarray] = {name: np.array(said[name], float) for name in NUMBERS}
        start, end, bend = float(said["start_s"]), float(said["end_s"]), float(said.get("bend", 0.0))
        wider = float(said.get("wider", 1.0))
        moves = tuple(_move(move) for move in said.get("keyframes", ()))
        covariance = None if said.get("covariance") is None else np.array(said["covariance"], float)
    except (TypeError, ValueError, KeyError, OverflowError):
        return None
    if any(parts[name].shape != shape or not np.isfinite(parts[name]).all() for name, shape in NUMBERS.items()):
        return None
    if not np.allclose(parts["rotation"] @ parts["rotation"].T, np.eye(3), atol=1e-3):
        return None
    if not (math.isfinite(start) and math.isfinite(end) and parts["focal"] > 0 and parts["width"] >= 1 and abs(bend) < 1):
        return None
    if covariance is not None and (covariance.shape != (7, 7) or not np.isfinite(covariance).all()):
        return None
    if not 0 < wider < 10 or not all(_is_motion(move) for move in moves):
        return None
    position, rotation, centre = (parts[name] for name in ("position", "rotation", "centre"))
    camera = TableCamera(position, rotation, float(parts["focal"]), centre, int(parts["width"]), bend, covariance, wider)
    return TableView(start, end, camera, moves, _number(said.get("error_px")), _number(said.get("sure")))


def _move(said: dict[str, Any]) -> Move:
    return Move(float(said["time_s"]), np.vstack([np.array(said["motion"], float), [0, 0, 1]]), float(said["seen_s_ago"]))


def _is_motion(move: Move) -> bool:
    there = move.motion.shape == (3, 3) and bool(np.isfinite(move.motion).all())
    return there and math.isfinite(move.seconds) and abs(float(np.linalg.det(move.motion))) > 1e-6


def _number(said: object) -> float | None:
    return float(said) if isinstance(said, int | float) and math.isfinite(said) else None
