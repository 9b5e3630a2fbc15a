"""Which stroke a player makes, and the velocity and spin with which the ball leaves the racket."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ttcli.physics.air import slowing
from ttcli.simulation.flight import Ball, advance, aim_velocity
from ttcli.simulation.surroundings import BOUNCE, FLOOR, NET_TOUCH, TABLE_HALF_LENGTH, TABLE_HALF_WIDTH
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

FASTEST = 31.0
"""No stroke leaves the racket faster, m/s."""
LONGEST_FLIGHT = 1.25
"""No stroke is meant to fly longer to its bounce, seconds: it would rise above 4 m."""


class Stroke(NamedTuple):
    """One kind of stroke; each pair is a range that is drawn from evenly."""

    speed: tuple[float, float]  # horizontal, as the ball leaves the racket, m/s
    topspin: tuple[float, float]  # revolutions per second, negative: backspin
    sidespin: float  # largest, revolutions per second to either side
    depth: tuple[float, float]  # where it shall bounce, metres behind the net
    clearance: tuple[float, float]  # of the centre over the net's top, metres
    likely: tuple[float, float, float, float]  # weight near the table, in half distance, far away, for high balls


STROKES = {
    "push": Stroke((3.3, 5.5), (-45, -5), 10, (0.35, 1.20), (0.01, 0.12), (3.0, 0.5, 0.0, 0.1)),
    "block": Stroke((6.0, 12.0), (-5, 20), 10, (0.60, 1.25), (0.00, 0.10), (3.0, 1.0, 0.0, 0.3)),
    "flick": Stroke((7.0, 12.0), (10, 50), 25, (0.60, 1.25), (0.00, 0.08), (2.0, 0.3, 0.0, 1.0)),
    "drive": Stroke((10.0, 18.0), (15, 60), 20, (0.70, 1.25), (0.01, 0.12), (1.5, 3.0, 1.0, 1.0)),
    "loop": Stroke((9.0, 16.0), (60, 120), 40, (0.65, 1.25), (0.02, 0.20), (1.0, 4.0, 2.5, 1.0)),
    "chop": Stroke((6.0, 11.0), (-90, -30), 15, (0.50, 1.20), (0.02, 0.20), (0.1, 0.7, 2.0, 0.0)),
    "lob": Stroke((2.2, 4.5), (0, 30), 30, (0.50, 1.20), (0.50, 1.50), (0.0, 0.3, 2.5, 0.0)),
    "smash": Stroke((16.0, 30.0), (0, 30), 10, (0.55, 1.25), (0.00, 0.10), (0.1, 0.3, 0.3, 6.0)),
}
SERVE_CANDIDATES = 24


class Random:
    """Draws from a CPU generator and gives tensors on the balls' device, so that every device sees the same."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self.generator, self.device = generator, device

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return even chances in [low, high)."""
        return low + (high - low) * torch.rand(shape, generator=self.generator).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        """Return normal deviates."""
        return torch.randn(shape, generator=self.generator).to(self.device)

    def between(self, low: Tensor, high: Tensor) -> Tensor:
        """Return even chances between two tensors (N,)."""
        return low + (high - low) * self.uniform(len(low))


def return_ball(incoming: Ball, generator: torch.Generator) -> Ball:
    """Return the balls as they leave the rackets: strokes that fit the places, aimed, then made less than perfectly."""
    random = Random(generator, incoming.position.device)
    count, position = len(incoming.position), incoming.position
    behind, height = position[:, 1].abs() - TABLE_HALF_LENGTH, position[:, 2] - TABLE_HEIGHT
    kind = _choose_kind(behind, height, generator).to(position.device)
    ranges = {name: _ranges(name, kind) for name in ("speed", "topspin", "depth", "clearance")}
    speed, topspin, depth, clearance = (random.between(*ranges[name].unbind(dim=1)) for name in ranges)
    sidespin = random.uniform(count, low=-1) * position.new_tensor([s.sidespin for s in STROKES.values()])[kind]
    across = random.uniform(count, low=-1) * (TABLE_HALF_WIDTH - 0.15)
    target = torch.stack([across, -position[:, 1].sign() * depth, torch.full_like(depth, TABLE_HEIGHT + BALL_RADIUS)], dim=1)
    spin = spin_of(target - position, topspin, sidespin)
    duration = flight_time((target - position)[:, :2].norm(dim=1), speed).clamp(max=LONGEST_FLIGHT)
    velocity = aim_velocity(position, spin, target, duration, clearance)
    return _perform(Ball(position, velocity, spin), random, direction_noise=0.028, speed_noise=0.025)


def serve_ball(position: Tensor, generator: torch.Generator) -> Ball:
    """Return the served balls as they leave the rackets at `position` (N, 3).

    Each ball takes the first of some random serves that bounces on both halves and passes the net freely.
    """
    random = Random(generator, position.device)
    count, total = len(position), len(position) * SERVE_CANDIDATES
    start = position.repeat_interleave(SERVE_CANDIDATES, dim=0)
    across = random.uniform(total, low=-1) * (TABLE_HALF_WIDTH - 0.12)
    target = torch.stack([across, -start[:, 1].sign() * random.uniform(total, low=0.2, high=1.3), start[:, 2]], dim=1)
    direction = torch.nn.functional.normalize(target - start, dim=1)
    # Slow serves more often than fast ones; fast ones need a flatter way down to the own half.
    speed = 3.0 + 6.0 * random.uniform(total) ** 1.5
    velocity = direction * speed[:, None]
    velocity[:, 2] = random.uniform(total, low=-3.0, high=0.2)
    topspin, sidespin = random.uniform(total, low=-60, high=40), random.uniform(total, low=-60, high=60)
    tried = Ball(start, velocity, spin_of(direction, topspin, sidespin))
    good = _serve_is_good(tried).view(count, SERVE_CANDIDATES)
    chosen = good.int().argmax(dim=1) + torch.arange(count, device=position.device) * SERVE_CANDIDATES
    served = Ball(*(part[chosen] for part in tried))
    return _perform(served, random, direction_noise=0.006, speed_noise=0.01)


def spin_of(direction: Tensor, topspin: Tensor, sidespin: Tensor) -> Tensor:
    """Return the spin (N, 3) in rad/s of balls that go in `direction` (N, 3), from revolutions per second (N,)."""
    x, y = torch.nn.functional.normalize(direction[:, :2], dim=1).unbind(dim=1)
    return 2 * math.pi * torch.stack([-y * topspin, x * topspin, sidespin], dim=1)


def flight_time(distance: Tensor, speed: Tensor) -> Tensor:
    """Return about the time for a horizontal distance under drag: with v' = -k v^2, t = (exp(k d) - 1) / (k v)."""
    drag = slowing(speed) / speed  # as it is at the beginning
    return (torch.exp(drag * distance) - 1) / (drag * speed)


