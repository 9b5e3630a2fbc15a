"""Cuts are found where one scene ends and another begins, and nowhere else; no window crosses one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from ball_videos import ball_path, ball_picture, write_video
from detection_runs import positions
from stand_ins import WindowRecorder

from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.errors import OutputError, SettingError
from ttcli.video.cuts import AROUND, CutFinder
from ttcli.video.probe import probe
from ttcli.video.reader import Frame, FrameReader


def scene(seed: int, height: int = 144, width: int = 512) -> np.ndarray:
    """Return a wide gray picture of patches."""
    patches = np.random.default_rng(seed).integers(20, 236, (height // 24, width // 24 + 1), np.uint8)
    return cv2.resize(patches, (width, height), interpolation=cv2.INTER_LINEAR)


def view(picture: np.ndarray, left: float, width: int = 256) -> np.ndarray:
    return np.ascontiguousarray(picture[:, round(left) : round(left) + width])


def cuts(grays: list[np.ndarray]) -> list[int]:
    finder = CutFinder()
    decisions = [decision for gray in grays for decision in finder.add(gray)] + finder.finish()
    assert len(decisions) == len(grays)
    return [index for index, decision in enumerate(decisions) if decision]


@pytest.mark.parametrize("place", [1, 2, 10, 19])
def test_a_cut_is_found_at_its_frame(place: int) -> None:
    first, second = view(scene(1), 0), view(scene(2), 0)
    assert cuts([first] * place + [second] * (20 - place)) == [place]


def test_several_cuts_are_found() -> None:
    place = 5
    shots = [view(scene(seed), 0) for seed in range(4)]
    assert cuts([shot for shot in shots for _ in range(place)]) == [place, 2 * place, 3 * place]


@pytest.mark.parametrize("speed", [1, 5, 20])
def test_a_pan_is_no_cut(speed: int) -> None:
    picture = scene(3, width=1024)
    frames = [view(picture, speed * max(0, number - 10)) for number in range(10 + 700 // speed)]
    assert cuts(frames[:60]) == []


def test_a_zoom_is_no_cut() -> None:
    picture = scene(4, 288, 512)
    frames = []
    for number in range(30):
        margin = 2 * number
        frames.append(cv2.resize(picture[margin : 288 - margin, 2 * margin : 512 - 2 * margin], (256, 144)))
    assert cuts(frames) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length: int) -> None:
    dark, bright = view(scene(5), 0), cv2.convertScaleAbs(view(scene(5), 0), alpha=1.6, beta=90)
    assert cuts([dark] * 10 + [bright] * length + [dark] * 10) == []


def test_one_damaged_picture_is_no_cut() -> None:
    good, garbage = view(scene(6), 0), view(scene(7), 0)
    assert cuts([good] * 10 + [garbage] + [good] * 10) == []


def test_lights_that_go_on_are_no_cut() -> None:
    dark = view(scene(8), 0)
    assert cuts([dark // 2] * 10 + [dark] * 10) == []


def test_a_large_ball_before_the_lens_is_no_cut() -> None:
    frames = []
    for number in range(20):
        frame = view(scene(9), 0)
        cv2.circle(frame, (20 + 14 * number, 70), 40, 240, -1)
        frames.append(frame)
    assert cuts(frames) == []


def test_a_black_frame_between_two_scenes_parts_them() -> None:
    first, second, black = view(scene(1), 0), view(scene(2), 0), np.zeros((144, 256), np.uint8)
    assert len(cuts([first] * 8 + [black] * 6 + [second] * 8)) >= 1


def test_decisions_come_soon() -> None:
    finder, waiting = CutFinder(), 0
    for _ in range(100):
        waiting += 1 - len(finder.add(view(scene(1), 0)))
        assert waiting <= AROUND


def test_no_window_crosses_a_cut(ball_video) -> None:
    info, recorder = probe(ball_video(positions=1)), WindowRecorder()
    frames = [Frame(index, index / 25, np.full((32, 32, 3), index, np.uint8), shot=int(index >= 13)) for index in range(30)]
    rows = list(positions(frames, info, recorder, 32, 32, DetectConfig()))
    assert [row.frame_index for row in rows] == list(range(30))
    for window in recorder.windows:
        assert len({number >= 13 for number in window}) == 1
    assert {number for window in recorder.windows for number in window} == set(range(30))


def pictures_of_two_shots() -> list[np.ndarray]:
    """Return 30 pictures with a ball on its path; the wall behind it is another one from the thirteenth on."""
    pictures = []
    for index, place in enumerate(ball_path(30)):
        wall = np.where(np.arange(96)[None, :, None] < (48 if index < 13 else 24), 0, 45).astype(np.uint8)
        wall = wall if index < 13 else 60 - wall
        pictures.append(np.maximum(ball_picture(64, 96, place), wall))
    return pictures


def test_shots_are_written_and_the_ball_is_found_on_both_sides_of_a_cut(tmp_path: Path, runtime) -> None:
    video = write_video(tmp_path / "match.mp4", pictures_of_two_shots())
    with FrameReader(probe(video), judge=True) as reader:
        assert [frame.shot for frame in reader] == [0] * 13 + [1] * 17
    config = DetectConfig(shots=tmp_path / "shots.csv")
    [summary] = detect([video], tmp_path / "ball.csv", config, runtime=runtime)
    assert (summary.shots, summary.frames, summary.seen) == (2, 30, 30)
    assert "2 shots" in str(summary)
    assert (tmp_path / "shots.csv").read_text() == (
        "shot,first_frame,last_frame,start_s,end_s\n0,0,12,0.000000,0.480000\n1,13,29,0.520000,1.160000\n"
    )
    with pytest.raises(OutputError, match="shots.csv: exists"):
        detect([video], tmp_path / "other.csv", config, runtime=runtime)


def test_shots_are_of_one_video_and_a_file_of_their_own(ball_video, tmp_path: Path, runtime) -> None:
    video = ball_video(positions=3)
    with pytest.raises(SettingError, match="--shots: is for one video"):
        detect([video, ball_video("b.mp4", 3)], tmp_path / "out", DetectConfig(shots=tmp_path / "s.csv"), runtime=runtime)
    for name in ("ball.csv", "ball.json"):
        with pytest.raises(SettingError, match="--shots: is the same file"):
            detect([video], tmp_path / "ball.csv", DetectConfig(shots=tmp_path / name), runtime=runtime)
    with pytest.raises(OutputError, match="is the video itself"):
        detect([video], tmp_path / "ball.csv", DetectConfig(shots=video, overwrite=True), runtime=runtime)
