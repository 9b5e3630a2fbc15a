"""What was chosen in each frame: a candidate, and how far it is believed in."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttcli.inference.answers import Peak
from ttcli.networks.odds import log_odds

CLAIM = 0.5
"""Confidence from which a choice is a claim, when runs of claims are judged."""
LEFT = 0.1
"""Share of its confidence that is left to a choice whose run is no ball's."""
MOST_LOGIT = 7.0
"""Log odds of a claim by its own frame beyond this, on either side, count as this much when runs are judged."""


class Choice(NamedTuple):
    """What was chosen in one frame."""

    time_seconds: float
    """Time of the frame; never before the last frame's."""
    peak: Peak
    """The candidate, in pixels of the working picture."""
    alone: float
    """Probability that the candidate is the ball, by what the network says of this frame."""
    confidence: float
    """The same by all frames around."""

    def doubted(self) -> "Choice":
        """Return the choice with little confidence."""
        return self._replace(confidence=self.confidence * LEFT)


def backing(claims: Sequence[Choice]) -> np.ndarray:
    """Return how far the network believes in each of some claims (N,) by its own frame: log odds, MOST_LOGIT at the most."""
    return log_odds(np.array([claim.alone for claim in claims])).clip(-MOST_LOGIT, MOST_LOGIT)
