"""Repeated pictures are found where something moves, and no picture of its own is taken for one."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from ball_videos import ball_path, ball_picture
from detection_runs import positions
from stand_ins import WindowRecorder

from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.results.trajectory import Status, read_ball_csv
from ttcli.video.probe import probe
from ttcli.video.reader import Frame, FrameReader
from ttcli.video.repeats import LONGEST_RUN, RepeatFinder

CONFIG = DetectConfig(link=False)


def gray(x: float, noise: float = 0.0, seed: int = 0, contrast: float = 1.0) -> np.ndarray:
    """Return a gray picture with a small ball at column x and the noise of a camera."""
    picture = ball_picture(64, 96, (x, 30.0), radius=1.5)[..., 0].astype(float)
    picture = 40 + (picture - 40) * contrast + np.random.default_rng(seed).normal(0, noise, picture.shape)
    return picture.clip(0, 255).round().astype(np.uint8)


def repeats(grays: list[np.ndarray]) -> list[bool]:
    finder = RepeatFinder()
    decisions = [decision for picture in grays for decision in finder.add(picture)] + finder.finish()
    assert len(decisions) == len(grays)
    return decisions


@pytest.mark.parametrize("pattern", [(2,), (3, 2), (1, 1, 1, 1, 2), (LONGEST_RUN + 1,)])
def test_repeats_of_a_moving_ball_are_found(pattern: tuple[int, ...]) -> None:
    counts = [pattern[index % len(pattern)] for index in range(8)]
    order = [index for index, count in enumerate(counts) for _ in range(count)]
    expected = [index > 0 and order[index] == order[index - 1] for index in range(len(order))]
    # each repeat has a little noise of its own, as the encoder leaves it
    pictures = [gray(10 + 5 * number, noise=0.3, seed=place) for place, number in enumerate(order)]
    assert repeats(pictures)[: -pattern[-1]] == expected[: -pattern[-1]]


@pytest.mark.parametrize("step", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_slow_play_before_a_still_scene_is_no_repeat(step: float, noise: float) -> None:
    pictures = [gray(10 + step * number, noise, seed=number) for number in range(40)]
    assert not any(repeats(pictures))


def test_a_ball_of_low_contrast_that_creeps_is_no_repeat() -> None:
    pictures = [gray(10 + 0.7 * number, contrast=0.2) for number in range(60)]
    assert not any(repeats(pictures))


def test_a_noisy_still_after_play_is_no_repeat() -> None:
    moving = [gray(10 + 5 * number, 2.0, seed=number) for number in range(8)]
    still = [gray(50, 2.0, seed=100 + number) for number in range(5)]
    assert not any(repeats(moving + still + moving))


def test_a_long_still_holds_nobody_up() -> None:
    finder, waiting = RepeatFinder(), 0
    for _ in range(1000):
        waiting += 1 - len(finder.add(gray(20)))
        assert waiting <= LONGEST_RUN
    assert sum(repeats([gray(20)] * 1000)) > 850


def moving(numbers: list[int], duplicates: set[int] = frozenset()) -> list[Frame]:
    path = ball_path(30)
    return [
        Frame(index, index / 50, ball_picture(64, 96, path[number]), duplicate=index in duplicates)
        for index, number in enumerate(numbers)
    ]


def test_windows_are_of_distinct_pictures(ball_video) -> None:
    info, recorder = probe(ball_video(positions=1)), WindowRecorder()
    order = [number for number in range(9) for _ in range(1 + number % 3)]
    frames = [
        Frame(index, index / 50, np.full((32, 32, 3), number, np.uint8), duplicate=index > 0 and order[index - 1] == number)
        for index, number in enumerate(order)
    ]
    rows = list(positions(frames, info, recorder, 32, 32, CONFIG))
    assert recorder.windows == [list(range(9))]
    assert [row.frame_index for row in rows] == list(range(len(order)))
    assert [row.duplicate for row in rows] == [frame.duplicate for frame in frames]


@pytest.mark.parametrize("link", [True, False])
def test_a_repeat_has_the_ball_of_the_picture_that_it_repeats(ball_video, runtime, link: bool) -> None:
    info = probe(ball_video(positions=1))
    order = [number for number in range(20) for _ in range(1 + number % 2)]
    repeated = {index for index in range(1, len(order)) if order[index] == order[index - 1]}
    rows = list(positions(moving(order, repeated), info, runtime, 64, 96, DetectConfig(link=link)))
    assert [row.time_seconds for row in rows] == [index / 50 for index in range(len(order))]
    for index in repeated:
        assert (rows[index].x, rows[index].y, rows[index].confidence) == (
            rows[index - 1].x, rows[index - 1].y, rows[index - 1].confidence,
        )  # fmt: skip
    for row, number in zip(rows, order, strict=True):
        assert (row.x, row.y) == pytest.approx(ball_path(30)[number], abs=0.35)


def test_a_repeat_after_a_broken_frame_has_the_ball_of_the_last_good_one(ball_video, runtime) -> None:
    info = probe(ball_video(positions=1))
    frames = moving([0, 1, 2, 2, 3, 4, 5], {3})
    frames[2:4] = [frames[2]._replace(picture=None), frames[3]._replace(picture=frames[1].picture)]
    rows = list(positions(frames, info, runtime, 64, 96, CONFIG))
    assert [row.status for row in rows] == [Status.SEEN, Status.SEEN, Status.BROKEN, *[Status.SEEN] * 4]
    assert (rows[3].x, rows[3].y) == (rows[1].x, rows[1].y)


@pytest.mark.parametrize(("repeat", "expected"), [(1, 2), (2, 1), (10, 1)])
def test_windows_stride_by_the_rate_of_distinct_pictures(ball_video, repeat: int, expected: int) -> None:
    info, recorder = probe(ball_video(positions=1, frame_rate=Fraction(240))), WindowRecorder()
    frames = [
        Frame(index, index / 240, np.full((32, 32, 3), index // repeat, np.uint8), duplicate=index % repeat > 0)
        for index in range(30 * repeat)
    ]
    rows = list(positions(iter(frames), info, recorder, 32, 32, CONFIG))
    assert [row.frame_index for row in rows] == list(range(30 * repeat))
    assert {window[1] - window[0] for window in recorder.windows} == {expected}


def test_real_frames_at_any_rate_are_no_repeats(ball_video, tmp_path: Path, runtime) -> None:
    for rate in (25, 120):
        video = ball_video(positions=40, frame_rate=Fraction(rate))
        detect([video], tmp_path / "ball.csv", DetectConfig(overwrite=True), runtime=runtime)
        assert not any(row.duplicate for row in read_ball_csv(tmp_path / "ball.csv"))


def test_only_a_reader_that_is_asked_judges(ball_video) -> None:
    video = ball_video(positions=[(20.0, 20.0)] * 5)
    with FrameReader(probe(video)) as plain, FrameReader(probe(video), judge=True) as judging:
        assert not any(frame.duplicate for frame in plain)
        assert [frame.duplicate for frame in judging] == [False, True, True, True, True]
