"""A decision over time: which candidate of each frame is the ball, judged by how a ball flies.

One frame at a time, a faint streak and a shirt button look alike, and the right place is often the second peak or
one below the threshold. Over time they differ: the ball's places lie on a smooth path, and a false peak jumps about
or stays where it is. So each frame has as many states as candidates and one more, "none of them". States of three
frames in a row are judged by the step and by the bend that they make. The forward-backward algorithm (Rabiner, "A
tutorial on hidden Markov models", 1989, section III) gives each state's probability by all frames around. No
position is made up: the ball is at one of the network's own candidates or nowhere.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

BLOCK = 64
"""Frames that are decided together."""
LOOKAHEAD = 32
"""Frames beyond a block that are heard before it is decided; further ones changed no confidence by 0.01."""


@dataclass(frozen=True)
class Flight:
    """How a ball moves over the working picture, some 512 pixels wide, and how far its evidence is to be trusted.

    Fitted to the default weights on simulated videos that none was trained on, by `tools/fit_flight.py`.
    """

    own: float = 0.4
    """Weight of a candidate's log odds in the decision on its own frame."""
    trust: float = 0.2
    """The same in those on other frames. It is less, because neighbouring frames share windows and so err together."""
    bias: float = -0.3
    """Added to the log odds of every candidate."""
    appear: float = 0.3
    """Probability that a ball which was not there is there in the next frame."""
    vanish: float = 0.1
    """Probability that a ball which was there is not there in the next frame."""
    smoothness: float = 0.2
    """Weight of what the path says."""
    speed: float = 400.0
    """Scale of the ball's speed, pixels a second."""
    bend: float = 1000.0
    """Scale of its acceleration, pixels a second squared."""
    jitter: float = 0.5
    """Scale of a position's error, pixels."""
    surprise: float = 0.02
    """Share of steps that owe nothing to the step before: hits and bounces."""
    lingering: float = 0.8
    """Share of false peaks that stay where they are from frame to frame. This and their error are set by hand: simulated
    halls have few lamps and balls that lie about, and with what a fit gives, a faint peak at rest soon counts as seen."""
    lingering_jitter: float = 1.0
    """Scale of their error, pixels. So a peak at rest keeps about the confidence that it has by itself."""
    rest: float = 0.37
    """Factor for the weight of a step of no length, set by hand too. A ball in play does not rest, but with more
    frames a second its bend may be smaller, and a lamp would become surer."""
    rest_jitter: float = 0.15
    """Scale of steps that are of no length, pixels."""


class Candidates(NamedTuple):
    """What the network offers for one frame."""

    time_seconds: float
    """Time of the frame; never before the last frame's."""
    positions: np.ndarray
    """(K, 2): x and y in pixels of the working picture."""
    logits: np.ndarray
    """(K,): log odds of the calibrated confidence that the candidate is the ball; -inf where there is none."""


class Decision(NamedTuple):
    """Which candidate of a frame is most probably the ball, and how probably."""

    choice: int
    confidence: float


def decide(frames: Iterable[Candidates], area: float, flight: Flight = Flight()) -> Iterator[Decision]:
    """Yield a decision for each frame, in order, at most BLOCK + LOOKAHEAD frames later.

    Args:
        frames: Candidates of each frame, the same number K in all.
        area: Area of the working picture, square pixels.
        flight: How a ball moves.
    """
    waiting: list[Candidates] = []
    before: _Past | None = None
    for frame in frames:
        waiting.append(frame)
        if len(waiting) == BLOCK + LOOKAHEAD:
            decisions, before = _decide_block(waiting, before, BLOCK, area, flight)
            yield from decisions
            del waiting[:BLOCK]
    if waiting:
        yield from _decide_block(waiting, before, len(waiting), area, flight)[0]


class _Past(NamedTuple):
    """What is known of the frames before a block."""

    frames: list[Candidates]
    """The last two, the first of them only to tell the step that led to the second."""
    forward: np.ndarray
    """(K + 1, K + 1): probability of the states of these two, given all frames so far."""


