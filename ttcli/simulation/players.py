"""People: two players who move to the ball and swing at it, and somebody who stands by.

A person is a handful of capsules (a segment with a radius). They are drawn by their distance fields on a grid that
is GRID times coarser than the picture and read between its points: a distance is close to linear there, so edges
stay sharp at a sixteenth of the cost. Hands and rackets are what is mistaken for the ball, for they are small, round
and fast: they are discs, and smear along their way as the ball does (`ttcli/simulation/streaks.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ttcli.simulation.camera import Cameras
from ttcli.simulation.cloth import draw_weaves, print_clothes
from ttcli.simulation.flight import HAND, HIT
from ttcli.simulation.streaks import Streaks
from ttcli.simulation.textures import TextureBank
from ttcli.simulation.timeline import RallyBatch
from ttcli.simulation.world import segment_distances

GRID = 4
GRID_START = -(GRID + 1) / 2
"""Where the first point of the grid lies, so that pixel 0 is the GRID-th of the enlarged field."""
SWING_SECONDS = 0.13
"""How long the racket hand is near the ball, before and after a hit (one standard deviation)."""
BEYOND_SHARE = 0.75
"""How often somebody who stands by is beyond the table, and not between it and the camera."""
STEP_SECONDS = (0.15, 0.45)
"""The same for the body, from the quickest to the slowest player."""
FASTEST_RUN = (3.0, 4.0)
"""Metres a second across and along the table at which a body passes through a stroke at most: a player at the top
crosses his own width within the nine frames of a window, and all of him differs from what was there before."""
RUSH_BEHIND, RUSH_ASIDE, FASTEST_RUSH = (0.1, 0.7), 0.3, 5.0
"""How far behind and beside a ball somebody passes in windows to train on, metres, and how fast at most, m/s."""
TWIST_SECONDS = 0.1
"""How long a body takes to turn from the back swing to the front."""
HOLD_SECONDS = 0.35
"""The same for the free hand that lets the ball go or catches it."""
FRONT_SHARE = 0.35
"""Part of the strokes that meet the ball before the body, as most backhands do, and not beside it."""
BEFORE, BESIDE = (0.2, 0.55), (-0.6, 0.45)
"""How far before a player, towards the table, the ball is met in strokes of either kind, metres. Seen from the side a
ball that is met beside a player, or past him, crosses his body on its way in and out."""
PALM_BELOW = 0.065
"""Metres from the middle of a ball to that of the hand under it."""
HIP_ASIDE, FOOT_ASIDE = 0.1, 0.24
"""How far hips, and feet at rest, are to the side of the body's middle, metres."""
LEG, LARGEST_HIP = 0.81, 0.78
"""Length of a leg from hip to ankle, and how far above the ankle a hip is at most, metres."""
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
    uniform = lambda *shape: torch.rand(count, *shape, generator=generator)  # noqa: E731
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
    uniform = lambda *shape: torch.rand(len(rows), *shape, generator=generator).to(place.device)  # noqa: E731
    away = F.normalize((place - camera)[:, :2], dim=1)
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
    uniform = lambda *shape: torch.rand(count, *shape, generator=generator)  # noqa: E731
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


def pose_people(people: People, rallies: RallyBatch, rally: Tensor, times: Tensor) -> Tensor:
    """Return the capsules' ends (N, T, PARTS, 2, 3) in metres.

    Args:
        people: N people.
        rallies: The rallies that are played.
        rally: Which rally (N,) each person plays in.
        times: Of each frame (N, T), seconds.
    """
    kind, when = rallies.contact_kind[rally], rallies.contact_time[rally]  # (N, E)
    where = rallies.contact_position[rally]
    mine = rallies.contact_side[rally] == people.side[:, None]
    hold, ball, since = _near_contacts(times, when, where, mine & (kind == HAND), HOLD_SECONDS)
    swing, aim, follow = _near_contacts(times, when, where, mine & (kind == HIT), SWING_SECONDS)
    root, engaged = _stand_and_run(people, times, when, where, mine & (kind == HIT))

    vigour = 1 + people.phase[:, 0] / 6.2832  # from a push to a smash
    through = torch.stack([-2 * people.hand, -4 * people.side, 2 + 0 * people.side], -1)
    aim = aim + follow * (vigour[:, None] * through)[:, None]
    aside = torch.stack([-0.8 * people.hand, 0 * people.side, 0 * people.side], -1)[:, None]  # out of the ball's way
    palm = ball + since.clamp_min(0) * aside - torch.tensor([0.0, 0.0, PALM_BELOW], device=times.device)
    rushes = (people.rush != 0).any(1)[:, None]
    passed = times - people.rush_time[:, None]
    root = root + people.rush[:, None] * passed[..., None]
    engaged = torch.where(rushes, torch.ones_like(engaged), engaged)
    twist = 1 - torch.tanh(torch.where(rushes, passed, (follow * swing)[..., 0]) / TWIST_SECONDS)
    return _skeleton(people, root, engaged, twist, (aim, swing), (palm, hold), times)


