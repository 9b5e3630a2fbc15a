"""A path cut at its strokes: for each one from when to when the ball flew, from which end, and what happened on its way.

A stroke is what sends the ball over the net: each passing of the net is of one, and so are two bounces on different
halves between which nobody told a passing. It happened after the bounce on the striker's half, or, of a serve, before
it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ttcli.flights.meeting import meeting
from ttcli.play.contacts import Contact
from ttcli.play.court import Court
from ttcli.play.sightings import Sightings
from ttcli.table.constants import TABLE_LENGTH

LONGEST_FLIGHT = 1.9
"""Seconds from a stroke to the bounce on the other half; of a serve to its second one."""
LONGEST_GAP = 0.35
"""Seconds in which nobody sees the ball, after which another flight begins."""
AFTER_BOUNCE = 0.3
"""Seconds of the way after the last bounce that are of use, where no stroke ends it."""
SERVE_GAP = 0.1
"""The same before a serve: what was seen earlier is its toss."""
EARLIEST = 0.04
"""Seconds after a bounce, and before a passing of the net, within which nobody strikes the ball."""
SERVE_SECONDS = 0.45
"""Before its first bounce a serve was struck no earlier than this."""
HIDDEN_SERVE = 0.1
"""Seconds before the first bounce of a serve in which it is not seen, where the way after the bounce says more."""
SEEN_SERVE = 0.06
"""Seconds before that bounce in which sightings are too few to say how fast the ball came."""
REBOUND_SECONDS, LOST_SPEED = 0.2, 1.15
"""What of the way after that bounce tells how fast the ball came, and how much faster than after it that was."""
HIDDEN_ERROR = 0.04
"""Seconds, 1 sigma, of a stroke that is known by this alone."""
TURNING = 0.1
"""Seconds about the sighting that lies farthest out within which the ball was struck."""
LEAST_SIGHTINGS = 4
"""Least sightings of a flight that is fitted; three frames fit any flight."""
ERROR = 3.0 / 1920
"""Picture widths, 1 sigma, of a sighting while paths are cut."""


@dataclass
class Flight:
    """The way of the ball after one stroke."""

    start: float
    """Seconds: when it was struck, or first seen where that was before."""
    end: float
    """The next stroke, or what else ends it."""
    struck: bool
    """Whether `start` is the instant of the stroke; else the ball was first seen then."""
    error: float | None
    """Seconds, 1 sigma, of the instant."""
    side: int
    """The end, -1 or 1 as `Court` has it, from which it comes; 0 where unknown."""
    court: Court | None
    serve: bool
    """Whether it is the first of an exchange, and bounced on the striker's half."""
    bounces: int
    """How often it may bounce on the table: a serve twice."""
    passing: float | None
    """Seconds; None where nobody told."""
    told: tuple[float, float] = (np.nan, np.nan)
    """Seconds of its first and its second bounce; NaN where nobody told."""


def flights_of(contacts: Sequence[Contact], sightings: Sightings, width: int) -> list[Flight]:
    """Return the flights between the contacts of one exchange, in order of time.

    Args:
        contacts: Bounces and passings, in order of time.
        sightings: The path.
        width: Width of the picture, pixels.
    """
    found: list[Flight] = []
    for before, first, crossing, after in _crossings(contacts):
        side = -crossing.side if crossing is not None and crossing.side else (first.side if first is not None else 0)
        side = side or (-after.side if after is not None else 0)
        court = next((each.court for each in (crossing, first, after) if each is not None and each.court is not None), None)
        passing = None if crossing is None else crossing.seconds
        serve = not found and first is not None and (after is None or first.side != after.side)
        begin, struck, error = _stroke(before, first, crossing, after, serve, sightings, court, width)
        if found and begin <= found[-1].start + EARLIEST:
            continue
        bounces = [np.nan if each is None else each.seconds for each in ((first, after) if serve else (after, None))]
        found.append(Flight(begin, np.inf, struck, error, side, court, serve, 1 + serve, passing, (bounces[0], bounces[1])))
    _end_each(found, contacts, sightings)
    return found


