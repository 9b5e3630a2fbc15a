"""The rows of a ball.csv as columns: a match of hours is read in a second or two."""

import csv
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ttcli.results.places import MOST_SECONDS, FarPlaces
from ttcli.results.trajectory import BallPosition, Status, stream_ball_csv

STATUSES = tuple(Status)
"""What the numbers in the column `status` stand for."""
BLOCK_ROWS = 50_000
_NUMBER_OF = {status.value: number for number, status in enumerate(STATUSES)}


@dataclass
class BallColumns:
    """The rows of a ball.csv, an array (N,) each; NaN where a cell is empty."""

    frame: np.ndarray
    """int64, rising."""
    seconds: np.ndarray
    """float64, on the clock of the file."""
    x: np.ndarray
    """float64, pixels."""
    y: np.ndarray
    confidence: np.ndarray
    status: np.ndarray
    """int8, places in STATUSES."""
    duplicate: np.ndarray
    """bool."""

    def __len__(self) -> int:
        return len(self.frame)

    def row_of(self, frame: int) -> int | None:
        """Return the place of a frame's row; None where it has none."""
        row = int(np.searchsorted(self.frame, frame))
        return row if row < len(self.frame) and self.frame[row] == frame else None

    def has(self, *statuses: Status) -> np.ndarray:
        """Return which rows (N,) are of some statuses."""
        return np.isin(self.status, [STATUSES.index(status) for status in statuses])


def read_ball_columns(path: Path, far: FarPlaces | None = None) -> BallColumns:
    """Return the rows of a ball.csv.

    Args:
        path: The file.
        far: Knows the picture; a row whose place no ball can have is one of a frame in which it was not seen.

    Raises:
        InputError: The file cannot be opened.
        LabelError: A line does not hold what it should; the message names the file and the line.
    """
    try:
        columns = _read(path)
    except (ValueError, KeyError, OSError, csv.Error):
        columns = None
    if columns is None or not _is_right(columns):
        return _columns(list(stream_ball_csv(path, far)))  # tells what is wrong, or knows a rarer spelling
    return _without_far(columns, far or FarPlaces())


def _read(path: Path) -> BallColumns:
    """Return the rows of a file as `detect` writes it; of any other one raise what comes."""
    blocks: list[tuple[np.ndarray, ...]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        names = [name.strip() for name in next(reader)]
        place = {name: names.index(name) for name in names}
        while rows := list(islice(reader, BLOCK_ROWS)):
            cells = list(zip(*rows, strict=True))
            if len(cells) != len(names):
                raise ValueError
            count = len(rows)
            numbers = [
                np.array([cell or "nan" for cell in cells[place[name]]], np.float64) if name in place else np.full(count, np.nan)
                for name in ("frame", "time_s", "x", "y", "confidence")
            ]
            status = np.array([_NUMBER_OF[cell] for cell in cells[place["status"]]], np.int8)
            marks = cells[place["duplicate"]] if "duplicate" in place else ("0",) * count
            blocks.append((*numbers, status, np.array([{"0": False, "1": True}[mark] for mark in marks], bool)))
    if not blocks:
        raise ValueError
    frame, *others = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    if not (frame == np.floor(frame)).all():
        raise ValueError
    return BallColumns(frame.astype(np.int64), *others)


def _is_right(columns: BallColumns) -> bool:
    """Tell whether every row holds what it should."""
    placed = columns.has(Status.SEEN, Status.FILLED)
    filled = np.isfinite(columns.x) & np.isfinite(columns.y)
    empty = np.isnan(columns.x) & np.isnan(columns.y)
    confidence, seconds = columns.confidence, columns.seconds
    return bool(
        (np.diff(columns.frame) > 0).all()
        and columns.frame[0] >= 0
        and np.where(placed, filled, empty).all()
        and (np.isnan(confidence) | ((confidence >= 0) & (confidence <= 1))).all()
        and (np.isnan(seconds) | (np.abs(seconds) <= MOST_SECONDS)).all()
    )


def _without_far(columns: BallColumns, far: FarPlaces) -> BallColumns:
    """Return the rows, those whose place no ball can have as not seen."""
    least, most = far.bounds()
    with np.errstate(invalid="ignore"):
        outside = [(place < low) | (place > high) for place, low, high in zip((columns.x, columns.y), least, most, strict=True)]
    for row in np.nonzero(outside[0] | outside[1])[0]:
        if far.holds(float(columns.x[row]), float(columns.y[row]), int(row) + 2):
            columns.x[row] = columns.y[row] = np.nan
            columns.status[row] = STATUSES.index(Status.UNSEEN)
    return columns


def _columns(rows: list[BallPosition]) -> BallColumns:
    def numbers(name: str) -> np.ndarray:
        return np.array([np.nan if (value := getattr(row, name)) is None else value for row in rows], np.float64)

    return BallColumns(
        np.array([row.frame_index for row in rows], np.int64),
        numbers("time_seconds"),
        numbers("x"),
        numbers("y"),
        numbers("confidence"),
        np.array([STATUSES.index(row.status) for row in rows], np.int8),
        np.array([row.duplicate for row in rows], bool),
    )
