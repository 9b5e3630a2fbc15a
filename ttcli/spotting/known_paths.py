"""A path that is known already, as a file: its rows with times, the size of its picture, and where the table was seen."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ttcli.configs import PathConfig
from ttcli.errors import SettingError
from ttcli.labels.ball import BallLabel
from ttcli.labels.formats import find_format
from ttcli.labels.openttgames import FRAME_RATE
from ttcli.labels.problems import Problems
from ttcli.labels.sources import find_video
from ttcli.labels.ttcli_csv import first_cells
from ttcli.results.csv_rows import LONGEST_LINE
from ttcli.results.manifest import is_manifest, manifest_path, parse_manifest
from ttcli.results.places import FarPlaces
from ttcli.results.shots import numbered_shots, read_shots_csv
from ttcli.results.trajectory import BallPosition, Status, stream_ball_csv
from ttcli.table.by_hand import table_by_hand
from ttcli.table.views import TableViews, views_from_json
from ttcli.video.probe import probe


class KnownPath(NamedTuple):
    """A path that is a file, ready to be read."""

    height: int
    """Height of the picture, pixels."""
    width: int
    rows: Iterator[BallPosition]
    """Each with a time, and with its shot where a file of shots is named."""
    tables: TableViews | None
    """Where the table was seen, on the clock of the rows; None where nothing says so."""
    far: FarPlaces
    """Counts, while rows are read, those whose place no ball can have."""


def open_path(ball: Path, config: PathConfig, tell: Callable[[str], None], either_end: bool = False) -> KnownPath:
    """Return a path, its first row read.

    Args:
        ball: A ball.csv, or labels of the ball in any format.
        config: Settings.
        tell: Takes warnings, one line each.
        either_end: For a table by hand, see `table.by_hand.table_by_hand`.

    Raises:
        InputError: The path is missing, or cannot be read.
        SettingError: The picture's size or the frame rate is not known, or out of its range.
    """
    _check_frame_rate(config)
    find_format(ball)  # a file that is none is told of before a size that is not known
    height, width = _picture_size(ball, config)
    far = FarPlaces(height, width)
    tables = _tables_of(ball, height, width, config, either_end)
    return KnownPath(height, width, _read_path(ball, config, far, tell), tables, far)


def _read_path(ball: Path, config: PathConfig, far: FarPlaces, tell: Callable[[str], None]) -> Iterator[BallPosition]:
    """Return the rows of a path, each with a time, and with its shot where a file of shots is named."""
    rows = _rows(ball, config, far, tell)
    return rows if config.shots is None else numbered_shots(rows, read_shots_csv(config.shots))


def _check_frame_rate(config: PathConfig) -> None:
    """Raise SettingError where the frame rate is out of its range."""
    if config.frame_rate is not None and not 0 < config.frame_rate <= 100_000:
        raise SettingError("--fps", f"{config.frame_rate} is out of range", "give the frames per second, as in --fps 25")


def _rows(ball: Path, config: PathConfig, far: FarPlaces, tell: Callable[[str], None]) -> Iterator[BallPosition]:
    path_format = find_format(ball)
    if path_format.key == "ttcli":
        with ball.open(encoding="utf-8-sig", errors="replace") as file:  # what is no text is told of where it is read
            columns = first_cells(file.readline(LONGEST_LINE))
        if "time_s" in columns and config.frame_rate is None:
            return _timed(ball, far)
    frame_rate = config.frame_rate or (FRAME_RATE if path_format.key == "openttgames" else None)
    if frame_rate is None:
        raise SettingError(ball, "has no time_s, so how fast the ball is cannot be told", "give --fps, as in --fps 25")
    problems = Problems()
    labels = path_format.read(ball, problems.add, config.picture_height, config.picture_width)
    for line in problems.lines():
        tell(f"left out as unknown: {line}")
    return (_labelled(frame_index, frame_index / frame_rate, label, far) for frame_index, label in sorted(labels.items()))


def _labelled(frame_index: int, seconds: float, label: BallLabel, far: FarPlaces) -> BallPosition:
    """Return a row that says what a label does."""
    if label.x is None or label.y is None or far.holds(label.x, label.y, f" frame {frame_index}"):
        return BallPosition(frame_index, seconds, None, None, None, Status.UNSEEN)
    return BallPosition(frame_index, seconds, label.x, label.y, None, Status.SEEN)


def _timed(ball: Path, far: FarPlaces) -> Iterator[BallPosition]:
    """Return the rows of a ball.csv; the first one is read now, so that a file that is none is told of at once."""
    rows = stream_ball_csv(ball, far)
    return chain([first] if (first := next(rows, None)) else [], rows)


def _tables_of(ball: Path, height: int, width: int, config: PathConfig, either_end: bool) -> TableViews | None:
    """Return where the table is, as somebody told or as the manifest beside a ball.csv says; None where neither does.

    The manifest tells so on the clock of that CSV and in the pixels of its video: with another clock or width it says nothing.
    """
    if config.table is not None:
        return table_by_hand(config.table, height, width, _seconds_of(ball, config), either_end)
    if config.frame_rate is not None or not is_manifest(manifest_path(ball)):
        return None
    return views_from_json(parse_manifest(manifest_path(ball)).get("tables"), width)


def _seconds_of(ball: Path, config: PathConfig) -> Callable[[int], float] | None:
    """Return when a frame is, by the frame rate that is told or that of the video; None where nobody knows."""
    rate = config.frame_rate
    if rate is None and (video := _video_of(ball, config)) is not None:
        rate = float(probe(video).frame_rate)
    return None if rate is None else lambda frame: frame / rate


def _video_of(ball: Path, config: PathConfig) -> Path | None:
    return config.video or find_video(ball.with_suffix("")) or find_video(ball.resolve().parent)


def _size_in_manifest(ball: Path) -> tuple[int, int] | None:
    """Return height and width that the manifest beside a ball.csv has of its video; None where there is none."""
    if not is_manifest(manifest_path(ball)):
        return None
    video = parse_manifest(manifest_path(ball)).get("video")
    height, width = (video.get("height"), video.get("width")) if isinstance(video, dict) else (None, None)
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        return None
    return height, width


def _picture_size(ball: Path, config: PathConfig) -> tuple[int, int]:
    """Return height and width of the picture: as told, as the manifest has it, of the video, or as the format fixes it."""
    if config.picture_height is not None and config.picture_width is not None:
        return config.picture_height, config.picture_width
    if config.video is None and (size := _size_in_manifest(ball)) is not None:
        return size
    video = _video_of(ball, config)
    if video is not None:
        info = probe(video)
        return info.height, info.width
    path_format = find_format(ball)
    if path_format.picture_height is not None and path_format.picture_width is not None:
        return path_format.picture_height, path_format.picture_width
    fact = "the size of the picture is not known (no video of that name beside it)"
    raise SettingError(ball, fact, "give it, as in --size 1920x1080, or name the video by --video")
