"""Heatmaps drawn from positions, and positions read off heatmaps: two functions that are each other's inverse.

Cell i of a heatmap covers working pixels 4i to 4i + 3, and its centre lies at 4i + 1.5. Working pixels are the pixels
of the picture that the network sees, with centres on integers.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

OUTPUT_STRIDE = 4
"""Working pixels per cell."""
CELL_CENTRE = (OUTPUT_STRIDE - 1) / 2
"""Working pixels from the first pixel of a cell to its centre."""
SIGMA = 1.0
"""Default spread of a Gaussian target in cells."""
DISK_RADIUS = 5.0
"""Default radius of a disk target in working pixels."""
OFFSET_HEAT = 0.3
"""Target heat above which a cell learns its offset to the ball."""
PEAK_DISTANCE = 2
"""Cells from a peak within which no other counts as one of its own."""
FAINT_HEAT = 0.01
"""Target heat below which a ball outside of the picture leaves no trace in it."""


class Peaks(NamedTuple):
    """The strongest peak of each heatmap."""

    x: Tensor
    """Position in working pixels, sub-pixel, shape (B, K)."""
    y: Tensor
    """Position in working pixels, sub-pixel, shape (B, K)."""
    confidence: Tensor
    """Probability at the peak's cell, shape (B, K)."""


class Targets(NamedTuple):
    """What a network should predict in a batch of windows: K frames each, heatmaps of h x w cells."""

    heat: Tensor
    """Wanted probability, exactly 1 in the cell that holds the ball's centre, shape (B, K, h, w)."""
    offsets: Tensor
    """From each cell to the ball in cells, x then y, shape (B, K, 2, h, w)."""
    offset_weight: Tensor
    """1 in cells that learn their offset, else 0, shape (B, K, h, w)."""
    known: Tensor
    """Whether anything is known of the frame, shape (B, K)."""


def draw_targets(
    positions: Tensor,
    visible: Tensor,
    known: Tensor,
    height: int,
    width: int,
    radius: float | None = None,
    kind: str = "gaussian",
) -> Targets:
    """Return the targets of a batch of windows.

    A ball whose centre lies outside of the picture leaves heat in its outermost cells: of such a frame nothing is
    known. If it is so far outside that no heat is left, the frame is one without a visible ball.

    Args:
        positions: The ball in working pixels, x then y, shape (B, K, 2); any value where not visible.
        visible: Whether the ball is visible, bool, shape (B, K).
        known: Whether the frame is labelled at all, bool, shape (B, K).
        height: Cells of the heatmap from top to bottom.
        width: Cells of the heatmap from left to right.
        radius: Sigma of a Gaussian in cells, or radius of a disk in working pixels; None takes the default.
        kind: "gaussian" or "disk".
    """
    if kind not in ("gaussian", "disk"):
        raise ValueError(f"kind {kind!r} is neither gaussian nor disk")
    visible = visible & known
    centre = (positions.float() - CELL_CENTRE) / OUTPUT_STRIDE  # in cells
    centre = torch.where(visible.unsqueeze(-1), centre, torch.zeros_like(centre))
    offset_x = centre[..., 0:1] - torch.arange(width, device=centre.device)  # (B, K, w)
    offset_y = centre[..., 1:2] - torch.arange(height, device=centre.device)  # (B, K, h)
    heat = _gaussian(offset_x, offset_y, radius) if kind == "gaussian" else _disk(offset_x, offset_y, radius)

    cell = torch.floor(centre + 0.5)
    outside = ((cell < 0) | (cell > cell.new_tensor([width - 1, height - 1]))).any(-1)
    known = known & ~(visible & outside & (heat.amax(dim=(-2, -1)) > FAINT_HEAT))
    visible = visible & ~outside

    _set_centre_to_one(heat, cell)
    heat *= visible[..., None, None]
    offsets = torch.stack(torch.broadcast_tensors(offset_x.unsqueeze(-2), offset_y.unsqueeze(-1)), dim=2)
    return Targets(heat, offsets, (heat > OFFSET_HEAT).to(heat.dtype), known)


def decode_heatmaps(probabilities: Tensor, offsets: Tensor) -> Peaks:
    """Return the strongest peak of each heatmap, without leaving the device.

    Args:
        probabilities: In [0, 1], shape (B, K, h, w).
        offsets: In cells, x then y, shape (B, K, 2, h, w).
    """
    cell = probabilities.flatten(2).argmax(-1, keepdim=True)
    return Peaks(*(value.squeeze(-1) for value in _peaks_at(cell, probabilities, offsets)))


