"""From what the network says of a picture to the camera that looks at the table, or to the reason why there is none."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH
from ttcli.table.evidence import Evidence
from ttcli.table.hypotheses import ways_to_lay
from ttcli.table.judging import Judgement, judge
from ttcli.table.refining import Refined, refine

CLEARLY = 0.08
"""How much more than any other table the best one agrees."""
SAME_SHARE, ONE_START = 0.25, 0.12
"""Share of the table's size on the picture: tables whose corners are no farther apart are one, and a start so near to a
table that was found already would lead to it again."""
ERROR_COUNTS = 0.3
"""How much a cell that points and lines are off on average takes from the score."""
FIRST_ROUNDS, MOST_REFINED = 3, 4
"""Steps with which every start is tried, and how many of the best are followed to their end."""
MOST_ERROR, MOST_ERROR_SHARE = 13.0 / 1920, 0.0125
"""Picture widths, 1 sigma, that the worst corner in the picture may be off for the table to count; for a table that
fills the picture, a part of its own size."""


class Fit(NamedTuple):
    """What came of a look for the table."""

    camera: TableCamera | None
    score: float
    """From 0 to 1: how much of what the camera should see the network saw, of the best way to lay a table."""
    error: float
    """Pixels, 1 sigma, of the corner that is known worst among those in the picture; infinite where there is no camera."""
    reason: str | None
    """Why there is no table; None where there is one."""


def no_table(reason: str, score: float = 0.0) -> Fit:
    """Return that there is none, and why."""
    return Fit(None, score, np.inf, reason)


def fit_camera(evidence: Evidence) -> Fit:
    """Return the camera of what was looked at; none where no table is seen well enough, or two ways to lay it are as good."""
    starts: list[tuple[Judgement, Refined]] = []
    for start in ways_to_lay(evidence):
        if any(same_table(start, refined.camera, ONE_START) for _, refined in starts):
            continue
        refined = refine(start, evidence, rounds=FIRST_ROUNDS)
        if refined is not None:
            starts.append((judge(refined.camera, evidence), refined))
    starts.sort(key=lambda pair: -_rank(*pair))
    found: list[tuple[Judgement, Refined]] = []
    for _, rough in starts[:MOST_REFINED]:
        refined = refine(rough.camera, evidence)
        if refined is not None:
            found.append((judge(refined.camera, evidence), refined))
    if not found:
        return no_table("no table is seen")
    found.sort(key=lambda pair: -_rank(*pair))
    possible = [pair for pair in found if pair[0].reason is None]
    if not possible:
        return no_table(str(found[0][0].reason), found[0][0].score)
    best, refined = possible[0]
    others = [_rank(*pair) for pair in possible if not same_table(refined.camera, pair[1].camera)]
    if _rank(best, refined) - max(others, default=0.0) < CLEARLY:
        return no_table("two ways to lay a table are as good as each other", best.score)
    return told(refined, best, evidence.height)


def _rank(verdict: Judgement, refined: Refined) -> float:
    return verdict.score - ERROR_COUNTS * refined.error_cells


def refit(start: TableCamera, evidence: Evidence) -> Fit:
    """Return the camera near one that is known already; none where the table is not seen there any more."""
    refined = refine(start, evidence)
    if refined is None:
        return no_table("no table is seen")
    verdict = judge(refined.camera, evidence)
    return told(refined, verdict, evidence.height) if verdict.reason is None else no_table(verdict.reason, verdict.score)


def told(refined: Refined, verdict: Judgement, height: int) -> Fit:
    """Return the view of a camera that agrees: none where its corners are not known well enough."""
    camera = ends_told_apart(refined.camera)
    error = worst_corner(camera, height)
    size = float(np.ptp(camera.project(landmarks()[0][:4]), axis=0).max())
    if error > max(MOST_ERROR * camera.width, MOST_ERROR_SHARE * min(size, camera.width)):
        return no_table("its corners cannot be told well enough", verdict.score)
    return Fit(camera, verdict.score, error, None)


def corner_errors(camera: TableCamera) -> np.ndarray:
    """Return how far each corner (4,) may be off, pixels, 1 sigma along its worse direction."""
    spread = camera.spread(landmarks()[0][:4])
    return np.sqrt(np.linalg.eigvalsh(spread)[:, 1])


def worst_corner(camera: TableCamera, height: int) -> float:
    """Return the largest error of the corners that are in the picture; of all four where fewer than two are."""
    shown = camera.project(landmarks()[0][:4])
    inside = ((shown > -0.5) & (shown < (camera.width - 0.5, height - 0.5))).all(1)
    errors = corner_errors(camera)
    return float(errors[inside].max() if inside.sum() >= 2 else errors.max())


def same_table(one: TableCamera, other: TableCamera, share: float = SAME_SHARE) -> bool:
    """Return whether two cameras show one table: their corners are no farther apart than a share of its size."""
    corners = landmarks()[0][:4]
    here, there = one.project(corners), other.project(corners)
    size = float(np.linalg.norm(here - here.mean(0), axis=1).max())
    return min(float(np.linalg.norm(here - turned, axis=1).max()) for turned in (there, there[::-1])) < share * size


def ends_told_apart(camera: TableCamera) -> TableCamera:
    """Return the camera with the y axis to the picture's right, or upwards where the table stands upright on it."""
    there, here = camera.project(np.array([[0, TABLE_LENGTH / 2, TABLE_HEIGHT], [0, -TABLE_LENGTH / 2, TABLE_HEIGHT]]))
    right, down = there - here
    if (right > 0) if abs(right) > abs(down) else (down < 0):
        return camera
    turn = np.array([-1.0, -1.0, 1.0])  # by half a turn the table is the same
    covariance = camera.covariance
    if covariance is not None:
        signs = np.array([1, 1, 1, -1, -1, 1, 1])
        covariance = covariance * signs[:, None] * signs
    return replace(camera, position=camera.position * turn, rotation=camera.rotation * turn, covariance=covariance)
