"""Corrections of what `detect` found, as a person decided them: a file to which each decision is appended at once.

The first line says what was corrected. Each further line is one decision, by itself: it holds the place that was
confirmed too, so that it stands without the CSV. Nothing is ever changed in the file: a decision is taken back by a
later line.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from ttcli import __version__
from ttcli.errors import InputError, LabelError, OutputError, check_ordinary, told_of_system
from ttcli.outputs import lock
from ttcli.results.decisions import OF_BALL, Decision, decision_from_json

MADE_BY = "ttcli review"
"""Value of the key `made_by` in the first line, which sets the file apart from any other."""
FORMAT = 1
"""Format of the lines. A file with a higher number is refused; there is no lower one yet."""
ENDING = ".corrections.jsonl"
"""What the name of a video's corrections ends in, after the video's own."""
LONGEST_LINE = 1 << 16
"""Characters; a decision has 200."""
MOST_DECISIONS = 2_000_000


@dataclass
class Corrections:
    """What holds of the decisions of a file, those that were taken back left out."""

    header: dict[str, Any]
    """The first line: `video` and `ball` say what was corrected, as `name`, `bytes` and `sha256`; None where not known."""
    decisions: list[Decision] = field(default_factory=list)
    """All, in their order."""
    torn: bool = False
    """Whether the last line was cut off, by a crash while it was written; it does not count."""

    def standing(self) -> list[Decision]:
        """Return the decisions that stand, in their order."""
        undone = {decision.undone for decision in self.decisions if decision.kind == "undo"}
        return [decision for decision in self.decisions if decision.kind != "undo" and decision.number not in undone]

    def balls(self) -> dict[int, Decision]:
        """Return the last decision about the ball in each frame that has one, in the order of frames."""
        last = {int(decision.frame or 0): decision for decision in self.standing() if decision.kind in OF_BALL}
        return dict(sorted(last.items()))

    def of_kinds(self, *kinds: str) -> list[Decision]:
        """Return the decisions of some kinds that stand, in their order."""
        return [decision for decision in self.standing() if decision.kind in kinds]


def corrections_path(video: Path) -> Path:
    """Return where the corrections of a video lie: match.corrections.jsonl beside match.mp4."""
    return video.with_name(f"{video.stem}{ENDING}")


def is_corrections(beginning: str) -> bool:
    """Tell by the first characters of a file whether it holds corrections."""
    return beginning.lstrip().startswith(f'{{"made_by": "{MADE_BY}"')


def holds_decisions(path: Path) -> bool:
    """Return whether a file of corrections holds more than its first line, as one that a crash has left may not."""
    with path.open("rb") as file:
        return bool(file.readline(LONGEST_LINE) and file.readline(LONGEST_LINE).endswith(b"\n"))


def read_corrections(path: Path) -> Corrections:
    """Return the corrections of a file.

    Raises:
        InputError: It cannot be opened.
        LabelError: A line is no decision, or the file is of a later version; the message names the line.
    """
    check_ordinary(path)
    try:
        with path.open("rb") as file:
            header = _header(path, file.readline(LONGEST_LINE))
            corrections = Corrections(header)
            number = 1
            while line := file.readline(LONGEST_LINE):
                number += 1
                if not line.endswith(b"\n"):
                    corrections.torn = True
                    if len(line) == LONGEST_LINE:
                        raise LabelError(f"{path}:{number}", "is longer than any decision", "remove that line")
                    break
                if line.strip():
                    corrections.decisions.append(_decision(path, number, line, len(corrections.decisions)))
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name") from error
    return corrections


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("made_by") != MADE_BY:
        raise LabelError(path, "holds no corrections of `ttcli review`", "give another file, or move it away")
    known = said.get("format")
    if isinstance(known, bool) or not isinstance(known, int) or known < 1:
        raise LabelError(f"{path}:1", f"its format is {known!r:.40}", "restore the first line, or move the file away")
    if known > FORMAT:
        fact = f"is of a later version of ttcli (format {known}; this one knows {FORMAT})"
        raise LabelError(path, fact, "bring ttcli up to date")
    return said


def _decision(path: Path, number: int, line: bytes, before: int) -> Decision:
    try:
        decision = decision_from_json(json.loads(line))
        if decision.number != before + 1:
            raise ValueError(f"its number is {decision.number}, not {before + 1}")
        if before >= MOST_DECISIONS:
            raise ValueError(f"is one of more than {MOST_DECISIONS:,}")
    except (ValueError, RecursionError) as error:
        fact = "is no JSON" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
        raise LabelError(f"{path}:{number}", fact, "restore that line, or remove it and those after it") from error
    return decision


def header_of(video: Mapping[str, Any] | None, ball: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the first line of a new file.

    Args:
        video: `name`, `bytes` and `sha256` of the video, as far as they are known.
        ball: `name` and `sha256` of the ball.csv.
    """
    return {"made_by": MADE_BY, "format": FORMAT, "version": __version__, "video": video, "ball": ball}


