"""Serves that do not cross the net: one bounce on the server's half, with no sign of play before or after."""

from collections.abc import Sequence

import numpy as np

from ttcli.play.contacts import SLOWEST, Contact
from ttcli.play.exchanges import Exchange
from ttcli.play.sightings import Sightings

ALONE = 1.2
"""Seconds from the bounce before: a ball that is bounced by hand bounces again and again."""
COMES, GOES = 0.16, 0.8
"""Seconds before the bounce in which the ball comes fast, and after it in which it stops at the net."""
STRUCK_BEFORE = 0.3
"""Seconds before the bounce in which it was struck. A ball high over the table seems less far behind it than it is."""
AT_THE_NET, BEHIND_IT = 0.3, -0.2
"""Share of the way from the net to the server's end: so near it comes, and it is not seen so far on the other side."""
BEHIND_THE_TABLE = 0.8
"""It was struck from here or farther."""
LEAST_SEEN = 3
"""Sightings before the bounce, and after it."""


def lost_serves(
    contacts: Sequence[Contact], exchanges: Sequence[Exchange], sightings: Sightings
) -> list[tuple[Contact, float]]:
    """Return the bounces of serves that went into the net, each with the time at which the ball met it.

    Args:
        contacts: Contacts of a path, in order of time.
        exchanges: That were found among them.
        sightings: The path.
    """
    spans = [(exchange.contacts[0].seconds, exchange.contacts[-1].seconds + ALONE) for exchange in exchanges]
    found = []
    for place, contact in enumerate(contacts):
        if not contact.bounce or not contact.side or any(begin <= contact.seconds <= end for begin, end in spans):
            continue
        if place and contact.seconds - contacts[place - 1].seconds < ALONE:
            continue
        stopped = _stops_at_the_net(contact, sightings)
        if stopped is not None:
            found.append((contact, stopped))
    return found


def _stops_at_the_net(contact: Contact, sightings: Sightings) -> float | None:
    """Return when the ball of a bounce met the net; None where it did not come fast from the end, or passed, or nobody can tell."""
    court = contact.court
    if court is None or court.from_an_end:
        return None
    earlier, pixels = sightings.between(contact.seconds - COMES, contact.seconds)
    before = court.places(pixels) * contact.side
    later, pixels = sightings.between(contact.seconds, contact.seconds + GOES)
    after = court.places(pixels) * contact.side
    if min(len(before), len(after)) < LEAST_SEEN:
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
    return float(later[after.argmin()])