def _choose_kind(behind: Tensor, height: Tensor, generator: torch.Generator) -> Tensor:
    """Return a stroke's index in STROKES for each ball, fit for its place (metres behind and above the table)."""
    weights = torch.tensor([stroke.likely for stroke in STROKES.values()])  # (kinds, places)
    place = (behind > 0.35).long() + (behind > 1.6).long()
    place = torch.where((height > 0.5) & (behind < 2.5), 3, place)
    return torch.multinomial(weights.T[place.cpu()], 1, generator=generator)[:, 0]


def _ranges(name: str, kind: Tensor) -> Tensor:
    """Return low and high of one property for each ball's stroke, (N, 2)."""
    return torch.tensor([getattr(stroke, name) for stroke in STROKES.values()], device=kind.device)[kind].float()


def _perform(ball: Ball, random: Random, direction_noise: float, speed_noise: float) -> Ball:
    """Return the balls with what a player's hand adds: radians of direction, parts of speed and spin."""
    count = len(ball.position)
    speed = ball.velocity.norm(dim=1, keepdim=True)
    velocity = ball.velocity + direction_noise * speed * random.normal(count, 3)
    velocity = velocity * (1 + speed_noise * random.normal(count, 1)).clamp(0.8, 1.2)
    velocity = velocity * (FASTEST / velocity.norm(dim=1, keepdim=True)).clamp(max=1)
    return Ball(ball.position, velocity, ball.spin * (1 + 0.05 * random.normal(count, 1)).clamp(0.8, 1.2))


def _serve_is_good(ball: Ball, step: float = 0.004, seconds: float = 1.1) -> Tensor:
    """Return whether each served ball (N,) bounces on its own half first, then on the other, and nowhere else."""
    own_side = ball.position[:, 1].sign()
    own, other, fault = (torch.zeros_like(own_side, dtype=torch.bool) for _ in range(3))
    for _ in range(round(seconds / step)):
        ball, contact = advance(ball, step)
        bounced = contact.kind == BOUNCE
        at_home = contact.position[:, 1] * own_side > 0
        wrong = (contact.kind == FLOOR) | (contact.kind == NET_TOUCH)
        wrong |= bounced & torch.where(at_home, own, ~own)
        fault |= wrong & ~other
        own |= bounced & at_home
        other |= bounced & ~at_home & ~fault
    return other & ~fault
