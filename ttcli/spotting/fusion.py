"""One answer out of two: the spotter, which knows the path, and the network's event head, which sees the pictures."""

from typing import NamedTuple

import numpy as np

from ttcli.networks.odds import log_odds
from ttcli.spotting.paths import Grid

REACH_SECONDS = 0.06
"""Farther than this from a frame that the head predicts, the path is asked alone."""
LEAST_PROBABILITY = 1e-4
"""Probabilities are kept this far from 0 and 1: neither of the two may be so sure that the other counts for nothing."""
PATH, HEAD, BIAS = (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)
"""Path of bounce and net: the weights of both log odds, and what is added."""


class HeadAnswers(NamedTuple):
    """What the event head says of N frames in which the ball was seen."""

    times: np.ndarray
    """(N,) seconds, ascending."""
    probabilities: np.ndarray
    """(N, 2) of bounce and net."""


def fuse(grid: Grid, probabilities: np.ndarray, head: HeadAnswers) -> np.ndarray:
    """Return probabilities (2, S) of a path's events, with what the event head says of the frames around each step.

    Both log odds are added, each with its weight. That of the head is 0 until there is a head that the path can learn from.

    Args:
        grid: With S steps.
        probabilities: By the path, (2, S).
        head: Its answers; none at all leave the path's as they are.
    """
    near, logits = head_logits(grid, head)
    fused = probabilities.copy()
    for kind in range(len(fused)):
        odds = PATH[kind] * log_odds(probabilities[kind], LEAST_PROBABILITY) + HEAD[kind] * logits[kind] + BIAS[kind]
        fused[kind, near] = 1 / (1 + np.exp(-odds[near]))
    return fused * grid.valid


def head_logits(grid: Grid, head: HeadAnswers) -> tuple[np.ndarray, np.ndarray]:
    """Return which steps (S,) the head knows of, and its log odds (2, S) there, between frames linearly."""
    logits = np.zeros((2, len(grid.times)))
    near = np.zeros(len(grid.times), bool)
    if not len(head.times):
        return near, logits
    at = np.flatnonzero(grid.valid)
    after = np.searchsorted(head.times, grid.times[at]).clip(0, len(head.times) - 1)
    before = (after - 1).clip(0)
    away = np.minimum(np.abs(head.times[after] - grid.times[at]), np.abs(head.times[before] - grid.times[at]))
    near[at] = away <= REACH_SECONDS
    for kind in range(2):
        logits[kind, at] = np.interp(grid.times[at], head.times, log_odds(head.probabilities[:, kind], LEAST_PROBABILITY))
    return near, logits
