"""Pictures of halls to learn tables on: from anywhere, with several tables, cut by the border, bent by the lens.

Beside each picture stands where every table in it is: its landmarks and outlines, also where somebody stands before
    them.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.simulation.backdrop import paint_backdrop
from ttcli.simulation.camera import Cameras, look_at, table_extent
from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.drawing import draw_scenes
from ttcli.simulation.furnishing import equip, furnish
from ttcli.simulation.players import draw_people
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.scene import Scenes, build_scenes, draw_kinds, draw_moments
from ttcli.simulation.textures import TextureBank, paint_textures
from ttcli.simulation.world import build_halls, placed
from ttcli.table.constants import TABLE_HEIGHT

PICTURES_PER_RALLIES, RALLIES = 2000, 64
ANYWHERE_SHARE = 0.5
"""Share of the pictures whose camera stands where chance puts it, and not where people do."""
NEAREST, FARTHEST, LOWEST = 2.4, 15.0, 0.1
"""Such a camera's distance from the table's middle, and above the table, at least; metres."""
BESIDE_SHARE, NEAREST_BESIDE = 0.2, 2.0
"""Share of these cameras that stand beside the net, where nobody sees its mesh, and how near they stand; metres."""
CAPTION_SHARE = 0.35
LEAST_EXTENT = 0.06
"""Share of the picture's width: a smaller table is left out."""
MOST_BEND = 0.22
"""How much farther out than where the lens shows it a pixel at the left or right border would be seen without a lens's
bend."""


class TablePictures(NamedTuple):
    """B pictures with the places of points of the tables in them."""

    pixels: Tensor
    """(B, 3, H, W) uint8."""
    places: Tensor
    """(B, K, P, 2) pixels x, y of the points of K tables, the one that is played on first; also outside of the picture."""
    told: Tensor
    """(B, K) bool: whether there is such a table, large enough to be seen."""

    def at(self, rows: Tensor) -> "TablePictures":
        """Return some of the pictures."""
        return TablePictures(*(part[rows] for part in self))


