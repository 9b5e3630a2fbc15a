"""Which contacts belong to one exchange of strokes: as the rules let them follow each other, one half after the other.

After a bounce on a half the ball passes the net away from it, and after a passing it bounces on the half that it came
to. Each pair of neighbours that does so speaks for play; what contradicts speaks against it. Among all ways to cut a
path's contacts into exchanges, and to leave some out as false, the best one is found at once (dynamic programming).
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ttcli.play.contacts import Contact

LONGEST_PAUSE = 2.2
"""Seconds between two contacts of one exchange; a high lob takes as long."""
LONGEST_UNTOLD = 3.6
"""The same where the ball was seen to fly all the time: then nobody told the contacts between, as happens with lobs."""
LONGEST_DROP, LONGEST_RETURN = 0.9, 2.1
"""Seconds from the net to the bounce, and from the bounce to the net. Real ones took 0.4 and 1.5 at most; lobs take more."""
SHORTEST_RETURN = 0.25
"""Seconds from a passing of the net to the next one."""
BEGINNING = 1.0
"""What speaks against an exchange from the start: two pairs must speak for it."""
LEFT_OUT = 1.0
"""What speaks against leaving out a contact as false."""
MOST_LEFT_OUT = 2
"""In a row."""
AS_IT_SHOULD, UNKNOWN_SIDES, ONE_MISSED = 1.0, 0.7, 0.4
"""What pairs speak for play: bounce and passing in turn, the same where a side is unknown, with one between that nobody
told."""
AGAINST, TWICE = -1.0, -1.5
"""The same of what goes the wrong way, and of two bounces on one half."""
SHORTEST_THERE_AND_BACK, BEHIND_A_PLAYER = 0.85, 0.2
"""Seconds in which a ball comes back to the half it bounced on. What such a pair speaks for play where the bounce
between could not be seen."""
LONGEST_BACK = 0.6
"""Seconds from a bounce on the far half to the net, from which on the ball may have been on the near half between."""
CUT_BETWEEN = 0.5
"""What speaks against two contacts with a cut between them; it ends no exchange that goes on."""
IMPOSSIBLE = -1e9


class Exchange(NamedTuple):
    """Contacts of one exchange of strokes."""

    contacts: list[Contact]
    score: float
    """What speaks for it, above 0."""
    after: Contact | None
    """The contact that follows, within LONGEST_PAUSE; it may tell how the exchange ended."""
    before: Contact | None = None
    """The contact before it, however long before."""


class _Step(NamedTuple):
    """A way to come to a contact: the exchange up to there that speaks most for play, if its side is that one."""

    value: float
    place: int
    side: int
    leader: "_Step | None"


def find_exchanges(
    contacts: Sequence[Contact],
    in_flight: Callable[[Contact, Contact], bool] = lambda earlier, later: False,
    shots: Sequence[float] = (),
    begins: Callable[[Contact, Contact], bool] = lambda bounce, earlier: False,
) -> list[Exchange]:
    """Return the exchanges among contacts, in order of time.

    Args:
        contacts: In order of time.
        in_flight: Whether the ball was seen to fly all the time from one contact to another.
        shots: Times at which shots begin.
        begins: Whether a bounce, after a contact before it, was seen to begin a point.
    """
    best = [0.0]  # of the contacts before
    steps: list[list[_Step]] = []  # the ways to come to each contact, the best one for each side that it may have
    for place, contact in enumerate(contacts):
        ways = {contact.side: _Step(best[place] - BEGINNING, place, contact.side, None)}
        for leader in [step for led in range(max(0, place - 1 - MOST_LEFT_OUT), place) for step in steps[led]]:
            before = contacts[leader.place]._replace(side=leader.side)
            speaks = _speaks_for_play(before, contact, in_flight) - LEFT_OUT * (place - 1 - leader.place)
            if before.bounce and contact.bounce and speaks > AGAINST and _from_the_side(contact) and begins(contact, before):
                speaks = AGAINST
            speaks -= CUT_BETWEEN * (bisect_right(shots, before.seconds) < bisect_right(shots, contact.seconds))
            side = contact.side or _side_after(before, leader.side, contact)
            if side not in ways or leader.value + speaks > ways[side].value:
                ways[side] = _Step(leader.value + speaks, place, side, leader)
        steps.append(list(ways.values()))
        best.append(max(best[place], *(step.value for step in steps[place])))
    found = []
    place = len(contacts) - 1
    while place >= 0:
        last = max(steps[place], key=lambda step: step.value)
        if last.value <= best[place]:
            place -= 1
            continue
        chain = [last]
        while (step := chain[-1].leader) is not None:
            chain.append(step)
        first = chain[-1].place
        following = contacts[place + 1] if place + 1 < len(contacts) else None
        if following is not None and following.seconds - contacts[place].seconds > LONGEST_PAUSE:
            following = None
        earlier = contacts[first - 1] if first else None
        own = [contacts[each.place] for each in reversed(chain)]
        found.append(Exchange(own, last.value - best[first], following, earlier))
        place = first - 1
    return found[::-1]


def _from_the_side(contact: Contact) -> bool:
    """Return whether a serve can be told from other flights: from behind an end all go up and down."""
    return contact.court is not None and not contact.court.from_an_end


def _near_is_hidden(contact: Contact, side: int) -> bool:
    """Return whether a contact is on the far half, seen from behind an end: the near player may hide what is on his."""
    court = contact.court
    return court is not None and court.from_an_end and bool(side) and court.name(side) == "far"


def _side_after(earlier: Contact, side: int, later: Contact) -> int:
    """Return the side of a contact that follows one of a known side, if it is as it should be; 0 where nobody knows."""
    if later.bounce:
        return -side if earlier.bounce else side
    late = earlier.bounce and later.seconds - earlier.seconds > LONGEST_BACK
    return 0 if late and _near_is_hidden(earlier, side) else -side


def _speaks_for_play(earlier: Contact, later: Contact, in_flight: Callable[[Contact, Contact], bool]) -> float:
    """Return what two contacts, one after the other, speak for being of one exchange."""
    apart = later.seconds - earlier.seconds
    if apart > LONGEST_PAUSE:
        return 0.0 if apart < LONGEST_UNTOLD and in_flight(earlier, later) else IMPOSSIBLE
    known, same = bool(earlier.side and later.side), earlier.side == later.side
    hidden = apart > SHORTEST_THERE_AND_BACK and later.bounce and _near_is_hidden(later, later.side)
    if earlier.bounce and not later.bounce:
        if apart > LONGEST_RETURN:
            return IMPOSSIBLE
        return (AGAINST if same else AS_IT_SHOULD) if known else UNKNOWN_SIDES
    if later.bounce and not earlier.bounce:
        if known and same:
            return AS_IT_SHOULD if apart < LONGEST_DROP else AGAINST
        return UNKNOWN_SIDES if not known else BEHIND_A_PLAYER if hidden else AGAINST
    if not known:
        return 0.0
    if not earlier.bounce:
        return ONE_MISSED if not same and apart > SHORTEST_RETURN else AGAINST
    if same:
        return BEHIND_A_PLAYER if hidden else TWICE
    return ONE_MISSED
