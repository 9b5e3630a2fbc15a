"""From heatmaps of a table's landmarks to the camera that looks at it."""

from dataclasses import replace
from itertools import permutations
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH

LEAST_PEAK = 0.15
"""Probability from which on a maximum may be a landmark."""
MOST_PEAKS = (6, 4, 4)
"""Of corners, net's ends and posts that are looked at; some are those of another table, or of none."""
LEAST_LANDMARKS = 5
"""Of the eight that must agree, with LEAST_SURE of probability together."""
LEAST_SURE = 2.5
NET_KINDS = {1, 2}
"""One landmark of each of these must agree: else the net might be taken for the line along the table's middle."""
AGREE_CELLS = 2.5
"""How far from a peak a landmark may lie."""
TOP_PLANES = 24
"""Views of the plane that are looked at closer."""
_FOCALS = np.geomspace(0.3, 8.0, 20)
"""Focal lengths that are tried, in picture widths."""
_CLOSER = 0.06


class Region(NamedTuple):
    """A part of the picture; 0 to 1 from its left to its right border, and from its upper to its lower one."""

    left: float
    top: float
    width: float
    height: float


WHOLE = Region(0.0, 0.0, 1.0, 1.0)
ROOM = 1.6
"""A region round a table is so many times as large as the table."""
SMALLEST_REGION = 0.3


def region_around(heat: np.ndarray) -> Region:
    """Return the part of a picture that shows its table large, by the heatmaps (KINDS, h, w) of the whole."""
    peaks = np.concatenate(find_peaks(heat))
    if len(peaks) < 3:
        return WHOLE
    size = np.array(heat.shape[:0:-1])
    places = (peaks[:, :2] + 0.5) / size
    sure = peaks[:, 2] >= 0.5 * peaks[:, 2].max()  # far ones of little probability are no table's
    low, high = places[sure].min(0), places[sure].max(0)
    share = max(SMALLEST_REGION, ROOM * float((high - low).max()))
    if share >= 0.8:
        return WHOLE
    left, top = np.clip((low + high) / 2 - share / 2, 0, 1 - share)
    return Region(float(left), float(top), share, share)


def find_peaks(heat: np.ndarray) -> list[np.ndarray]:
    """Return the peaks of each kind, (N, 3) x, y and probability, strongest first; in cells.

    Args:
        heat: Probabilities (KINDS, h, w).
    """
    found = []
    for kind, plane in enumerate(heat):
        highest = cv2.dilate(plane, np.ones((5, 5), np.uint8))
        rows, columns = np.nonzero((plane == highest) & (plane >= LEAST_PEAK))
        order = np.argsort(-plane[rows, columns])[: MOST_PEAKS[kind]]
        found.append(np.array([_centre(plane, rows[i], columns[i]) for i in order]).reshape(-1, 3))
    return found


def _centre(plane: np.ndarray, row: int, column: int) -> tuple[float, float, float]:
    """Return where the peak at a cell has its middle, x then y, and its height."""
    top, left = max(0, row - 1), max(0, column - 1)
    patch = plane[top : row + 2, left : column + 2]
    weight = patch / patch.sum()
    y, x = np.mgrid[top : top + patch.shape[0], left : left + patch.shape[1]]
    return float((weight * x).sum()), float((weight * y).sum()), float(plane[row, column])


def fit_camera(heat: np.ndarray, stride: int, width: int, height: int, region: Region = WHOLE) -> TableCamera | None:
    """Return the camera of a picture, or None where no table is seen well enough.

    Args:
        heat: Probabilities (KINDS, h, w) of a picture that shows the region.
        stride: Pixels of that picture to a cell.
        width: Of the video's picture, in whose pixels the camera is.
        height: The same.
        region: Part of the video's picture that was looked at.
    """
    peaks = find_peaks(heat)
    whole = np.array([width, height])
    # video pixels to a pixel of the picture
    scale = whole * (region.width, region.height) / (np.array(heat.shape[:0:-1]) * stride)
    corner = whole * (region.left, region.top)
    pixels = [corner + (found[:, :2] + 0.5) * stride * scale - 0.5 for found in peaks]
    sure = [found[:, 2] for found in peaks]
    near = AGREE_CELLS * stride * float(scale.mean())
    best, most = None, LEAST_SURE
    for plane in _views_of_the_plane(pixels, sure, near)[:TOP_PLANES]:
        camera, score = _camera_of(plane, pixels, sure, near, width, height)
        if score > most:
            best, most = camera, score
    return best and _ends_told_apart(best)


def _ends_told_apart(camera: TableCamera) -> TableCamera:
    """Return the camera with the y axis to the picture's right, or upwards where the table stands upright on it."""
    there, here = camera.project(np.array([[0, TABLE_LENGTH / 2, TABLE_HEIGHT], [0, -TABLE_LENGTH / 2, TABLE_HEIGHT]]))
    right, down = there - here
    if (right > 0) if abs(right) > abs(down) else (down < 0):
        return camera
    turn = np.array([-1.0, -1.0, 1.0])  # by half a turn the table is the same
    return replace(camera, position=camera.position * turn, rotation=camera.rotation * turn)


