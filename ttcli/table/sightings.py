"""What the ball shows about a table: it is played over one, and bounces on it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH
from ttcli.table.evidence import Region

MOST = 600
"""Sightings of the ball that are kept of a stretch."""
LEAST, LEAST_LOWEST = 25, 5
"""Sightings, and lowest points among them, from which on they tell something."""
ELSEWHERE, THERE = 0.15, 0.4
"""Parts of the sightings over a table: with less it is another one that is played on, with more it may be this one."""
LEAST_ALONE, MORE_ALONE = 6, 3.0
"""Sightings over one table alone, and how many times as many as over another one alone, that rule the other one out."""
ON_BOARD = 0.34
"""Part of the lowest points that lie on the board at the least."""
BESIDE_BOARD = 0.2
"""Metres beside the board at which a lowest point may still be a bounce on it."""
LONGEST_STEP = 0.1
"""Seconds between sightings that are of one path."""
LEAST_RISE = 4.0 / 1920
"""Picture widths that a path rises on both sides of a lowest point."""


class Room(NamedTuple):
    """The air over a table: metres beside the board, behind its ends and above it."""

    aside: float
    beyond: float
    above: float


PLAYED = Room(0.35, 0.9, 0.75)
"""In which the ball is nearly always."""
MOSTLY = Room(0.2, 0.5, 0.5)
"""In which it is mostly: where two tables are seen one behind the other, there it is seldom over both."""


class Sighting(NamedTuple):
    """Where the ball was seen."""

    seconds: float
    x: float
    y: float


def verdict(camera_at: Callable[[float], TableCamera], seen: list[Sighting]) -> bool | None:
    """Return whether the ball is played over a table, False where it is not, None where it does not tell.

    Args:
        camera_at: How the table is seen at a time.
        seen: Sightings of the ball in order of time.
    """
    if len(seen) < LEAST:
        return None
    cameras = [camera_at(each.seconds) for each in seen]
    over = over_table(cameras, seen)
    if over.mean() < ELSEWHERE:
        return False
    lowest = [number for number in _lowest(seen, cameras[0].width) if over[number]]
    on_board = [_on_board(cameras[number], seen[number]) for number in lowest]
    if len(lowest) >= LEAST_LOWEST and np.mean(on_board) < ON_BOARD:
        return False
    return True if over.mean() > THERE else None


def over_table(cameras: Sequence[TableCamera], seen: Sequence[Sighting], room: Room = PLAYED) -> np.ndarray:
    """Return which sightings (N,) are in the air over a table, or just behind its ends, by the camera (N) of each."""
    return np.array([_over(camera, each, room) for camera, each in zip(cameras, seen, strict=True)], bool)


def rather_over(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether the ball is played over one table and not over another, by which sightings (N,) are over each.

    Those over both do not tell: a table behind another one lies in the air over that.
    """
    alone = int((one & ~other).sum())
    return alone >= LEAST_ALONE and alone > MORE_ALONE * int((other & ~one).sum())


def above_region(region: Region, height: int, width: int, seen: list[Sighting]) -> np.ndarray:
    """Return which sightings (N,) are in or above a part of a picture that shows a table, no higher than that part is."""
    places = np.array([(each.x, each.y) for each in seen]).reshape(-1, 2) / (width, height)
    low = region.left, region.top - region.height
    high = region.left + region.width, region.top + region.height
    return np.array([((low < place) & (place < high)).all() for place in places], bool)


def _over(camera: TableCamera, ball: Sighting, room: Room) -> bool:
    """Return whether a ball is seen in the air over a table, or just behind its ends."""
    x, y = TABLE_WIDTH / 2 + room.aside, TABLE_LENGTH / 2 + room.beyond
    box = np.array([[i * x, j * y, TABLE_HEIGHT + k] for i in (-1, 1) for j in (-1, 1) for k in (-0.1, room.above)])
    hull = cv2.convexHull(camera.project(box).astype(np.float32))
    return cv2.pointPolygonTest(hull, (ball.x, ball.y), False) >= 0


def _lowest(seen: list[Sighting], width: int) -> list[int]:
    """Return which sightings are the lowest of a path that rises on both sides."""
    found = []
    for number in range(2, len(seen) - 2):
        span = seen[number - 2 : number + 3]
        if span[-1].seconds - span[0].seconds > 4 * LONGEST_STEP:
            continue
        here = span[2].y
        rises = (span[0].y < here - LEAST_RISE * width) and (span[4].y < here - LEAST_RISE * width)
        if rises and here >= span[1].y and here > span[3].y:
            found.append(number)
    return found


def _on_board(camera: TableCamera, ball: Sighting) -> bool:
    place = camera.on_plane(np.array([ball.x, ball.y]), TABLE_HEIGHT + BALL_RADIUS)
    reach = np.array([TABLE_WIDTH, TABLE_LENGTH]) / 2 + BESIDE_BOARD
    return place is not None and bool((np.abs(place[:2]) < reach).all())
