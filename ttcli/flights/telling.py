"""Which numbers of a fitted flight are written, and which are not: a wide interval leaves an empty cell."""

from dataclasses import dataclass, replace

import numpy as np

from ttcli.flights import tosses
from ttcli.flights.fit import FASTEST, Fit, Pieces
from ttcli.flights.measuring import Measured, Measures, ellipse, normal_share
from ttcli.physics.arcs import ON_TABLE
from ttcli.results.strokes import ACROSS, DEPTHS, Ellipse, Estimate, Stroke, Toss
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

SURE = 0.95
WIDEST_SPEED = 0.3
"""Half of the interval, as a share of the speed, beyond which no speed is written."""
WIDEST_CLEARANCE, WIDEST_BOUNCE = 0.15, 0.30
"""The same of the height over the net, and of the longer half axis of the bounce's ellipse: metres."""
WIDEST_TOSS, WIDEST_ANGLE = 0.2, 30.0
"""The same of the rise of a toss, metres; and the whole interval of its angle, degrees."""
LEAST_COUNTED, LEAST_SHARE = 5, 0.6
"""Sightings that must agree with a flight, and their share of all."""
MOST_MISFIT = 1.8
"""Error of a flight's sightings against its path's, beyond which it is no flight of this kind."""
LOWEST = 0.03
"""Metres that a ball rises above one that lies on the table; less, and it rolls."""
SPIN_RIGHT = 0.8
"""Share of the spins told on real flights that agree with their labels, about: no confidence is higher."""
SPIN_SURE, SPIN_DOUBT = 0.98, 100.0
"""Least probability at which spin is written as top or back; and rad/s, 1 sigma, by which the spin of real flights
differs besides from the best flight's. With less doubt, spins of real flights were against their labels in 3 of 10."""
UNSEEN_SECONDS = 0.05
"""After the last sighting within which a flight may still be said to have come down there."""
EDGE = 0.02
"""Metres beyond the edge of the table at which a ball still touches it."""


@dataclass(frozen=True)
class Told:
    """What is written about one flight."""

    is_stroke: bool
    """False where the flight is none: a ball that rolls, or none that passes the net."""
    end: int
    """From which it comes: -1 or 1, by the sign of y."""
    place: tuple[float, float, float] | None = None
    speed: Estimate | None = None
    clearance: Estimate | None = None
    apex: float | None = None
    bounce: Ellipse | None = None
    """Its time is after the first sighting."""
    zone: str | None = None
    spin: str | None = None
    spin_confidence: float | None = None
    ended: str | None = None
    toss: Toss | None = None

    def fill(self, stroke: Stroke, first_seen: float) -> Stroke:
        """Return a row filled with these numbers."""
        bounce = None if self.bounce is None else self.bounce._replace(seconds=self.bounce.seconds + first_seen)
        return replace(
            stroke, place=self.place, speed=self.speed, clearance=self.clearance, apex=self.apex, bounce=bounce, zone=self.zone,
            spin=self.spin, spin_confidence=self.spin_confidence, ended=self.ended or stroke.ended,
            toss=self.toss,
        )  # fmt: skip


def told_of(measures: Measures, fit: Fit, pieces: Pieces, row: int, serve: bool, most_error: float) -> Told:
    """Return what is written about one of the fitted flights.

    Args:
        measures: What they say.
        fit: The flights.
        pieces: What they were fitted to.
        row: Which of them.
        serve: Whether it is a serve, which is struck above the level of the table.
        most_error: Pixels, 1 sigma, of its sightings, beyond which it is no flight over this table.
    """
    end = int(np.sign(pieces.side[row]))
    seen = pieces.seen[row]
    counted = (fit.weights[row][seen] > 0.5).sum()
    usual = float(np.median(fit.error))
    trusted = (
        counted >= LEAST_COUNTED
        and counted >= LEAST_SHARE * seen.sum()
        and fit.error[row] <= min(MOST_MISFIT * usual, most_error)
    )
    passes = bool(np.isfinite(measures.clearance.value[row]))
    rolls = bool(measures.apex.value[row] < ON_TABLE + LOWEST)
    possible = bool(measures.speed.value[row] <= FASTEST) and _may_be_struck(measures.place[row], serve)
    if not trusted or not possible:
        return Told(is_stroke=not rolls, end=end)
    if rolls or not passes:
        return Told(is_stroke=False, end=end)
    duration = float(pieces.times[row][seen].max())
    if not measures.bounce_time.value[row] <= duration + UNSEEN_SECONDS:
        return Told(is_stroke=True, end=end)  # where the ball came down says how far away it was
    sigmas = float(measures.quantile(SURE)[row])
    speed = _estimate(measures.speed, row, sigmas, WIDEST_SPEED * measures.speed.value[row], 3.6)
    clearance = _estimate(measures.clearance, row, sigmas, WIDEST_CLEARANCE, 100)
    bounce = _bounce(measures, row, duration)
    spin, sure = _spin(measures.topspin, row)
    apex_sure = clearance is not None
    x, y, z = measures.place[row]
    return Told(
        True,
        end,
        (float(x), float(y), float(z) - TABLE_HEIGHT) if speed is not None else None,
        speed,
        clearance,
        float(measures.apex.value[row]) - TABLE_HEIGHT if apex_sure else None,
        bounce,
        _zone(bounce, end),
        spin,
        sure,
        "in" if bounce is not None and _zone(bounce, end) is not None else None,
    )


