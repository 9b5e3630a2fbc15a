"""The formats of ball labels that can be read, each found by the content of the file, never by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ttcli.errors import InputError, LabelError
from ttcli.labels import openttgames, ttcli_csv
from ttcli.labels.ball import BallLabel

BEGINNING_CHARACTERS = 4096
"""How much of a file is shown to the formats; the first line or the first tag is enough for each."""


@dataclass(frozen=True)
class LabelFormat:
    """One format of ball labels."""

    name: str
    recognises: Callable[[str], bool]
    """Whether a file that begins with these characters is of this format."""
    read: Callable[[Path], dict[int, BallLabel]]
    picture_height: int | None = None
    """Height of the picture in pixels, where the format fixes it."""
    picture_width: int | None = None
    """Width of the picture in pixels, where the format fixes it."""


FORMATS = (
    LabelFormat("ttcli CSV (frame,status,x,y)", ttcli_csv.recognises, ttcli_csv.read_ball_labels),
    LabelFormat(
        "OpenTTGames ball_markup.json",
        openttgames.recognises,
        openttgames.read_ball_markup,
        openttgames.PICTURE_HEIGHT,
        openttgames.PICTURE_WIDTH,
    ),
)
"""Every format, asked in this order. A new one is a module beside this one and a line here."""


def find_format(path: Path) -> LabelFormat:
    """Return the format of a file of ball labels.

    Raises:
        InputError: The file cannot be opened.
        LabelError: No format knows it.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            beginning = file.read(BEGINNING_CHARACTERS)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name") from error
    for label_format in FORMATS:
        if label_format.recognises(beginning):
            return label_format
    raise LabelError(path, "holds no ball labels that are known here", f"give {' or '.join(f.name for f in FORMATS)}")


def read_ball_labels(path: Path) -> dict[int, BallLabel]:
    """Return the labels of a file in any format that is known here, by frame index; unknown frames have no key."""
    return find_format(path).read(path)
