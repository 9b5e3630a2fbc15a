"""How a table tennis ball moves: flight, bounces on table and floor, the net; many balls at once.

World: metres and seconds; origin on the floor under the table's centre, x across the table, y along it, z up. A
ball's position is its centre. All tensors have the balls in their first dimension.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.linalg import vector_norm

from ttcli.physics import air, impacts
from ttcli.physics.impacts import TABLE_FRICTION, table_restitution
from ttcli.table.constants import BALL_RADIUS, GRAVITY, NET_HEIGHT, NET_OVERHANG, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

TABLE_HALF_WIDTH, TABLE_HALF_LENGTH = TABLE_WIDTH / 2, TABLE_LENGTH / 2
TABLE_THICKNESS = 0.03
"""A choice: the board with its frame, which a ball can meet from the side."""
NET_TOP = TABLE_HEIGHT + NET_HEIGHT
NET_HALF_WIDTH = TABLE_HALF_WIDTH + NET_OVERHANG
BARRIER_X = 3.5
BARRIER_Y = 7.0
"""Where the playing area ends: the ball comes back from there, at any height."""

FLOOR_RESTITUTION = 0.78
FLOOR_FRICTION = 0.35
BARRIER_RESTITUTION = 0.4
NET_RESTITUTION = 0.12
NET_FRICTION = 0.5
RESTING_SPEED = 0.06
"""Impacts from above slower than this (m/s) do not rebound: the ball lies or rolls."""
RECORDED_SPEED = 0.3
"""Impacts slower than this (m/s) are no contact worth a name: the ball jumps less than 5 mm."""
ROLLING_DECELERATION = 0.2
"""A choice, m/s^2: about 0.02 of gravity, felt and wood alike."""

NOTHING, BOUNCE, HIT, NET_TOUCH, NET_PASS, FLOOR, HAND = -1, 0, 1, 2, 3, 4, 5
CONTACT_NAMES = {BOUNCE: "bounce", HIT: "hit", NET_TOUCH: "net_touch", NET_PASS: "net_pass", FLOOR: "floor", HAND: "hand"}
"""Kinds of contact: none; on the table's top; racket; net or its tape; the centre passes the plane y = 0 above
the table's height; floor; the ball leaves or meets a hand."""

_NEVER = float("inf")
_LYING = 2.0
"""Stands for a contact that a lying ball has all the time: every other contact goes before it."""
_SLAB_CENTRE = (0.0, 0.0, TABLE_HEIGHT - TABLE_THICKNESS / 2)
_SLAB_HALF = (TABLE_HALF_WIDTH, TABLE_HALF_LENGTH, TABLE_THICKNESS / 2)
_TABLE, _FLOOR, _BARRIER, _NET, _TAPE = range(5)


class Ball(NamedTuple):
    """The balls' state: position (N, 3) in m, velocity (N, 3) in m/s, spin (N, 3) in rad/s."""

    position: Tensor
    velocity: Tensor
    spin: Tensor


class Contact(NamedTuple):
    """What happened to each ball in one step.

    kind (N,) int8 and, as a part of the step, the instant `fraction` (N,); `position` (N, 3) of the centre there.
    `pass_fraction` (N,) and `pass_position` (N, 3) hold NET_PASS, with inf for the balls that did not cross.
    """

    kind: Tensor
    fraction: Tensor
    position: Tensor
    pass_fraction: Tensor
    pass_position: Tensor


def fly(ball: Ball, step: float | Tensor) -> Ball:
    """Return the balls `step` seconds later (a number, or (N, 1)) by the midpoint rule; nothing is in the way."""
    place, speed, spin = (part.unbind(1) for part in ball)
    position, velocity = air.fly(place, speed, spin, _column(step))
    return Ball(torch.stack(position, 1), torch.stack(velocity, 1), ball.spin)


def _column(step: float | Tensor) -> float | Tensor:
    """Return a number, or (N, 1) as (N,)."""
    return step[:, 0] if isinstance(step, Tensor) and step.ndim == 2 else step