def flight_into_the_net(
    contacts: Sequence[Contact], end: float, serve: bool, sightings: Sightings, width: int
) -> Flight | None:
    """Return the flight of a stroke that did not cross the net; None without a bounce before it.

    Args:
        contacts: The contacts of the rally that it ended, in order of time.
        end: Seconds, when the ball met the net.
        serve: Whether the stroke was the serve. Then the bounce came after the stroke, else before it.
        sightings: The path.
        width: The width of the picture, pixels.
    """
    bounces = [contact for contact in contacts if contact.bounce and contact.seconds < end]
    if not bounces:
        return None
    last = bounces[0] if serve else bounces[-1]
    if serve:
        begin, struck, error = _stroke(None, last, None, None, True, sightings, last.court, width)
    else:
        into = Contact(end, False, -last.side, last.court)
        begin, struck, error = _stroke(last, last, into, None, False, sightings, last.court, width)
    return Flight(begin, end, struck, error, last.side, last.court, serve, 0, None)


def _crossings(contacts: Sequence[Contact]) -> list[tuple[Contact | None, ...]]:
    """Return for each stroke the contact before it, the bounce before the net, the passing of it, and the bounce after it.

    Each is None where nobody told it.
    """
    found: list[tuple[Contact | None, ...]] = []
    for place, contact in enumerate(contacts):
        before = contacts[place - 1] if place else None
        following = contacts[place + 1] if place + 1 < len(contacts) else None
        if not contact.bounce:
            one = before if before is not None and before.bounce and contact.seconds - before.seconds < LONGEST_FLIGHT else None
            other = (
                following if following is not None and following.bounce and following.seconds - contact.seconds < 1.0 else None
            )
            found.append((before, one, contact, other))
        elif before is not None and before.bounce and before.side and contact.side and before.side != contact.side:
            found.append((before, before, None, contact))
    return found


def _stroke(
    before: Contact | None,
    first: Contact | None,
    crossing: Contact | None,
    after: Contact | None,
    serve: bool,
    sightings: Sightings,
    court: Court | None,
    width: int,
) -> tuple[float, bool, float | None]:
    """Return when a stroke was, whether that is known, and how sure it is; else when its ball was first seen."""
    last = crossing.seconds if crossing is not None else (after.seconds if after is not None else np.inf)
    if serve and first is not None:
        earliest, last, end = first.seconds - SERVE_SECONDS, first.seconds, first.seconds
    else:
        earliest = max(last - LONGEST_FLIGHT, -np.inf if before is None else before.seconds)
        end = last
    times, pixels = sightings.between(earliest, end)
    hidden = _hidden_serve(first, times, pixels, sightings) if serve and first is not None else None
    if hidden is not None and hidden.struck > hidden.seen:
        return hidden.struck, True, HIDDEN_ERROR
    if first is None and before is not None and court is not None and crossing is not None and crossing.side:
        earliest, last = _turning(court, crossing.side, times, pixels, earliest, last)
    seen = _run_before(sightings, last, earliest, SERVE_GAP if serve and hidden is None else LONGEST_GAP)
    if court is None or last - EARLIEST <= earliest + EARLIEST:
        return seen, False, None
    scale = sum(court.reach) / TABLE_LENGTH
    met = meeting(times, pixels, earliest + (0 if serve else EARLIEST), last - EARLIEST, scale, ERROR * width)
    if met is None:
        return seen, False, None
    if before is None or serve:
        # Nothing says that there was a stroke: it is one where the ball turns, else it was first seen there.
        turned = _turns(times, pixels, met[0], court, serve) or (serve and _tossed(sightings, seen, earliest))
        return (met[0], True, met[1]) if turned else (seen, False, None)
    return met[0], True, met[1]


def _tossed(sightings: Sightings, seen: float, earliest: float) -> bool:
    """Return whether the ball of a serve was seen before it can have been struck, and from then on."""
    before, _ = sightings.between(earliest - SERVE_GAP, earliest)
    return len(before) > 0 and seen - before[-1] < SERVE_GAP


class _HiddenServe(NamedTuple):
    """A serve that nobody sees for a while before its first bounce."""

    struck: float
    """Seconds, by how fast the ball came back up."""
    seen: float
    """Seconds of the last sighting before: of its toss, or, where the stroke was earlier, of the serve itself."""


