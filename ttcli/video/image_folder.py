"""A folder of numbered pictures as a video: one file is one frame."""

import re
from collections.abc import Iterator
from pathlib import Path

import av.error
from av.video.frame import VideoFrame

from ttcli.errors import InputError, TtcliError
from ttcli.video.opening import opened

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""What counts as a picture."""


def numbered_images(folder: Path) -> dict[int, Path]:
    """Return the pictures of a folder by the number at the end of their names, in its order.

    Files that are hidden, without number, or with the number of another picture are left out.

    Raises:
        InputError: The name of one is no valid UTF-8, so that no result could tell it.
    """
    images: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        number = re.search(r"(\d{1,9})$", path.stem)
        if number and path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file():
            _check_name(path)
            images.setdefault(int(number[1]), path)
    return dict(sorted(images.items()))


def decode_images(folder: Path) -> Iterator[tuple[int, VideoFrame | None]]:
    """Yield (number, frame) of the pictures in order, with None for one that cannot be decoded."""
    for number, path in numbered_images(folder).items():
        yield number, _decode_image(path)


def _check_name(path: Path) -> None:
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise InputError(path, "the name of this picture is no valid UTF-8", "rename it") from error


def _decode_image(path: Path) -> VideoFrame | None:
    try:
        with opened(path, still=True) as container:
            return next(container.decode(video=0), None)
    except (TtcliError, av.error.FFmpegError, IndexError):  # not there any more, damaged, or no picture at all
        return None
