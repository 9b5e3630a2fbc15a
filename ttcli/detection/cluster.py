"""Videos as tasks of a cluster, a long one as several: what `ttcli detect --ray` does."""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tqdm import tqdm

from ttcli.configs import DetectConfig
from ttcli.detection.chunked import ChunkProposals, RecordedProposals, propose_for_chunk
from ttcli.detection.jobs import Job
from ttcli.detection.one_video import DetectSummary, detect_video, write_outputs
from ttcli.detection.plan import VideoPlan, with_distinct_stride
from ttcli.detection.ray_tasks import LOCAL, run_tasks
from ttcli.detection.scouting import plan_video
from ttcli.detection.told_tables import told_tables
from ttcli.errors import SettingError, TtcliError, told_of_system
from ttcli.inference.exported_runtimes import load_network
from ttcli.inference.runtimes import Runtime
from ttcli.networks.windows import choose_stride
from ttcli.outputs import prefix_of, sweep
from ttcli.video.chunks import LEAD, TAIL, Chunk, plan_chunks
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import FrameReader
from ttcli.video.standard_input import shown_name

LEAST_CHUNKS = 1.5
"""A video with less than so many chunks is one task."""
LEAST_FRAMES = 10 * (LEAD + TAIL)
"""In a chunk: of smaller ones too much would be read twice."""


class OtherFrames:
    """Says that a chunk has other frames than its packets promised: the video is then detected as a whole."""


Outcome = DetectSummary | ChunkProposals | OtherFrames | TtcliError
"""Outcome of a task: a video's summary, what is found on a chunk, or why there is neither."""


@dataclass(frozen=True)
class VideoTask:
    """A video to detect as a whole."""

    job: Job
    info: VideoInfo
    config: DetectConfig


@dataclass(frozen=True)
class ChunkTask:
    """A chunk of a video, on which the networks shall propose."""

    job: Job
    plan: VideoPlan
    chunk: Chunk


@dataclass
class _InChunks:
    """A video that is detected in chunks, while they are."""

    plan: VideoPlan
    chunks: list[Chunk]
    found: dict[int, ChunkProposals]
    """By the first frame of the chunk."""
    left: int
    """Chunks of which nothing was heard yet."""


def detect_on_cluster(
    jobs: Mapping[Job, VideoInfo], config: DetectConfig, quiet: bool, tell: Callable[[str], None]
) -> Iterator[tuple[Job, DetectSummary | TtcliError]]:
    """Yield what becomes of each video as they are done.

    Args:
        jobs: What is to be done, and what each video is.
        config: Settings; `ray` is the cluster's address.
        quiet: Show no progress.
        tell: Takes warnings.

    Raises:
        SettingError: There is no cluster, Ray is not installed, or the length of chunks is none.
    """
    if not 0 <= config.chunk_minutes < math.inf:
        raise SettingError("--chunk", f"{config.chunk_minutes} is out of range", "give minutes, or 0 to keep videos whole")
    here = Here(config)
    tasks: list[VideoTask | ChunkTask] = []
    cut: dict[Job, _InChunks] = {}
    given = {_absolute(job): job for job in jobs}
    for job, as_given in given.items():
        info = replace(jobs[as_given], path=job.video)
        try:
            with told_of_system(job.video):
                tasks += _tasks_of(job, info, here, cut)
        except TtcliError as error:
            yield as_given, error
    try:
        with tqdm(total=len(tasks), unit=" tasks", disable=quiet or None) as progress:
            again = yield from _run(tasks, here, cut, given, progress, tell)
            progress.total = len(tasks) + len(again)
            yield from _run(again, here, {}, given, progress, tell)
    finally:
        for job in given:  # of tasks that were lost, or ended with this process
            sweep(job.output.parent, prefix_of(job.output))


class Here:
    """What the process that hands out the tasks needs itself: settings for tasks, and a network once it is asked for."""

    def __init__(self, config: DetectConfig) -> None:
        self.address = config.ray or LOCAL
        self.config = replace(config, ray=None)
        self._runtime: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        """The network."""
        if self._runtime is None:
            self._runtime = load(self.config)
        return self._runtime


