"""Whole rallies on film: one camera, one hall, frames at a steady rate, as people take and show them."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from ttcli.simulation.backdrop import paint_backdrop
from ttcli.simulation.camera import KINDS
from ttcli.simulation.drawing import Drawn, draw_scenes
from ttcli.simulation.scene import Scenes, build_scenes, draw_kinds
from ttcli.simulation.textures import TextureBank
from ttcli.simulation.timeline import IN_HAND, RallyBatch

VIDEO_RATES = (25.0, 30.0, 50.0, 60.0, 120.0, 240.0)
"""Frame rates that are drawn from where none is asked for."""
MOVING_SHARE = 0.3
"""Share of the films whose camera pans and zooms, where any camera will do."""
MOVING_MARGIN = 0.3
"""What is drawn beyond the border for a camera that pans and zooms, as a part of the picture's width."""
HELD_SECONDS = 0.4
"""How long a film shows the ball in the server's hand before it starts."""
CHUNK = 8
"""Frames drawn together: people cost nearly the same for two as for eight."""


class Shot(NamedTuple):
    """A part of a film in which time runs on, from one camera: its frames from `first` to before `last`."""

    first: int
    last: int


def stage_rally(
    rally: int,
    rallies: RallyBatch,
    textures: TextureBank,
    height: int,
    width: int,
    generator: torch.Generator,
    camera: str = "any",
    frame_rate: float | None = None,
    frames: int | None = None,
) -> tuple[Scenes, Fraction]:
    """Return the scene of a whole rally, a batch of one, and its frame rate.

    Args:
        rally: Which of the rallies.
        rallies: All of them; their device is where the film will be drawn.
        textures: What walls and floors can look like.
        height: Height of the picture, in pixels.
        width: Width of the picture, in pixels.
        generator: Source of all chance, on the CPU.
        camera: One of KINDS, or any.
        frame_rate: Frames per second; None draws one of VIDEO_RATES.
        frames: At most; None shows the whole rally.
    """
    pick = int(torch.randint(len(VIDEO_RATES), (1,), generator=generator))
    rate = Fraction(frame_rate or VIDEO_RATES[pick]).limit_denominator(1001)
    in_hand = int((rallies.state[rally] == IN_HAND).to(torch.int8).cumprod(0).sum())
    begin = max(0.0, in_hand / rallies.sample_rate - HELD_SECONDS)
    last = float(rallies.end_sample[rally]) / rallies.sample_rate
    count = max(1, int((last - begin) * rate) - 1)
    count = min(count, frames or count)
    times = (begin + (torch.arange(count) + 0.5) / float(rate))[None]
    open_share = 0.1 + 0.5 * torch.rand(1, generator=generator)
    kind = draw_kinds(1, generator) if camera == "any" else torch.tensor([KINDS.index(camera)])
    moving = (torch.rand(1, generator=generator) < MOVING_SHARE) & torch.tensor([camera == "any"])
    scenes = build_scenes(
        torch.tensor([rally]), times.to(rallies.state.device), open_share / float(rate), kind, moving,
        textures, height, width, generator,
    )  # fmt: skip
    return scenes, rate


def film(
    scenes: Scenes, textures: TextureBank, rallies: RallyBatch, height: int, width: int, generator: torch.Generator
) -> Iterator[Drawn]:
    """Yield the frames of a staged rally, a few at a time."""
    backdrop = paint_backdrop(scenes, textures, height, width, generator, margin=int(MOVING_MARGIN * width))
    for first in range(0, scenes.times.shape[1], CHUNK):
        yield draw_scenes(scenes.at(slice(first, first + CHUNK)), backdrop, rallies, height, width, generator)


def held(scenes: Scenes, rallies: RallyBatch) -> Tensor:
    """Return in which frames (T,) of a staged rally the ball is in a hand, on the CPU.

    Fingers are not drawn, so how much of such a ball one would see is not known.
    """
    return (rallies.state_at(scenes.rally, scenes.times)[0] == IN_HAND).cpu()
