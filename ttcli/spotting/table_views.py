"""What a known table adds to sightings: where they lie against it, which way is up, and how long a metre is."""

from typing import NamedTuple

import numpy as np
import torch

from ttcli.spotting.paths import TABLE_FEATURES
from ttcli.table.camera import TableCamera, Tables
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

STEP_SECONDS = 0.25
"""How often the camera is asked for: it turns little meanwhile."""
FARTHEST = 3.0
"""Half lengths and widths of the table, beyond which all places are alike."""
SCALE = 4.0
"""By which shares of the picture for a metre are multiplied, so that they are about 1."""
_PLANE = TABLE_HEIGHT + BALL_RADIUS
_MIDDLE = np.array([0.0, 0.0, _PLANE])
MIRROR = torch.tensor([1.0, 1.0, -1.0, -1.0, 1.0, 1.0])
"""What features are multiplied by where a picture is mirrored: the table is turned, so that its right end is at 1 again."""
_RISE = 0.2
"""Metres over which "up" is taken."""
_LEAST_DEPTH = 0.05


class Views(NamedTuple):
    """Cameras of N sightings."""

    position: np.ndarray
    """(N, 3) metres."""
    rotation: np.ndarray
    """(N, 3, 3) from world axes to the camera's."""
    focal: np.ndarray
    """(N,) pixels."""
    centre: np.ndarray
    """(N, 2) pixels."""

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels (N, 2) of points (N, 3), one for each camera, and their depths (N,)."""
        seen = np.einsum("nij,nj->ni", self.rotation, points - self.position)
        depth = np.maximum(seen[:, 2], _LEAST_DEPTH)
        return seen[:, :2] * (self.focal / depth)[:, None] + self.centre, depth


def table_features(times: np.ndarray, pixels: np.ndarray, tables: Tables, width: int) -> np.ndarray:
    """Return what is known of sightings by the table, (N, TABLE_FEATURES), zeros where nobody knows of one.

    Args:
        times: (N,) seconds.
        pixels: (N, 2) of the picture.
        tables: Where the table is, at a time.
        width: Width of the picture, pixels.
    """
    told = np.zeros((len(times), TABLE_FEATURES))
    if not len(times):
        return told
    steps, step_of = np.unique(np.floor(times / STEP_SECONDS), return_inverse=True)
    cameras = [tables(float((step + 0.5) * STEP_SECONDS)) for step in steps]
    known = np.array([camera is not None for camera in cameras])[step_of]
    if known.any():
        told[known] = seen_on_table(pixels[known], _views([cameras[step] for step in step_of[known]]), width)
    return told


def seen_on_table(pixels: np.ndarray, views: Views, width: int) -> np.ndarray:
    """Return features (N, TABLE_FEATURES) of sightings (N, 2) in pixels, each by its own camera.

    1 where the line of sight meets the table's plane, else 0.5. The place where it does, across and along the table, -1
    and 1 at its edges, turned so that the right end of the picture is at 1. Which way is up there, (x, y), and how long
    a metre is, in picture widths times SCALE.
    """
    rays = np.einsum(
        "nji,nj->ni",
        views.rotation,
        np.column_stack([(pixels - views.centre) / views.focal[:, None], np.ones(len(pixels))]),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        away = (_PLANE - views.position[:, 2]) / rays[:, 2]
    meets = np.isfinite(away) & (away > 0)
    places = np.where(meets[:, None], views.position + np.where(meets, away, 0)[:, None] * rays, _MIDDLE)
    at, depth = views.project(places)
    above, _ = views.project(places + [0, 0, _RISE])
    middle, end = (views.project(np.broadcast_to(_MIDDLE + [0, y, 0], places.shape))[0] for y in (0.0, 0.5))
    turn = np.where(end[:, 0] >= middle[:, 0], 1.0, -1.0)
    table = places[:, :2] * turn[:, None] / (TABLE_WIDTH / 2, TABLE_LENGTH / 2)
    table = np.where(meets[:, None], table.clip(-FARTHEST, FARTHEST), 0.0)
    up = (above - at) / (_RISE * width)
    metre = views.focal / (depth * width)
    features = np.column_stack([np.where(meets, 1.0, 0.5), table, SCALE * up, SCALE * metre])
    return features.clip(-FARTHEST, FARTHEST)


def _views(cameras: list[TableCamera | None]) -> Views:
    known = [camera for camera in cameras if camera is not None]
    return Views(
        np.array([camera.position for camera in known]),
        np.array([camera.rotation for camera in known]),
        np.array([camera.focal for camera in known]),
        np.array([camera.centre for camera in known]),
    )