def bounce(velocity: Tensor, spin: Tensor, normal: Tensor, restitution: Tensor, friction: Tensor) -> tuple[Tensor, Tensor]:
    """Return velocity and spin after an impact of a hollow sphere (inertia 2/3 m r^2) on a fixed surface.

    Friction stops the contact point (the ball rolls away) where Coulomb's law allows for it, else the ball slides.

    Args:
        velocity: Before the impact, (N, 3) in m/s.
        spin: Before the impact, (N, 3) in rad/s.
        normal: Normal of the surface, towards the ball, unit length, (N, 3).
        restitution: Rebound speed / impact speed, (N,).
        friction: Coulomb's coefficient, (N,).
    """
    after, turned = impacts.rebound(velocity.unbind(1), spin.unbind(1), normal.unbind(1), restitution, friction)
    return torch.stack(after, 1), torch.stack(turned, 1)


def advance(ball: Ball, step: float) -> tuple[Ball, Contact]:
    """Return the balls `step` seconds later, and their contacts with table, net, floor and barriers.

    A ball has one contact in a step at most, the earliest; its instant is found by linear interpolation, so that
    a bounce lies on the surface and not somewhere below it.
    """
    free = fly(ball, step)
    fraction, surface = _first_contact(ball.position, free.position).min(dim=0)
    touched = fraction < _NEVER
    fraction = torch.where(fraction == _LYING, 0.0, fraction).clamp(max=1.0)
    kind = torch.full_like(surface, NOTHING, dtype=torch.int8)
    position = free.position
    after = free
    if touched.any():
        surface = torch.where(touched, surface, _FLOOR)
        after, kind, position = _meet(ball, free, fraction, surface, touched, step)
    passed, pass_position = _net_pass(ball.position, after.position)
    return after, Contact(kind, fraction, position, passed, pass_position)


def aim_velocity(
    position: Tensor, spin: Tensor, target: Tensor, duration: Tensor, clearance: Tensor, rounds: int = 9
) -> Tensor:
    """Return the velocity (N, 3) that brings each ball to its target, found by shooting.

    The flight is lengthened where it would pass lower than `clearance` (N,) over the net or through the table.

    Args:
        position: Where the ball is struck, (N, 3).
        spin: In rad/s, (N, 3).
        target: Where it shall come down, (N, 3).
        duration: Time of flight wished for, (N,) in seconds.
        clearance: Least height of the centre over the net's top in the plane of the net, (N,) in metres.
        rounds: How often the shot is corrected.
    """
    duration = duration[:, None]
    velocity = (target - position) / duration
    velocity[:, 2] += 0.5 * GRAVITY * duration[:, 0]
    for shot in range(rounds):
        landing, lacking = _shoot(Ball(position, velocity, spin), duration, clearance)
        velocity = velocity + (target - landing) / duration
        # Longer only now and then: how low a flight passes says little before it ends near the target.
        if shot % 3 == 1 and shot < rounds - 2:
            # A flight's middle rises by about g T / 4 per second of duration.
            longer = (lacking[:, None] * 4 / (GRAVITY * duration)).clamp(max=0.25)
            velocity = velocity * (duration / (duration + longer))
            velocity[:, 2:] += 0.5 * GRAVITY * longer
            duration = duration + longer
    return velocity


def _shoot(ball: Ball, duration: Tensor, clearance: Tensor, steps: int = 24) -> tuple[Tensor, Tensor]:
    """Return where the balls are after `duration`, (N, 3), and by how much they pass too low on their way, (N,)."""
    side = ball.position[:, 1].sign()
    lacking = torch.zeros_like(clearance)
    for _ in range(steps):
        before = ball.position
        ball = fly(ball, duration / steps)
        crossing, over_net = _net_pass(before, ball.position)
        lacking = torch.where(crossing <= 1, torch.maximum(lacking, NET_TOP + clearance - over_net[:, 2]), lacking)
        depth = ball.position[:, 1] * side
        over_table = (depth > 0) & (depth < TABLE_HALF_LENGTH + BALL_RADIUS)
        sunken = TABLE_HEIGHT + 2 * BALL_RADIUS - ball.position[:, 2]
        lacking = torch.where(over_table, torch.maximum(lacking, sunken), lacking)
    return ball.position, lacking


