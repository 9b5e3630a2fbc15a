"""HDR pictures come out with the brightness and the colours that ordinary video of the same scene has."""

import numpy as np
import pytest

from ttcli.video.tone import BT2020, BT2020_TO_BT709, HLG, PQ, WHITE_NITS, is_high_range, to_ordinary_range

COLOURS = {"orange": (230, 120, 20), "white": (225, 225, 225), "blue": (30, 60, 150), "gray": (90, 90, 90), "black": (0, 0, 0)}


def code_values(colour: tuple[int, int, int], transfer: int) -> np.ndarray:
    """Return 8-bit code values of a BT.709 colour in HDR, whose full white is diffuse white, primaries BT.2020."""
    code = np.array(colour) / 255
    light = np.where(code < 0.081, code / 4.5, ((code + 0.099) / 1.099) ** (1 / 0.45))
    nits = np.maximum(np.linalg.inv(BT2020_TO_BT709.astype(float)) @ light, 0) * WHITE_NITS
    if transfer == PQ:  # SMPTE ST 2084, equation 5.1
        power = (nits / 10_000) ** 0.1593017578125
        return 255 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    scene = (nits / 1000) ** (1 / 1.2)  # BT.2100-2, table 5
    logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return 255 * np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("name", COLOURS)
def test_colours_come_back(transfer: int, name: str) -> None:
    picture = np.broadcast_to(code_values(COLOURS[name], transfer).round().astype(np.uint8), (4, 6, 3))
    found = to_ordinary_range(np.ascontiguousarray(picture), transfer, BT2020)
    assert found.shape == (4, 6, 3) and found.dtype == np.uint8
    assert np.abs(found[0, 0].astype(int) - COLOURS[name]).max() <= 12


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_grays_rise_without_a_step(transfer: int) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    found = to_ordinary_range(ramp, transfer, BT2020)[0, :, 1].astype(int)
    assert found[0] == 0 and found[-1] == 255
    assert (np.diff(found) >= 0).all() and np.diff(found).max() <= 6


def test_only_hdr_is_touched() -> None:
    assert [transfer for transfer in range(20) if is_high_range(transfer)] == [PQ, HLG]
