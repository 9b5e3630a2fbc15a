"""What a video file is, before time is spent on it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypedDict

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ttcli.errors import InputError, VideoError, told_of_system
from ttcli.video.frame_rates import usual_step
from ttcli.video.image_folder import IMAGE_SUFFIXES, decode_images, numbered_images
from ttcli.video.opening import opened
from ttcli.video.orientation import Orientation, orientation_of
from ttcli.video.standard_input import shown_name
from ttcli.video.tone import is_high_range

VIDEO_SUFFIXES = (
    ".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".wmv", ".flv", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".mxf", ".3gp",
    ".ogv",
)  # fmt: skip
"""What counts as a video where a folder is searched, usual ones first; a file named by itself may end in anything."""


TIMED_PACKETS = 40
"""Packets whose timestamps are compared with the stated frame rate."""
REORDERED_PACKETS = 4
LIKELY_RATES = (Fraction(1, 10), Fraction(2000))
"""Bounds of frame rates, in frames per second. A damaged header may state any number, and windows would span as many."""
WRONG_RATE = 0.25
"""Share of the rate that timestamps show by which a stated one may be off."""
MOST_PIXELS = 8192 * 5120
"""Most pixels of a picture, more than 8K video has. A damaged header may ask for more than fits into memory."""
LIKELY_PIXEL_ASPECTS = (Fraction(1, 4), Fraction(4))
"""Bounds outside of which the shape of a pixel is taken for damage, and pixels for square."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself, and what its first frame shows."""

    path: Path
    height: int
    """Height of the upright picture, rotation applied, in stored pixels."""
    width: int
    """Width of the upright picture, rotation applied, in stored pixels."""
    frame_rate: Fraction
    """Frames per second by the header, an average where the rate varies; as timestamps show it where that is far off."""
    frame_count: int | None
    """As the container states it; None where it does not (Matroska, MPEG-TS)."""
    duration_seconds: float | None
    codec: str
    has_audio: bool
    container: str = ""
    """Name of its format, or `images` for a folder of them."""
    orientation: Orientation = Orientation()
    """What to do with the stored picture so that it is upright."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel of the upright picture, divided by its height."""
    pixel_format: str = ""
    transfer: int = 2
    """AVCOL_TRC number, by which code values are light; 2 is unspecified."""
    interlaced: bool = False
    """Whether the first frame is; such frames are deinterlaced when they are read."""

    @property
    def rotation(self) -> int:
        """Degrees (0, 90, 180, 270) to turn the stored picture clockwise so that it is upright."""
        return self.orientation.rotation

    @property
    def mirrored(self) -> bool:
        """Whether left and right of the stored picture are swapped before it is turned."""
        return self.orientation.mirrored

    @property
    def high_dynamic_range(self) -> bool:
        """Whether its code values mean light of a high range; they are brought to the ordinary one when it is read."""
        return is_high_range(self.transfer)

    @property
    def has_square_pixels(self) -> bool:
        """Whether a pixel is as wide as it is high, as the geometry of tables takes it to be."""
        return self.square_size == (self.height, self.width)

    @property
    def square_size(self) -> tuple[int, int]:
        """Height and width of the upright picture with square pixels, none of its sides smaller than it is stored."""
        if self.pixel_aspect >= 1:
            return self.height, round(self.width * self.pixel_aspect)
        return round(self.height / self.pixel_aspect), self.width


def is_video(path: Path) -> bool:
    """Return whether a file in a folder counts as a video, by its name; hidden ones do not."""
    return path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")


def is_image_folder(path: Path) -> bool:
    """Return whether `path` is a folder of numbered pictures, which is a video; with videos in it, it is not."""
    return is_folder(path) and not any(map(is_video, path.iterdir())) and bool(numbered_images(path))


def is_folder(path: Path) -> bool:
    """Return whether `path` is a folder; whoever opens it reports what stands in the way of knowing."""
    try:
        return path.is_dir()
    except OSError:
        return False


