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
from ttcli.errors import InputError, OutputError, SettingError, TtcliError
from ttcli.events import Event, check_threshold, write_events_csv
from ttcli.foreign_runtimes import load_network
from ttcli.manifest import (
    checkpoint_facts, counts_if_done, manifest_path, may_write, option_facts, video_facts, write_manifest,
)  # fmt: skip
from ttcli.outputs import check_output
from ttcli.ray_cluster import run_tasks
from ttcli.runtimes import Runtime
from ttcli.scouting import fitting_size, with_step
from ttcli.shots import Shot, noting_shots, write_shots_csv
from ttcli.spotting.spotter import EventSpotter, noting_events
from ttcli.spotting.weights import load_spotter
from ttcli.trajectory import BallPosition, Status, write_ball_csv
from ttcli.video.probe import VideoInfo, is_image_folder, is_video, probe
from ttcli.video.reader import FrameReader
from ttcli.video.standard_input import is_spooled, shown_name


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


@dataclass(frozen=True)
class Job:
    """One video and the ball.csv that it becomes."""

    video: Path
    output: Path


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
    found = _find_videos(videos)
    several = len(videos) > 1 or found != list(videos)
    if several and config.shots is not None:
        raise SettingError("--shots", "is for one video", "detect the videos one by one")
    if config.events is not None:
        check_events(config.events, videos, (output,), config)
    jobs = _plan_jobs(found, output, several)
    failures: dict[Job, TtcliError] = {}
    summaries: dict[Job, DetectSummary] = {}
    for job in jobs:
        with _noting_failure(job, failures, several, tell):
            if several and not config.overwrite and (summary := _summary_if_done(job, config)):
                summaries[job] = summary
            else:
                _check_job(job, config)
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


def check_events(events: Path, videos: Iterable[Path], others: Iterable[Path | None], config: DetectConfig) -> None:
    """Raise TtcliError now where the events of a detection could not be written.

    Args:
        events: The events.csv.
        videos: The videos of the detection.
        others: What else will be written.
        config: Settings of the detection.
    """
    videos = list(videos)
    if len(videos) != 1 or (videos[0].is_dir() and not is_image_folder(videos[0])):
        raise SettingError("--events", "is for one video", "detect first, then `ttcli spot` each ball.csv")
    if any(other is not None and events.absolute() == other.absolute() for other in (*others, *videos)):
        raise SettingError("--events", "is the same file as another one", "give another name to one of them")
    check_threshold(config.event_threshold)
    check_output(events, config.overwrite)


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


def _find_videos(inputs: Sequence[Path]) -> list[Path]:
    """Return the videos given, with those of a folder in its place, sorted by name; a folder of pictures is a video."""
    videos: list[Path] = []
    for path in inputs:
        if not path.is_dir():
            videos.append(path)
            continue
        inside = sorted(entry for entry in path.iterdir() if is_video(entry))
        if not inside and not is_image_folder(path):
            cure = "give one with files such as .mp4, .mov, .mkv or .avi, or with pictures such as frame_0001.png"
            raise InputError(path, "no video in this folder", cure)
        videos += inside or [path]
    return videos


def _plan_jobs(videos: Sequence[Path], output: Path | None, several: bool) -> list[Job]:
    """Return what becomes of each video, and make the folder that several go to."""
    if output is not None and not several:
        return [Job(videos[0], output)]
    if output is None and any(is_spooled(video) for video in videos):
        raise SettingError("-o", "what comes from standard input has no name", "name the CSV, as in -o ball.csv")
    jobs = [Job(video, (video.parent if output is None else output) / f"{video.stem}.csv") for video in videos]
    video_of: dict[Path, Path] = {}
    for job in jobs:
        target = job.output.absolute()
        if target in video_of:
            cure = "rename one of them, or detect them into two folders"
            raise SettingError(job.video, f"would write the same {job.output.name} as {video_of[target]}", cure)
        video_of[target] = job.video
    if output is not None:
        _make_folder(output)
    return jobs


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file", "several videos need a folder: give another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cure = "give a folder that you may write to"
        raise OutputError(folder, f"cannot be made ({error.strerror})", cure) from error


def _check_job(job: Job, config: DetectConfig) -> None:
    """Raise TtcliError where a video cannot be opened or an output cannot be written."""
    probe(job.video)
    if job.output.exists() and job.output.samefile(job.video):
        raise OutputError(job.output, "is the video itself", "give another name for the output")
    check_output(job.output, config.overwrite)
    may_write(job.output, config.overwrite)
    if config.shots is not None:
        if config.shots.absolute() in (job.output.absolute(), manifest_path(job.output).absolute()):
            raise SettingError("--shots", "is the same file as another output", "give another name")
        if config.shots.exists() and config.shots.samefile(job.video):
            raise OutputError(config.shots, "is the video itself", "give another name for the shots")
        check_output(config.shots, config.overwrite)
