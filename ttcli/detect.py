"""`ttcli detect`: the ball in every frame of one or many videos."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ttcli.ball_path import ball_positions
from ttcli.checkpoints import DEFAULT_WEIGHTS
from ttcli.configs import DetectConfig
from ttcli.detection_jobs import Job, check_events, check_job, find_videos, plan_jobs
from ttcli.errors import SettingError, TtcliError
from ttcli.events import Event, write_events_csv
from ttcli.foreign_runtimes import load_network
from ttcli.manifest import (
    checkpoint_facts, counts_if_done, manifest_path, may_write, option_facts, video_facts, write_manifest,
)  # fmt: skip
from ttcli.ray_cluster import run_tasks
from ttcli.runtimes import Runtime
from ttcli.scouting import fitting_size, with_step
from ttcli.shots import Shot, noting_shots, write_shots_csv
from ttcli.spotting.spotter import EventSpotter, noting_events
from ttcli.spotting.weights import load_spotter
from ttcli.trajectory import BallPosition, Status, write_ball_csv
from ttcli.video.probe import VideoInfo, probe
from ttcli.video.reader import FrameReader
from ttcli.video.standard_input import shown_name


@dataclass(frozen=True)
class DetectSummary:
    """What came of one video."""

    video: str
    output: str
    frames: int = 0
    seen: int = 0
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
        more = f", {self.duplicates} repeated" if self.duplicates else ""
        more += f", {self.shots} shots" if self.shots > 1 else ""
        more += f", bounces: {self.bounces}, passings of the net: {self.nets}" if self.bounces is not None else ""
        if self.done_before:
            return f"{self.video} -> {self.output}: {self.frames} frames, {seen}{more}, done before"
        return f"{self.video} -> {self.output}: {self.frames} frames, {seen}{more}, {speed:.0f} frames/s"


def print_message(message: str) -> None:
    """Print a line on stderr, where it does not mix with results."""
    print(message, file=sys.stderr, flush=True)


def detect(
    videos: Sequence[Path],
    output: Path | None,
    config: DetectConfig,
    quiet: bool = False,
    runtime: Runtime | None = None,
    tell: Callable[[str], None] = print_message,
) -> list[DetectSummary]:
    """Write a ball.csv for each video, a manifest beside it, and return a summary of each.

    Of several videos, one that fails is told of and its summary holds the error, while the others go on. One that is
    done already, by the same checkpoint with the same options, is passed over unless `config.overwrite`.

    Args:
        videos: Files, or folders: of a folder with videos all are taken, one with numbered pictures is a video itself.
        output: The ball.csv for one video; a folder, made if missing, for several or for a folder; None puts each
            CSV beside its video.
        config: Settings.
        quiet: Show no progress.
        runtime: The network; loaded as `config` says if None.
        tell: Takes warnings and the errors of single videos, one line each.

    Raises:
        TtcliError: Nothing could be done: the one video fails, or what concerns all of them.
    """
    found = find_videos(videos)
    several = len(videos) > 1 or found != list(videos)
    if several and config.shots is not None:
        raise SettingError("--shots", "is for one video", "detect the videos one by one")
    if config.events is not None:
        check_events(config.events, videos, (output,), config)
    jobs = plan_jobs(found, output, several)
    failures: dict[Job, TtcliError] = {}
    summaries: dict[Job, DetectSummary] = {}
    for job in jobs:
        with _noting_failure(job, failures, several, tell):
            if several and not config.overwrite and (summary := _summary_if_done(job, config)):
                summaries[job] = summary
            else:
                check_job(job, config)
    left = [job for job in jobs if job not in failures and job not in summaries]
    if config.ray is not None:
        for job, outcome in _detect_on_cluster(left, config, quiet, tell):
            with _noting_failure(job, failures, several, tell):
                summaries[job] = _summary_of(outcome)
    elif left:
        if runtime is None:
            runtime = load_network(config.weights, config.runtime, config.device, config.precision, config.threads)
        for job in left:
            with _noting_failure(job, failures, several, tell):
                summaries[job] = detect_video(job, runtime, config, quiet, tell)
    for job in jobs:
        if job in failures:
            summaries[job] = DetectSummary(str(job.video), str(job.output), error=str(failures[job]))
    return [summaries[job] for job in jobs]


def _detect_on_cluster(
    jobs: Sequence[Job], config: DetectConfig, quiet: bool, tell: Callable[[str], None]
) -> Iterator[tuple[Job, DetectSummary | TtcliError]]:
    """Yield what becomes of each video, detected in a task of its own, as they are done."""
    tasks = [(Job(job.video.absolute(), job.output.absolute()), replace(config, ray=None)) for job in jobs]
    with tqdm(total=len(jobs), unit=" videos", disable=quiet or None) as progress:
        for number, (outcome, warnings) in run_tasks(detect_alone, tasks, config.ray):
            for warning in warnings:
                tell(warning)
            progress.update()
            given = jobs[number]
            if isinstance(outcome, DetectSummary):
                outcome = replace(outcome, video=shown_name(given.video), output=str(given.output))
            yield given, outcome


def detect_alone(job: Job, config: DetectConfig) -> tuple[DetectSummary | TtcliError, list[str]]:
    """Detect one video in a process that does nothing else, and return its summary, or why there is none, and warnings."""
    warnings: list[str] = []
    try:
        runtime = load_network(config.weights, config.runtime, config.device, config.precision, config.threads)
        return detect_video(job, runtime, config, True, warnings.append), warnings
    except TtcliError as error:
        return error, warnings


def _summary_of(outcome: DetectSummary | TtcliError) -> DetectSummary:
    if isinstance(outcome, TtcliError):
        raise outcome
    return outcome


def _summary_if_done(job: Job, config: DetectConfig) -> DetectSummary | None:
    """Return the summary of a video that an earlier run has done in the same way, or None."""
    counts = counts_if_done(job.output, job.video, config.weights or DEFAULT_WEIGHTS, config)
    if counts is None:
        return None
    return DetectSummary(shown_name(job.video), str(job.output), done_before=True, **counts)


def detect_video(
    job: Job, runtime: Runtime, config: DetectConfig, quiet: bool, tell: Callable[[str], None]
) -> DetectSummary:
    """Write the ball.csv of one video and return its summary; a damaged file gives every frame that can be read."""
    started = time.monotonic()
    info = probe(job.video, config.picture_rate)
    height, width = fitting_size(info, runtime) if config.fit_ball else runtime.working_size(*info.square_size)
    given, config = config, with_step(config, info, runtime, height, width)
    counts: Counter[Status] = Counter()
    repeated: Counter[bool] = Counter()
    shots: list[Shot] = []
    events: list[Event] = []
    spotter = config.events and EventSpotter(load_spotter(None), info.height, info.width, config.event_threshold)
    with (
        FrameReader(job.video, height, width, judge=True, picture_rate=config.picture_rate) as reader,
        tqdm(total=info.frame_count, desc=job.video.name, unit=" frames", disable=quiet or None) as progress,
    ):
        positions = ball_positions(noting_shots(reader, shots), info, runtime, height, width, config)
        if spotter:
            positions = noting_events(positions, spotter, events)
        frames = write_ball_csv(job.output, _counted(positions, counts, repeated, progress), config.overwrite)
    warnings = _warnings(info, frames, counts[Status.BROKEN], reader.truncated)
    summary = DetectSummary(
        video=shown_name(job.video),
        output=str(job.output),
        frames=frames,
        seen=counts[Status.SEEN],
        broken=counts[Status.BROKEN],
        duplicates=repeated[True],
        shots=len(shots),
        bounces=sum(event.event == "bounce" for event in events) if spotter else None,
        nets=sum(event.event == "net" for event in events) if spotter else None,
        truncated=reader.truncated,
        seconds=time.monotonic() - started,
    )
    if config.shots is not None:
        write_shots_csv(config.shots, shots, config.overwrite)
    if config.events is not None:
        write_events_csv(config.events, events, config.overwrite)
    if may_write(job.output, overwrite=True):
        _write_facts(job, info, runtime, given, summary, warnings, {"height": height, "width": width, "step": config.step})
    else:
        warnings.append(f"no manifest is written: {manifest_path(job.output)} is there, and not ttcli's")
    for warning in warnings:
        tell(f"{job.video}: warning: {warning}")
    return summary


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
    job: Job, info: VideoInfo, runtime: Runtime, config: DetectConfig, summary: DetectSummary, warnings: list[str],
    seen: dict[str, int],
) -> None:
    """Write the manifest of a CSV that is complete; one that is left of an older CSV is replaced."""
    counts = {name: getattr(summary, name) for name in ("frames", "seen", "broken", "duplicates", "shots")}
    facts = {
        "video": video_facts(info, job.output),
        "checkpoint": checkpoint_facts(runtime.weights, job.output),
        "options": option_facts(config),
        "seen_by_network": seen,
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


@contextmanager
def _noting_failure(
    job: Job, failures: dict[Job, TtcliError], several: bool, tell: Callable[[str], None]
) -> Iterator[None]:
    """Of several videos, tell of the one that fails here and keep its error; of a single one, let it pass."""
    try:
        yield
    except TtcliError as error:
        if not several:
            raise
        failures[job] = error
        tell(str(error))
