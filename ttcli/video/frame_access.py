"""Any frame of a video by its number, numbered as everywhere: 0-based in presentation order, broken frames included.

A keyframe before it is sought by time, and frames are decoded from there on. Their timestamps say which is which,
looked up in the times of all frames: from ball.csv, or from the packets. Where timestamps do not help (none are
there, or the clock starts anew), frames are counted from the beginning.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from itertools import chain, islice
from types import TracebackType

import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from ttcli.errors import VideoError
from ttcli.video.decoder import Damage, decode_in_order
from ttcli.video.deinterlacer import deinterlaced
from ttcli.video.image_folder import decode_images
from ttcli.video.orientation import orientation_of
from ttcli.video.probe import VideoInfo, open_video, time_base_of
from ttcli.video.scaling import shrink, to_picture

LEADING_FRAMES = 17
"""Frames that may follow a keyframe in the file, come before it in time, and cannot be decoded from it (open GOPs);
with codecs that reorder, the keyframe is sought so much earlier."""
AHEAD_FRAMES = 48
"""A frame so near ahead is decoded towards, not sought."""
ROUNDING = 2e-6
"""Seconds that times of ball.csv may be off by: they have six decimals."""
COMPARED_PACKETS = 120
"""So many of the first packets are compared with times that are given; the first half of them in time is whole."""
ONE_CLOCK = {"mp4", "matroska"}
"""Formats (families of them) whose timestamps rise through the whole file. In others, as MPEG-TS, recordings may be
joined, and several frames share one timestamp: all packets are read first."""
FURTHER_BACK = (1, 8, 64)
"""How many times LEADING_FRAMES to seek before a frame, in turns, until what comes out begins before it."""


class FrameAccess:
    """Decodes the frames of a video by number. It keeps one decoder, which goes on where the next frame is near.

    Args:
        info: The video.
        times: When each frame is, seconds since the first, by frame number: as a CSV from `detect` has them.
            Without any, or where they do not fit the file, all packets are read first, which takes as long as
            reading the file.

    Raises:
        InputError: The file is not there any more.
        VideoError: It cannot be opened.
    """

    def __init__(self, info: VideoInfo, times: np.ndarray | None = None) -> None:
        self.info = info
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._shrinker, self._scaler = VideoReformatter(), VideoReformatter()
        self._frames: Iterator[tuple[int, VideoFrame | None]] | None = None
        self._next = 0
        self._container: InputContainer | None = None
        self._stream: VideoStream | None = None
        self._by_time = not info.path.is_dir()
        self._times = np.zeros(0)
        if self._by_time:
            self._container, self._stream = self._stack.enter_context(open_video(info.path))
            self._times = np.zeros(0) if times is None else np.asarray(times, np.float64)
        self._first_pts: int | None = None

    def __enter__(self) -> "FrameAccess":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._frames = None
            self._stack.close()

    def picture(self, frame: int, size: tuple[int, int] | None = None) -> np.ndarray | None:
        """Return a frame as (H, W, 3) uint8 RGB, upright; None where it is broken, or the video has no such frame.

        Args:
            frame: Its number.
            size: Height and width of the upright picture; the video's own if None.
        """
        with self._lock:
            decoded = self._decode(frame)
            return None if decoded is None else self._upright(decoded, size or (self.info.height, self.info.width))

    def _upright(self, frame: VideoFrame, size: tuple[int, int]) -> np.ndarray | None:
        orientation = orientation_of(frame) if self.info.path.is_dir() else self.info.orientation
        try:
            # 4K to full HD: 8 ms by way of a smaller YUV, 18 ms at once
            smaller = shrink(frame, self._shrinker, *orientation.upright_size(*size))
            return to_picture(smaller, self._scaler, *size, orientation)
        except av.error.FFmpegError:
            return None

    def _decode(self, frame: int) -> VideoFrame | None:
        """Return a frame as it is decoded."""
        if self._frames is None or not self._next <= frame <= self._next + AHEAD_FRAMES:
            self._seek(frame)
        assert self._frames is not None
        for number, decoded in self._frames:
            self._next = number + 1
            if number == frame:
                return decoded
            if number > frame:
                return None
        self._frames = None
        return None

    def _seek(self, frame: int) -> None:
        """Begin to decode at or before a frame."""
        goes_on = self._frames is not None and frame >= self._next
        if self._by_time and self._first_pts is None:
            self._frames = self._from_start()
            self._learn_times()
        if self._by_time and self._first_pts is not None and frame >= LEADING_FRAMES:
            for times in FURTHER_BACK:
                before = frame - (times * LEADING_FRAMES if self._reorders() or times > 1 else 0)
                if before <= 0:
                    break
                found = self._from(before)
                first = next(found, None)
                if first is not None and first[0] <= frame:
                    self._frames, self._next = chain((first,), found), first[0]
                    return
        elif goes_on and not self._by_time:
            return
        self._frames, self._next = self._from_start(), 0

    def _learn_times(self) -> None:
        """Take the times of the packets where there are no others, or these are not of this file."""
        if self._first_pts is None:
            return
        if not (self._has_one_clock() and self._times_fit(self._first_pts)):
            self._times = _packet_times(self.info, self._first_pts)
        self._by_time = len(self._times) > 1

    def _has_one_clock(self) -> bool:
        """Return whether the format is one in which the clock does not start anew."""
        return self._container is not None and bool(ONE_CLOCK & set(self._container.format.name.split(",")))

    def _times_fit(self, first_pts: int) -> bool:
        """Return whether the times that were given are those of the first packets."""
        begun = _packet_times(self.info, first_pts, COMPARED_PACKETS)[: COMPARED_PACKETS // 2]
        mine = self._times[: len(begun)]
        return len(mine) == len(begun) > 0 and bool(np.isfinite(self._times).all() and np.abs(mine - begun).max() <= ROUNDING)

    def _reorders(self) -> bool:
        return self._stream is not None and bool(self._stream.codec_context.has_b_frames)

    def _from_start(self) -> Iterator[tuple[int, VideoFrame | None]]:
        """Yield the frames with their numbers from the first one on."""
        if self._stream is None or self._container is None:
            return ((number, frame) for number, (_, frame) in enumerate(decode_images(self.info.path)))
        if self._first_pts is not None or self._next:  # something was read: from the beginning once more
            self._stack.close()
            self._container, self._stream = self._stack.enter_context(open_video(self.info.path))
        decoded = self._decoded()
        first = next(decoded, None)
        if first is None:
            raise VideoError(self.info.path, "not one frame could be decoded", "record or copy the file again")
        self._first_pts = first[0]
        self._by_time = self._by_time and first[0] is not None
        return ((number, frame) for number, (_, frame) in enumerate(chain((first,), decoded)))

    def _from(self, frame: int) -> Iterator[tuple[int, VideoFrame | None]]:
        """Yield frames with their numbers from a keyframe on that lies at or before a frame; nothing where times do not tell."""
        container, stream, first_pts = self._opened()
        row = min(frame, len(self._times) - 1)
        pts = first_pts + int(Fraction(float(self._times[row])) / time_base_of(stream))
        with suppress(av.error.FFmpegError):
            container.seek(pts, stream=stream)
            yield from self._numbered(self._decoded())

    def _opened(self) -> tuple[InputContainer, VideoStream, int]:
        """Return the open file, its stream, and the timestamp of the first frame, 0 where it is not known."""
        if self._container is None or self._stream is None:
            raise VideoError(self.info.path, "is closed", "open it again")
        return self._container, self._stream, self._first_pts or 0

    def _decoded(self) -> Iterator[tuple[int | None, VideoFrame | None]]:
        container, stream, _ = self._opened()
        return deinterlaced(decode_in_order(self.info.path, container, stream, Damage()))

    def _numbered(self, decoded: Iterator[tuple[int | None, VideoFrame | None]]) -> Iterator[tuple[int, VideoFrame | None]]:
        """Yield decoded frames with their numbers, from the first on whose time only one frame has."""
        _, stream, first_pts = self._opened()
        tick, last = float(time_base_of(stream)), None
        for pts, frame in decoded:
            number = None if pts is None else self._number_at((pts - first_pts) * tick)
            if number is None and last is not None:
                number = last + 1
            if number is not None and (last is None or number > last):
                last = number
                yield number, frame

    def _number_at(self, seconds: float) -> int | None:
        """Return the number of the frame at a time; None where none or more than one is there."""
        first, end = np.searchsorted(self._times, (seconds - ROUNDING, seconds + ROUNDING))
        return int(first) if end == first + 1 else None


def _packet_times(info: VideoInfo, first_pts: int, most: int | None = None) -> np.ndarray:
    """Return when the frames of a file are, seconds since the one at `first_pts`, as its packets say.

    Empty where some do not say it, or the clock starts anew.

    Args:
        info: The video.
        first_pts: Timestamp of the first frame.
        most: Packets that are read at most; all of the file if None.
    """
    stamps: list[int] = []
    last = -(2**62)
    with open_video(info.path) as (container, stream):
        tick = float(time_base_of(stream))
        with suppress(av.error.FFmpegError):
            for packet in islice(container.demux(stream), most):
                if packet.size and not packet.is_discard:
                    if packet.pts is None or (packet.dts is not None and packet.dts < last):
                        return np.zeros(0)
                    last = last if packet.dts is None else packet.dts
                    stamps.append(packet.pts)
    sorted_stamps = np.sort(np.array(stamps, np.int64))
    return (sorted_stamps[sorted_stamps >= first_pts] - first_pts) * tick
