"""The contacts that make up play: bounces and net crossings, each with its side of the table."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttcli.play.court import Court, court_of_bounces, court_of_camera, court_of_passings
from ttcli.play.sightings import Sightings
from ttcli.results.events import Event
from ttcli.table.camera import Tables
from ttcli.table.constants import GRAVITY, TABLE_LENGTH

SLOWEST = 1.5
"""Halves of the table a second from which on a ball that is seen to cross the net passes it in play; a serve takes 2.5
to 4.5."""
LONGEST_SIGHT = 0.25
"""Seconds between the first and the last of the four sightings that show it."""
GOES_ON_SECONDS, GOES_ON = 0.06, 0.1
"""After such a time it must be so far behind the net, of the way to the table's end: else it hangs in it."""
LONGEST_REST, LEAST_MOVED = 0.32, 0.04
"""In so many seconds a ball in flight moves by such a share of the table's length or more: at the top of its way it
falls by 0.13 m in half of that time."""
ONE_PASSING = 0.3
"""Seconds within which two passings are one."""


class Contact(NamedTuple):
    """One bounce, or one passing of the net."""

    seconds: float
    bounce: bool
    """Else a passing."""
    side: int
    """-1 or +1: of a bounce the end of the table on whose half it is, of a passing the one towards which; 0 where unknown."""
    court: Court | None
    """How play is seen then; None where nobody knows."""
    along: float = 0.0
    """Where it is along the table, as `Court.places` has it; 0 where unknown."""


def contacts_of(events: Sequence[Event], sightings: Sightings, tables: Tables | None) -> list[Contact]:
    """Return bounces and passings in order of time, each with its side.

    Args:
        events: Events of the path, with a time each, in order.
        sightings: The path.
        tables: Where the table is known to be.
    """
    told = [event for event in events if event.event in ("bounce", "net") and event.time_seconds is not None]
    by_shot: dict[int, list[Event]] = {}
    for event in told:
        by_shot.setdefault(bisect_right(sightings.shots, event.seconds), []).append(event)
    contacts = []
    for group in by_shot.values():
        usual = court_of_passings(group, sightings) or court_of_bounces(group)
        for event in group:
            camera = tables(event.seconds) if tables else None
            court = (court_of_camera(camera) if camera else None) or usual
            contacts.append(_contact(event, court, sightings))
        contacts += _unheard(group, usual, sightings)
    return sorted(contacts, key=lambda contact: contact.seconds)


def in_flight(earlier: Contact, later: Contact, sightings: Sightings) -> bool:
    """Return whether the ball was seen to fly all the time from one contact to another, and not to rest in a hand."""
    if earlier.court is None or any(earlier.seconds < shot <= later.seconds for shot in sightings.shots):
        return False
    least = LEAST_MOVED * sum(earlier.court.reach)
    gravity = GRAVITY * earlier.court.metre(earlier.side or 1)
    return sightings.moves_on(earlier.seconds, later.seconds, LONGEST_REST, least, gravity)


def _contact(event: Event, court: Court | None, sightings: Sightings) -> Contact:
    bounce, side, along = event.event == "bounce", 0, 0.0
    if court is not None and bounce and court.end is not None and event.table_y is not None:
        along = court.end * event.table_y / (TABLE_LENGTH / 2)
        side = int(np.sign(along))
    elif court is not None and bounce and event.place is not None:
        along = float(court.places(np.array(event.place)))
        side = int(np.sign(along))
    elif court is not None and not bounce and not court.from_an_end:
        direction = sightings.direction(event.seconds)
        side = 0 if direction is None else int(np.sign(direction @ court.along))
    return Contact(event.seconds, bounce, side, court, along)


def _unheard(told: Sequence[Event], court: Court | None, sightings: Sightings) -> list[Contact]:
    """Return passings of the net that are seen on the path of a shot, but were not told: two sightings before it and two behind."""
    if court is None or court.from_an_end:
        return []
    begin = sightings.shots[bisect_right(sightings.shots, told[0].seconds) - 1]
    starts = [start for start in sightings.shots if start > begin]
    times, pixels = sightings.between(begin - 1e-9, starts[0] - 1e-9 if starts else np.inf)
    if len(times) < 4:
        return []
    along = court.places(pixels)
    steps = np.diff(along)
    one_way = (np.sign(steps[:-2]) == np.sign(steps[1:-1])) & (np.sign(steps[1:-1]) == np.sign(steps[2:]))
    passes = (np.sign(along[1:-2]) != np.sign(along[2:-1])) & one_way
    fast = np.abs(along[3:] - along[:-3]) > SLOWEST * (times[3:] - times[:-3])
    close = times[3:] - times[:-3] < LONGEST_SIGHT
    places = np.flatnonzero(passes & fast & close) + 1
    nets = np.array([event.seconds for event in told if event.event == "net"])
    found: list[Contact] = []
    for place in places.tolist():
        seconds = float(np.interp(0.0, *_rising(along[place : place + 2], times[place : place + 2])))
        apart = not len(nets) or np.abs(nets - seconds).min() > ONE_PASSING
        later = min(int(np.searchsorted(times, seconds + GOES_ON_SECONDS)), len(times) - 1)
        goes_on = times[later] - seconds < LONGEST_SIGHT and along[later] * np.sign(steps[place]) > GOES_ON
        if apart and goes_on and (not found or seconds - found[-1].seconds > ONE_PASSING):
            found.append(Contact(seconds, False, int(np.sign(steps[place])), court))
    return found


def _rising(along: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two places and their times so that the places rise."""
    order = np.argsort(along)
    return along[order], times[order]
