"""One video to its ball.csv: frames read once, the ball in each, events, tables, shots, and the manifest."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tqdm import tqdm

from ttcli.configs import DetectConfig
from ttcli.detection.findings import Findings, decided_rows
from ttcli.detection.jobs import Job
from ttcli.detection.plan import VideoPlan
from ttcli.detection.proposals import NetworkProposals, Proposals
from ttcli.detection.scouting import plan_video
from ttcli.inference.runtimes import Runtime
from ttcli.rendering.table_picture import write_table_picture
from ttcli.results.counted import counted
from ttcli.results.events import Event, write_events_csv
from ttcli.results.manifest import Counts, checkpoint_facts, manifest_path, may_write, option_facts, video_facts, write_manifest
from ttcli.results.rallies import Play, Rally, replays_line, write_rallies_csv
from ttcli.results.shots import write_shots_csv
from ttcli.results.strokes import write_strokes_csv
from ttcli.results.trajectory import BallPosition, Status, mark_play, write_ball_csv
from ttcli.table.views import NoTable, TableView, views_as_json
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import FrameReader
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
    """Net crossings; None where no events were asked for."""
    rallies: int | None = None
    """None where none were asked for."""
    strokes: int | None = None
    """None where none were asked for."""
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
        found = {"bounce": self.bounces, "net crossing": self.nets, "rally": self.rallies, "stroke": self.strokes}
        more += "".join(f", {counted(number, noun)}" for noun, number in found.items() if number is not None)
        if self.done_before:
            return f"{self.video} -> {self.output}: {self.frames} frames, {seen}{more}, done before"
        return f"{self.video} -> {self.output}: {self.frames} frames, {seen}{more}, {speed:.0f} frames/s"


def detect_video(
    job: Job, info: VideoInfo, runtime: Runtime, config: DetectConfig, quiet: bool, tell: Callable[[str], None]
) -> DetectSummary:
    """Write the ball.csv of one video and return its summary; a damaged file gives every frame that can be read.

    Args:
        job: The video and the CSV.
        info: What the video is.
        runtime: The network.
        config: Settings.
        quiet: Show no progress.
        tell: Takes warnings.
    """
    plan = plan_video(info, runtime, config)
    with FrameReader(info, plan.height, plan.width, judge=True, large_size=plan.large_size) as reader:
        return write_outputs(job, plan, NetworkProposals(reader, plan, runtime), runtime, quiet, tell)


def write_outputs(
    job: Job, plan: VideoPlan, proposals: Proposals, runtime: Runtime, quiet: bool, tell: Callable[[str], None]
) -> DetectSummary:
    """Write the ball.csv of a video, and what else is asked for, from what was proposed; return the summary.

    Args:
        job: The video and the CSV.
        plan: How it is detected.
        proposals: Proposals of the networks, for all of its frames.
        runtime: The network that proposed.
        quiet: Show no progress.
        tell: Takes warnings.
    """
    settings = plan.settings
    findings, left_out = Findings(), 0
    with_strokes = settings.strokes is not None
    with_rallies = settings.rallies is not None or with_strokes
    with_events = settings.events is not None or with_rallies
    rows = decided_rows(plan, proposals, runtime, findings, with_events, with_rallies, with_strokes)
    with tqdm(total=plan.info.frame_count, desc=job.video.name, unit=" frames", disable=quiet or None) as progress:
        write_ball_csv(job.output, _showing_progress(rows, progress), settings.overwrite)
    if settings.rallies is not None:
        write_rallies_csv(settings.rallies, findings.rallies, settings.overwrite)
        mark_play(job.output, Play(findings.rallies))
        if not settings.all_events:
            inside = _within_play(findings.events, findings.rallies)
            left_out, findings.events = len(findings.events) - len(inside), inside
    if settings.strokes is not None and findings.strokes is not None:
        write_strokes_csv(settings.strokes, findings.strokes.strokes, settings.overwrite)
    summary = _summary(job, plan, findings)
    if settings.shots is not None:
        write_shots_csv(settings.shots, findings.shots, settings.overwrite)
    if settings.events is not None:
        write_events_csv(settings.events, findings.events, settings.overwrite)
    if settings.table_picture is not None:
        write_table_picture(plan.info, findings.views, findings.seconds, settings.table_picture, settings.overwrite)
    warnings = _warnings(plan.info, findings)
    if left_out and not findings.rallies:
        warnings.append(f"no rally was found, and {left_out} events outside rallies are left out; --all-events keeps them")
    if may_write(job.output, overwrite=True):
        write_manifest(job.output, _facts(job, plan, runtime, findings, summary, warnings), overwrite=True)
    else:
        warnings.append(f"no manifest is written: {manifest_path(job.output)} is there, and not ttcli's")
    for warning in warnings:
        tell(f"{job.video}: warning: {warning}")
    return summary


def _within_play(events: list[Event], rallies: list[Rally]) -> list[Event]:
    """Return the events that are of a rally."""
    in_play = Play(rallies)
    return [event for event in events if in_play(event.seconds)]


def _showing_progress(rows: Iterable[BallPosition], progress: tqdm) -> Iterator[BallPosition]:
    for row in rows:
        progress.update()
        yield row


def _summary(job: Job, plan: VideoPlan, findings: Findings) -> DetectSummary:
    kinds = None if plan.settings.events is None else Counter(event.event for event in findings.events)
    return DetectSummary(
        video=shown_name(job.video),
        output=str(job.output),
        frames=findings.frames,
        seen=findings.statuses[Status.SEEN],
        filled=findings.statuses[Status.FILLED],
        broken=findings.statuses[Status.BROKEN],
        duplicates=findings.duplicates,
        shots=len(findings.shots),
        bounces=None if kinds is None else kinds["bounce"],
        nets=None if kinds is None else kinds["net"],
        rallies=None if plan.settings.rallies is None else len(findings.rallies),
        strokes=None if findings.strokes is None else len(findings.strokes.strokes),
        truncated=findings.truncated,
        seconds=time.monotonic() - plan.started,
    )


def _warnings(info: VideoInfo, findings: Findings) -> list[str]:
    """Return what a user should know of a video that was read to its end."""
    warnings, broken = [], findings.statuses[Status.BROKEN]
    if findings.truncated:
        warnings.append(f"the file is truncated; it gave {findings.frames} frames")
    if broken:
        warnings.append(f"{broken} of {findings.frames} frames could not be decoded, marked broken")
    if info.interlaced:
        warnings.append("it is interlaced, and was deinterlaced: one picture for each two moments")
    if line := replays_line(findings.replays):
        warnings.append(line)
    if findings.strokes is not None and not any(isinstance(view, TableView) for view in findings.views):
        why = next((f": {view.reason}" for view in findings.views if isinstance(view, NoTable)), "")
        warnings.append(f"the table was not found{why}; so strokes have no numbers")
    elif findings.strokes is not None and findings.strokes.warning is not None:
        warnings.append(findings.strokes.warning)
    return warnings


def _facts(
    job: Job, plan: VideoPlan, runtime: Runtime, findings: Findings, summary: DetectSummary, warnings: list[str]
) -> dict[str, Any]:
    """Return what the manifest says of a CSV that is complete."""
    second = None if plan.large_size is None else runtime.second
    return {
        "video": video_facts(plan.info, job.output),
        "checkpoint": checkpoint_facts(runtime.weights, job.output),
        "second_stage": None if second is None else checkpoint_facts(second.runtime.weights, job.output),
        "options": option_facts(plan.settings),
        "seen_by_network": {"height": plan.height, "width": plan.width, "step": plan.step, "precision": runtime.precision},
        "tables": views_as_json(findings.views),
        "counts": Counts(
            frames=summary.frames,
            seen=summary.seen,
            filled=summary.filled,
            broken=summary.broken,
            duplicates=summary.duplicates,
            shots=summary.shots,
        ),
        "warnings": list(warnings),
        "seconds": round(summary.seconds, 3),
    }
