"""Outputs that are complete or not there at all."""

import errno
import glob
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ttcli.errors import OutputError, UsageError, told_of_system

try:
    import fcntl
except ImportError:  # not on Windows: there nothing is swept, and nothing is locked
    fcntl = None  # type: ignore[assignment]

MARK = ".ttcli-"
"""Stands in the names of temporary files, which begin with a dot."""
SHOWN_STEM = 40
"""Characters of the output's name in that of its temporary file: a name may have 255 bytes in all."""
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Of a write: the file system takes no more."""
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
"""Of a link: the file system has none."""


def check_output(path: Path, overwrite: bool) -> None:
    """Raise OutputError now rather than after an hour of work, where `path` could not be written."""
    with told_of_system(path):
        if path.is_dir():
            raise OutputError(path, "is a folder", "give the name of a file")
        if path.exists() and not path.is_file():
            raise OutputError(path, "is no ordinary file", "give the name of a file")
        if path.exists() and not overwrite:
            raise OutputError(path, "exists already", "give another name, or --overwrite to replace it")
        folder = path.parent
        if not folder.is_dir():
            raise OutputError(path, f"the folder {folder} does not exist", "make it first, or give another name")
        if not os.access(folder, os.W_OK):
            raise OutputError(path, f"the folder {folder} cannot be written", "give a folder that you may write to")


def check_apart(outputs: Mapping[str, Path], inputs: Mapping[str, Path]) -> None:
    """Raise UsageError where one file is to be written that is read, or written twice, by whatever names.

    Args:
        outputs: What is to be written, by the name of its option.
        inputs: What is read. A folder may be written into that is read from.
    """
    taken = dict(inputs)
    for name, path in outputs.items():
        for other, its_path in taken.items():
            if _is_same(path, its_path):
                raise UsageError(name, f"is the same file as {other}", "give another name to one of them")
        taken[name] = path


def _is_same(one: Path, other: Path) -> bool:
    with told_of_system(one):
        if one.is_dir() and other.is_dir():
            return False
        both_there = one.exists() and other.exists()
        return one.resolve() == other.resolve() or (both_there and one.samefile(other))


@contextmanager
def complete_file(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary name beside `path`, which becomes `path` when the block ends well.

    An error or an interrupt inside the block removes the temporary file and leaves `path` as it was. What a process left that
    was killed is removed by the next one that writes the same file. The temporary name keeps the suffix of `path`, by which
    writers choose their format.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written, or the disk is full; or a file of
            that name has appeared meanwhile: then what was written is kept under another name, which the message tells.
    """
    check_output(path, overwrite)
    prefix = f".{path.stem[:SHOWN_STEM]}{MARK}"
    _sweep(path, prefix)
    try:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror})", "give another folder") from error
    temporary = Path(name)
    try:
        lock(handle)  # until it is closed, also by the end of the process: who sweeps can tell that somebody is at work
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
        _put_in_place(temporary, path, overwrite)
    except OSError as error:
        if error.errno in DISK_ERRORS:
            fact = f"cannot be written ({error.strerror})"
            raise OutputError(path, fact, "make room on the disk, or give another folder") from error
        raise
    finally:
        with suppress(OSError):
            os.close(handle)
        temporary.unlink(missing_ok=True)


def _put_in_place(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give a file its final name; without `overwrite` never that of a file which is there."""
    if overwrite:
        temporary.replace(path)
    elif not _claimed(temporary, path):
        numbered = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in range(1, 1000))
        kept = next((other for other in numbered if _claimed(temporary, other)), None)
        cure = "delete or move it, and run this again" if kept is None else "keep the one that you want"
        fact = "another file of that name has appeared meanwhile"
        raise OutputError(path, fact if kept is None else f"{fact}; what was written here is in {kept}", cure)


def _claimed(temporary: Path, path: Path) -> bool:
    """Give a file a second name, which is final; return False where that is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return _claimed_without_links(temporary, path)
    return True


def _claimed_without_links(temporary: Path, path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    try:
        temporary.replace(path)
    except OSError:
        path.unlink()
        raise
    return True


def lock(handle: int) -> bool:
    """Lock an open file for this process; return False where another process has it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)  # a file system without locks
    return True


def remove_if_left(path: Path) -> None:
    """Remove a file that processes lock while they are at work on it, unless one is.

    Raises:
        OSError: One is, or it cannot be told.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "there are no locks", str(path))
    handle = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(handle)


def _sweep(path: Path, prefix: str) -> None:
    """Remove temporary files of an output that nobody is at work on: those of processes that were killed."""
    for left in path.parent.glob(f"{glob.escape(prefix)}*{glob.escape(path.suffix)}"):
        with suppress(OSError):
            remove_if_left(left)
