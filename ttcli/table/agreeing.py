"""The camera near another one that agrees with where lines were laid, and with what was known beforehand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.table.camera import STATE, TableCamera
from ttcli.table.laying import Line
from ttcli.table.profiles import Profiles, risen

ROUNDS, UP, FOCAL = 6, STATE.index("z"), STATE.index("log focal length")
HUMP_SIGMA = 0.008
"""How much higher than its ends a table may be at the net, metres, 1 sigma."""
SURE_LINE = 0.6
"""Support of a line below which it counts less."""
LINE_OFF, LINE_OFF_TOLD = 0.25, 0.8
"""Pixels that a whole line is off, 1 sigma, besides the error of its profiles: for the fit, and for the stated error.

The second makes the stated 95 % hold on drawn pictures (tools/measure_tables.py --simulated): the lines lean together.
"""
NOISE = 0.3
"""Variance that a line's agreement is divided by."""
LOOSER = 16.0
"""How much larger the covariance of the network's answers is taken: they lean the same way in all pictures of a hall."""
BEND_SIGMA = 0.01
"""How far the bend of a lens may be from the bend that the network's points and lines gave, 1 sigma."""
FOCAL_SIGMA = 1.0
"""How far the logarithm of the focal length of a camera that looks down may be from what the network's points and lines
gave, 1 sigma: nothing else may hold it."""
LARGEST_STEP = np.array([0.1, 0.1, 0.1, np.inf, np.inf, np.inf, 0.3, np.inf])
"""By how much a camera that looks down changes at once, as STATE has it, and its bend. Hardly anything tells its distance,
and pictures do not change evenly on so long a way."""
STEEP = 0.8
"""Sine of the angle at which a camera looks down from which on it is changed step by step."""
LEAST_DEPTH = 0.2
"""Metres before a camera at which a corner may lie."""


class Agreed(NamedTuple):
    """The camera that agrees best."""

    camera: TableCamera
    hump: float
    """How much the table rises to its net, metres."""
    left: dict[int, float]
    """Line -> pixels that it is off this camera."""


def agreed(
    start: TableCamera,
    camera: TableCamera,
    lines: Sequence[Line],
    profiles: Profiles,
    free: np.ndarray,
    hump: float,
    rises: bool,
) -> Agreed | None:
    """Return the camera that agrees with where lines were laid from `camera`, and with what was known of `start`.

    Lines that are far off count less (Cauchy's weights).

    Args:
        start: Camera with a covariance.
        camera: One near it, whose `profiles` were looked at.
        lines: How lines lie there.
        profiles: What is seen across the lines.
        free: What may change, numbers in STATE, 7 for the bend.
        hump: How much the table rises to its net so far, metres.
        rises: Whether that may change.

    Returns:
        None where the search gets lost.
    """
    evidence = _Evidence(camera, lines, profiles, free, rises)
    prior, before = _prior(start, free), np.append(_between(start, camera)[free], hump * rises)
    change, around = np.zeros(len(free) + 1), None
    for _ in range(ROUNDS):
        if around is None or _looks_down(start):
            around = evidence.around(change)
        if around is None:
            return None
        weighted = evidence.weights(around.left(change))[:, None, None] * around.rows.transpose(0, 2, 1)  # (L, F + 1, 2)
        pull = (weighted @ evidence.precise @ around.off[..., None]).sum((0, 2)) - prior @ (before + around.at)
        step = np.linalg.solve(prior + (weighted @ evidence.precise @ around.rows).sum(0), pull)
        if _looks_down(start):
            step = step / max(1.0, np.abs(step[:-1] / LARGEST_STEP[free]).max())
        change = around.at + step
    assert around is not None
    covariance = np.zeros((len(STATE) + 1, len(STATE) + 1))
    covariance[np.ix_(free, free)] = np.linalg.inv(prior + (weighted @ evidence.told @ around.rows).sum(0))[:-1, :-1]
    found = replace(_moved(camera, free, change[:-1]), covariance=covariance[:-1, :-1])
    farthest = np.abs(around.left(change)).max(1)
    return Agreed(found, hump + float(change[-1]), {line.number: float(off) for line, off in zip(lines, farthest, strict=True)})


class _Around(NamedTuple):
    """What lines say of cameras near one: it is changed by `at` (F + 1,), in what may change and in the hump."""

    at: np.ndarray
    rows: np.ndarray
    """(L, 2, F + 1) by how much both ends of a line move, pixels across it."""
    off: np.ndarray
    """(L, 2) how far they are off."""

    def left(self, change: np.ndarray) -> np.ndarray:
        """Return how far lines are off after another change, (L, 2)."""
        return self.off - self.rows @ (change - self.at)


