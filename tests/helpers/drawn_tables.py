"""What a perfect finder says of a table that a camera sees."""

import cv2
import numpy as np

from ttcli.networks.table_finder import CENTRE, END, KINDS, NET, SIDE, TOP
from ttcli.table.camera import TableCamera, landmarks, outlines
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH
from ttcli.table.evidence import WHOLE, Evidence, Region

HEIGHT, WIDTH = 1080, 1920
CELLS = 72, 128
HALL_HEIGHT, HALL_WIDTH = 720, 1280
SURE = 0.9


def maps_of(camera: TableCamera, missing=(), error: float = 0.0, random=None, region: Region = WHOLE) -> np.ndarray:
    """Return maps (KINDS, 72, 128) of a region of a picture of full HD, without some landmarks, peaks off by `error` cells."""
    maps = np.zeros((KINDS, *CELLS), np.float32)
    seen = Evidence(maps, WIDTH, HEIGHT, region)
    rows, columns = np.mgrid[: CELLS[0], : CELLS[1]]
    for number, (place, kind) in enumerate(zip(*landmarks(), strict=True)):
        x, y = seen.cells(camera.project(place)) + (error * random.normal(size=2) if error else 0)
        if number not in missing:
            maps[kind] = np.maximum(maps[kind], np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2.9))
    for kind, name in ((SIDE, "side"), (END, "end"), (CENTRE, "centre"), (NET, "net"), (TOP, "top")):
        plane = np.zeros(CELLS, np.uint8)
        for line in outlines()[name]:
            cells = np.clip(np.round(seen.cells(camera.project(line)) * 16), -(2**20), 2**20).astype(np.int32)
            if kind in (NET, TOP):
                cv2.fillPoly(plane, [cells], 255, cv2.LINE_AA, 4)
            else:
                cv2.polylines(plane, [cells], False, 255, 1, cv2.LINE_AA, 4)
        maps[kind] = plane / 255
    return SURE * maps


def corners_off(found: TableCamera, true: TableCamera) -> float:
    """Return how far the worst corner is off, pixels; which end of the table is which does not count."""
    corners = landmarks()[0][:4]
    here, there = found.project(corners), true.project(corners)
    return min(float(np.linalg.norm(here - turned, axis=1).max()) for turned in (there, there[::-1]))


def is_seen_whole(camera: TableCamera) -> bool:
    """Return whether all landmarks are on the picture, and the table is no sliver."""
    seen = camera.project(landmarks()[0])
    inside = ((seen > 20) & (seen < (WIDTH - 20, HEIGHT - 20))).all()
    return bool(inside and np.ptp(seen[:4], axis=0).min() > 80)


def hall(seed: int = 0) -> np.ndarray:
    """Return a picture of 1280x720 pixels in which points can be followed."""
    random = np.random.default_rng(seed)
    picture = np.full((HALL_HEIGHT, HALL_WIDTH, 3), 90, np.uint8)
    for x, y, w, h in random.integers((0, 0, 10, 10), (HALL_WIDTH, HALL_HEIGHT, 90, 70), (250, 4)):
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), [int(v) for v in random.integers(0, 255, 3)], -1)
    return picture


def painted(
    camera: TableCamera,
    line=(240, 240, 240),
    top=(40, 70, 130),
    floor=(120, 60, 50),
    seed: int = 0,
    hump: float = 0.0,
    tape=(245, 245, 245),
    side=(25, 25, 25),
) -> np.ndarray:
    """Return a picture (HEIGHT / 2, WIDTH / 2, 3) of a table with its lines, its edge, its net and a floor.

    `hump` tells how much higher it is at the net, metres.
    """
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:] = floor

    def fill(places: np.ndarray, colour: tuple[int, int, int]) -> None:
        cv2.fillConvexPoly(picture, np.round(camera.project(places) * 16).astype(np.int32), colour, cv2.LINE_8, 4)

    def board(across: float, along: float, colour: tuple[int, int, int], z: float = TABLE_HEIGHT) -> None:
        for end in (-along, along):
            rise = hump * (1 - abs(end) / (TABLE_LENGTH / 2))
            corners = [(-across, end, z + rise), (across, end, z + rise), (across, 0, z + hump), (-across, 0, z + hump)]
            fill(np.array(corners), colour)

    across, along = TABLE_WIDTH / 2, TABLE_LENGTH / 2
    board(across, along, side, TABLE_HEIGHT - 0.04)
    board(across, along, line)
    board(across - 0.02, along - 0.02, top)
    board(0.0015, along, line)
    clear, net = picture.copy(), outlines()["net"][0][[0, 9, 18, 27]] + [0, 0, hump]
    fill(net, (30, 30, 30))
    picture = cv2.addWeighted(picture, 0.5, clear, 0.5, 0)
    fill(np.concatenate([net[2:], net[:1:-1] - [0, 0, 0.015]]), tape)
    picture = cv2.resize(picture, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(seed).integers(-8, 9, picture.shape, np.int16)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)
