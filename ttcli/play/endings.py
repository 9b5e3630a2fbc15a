"""How an exchange ended, and when: by the path after its last contact."""

from typing import NamedTuple

import numpy as np

from ttcli.play.contacts import Contact
from ttcli.play.exchanges import Exchange
from ttcli.play.sightings import Sightings
from ttcli.table.constants import BALL_RADIUS, GRAVITY, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

FOLLOWED = 1.3
"""Seconds after the last contact in which the end is looked for."""
USUAL_END, AFTER_BOUNCE = 0.25, 0.4
"""Seconds from the last passing, and from the last bounce, to the end of the point, where nothing more is known."""
FROM_AN_END = 0.8
"""The same where the camera looks along the table: the last stroke is not seen there, and what it did is not known."""
DROPPED = 0.1
"""Share of the way from the net to the end: a ball that bounces twice on a half goes on outwards. One that was struck
into the net drops nearer to it than it had bounced by more than this."""
TO_THE_FLOOR = 0.7
"""Seconds from the bounce of a ball that nobody reaches to the floor, where that is not seen."""
AROUND, THROWN_UP = 0.1, 2.2
"""The floor and a racket send a ball upwards. Seconds before and after such an instant that are looked at, and how
much faster upwards it must be, metres a second."""
FLIES_ON = 0.35
"""Share of the way from the net to the table's end: a ball seen so far behind the net, and not to bounce, was long or
wide."""
BESIDE = 0.1
"""Metres beside the board, on the side of the camera: what seems to be there at the table's height is lower, or
beside."""
TURNED = 0.2
"""Share of that way: who comes back by so much was struck."""
AT_THE_NET, BEHIND_IT = 0.2, -0.3
"""Places along the table, from the last bounce's half: the ball comes to the net, and is on the other side."""
SEEN_TO_PASS = 0.55
"""Seconds after the bounce in which a ball that flies on must be seen, to say that nobody struck it. Who strikes a ball
late, from 0.7 m behind the table, hides it with his body before."""
LONGEST_JUMP = 1.1
"""Seconds from a bounce to the next one of a ball that nobody strikes: it leaves the table at 5 m/s at most."""
LONGEST_HIDDEN = 0.15
"""Seconds between two sightings in that time."""


class Ending(NamedTuple):
    """How an exchange ended."""

    seconds: float
    ended: str | None
    """One of `results.rallies.ENDINGS`; None where nobody can tell."""
    struck: bool
    """Whether there was a stroke after the last contact."""


def ending_of(exchange: Exchange, sightings: Sightings) -> Ending:
    """Return how an exchange ended, and when the point was over."""
    last = exchange.contacts[-1]
    usual = Ending(last.seconds + (AFTER_BOUNCE if last.bounce else USUAL_END), None, False)
    if last.court is not None and last.court.from_an_end:
        usual = usual._replace(seconds=last.seconds + FROM_AN_END)
    if not last.side or last.court is None:
        return usual
    if last.court.from_an_end:
        again = _again(last, exchange.after)
        return usual if again is None else Ending(again.seconds, "double_bounce", False)
    times, pixels = sightings.between(last.seconds, last.seconds + FOLLOWED)
    along = _smooth(last.court.places(pixels) * last.side)  # 1 is the end of the half that the ball came to
    if last.bounce:
        return _after_bounce(last, exchange.after, times, along, pixels) or usual
    return _after_passing(last, times, along, pixels) or usual


def _after_passing(last: Contact, times: np.ndarray, along: np.ndarray, pixels: np.ndarray) -> Ending | None:
    """Return the end of a ball that passed the net, and was not seen to bounce on the table."""
    beyond = np.flatnonzero(along > FLIES_ON)
    if not len(beyond):
        return None
    out = np.flatnonzero(along > 1)
    end = times[out[0]] if len(out) else last.seconds + USUAL_END
    return Ending(float(end), _long_or_wide(last, last.side, last.seconds, times, pixels), False)


def _long_or_wide(last: Contact, side: int, since: float, times: np.ndarray, pixels: np.ndarray) -> str | None:
    """Return how a ball went out that passed the net towards the end `side` at `since`; None where nobody can tell.

    A ball that the camera sees before the board's near edge is under the table's level, or beside the table. One that was seen
    beyond the end before was long. A ball that falls behind the far edge is hidden.
    """
    court = last.court
    if court is None or court.camera is None or court.end is None:
        return "long"
    times, pixels = times[times > since], pixels[times > since]
    seen = pixels[: np.searchsorted(times, since + _seen_on(since, times), side="right")]
    shown = [court.camera.on_plane(pixel, TABLE_HEIGHT + BALL_RADIUS) for pixel in seen]
    places = np.array([place for place in shown if place is not None]).reshape(-1, 3)
    beyond = places[:, 1] * court.end * side > TABLE_LENGTH / 2
    beside = places[:, 0] * np.sign(court.camera.position[0]) > TABLE_WIDTH / 2 + BESIDE
    first = np.flatnonzero(beyond | beside)
    return None if not len(first) else "long" if beyond[first[0]] else "wide"


