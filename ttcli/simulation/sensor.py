"""From light to the decoder's picture: lens, tone, noise, sharpening, chroma, compression, captions.

The lens and the tone curve are applied once a window, to what is put together (the hall, the people's and the
ball's colours), and not to every pixel of every frame. That halved the cost of a window.
"""

import functools
from dataclasses import dataclass, fields
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.cosines import BLOCK, block_cosines
from ttcli.simulation.portions import frame_groups, portions
from ttcli.simulation.streaks import soften
from ttcli.simulation.textures import WALL_HEIGHT, WALL_WIDTH, TextureBank

NOISE_BANK = 1 << 22
BAND = 8 * BLOCK
"""Rows of a picture that a processor compresses together: what its caches hold."""


@dataclass(frozen=True)
class Sensors:
    """What a camera and its encoder do to the picture, one row a window."""

    blur: Tensor  # (B,) weight of the neighbours in the lens's 3-tap kernel, 0 to 1/3
    sharpen: Tensor  # (B,) strength of the halo, 0 for none
    gamma: Tensor  # (B,)
    gain: Tensor  # (B, 3)
    black: Tensor  # (B,)
    flicker: Tensor  # (B,) of the exposure from frame to frame
    noise: Tensor  # (B,) standard deviation in [0, 1]
    chroma: Tensor  # (B,) bool: colour at half the resolution
    quantise: Tensor  # (B,) step of the compression in [0, 1], 0 for none

    def at(self, rows: Tensor) -> "Sensors":
        """Return the sensors of some windows."""
        return Sensors(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to(self, device: torch.device) -> "Sensors":
        """Return the sensors on another device."""
        return Sensors(*(getattr(self, field.name).to(device) for field in fields(self)))

    def tone(self, colours: Tensor) -> Tensor:
        """Return colours (B, ..., 3) in [0, 1] as the sensor shows them."""
        per_window = (len(self.gamma),) + (1,) * (colours.dim() - 1)
        gain = self.gain.view(per_window[:-1] + (3,))
        return colours.clamp(0, 1).pow(self.gamma.view(per_window)) * gain + self.black.view(per_window)


def draw_sensors(count: int, generator: torch.Generator) -> Sensors:
    """Return sensors as phones, action cameras, broadcasts and web videos have them."""
    uniform = uniform_draw(generator, count)
    return Sensors(
        blur=0.3 * uniform() ** 1.5,
        sharpen=1.2 * uniform() * (uniform() < 0.3),
        gamma=0.7 + 0.5 * uniform(),
        gain=(0.75 + 0.5 * uniform(1)) * (0.88 + 0.24 * uniform(3)),
        black=0.06 * uniform() ** 2,
        flicker=0.06 * uniform() * (uniform() < 0.15),
        noise=0.035 * uniform() ** 2,
        chroma=uniform() < 0.25,
        quantise=0.12 * uniform() ** 2 * (uniform() < 0.35),
    )


def expose(pictures: Tensor, sensors: Sensors, generator: torch.Generator) -> Tensor:
    """Return uint8 pictures (B, T, H, W, 3) of planar ones (B, T, 3, H, W), toned and in [0, 1], which are changed."""
    result = torch.empty(*pictures.shape[:2], *pictures.shape[3:], 3, dtype=torch.uint8, device=pictures.device)
    for some in frame_groups(pictures.shape, pictures.device):
        _write_bytes(_expose(pictures[:, some], sensors, generator), result[:, some])
    return result


def _write_bytes(pictures: Tensor, result: Tensor) -> None:
    """Write planar pictures (B, T, 3, H, W) in [0, 1], which are changed, as bytes into interleaved ones (B, T, H, W, 3)."""
    if pictures.device.type != "cpu":
        result.copy_(pictures.mul_(255).add_(0.5).clamp_(0, 255).permute(0, 1, 3, 4, 2))
        return
    # A fifth of torch's time on a processor.
    height, width = pictures.shape[-2:]
    planes = pictures.clamp_(min=0).reshape(-1, 3, height, width).numpy()
    for index, frame in enumerate(frame for window in result for frame in window):
        cv2.merge([cv2.convertScaleAbs(plane, alpha=255) for plane in planes[index]], frame.numpy())


def _expose(pictures: Tensor, sensors: Sensors, generator: torch.Generator) -> Tensor:
    """Return the same pictures, still planar and in [0, 1], with all that a camera and its encoder do to them."""
    frames = pictures.shape[1]
    for some, strength in _where(sensors.flicker):
        waver = torch.randn(*strength.shape[:-4], frames, 1, 1, 1, generator=generator).to(pictures.device)
        pictures[some] *= 1 + strength * waver
    for some, strength in _where(sensors.sharpen):
        _put_back(pictures, some, _sharpen(pictures[some], strength))
    for some, _ in _where(sensors.chroma):
        pictures[some] = _halve_chroma(pictures[some].flatten(0, -4)).view_as(pictures[some])
    if pictures.device.type == "cpu":
        for window, strength in enumerate(sensors.noise.tolist()):
            _add_noise(pictures[window], strength, generator)
    else:
        _add_fresh_noise(pictures, sensors.noise, generator)
    for some, step in _where(sensors.quantise):
        _put_back(pictures, some, _compress(pictures[some], step))
    return pictures


def _where(strength: Tensor) -> list[tuple[int | Tensor, Tensor]]:
    """Return the windows that have some of an effect, by `portions`, each with its strength (..., 1, 1, 1, 1)."""
    return [(some, strength[some][..., None, None, None, None]) for some in portions(torch.nonzero(strength)[:, 0])]


def _put_back(pictures: Tensor, some: int | Tensor, changed: Tensor) -> None:
    """Put windows that were changed where they were taken from; one that was asked for by number is still there."""
    if isinstance(some, Tensor):
        pictures[some] = changed


def _sharpen(pictures: Tensor, strength: Tensor) -> Tensor:
    """Return pictures (..., T, 3, H, W) with halos of some strength (..., 1, 1, 1, 1), changed in place."""
    if pictures.device.type != "cpu":
        side = torch.full((pictures.shape[:-3].numel(),), 0.25, device=pictures.device)
        return pictures.add_(strength * (pictures - soften(pictures.flatten(0, -4), side).view_as(pictures)))
    # A fifth of torch's time on a processor.
    kernel, planes = np.array([0.25, 0.5, 0.25]), pictures.flatten(0, -3).numpy()
    halos = strength.flatten().repeat_interleave(len(planes) // strength.numel()).tolist()
    for plane, halo in zip(planes, halos, strict=True):
        soft = cv2.sepFilter2D(plane, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
        cv2.addWeighted(plane, 1 + halo, soft, -halo, 0, dst=plane)
    return pictures


def _halve_chroma(pictures: Tensor) -> Tensor:
    """Return pictures (T, 3, H, W) whose colour, but not brightness, is averaged over 2x2 pixels, as in 4:2:0."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=pictures.device).view(1, 3, 1, 1)
    bright = (pictures * weights).sum(1, keepdim=True)
    coarse = functional.avg_pool2d(pictures - bright, 2)
    return functional.interpolate(coarse, size=pictures.shape[2:], mode="nearest") + bright


@functools.cache
def _noise_bank() -> Tensor:
    return torch.randn(NOISE_BANK, generator=torch.Generator().manual_seed(0))


def _add_noise(pictures: Tensor, strength: float, generator: torch.Generator) -> None:
    """Add normal noise to pictures (T, 3, H, W), cut from a bank at random places: drawing it costs a processor ten times more."""
    bank = _noise_bank()
    flat = pictures.view(-1)
    for begin in range(0, len(flat), NOISE_BANK // 2):
        part = flat[begin : begin + NOISE_BANK // 2]
        start = int(torch.randint(NOISE_BANK - len(part) + 1, (1,), generator=generator))
        part.add_(bank[start : start + len(part)], alpha=strength)


def _add_fresh_noise(pictures: Tensor, strength: Tensor, generator: torch.Generator) -> None:
    """Add normal noise to pictures (B, T, 3, H, W) on a GPU, where drawing it costs next to nothing."""
    there = torch.Generator(pictures.device).manual_seed(int(torch.randint(1 << 62, (1,), generator=generator)))
    for window, some in zip(pictures.split(32), strength.split(32), strict=True):  # else it is half of all memory
        window.add_(torch.randn(window.shape, device=window.device, generator=there).mul_(some[:, None, None, None, None]))


def _compress(pictures: Tensor, step: Tensor) -> Tensor:
    """Return pictures (..., T, 3, H, W) whose 8x8 blocks lost what is finer than `step` (..., 1, 1, 1, 1), changed in place.

    At high frequencies more is lost.
    """
    height, width = (size // BLOCK * BLOCK for size in pictures.shape[-2:])
    cosines = block_cosines().to(pictures.device)
    order = torch.arange(BLOCK, device=pictures.device)
    coarse = step[..., None] * (0.6 + 0.25 * (order[:, None] + order)).view(BLOCK**2)
    rows = BAND if pictures.device.type == "cpu" else height
    for top in range(0, height, rows):
        band = pictures[..., top : min(top + rows, height), :width]
        # (..., H, W) -> (..., rows, columns, 64)
        blocks = band.unflatten(-2, (-1, BLOCK)).unflatten(-1, (-1, BLOCK)).transpose(-3, -2).flatten(-2)
        blocks = (blocks @ cosines.T).div_(coarse).round_().mul_(coarse) @ cosines
        band.copy_(blocks.unflatten(-1, (BLOCK, BLOCK)).transpose(-3, -2).flatten(-4, -3).flatten(-2))
    return pictures


class Caption(NamedTuple):
    """A box that is fixed on the screen: score, logo, time."""

    window: int
    top: int
    left: int
    picture: Tensor
    """(3, h, w) in [0, 1]."""


def draw_captions(
    count: int, textures: TextureBank, height: int, width: int, share: float, generator: torch.Generator
) -> list[Caption]:
    """Return boxes with letters for a share of `count` windows of height x width pixels."""
    captions = []
    for window in torch.nonzero(torch.rand(count, generator=generator) < share)[:, 0].tolist():
        for _ in range(int(torch.randint(1, 4, (1,), generator=generator))):
            chance = torch.rand(7, generator=generator).tolist()
            rows = min(6 + int(0.2 * chance[0] * height), WALL_HEIGHT)
            columns = min(6 + int(0.5 * chance[1] * width), WALL_WIDTH)
            y, x = int(chance[3] * (WALL_HEIGHT - rows)), int(chance[4] * (WALL_WIDTH - columns))
            top, left = int(chance[5] * (height - rows)), int(chance[6] * (width - columns))
            box = textures.cut(int(chance[2] * textures.wall_count), y, x, rows, columns)
            captions.append(Caption(window, top, left, box))
    return captions


def stick_captions(pictures: Tensor, captions: list[Caption]) -> None:
    """Put boxes onto pictures (B, T, 3, H, W), in place."""
    for window, top, left, box in captions:
        _, rows, columns = box.shape
        pictures[window, :, :, top : top + rows, left : left + columns] = box