def told_toss(toss: tosses.Toss) -> Toss | None:
    """Return what is written about a toss; None where its interval is wide, or nothing is known but that it had a height."""
    value, low, high = (100 * number for number in toss.rise)
    angle = Estimate(*toss.angle) if toss.angle[2] - toss.angle[1] <= WIDEST_ANGLE else None
    if not np.isfinite(high):
        return Toss(low, None, None, angle) if low >= 1 else None
    return Toss(low, value, high, angle) if high - low <= 2 * 100 * WIDEST_TOSS else None


def _may_be_struck(place: np.ndarray, serve: bool) -> bool:
    """Return whether a ball can be struck at a place (3,): above the floor, not in the table, a serve above its level."""
    over_table = abs(place[0]) < TABLE_WIDTH / 2 and abs(place[1]) < TABLE_LENGTH / 2
    return bool(place[2] > (TABLE_HEIGHT if serve or over_table else BALL_RADIUS))


def _estimate(measured: Measured, row: int, sigmas: float, widest: float, unit: float) -> Estimate | None:
    value, half = float(measured.value[row]), sigmas * float(measured.spread[row])
    if not np.isfinite(value) or not half <= widest:
        return None
    return Estimate(unit * value, unit * (value - half), unit * (value + half))


def _bounce(measures: Measures, row: int, duration: float) -> Ellipse | None:
    """Return where the ball bounced; None where it was not seen to come down, or the place is not known well."""
    place, time = measures.bounce[row], float(measures.bounce_time.value[row])
    if not np.isfinite(place).all() or time > duration + UNSEEN_SECONDS:
        return None
    tail = float(measures.tail[row])
    sigmas = np.sqrt(tail * ((1 - SURE) ** (-2 / tail) - 1))  # of the ellipse that holds a share of Student's plane
    major, minor, angle = ellipse(measures.bounce_covariance[row], float(sigmas))
    if not major <= WIDEST_BOUNCE or not _on_table(place, 3 * EDGE + major):
        return None
    return Ellipse(time, float(place[0]), float(place[1]), major, minor, angle)


def _on_table(place: np.ndarray, beyond: float) -> bool:
    return bool(abs(place[0]) <= TABLE_WIDTH / 2 + beyond and abs(place[1]) <= TABLE_LENGTH / 2 + beyond)


def _zone(bounce: Ellipse | None, end: int) -> str | None:
    """Return the part of the other half where a ball from an end bounced."""
    if bounce is None or bounce.y * end >= 0 or not _on_table(np.array([bounce.x, bounce.y]), EDGE):
        return None
    depth = min(int(3 * abs(bounce.y) / (TABLE_LENGTH / 2)), 2)
    to_the_right = bounce.x * end  # of who stands at the other end and looks to the net
    across = min(max(int(3 * (to_the_right / TABLE_WIDTH + 0.5)), 0), 2)
    return f"{DEPTHS[depth]}_{ACROSS[across]}"


def _spin(topspin: Measured, row: int) -> tuple[str | None, float | None]:
    """Return top or back where it is sure enough, and how probably it is right."""
    value, spread = float(topspin.value[row]), float(np.hypot(topspin.spread[row], SPIN_DOUBT))
    share = normal_share(abs(value) / spread)
    return (None, None) if share < SPIN_SURE else ("top" if value > 0 else "back", SPIN_RIGHT * share)
