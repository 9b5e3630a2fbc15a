"""Chunks of a long video, to be read apart: each from a keyframe on, with frames numbered as in the whole video."""

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import av.error

from ttcli.video.decoder import ends_early
from ttcli.video.image_folder import numbered_images
from ttcli.video.probe import VideoInfo, open_video, time_base_of

LEAD = 96
"""Frames that are read before a chunk at the least: what is looked for over some frames is known by then. Times the
stride."""
TAIL = 48
"""Frames that are read after it, times the stride."""


class Chunk(NamedTuple):
    """Frames `first` up to `end`, not included, of a video."""

    first: int
    end: int
    read_first: int
    """Frame that reading begins with."""
    read_end: int
    """Frame that reading ends before, where the video has as many."""
    read_seconds: float
    """Where it is sought, as `FrameReader` counts it."""
    read_stamp: Fraction
    """Its time on the file's own clock, seconds, by which it is known again."""
    read_time: float
    """Its time after the first frame of the video, seconds."""
    times: tuple[float, ...]
    """Times of frames `first` to `end`, seconds after the first frame of the video."""

    @property
    def read_count(self) -> int:
        """How many frames are read, where the video does not end before."""
        return self.read_end - self.read_first


def plan_chunks(info: VideoInfo, frames: int, stride: int = 1) -> list[Chunk]:
    """Return chunks of about so many frames, all of a video's together; none where it is too short or cannot be cut.

    Its packets are read, not decoded. It can be cut where each packet is a frame with a timestamp of its own and there are
    keyframes, and where these can be sought: not in MPEG-TS. Interlaced, truncated and damaged videos stay whole.

    Args:
        info: The video.
        frames: Frames in a chunk, about.
        stride: Frames between two neighbours in a window, at most.
    """
    if info.interlaced or info.container == "mpegts":
        return []
    if info.path.is_dir():
        numbers = list(numbered_images(info.path))
        return _cut(numbers, None, 1 / info.frame_rate, numbers[0], frames, stride)
    stamps: list[int] = []
    keys: list[int] = []
    with open_video(info.path) as (container, stream):
        try:
            for packet in container.demux(stream):
                if not packet.size and packet.dts is None:
                    break
                if packet.pts is None or packet.is_discard or packet.is_corrupt:
                    return []
                stamps.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
        except av.error.FFmpegError:
            return []
        time_base, start = time_base_of(stream), stream.start_time or 0
        stamps.sort()
        if not stamps or ends_early(stream, len(stamps), stamps[-1] - stamps[0]):
            return []
    if any(later <= before for before, later in pairwise(stamps)):
        return []
    return _cut(stamps, sorted(keys), time_base, start, frames, stride)


def _cut(stamps: list[int], keys: list[int] | None, time_base: Fraction, start: int, frames: int, stride: int) -> list[Chunk]:
    """Return chunks of frames with timestamps in order; they can be read from `keys` on, or from anywhere if None."""
    count = len(stamps)
    pieces = round(count / frames)
    if pieces < 2:
        return []
    bounds = [round(count * piece / pieces) for piece in range(pieces + 1)]
    zero = stamps[0]
    chunks = []
    for first, end in pairwise(bounds):
        read_first, read_end = max(0, first - LEAD * stride), end + TAIL * stride
        if keys is not None:
            place = bisect_right(keys, stamps[read_first]) - 1
            read_first = bisect_right(stamps, keys[place]) - 1 if place >= 0 else 0
        times = tuple(float((stamp - zero) * time_base) for stamp in stamps[first:end])
        stamp = stamps[read_first]
        read_seconds = float((stamp - start) * time_base) if read_first else 0.0
        read_time = float((stamp - zero) * time_base)
        chunks.append(Chunk(first, end, read_first, read_end, read_seconds, stamp * time_base, read_time, times))
    return chunks
