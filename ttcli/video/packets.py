"""What the packets of a video say without being decoded: how many frames, when, and how evenly."""

from array import array
from dataclasses import dataclass, replace
from pathlib import Path

import av.error
import numpy as np

from ttcli.video.decoder import ends_early
from ttcli.video.frame_rates import usual_step
from ttcli.video.image_folder import numbered_images
from ttcli.video.probe import open_video, time_base_of

UNEVEN_STEPS = 0.02
"""Share of steps that may be off the usual one, at a steady rate."""


@dataclass(frozen=True)
class PacketFacts:
    """What the timestamps of a video say."""

    frames: int
    """Packets, each of them a frame as a rule."""
    seconds: float | None
    """From the first frame to the end of the last; None where there are no timestamps."""
    frame_rate: float | None
    """Frames per second as they come, the median; None where there are no timestamps."""
    variable: bool
    """Whether steps from frame to frame differ by more than rounding does."""
    repeated_timestamps: int
    """Frames that have the same time as the one before."""
    longest_gap_seconds: float
    """Longest step from frame to frame."""
    truncated: bool = False
    """Whether the file ends before it should."""


def read_packets(path: Path, picture_rate: float = 25.0) -> PacketFacts:
    """Return what the packets of a video say, after reading all of the file.

    Args:
        path: The video, or a folder of numbered pictures.
        picture_rate: Frames per second of a folder.

    Raises:
        InputError: There is no such file.
        VideoError: It is no video.
    """
    stamps = array("q")
    frames, count, end_pts = 0, 0, 0
    if path.is_dir():
        numbers = list(numbered_images(path))
        return _facts(np.array(numbers), len(numbers), 1 / picture_rate)
    with open_video(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                count += packet.size > 0
                if packet.size and not packet.is_discard:
                    frames += 1
                    if packet.pts is not None:
                        stamps.append(packet.pts)
                        end_pts = max(end_pts, packet.pts + (packet.duration or 0))
            truncated = ends_early(stream, count, end_pts - min(stamps, default=0))
        except av.error.FFmpegError:
            truncated = True  # what came counts
        facts = _facts(np.frombuffer(stamps, np.int64), frames, float(time_base_of(stream)))
        return replace(facts, truncated=truncated)


def _facts(stamps: np.ndarray, frames: int, tick_seconds: float) -> PacketFacts:
    """Return the facts of timestamps in units of `tick_seconds`, in any order."""
    if len(stamps) < 2:
        return PacketFacts(frames, None, None, False, 0, 0.0)
    steps = np.diff(np.sort(stamps)) * tick_seconds
    usual = usual_step(steps)
    if usual is None:
        return PacketFacts(frames, None, None, False, int((steps == 0).sum()), 0.0)
    step, near = usual
    return PacketFacts(
        frames=frames,
        seconds=float(steps.sum()) + step,
        frame_rate=1 / step,
        variable=bool((~near).mean() > UNEVEN_STEPS),
        repeated_timestamps=int((steps == 0).sum()),
        longest_gap_seconds=float(steps.max()),
    )
