"""How well networks of the registry do on whole pictures that none was trained on, as docs/NETWORKS.md has it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """What a network found after a short training from nothing, beside the others in the same table.

    A share is the part of the visible balls that the strongest peak of the heatmap is at, within 10 px of a picture 1920
    wide. The height of the peak does not count: networks that have not come far claim nothing yet at a confidence of 0.5.
    """

    windows: int
    """Presented in training."""
    simulated: float
    """Share on simulated rallies."""
    badminton: float
    """Share on real badminton."""


SETTING = "share of balls that the strongest peak is at, on whole pictures of 288x160 after a short training: docs/NETWORKS.md"
"""What the figures are, in a line."""
MEASURED: dict[str, Measured] = {
    "centernet_v8n": Measured(9_375, 0.076, 0.071),
    "unet_effb0": Measured(9_375, 0.161, 0.065),
}
"""Name in the registry -> its figures; networks that nobody has measured yet are not here."""
