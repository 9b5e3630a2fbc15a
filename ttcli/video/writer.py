"""H.264 video files with the sound of another file, complete or not there at all."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream

from ttcli.errors import CURES, OutputError
from ttcli.outputs import DISK_ERRORS, complete_file
from ttcli.video.probe import open_input, time_base_of

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""File suffix -> libavformat's name."""
ENCODERS: dict[str, Callable[[int], dict[str, str]]] = {
    "libx264": lambda crf: {"crf": str(crf), "preset": "superfast"},
    "libopenh264": lambda crf: {},
    "h264_videotoolbox": lambda crf: {},
    "h264_nvenc": lambda crf: {"rc": "vbr", "cq": str(crf), "preset": "p4"},
    "mpeg4": lambda crf: {},
}
"""Encoder -> its options for a quality. Those without any get a bit rate that goes by the picture and the quality."""
FALLBACKS = ("libx264", "libopenh264", "h264_videotoolbox", "mpeg4")
"""Taken by themselves, the first that this build of PyAV has; one of a graphics card has to be asked for."""
MPEG4_TICKS = 65_535
"""A second has no more in MPEG-4."""
BITS_PER_PIXEL = 0.2
"""Bits per pixel of a picture at quality 23, where an encoder takes a bit rate; six steps of quality are twice as much."""
TICKS_PER_SECOND = 90_000
"""Timestamps are at least this fine, so that a varying frame rate stays true (Matroska itself keeps milliseconds)."""
MOST_STEP = 2**31 - 1
"""Ticks from picture to picture in mp4 and mov; at 90 kHz six and a half hours."""
MOST_TICKS = 2**60
"""Most ticks of any format: libavformat counts them in 64 bits, and some in finer ticks."""
CURE_OF_TIMES = "leave that part out by its frame, as in --end 300f"
CURE_OF_FORMAT = "take another --encoder, or end the name in another suffix such as .mkv"
CURE_OF_SIZE = "end the name in .gif, or give a larger video"
LEAST_SIDE = 2
"""Pixels: colours are stored for two by two of them."""
CURE_OF_SOUND = "give --no-audio, or end the name in another suffix such as .mkv"
BT709 = 1
"""AVCOL_SPC_BT709, AVCOL_PRI_BT709 and AVCOL_TRC_BT709."""
LIMITED_RANGE = 1
"""AVCOL_RANGE_MPEG: luma 16 to 235."""


SOUND_TAIL_SECONDS = 0.25
"""Sound is copied this far beyond the last picture: recorders stop it some frames later."""


