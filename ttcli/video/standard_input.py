"""A video from standard input, as a file: most containers cannot be read in one go, and `detect` looks twice."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ttcli.errors import InputError

FOLDER_PREFIX, NAME = "ttcli-", "standard-input"


@contextmanager
def spooled() -> Iterator[Path]:
    """Yield a file with all of standard input, in the folder for temporary files; it is gone after the block."""
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as folder:
        path = Path(folder) / NAME
        if sys.stdin is None:
            raise InputError("-", "standard input is closed", "pipe a video in, as in `cat match.mp4 | ttcli detect -`")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


def is_spooled(path: Path) -> bool:
    """Return whether a file is one that `spooled` made, so that nothing can be written beside it."""
    return path.name == NAME and path.parent.name.startswith(FOLDER_PREFIX)


def shown_name(path: Path) -> str:
    """Return what a video is called in results: as the user called it."""
    return "-" if is_spooled(path) else str(path)