def _after_bounce(
    last: Contact, after: Contact | None, times: np.ndarray, along: np.ndarray, pixels: np.ndarray
) -> Ending | None:
    """Return the end of a ball that bounced on a half, and did not pass the net again as far as that was told."""
    again = _again(last, after)
    turn = _turn(along)
    if turn is None:
        if again is not None and (again.along - last.along) * last.side < -DROPPED:
            return Ending(again.seconds, "net", True)
        if again is not None:
            return Ending(again.seconds, "double_bounce", False)
        return _gone_by(last, times, pixels) if _seen_on(last.seconds, times) > SEEN_TO_PASS else None
    back = along[turn:]
    passed = np.flatnonzero(back < BEHIND_IT)
    near = np.flatnonzero(back < AT_THE_NET)
    if len(passed):
        since = float(times[turn + passed[0] - 1])
        return Ending(float(times[turn + passed[-1]]), _long_or_wide(last, -last.side, since, times, pixels), True)
    if len(near):
        return Ending(float(times[turn + near[0]]), "net", True)
    return Ending(float(times[-1]), None, True)


def _gone_by(last: Contact, times: np.ndarray, pixels: np.ndarray) -> Ending:
    """Return the end of a ball that flew on after its bounce: when it was on the floor, or as far as it was seen.

    Who meets it with the edge of the racket sends it upwards again, and it flies on all the same.
    """
    seen = times <= last.seconds + _seen_on(last.seconds, times)
    times, heights = times[seen], -_smooth(pixels[seen, 1])
    metre = last.court.metre(last.side) if last.court is not None else 1.0
    thrown = _thrown_up(times - last.seconds, heights / metre)
    latest = float(times[-1])
    if not thrown:
        return Ending(min(latest, last.seconds + TO_THE_FLOOR), "missed", False)
    struck = bool(heights[thrown[0] :].max() > heights[0])
    if not struck:
        return Ending(float(times[thrown[0]]), "missed", False)
    floor = [place for place in thrown[1:] if times[place] - times[thrown[0]] > SEEN_TO_PASS]
    return Ending(float(times[floor[0]]) if floor else latest, None, True)


def _thrown_up(ages: np.ndarray, heights: np.ndarray) -> list[int]:
    """Return the sightings at which a ball is suddenly faster upwards; its heights (N,) are metres on the picture."""
    found: list[int] = []
    jumps = np.zeros(len(ages))
    for place, age in enumerate(ages):
        before = (ages >= age - AROUND) & (ages <= age)
        after = (ages >= age) & (ages <= age + AROUND)
        if age > AROUND and min(before.sum(), after.sum()) > 1:
            earlier, later = (np.polyfit(ages[part], heights[part], 1)[0] for part in (before, after))
            jumps[place] = later - earlier + GRAVITY * (ages[after].mean() - ages[before].mean())
    for place in np.flatnonzero(jumps > THROWN_UP).tolist():
        if found and ages[place] - ages[found[-1]] < 2 * AROUND:
            found[-1] = place if jumps[place] > jumps[found[-1]] else found[-1]
        else:
            found.append(place)
    return found


def _seen_on(seconds: float, times: np.ndarray) -> float:
    """Return for how long after an instant a ball was seen without being hidden."""
    clock = np.concatenate([[seconds], times])
    hidden = np.flatnonzero(np.diff(clock) > LONGEST_HIDDEN)
    return float(clock[hidden[0]] if len(hidden) else clock[-1]) - seconds


def _again(last: Contact, after: Contact | None) -> Contact | None:
    """Return the second bounce on the half of the last one; None where there was none."""
    if after is None or not (last.bounce and after.bounce) or after.seconds - last.seconds > LONGEST_JUMP:
        return None
    return after if after.side == last.side else None


def _turn(along: np.ndarray) -> int | None:
    """Return the sighting from which on the ball comes back to the net; None where it does not."""
    farthest = np.maximum.accumulate(along) if len(along) else along
    back = np.flatnonzero(along < farthest - TURNED)
    return int(back[0]) if len(back) else None


def _smooth(along: np.ndarray) -> np.ndarray:
    """Return the median of each place and its neighbours: one false sighting is no turn."""
    if len(along) < 3:
        return along
    inner = np.median(np.stack([along[:-2], along[1:-1], along[2:]]), axis=0)
    return np.concatenate([along[:1], inner, along[-1:]])
