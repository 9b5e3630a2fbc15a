"""How people move: to where they will hit, through the stroke, and how each part of the body lies meanwhile."""

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.simulation.players import People
from ttcli.simulation.surroundings import HAND, HIT
from ttcli.simulation.timeline import STAND, SWING, RallyBatch

SWING_SECONDS = 0.13
"""How long the racket hand is near the ball, before and after a hit (one standard deviation)."""
HOLD_SECONDS = 0.35
"""The same for the free hand that lets the ball go or catches it."""
STEP_SECONDS = (0.15, 0.45)
"""The same for the body, from the quickest to the slowest player."""
FASTEST_RUN = (3.0, 4.0)
"""Metres a second across and along the table at which a body passes through a stroke at most. A player at the top
crosses his own width within the nine frames of a window, and all of him differs from what was there before."""
TWIST_SECONDS = 0.1
"""How long a body takes to turn from the back swing to the front."""
FRONT_SHARE = 0.35
"""Part of the strokes that meet the ball before the body, as most backhands do, and not beside it."""
BEFORE, BESIDE = (0.2, 0.55), (-0.6, 0.45)
"""How far before a player, towards the table, the ball is met in strokes of either kind, metres. Seen from the side a
ball that is met beside a player, or past him, crosses his body on its way in and out."""
NEVER = 1e6
"""Seconds: the time of contacts that are not meant."""
PALM_BELOW = 0.065
"""Metres from the middle of a ball to the middle of the hand under it."""
BESIDE_TABLE = 2.0
"""Metres across from the table's middle: only farther out does a player walk past it."""
HIP_ASIDE, FOOT_ASIDE = 0.1, 0.24
"""How far hips, and feet at rest, are to the side of the body's middle, metres."""
LEG, LARGEST_HIP = 0.81, 0.78
"""Length of a leg from hip to ankle, and how far above the ankle a hip is at most, metres."""


def pose_people(people: People, rallies: RallyBatch, rally: Tensor, times: Tensor) -> Tensor:
    """Return the capsules' ends (N, T, PARTS, 2, 3) in metres.

    Args:
        people: N people.
        rallies: The rallies that are played.
        rally: Which rally (N,) each person plays in.
        times: Times of each frame (N, T), seconds.
    """
    kind, when = rallies.contact_kind[rally], rallies.contact_time[rally]  # (N, E)
    where = rallies.contact_position[rally]
    mine = rallies.contact_side[rally] == people.side[:, None]
    hold, ball, since = _near_contacts(times, when, where, mine & (kind == HAND), HOLD_SECONDS)
    swung = mine & ((kind == HIT) | (kind == SWING))
    swing, aim, follow = _near_contacts(times, when, where, swung, SWING_SECONDS)
    root, engaged = _stand_and_run(people, times, when, where, swung, mine & (kind == STAND))
    # Whoever rushes past moves all the time as if he made a stroke where the ball is.
    rushes, passed = (people.rush != 0).any(1)[:, None], times - people.rush_time[:, None]
    root = root + people.rush[:, None] * passed[..., None]
    engaged = torch.where(rushes, torch.ones_like(engaged), engaged)
    twist = 1 - torch.tanh(torch.where(rushes, passed, (follow * swing)[..., 0]) / TWIST_SECONDS)

    vigour = 1 + people.phase[:, 0] / 6.2832  # from a push to a smash
    through = torch.stack([-2 * people.hand, -4 * people.side, 2 + 0 * people.side], -1)
    aim = aim + follow * (vigour[:, None] * through)[:, None]
    aside = torch.stack([-0.8 * people.hand, 0 * people.side, 0 * people.side], -1)[:, None]  # out of the ball's way
    palm = ball + since.clamp_min(0) * aside - torch.tensor([0.0, 0.0, PALM_BELOW], device=times.device)
    return _skeleton(people, root, engaged, twist, (aim, swing), (palm, hold), times)


def _stand_and_run(
    people: People, times: Tensor, when: Tensor, where: Tensor, swung: Tensor, walked: Tensor
) -> tuple[Tensor, Tensor]:
    """Return where people stand (N, T, 2) in frames at `times` (N, T), and how near a stroke is, (N, T) in [0, 1].

    They are where each stroke that they make wants them, a mean over contacts (N, E) by a bell in time, and run through it; and
    they are at the places that they walk to (`walked`).
    """
    when = torch.where(swung | walked, when, torch.full_like(when, NEVER))
    where = torch.where((swung | walked)[..., None], where, torch.zeros_like(where))
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
    stand = torch.where(walked[..., None], where[..., :2], stand)
    root = torch.einsum("nte,nec->ntc", near, stand) + torch.einsum("nte,nec->ntc", near * gap, run)
    root = (root + 0.02 * people.home[:, None]) / (weight + 0.02)
    behind = root[..., 1].abs().clamp_min(1.62) * people.side[:, None]
    free = (people.side[:, None] == 0) | (root[..., 0].abs() > BESIDE_TABLE)
    root = torch.stack([root[..., 0], torch.where(free, root[..., 1], behind)], -1)
    root = root + 0.03 * torch.sin(times[..., None] * times.new_tensor([3.1, 2.3]) + people.phase[:, None, :2])
    return root, (near * swung[:, None]).sum(-1).clamp(max=1)


def _near_contacts(times: Tensor, when: Tensor, where: Tensor, chosen: Tensor, spread: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return how near frames (N, T) are to chosen contacts (N, E), in [0, 1] (N, T, 1), where those are and how long ago.

    The place (N, T, 3) and the time since (N, T, 1) are means over contacts, weighted by a bell `spread` seconds wide.
    """
    gap = times[:, :, None] - torch.where(chosen, when, torch.full_like(when, NEVER))[:, None]  # (N, T, E)
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
    blade = (
        racket_hand + 0.14 * functional.normalize(aim - racket_shoulder, dim=-1) * pull + (1 - pull) * (idle - pelvis) * 0.25
    )
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
