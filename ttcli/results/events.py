"""Events found in a video, and the file events.csv that holds them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ttcli.errors import SettingError
from ttcli.results.csv_rows import FRAME_DIGITS, Row, read_rows, write_rows
from ttcli.results.places import FarPlaces

COLUMNS = ("frame", "time_s", "event", "x", "y", "confidence", "error_s", "table_x_m", "table_y_m")
"""Columns of events.csv, in the order in which they are written; they are read by name."""


MOST_METRES = 10.0
"""From the table's middle: no bounce on it is farther."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: one row of events.csv."""

    frame: float
    """0-based; the instant, so 12.5 lies in the middle between two frames."""
    time_seconds: float | None
    """On the clock of ball.csv; None where a file that was read does not hold it."""
    event: str
    """`bounce`: on the table. `net`: the ball passes the net's plane, which is no fault. Files may bring others."""
    x: float | None = None
    """Pixels of the upright picture, to the right; None where not known."""
    y: float | None = None
    """Pixels of the upright picture, downwards; None where not known."""
    confidence: float | None = None
    """In [0, 1]."""
    error_seconds: float | None = None
    """The instant is within this of the true one in 95 of 100 cases, by the fit of the flight; None where not fitted."""
    table_x: float | None = None
    """For a bounce: metres from the table's middle across it, by `table.camera`'s axes; None where the table is not
    known."""
    table_y: float | None = None
    """Metres from the net along the table."""

    @property
    def seconds(self) -> float:
        """`time_seconds` of an event that must have one, as those that are spotted do.

        Raises:
            ValueError: It has none.
        """
        if self.time_seconds is None:
            raise ValueError(f"{self.event} at frame {self.frame} has no time")
        return self.time_seconds

    @property
    def place(self) -> tuple[float, float] | None:
        """X and y; None where the place is not known."""
        return None if self.x is None or self.y is None else (self.x, self.y)

    @property
    def certainty(self) -> float:
        """`confidence`, 1 where there is none: who writes an event by hand is sure."""
        return 1.0 if self.confidence is None else self.confidence


def check_threshold(threshold: float, option: str = "--event-threshold") -> None:
    """Raise SettingError, which names the option, where the least confidence of events or rallies is none."""
    if not 0 < threshold <= 1:
        raise SettingError(option, f"{threshold} is out of range", "give a number above 0, at most 1")


def write_events_csv(path: Path, events: Iterable[Event], overwrite: bool = False) -> int:
    """Write events.csv row by row, as `events` yields them, and return the number of rows.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    return write_rows(path, COLUMNS, map(_cells, events), overwrite)


def read_events_csv(path: Path, far: FarPlaces | None = None) -> list[Event]:
    """Return the rows of events.csv sorted by instant; all columns but frame and event may be missing.

    Args:
        path: The file.
        far: Knows the picture, and counts rows whose place no ball can have, which have none then; if None, what no picture
            can hold.

    Raises:
        InputError: The file cannot be opened.
        LabelError: A line does not hold what it should; the message names the file and the line.
    """
    far = far or FarPlaces()
    return sorted((_parse_row(row, far) for row in read_rows(path, needed=("frame", "event"))), key=lambda event: event.frame)


def _cells(event: Event) -> tuple[object, ...]:
    return (
        f"{event.frame:.2f}",
        _format(event.time_seconds, 6),
        event.event,
        _format(event.x, 2),
        _format(event.y, 2),
        _format(event.confidence, 3),
        _format(event.error_seconds, 4),
        _format(event.table_x, 3),
        _format(event.table_y, 3),
    )


def _format(value: float | None, decimals: int) -> str | None:
    return None if value is None else f"{value:.{decimals}f}"


def _parse_row(row: Row, far: FarPlaces) -> Event:
    frame, confidence, error = row.number("frame"), row.number("confidence"), row.number("error_s")
    if frame is None or not -0.5 <= frame < 10**FRAME_DIGITS:
        raise row.error(f"frame is {row.cells['frame']!r:.40}", "give a number from 0 on, 12.5 between two frames")
    if not row.cells["event"]:
        raise row.error("the event has no name", "give one, such as bounce")
    if confidence is not None and not 0 <= confidence <= 1:
        raise row.error(f"confidence is {confidence}", "give a number from 0 to 1, or leave the cell empty")
    if error is not None and error < 0:
        raise row.error(f"error_s is {error}", "give seconds from 0 on, or leave the cell empty")
    x, y = row.number("x"), row.number("y")
    if (x is None) != (y is None):
        raise row.error("one of x and y is empty", "fill both, or empty both")
    if x is not None and y is not None and far.holds(x, y, row.line_number):
        x = y = None
    table_x, table_y = row.number("table_x_m"), row.number("table_y_m")
    if any(place is not None and abs(place) > MOST_METRES for place in (table_x, table_y)):
        table_x = table_y = None
    return Event(frame, row.seconds(), row.cells["event"], x, y, confidence, error, table_x, table_y)
