"""A small extracted set for the tests of training: a bright ball that flies over a gray picture."""

import cv2
import numpy as np

from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.training_set.folder import complete_clip, write_clip_file
from ttcli.training_set.frame_store import FrameWriter
from ttcli.training_set.window_rows import StoredWindow, write_windows

HEIGHT, WIDTH = 96, 160


def ball_at(frame, speed=3.0):
    return 20 + speed * frame, 40 + 10 * np.sin(frame / 5)


def write_clip(data, name, split, frames=30, window_size=9, height=HEIGHT, width=WIDTH, seen=True):
    """Write a clip of a bright ball that flies over a gray picture, sources twice as large as what is stored.

    The last frame has no ball, and where it is not `seen` none has.
    """
    with complete_clip(data, name) as folder:
        with FrameWriter(folder) as writer:
            for frame in range(frames):
                picture = np.full((height, width, 3), 60, np.uint8)
                x, y = ball_at(frame)
                if seen:
                    cv2.circle(picture, (round(x * 8), round(y * 8)), 20, (250, 250, 240), -1, cv2.LINE_AA, shift=3)
                label = BallLabel(True, (x + 0.5) * 2 - 0.5, (y + 0.5) * 2 - 0.5)
                writer.append(frame, picture, label if seen and frame < frames - 1 else NOT_VISIBLE)
        write_windows(folder, [StoredWindow(first, 1, split, "labelled") for first in range(frames - window_size + 1)])
        sizes = {"source_height": 2 * height, "source_width": 2 * width, "height": height, "width": width}
        write_clip_file(folder, {**sizes, "window_size": window_size, "frame_rate": "50"})
