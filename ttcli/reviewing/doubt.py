"""How doubtful each row of a ball.csv is, and why: by its confidence, by the rows around it, by the flight of the ball.

A score is about the probability that the row is wrong. It is told by rules alone, and knows no picture. The confidence
of `detect` is a probability already; a place out of its flight makes the odds against it larger.
"""

from collections.abc import Callable

import numpy as np

from ttcli.results.ball_columns import BallColumns
from ttcli.results.trajectory import Status

FULL_WIDTH = 1920
"""Pixels count on a picture so wide."""
GAP_SECONDS = 0.5
"""A ball that is not seen for less was somewhere all the same, as a rule; the shorter, the surer."""
GAP_DOUBT = 0.5
NEAR_SECONDS = 0.15
"""Frames further from each other say nothing of one another's flight."""
JUMP_PIXELS, JUMP_SHARE = 8.0, 0.15
"""A ball is half out of its flight that lies so far from where the frames around it lead, and so much of its step from
frame to frame further. Racket and table bend flights too."""
JUMP_ODDS = 15.0
"""How many times larger the odds are that a ball is wrong which is far out of its flight."""
LEAST_UNSURE = 0.01
"""No confidence is taken for surer than that."""
FILLED_DOUBT = 0.5
LONELY_FRAMES, LONELY_SECONDS, LONELY_DOUBT = 3, 0.2, 0.5
"""A ball that is seen in so few frames, and in none so long before and after, may be none."""
REPEATED = 0.2
"""A frame that repeats the one before it has its row: the doubt is about the other one."""

REASONS: dict[str, str] = {
    "confidence": "low confidence",
    "candidate": "not seen, but something was there",
    "gap": "seen before and after, not here",
    "jump": "jumps out of its flight",
    "filled": "filled in, not seen",
    "lonely": "seen for a moment only",
}
"""Key of a reason -> what a person reads."""


def doubts_of(columns: BallColumns, width: int) -> np.ndarray:
    """Return how doubtful each row is for each reason: (len(REASONS), N), 0 to 1.

    Args:
        columns: The rows.
        width: Width of the picture, pixels.
    """
    seen, unseen = columns.has(Status.SEEN), columns.has(Status.UNSEEN)
    unsure = np.maximum(1 - np.nan_to_num(columns.confidence, nan=1.0), LEAST_UNSURE)
    of: dict[str, Callable[[], np.ndarray]] = {
        "confidence": lambda: np.where(seen, unsure, 0.0),
        "candidate": lambda: np.where(unseen, np.nan_to_num(columns.confidence), 0.0),
        "gap": lambda: np.where(unseen, _gaps(columns), 0.0),
        "jump": lambda: np.where(seen, _more(unsure, _jumps(columns, width)), 0.0),
        "filled": lambda: np.where(columns.has(Status.FILLED), FILLED_DOUBT, 0.0),
        "lonely": lambda: _lonely(columns, seen),
    }
    return np.stack([of[name]() for name in REASONS]) * np.where(columns.duplicate, REPEATED, 1.0)


