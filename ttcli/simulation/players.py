"""People: two players and somebody who stands by, how they look, and how they are painted (`poses.py`: how they move).

A person is a handful of capsules (a segment with a radius). They are drawn by their distance fields on a grid that is
GRID times coarser than the picture, and read between its points. A distance is close to linear there, so edges stay
sharp at a sixteenth of the cost. Hands and rackets are what is mistaken for the ball, for they are small, round and
fast. They are discs, and smear along their way as the ball does (`ttcli/simulation/streaks.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.simulation.camera import Cameras
from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.cloth import draw_weaves, print_clothes
from ttcli.simulation.streaks import Streaks
from ttcli.simulation.textures import TextureBank
from ttcli.simulation.world import segment_distances

GRID = 4
GRID_START = -(GRID + 1) / 2
"""Where the first point of the grid lies, so that pixel 0 is the GRID-th of the enlarged field."""
BEYOND_SHARE = 0.75
"""How often somebody who stands by is beyond the table, and not between it and the camera."""
RUSH_BEHIND, RUSH_ASIDE, FASTEST_RUSH = (0.1, 0.7), 0.3, 5.0
"""How far behind and beside a ball somebody passes in windows to train on, metres, and how fast at most, m/s."""
SWEEP_BLUR = 0.6
"""Width of a moving part's edge, as a part of how far it moves while the shutter is open."""


@dataclass(frozen=True)
class People:
    """How some people look and stand, one a row; the first dimension of all fields is N people."""

    window: Tensor  # (N,) the window that each is in
    side: Tensor  # (N,) -1 or 1: the player of that half; 0 for one who stands by
    hand: Tensor  # (N,) -1 or 1: where along x the racket hand is
    home: Tensor  # (N, 2) where one stands who has nothing to hit, metres
    size: Tensor  # (N,) of the body, about 1
    colour: Tensor  # (N, PARTS, 3) in [0, 1]
    radius: Tensor  # (N, PARTS) metres
    phase: Tensor  # (N, 4) of small movements
    stance: Tensor  # (N, 3) at a stroke: how far a foot is to its side, metres, how far the body turns, radians, and leans
    haste: Tensor  # (N,) in [0, 1]: of the body's movements
    rush: Tensor  # (N, 2) velocity, metres a second, of one who stands by and does not stand; 0 for all others
    rush_time: Tensor  # (N,) when he passes his home, seconds
    cloth: Tensor  # (N, 3) in [0, 1): which painted wall clothes are cut from, and where
    weave: Tensor  # (N, 2) how many of its texels go on a metre, and how much of its contrast is left

    def at(self, rows: Tensor) -> "People":
        """Return some of the people."""
        return People(*(getattr(self, field.name)[rows] for field in fields(self)))

    def at_other_ends(self) -> "People":
        """Return the same people after the players have changed ends."""
        turned = torch.where(self.side != 0, -1.0, 1.0)
        return replace(self, side=self.side * turned, hand=self.hand * turned, home=self.home * turned[:, None])


_RADII = {
    "thigh_l": 0.085, "thigh_r": 0.085, "shin_l": 0.055, "shin_r": 0.055, "shoe_l": 0.05, "shoe_r": 0.05,
    "shorts": 0.15, "torso": 0.165, "print": 0.025, "head": 0.105, "hair": 0.085,
    "arm_l": 0.052, "arm_r": 0.052, "forearm_l": 0.04, "forearm_r": 0.04, "hand_l": 0.045, "hand_r": 0.045, "racket": 0.072,
}  # fmt: skip
PARTS = len(_RADII)
DISCS = 3
"""The last parts, hands and racket, are discs; those before are capsules."""
LIMBS = PARTS - DISCS
TORSO = list(_RADII).index("torso")


def draw_people(camera: Tensor, generator: torch.Generator) -> People:
    """Return three people for each window: a player at either end and somebody who stands by, seldom in the way.

    Args:
        camera: Where the cameras stand (B, 3), metres.
        generator: Source of all chance, on the CPU.
    """
    windows, count = len(camera), len(camera) * 3
    uniform = uniform_draw(generator, count)
    side = torch.tensor([-1.0, 1.0, 0.0]).repeat(windows)
    home = torch.stack([(uniform() - 0.5) * 1.2, side * (1.9 + 1.2 * uniform())], 1)
    aside = (uniform(2) - 0.5) * torch.tensor([8.0, 9.0])
    aside[:, 0] = torch.where(aside[:, 0].abs() < 1.5, aside[:, 0].sign() * (1.6 + 2 * uniform()), aside[:, 0])
    away = -camera[:, 0].cpu().repeat_interleave(3).sign()
    aside[:, 0] = torch.where(uniform() < BEYOND_SHARE, away * aside[:, 0].abs(), aside[:, 0])
    home = torch.where((side == 0)[:, None], aside, home)
    radius = torch.tensor(list(_RADII.values())) * (0.8 + 0.4 * uniform(1))
    radius[:, -1] *= 0.4 + 0.6 * uniform()  # a racket seen edge-on is thin
    radius[:, _part("print")] *= (uniform() < 0.6).float() * (0.5 + 2 * uniform())
    return People(
        window=torch.arange(windows).repeat_interleave(3), side=side, hand=(uniform() < 0.7).float() * 2 - 1, home=home,
        size=0.88 + 0.2 * uniform(), colour=_clothes(count, generator), radius=radius, phase=uniform(4) * 6.2832,
        stance=torch.tensor([0.22, -0.3, 1.0]) + torch.tensor([0.38, 1.6, 1.0]) * uniform(3),
        haste=uniform().sqrt(), rush=torch.zeros(count, 2), rush_time=torch.zeros(count), cloth=uniform(3),
        weave=draw_weaves(count, generator),
    )  # fmt: skip


