"""`ttcli render`: the video with the ball's trail, its events, the frame number and the clock drawn on it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ttcli.configs import RenderConfig
from ttcli.errors import InputError, OutputError, SettingError
from ttcli.outputs import check_output
from ttcli.rendering.drawing import MARK_SECONDS
from ttcli.rendering.overlay import Overlay
from ttcli.rendering.slow_motion import SlowMotion
from ttcli.rendering.subtitles import write_srt
from ttcli.results.csv_rows import frame_number
from ttcli.results.events import Event, read_events_csv
from ttcli.results.places import FarPlaces
from ttcli.results.strokes import read_strokes_csv
from ttcli.results.trajectory import BallPosition, read_ball_csv
from ttcli.video.gif import GifWriter
from ttcli.video.probe import VideoInfo, is_image_folder, probe
from ttcli.video.reader import FrameReader
from ttcli.video.standard_input import check_named, shown_name
from ttcli.video.writer import VideoWriter

GIF_SUFFIX = ".gif"
HALF_MILLISECOND = 0.0005
"""Times that are typed have three places."""


@dataclass(frozen=True)
class RenderSummary:
    """What was drawn."""

    video: str
    output: str
    frames: int
    marked: int
    """Frames with the ball on them."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.video} -> {self.output}: {self.frames} frames, {self.marked} with the ball"


def default_output(video: Path) -> Path:
    """Return where the overlay of a video goes unless told otherwise: match.overlay.mp4 beside match.mov.

    Raises:
        SettingError: The video is from standard input, and has no place.
    """
    check_named(video, "-o", "name the overlay, as in -o overlay.mp4")
    return video.with_name(f"{video.stem}.overlay.mp4")


def render(
    video: Path,
    ball_csv: Path | None,
    output: Path | None,
    config: RenderConfig,
    quiet: bool = False,
    events_csv: Path | None = None,
    subtitles: Path | None = None,
    strokes_csv: Path | None = None,
    tell: Callable[[str], None] = lambda message: None,
) -> RenderSummary:
    """Write the video with the ball, and its events, drawn on it and return a summary.

    Args:
        video: The video.
        ball_csv: Its ball.csv; the CSV of the video's name beside it if None.
        output: The overlay; `default_output` if None.
        config: Settings.
        quiet: Show no progress.
        events_csv: Its events.csv; no events are drawn if None.
        subtitles: Where to write the events as SubRip too; nowhere if None.
        strokes_csv: Its strokes.csv; no strokes are drawn if None.
        tell: Takes warnings, one line each.

    Raises:
        InputError: The video or a CSV is missing or cannot be read.
        OutputError: An output exists or cannot be written.
        SettingError: The scale is out of range, or there are no events for the subtitles.
    """
    info = probe(video, config.picture_rate)
    ball_csv = _find_ball_csv(video, ball_csv)
    output = default_output(video) if output is None else output
    _check_output(output, (video, ball_csv), config.overwrite)
    far = {path: FarPlaces(info.height, info.width) for path in (events_csv, ball_csv) if path is not None}
    events = [] if events_csv is None else read_events_csv(events_csv, far[events_csv])
    if subtitles is not None:
        if events_csv is None:
            raise SettingError("--subtitles", "there are no events to write", "name the events.csv by --events")
        _check_output(subtitles, (video, ball_csv, events_csv), config.overwrite)
        write_srt(subtitles, events, float(info.frame_rate), config.overwrite)
    by_frame = {position.frame_index: position for position in read_ball_csv(ball_csv, far[ball_csv])}
    for path, places in far.items():
        if line := places.line(path):
            tell(line)
    first = 0 if config.start is None else _frame_at("--start", config.start, by_frame.values(), info)
    last = None if config.end is None else _frame_at("--end", config.end, by_frame.values(), info)
    if first is None:
        raise SettingError("--start", f"{config.start} s is behind the last row of the CSV", "give an earlier time")
    if last is not None and last < first:
        raise SettingError("--end", "is before --start", "give a later one")
    start_seconds = _seconds_of(first, by_frame, info)
    height, width = scaled_size(info, config.scale)
    strokes = [] if strokes_csv is None else read_strokes_csv(strokes_csv)
    overlay = Overlay(info, height, width, config.trail_seconds, events, config.zoom, config.speed, config.table_map, strokes)
    clock = SlowMotion(_slow_instants(events, events_csv, config, info), config.slow or 1.0)
    begin = clock.shown_at(start_seconds)
    sound = video if config.audio and info.has_audio and not clock.spans else None
    count = info.frame_count or max(by_frame, default=0) + 1
    wanted = None if (first, last) == (0, None) else range(first, (count - 1 if last is None else last) + 1)
    total = info.frame_count if wanted is None else len(wanted)
    frames = marked = 0
    with (
        FrameReader(info, height, width, wanted=wanted) as reader,
        _writer(output, height, width, info, config, sound, start_seconds) as writer,
        tqdm(total=total, desc=video.name, unit=" frames", disable=quiet or None) as progress,
    ):  # fmt: skip
        for frame in reader:
            position = by_frame.pop(frame.frame_index, None)
            writer.write(overlay.draw(frame, position), clock.shown_at(frame.time_seconds) - begin)
            marked += position is not None and position.status.has_position
            frames += 1
            progress.update()
    if by_frame and wanted is None:
        tell(f"{video}: warning: {len(by_frame)} rows of the CSV are of frames that the video does not have")
    return RenderSummary(shown_name(video), str(output), frames, marked)


