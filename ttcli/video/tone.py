"""Pictures of high dynamic range brought to the range and colours of ordinary video.

A phone's HDR video shown as it is looks gray and washed out: its code values mean other light. Here they become light
(PQ: SMPTE ST 2084; HLG: ITU-R BT.2100-2, table 5), its primaries BT.709's, what is brighter than a white sheet of
paper is rolled off, and light becomes BT.709's code values again.
"""

from functools import lru_cache

import cv2
import numpy as np

PQ, HLG = 16, 18
"""AVCOL_TRC_SMPTE2084 and AVCOL_TRC_ARIB_STD_B67."""
BT2020 = 9
"""AVCOL_PRI_BT2020."""
WHITE_NITS = 203.0
"""Light of diffuse white in HDR video (ITU-R BT.2408-7, section 2.1)."""
HLG_PEAK_NITS = 1000.0
HLG_SYSTEM_GAMMA = 1.2
KNEE = 0.75
"""Light, relative to diffuse white, from which highlights are rolled off."""
BRIGHTEST = 1000.0 / WHITE_NITS
"""Light that becomes full white."""
STEPS = 4096
"""Steps of the table from light to code values; its argument is the fourth root of light, so that dark tones get enough."""
BT2020_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
"""Linear light (ITU-R BT.2087-0, annex 1)."""


def is_high_range(transfer: int) -> bool:
    """Return whether code values of this transfer need `to_ordinary_range`."""
    return transfer in (PQ, HLG)


def to_ordinary_range(picture: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """Return an RGB picture (H, W, 3) uint8 of HDR code values as one of BT.709's.

    Args:
        picture: Red, green and blue as decoded.
        transfer: PQ or HLG.
        primaries: AVCOL_PRI number; BT.2020 is converted, others are left as they are.
    """
    light = cv2.LUT(picture, _light_table(transfer))  # float32, 1 is diffuse white
    if primaries == BT2020:
        light = cv2.transform(light, BT2020_TO_BT709)
    index = np.sqrt(np.sqrt(np.clip(light, 0, BRIGHTEST, out=light), out=light), out=light)
    index *= (STEPS - 1) / BRIGHTEST**0.25
    return _code_table()[index.astype(np.int16)]


@lru_cache
def _light_table(transfer: int) -> np.ndarray:
    """Return the light of the 256 code values, relative to diffuse white, (1, 256) float32."""
    code = np.arange(256) / 255
    if transfer == PQ:
        power = code ** (1 / 78.84375)
        nits = 10_000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        # the system gamma is of luminance; on each colour by itself it is exact for grays and near for the rest
        nits = HLG_PEAK_NITS * scene**HLG_SYSTEM_GAMMA
    return (nits / WHITE_NITS).astype(np.float32)[None]


@lru_cache
def _code_table() -> np.ndarray:
    """Return BT.709's code values, uint8, for STEPS fourth roots of light from 0 to that of BRIGHTEST."""
    light = (np.linspace(0, 1, STEPS) * BRIGHTEST**0.25) ** 4
    over = np.maximum(light - KNEE, 0) / (BRIGHTEST - KNEE)
    # from the knee on a curve that starts with slope 1 and ends at full white
    steep = (BRIGHTEST - KNEE) / (1 - KNEE)
    rolled = np.where(light > KNEE, KNEE + (1 - KNEE) * over * steep / (1 + over * (steep - 1)), light)
    code = np.where(rolled < 0.018, 4.5 * rolled, 1.099 * np.maximum(rolled, 1e-9) ** 0.45 - 0.099)
    return (255 * np.clip(code, 0, 1)).round().astype(np.uint8)
