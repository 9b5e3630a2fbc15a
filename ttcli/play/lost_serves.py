"""Serves that are no exchange: into the net after one bounce, or over it where nobody saw the crossing."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ttcli.play.contacts import SLOWEST, Contact
from ttcli.play.exchanges import LONGEST_PAUSE, Exchange
from ttcli.play.sightings import Sightings
from ttcli.play.tosses import tossed_before

ALONE = 1.2
"""Seconds from the bounce before: a ball that is bounced by hand bounces again and again."""
COMES, GOES = 0.16, 0.8
"""Seconds before the bounce in which the ball comes fast, and after it in which it stops at the net."""
STRUCK_BEFORE = 0.3
"""Seconds before the bounce in which it was struck. A ball high over the table seems less far behind it than it is."""
AT_THE_NET, BEHIND_IT = 0.3, -0.2
"""Share of the way from the net to the server's end: so near it comes, and it is not seen so far on the other side."""
SEEN_TO_STOP = 0.3
"""Seconds after the bounce until which it must be seen, unless it bounces again: one that is hidden may have passed."""
NEARLY = 0.05
"""So near to its nearest place it meets the net."""
BEHIND_THE_TABLE = 0.8
"""It was struck from here or farther."""
DROPS = 0.15
"""Seconds from the net to the end of the point, if the ball bounces no sooner. Labels have it at the net."""
NEAREST_BOUNCE = 0.15
"""Share of the way from the net to the end: nobody serves a ball onto his half so near to the net."""
TO_THE_NET = 0.3
"""Seconds from a serve's bounce to the net, where it was not seen to stop there."""
NEARER = 0.25
"""Share of the way to the end by which that one is nearer to the net; a ball that is bounced by hand stays where it
is."""
LONGEST_SERVE = 0.8
"""Seconds from a serve's first bounce to its second, where the crossing was missed; with a stroke between it takes
longer."""
SURE_OF_TOSS = 2.0
"""Score of an exchange that is a toss and two bounces."""
SURE_OF_HALVES = 0.8
"""The same of two bounces, one on either half, and no toss."""
LEAST_SEEN = 3
"""Sightings before the bounce, and after it."""


def lone_serves(contacts: Sequence[Contact], exchanges: Sequence[Exchange], sightings: Sightings) -> list[Exchange]:
    """Return the serves that bounced on both halves, after a toss, and are of no exchange: their crossing was missed.

    From behind an end, where the table is not known, two such bounces will do that follow no other one.

    Args:
        contacts: Contacts of a path, in order of time.
        exchanges: Found among them.
        sightings: The path.
    """
    spans = _spans(exchanges)
    found = []
    for place, (contact, following) in enumerate(pairwise(contacts)):
        before = contacts[place - 1] if place else None
        served = contact.bounce and following.bounce and contact.side * following.side < 0
        soon = following.seconds - contact.seconds < LONGEST_SERVE
        free = not (_within(contact, spans) or _within(following, spans))
        if not (served and soon and free):
            continue
        tossed = tossed_before(contact, before, sightings)
        if tossed or _served_from_an_end(contact, before):
            after = contacts[place + 2] if place + 2 < len(contacts) else None
            close = after is not None and after.seconds - following.seconds < LONGEST_PAUSE
            score = SURE_OF_TOSS if tossed else SURE_OF_HALVES
            found.append(Exchange([contact, following], score, after if close else None, before))
    return found


def _served_from_an_end(contact: Contact, before: Contact | None) -> bool:
    """Return whether a toss cannot be asked for: behind an end, with no table known, its height is not known either."""
    court = contact.court
    return _alone(contact, before) and court is not None and court.from_an_end and court.camera is None


def lost_serves(
    contacts: Sequence[Contact], exchanges: Sequence[Exchange], sightings: Sightings
) -> list[tuple[Contact, float]]:
    """Return the bounces of serves that went into the net, each with the time at which the point was over.

    Args:
        contacts: Contacts of a path, in order of time.
        exchanges: Found among them.
        sightings: The path.
    """
    spans = _spans(exchanges)
    found = []
    for place, contact in enumerate(contacts):
        if not contact.bounce or contact.along * contact.side < NEAREST_BOUNCE or _within(contact, spans):
            continue
        following = next((each for each in contacts[place + 1 :] if each.bounce or each.side != contact.side), None)
        again = following is not None and following.bounce and following.side == contact.side
        over = following.seconds if following is not None and again else np.inf
        before = contacts[place - 1] if place else None
        alone = _alone(contact, before)
        stopped = _stops_at_the_net(contact, again, sightings) if alone else None
        if stopped is not None:
            found.append((contact, min(over, stopped + DROPS)))
        elif alone and following is not None and over - contact.seconds < GOES:
            nearer = (contact.along - following.along) * contact.side > NEARER
            if nearer and tossed_before(contact, before, sightings):
                found.append((contact, min(over, contact.seconds + TO_THE_NET + DROPS)))
    return found


def _alone(contact: Contact, before: Contact | None) -> bool:
    """Return whether nothing was told just before a contact."""
    return before is None or contact.seconds - before.seconds >= ALONE


def _spans(exchanges: Sequence[Exchange]) -> list[tuple[float, float]]:
    """Return from when to when exchanges are, and what follows each of them."""
    return [(exchange.contacts[0].seconds, exchange.contacts[-1].seconds + ALONE) for exchange in exchanges]


def _within(contact: Contact, spans: Sequence[tuple[float, float]]) -> bool:
    return any(begin <= contact.seconds <= end for begin, end in spans)


def _seen_for(seconds: float, later: np.ndarray) -> bool:
    """Return whether the ball was seen for long enough after an instant, without being hidden on the way."""
    on_the_way = later[later < seconds + 2 * SEEN_TO_STOP]
    hidden = np.diff(on_the_way, prepend=seconds).max(initial=0.0) > SEEN_TO_STOP / 2
    return bool(on_the_way.max(initial=seconds) - seconds >= SEEN_TO_STOP and not hidden)


def _stops_at_the_net(contact: Contact, again: bool, sightings: Sightings) -> float | None:
    """Return when the ball of a bounce met the net; None where it did not come fast from the end, or passed, or nobody can tell."""
    court = contact.court
    if court is None or court.from_an_end:
        return None
    earlier, pixels = sightings.between(contact.seconds - COMES, contact.seconds)
    before = court.places(pixels) * contact.side
    later, pixels = sightings.between(contact.seconds, contact.seconds + GOES)
    after = court.places(pixels) * contact.side
    if min(len(before), len(after)) < LEAST_SEEN or (not again and not _seen_for(contact.seconds, later)):
        return None
    # The medians of both halves of what was seen: one false sighting makes no serve.
    half = len(before) // 2
    fast = np.median(before[:half]) - np.median(before[-half:]) > SLOWEST * (
        np.median(earlier[-half:]) - np.median(earlier[:half])
    )
    _, pixels = sightings.between(contact.seconds - STRUCK_BEFORE, contact.seconds)
    struck = (court.places(pixels) * contact.side).max()
    if not fast or struck < BEHIND_THE_TABLE or not BEHIND_IT < after.min() < AT_THE_NET:
        return None
    return float(later[np.argmax(after < after.min() + NEARLY)])  # it may lie there afterwards
