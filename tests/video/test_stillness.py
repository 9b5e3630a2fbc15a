"""Points are followed in every part of a picture, and what rests before a hall that moves is a caption."""

import cv2
import numpy as np
import pytest

from ttcli.video.stillness import SQUARE, points_of_all_parts, stands_still


def test_letters_do_not_keep_all_points_to_themselves():
    chance = np.random.default_rng(3)
    hall = cv2.resize(chance.integers(20, 150, (14, 24)).astype(np.uint8), (288, 160), interpolation=cv2.INTER_CUBIC)
    letters = np.repeat(np.repeat(chance.integers(0, 2, (12, 24)), 4, axis=0), 4, axis=1) * 130 + 50
    hall[100:148, 10:106] = letters
    points = points_of_all_parts(hall)[:, 0]
    among_letters = (points > (8, 98)).all(1) & (points < (108, 150)).all(1)
    assert 3 * among_letters.sum() < len(points)
    squares, count = np.unique(points // SQUARE, axis=0, return_counts=True)
    assert count.max() <= 2 and len(squares) > 50  # of 84


def test_an_empty_picture_has_no_points():
    assert points_of_all_parts(np.full((160, 288), 90, np.uint8)).shape == (0, 1, 2)


@pytest.mark.parametrize(("hall_rests", "still"), [(False, False), (True, True)])
def test_a_third_at_rest_is_a_caption_and_no_still_camera(hall_rests, still):
    """A hall out of focus is followed badly: 5 of its 40 points to a tenth of a pixel, 27 to a third."""
    hall_off = np.repeat([0.05, 0.2, 0.5], [5, 22, 13])
    points = np.random.default_rng(4).uniform(0, 160, (62, 1, 2)).astype(np.float32)
    followed = points.copy()
    followed[:40, 0, 0] += 3 + hall_off
    if hall_rests:
        followed[20:40] = points[20:40]
    assert stands_still(points, followed, np.array([[1, 0, 3.0], [0, 1, 0]])) is still
