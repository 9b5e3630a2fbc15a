"""The strokes of a match, and the file strokes.csv that lists them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ttcli.results.csv_rows import Row, read_rows, write_rows
from ttcli.results.rallies import SIDES

COLUMNS = (
    "stroke", "rally", "time_s", "frame", "side", "x_m", "y_m", "z_m", "speed_kmh", "speed_low", "speed_high",
    "net_clearance_cm", "clearance_low", "clearance_high", "apex_m", "bounce_time_s", "bounce_x_m", "bounce_y_m",
    "bounce_major_cm", "bounce_minor_cm", "bounce_angle_deg", "zone", "spin", "spin_confidence", "ended", "confidence",
    "toss_cm", "toss_low", "toss_high", "toss_angle_deg", "toss_angle_low", "toss_angle_high",
)  # fmt: skip
"""Columns of strokes.csv, in the order in which they are written; they are read by name."""
ENDED = ("in", "net", "long", "wide")
"""How a stroke ended. `in`: on the other half. `net`: it did not pass. `long`, `wide`: beyond the table's end or its side."""
SPINS = ("top", "back")
DEPTHS, ACROSS = ("short", "half", "long"), ("left", "middle", "right")
ZONES = tuple(f"{depth}_{across}" for depth in DEPTHS for across in ACROSS)
"""Nine parts of a half: a third of its depth each from the net on, and a third of its width as its own player sees it."""
FASTEST_KMH = 35.0 * 3.6
"""No stroke is faster; what says so is an error."""
MOST_METRES = 20.0
"""From the table's middle: no ball in play is farther."""


class Estimate(NamedTuple):
    """A number with the interval in which the true one lies in 95 of 100 cases."""

    value: float
    low: float
    high: float


class Toss(NamedTuple):
    """How a server tossed the ball: from where it left the palm to its highest point, centimetres."""

    low: float
    """The ball rose so far at least, in 97.5 of 100 cases."""
    value: float | None
    """None where the ball was first seen in flight: nobody knows how far it had risen before."""
    high: float | None
    """The ball rose no farther in 97.5 of 100 cases; None where `value` is."""
    angle: Estimate | None
    """Degrees from the vertical as it left the palm."""


class Ellipse(NamedTuple):
    """Where on the table a ball bounced, in metres, with the ellipse that holds 95 of 100 true positions."""

    seconds: float
    x: float
    y: float
    major: float
    """Half of its longer axis, metres."""
    minor: float
    angle: float
    """Degrees from the x axis to the longer one, towards the y axis; 0 to 180."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One stroke: one row of strokes.csv. None means "cannot tell"."""

    time_seconds: float
    """When the racket met the ball, on the clock of ball.csv; when the ball was first seen after it where that is not known."""
    frame: float
    rally: int | None = None
    """The row of rallies.csv that it belongs to, from 1 on."""
    side: str | None = None
    """One of SIDES: from where the ball was struck."""
    place: tuple[float, float, float] | None = None
    """Where it was struck: metres from the middle of the table's surface, across it, along it and upwards."""
    speed: Estimate | None = None
    """Just after the stroke, km/h."""
    clearance: Estimate | None = None
    """Clearance of the ball's middle over the upper edge of the net, centimetres."""
    apex: float | None = None
    """Highest point of its way over the table's surface, metres."""
    bounce: Ellipse | None = None
    zone: str | None = None
    """One of ZONES."""
    spin: str | None = None
    """One of SPINS."""
    spin_confidence: float | None = None
    ended: str | None = None
    """One of ENDED."""
    confidence: float | None = None
    """In [0, 1], that it is a stroke."""
    toss: Toss | None = None
    """Before a serve; the rule asks for 16 cm."""


