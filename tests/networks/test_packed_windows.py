"""Windows as bytes hold what the model input for training holds, and networks answer the same for both."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from ttcli.inference.runtimes import TorchRuntime
from ttcli.networks.model_input import median_of, windows_to_input
from ttcli.networks.packed_windows import fold_into, pack_windows, unpack
from ttcli.networks.registry import create_model


def random_windows(batch=2, window_size=9, height=32, width=64):
    """Return windows in which each frame differs little from the others, and a few pixels much."""
    random = np.random.default_rng(window_size)
    still = random.integers(30, 226, (batch, 1, height, width, 3))
    moving = random.integers(-30, 31, (batch, window_size, height, width, 1))
    return (still + moving).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("window_size", [1, 3, 5, 9])
@pytest.mark.parametrize("difference", [True, False])
def test_unpacked_they_are_the_model_input(window_size, difference):
    windows = random_windows(window_size=window_size)
    unpacked = unpack(pack_windows(windows, difference), difference, torch.float32)
    wanted = windows_to_input(torch.from_numpy(windows), difference, torch.float32)
    assert unpacked.shape == wanted.shape
    colours = 3 * window_size
    assert torch.equal(unpacked[:, :colours], wanted[:, :colours])
    # differences are of whole gray levels
    assert not difference or (unpacked[:, colours:] - wanted[:, colours:]).abs().max() <= 1.4 / 32


@pytest.mark.parametrize("window_size", range(1, 12))
def test_the_median_is_the_lower_one_where_the_number_is_even(window_size):
    grays = np.random.default_rng(0).integers(0, 9, (window_size, 30, 40), dtype=np.uint8)
    assert np.array_equal(median_of(list(grays), cv2.min, cv2.max), np.sort(grays, 0)[(window_size - 1) // 2])


def test_a_great_difference_is_told_as_the_greatest_byte():
    windows = np.zeros((1, 3, 4, 4, 3), np.uint8)
    windows[0, 1, 2, 3] = 255
    packed = pack_windows(windows, True)
    assert packed[0, 2, 3, :, 3].tolist() == [0, 127, 0]


@pytest.mark.parametrize("difference", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_answers_for_bytes_as_for_model_input(difference, bias):
    packed = pack_windows(random_windows(), difference)
    usual = nn.Conv2d(36 if difference else 27, 8, 3, stride=2, padding=1, bias=bias)
    folded = fold_into(usual, 9, difference)
    with torch.no_grad():
        wanted = usual(unpack(packed, difference, torch.float32))
        found = folded(packed.flatten(3).permute(0, 3, 1, 2).float())
    assert (found - wanted)[..., 1:, 1:].abs().max() < 1e-5
    assert (found - wanted).abs().max() < 0.02  # where it pads: with 128 instead of 127.5
    assert usual.in_channels == (36 if difference else 27)  # itself it stays as it was


@pytest.mark.parametrize(
    "name", ["centernet_v8n", *(pytest.param(name, marks=pytest.mark.slow) for name in ("centernet_hourglass52", "unet_effb0"))]
)
def test_a_network_answers_for_bytes_as_for_model_input(name):
    torch.manual_seed(0)
    model = create_model(name).eval()
    packed = pack_windows(random_windows(1, 9, 64, 96), True)
    with torch.no_grad():
        wanted = model(unpack(packed, True, torch.float32)).logits.sigmoid()
    found = TorchRuntime(model, device="cpu", precision="fp32")(packed).probabilities
    assert (found - wanted).abs().max() < 2e-3
