"""Many flights at once, with their bounces on the table, to be asked where the ball is at any time.

Steps are of one length for each flight. A bounce lies within a step; from its instant on the step goes on as after it,
so that where a ball is at a time is a smooth function of how it began.
"""

from typing import NamedTuple

import numpy as np

from ttcli.physics.air import Components, acceleration, fly
from ttcli.physics.impacts import rebound, table_restitution
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

ON_TABLE = TABLE_HEIGHT + BALL_RADIUS
"""Height of the centre of a ball that lies on the table."""
NEVER = np.inf


class Beginnings(NamedTuple):
    """How flights begin, and what is special about each; all (...) of one shape B."""

    position: Components
    velocity: Components
    spin: Components
    drag: np.ndarray
    """Share of the usual drag."""
    restitution: np.ndarray
    """Share of the usual restitution of the table."""
    friction: np.ndarray
    """Coulomb's coefficient of ball and table."""


class Arcs(NamedTuple):
    """Flights of K steps."""

    step: np.ndarray
    """(*B) seconds."""
    position: np.ndarray
    """(K + 1, 3, *B) at the beginning of each step."""
    velocity: np.ndarray
    acceleration: np.ndarray
    """(K + 1, 3, *B)."""
    bounce: np.ndarray
    """(K, *B): at which time after the step's beginning the ball bounces in it; NEVER where it does not."""
    bounce_position: np.ndarray
    """(K, 3, *B), 0 where it does not."""
    bounce_velocity: np.ndarray
    """(K, 3, *B): after the bounce."""
    bounce_acceleration: np.ndarray
    """(K, 3, *B): after it."""

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """Return where the balls are, (3, *B, T), at times (*B or to be broadcast to it, T) after their beginning."""
        count = len(self.bounce)
        seconds = np.broadcast_to(seconds, (*self.step.shape, seconds.shape[-1]))
        step = np.clip((seconds / self.step[..., None]).astype(int), 0, count - 1)
        after = seconds - step * self.step[..., None]
        start, speed, bend = (_pick(each, step) for each in (self.position, self.velocity, self.acceleration))
        bounced = np.take_along_axis(np.moveaxis(self.bounce, 0, -1), step, -1)
        free = start + after * (speed + 0.5 * after * bend)
        late = after > bounced
        if not late.any():
            return free
        left = np.where(late, after - np.where(late, bounced, 0), 0)
        kept = (self.bounce_position, self.bounce_velocity, self.bounce_acceleration)
        place, away, turn = (_pick(each, step) for each in kept)
        return np.where(late, place + left * (away + 0.5 * left * turn), free)

    def bounces(self, which: int) -> tuple[np.ndarray, np.ndarray]:
        """Return when the balls bounce for the `which`-th time, (*B), NEVER where they do not, and where, (3, *B)."""
        happened = np.isfinite(self.bounce)
        this = happened & (np.cumsum(happened, axis=0) == which + 1)
        first = this.argmax(axis=0)
        time = np.take_along_axis(self.bounce, first[None], 0)[0] + first * self.step
        place = np.take_along_axis(self.bounce_position, first[None, None], 0)[0]
        return np.where(this.any(axis=0), time, NEVER), place


def _pick(values: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return values (K, 3, *B) of the steps (*B, T), as (3, *B, T)."""
    return np.take_along_axis(np.moveaxis(values, 0, -1), step[None], -1)


def integrate(begin: Beginnings, step: np.ndarray, count: int, most_bounces: np.ndarray) -> Arcs:
    """Return the flights, `count` steps long.

    Args:
        begin: How they begin.
        step: Seconds of one step, (*B).
        count: Steps.
        most_bounces: How often each may bounce on the table's plane, (*B); it falls through it afterwards.
    """
    state = _State(*(np.array(np.broadcast_arrays(*part, step)[:3]) for part in begin[:3]))
    shape = np.shape(step)
    places, speeds, bends = (np.zeros((count + 1, 3, *shape)) for _ in range(3))
    bounce = np.full((count, *shape), NEVER)
    kept = tuple(np.zeros((count, 3, *shape)) for _ in range(3))
    left = np.array(np.broadcast_to(most_bounces, shape))
    for index in range(count):
        bend = np.array(acceleration(state.velocity, state.spin, begin.drag))
        places[index], speeds[index], bends[index] = state.position, state.velocity, bend
        after = _flown(state, step, begin.drag)
        falls = (after.position[2] < ON_TABLE) & (after.velocity[2] < 0) & (state.position[2] >= ON_TABLE - 1e-9) & (left > 0)
        if falls.any():
            part, met, turn = _meet_table(begin, state, bend)
            bounce[index] = np.where(falls, part, NEVER)
            for values, value in zip(kept, (met.position, met.velocity, turn), strict=True):
                values[index] = np.where(falls, value, 0)
            gone = _flown(met, step - part, begin.drag)
            after = _State(*(np.where(falls, new, old) for new, old in zip(gone, after, strict=True)))
            left -= falls
        state = after
    places[count], speeds[count] = state.position, state.velocity
    bends[count] = acceleration(state.velocity, state.spin, begin.drag)
    return Arcs(step, places, speeds, bends, bounce, *kept)


class _State(NamedTuple):
    position: np.ndarray  # (3, *B)
    velocity: np.ndarray
    spin: np.ndarray


def _flown(state: _State, step: np.ndarray, drag: np.ndarray) -> _State:
    position, velocity = fly(state.position, state.velocity, state.spin, step, drag)
    return _State(np.array(position), np.array(velocity), state.spin)


def _meet_table(begin: Beginnings, state: _State, bend: np.ndarray) -> tuple[np.ndarray, _State, np.ndarray]:
    """Return after how many seconds (*B) the balls meet the table, their state after it, and their acceleration (3, *B)."""
    height, fall = state.position[2] - ON_TABLE, state.velocity[2]
    root = np.sqrt(np.maximum(fall**2 - 2 * bend[2] * height, 0))
    part = 2 * np.maximum(height, 0) / np.maximum(root - fall, 1e-6)  # of the two solutions the one that comes down
    position = state.position + part * (state.velocity + 0.5 * part * bend)
    velocity = state.velocity + part * bend
    restitution = np.minimum(begin.restitution * table_restitution(-velocity[2]), 1.0)
    after, spin = rebound(velocity, state.spin, (0.0, 0.0, 1.0), restitution, begin.friction)
    met = _State(position, np.array(after), np.array(np.broadcast_arrays(*spin)))
    return part, met, np.array(acceleration(met.velocity, met.spin, begin.drag))
