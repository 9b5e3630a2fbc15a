"""What air and gravity do to a ball that flies.

The functions take a vector as its three components, each a number, a numpy array or a tensor of any shape, so that the
simulator and the fit of flights share them. World axes: metres, x across the table, y along it, z up; seconds, radians.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ttcli.table.constants import BALL_RADIUS, GRAVITY

Components = Sequence[Any] | np.ndarray
"""x, y and z of a vector, or of many."""
Moved = tuple[Any, Any, Any]
"""The same, as it is given back."""

BALL_MASS = 0.0027
AIR_DENSITY = 1.2
DRAG_COEFFICIENT = 0.54
"""Real flights have 0.543 in 70 of one laboratory, 0.560 in 45 of another, from 0.60 at 4 m/s to 0.47 at 12
(docs/EXPERIMENTS.md)."""
MAGNUS_SATURATION = 2.0
"""A choice: lift coefficient = s / (1 + 2 s), s = surface speed / speed: linear for slow spin, 0.5 at most."""

_AIR = 0.5 * AIR_DENSITY * math.pi * BALL_RADIUS**2 / BALL_MASS
DRAG = _AIR * DRAG_COEFFICIENT
"""Deceleration / speed^2, 1/m."""


def acceleration(velocity: Components, spin: Components, drag: Any = 1.0) -> Moved:
    """Return gravity + drag + Magnus force per mass in m/s^2; a ball's spin does not decay in the air.

    Args:
        velocity: In m/s.
        spin: In rad/s.
        drag: Share of the usual drag.
    """
    x, y, z = velocity
    along_x, along_y, along_z = spin
    speed = (x * x + y * y + z * z) ** 0.5
    surface_speed = BALL_RADIUS * (along_x * along_x + along_y * along_y + along_z * along_z) ** 0.5
    lift = _AIR * BALL_RADIUS * speed / (speed + MAGNUS_SATURATION * surface_speed + 1e-9)
    slowed = -(DRAG * drag) * speed
    return (
        lift * (along_y * z - along_z * y) + slowed * x,
        lift * (along_z * x - along_x * z) + slowed * y,
        lift * (along_x * y - along_y * x) + slowed * z - GRAVITY,
    )


def fly(position: Components, velocity: Components, spin: Components, step: Any, drag: Any = 1.0) -> tuple[Moved, Moved]:
    """Return position and velocity `step` seconds later by the midpoint rule; nothing is in the way."""
    now = acceleration(velocity, spin, drag)
    middle = _ahead(velocity, now, 0.5 * step)
    later = acceleration(middle, spin, drag)
    return _ahead(position, middle, step), _ahead(velocity, later, step)


def _ahead(value: Components, change: Components, step: Any) -> Moved:
    (x, y, z), (dx, dy, dz) = value, change
    return x + dx * step, y + dy * step, z + dz * step
