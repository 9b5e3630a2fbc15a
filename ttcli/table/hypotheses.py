"""Ways to lay a table under the points that the network found, the best supported ones first."""

from itertools import combinations, permutations

import numpy as np

from ttcli.networks.table_finder import CENTRE, END, SIDE, TOP
from ttcli.table.camera import TableCamera, landmarks, outlines
from ttcli.table.constants import TABLE_HEIGHT
from ttcli.table.evidence import MOST_PEAKS, Evidence

BEST = 12
"""Ways that are looked at closer."""
APART = 0.08
"""Share of the table's size on the picture: ways that differ by less are one."""
SMALLEST_CELLS, LARGEST_CELLS = 6.0, 1500.0
"""Length of the longest side of a table that is looked for."""
_FOCALS = np.geomspace(0.4, 8.0, 24)
"""Focal lengths that are tried, in picture widths."""
FOURS = ((0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 3), (0, 0, 1, 1), (0, 0, 1, 3), (0, 0, 3, 3), (0, 1, 1, 3), (1, 1, 3, 3))
"""Kinds of four points that may fix a plane."""


FEW_PEAKS = (4, 2, 3, 2)
"""How many points of each kind are tried first."""


def ways_to_lay(evidence: Evidence, peaks: tuple[int, ...] = MOST_PEAKS) -> list[TableCamera]:
    """Return rough cameras that may have seen the table so, the best supported first, each about once.

    `peaks` tells how many of each kind of points are tried.
    """
    planes = _planes([own[:most] for own, most in zip(evidence.peaks, peaks, strict=True)])
    planes = planes[_plausible(planes, evidence)]
    if not len(planes):
        return []
    scores = _support(planes, evidence)
    chosen: list[np.ndarray] = []
    cameras: list[TableCamera] = []
    corners = landmarks()[0][:4, :2]
    for which in np.argsort(-scores)[:400]:
        shown = project_plane(planes[which : which + 1], corners)[0]
        size = float(np.linalg.norm(shown - shown.mean(0), axis=1).max())
        if any(_differ(shown, other) < APART * size for other in chosen):
            continue
        camera = camera_of_plane(planes[which], evidence.width, evidence.height)
        if camera is not None:
            chosen.append(shown)
            cameras.append(camera)
        if len(cameras) == BEST:
            break
    return cameras


def _differ(shown: np.ndarray, other: np.ndarray) -> float:
    """Return how far corners (4, 2) of two tables are apart at most; by half a turn the table is the same."""
    return min(float(np.linalg.norm(shown - turned, axis=1).max()) for turned in (other, other[::-1]))


def _planes(peaks: list[np.ndarray]) -> np.ndarray:
    """Return homographies (M, 3, 3) from the table's surface to the picture through any four points that fix one."""
    places, kinds = landmarks()
    flat = np.abs(places[:, 2] - TABLE_HEIGHT) < 1e-9
    ground, seen = [], []
    for four in FOURS:
        ways = np.zeros((1, 0, 2), int)  # (W, points, 2): which landmark, and which peak of its kind
        for kind in sorted(set(four)):
            slots = np.flatnonzero(flat & (kinds == kind))
            own = _assignments(slots, len(peaks[kind]), four.count(kind), halved=kind == four[0])
            pairs = np.indices((len(ways), len(own))).reshape(2, -1)
            ways = np.concatenate([ways[pairs[0]], own[pairs[1]]], 1)
        if len(ways):
            ground.append(places[ways[..., 0], :2])
            of_kind = [peaks[kind][ways[:, number, 1], :2] for number, kind in enumerate(sorted(four))]
            seen.append(np.stack(of_kind, 1))
    if not ground:
        return np.empty((0, 3, 3))
    return homographies(np.concatenate(ground), np.concatenate(seen))