def probe(path: Path, picture_rate: float = 25.0) -> VideoInfo:
    """Return what `path` is, after decoding its first readable frame.

    Args:
        path: A video file, or a folder of numbered pictures.
        picture_rate: Frames per second of a folder, which does not say its own.

    Raises:
        InputError: There is no such file, or it is a folder without numbered pictures.
        VideoError: It is no video, or none of its frames can be decoded.
    """
    with told_of_system(path):
        of_images = is_image_folder(Path(path))
    if of_images:
        return _probe_images(Path(path), Fraction(picture_rate).limit_denominator(1001))
    with open_video(path) as (container, stream):
        frame, steps = _begin(container, stream)
        frame_rate = _frame_rate(stream, steps)
        if frame is None:
            raise VideoError(shown_name(path), "not one frame could be decoded", "record or copy the file again")
        if frame_rate is None:
            raise VideoError(shown_name(path), "no frame rate is known", "convert it, for example to mp4")
        return VideoInfo(
            path=Path(path),
            frame_rate=frame_rate,
            frame_count=stream.frames or None,
            duration_seconds=_duration_seconds(container, stream),
            codec=stream.codec_context.codec.canonical_name,
            has_audio=bool(container.streams.audio),
            container=_container_name(Path(path), container),
            **_picture_facts(frame, to_fraction(stream.sample_aspect_ratio)),
        )


def _probe_images(folder: Path, frame_rate: Fraction) -> VideoInfo:
    numbers = list(numbered_images(folder))
    frame = next((frame for _, frame in decode_images(folder) if frame is not None), None)
    if frame is None:
        raise VideoError(folder, "not one of its pictures could be decoded", "write them again")
    return VideoInfo(
        path=folder,
        frame_rate=frame_rate,
        frame_count=len(numbers),
        duration_seconds=float((numbers[-1] - numbers[0] + 1) / frame_rate),
        codec=numbered_images(folder)[numbers[0]].suffix[1:].lower(),
        has_audio=False,
        container="images",
        **_picture_facts(frame, None),
    )


class _PictureFacts(TypedDict):
    """What the first frame of a video says of its pictures: those fields of `VideoInfo`."""

    height: int
    width: int
    orientation: Orientation
    pixel_aspect: Fraction
    pixel_format: str
    transfer: int
    interlaced: bool