def _writer(
    output: Path, height: int, width: int, info: VideoInfo, config: RenderConfig, sound: Path | None, start_seconds: float
) -> GifWriter | VideoWriter:
    """Return what writes the overlay, by the suffix of its name; a GIF has no sound."""
    if output.suffix.lower() == GIF_SUFFIX:
        return GifWriter(output, height, width, config.overwrite)
    return VideoWriter(
        output, height, width, info.frame_rate, crf=config.crf, encoder=config.encoder, overwrite=config.overwrite,
        audio_from=sound, audio_start_seconds=start_seconds,
    )  # fmt: skip


def _slow_instants(events: Sequence[Event], events_csv: Path | None, config: RenderConfig, info: VideoInfo) -> list[float]:
    """Return the instants, in seconds of the video, around which it is shown slower.

    Raises:
        SettingError: There are no events to tell them.
    """
    if config.slow is None:
        return []
    if events_csv is None:
        raise SettingError("--slow", "nobody knows where without events", "name the events.csv by --events")
    shown = [event for event in events if event.event in MARK_SECONDS]
    return [event.frame / float(info.frame_rate) if event.time_seconds is None else event.time_seconds for event in shown]


def _frame_at(option: str, place: str, rows: Iterable[BallPosition], info: VideoInfo) -> int | None:
    """Return the frame that a place names: a frame as in 300f, or the first one at a time as in 12.5 seconds.

    Times are those of the CSV where it has them, for at a varying rate frames do not tell the time. None stands for a
    time behind the last row.

    Raises:
        SettingError: It is neither.
    """
    if place.endswith("f") and (frame := frame_number(place[:-1])) is not None:
        return frame
    try:
        seconds = float(place)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingError(option, f"{place!r:.40} is no place in a video", "give seconds as in 12.5, or a frame as in 300f")
    times = ((row.frame_index, _time_of(row, info)) for row in rows)
    return next((index for index, time in times if time >= seconds - HALF_MILLISECOND), None)


def _seconds_of(frame_index: int, by_frame: Mapping[int, BallPosition], info: VideoInfo) -> float:
    """Return the time of a frame, by the CSV where it says."""
    if frame_index == 0:
        return 0.0
    row = by_frame.get(frame_index)
    return frame_index / float(info.frame_rate) if row is None else _time_of(row, info)


def _time_of(row: BallPosition, info: VideoInfo) -> float:
    return row.frame_index / float(info.frame_rate) if row.time_seconds is None else row.time_seconds


def scaled_size(info: VideoInfo, scale: float) -> tuple[int, int]:
    """Return height and width of the overlay, whose pixels are square; a reduced one is even, which every player takes.

    Raises:
        SettingError: The scale is not above 0 and at most 1, or leaves no picture.
    """
    if not 0 < scale <= 1:
        raise SettingError("--scale", f"{scale} is out of range", "give a number above 0 and at most 1")
    if scale == 1:
        return info.square_size
    height, width = (max(2, 2 * round(length * scale / 2)) for length in info.square_size)
    return height, width


def check_overlay(overlay: Path, videos: Sequence[Path], ball_csv: Path | None, overwrite: bool) -> None:
    """Raise TtcliError now where the overlay that is to follow a detection could not be written.

    Args:
        overlay: The overlay.
        videos: The videos of the detection.
        ball_csv: What the detection will write.
        overwrite: Whether the overlay may replace a file.
    """
    if len(videos) != 1 or (videos[0].is_dir() and not is_image_folder(videos[0])):
        raise SettingError("--overlay", "is for one video", "detect first, then `ttcli render` each video")
    if ball_csv is not None and overlay.absolute() == ball_csv.absolute():
        raise SettingError("--overlay", "is the same file as the CSV", "give another name to one of them")
    _check_output(overlay, (videos[0],), overwrite)


def _find_ball_csv(video: Path, ball_csv: Path | None) -> Path:
    """Return the CSV to draw: the one given, or that of the video's name beside it."""
    if ball_csv is not None:
        return ball_csv
    beside = video.with_suffix(".csv")
    if not beside.is_file():
        cure = f"run `ttcli detect {video} -o {beside}` first, or name the CSV by --ball"
        raise InputError(video, f"no {beside.name} beside it", cure)
    return beside


def _check_output(output: Path, inputs: Sequence[Path], overwrite: bool) -> None:
    """Raise OutputError where the overlay cannot be written, or would replace what it is made from."""
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise OutputError(output, "is an input itself", "give another name for the overlay")
    check_output(output, overwrite)
