"""Rows of a CSV file: read by column name, where each error names the file and the line, and written one by one."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ttcli.errors import InputError, LabelError, check_ordinary
from ttcli.outputs import complete_file
from ttcli.results.places import MOST_SECONDS

FRAME_DIGITS = 9
"""Longest frame number taken: four weeks at 240 fps. A longer one is a slip, and would size arrays downstream."""
LONGEST_LINE = 2**20
"""Characters; a line of ball.csv has 50."""
_ASKS_FOR_QUOTES = re.compile('[,"\n\r]')


def frame_number(text: str) -> int | None:
    """Return a frame number, or None where `text` is not a whole number from 0 on."""
    if text.isascii() and text.isdecimal() and len(text) <= FRAME_DIGITS:
        return int(text)
    return None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a CSV file."""

    path: Path
    line_number: int
    """1-based, as editors count."""
    cells: dict[str, str]

    def error(self, fact: str, cure: str) -> LabelError:
        """Return (not raise) the error that names this line."""
        return LabelError(f"{self.path}:{self.line_number}", fact, cure)

    def frame_index(self, column: str = "frame") -> int:
        """Return the 0-based frame of this row."""
        frame_index = frame_number(self.cells[column])
        if frame_index is None:
            raise self.error(
                f"{column} is {self.cells[column]!r:.40}", "give a whole number, 0 for the first frame of the video"
            )
        return frame_index

    def number(self, column: str) -> float | None:
        """Return the number in a cell, or None where the cell is empty or the file has no such column."""
        text = self.cells.get(column, "")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text:  # float() takes 1_000
            raise self.error(f"{column} is {text!r:.40}", "give a number such as 812.41, or leave the cell empty")
        return value

    def seconds(self, column: str = "time_s") -> float | None:
        """Return the time in a cell, as `number` does."""
        value = self.number(column)
        if value is not None and abs(value) > MOST_SECONDS:
            raise self.error(f"{column} is {self.cells[column]!r:.40}", "give seconds of the video, or leave the cell empty")
        return value

    def position(self, expected: bool, state: str) -> tuple[float, float] | tuple[None, None]:
        """Return the cells x and y: both filled where a position is `expected`, both empty elsewhere.

        Args:
            expected: Whether the row's state says that there is a position.
            state: The word that says so, for the message.
        """
        x, y = self.number("x"), self.number("y")
        if expected and x is not None and y is not None:
            return x, y
        if expected:
            raise self.error(f"{state}, but x or y is empty", "fill both, or change the status")
        if x is not None or y is not None:
            raise self.error(f"{state}, but x or y is filled", "empty both, or change the status")
        return None, None


def read_rows(path: Path, needed: tuple[str, ...]) -> Iterator[Row]:
    """Yield the rows of a CSV file whose first line names its columns; empty lines are passed over.

    Args:
        path: UTF-8 text, with or without a byte order mark (spreadsheets write one).
        needed: Columns that must be there, in any order; others may be there too.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not CSV, a needed column is missing, or a line has too few or too many cells.
    """
    check_ordinary(path, pipes=True)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(_lines(file), strict=True)
            try:
                columns = [cell.strip() for cell in next(reader, [])]
                _check_columns(path, columns, needed)
                for cells in reader:
                    if cells:
                        yield _row(path, reader.line_num, columns, cells)
            except csv.Error as error:
                place = f"{path}:{reader.line_num}"
                raise LabelError(place, f"is not CSV ({error})", "mend it, or write it again") from error
    except UnicodeDecodeError as error:
        raise LabelError(path, "is not text in UTF-8", "give a CSV file, saved as UTF-8") from error
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name") from error


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a file, none longer than memory can bear."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise csv.Error(f"a line of {LONGEST_LINE:,} characters or more")
        yield line


def _check_columns(path: Path, columns: list[str], needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in columns]
    if missing:
        raise LabelError(f"{path}:1", f"no column {', '.join(missing)}", f"let the first line be {','.join(needed)}")
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise LabelError(f"{path}:1", f"two columns {', '.join(twice)}", "give each column a name of its own")


def _row(path: Path, line_number: int, columns: list[str], cells: list[str]) -> Row:
    if len(cells) != len(columns):
        raise LabelError(
            f"{path}:{line_number}",
            f"{len(cells)} cells where the first line has {len(columns)}",
            "fill the line up with commas, or shorten it; a truncated file must be written again",
        )
    return Row(path, line_number, dict(zip(columns, (cell.strip() for cell in cells), strict=True)))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Iterable[object]], overwrite: bool = False) -> int:
    """Write a CSV file row by row, as `rows` yields them, and return the number of rows.

    The file is complete or not there: an error in `rows` leaves nothing under its name.

    Args:
        path: The file.
        columns: Its first line.
        rows: Cells of each further line; None is an empty cell.
        overwrite: Replace an existing file.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    with complete_file(path, overwrite) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        append_rows(file, [columns])
        return append_rows(file, rows)


def append_rows(file: TextIO, rows: Iterable[Iterable[object]]) -> int:
    """Write rows to an open file, as `write_rows` does, and return how many."""
    count = 0
    for cells in rows:
        file.write(",".join(map(_cell, cells)) + "\n")
        count += 1
    return count


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if _ASKS_FOR_QUOTES.search(text) else text
