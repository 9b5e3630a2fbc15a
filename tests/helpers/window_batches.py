"""Windows for the tests of augmentation: a bright dot at the label, and how to find it again."""

from dataclasses import fields

import torch
from torch import Tensor

from ttcli.training_set.window_batch import WindowBatch, unknown_events

SIGMA = 1.5
"""Pixels of the dot, a Gaussian that sampling moves by nothing."""

BORDER = 7
"""Pixels that dots keep from the border, so that it cuts none."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def dotted_windows(
    count: int = 2, length: int = 5, height: int = 48, width: int = 64, seed: int = 0, background: float = 30.0
) -> WindowBatch:
    """Return windows with one white dot on gray in each frame, anywhere but at the border, at the labelled position."""
    inner = torch.tensor([width - 1 - 2 * BORDER, height - 1 - 2 * BORDER]).clamp_min(0)
    positions = torch.rand(count, length, 2, generator=seeded(seed)) * inner + BORDER
    x = torch.arange(width) - positions[..., 0, None]
    y = torch.arange(height) - positions[..., 1, None]
    dot = torch.exp(-0.5 * (x[..., None, :] ** 2 + y[..., None] ** 2) / SIGMA**2)  # (B, T, H, W)
    frames = (background + (250 - background) * dot)[..., None].expand(-1, -1, -1, -1, 3)
    seen = torch.ones(count, length, dtype=torch.bool)
    return WindowBatch(frames.round().to(torch.uint8), positions, seen, seen.clone(), unknown_events(seen))


def counting_windows(count: int = 3, length: int = 9, height: int = 32, width: int = 32) -> WindowBatch:
    """Return windows whose frames and labels all tell their number: gray 10 t + 50, x = t, visible where t is even."""
    number = torch.arange(length).repeat(count, 1)
    frames = (10 * number + 50)[..., None, None, None].expand(-1, -1, height, width, 3).to(torch.uint8).contiguous()
    positions = torch.stack([number, torch.full_like(number, 7)], -1).float()
    return WindowBatch(frames, positions, number % 2 == 0, number % 3 > 0, unknown_events(number))


def textured_windows(count: int, length: int, height: int, width: int, seed: int = 0, noise: float = 0.0) -> WindowBatch:
    """Return windows of a scene at rest without a ball, each frame with noise of its own."""
    coarse = torch.rand(count, 3, 6, 8, generator=seeded(seed)) * 120 + 30
    scene = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").permute(0, 2, 3, 1)
    frames = scene[:, None] + noise * torch.randn(count, length, height, width, 3, generator=seeded(seed + 1))
    seen = torch.ones(count, length, dtype=torch.bool)
    frames = frames.round().clamp(0, 255).to(torch.uint8)
    return WindowBatch(frames, torch.zeros(count, length, 2), ~seen, seen.clone(), unknown_events(seen))


def copied(batch: WindowBatch) -> WindowBatch:
    return WindowBatch(*(getattr(batch, field.name).clone() for field in fields(batch)))


def same(first: WindowBatch, second: WindowBatch) -> bool:
    return all(torch.equal(getattr(first, field.name), getattr(second, field.name)) for field in fields(first))


def centroid(weights: Tensor) -> Tensor:
    """Return the centre x, y of weights (H, W)."""
    rows, columns = torch.arange(weights.shape[0]), torch.arange(weights.shape[1])
    total = weights.sum()
    return torch.stack([(weights.sum(0) * columns).sum(), (weights.sum(1) * rows).sum()]) / total


def brightest(picture: Tensor, reach: int = 4) -> Tensor:
    """Return where the centre x, y of the brightest thing in a picture (H, W, 3) lies."""
    gray = picture.float().mean(-1)
    row, column = divmod(int(gray.argmax()), gray.shape[1])
    near = torch.zeros_like(gray)
    near[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = 1
    return centroid((gray - gray.median()).clamp_min(0) * near)
