"""What becomes of one labelled video in `extract`: its labels as read, and the windows to keep."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ttcli.configs import ExtractConfig
from ttcli.errors import InputError, LabelError
from ttcli.labels import corrections
from ttcli.labels.ball import BallLabel
from ttcli.labels.event import EventLabel, unknown_events
from ttcli.labels.formats import find_format, holds_events, read_ball_labels, read_event_labels
from ttcli.labels.problems import Problems, Report
from ttcli.networks.event_head import EVENTS
from ttcli.results.content_hash import content_hash
from ttcli.training_set.selection import Choice, LabelledWindow, select_windows
from ttcli.training_set.splits import TRAINING
from ttcli.video.probe import VideoInfo, probe

ANY_HEIGHT, ANY_WIDTH = 1080, 1920
"""Size of the picture where windows are counted without a video, for formats that cannot be read without one."""


@dataclass(frozen=True)
class LabelledSource:
    """A source that has labels, as `Source` has them or not."""

    name: str
    balls: Path
    events: Path | None
    part: str | None


@dataclass
class LabelPlan:
    """What becomes of the labels of one source; more is not known in a dry run, which asks for no video."""

    source: LabelledSource
    labels: dict[int, BallLabel]
    """By frame of the video."""
    windows: list[LabelledWindow]
    event_frames: Mapping[str, list[int]]
    """Frames of the bounces and of the passings of the net; a kind that is never labelled is not there."""
    split_of_rally: Mapping[int, str] = field(default_factory=dict)
    split: str = TRAINING
    """Split of the whole video, where its rallies have none of their own."""

    def split_of(self, window: LabelledWindow) -> str:
        """Return the split that a window belongs to."""
        return self.split_of_rally.get(window.rally, self.split)

    def counts(self, windows: Iterable[LabelledWindow], frames: Iterable[int]) -> dict[str, Any]:
        """Return counts of windows by split, and of frames by state, as clip.json has them.

        Args:
            windows: Those of the plan's windows that are kept.
            frames: What is stored of them.
        """
        splits: dict[str, dict[str, Any]] = {}
        for window in windows:
            empty = {"windows": 0, "all_visible": 0, "without_ball": 0, "kinds": {}}
            counts = splits.setdefault(self.split_of(window), empty)
            counts["windows"] += 1
            counts["all_visible"] += window.all_visible
            counts["without_ball"] += window.visible == 0
            counts["kinds"][window.kind] = counts["kinds"].get(window.kind, 0) + 1
        states = Counter(_state(self.labels.get(frame)) for frame in frames)
        return {"windows": splits, "frames": dict(sorted(states.items())), "bytes": 0}


@dataclass(kw_only=True)
class ClipPlan(LabelPlan):
    """What becomes of one source and its video."""

    video: Path
    info: VideoInfo
    identity: dict[str, Any]
    """What the clip is made from: hashes and names."""


def plan_clip(source: LabelledSource, video: Path, config: ExtractConfig, choice: Choice, problems: Problems) -> ClipPlan:
    """Return what becomes of a source and its video; `windows` may be empty.

    Args:
        source: The labels.
        video: What they belong to.
        config: Settings.
        choice: Which windows to keep.
        problems: Takes the labels that cannot be used.

    Raises:
        InputError: The video or a file of labels is wrong as a whole, or with `strict` a label is.
    """
    info = probe(video)
    plan = plan_labels(source, config, choice, problems, info)
    return ClipPlan(
        source, plan.labels, plan.windows, plan.event_frames,
        video=video, info=info, identity=_identity(source, video, config),
    )  # fmt: skip


def plan_labels(
    source: LabelledSource, config: ExtractConfig, choice: Choice, problems: Problems, info: VideoInfo | None = None
) -> LabelPlan:
    """Return what becomes of the labels of a source; `windows` may be empty.

    Args:
        source: The labels.
        config: Settings.
        choice: Which windows to keep.
        problems: Takes the labels that cannot be used.
        info: Facts of the video; None where nobody looked at it.

    Raises:
        InputError: A file of labels is wrong as a whole, or with `strict` a label is.
    """
    frame_count = None if info is None else info.frame_count
    unusable: set[int] = set()

    def report(problem: LabelError) -> None:
        if config.strict:
            raise problem
        problems.add(problem)
        if problem.frame_index is not None:
            unusable.add(problem.frame_index + config.frame_offset)

    read = read_ball_labels(source.balls, report, config.label_format, *_picture_size(source, config, info))
    if any("confidence" in line for line in find_format(source.balls, config.label_format).left_behind(source.balls)):
        cure = "correct them first by `ttcli review`, or give --labels"
        problems.add(
            LabelError(source.balls, "has confidences: a program found these positions, and they are used unchecked", cure)
        )
    read, unsure = _with_surroundings(source, config, read)
    unusable |= {frame + config.frame_offset for frame in unsure}
    labels = _on_video(read, frame_count, source, config.frame_offset, report)
    events = _read_events(source, config, report)
    unusable = {frame for frame in unusable if _is_on(frame, frame_count)}
    windows = select_windows(labels, events, choice, unusable)
    frames = {name: sorted(event.frame_index for event in events or () if event.event == name) for name in EVENTS}
    event_frames = {name: of_kind for name, of_kind in frames.items() if of_kind}
    return LabelPlan(source, labels, windows, event_frames)


def why_no_window(plan: LabelPlan, config: ExtractConfig) -> InputError:
    """Return the line to print about a plan without windows."""
    balls = plan.source.balls
    wanted, events = config.events, _read_events(plan.source, config, lambda problem: None)
    if wanted is not None and events is None:
        return InputError(balls, f"no labels of events for {plan.source.name}", "give --event-labels, or --no-events")
    if wanted is None or events is None or config.far:
        fact = f"has no {config.window_size} labelled frames in a row"
        return InputError(balls, fact, "label more, or take a smaller --window")
    names = sorted({event.event for event in events})
    if "all" not in wanted and not set(names) & set(wanted):
        fact = f"has no {' or '.join(wanted)}, but {', '.join(names) or 'no event at all'}"
        return InputError(plan.source.events or balls, fact, "give other --events, or --no-events")
    fact = f"has no {config.window_size} labelled frames in a row near an event"
    return InputError(balls, fact, "give more frames --before and --after, --no-events, or a smaller --window")


def _picture_size(source: LabelledSource, config: ExtractConfig, info: VideoInfo | None) -> tuple[int | None, int | None]:
    """Return height and width by which labels are read."""
    if info is not None:
        return info.height, info.width
    needed = find_format(source.balls, config.label_format).needs_size
    return (ANY_HEIGHT, ANY_WIDTH) if needed else (None, None)


def _with_surroundings(
    source: LabelledSource, config: ExtractConfig, read: dict[int, BallLabel]
) -> tuple[dict[int, BallLabel], set[int]]:
    """Return labels and, of decisions of `ttcli review`, the sure rows around them too; and the frames around that are not sure."""
    if find_format(source.balls, config.label_format).key != "corrections":
        return read, set()
    around = corrections.read_surroundings(source.balls)
    sure = {frame: label for frame, label in around.items() if label is not None}
    return {**sure, **read}, around.keys() - sure.keys()


def _on_video(
    labels: Mapping[int, BallLabel], frame_count: int | None, source: LabelledSource, offset: int, report: Report
) -> dict[int, BallLabel]:
    """Return labels moved by `offset` frames, without those of frames that the video does not have."""
    moved = {}
    for frame, label in labels.items():
        if _is_on(frame + offset, frame_count):
            moved[frame + offset] = label
            continue
        place = f"{source.balls}: frame {frame}"
        if frame + offset < 0:
            report(LabelError(place, "comes to lie before the first frame", "check --frame-offset"))
        else:
            fact = f"is labelled, and {source.name} has {frame_count} frames"
            report(LabelError(place, fact, "check that the labels belong to this video"))
    return moved


def _is_on(frame: int, frame_count: int | None) -> bool:
    """Tell whether the video has a frame, as far as its file says; None says nothing."""
    return frame >= 0 and (frame_count is None or frame < frame_count)


def _read_events(source: LabelledSource, config: ExtractConfig, report: Report) -> list[EventLabel] | None:
    """Return the events of a source, names that are not known here listed among the problems; None if it has none."""
    path = source.events or (source.balls if config.events is not None and holds_events(source.balls) else None)
    if path is None or config.events is None:
        return None
    events = read_event_labels(path, report)
    for name in unknown_events(events):
        if name not in config.events and "all" not in config.events:
            count = sum(event.event == name for event in events)
            fact = f"{count} of event {name!r}, which is not known here"
            report(LabelError(path, fact, f"take them with --events {name}"))
    return [EventLabel(event.frame_index + config.frame_offset, event.event) for event in events]


def _identity(source: LabelledSource, video: Path, config: ExtractConfig) -> dict[str, Any]:
    """Return what a clip is made from, by content: the same again is not extracted twice."""
    return {
        "video": video.name,
        "video_sha256": content_hash(video),
        "labels": source.balls.name,
        "labels_sha256": content_hash(source.balls),
        "label_format": find_format(source.balls, config.label_format).key,
        "events": source.events.name if source.events else None,
        "events_sha256": content_hash(source.events) if source.events else None,
    }


def _state(label: BallLabel | None) -> str:
    return "unknown" if label is None else "visible" if label.visible else "absent"
