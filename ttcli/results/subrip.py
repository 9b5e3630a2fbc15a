"""SubRip subtitles, by which any player shows what happens and jumps to it."""

from collections.abc import Iterable
from pathlib import Path

from ttcli.outputs import complete_file


def write_subrip(path: Path, shown: Iterable[tuple[float, float, str]], overwrite: bool = False) -> None:
    """Write subtitles, complete or not at all.

    Args:
        path: The file.
        shown: From when to when, in seconds, which text is shown; in order.
        overwrite: Replace an existing file.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    with complete_file(path, overwrite) as temporary, temporary.open("w", encoding="utf-8") as file:
        for number, (begin, end, text) in enumerate(shown, 1):
            file.write(f"{number}\n{clock_of(begin)} --> {clock_of(end)}\n{text}\n\n")


def clock_of(seconds: float) -> str:
    """Return seconds as hh:mm:ss,mmm."""
    minutes, milliseconds = divmod(round(max(0.0, seconds) * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d},{milliseconds % 1000:03d}"