def _decide_block(
    waiting: list[Candidates], before: _Past | None, count: int, area: float, flight: Flight
) -> tuple[list[Decision], _Past]:
    """Return decisions for the first `count` frames, and what the next block has to know of them."""
    past = before.frames if before else [waiting[0], waiting[0]]
    logits = np.stack([frame.logits for frame in waiting])  # (T, K)
    odds = _odds(logits, flight.trust, flight.bias)
    moves = _moves([*past, *waiting], area, flight)  # (T, K + 1, K + 1, K + 1)
    forward = np.empty((len(waiting), *moves.shape[2:]))
    last = before.forward if before else None
    for index in range(len(waiting)):
        if last is None:  # the very first frame: nothing led to it
            joint = np.zeros(moves.shape[1:3])
            joint[-1] = 1
        else:
            joint = np.einsum("ij,ijk->jk", last, moves[index])
        joint = joint * odds[index]
        last = forward[index] = joint / joint.sum()
    backward = np.ones(moves.shape[1:3])
    marginals = np.empty((count, len(backward)))
    for index in range(len(waiting) - 1, -1, -1):
        if index < count:
            marginals[index] = (forward[index] * backward).sum(0)
        backward = np.einsum("ijk,k,jk->ij", moves[index], odds[index], backward)
        backward /= backward.max()
    marginals *= _odds(logits[:count], flight.own - flight.trust, 0.0)
    marginals /= marginals.sum(1, keepdims=True)
    choices = marginals[:, :-1].argmax(1)
    decisions = [Decision(int(choice), float(row[choice])) for choice, row in zip(choices, marginals, strict=True)]
    ending = [*past, *waiting[:count]][-2:]
    return decisions, _Past(ending, forward[count - 1])


def _odds(logits: np.ndarray, weight: float, bias: float) -> np.ndarray:
    """Return how much more likely than "none of them" each state makes what the network said, (T, K + 1)."""
    with np.errstate(invalid="ignore"):  # 0 times infinity, where there is no candidate anyway
        odds = np.exp(np.clip(weight * logits + bias, -30, 30))
    odds[np.isneginf(logits)] = 0.0
    return np.concatenate([odds, np.ones((len(odds), 1))], 1)


def _moves(frames: list[Candidates], area: float, flight: Flight) -> np.ndarray:
    """Return the weight of state k after the states i and j of the two frames before, (T, K + 1, K + 1, K + 1).

    A step from candidate to candidate weighs as much more than one from nowhere as it is more likely for a ball than
    for a false peak: by the bend of the path where i is a candidate too, else by its length.
    """
    places = np.stack([frame.positions for frame in frames])  # (T + 2, K, 2)
    seconds = np.diff([frame.time_seconds for frame in frames])
    none = places.shape[1]
    moves = np.empty((len(frames) - 2, none + 1, none + 1, none + 1))
    moves[:, :, none, none], moves[:, :, none, :none] = 1 - flight.appear, flight.appear
    moves[:, :, :none, none] = flight.vanish

    steps = places[1:, None, :] - places[:-1, :, None]  # (T + 1, j, k, 2)
    step, before = steps[1:], steps[:-1]
    length = (step**2).sum(-1)
    gap = seconds[1:]
    ball = _density(length, 2 + flight.speed * gap[:, None, None])
    false = flight.lingering * _density(length, flight.lingering_jitter) + (1 - flight.lingering) / area

    # What the step would be if the ball went on as before; a repeated frame says nothing of its speed.
    pace = np.where(seconds[:-1] > 0, gap / np.maximum(seconds[:-1], 1e-6), 0.0).clip(max=4)
    bent = step[:, None] - pace[:, None, None, None, None] * before[:, :, :, None]  # (T, i, j, k, 2)
    scale = flight.jitter + flight.bend * (gap**2)[:, None, None, None]
    smooth = (1 - flight.surprise) * _density((bent**2).sum(-1), scale) + flight.surprise * ball[:, None]

    moving = (1 - flight.vanish) * flight.rest ** _stillness(length, flight.rest_jitter)
    moves[:, none, :none, :none] = moving * (ball / false) ** flight.smoothness
    moves[:, :none, :none, :none] = moving[:, None] * (smooth / false[:, None]) ** flight.smoothness
    return moves


def _stillness(squared: np.ndarray, scale: float) -> np.ndarray:
    """Return how far steps of a squared length are none: 1 of those without any, 1/4 of those as long as the scale."""
    return (1 + squared / scale**2) ** -2


def _density(squared: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    """Return a density over the plane at squared distances from its middle: Student's with two degrees of freedom."""
    return (1 + squared / scale**2) ** -2 / (math.pi * scale**2)
