"""How a table tennis ball moves: flight, bounces on table and floor, the net; many balls at once.

World: metres and seconds; origin on the floor under the table's centre, x across the table, y along it, z up. A
ball's position is its centre. All tensors have the balls in their first dimension.

Inside, vectors are three numpy arrays. Thousands of small steps follow each other, and numpy answers a small call
several times as fast as torch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

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

_Vector = tuple[np.ndarray, np.ndarray, np.ndarray]
"""x, y and z of N balls, (N,) each."""
_NEVER = float("inf")
_LYING = 2.0
"""Stands for a contact that a lying ball has all the time: every other contact goes before it."""
_SLAB_CENTRE = TABLE_HEIGHT - TABLE_THICKNESS / 2
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
    fraction, surface = _first_contact(start.place, end.place)
    rows = np.flatnonzero(fraction < _NEVER)
    fraction = np.minimum(np.where(fraction == _LYING, 0.0, fraction), 1.0).astype(np.float32)
    kind, met = np.full(len(fraction), NOTHING, np.int8), end.place
    if len(rows):
        kind[rows], places, states = _meet(start.at(rows), end.at(rows), fraction[rows], surface[rows], step)
        met = _put(met, rows, places)
        end = _State(*(_put(whole, rows, part) for whole, part in zip(end, states, strict=True)))
    passed, pass_place = _net_pass(start.place, end.place)
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
    x, y, z = _each(lambda begin, end: (end - begin) / seconds, start, goal)
    z = z + 0.5 * GRAVITY * seconds
    for shot in range(rounds):
        landing, lacking = _shoot(start, (x, y, z), turning, seconds, least)
        off_x, off_y, off_z = _each(np.subtract, goal, landing)
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
    place: _Vector, velocity: _Vector, spin: _Vector, duration: np.ndarray, clearance: np.ndarray, steps: int = 24
) -> tuple[_Vector, np.ndarray]:
    """Return where the balls are after `duration`, and by how much they pass too low on their way, (N,)."""
    side, lacking = np.sign(place[1]), np.zeros_like(clearance)
    for _ in range(steps):
        before = place
        place, velocity = air.fly(place, velocity, spin, duration / steps)
        crossing, over_net = _net_pass(before, place)
        lacking = np.where(crossing <= 1, np.maximum(lacking, NET_TOP + clearance - over_net[2]), lacking)
        depth = place[1] * side
        over_table = (depth > 0) & (depth < TABLE_HALF_LENGTH + BALL_RADIUS)
        sunken = TABLE_HEIGHT + 2 * BALL_RADIUS - place[2]
        lacking = np.where(over_table, np.maximum(lacking, sunken), lacking)
    return place, lacking


class _State(NamedTuple):
    """Some balls, as `Ball` has them."""

    place: _Vector
    velocity: _Vector
    spin: _Vector

    def at(self, rows: np.ndarray) -> "_State":
        return _State(*(_rows_of(vector, rows) for vector in self))


def _components(vectors: Tensor) -> _Vector:
    """Return x, y and z of vectors (N, 3)."""
    x, y, z = np.ascontiguousarray(vectors.numpy().T)
    return x, y, z


def _stacked(vector: _Vector) -> Tensor:
    """Return vectors (N, 3) from their components."""
    return torch.from_numpy(np.stack(vector, 1))


def _each(change: Callable[..., Any], *vectors: _Vector) -> _Vector:
    """Return what a function makes of the components of vectors, one axis after another."""
    x, y, z = (change(*components) for components in zip(*vectors, strict=True))
    return x, y, z


def _rows_of(vector: _Vector, rows: np.ndarray) -> _Vector:
    return _each(lambda component: component[rows], vector)


def _put(whole: _Vector, rows: np.ndarray, part: _Vector) -> _Vector:
    """Return vectors of which some rows are others."""
    x, y, z = (component.copy() for component in whole)
    x[rows], y[rows], z[rows] = part
    return x, y, z


def _first_contact(start: _Vector, end: _Vector) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of the step (N,) at which the first surface is met, inf where none is, and which one."""
    fraction, surface = np.full(len(end[0]), _NEVER), np.full(len(end[0]), _FLOOR)

    def meet(rows: np.ndarray, part: np.ndarray, met: int) -> None:
        sooner = part < fraction[rows]
        fraction[rows[sooner]], surface[rows[sooner]] = part[sooner], met

    (x, y, z), (new_x, new_y, new_z) = start, end
    aside, along = np.abs(new_x), np.abs(new_y)
    low = new_z < TABLE_HEIGHT + BALL_RADIUS
    if low.any():
        rows = np.flatnonzero(low & (aside < TABLE_HALF_WIDTH + BALL_RADIUS) & (along < TABLE_HALF_LENGTH + BALL_RADIUS))
        if len(rows):
            meet(rows, _table_contact(_rows_of(start, rows), _rows_of(end, rows)), _TABLE)
        rows = np.flatnonzero(new_z < BALL_RADIUS)
        if len(rows):
            height, new_height = z[rows] - BALL_RADIUS, new_z[rows] - BALL_RADIUS
            meet(rows, np.where(height < 1e-4, _LYING, _part(height, height - new_height)), _FLOOR)
    for line, new_line, limit in ((x, aside, BARRIER_X - BALL_RADIUS), (y, along, BARRIER_Y - BALL_RADIUS)):
        rows = np.flatnonzero(new_line > limit)
        if len(rows):
            room, new_room = limit - np.abs(line[rows]), limit - new_line[rows]
            meet(rows, np.where(new_room < room, _part(room, room - new_room), _NEVER), _BARRIER)
    rows = np.flatnonzero(((y >= 0) != (new_y >= 0)) | (along < BALL_RADIUS))
    if len(rows):
        side, tape = _net_contact(_rows_of(start, rows), _rows_of(end, rows))
        meet(rows, side, _NET)
        meet(rows, tape, _TAPE)
    return fraction, surface


