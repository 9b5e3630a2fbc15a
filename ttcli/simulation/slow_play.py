"""A ball that is in no rally: bounced on racket, table or floor, trickling over the table, thrown to the other half."""

import math

import torch
from torch import Tensor

from ttcli.simulation.flight import Ball, Contact, aim_velocity
from ttcli.simulation.strokes import Random
from ttcli.simulation.surroundings import HAND, HIT
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

MOST_TOUCHES = 8
_RACKET, _ON_TABLE, _ON_FLOOR, _TRICKLE, _FEED = range(5)
_PLACES = (
    ((-1.2, 1.5, 0.8), (1.2, 3.0, 1.2)),
    ((-0.6, 0.9, 0.95), (0.6, 1.3, 1.2)),
    ((-1.2, 1.6, 0.6), (1.2, 3.0, 1.1)),
    ((-0.7, 0.05, TABLE_HEIGHT + BALL_RADIUS), (0.7, 1.3, TABLE_HEIGHT + BALL_RADIUS)),
    ((-0.6, 1.5, 0.9), (0.6, 2.2, 1.2)),
)
"""Where each kind begins, from the low to the high corner, for the side of positive y."""
_CLIMB = ((1.0, 2.5), (-1.5, -0.3), (-3.0, -1.0), (0.0, 0.0), (0.0, 0.0))
"""Vertical speeds with which each kind leaves the hand, m/s."""


class SlowPlay:
    """The kinds of slow play of `count` balls, where they go on, and how many touches are left to each."""

    def __init__(self, count: int, random: Random) -> None:
        self.random = random
        self.kind = torch.full((count,), _FEED, device=random.device)
        self.touches_left = torch.zeros_like(self.kind)
        self.anchor = torch.zeros(count, 3, device=random.device)

    def begin(self, rows: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
        """Choose what is done with some balls; return position and velocity (M, 3) with which they leave the hand.

        Args:
            rows: The balls, (M,).
            side: Sign of y of the half or the player, (M,).
        """
        count = len(rows)
        kind = (len(_PLACES) * self.random.uniform(count)).long()
        low, high = side.new_tensor(_PLACES)[kind].unbind(dim=1)
        position = low + (high - low) * self.random.uniform(count, 3)
        position[:, 1] *= side
        velocity = self.random.uniform(count, 3, low=-0.1, high=0.1)
        velocity[:, 2] = self.random.between(*side.new_tensor(_CLIMB)[kind].unbind(dim=1))
        angle, speed = self.random.uniform(count, high=2 * math.pi), self.random.uniform(count, low=0.3, high=1.8)
        roll = torch.stack([angle.cos() * speed, angle.sin() * speed, torch.zeros_like(angle)], dim=1)
        velocity = torch.where((kind == _TRICKLE)[:, None], roll, velocity)
        velocity = torch.where((kind == _FEED)[:, None], self._feed(position), velocity)
        self.kind[rows], self.anchor[rows] = kind, position
        touches = 1 + (MOST_TOUCHES * self.random.uniform(count)).long()
        self.touches_left[rows] = torch.where(kind <= _ON_FLOOR, touches, 0)
        return position, velocity

    def goes_on(self, rows: Tensor) -> bool:
        """Return whether any of these balls (M,) will be touched again."""
        return bool(self.touches_left[rows].any())

    def touch(self, rows: Tensor, ball: Ball, contact: Contact) -> tuple[Ball, Contact]:
        """Return balls (M,) and contacts after rackets lift, and hands push down, those that come to them."""
        kind, anchor, left = self.kind[rows], self.anchor[rows], self.touches_left[rows] > 0
        height, climb = ball.position[:, 2], ball.velocity[:, 2]
        lifted = left & (kind == _RACKET) & (climb < 0) & (height < anchor[:, 2])
        top = (height > anchor[:, 2]) | (climb < 0.15)
        surface = torch.where(kind == _ON_TABLE, TABLE_HEIGHT, 0.0)
        pushed = left & ((kind == _ON_TABLE) | (kind == _ON_FLOOR)) & (climb >= 0) & top & (height > surface + 0.1)
        touched = lifted | pushed
        if not touched.any():
            return ball, contact
        velocity = (anchor - ball.position) + self.random.uniform(len(rows), 3, low=-0.15, high=0.15)
        force = self.random.uniform(len(rows))
        velocity[:, 2] = torch.where(lifted, 1.0 + 1.8 * force, -0.3 - 1.7 * force)
        self.touches_left[rows[touched]] -= 1
        contact = contact._replace(
            kind=torch.where(touched, torch.where(lifted, HIT, HAND).to(torch.int8), contact.kind),
            fraction=torch.where(touched, 1.0, contact.fraction),
            position=torch.where(touched[:, None], ball.position, contact.position),
        )
        return ball._replace(velocity=torch.where(touched[:, None], velocity, ball.velocity)), contact

    def _feed(self, position: Tensor) -> Tensor:
        """Return velocities that bring balls gently to the other half."""
        count = len(position)
        target = self.random.uniform(count, 3, low=-0.5, high=0.5)
        target[:, 1] = -position[:, 1].sign() * (0.9 + target[:, 1] / 2)
        target[:, 2] = TABLE_HEIGHT + BALL_RADIUS
        duration = self.random.uniform(count, low=0.5, high=0.9)
        return aim_velocity(position, torch.zeros_like(position), target, duration, torch.full_like(duration, 0.1))
