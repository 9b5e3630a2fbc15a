"""The rallies of a match, and the file rallies.csv that lists them."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttcli.results.counted import counted
from ttcli.results.csv_rows import Row, read_rows, write_rows

COLUMNS = (
    "rally", "start_s", "end_s", "start_frame", "end_frame", "strokes", "bounces", "server", "ended", "confidence",
)  # fmt: skip
"""Columns of rallies.csv, in the order in which they are written; they are read by name."""
SIDES = ("left", "right", "near", "far")
"""Ends of the table as the camera sees them: left and right from the side, near and far from behind an end."""
ENDINGS = ("net", "long", "wide", "double_bounce", "missed")
"""How a point may end. `net`: the last stroke did not pass the net. `long`, `wide`: it passed, and did not bounce on
the table. `double_bounce`: it bounced there twice. `missed`: it bounced, and nobody struck it."""
SAME_TIME = 1e-3
"""Seconds to which times are written."""
MOST_COUNTED = 100_000
"""Strokes or bounces of a rally; a larger number is a slip."""


@dataclass(frozen=True, slots=True)
class Rally:
    """One rally: one row of rallies.csv."""

    start_seconds: float
    """The serve, on the clock of ball.csv."""
    end_seconds: float
    """When the point is over."""
    start_frame: int
    end_frame: int
    strokes: int | None = None
    """Those told, the serve among them; None where a file does not say."""
    bounces: int | None = None
    """Those told on the table while the point is played."""
    server: str | None = None
    """One of SIDES; None where nobody can tell."""
    ended: str | None = None
    """One of ENDINGS; None where nobody can tell."""
    confidence: float | None = None
    """In [0, 1], that it is a rally."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end_seconds - self.start_seconds


class Play:
    """Which times of a video are within a rally.

    Args:
        rallies: In order of time.
    """

    def __init__(self, rallies: Sequence[Rally]) -> None:
        self._starts = [rally.start_seconds for rally in rallies]
        self._ends = [rally.end_seconds for rally in rallies]

    def __call__(self, seconds: float) -> bool:
        """Return whether a time is within a rally, both ends included."""
        place = bisect_right(self._starts, seconds + SAME_TIME) - 1
        return place >= 0 and seconds <= self._ends[place] + SAME_TIME


def write_rallies_csv(path: Path, rallies: Iterable[Rally], overwrite: bool = False) -> int:
    """Write a row for each rally, complete or not at all, and return how many.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    return write_rows(path, COLUMNS, (_cells(number, rally) for number, rally in enumerate(rallies, 1)), overwrite)


def replays_line(count: int) -> str | None:
    """Return a line about replays that were left out; None where there were none."""
    return f"{counted(count, 'replay')} of a rally left out" if count else None


def read_rallies_csv(path: Path) -> list[Rally]:
    """Return the rallies of a file, in order of time; all columns but start_s and end_s may be missing.

    Raises:
        InputError: The file cannot be opened.
        LabelError: A line does not hold what it should; the message names the file and the line.
    """
    return sorted((_parse(row) for row in read_rows(path, needed=("start_s", "end_s"))), key=lambda rally: rally.start_seconds)


def _cells(number: int, rally: Rally) -> tuple[object, ...]:
    return (
        number,
        f"{rally.start_seconds:.3f}",
        f"{rally.end_seconds:.3f}",
        rally.start_frame,
        rally.end_frame,
        rally.strokes,
        rally.bounces,
        rally.server,
        rally.ended,
        None if rally.confidence is None else f"{rally.confidence:.3f}",
    )


def _parse(row: Row) -> Rally:
    start, end = row.seconds("start_s"), row.seconds("end_s")
    if start is None or end is None or end < start:
        raise row.error("the rally has no start_s, or ends before it", "give both in seconds of the video")
    confidence = row.number("confidence")
    if confidence is not None and not 0 <= confidence <= 1:
        raise row.error(f"confidence is {confidence}", "give a number from 0 to 1, or leave the cell empty")
    return Rally(
        start,
        end,
        row.frame_index("start_frame") if row.cells.get("start_frame") else -1,
        row.frame_index("end_frame") if row.cells.get("end_frame") else -1,
        _count(row, "strokes"),
        _count(row, "bounces"),
        _word(row, "server", SIDES),
        _word(row, "ended", ENDINGS),
        confidence,
    )


def _count(row: Row, column: str) -> int | None:
    number = row.number(column)
    if number is None:
        return None
    if number != int(number) or not 0 <= number <= MOST_COUNTED:
        raise row.error(f"{column} is {row.cells[column]!r:.40}", "give a whole number, or leave the cell empty")
    return int(number)


def _word(row: Row, column: str, known: Sequence[str]) -> str | None:
    word = row.cells.get(column, "")
    if word and word not in known:
        raise row.error(f"{column} is {word!r:.40}", f"give one of {', '.join(known)}, or leave the cell empty")
    return word or None