def _table_contact(start: _Vector, end: _Vector) -> np.ndarray:
    """Return the parts of the step, (N,), at which balls meet the board."""
    before, after = _slab_distance(start) - BALL_RADIUS, _slab_distance(end) - BALL_RADIUS
    part = np.where(before < 1e-4, _LYING, _part(before, before - after))
    return np.where((after < 0) & (after < before), part, _NEVER)


def _net_contact(start: _Vector, end: _Vector) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of the step, (N,) each, at which balls meet the net's side, and its tape from above."""
    side = np.where(start[1] >= 0, 1.0, -1.0)
    depth, new_depth = start[1] * side, end[1] * side
    nearer = new_depth < depth
    climb = end[2] - start[2]
    meeting = _part(depth - BALL_RADIUS, depth - new_depth)
    height = start[2] + meeting * climb
    inside = np.abs(start[0]) < NET_HALF_WIDTH
    hit = nearer & (new_depth < BALL_RADIUS) & inside & (height < NET_TOP) & (height > TABLE_HEIGHT)
    crossing = _part(depth, depth - new_depth)
    height = start[2] + crossing * climb
    touch = nearer & (new_depth < 0) & inside & (height < NET_TOP + BALL_RADIUS) & (height > TABLE_HEIGHT)
    return np.where(hit, meeting, _NEVER), np.where(touch, crossing, _NEVER)


def _meet(
    ball: _State, free: _State, fraction: np.ndarray, surface: np.ndarray, step: float
) -> tuple[np.ndarray, _Vector, _State]:
    """Return the kinds of contact of balls that meet a surface, where that is, and the balls after the step."""
    place, velocity = _between(ball.place, free.place, fraction), _between(ball.velocity, free.velocity, fraction)
    normal = _normals(place, ball.place, surface)
    place = _push_out(place, normal, surface)
    impact = -(velocity[0] * normal[0] + velocity[1] * normal[1] + velocity[2] * normal[2])
    restitution, friction = _material(surface, impact)
    resting = (impact < RESTING_SPEED) & (normal[2] > 0.9)
    after, spin = impacts.rebound(velocity, ball.spin, normal, np.where(resting, 0.0, restitution), friction)
    kept = _rolling(after, resting, step)
    after, spin = _each(lambda component: component * kept, after), _each(lambda component: component * kept, spin)
    tape = surface == _TAPE
    if tape.any():
        after = _each(lambda new, old: np.where(tape, new, old), _brush(velocity, place), after)
    left = step * (1 - fraction)
    (x, y, z), (along_x, along_y, along_z) = place, after
    moved = (x + along_x * left, y + along_y * left, z + along_z * left - 0.5 * GRAVITY * left**2)
    state = _State(moved, (along_x, along_y, along_z - GRAVITY * left), spin)
    return _kind(surface, impact, velocity, place), place, state


def _normals(place: _Vector, start: _Vector, surface: np.ndarray) -> _Vector:
    """Return the unit normals of the surfaces that the balls meet."""
    zero = np.zeros_like(place[2])
    normal = _each(lambda slab, up: np.where(surface == _TABLE, slab, up), _slab_normal(place), (zero, zero, zero + 1))
    if not (surface >= _BARRIER).any():  # seldom any: a third of the work saved
        return normal
    x, y, _ = place
    at_x = np.abs(x) - BARRIER_X > np.abs(y) - BARRIER_Y
    inwards = (-np.sign(x) * at_x, -np.sign(y) * ~at_x, zero)
    normal = _each(lambda barrier, other: np.where(surface == _BARRIER, barrier, other), inwards, normal)
    off_net = (zero, np.where(start[1] >= 0, 1.0, -1.0), zero)
    return _each(lambda net, other: np.where(surface >= _NET, net, other), off_net, normal)


