"""What shows that a point begins: a toss, or a bounce on the half that the ball comes from.

In a toss the ball rises from the hand, and falls freely to the racket, near the server's end. Only a serve may bounce
on its own half.
"""

import numpy as np

from ttcli.play.contacts import Contact
from ttcli.play.sightings import Sightings
from ttcli.table.constants import GRAVITY

BEFORE_BOUNCE = (0.06, 0.45)
"""Seconds from the stroke to the serve's first bounce."""
LONGEST, SHORTEST = 0.7, 0.24
"""Seconds of the toss that are looked at, and that must be seen. The rules ask for a rise of 0.16 m: with the fall it
takes 0.26 s or more. Who passes a ball on lifts it less."""
LEAST_SEEN, LONGEST_HIDDEN = 5, 0.13
"""Sightings of a toss, and seconds between two of them."""
LEAST_RISE, LEAST_FALL = 0.06, 0.02
"""Metres, as far as they were seen."""
FASTEST_ASIDE = 1.2
"""Metres a second: a toss goes up nearly straight."""
AFTER_CONTACT = 0.05
"""Seconds after the ball met something in which it is not tossed."""
BEHIND, USUAL_HEIGHT = 0.75, 0.4
"""Share of the way from the net to the server's end: the ball is tossed behind the end. And how high it is over the
table then, metres: where the camera does not stand at the side, it seems nearer or farther away for it."""
FALLS = (0.6, 1.4)
"""Acceleration downwards, against gravity: how large a metre is there is known about."""
LARGEST_ERROR = 0.02
"""Metres by which sightings lie beside the parabola, root mean square; a pixel and a half is allowed anyway."""
PIXELS_ALLOWED = 1.5

APPROACH, LEAST_APPROACH = 0.13, 0.04
"""Seconds before a bounce in which it is looked at where the ball comes from, and that the sightings must last."""
FROM_ITS_END = 0.8
"""Halves of the table a second towards the net from which on it comes from the end on whose half it bounces."""


def begins_a_point(bounce: Contact, earlier: Contact, sightings: Sightings) -> bool:
    """Return whether a bounce that follows a contact was seen to be the first of a serve; see `tossed_before`."""
    return _comes_from_its_end(bounce, earlier, sightings) or tossed_before(bounce, earlier, sightings)


def _comes_from_its_end(bounce: Contact, earlier: Contact, sightings: Sightings) -> bool:
    if bounce.court is None:
        return False
    begin = max(bounce.seconds - APPROACH, earlier.seconds + AFTER_CONTACT)
    times, pixels = sightings.between(begin, bounce.seconds)
    if len(times) < 3 or times[-1] - times[0] < LEAST_APPROACH:
        return False
    return bool(bounce.side * np.polyfit(times - times[-1], bounce.court.level_places(pixels), 1)[0] < -FROM_ITS_END)


def tossed_before(bounce: Contact, earlier: Contact | None, sightings: Sightings) -> bool:
    """Return whether a toss was seen before the first bounce of what may be a serve.

    Args:
        bounce: That bounce.
        earlier: The contact before it: the toss comes after that.
        sightings: The path.
    """
    court = bounce.court
    if court is None:
        return False
    metre = court.metre(bounce.side)
    allowed = max(LARGEST_ERROR, PIXELS_ALLOWED / metre)
    earliest = max(bounce.seconds - BEFORE_BOUNCE[1] - LONGEST, -np.inf if earlier is None else earlier.seconds + AFTER_CONTACT)
    times, pixels = sightings.between(earliest, bounce.seconds - BEFORE_BOUNCE[0])
    if not court.from_an_end:
        behind = court.places(pixels) * bounce.side > BEHIND + USUAL_HEIGHT * court.leaning(bounce.side)
        times, pixels = times[behind], pixels[behind]
    struck = np.flatnonzero(times > bounce.seconds - BEFORE_BOUNCE[1])
    for last in struck[::-1].tolist():
        begin = times[last] - LONGEST
        gaps = np.flatnonzero(np.diff(times[: last + 1]) > LONGEST_HIDDEN)
        longest = max(int(np.searchsorted(times, begin)), int(gaps[-1]) + 1 if len(gaps) else 0)
        for first in range(longest, last - LEAST_SEEN + 2):
            if times[last] - times[first] < SHORTEST:
                break
            if _falls_freely(times[first : last + 1], pixels[first : last + 1] / metre, allowed):
                return True
    return False


def _falls_freely(times: np.ndarray, places: np.ndarray, allowed: float) -> bool:
    """Return whether a ball at places (N, 2), metres on the picture, rose and fell as one that nobody holds.

    Args:
        times: When it was seen there, seconds.
        places: As the picture has them: down is positive.
        allowed: Root mean square by which they may lie beside a parabola, metres.
    """
    age = times - times[-1]
    if abs(np.polyfit(age, places[:, 0], 1)[0]) > FASTEST_ASIDE:
        return False
    curve = np.polyfit(age, places[:, 1], 2)
    half, speed, _ = curve
    error = float(np.sqrt(np.mean((np.polyval(curve, age) - places[:, 1]) ** 2)))
    if error > allowed or not FALLS[0] * GRAVITY < 2 * half < FALLS[1] * GRAVITY:
        return False
    top = -speed / (2 * half)
    rise, fall = half * (age[0] - top) ** 2, half * top**2
    return bool(age[0] < top < 0 and rise > LEAST_RISE and fall > LEAST_FALL)
