"""`ttcli detect`: the ball in every frame of one or many videos."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ttcli.configs import DetectConfig
from ttcli.detection.jobs import Job, check_findings, check_job, find_videos, plan_jobs
from ttcli.detection.one_video import DetectSummary, detect_video
from ttcli.errors import SettingError, TtcliError, told_of_system
from ttcli.inference.exported_runtimes import load_network
from ttcli.inference.runtimes import Runtime
from ttcli.networks.checkpoints import SECOND_STAGE_WEIGHTS, packaged
from ttcli.results.manifest import counts_if_done
from ttcli.video.probe import VideoInfo
from ttcli.video.standard_input import shown_name


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

    A video that fails among several is reported, its summary holds the error, and the others go on. One that is
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
    check_findings(videos, (output,), config)
    jobs = plan_jobs(found, output, several)
    failures: dict[Job, TtcliError] = {}
    summaries: dict[Job, DetectSummary] = {}
    left: dict[Job, VideoInfo] = {}
    for job in jobs:
        with _noting_failure(job, failures, several, tell):
            if several and not config.overwrite and (summary := _summary_if_done(job, config)):
                summaries[job] = summary
            else:
                left[job] = check_job(job, config)
    if config.ray is not None:
        from ttcli.detection.cluster import detect_on_cluster

        for job, outcome in detect_on_cluster(left, config, quiet, tell):
            with _noting_failure(job, failures, several, tell):
                summaries[job] = _summary_of(outcome)
    elif left:
        if runtime is None:
            runtime = load_network(config.weights, config.runtime, config.device, config.precision, config.threads)
        for job, info in left.items():
            with _noting_failure(job, failures, several, tell):
                summaries[job] = detect_video(job, info, runtime, config, quiet, tell)
    for job in jobs:
        if job in failures:
            summaries[job] = DetectSummary(str(job.video), str(job.output), error=str(failures[job]))
    return [summaries[job] for job in jobs]


def _summary_of(outcome: DetectSummary | TtcliError) -> DetectSummary:
    if isinstance(outcome, TtcliError):
        raise outcome
    return outcome


def _summary_if_done(job: Job, config: DetectConfig) -> DetectSummary | None:
    """Return the summary of a video that an earlier run has done in the same way, or None."""
    counts = counts_if_done(job.output, job.video, packaged(config.weights), SECOND_STAGE_WEIGHTS, config)
    if counts is None:
        return None
    return DetectSummary(shown_name(job.video), str(job.output), done_before=True, **counts)


@contextmanager
def _noting_failure(job: Job, failures: dict[Job, TtcliError], several: bool, tell: Callable[[str], None]) -> Iterator[None]:
    """Of several videos, tell of the one that fails here and keep its error; of a single one, let it pass."""
    try:
        with told_of_system(job.video):
            yield
    except TtcliError as error:
        if not several:
            raise
        failures[job] = error
        tell(str(error))