def write_strokes_csv(path: Path, strokes: Iterable[Stroke], overwrite: bool = False) -> int:
    """Write a row for each stroke, complete or not at all, and return how many.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    return write_rows(path, COLUMNS, (_cells(number, stroke) for number, stroke in enumerate(strokes, 1)), overwrite)


def read_strokes_csv(path: Path) -> list[Stroke]:
    """Return the strokes of a file, in order of time; all columns but time_s and frame may be missing.

    Raises:
        InputError: The file cannot be opened.
        LabelError: A line does not hold what it should; the message names the file and the line.
    """
    rows = read_rows(path, needed=("time_s", "frame"))
    return sorted((_parse(row) for row in rows), key=lambda stroke: stroke.time_seconds)


def _cells(number: int, stroke: Stroke) -> tuple[object, ...]:
    bounce, toss = stroke.bounce, stroke.toss
    return (
        number,
        stroke.rally,
        f"{stroke.time_seconds:.4f}",
        f"{stroke.frame:.2f}",
        stroke.side,
        *_formatted(stroke.place or (None,) * 3, 3),
        *_formatted(stroke.speed or (None,) * 3, 1),
        *_formatted(stroke.clearance or (None,) * 3, 1),
        *_formatted((stroke.apex,), 3),
        *_formatted((bounce and bounce.seconds,), 4),
        *_formatted((bounce and bounce.x, bounce and bounce.y), 3),
        *_formatted((bounce and 100 * bounce.major, bounce and 100 * bounce.minor, bounce and bounce.angle), 1),
        stroke.zone,
        stroke.spin,
        *_formatted((stroke.spin_confidence,), 3),
        stroke.ended,
        *_formatted((stroke.confidence,), 3),
        *_formatted((toss and toss.value, toss and toss.low, toss and toss.high), 1),
        *_formatted((toss and toss.angle) or (None,) * 3, 1),
    )


def _formatted(values: Sequence[float | None], decimals: int) -> list[str | None]:
    return [None if value is None else f"{value:.{decimals}f}" for value in values]


def _parse(row: Row) -> Stroke:
    seconds, frame = row.seconds(), row.number("frame")
    if seconds is None or frame is None:
        raise row.error("the stroke has no time_s, or no frame", "give both")
    rally = row.number("rally")
    if rally is not None and (rally != int(rally) or rally < 1):
        raise row.error(f"rally is {row.cells['rally']!r:.40}", "give a whole number from 1 on, or leave the cell empty")
    speed = _estimate(row, "speed_kmh", "speed_low", "speed_high")
    if speed is not None and not 0 <= speed.value <= FASTEST_KMH:
        raise row.error(f"speed_kmh is {row.cells['speed_kmh']!r:.40}", f"no ball is faster than {FASTEST_KMH:.0f}; mend it")
    place = [row.number(column) for column in ("x_m", "y_m", "z_m")]
    x, y, z = place
    return Stroke(
        seconds,
        frame,
        None if rally is None else int(rally),
        _word(row, "side", SIDES),
        None if x is None or y is None or z is None else (x, y, z),
        speed,
        _estimate(row, "net_clearance_cm", "clearance_low", "clearance_high"),
        row.number("apex_m"),
        _ellipse(row),
        _word(row, "zone", ZONES),
        _word(row, "spin", SPINS),
        _share(row, "spin_confidence"),
        _word(row, "ended", ENDED),
        _share(row, "confidence"),
        _toss(row),
    )


def _estimate(row: Row, *columns: str) -> Estimate | None:
    """Return a number with its interval, whose low end may be missing no more than its high one."""
    value, low, high = (row.number(column) for column in columns)
    if value is None and low is None and high is None:
        return None
    if value is None or low is None or high is None or not low <= value <= high:
        raise row.error(f"{columns[0]} and its interval are not in order", "give low, value and high, or leave all three empty")
    return Estimate(value, low, high)


def _ellipse(row: Row) -> Ellipse | None:
    columns = ("bounce_time_s", "bounce_x_m", "bounce_y_m", "bounce_major_cm", "bounce_minor_cm", "bounce_angle_deg")
    seconds, x, y, major, minor, angle = (row.number(column) for column in columns)
    if seconds is None and x is None and y is None:
        return None
    if seconds is None or x is None or y is None or major is None or minor is None or angle is None:
        raise row.error("the bounce is not complete", f"fill {', '.join(columns)}, or leave them empty")
    if max(abs(x), abs(y)) > MOST_METRES or not 0 <= minor <= major:
        raise row.error("the bounce is far from any table, or its ellipse is none", "mend it, or leave its cells empty")
    return Ellipse(seconds, x, y, major / 100, minor / 100, angle)


def _toss(row: Row) -> Toss | None:
    value, low, high = (row.number(column) for column in ("toss_cm", "toss_low", "toss_high"))
    angle = _estimate(row, "toss_angle_deg", "toss_angle_low", "toss_angle_high")
    if low is None and value is None and high is None and angle is None:
        return None
    in_order = low is not None and low >= 0
    if value is not None or high is not None:
        in_order = in_order and value is not None and high is not None and (low or 0) <= value <= high
    if low is None or not in_order:
        raise row.error(
            "toss_cm and its interval are not in order", "give low, value and high, or low alone, or leave all empty"
        )
    return Toss(low, value, high, angle)


def _share(row: Row, column: str) -> float | None:
    value = row.number(column)
    if value is not None and not 0 <= value <= 1:
        raise row.error(f"{column} is {value}", "give a number from 0 to 1, or leave the cell empty")
    return value


def _word(row: Row, column: str, known: Sequence[str]) -> str | None:
    word = row.cells.get(column, "")
    if word and word not in known:
        raise row.error(f"{column} is {word!r:.40}", f"give one of {', '.join(known)}, or leave the cell empty")
    return word or None
