"""One video to its ball.csv: frames read once, the ball in each, events, tables, shots, and the manifest."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from tqdm import tqdm

from ttcli.configs import DetectConfig
from ttcli.detection.ball_path import Predictor, ball_positions
from ttcli.detection.gap_filling import fill_gaps
from ttcli.detection.jobs import Job
from ttcli.detection.scouting import fitting_size, with_step
from ttcli.inference.closer_look import larger_size
from ttcli.inference.runtimes import Runtime
from ttcli.results.events import Event, write_events_csv
from ttcli.results.manifest import checkpoint_facts, manifest_path, may_write, option_facts, video_facts, write_manifest
from ttcli.results.shots import Shot, noting_shots, write_shots_csv
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv
from ttcli.spotting.spotter import EventSpotter, noting_events
from ttcli.spotting.weights import load_spotter
from ttcli.table.camera import Tables
from ttcli.table.views import TableView, TableViews, views_as_json
from ttcli.table.watcher import TableWatcher
from ttcli.video.probe import VideoInfo, probe
from ttcli.video.reader import Frame, FrameReader
from ttcli.video.standard_input import shown_name


@dataclass(frozen=True)
class DetectSummary:
    """What came of one video."""

    video: str
    output: str
    frames: int = 0
    seen: int = 0
    filled: int = 0
    """Frames in which it was not seen, but placed by its flight."""
    broken: int = 0
    """Frames that could not be decoded."""
    duplicates: int = 0
    """Frames that repeat the picture before them."""
    shots: int = 0
    """Parts of the video between cuts."""
    bounces: int | None = None
    """Told on the table; None where no events were asked for."""
    nets: int | None = None
    """Passings of the net; None where no events were asked for."""
    truncated: bool = False
    """Whether the file ends before it should."""
    seconds: float = 0.0
    """Wall time, without the loading of the network."""
    done_before: bool = False
    """Whether an earlier run had done it, so that nothing was left to do."""
    error: str | None = None
    """Why there is no output; None where there is one."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        speed = self.frames / self.seconds if self.seconds else 0.0
        seen = f"{self.seen} with the ball ({self.seen / max(self.frames, 1):.0%})"
        more = f", {self.filled} filled" if self.filled else ""
        more += f", {self.duplicates} repeated" if self.duplicates else ""
        more += f", {self.shots} shots" if self.shots > 1 else ""
        more += f", bounces: {self.bounces}, passings of the net: {self.nets}" if self.bounces is not None else ""
        if self.done_before:
            return f"{self.video} -> {self.output}: {self.frames} frames, {seen}{more}, done before"
        return f"{self.video} -> {self.output}: {self.frames} frames, {seen}{more}, {speed:.0f} frames/s"


class Look(NamedTuple):
    """How a video is looked at, decided before it is read."""

    info: VideoInfo
    height: int
    """Of the picture that the network sees."""
    width: int
    given: DetectConfig
    """Settings as the user gave them."""
    config: DetectConfig
    """The same with what was left open: the step."""


def look_at(job: Job, runtime: Runtime, config: DetectConfig) -> Look:
    """Return how a video shall be looked at, which may take a look at its ball and its decoder's speed."""
    info = probe(job.video, config.picture_rate)
    height, width = fitting_size(info, runtime) if config.fit_ball else runtime.working_size(*info.square_size)
    return Look(info, height, width, config, with_step(config, info, runtime, height, width))


def detect_video(
    job: Job, runtime: Runtime, config: DetectConfig, quiet: bool, tell: Callable[[str], None]
) -> DetectSummary:
    """Write the ball.csv of one video and return its summary; a damaged file gives every frame that can be read."""
    started = time.monotonic()
    look = look_at(job, runtime, config)
    large_size = larger_size(runtime, look.height, look.width, config)
    with FrameReader(
        job.video, look.height, look.width, judge=True, picture_rate=config.picture_rate, large_size=large_size
    ) as reader:
        truncated = lambda: reader.truncated  # noqa: E731
        frames, tables, views = reader, TableViews([]), list
        if has_square_pixels(look.info):
            tables = TableWatcher(look.info.height, look.info.width)
            frames, views = tables.noting(reader), tables.views
        return write_outputs(job, look, runtime, frames, None, tables, views, truncated, started, quiet, tell)


