"""From what the network says of a picture to the camera that looks at the table, or to the reason why there is none."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH
from ttcli.table.evidence import MOST_PEAKS, Evidence
from ttcli.table.hypotheses import FEW_PEAKS, ways_to_lay
from ttcli.table.judging import Judgement, impossible_camera, judge
from ttcli.table.lines import REACHES, lay_lines
from ttcli.table.profiles import Picture
from ttcli.table.refining import EVERYTHING, Refined, refine

CLEARLY = 0.08
"""How much more than any other table the best one agrees."""
SAME_SHARE, ONE_START = 0.25, 0.12
"""Share of the table's size on the picture: tables whose corners are no farther apart are one, and a start so near to a
table that was found already would lead to it again."""
LEAST_TO_LAY = 0.25
"""Score from which on lines are looked for: the score grows where they are found."""
LEAST_WITHOUT_LINES = 0.6
"""Score from which on a table is one whose white lines are not seen on the picture."""
MOST_THOROUGH, FAR_REACHES = 8, (30.0, 12.0, 5.0, 2.5)
"""How many starts are followed, and how far lines are looked for, where nothing was found else."""
ERROR_COUNTS = 0.3
"""How much a cell that points and lines are off on average takes from the score."""
LINES_COUNT = 0.4
"""How much the mean support of lines that are seen on the picture adds to the score."""
FIRST_ROUNDS, MOST_REFINED = 3, 4
"""Steps with which every start is tried, and how many of the best are followed to their end."""
CORNERS_UNSURE = "its corners cannot be told well enough"
WITHOUT_LINES = 4.0
"""How much larger the covariance is of a table whose white lines nobody saw: the network's answers lean the same way."""
AGREE, DISAGREE = 3.0, 4.5
"""Sigmas of the network's answer that white lines may place a corner off it. With more, the covariance grows so that
both lie within; with more than the second, the lines are not believed."""
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
    coarse: TableCamera | None = None
    """The camera as the network alone saw it, where enough white lines are seen on the picture itself; else None."""
    hump: float = 0.0
    """How much higher than its ends the table is at the net, metres."""
    doubt: float = 1.0
    """Factor of the stated error, as the last pictures of the view showed the lines elsewhere."""
    edges: bool = False
    """Whether edges of the surface stood in for lines."""

    @property
    def laid(self) -> bool:
        """Whether enough white lines are seen on the picture itself."""
        return self.coarse is not None


def no_table(reason: str, score: float = 0.0) -> Fit:
    """Return that there is none, and why."""
    return Fit(None, score, np.inf, reason)


class _Way(NamedTuple):
    """A way to lay the table."""

    camera: TableCamera
    verdict: Judgement
    rank: float
    coarse: TableCamera | None = None
    """The camera without the white lines, where enough of them are seen."""
    hump: float = 0.0
    """How much higher than its ends the table is at the net, metres."""
    edges: bool = False
    """Whether edges of the surface stand in for lines."""


def fit_camera(
    evidence: Evidence,
    pictures: Sequence[Picture] = (),
    thorough: bool = False,
    is_meant: Callable[[TableCamera], bool] = lambda camera: True,
) -> Fit:
    """Return the camera of what was looked at; none where no table is seen well enough, or two ways to lay it are as good.

    Args:
        evidence: What the network saw.
        pictures: What it saw that on, of one view, where white lines are looked for; without them its answers must do.
        thorough: Look for lines farther off, and from more starts.
        is_meant: Whether a camera sees the table that is wanted: where two stand together, the evidence shows both.
    """
    if pictures:
        fit = _best(_ways(evidence, pictures, FEW_PEAKS, False, is_meant), evidence.height)
        if fit.laid:
            return fit
    return _best(_ways(evidence, pictures, MOST_PEAKS, thorough, is_meant), evidence.height)


def _ways(
    evidence: Evidence,
    pictures: Sequence[Picture],
    peaks: tuple[int, ...],
    thorough: bool,
    is_meant: Callable[[TableCamera], bool],
) -> list[_Way]:
    """Return the likeliest ways to lay a table that is meant, each about once."""
    starts: list[tuple[float, TableCamera]] = []
    for start in ways_to_lay(evidence, peaks):
        if any(same_table(start, camera, ONE_START) for _, camera in starts):
            continue
        refined = refine(start, evidence, rounds=FIRST_ROUNDS)
        if refined is not None and is_meant(refined.camera):
            starts.append((_rank(judge(refined.camera, evidence), refined), refined.camera))
    starts.sort(key=lambda pair: -pair[0])
    ways: list[_Way] = []
    for _, rough in starts[: MOST_THOROUGH if thorough else MOST_REFINED]:
        if not any(way.coarse is not None and same_table(way.camera, rough, ONE_START) for way in ways):
            way = _way(rough, evidence, pictures, FAR_REACHES if thorough else REACHES)
            ways += [] if way is None or not is_meant(way.camera) else [way]
    return ways


def _best(ways: list[_Way], height: int) -> Fit:
    """Return what is told of the best of some ways to lay a table."""
    if not ways:
        return no_table("no table is seen")
    ways.sort(key=lambda way: -way.rank)
    possible = [way for way in ways if way.verdict.reason is None]
    if not possible:
        return no_table(str(ways[0].verdict.reason), ways[0].verdict.score)
    best = possible[0]
    others = [way.rank for way in possible if not same_table(best.camera, way.camera)]
    if best.rank - max(others, default=0.0) < CLEARLY:
        return no_table("two ways to lay a table are as good as each other", best.verdict.score)
    return _told(best, height)


