"""Films of parts of a video: joined, or one for each; cut to the frame by encoding again, with the sound in step."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import numpy as np

from ttcli.editing.spans import Span
from ttcli.errors import VideoError
from ttcli.video.probe import VideoInfo, first_picture_stamp
from ttcli.video.reader import FrameReader
from ttcli.video.writer import VideoWriter


def write_film(
    path: Path,
    spans: Sequence[Span],
    info: VideoInfo,
    overwrite: bool,
    crf: int,
    sound: bool,
    progress: Callable[[float], None] = lambda seconds: None,
    size: tuple[int, int] | None = None,
) -> int:
    """Write parts of a video one after another, and return the number of frames.

    Args:
        path: The film.
        spans: The parts, in order.
        info: The video.
        overwrite: Replace an existing file.
        crf: Quality as x264 counts it.
        sound: Whether the video's sound is kept.
        progress: Takes the seconds that are written so far.
        size: Height and width of the film; the video's if None.

    Raises:
        OutputError: `path` cannot be written.
        VideoError: Nothing of the video can be decoded.
    """
    audio = info.path if sound and info.has_audio else None
    first_stamp = first_picture_stamp(info)
    height, width = size or (info.height, info.width)
    with ExitStack() as stack:
        writer: VideoWriter | None = None
        begin = 0.0
        for span in spans:
            with FrameReader(info, height, width, start_seconds=span.start_seconds, queue_size=8) as reader:
                pictures = _pictures(reader)
                first = next(pictures, None)
                if first is None or reader.first_stamp is None:
                    continue
                source = float(reader.first_stamp - first_stamp)  # of the first picture, which is not before the span
                if writer is None:
                    writer = stack.enter_context(
                        VideoWriter(
                            path, height, width, info.frame_rate, crf,
                            audio_from=audio, audio_start_seconds=source, overwrite=overwrite,
                        )
                    )  # fmt: skip
                else:
                    writer.continue_sound_from(source, begin)
                shown = 0.0
                for picture, seconds in chain([first], pictures):
                    if source + seconds >= span.end_seconds:
                        break
                    shown = seconds
                    writer.write(picture, begin + seconds)
                    progress(begin + seconds)
            begin += shown + float(1 / info.frame_rate)
    if writer is None:
        raise VideoError(info.path, "has no picture where the rallies are", "give the rallies of this video")
    return writer.frame_count


def _pictures(reader: FrameReader) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the pictures of a reader with their times; a broken frame shows the picture before it."""
    last: np.ndarray | None = None
    for frame in reader:
        last = last if frame.picture is None else frame.picture
        if last is not None:
            yield last, frame.time_seconds
