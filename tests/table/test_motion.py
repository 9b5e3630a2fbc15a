"""How the picture moves, and where the table is carried."""

import cv2
import numpy as np
from drawn_tables import HALL_HEIGHT as HEIGHT
from drawn_tables import HALL_WIDTH as WIDTH
from drawn_tables import hall
from scenes import true_cameras

from ttcli.table.motion import MotionTracker, farthest_corner, similarity_between


def moved(picture, motion):
    return cv2.warpAffine(picture, motion[:2], (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def test_a_pan_with_a_zoom_is_followed_and_does_not_drift():
    picture, tracker = hall(), MotionTracker(HEIGHT, WIDTH)
    tracker.add(cv2.resize(picture, (512, 288)))
    for step in range(1, 25):
        zoom = 1 + 0.004 * step
        true = np.array([[zoom, 0, -9.0 * step], [0, zoom, 2.0 * step], [0, 0, 1]])
        found = tracker.add(cv2.resize(moved(picture, true), (512, 288)))
        assert found is not None
        assert farthest_corner(found, true, HEIGHT, WIDTH) < 4  # of 1280, after a sixth of the picture


def test_a_still_camera_in_a_dim_hall_does_not_drift_with_its_players():
    chance, tracker = np.random.default_rng(5), MotionTracker(HEIGHT, WIDTH)
    dim = np.full((180, 320, 3), 40, np.uint8)
    cv2.rectangle(dim, (0, 60), (320, 66), (70, 60, 80), -1)
    for x in range(10, 320, 60):
        cv2.rectangle(dim, (x, 60), (x + 25, 90), (20, 20, 20), -1)
    shirts = np.repeat(np.repeat(chance.integers(0, 120, (3, 3, 2, 3)), 16, axis=1), 8, axis=2).astype(np.uint8)
    for step in range(60):
        picture = dim.copy()
        for number, shirt in enumerate(shirts):
            x, y = round(60 + 80 * number + 25 * np.sin(0.1 * step + 2 * number)), round(80 + 8 * np.sin(0.13 * step + number))
            picture[y : y + 48, x : x + 16] = shirt
        noisy = np.clip(picture + chance.normal(0, 1, picture.shape), 0, 255).astype(np.uint8)
        found = tracker.add(cv2.resize(noisy, (WIDTH, HEIGHT)))
        assert found is not None and farthest_corner(found, np.eye(3), HEIGHT, WIDTH) < 1.0


def test_a_camera_that_goes_by_where_it_began_is_not_back():
    """Half way between where it began and where it seems to be, a picture differs from both as much."""
    tracker = MotionTracker(HEIGHT, WIDTH)
    tracker.add(hall())
    first = tracker._first
    height, width = first.shape
    there = np.array([[1, 0, 8.0], [0, 1, 0]])
    tracker._seen = np.vstack([there, [0, 0, 1]])
    half = cv2.warpAffine(first, there * (1, 1, 0.5), (width, height), borderMode=cv2.BORDER_REFLECT)
    assert not tracker._is_back(first, half)
    players = cv2.add(first, np.random.default_rng(0).integers(0, 3, first.shape, np.uint8))
    players[40:120, 60:90] = 200
    assert tracker._is_back(first, players)


def test_a_caption_full_of_letters_does_not_hold_a_camera_that_turns():
    picture = cv2.GaussianBlur(hall(), None, 8.0)
    letters = np.random.default_rng(2).integers(0, 2, (12, 60)).astype(np.uint8) * 255
    caption = np.repeat(cv2.resize(letters, (840, 168), interpolation=cv2.INTER_NEAREST)[..., None], 3, axis=2)
    tracker = MotionTracker(HEIGHT, WIDTH)
    for step in range(20):
        true = np.array([[1, 0, -4.0 * step], [0, 1, 1.5 * step], [0, 0, 1]])
        shown = moved(picture, true)
        shown[20:188, 40:880] = caption
        found = tracker.add(shown)
        assert found is not None and farthest_corner(found, true, HEIGHT, WIDTH) < 6  # of 1280


def test_a_picture_that_shows_too_little_of_the_first_is_compared_with_the_last_one():
    """A banner covers four tenths of the hall, then seven."""
    picture, tracker = hall(), MotionTracker(HEIGHT, WIDTH)
    banner = np.random.default_rng(8).integers(0, 255, (HEIGHT // 12, WIDTH // 12, 3), dtype=np.uint8)
    banner = cv2.resize(banner, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for step, covered in enumerate((0, 0.4, 0.7)):
        true = np.array([[1, 0, -9.0 * step], [0, 1, 2.0 * step], [0, 0, 1]])
        shown, wide = moved(picture, true), round(covered * WIDTH)
        shown[:, :wide] = moved(banner, true)[:, :wide]
        found = tracker.add(shown)
        assert found is not None and farthest_corner(found, true, HEIGHT, WIDTH) < 4, step


def test_what_is_known_better_is_taken():
    picture, tracker = hall(), MotionTracker(HEIGHT, WIDTH)
    tracker.add(picture)
    tracker.add(picture)
    tracker.correct(np.array([[1, 0, 7.0], [0, 1, 0], [0, 0, 1]]))
    assert np.allclose(tracker.add(picture)[:2, 2], [7, 0], atol=0.5)


def test_another_picture_and_an_empty_one_are_no_motion():
    tracker = MotionTracker(HEIGHT, WIDTH)
    tracker.add(hall(0))
    assert tracker.add(hall(1)) is None
    tracker.begin()
    tracker.add(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert tracker.add(np.zeros((HEIGHT, WIDTH, 3), np.uint8)) is None


def test_a_camera_that_turned_is_carried_by_a_similarity():
    camera = true_cameras(1)[0]
    turned = camera.moved(np.array([0.01, 0.03, 0.01, 0, 0, 0, 0.05]))
    motion = similarity_between(camera, turned, 15.0)
    assert motion is not None
    assert similarity_between(camera, true_cameras(1)[3], 15.0) is None
