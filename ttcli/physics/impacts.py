"""What a table does to a ball that bounces on it; vectors are components, as in `physics.air`."""

from typing import Any

from ttcli.physics.air import Components
from ttcli.table.constants import BALL_RADIUS

TABLE_FRICTION = 0.25
STOPPED = 0.4
"""An impulse j per mass changes the contact point's velocity by 2.5 j, j itself and 1.5 j through the spin of a hollow sphere
(inertia 2/3 m r^2): this share of that velocity stops it."""


def table_restitution(speed: Any) -> Any:
    """Return rebound speed / impact speed on the table; 0.93 at 2.4 m/s: ITTF's drop test from 30 cm asks for 0.894 to 0.931.

    Real bounces have 0.93 from 1.8 to 4 m/s (docs/RESULTS.md); faster ones lose more, how much is a choice.
    """
    return (0.945 - 0.006 * speed).clip(min=0.75)


def rebound(
    velocity: Components, spin: Components, normal: Components, restitution: Any, friction: Any
) -> tuple[Components, Components]:
    """Return velocity and spin after an impact of a hollow sphere on a fixed surface.

    Friction stops the contact point (the ball rolls away) where Coulomb's law allows for it, else the ball slides.

    Args:
        velocity: Before the impact, m/s.
        spin: Before the impact, rad/s.
        normal: Of the surface, towards the ball, unit length.
        restitution: Rebound speed / impact speed.
        friction: Coulomb's coefficient.
    """
    approach = sum(v * n for v, n in zip(velocity, normal, strict=True))
    turning = _cross(spin, normal)
    contact = tuple(v - approach * n - BALL_RADIUS * w for v, n, w in zip(velocity, normal, turning, strict=True))
    slip = (contact[0] * contact[0] + contact[1] * contact[1] + contact[2] * contact[2]) ** 0.5
    push = (1 + restitution) * (-approach).clip(min=0)
    share = (friction * push / (slip + 1e-9)).clip(max=STOPPED)
    impulse = (-share * contact[0], -share * contact[1], -share * contact[2])
    twist = _cross(normal, impulse)
    after = tuple(v + push * n + j for v, n, j in zip(velocity, normal, impulse, strict=True))
    turned = tuple(w - (1.5 / BALL_RADIUS) * t for w, t in zip(spin, twist, strict=True))
    return after, turned


def _cross(one: Components, other: Components) -> Components:
    (a, b, c), (x, y, z) = one, other
    return b * z - c * y, c * x - a * z, a * y - b * x
