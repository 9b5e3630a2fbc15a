"""ttcli's own CSV as labels: a ball.csv, or labels made by hand in `frame,status,x,y`."""

from pathlib import Path

from ttcli.csv_rows import read_rows
from ttcli.labels.ball import NOT_VISIBLE, BallLabel

COLUMNS = ("frame", "status", "x", "y")
"""Columns that must be there, in any order; others are passed over."""

VISIBLE = ("visible", "seen", "filled")
"""Words for a ball that is there: by hand `visible`, in a ball.csv the others."""
ABSENT = ("absent", "unseen")
"""Words for a ball that is not there."""
UNKNOWN = ("unknown", "broken")
"""Words for a frame that nothing is known about."""


def recognises(beginning: str) -> bool:
    """Tell by the first characters of a file whether its columns are those."""
    first_line = beginning.partition("\n")[0]
    return set(COLUMNS) <= {cell.strip().strip('"') for cell in first_line.split(",")}


def read_ball_labels(path: Path) -> dict[int, BallLabel]:
    """Return the labels of a CSV file; frames that are unknown have no key.

    Raises:
        InputError: The file cannot be opened.
        LabelError: A line does not hold what it should, or has the frame of another.
    """
    labels: dict[int, BallLabel] = {}
    lines: dict[int, int] = {}
    for row in read_rows(path, needed=COLUMNS):
        frame_index, status = row.frame_index(), row.cells["status"]
        if frame_index in lines:
            raise row.error(f"frame {frame_index} stands in line {lines[frame_index]} already", "keep one of them")
        lines[frame_index] = row.line_number
        if status not in VISIBLE + ABSENT + UNKNOWN:
            raise row.error(f"status is {status!r:.40}", f"give one of {', '.join(VISIBLE + ABSENT + UNKNOWN)}")
        x, y = row.position(status in VISIBLE, f"status is {status}")
        if status in VISIBLE:
            labels[frame_index] = BallLabel(True, x, y)
        elif status in ABSENT:
            labels[frame_index] = NOT_VISIBLE
    return labels
