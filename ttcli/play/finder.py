"""The rallies of a match: exchanges of strokes that begin as a serve does, each from its serve to the end of the point."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from ttcli.play.contacts import Contact, contacts_of, in_flight
from ttcli.play.endings import ending_of
from ttcli.play.exchanges import Exchange, find_exchanges
from ttcli.play.lost_serves import LONGEST_SERVE, lone_serves, lost_serves
from ttcli.play.replays import is_replay
from ttcli.play.sightings import Sightings
from ttcli.play.tosses import begins_a_point, tossed_before
from ttcli.results.events import Event
from ttcli.results.rallies import Rally
from ttcli.results.trajectory import BallPosition
from ttcli.table.camera import Tables
from ttcli.table.constants import GRAVITY

SERVE_BEFORE_BOUNCE, SERVE_BEFORE_NET = 0.12, 0.35
"""Seconds from the racket to the serve's first bounce, and to the net where that was not told."""
HIGHEST_SERVE, HIGHEST_BEFORE_PLAY = 0.28, 0.235
"""Metres over the table at the net: a serve that nobody returned flies lower, and a ball that is passed on higher. Who
passes it on does so for a serve, so that another exchange soon follows; then less is allowed. Measured:
docs/RALLIES.md."""
SOON = 6.0
"""Seconds in which a serve follows a ball that was passed on."""
SPREAD, SURELY_LOWER = 0.015, 0.06
"""Metres by which such a height is uncertain; and by so much lower, no toss needs to be seen."""
SLOWEST_SERVE = 1.0
"""Halves of the table a second from bounce to bounce: a slower ball hops over the net."""
SAME_POINT, SAME_POINT_BY_PASSING = 0.6, 1.6
"""Seconds from the last contact of an exchange without a known end in which nobody serves again: what follows is the same
point. And the same where it begins with a passing of the net, as no serve does, whatever end was reported."""
SLOW_MOTION = 0.6
"""Metres: where no flight from bounce to bounce passes lower over the net, the clock is wrong: somebody lobs, but not
both, and nobody who serves."""
SLOW_ALONE = 2.4
"""The same where only one such flight was found: a stroke may lie in it."""
HALF_SURE, SURER = 0.4, 2.0
"""Score of an exchange that is a rally as probably as not, and how fast that rises with the score."""

LOST_SERVE = 0.6
"""Confidence of a serve that went into the net."""
UNLIKE_A_SERVE, UNLIKE_A_SERVE_SOON = 0.7, 1.1
"""What speaks against an exchange that does not begin with a bounce, a passing and a bounce; and if another one follows
soon."""


def exchanges_of(contacts: Sequence[Contact], sightings: Sightings) -> list[Exchange]:
    """Return the exchanges among the contacts of a path, in order of time."""
    flies, begins = (partial(asked, sightings=sightings) for asked in (in_flight, begins_a_point))
    exchanges = find_exchanges(contacts, flies, sightings.shots, begins)
    exchanges += lone_serves(contacts, exchanges, sightings)
    return sorted(exchanges, key=lambda exchange: exchange.contacts[0].seconds)


class RallyFinder:
    """Takes the rows of a path, and tells its rallies at the end.

    Args:
        tables: Where the table is, at a time; None where unknown.
    """

    def __init__(self, tables: Tables | None = None) -> None:
        self._tables = tables
        self._sightings = Sightings()
        self.replays = 0
        """How many replays the last call of `rallies` left out."""

    @property
    def sightings(self) -> Sightings:
        """Where the ball was seen so far."""
        return self._sightings

    def add(self, row: BallPosition) -> None:
        """Take the next row."""
        self._sightings.add(row)

    @property
    def seconds(self) -> float:
        """Length of the path so far."""
        return self._sightings.end - self._sightings.begin

    def time_of(self, frame: float) -> float | None:
        """Return the time of a frame, whole or between two; None where the path has no rows around it."""
        return self._sightings.time_of(frame)

    def rallies(self, events: Sequence[Event], threshold: float) -> list[Rally]:
        """Return the rallies of the path that was taken; what shows one again is none.

        Args:
            events: Bounces and passings of the net on it, in order of time.
            threshold: Least confidence of a rally.
        """
        sightings = self._sightings
        contacts = contacts_of(events, sightings, self._tables)
        exchanges = exchanges_of(contacts, sightings)
        found, played = list[Rally](), list[Exchange]()
        self.replays = 0
        for exchange, following in zip(exchanges, [*exchanges, None][1:], strict=True):
            earliest = found[-1].end_seconds if found else sightings.begin
            rally = _rally(exchange, following, sightings, earliest)
            if rally.confidence is None or rally.confidence < threshold:
                continue
            if played and is_replay(exchange, played[-1], sightings.shots):
                self.replays += 1
            elif played and _goes_on(played[-1], found[-1], exchange):
                found[-1] = _joined(found[-1], rally)
                played[-1] = played[-1]._replace(contacts=played[-1].contacts + exchange.contacts)
            else:
                found.append(rally)
                played.append(exchange)
        if threshold <= LOST_SERVE:
            found += [_lost_serve(bounce, end, sightings) for bounce, end in lost_serves(contacts, exchanges, sightings)]
        return sorted(found, key=lambda rally: rally.start_seconds)


def find_rallies(
    positions: Iterable[BallPosition], events: Sequence[Event], tables: Tables | None, threshold: float
) -> list[Rally]:
    """Return the rallies of a path; it takes the arguments of `RallyFinder`."""
    finder = RallyFinder(tables)
    for row in positions:
        finder.add(row)
    return finder.rallies(events, threshold)


