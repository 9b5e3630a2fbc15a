"""A table that somebody tells: corners on the command line, or a file with the corners in one frame or several.

Four corners of the board, going around, fix the camera but for one choice: which two of the sides are the ends. The
    likelier of the two cameras is taken. Where both are as likely, the two places tell where the net meets the long
    sides.
"""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ttcli.errors import InputError, SettingError, told_of_system
from ttcli.table.camera import STATE, TableCamera, landmarks
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH
from ttcli.table.fit import ends_told_apart, worst_corner
from ttcli.table.hypotheses import camera_of_plane, homographies
from ttcli.table.judging import impossible_camera
from ttcli.table.motion import similarity_between
from ttcli.table.refining import FOCAL_SPREAD, USUAL_FOCAL
from ttcli.table.views import Move, TableView, TableViews, views_from_json

OPTION = "--table"
CURE = 'give the four corners going around, as in --table "412,530 1180,512 1420,760 310,798", or a table.json'
NAMED = ("near_left", "near_right", "far_right", "far_left")
"""Corners by name, going around."""
FOREVER = 1e9
"""Seconds that the last view lasts."""
CLICK_ERROR = 2.0 / 1920
"""Picture widths, 1 sigma: how far off a place is that somebody tells."""
MOST_MISFIT = 10.0 / 1920
"""Picture widths that a corner may be off the table of the best camera."""
MOST_BESIDE = 1.0
"""Pictures that a corner may lie outside, beside the one that is shown."""
SMALLEST = 12.0 / 1920
"""Picture widths: the shortest side of a table that is accepted."""
CLEARLY_LIKELIER = 4.0
"""How much less the sum of squares is, in sigmas, of the choice that is taken."""
LARGEST_FILE = 5_000_000
_ROUNDS = 30


class ToldTable(NamedTuple):
    """Places that somebody told, in one picture."""

    seconds: float
    corners: np.ndarray
    """(4, 2) pixels, going around."""
    net: np.ndarray
    """(2, 2) pixels where the net meets the long sides; (0, 2) where nobody told."""

    def corners_turn(self) -> float:
        """Return twice the area within the corners; below 0 where they go around against the clock."""
        x, y = self.corners.T
        return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())


def table_by_hand(
    said: str, height: int, width: int, seconds_of: Callable[[int], float] | None = None, either_end: bool = False
) -> TableViews:
    """Return the views of a table that somebody told.

    Args:
        said: Places as in "x,y x,y x,y x,y", or the name of a file: a table.json, or a ball.json whose tables are taken.
        height: Height of the video's picture.
        width: Its width.
        seconds_of: When a frame is; None where nobody knows.
        either_end: Take the likelier camera where the corners do not tell which sides are the ends; else such corners
            are refused.

    Raises:
        InputError: The file is missing, or holds no tables.
        SettingError: No camera sees a table so.
    """
    return TableViews(views_by_hand(said, height, width, seconds_of, either_end))


def views_by_hand(
    said: str, height: int, width: int, seconds_of: Callable[[int], float] | None = None, either_end: bool = False
) -> list[TableView]:
    """Return the views of a table that somebody told, as a list; see `table_by_hand`."""
    if (places := _places(said)) is not None:
        tables = [ToldTable(0.0, places[:4], places[4:])]
    else:
        document = _document(Path(said))
        if isinstance(document, dict) and isinstance(document.get("tables"), list):
            return _from_manifest(document, Path(said), width)
        tables = _tables_in(document, Path(said), seconds_of)
    return _views_of(tables, height, width, either_end)


def _places(said: str) -> np.ndarray | None:
    """Return places (4 or 6, 2) that are written on the command line; None where it is the name of a file.

    Raises:
        SettingError: They are not as many, or no numbers.
    """
    pairs = [pair.split(",") for pair in said.split()]
    try:
        places = np.array([[float(x) for x in pair] for pair in pairs])
    except ValueError:
        if len(pairs) >= 3 or (len(pairs) > 1 and not Path(said).suffix):
            raise SettingError(OPTION, f"{said[:60]!r} are no places", CURE) from None
        return None
    if places.shape not in ((4, 2), (6, 2)) or not np.isfinite(places).all():
        raise SettingError(OPTION, f"{said[:60]!r} are not four places or six", CURE)
    return places


def _document(path: Path) -> Any:
    with told_of_system(path):
        if not path.is_file():
            raise InputError(path, "is neither places nor a file", CURE)
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(path, "is too large for a table.json", CURE)
        text = path.read_bytes()
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise InputError(path, "is no JSON", CURE) from None


