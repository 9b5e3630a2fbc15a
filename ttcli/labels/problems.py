"""What to do with a label that is wrong by itself, in a file that is right as a whole.

Every reader takes a `report`. It calls it for each entry that it cannot take, and goes on; the entry is unknown.
A file that is wrong as a whole is raised as LabelError, whatever `report` is.
"""

import re
from collections.abc import Callable

from ttcli.errors import LabelError

Report = Callable[[LabelError], None]
"""Takes the problem of one entry. It may raise it."""


def refuse(problem: LabelError) -> None:
    """Raise the problem: the strict reading, in which one wrong entry spoils the file."""
    raise problem


class Problems:
    """Counts the problems of single entries by kind and keeps the first of each, however many there are."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._examples: dict[tuple[str, str], str] = {}

    def add(self, problem: LabelError) -> None:
        """Count a problem; a Report."""
        kind = _file_of(problem.place), _without_values(problem.fact)
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._examples.setdefault(kind, str(problem))

    def merge(self, other: "Problems") -> None:
        """Take the problems of another count."""
        for kind, count in other._counts.items():
            self._counts[kind] = self._counts.get(kind, 0) + count
            self._examples.setdefault(kind, other._examples[kind])

    @property
    def count(self) -> int:
        """How many problems there were."""
        return sum(self._counts.values())

    def lines(self) -> list[str]:
        """Return one line for each kind of problem and file: the first one, and how many more are like it."""
        return [
            self._examples[kind] + (f" (and {count - 1:,} more like it)" if count > 1 else "")
            for kind, count in self._counts.items()
        ]


def _file_of(place: str) -> str:
    """Return the file of `x.csv:12` or `x.json: frame 17`."""
    return re.sub(r"(: frame .*|:\d+)$", "", place)


def _without_values(fact: str) -> str:
    """Return a fact without what differs from entry to entry: numbers, and all from the first quote on."""
    return re.sub(r"\d+(\.\d+)?", "#", re.sub(r"['\"].*", "…", fact))
