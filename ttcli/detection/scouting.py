"""A look at a video before it is read: how large a picture the network shall see, and how far its windows may be apart.

The network was trained on balls of 1 to 12 px. One filmed from close by is wider on its usual picture, and is missed or
placed beside its middle; on a picture half as large it is as wide as it is in most videos. Measured: docs/VIDEOS.md.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import cv2
import torch

from ttcli.configs import DetectConfig
from ttcli.detection.decision import positions_in
from ttcli.detection.plan import VideoPlan, plan_at
from ttcli.inference.runtimes import Runtime
from ttcli.inference.second_stage import larger_size
from ttcli.inference.shown_windows import Looked
from ttcli.networks.packed_windows import PLANES
from ttcli.probing.ball_size import BACKGROUND_FRAMES, crop_box, measure_ball
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import Frame, FrameReader, read_spans

AUTO = "auto"
"""Stands for a step that is chosen here."""
TIMED_SECONDS = 0.8
"""Seconds for which the decoder is timed; the network gets half of them."""
SPANS = (0.2, 0.5, 0.8)
"""Where in the video is looked, as parts of its length."""
SPAN_FRAMES = 40
LEAST_BALLS = 6
"""Fewer that can be measured say nothing."""
WIDEST = 8.5
"""Pixels of the picture that the network sees: balls up to here are seen as usual..."""
WANTED = 6.0
"""... and those that are wider get about this wide."""


def plan_video(info: VideoInfo, runtime: Runtime, settings: DetectConfig) -> VideoPlan:
    """Return how a video shall be detected, for which its ball, and the speed of its decoder, may be looked at.

    Args:
        info: The video.
        runtime: The network.
        settings: Settings of the user.

    Raises:
        SettingError: The network is made for pictures of another size.
    """
    looked = Looked()
    size = fitting_size(info, runtime, looked) if settings.fit_ball else runtime.working_size(*info.square_size)
    looked.end()
    return replace(plan_at(info, runtime, settings, *size, wanted_step(info, runtime, settings, *size)), looked=looked)


def fitting_size(info: VideoInfo, runtime: Runtime, looked: Looked | None = None) -> tuple[int, int]:
    """Return height and width at which the network shall see a video.

    Args:
        info: The video.
        runtime: The network.
        looked: Takes what the network says of a video so short that its beginning is looked at.

    Raises:
        SettingError: The network is made for pictures of another size.
    """
    usual = runtime.working_size(*info.square_size)
    seconds = info.duration_seconds or 0.0
    span = SPAN_FRAMES / float(info.frame_rate)
    starts = [share * seconds for share in SPANS] if seconds > len(SPANS) * span else [0.0]
    settings = DetectConfig(refine=False)
    plan = plan_at(info, runtime, settings, *usual, step=len(runtime.output_frames))
    plan = replace(plan, looked=None if starts[0] else looked)
    widths = [
        width for frames in read_spans(info, *usual, starts, SPAN_FRAMES) for width in _ball_widths(frames, plan, runtime)
    ]
    if len(widths) < LEAST_BALLS or median(widths) <= WIDEST:
        return usual
    return runtime.working_size(*info.square_size, round(runtime.area * (WANTED / median(widths)) ** 2))


def wanted_step(info: VideoInfo, runtime: Runtime, settings: DetectConfig, height: int, width: int) -> int | None:
    """Return the number of frames from window to window that the settings ask for; None where they leave it to doubt.

    "auto" is the smallest with which the network alone takes no longer for a frame than decoding and scaling alone.

    Args:
        info: The video.
        runtime: The network.
        settings: Settings of the user.
        height: Rows of the picture that the network sees.
        width: Its columns.
    """
    outputs = len(runtime.output_frames)
    if settings.step is None or isinstance(settings.step, int):
        return settings.step
    large_size = larger_size(runtime, height, width, settings)
    with FrameReader(info, height, width, judge=True, large_size=large_size) as reader:
        began, count = time.perf_counter(), 0
        for _ in reader:
            count += 1
            if time.perf_counter() - began > TIMED_SECONDS:
                break
        frame_seconds = (time.perf_counter() - began) / max(count, 1)
    batch = 1 if runtime.device.type == "cpu" else settings.batch
    windows = torch.zeros(batch, height, width, runtime.window_size, PLANES, dtype=torch.int8)
    runtime(windows)  # the first time is slow
    began, runs = time.perf_counter(), 0
    while time.perf_counter() - began < TIMED_SECONDS / 2:
        for answer in runtime.pool.map(runtime, [windows] * runtime.workers):
            float(answer.probabilities[0, 0, 0, 0])  # waits for the device
        runs += runtime.workers
    window_seconds = (time.perf_counter() - began) / (runs * batch)
    return min(outputs, max(1, math.ceil(window_seconds / frame_seconds)))


def _ball_widths(frames: Sequence[Frame], plan: VideoPlan, runtime: Runtime) -> list[float]:
    """Return how wide the ball is in frames in a row, in pixels of their pictures."""
    grays = [None if frame.picture is None else cv2.cvtColor(frame.picture, cv2.COLOR_RGB2GRAY) for frame in frames]
    positions = list(positions_in(frames, plan, runtime))
    widths = []
    reach = BACKGROUND_FRAMES[-1]
    for number in range(reach, len(frames) - reach):
        around = [gray for offset in BACKGROUND_FRAMES if (gray := grays[number + offset]) is not None]
        ball = positions[number]
        if ball.x is None or ball.y is None or len(around) < len(BACKGROUND_FRAMES):
            continue
        x, y = (ball.x + 0.5) * plan.width / plan.info.width - 0.5, (ball.y + 0.5) * plan.height / plan.info.height - 0.5
        rows, columns = crop_box(x, y, plan.height, plan.width)
        crops = [gray[rows, columns] for gray in around]
        size = measure_ball(crops, BACKGROUND_FRAMES.index(0), x - columns.start, y - rows.start, plan.width)
        widths += [size.width] if size else []
    return widths