def with_odds(score: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return probabilities whose odds are so many times the odds of `score`."""
    odds = score * times
    return odds / (odds + 1 - score)


def _more(unsure: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    """Return what a jump, 0 to 1, adds to the doubt of a confidence, so that both together are the doubt of a ball that jumps."""
    whole = with_odds(unsure.clip(max=0.99), 1 + (JUMP_ODDS - 1) * jumps)
    return np.clip((whole - unsure) / (1 - unsure.clip(max=0.99)), 0, 1)


def together(doubts: np.ndarray) -> np.ndarray:
    """Return one score (N,) of the doubts for several reasons, each of which may be right by itself."""
    return 1 - np.prod(1 - doubts, axis=0)


def reasons_of(doubts: np.ndarray, least: float = 0.1) -> list[str]:
    """Return the reasons, as keys, for which one row's doubts (len(REASONS),) are not small, the strongest first."""
    names = list(REASONS)
    return [names[place] for place in np.argsort(-doubts) if doubts[place] >= least]


def _clock(columns: BallColumns) -> np.ndarray:
    """Return the times of all rows; of a file without times its frames at 25 a second."""
    return columns.seconds if np.isfinite(columns.seconds).all() else columns.frame / 25.0


def _gaps(columns: BallColumns) -> np.ndarray:
    """Return for each row how sure it is that the ball was there, seen before and after within a short time."""
    seconds, placed = _clock(columns), columns.has(Status.SEEN)
    rows = np.arange(len(columns))
    before = np.maximum.accumulate(np.where(placed, rows, -1))
    after = np.minimum.accumulate(np.where(placed, rows, len(rows))[::-1])[::-1]
    inside = (before >= 0) & (after < len(rows))
    length = np.where(inside, seconds[after.clip(max=len(rows) - 1)] - seconds[before.clip(min=0)], np.inf)
    return GAP_DOUBT * np.clip(1 - length / GAP_SECONDS, 0, 1)


def _jumps(columns: BallColumns, width: int) -> np.ndarray:
    """Return for each row how far its place is from all places to which the rows around it lead."""
    score = np.zeros(len(columns))
    rows = np.nonzero(columns.has(Status.SEEN, Status.FILLED) & ~columns.duplicate)[0]
    if len(rows) < 3:
        return score
    seconds = _clock(columns)[rows]
    places = np.stack([columns.x[rows], columns.y[rows]], 1) * (FULL_WIDTH / width)  # (K, 2)
    off = np.full(len(rows), np.inf)
    for one, other in ((-2, -1), (1, 2), (-1, 1)):
        off = np.fmin(off, _off_line(seconds, places, one, other))
    step = np.full(len(rows), np.inf)
    length = np.linalg.norm(np.diff(places, axis=0), axis=1)
    step[1:], step[:-1] = length, np.minimum(step[:-1], length)
    with np.errstate(invalid="ignore"):
        bearable = (JUMP_PIXELS + JUMP_SHARE * np.nan_to_num(step, posinf=0.0)) ** 2
        score[rows] = np.where(np.isfinite(off), off**2 / (off**2 + bearable), 0.0)
    return score


def _off_line(seconds: np.ndarray, places: np.ndarray, one: int, other: int) -> np.ndarray:
    """Return how far (K,) each place is from the line through two others; infinite where these are not near in time."""
    count = len(seconds)
    rows = np.arange(count)
    first, second = rows + one, rows + other
    there = (first >= 0) & (second < count) & (second >= 0) & (first < count)
    first, second = first.clip(0, count - 1), second.clip(0, count - 1)
    span = seconds[second] - seconds[first]
    near = (
        there
        & (span > 0)
        & (np.abs(seconds[first] - seconds) < NEAR_SECONDS)
        & (np.abs(seconds[second] - seconds) < NEAR_SECONDS)
    )
    share = np.where(near, (seconds - seconds[first]) / np.where(span > 0, span, 1.0), 0.0)[:, None]
    led_to = places[first] + share * (places[second] - places[first])
    return np.where(near, np.linalg.norm(places - led_to, axis=1), np.inf)


def _lonely(columns: BallColumns, seen: np.ndarray) -> np.ndarray:
    """Return the doubt of rows in which the ball is seen for a moment only."""
    score = np.zeros(len(columns))
    rows = np.nonzero(seen)[0]
    if not len(rows):
        return score
    seconds = _clock(columns)
    apart = np.diff(seconds[rows]) > LONELY_SECONDS
    run = np.concatenate([[0], np.cumsum(apart)])
    few = np.bincount(run) <= LONELY_FRAMES
    # what the file begins or ends with may go on outside of it
    from_start = seconds[rows[0]] - seconds[0] <= LONELY_SECONDS
    to_end = seconds[-1] - seconds[rows[-1]] <= LONELY_SECONDS
    few[0] &= not from_start
    few[-1] &= not to_end
    score[rows] = np.where(few[run], LONELY_DOUBT, 0.0)
    return score
