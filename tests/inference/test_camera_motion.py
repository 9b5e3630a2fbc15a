"""The camera's motion is found, windows are laid over their middle frame, and answers carried back where they belong."""

import cv2
import numpy as np
import pytest
import torch
from stand_ins import BrightestSpot

from ttcli.inference.camera_motion import LOOK_EVERY, CameraTracker, align, carry_back, corner_motion
from ttcli.inference.predictor import StreamingPredictor
from ttcli.inference.runtimes import TorchRuntime
from ttcli.networks.heatmaps import decode_heatmaps, draw_targets

HEIGHT, WIDTH = 160, 256


def hall(seed: int = 0, height: int = 3 * HEIGHT, width: int = 3 * WIDTH) -> np.ndarray:
    """Return a large picture with things to hold on to."""
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 150, (height // 12, width // 12, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def view(left: float, top: float, zoom: float = 1.0) -> np.ndarray:
    """Return the map (3, 3) from the pixels of a picture to those of the hall."""
    return np.array([[1 / zoom, 0, left], [0, 1 / zoom, top], [0, 0, 1]])


def film(views: list[np.ndarray], noise: float = 1.0) -> list[np.ndarray]:
    """Return pictures of the hall as a camera takes them that is turned and zoomed."""
    random, background = np.random.default_rng(1), hall()
    pictures = []
    for each in views:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(background, each[:2], (WIDTH, HEIGHT), flags=flags).astype(float)
        pictures.append((picture + noise * random.normal(size=picture.shape)).clip(0, 255).astype(np.uint8))
    return pictures


def tracked(pictures: list[np.ndarray]) -> CameraTracker:
    tracker = CameraTracker(HEIGHT, WIDTH)
    for picture in pictures:
        tracker.add(picture)
    return tracker


def test_a_pan_with_a_zoom_is_followed():
    views = [view(200 + 2.5 * n, 150 - 0.7 * n, 1 + 0.004 * n) for n in range(40)]
    tracker = tracked(film(views))
    for first in range(31):  # over the nine frames of a window
        found = np.linalg.inv(tracker.pose(first)) @ tracker.pose(first + 8)
        true = np.linalg.inv(views[first]) @ views[first + 8]
        assert corner_motion(np.linalg.inv(true) @ found, HEIGHT, WIDTH) < 1.5, first
        assert corner_motion(true, HEIGHT, WIDTH) > 15


def test_a_camera_that_stands_still_has_one_pose_to_the_bit():
    tracker = tracked(film([view(200, 150)] * 40, noise=4.0))
    assert all(np.array_equal(pose, np.eye(3)) for pose in tracker.poses)


def test_a_camera_that_begins_to_move_is_noticed_and_one_that_stops_too():
    views = [view(200 + 3.0 * min(max(n - 20, 0), 30), 150) for n in range(100)]
    tracker = tracked(film(views))
    for number in range(100):
        found = np.linalg.inv(tracker.pose(0)) @ tracker.pose(number)
        # the start is spread over the pictures since the last look
        assert abs(found[0, 2] - 3.0 * min(max(number - 20, 0), 30)) < (3 * LOOK_EVERY if number < 30 else 2.5), number
    assert np.array_equal(tracker.pose(90), tracker.pose(99))


def test_players_before_a_still_camera_are_no_motion():
    pictures = film([view(200, 150)] * 40)
    for number, picture in enumerate(pictures):
        picture[40:150, 20 + 3 * number : 80 + 3 * number] = hall(7)[:110, 3 * number : 3 * number + 60]
    assert all(np.array_equal(pose, np.eye(3)) for pose in tracked(pictures).poses)


def test_in_a_dim_hall_players_who_are_most_of_what_can_be_followed_are_no_motion():
    chance = np.random.default_rng(5)
    dim = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for left in range(8, WIDTH, 48):
        cv2.rectangle(dim, (left, 54), (left + 20, 80), (20, 20, 20), -1)
    shirts = np.repeat(np.repeat(chance.integers(0, 120, (3, 3, 2, 3)), 16, axis=1), 8, axis=2).astype(np.uint8)
    pictures = []
    for number in range(80):
        picture = dim.copy()
        for place, shirt in enumerate(shirts):
            x, y = round(48 + 64 * place + 20 * np.sin(0.1 * number + 2 * place)), round(72 + 7 * np.sin(0.13 * number + place))
            picture[y : y + 48, x : x + 16] = shirt
        pictures.append(np.clip(picture + chance.normal(0, 1, picture.shape), 0, 255).astype(np.uint8))
    assert all(np.array_equal(pose, np.eye(3)) for pose in tracked(pictures).poses)


def test_letters_of_a_caption_do_not_hold_a_camera_that_pans():
    views = [view(200 + 1.5 * n, 150) for n in range(60)]
    letters = np.repeat(np.repeat(np.random.default_rng(2).integers(0, 2, (8, 24, 1)) * 255, 4, axis=0), 4, axis=1)
    pictures = film(views)
    for picture in pictures:
        picture[112:144, 16:112] = letters
    tracker = tracked(pictures)
    for first in range(2 * LOOK_EVERY, 52):
        found = np.linalg.inv(tracker.pose(first)) @ tracker.pose(first + 8)
        assert abs(found[0, 2] - 12) < 2.5, first


def test_nothing_to_hold_on_to_is_no_motion():
    pictures = [np.full((HEIGHT, WIDTH, 3), 40 + number, np.uint8) for number in range(30)]
    assert all(np.array_equal(pose, np.eye(3)) for pose in tracked([*pictures, None]).poses)


def test_poses_that_are_forgotten_leave_the_others_in_place():
    tracker = tracked(film([view(200 + 3 * n, 150) for n in range(30)]))
    kept = tracker.pose(25)
    tracker.forget(20)
    assert tracker.pose(25) is kept and len(tracker.poses) == 10
    tracker.forget(1000)
    assert len(tracker.poses) == 1  # the next picture needs one to go on from


def test_pictures_laid_over_each_other_show_the_same():
    views = [view(200 + 4 * n, 150 - n) for n in range(5)]
    pictures = film(views, noise=0)
    maps = [np.linalg.inv(views[2]) @ each for each in views]
    laid = np.stack(align(pictures, maps)).astype(int)
    assert np.array_equal(laid[2], pictures[2])
    inner = np.s_[:, 10:-10, 16:-16]
    assert np.abs(laid[inner] - pictures[2][10:-10, 16:-16].astype(int)).max() <= 4
    assert np.abs(pictures[0].astype(int) - pictures[2]).max() > 40


def test_answers_are_carried_back_to_where_the_ball_is():
    maps = [view(dx, dy, zoom) for dx, dy, zoom in ((0, 0, 1), (6.3, -2.2, 1), (-11.5, 3.4, 1.03), (2.0, 9.1, 0.97))]
    balls = torch.tensor([[60.0, 70.0], [100.3, 52.8], [91.7, 80.2], [130.1, 33.3]])
    there = torch.tensor(np.array([(each @ [*ball.tolist(), 1])[:2] for each, ball in zip(maps, balls, strict=True)])).float()
    seen = torch.ones(1, 4, dtype=torch.bool)
    targets = draw_targets(there[None], seen, seen, HEIGHT // 4, WIDTH // 4)
    heat, offsets = carry_back(targets.heat[0], targets.offsets[0], maps, 4)
    peaks = decode_heatmaps(heat[None], offsets[None])
    assert (torch.stack([peaks.x, peaks.y], -1)[0] - balls).abs().max() < 0.02
    assert peaks.confidence.min() > 0.6
    assert torch.allclose(heat[0], targets.heat[0, 0], atol=1e-3)  # the frame that the others are laid over


def test_what_lies_beyond_the_border_has_no_answer():
    heat, offsets = torch.full((1, HEIGHT // 4, WIDTH // 4), 0.5), torch.zeros(1, 2, HEIGHT // 4, WIDTH // 4)
    carried, _ = carry_back(heat, offsets, [view(40.0, 0.0)], 4)
    assert carried[0, :, -10:].max() == 0 and (carried[0, :, :-10] - 0.5).abs().max() < 1e-5


@pytest.mark.parametrize("stride", [1, 2])
def test_the_ball_is_found_where_it_is_while_the_camera_pans(stride):
    views = [view(200 + 3 * n, 150) for n in range(40)]
    pictures = film(views, noise=0)
    balls = [(40.0 + 4 * n, 80 + 20 * np.sin(n / 5)) for n in range(40)]
    for picture, (x, y) in zip(pictures, balls, strict=True):
        np.floor_divide(picture, 3, out=picture)  # the stand-in takes what is bright for the ball
        cv2.circle(picture, (round(x * 16), round(y * 16)), 3 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    runtime = TorchRuntime(BrightestSpot(), {"area": HEIGHT * WIDTH}, device="cpu", precision="fp32")
    predictor = StreamingPredictor(runtime, HEIGHT, WIDTH, 3, stride)
    for _ in range(2):  # another shot begins anew
        answers = list(predictor.answers(pictures))
        assert len(answers) == 40
        for answer, (x, y) in zip(answers, balls, strict=True):
            assert np.hypot(answer.peaks[0].x - x, answer.peaks[0].y - y) < 1.0
        assert len(predictor.camera.poses) < 40