def _from_manifest(document: dict[str, Any], path: Path, width: int) -> list[TableView]:
    views = views_from_json(document["tables"], width).views
    if not views:
        raise InputError(path, f"holds no table of a picture {width} wide", "name the ball.json of this video, or " + CURE)
    return views


def _tables_in(document: Any, path: Path, seconds_of: Callable[[int], float] | None) -> list[ToldTable]:
    """Return what a table.json tells, in order of time: {"frames": {"0": corners}} or {"times": {"0.0": corners}}."""
    if isinstance(document, list):
        document = {"times": {"0": document}}
    by_frame, by_time = (document.get(key) if isinstance(document, dict) else None for key in ("frames", "times"))
    entries = by_frame if isinstance(by_frame, dict) else by_time
    if not isinstance(entries, dict) or not entries:
        raise InputError(path, 'holds neither "frames" nor "times" with corners', CURE)
    several = len(entries) > 1
    found = []
    for key, said in entries.items():
        number = _number(key)
        if number is None or number < 0:
            raise InputError(path, f"has an entry {key[:40]!r}, which is no frame and no time", CURE)
        seconds = number
        if entries is by_frame:
            if seconds_of is None and several:
                raise InputError(path, "tells frames, and their times are not known here", 'tell "times" in seconds')
            seconds = 0.0 if seconds_of is None else seconds_of(int(number))
        corners = _corners(said)
        if corners is None:
            raise InputError(path, f"has no four corners at {key[:40]!r}", CURE)
        net = _array(said.get("net"), 2) if isinstance(said, dict) else None
        found.append(ToldTable(seconds, corners, np.zeros((0, 2)) if net is None else net))
    return sorted(found, key=lambda table: table.seconds)


def _corners(said: Any) -> np.ndarray | None:
    if isinstance(said, dict):
        said = said.get("corners") or [said.get(name) for name in NAMED]
    return _array(said, 4)


def _array(said: Any, count: int) -> np.ndarray | None:
    try:
        places = np.array(said, float)
    except (TypeError, ValueError):
        return None
    return places if places.shape == (count, 2) and np.isfinite(places).all() else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _views_of(tables: list[ToldTable], height: int, width: int, either_end: bool) -> list[TableView]:
    """Return a view for each camera: tables that a turn and a zoom take to each other are of one that moved."""
    views: list[TableView] = []
    for number, table in enumerate(tables):
        camera = camera_by_hand(table, height, width, either_end)
        end = tables[number + 1].seconds if number + 1 < len(tables) else FOREVER
        last = views[-1] if views else None
        motion = None if last is None else similarity_between(last.camera, camera, MOST_MISFIT * width)
        if last is None or motion is None:
            start = 0.0 if last is None else table.seconds
            views.append(TableView(start, end, camera, (), worst_corner(camera, height), None, "hand"))
        else:
            moves = last.moves or (Move(last.start_seconds, np.eye(3)),)
            moves = (*moves, Move(table.seconds, motion))
            views[-1] = replace(last, end_seconds=end, moves=moves)
    return views


def camera_by_hand(table: ToldTable, height: int, width: int, either_end: bool = False) -> TableCamera:
    """Return the camera that sees the table where somebody told.

    Raises:
        SettingError: The corners are crossed, lie on a line or far outside, or no camera sees a table so.
    """
    _check_corners(table.corners, height, width)
    found = [_camera(table, turned, height, width) for turned in (0, 1)]
    cameras = sorted((pair for pair in found if pair is not None), key=lambda pair: pair[1])
    if not cameras:
        raise SettingError(OPTION, "no camera above a table sees it so", CURE)
    camera, cost = cameras[0]
    shown, places = _observed(table, camera)
    misfit = float(np.linalg.norm(camera.project(shown) - places, axis=1).max())
    if misfit > MOST_MISFIT * width:
        raise SettingError(OPTION, f"no camera sees a table so: the best one is {misfit:.0f} px off at a corner", CURE)
    if (reason := impossible_camera(camera)) is not None:
        raise SettingError(OPTION, f"no table is seen so: {reason}", CURE)
    if not either_end and len(cameras) == 2 and not len(table.net) and cameras[1][1] - cost < CLEARLY_LIKELIER:
        cure = "add the two places where the net meets the long sides"
        raise SettingError(OPTION, "which two of its sides are the ends cannot be told", cure)
    return ends_told_apart(camera)


