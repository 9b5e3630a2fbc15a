"""How well networks of the registry do on whole pictures that none was trained on, as docs/NETWORKS.md has it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """What a network found after a short training from nothing, beside the others in the same table.

    A share is the part of the visible balls that the strongest peak of the heatmap is at. The height of the peak does not
    count: networks that have not come far claim nothing yet at a confidence of 0.5. Pixels count on a picture 1920 wide.
    """

    windows: int
    """Presented in training."""
    within_10: float
    """Share within 10 px, in simulated rallies."""
    within_30: float
    """Share within 30 px, about a cell of the heatmap."""


SETTING = "balls that the strongest peak is at, on whole simulated pictures of 288x160 after a short training: docs/NETWORKS.md"
"""What the figures are, in a line."""
MEASURED: dict[str, Measured] = {
    "centernet_v8n": Measured(2_850, 0.216, 0.371),
    "unet_effb0": Measured(2_850, 0.214, 0.409),
    "centernet_v8s": Measured(2_850, 0.123, 0.327),
    "unetpp_effb0": Measured(2_850, 0.161, 0.338),
    "effunetpp_b0": Measured(2_850, 0.168, 0.448),
    "deeplabv3p_effb0": Measured(2_850, 0.148, 0.325),
    "unetpp_resnet34": Measured(2_850, 0.059, 0.168),
    "centernet_hourglass52": Measured(1_430, 0.007, 0.018),
    "centernet_hourglass104": Measured(1_430, 0.000, 0.000),
}
"""Name in the registry -> its figures; networks that nobody has measured yet are not here."""
