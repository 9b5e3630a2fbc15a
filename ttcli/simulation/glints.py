"""Glints: specks of light that flicker, creep along an edge or flash by, smaller than a ball: of lamps, panels and rails."""

import torch
from torch import Tensor

from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.streaks import Streaks, blend, streak_patches

MOST = 4
"""Glints in a window that has some."""
SMALLEST, LARGEST = 0.7, 2.0
"""Smallest and largest of their radii, in pixels."""
SPEEDS = (0.0, 2.5, 9.0)
"""Pixels a frame at most: a third of them stay where they are, a third creep, a third flash by."""


def draw_glints(pictures: Tensor, share: float, generator: torch.Generator) -> None:
    """Draw glints into a share of windows (B, T, 3, H, W), in place."""
    count, frames, _, height, width = pictures.shape
    uniform = uniform_draw(generator, count)
    there = (uniform(1) < share) & (uniform(MOST) < 0.5)
    place = uniform(MOST, 1, 2) * torch.tensor([width, height])
    fastest = torch.tensor(SPEEDS)[torch.randint(len(SPEEDS), (count, MOST), generator=generator)]
    step = (2 * uniform(MOST, 1, 2) - 1) * fastest[..., None, None]
    radius = SMALLEST + (LARGEST - SMALLEST) * uniform(MOST, 1).expand(-1, -1, frames)
    light = (0.6 + 0.4 * uniform(MOST, 1, 1)) * (1 - 0.4 * uniform(MOST, 1, 3) * (uniform(MOST, 1, 1) < 0.3))
    shown = there[..., None] & (uniform(MOST, frames) < 0.3 + 0.9 * uniform(MOST, 1))
    opacity = (0.3 + 0.7 * uniform(MOST, 1)) * (1 - 0.5 * uniform(MOST, frames) * (uniform(MOST, 1) < 0.5))

    window, glint, frame = torch.nonzero(shown, as_tuple=True)
    if not len(window):
        return
    half = torch.tensor([-0.25, 0.25])[:, None]  # the shutter is open for half of a frame
    path = place[window, glint] + step[window, glint] * (frame[:, None, None] - frames // 2 + half)
    still, sharp = torch.ones(len(window), 1), torch.full((len(window),), 0.1)
    streaks = Streaks(path, still, radius[window, glint, frame], window * frames + frame, sharp)
    streaks = Streaks(*(value.to(pictures.device) for value in vars(streaks).values()))
    colour, strength = (value.to(pictures.device) for value in (light[window, glint, 0], opacity[window, glint, frame]))
    for patch in streak_patches(streaks, height, width):
        blend(pictures, patch, patch.cover.clamp(0, 1) * strength[patch.rows, None], colour[patch.rows, :, None])
