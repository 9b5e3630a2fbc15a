"""The windows of an extracted clip: the rows of its windows.csv, `first,stride,split,kind`."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ttcli.results.csv_rows import read_rows, write_rows
from ttcli.training_set.splits import SPLITS

WINDOWS_FILE = "windows.csv"
COLUMNS = ("first", "stride", "split", "kind")


class StoredWindow(NamedTuple):
    """One window of a clip, all of whose frames are stored."""

    first: int
    """Frame of the window's first place."""
    stride: int
    """Frames between two neighbours in the window."""
    split: str
    """One of SPLITS."""
    kind: str
    """Why it was kept: an event's name, `far`, `labelled`, ..."""

    def frame_indexes(self, window_size: int) -> range:
        """Return the frames of the window, `window_size` of them."""
        return range(self.first, self.first + window_size * self.stride, self.stride)


def write_windows(folder: Path, windows: Iterable[StoredWindow]) -> int:
    """Write the windows.csv of a clip's folder and return the number of windows.

    Raises:
        OutputError: The folder cannot be written, or the disk is full.
    """
    return write_rows(folder / WINDOWS_FILE, COLUMNS, windows, overwrite=True)


def read_windows(folder: Path) -> list[StoredWindow]:
    """Return the windows of a clip, in the order of the file.

    Raises:
        InputError: There is no windows.csv.
        LabelError: A row does not hold what it should.
    """
    windows = []
    for row in read_rows(folder / WINDOWS_FILE, needed=COLUMNS):
        stride, split = row.frame_index("stride"), row.cells["split"]
        if stride == 0:
            raise row.error("stride is 0", "give 1 for neighbouring frames")
        if split not in SPLITS:
            raise row.error(f"split is {split!r:.40}", f"give one of {', '.join(SPLITS)}")
        windows.append(StoredWindow(row.frame_index("first"), stride, split, row.cells["kind"]))
    return windows