class VideoWriter:
    """A video file that is written picture by picture; it gets its name when the `with` block ends well.

    H.264 (MPEG-4 where no encoder for that is there), yuv420p, tagged BT.709. An odd height or width loses its last
    row or column: 4:2:0 needs even ones.
    Timestamps rise strictly: a frame that is not later than the one before it is put one tick after that.

    Args:
        path: The file; .mp4, .m4v, .mov or .mkv.
        height: Height of the pictures that will be written.
        width: Their width.
        frame_rate: Frames per second, for frames written without a time.
        crf: Quality as x264 counts it, 0 (lossless) to 51. x264's effort is superfast: measured at 1080p on two cores
            155 frames a second, veryfast 114 to 155.
        encoder: A key of ENCODERS; auto takes the first of FALLBACKS that is there.
        audio_from: A file whose first sound track is copied unchanged, as far as the pictures reach and a little further.
        audio_start_seconds: Where in that file the first picture is from, seconds after its own first picture.
        overwrite: Whether `path` may exist already.

    Raises:
        OutputError: On entering, where `path` cannot be written; on writing, where the disk is full.
        InputError: On entering, where `audio_from` does not exist.
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        frame_rate: Fraction,
        crf: int = 23,
        encoder: str = "auto",
        audio_from: Path | None = None,
        audio_start_seconds: float = 0.0,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.height = height
        self.width = width
        self.frame_rate = frame_rate
        self.frame_count = 0
        self._crf = crf
        self.encoder = encoder
        """What encodes; once entered, never auto."""
        self._audio_from = audio_from
        self._audio_start_seconds = audio_start_seconds
        self._overwrite = overwrite
        self._scaler = VideoReformatter()
        # A multiple of the rate's numerator, so that 24000/1001 is as exact as 25.
        self._ticks = frame_rate.numerator * math.ceil(TICKS_PER_SECOND / frame_rate.numerator)
        self._last_pts = -1
        self._audio: _AudioCopy | None = None

    def __enter__(self) -> "VideoWriter":
        container = container_format(self.path)
        if min(self.height, self.width) < LEAST_SIDE:
            fact = f"pictures of {self.width}x{self.height} are too small for a video, which has {LEAST_SIDE}x{LEAST_SIDE} at least"
            raise OutputError(self.path, fact, CURE_OF_SIZE)
        with ExitStack() as stack, output_errors(self.path):
            temporary = stack.enter_context(complete_file(self.path, self._overwrite))
            source = None if self._audio_from is None else stack.enter_context(open_input(self._audio_from))
            # "file:" keeps a colon in a name from being read as a protocol
            self._container = av.open(f"file:{temporary}", "w", format=container)
            stack.push(self._finish)  # runs before the renaming
            self._stream = self._add_video_stream()
            if source is not None:
                self._audio = self._add_audio_stream(source)
            try:
                self._container.start_encoding()
            except av.error.FFmpegError as error:
                if self.encoder == FALLBACKS[0]:
                    raise
                fact = f"the encoder {self.encoder} does not work here ({error.strerror})"
                raise OutputError(self.path, fact, "take --encoder auto") from error
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, traceback)

    def write(self, picture: np.ndarray, time_seconds: float | None = None) -> None:
        """Append a picture.

        Args:
            picture: (height, width, 3) uint8 RGB.
            time_seconds: When it is shown, since the start; None for frame_index / frame_rate.
        """
        if picture.shape != (self.height, self.width, 3) or picture.dtype != np.uint8:
            raise ValueError(f"picture is {picture.dtype} {picture.shape}, not uint8 {(self.height, self.width, 3)}")
        shown = self.frame_count / self.frame_rate if time_seconds is None else time_seconds
        pts = max(round(shown * self._ticks), self._last_pts + 1)
        self._check_time(pts)
        frame = self._to_frame(picture)
        frame.time_base = Fraction(1, self._ticks)
        frame.pts = pts
        self._copy_audio(pts / self._ticks)
        with output_errors(self.path):
            self._container.mux(self._stream.encode(frame))
        self._last_pts = pts
        self.frame_count += 1

    def continue_sound_from(self, source_seconds: float, seconds: float) -> None:
        """Let the sound go on at another place of its file: what follows `seconds` of this one is from `source_seconds` there."""
        if self._audio is not None:
            with output_errors(self.path, CURE_OF_SOUND):
                self._audio.copy_until(seconds)
                self._audio.jump(source_seconds, seconds)

    def _copy_audio(self, seconds: float) -> None:
        """Copy the sound that starts before a time of the output."""
        if self._audio is not None:
            with output_errors(self.path, CURE_OF_SOUND):
                self._audio.copy_until(seconds)

    def _check_time(self, pts: int) -> None:
        """Raise OutputError where a picture is too late for the file, as times in damaged videos are."""
        late = f"a picture at {pts / self._ticks:.0f} s"
        if pts > MOST_TICKS:
            raise OutputError(self.path, f"{late} is later than a video file can say", CURE_OF_TIMES)
        step = pts - max(self._last_pts, 0)
        if step > MOST_STEP and FORMATS[self.path.suffix.lower()] != "matroska":
            fact = f"{late}, {step / self._ticks:.0f} s after the one before, is later than this format can say"
            raise OutputError(self.path, fact, f"end the name in .mkv, or {CURE_OF_TIMES}")

    def _to_frame(self, picture: np.ndarray) -> VideoFrame:
        even = picture[: self._stream.height, : self._stream.width]
        if even.strides[1:] != (3, 1):
            even = np.ascontiguousarray(even)
        return self._scaler.reformat(
            VideoFrame.from_numpy_buffer(even, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            threads=1,
        )

    def _add_video_stream(self) -> VideoStream:
        self.encoder = _find_encoder(self.path, self.encoder)
        if self.encoder == "mpeg4":
            most = MPEG4_TICKS // self.frame_rate.numerator
            self._ticks = self.frame_rate.numerator * most if most else MPEG4_TICKS
        options = ENCODERS[self.encoder](self._crf)
        stream = self._container.add_stream(self.encoder, rate=self.frame_rate, options=options)
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{self.encoder} encodes no video")
        if not options:
            quality = BITS_PER_PIXEL * 2 ** ((23 - self._crf) / 6)
            stream.codec_context.bit_rate = round(quality * self.height * self.width * self.frame_rate)
        stream.height, stream.width = self.height // 2 * 2, self.width // 2 * 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, self._ticks)
        context.thread_type = "FRAME"
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        return stream

    def _add_audio_stream(self, source: InputContainer) -> "_AudioCopy | None":
        known = [stream for stream in source.streams.audio if stream.codec_context is not None]
        if not known:
            return None
        try:
            return _AudioCopy(source, known[0], self._container, self._audio_start_seconds)
        except ValueError as error:  # PyAV's word for a format that does not hold this codec
            codec = known[0].codec_context.name
            raise OutputError(self.path, f"cannot hold the sound of {self._audio_from} ({codec})", "end it in .mkv") from error

    def _finish(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close the container, after the last frames and their sound where all went well."""
        if kind is not None:
            with suppress(av.error.FFmpegError):
                self._container.close()
            return
        try:
            with output_errors(self.path):
                self._flush()
                self._container.close()
        finally:
            with suppress(av.error.FFmpegError):
                self._container.close()  # a second time it does nothing

    def _flush(self) -> None:
        if self.frame_count == 0:
            raise OutputError(self.path, "not one picture was written", "check that the input has frames")
        self._copy_audio(self._last_pts / self._ticks + float(1 / self.frame_rate) + SOUND_TAIL_SECONDS)
        self._container.mux(self._stream.encode(None))