def decode_candidates(probabilities: Tensor, offsets: Tensor, count: int) -> Peaks:
    """Return the strongest `count` peaks of each heatmap, strongest first, with values of shape (B, K, count).

    A peak is a cell that none within PEAK_DISTANCE exceeds; where there are fewer, the probability is 0.
    """
    height, width = probabilities.shape[-2:]
    is_peak = probabilities >= _highest_around(probabilities)
    peaks = torch.where(is_peak, probabilities, torch.zeros_like(probabilities)).flatten(2)
    strongest, cell = peaks.topk(min(count, height * width), dim=-1)
    found = _peaks_at(cell, probabilities, offsets)
    return found._replace(confidence=strongest.float())


def _highest_around(probabilities: Tensor) -> Tensor:
    """Return the highest of each cell and all within PEAK_DISTANCE, (B, K, h, w)."""
    side, reach = 2 * PEAK_DISTANCE + 1, PEAK_DISTANCE
    if probabilities.device.type != "cpu" or probabilities.dtype != torch.float32:
        rows = functional.max_pool2d(
            probabilities, (side, 1), stride=1, padding=(reach, 0)
        )  # along both sides in turn: quicker
        return functional.max_pool2d(rows, (1, side), stride=1, padding=(0, reach))
    around = np.ones((side, side), np.uint8)
    highest = torch.empty(probabilities.shape)
    for heatmap, out in zip(probabilities.flatten(0, 1).numpy(), highest.flatten(0, 1).numpy(), strict=True):
        cv2.dilate(heatmap, around, dst=out)  # a fiftieth of the time that torch takes
    return highest


def _peaks_at(cell: Tensor, probabilities: Tensor, offsets: Tensor) -> Peaks:
    """Return the peaks at given cells (B, K, N), their positions taken from 3x3 cells.

    Each cell and its eight neighbours say by their own offsets where the ball is, weighted by their probabilities.
    """
    height, width = probabilities.shape[-2:]
    flat = probabilities.flatten(2).unsqueeze(2).expand(-1, -1, cell.shape[-1], -1)  # (B, K, N, h * w)
    confidence = flat.gather(-1, cell.unsqueeze(-1)).squeeze(-1).float()

    step = torch.arange(9, device=cell.device)
    row = (cell // width).unsqueeze(-1) + step // 3 - 1  # (B, K, N, 9)
    column = (cell % width).unsqueeze(-1) + step % 3 - 1
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    weight = flat.gather(-1, index).float() * inside
    weight = weight / weight.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)

    flat_offsets = offsets.flatten(3).unsqueeze(3).expand(-1, -1, -1, cell.shape[-1], -1)  # (B, K, 2, N, h * w)
    offset = flat_offsets.gather(-1, index.unsqueeze(2).expand(-1, -1, 2, -1, -1)).float()
    x = ((column + offset[:, :, 0]) * weight).sum(-1)
    y = ((row + offset[:, :, 1]) * weight).sum(-1)
    return Peaks(x * OUTPUT_STRIDE + CELL_CENTRE, y * OUTPUT_STRIDE + CELL_CENTRE, confidence)


def _gaussian(offset_x: Tensor, offset_y: Tensor, sigma: float | None) -> Tensor:
    """Return exp(-distance^2 / 2 sigma^2), as the product of a row and a column, shape (B, K, h, w)."""
    scale = -0.5 / (SIGMA if sigma is None else sigma) ** 2
    return torch.exp(scale * offset_y**2).unsqueeze(-1) * torch.exp(scale * offset_x**2).unsqueeze(-2)


def _disk(offset_x: Tensor, offset_y: Tensor, radius: float | None) -> Tensor:
    """Return 1 where a cell's centre lies within the radius, else 0, shape (B, K, h, w)."""
    cells = (DISK_RADIUS if radius is None else radius) / OUTPUT_STRIDE
    return (offset_y.unsqueeze(-1) ** 2 + offset_x.unsqueeze(-2) ** 2 <= cells**2).float()


def _set_centre_to_one(heat: Tensor, cell: Tensor) -> None:
    """Set the cell that holds the centre, (B, K, 2) as x, y, to 1, in place: the focal loss asks for one positive."""
    height, width = heat.shape[-2:]
    column = cell[..., 0].clamp(0, width - 1).long()
    row = cell[..., 1].clamp(0, height - 1).long()
    heat.flatten(2).scatter_(-1, (row * width + column).unsqueeze(-1), 1.0)