def _assignments(slots: np.ndarray, peaks: int, count: int, halved: bool) -> np.ndarray:
    """Return the ways (W, count, 2) to say which of a kind's places so many of its peaks are.

    `halved` leaves out what is the same by half a turn of the table: there the last place comes first.
    """
    ways = [
        list(zip(places, chosen, strict=True))
        for places in combinations(slots.tolist(), count)
        for chosen in permutations(range(peaks), count)
        if not (halved and count < len(slots) and places[0] >= slots[len(slots) // 2])
    ]
    return np.array(ways, int).reshape(-1, count, 2)


def homographies(ground: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the homographies (M, 3, 3) through four points each, (M, 4, 2); NaN where three lie on a line."""
    count = len(ground)
    x, y = ground[..., 0], ground[..., 1]
    size, middle = max(float(np.ptp(seen)), 1e-9), seen.mean((0, 1))  # places about as large as 1 are told apart best
    u, v = ((seen - middle) / size).transpose(2, 0, 1)
    one, zero = np.ones_like(x), np.zeros_like(x)
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)
    matrix = np.concatenate([first, second], 1)  # (M, 8, 8)
    wanted = np.concatenate([u, v], 1)
    solvable = np.abs(np.linalg.det(matrix / np.linalg.norm(matrix, axis=2, keepdims=True))) > 1e-7
    found = np.full((count, 9), np.nan)
    found[solvable, :8] = np.linalg.solve(matrix[solvable], wanted[solvable][..., None])[..., 0]
    found[:, 8] = 1
    back = np.array([[size, 0, middle[0]], [0, size, middle[1]], [0, 0, 1]])
    return back @ found.reshape(-1, 3, 3)


def project_plane(planes: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Return where places (N, 2) on the surface are seen, (M, N, 2), by homographies (M, 3, 3)."""
    seen = np.einsum("mij,nj->mni", planes, np.concatenate([ground, np.ones((len(ground), 1))], 1))
    return seen[..., :2] / np.where(np.abs(seen[..., 2:]) < 1e-9, 1e-9, seen[..., 2:])


def _plausible(planes: np.ndarray, evidence: Evidence) -> np.ndarray:
    """Return which planes lie wholly before a camera that is above them, and show the table neither tiny nor huge."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * landmarks()[0][3, :2]
    with np.errstate(invalid="ignore"):
        depth = np.einsum("mj,nj->mn", planes[:, 2], np.concatenate([corners, np.ones((4, 1))], 1))
        shown = project_plane(planes, corners)
        length = np.linalg.norm(shown - np.roll(shown, 1, 1), axis=2).max(1) / evidence.cell
        fine = (depth > 0).all(1) & (np.linalg.det(planes) < 0) & (length > SMALLEST_CELLS) & (length < LARGEST_CELLS)
    return fine & np.isfinite(planes).all((1, 2))


def _support(planes: np.ndarray, evidence: Evidence) -> np.ndarray:
    """Return how much of the points and lines of the surface the network sees where planes (M, 3, 3) have them, (M,)."""
    places, kinds = landmarks()
    flat = np.abs(places[:, 2] - TABLE_HEIGHT) < 1e-9
    total = np.zeros(len(planes))
    shown = project_plane(planes, places[flat, :2])
    for number, kind in enumerate(kinds[flat]):
        total += evidence.at(int(kind), shown[:, number], near=True)
    drawn = outlines(7)
    for name, kind in (("side", SIDE), ("end", END), ("centre", CENTRE)):
        for line in drawn[name]:
            total += 1.5 * evidence.at(kind, project_plane(planes, line[:, :2]), near=True).mean(1)
    inner = np.array([[x, y] for x in (-0.5, 0, 0.5) for y in (-1.1, -0.4, 0.4, 1.1)])
    return total + 2 * evidence.at(TOP, project_plane(planes, inner)).mean(1)


def camera_of_plane(plane: np.ndarray, width: int, height: int) -> TableCamera | None:
    """Return the camera, its axis through the picture's middle, that sees the surface nearly so; None where none is above it."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    focals = _FOCALS * width
    moved = plane.copy()
    moved[:2] -= centre[:, None] * plane[2]
    columns = np.repeat(moved[None], len(focals), 0)
    columns[:, :2] /= focals[:, None, None]
    lengths = np.linalg.norm(columns[:, :, :2], axis=1)  # of the two axes of the surface
    first, second = columns[:, :, 0], columns[:, :, 1]
    slant = (first * second).sum(1) / lengths.prod(1)
    best = int((np.log(lengths[:, 0] / lengths[:, 1]) ** 2 + slant**2).argmin())
    scale = np.sqrt(lengths[best].prod())
    right, along, shift = (columns[best, :, axis] / scale for axis in range(3))
    if shift[2] < 0:
        right, along, shift = -right, -along, -shift
    left, _, turned = np.linalg.svd(np.stack([right, along, np.cross(right, along)], 1))
    rotation = left @ np.diag([1, 1, np.linalg.det(left @ turned)]) @ turned
    position = -rotation.T @ shift + np.array([0, 0, TABLE_HEIGHT])
    if position[2] <= TABLE_HEIGHT:
        return None
    return TableCamera(position, rotation, float(focals[best]), centre, width)
