"""Find the ball in table-tennis video.

from ttcli import detect_ball

found = detect_ball("match.mp4")
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ttcli.detection.in_memory import Detection

__version__ = "0.2.0"


def detect_ball(video: str | os.PathLike[str], **settings: Any) -> "Detection":
    """Return the ball in every frame of a video, its events, and its shots: see `ttcli.detection.in_memory.detect_ball`.

    What it takes, torch above all, is imported when it is called.
    """
    from ttcli.detection.in_memory import detect_ball as run

    return run(video, **settings)
