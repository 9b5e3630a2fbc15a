"""The errors that a user can cause and can cure.

Each message is one line: the place, the fact, the cure, as in
`match.mp4: no video stream (audio only); give a file with a video track`.
`cli` prints it on stderr and exits with 1. Anything else is a bug and keeps its traceback.
"""

from pathlib import Path


class TtcliError(Exception):
    """Base of all expected failures.

    Args:
        place: The file, folder or option that the fact is about.
        fact: What is wrong there.
        cure: What the user can do about it.
    """

    def __init__(self, place: str | Path, fact: str, cure: str) -> None:
        super().__init__(f"{place}: {fact}; {cure}")
        self.place = str(place)
        self.fact = fact
        self.cure = cure

    def __reduce__(self) -> tuple:
        """Return how to make the error again, in the process that waits for one which raised it."""
        return type(self), (self.place, self.fact, self.cure)


class InputError(TtcliError):
    """An input file or folder is missing, unreadable or of the wrong kind."""


class VideoError(InputError):
    """A video cannot be opened, or not one frame of it can be decoded."""


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


class LibraryError(SettingError):
    """What was asked for needs a library that is not installed.

    Args:
        library: Its name as it is imported, where a caller may want it.
    """

    def __init__(self, place: str | Path, fact: str, cure: str, library: str | None = None) -> None:
        super().__init__(place, fact, cure)
        self.library = library


class TrainingError(TtcliError):
    """Training cannot go on, for example after a loss that is not finite."""