def camera_from_corners(corners: np.ndarray, height: int, width: int, like: TableCamera | None = None) -> TableCamera | None:
    """Return the camera that sees the corners of the board nearest to given places; None where they are no outline of a table.

    From the side and from far behind an end, four corners may look the same within the error of a hand. Then the side
    that `like` sees near is near, or without `like` the lens is the more usual one.

    Args:
        corners: Pixels (4, 2), going around.
        height: Height of the picture, pixels.
        width: Width of the picture.
        like: How the same table was seen, about; None where nobody knows.
    """
    table = ToldTable(0.0, np.asarray(corners, float), np.zeros((0, 2)))
    try:
        _check_corners(table.corners, height, width)
    except SettingError:
        return None
    found = [pair for turned in (0, 1) if (pair := _camera(table, turned, height, width)) is not None]
    if like is not None:
        found = [pair for pair in found if _short_is_near(pair[0]) == _short_is_near(like)]
    return ends_told_apart(min(found, key=lambda pair: pair[1])[0]) if found else None


def _short_is_near(camera: TableCamera) -> bool:
    """Return whether a short side of the board is lower on the picture than its long ones."""
    ends = np.array([(0, side * TABLE_LENGTH / 2, TABLE_HEIGHT) for side in (-1, 1)])
    sides = np.array([(side * TABLE_WIDTH / 2, 0, TABLE_HEIGHT) for side in (-1, 1)])
    return bool(camera.project(ends)[:, 1].max() > camera.project(sides)[:, 1].max())


def _check_corners(corners: np.ndarray, height: int, width: int) -> None:
    size = np.array([width, height])
    if ((corners < -MOST_BESIDE * size) | (corners > (1 + MOST_BESIDE) * size)).any():
        raise SettingError(OPTION, "a corner lies far outside of the picture", f"the picture is {width}x{height}; {CURE}")
    if ((corners < 0).all(0) | (corners > size).all(0)).any():
        raise SettingError(OPTION, "the whole table lies outside of the picture", f"the picture is {width}x{height}; {CURE}")
    sides = np.roll(corners, -1, 0) - corners
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    lengths = np.linalg.norm(sides, axis=1)
    if lengths.min() < SMALLEST * width or np.abs(turns).min() < 0.02 * lengths.min() * lengths.max():
        raise SettingError(OPTION, "two corners lie together, or three on a line", CURE)
    if len({bool(turn > 0) for turn in turns}) > 1:
        raise SettingError(OPTION, "the corners are crossed, or one lies within the others", "tell them going around; " + CURE)


def _observed(table: ToldTable, camera: TableCamera) -> tuple[np.ndarray, np.ndarray]:
    """Return places on the table (N, 3) and where they are told to be (N, 2), by the nearest in the camera's eyes."""
    places = landmarks()[0][:6]
    shown = camera.project(places)
    told = np.concatenate([table.corners, table.net])
    nearest = [int(np.linalg.norm(shown[:4] - each, axis=1).argmin()) for each in table.corners]
    nearest += [4 + int(np.linalg.norm(shown[4:] - each, axis=1).argmin()) for each in table.net]
    return places[nearest], told


def _camera(table: ToldTable, turned: int, height: int, width: int) -> tuple[TableCamera, float] | None:
    """Return the camera to which the first side is an end, or a long side where `turned`, and its sum of squares; None for none."""
    around = landmarks()[0][[0, 2, 3, 1], :2]  # the first side is an end
    if table.corners_turn() > 0:  # seen from above, they go around the other way on the picture
        around = around * [1, -1]
    plane = homographies(np.roll(around, -turned, 0)[None], table.corners[None])[0]
    start = camera_of_plane(plane, width, height) if np.isfinite(plane).all() else None
    if start is None:
        return None
    places, told = _observed(table, start)
    sigma, camera = CLICK_ERROR * width, start
    matrix, cost = np.eye(len(STATE)), np.inf
    for _ in range(_ROUNDS):
        shown, slopes = camera.slopes(places)
        residuals = np.append(((told - shown) / sigma).ravel(), -np.log(camera.focal / width / USUAL_FOCAL) / FOCAL_SPREAD)
        rows = np.concatenate([slopes[..., :-1].reshape(-1, len(STATE)) / sigma, np.eye(len(STATE))[-1:] / FOCAL_SPREAD])
        matrix, cost = rows.T @ rows, float(residuals @ residuals)
        change = np.linalg.solve(matrix + 1e-6 * np.diag(np.diag(matrix)), rows.T @ residuals)
        camera = camera.moved(np.clip(change, -0.5, 0.5))
        if (
            not np.isfinite(camera.position).all()
            or camera.position[2] <= TABLE_HEIGHT
            or not 0.05 < camera.focal / width < 100
        ):
            return None
        if np.abs(change).max() < 1e-7:
            break
    return replace(camera, covariance=np.linalg.pinv(matrix)), cost
