"""Where the table is: how a camera sees it, and so what a place on the picture is in metres.

World axes as in the simulator: metres, origin on the floor under the table's middle, y along the table, z up; which end is
which nobody can tell, and nobody needs to.
"""

from collections.abc import Callable
from dataclasses import dataclass

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
    """Return the places (8, 3) that a `networks.table_finder.TableFinder` finds, and the kind of each, (8,).

    Four corners of the board, the two ends of the net on its edges, and the tops of the two posts.
    """
    across, along, beyond = TABLE_WIDTH / 2, TABLE_LENGTH / 2, TABLE_WIDTH / 2 + NET_OVERHANG
    corners = [(x, y, TABLE_HEIGHT) for x in (-across, across) for y in (-along, along)]
    middles = [(x, 0.0, TABLE_HEIGHT) for x in (-across, across)]
    posts = [(x, 0.0, TABLE_HEIGHT + NET_HEIGHT) for x in (-beyond, beyond)]
    return np.array(corners + middles + posts), np.array([0] * 4 + [1] * 2 + [2] * 2)