def refit(start: TableCamera, evidence: Evidence, pictures: Sequence[Picture] = ()) -> Fit:
    """Return the camera near one that is known already; none where the table is not seen there any more."""
    way = _way(start, evidence, pictures)
    if way is None:
        return no_table("no table is seen")
    return _told(way, evidence.height) if way.verdict.reason is None else no_table(way.verdict.reason, way.verdict.score)


def relay(before: Fit, pictures: Sequence[Picture], height: int) -> Fit:
    """Return the fit with its lines placed anew on more pictures; the fit as it was where they are not seen.

    Where more pictures show the lines elsewhere, those count that are nearer to where the network saw the table, and less
    is sure. No table is left where they show that the corners are not known well enough.
    """
    if before.coarse is None or before.camera is None:
        return before
    laid = lay_lines(before.coarse, pictures, EVERYTHING)
    if laid is not None and laid.edges and not before.edges:
        return before  # lines were seen: these are the edges of what is between them
    camera = _reconciled(laid.camera, before.coarse) if laid is not None and laid.sure else None
    if laid is None or camera is None:
        return before
    camera, known, hump = ends_told_apart(camera), _grown(before.camera, 1 / before.doubt), laid.hump
    sigmas = sigmas_off(camera, known)
    doubt = max(1.0, sigmas / AGREE)
    if sigmas > AGREE and sigmas_off(known, before.coarse) < sigmas_off(camera, before.coarse):
        camera, hump = known, before.hump
    camera = _grown(camera, doubt)
    error = worst_corner(camera, height)
    if error > _most_error(camera):
        return no_table(CORNERS_UNSURE, before.score)
    return before._replace(camera=camera, error=error, hump=hump, doubt=doubt, edges=laid.edges)


def _way(
    start: TableCamera, evidence: Evidence, pictures: Sequence[Picture], reaches: tuple[float, ...] = REACHES
) -> _Way | None:
    """Return the way to lay a table near a start; None where it gets lost."""
    refined = refine(start, evidence)
    if refined is None:
        return None
    verdict = judge(refined.camera, evidence)
    rank = _rank(verdict, refined)
    hopeless = verdict.score < LEAST_TO_LAY or impossible_camera(refined.camera) is not None
    laid = None if hopeless or not pictures else lay_lines(refined.camera, pictures, EVERYTHING, reaches)
    if laid is None:
        return _unlaid(refined.camera, verdict, rank) if pictures else _Way(refined.camera, verdict, rank)
    by_lines = judge(laid.camera, evidence, laid.sure and not laid.edges)
    rank_by_lines = by_lines.score + LINES_COUNT * laid.mean_support
    if not laid.sure:
        return _unlaid(laid.camera, by_lines, rank_by_lines)
    camera = _reconciled(laid.camera, refined.camera)
    if camera is None:
        return _unlaid(refined.camera, verdict, rank)
    return _Way(camera, by_lines, rank_by_lines, refined.camera, laid.hump, laid.edges)


def _reconciled(laid: TableCamera, seen: TableCamera) -> TableCamera | None:
    """Return the camera by the white lines, its covariance larger where the network saw the corners elsewhere.

    None where it saw them at quite another place.
    """
    sigmas = sigmas_off(laid, seen)
    return None if sigmas > DISAGREE else _grown(laid, max(1.0, sigmas / AGREE))


def sigmas_off(camera: TableCamera, other: TableCamera) -> float:
    """Return how many sigmas of another camera the corners of one are off it; which end is which does not count."""
    corners = landmarks()[0][:4]
    spread = other.spread(corners)
    ways = [camera.project(each) - other.project(corners) for each in (corners, corners[::-1])]
    return min(float(np.sqrt((away * np.linalg.solve(spread, away[..., None])[..., 0]).sum(1).max())) for away in ways)


def _grown(camera: TableCamera, factor: float) -> TableCamera:
    """Return a camera whose stated error is a factor times as large."""
    return camera if camera.covariance is None else replace(camera, covariance=factor**2 * camera.covariance)


def _unlaid(camera: TableCamera, verdict: Judgement, rank: float) -> _Way:
    """Return the way of a camera whose white lines were looked for, and are not seen."""
    if verdict.reason is None and verdict.score < LEAST_WITHOUT_LINES:
        verdict = Judgement(verdict.score, "its white lines are not seen where they should be")
    doubted = None if camera.covariance is None else WITHOUT_LINES * camera.covariance
    return _Way(replace(camera, covariance=doubted), verdict, rank)


def _rank(verdict: Judgement, refined: Refined) -> float:
    return verdict.score - ERROR_COUNTS * refined.error_cells


def _told(way: _Way, height: int) -> Fit:
    """Return the view of a way that agrees: none where its corners are not known well enough."""
    camera = ends_told_apart(way.camera)
    error = worst_corner(camera, height)
    if error > _most_error(camera):
        return no_table(CORNERS_UNSURE, way.verdict.score)
    return Fit(camera, way.verdict.score, error, None, way.coarse, way.hump, edges=way.edges)


def _most_error(camera: TableCamera) -> float:
    """Return the pixels, 1 sigma, that the worst corner may be off."""
    size = float(np.ptp(camera.project(landmarks()[0][:4]), axis=0).max())
    return max(MOST_ERROR * camera.width, MOST_ERROR_SHARE * min(size, camera.width))


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
    here = one.project(landmarks()[0][:4])
    return farthest_apart(one, other) < share * float(np.linalg.norm(here - here.mean(0), axis=1).max())


def farthest_apart(one: TableCamera, other: TableCamera) -> float:
    """Return how many pixels corners of two cameras' tables are apart at most; which end is which does not count."""
    here, there = (camera.project(landmarks()[0][:4]) for camera in (one, other))
    return min(float(np.linalg.norm(here - turned, axis=1).max()) for turned in (there, there[::-1]))


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