class CorrectionLog:
    """The file of corrections, open to append to, and held: nobody else corrects the match meanwhile.

    A decision is on the disk when `append` returns. What a full disk took only half of is removed again.

    Args:
        path: The file, made where it does not exist.
        header: The first line of a new one; see `header_of`.

    Raises:
        InputError: It cannot be read.
        LabelError: It holds something else, or is of a later version.
        OutputError: It cannot be written, or another review has it open.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        check_ordinary(path)
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise OutputError(path, f"cannot be written ({error.strerror})", "give another --corrections") from error
        try:
            if not lock(self._handle):
                raise OutputError(path, "another review of this match is going on", "end that one first, by Ctrl-C")
            self.corrections = self._begin(header)
        except BaseException:
            os.close(self._handle)
            raise

    def _begin(self, header: Mapping[str, Any]) -> Corrections:
        """Return what the file holds; a new one gets its first line, and what a crash cut off is removed."""
        if not os.fstat(self._handle).st_size:
            self._size = 0
            self._write(header)
            return Corrections(dict(header))
        corrections = read_corrections(self.path)
        self._size = os.fstat(self._handle).st_size
        if corrections.torn:
            os.lseek(self._handle, max(0, self._size - LONGEST_LINE), os.SEEK_SET)
            self._size -= len(os.read(self._handle, LONGEST_LINE).rpartition(b"\n")[2])
            os.ftruncate(self._handle, self._size)
        return corrections

    def append(self, decision: Decision) -> None:
        """Write a decision; its number must be the next one.

        Raises:
            RefusedError: The disk takes no more; the file is as it was.
        """
        if decision.number != self.next_number:
            raise ValueError(f"decision {decision.number} after {self.next_number - 1}")
        self._write(decision.as_json())
        self.corrections.decisions.append(decision)

    @property
    def next_number(self) -> int:
        """Number of the next decision."""
        return len(self.corrections.decisions) + 1

    def last_standing(self) -> Decision | None:
        """Return the last decision that was not taken back."""
        standing = self.corrections.standing()
        return standing[-1] if standing else None

    def close(self) -> None:
        """Let the file go, and remove one in which nothing was ever decided; once more does nothing."""
        if self._handle < 0:
            return
        if not self.corrections.decisions:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._handle)
        self._handle = -1

    def __enter__(self) -> "CorrectionLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _write(self, said: Mapping[str, Any]) -> None:
        line = _line(said).encode()
        try:
            with told_of_system(self.path):
                os.lseek(self._handle, self._size, os.SEEK_SET)
                written = 0
                while written < len(line):
                    written += os.write(self._handle, line[written:])
                os.fsync(self._handle)
        except BaseException:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(line)


def _line(said: Mapping[str, Any]) -> str:
    return json.dumps(said, separators=(", ", ": ")) + "\n"


def lines_of(header: Mapping[str, Any], decisions: Iterable[Decision]) -> Iterator[str]:
    """Yield the lines of a file of corrections."""
    yield _line(header)
    for decision in decisions:
        yield _line(decision.as_json())