def _stand_and_run(
    people: People, times: Tensor, when: Tensor, where: Tensor, swung: Tensor
) -> tuple[Tensor, Tensor]:
    """Return where people stand (N, T, 2) in frames at `times` (N, T), and how near a stroke is, (N, T) in [0, 1].

    They are where each stroke that they make wants them, a mean over contacts (N, E) by a bell in time, and run through it.
    """
    when = torch.where(swung, when, torch.full_like(when, 1e3))
    where = torch.where(swung[..., None], where, torch.zeros_like(where))
    quickest, slowest = STEP_SECONDS
    gap = times[:, :, None] - when[:, None]  # (N, T, E)
    near = torch.exp(-0.5 * (gap / (slowest + (quickest - slowest) * people.haste[:, None, None])) ** 2)
    weight = near.sum(-1, keepdim=True)
    front, across, depth = (_chance(when, people.phase[:, i]) for i in range(3))
    before, beside = (nearest + (farthest - nearest) * depth for nearest, farthest in (BEFORE, BESIDE))
    across = torch.where(front < FRONT_SHARE, 0.45 * across - 0.2, 0.4 + 0.3 * across)
    along = torch.where(front < FRONT_SHARE, before, beside)
    stand = where[..., :2] + torch.stack([-across * people.hand[:, None], along * people.side[:, None]], -1)
    run = torch.stack([2 * _chance(when, people.phase[:, 3] + seed) - 1 for seed in (0.3, 0.7)], -1)
    run = run * times.new_tensor(FASTEST_RUN) * people.haste[:, None, None] * swung[..., None]
    root = torch.einsum("nte,nec->ntc", near, stand) + torch.einsum("nte,nec->ntc", near * gap, run)
    root = (root + 0.02 * people.home[:, None]) / (weight + 0.02)
    behind = root[..., 1].abs().clamp_min(1.62) * people.side[:, None]
    root = torch.stack([root[..., 0], torch.where(people.side[:, None] == 0, root[..., 1], behind)], -1)
    root = root + 0.03 * torch.sin(times[..., None] * times.new_tensor([3.1, 2.3]) + people.phase[:, None, :2])
    return root, weight[..., 0].clamp(max=1)


