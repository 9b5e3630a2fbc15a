"""Gaps in the ball's path, filled where one flight explains what is seen on both sides: what `detect --fill` does.

In the air a ball's position on the picture is nearly a parabola of time, for a third of a second or so. One is
fitted to the last sightings before a gap and the first after it together. Where it meets all of them, and does
nothing that a ball in the air cannot do, the frames between are `filled` with it; else they stay as they were. A
bounce or a stroke in the gap bends the path, so that no parabola fits, or only one that rises after falling or
turns back along the picture: nothing is made up there. A stroke that turns the path only a little goes unnoticed,
as when a falling ball is served. So does a stroke towards a camera behind the player, which looks like a ball that
rises and falls.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ttcli.results.trajectory import BallPosition, Status

EVIDENCE = 5
"""Sightings on each side that the flight is fitted to, neighbours of each other."""
LEAST_EVIDENCE = 3
"""Fewer are tried down to so many: a bounce or a stroke may lie shortly before the gap."""
TOLERANCE = 4 / 1920
"""Share of the picture's width: so far may each sighting lie from the flight, and a path turn where a flight does
not."""


def fill_gaps(positions: Iterable[BallPosition], height: int, width: int, most: int) -> Iterator[BallPosition]:
    """Yield the ball of each frame, in order; gaps of at most `most` frames are filled where one flight leads over them.

    Args:
        positions: Positions of a video, with times; at most `most` + 2 * EVIDENCE of them and repeats of the last are
            held back.
        height: Height of the video's picture, in pixels.
        width: The same.
        most: Frames in a gap; 0 fills none.
    """
    before: deque[BallPosition] = deque(maxlen=EVIDENCE)
    gap: list[BallPosition] = []
    after: list[BallPosition] = []
    shot = 0

    def close() -> Iterator[BallPosition]:
        sightings = [row for row in after if not row.duplicate]
        yield from _fill(gap, list(before), sightings, height, width)
        yield from after
        before.clear()
        before.extend(sightings)
        gap.clear()
        after.clear()

    for position in positions:
        seen, cut = position.status is Status.SEEN, position.shot != shot
        shot = position.shot
        enough = sum(not row.duplicate for row in after) == EVIDENCE
        if gap and (cut or enough or (not seen and (after or len(gap) == most))):
            yield from close()
        if cut:
            before.clear()
        if gap:
            (after if seen else gap).append(position)
            continue
        if not seen and most and len(before) >= LEAST_EVIDENCE:
            gap.append(position)
            continue
        if not seen:
            before.clear()
        elif not position.duplicate:
            before.append(position)
        yield position
    yield from close()


def _fill(
    gap: Sequence[BallPosition], before: Sequence[BallPosition], after: Sequence[BallPosition], height: int, width: int
) -> Iterator[BallPosition]:
    """Yield the rows of a gap, those that could be decoded filled where a flight leads over it and is inside the picture."""
    for count in range(EVIDENCE, LEAST_EVIDENCE - 1, -1):
        flight = _flight(before[-count:], after[:count], width)
        if flight is not None:
            break
    last = None  # what a repeated picture repeats
    for row in gap:
        if flight is None or row.status is not Status.UNSEEN:
            yield row
            continue
        if not row.duplicate:
            x, y = np.polynomial.polynomial.polyval(row.seconds - before[-1].seconds, flight).tolist()
            inside = -0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5
            last = (x, y) if inside else None
        yield replace(row, x=last[0], y=last[1], status=Status.FILLED) if last else row


def _flight(before: Sequence[BallPosition], after: Sequence[BallPosition], width: int) -> np.ndarray | None:
    """Return a parabola's coefficients (3, 2) of x and y by seconds since the last sighting before, None where none will do."""
    if min(len(before), len(after)) < LEAST_EVIDENCE:
        return None
    sightings = [*before, *after]
    seconds = np.array([row.seconds for row in sightings]) - before[-1].seconds
    if (np.diff(seconds) <= 0).any():
        return None
    places = np.array([row.place for row in sightings], float)
    flight = np.polynomial.polynomial.polyfit(seconds, places, 2)
    away = np.polynomial.polynomial.polyval(seconds, flight).T - places
    if np.hypot(*away.T).max() > TOLERANCE * width:
        return None
    leave, meet = (flight[1] + 2 * flight[2] * time for time in (0.0, seconds[len(before)]))  # pixels a second, (2,)
    turns = leave * meet < 0
    turns[1] &= leave[1] > 0  # it may rise and then fall
    with np.errstate(divide="ignore", invalid="ignore"):
        back = np.minimum(leave**2, meet**2) / (4 * np.abs(flight[2]))  # from the turn to the nearer end of the gap
    return None if (turns & (back > TOLERANCE * width)).any() else flight