def _hidden_serve(bounce: Contact, times: np.ndarray, pixels: np.ndarray, sightings: Sightings) -> _HiddenServe | None:
    """Return when a serve was struck that is not seen before its first bounce, by the way after the bounce.

    None where the ball was seen on its way to the bounce, or play goes away from the camera, where places do not show how fast.

    Args:
        bounce: The first one.
        times: (N,) of the sightings before it, as early as the stroke may be.
        pixels: (N, 2) of the same.
        sightings: The path.
    """
    court = bounce.court
    before = int(np.searchsorted(times, bounce.seconds - SEEN_SERVE)) - 1
    if court is None or court.from_an_end or before < 0 or bounce.seconds - times[before] < HIDDEN_SERVE:
        return None
    later, after = sightings.between(bounce.seconds + 1e-6, bounce.seconds + REBOUND_SECONDS)
    if len(later) < 2:
        return None
    speed, place = np.polyfit(later - bounce.seconds, court.level_places(after), 1)
    way = place - float(court.level_places(pixels[before]))
    if way * speed <= 0:
        return None  # what was seen before is not behind the bounce
    struck = bounce.seconds - way / (LOST_SPEED * speed)
    return _HiddenServe(float(min(struck, bounce.seconds - EARLIEST / 2)), float(times[before]))


def _turning(
    court: Court, towards: int, times: np.ndarray, pixels: np.ndarray, earliest: float, last: float
) -> tuple[float, float]:
    """Return between which instants a ball was struck that passes the net towards an end: it turns back where it is struck.

    As they were where the camera looks along the table, or the ball is hardly seen.
    """
    if court.from_an_end or len(times) < LEAST_SIGHTINGS:
        return earliest, last
    outwards = -towards * court.level_places(pixels)
    smooth = np.median(np.stack([outwards[:-2], outwards[1:-1], outwards[2:]]), axis=0)  # a false sighting is no end of a way
    farthest = 1 + int(smooth.argmax())
    around = times[max(farthest - 1, 0)] - TURNING, times[min(farthest + 1, len(times) - 1)] + TURNING
    return max(earliest, around[0]), min(last, around[1])


def _turns(times: np.ndarray, pixels: np.ndarray, at: float, court: Court, serve: bool) -> bool:
    """Return whether the ball flies another way after an instant than before."""
    before, after = (times > at - 0.12) & (times < at), (times >= at) & (times < at + 0.12)
    if min(before.sum(), after.sum()) < 2:
        return False
    one, other = (np.polyfit(times[rows], pixels[rows], 1)[0] for rows in (before, after))
    if not serve and not court.from_an_end:
        return bool((one @ court.along) * (other @ court.along) < 0)
    return bool(np.linalg.norm(other - one) > 0.6 * np.linalg.norm(other))


def _run_before(sightings: Sightings, seconds: float, earliest: float, longest_gap: float) -> float:
    """Return when the ball was first seen of a run of sightings that goes on to a time."""
    times, _ = sightings.between(earliest - 1e-9, seconds)
    if not len(times):
        return seconds
    gaps = np.flatnonzero(np.diff(times) > longest_gap)
    return float(times[gaps[-1] + 1] if len(gaps) else times[0])


def _end_each(found: list[Flight], contacts: Sequence[Contact], sightings: Sightings) -> None:
    """Set the ends of flights: the next stroke, a long gap, or some way after the last bounce that is of use."""
    bounces = [contact for contact in contacts if contact.bounce]
    starts = [contact.seconds for contact in bounces]
    for place, flight in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else None
        end = following.start if following is not None else np.inf
        over = flight.passing if flight.passing is not None else flight.start
        later = [each.seconds for each in bounces[bisect_left(starts, over) :] if each.seconds < end]
        if len(later) >= 2:
            end = min(end, later[1])
        if later:
            end = min(end, later[0] + AFTER_BOUNCE)
        else:
            end = min(end, over + 1.0)
        end = min(end, flight.start + LONGEST_FLIGHT + AFTER_BOUNCE)
        times, _ = sightings.between(flight.start - 1e-9, end)
        gaps = np.flatnonzero(np.diff(times) > LONGEST_GAP)
        flight.end = float(times[gaps[0]]) if len(gaps) and gaps[0] >= LEAST_SIGHTINGS else end
