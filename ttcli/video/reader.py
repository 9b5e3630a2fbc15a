"""The frames of a video file, decoded and resized once, in a thread of their own."""

import queue
import threading
import weakref
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import dropwhile, islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import av.error
import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from ttcli.errors import SettingError, VideoError
from ttcli.video.clock import Clock
from ttcli.video.cuts import CutFinder
from ttcli.video.decoder import Damage, decode_in_order
from ttcli.video.deinterlacer import deinterlaced
from ttcli.video.image_folder import decode_images, numbered_images
from ttcli.video.orientation import orientation_of
from ttcli.video.probe import VideoInfo, open_video, time_base_of
from ttcli.video.repeats import RepeatFinder
from ttcli.video.scaling import shrink, to_picture

Decoded = Iterator[tuple[int | None, VideoFrame | None]]
"""Timestamps and frames in presentation order, None for a frame that is broken."""
THREAD_NAME = "decode video"
STOP_SECONDS = 0.05
"""How soon a thread that waits for room in the queue sees that it shall stop."""


class Frame(NamedTuple):
    """One frame of a video."""

    frame_index: int
    """0-based, in presentation order; broken frames count."""
    time_seconds: float
    """The frame's own timestamp minus the stream's first."""
    picture: np.ndarray | None
    """(H, W, 3) uint8 RGB, C-contiguous, upright; None where the frame is broken."""
    large: np.ndarray | None = None
    """The same larger, where the reader was asked for it."""
    duplicate: bool = False
    """Whether it repeats the picture before it, where the reader was asked to look."""
    shot: int = 0
    """Number of the shot, from 0 on, where the reader was asked to look."""


class FrameReader:
    """The frames of a video as an iterator and context manager; leaving it early stops the thread.

    Every frame is handed out, the broken ones without a picture (see `decoder` for which they are), unless only
    some are wanted. Then the others are decoded and not even scaled, and reading ends after the last wanted one.

    Args:
        info: The video, as `probe` understood it: a file, or a folder of numbered pictures.
        height: Height of the upright pictures handed out; with `width`, or both None for the video's own size.
        width: Their width.
        queue_size: How many frames the thread may be ahead.
        wanted: Indexes of the frames to hand out; None hands out all.
        large_size: Height and width of a second, larger picture of each frame; None hands out none.
        judge: Whether repeated pictures and cuts are looked for; frames come a few later then, no less.
        start_seconds: Where to begin, after the first frame of the video; frames and their times count from there on.

    Raises:
        InputError: The file is not there any more, when the first frame is asked for.
        VideoError: None of its frames can be decoded, in the same way.
    """

    def __init__(
        self,
        info: VideoInfo,
        height: int | None = None,
        width: int | None = None,
        queue_size: int = 8,
        wanted: Collection[int] | None = None,
        large_size: tuple[int, int] | None = None,
        judge: bool = False,
        start_seconds: float = 0.0,
    ) -> None:
        if (height is None) != (width is None):
            raise SettingError("height and width", "only one of them is given", "give both or neither")
        self.info = info
        self._noted = _Noted()
        self._queue: queue.Queue[Frame | _End] = queue.Queue(queue_size)
        self._ended = False
        pictures = _Pictures(info, height or info.height, width or info.width, large_size)
        frames = _read_frames(info, pictures, self._noted, wanted, start_seconds)
        if judge:
            frames = _judged(frames)
        stop = threading.Event()
        # The thread holds no reference to the reader: one that is dropped half read is collected and so closed.
        self._thread = threading.Thread(target=_fill, args=(frames, self._queue, stop), name=THREAD_NAME, daemon=True)
        self.close = weakref.finalize(self, _stop, self._thread, stop)

    @property
    def broken_frames(self) -> int:
        """How many frames were lost; final once the iteration has ended."""
        return self._noted.damage.broken_frames

    @property
    def truncated(self) -> bool:
        """Whether the file lacks frames that it lists, cut off as a rule; known once the iteration has ended."""
        return self._noted.damage.truncated

    @property
    def first_stamp(self) -> Fraction | None:
        """Time of the first frame on the file's own clock, seconds; known once it is handed out, None if it has none."""
        return self._noted.first_stamp

    def __enter__(self) -> "FrameReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        if self._ended or not self.close.alive:
            raise StopIteration
        if self._thread.ident is None:
            self._thread.start()
        item = self._queue.get()
        if isinstance(item, Frame):
            return item
        self._ended = True
        raise item.error or StopIteration


