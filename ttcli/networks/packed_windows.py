"""Windows as bytes: what detection hands a network, four bytes for each frame of a pixel, put together by SIMD.

A packed window is (H, W, T, 4) int8: red, green and blue less 128, and the frame's gray less the window's median gray.
It has the content of the model input that `model_input.windows_to_input` makes for training, in an order in which a
frame's pixel is copied as one number of 32 bits. Grays are rounded to whole levels, differences held between -128 and
127. `fold_into` lets a network's first convolution take the bytes as they are; `unpack` turns them into the model input
for other networks.
"""

import copy
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ttcli.networks.model_input import COLOUR_MEAN, COLOUR_SCALE, DIFFERENCE_SCALE, input_channels, median_of

PLANES = 4
"""Bytes of a frame's pixel."""
SHIFT = 128
"""Colours are stored less this, so that they are bytes with a sign: zero, which a convolution pads with, is a middling
gray then."""

LESS_SHIFT = np.array([SHIFT, SHIFT, SHIFT, 0], np.uint8).view(np.uint32)[0]
"""What takes SHIFT from the colours of a pixel, bit by bit."""


def as_pixels(picture: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 RGB as (H, W, 4), whose last byte says nothing."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)


def gray_of(pixels: np.ndarray) -> np.ndarray:
    """Return the mean of red, green and blue (H, W) uint8, rounded, of pixels (H, W, 4)."""
    red, green, blue, _ = cv2.split(pixels)
    two = cv2.addWeighted(red, 1 / 3, green, 1 / 3, 0)
    return cv2.addWeighted(two, 1, blue, 1 / 3, 0)


def pack_window(frames: Sequence[np.ndarray], grays: Sequence[np.ndarray] | None, out: np.ndarray) -> None:
    """Write a packed window.

    Args:
        frames: T frames as `as_pixels` gives them.
        grays: Grays of each, as `gray_of` gives them; None where the network is given no differences.
        out: (H, W, T, 4) int8.
    """
    copied = out.view(np.uint32)[..., 0]  # (H, W, T): a frame's pixel is one number
    median = None if grays is None else median_of(grays, cv2.min, cv2.max)
    for place, pixels in enumerate(frames):
        np.bitwise_xor(pixels.view(np.uint32)[..., 0], LESS_SHIFT, out=copied[:, :, place])
        if grays is None or median is None:
            out[:, :, place, 3] = 0
        else:
            out[:, :, place, 3] = cv2.subtract(grays[place], median, dtype=cv2.CV_8S)


def pack_windows(windows: np.ndarray, difference: bool) -> Tensor:
    """Return windows (B, T, H, W, 3) uint8 RGB as packed ones, (B, H, W, T, 4) int8."""
    batch, window_size, height, width, _ = windows.shape
    packed = np.empty((batch, height, width, window_size, PLANES), np.int8)
    for window, out in zip(windows, packed, strict=True):
        frames = [as_pixels(picture) for picture in window]
        pack_window(frames, [gray_of(pixels) for pixels in frames] if difference else None, out)
    return torch.from_numpy(packed)


def unpack(packed: Tensor, difference: bool, dtype: torch.dtype) -> Tensor:
    """Return packed windows (B, H, W, T, 4) int8 as model input, see `model_input.windows_to_input`."""
    batch, height, width, window_size, _ = packed.shape
    channels = input_channels(window_size, difference)
    pixels = torch.empty(batch, height, width, channels, dtype=dtype, device=packed.device)
    colours = packed[..., :3].to(dtype).add_(SHIFT - COLOUR_MEAN).div_(COLOUR_SCALE)
    pixels[..., : 3 * window_size] = colours.flatten(3)
    if difference:
        pixels[..., 3 * window_size :] = packed[..., 3].to(dtype).div_(DIFFERENCE_SCALE)
    return pixels.permute(0, 3, 1, 2)


def fold_into(convolution: nn.Conv2d, window_size: int, difference: bool) -> nn.Conv2d:
    """Return a convolution that does for packed windows, (B, 4T, H, W), what the given one does for model input.

    Where a convolution pads, it pads with 128 instead of 127.5.
    """
    weight = convolution.weight.detach().float()
    folded = torch.zeros(len(weight), PLANES * window_size, *weight.shape[2:])
    per_frame = folded.unflatten(1, (window_size, PLANES))
    colours = weight[:, : 3 * window_size] / COLOUR_SCALE
    per_frame[:, :, :3] = colours.unflatten(1, (window_size, 3))
    if difference:
        per_frame[:, :, 3] = weight[:, 3 * window_size :] / DIFFERENCE_SCALE
    bias = (SHIFT - COLOUR_MEAN) * colours.sum((1, 2, 3))
    if convolution.bias is not None:
        bias += convolution.bias.detach().float()
    taking = copy.deepcopy(convolution)
    taking.in_channels = folded.shape[1]
    taking.weight, taking.bias = nn.Parameter(folded), nn.Parameter(bias)
    return taking
