"""The shots of a video, between its cuts, and the file that lists them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ttcli.results.csv_rows import read_rows, write_rows
from ttcli.results.trajectory import BallPosition

COLUMNS = ("shot", "first_frame", "last_frame", "start_s", "end_s")
"""Columns of shots.csv, in the order in which they are written."""


@dataclass
class Shot:
    """Frames in a row without a cut between them."""

    first_frame: int
    last_frame: int
    start_seconds: float
    """Time of its first frame, as in ball.csv."""
    end_seconds: float
    """Time of its last frame."""


def add_to_shots(shots: list[Shot], row: BallPosition) -> None:
    """Note in the shots of a video that a further row of its path is of one of them."""
    seconds = row.seconds
    if row.shot == len(shots):
        shots.append(Shot(row.frame_index, row.frame_index, seconds, seconds))
    shots[-1].last_frame, shots[-1].end_seconds = row.frame_index, seconds


def numbered_shots(rows: Iterable[BallPosition], first_frames: Sequence[int]) -> Iterator[BallPosition]:
    """Yield the rows of a path, each with the number of its shot, of which the first frames are given."""
    for row in rows:
        yield replace(row, shot=max(0, bisect_right(first_frames, row.frame_index) - 1))


def read_shots_csv(path: Path) -> list[int]:
    """Return the first frames of the shots of a file, in order.

    Raises:
        InputError: The file cannot be opened.
        LabelError: A line does not hold what it should.
    """
    return sorted(row.frame_index("first_frame") for row in read_rows(path, needed=("first_frame",)))


def write_shots_csv(path: Path, shots: Iterable[Shot], overwrite: bool = False) -> None:
    """Write a row for each shot, complete or not at all.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    rows = (
        (number, shot.first_frame, shot.last_frame, f"{shot.start_seconds:.6f}", f"{shot.end_seconds:.6f}")
        for number, shot in enumerate(shots)
    )
    write_rows(path, COLUMNS, rows, overwrite)