def _views_of_the_plane(pixels: list[np.ndarray], sure: list[np.ndarray], near: float) -> list[np.ndarray]:
    """Return homographies (3, 3) from the table's surface to the picture, the best supported first."""
    places, kinds = landmarks()
    ground = places[kinds < 2][:, :2]  # four corners, two ends of the net
    choices = []
    corners, middles = pixels[0], pixels[1]
    for left, right in permutations(range(len(middles)), 2):
        for one, other in permutations(range(len(corners)), 2):
            for ends in ((0, 2), (0, 3)):  # the two corners of one end, or two that are opposite
                choices.append(([4, 5, *ends], [middles[left], middles[right], corners[one], corners[other]]))
    for four in permutations(range(len(corners)), 4):
        choices.append(([0, 1, 2, 3], [corners[i] for i in four]))
    found = []
    for which, seen in choices:
        plane = _homography(ground[which], np.array(seen))
        if plane is None or not _looks_down(plane, ground):
            continue
        shown = _apply(plane, ground)
        score = sum(_support(shown[kinds[:6] == kind], pixels[kind], sure[kind], near) for kind in (0, 1))
        found.append((score, plane))
    found.sort(key=lambda pair: -pair[0])
    return [plane for score, plane in found if score > 1.5]


def _homography(ground: np.ndarray, seen: np.ndarray) -> np.ndarray | None:
    """Return the homography through four points, or None where three lie on a line."""
    rows = []
    for (x, y), (u, v) in zip(ground, seen, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    try:
        solution = np.linalg.solve(np.array(rows), seen.ravel())
    except np.linalg.LinAlgError:
        return None
    return np.append(solution, 1.0).reshape(3, 3)


def _apply(plane: np.ndarray, ground: np.ndarray) -> np.ndarray:
    seen = ground @ plane[:, :2].T + plane[:, 2]
    return seen[:, :2] / np.where(np.abs(seen[:, 2:]) < 1e-9, 1e-9, seen[:, 2:])


def _looks_down(plane: np.ndarray, ground: np.ndarray) -> bool:
    """Return whether all of the table lies before the camera, which is above it: the picture is not mirrored."""
    depth = ground @ plane[2, :2] + plane[2, 2]
    return bool((depth > 0).all() and np.linalg.det(plane) < 0)


def _support(shown: np.ndarray, peaks: np.ndarray, sure: np.ndarray, near: float) -> float:
    """Return how much probability lies at places (N, 2), each peak counted once."""
    if not len(peaks):
        return 0.0
    away = np.linalg.norm(shown[:, None] - peaks[None], axis=2)
    total, free = 0.0, np.ones(len(peaks), bool)
    for row in away:
        nearest = int(np.where(free, row, np.inf).argmin())
        if free[nearest] and row[nearest] < near:
            total += sure[nearest] * (1 - row[nearest] / near)
            free[nearest] = False
    return total


def _camera_of(
    plane: np.ndarray, pixels: list[np.ndarray], sure: list[np.ndarray], near: float, width: int, height: int
) -> tuple[TableCamera | None, float]:
    """Return the camera that agrees best with a view of the plane and with the peaks near it, and how much they support it."""
    places, kinds = landmarks()
    known = kinds < 2
    seen = np.full((len(places), 2), np.nan)
    seen[known] = _apply(plane, places[known][:, :2])
    camera = _search(places[known], seen[known], width, height)
    score = 0.0
    for _ in range(2):  # the posts are known only when there is a camera
        if camera is None:
            return None, 0.0
        shown = camera.project(places)
        matched, score = _match(shown, kinds, pixels, sure, near)
        rows = [row for row, index in enumerate(matched) if index is not None]
        if len(rows) < LEAST_LANDMARKS or not {int(kinds[row]) for row in rows} >= NET_KINDS:
            return None, 0.0
        seen = np.array([pixels[kinds[row]][matched[row]] for row in rows])
        camera = _search(places[rows], seen, width, height)
    return camera, score


def _match(
    shown: np.ndarray, kinds: np.ndarray, pixels: list[np.ndarray], sure: list[np.ndarray], near: float
) -> tuple[list[int | None], float]:
    """Return for each landmark which peak of its kind it is, if any, and the probability of these together."""
    matched: list[int | None] = []
    taken: set[tuple[int, int]] = set()
    total = 0.0
    for place, kind in zip(shown, kinds, strict=True):
        away = np.linalg.norm(pixels[kind] - place, axis=1) if len(pixels[kind]) else np.zeros(0)
        near_ones = [int(i) for i in np.argsort(away) if away[i] < near and (int(kind), int(i)) not in taken]
        matched.append(near_ones[0] if near_ones else None)
        if near_ones:
            taken.add((int(kind), near_ones[0]))
            total += float(sure[kind][near_ones[0]] * (1 - away[near_ones[0]] / near))
    return matched, total


def _search(places: np.ndarray, seen: np.ndarray, width: int, height: int) -> TableCamera | None:
    """Return the camera, its axis through the picture's middle, that sees places (N, 3) nearest to pixels (N, 2)."""
    best, least = None, np.inf
    focals = _FOCALS * width
    for closer in range(3):
        for focal in focals:
            camera, error = _pose(places, seen, focal, width, height)
            if error < least:
                best, least = camera, error
        if best is None:
            return None
        focals = best.focal * (1 + _CLOSER / 4**closer * np.linspace(-2, 2, 5))
    return best


def _pose(places: np.ndarray, seen: np.ndarray, focal: float, width: int, height: int) -> tuple[TableCamera | None, float]:
    """Return the camera of a focal length, and the mean square of its errors; one that stands under the table is none."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    found, turn, shift = cv2.solvePnP(places, seen, matrix, None, flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        return None, np.inf
    turn, shift = cv2.solvePnPRefineLM(places, seen, matrix, None, turn, shift)
    rotation, _ = cv2.Rodrigues(turn)
    position = -rotation.T @ shift[:, 0]
    if not np.isfinite(position).all() or position[2] < TABLE_HEIGHT or not (places @ rotation[2] + shift[2] > 0).all():
        return None, np.inf
    camera = TableCamera(position, rotation, float(focal), centre, width)
    return camera, float(((camera.project(places) - seen) ** 2).sum(1).mean())
