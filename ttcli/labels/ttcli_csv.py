"""ttcli's own CSVs as labels: a ball.csv, labels made by hand in `frame,status,x,y`, and an events.csv."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ttcli.errors import LabelError
from ttcli.labels.ball import NOT_VISIBLE, BallEntries, BallLabel, rounded
from ttcli.labels.event import EventLabel
from ttcli.labels.problems import Report, refuse
from ttcli.results.csv_rows import FRAME_DIGITS, Row, read_rows, write_rows

COLUMNS = ("frame", "status", "x", "y")
"""Columns that must be there, in any order; others are passed over."""

EVENT_COLUMNS = ("frame", "time_s", "event", "x", "y", "confidence")
"""Columns of events.csv as written; `frame` and `event` must be there."""

VISIBLE = ("visible", "seen", "filled")
"""Words for a ball that is there: by hand `visible`, in a ball.csv the others."""
ABSENT = ("absent", "unseen")
"""Words for a ball that is not there."""
UNKNOWN = ("unknown", "broken")
"""Words for a frame that nothing is known about."""


def recognises(beginning: str) -> bool:
    """Return whether a file has columns of balls, by its first characters."""
    return set(COLUMNS) <= first_cells(beginning)


def recognises_events(beginning: str) -> bool:
    """Return whether a file has columns of events, by its first characters."""
    return {"frame", "event"} <= first_cells(beginning)


def first_cells(beginning: str) -> set[str]:
    """Return the cells of a file's first line."""
    return {cell.strip().strip('"') for cell in beginning.partition("\n")[0].split(",")}


def read_ball_labels(
    path: Path, report: Report = refuse, height: int | None = None, width: int | None = None
) -> dict[int, BallLabel]:
    """Return the labels of a CSV file; frames that are unknown have no key.

    Args:
        path: The file.
        report: Takes each line that does not hold what it should; its frame is unknown then.
        height: Height of the picture in pixels, if known: balls outside it are reported.
        width: Width of the picture in pixels.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not a CSV of labels.
    """
    entries = BallEntries(report, height, width)
    for row in read_rows(path, needed=COLUMNS):
        try:
            frame_index, label = row.frame_index(), _label(row)
        except LabelError as problem:
            report(problem)
        else:
            entries.add(f"{path}:{row.line_number}", frame_index, label)
    return entries.labels


def write_ball_labels(path: Path, labels: Mapping[int, BallLabel], overwrite: bool = False) -> None:
    """Write labels as `frame,status,x,y`, with positions in hundredths of a pixel; unknown frames have no row."""
    write_rows(path, COLUMNS, ((frame, *label_cells(rounded(label))) for frame, label in sorted(labels.items())), overwrite)


def label_cells(label: BallLabel | None) -> tuple[str, str, str]:
    """Return the cells `status`, `x` and `y` of a label; None is unknown."""
    if label is None:
        return "unknown", "", ""
    return ("visible", f"{label.x:.2f}", f"{label.y:.2f}") if label.visible else ("absent", "", "")


def left_behind(path: Path) -> list[str]:
    """Return what a CSV holds beside ball labels, one line for each thing."""
    statuses: Counter[str] = Counter()
    further: dict[str, bool] = {}
    for row in read_rows(path, needed=COLUMNS):
        statuses[row.cells["status"]] += 1
        further.update((name, True) for name, cell in row.cells.items() if cell and name not in COLUMNS)
    lines = [f"columns without a place in labels: {', '.join(further)}"] if further else []
    if statuses["filled"]:
        lines.append(f"the mark of {statuses['filled']:,} positions as filled in, not seen: correct these first")
    return lines


def read_events(path: Path, report: Report = refuse) -> list[EventLabel]:
    """Return the events of an events.csv by frame; a fractional instant belongs to the nearest frame.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not a CSV of events.
    """
    events: dict[tuple[int, str], EventLabel] = {}
    for row in read_rows(path, needed=("frame", "event")):
        try:
            label = EventLabel(_nearest_frame(row), _event_name(row))
            if (label.frame_index, label.event) in events:
                raise row.error(f"a second event of this name at frame {label.frame_index}", "keep one of them")
        except LabelError as problem:
            report(problem)
        else:
            events[label.frame_index, label.event] = label
    return sorted(events.values(), key=lambda label: label.frame_index)


def write_events(path: Path, events: Iterable[EventLabel], overwrite: bool = False) -> None:
    """Write an events.csv of which only `frame` and `event` are filled, which is all that an EventLabel holds."""
    ordered = sorted(events, key=lambda label: label.frame_index)
    rows = ((label.frame_index, None, label.event, None, None, None) for label in ordered)
    write_rows(path, EVENT_COLUMNS, rows, overwrite)


def events_left_behind(path: Path) -> list[str]:
    """Return what an events.csv holds beside frames and names, one line for each thing."""
    further: dict[str, bool] = {}
    fractional = 0
    for row in read_rows(path, needed=("frame", "event")):
        fractional += not row.cells["frame"].isdecimal()
        further.update((name, True) for name, cell in row.cells.items() if cell and name not in ("frame", "event"))
    lines = [f"columns without a place in labels: {', '.join(further)}"] if further else []
    return lines + ([f"{fractional:,} instants between frames: the nearest frame is written"] if fractional else [])


def _label(row: Row) -> BallLabel | None:
    status = row.cells["status"]
    if status not in VISIBLE + ABSENT + UNKNOWN:
        raise row.error(f"status is {status!r:.40}", f"give one of {', '.join(VISIBLE + ABSENT + UNKNOWN)}")
    x, y = row.position(status in VISIBLE, f"status is {status}")
    if status in VISIBLE:
        return BallLabel(True, x, y)
    return NOT_VISIBLE if status in ABSENT else None


def _nearest_frame(row: Row) -> int:
    frame = row.number("frame")
    if frame is None or not -0.5 <= frame < 10**FRAME_DIGITS:
        raise row.error(f"frame is {row.cells['frame']!r:.40}", "give a number from 0 on, 12.5 between two frames")
    return math.floor(frame + 0.5)


def _event_name(row: Row) -> str:
    if not row.cells["event"]:
        raise row.error("the event has no name", "give one, such as bounce")
    return row.cells["event"]