def _push_out(place: _Vector, normal: _Vector, surface: np.ndarray) -> _Vector:
    """Return the positions lifted onto the surface: else a lying ball sinks by g dt^2 / 2 with every step.

    Off net and barriers by a little more: a ball that leans there with every step would never meet the floor.
    """
    depth = BALL_RADIUS - np.where(surface == _TABLE, _slab_distance(place), place[2])
    depth = np.where(surface <= _FLOOR, depth.clip(min=0), 5e-4)
    depth = np.where(surface == _TAPE, 0.0, depth)
    return _each(lambda at, outwards: at + depth * outwards, place, normal)


def _material(surface: np.ndarray, impact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return restitution and friction, (N,) each."""
    restitution = np.array([0, FLOOR_RESTITUTION, BARRIER_RESTITUTION, NET_RESTITUTION, 0], impact.dtype)[surface]
    restitution = np.where(surface == _TABLE, table_restitution(impact), restitution)
    return restitution, np.array([TABLE_FRICTION, FLOOR_FRICTION, FLOOR_FRICTION, NET_FRICTION, 0], impact.dtype)[surface]


def _rolling(velocity: _Vector, resting: np.ndarray, step: float) -> np.ndarray:
    """Return what share of their velocity and spin the balls keep: resting ones roll, and slow down to a stop."""
    kept = (1 - ROLLING_DECELERATION * step / (_length(velocity) + 1e-9)).clip(min=0)
    return np.where(resting, kept, 1.0)


def _brush(velocity: _Vector, place: _Vector) -> _Vector:
    """Return the velocity after the net's tape: the deeper the ball meets it, the slower, and a little lifted."""
    depth = (1 - (place[2] - NET_TOP) / BALL_RADIUS).clip(0, 1)
    x, y, z = velocity
    return x * (1 - 0.3 * depth), y * (1 - 0.8 * depth), z * (1 - 0.3 * depth) + 0.12 * depth * np.abs(y)


def _kind(surface: np.ndarray, impact: np.ndarray, velocity: _Vector, place: _Vector) -> np.ndarray:
    """Return the named kind of each contact; edges of the table, barriers and soft contacts have none."""
    names = np.array([BOUNCE, FLOOR, NOTHING, NET_TOUCH, NET_TOUCH], np.int8)[surface]
    outside = (np.abs(place[0]) > TABLE_HALF_WIDTH) | (np.abs(place[1]) > TABLE_HALF_LENGTH)
    edge = (surface == _TABLE) & (outside | (place[2] < TABLE_HEIGHT))
    strength = np.where(surface == _TAPE, _length(velocity), impact)
    return np.where(edge | (strength < RECORDED_SPEED), np.int8(NOTHING), names)


def _net_pass(start: _Vector, end: _Vector) -> tuple[np.ndarray, _Vector]:
    """Return when, as a part of the step (N,), and where the centres pass the plane of the net; else inf, and anything."""
    y, new_y = start[1], end[1]
    crossed = (y >= 0) != (new_y >= 0)
    if not crossed.any():
        return np.full_like(y, _NEVER), end
    part = _part(y, y - new_y)
    place = _between(start, end, part)
    return np.where(crossed & (place[2] > TABLE_HEIGHT), part, _NEVER).astype(y.dtype), place


def _between(start: _Vector, end: _Vector, part: np.ndarray) -> _Vector:
    """Return the points that lie at a part (N,) of the way."""
    return _each(lambda begin, goal: begin + part * (goal - begin), start, end)


def _part(distance: np.ndarray, closing: np.ndarray) -> np.ndarray:
    """Return distance / closing in [0, 1]; anything there where closing is 0."""
    return (distance / np.where(closing == 0, 1.0, closing)).clip(0, 1)


def _length(vector: _Vector) -> np.ndarray:
    x, y, z = vector
    return np.sqrt(x * x + y * y + z * z)


def _beyond_slab(place: _Vector) -> _Vector:
    """Return how far the centres are outside the board's extent along each axis, negative inside."""
    (x, y, z), (half_x, half_y, half_z) = place, _SLAB_HALF
    return np.abs(x) - half_x, np.abs(y) - half_y, np.abs(z - _SLAB_CENTRE) - half_z


def _slab_distance(place: _Vector) -> np.ndarray:
    """Return the distance (N,) of the centres to the table's board, negative inside."""
    x, y, z = _beyond_slab(place)
    outside = _length((x.clip(min=0), y.clip(min=0), z.clip(min=0)))
    return outside + np.maximum(np.maximum(x, y), z).clip(max=0)


def _slab_normal(place: _Vector) -> _Vector:
    """Return the unit vectors from the board's nearest points to the centres; upwards for those inside."""
    sides = (np.sign(place[0]), np.sign(place[1]), np.sign(place[2] - _SLAB_CENTRE))
    away = _each(lambda beyond, side: beyond.clip(min=0) * side, _beyond_slab(place), sides)
    length = _length(away)
    x, y, z = _each(lambda component: component / (length + 1e-12), away)
    inside = length <= 1e-6
    return np.where(inside, 0.0, x), np.where(inside, 0.0, y), np.where(inside, 1.0, z)