def write_outputs(
    job: Job,
    look: Look,
    runtime: Runtime,
    frames: Iterable[Frame],
    predictor: Predictor | None,
    tables: Tables,
    views: Callable[[], list[TableView]],
    truncated: Callable[[], bool],
    started: float,
    quiet: bool,
    tell: Callable[[str], None],
) -> DetectSummary:
    """Write the ball.csv of a video, and what else is asked for, from its frames; return the summary.

    Args:
        job: The video and the CSV.
        look: How it is looked at.
        runtime: The network.
        frames: Of the video, judged.
        predictor: Answers for their pictures; None lets the network do so.
        tables: Where the table is, once the frames around have passed.
        views: The same at the end.
        truncated: Whether the file was cut off, asked at the end.
        started: When the work began, on `time.monotonic`'s clock.
        quiet: Show no progress.
        tell: Takes warnings.
    """
    info, height, width, given, config = look
    counts: Counter[Status] = Counter()
    repeated: Counter[bool] = Counter()
    shots: list[Shot] = []
    events: list[Event] = []
    spotter = config.events and EventSpotter(load_spotter(None), info.height, info.width, config.event_threshold, tables)
    with tqdm(total=info.frame_count, desc=job.video.name, unit=" frames", disable=quiet or None) as progress:
        positions = ball_positions(noting_shots(frames, shots), info, runtime, height, width, config, predictor)
        if spotter:
            positions = noting_events(positions, spotter, events)
        positions = fill_gaps(positions, info.height, info.width, config.fill)
        count = write_ball_csv(job.output, _counted(positions, counts, repeated, progress), config.overwrite)
    warnings = _warnings(info, count, counts[Status.BROKEN], truncated())
    summary = DetectSummary(
        video=shown_name(job.video),
        output=str(job.output),
        frames=count,
        seen=counts[Status.SEEN],
        filled=counts[Status.FILLED],
        broken=counts[Status.BROKEN],
        duplicates=repeated[True],
        shots=len(shots),
        bounces=sum(event.event == "bounce" for event in events) if spotter else None,
        nets=sum(event.event == "net" for event in events) if spotter else None,
        truncated=truncated(),
        seconds=time.monotonic() - started,
    )
    if config.shots is not None:
        write_shots_csv(config.shots, shots, config.overwrite)
    if config.events is not None:
        write_events_csv(config.events, events, config.overwrite)
    if may_write(job.output, overwrite=True):
        seen = {"height": height, "width": width, "step": config.step}
        looked_closer = larger_size(runtime, height, width, config) is not None
        _write_facts(job, info, runtime, looked_closer, given, summary, warnings, seen, views_as_json(views()))
    else:
        warnings.append(f"no manifest is written: {manifest_path(job.output)} is there, and not ttcli's")
    for warning in warnings:
        tell(f"{job.video}: warning: {warning}")
    return summary


def has_square_pixels(info: VideoInfo) -> bool:
    """Return whether a pixel is as wide as it is high, as the geometry of tables takes it to be."""
    return info.square_size == (info.height, info.width)


def _warnings(info: VideoInfo, frames: int, broken: int, truncated: bool) -> list[str]:
    """Return what a user should know of a video that was read to its end."""
    warnings = []
    if truncated:
        warnings.append(f"the file is cut off; it gave {frames} frames")
    if broken:
        warnings.append(f"{broken} of {frames} frames could not be decoded, marked broken")
    if info.interlaced:
        warnings.append("it is interlaced, and was deinterlaced: one picture for each two moments")
    return warnings


def _write_facts(
    job: Job, info: VideoInfo, runtime: Runtime, looked_closer: bool, config: DetectConfig, summary: DetectSummary,
    warnings: list[str], seen: dict[str, int], tables: list[dict[str, Any]],
) -> None:
    """Write the manifest of a CSV that is complete; one that is left of an older CSV is replaced."""
    counts = {name: getattr(summary, name) for name in ("frames", "seen", "filled", "broken", "duplicates", "shots")}
    facts = {
        "video": video_facts(info, job.output),
        "checkpoint": checkpoint_facts(runtime.weights, job.output),
        "closer": checkpoint_facts(runtime.closer.runtime.weights, job.output) if looked_closer else None,
        "options": option_facts(config),
        "seen_by_network": seen,
        "tables": tables,
        "counts": counts,
        "warnings": warnings,
        "seconds": round(summary.seconds, 3),
    }
    write_manifest(job.output, facts, overwrite=True)


def _counted(
    positions: Iterable[BallPosition], counts: Counter[Status], repeated: Counter[bool], progress: tqdm
) -> Iterator[BallPosition]:
    """Yield the positions, counting them by status, and by whether they are of repeated pictures."""
    for position in positions:
        counts[position.status] += 1
        repeated[position.duplicate] += 1
        progress.update()
        yield position
