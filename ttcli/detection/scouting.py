"""A look at a video before it is read: where its ball is large, the network shall see a smaller picture.

The network was trained on balls of 1 to 12 px. One filmed from close by is wider on its usual picture, and is missed or placed
beside its middle; on a picture half as large it is as wide as it is in most videos. Measured: docs/VIDEOS.md.
"""

import math
import time
from dataclasses import replace
from itertools import islice
from statistics import median

import cv2

from ttcli.configs import DetectConfig
from ttcli.detection.ball_path import ball_positions
from ttcli.errors import VideoError
from ttcli.inference.closer_look import larger_size
from ttcli.inference.runtimes import Runtime
from ttcli.networks.model_input import empty_input, input_channels
from ttcli.networks.windows import choose_step
from ttcli.probing.ball_size import BACKGROUND_FRAMES, crop_box, measure_ball
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import FrameReader

AUTO = "auto"
"""Stands for a step that is chosen here."""
TIMED_SECONDS = 0.8
"""For which the decoder is timed; the network for half of it."""
SPANS = (0.2, 0.5, 0.8)
"""Where in the video is looked, as parts of its length."""
SPAN_FRAMES = 40
LEAST_BALLS = 6
"""Fewer that can be measured say nothing."""
WIDEST = 8.5
"""Pixels of the picture that the network sees: balls up to here are seen as usual..."""
WANTED = 6.0
"""... and those that are wider get about this wide."""


def fitting_size(info: VideoInfo, runtime: Runtime) -> tuple[int, int]:
    """Return height and width at which the network shall see a video.

    Args:
        info: The video.
        runtime: The network.

    Raises:
        SettingError: The network is made for pictures of another size.
    """
    usual = runtime.working_size(*info.square_size)
    seconds = info.duration_seconds or 0.0
    span = SPAN_FRAMES / float(info.frame_rate)
    starts = [share * seconds for share in SPANS] if seconds > len(SPANS) * span else [0.0]
    widths = [width for start in starts for width in _ball_widths(info, runtime, *usual, start)]
    if len(widths) < LEAST_BALLS or median(widths) <= WIDEST:
        return usual
    return runtime.working_size(*info.square_size, round(runtime.area * (WANTED / median(widths)) ** 2))


def with_step(config: DetectConfig, info: VideoInfo, runtime: Runtime, height: int, width: int) -> DetectConfig:
    """Return the settings with the number of frames from window to window that they ask for.

    "auto" is the smallest with which the network alone takes no longer for a frame than decoding and scaling alone.

    Args:
        config: Settings.
        info: The video.
        runtime: The network.
        height: Rows of the picture that the network sees.
        width: Columns of it.
    """
    outputs = len(runtime.output_frames)
    if config.step != AUTO:
        return replace(config, step=config.step or choose_step(outputs))
    large_size = larger_size(runtime, height, width, config)
    with FrameReader(
        info.path, height, width, judge=True, picture_rate=float(info.frame_rate), large_size=large_size
    ) as reader:
        began, count = time.perf_counter(), 0
        for count, _ in enumerate(reader, start=1):  # noqa: B007 - counted on beyond the loop
            if time.perf_counter() - began > TIMED_SECONDS:
                break
        frame_seconds = (time.perf_counter() - began) / max(count, 1)
    channels = input_channels(runtime.window_size, runtime.difference)
    pictures = empty_input(config.batch, channels, height, width, runtime.dtype, runtime.device).zero_()
    runtime(pictures)  # the first time is slow
    began, runs = time.perf_counter(), 0
    while time.perf_counter() - began < TIMED_SECONDS / 2:
        float(runtime(pictures).probabilities[0, 0, 0, 0])  # waits for the device
        runs += 1
    window_seconds = (time.perf_counter() - began) / (runs * config.batch)
    return replace(config, step=min(outputs, max(1, math.ceil(window_seconds / frame_seconds))))


def _ball_widths(info: VideoInfo, runtime: Runtime, height: int, width: int, start: float) -> list[float]:
    """Return how wide the ball is in the frames from `start` seconds on, in pixels of a `height` x `width` picture."""
    try:
        with FrameReader(info.path, height, width, start_seconds=start, picture_rate=float(info.frame_rate)) as reader:
            frames = list(islice(reader, SPAN_FRAMES))
    except VideoError:
        return []  # nothing behind this place can be decoded
    grays = [None if frame.picture is None else cv2.cvtColor(frame.picture, cv2.COLOR_RGB2GRAY) for frame in frames]
    config = DetectConfig(step=len(runtime.output_frames), closer=False)
    positions = list(ball_positions(iter(frames), info, runtime, height, width, config))
    widths = []
    reach = BACKGROUND_FRAMES[-1]
    for number in range(reach, len(frames) - reach):
        around = [grays[number + offset] for offset in BACKGROUND_FRAMES]
        ball = positions[number]
        if ball.x is None or any(gray is None for gray in around):
            continue
        x, y = (ball.x + 0.5) * width / info.width - 0.5, (ball.y + 0.5) * height / info.height - 0.5
        rows, columns = crop_box(x, y, height, width)
        crops = [gray[rows, columns] for gray in around]
        size = measure_ball(crops, BACKGROUND_FRAMES.index(0), x - columns.start, y - rows.start, width)
        widths += [size.width] if size else []
    return widths
