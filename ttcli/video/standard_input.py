"""A video from standard input, as a file: most containers cannot be read in one go, and `detect` looks twice."""

import io
import os
import select
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ttcli.errors import InputError, OutputError, SettingError, told_of_system
from ttcli.outputs import lock, remove_if_left

FOLDER_PREFIX, NAME = "ttcli-standard-input-", "standard-input"
NEW_NAME = "new"
"""Name of the file before it is locked."""
READ_BYTES = 1 << 18
WAKING_SECONDS = 0.5
"""How soon a signal is heeded at the latest."""
PIPED = "pipe a video in, as in `cat match.mp4 | ttcli detect -`"
ABANDONED_SECONDS = 60
"""After which a folder without a copy is taken for one whose process was killed before it had begun it."""


@contextmanager
def spooled() -> Iterator[Path]:
    """Yield a file with all of standard input, in the folder for temporary files; it is gone after the block.

    Copies that a process left which was killed are removed first. The copy is locked while it is there, so that others
    can tell.

    Raises:
        InputError: Standard input is closed, empty, or a device.
        OutputError: The copy cannot be kept.
    """
    source = _source()
    with told_of_system("TMPDIR"):
        _sweep(Path(tempfile.gettempdir()))
        folder = tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True)
    with folder as name:
        path = Path(name) / NAME
        with path.with_name(NEW_NAME).open("xb", buffering=0) as file:
            lock(file.fileno())
            path.with_name(NEW_NAME).rename(path)  # now that it is locked: under that name nobody finds it without
            _copy(source, file)
            if not file.tell():
                raise InputError("-", "standard input is empty (0 bytes)", PIPED)
            yield path


def is_spooled(path: Path) -> bool:
    """Return whether a file is one that `spooled` made, so that nothing can be written beside it."""
    return path.name == NAME and path.parent.name.startswith(FOLDER_PREFIX)


def check_named(video: Path, option: str, cure: str) -> None:
    """Raise SettingError, which names an option, where a video is from standard input, so that nothing can go by its name."""
    if is_spooled(video):
        raise SettingError(option, "what comes from standard input has no name", cure)


def shown_name(path: Path) -> str:
    """Return what a video is called in results: as the user called it."""
    return "-" if is_spooled(path) else str(path)


def _source() -> BinaryIO:
    """Return standard input, where it is something that has an end."""
    if sys.stdin is None:
        raise InputError("-", "standard input is closed", PIPED)
    source = sys.stdin.buffer
    try:
        mode = os.fstat(source.fileno()).st_mode
    except OSError:  # none of the system's files: it stands in for one
        return source
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise InputError("-", "standard input is a terminal or another device", PIPED)
    return source


def _copy(source: BinaryIO, file: io.FileIO) -> None:
    """Copy all there is, and tell apart what can fail: reading, and writing."""
    while True:
        try:
            block = memoryview(_read(source))
        except OSError as error:
            raise InputError("-", f"standard input cannot be read ({error.strerror or error})", PIPED) from error
        if not block:
            return
        try:
            while block:
                block = block[file.write(block) :]
        except OSError as error:
            fact = f"its copy cannot be kept in {tempfile.gettempdir()} ({error.strerror})"
            raise OutputError("-", fact, "make room there, or set TMPDIR to another folder") from error


def _read(source: BinaryIO) -> bytes:
    """Return what comes next, as soon as something does."""
    try:
        handle = source.fileno()
    except io.UnsupportedOperation:  # it stands in for a file of the system
        return source.read(READ_BYTES)
    # a signal that comes just before reading begins would else wait for the next byte
    while os.name == "posix" and not select.select([handle], [], [], WAKING_SECONDS)[0]:
        pass
    return os.read(handle, READ_BYTES)


def _sweep(folder: Path) -> None:
    """Remove the copies in a folder that are this user's, and that no process is at work on."""
    if not hasattr(os, "getuid"):  # Windows, which has no such locks either
        return
    with suppress(OSError):
        for left in folder.glob(f"{FOLDER_PREFIX}*"):
            with suppress(OSError):
                _remove_if_left(left)


def _remove_if_left(folder: Path) -> None:
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        return
    inside = [entry.name for entry in folder.iterdir()]
    if inside == [NAME]:
        remove_if_left(folder / NAME)
        folder.rmdir()  # fails where it is still in use
    elif inside in ([], [NEW_NAME]) and time.time() - facts.st_mtime > ABANDONED_SECONDS:
        shutil.rmtree(folder)
