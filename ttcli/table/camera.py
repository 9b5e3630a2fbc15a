"""Where the table is: how a camera sees it, and so what a place on the picture is in metres.

World axes as in the simulator: metres, origin on the floor under the table's middle, y along the table, z up; which end
is which nobody can tell, and nobody needs to.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

import numpy as np

from ttcli.table.constants import NET_HEIGHT, NET_OVERHANG, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

STATE = ("turn about right", "turn about down", "turn about forward", "x", "y", "z", "log focal length")
"""What a camera's covariance is of, in order: three small turns about the camera's own axes (radians, on the left of
`rotation`), its place (metres), and the logarithm of its focal length."""


@dataclass(frozen=True)
class TableCamera:
    """A pinhole camera that looks at a table, its lens slightly bent."""

    position: np.ndarray
    """(3,) metres."""
    rotation: np.ndarray
    """(3, 3) from world axes to the camera's: x right, y down, z forward."""
    focal: float
    """Pixels."""
    centre: np.ndarray
    """(2,) pixels; pixel centres are whole numbers."""
    width: int
    """Width of the picture, pixels."""
    bend: float = 0.0
    """Brown's first radial term, in half widths of the picture: what a straight lens shows at r from the centre is shown at
    r (1 + bend r^2). Below 0 where straight lines bulge outwards."""
    covariance: np.ndarray | None = field(default=None, compare=False)
    """(7, 7) of STATE, as far as the landmarks leave it open (Laplace); None where nobody knows."""
    wider: float = field(default=1.0, compare=False)
    """How much larger than by `covariance` the sigmas of a stroke's numbers are: more is off there than the corners are."""

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels (..., 2) of points (..., 3); behind the camera they are nonsense."""
        seen = (points - self.position) @ self.rotation.T
        flat = seen[..., :2] * (self.focal / np.maximum(seen[..., 2:], 1e-6))
        if self.bend:
            flat = flat * _stretch(self.bend, (flat**2).sum(-1, keepdims=True) / (self.width / 2) ** 2)
        return flat + self.centre

    def on_plane(self, pixel: np.ndarray, height: float) -> np.ndarray | None:
        """Return the point (3,) at a height that a pixel (2,) shows, or None where there is none before the camera."""
        ray = self.rotation.T @ np.array([*((self.straight(pixel) - self.centre) / self.focal), 1.0])
        if abs(ray[2]) < 1e-9:
            return None
        far = (height - self.position[2]) / ray[2]
        return self.position + far * ray if far > 0 else None

    def moved(self, change: np.ndarray) -> "TableCamera":
        """Return the camera changed by a state (7,), as STATE has it."""
        turn = _rotation(change[:3])
        focal = self.focal * float(np.exp(change[6]))
        return replace(self, position=self.position + change[3:6], rotation=turn @ self.rotation, focal=focal)

    def carried(self, motion: np.ndarray) -> "TableCamera":
        """Return the camera after the picture moved: shifted, turned and enlarged by a similarity (3, 3) from its pixels.

        A camera that pans and zooms in place shows so what a camera with another middle of the picture would.
        """
        zoom = float(np.sqrt(abs(np.linalg.det(motion[:2, :2]))))
        turn = np.eye(3)
        turn[:2, :2] = motion[:2, :2] / zoom
        covariance = self.covariance
        if covariance is not None:  # turns are about the camera's own axes, which turned
            axes = np.eye(7)
            axes[:3, :3] = turn
            covariance = axes @ covariance @ axes.T
        centre = motion[:2, :2] @ self.centre + motion[:2, 2]
        rotation, bend = turn @ self.rotation, self.bend / zoom**2
        return replace(self, rotation=rotation, focal=self.focal * zoom, centre=centre, bend=bend, covariance=covariance)

    def samples(self, count: int, generator: np.random.Generator) -> "list[TableCamera]":
        """Return cameras that the landmarks allow as well, as often as they are probable; the same one where nobody knows."""
        if self.covariance is None:
            return [self] * count
        return [self.moved(change) for change in generator.multivariate_normal(np.zeros(7), self.covariance, count, "ignore")]

    def spread(self, points: np.ndarray) -> np.ndarray:
        """Return the covariance (N, 2, 2) in pixels of where points (N, 3) are seen; 0 where nobody knows the camera's own."""
        if self.covariance is None:
            return np.zeros((len(points), 2, 2))
        slopes = self.slopes(points)[1][..., :7]
        return slopes @ self.covariance @ slopes.transpose(0, 2, 1)

    def slopes(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels (N, 2) of points (N, 3), and how they change with STATE and with the bend, (N, 2, 8)."""
        seen = (points - self.position) @ self.rotation.T
        x, y, z = seen[:, 0], seen[:, 1], np.maximum(seen[:, 2], 1e-6)
        zero, flat = np.zeros_like(x), seen[:, :2] * (self.focal / z)[:, None]
        turned = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).reshape(-1, 3, 3)  # (N, xyz, turn)
        change = np.concatenate([turned, np.broadcast_to(-self.rotation, turned.shape)], 2)  # (N, 3, 6)
        lens = np.stack([1 / z, zero, -x / z**2, zero, 1 / z, -y / z**2], -1).reshape(-1, 2, 3) * self.focal
        slopes = np.concatenate([lens @ change, flat[..., None]], 2)  # (N, 2, 7)
        squared = (flat**2).sum(1, keepdims=True) / (self.width / 2) ** 2
        if self.bend:
            longer = 2 * self.bend / (self.width / 2) ** 2 * np.einsum("nj,njk->nk", flat, slopes)
            slopes = slopes * _stretch(self.bend, squared)[..., None] + flat[..., None] * longer[:, None]
        slopes = np.concatenate([slopes, (flat * squared)[..., None]], 2)
        return flat * _stretch(self.bend, squared) + self.centre, slopes

    def spread_on_plane(self, pixel: np.ndarray, height: float) -> np.ndarray | None:
        """Return the covariance (2, 2), square metres, of x and y of the point that a pixel shows at a height.

        None where there is none, or where nobody knows the camera's own.
        """
        place = self.on_plane(pixel, height)
        if place is None or self.covariance is None:
            return None
        nudge, slopes = 1e-5, []
        for step in np.eye(7):
            there = self.moved(nudge * step).on_plane(pixel, height)
            if there is None:
                return None
            slopes.append((there[:2] - place[:2]) / nudge)
        matrix = np.array(slopes).T
        return matrix @ self.covariance @ matrix.T

    def straight(self, pixels: np.ndarray) -> np.ndarray:
        """Return the pixels (..., 2) at which a straight lens would show what this one shows at pixels (..., 2)."""
        shown = straight = pixels - self.centre
        for _ in range(8 if self.bend else 0):
            squared = (straight**2).sum(-1, keepdims=True) / (self.width / 2) ** 2
            straight = shown / _stretch(self.bend, squared)
        return straight + self.centre


def _stretch(bend: float, squared: np.ndarray) -> np.ndarray:
    """Return how much farther out a lens shows what is at some distance, squared, in half widths; far outside as at its limit."""
    limit = 1 / (3 * abs(bend)) if bend < 0 else 4.0
    return 1 + bend * np.minimum(squared, limit)


def _rotation(turn: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) by a turn (3,), by Rodrigues' formula."""
    angle = float(np.linalg.norm(turn))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = turn / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


Tables = Callable[[float], TableCamera | None]
"""How a camera saw the table at a time of the video, in seconds; None where nobody knows."""


@cache
def landmarks() -> tuple[np.ndarray, np.ndarray]:
    """Return the places (10, 3) that a `networks.table_finder.TableFinder` finds, and the kind of each, (10,).

    Four corners of the board, the two ends of the net on its edges, the tops of the two posts, and the two places where the
    line along the middle meets the end lines.
    """
    across, along, beyond = TABLE_WIDTH / 2, TABLE_LENGTH / 2, TABLE_WIDTH / 2 + NET_OVERHANG
    corners = [(x, y, TABLE_HEIGHT) for x in (-across, across) for y in (-along, along)]
    middles = [(x, 0.0, TABLE_HEIGHT) for x in (-across, across)]
    posts = [(x, 0.0, TABLE_HEIGHT + NET_HEIGHT) for x in (-beyond, beyond)]
    tees = [(0.0, y, TABLE_HEIGHT) for y in (-along, along)]
    return np.array(corners + middles + posts + tees), np.array([0] * 4 + [1] * 2 + [2] * 2 + [3] * 2)


@cache
def outlines(count: int = 9) -> dict[str, list[np.ndarray]]:
    """Return what is long or wide of a table, each a line or a border of `count` points a side, (N, 3) metres.

    `side`, `end` and `centre` are lines; `net` and `top` are borders of what lies within.
    """
    across, along = TABLE_WIDTH / 2, TABLE_LENGTH / 2
    beyond, tape = across + NET_OVERHANG, TABLE_HEIGHT + NET_HEIGHT
    corners = [(-across, -along), (across, -along), (across, along), (-across, along)]
    left_near, right_near, right_far, left_far = (np.array([x, y, TABLE_HEIGHT]) for x, y in corners)
    net = [np.array([x, 0.0, z]) for x, z in ((-beyond, TABLE_HEIGHT), (beyond, TABLE_HEIGHT), (beyond, tape), (-beyond, tape))]

    def line(*ends: np.ndarray) -> np.ndarray:
        parts = [start + (end - start) * np.linspace(0, 1, count)[:, None] for start, end in pairwise(ends)]
        return np.concatenate(parts)

    middle = np.array([0.0, 1.0, 0.0]) * along
    centre = np.array([0.0, 0.0, TABLE_HEIGHT])
    return {
        "side": [line(left_near, left_far), line(right_near, right_far)],
        "end": [line(left_near, right_near), line(left_far, right_far)],
        "centre": [line(centre - middle, centre + middle)],
        "net": [line(*net, net[0])],
        "top": [line(left_near, right_near, right_far, left_far, left_near)],
    }
