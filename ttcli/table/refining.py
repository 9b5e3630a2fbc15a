"""The camera that agrees best with points and lines together, by least squares, and how much they leave open."""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from ttcli.networks.table_finder import CENTRE, END, SIDE
from ttcli.table.camera import STATE, TableCamera, landmarks, outlines
from ttcli.table.constants import TABLE_HEIGHT
from ttcli.table.evidence import Evidence

ROUNDS = 12
POINT_CELLS, LINE_CELLS = 0.45, 0.9
"""How far peaks and lines are off, 1 sigma: what is off in one sample of a line is off in those beside it too."""
USUAL_LEFT, LEAST_FACTOR = 0.39, 0.4
"""What is left of the distances, in these sigmas, where the covariance is right as it stands, and the least that it is
taken times.
Measured on 60 drawn pictures: what is off in one sample is off in others too, so less is left than is off."""
NEAR_CELLS = 3.0
"""How far from where it is expected a peak may be a landmark."""
SEEN = 0.12
"""Probability from which on a sample of a line counts."""
USUAL_FOCAL, FOCAL_SPREAD = 1.4, 0.8
"""Picture widths, and how far its logarithm is from that, 1 sigma: what is known before anything is seen."""
BEND_SPREAD = 0.03
"""The same of a lens's bend."""
SAMPLES = 11
"""Samples of each line."""
DAMPING = 1e-3
STATES = len(STATE) + 1
"""What a camera has: its state, and the bend of its lens."""
EVERYTHING = np.arange(STATES)
AIM = np.array([0, 1, 2, 6])
"""What changes of a camera that stays where it is: three turns, and the zoom."""


class Refined(NamedTuple):
    """A camera with what it rests on."""

    camera: TableCamera
    error_cells: float
    """Root mean square of what is left of the distances, in cells."""


def refine(start: TableCamera, evidence: Evidence, free: np.ndarray = EVERYTHING, rounds: int = ROUNDS) -> Refined | None:
    """Return the camera near `start` that agrees best with the maps, with its covariance; None where it gets lost.

    Gauss and Newton on the distances of landmarks from the nearest peaks of their kind, and of points of the lines from the
    ridges of theirs, farther ones counting less (Cauchy's weights).

    Args:
        start: Where to begin.
        evidence: What the network saw.
        free: What may change, numbers in STATE, 7 for the bend.
        rounds: At most.
    """
    camera, peaks = start, evidence.peaks
    for _ in range(rounds):
        slopes, residuals, weights = _equations(camera, evidence, peaks, free)
        if len(residuals) < STATES + 2:
            return None
        matrix = (slopes * weights[:, None]).T @ slopes
        matrix += DAMPING * np.diag(np.diag(matrix)) + 1e-9 * np.eye(len(free))
        change = np.zeros(STATES)
        change[free] = np.clip(np.linalg.solve(matrix, (slopes * weights[:, None]).T @ residuals), -0.5, 0.5)
        camera = _changed(camera, change)
        if camera.position[2] < TABLE_HEIGHT or not 0.1 < camera.focal / camera.width < 60 or abs(camera.bend) > 0.3:
            return None
        if np.abs(change).max() < 1e-4:
            break
    slopes, residuals, weights = _equations(camera, evidence, peaks, free)
    errors, sure = residuals[:-2], weights[:-2]  # the last two are no observations
    left = float((sure * errors**2).sum() / max(sure.sum(), 1e-9)) ** 0.5
    matrix = (slopes * weights[:, None]).T @ slopes
    covariance = np.zeros((STATES, STATES))
    covariance[np.ix_(free, free)] = np.linalg.pinv(matrix) * max(LEAST_FACTOR, (left / USUAL_LEFT) ** 2)
    return Refined(replace(camera, covariance=covariance[:-1, :-1]), left * POINT_CELLS)


def _changed(camera: TableCamera, change: np.ndarray) -> TableCamera:
    return replace(camera.moved(change[:-1]), bend=camera.bend + float(change[-1]))


