"""What a ball can meet: the board, the net and its tape, floor and barriers; when it does so, and what they do to it."""

import numpy as np

from ttcli.physics.impacts import TABLE_FRICTION, table_restitution
from ttcli.simulation.vectors import Vector, between, each, length, part_of, rows_of
from ttcli.table.constants import BALL_RADIUS, NET_HEIGHT, NET_OVERHANG, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

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
NOTHING, BOUNCE, HIT, NET_TOUCH, NET_PASS, FLOOR, HAND = -1, 0, 1, 2, 3, 4, 5
CONTACT_NAMES = {BOUNCE: "bounce", HIT: "hit", NET_TOUCH: "net_touch", NET_PASS: "net_pass", FLOOR: "floor", HAND: "hand"}
"""Kinds of contact: none; on the table's top; racket; net or its tape; the centre passes the plane y = 0 above
the table's height; floor; the ball leaves or meets a hand."""
NEVER = float("inf")
LYING = 2.0
"""Stands for a contact that a lying ball has all the time: every other contact goes before it."""
_SLAB_CENTRE = TABLE_HEIGHT - TABLE_THICKNESS / 2
_SLAB_HALF = (TABLE_HALF_WIDTH, TABLE_HALF_LENGTH, TABLE_THICKNESS / 2)
_TABLE, _FLOOR, _BARRIER, _NET, TAPE = range(5)


def first_contact(start: Vector, end: Vector) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of the step (N,) at which the first surface is met, inf where none is, and which one."""
    fraction, surface = np.full(len(end[0]), NEVER), np.full(len(end[0]), _FLOOR)

    def meet(rows: np.ndarray, part: np.ndarray, met: int) -> None:
        sooner = part < fraction[rows]
        fraction[rows[sooner]], surface[rows[sooner]] = part[sooner], met

    (x, y, z), (new_x, new_y, new_z) = start, end
    aside, along = np.abs(new_x), np.abs(new_y)
    low = new_z < TABLE_HEIGHT + BALL_RADIUS
    if low.any():
        rows = np.flatnonzero(low & (aside < TABLE_HALF_WIDTH + BALL_RADIUS) & (along < TABLE_HALF_LENGTH + BALL_RADIUS))
        if len(rows):
            meet(rows, _table_contact(rows_of(start, rows), rows_of(end, rows)), _TABLE)
        rows = np.flatnonzero(new_z < BALL_RADIUS)
        if len(rows):
            height, new_height = z[rows] - BALL_RADIUS, new_z[rows] - BALL_RADIUS
            meet(rows, np.where(height < 1e-4, LYING, part_of(height, height - new_height)), _FLOOR)
    for line, new_line, limit in ((x, aside, BARRIER_X - BALL_RADIUS), (y, along, BARRIER_Y - BALL_RADIUS)):
        rows = np.flatnonzero(new_line > limit)
        if len(rows):
            room, new_room = limit - np.abs(line[rows]), limit - new_line[rows]
            meet(rows, np.where(new_room < room, part_of(room, room - new_room), NEVER), _BARRIER)
    rows = np.flatnonzero(((y >= 0) != (new_y >= 0)) | (along < BALL_RADIUS))
    if len(rows):
        side, tape = _net_contact(rows_of(start, rows), rows_of(end, rows))
        meet(rows, side, _NET)
        meet(rows, tape, TAPE)
    return fraction, surface


def _table_contact(start: Vector, end: Vector) -> np.ndarray:
    """Return the parts of the step, (N,), at which balls meet the board."""
    before, after = _slab_distance(start) - BALL_RADIUS, _slab_distance(end) - BALL_RADIUS
    part = np.where(before < 1e-4, LYING, part_of(before, before - after))
    return np.where((after < 0) & (after < before), part, NEVER)


def _net_contact(start: Vector, end: Vector) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of the step, (N,) each, at which balls meet the net's side, and its tape from above."""
    side = np.where(start[1] >= 0, 1.0, -1.0)
    depth, new_depth = start[1] * side, end[1] * side
    nearer = new_depth < depth
    climb = end[2] - start[2]
    meeting = part_of(depth - BALL_RADIUS, depth - new_depth)
    height = start[2] + meeting * climb
    inside = np.abs(start[0]) < NET_HALF_WIDTH
    hit = nearer & (new_depth < BALL_RADIUS) & inside & (height < NET_TOP) & (height > TABLE_HEIGHT)
    crossing = part_of(depth, depth - new_depth)
    height = start[2] + crossing * climb
    touch = nearer & (new_depth < 0) & inside & (height < NET_TOP + BALL_RADIUS) & (height > TABLE_HEIGHT)
    return np.where(hit, meeting, NEVER), np.where(touch, crossing, NEVER)