def _first_contact(start: Tensor, end: Tensor) -> Tensor:
    """Return the part of the step at which each surface is met, (5, N), inf where it is not."""
    before = _slab_distance(start) - BALL_RADIUS
    after = _slab_distance(end) - BALL_RADIUS
    part = torch.where(before < 1e-4, _LYING, _part(before, before - after))
    table = torch.where((after < 0) & (after < before), part, _NEVER)
    height, new_height = start[:, 2] - BALL_RADIUS, end[:, 2] - BALL_RADIUS
    part = torch.where(height < 1e-4, _LYING, _part(height, height - new_height))
    floor = torch.where(new_height < 0, part, _NEVER)
    limit = start.new_tensor([BARRIER_X - BALL_RADIUS, BARRIER_Y - BALL_RADIUS])
    room, new_room = limit - start[:, :2].abs(), limit - end[:, :2].abs()
    barrier = torch.where((new_room < 0) & (new_room < room), _part(room, room - new_room), _NEVER).amin(dim=1)
    return torch.stack([table, floor, barrier, *_net_contact(start, end)])


def _net_contact(start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Return the parts of the step, (N,) each, at which balls meet the net's side, and its tape from above."""
    side = torch.where(start[:, 1] >= 0, 1.0, -1.0)
    depth, new_depth = start[:, 1] * side, end[:, 1] * side
    nearer = new_depth < depth
    move = end - start
    meeting = _part(depth - BALL_RADIUS, depth - new_depth)
    height = start[:, 2] + meeting * move[:, 2]
    inside = start[:, 0].abs() < NET_HALF_WIDTH
    hit = nearer & (new_depth < BALL_RADIUS) & inside & (height < NET_TOP) & (height > TABLE_HEIGHT)
    crossing = _part(depth, depth - new_depth)
    height = start[:, 2] + crossing * move[:, 2]
    touch = nearer & (new_depth < 0) & inside & (height < NET_TOP + BALL_RADIUS) & (height > TABLE_HEIGHT)
    return torch.where(hit, meeting, _NEVER), torch.where(touch, crossing, _NEVER)


def _meet(
    ball: Ball, free: Ball, fraction: Tensor, surface: Tensor, touched: Tensor, step: float
) -> tuple[Ball, Tensor, Tensor]:
    """Return the balls after the step with their impact, the kinds of contact and where it was."""
    part = fraction[:, None]
    position = torch.lerp(ball.position, free.position, part)
    velocity = torch.lerp(ball.velocity, free.velocity, part)
    normal = _normals(position, ball.position, surface)
    position = _push_out(position, normal, surface)
    impact = -(velocity * normal).sum(dim=1)
    restitution, friction = _material(surface, impact)
    resting = (impact < RESTING_SPEED) & (normal[:, 2] > 0.9)
    rebound, spin = bounce(velocity, ball.spin, normal, restitution.masked_fill(resting, 0.0), friction)
    rebound, spin = _roll(rebound, spin, resting, step)
    tape = surface == _TAPE
    if tape.any():
        rebound = torch.where(tape[:, None], _brush(velocity, position), rebound)
    left = step * (1 - part)
    moved = position + rebound * left
    moved[:, 2] -= 0.5 * GRAVITY * left[:, 0] ** 2
    rebound[:, 2] -= GRAVITY * left[:, 0]
    chosen = touched[:, None]
    after = Ball(*(torch.where(chosen, new, old) for new, old in zip((moved, rebound, spin), free, strict=True)))
    kind = torch.where(touched, _kind(surface, impact, velocity, position), NOTHING)
    return after, kind.to(torch.int8), position


def _normals(position: Tensor, start: Tensor, surface: Tensor) -> Tensor:
    """Return the unit normals, (N, 3), of the surfaces that the balls meet."""
    up = position.new_tensor([0.0, 0.0, 1.0])
    normal = torch.where((surface == _TABLE)[:, None], _slab_normal(position), up)
    if not (surface >= _BARRIER).any():  # seldom any: a third of the work saved
        return normal
    at_x = position[:, 0].abs() - BARRIER_X > position[:, 1].abs() - BARRIER_Y
    inwards = torch.stack([-position[:, 0].sign() * at_x, -position[:, 1].sign() * ~at_x, 0 * normal[:, 0]], dim=1)
    normal = torch.where((surface == _BARRIER)[:, None], inwards, normal)
    net_side = torch.where(start[:, 1] >= 0, 1.0, -1.0)
    off_net = torch.stack([0 * net_side, net_side, 0 * net_side], dim=1)
    return torch.where((surface >= _NET)[:, None], off_net, normal)


def _push_out(position: Tensor, normal: Tensor, surface: Tensor) -> Tensor:
    """Return the positions lifted onto the surface: else a lying ball sinks by g dt^2 / 2 with every step.

    Off net and barriers by a little more: a ball that leans there with every step would never meet the floor.
    """
    depth = BALL_RADIUS - torch.where(surface == _TABLE, _slab_distance(position), position[:, 2])
    depth = torch.where(surface <= _FLOOR, depth.clamp(min=0), 5e-4)
    return position + torch.where(surface == _TAPE, 0.0, depth)[:, None] * normal


def _material(surface: Tensor, impact: Tensor) -> tuple[Tensor, Tensor]:
    """Return restitution and friction, (N,) each."""
    restitution = impact.new_tensor([0, FLOOR_RESTITUTION, BARRIER_RESTITUTION, NET_RESTITUTION, 0])[surface]
    restitution = torch.where(surface == _TABLE, table_restitution(impact), restitution)
    friction = impact.new_tensor([TABLE_FRICTION, FLOOR_FRICTION, FLOOR_FRICTION, NET_FRICTION, 0])[surface]
    return restitution, friction


def _roll(velocity: Tensor, spin: Tensor, resting: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """Return velocity and spin of the resting balls slowed by rolling, down to a stop."""
    speed = vector_norm(velocity, dim=1, keepdim=True)
    kept = (1 - ROLLING_DECELERATION * step / (speed + 1e-9)).clamp(min=0)
    kept = torch.where(resting[:, None], kept, 1.0)
    return velocity * kept, spin * kept


def _brush(velocity: Tensor, position: Tensor) -> Tensor:
    """Return the velocity after the net's tape: the deeper the ball meets it, the slower, and a little lifted."""
    depth = (1 - (position[:, 2] - NET_TOP) / BALL_RADIUS).clamp(0, 1)
    x, y, z = velocity.unbind(dim=1)
    lifted = z * (1 - 0.3 * depth) + 0.12 * depth * y.abs()
    return torch.stack([x * (1 - 0.3 * depth), y * (1 - 0.8 * depth), lifted], dim=1)


def _kind(surface: Tensor, impact: Tensor, velocity: Tensor, position: Tensor) -> Tensor:
    """Return the named kind of each contact; edges of the table, barriers and soft contacts have none."""
    names = surface.new_tensor([BOUNCE, FLOOR, NOTHING, NET_TOUCH, NET_TOUCH])[surface]
    outside = (position[:, 0].abs() > TABLE_HALF_WIDTH) | (position[:, 1].abs() > TABLE_HALF_LENGTH)
    edge = (surface == _TABLE) & (outside | (position[:, 2] < TABLE_HEIGHT))
    strength = torch.where(surface == _TAPE, vector_norm(velocity, dim=1), impact)
    return torch.where(edge | (strength < RECORDED_SPEED), NOTHING, names)


def _net_pass(start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Return when, as a part of the step (N,), and where, (N, 3), the centres pass the plane of the net."""
    y, new_y = start[:, 1], end[:, 1]
    part = _part(y, y - new_y)
    position = torch.lerp(start, end, part[:, None])
    passed = ((y >= 0) != (new_y >= 0)) & (position[:, 2] > TABLE_HEIGHT)
    return torch.where(passed, part, _NEVER), position


def _part(distance: Tensor, closing: Tensor) -> Tensor:
    """Return distance / closing in [0, 1]; anything there where closing is 0."""
    return (distance / torch.where(closing == 0, 1.0, closing)).clamp(0, 1)


def _slab_distance(position: Tensor) -> Tensor:
    """Return the distance (N,) of the centres to the table's board, negative inside."""
    beyond = (position - position.new_tensor(_SLAB_CENTRE)).abs() - position.new_tensor(_SLAB_HALF)
    return vector_norm(beyond.clamp(min=0), dim=1) + beyond.amax(dim=1).clamp(max=0)


def _slab_normal(position: Tensor) -> Tensor:
    """Return the unit vectors (N, 3) from the board's nearest points to the centres; upwards for those inside."""
    centred = position - position.new_tensor(_SLAB_CENTRE)
    away = (centred.abs() - position.new_tensor(_SLAB_HALF)).clamp(min=0) * centred.sign()
    length = vector_norm(away, dim=1, keepdim=True)
    return torch.where(length > 1e-6, away / (length + 1e-12), position.new_tensor([0.0, 0.0, 1.0]))
