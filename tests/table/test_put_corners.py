"""Four corners that a person puts make the camera that sees the table there."""

import numpy as np
import pytest

from ttcli.table.by_hand import camera_from_corners
from ttcli.table.camera import TableCamera, landmarks

HEIGHT, WIDTH = 1080, 1920


def camera_at(position, focal):
    """Return a camera that looks at the middle of the table."""
    forward = np.array([0.0, 0.0, 0.76]) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return TableCamera(np.array(position), rotation, focal, np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2]), WIDTH)


@pytest.mark.parametrize(
    ("position", "focal"),
    [((5.0, 0.3, 2.0), 1700.0), ((0.4, -6.0, 3.5), 2200.0), ((4.0, -5.0, 3.0), 2000.0), ((-6.0, 1.0, 1.5), 2500.0)],
)
def test_a_camera_is_made_of_the_corners_that_it_sees(position, focal):
    board = landmarks()[0][:4]
    seen = camera_at(position, focal).project(board)
    around = seen[[0, 2, 3, 1]]
    lowest = max(range(4), key=lambda place: (around[place] + around[(place + 1) % 4])[1])
    corners = np.roll(around, -lowest, axis=0)  # the lower side first
    if corners[0][0] > corners[1][0]:
        corners = corners[[1, 0, 3, 2]]
    shown = camera_from_corners(corners, HEIGHT, WIDTH).project(board)
    assert all(np.linalg.norm(shown - corner, axis=1).min() < 1.5 for corner in corners)


@pytest.mark.parametrize(("position", "focal"), [((8.0, 0.2, 3.0), 2600.0), ((0.1, -15.0, 2.3), 8000.0)])
def test_a_hand_that_misses_a_corner_turns_no_table(position, focal):
    camera = camera_at(position, focal)
    around = camera.project(landmarks()[0][:4])[[0, 2, 3, 1]]
    lowest = max(range(4), key=lambda place: (around[place] + around[(place + 1) % 4])[1])
    corners = np.roll(around, -lowest, axis=0)
    corners = corners[[1, 0, 3, 2]] if corners[0][0] > corners[1][0] else corners
    chance = np.random.default_rng(1)
    for _ in range(4):
        found = camera_from_corners(corners + chance.normal(0, 2, (4, 2)), HEIGHT, WIDTH, like=camera)
        side = abs(found.position[0]) > abs(found.position[1])
        assert side == (abs(position[0]) > abs(position[1]))


def test_corners_that_no_table_has_are_no_camera_or_one_that_misses_them():
    corners = np.array([(100.0, 100.0)] * 4)
    camera = camera_from_corners(corners, HEIGHT, WIDTH)
    assert camera is None or np.abs(camera.project(landmarks()[0][:4]) - corners[0]).max() > 1
