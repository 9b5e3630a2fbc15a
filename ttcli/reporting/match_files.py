"""The files of one match, found beside its ball.csv, and what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttcli.errors import InputError
from ttcli.labels.sources import find_video
from ttcli.results.ball_columns import BallColumns, read_ball_columns
from ttcli.results.beside import beside
from ttcli.results.csv_rows import Row, read_rows
from ttcli.results.events import Event, read_events_csv
from ttcli.results.manifest import is_manifest, manifest_path, read_manifest
from ttcli.results.places import FarPlaces
from ttcli.results.rallies import Rally, read_rallies_csv
from ttcli.table.views import TableView, views_from_json
from ttcli.video.probe import VIDEO_SUFFIXES

STROKE_NUMBERS = (
    "time_s", "x_m", "y_m", "z_m", "speed_kmh", "speed_low", "speed_high", "net_clearance_cm", "clearance_low", "clearance_high",
    "apex_m", "bounce_time_s", "bounce_x_m", "bounce_y_m", "bounce_major_cm", "bounce_minor_cm", "bounce_angle_deg",
    "spin_confidence", "confidence", "toss_cm", "toss_low", "toss_high", "toss_angle_deg", "toss_angle_low", "toss_angle_high",
)  # fmt: skip
"""Columns of strokes.csv that hold numbers."""
STROKE_WORDS = ("side", "zone", "spin", "ended")
"""Columns of strokes.csv that hold words."""

StrokeRow = dict[str, Any]
"""One row of strokes.csv: numbers and words by column, None where a cell is empty; `stroke` and `rally` are whole numbers."""


@dataclass(frozen=True)
class MatchFiles:
    """The files of one match; what is not there is None."""

    name: str
    ball: Path
    events: Path | None
    rallies: Path | None
    strokes: Path | None
    video: Path | None


@dataclass(frozen=True)
class MatchContent:
    """What the files of one match hold."""

    files: MatchFiles
    columns: BallColumns
    events: list[Event]
    rallies: list[Rally]
    strokes: list[StrokeRow]
    views: list[TableView]
    manifest: dict[str, Any]
    """Empty where none lies beside the CSV."""


def find_files(
    match: Path, events: Path | None = None, rallies: Path | None = None, strokes: Path | None = None, video: Path | None = None
) -> MatchFiles:
    """Return the files of a match: those that are named, and what lies beside its ball.csv.

    Args:
        match: Its ball.csv, or its video with the CSV of its name beside it.
        events: Its events.csv.
        rallies: Its rallies.csv.
        strokes: Its strokes.csv.
        video: The video.

    Raises:
        InputError: One of them does not exist.
    """
    is_video = match.suffix.lower() in VIDEO_SUFFIXES
    ball = match.with_suffix(".csv") if is_video else match
    for path in (match, ball, events, rallies, strokes, video):
        if path is not None and not path.is_file():
            made = "; make it by `ttcli detect`" if path == ball and is_video else ""
            raise InputError(path, "does not exist", f"check the name{made}")
    return MatchFiles(
        ball.stem,
        ball,
        events or beside(ball, "events"),
        rallies or beside(ball, "rallies"),
        strokes or beside(ball, "strokes"),
        video or (match if is_video else _video_of(ball)),
    )


def _video_of(ball: Path) -> Path | None:
    """Return the video that a manifest names, where it was or beside the CSV, or the one of the CSV's name."""
    if is_manifest(manifest_path(ball)):
        facts = read_manifest(ball)["video"]
        for way in (facts.get("path"), facts["name"]):
            if way and (path := ball.parent / way).is_file():
                return path
    return find_video(ball.with_suffix(""))


def read_match(files: MatchFiles) -> MatchContent:
    """Return what the files of a match hold.

    Raises:
        InputError: One cannot be opened, or the CSV has no row.
        LabelError: A line does not hold what it should.
    """
    manifest = read_manifest(files.ball) if is_manifest(manifest_path(files.ball)) else {}
    facts = manifest.get("video", {})
    size = facts.get("height"), facts.get("width")
    far = FarPlaces(*size) if all(isinstance(side, int) and side > 0 for side in size) else FarPlaces()
    columns = read_ball_columns(files.ball, far)
    if not len(columns):
        raise InputError(files.ball, "holds no row", "run `ttcli detect` on the video")
    return MatchContent(
        files,
        columns,
        [] if files.events is None else read_events_csv(files.events, far),
        [] if files.rallies is None else read_rallies_csv(files.rallies),
        [] if files.strokes is None else [_stroke(row, number) for number, row in enumerate(_rows(files.strokes), 1)],
        views_from_json(manifest.get("tables")).views,
        manifest,
    )


def _rows(path: Path) -> Sequence[Row]:
    return list(read_rows(path, needed=("time_s",)))


def _stroke(row: Row, number: int) -> StrokeRow:
    said: StrokeRow = {"stroke": _whole(row, "stroke") or number, "rally": _whole(row, "rally")}
    said |= {name: row.number(name) for name in STROKE_NUMBERS} | {name: row.cells.get(name) or None for name in STROKE_WORDS}
    if said["time_s"] is None:
        raise row.error("time_s is empty", "give the seconds of the stroke")
    return said


def _whole(row: Row, column: str) -> int | None:
    value = row.number(column)
    if value is not None and (value != int(value) or value < 1):
        raise row.error(f"{column} is {row.cells[column]!r:.40}", "give a whole number from 1 on, or leave the cell empty")
    return None if value is None else int(value)
