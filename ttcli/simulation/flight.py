"""How a table tennis ball moves: flight, bounces on table and floor, the net; many balls at once.

World: metres and seconds; origin on the floor under the table's centre, x across the table, y along it, z up. A
ball's position is its centre. All tensors have the balls in their first dimension.

Inside, vectors are three numpy arrays. Thousands of small steps follow each other, and numpy answers a small call
several times as fast as torch.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ttcli.physics import air, impacts
from ttcli.simulation.surroundings import (
    LYING,
    NET_TOP,
    NEVER,
    NOTHING,
    RESTING_SPEED,
    TABLE_HALF_LENGTH,
    TAPE,
    brush,
    first_contact,
    kind_of,
    material,
    net_pass,
    normals,
    push_out,
)
from ttcli.simulation.vectors import Vector, between, each, length, put_rows, rows_of
from ttcli.table.constants import BALL_RADIUS, GRAVITY, TABLE_HEIGHT

ROLLING_DECELERATION = 0.2
"""A choice, m/s^2: about 0.02 of gravity, felt and wood alike."""


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


def fly(ball: Ball, step: float) -> Ball:
    """Return the balls `step` seconds later by the midpoint rule; nothing is in the way."""
    position, velocity = air.fly(_components(ball.position), _components(ball.velocity), _components(ball.spin), step)
    return Ball(_stacked(position), _stacked(velocity), ball.spin)


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
    before, turning, outwards = _components(velocity), _components(spin), _components(normal)
    after, turned = impacts.rebound(before, turning, outwards, restitution.numpy(), friction.numpy())
    return _stacked(after), _stacked(turned)


def advance(ball: Ball, step: float) -> tuple[Ball, Contact]:
    """Return the balls `step` seconds later, and their contacts with table, net, floor and barriers.

    A ball has one contact in a step at most, the earliest; its instant is found by linear interpolation, so that
    a bounce lies on the surface and not somewhere below it.
    """
    start = _State(_components(ball.position), _components(ball.velocity), _components(ball.spin))
    end = _State(*air.fly(*start, step), start.spin)
    fraction, surface = first_contact(start.place, end.place)
    rows = np.flatnonzero(fraction < NEVER)
    fraction = np.minimum(np.where(fraction == LYING, 0.0, fraction), 1.0).astype(np.float32)
    kind, met = np.full(len(fraction), NOTHING, np.int8), end.place
    if len(rows):
        kind[rows], places, states = _meet(start.at(rows), end.at(rows), fraction[rows], surface[rows], step)
        met = put_rows(met, rows, places)
        end = _State(*(put_rows(whole, rows, part) for whole, part in zip(end, states, strict=True)))
    passed, pass_place = net_pass(start.place, end.place)
    contact = Contact(
        torch.from_numpy(kind), torch.from_numpy(fraction), _stacked(met), torch.from_numpy(passed), _stacked(pass_place)
    )
    return Ball(*(_stacked(part) for part in end)), contact


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
    start, turning, goal = (_components(part) for part in (position, spin, target))
    seconds, least = duration.numpy(), clearance.numpy()
    x, y, z = each(lambda begin, end: (end - begin) / seconds, start, goal)
    z = z + 0.5 * GRAVITY * seconds
    for shot in range(rounds):
        landing, lacking = _shoot(start, (x, y, z), turning, seconds, least)
        off_x, off_y, off_z = each(np.subtract, goal, landing)
        x, y, z = x + off_x / seconds, y + off_y / seconds, z + off_z / seconds
        # Longer only now and then: how low a flight passes says little before it ends near the target.
        if shot % 3 == 1 and shot < rounds - 2:
            # A flight's middle rises by about g T / 4 per second of duration.
            longer = (lacking * 4 / (GRAVITY * seconds)).clip(max=0.25)
            kept = seconds / (seconds + longer)
            x, y, z = x * kept, y * kept, z * kept + 0.5 * GRAVITY * longer
            seconds = seconds + longer
    return _stacked((x, y, z))


def _shoot(
    place: Vector, velocity: Vector, spin: Vector, duration: np.ndarray, clearance: np.ndarray, steps: int = 24
) -> tuple[Vector, np.ndarray]:
    """Return where the balls are after `duration`, and by how much they pass too low on their way, (N,)."""
    side, lacking = np.sign(place[1]), np.zeros_like(clearance)
    for _ in range(steps):
        before = place
        place, velocity = air.fly(place, velocity, spin, duration / steps)
        crossing, over_net = net_pass(before, place)
        lacking = np.where(crossing <= 1, np.maximum(lacking, NET_TOP + clearance - over_net[2]), lacking)
        depth = place[1] * side
        over_table = (depth > 0) & (depth < TABLE_HALF_LENGTH + BALL_RADIUS)
        sunken = TABLE_HEIGHT + 2 * BALL_RADIUS - place[2]
        lacking = np.where(over_table, np.maximum(lacking, sunken), lacking)
    return place, lacking


class _State(NamedTuple):
    """Some balls, as `Ball` has them."""

    place: Vector
    velocity: Vector
    spin: Vector

    def at(self, rows: np.ndarray) -> "_State":
        return _State(*(rows_of(vector, rows) for vector in self))


def _components(vectors: Tensor) -> Vector:
    """Return x, y and z of vectors (N, 3)."""
    x, y, z = np.ascontiguousarray(vectors.numpy().T)
    return x, y, z


def _stacked(vector: Vector) -> Tensor:
    """Return vectors (N, 3) from their components."""
    return torch.from_numpy(np.stack(vector, 1))


def _meet(
    ball: _State, free: _State, fraction: np.ndarray, surface: np.ndarray, step: float
) -> tuple[np.ndarray, Vector, _State]:
    """Return the kinds of contact of balls that meet a surface, where that is, and the balls after the step."""
    place, velocity = between(ball.place, free.place, fraction), between(ball.velocity, free.velocity, fraction)
    normal = normals(place, ball.place, surface)
    place = push_out(place, normal, surface)
    impact = -(velocity[0] * normal[0] + velocity[1] * normal[1] + velocity[2] * normal[2])
    restitution, friction = material(surface, impact)
    resting = (impact < RESTING_SPEED) & (normal[2] > 0.9)
    after, spin = impacts.rebound(velocity, ball.spin, normal, np.where(resting, 0.0, restitution), friction)
    kept = _rolling(after, resting, step)
    after, spin = each(lambda component: component * kept, after), each(lambda component: component * kept, spin)
    tape = surface == TAPE
    if tape.any():
        after = each(lambda new, old: np.where(tape, new, old), brush(velocity, place), after)
    left = step * (1 - fraction)
    (x, y, z), (along_x, along_y, along_z) = place, after
    moved = (x + along_x * left, y + along_y * left, z + along_z * left - 0.5 * GRAVITY * left**2)
    state = _State(moved, (along_x, along_y, along_z - GRAVITY * left), spin)
    return kind_of(surface, impact, velocity, place), place, state


def _rolling(velocity: Vector, resting: np.ndarray, step: float) -> np.ndarray:
    """Return what share of their velocity and spin the balls keep: resting ones roll, and slow down to a stop."""
    kept = (1 - ROLLING_DECELERATION * step / (length(velocity) + 1e-9)).clip(min=0)
    return np.where(resting, kept, 1.0)