def _near_contacts(
    times: Tensor, when: Tensor, where: Tensor, chosen: Tensor, spread: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return how near frames (N, T) are to chosen contacts (N, E), in [0, 1] (N, T, 1), where those are and how long ago.

    The place (N, T, 3) and the time since (N, T, 1) are means over contacts, weighted by a bell `spread` seconds wide.
    """
    gap = times[:, :, None] - torch.where(chosen, when, torch.full_like(when, 1e3))[:, None]  # (N, T, E)
    near = torch.exp(-0.5 * (gap / spread) ** 2)
    whole = near.sum(-1, keepdim=True)
    share = near / whole.clamp_min(1e-6)
    place = torch.einsum("nte,nec->ntc", share, torch.where(chosen[..., None], where, torch.zeros_like(where)))
    return whole.clamp(max=1), place, (share * gap).sum(-1, keepdim=True)


def _chance(when: Tensor, seed: Tensor) -> Tensor:
    """Return a number in [0, 1) for each contact (N, E), always the same for its time and a person's seed (N,)."""
    return (when * 73.1 + seed[:, None]).frac()


def _skeleton(
    people: People,
    root: Tensor,
    engaged: Tensor,
    twist: Tensor,
    racket: tuple[Tensor, Tensor],
    palm: tuple[Tensor, Tensor],
    times: Tensor,
) -> Tensor:
    """Return capsules (N, T, PARTS, 2, 3) of bodies that stand at `root`.

    `engaged` (N, T) tells how near a stroke is, at which they stand wide and low, turned to the side of the racket, and
    `twist` (N, T) which part of that turn is left. `racket` and `palm` are a place (N, T, 3) that each hand reaches for
    and how far it does so (N, T, 1).
    """
    aim, pull = racket
    size = people.size[:, None]
    to_table = torch.where(people.side == 0, people.phase[:, 2].cos().sign(), -people.side)[:, None]
    hand = people.hand[:, None]
    wide, turn, lean = people.stance[:, None].unbind(-1)
    foot = FOOT_ASIDE + (wide - FOOT_ASIDE) * engaged
    hip = (LEG**2 - (foot - HIP_ASIDE) ** 2).sqrt().clamp(max=LARGEST_HIP) + 0.08
    low, bent = LARGEST_HIP + 0.08 - hip, 1 + (lean - 1) * engaged
    turned = turn * engaged * twist
    cos, sin = turned.cos(), turned.sin() * hand

    def spot(x: Tensor | float, y: Tensor | float, z: Tensor | float) -> Tensor:
        """Return a point of the body: x to the right, y towards the table, z up, before it turns and is scaled."""
        x, y = x * cos + y * sin, y * cos - x * sin
        return torch.stack([root[..., 0] + x * size, root[..., 1] + y * to_table * size, z * size + 0 * x], -1)

    sway = 0.06 * torch.sin(4 * times + people.phase[:, 3:])
    pelvis, neck = spot(0, -0.05, 0.88 - low), spot(sway, 0.22 * bent, 1.38 - low)
    racket_shoulder, free_shoulder = (spot(x * hand + sway, 0.2 * bent, 1.34 - low) for x in (0.18, -0.18))
    idle = spot(0.25 * hand, 0.5, 1.02 + sway - low)
    racket_hand = torch.lerp(idle, aim - 0.12 * (aim - neck), pull)
    racket_hand = racket_shoulder + _within_reach(racket_hand - racket_shoulder, size)
    blade = racket_hand + 0.14 * F.normalize(aim - racket_shoulder, dim=-1) * pull + (1 - pull) * (idle - pelvis) * 0.25
    swung = pull[..., 0] * people.phase[:, 1:2].sin()  # the free arm goes along, up or down
    free_hand = spot(-0.28 * hand * (1 + 0.4 * swung.abs()), 0.42 - 0.3 * swung.abs(), 1.05 - sway + 0.35 * swung - low)
    free_hand = free_shoulder + _within_reach(torch.lerp(free_hand, *palm) - free_shoulder, size)
    drop = torch.tensor([0.0, 0.0, -0.1], device=root.device)
    racket_elbow, free_elbow = (racket_shoulder + racket_hand) / 2 + drop, (free_shoulder + free_hand) / 2 + drop
    knee = (HIP_ASIDE + foot) / 2 + 0.03
    hips = [spot(side * HIP_ASIDE, -0.05, hip) for side in (-1, 1)]
    knees = [spot(side * knee, 0.12, (hip + 0.08) / 2) for side in (-1, 1)]
    feet = [spot(side * foot, -0.02, 0.08) for side in (-1, 1)]
    toes = [spot(side * (foot + 0.02), 0.14, 0.05) for side in (-1, 1)]
    head = spot(sway, 0.3 * bent, 1.58 - low)
    ends = [
        (hips[0], knees[0]), (hips[1], knees[1]), (knees[0], feet[0]), (knees[1], feet[1]),
        (feet[0], toes[0]), (feet[1], toes[1]), (pelvis, spot(0, -0.02, 0.98 - low)),
        (spot(0, 0, 1.08 - low), spot(sway, 0.16 * bent, 1.3 - low)),
        (spot(-0.06, -0.05, 1.22 - low), spot(0.06, -0.05, 1.22 - low)), (head, neck + 0.6 * (head - neck)),
        (spot(sway, 0.26 * bent, 1.63 - low), head),
        (free_shoulder, free_elbow), (racket_shoulder, racket_elbow), (free_elbow, free_hand), (racket_elbow, racket_hand),
        (free_hand, free_hand), (racket_hand, racket_hand), (racket_hand + 0.7 * (blade - racket_hand), blade),
    ]  # fmt: skip
    return torch.stack([torch.stack(pair, -2) for pair in ends], 2)


def _within_reach(arm: Tensor, size: Tensor) -> Tensor:
    """Return arms (N, T, 3), from shoulder to hand, no longer than they are for people of that size (N, 1)."""
    return arm / (arm.norm(dim=-1, keepdim=True) / (0.68 * size[..., None])).clamp_min(1)


def sweep_of_parts(before: Tensor, after: Tensor, cameras: Cameras) -> Tensor:
    """Return how many pixels (N, T, PARTS) each part moves on the picture between two poses (N, T, PARTS, 2, 3)."""
    first, last = (cameras.project(pose.mean(-2))[0] for pose in (before, after))
    return (last - first).norm(dim=-1)


def disc_streaks(
    people: People, poses: Sequence[Tensor], cameras: Cameras, disc: int, blur: Tensor
) -> tuple[Streaks, Tensor]:
    """Return a disc of each person as the shutter sees it, N * T streaks in order, and its depth (N, T).

    Args:
        people: N people.
        poses: Ends (N, T, PARTS, 2, 3) in metres at the shutter's opening, its middle and its closing.
        cameras: For these N people and T frames.
        disc: Which of the DISCS.
        blur: Of each person's lens (N,).
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
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
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

    soft = (1 + blur)[:, None, None].expand(shape) if sweep is None else 1 + blur[:, None, None] + SWEEP_BLUR * sweep[..., :LIMBS]
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
    fine = F.interpolate(field, scale_factor=GRID, mode="bilinear", align_corners=False)
    return fine[:, :, GRID : GRID + height, GRID : GRID + width]