def _equations(
    camera: TableCamera, evidence: Evidence, peaks: list[np.ndarray], free: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return slopes (N, F), residuals (N,) in sigmas, and Cauchy's weights (N,); the last two rows are what is known before."""
    lines = _lines()
    shown, slopes = camera.slopes(np.concatenate([landmarks()[0], lines.places]))
    count = len(landmarks()[0])
    found = [
        _point_equations(shown[:count], slopes[:count], evidence, peaks),
        _line_equations(lines, shown[count:], slopes[count:], evidence),
    ]
    slopes, residuals = (np.concatenate(parts) for parts in zip(*found, strict=True))
    weights = 1 / (1 + (residuals / 2) ** 2)
    prior = np.zeros((2, STATES))
    prior[0, -2], prior[1, -1] = 1 / FOCAL_SPREAD, 1 / BEND_SPREAD
    off = -np.log(camera.focal / camera.width / USUAL_FOCAL) / FOCAL_SPREAD
    slopes = np.concatenate([slopes, prior])[:, free]
    return slopes, np.concatenate([residuals, [off, -camera.bend / BEND_SPREAD]]), np.concatenate([weights, [1, 1]])


def _point_equations(
    shown: np.ndarray, slopes: np.ndarray, evidence: Evidence, peaks: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return slopes (2 N, 8) and residuals (2 N,) of the landmarks that have a peak near."""
    kinds = landmarks()[1]
    rows, wanted = [np.zeros((0, STATES))], [np.zeros(0)]
    for kind, near in enumerate(peaks):
        if not len(near):
            continue
        own = np.flatnonzero(kinds == kind)
        away = near[None, :, :2] - shown[own][:, None]  # (landmarks, peaks, 2)
        distance = np.linalg.norm(away, axis=2)
        nearest = distance.argmin(1)
        mutual = distance.argmin(0)[nearest] == np.arange(len(own))
        for number in np.flatnonzero(mutual & (distance.min(1) < NEAR_CELLS * evidence.cell)):
            peak = nearest[number]
            sigma = POINT_CELLS * evidence.cell / np.sqrt(max(near[peak, 2], 0.1))
            rows.append(slopes[own[number]] / sigma)
            wanted.append(away[number, peak] / sigma)
    return np.concatenate(rows), np.concatenate(wanted)


class _Lines(NamedTuple):
    """Samples of all lines."""

    places: np.ndarray  # (N, 3)
    kinds: np.ndarray  # (N,)
    before: np.ndarray  # (N,) number of the sample before it on its line, or its own at the end
    after: np.ndarray


@cache
def _lines() -> _Lines:
    places: list[np.ndarray] = []
    kinds: list[np.ndarray] = []
    before: list[np.ndarray] = []
    after: list[np.ndarray] = []
    for name, kind in (("side", SIDE), ("end", END), ("centre", CENTRE)):
        for line in outlines(SAMPLES)[name]:
            number = np.arange(len(line)) + sum(len(each) for each in places)
            places.append(line)
            kinds.append(np.full(len(line), kind))
            before.append(np.maximum(number - 1, number[0]))
            after.append(np.minimum(number + 1, number[-1]))
    return _Lines(*(np.concatenate(parts) for parts in (places, kinds, before, after)))


def _line_equations(lines: _Lines, shown: np.ndarray, slopes: np.ndarray, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Return slopes (N, 8) and residuals (N,) of the samples of lines that have a ridge near: only across the line."""
    along = shown[lines.after] - shown[lines.before]
    length = np.linalg.norm(along, axis=1, keepdims=True)
    normals = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(length, 1e-9)
    off, sure = np.zeros((2, len(shown)))
    for kind in (SIDE, END, CENTRE):
        own = lines.kinds == kind
        off[own], sure[own] = evidence.ridge(kind, shown[own], normals[own])
    use = (sure > SEEN) & (length[:, 0] > 0.05 * evidence.cell)
    sigma = LINE_CELLS * evidence.cell / np.sqrt(np.maximum(sure[use], SEEN))
    return np.einsum("nj,njk->nk", normals[use], slopes[use]) / sigma[:, None], off[use] / sigma