@dataclass
class _Noted:
    """What is noted of a video while it is read."""

    damage: Damage = field(default_factory=Damage)
    first_stamp: Fraction | None = None
    """Time of the first frame that was read, on the file's own clock, seconds."""


@dataclass(frozen=True)
class _End:
    """The thread's last word: all frames are in the queue, or reading them failed."""

    error: BaseException | None = None


def _fill(frames: Generator[Frame, None, None], frame_queue: queue.Queue, stop: threading.Event) -> None:
    """Put all frames into the queue, then an `_End`, unless told to stop."""
    end = _End()
    try:
        for frame in frames:
            _put(frame, frame_queue, stop)
            if stop.is_set():
                break
        frames.close()
    except BaseException as error:  # whatever it is, bugs included: the consumer raises it with this traceback
        end = _End(error)
    _put(end, frame_queue, stop)


def _put(item: "Frame | _End", frame_queue: queue.Queue, stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(queue.Full):
            frame_queue.put(item, timeout=STOP_SECONDS)
            return


def _stop(thread: threading.Thread, stop: threading.Event) -> None:
    """Stop the thread and wait for it."""
    stop.set()
    # The collector may run this in the decoding thread itself.
    if thread.is_alive() and thread is not threading.current_thread():
        thread.join()


def read_spans(info: VideoInfo, height: int, width: int, starts: Sequence[float], count: int) -> Iterator[list[Frame]]:
    """Yield the frames of some spans of a video, which is opened once for all of them.

    Args:
        info: The video.
        height: Height of the upright pictures.
        width: Their width.
        starts: Where each span begins, seconds after the first frame of the video, in order; the frames of a span and their
            times count from there on.
        count: Frames of a span; fewer where the video ends before, none where nothing behind its start can be decoded.

    Raises:
        InputError: The file is not there any more.
        VideoError: It cannot be opened.
    """
    pictures = _Pictures(info, height, width, None)
    with _opened(info) as decode_from:
        for start in starts:
            noted = _Noted()
            frames = _to_frames(info, *decode_from(noted.damage, start), pictures, noted)
            span: list[Frame] = []
            with suppress(VideoError):
                span = list(islice(frames, count))
            yield span


def _read_frames(
    info: VideoInfo, pictures: "_Pictures", noted: "_Noted", wanted: Collection[int] | None, start_seconds: float
) -> Generator[Frame, None, None]:
    """Yield the wanted frames of the file, resized and upright.

    Raises:
        VideoError: Not one frame had a picture.
    """
    with _opened(info) as decode_from:
        yield from _to_frames(info, *decode_from(noted.damage, start_seconds), pictures, noted, wanted)


def _to_frames(
    info: VideoInfo,
    decoded: Decoded,
    time_base: Fraction,
    pictures: "_Pictures",
    noted: "_Noted",
    wanted: Collection[int] | None = None,
) -> Iterator[Frame]:
    """Yield the wanted ones of what is decoded, with their times and pictures.

    Raises:
        VideoError: Not one frame had a picture.
    """
    last = None if wanted is None else max(wanted, default=-1)
    any_picture = False
    clock = Clock(time_base, info.frame_rate)
    for frame_index, (pts, frame) in enumerate(decoded):
        any_picture |= frame is not None
        if frame_index == 0 and pts is not None:
            noted.first_stamp = pts * time_base
        seconds = clock.seconds(pts)
        if wanted is None or frame_index in wanted:
            picture, large = pictures.of(frame)
            noted.damage.broken_frames += frame is not None and picture is None
            yield Frame(frame_index, seconds, picture, large)
        if last is not None and frame_index >= last:
            break
    if not any_picture:
        raise VideoError(info.path, "not one frame could be decoded", "record or copy the file again")


class _Pictures:
    """Makes the pictures of decoded frames: upright, of one size, and larger ones beside them where they are wanted."""

    def __init__(self, info: VideoInfo, height: int, width: int, large_size: tuple[int, int] | None) -> None:
        self._common = None if info.path.is_dir() else info.orientation  # pictures of a folder have one each
        self._size, self._large_size = (height, width), large_size
        self._scaler, self._large_scaler, self._shrinker = (VideoReformatter() for _ in range(3))  # each for one size

    def of(self, frame: VideoFrame | None) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return a frame's picture and its larger one; None where there is none, also of what was decoded to no picture."""
        if frame is None:
            return None, None
        large = None
        try:
            orientation = self._common or orientation_of(frame)
            if self._large_size is not None:
                frame = shrink(frame, self._shrinker, *orientation.upright_size(*self._large_size))
                large = to_picture(frame, self._large_scaler, *self._large_size, orientation)
            return to_picture(frame, self._scaler, *self._size, orientation), large
        except av.error.FFmpegError:
            return None, None


@contextmanager
def _opened(info: VideoInfo) -> Iterator[Callable[[Damage, float], tuple[Decoded, Fraction]]]:
    """Open a video, and yield what decodes it from a time in seconds on, and tells the unit of pts in seconds."""
    if info.path.is_dir():
        yield partial(_images_from, info)
        return
    with open_video(info.path) as (container, stream):
        yield partial(_file_from, info.path, container, stream)


def _images_from(info: VideoInfo, damage: Damage, start_seconds: float) -> tuple[Decoded, Fraction]:
    first = next(iter(numbered_images(info.path))) + round(start_seconds * info.frame_rate)
    return _from(first if start_seconds else None, decode_images(info.path)), 1 / info.frame_rate


def _file_from(
    path: Path, container: InputContainer, stream: VideoStream, damage: Damage, start_seconds: float
) -> tuple[Decoded, Fraction]:
    time_base, first = time_base_of(stream), None
    if start_seconds:
        first = (stream.start_time or 0) + round(start_seconds / time_base)
        with suppress(av.error.FFmpegError):  # what cannot be sought is read from its beginning
            container.seek(first, stream=stream)
    decoded = decode_in_order(path, container, stream, damage)
    return _from(first, deinterlaced(decoded)), time_base


def _from(first: int | None, decoded: Decoded) -> Decoded:
    """Return what is left of `decoded` from the timestamp `first` on."""
    if first is None:
        return decoded
    return dropwhile(lambda item: item[0] is not None and item[0] < first, decoded)


def _judged(frames: Iterable[Frame]) -> Generator[Frame, None, None]:
    """Yield the frames with what their pictures say of repeats and cuts; a broken one says nothing."""
    # OpenCV would wake other threads for each of these small pictures: 0.2 ms a frame beside a busy decoder
    cv2.setNumThreads(1)
    repeats, cuts = RepeatFinder(), CutFinder()
    waiting: deque[Frame] = deque()
    duplicates: deque[bool] = deque()  # decisions that came before those on cuts, and the other way round
    beginnings: deque[bool] = deque()
    shot = 0

    def ready() -> Iterator[Frame]:
        nonlocal shot
        while waiting and (waiting[0].picture is None or (duplicates and beginnings)):
            frame = waiting.popleft()
            duplicate = False
            if frame.picture is not None:
                begins = beginnings.popleft()
                shot += begins
                duplicate = duplicates.popleft() and not begins
            yield frame._replace(duplicate=duplicate, shot=shot)

    for frame in frames:
        waiting.append(frame)
        if frame.picture is not None:
            gray = cv2.cvtColor(frame.picture, cv2.COLOR_RGB2GRAY)
            duplicates += repeats.add(gray)
            beginnings += cuts.add(gray)
        yield from ready()
    duplicates += repeats.finish()
    beginnings += cuts.finish()
    yield from ready()
