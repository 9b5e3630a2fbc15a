"""What a window's frames have in common, drawn once for all of them: the empty hall behind, captions before."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.simulation.camera import Cameras, homographies
from ttcli.simulation.portions import frame_groups
from ttcli.simulation.scene import Scenes
from ttcli.simulation.sensor import Caption, draw_captions
from ttcli.simulation.streaks import Streaks, blend, soften, streak_patches
from ttcli.simulation.textures import TextureBank
from ttcli.simulation.world import view_halls

MARGIN = 32
"""Pixels drawn beyond a training window's border where its camera moves."""
CAPTION_SHARE = 0.25


@dataclass(frozen=True)
class Canvas:
    """The empty halls of some windows, drawn once for all their frames.

    `rows` (b,) tells which windows, `layers` (b, 5, h, w) are picture, disparity and net cover, and `cameras` see the
    canvas where the windows' own cameras move, and are None where all frames look alike.
    """

    rows: Tensor
    layers: Tensor
    cameras: Cameras | None


@dataclass(frozen=True)
class Backdrop:
    """What a window's frames have in common: halls behind, captions before, and what clothes are made of."""

    canvases: list[Canvas]
    captions: list[Caption]
    textures: TextureBank
    """Textures of the people's clothes."""


def paint_backdrop(
    scenes: Scenes,
    textures: TextureBank,
    height: int,
    width: int,
    generator: torch.Generator,
    captions: float = CAPTION_SHARE,
    margin: int = MARGIN,
) -> Backdrop:
    """Return the backdrop of windows of height x width pixels.

    Args:
        scenes: B windows; the canvas of a moving camera is what it sees on the middle frame, and `margin` more.
        textures: Painted walls and floors, and what clothes are cut from.
        height: Height of the drawn pictures, in pixels.
        width: Width of the drawn pictures, in pixels.
        generator: Source of the captions.
        captions: Share of windows that carry boxes with letters.
        margin: Pixels drawn beyond the border where the camera moves, so that the other frames find something there.
    """
    canvases, frames = [], scenes.times.shape[1]
    for moves in (False, True):
        rows = torch.nonzero(scenes.moving == moves)[:, 0]
        if not len(rows):
            continue
        border = margin if moves and frames > 1 else 0
        edge = torch.full((len(rows),), -float(border), device=rows.device)
        cameras = scenes.cameras.at(rows, frames // 2).view(edge, edge)
        view = view_halls(scenes.halls.at(rows), cameras, textures, height + 2 * border, width + 2 * border)
        _draw_specks(scenes.specks[rows], view.picture)
        sensors = scenes.sensors.at(rows)
        picture = sensors.tone(soften(view.picture, sensors.blur).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        layers = torch.cat([picture, view.disparity, view.net_cover], 1)
        canvases.append(Canvas(rows, layers, cameras if moves and frames > 1 else None))
    return Backdrop(canvases, draw_captions(len(scenes.rally), textures, height, width, captions, generator), textures)


def show_halls(scenes: Scenes, backdrop: Backdrop, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return pictures (B, T, 3, H, W), disparity and net cover (B, T, 1, H, W) of the empty halls."""
    count, frames = scenes.times.shape
    pictures = torch.empty(count, frames, 3, height, width, device=scenes.times.device)
    disparity, net_cover = torch.empty(2, count, frames, 1, height, width, device=scenes.times.device)
    for canvas in backdrop.canvases:
        for some in frame_groups(pictures.shape, pictures.device):
            layers = canvas.layers[:, None]
            if canvas.cameras is not None:
                cameras = scenes.cameras.at(canvas.rows, some)
                layers = _follow_camera(canvas.layers, canvas.cameras, cameras, height, width)
            for whole, part in zip((pictures, disparity, net_cover), layers.split((3, 1, 1), 2), strict=True):
                whole[canvas.rows, some] = part.expand(-1, some.stop - some.start, -1, -1, -1)
    return pictures, disparity, net_cover


def _follow_camera(canvas: Tensor, source: Cameras, target: Cameras, height: int, width: int) -> Tensor:
    """Return a canvas (B, C, h, w) as each frame's camera sees it (B, T, C, H, W); the cameras turn and zoom in place."""
    across, down = canvas.shape[3], canvas.shape[2]
    to_grid = canvas.new_tensor([[2 / across, 0, 1 / across - 1], [0, 2 / down, 1 / down - 1], [0, 0, 1]])
    maps = (to_grid @ homographies(source, target))[..., None, None]  # (B, T, 3, 3, 1, 1)
    x, y = torch.arange(width, device=canvas.device).float(), torch.arange(height, device=canvas.device).float()[:, None]
    column, line, scale = (maps[..., i, 0, :, :] * x + (maps[..., i, 1, :, :] * y + maps[..., i, 2, :, :]) for i in range(3))
    grid = torch.stack([column.div_(scale), line.div_(scale)], -1)  # (B, T, H, W, 2)
    count, frames = grid.shape[:2]
    # The frames of a window lie below each other, so that one call samples each window's canvas once.
    seen = functional.grid_sample(canvas, grid.flatten(1, 2), padding_mode="border", align_corners=False)
    layers = seen.view(count, -1, frames, height, width).transpose(1, 2)
    layers[:, :, 3].mul_(scale)  # `scale` is depth along the source's axis by depth along the target's: 3 % off in a pan
    return layers


def _draw_specks(specks: Tensor, pictures: Tensor) -> None:
    """Draw small still lights into pictures (B, 3, H, W), in place."""
    height, width = pictures.shape[2:]
    rows, slots = torch.nonzero(specks[..., 2] > 0.4, as_tuple=True)
    if not len(rows):
        return
    chosen = specks[rows, slots]
    place = chosen[:, :2] * torch.tensor([width, height], device=pictures.device)
    still, sharp = torch.ones(len(rows), 1, device=pictures.device), torch.zeros(len(rows), device=pictures.device)
    streaks = Streaks(place[:, None].expand(-1, 2, -1), still, chosen[:, 2], rows, sharp)
    for patch in streak_patches(streaks, height, width):
        blend(pictures, patch, patch.cover, chosen[patch.rows, 3:, None])
