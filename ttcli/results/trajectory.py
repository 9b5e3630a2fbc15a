"""The ball's position in every frame of a video, and the file ball.csv that holds it."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from ttcli.results.csv_rows import Row, read_rows, write_rows
from ttcli.results.places import FarPlaces

COLUMNS = ("frame", "time_s", "x", "y", "confidence", "status", "duplicate")
"""Columns of ball.csv, in the order in which they are written; they are read by name."""
PLAY = "play"
"""A further column where rallies are known: 1 within one, else 0."""


class Status(str, Enum):
    """What is known about the ball in one frame."""

    SEEN = "seen"
    FILLED = "filled"
    """Not seen, but placed between two seen positions by the physics of flight."""
    UNSEEN = "unseen"
    BROKEN = "broken"
    """The frame could not be decoded."""

    @property
    def has_position(self) -> bool:
        """Whether a row with this status holds x and y."""
        return self in (Status.SEEN, Status.FILLED)


@dataclass(frozen=True, slots=True)
class BallPosition:
    """The ball in one frame: one row of ball.csv.

    Raises:
        ValueError: x and y are not given exactly where the status says so, or are not finite.
    """

    frame_index: int
    """0-based, in presentation order."""
    time_seconds: float | None
    """The frame's timestamp minus the stream's first; None where a file that was read does not hold it."""
    x: float | None
    """Pixels of the upright picture, to the right; None where the ball was not seen."""
    y: float | None
    """Pixels of the upright picture, downwards; None where the ball was not seen."""
    confidence: float | None
    """In [0, 1], of the best candidate, also where it is below the threshold."""
    status: Status
    duplicate: bool = False
    """Whether the frame repeats the picture before it, and so has that one's ball."""
    shot: int = 0
    """Number of the shot, between two cuts, that the frame is in, as far as known; not in the file."""
    play: bool | None = None
    """Whether the frame is of a rally; None where nobody told."""

    def __post_init__(self) -> None:
        expected = self.status.has_position
        if (self.x is not None) != expected or (self.y is not None) != expected:
            raise ValueError(f"frame {self.frame_index}: x={self.x}, y={self.y} with status {self.status.value}")
        if self.place is not None and not all(map(math.isfinite, self.place)):
            raise ValueError(f"frame {self.frame_index}: x={self.x}, y={self.y} is not finite")

    @property
    def seconds(self) -> float:
        """`time_seconds` of a row that must have one, as the rows of `detect` do.

        Raises:
            ValueError: It has none.
        """
        if self.time_seconds is None:
            raise ValueError(f"frame {self.frame_index} has no time")
        return self.time_seconds

    @property
    def place(self) -> tuple[float, float] | None:
        """X and y; None where the ball has no place."""
        return None if self.x is None or self.y is None else (self.x, self.y)


def write_ball_csv(path: Path, positions: Iterable[BallPosition], overwrite: bool = False) -> int:
    """Write ball.csv row by row, as `positions` yields them, and return the number of rows.

    The file is complete or not there: an error in `positions` leaves nothing under its name.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    return write_rows(path, COLUMNS, map(ball_cells, positions), overwrite)


def mark_play(path: Path, in_play: Callable[[float], bool]) -> None:
    """Write a ball.csv anew, with the column `play`; it is complete at any time.

    Args:
        path: The ball.csv.
        in_play: Whether a time of the video is within a rally.

    Raises:
        OutputError: It cannot be written.
    """
    rows = (replace(row, play=row.time_seconds is not None and in_play(row.time_seconds)) for row in stream_ball_csv(path))
    write_rows(path, (*COLUMNS, PLAY), map(ball_cells, rows), overwrite=True)


def read_ball_csv(path: Path, far: FarPlaces | None = None) -> list[BallPosition]:
    """Return the rows of ball.csv in order of their frames.

    Columns are found by name; others are passed over. time_s, confidence and duplicate may be missing, and are None or
    False then. A row whose place no ball can have is one of a frame in which it was not seen.

    Args:
        path: The file.
        far: Knows the picture, and counts rows whose place no ball can have; what no picture can hold if None.

    Raises:
        InputError: The file cannot be opened.
        LabelError: A line does not hold what it should; the message names the file and the line.
    """
    return list(stream_ball_csv(path, far))


def stream_ball_csv(path: Path, far: FarPlaces | None = None) -> Iterator[BallPosition]:
    """Yield the rows of ball.csv one by one, so that memory does not grow; else as `read_ball_csv`."""
    far, last = far or FarPlaces(), -1
    for row in read_rows(path, needed=("frame", "x", "y", "status")):
        position = _parse_row(row, far)
        if position.frame_index <= last:
            fact = f"frame {position.frame_index} after frame {last}"
            raise row.error(fact, "give one row for each frame, sorted by frame")
        last = position.frame_index
        yield position


def ball_cells(position: BallPosition) -> tuple[object, ...]:
    """Return the cells of a row, in the order of COLUMNS, and behind them `play` where it is known."""
    return (
        position.frame_index,
        None if position.time_seconds is None else f"{position.time_seconds:.6f}",
        None if position.x is None else f"{position.x:.2f}",
        None if position.y is None else f"{position.y:.2f}",
        None if position.confidence is None else _format_confidence(position.confidence),
        position.status.value,
        int(position.duplicate),
        *(() if position.play is None else (int(position.play),)),
    )


def _format_confidence(confidence: float) -> str:
    """Return 2 to 4 decimals: 0.97, but 0.9712."""
    text = f"{confidence:.4f}"
    return text[:-2] + text[-2:].rstrip("0")


def _parse_row(row: Row, far: FarPlaces) -> BallPosition:
    status = _parse_status(row)
    x, y = row.position(status.has_position, f"status is {status.value}")
    confidence = row.number("confidence")
    if confidence is not None and not 0 <= confidence <= 1:
        raise row.error(f"confidence is {confidence}", "give a number from 0 to 1, or leave the cell empty")
    duplicate = row.cells.get("duplicate", "") or "0"
    if duplicate not in ("0", "1"):
        raise row.error(f"duplicate is {duplicate!r:.40}", "give 0 or 1, or leave the cell empty")
    if x is not None and y is not None and far.holds(x, y, row.line_number):
        x, y, status = None, None, Status.UNSEEN
    return BallPosition(row.frame_index(), row.seconds(), x, y, confidence, status, duplicate == "1")


def _parse_status(row: Row) -> Status:
    try:
        return Status(row.cells["status"])
    except ValueError:
        known = ", ".join(status.value for status in Status)
        raise row.error(f"status is {row.cells['status']!r:.40}", f"give one of {known}") from None
