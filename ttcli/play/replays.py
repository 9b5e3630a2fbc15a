"""Replays: an exchange that shows one before it again, at another speed or from another camera, after a cut.

The contacts of a replay follow each other as in the original, in times that are all longer by one factor.
Its bounces lie at the same places of the table.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from ttcli.play.contacts import Contact
from ttcli.play.exchanges import Exchange

LONGEST_SINCE = 20.0
"""Seconds from the end of a point to its replay."""
ORDINARY_PACE, SLOWEST_PACE = (0.98, 1.02), (1.3, 6.0)
"""How much longer a replay takes than the original: as long, or clearly longer."""
APART, PASSING_APART = 0.025, 0.05
"""Seconds by which the instant of a bounce, and of a passing, may be off, of the original and of the replay each."""
PLACE_APART, GUESSED_APART = 0.1, 0.25
"""By so much of the half of a table its bounces may lie apart; and where no camera is known, so that the half is guessed."""
FIT_AT_ENDS = 3
"""The pace comes from one of the first and one of the last contacts: some may be false."""
TWO_FREE = 2
"""Two contacts fit each other at some pace, whatever they are."""
LEAST_COINCIDENCES, WITHOUT_A_CUT, EACH = 5.0, 7.0, 0.6
"""Times and places that agree, less the contacts that do not: so many are no chance after a cut, and where no cut was
found, and so many for each contact."""


def is_replay(exchange: Exchange, earlier: Exchange, shots: Sequence[float]) -> bool:
    """Return whether an exchange shows the one before it again.

    Args:
        exchange: What may be a replay.
        earlier: The point before it.
        shots: Times at which shots begin: a replay follows a cut. One in slow motion may follow a dissolve.
    """
    begin, end = exchange.contacts[0].seconds, earlier.contacts[-1].seconds
    if begin - end > LONGEST_SINCE:
        return False
    cut = any(end < shot <= begin for shot in shots)
    paces = (ORDINARY_PACE, SLOWEST_PACE) if cut else (SLOWEST_PACE,)
    least = max(LEAST_COINCIDENCES if cut else WITHOUT_A_CUT, EACH * len(exchange.contacts))
    return coincidences(earlier.contacts, exchange.contacts, paces) >= least


def coincidences(earlier: Sequence[Contact], later: Sequence[Contact], paces: Sequence[tuple[float, float]]) -> float:
    """Return how many times and places of later contacts agree with earlier ones at the best pace, less what does not.

    Args:
        earlier: Contacts of what may be the original, in order of time.
        later: Contacts of what may be its replay.
        paces: From where to where the pace may lie.
    """
    ends = [(first, second) for first in later[:FIT_AT_ENDS] for second in later[-FIT_AT_ENDS:]]
    best = -float(len(later))
    for one, other in combinations(earlier, 2):
        for first, second in ends:
            pace = (second.seconds - first.seconds) / max(other.seconds - one.seconds, 1e-6)
            alike = (one.bounce, other.bounce) == (first.bounce, second.bounce)
            if alike and any(low <= pace <= high for low, high in paces):
                clock = _Clock(one.seconds, first.seconds, pace)
                best = max(best, *(_agreeing(earlier, later, clock, turned) for turned in (1, -1)))
    return best


def _measured(*contacts: Contact) -> bool:
    """Return whether it is known from the camera where on the table contacts are."""
    return all(contact.court is not None and contact.court.camera is not None for contact in contacts)


class _Clock(NamedTuple):
    """How the time of a replay runs."""

    since: float
    """An instant of the original."""
    begin: float
    """When it is shown again."""
    pace: float
    """How much longer the replay takes."""

    def original(self, seconds: float) -> float:
        """Return the instant of the original that the replay shows."""
        return self.since + (seconds - self.begin) / self.pace


def _agreeing(earlier: Sequence[Contact], later: Sequence[Contact], clock: _Clock, turned: int) -> float:
    """Return how many times and places agree, less what does not; `turned` is -1 where cameras stand on two sides."""
    times, places = 0, 0
    looser = 1 + 1 / clock.pace
    for contact in later:
        seconds, allowed = clock.original(contact.seconds), looser * (APART if contact.bounce else PASSING_APART)
        near = min(earlier, key=lambda each: (each.bounce != contact.bounce, abs(each.seconds - seconds)))
        if near.bounce != contact.bounce or abs(near.seconds - seconds) > allowed or near.side * contact.side * turned < 0:
            continue
        if contact.bounce and near.along and contact.along:
            if abs(near.along - turned * contact.along) > (PLACE_APART if _measured(near, contact) else GUESSED_APART):
                continue
            places += 1
        times += 1
    first, last = (clock.original(contact.seconds) for contact in (later[0], later[-1]))
    shown = sum(first - looser * APART < contact.seconds < last + looser * APART for contact in earlier)
    return times - TWO_FREE + places - (len(later) - times) - max(0, shown - times)