class _AudioCopy:
    """Copies the packets of a file's first sound track into a container, up to a time that moves on."""

    def __init__(self, source: InputContainer, template: AudioStream, container: OutputContainer, start_seconds: float) -> None:
        self._container, self._source, self._template = container, source, template
        self._stream = container.add_stream_from_template(template)
        self._time_base = time_base_of(template)
        self._offset = round((_video_start_seconds(source) + Fraction(start_seconds)) / self._time_base)
        self._first = self._offset if start_seconds > 0 else None  # ticks of the source from which on packets are copied
        self._last_dts: int | None = None
        self._longest = 0  # ticks of a packet
        self._packets = source.demux(template)
        self._next: tuple[Fraction, Packet] | None = None

    def copy_until(self, seconds: float) -> None:
        """Copy what starts before `seconds`, counted from the first picture of the source."""
        packet = self._next or self._read()
        while packet is not None and packet[0] < seconds:
            self._container.mux(packet[1])
            packet = self._read()
        self._next = packet

    def jump(self, source_seconds: float, seconds: float) -> None:
        """Go on with what is at a time of the source, at a time of the output."""
        start = _video_start_seconds(self._source) + Fraction(source_seconds)
        there = round(start / self._time_base)
        self._offset = there - round(Fraction(seconds) / self._time_base)
        with suppress(av.error.FFmpegError):  # what cannot be sought is read on
            self._source.seek(there, stream=self._template, backward=True)
            self._packets = self._source.demux(self._template)
        self._first, self._next = there - self._longest, None  # the packet that begins a little before is heard at the cut

    def _read(self) -> tuple[Fraction, Packet] | None:
        """Return the next packet and its time in seconds, on the output's clock; None where the source ends or breaks off."""
        with suppress(av.error.FFmpegError):
            for packet in self._packets:
                if packet.size and packet.pts is not None and packet.dts is not None:
                    if self._first is not None and packet.pts < self._first:
                        continue
                    packet.pts -= self._offset
                    packet.dts -= self._offset
                    self._longest = max(self._longest, (packet.duration or 1) - 1)
                    if self._last_dts is not None and packet.dts <= self._last_dts:
                        continue  # of the part before, or not in order
                    self._last_dts = packet.dts
                    packet.stream = self._stream
                    return packet.pts * self._time_base, packet
        return None


def _find_encoder(path: Path, wanted: str) -> str:
    """Return an encoder that this build of PyAV has.

    Raises:
        OutputError: It has none that will do.
    """
    for name in FALLBACKS if wanted == "auto" else (wanted,):
        with suppress(av.codec.codec.UnknownCodecError):
            av.codec.Codec(name, "w")
            return name
    lacking = "encoder for H.264 or MPEG-4" if wanted == "auto" else wanted
    cure = "install PyAV from PyPI (pip install av)" if wanted == "auto" else "take --encoder auto"
    raise OutputError(path, f"this build of PyAV has no {lacking}", cure)


def _video_start_seconds(container: InputContainer) -> Fraction:
    stream = container.streams.best("video")
    if stream is None or stream.start_time is None:
        return Fraction(0)
    return stream.start_time * time_base_of(stream)


def container_format(path: Path) -> str:
    """Return libavformat's name of the format that a file's suffix asks for.

    Raises:
        OutputError: It is none that is known here.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise OutputError(path, f"{suffix or 'no suffix'} is no video format known here", "end it in .mp4")
    return FORMATS[suffix]


@contextmanager
def output_errors(path: Path, cure: str = CURE_OF_FORMAT) -> Iterator[None]:
    """Tell of a file that cannot be written in one line, with what can be done about that very error.

    Args:
        path: The file.
        cure: What can be done where it is neither the disk nor the system.
    """
    try:
        yield
    except av.error.FFmpegError as error:
        number = error.errno or 0
        cure = "make room on the disk, or give another folder" if number in DISK_ERRORS else CURES.get(number, cure)
        raise OutputError(path, f"cannot be written ({error.strerror})", cure) from error