class _Evidence:
    """Lines as they were laid from a camera: `precise` and `told` (L, 2, 2) are for the fit, and for the stated error."""

    def __init__(self, camera: TableCamera, lines: Sequence[Line], profiles: Profiles, free: np.ndarray, rises: bool) -> None:
        stations = dict(profiles.own_stations())
        ends = np.array([[stations[line.number].start, stations[line.number].stop - 1] for line in lines]).ravel()  # (2 L,)
        self._camera, self._free = camera, free
        self._places, self._normals = profiles.places[ends], profiles.normals[ends]
        self._risen = risen(self._places) * rises
        self._off = np.stack([line.off for line in lines])
        self._seen, slopes = camera.slopes(self._places)
        doubt = np.array([max(1.0, SURE_LINE / line.support) for line in lines])[:, None, None] ** 2  # the rest may be hidden
        upwards = np.einsum("nj,nj->n", self._normals, slopes[..., UP]).reshape(self._off.shape)
        sag = np.array([line.height_off for line in lines])[:, None] * upwards
        alike = np.array([line.off_as_one for line in lines])[:, None, None] ** 2
        spread = np.linalg.inv(np.stack([line.information for line in lines])) * NOISE + sag[:, :, None] * sag[:, None] + alike
        self.precise = np.linalg.inv((spread + LINE_OFF**2 * np.eye(2)) * doubt**2)
        self.told = np.linalg.inv((spread + LINE_OFF_TOLD**2 * np.eye(2)) * doubt)

    def weights(self, left: np.ndarray) -> np.ndarray:
        """Return how much lines (L,) count that are so far off, (L, 2)."""
        return 1 / (1 + np.einsum("li,lij,lj->l", left, self.precise, left) / 8)

    def around(self, at: np.ndarray) -> _Around | None:
        """Return what lines say near the camera changed by `at` (F + 1,); None where the table would be behind it."""
        moved = _moved(self._camera, self._free, at[:-1])
        if ((self._places - moved.position) @ moved.rotation[2] < LEAST_DEPTH).any():
            return None
        seen, slopes = moved.slopes(self._places + np.outer(self._risen, [0, 0, at[-1]]))
        across = np.einsum("nj,njk->nk", self._normals, slopes)  # (2 L, 8)
        rises = -across[:, UP] * self._risen  # as a camera that sinks
        rows = np.column_stack([across[:, self._free], rises]).reshape(*self._off.shape, -1)
        return _Around(at, rows, self._off - ((seen - self._seen) * self._normals).sum(1).reshape(self._off.shape))


def _looks_down(start: TableCamera) -> bool:
    return bool(start.rotation[2, 2] < -STEEP)


def _prior(start: TableCamera, free: np.ndarray) -> np.ndarray:
    """Return the precision (F + 1, F + 1) of what is known beforehand of a camera, of what may change, and of the hump."""
    known = np.zeros((len(STATE) + 1, len(STATE) + 1))
    known[:-1, :-1] = start.covariance if start.covariance is not None else np.eye(len(STATE))
    known[-1, -1] = BEND_SIGMA**2 / LOOSER
    prior = np.zeros((len(free) + 1, len(free) + 1))
    prior[:-1, :-1] = np.linalg.inv(LOOSER * known[np.ix_(free, free)] + 1e-12 * np.eye(len(free)))
    if _looks_down(start):
        prior[:-1, :-1] += np.diag((free == FOCAL) / FOCAL_SIGMA**2)
    prior[-1, -1] = 1 / HUMP_SIGMA**2
    return prior


def _moved(camera: TableCamera, free: np.ndarray, change: np.ndarray) -> TableCamera:
    """Return a camera changed (F,) in what may change."""
    step = np.zeros(len(STATE) + 1)
    step[free] = change
    return replace(camera.moved(step[:-1]), bend=camera.bend + float(step[-1]))


def _between(start: TableCamera, camera: TableCamera) -> np.ndarray:
    """Return the change (8,) of STATE and bend that leads from one camera to another near it."""
    turn = cv2.Rodrigues(camera.rotation @ start.rotation.T)[0][:, 0]
    focal = np.log(camera.focal / start.focal)
    return np.array([*turn, *(camera.position - start.position), focal, camera.bend - start.bend])