def load(config: DetectConfig) -> Runtime:
    """Return the network that the settings ask for."""
    return load_network(config.weights, config.runtime, config.device, config.precision, config.threads)


def run_task(task: VideoTask | ChunkTask) -> tuple[Outcome, list[str]]:
    """Do a task in a process that does nothing else; return its outcome, and warnings."""
    warnings: list[str] = []
    try:
        with told_of_system(task.job.video):
            if isinstance(task, ChunkTask):
                found = propose_for_chunk(task.plan, task.chunk, load(task.plan.settings))
                return OtherFrames() if found is None else found, warnings
            return detect_video(task.job, task.info, load(task.config), task.config, True, warnings.append), warnings
    except TtcliError as error:
        return error, warnings


def _absolute(job: Job) -> Job:
    return Job(job.video.absolute(), job.output.absolute())


def _tasks_of(job: Job, info: VideoInfo, here: Here, cut: dict[Job, _InChunks]) -> Sequence[VideoTask | ChunkTask]:
    """Return the tasks that a video is done by, and note in `cut` one that is cut."""
    config = here.config
    frames = round(60 * config.chunk_minutes * info.frame_rate)
    frames = max(frames, LEAST_FRAMES) if frames else 0
    short = info.duration_seconds is not None and info.duration_seconds < LEAST_CHUNKS * 60 * config.chunk_minutes
    if not frames or short:
        return [VideoTask(job, info, config)]
    chunks = plan_chunks(info, frames, config.stride or choose_stride(info.frame_rate, here.runtime.most_fps))
    if not chunks:
        return [VideoTask(job, info, config)]
    plan = plan_video(info, here.runtime, config)
    with FrameReader(info, plan.height, plan.width, judge=True) as reader:
        plan, _ = with_distinct_stride(plan, reader, here.runtime)
    cut[job] = _InChunks(plan, chunks, {}, len(chunks))
    return [ChunkTask(job, plan, chunk) for chunk in chunks]


def _run(
    tasks: Sequence[VideoTask | ChunkTask],
    here: Here,
    cut: dict[Job, _InChunks],
    given: dict[Job, Job],
    progress: tqdm,
    tell: Callable[[str], None],
) -> Generator[tuple[Job, DetectSummary | TtcliError], None, list[VideoTask]]:
    """Yield what becomes of the videos of some tasks; return those that turned out not to be cut as planned."""
    again: list[VideoTask] = []
    failed: set[Job] = set()
    if not tasks:
        return again
    for number, (outcome, warnings) in run_tasks(run_task, [(task,) for task in tasks], here.address):
        task = tasks[number]
        for warning in warnings:
            tell(warning)
        progress.update()
        became = outcome if isinstance(outcome, (DetectSummary, TtcliError)) else None
        if isinstance(task, ChunkTask) and became is None:
            video = cut[task.job]
            video.left -= 1
            if isinstance(outcome, ChunkProposals):
                video.found[task.chunk.first] = outcome
            if not video.left and task.job not in failed:
                if len(video.found) < len(video.chunks):
                    again.append(VideoTask(task.job, video.plan.info, here.config))
                else:
                    became = _put_together(task.job, cut.pop(task.job), here, tell)
        if became is None or task.job in failed:
            continue
        if isinstance(became, TtcliError):
            failed.add(task.job)
            yield given[task.job], became
        else:
            job = given[task.job]
            yield job, replace(became, video=shown_name(job.video), output=str(job.output))
    return again


def _put_together(job: Job, video: _InChunks, here: Here, tell: Callable[[str], None]) -> DetectSummary | TtcliError:
    """Write the outputs of a video whose chunks are all there."""
    try:
        with told_of_system(job.video):
            found = [video.found[chunk.first] for chunk in video.chunks]
            told = told_tables(video.plan.info, video.plan.settings.table)
            proposals = RecordedProposals(video.chunks, found, told)
            return write_outputs(job, video.plan, proposals, here.runtime, True, tell)
    except TtcliError as error:
        return error
