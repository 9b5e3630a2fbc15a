"""What the options of the commands are made of, and how a command prints its result."""

import codecs
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from ttcli import configs
from ttcli.errors import UsageError, one_line, told_of_system
from ttcli.outputs import check_apart

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
PIPE_COLUMNS = 200
"""Width of tables that do not go to a terminal."""


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


WEIGHTS_HELP = "Checkpoint to use: a file, or `fast` for the small one in the package."


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


EVERY_COMMAND = "Every command"
"""The group of options that all commands have."""
FORMER_NAMES = {"--closer": "--refine", "--no-closer": "--no-refine"}
FORMER_NAMES_OF_TRAINING = {"--closer": "--second-stage"}
"""Options by the names that they had once: these still work, and no help shows them."""


class Option(click.Option):
    """An option that help lists in a group with others of its kind."""

    def __init__(self, *args: Any, group: str = EVERY_COMMAND, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.group = group

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return what stands in brackets behind the help: the default. A wrong number ends in a message with the range."""
        extra: dict[str, Any] = dict(super().get_help_extra(ctx))
        extra.pop("range", None)
        return extra


class Command(click.Command):
    """A command that refuses to write what it reads, or one file twice, before it does anything.

    Standard input is copied to a file then, when nothing is wrong with the options, and kept as long as the command runs.
    """

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in groups, in the order of their first ones; those that every command has come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                groups.setdefault(getattr(param, "group", EVERY_COMMAND), []).append(record)
        common = groups.pop(EVERY_COMMAND)
        for name, records in [*groups.items(), (EVERY_COMMAND, common)]:
            with formatter.section(name):
                formatter.write_dl(records)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, also by names that they had once."""
        former = FORMER_NAMES_OF_TRAINING if self.name == "train" else FORMER_NAMES
        known = {name for param in self.params for name in (*param.opts, *param.secondary_opts)}
        end = args.index("--") if "--" in args else len(args)
        now = [former[word] if former.get(word) in known else word for word in args[:end]]
        return super().parse_args(ctx, now + args[end:])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        outputs: dict[str, Path] = {}
        inputs: dict[str, Path] = {}
        for param in self.params:
            value = ctx.params.get(param.name or "")
            if isinstance(param.type, click.Path) and value is not None:
                paths = _several(value)
                kind = outputs if isinstance(param.type, OutputPath) else inputs
                kind.update({_shown(param, path): path for path in paths if path is not STANDARD_INPUT})
        check_apart(outputs, inputs)
        _spool_standard_input(ctx)
        return super().invoke(ctx)


def _spool_standard_input(ctx: click.Context) -> None:
    """Put a file in the place of standard input, where it is asked for."""
    named = [name for name, value in ctx.params.items() for path in _several(value) if path is STANDARD_INPUT]
    if not named:
        return
    if len(named) > 1:
        raise UsageError("-", "standard input is asked for twice", "it can be read once: give - in one place")
    from ttcli.video.standard_input import spooled

    copy = ctx.with_resource(spooled())
    value = ctx.params[named[0]]
    put = tuple(copy if path is STANDARD_INPUT else path for path in _several(value))
    ctx.params[named[0]] = put if isinstance(value, tuple) else copy


def _several(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _shown(param: click.Parameter, path: Path) -> str:
    """Return what an option or an argument is called in a message."""
    return param.opts[0] if isinstance(param, click.Option) else str(path)


plain_option = partial(click.option, cls=Option)
"""Makes an option of no config, as `click.option` does; `group` says under which heading help lists it."""
command = partial(click.command, cls=Command)
"""Makes a command of a function, as `click.command` does."""


def option(config: type, field: str, *names: str, **settings: Any) -> Callable:
    """Return an option whose default comes from the config's field, its one home; `group` is a heading in help."""
    default = next(entry.default for entry in fields(config) if entry.name == field)
    settings.setdefault("show_default", default is not None)
    return plain_option(*names or [f"--{field.replace('_', '-')}"], field, default=default, **settings)


def example(*lines: str) -> str:
    """Return the end of a command's help: lines to copy, which click does not wrap."""
    return "\n".join(["\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)])


overwrite_option = plain_option("--overwrite", is_flag=True, help="Replace outputs that exist.")
quiet_option = plain_option("-q", "--quiet", is_flag=True, help="Show no progress.")
json_option = plain_option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


DEBUG = "ttcli.debug"
"""Key of the context under which stands whether tracebacks are shown."""


def _note_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[DEBUG] = True


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_note_debug, help="Show the traceback of an error."
)


PLAIN = {
    "\u2013": "-",
    "\u2014": "-",
    "\u2026": "...",
    "\u00d7": "x",
    "±": "+-",
    "°": " degrees",
    "µ": "u",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
}
"""What is written for characters that a terminal does not have; others are escaped."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return what is written for characters that an encoding lacks; an error handler of `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(PLAIN.get(character) or ascii(character)[1:-1] for character in lacking), error.end


def write_whatever_comes() -> None:
    """Let both streams write characters that the terminal's encoding lacks, and bytes in names that are no text, plainly."""
    codecs.register_error("ttcli.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="ttcli.plain")


def tell(message: str) -> None:
    """Print a warning or the failure of one file on stderr, in one line."""
    with suppress(OSError, ValueError, AttributeError):  # closed, or full: there is nobody left to tell
        _say(f"ttcli: {one_line(message)}", sys.stderr)


def _say(text: str, stream: TextIO | None) -> None:
    """Print a text as `write_whatever_comes` has it; `click.echo` would write UTF-8 where the terminal takes ASCII."""
    if stream is not None:  # closed before the start; `print` would take standard output instead
        print(text, file=stream, flush=True)


def leave_standard_output() -> None:
    """Let what is still to be written to standard output go nowhere, so that a full disk is reported once."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(as_json: bool, summary: Any, *parts: Any) -> None:
    """Print a result on stdout: as JSON, or its parts, lines or tables, for people."""
    with told_of_system("standard output"):
        if sys.stdout is not None:
            _show(as_json, summary, parts)


def _show(as_json: bool, summary: Any, parts: Iterable[Any]) -> None:
    if as_json:
        _say(json.dumps(summary, indent=2), sys.stdout)
        return
    from rich.console import Console

    for part in parts:
        if isinstance(part, str):
            _say(part, sys.stdout)
        else:
            # In a pipe rich would fold tables to 80 columns. A name in brackets is no markup.
            width = None if sys.stdout.isatty() else PIPE_COLUMNS
            Console(file=sys.stdout, width=width, markup=False, emoji=False).print(part)


def show_summary(summary: dict[str, Any], as_json: bool) -> None:
    """Print a summary that is a plain dict: one line for each entry, or JSON."""
    show(as_json, summary, *(f"{name}: {value}" for name, value in summary.items()))