def rush_behind(
    people: People, rows: Tensor, place: Tensor, camera: Tensor, time: Tensor, generator: torch.Generator
) -> People:
    """Return the people, of whom some rush past behind a ball, as a camera sees it: such a ball is the hardest to see.

    Args:
        people: N people.
        rows: Which of them (M,), who stand by otherwise.
        place: Where the ball is (M, 3), metres.
        camera: Where the camera of each is (M, 3).
        time: When it is there (M,), seconds.
        generator: Source of all chance, on the CPU.
    """
    uniform = uniform_draw(generator, len(rows), device=place.device)
    away = functional.normalize((place - camera)[:, :2], dim=1)
    behind = RUSH_BEHIND[0] + (RUSH_BEHIND[1] - RUSH_BEHIND[0]) * uniform(1)
    home = place[:, :2] + behind * away + RUSH_ASIDE * (2 * uniform(2) - 1)
    rush = (2 * uniform(2) - 1) * FASTEST_RUSH
    return replace(
        people,
        home=people.home.index_copy(0, rows, home),
        rush=people.rush.index_copy(0, rows, rush),
        rush_time=people.rush_time.index_copy(0, rows, time),
    )


def _part(name: str) -> int:
    return list(_RADII).index(name)


def _clothes(count: int, generator: torch.Generator) -> Tensor:
    """Return colours (N, PARTS, 3): skin, shirt, shorts, shoes, racket and hair are drawn apart."""
    uniform = uniform_draw(generator, count)
    light = 0.35 + 0.65 * uniform(1)
    skin = torch.tensor([0.88, 0.66, 0.54]) * (0.35 + 0.7 * uniform(1))
    shirt = uniform(3) * (uniform(1) * 0.9 + 0.1)
    shirt = torch.where(uniform(1) < 0.15, 0.75 + 0.25 * uniform(1).expand(-1, 3), shirt)
    shorts = uniform(3) * uniform(1) * 0.7
    shoes = torch.where(uniform(1) < 0.6, 0.75 + 0.25 * uniform(3), uniform(3))
    socks = torch.where(uniform(1) < 0.3, 0.7 + 0.3 * uniform(1).expand(-1, 3), skin)
    racket = torch.where(uniform(1) < 0.5, torch.tensor([0.75, 0.1, 0.1]), 0.08 * uniform(3)) * (0.5 + 0.7 * uniform(1))
    print_colour = torch.where(uniform(1) < 0.7, 0.8 + 0.2 * uniform(1).expand(-1, 3), uniform(3))
    sleeves = torch.where(uniform(1) < 0.85, shirt, skin)
    hair = uniform(3) * 0.35
    wear = {"thigh": shorts, "shin": socks, "shoe": shoes, "shorts": shorts, "torso": shirt, "print": print_colour,
            "head": skin, "hair": hair, "arm": sleeves, "forearm": skin, "hand": skin, "racket": racket}  # fmt: skip
    parts = [wear[name.split("_")[0]] for name in _RADII]
    return (torch.stack(parts, 1) * light[:, None]).clamp(0, 1)


def sweep_of_parts(before: Tensor, after: Tensor, cameras: Cameras) -> Tensor:
    """Return how many pixels (N, T, PARTS) each part moves on the picture between two poses (N, T, PARTS, 2, 3)."""
    first, last = (cameras.project(pose.mean(-2))[0] for pose in (before, after))
    return (last - first).norm(dim=-1)


def disc_streaks(people: People, poses: Sequence[Tensor], cameras: Cameras, disc: int, blur: Tensor) -> tuple[Streaks, Tensor]:
    """Return a disc of each person as the shutter sees it, N * T streaks in order, and its depth (N, T).

    Args:
        people: N people.
        poses: Ends (N, T, PARTS, 2, 3) in metres at the shutter's opening, its middle and its closing.
        cameras: For these N people and T frames.
        disc: Which of the DISCS.
        blur: Blur of each person's lens (N,).
    """
    part = LIMBS + disc
    path, depths = cameras.project(torch.stack([pose[:, :, part].mean(-2) for pose in poses], 2))  # (N, T, 3, 2)
    depth = depths[:, :, 1]
    count, frames = depth.shape
    radius = people.radius[:, None, part] * cameras.focal / depth
    picture = people.window[:, None] * frames + torch.arange(frames, device=depth.device)
    half = torch.full((count * frames, 2), 0.5, device=depth.device)
    softness = blur[:, None].expand(-1, frames)
    return Streaks(path.flatten(0, 1), half, radius.flatten(), picture.flatten(), softness.flatten()), depth


