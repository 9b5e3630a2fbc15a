"""A look at a video before it is read: where its ball is large, the network shall see a smaller picture.

The network was trained on balls of 1 to 12 px. One filmed from close by is wider on its usual picture, and is missed or placed
beside its middle; on a picture half as large it is as wide as it is in most videos. Measured: docs/VIDEOS.md.
"""

from itertools import islice
from statistics import median

import cv2

from ttcli.ball_path import ball_positions
from ttcli.ball_size import crop_box, measure_ball
from ttcli.configs import DetectConfig
from ttcli.errors import VideoError
from ttcli.runtimes import Runtime
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import FrameReader

SPANS = (0.2, 0.5, 0.8)
"""Where in the video is looked, as parts of its length."""
SPAN_FRAMES = 40
BACKGROUND_FRAMES = (-4, -2, 0, 2, 4)
"""Frames around a ball's own whose median is what is behind it."""
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


def _ball_widths(info: VideoInfo, runtime: Runtime, height: int, width: int, start: float) -> list[float]:
    """Return how wide the ball is in the frames from `start` seconds on, in pixels of a `height` x `width` picture."""
    try:
        with FrameReader(info.path, height, width, start_seconds=start, picture_rate=float(info.frame_rate)) as reader:
            frames = list(islice(reader, SPAN_FRAMES))
    except VideoError:
        return []  # nothing behind this place can be decoded
    grays = [None if frame.picture is None else cv2.cvtColor(frame.picture, cv2.COLOR_RGB2GRAY) for frame in frames]
    positions = list(ball_positions(iter(frames), info, runtime, height, width, DetectConfig(step=len(runtime.output_frames))))
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
