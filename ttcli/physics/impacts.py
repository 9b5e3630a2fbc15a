"""What a table does to a ball that bounces on it; vectors are components, as in `physics.air`."""

from typing import Any

from ttcli.physics.air import Components, Moved
from ttcli.table.constants import BALL_RADIUS

TABLE_FRICTION = 0.25
STOPPED = 0.4
"""An impulse j per mass changes the contact point's velocity by 2.5 j: j itself, and 1.5 j through the spin of a hollow
sphere (inertia 2/3 m r^2). This share of that velocity stops it."""


def table_restitution(speed: Any) -> Any:
    """Return rebound speed / impact speed on the table; 0.93 at 2.4 m/s: ITTF's drop test from 30 cm asks for 0.894 to 0.931.

    Real bounces have 0.93 from 1.8 to 4 m/s (docs/EXPERIMENTS.md); faster ones lose more, how much is a choice.
    """
    return (0.945 - 0.006 * speed).clip(min=0.75)


def rebound(velocity: Components, spin: Components, normal: Components, restitution: Any, friction: Any) -> tuple[Moved, Moved]:
    """Return velocity and spin after an impact of a hollow sphere on a fixed surface.

    Friction stops the contact point (the ball rolls away) where Coulomb's law allows for it, else the ball slides.

    Args:
        velocity: Before the impact, m/s.
        spin: Before the impact, rad/s.
        normal: Normal of the surface, towards the ball, unit length.
        restitution: Rebound speed / impact speed.
        friction: Coulomb's coefficient.
    """
    (x, y, z), (nx, ny, nz) = velocity, normal
    approach = x * nx + y * ny + z * nz
    a, b, c = _cross(spin, normal)
    along = (x - approach * nx - BALL_RADIUS * a, y - approach * ny - BALL_RADIUS * b, z - approach * nz - BALL_RADIUS * c)
    slip = (along[0] * along[0] + along[1] * along[1] + along[2] * along[2]) ** 0.5
    push = (1 + restitution) * (-approach).clip(min=0)
    share = (friction * push / (slip + 1e-9)).clip(max=STOPPED)
    impulse = (-share * along[0], -share * along[1], -share * along[2])
    a, b, c = _cross(normal, impulse)
    turn = 1.5 / BALL_RADIUS
    after = (x + push * nx + impulse[0], y + push * ny + impulse[1], z + push * nz + impulse[2])
    return after, (spin[0] - turn * a, spin[1] - turn * b, spin[2] - turn * c)


def _cross(one: Components, other: Components) -> Moved:
    (a, b, c), (x, y, z) = one, other
    return b * z - c * y, c * x - a * z, a * y - b * x
