"""The kinds of values that options take: what each may be, and the message about a wrong one."""

import math
import os
from pathlib import Path
from typing import Any

import click

from ttcli import configs

DEVICES = click.Choice(configs.DEVICES)
PRECISIONS = click.Choice(configs.PRECISIONS)
RUNTIMES = click.Choice(["auto", "torch", "onnx", "openvino"])
ENCODERS = click.Choice(["auto", "libx264", "libopenh264", "h264_videotoolbox", "h264_nvenc", "mpeg4"])
TRAINING_PRECISIONS = click.Choice(configs.TRAINING_PRECISIONS)
CAMERAS = click.Choice(["any", "side", "end", "corner", "broadcast", "top"])
FILE = click.Path(path_type=Path)
LABEL_FORMATS = click.Choice(["ttcli", "openttgames", "tracknet", "tracknet-tennis", "yolo", "cvat", "corrections"])
BYTES = {"MB": 10**6, "GB": 10**9}
MOST_BYTES = 10**13
MOST_DIGITS = 20
"""Most digits of a number on the command line: no option takes a longer one, and reading it would take ever
longer."""
LARGEST_SIDE = 16384
"""Largest side of a picture, pixels: twice what 8K video has."""


class Number(click.FloatRange):
    """A finite number between bounds, both of which every option has: NaN passes no comparison, and so every range."""

    name = "number"

    def __init__(self, least: float, most: float, least_open: bool = False, most_open: bool = False) -> None:
        super().__init__(least, most, min_open=least_open, max_open=most_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number", param, ctx)
        return number


class WholeNumber(click.IntRange):
    """A whole number between bounds, both of which every option has."""

    name = "number"

    def __init__(self, least: int, most: int) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, str) and len(value) > MOST_DIGITS:
            self.fail(f"{value[:MOST_DIGITS]}... is not a number from {self.min} to {self.max}", param, ctx)
        return super().convert(value, param, ctx)


PARTS = Number(0, 1, least_open=True)
FRAME_RATES = Number(0.1, 2000)
SHARES = Number(0, 1)
WEIGHTS = Number(0, 1e6, least_open=True)
BATCHES, TRAINING_BATCHES = WholeNumber(1, 64), WholeNumber(1, 4096)
"""Windows that go through a network together: more take more memory than a machine has, and gain nothing."""
COUNTS, ANY_COUNTS = WholeNumber(1, 10**9), WholeNumber(0, 10**9)
JOBS = WholeNumber(1, 256)
"""Processes or threads."""
SEEDS = WholeNumber(0, 2**62)
STRIDES = WholeNumber(1, 32)
"""Frames between two neighbours in a window, all of which are kept in memory."""
WINDOWS = WholeNumber(1, 9)


class PictureSize(click.ParamType):
    """A width and a height, as in 1920x1080, given on as (height, width)."""

    name = "WIDTHxHEIGHT"

    def get_metavar(self, *args: Any, **settings: Any) -> str:
        """Return how help writes the value, with a small x."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        width, _, height = value.lower().partition("x")
        if not all(side.isascii() and side.isdecimal() and len(side) <= MOST_DIGITS for side in (width, height)):
            self.fail(f"{value[:40]!r} is not a width and a height such as 1920x1080", param, ctx)
        if not all(1 <= int(side) <= LARGEST_SIDE for side in (width, height)):
            self.fail(f"{value!r} is out of range: sides have 1 to {LARGEST_SIDE} pixels", param, ctx)
        return int(height), int(width)


class MemorySize(click.ParamType):
    """A number of bytes, as in 5GB or 500MB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, unit = value[:-2], value[-2:].upper()
        is_number = number.isascii() and number.replace(".", "", 1).isdecimal() and len(number) <= MOST_DIGITS
        if unit not in BYTES or not is_number:
            self.fail(f"{value[:40]!r} is not a size such as 5GB or 500MB", param, ctx)
        size = int(float(number) * BYTES[unit])
        if size > MOST_BYTES:
            self.fail(f"{value!r} is out of range: at most {MOST_BYTES // BYTES['GB']}GB", param, ctx)
        return size


class Step(click.ParamType):
    """A number of frames, from 1 to the frames of a window, or auto."""

    name = "FRAMES|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value == "auto" or isinstance(value, int):
            return value
        return WINDOWS.convert(value, param, ctx)


STANDARD_INPUT = Path("-")
"""Stands for standard input until the command begins; a file of that name is another object."""


class VideoPath(click.Path):
    """The path of a video; `-` is standard input."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return STANDARD_INPUT if value == "-" else Path(os.fsdecode(super().convert(value, param, ctx)))


VIDEO = VideoPath(path_type=Path)


class OutputPath(click.Path):
    """The path of a file or folder that a command writes."""


OUTPUT = OutputPath(path_type=Path)
