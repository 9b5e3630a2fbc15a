"""A decision of a person about what `detect` found: what can be decided, and what each kind of decision needs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ttcli.results.csv_rows import FRAME_DIGITS
from ttcli.results.places import MAX_COORDINATE, MOST_SECONDS

KINDS = ("ball", "none", "unknown", "event", "no_event", "rally", "no_rally", "table", "undo")
"""What can be decided.

`ball`: it is at x, y. `none`: it is not to be seen. `unknown`: nobody can tell. `event`, `no_event`: it happened, or
did not. `rally`, `no_rally`: from where to where a rally is, or that there is none. `table`: where its corners are.
`undo`: a decision is taken back.
"""
OF_BALL = ("ball", "none", "unknown")
"""Kinds that are about the ball in one frame."""
EVENT_NAMES = ("bounce", "net")
CORNERS = ("near_left", "near_right", "far_right", "far_left")
"""Corners of the table's top, in the order in which a decision lists them; near is lower on the picture."""


@dataclass(frozen=True)
class Decision:
    """One decision: one line of the file. What a kind has no use for is None."""

    number: int
    """From 1 on, in the order in which they were made."""
    kind: str
    """One of KINDS."""
    frame: float | None = None
    """0-based. For an event the instant, so 12.5 lies between two frames; for a table the frame that showed it."""
    x: float | None = None
    """Pixels of the upright picture."""
    y: float | None = None
    event: str | None = None
    """One of EVENT_NAMES."""
    rally: int | None = None
    """Number of the rally in rallies.csv, from 1 on; None for one that is not there."""
    start_frame: int | None = None
    end_frame: int | None = None
    start_seconds: float | None = None
    """On the clock of ball.csv: of a rally, or from when on a table lies so."""
    end_seconds: float | None = None
    corners: tuple[tuple[float, float], ...] | None = None
    """Pixels, in the order of CORNERS."""
    undone: int | None = None
    """For `undo`: the number of the decision that is taken back."""
    confirmed: bool = False
    """Whether it says what was found already."""
    made: str | None = None
    """When, as ISO 8601 in UTC."""

    def as_json(self) -> dict[str, Any]:
        """Return the line as a dict for JSON: what is filled."""
        said: dict[str, Any] = {"number": self.number, "kind": self.kind}
        for name, key in _KEYS.items():
            if getattr(self, name) is not None:
                said[key] = getattr(self, name)
        return said | ({"confirmed": True} if self.confirmed else {})


_KEYS = {
    "frame": "frame", "x": "x", "y": "y", "event": "event", "rally": "rally",
    "start_frame": "start_frame", "end_frame": "end_frame",
    "start_seconds": "start_s", "end_seconds": "end_s", "corners": "corners", "undone": "of", "made": "made",
}  # fmt: skip
"""Field of a Decision -> its key in the file."""


def decision_from_json(said: object, number: int | None = None) -> Decision:
    """Return the decision that a line, or a request, holds.

    Args:
        said: As `Decision.as_json` returns it; keys that are not known are passed over.
        number: The decision's; None takes the one that is said.

    Raises:
        ValueError: It does not hold what its kind asks for; the message says what.
    """
    if not isinstance(said, dict):
        raise ValueError("is no decision")
    kind = said.get("kind")
    if kind not in KINDS:
        raise ValueError(f"its kind is {kind!r:.40}")
    decision = Decision(
        _whole(said, "number", 1) or 0 if number is None else number,
        kind,
        _number(said, "frame", -0.5, 10**FRAME_DIGITS),
        _number(said, "x", -MAX_COORDINATE, MAX_COORDINATE),
        _number(said, "y", -MAX_COORDINATE, MAX_COORDINATE),
        _word(said, "event", EVENT_NAMES),
        _whole(said, "rally", 1),
        _whole(said, "start_frame", 0),
        _whole(said, "end_frame", 0),
        _number(said, "start_s", -MOST_SECONDS, MOST_SECONDS),
        _number(said, "end_s", -MOST_SECONDS, MOST_SECONDS),
        _corners(said.get("corners")),
        _whole(said, "of", 1),
        said.get("confirmed") is True,
        made if isinstance(made := said.get("made"), str) and len(made) < 40 else None,
    )
    _check(decision)
    return decision


def _check(decision: Decision) -> None:
    """Raise ValueError where a decision lacks what its kind needs, or contradicts itself."""
    needs = {
        "ball": ("frame", "x", "y"), "none": ("frame",), "unknown": ("frame",), "event": ("frame", "event"),
        "no_event": ("frame", "event"), "rally": ("start_frame", "end_frame", "start_seconds", "end_seconds"),
        "no_rally": ("rally",), "table": ("corners", "start_seconds", "end_seconds"), "undo": ("undone",),
    }[decision.kind]  # fmt: skip
    if missing := [_KEYS[name] for name in needs if getattr(decision, name) is None]:
        raise ValueError(f"{decision.kind} has no {', '.join(missing)}")
    if decision.kind in OF_BALL and decision.frame != int(decision.frame or 0):
        raise ValueError(f"frame {decision.frame} of a ball is no whole number")
    if (decision.x is None) != (decision.y is None) or (decision.kind in ("none", "unknown") and decision.x is not None):
        raise ValueError(f"{decision.kind} with x={decision.x}, y={decision.y}")
    for first, last in ((decision.start_frame, decision.end_frame), (decision.start_seconds, decision.end_seconds)):
        if first is not None and last is not None and last < first:
            raise ValueError(f"ends at {last}, before it begins at {first}")


def _number(said: Mapping[str, Any], key: str, least: float, most: float) -> float | None:
    value = said.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < most or not math.isfinite(value):
        raise ValueError(f"{key} is {value!r:.40}")
    return value


def _whole(said: Mapping[str, Any], key: str, least: int) -> int | None:
    value = _number(said, key, least, 10**FRAME_DIGITS)
    if value is not None and value != int(value):
        raise ValueError(f"{key} is {value!r:.40}")
    return None if value is None else int(value)


def _word(said: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str | None:
    value = said.get(key)
    if value is not None and value not in known:
        raise ValueError(f"{key} is {value!r:.40}")
    return value


def _corners(said: object) -> tuple[tuple[float, float], ...] | None:
    if said is None:
        return None
    pairs = said if isinstance(said, (list, tuple)) else ()
    if len(pairs) != len(CORNERS) or any(not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in pairs):
        raise ValueError("corners are no four places")
    return tuple((_coordinate(x), _coordinate(y)) for x, y in pairs)


def _coordinate(value: object) -> float:
    number = _number({"corners": value}, "corners", -MAX_COORDINATE, MAX_COORDINATE)
    if number is None:
        raise ValueError("corners are no four places")
    return number