class TableHalls:
    """Draws pictures without end; the same seed draws the same ones.

    Args:
        seed: Seed of all chance.
        points: (P, 3) metres, of a table in its own axes, whose positions are given.
        height: Height of the pictures.
        width: Width of the pictures.
    """

    def __init__(self, seed: int, points: Tensor, height: int, width: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._textures = paint_textures(seed)
        self._points, self._height, self._width = points, height, width
        self._count = 0

    def draw(self, count: int) -> TablePictures:
        """Return the next pictures."""
        generator, height, width = self._generator, self._height, self._width
        if self._count % PICTURES_PER_RALLIES == 0:
            self._rallies = simulate_rallies(RALLIES, generator)
        self._count += count
        rally, times, exposure = draw_moments(self._rallies, count, 1, generator)
        still = torch.zeros(count, dtype=torch.bool)
        kinds = draw_kinds(count, generator)
        scenes = build_scenes(rally, times, exposure, kinds, still, self._textures, height, width, generator)
        scenes = furnished(scenes, self._textures, height, width, generator)
        backdrop = paint_backdrop(scenes, self._textures, height, width, generator, captions=CAPTION_SHARE)
        frames = draw_scenes(scenes, backdrop, self._rallies, height, width, generator).frames
        places, told = seen_tables(scenes, self._points, width)
        return TablePictures(frames[:, 0].permute(0, 3, 1, 2), places, told)


def furnished(scenes: Scenes, textures: TextureBank, height: int, width: int, generator: torch.Generator) -> Scenes:
    """Return scenes of one frame in halls with other tables and odd ones, half of them seen from anywhere."""
    count = len(scenes.rally)
    uniform = uniform_draw(generator, count)
    chosen = uniform() < ANYWHERE_SHARE
    cameras = _chosen(chosen, cameras_anywhere(count, height, width, generator, BESIDE_SHARE), scenes.cameras)
    halls = furnish(build_halls(cameras.position[:, 0], textures, generator), textures, generator)
    halls = equip(halls, generator)
    zoom = 0.7 + uniform() ** 1.5
    corner = torch.tensor([width, height]) * (zoom[:, None] - 1) * (0.5 + 1.2 * (uniform(2) - 0.5))
    corner = corner + torch.tensor([width, height]) * 0.5 * (uniform(2) - 0.5) * (uniform(1) < 0.3)  # cut by the border
    cameras = cameras.view(corner[:, 0], corner[:, 1], zoom)
    people = draw_people(cameras.position[:, 0], generator)
    assert halls.others is not None
    others = halls.others.clone()
    others[..., 3] *= _before_the_camera(cameras, others)
    return replace(scenes, cameras=cameras, halls=replace(halls, others=others), people=people)


def seen_tables(scenes: Scenes, points: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return the pixels of points (P, 3) of all tables on the first frames, (B, K, P, 2), and which count, (B, K)."""
    count, others = len(scenes.rally), scenes.halls.others
    own = torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(count, 1, 4)
    tables = own if others is None else torch.cat([own, others], 1)  # (B, K, 4)
    number = tables.shape[1]
    there = placed(points, tables.flatten(0, 1)).view(count, 1, -1, 3)
    pixels, depth = scenes.cameras.at(torch.arange(count), 0).project(there)
    pixels, depth = pixels.view(count, number, -1, 2), depth.view(count, number, -1)
    extent = (pixels.amax(2) - pixels.amin(2)).amax(-1)
    return pixels, (tables[..., 3] > 0) & (depth > 0.3).all(-1) & (extent > LEAST_EXTENT * width)


def _before_the_camera(cameras: Cameras, others: Tensor) -> Tensor:
    """Return which of the other tables (B, K, 4) lie wholly before the camera or behind it, and not around it, (B, K)."""
    corners = torch.tensor([[x, y, TABLE_HEIGHT] for x in (-1.0, 1.0) for y in (-1.6, 1.6)])
    count = len(others)
    there = placed(corners, others.flatten(0, 1)).view(count, -1, 3)
    depth = ((there - cameras.position[:, :1]) * cameras.rotation[:, 0, 2, None]).sum(-1).view(count, others.shape[1], -1)
    return ((depth > 1.0).all(-1) | (depth < 0).all(-1)).float()


def cameras_anywhere(count: int, height: int, width: int, generator: torch.Generator, beside: float = 0.0) -> Cameras:
    """Return cameras of one frame that stand anywhere round the table, and show it in any size.

    A share `beside` of them stands beside the net, close, with a table that fills the picture.
    """
    uniform = uniform_draw(generator, count)
    away = NEAREST * (FARTHEST / NEAREST) ** uniform()
    round_it = 6.2832 * uniform()
    near = torch.zeros(count, dtype=torch.bool)
    if beside:
        near = uniform() < beside
        away = torch.where(near, NEAREST_BESIDE * 2.0 ** uniform(), away)
        round_it = torch.where(near, round_it.div(torch.pi).round() * torch.pi + 0.3 * (uniform() - 0.5), round_it)
    rise = LOWEST + away * 0.9 * uniform() ** 1.6
    position = torch.stack([away * round_it.cos(), away * round_it.sin(), TABLE_HEIGHT + rise], 1)
    target = torch.tensor([0.0, 0.0, 0.85]) + (uniform(3) - 0.5) * torch.tensor([0.8, 1.6, 0.8])
    size = torch.tensor([float(width), float(height)]).expand(count, 2)
    share = torch.where(near, 0.8, 0.15) + torch.where(near, 0.3, 0.85) * uniform()
    focal = share / table_extent(position, target, size)
    rotation = look_at(position, target, roll=(uniform() - 0.5) * 0.12)
    return Cameras(position[:, None], rotation[:, None], focal[:, None], ((size - 1) / 2)[:, None])


def _chosen(rows: Tensor, these: Cameras, those: Cameras) -> Cameras:
    pairs = zip(vars(these).values(), vars(those).values(), strict=True)
    return Cameras(*(torch.where(rows.view(-1, *[1] * (one.dim() - 1)), one, other) for one, other in pairs))


def varied(pictures: TablePictures, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the pictures (B, 3, H, W) in [0, 1], changed by chance, and the places in them.

    They are turned, moved, enlarged, mirrored, bent, and have other colours, noise and blur.
    """
    count, _, height, width = pictures.pixels.shape
    uniform = uniform_draw(generator, count)
    angle, size = 0.3 * (uniform() - 0.5) * uniform(), 0.75 + 0.6 * uniform()
    shift = 0.35 * (uniform(2) - 0.5) * torch.tensor([width, height])
    mirror = torch.where(uniform() < 0.5, -1.0, 1.0)
    turn = torch.stack([angle.cos() * mirror, -angle.sin(), angle.sin() * mirror, angle.cos()], -1)
    turn = turn.view(count, 2, 2) * size[:, None, None]
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    bend = MOST_BEND * (uniform() - 0.15) * (uniform() < 0.4) / (width / 2) ** 2
    straight = torch.einsum("bij,bkpj->bkpi", turn, pictures.places - centre) + shift[:, None, None]
    places = _bent(straight, bend[:, None, None, None]) + centre
    rows, columns = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    shown = torch.stack([columns, rows], -1) - centre
    there = shown * (1 + bend[:, None, None, None] * shown.square().sum(-1, keepdim=True)) - shift[:, None, None]
    source = torch.einsum("bij,bhwj->bhwi", torch.linalg.inv(turn), there) + centre
    grid = (source + 0.5) * 2 / torch.tensor([width, height]) - 1
    pixels = functional.grid_sample(pictures.pixels.float() / 255, grid, padding_mode="border", align_corners=False)
    soft = functional.avg_pool2d(functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    pixels = torch.where((uniform() < 0.3)[:, None, None, None], soft, pixels)  # a picture with few pixels, enlarged
    gain = 0.6 + 0.8 * torch.where(uniform(1, 1, 1) < 0.5, uniform(3, 1, 1), uniform(1, 1, 1))
    noise = 0.03 * uniform(1, 1, 1) * torch.randn(pixels.shape, generator=generator)
    pixels = (pixels.clamp(1e-3, 1) ** (0.7 + 0.8 * uniform(1, 1, 1)) * gain + noise).clamp(0, 1)
    return pixels, places


def _bent(straight: Tensor, bend: Tensor) -> Tensor:
    """Return where a lens shows what it would show at `straight` (..., 2) from the middle if it did not bend."""
    shown = straight
    for _ in range(8):
        shown = straight / (1 + bend * shown.square().sum(-1, keepdim=True)).clamp_min(0.3)
    return shown
