"""The errors that a user can cause and can cure.

Each message is one line: the place, the fact, the cure, as in `match.mp4: no video stream (audio only); give a file
with a video track`. `cli` prints it on stderr and exits with its code. What the system refuses (a full disk, no
permission, no memory) is made one of these by `as_told`, wherever it is caught. Anything else is a bug.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def one_line(text: str) -> str:
    """Return a text with what is no printable character escaped, so that no name can break a line or colour it."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


class TtcliError(Exception):
    """Base of all expected failures.

    Args:
        place: The file, folder or option that the fact is about.
        fact: What is wrong there.
        cure: What the user can do about it.
    """

    exit_code = 1

    def __init__(self, place: str | Path, fact: str, cure: str) -> None:
        super().__init__(one_line(f"{place}: {fact}; {cure}"))
        self.place = str(place)
        self.fact = fact
        self.cure = cure

    def __reduce__(self) -> tuple:
        """Return how to make the error again, in the process that waits for one which raised it."""
        return type(self), (self.place, self.fact, self.cure)


class InputError(TtcliError):
    """An input file or folder is missing, unreadable or of the wrong kind."""


def check_ordinary(path: Path, pipes: bool = False) -> None:
    """Raise InputError where something is there that is neither a file nor a folder: reading it might never end.

    Args:
        path: What is to be read.
        pipes: Whether a pipe will do, which is read once, from its beginning to its end.
    """
    with told_of_system(path):
        if path.exists() and not (path.is_file() or path.is_dir() or (pipes and path.is_fifo())):
            raise InputError(path, "is no ordinary file", "give a file")


class VideoError(InputError):
    """A video cannot be opened, or none of its frames can be decoded."""


class LabelError(InputError):
    """A label or result file does not hold what its format asks for.

    Args:
        frame_index: The frame whose entry is wrong, where a single one is.
    """

    def __init__(self, place: str | Path, fact: str, cure: str, frame_index: int | None = None) -> None:
        super().__init__(place, fact, cure)
        self.frame_index = frame_index


class CheckpointError(InputError):
    """Weights are damaged, or belong to a network that is not known here."""


class OutputError(TtcliError):
    """An output exists already, or cannot be written."""


class SettingError(TtcliError):
    """Two settings contradict each other, or one is out of its range."""


class UsageError(SettingError):
    """What was asked for can never be right, whatever the files hold, as two outputs of one name."""

    exit_code = 2


class LibraryError(SettingError):
    """What was asked for needs a library that is not installed.

    Args:
        library: Its name as it is imported, which a caller may want; empty where only the text of the error came over.
    """

    def __init__(self, place: str | Path, fact: str, cure: str, library: str = "") -> None:
        super().__init__(place, fact, cure)
        self.library = library

    def __reduce__(self) -> tuple:
        """Return how to make the error again, as `TtcliError` does."""
        return type(self), (self.place, self.fact, self.cure, self.library)


class TrainingError(TtcliError):
    """Training cannot go on, for example after a loss that is not finite."""


class RefusedError(TtcliError):
    """The system refused something: a path, a write, memory."""


CURES = {
    errno.ENOSPC: "make room on the disk, or write elsewhere",
    errno.EDQUOT: "make room, or write elsewhere",
    errno.EACCES: "check the permissions",
    errno.EPERM: "check the permissions",
    errno.EROFS: "write elsewhere",
    errno.ENOENT: "check the name",
    errno.ENOTDIR: "check the name",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "check the links on the way",
    errno.EMFILE: "close other programs, or allow more open files (ulimit -n)",
}
"""What can be done about an error of the system, by its number."""


def as_told(error: BaseException, place: str | Path) -> TtcliError | None:
    """Return what to tell a user of an error; None of one that nobody foresaw.

    Args:
        error: Anything that was raised.
        place: What it is about, where the error does not say.
    """
    if isinstance(error, TtcliError):
        return error
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate memory" in str(error)):
        return RefusedError(place, "there is not enough memory", "close other programs, or ask for less at a time")
    if isinstance(error, UnicodeError):
        return RefusedError(place, "a name or a text is no valid Unicode", "rename the file, or save the text as UTF-8")
    if isinstance(error, OSError):
        named = error.filename if isinstance(error.filename, (str, Path)) else place
        fact = error.strerror or type(error).__name__
        return RefusedError(named, f"the system says: {fact}", CURES.get(error.errno or 0, "check the path and the disk"))
    return None


@contextmanager
def told_of_system(place: str | Path) -> Iterator[None]:
    """Make a `TtcliError` of what the system refuses inside the block."""
    try:
        yield
    except (TtcliError, BrokenPipeError):  # whoever reads no further needs no telling
        raise
    except (OSError, MemoryError, RuntimeError, UnicodeError) as error:
        told = as_told(error, place)
        if told is None:
            raise
        raise told from error
