"""Videos as tasks of a cluster, a long one as several: what `ttcli detect --ray` does."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tqdm import tqdm

from ttcli.configs import DetectConfig
from ttcli.detection.ball_path import with_stride
from ttcli.detection.chunked import ChunkAnswers, RecordedAnswers, Sight, answer_chunk, recorded_frames
from ttcli.detection.jobs import Job
from ttcli.detection.one_video import DetectSummary, Look, detect_video, has_square_pixels, look_at, write_outputs
from ttcli.detection.ray_tasks import run_tasks
from ttcli.errors import SettingError, TtcliError
from ttcli.inference.exported_runtimes import load_network
from ttcli.inference.runtimes import Runtime
from ttcli.networks.windows import choose_stride
from ttcli.table.views import TableViews
from ttcli.video.chunks import LEAD, TAIL, Chunk, plan_chunks
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader
from ttcli.video.standard_input import shown_name

LEAST_CHUNKS = 1.5
"""A video with less than so many chunks is one task."""
LEAST_FRAMES = 10 * (LEAD + TAIL)
"""In a chunk: of smaller ones too much would be read twice."""
Outcome = DetectSummary | ChunkAnswers | TtcliError | None
"""Of a task: a video's summary, what is found on a chunk, why there is none; None of a chunk with other frames than promised."""


@dataclass(frozen=True)
class Task:
    """A video, or a chunk of one."""

    job: Job
    config: DetectConfig
    chunk: Chunk | None = None
    sight: Sight | None = None


@dataclass
class _Whole:
    """A video that is detected in chunks, while they are."""

    look: Look
    chunks: list[Chunk]
    answers: list[ChunkAnswers | None]
    started: float


def detect_on_cluster(
    jobs: Sequence[Job], config: DetectConfig, quiet: bool, tell: Callable[[str], None]
) -> Iterator[tuple[Job, DetectSummary | TtcliError]]:
    """Yield what becomes of each video as they are done.

    Args:
        jobs: The videos.
        config: Settings; `ray` is the cluster's address.
        quiet: Show no progress.
        tell: Takes warnings.

    Raises:
        SettingError: There is no cluster, Ray is not installed, or the length of chunks is none.
    """
    if not 0 <= config.chunk_minutes < math.inf:
        raise SettingError("--chunk", f"{config.chunk_minutes} is out of range", "give minutes, or 0 to cut no video")
    here = Here(config)
    tasks: list[Task] = []
    wholes: dict[Job, _Whole] = {}
    given = {_absolute(job): job for job in jobs}
    for job in given:
        try:
            tasks += _tasks_of(job, here, wholes)
        except TtcliError as error:
            yield given[job], error
    with tqdm(total=len(tasks), unit=" tasks", disable=quiet or None) as progress:
        again = yield from _run(tasks, here, wholes, given, progress, tell)
        progress.total += len(again)
        yield from _run([Task(job, here.config) for job in again], here, {}, given, progress, tell)


class Here:
    """What the process that hands out the tasks needs itself: settings for tasks, and a network once it is asked for."""

    def __init__(self, config: DetectConfig) -> None:
        self.address = config.ray
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


def run_task(task: Task) -> tuple[Outcome, list[str]]:
    """Do a task in a process that does nothing else; return what comes of it, and warnings."""
    warnings: list[str] = []
    try:
        runtime = load(task.config)
        if task.chunk is not None:
            return answer_chunk(task.job, task.chunk, task.sight, runtime, task.config), warnings
        return detect_video(task.job, runtime, task.config, True, warnings.append), warnings
    except TtcliError as error:
        return error, warnings


def _absolute(job: Job) -> Job:
    return Job(job.video.absolute(), job.output.absolute())


def _tasks_of(job: Job, here: Here, wholes: dict[Job, _Whole]) -> list[Task]:
    """Return the tasks that a video is done by, and note in `wholes` one that is cut."""
    started, config = time.monotonic(), here.config
    info = probe(job.video, config.picture_rate)
    frames = round(60 * config.chunk_minutes * info.frame_rate)
    frames = max(frames, LEAST_FRAMES) if frames else 0
    short = info.duration_seconds is not None and info.duration_seconds < LEAST_CHUNKS * 60 * config.chunk_minutes
    if frames and not short:
        chunks = plan_chunks(info, frames, config.stride or choose_stride(info.frame_rate, here.runtime.most_fps))
        if chunks:
            look = look_at(job, here.runtime, config)
            with FrameReader(job.video, look.height, look.width, judge=True, picture_rate=config.picture_rate) as reader:
                _, stride = with_stride(reader, info, here.runtime, config)  # that of the plan, or less where pictures repeat
            sized = (info.height, info.width) if has_square_pixels(info) else (0, 0)
            sight = Sight(look.height, look.width, stride, *sized)
            wholes[job] = _Whole(look, chunks, [None] * len(chunks), started)
            return [Task(job, look.config, chunk, sight) for chunk in chunks]
    return [Task(job, config)]


def _run(
    tasks: list[Task], here: Here, wholes: dict[Job, _Whole], given: dict[Job, Job], progress: tqdm, tell: Callable[[str], None]
) -> Iterator[tuple[Job, DetectSummary | TtcliError]]:
    """Yield what becomes of the videos of some tasks; return those that turned out not to be cut as planned."""
    again: list[Job] = []
    failed: set[Job] = set()
    left = {job: len(whole.chunks) for job, whole in wholes.items()}
    if not tasks:
        return again
    for number, (outcome, warnings) in run_tasks(run_task, [(task,) for task in tasks], here.address):
        task = tasks[number]
        for warning in warnings:
            tell(warning)
        progress.update()
        if task.chunk is not None and not isinstance(outcome, TtcliError):
            whole = wholes[task.job]
            whole.answers[whole.chunks.index(task.chunk)] = outcome
            left[task.job] -= 1
            if left[task.job] or task.job in failed:
                continue
            if any(answers is None for answers in whole.answers):
                again.append(task.job)
                continue
            outcome = _put_together(task.job, wholes.pop(task.job), here, tell)
        if task.job in failed:
            continue
        if isinstance(outcome, TtcliError):
            failed.add(task.job)
        else:
            outcome = replace(outcome, video=shown_name(given[task.job].video), output=str(given[task.job].output))
        yield given[task.job], outcome
    return again


def _put_together(job: Job, whole: _Whole, here: Here, tell: Callable[[str], None]) -> DetectSummary | TtcliError:
    """Write the outputs of a video whose chunks are all there."""
    views = [view for answers in whole.answers for view in answers.views]
    frames, predictor = recorded_frames(whole.chunks, whole.answers), RecordedAnswers(here.runtime)
    never = lambda: False  # noqa: E731
    try:
        return write_outputs(
            job, whole.look, here.runtime, frames, predictor, TableViews(views), lambda: views, never, whole.started, True, tell
        )
    except TtcliError as error:
        return error
