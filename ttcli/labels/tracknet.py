"""The CSVs of the TrackNet family, in both dialects. Positions are pixels of the video, frames are 0-based.

`Frame,Visibility,X,Y` (TrackNetV2 and later, in any order of columns, others such as `Inpaint_Mask` or BlurBall's
`l,theta` passed over): 0 is not visible, written as 0,0 by most and as -1,-1 by some; 1 is visible. Since a visible
ball exactly at 0,0 or -1,-1 is rather a slip than a ball, such a row is reported and unknown.

`file name,visibility,x-coordinate,y-coordinate,status` (TrackNet on tennis): one row for each picture, numbered by
frame. Visibility 0 is out of the picture, 1 easy, 2 hard to see, 3 occluded: there the position is a guess, so the
frame is unknown. Status is 0 in flight, 1 hit, 2 bounce. The labelled point is the leading edge of the blur.

Where a file of the first dialect has 2 or 3, they are read as in the second. A frame without a row is unknown.
"""

from collections.abc import Mapping
from pathlib import Path

from ttcli.errors import LabelError
from ttcli.labels.ball import NOT_VISIBLE, BallEntries, BallLabel, rounded
from ttcli.labels.event import EventLabel
from ttcli.labels.picture_names import frame_of_stem, is_plain_name
from ttcli.labels.problems import Report, refuse
from ttcli.labels.ttcli_csv import first_cells
from ttcli.results.csv_rows import Row, read_rows, write_rows

COLUMNS = ("Frame", "Visibility", "X", "Y")
TENNIS_COLUMNS = ("file name", "visibility", "x-coordinate", "y-coordinate", "status")

VISIBILITIES = ("0", "1", "2", "3")
OCCLUDED = "3"

STATUS_EVENTS = {"1": "hit", "2": "bounce"}
STATUSES = ("", "0", *STATUS_EVENTS)


def recognises(beginning: str) -> bool:
    """Tell by the first characters of a file whether it is `Frame,Visibility,X,Y`."""
    return set(COLUMNS) <= first_cells(beginning)


def recognises_tennis(beginning: str) -> bool:
    """Tell by the first characters of a file whether it is of the older dialect; status may be missing."""
    return set(TENNIS_COLUMNS[:4]) <= first_cells(beginning)


def read_ball_labels(
    path: Path, report: Report = refuse, height: int | None = None, width: int | None = None
) -> dict[int, BallLabel]:
    """Return the labels of a `Frame,Visibility,X,Y` file.

    Args:
        path: The file.
        report: Takes each line that does not hold what it should; its frame is unknown then.
        height: Height of the picture in pixels, if known: balls outside it are reported.
        width: Width of the picture in pixels.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not a CSV with these columns.
    """
    entries = BallEntries(report, height, width)
    for row in read_rows(path, needed=COLUMNS):
        try:
            frame_index, label = row.frame_index("Frame"), _label(row, "Visibility", "X", "Y")
        except LabelError as problem:
            report(problem)
        else:
            entries.add(f"{path}:{row.line_number}", frame_index, label)
    return entries.labels


def read_tennis_labels(
    path: Path, report: Report = refuse, height: int | None = None, width: int | None = None
) -> dict[int, BallLabel]:
    """Return the labels of a Label.csv of the older dialect; arguments and errors as for `read_ball_labels`.

    Raises:
        LabelError: Also where a file name has a folder or no number: it is never opened, and so not guessed at.
    """
    entries = BallEntries(report, height, width)
    for row in read_rows(path, needed=TENNIS_COLUMNS[:4]):
        frame_index = _frame_of_name(row)
        try:
            label = _label(row, "visibility", "x-coordinate", "y-coordinate")
        except LabelError as problem:
            report(problem)
        else:
            entries.add(f"{path}:{row.line_number}", frame_index, label)
    return entries.labels


def read_tennis_events(path: Path, report: Report = refuse) -> list[EventLabel]:
    """Return the hits and bounces of the column `status`, by frame.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not such a file, or a file name in it is refused as in `read_tennis_labels`.
    """
    events: dict[int, str] = {}
    for row in read_rows(path, needed=("file name", "status")):
        frame_index, status = _frame_of_name(row), row.cells["status"]
        if status not in STATUSES:
            report(row.error(f"status is {status!r:.40}", "give 0 for flight, 1 for a hit or 2 for a bounce"))
        elif status in STATUS_EVENTS and frame_index in events:
            report(row.error(f"a second event at frame {frame_index}", "keep one of them"))
        elif status in STATUS_EVENTS:
            events[frame_index] = STATUS_EVENTS[status]
    return [EventLabel(frame_index, event) for frame_index, event in sorted(events.items())]