def _rally(exchange: Exchange, following: Exchange | None, sightings: Sightings, earliest: float) -> Rally:
    contacts, ending = exchange.contacts, ending_of(exchange, sightings)
    first, last = contacts[0], contacts[-1]
    before = SERVE_BEFORE_BOUNCE if first.bounce else SERVE_BEFORE_NET
    start = max(first.seconds - before, min(earliest, first.seconds))
    end = max(min(ending.seconds, max(sightings.end, last.seconds)), last.seconds)
    soon = following is not None and following.contacts[0].seconds - last.seconds < SOON
    doubt = 0.0 if _begins_as_a_serve(exchange) else UNLIKE_A_SERVE_SOON if soon else UNLIKE_A_SERVE
    sure = 1 / (1 + math.exp(-SURER * (exchange.score - HALF_SURE - doubt)))
    side = first.side if first.bounce else -first.side
    return Rally(
        start_seconds=start,
        end_seconds=end,
        start_frame=sightings.frame(start),
        end_frame=sightings.frame(end),
        strokes=_strokes(exchange) + ending.struck,
        bounces=sum(contact.bounce for contact in contacts),
        server=first.court.name(side) if first.court is not None and side else None,
        ended=ending.ended,
        confidence=sure * _like_a_serve(exchange, soon, ending.struck, sightings),
    )


def _goes_on(earlier: Exchange, rally: Rally, exchange: Exchange) -> bool:
    """Return whether an exchange is the rest of the one before it: it follows too soon to be a serve."""
    first = exchange.contacts[0]
    apart = first.seconds - earlier.contacts[-1].seconds
    return apart < SAME_POINT_BY_PASSING if not first.bounce else rally.ended is None and apart < SAME_POINT


def _joined(rally: Rally, rest: Rally) -> Rally:
    """Return a rally with the rest of it that was found by itself."""
    return replace(
        rally,
        end_seconds=rest.end_seconds,
        end_frame=rest.end_frame,
        strokes=(rally.strokes or 0) + (rest.strokes or 0),
        bounces=(rally.bounces or 0) + (rest.bounces or 0),
        ended=rest.ended,
        confidence=max(rally.confidence or 0.0, rest.confidence or 0.0),
    )


def _lost_serve(bounce: Contact, end: float, sightings: Sightings) -> Rally:
    """Return the rally of a serve that bounced once, and met the net at `end`."""
    start = max(bounce.seconds - SERVE_BEFORE_BOUNCE, sightings.begin)
    frames = sightings.frame(start), sightings.frame(end)
    server = None if bounce.court is None else bounce.court.name(bounce.side)
    return Rally(start, end, *frames, strokes=1, bounces=1, server=server, ended="net", confidence=LOST_SERVE)


def _strokes(exchange: Exchange) -> int:
    """Return the strokes that sent the ball over the net: one for each passing, told or to be concluded from two bounces."""
    contacts = exchange.contacts
    concluded = sum(one.bounce and other.bounce for one, other in pairwise(contacts))
    return sum(not contact.bounce for contact in contacts) + concluded


def _begins_as_a_serve(exchange: Exchange) -> bool:
    """Return whether it begins with a bounce, a passing and a bounce.

    From behind an end, where passings are missed, bounces on both halves do, if they follow each other as soon as a serve's.
    """
    first, *later = exchange.contacts[:3]
    if [contact.bounce for contact in (first, *later)] == [True, False, True]:
        return True
    if first.court is None or not first.court.from_an_end or not (first.bounce and later and later[0].bounce):
        return False
    return first.side * later[0].side < 0 and later[0].seconds - first.seconds < LONGEST_SERVE


def _like_a_serve(exchange: Exchange, soon: bool, struck: bool, sightings: Sightings) -> float:
    """Return how probably an exchange is play and no ball that is passed on: by a toss before it, or how high it passes the net.

    Between two bounces on the table a ball flies so high that gravity lets it fall in that time: at the net, a time t1 after one
    and t2 before the other, it is g t1 t2 / 2 over the table. That needs no camera. Where more strokes follow it is play anyway.
    """
    heights = _heights_at_the_net(exchange)
    if heights and min(heights) > (SLOW_MOTION if len(heights) > 1 else SLOW_ALONE):
        return 0.0
    if struck or len(exchange.contacts) > 3 or not heights:
        return 1.0
    if _crawls(exchange):
        return 0.0
    above = heights[0] - (HIGHEST_BEFORE_PLAY if soon else HIGHEST_SERVE)
    if above > -SURELY_LOWER and tossed_before(exchange.contacts[0], exchange.before, sightings):
        return 1.0
    return 1 / (1 + math.exp(min(above / SPREAD, 500.0)))


def _crawls(exchange: Exchange) -> bool:
    """Return whether the ball of an exchange goes over the net more slowly than one that was struck."""
    first, *_, last = exchange.contacts
    seen = first.bounce and last.bounce and first.along and last.along
    return bool(seen and abs(last.along - first.along) < SLOWEST_SERVE * (last.seconds - first.seconds))


def _heights_at_the_net(exchange: Exchange) -> list[float]:
    """Return how high over the table the ball passes the net, metres, of each flight from bounce to bounce."""
    contacts = exchange.contacts
    return [
        GRAVITY / 2 * (net.seconds - before.seconds) * (after.seconds - net.seconds)
        for before, net, after in zip(contacts, contacts[1:], contacts[2:], strict=False)
        if before.bounce and after.bounce and not net.bounce
    ]
