"""Outputs that are complete or not there at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ttcli.errors import OutputError


def check_output(path: Path, overwrite: bool) -> None:
    """Raise OutputError now rather than after an hour of work, where `path` could not be written."""
    if path.is_dir():
        raise OutputError(path, "is a folder", "give the name of a file")
    if path.exists() and not overwrite:
        raise OutputError(path, "exists already", "give another name, or --overwrite to replace it")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(path, f"the folder {folder} does not exist", "make it first, or give another name")
    if not os.access(folder, os.W_OK):
        raise OutputError(path, f"the folder {folder} cannot be written", "give a folder that you may write to")


@contextmanager
def complete_file(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary name beside `path`, which becomes `path` when the block ends well.

    An error or an interrupt inside the block removes the temporary file and leaves `path` as it was.
    The temporary name keeps the suffix of `path`, by which writers choose their format.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    check_output(path, overwrite)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror})", "give another folder") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