def normals(place: Vector, start: Vector, surface: np.ndarray) -> Vector:
    """Return the unit normals of the surfaces that the balls meet."""
    zero = np.zeros_like(place[2])
    normal = each(lambda slab, up: np.where(surface == _TABLE, slab, up), _slab_normal(place), (zero, zero, zero + 1))
    if not (surface >= _BARRIER).any():  # seldom any: a third of the work saved
        return normal
    x, y, _ = place
    at_x = np.abs(x) - BARRIER_X > np.abs(y) - BARRIER_Y
    inwards = (-np.sign(x) * at_x, -np.sign(y) * ~at_x, zero)
    normal = each(lambda barrier, other: np.where(surface == _BARRIER, barrier, other), inwards, normal)
    off_net = (zero, np.where(start[1] >= 0, 1.0, -1.0), zero)
    return each(lambda net, other: np.where(surface >= _NET, net, other), off_net, normal)


def push_out(place: Vector, normal: Vector, surface: np.ndarray) -> Vector:
    """Return the positions lifted onto the surface: else a lying ball sinks by g dt^2 / 2 with every step.

    Off net and barriers by a little more: a ball that leans there with every step would never meet the floor.
    """
    depth = BALL_RADIUS - np.where(surface == _TABLE, _slab_distance(place), place[2])
    depth = np.where(surface <= _FLOOR, depth.clip(min=0), 5e-4)
    depth = np.where(surface == TAPE, 0.0, depth)
    return each(lambda at, outwards: at + depth * outwards, place, normal)


def material(surface: np.ndarray, impact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return restitution and friction, (N,) each."""
    restitution = np.array([0, FLOOR_RESTITUTION, BARRIER_RESTITUTION, NET_RESTITUTION, 0], impact.dtype)[surface]
    restitution = np.where(surface == _TABLE, table_restitution(impact), restitution)
    return restitution, np.array([TABLE_FRICTION, FLOOR_FRICTION, FLOOR_FRICTION, NET_FRICTION, 0], impact.dtype)[surface]


def brush(velocity: Vector, place: Vector) -> Vector:
    """Return the velocity after the net's tape: the deeper the ball meets it, the slower, and a little lifted."""
    depth = (1 - (place[2] - NET_TOP) / BALL_RADIUS).clip(0, 1)
    x, y, z = velocity
    return x * (1 - 0.3 * depth), y * (1 - 0.8 * depth), z * (1 - 0.3 * depth) + 0.12 * depth * np.abs(y)


def kind_of(surface: np.ndarray, impact: np.ndarray, velocity: Vector, place: Vector) -> np.ndarray:
    """Return the named kind of each contact; edges of the table, barriers and soft contacts have none."""
    names = np.array([BOUNCE, FLOOR, NOTHING, NET_TOUCH, NET_TOUCH], np.int8)[surface]
    outside = (np.abs(place[0]) > TABLE_HALF_WIDTH) | (np.abs(place[1]) > TABLE_HALF_LENGTH)
    edge = (surface == _TABLE) & (outside | (place[2] < TABLE_HEIGHT))
    strength = np.where(surface == TAPE, length(velocity), impact)
    return np.where(edge | (strength < RECORDED_SPEED), np.int8(NOTHING), names)


def net_pass(start: Vector, end: Vector) -> tuple[np.ndarray, Vector]:
    """Return when, as a part of the step (N,), and where the centres pass the plane of the net; else inf, and anything."""
    y, new_y = start[1], end[1]
    crossed = (y >= 0) != (new_y >= 0)
    if not crossed.any():
        return np.full_like(y, NEVER), end
    part = part_of(y, y - new_y)
    place = between(start, end, part)
    return np.where(crossed & (place[2] > TABLE_HEIGHT), part, NEVER).astype(y.dtype), place


def _beyond_slab(place: Vector) -> Vector:
    """Return how far the centres are outside the board's extent along each axis, negative inside."""
    (x, y, z), (half_x, half_y, half_z) = place, _SLAB_HALF
    return np.abs(x) - half_x, np.abs(y) - half_y, np.abs(z - _SLAB_CENTRE) - half_z


def _slab_distance(place: Vector) -> np.ndarray:
    """Return the distance (N,) of the centres to the table's board, negative inside."""
    x, y, z = _beyond_slab(place)
    outside = length((x.clip(min=0), y.clip(min=0), z.clip(min=0)))
    return outside + np.maximum(np.maximum(x, y), z).clip(max=0)


def _slab_normal(place: Vector) -> Vector:
    """Return the unit vectors from the board's nearest points to the centres; upwards for those inside."""
    sides = (np.sign(place[0]), np.sign(place[1]), np.sign(place[2] - _SLAB_CENTRE))
    away = each(lambda beyond, side: beyond.clip(min=0) * side, _beyond_slab(place), sides)
    far = length(away)
    x, y, z = each(lambda component: component / (far + 1e-12), away)
    inside = far <= 1e-6
    return np.where(inside, 0.0, x), np.where(inside, 0.0, y), np.where(inside, 1.0, z)
