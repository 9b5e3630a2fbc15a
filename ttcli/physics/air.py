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
SLOW_DRAG, HALVES_AT = 0.704, 25.0
LIFT_BENDS = 2.0

AIR = 0.5 * AIR_DENSITY * math.pi * BALL_RADIUS**2 / BALL_MASS
"""Acceleration / speed^2 at a coefficient of 1, 1/m."""


def drag_coefficient(speed: Any) -> Any:
    """Return the drag coefficient at a speed in m/s, spin or no spin.

    Medians of 137 real flights are 0.604 at 4.2 m/s, 0.561 at 6, 0.545 at 7.8 and 0.494 at 10. Faster ones were not
    measured in space, but this explains the paths of professional rallies better than a constant (docs/EXPERIMENTS.md).
    """
    return SLOW_DRAG / (1 + speed / HALVES_AT)


def lift_coefficient(share: Any) -> Any:
    """Return the lift coefficient at surface speed / speed: linear for slow spin, 0.5 at most. Its shape is a choice."""
    return share / (1 + LIFT_BENDS * share)


def slowing(speed: Any) -> Any:
    """Return deceleration / speed, 1/s, by drag at a speed in m/s."""
    return AIR * drag_coefficient(speed) * speed


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
    lift = AIR * BALL_RADIUS * speed / (speed + LIFT_BENDS * surface_speed + 1e-9)
    slowed = -drag * slowing(speed)
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
