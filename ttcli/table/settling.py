"""How the pictures of a camera that moves lie, set right by the white lines on each of them when a view has ended.

The motion of the picture is of the hall, most of which is not where the table is: where a camera is carried about in a
hand, both move differently. While a view goes on, lines are laid on pictures taken together. In the end each picture is
looked at alone, and then all of them again, each where it lies.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttcli.table.fit import Fit, relay, sigmas_off
from ttcli.table.lines import lay_lines
from ttcli.table.motion import farthest_corner, similarity_between
from ttcli.table.profiles import Picture
from ttcli.table.refining import AIM
from ttcli.table.views import Move, motion_between

CARRIED_REACHES = (8.0, 2.5)
"""Pixels in which lines are looked for where the table was carried to."""
ROUNDS = 2
LEAST_SHOWN = 2
"""Pictures that show the lines; fewer set nothing right."""
LEAST_PICTURES, MOST_PICTURES, LEAST_STAYING = 4, 6, 0.3
"""Pictures of a camera at rest from which on they are asked, how many are, and the share that must show the lines.

Broadcasts and clips of still cameras have 0.7 and more. A camera that pans behind large captions had none.
"""
STAYING = 4.0
"""Sigmas that a corner may be off there."""
THINNED = 0.4 / 1920
"""Picture widths that the picture's corners may be off where moves are left out."""


class Shown(NamedTuple):
    """A picture that a view kept."""

    seconds: float
    picture: Picture
    """Its motion is not the view's, but none."""


def settled(fit: Fit, moves: list[Move], shown: Sequence[Shown], height: int) -> tuple[Fit, list[Move]]:
    """Return the camera of a view, and how it moved, by the lines on each of its pictures; as they were where few show lines."""
    for _ in range(ROUNDS):
        told = [(each, motion) for each in shown if (motion := _motion_of(fit, moves, each)) is not None]
        if len(told) < LEAST_SHOWN:
            return fit, moves
        moves = set_right(moves, [(each.seconds, motion) for each, motion in told])
        fit = relay(fit, [each.picture._replace(motion=motion) for each, motion in told], height)
    return fit, moves


def stays(fit: Fit, pictures: Sequence[Picture]) -> bool:
    """Return whether enough pictures of a camera that seems to be at rest show a table's lines where they should be."""
    if fit.camera is None or not fit.laid or len(pictures) < LEAST_PICTURES:
        return True
    some = [[picture] for picture in pictures[:: -(-len(pictures) // MOST_PICTURES)]]
    if fit.edges:
        some = [list(pictures[: len(pictures) // 2]), list(pictures[len(pictures) // 2 :])]  # one alone seldom shows edges
    laid = [lay_lines(fit.camera, together, AIM, CARRIED_REACHES, fit.hump) for together in some]
    there = [each is not None and each.sure and sigmas_off(each.camera, fit.camera) < STAYING for each in laid]
    return float(np.mean(there)) >= LEAST_STAYING


def _motion_of(fit: Fit, moves: Sequence[Move], shown: Shown) -> np.ndarray | None:
    """Return how the picture has moved since the first one by the lines that it shows; None where they are not seen."""
    if fit.camera is None or not fit.laid:
        return None
    motion, _ = motion_between(moves, shown.seconds)
    laid = lay_lines(fit.camera.carried(motion), [shown.picture], AIM, CARRIED_REACHES, fit.hump)
    return None if laid is None or not laid.sure else similarity_between(fit.camera, laid.camera, np.inf)


def set_right(moves: Sequence[Move], told: Sequence[tuple[float, np.ndarray]]) -> list[Move]:
    """Return moves that lead where the picture is known to lie, and in between as far off as is even.

    Args:
        moves: In order of time.
        told: Seconds in order, and the motion (3, 3) that is known then.
    """
    times = np.array([seconds for seconds, _ in told])
    changes = np.stack([motion @ np.linalg.inv(motion_between(moves, seconds)[0]) for seconds, motion in told]).reshape(-1, 9)
    found = [Move(seconds, motion) for seconds, motion in told]
    for move in moves:
        change = np.array([np.interp(move.seconds, times, column) for column in changes.T]).reshape(3, 3)
        drift = min(move.drift_seconds, float(np.abs(times - move.seconds).min()))
        if move.seconds not in times:
            found.append(Move(move.seconds, change @ move.motion, drift))
    return sorted(found, key=lambda move: move.seconds)


def thinned(moves: list[Move], height: int, width: int) -> list[Move]:
    """Return the moves without those that lie between others anyway."""
    kept, first = moves[:1], 0
    for number in range(2, len(moves)):
        start, end = moves[first], moves[number]
        span = max(end.seconds - start.seconds, 1e-9)
        for between in moves[first + 1 : number]:
            share = (between.seconds - start.seconds) / span
            even = start.motion + share * (end.motion - start.motion)
            if farthest_corner(even, between.motion, height, width) > THINNED * width:
                kept.append(moves[number - 1])
                first = number - 1
                break
    return kept + moves[-1:] if len(moves) > 1 else kept
