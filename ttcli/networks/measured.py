"""How well networks of the registry do on whole pictures that none was trained on, as docs/NETWORKS.md has it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """What a network found after a short training from nothing, beside the others in the same table."""

    windows: int
    """Presented in training."""
    simulated: float
    """accuracy@10 on simulated rallies."""
    badminton: float
    """accuracy@10 on real badminton."""


SETTING = "accuracy@10 on whole pictures of 288x160 after so many windows: docs/NETWORKS.md"
"""How the figures came about, in a line."""
MEASURED: dict[str, Measured] = {}
"""Name in the registry -> its figures; networks that nobody has measured yet are not here."""