def write_ball_labels(path: Path, labels: Mapping[int, BallLabel], overwrite: bool = False) -> None:
    """Write `Frame,Visibility,X,Y`; not visible is 0,0,0, and unknown frames have no row."""
    rows = ((frame, *_cells(label, nowhere="0")) for frame, label in _writable(labels))
    write_rows(path, COLUMNS, rows, overwrite)


def write_tennis_labels(path: Path, labels: Mapping[int, BallLabel], overwrite: bool = False) -> None:
    """Write the older dialect; visible balls are all `easy`, and status, which labels do not hold, is empty."""
    rows = ((f"{frame:04d}.jpg", *_cells(label, nowhere=""), "") for frame, label in _writable(labels))
    write_rows(path, TENNIS_COLUMNS, rows, overwrite)


def cannot_hold(label: BallLabel) -> str | None:
    """Return why a label cannot be written, if so."""
    if label.place is not None and any(value < 0 for value in label.place):
        return "a coordinate below 0, which readers take for a ball that is not visible"
    if label.place == (0, 0):
        return "the corner 0,0, which readers take for a ball that is not visible"
    return None


def left_behind(path: Path) -> list[str]:
    """Return what a file of the first dialect holds beside ball labels, one line for each thing."""
    row = next(read_rows(path, needed=COLUMNS), None)
    further = [name for name in row.cells if name not in COLUMNS] if row else []
    return [f"columns without a place in labels: {', '.join(further)}"] if further else []


def tennis_left_behind(path: Path) -> list[str]:
    """Return what a file of the older dialect holds beside ball labels, one line for each thing."""
    rows = [row.cells for row in read_rows(path, needed=TENNIS_COLUMNS[:4])]
    events = sum(cells.get("status") in STATUS_EVENTS for cells in rows)
    hard = sum(cells["visibility"] == "2" for cells in rows)
    guessed = sum(cells["visibility"] == OCCLUDED for cells in rows)
    lines = [f"{events:,} hits and bounces, which are events, not balls"] if events else []
    lines += [f"{hard:,} balls hard to see are visible like others"] if hard else []
    return lines + ([f"{guessed:,} guessed positions of an occluded ball are unknown"] if guessed else [])


def _label(row: Row, visibility_column: str, x_column: str, y_column: str) -> BallLabel | None:
    visibility = row.cells[visibility_column]
    if visibility not in VISIBILITIES:
        raise row.error(f"{visibility_column} is {visibility!r:.40}", "give 0 for not visible, 1 for visible")
    if visibility == "0":  # whatever the position says: 0,0 and -1,-1 occur, and nothing
        return NOT_VISIBLE
    if visibility == OCCLUDED:
        return None
    x, y = row.number(x_column), row.number(y_column)
    if x is None or y is None:
        raise row.error(f"{visibility_column} is {visibility}, but the position is empty", "fill it, or give 0")
    if (x, y) in ((0, 0), (-1, -1)):
        cure = "give 0 if it is not, or the position"
        raise row.error(f"{visibility_column} says visible, the position {x:g},{y:g} that it is not", cure)
    if x < 0 or y < 0:
        raise row.error("a coordinate is below 0", f"give pixels from 0 on, or {visibility_column} 0")
    return BallLabel(True, x, y)


def _frame_of_name(row: Row) -> int:
    name = row.cells["file name"]
    if not is_plain_name(name):
        raise row.error(f"the file name {name!r:.60} leads to another folder", "give the plain name of a picture")
    frame_index = frame_of_stem(name.partition(".")[0])
    if frame_index is None:
        raise row.error(f"the file name {name!r:.60} has no frame number", "give a name such as 0000.jpg")
    return frame_index


def _writable(labels: Mapping[int, BallLabel]) -> list[tuple[int, BallLabel]]:
    rows = [(frame_index, rounded(label)) for frame_index, label in sorted(labels.items())]
    return [(frame_index, label) for frame_index, label in rows if cannot_hold(label) is None]


def _cells(label: BallLabel, nowhere: str) -> tuple[str, str, str]:
    """Return visibility, x and y; a ball that is not visible is `nowhere`."""
    return ("1", f"{label.x:.2f}", f"{label.y:.2f}") if label.visible else ("0", nowhere, nowhere)
