"""The rows of a ball.csv as columns: a match of hours is read in a second or two."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ttcli.results.csv_rows import LONGEST_LINE
from ttcli.results.places import MOST_SECONDS, FarPlaces
from ttcli.results.trajectory import BallPosition, Status, stream_ball_csv

STATUSES = tuple(Status)
"""What the numbers in the column `status` stand for."""
BLOCK_BYTES = 1 << 22
_NUMBER_OF = sorted(
    ((status.value.encode(), str(number).encode()) for number, status in enumerate(STATUSES)), key=lambda pair: -len(pair[0])
)
"""Longer words first: `unseen` holds `seen`."""


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
    except (ValueError, KeyError, OSError, Warning):
        columns = None
    if columns is None or not _is_right(columns):
        return _columns(list(stream_ball_csv(path, far)))  # tells what is wrong, or knows a rarer spelling
    return _without_far(columns, far or FarPlaces())


def _read(path: Path) -> BallColumns:
    """Return the rows of a file as `detect` writes it; of any other one raise what comes.

    Words become numbers, and all numbers are read at once: 0.6 us a row, where cell by cell takes 7.
    """
    blocks: list[np.ndarray] = []
    with path.open("rb") as file:
        names = [name.strip() for name in file.readline(LONGEST_LINE).decode("utf-8-sig").split(",")]
        while block := file.read(BLOCK_BYTES):
            blocks.append(_numbers(block + file.readline(LONGEST_LINE), len(names)))
    rows = np.concatenate(blocks)
    place = {name: names.index(name) for name in names}
    frame, x, y, status = (rows[:, place[name]] for name in ("frame", "x", "y", "status"))
    seconds, confidence = (
        rows[:, place[name]].copy() if name in place else np.full(len(rows), np.nan) for name in ("time_s", "confidence")
    )
    duplicate = np.nan_to_num(rows[:, place["duplicate"]]) if "duplicate" in place else np.zeros(len(rows))
    if not (
        (frame == np.floor(frame)).all() and np.isin(duplicate, (0, 1)).all() and np.isin(status, range(len(STATUSES))).all()
    ):
        raise ValueError
    return BallColumns(
        frame.astype(np.int64), seconds, x.copy(), y.copy(), confidence, status.astype(np.int8), duplicate.astype(bool)
    )


def _numbers(block: bytes, columns: int) -> np.ndarray:
    """Return the cells of whole lines (N, columns), NaN where one is empty.

    Raises:
        ValueError: There is something else than numbers, statuses and commas.
    """
    block = block.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    for word, number in _NUMBER_OF:
        block = block.replace(word, number)
    lines = block.count(b"\n")
    if block.translate(None, b"0123456789.,-+\n") or block.count(b",") != lines * (columns - 1):
        raise ValueError
    block = block.replace(b",,", b",nan,").replace(b",,", b",nan,").replace(b",\n", b",nan\n").replace(b"\n,", b"\nnan,")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a number that is none
        cells = np.fromstring(block.replace(b"\n", b",")[:-1].decode(), np.float64, sep=",")
    return cells.reshape(lines, columns)


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
