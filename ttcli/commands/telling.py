"""What a command says: its result on standard output, and warnings and failures on standard error."""

import codecs
import io
import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO

from ttcli.errors import one_line, told_of_system

PIPE_COLUMNS = 200
"""Width of tables that do not go to a terminal."""
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
