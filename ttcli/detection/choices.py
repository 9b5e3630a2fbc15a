"""What was chosen in each frame: a candidate, and how far it is believed in."""

from typing import NamedTuple

from ttcli.inference.answers import Peak

CLAIM = 0.5
"""Confidence from which a choice is a claim, when runs of claims are judged."""
LEFT = 0.1
"""Share of its confidence that is left to a choice whose run is no ball's."""


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
