"""Parts of a video joined without encoding anything again: cut at keyframes, so without loss, and as fast as a copy."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from ttcli.errors import OutputError, VideoError
from ttcli.outputs import complete_file
from ttcli.video.probe import VideoInfo, open_video, time_base_of
from ttcli.video.writer import container_format, output_errors


def copy_parts(
    info: VideoInfo, parts: Sequence[tuple[float, float]], path: Path, overwrite: bool = False, with_sound: bool = True
) -> list[tuple[float, float]]:
    """Write parts of a video one after another, and return from when to when each really is, in seconds of the video.

    A part begins with the last keyframe up to its start, and ends before the first one from its end on. What two parts
    would both hold is written once.

    Args:
        info: The video, a file.
        parts: From when to when, seconds after its first picture, in order.
        path: The file to write.
        overwrite: Replace an existing one.
        with_sound: Whether the first sound track is copied too.

    Raises:
        OutputError: `path` cannot be written, or its format does not hold what the video has.
        VideoError: The video has no keyframes that could be sought.
    """
    container_name = container_format(path)
    with ExitStack() as stack, output_errors(path):
        temporary = stack.enter_context(complete_file(path, overwrite))
        container, stream = stack.enter_context(open_video(info.path))
        tracks = container.streams.audio if with_sound else ()
        sound = next((each for each in tracks if each.codec_context is not None), None)
        output = av.open(f"file:{temporary}", "w", format=container_name)
        try:
            copy = _Copy(container, stream, sound)
            try:
                copy.into = {each.index: output.add_stream_from_template(each) for each in copy.streams}
            except ValueError as error:  # PyAV's word for a format that does not hold this codec
                raise OutputError(
                    path, f"cannot hold what {info.path.name} has", "end the name in .mkv, or leave --copy out"
                ) from error
            really = []
            for start, end in parts:
                for packet in copy.part(start, end):
                    output.mux(packet)
                if copy.last is not None:
                    really.append(copy.last)
            if not really:
                raise VideoError(info.path, "has no keyframe that could be cut at", "leave --copy out")
        finally:
            with suppress(av.error.FFmpegError):
                output.close()
    return really


@dataclass
class _Copy:
    """Takes parts of a file as packets, timed to follow each other."""

    container: InputContainer
    stream: VideoStream
    sound: AudioStream | None

    def __post_init__(self) -> None:
        self.streams = [self.stream, *([] if self.sound is None else [self.sound])]
        self.into: dict[int, Any] = {}
        """Of the output, by the number of the stream that each copies."""
        self.last: tuple[float, float] | None = None
        """From when to when the last part was, seconds of the video; None of one that was all in the part before."""
        self._begin = (self.stream.start_time or 0) * time_base_of(self.stream)
        self._written = Fraction(0)  # seconds of the output
        self._until: Fraction | None = None  # the source's time up to which all is written
        self._last_dts: dict[int, int] = {}

    def part(self, start: float, end: float) -> Iterator[Packet]:
        """Yield the packets of a part."""
        time_base = time_base_of(self.stream)
        from_time, to_time = self._begin + Fraction(start), self._begin + Fraction(end)
        if self._until is not None:
            from_time = max(from_time, self._until)
        self.last = None
        if to_time <= from_time:
            return
        self.container.seek(int(from_time / time_base), stream=self.stream, backward=True)
        first: Fraction | None = None
        latest = Fraction(0)
        for packet in self.container.demux(self.streams):
            if packet.pts is None or packet.dts is None or not packet.size:
                continue
            seconds = packet.pts * time_base_of(packet.stream)
            if isinstance(packet.stream, VideoStream):
                if first is None:
                    if not packet.is_keyframe or (self._until is not None and seconds < self._until):
                        continue
                    first = seconds
                elif packet.is_keyframe and seconds >= to_time:
                    latest = seconds
                    break
                latest = max(latest, seconds + (packet.duration or 0) * time_base)
            elif first is None or seconds < first:
                continue
            yield self._moved(packet, packet.pts, packet.dts, self._written - first)
        if first is None:
            return
        self.last = (float(first - self._begin), float(latest - self._begin))
        self._written += latest - first
        self._until = latest

    def _moved(self, packet: Packet, pts: int, dts: int, by: Fraction) -> Packet:
        """Return a packet, timed by some seconds later, and not before the last one of its stream."""
        index, ticks = packet.stream.index, round(by / time_base_of(packet.stream))
        dts = max(dts + ticks, self._last_dts.get(index, -(2**62)) + 1)
        packet.pts, packet.dts = max(pts + ticks, dts), dts
        self._last_dts[index] = dts
        packet.stream = self.into[index]
        return packet
