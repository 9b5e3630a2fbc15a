"""Log odds are the inverse of the sigmoid, and finite."""

import numpy as np
import pytest

from ttcli.networks.odds import LEAST_PROBABILITY, log_odds, log_odds_of


def test_the_sigmoid_of_log_odds_is_the_probability():
    probabilities = np.linspace(0.001, 0.999, 99)
    assert 1 / (1 + np.exp(-log_odds(probabilities))) == pytest.approx(probabilities, rel=1e-12)
    assert [log_odds_of(p) for p in probabilities] == pytest.approx(log_odds(probabilities), abs=1e-12)


@pytest.mark.parametrize("least", [LEAST_PROBABILITY, 1e-4])
def test_log_odds_of_certainty_are_finite(least):
    impossible, certain = log_odds(np.array([0.0, 1.0]), least)
    assert impossible == pytest.approx(log_odds_of(least)) and certain == pytest.approx(-impossible)
