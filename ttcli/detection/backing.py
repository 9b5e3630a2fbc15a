"""Claims that only their path speaks for.

The decision over time believes in a faint peak on the path of clear ones, and it should: a ball fades for some frames.
But hands, glints on something that moves and cars draw smooth paths of peaks that are faint nearly all the time. So
claims need the backing of the network: in the mean over the claims around, it must see a ball in each frame by itself.
"""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from ttcli.detection.choices import CLAIM, Choice
from ttcli.networks.odds import log_odds

AROUND = 2.0
"""Seconds before and after a claim in which other claims count."""
LEAST_BACKING = 2.0
"""Mean log odds of the claims around, each by its own frame."""
MOST_LOGIT = 7.0
"""Log odds beyond this, on either side, count as this much."""
MOST_HELD = 1000
"""Choices, at most, that are held back, for many frames may have one time."""


def with_backing(choices: Iterable[Choice]) -> Iterator[Choice]:
    """Yield the choices of a shot, in order; claims that the network by itself hardly believes have little confidence.

    A choice is held back for AROUND seconds.

    Args:
        choices: One for each frame, in order.
    """
    held: deque[Choice] = deque()
    claims: deque[tuple[float, float]] = deque(maxlen=2 * MOST_HELD)  # times and log odds of those around the held ones
    for choice in choices:
        held.append(choice)
        if choice.confidence >= CLAIM:
            claims.append((choice.time_seconds, _backing(choice)))
        while held[0].time_seconds < choice.time_seconds - AROUND or len(held) > MOST_HELD:
            yield _judged(held.popleft(), claims)
    while held:
        yield _judged(held.popleft(), claims)


def _backing(claim: Choice) -> float:
    """Return the log odds of a claim by its own frame."""
    return float(np.clip(log_odds(np.array(claim.alone)), -MOST_LOGIT, MOST_LOGIT))


def _judged(choice: Choice, claims: deque[tuple[float, float]]) -> Choice:
    """Return a choice as the claims around leave it, and forget those that no later one is near."""
    while claims and claims[0][0] < choice.time_seconds - AROUND:
        claims.popleft()
    if choice.confidence < CLAIM:
        return choice
    near = [backing for seconds, backing in claims if seconds <= choice.time_seconds + AROUND]
    return choice if sum(near) >= LEAST_BACKING * len(near) else choice.doubted()
