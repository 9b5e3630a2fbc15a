"""What people wear: pieces of painted walls, for folds and prints, that move as the trunk does."""

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.simulation.portions import portions
from ttcli.simulation.textures import WALL_HEIGHT, WALL_WIDTH, TextureBank

WEAVE = 40.0, 300.0
"""Least and most texels of cloth to a metre: from letters as wide as a shirt to fine patterns."""
CLOTH_MOVES = 4.0
"""Pixels that a torso moves while the shutter is open at which half the contrast of what it wears is left."""


def draw_weaves(count: int, generator: torch.Generator) -> Tensor:
    """Return how fine clothes are and what contrast they have (N, 2): texels to a metre, and a factor.

    Some are plain, some have bold prints.
    """
    chance = torch.rand(count, 3, generator=generator)
    low, high = WEAVE
    fine = low * (high / low) ** chance[:, 0]
    return torch.stack([fine, (0.1 + 1.9 * chance[:, 1] ** 1.5) * (chance[:, 2] < 0.85)], 1)


def print_clothes(
    colour: Tensor, cloth: Tensor, weave: Tensor, torso: Tensor, scale: Tensor, moved: Tensor, textures: TextureBank
) -> None:
    """Add pieces of painted walls to people's colours (N, T, 3, H, W), in place, so that they move with the torso.

    Args:
        colour: Colour of N people on T frames.
        cloth: Which wall each wears, and from where on (N, 3), in [0, 1).
        weave: As `draw_weaves` gives them (N, 2).
        torso: Its ends (N, T, 2, 2) on the picture, lower and upper.
        scale: Pixels to a metre there (N, T).
        moved: How many pixels it moves while the shutter is open (N, T).
        textures: Painted walls.
    """
    height, width = colour.shape[3:]
    fine, contrast = weave.unbind(1)
    along = functional.normalize(torso[:, :, 0] - torso[:, :, 1], dim=-1)
    step = along * (fine[:, None] / scale)[..., None]  # texels to a pixel
    first = (cloth * torch.tensor([textures.wall_count, WALL_HEIGHT, WALL_WIDTH], device=colour.device)).long()
    strength = contrast[:, None] / (1 + moved / CLOTH_MOVES) / 255
    x = (torch.arange(width, device=colour.device) - torso[:, :, :1, 0])[..., None, :]  # (N, T, 1, W)
    y = (torch.arange(height, device=colour.device) - torso[:, :, :1, 1])[..., None]
    for row in portions(torch.nonzero(contrast)[:, 0]):
        step_x, step_y = step[row][..., None, None, :].unbind(-1)
        wall, top, left = (part[..., None, None, None] for part in first[row].unbind(-1))
        column = (step_x * y[row] - step_y * x[row]).floor().long().add_(left).remainder_(WALL_WIDTH)
        texel = (step_x * x[row] + step_y * y[row]).floor().long().add_(top).remainder_(WALL_HEIGHT)
        texel = texel.add_(wall * WALL_HEIGHT).mul_(WALL_WIDTH).add_(column)
        bright = (textures.texels[texel] >> 8 & 255).float()  # green will do
        bright -= textures.wall_brightness[wall]
        bright = bright.mul_(strength[row][..., None, None])[..., None, :, :]
        colour[row] = colour[row].add_(bright).clamp_(0, 1)
