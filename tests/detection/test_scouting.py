"""A video whose ball is large is shown to the network smaller, every other one as usual."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from ball_videos import write_video
from stand_ins import BrightestSpot

from ttcli.configs import DetectConfig
from ttcli.detection import scouting
from ttcli.detection.decision import positions_in
from ttcli.detection.scouting import WANTED, fitting_size, plan_video, wanted_step
from ttcli.inference.runtimes import TorchRuntime
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

HEIGHT, WIDTH = 288, 512


@pytest.fixture
def runtime():
    return TorchRuntime(BrightestSpot(), {"area": HEIGHT * WIDTH}, device="cpu", precision="fp32")


def ball_of(radius, frames=60, scale=1):
    """Yield pictures, `scale` times as large as the network's, of a ball that flies to and fro."""
    for frame in range(frames):
        picture = np.full((HEIGHT * scale, WIDTH * scale, 3), 50, np.uint8)
        x, y = 256 + 180 * np.sin(frame / 8), 144 + 60 * np.cos(frame / 6)
        cv2.circle(
            picture, (round(x * scale * 16), round(y * scale * 16)), round(radius * scale * 16), (250,) * 3, -1, cv2.LINE_AA, 4
        )
        yield picture


@pytest.mark.parametrize("frames", [60, 200])
def test_a_large_ball_is_seen_on_a_smaller_picture(tmp_path, runtime, frames):
    info = probe(write_video(tmp_path / "a.mp4", ball_of(6.5, frames)))
    height, width = fitting_size(info, runtime)
    assert (height, width) != (HEIGHT, WIDTH) and height % 32 == width % 32 == 0
    assert 13 * (height * width / (HEIGHT * WIDTH)) ** 0.5 == pytest.approx(WANTED, rel=0.35)


@pytest.mark.parametrize("radius", [1.5, 3.0])
def test_any_other_ball_is_seen_as_usual(tmp_path, runtime, radius):
    assert fitting_size(probe(write_video(tmp_path / "a.mp4", ball_of(radius))), runtime) == (HEIGHT, WIDTH)


def test_where_no_ball_can_be_measured_all_is_as_usual(tmp_path, runtime):
    still = (np.full((HEIGHT, WIDTH, 3), 50, np.uint8) for _ in range(60))
    assert fitting_size(probe(write_video(tmp_path / "a.mp4", still)), runtime) == (HEIGHT, WIDTH)
    short = list(ball_of(6.5))[:3]
    assert fitting_size(probe(write_video(tmp_path / "b.mp4", iter(short))), runtime) == (HEIGHT, WIDTH)


@pytest.mark.parametrize(("frames", "again"), [(27, 0), (200, 23)])
def test_what_was_said_of_a_short_video_is_not_asked_again(tmp_path, runtime, frames, again):
    info = probe(write_video(tmp_path / "a.mp4", ball_of(3.0, frames)))
    asked, network = [], runtime.model.forward
    runtime.model.forward = lambda pictures: asked.append(pictures) or network(pictures)
    plan = plan_video(info, runtime, DetectConfig(refine=False, step=9))
    assert len(asked) == (3 if frames == 27 else 15), "40 frames are five windows"
    asked.clear()

    def rows(plan):
        with FrameReader(info, plan.height, plan.width) as reader:
            return list(positions_in(reader, plan, runtime))

    told = rows(plan)
    assert len(asked) == again
    assert told == rows(replace(plan, looked=None))


@pytest.mark.parametrize(("decoder", "network", "step"), [(0.010, 0.008, 1), (0.010, 0.025, 3), (0.001, 0.5, 9)])
def test_auto_is_the_step_with_which_the_network_keeps_pace(tmp_path, runtime, monkeypatch, decoder, network, step):
    clock = [0.0]

    class Decoder:
        def __init__(self, *arguments, **settings):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def __iter__(self):
            for frame in range(10_000):
                clock[0] += decoder
                yield frame

    class Network:
        output_frames, window_size, difference = runtime.output_frames, runtime.window_size, runtime.difference
        dtype, device, second, workers, pool = runtime.dtype, runtime.device, None, 1, runtime.pool

        def __call__(self, pictures):
            clock[0] += network * len(pictures)
            return runtime(pictures)

    info = probe(write_video(tmp_path / "a.mp4", ball_of(3.0, 5)))
    monkeypatch.setattr(scouting, "FrameReader", Decoder)
    monkeypatch.setattr(scouting.time, "perf_counter", lambda: clock[0])
    assert wanted_step(info, Network(), DetectConfig(step="auto", batch=2), 64, 96) == step


def test_a_step_that_is_given_is_kept(tmp_path, runtime):
    info = probe(write_video(tmp_path / "a.mp4", ball_of(3.0, 5)))
    assert wanted_step(info, runtime, DetectConfig(step=7), 64, 96) == 7
    assert wanted_step(info, runtime, DetectConfig(), 64, 96) is None
