"""Where the table is: how a camera sees it, and so what a place on the picture is in metres.

World axes as in the simulator: metres, origin on the floor under the table's middle, y along the table, z up; which end is
which nobody can tell, and nobody needs to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ttcli.table.constants import NET_HEIGHT, NET_OVERHANG, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH


@dataclass(frozen=True)
class TableCamera:
    """A pinhole camera that looks at a table."""

    position: np.ndarray
    """(3,) metres."""
    rotation: np.ndarray
    """(3, 3) from world axes to the camera's: x right, y down, z forward."""
    focal: float
    """Pixels."""
    centre: np.ndarray
    """(2,) pixels; pixel centres are whole numbers."""
    width: int
    """Of the picture, pixels."""

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels (..., 2) of points (..., 3); behind the camera they are nonsense."""
        seen = (points - self.position) @ self.rotation.T
        return seen[..., :2] * (self.focal / np.maximum(seen[..., 2:], 1e-6)) + self.centre

    def on_plane(self, pixel: np.ndarray, height: float) -> np.ndarray | None:
        """Return the point (3,) at a height that a pixel (2,) shows, or None where there is none before the camera."""
        ray = self.rotation.T @ np.array([*((pixel - self.centre) / self.focal), 1.0])
        if abs(ray[2]) < 1e-9:
            return None
        far = (height - self.position[2]) / ray[2]
        return self.position + far * ray if far > 0 else None


Tables = Callable[[float], TableCamera | None]
"""How a camera saw the table at a time of the video, in seconds; None where nobody knows."""


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