class Box(NamedTuple):
    """A part of the picture, in whole pixels."""

    left: int
    top: int
    width: int
    height: int


def box_of_people(
    people: People, capsules: Tensor, cameras: Cameras, blur: Tensor, height: int, width: int, sweep: Tensor
) -> Box | None:
    """Return what part of the picture `paint_people` changes, by the same arguments; None where it changes none.

    Its corner lies on the grid, so that what is drawn there is what would be drawn there on the whole picture.
    """
    ends, depth = cameras.project(capsules[:, :, :LIMBS].flatten(2, 3))
    ends, depth = ends.unflatten(2, (-1, 2)), depth.unflatten(2, (-1, 2)).mean(-1)
    radius = people.radius[:, None, :LIMBS] * cameras.focal[..., None] / depth
    reach = radius + (1 + blur[:, None, None] + SWEEP_BLUR * sweep[..., :LIMBS]) / 2 + 2 * GRID
    low = (ends.amin(3) - reach[..., None]).amin((0, 1, 2)).tolist()
    high = (ends.amax(3) + reach[..., None]).amax((0, 1, 2)).tolist()
    left, top = (int(max(0.0, at) // GRID * GRID) for at in low)
    right, bottom = (int(min(side, max(0.0, at) + 1)) for at, side in zip(high, (width, height), strict=True))
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def paint_people(
    people: People,
    capsules: Tensor,
    cameras: Cameras,
    blur: Tensor,
    height: int,
    width: int,
    sweep: Tensor | None = None,
    textures: TextureBank | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return colours (N, T, 3, H, W), opacities (N, T, 1, H, W) and depths (N, T) of people without hands and rackets.

    What they wear has folds and prints, which move as the torso does: a ball is hard to see before them.

    Args:
        people: N people.
        capsules: Ends (N, T, PARTS, 2, 3), metres.
        cameras: For these N people and T frames.
        blur: How many pixels (N,) an edge spreads over, beside its own one.
        height: Height of the picture, in pixels.
        width: Width of the picture, in pixels.
        sweep: How many pixels (N, T, PARTS) each part moves while the shutter is open; None for no motion blur.
        textures: What clothes are cut from; None leaves them plain.
    """
    capsules = capsules[:, :, :LIMBS]
    shape = capsules.shape[:3]
    ends, depth = cameras.project(capsules.flatten(2, 3))
    ends, depth = ends.unflatten(2, shape[2:] + (2,)), depth.unflatten(2, shape[2:] + (2,)).mean(-1)
    radius = people.radius[:, None, :LIMBS] * cameras.focal[..., None] / depth  # pixels
    rows = torch.arange(height // GRID + 3, device=ends.device) * GRID + GRID_START
    columns = torch.arange(width // GRID + 3, device=ends.device) * GRID + GRID_START
    distance = segment_distances(ends, rows, columns) - radius[..., None, None]  # (N, T, PARTS, h, w)

    soft = (
        (1 + blur)[:, None, None].expand(shape) if sweep is None else 1 + blur[:, None, None] + SWEEP_BLUR * sweep[..., :LIMBS]
    )
    nearest = (distance / soft[..., None, None]).amin(2)  # in widths of an edge
    colour = torch.zeros(*shape[:2], 3, len(rows), len(columns), device=ends.device)
    for part in range(LIMBS):
        shade = 1 - 0.3 * (1 + distance[:, :, part] / radius[:, :, part, None, None].clamp_min(1)).clamp(0, 1)
        inside = (0.5 - distance[:, :, part] / GRID).clamp(0, 1)[:, :, None]
        colour = torch.lerp(colour, people.colour[:, None, part, :, None, None] * shade[:, :, None], inside)
    covered = (0.5 - distance.amin(2) / GRID).clamp(0, 1)[:, :, None]
    colour = colour / covered.clamp_min(0.25)
    field = torch.cat([colour, nearest[:, :, None]], 2).flatten(0, 1)
    full = _between(field, height, width).unflatten(0, shape[:2])
    opacity = (0.5 - full[:, :, 3:]).clamp_(0, 1)
    colour = full[:, :, :3]
    if textures is not None:
        moved = torch.zeros_like(depth[:, :, TORSO]) if sweep is None else sweep[:, :, TORSO]
        scale = cameras.focal / depth[:, :, TORSO]
        print_clothes(colour, people.cloth, people.weave, ends[:, :, TORSO], scale, moved, textures)
    return colour, opacity, depth[:, :, TORSO]


def _between(field: Tensor, height: int, width: int) -> Tensor:
    """Return a field known at every GRID-th pixel, from GRID_START on, at all pixels (bilinear)."""
    fine = functional.interpolate(field, scale_factor=GRID, mode="bilinear", align_corners=False)
    return fine[:, :, GRID : GRID + height, GRID : GRID + width]
