"""Decoded frames in presentation order, whatever damage the file has.

A frame that the decoder flags as corrupt, and a packet that gives no frame though later ones do, take their place
in the order without a picture. Frames that lean on a broken one are handed out as the decoder conceals them. It
works in several threads, so which frames next to damage are flagged, and how they look, may differ from run to run.
What the container itself loses (damaged Matroska, MPEG-TS) leaves no packet, so only a gap in time. A packet
without a timestamp cannot be placed: where it fails it is only counted.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ttcli.video.probe import open_video, stated_seconds, time_base_of

TRUNCATED_SECONDS = 0.5
"""A file without an index counts as cut off where more than this lacks to its stated duration."""


@dataclass
class Damage:
    """What a file lost, as far as it has been read."""

    broken_frames: int = 0
    truncated: bool = False
    signs: int = 0
    """How often container or decoder complained. Before the first sign a packet without a frame is no loss."""


def decode_in_order(
    path: Path, container: InputContainer, stream: VideoStream, damage: Damage
) -> Iterator[tuple[int | None, VideoFrame | None]]:
    """Yield (pts, frame) in presentation order, with None for a frame that is broken.

    Args:
        path: The file behind `container`, to open a second time where its end is damaged.
        container: Opened; reading begins where it stands.
        stream: The stream to decode.
        damage: Kept up to date with what was lost.
    """
    waiting = _Waiting()
    # Frames in parallel: with one slice a frame, as cameras and x264 write, slice threads have nothing to share.
    if not stream.codec_context.is_open:  # a second span of the same opening goes on as the first one did
        stream.thread_type = "AUTO"
    given_up: set[int] = set()
    for pts, frame in _decode(container, stream, waiting, damage):
        if pts in given_up and waiting.one_clock:
            continue  # damaged timestamps gave it up too soon, and its row is out already
        lost = waiting.take_until(pts)
        if damage.signs:
            given_up.update(lost)
            yield from _broken(lost, damage)
        damage.broken_frames += frame is None
        yield pts, frame
    yield from _decode_tail(path, waiting, damage)


def _broken(lost: list[int], damage: Damage) -> Iterator[tuple[int, None]]:
    damage.broken_frames += len(lost)
    yield from ((pts, None) for pts in lost)


class _Waiting:
    """The packets whose frame has not come out yet, in presentation order.

    Where the clock starts anew, as in joined MPEG-TS recordings, a new run begins and sorts after the last one.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []  # (run, pts)
        self._last_dts: int | None = None
        self._last_pts: int | None = None
        self._sent_run = 0
        self._shown_run = 0

    def add(self, packet: Packet) -> None:
        """Note a packet that goes to the decoder; one without timestamp, or that is not to be shown, is left out."""
        if packet.dts is not None:
            self._sent_run += self._last_dts is not None and packet.dts < self._last_dts
            self._last_dts = packet.dts
        if packet.pts is not None and not packet.is_discard:
            heappush(self._heap, (self._sent_run, packet.pts))

    def take_until(self, pts: int | None) -> list[int]:
        """Strike off the frame that came out, and return the pts before it: their frames will not come any more."""
        if pts is None:
            return []
        if self._last_pts is not None and pts < self._last_pts and self._shown_run < self._sent_run:
            self._shown_run += 1
        self._last_pts = pts
        lost = []
        while self._heap and self._heap[0] <= (self._shown_run, pts):
            place = heappop(self._heap)
            if place != (self._shown_run, pts):
                lost.append(place[1])
        return lost

    def take_rest(self) -> list[int]:
        """Return every pts that is left, in order, and forget them."""
        rest = [pts for _, pts in sorted(self._heap)]
        self._heap.clear()
        return rest

    @property
    def one_clock(self) -> bool:
        """Whether a pts names one place in the file."""
        return self._sent_run == 0


def _decode_tail(path: Path, waiting: _Waiting, damage: Damage) -> Iterator[tuple[int | None, VideoFrame | None]]:
    """Decode the last frames once more in one thread, and yield (pts, frame) for every pts that waits.

    Where draining the decoder at the end meets damage, PyAV gives up the frames that its other threads hold.
    """
    missing = waiting.take_rest()
    if missing and waiting.one_clock:
        with open_video(path) as (container, stream), suppress(av.error.FFmpegError):
            stream.thread_type = "NONE"
            container.seek(missing[0], stream=stream)
            again = Damage()
            for pts, frame in _decode(container, stream, _Waiting(), again):
                if pts in missing:
                    place = missing.index(pts)
                    yield from _broken(missing[:place], damage)
                    damage.broken_frames += frame is None
                    yield pts, frame
                    del missing[: place + 1]
            damage.signs += again.signs
    if damage.signs:
        yield from _broken(missing, damage)


def _decode(
    container: InputContainer, stream: VideoStream, waiting: _Waiting, damage: Damage
) -> Iterator[tuple[int | None, VideoFrame | None]]:
    """Yield (pts, frame) as the decoder gives them out, with None for one that is flagged as corrupt."""
    for packet in _packets(container, stream, damage):
        if packet is not None:
            waiting.add(packet)
            damage.signs += packet.is_corrupt
        try:
            frames = stream.decode(packet)
        except av.error.FFmpegError:
            damage.signs += 1
            damage.broken_frames += packet is not None and packet.pts is None
            continue
        for frame in frames:
            damage.signs += frame.is_corrupt
            yield frame.pts, None if frame.is_corrupt else frame


def _packets(container: InputContainer, stream: VideoStream, damage: Damage) -> Iterator[Packet | None]:
    """Yield the packets as stored, then None to drain the decoder; note whether the file ends early."""
    count, first_pts, end_pts = 0, None, 0
    try:
        for packet in container.demux(stream):
            if not packet.size and packet.dts is None:
                break  # PyAV's own mark of the end
            count += 1
            if packet.pts is not None:
                first_pts = packet.pts if first_pts is None else first_pts
                end_pts = max(end_pts, packet.pts + (packet.duration or 0))
            yield packet
        damage.truncated = ends_early(stream, count, end_pts - (first_pts or 0))
    except av.error.FFmpegError:  # from the container only: `yield` brings none in here
        damage.truncated = True
    yield None


def ends_early(stream: VideoStream, packet_count: int, length_pts: int) -> bool:
    """Return whether fewer packets came than the index lists or, without an index, than the duration needs."""
    if stream.frames:
        return packet_count < len(stream.index_entries)  # not `frames`: edit lists leave some out
    stated = stated_seconds(stream)
    return stated is not None and float(length_pts * time_base_of(stream)) < stated - TRUNCATED_SECONDS