def _picture_facts(frame: VideoFrame, pixel_aspect: Fraction | None) -> _PictureFacts:
    """Return what a video's first frame says; `pixel_aspect` is that of the stored picture."""
    orientation = orientation_of(frame)
    height, width = orientation.upright_size(frame.height, frame.width)
    least, most = LIKELY_PIXEL_ASPECTS
    aspect = pixel_aspect if pixel_aspect and least <= pixel_aspect <= most else Fraction(1)
    return _PictureFacts(
        height=height,
        width=width,
        orientation=orientation,
        pixel_aspect=1 / aspect if orientation.transposed else aspect,
        pixel_format=frame.format.name,
        transfer=int(frame.color_trc),
        interlaced=frame.interlaced_frame,
    )


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open `path` and yield its container and best video stream.

    Raises:
        InputError: There is no such file, or it is a folder.
        VideoError: It is no video file, or has no video stream that can be decoded.
    """
    with open_input(path) as container:
        yield container, _video_stream(path, container)


@contextmanager
def open_input(path: Path) -> Iterator[InputContainer]:
    """Open any media file for reading, and yield it.

    Raises:
        InputError: There is no such file, or it is a folder, or none that can be read.
        VideoError: It is no media file, or cannot be read.
    """
    path = Path(path)
    if is_folder(path):
        cure = f"give a video file, or a folder of pictures such as frame_0001{IMAGE_SUFFIXES[0]}"
        raise InputError(path, "is a folder, and no numbered pictures alone", cure)
    with opened(path) as container:
        yield container


def first_picture_stamp(info: VideoInfo) -> Fraction:
    """Return the time of a video's first picture on the file's own clock, seconds."""
    with open_video(info.path) as (_, stream):
        return (stream.start_time or 0) * time_base_of(stream)


class Ratio(Protocol):
    """A rate as PyAV has it: up to version 18 a Fraction, from 19 on a type of its own, which is false where unknown."""

    @property
    def numerator(self) -> int:
        """Upper number."""

    @property
    def denominator(self) -> int:
        """Lower number."""


def to_fraction(value: Ratio | None) -> Fraction | None:
    """Return a rate as a Fraction, or None where it is unknown."""
    return Fraction(value.numerator, value.denominator) if value else None


def time_base_of(stream: Stream) -> Fraction:
    """Return the unit of a stream's timestamps, in seconds: libavformat's own where the stream has none."""
    return to_fraction(stream.time_base) or Fraction(1, av.time_base)


def stated_seconds(stream: VideoStream) -> float | None:
    """Return how long the file says that this stream is, or None where it does not say."""
    if stream.duration:
        return float(stream.duration * time_base_of(stream))
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag:  # Matroska: 00:01:02.345000000 for each stream
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    return None


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    stream = container.streams.best("video")
    if container.streams.video and (stream is None or stream.codec_context is None):
        raise VideoError(shown_name(path), "no decoder is known for its video", "convert it, for example to H.264 mp4")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        kind = "no video stream (audio only)" if container.streams.audio else "no video stream"
        raise VideoError(shown_name(path), kind, "give a file with a video track")
    if stream.width * stream.height > MOST_PIXELS:
        size = f"{stream.width}x{stream.height}"
        raise VideoError(
            shown_name(path), f"says that its picture is {size}, which nothing here takes", "convert it to a smaller size"
        )
    # a header damaged in mid-stream must not ask for more either: frames above this are errors of the decoder
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return stream


def _container_name(path: Path, container: InputContainer) -> str:
    """Return the format's name; of a family of formats, as of mov,mp4,3gp, the one that the file is called by."""
    names = container.format.name.split(",")
    return path.suffix[1:].lower() if path.suffix[1:].lower() in names else names[0]


def _begin(container: InputContainer, stream: VideoStream) -> tuple[VideoFrame | None, np.ndarray]:
    """Return the first frame that can be decoded, and the seconds from frame to frame of the first packets."""
    frame, stamps = None, []
    try:
        for packet in container.demux(stream):
            if packet.pts is not None:
                stamps.append(packet.pts)
            if frame is None:
                with suppress(av.error.FFmpegError):
                    frame = next(iter(packet.decode()), None)
            elif len(stamps) >= TIMED_PACKETS or not packet.size:
                break
    except av.error.FFmpegError:
        pass  # the container is cut off
    # stored out of order, the last ones lack their neighbours
    first = np.sort(np.array(stamps, np.float64))[: max(2, len(stamps) - REORDERED_PACKETS)]
    return frame, np.diff(first) * float(time_base_of(stream))


def _frame_rate(stream: VideoStream, steps: np.ndarray) -> Fraction | None:
    """Return the frame rate by the header, unless timestamps show another one; None where nothing tells."""
    stated = to_fraction(stream.average_rate) or to_fraction(stream.guessed_rate)
    usual = usual_step(steps)
    rate = stated
    if usual is not None:
        shown = Fraction(1 / usual[0]).limit_denominator(1001)
        # browsers and screen recorders state 1000, or an average over pauses
        rate = stated if stated and abs(stated - shown) <= WRONG_RATE * shown else shown
    return None if rate is None else min(max(rate, LIKELY_RATES[0]), LIKELY_RATES[1])


def _duration_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    stated = stated_seconds(stream)
    if stated is None and container.duration:
        return container.duration / av.time_base
    return stated
