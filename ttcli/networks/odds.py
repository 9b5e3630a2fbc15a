"""Log odds of probabilities, which add up where probabilities do not."""

import math

import numpy as np

LEAST_PROBABILITY = 1e-6
"""Probabilities are kept this far from 0 and 1, so that their log odds are finite."""


def log_odds(probabilities: np.ndarray, least: float = LEAST_PROBABILITY) -> np.ndarray:
    """Return ln(p / (1 - p)) of probabilities that are kept `least` away from 0 and 1."""
    kept = probabilities.clip(least, 1 - least)
    return np.log(kept) - np.log1p(-kept)


def log_odds_of(probability: float) -> float:
    """Return ln(p / (1 - p)) of one probability between 0 and 1, neither of which it may be."""
    return math.log(probability / (1 - probability))
