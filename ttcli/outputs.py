"""Outputs that are complete or not there at all."""

import errno
import glob
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
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
"""Characters of the output's name that its temporary file keeps: a name may have 255 bytes in all."""
LOCK_FILE = ".lock"
"""In a folder that one command at a time fills. Where a killed one has left it, nobody holds it, and it says nothing."""
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Errors of a write: the file system takes no more."""
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
"""Errors of a link: the file system has none."""


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in, unless it is there.

    Raises:
        OutputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, f"cannot be made ({error.strerror})", "give a folder that you may write to") from error


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

    An error or an interrupt inside the block removes the temporary file and leaves `path` as it was. What a process
    left that was killed is removed by the next one that writes the same file. The temporary name keeps the suffix of
    `path`, by which writers choose their format.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written, or the disk is full.
            Or a file of that name has appeared meanwhile: then the output stays under another name, which the
            message gives.
    """
    check_output(path, overwrite)
    sweep(path.parent, prefix_of(path), path.suffix)
    temporary, handle = None, None
    try:
        try:
            temporary, handle = _locked_file(path)
        except OSError as error:
            if error.errno in DISK_ERRORS:
                raise
            raise OutputError(path, f"cannot be written ({error.strerror})", "give another folder") from error
        yield temporary
        _put_in_place(temporary, path, overwrite)
    except OSError as error:
        if error.errno in DISK_ERRORS:
            fact = f"cannot be written ({error.strerror})"
            raise OutputError(path, fact, "make room on the disk, or give another folder") from error
        raise
    finally:
        try:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
        finally:
            if handle is not None:
                os.close(handle)


def _locked_file(path: Path) -> tuple[Path, int]:
    """Return a new temporary file beside a path, and its handle, locked until it is closed, also by the end of the process.

    So who sweeps can tell that somebody is at work. A file that is swept before it is locked gives way to another one.
    """
    while True:
        temporary = _new_name(path.parent, prefix_of(path), path.suffix)
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if lock(handle) and temporary.exists():
            return temporary, handle
        os.close(handle)


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder, which is removed after the block with all that is in it.

    Where it has been given another name meanwhile, it stays. What a process left that was killed is for `sweep`.
    """
    folder, handle = _new_name(parent, prefix), None
    try:
        folder.mkdir(mode=0o700)
        if fcntl is not None:
            handle = os.open(folder, os.O_RDONLY)
            lock(handle)
        yield folder
    finally:
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            if handle is not None:
                os.close(handle)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Make a folder, and keep out other commands that would fill it while the block lasts.

    Raises:
        OutputError: It cannot be made, or another command is at work in it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        handle = _open_lock(folder)
    except OSError as error:
        raise OutputError(folder, f"cannot be made ({error.strerror})", "give a folder that you may write to") from error
    if handle is None:
        raise OutputError(folder, "another run is going on in it", "wait for it, or give another folder")
    try:
        yield
    finally:
        (folder / LOCK_FILE).unlink(missing_ok=True)
        os.close(handle)
        with suppress(OSError):  # with something in it, for which it was made
            for empty in made:
                empty.rmdir()


def _open_lock(folder: Path) -> int | None:
    """Return the lock of a folder, open and held; None where another process holds it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # who held it has removed the folder meanwhile
        if not lock(handle):
            os.close(handle)
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), (folder / LOCK_FILE).stat()):
                return handle
        os.close(handle)  # who held it has removed it meanwhile


def holds_something(folder: Path) -> bool:
    """Return whether a folder holds more than empty folders and what commands have left that were killed."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            if holds_something(path):
                return True
        elif path.name != LOCK_FILE and not (path.name.startswith(".") and MARK in path.name):
            return True
    return False


def prefix_of(path: Path) -> str:
    """Return how the names begin of temporary files, and folders, that are to become `path`."""
    return f".{path.stem[:SHOWN_STEM]}{MARK}"


def _new_name(folder: Path, prefix: str, suffix: str = "") -> Path:
    """Return a name that nobody has. It is there before the file is, so that no interrupt can come between."""
    return folder / f"{prefix}{secrets.token_hex(6)}{suffix}"


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


def sweep(folder: Path, prefix: str, suffix: str = "") -> None:
    """Remove temporary files and folders that nobody is at work on: killed processes left them."""
    sweep_these(folder.glob(f"{glob.escape(prefix)}*{glob.escape(suffix)}"))


def sweep_below(folder: Path) -> None:
    """Remove the temporary files in a folder, and in those in it, that nobody is at work on."""
    sweep_these(list(folder.rglob(f".*{MARK}*")))


def sweep_these(paths: Iterable[Path], before: Callable[[Path], object] = lambda path: None) -> None:
    """Remove those temporary files and folders among the given ones that nobody is at work on.

    Args:
        paths: Paths, of which some may be another process's.
        before: Called with each before it is removed. One at which it raises OSError stays.
    """
    for path in paths:
        with suppress(OSError):
            remove_if_left(path, before)


def remove_if_left(path: Path, before: Callable[[Path], object] = lambda path: None) -> None:
    """Remove a file or folder that processes lock while they are at work on it, unless one is.

    Args:
        path: The file or folder.
        before: As for `sweep_these`.

    Raises:
        OSError: A process is at work on it, or nobody knows.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "there are no locks", str(path))
    kind = os.O_RDONLY | os.O_DIRECTORY if path.is_dir() else os.O_RDWR
    handle = os.open(path, kind | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        before(path)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    finally:
        os.close(handle)
