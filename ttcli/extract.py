"""`ttcli extract`: labelled video in, a set of windows to train on out."""

import concurrent.futures
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from tqdm import tqdm

from ttcli import __version__
from ttcli.configs import ExtractConfig
from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.frame_store import FrameWriter, NativeCrop
from ttcli.labels.ball import BallLabel
from ttcli.labels.event import EVENT_NAMES, EventLabel, unknown_events
from ttcli.labels.formats import find_format, read_ball_labels, read_event_labels
from ttcli.labels.problems import Problems
from ttcli.model_input import working_size
from ttcli.selection import Choice, LabelledWindow, select_windows, window_frames_of
from ttcli.sources import Source, find_sources, unique_names
from ttcli.splits import TEST, TRAINING, split_by_game, split_by_rally
from ttcli.training_set import (
    complete_clip, content_hash, count_clips, read_clips, remove_partial_clips, write_clip_file, write_manifest,
)  # fmt: skip
from ttcli.video.probe import VideoInfo, probe
from ttcli.video.reader import FrameReader
from ttcli.window_rows import StoredWindow, write_windows

NATIVE_MARGIN = 96
"""Source pixels that native crops reach beyond the ball's places in a window: room for crops of 192 around it."""
SET_OPTIONS = ("window_size", "stride", "events", "before", "after", "far", "limit", "height", "width", "keep_native",
               "validation", "split", "frame_offset", "seed")  # fmt: skip
"""Fields of ExtractConfig that say what a set holds; one set has one value of each."""


@dataclass(frozen=True)
class ExtractReport:
    """What `extract` did."""

    output: str | None
    """Folder of the set; None where nothing was written."""
    added: list[str]
    """Clips that were extracted now."""
    kept: list[str]
    """Clips that were there already."""
    left_out: list[str]
    """Lines about sources that gave nothing."""
    problems: list[str]
    """Lines about labels that could not be used."""
    totals: dict[str, Any]
    """Of the whole set, as its manifest has them."""

    def as_json(self) -> dict[str, Any]:
        """Return the report as a dict for JSON."""
        return asdict(self)

    def as_table(self) -> Table:
        """Return a row for each split."""
        splits = self.totals["splits"]
        kinds = sorted({kind for split in splits.values() for kind in split["kinds"]})
        table = Table("split", *(f"{name}" for name in ("videos", "windows", "all visible", "without ball", *kinds)))
        for column in table.columns[1:]:
            column.justify = "right"
        for name, split in splits.items():
            counts = [split[key] for key in ("videos", "windows", "all_visible", "without_ball")]
            table.add_row(name, *(f"{count:,}" for count in (*counts, *(split["kinds"].get(kind, 0) for kind in kinds))))
        return table

    def __str__(self) -> str:
        frames = self.totals["frames"]
        states = ", ".join(f"{frames.get(state, 0):,} {state}" for state in ("visible", "absent", "unknown"))
        size = f", {self.totals['bytes'] / 1e6:,.0f} MB" if self.output else ", nothing written"
        return f"{self.output or 'dry run'}: {sum(frames.values()):,} frames ({states}){size}"


@dataclass
class ClipPlan:
    """What becomes of one source."""

    source: Source
    labels: dict[int, BallLabel]
    """By frame of the video."""
    windows: list[LabelledWindow]
    identity: dict[str, Any]
    """What the clip is made from: hashes and names; empty in a dry run."""
    info: VideoInfo | None
    split_of_rally: Mapping[int, str] = field(default_factory=dict)
    split: str = TRAINING
    """Of the whole video, where its rallies have none of their own."""

    def split_of(self, window: LabelledWindow) -> str:
        """Return the split that a window belongs to."""
        return self.split_of_rally.get(window.rally, self.split)


def extract(
    sources: Sequence[Path],
    output: Path,
    config: ExtractConfig,
    balls: Path | None = None,
    events: Path | None = None,
    quiet: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> ExtractReport:
    """Extract the windows of labelled videos into the set `output`, and return what it holds.

    Clips that are in the set already are left as they are. Each new one is decoded once; each of its frames that a
    window needs is scaled once and stored once.

    Args:
        sources: Videos and folders; see `sources.find_sources`.
        output: Folder of the set, made where it does not exist.
        config: Settings.
        balls: Labels of the ball, where the source is one video.
        events: Labels of events, where the source is one video.
        quiet: Show no progress.
        tell: Takes warnings.

    Raises:
        InputError: Nothing can be extracted, or with `strict` a label is wrong.
        OutputError: The set cannot be written, or holds a clip of this name that was made from something else.
        SettingError: Settings exclude each other, or differ from those of the set.
    """
    choice = _choice(config)
    choice.check()
    left_out: list[str] = []
    found = unique_names(source for path in sources for source in find_sources(path, balls, events))
    usable = [source for source in found if _usable(source, config, left_out)]
    if not usable:
        raise InputError(sources[0], f"no labelled video ({left_out[0] if left_out else 'none found'})", "give videos with labels")
    existing = {} if config.dry_run else _existing(output, config)
    problems = Problems()
    plans, kept = [], []
    for source in usable:
        plan = _plan(source, choice, config, problems, left_out)
        if plan and not _is_there(plan, existing, output, config.overwrite):
            plans.append(plan)
        elif plan:
            kept.append(source.name)
    _assign_splits(plans, existing, config)
    if config.dry_run:
        totals = count_clips({plan.source.name: _counts(plan, plan.windows, _states(plan, plan.windows, config)) for plan in plans})
        return ExtractReport(None, [], [], left_out, problems.lines(), totals)
    if not plans and not kept:
        raise InputError(sources[0], "gives no window", "take --no-events, a larger --far, or a smaller --window")
    for clip_problems in _extract_all(plans, output, config, quiet):
        problems.merge(clip_problems)
    write_manifest(output, _set_options(config))
    names = [plan.source.name for plan in plans]
    return ExtractReport(str(output), names, kept, left_out, problems.lines(), count_clips(read_clips(output)))


def _choice(config: ExtractConfig) -> Choice:
    names = ("window_size", "stride", "events", "before", "after", "far", "limit", "seed")
    return Choice(**{name: getattr(config, name) for name in names})


def _usable(source: Source, config: ExtractConfig, left_out: list[str]) -> bool:
    """Tell whether a source has what is needed, and note it where not."""
    fact = None
    if source.balls is None:
        fact = f"{source.video}: no labels of its name beside it"
    elif source.video is None and not config.dry_run:
        fact = f"{source.balls}: no video {source.name} for these labels"
    if fact and config.strict:
        raise InputError(*fact.split(": ", 1), "add it, or leave --strict out")
    if fact:
        left_out.append(fact)
    return fact is None


def _existing(output: Path, config: ExtractConfig) -> dict[str, dict[str, Any]]:
    """Return the clips of the set, after checking that it was made with the same options."""
    if output.is_file():
        raise OutputError(output, "is a file", "give the name of a folder")
    clips = read_clips(output)
    if not clips and output.is_dir() and any(path.name != "clips" for path in output.iterdir()):
        raise OutputError(output, "is not empty and holds no extracted set", "give another folder")
    options = _set_options(config)
    for name, clip in clips.items():
        theirs = clip.get("options", {})
        different = [option for option in options if theirs.get(option) != options[option]]
        if different and not config.overwrite:
            option = different[0]
            fact = f"was extracted with {option} {theirs.get(option)}, and now it is {options[option]}"
            raise SettingError(output / "clips" / name, fact, "give another -o, or the same options")
    remove_partial_clips(output)
    return clips


def _set_options(config: ExtractConfig) -> dict[str, Any]:
    values = {name: getattr(config, name) for name in SET_OPTIONS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _plan(
    source: Source, choice: Choice, config: ExtractConfig, problems: Problems, left_out: list[str]
) -> ClipPlan | None:
    """Return what becomes of a source, or None where it gives no window."""
    info = probe(source.video) if source.video and not config.dry_run else None
    unusable: set[int] = set()

    def report(problem: LabelError) -> None:
        if config.strict:
            raise problem
        problems.add(problem)
        if problem.frame_index is not None:
            unusable.add(problem.frame_index + config.frame_offset)

    size = (info.height, info.width) if info else (None, None)
    labels = read_ball_labels(source.balls, report, config.label_format, *size)
    labels = _on_video(labels, info, source, config.frame_offset, report)
    events = _read_events(source, config, report)
    windows = select_windows(labels, events, choice, unusable)
    if not windows:
        reason = "has no labels of events" if events is None and config.events is not None else "gives no window"
        left_out.append(f"{source.name}: {reason}")
        return None
    return ClipPlan(source, labels, windows, _identity(source, config) if info else {}, info)


def _on_video(
    labels: Mapping[int, BallLabel], info: VideoInfo | None, source: Source, offset: int, report: Callable[[LabelError], None]
) -> dict[int, BallLabel]:
    """Return labels moved by `offset` frames, without those of frames that the video says it lacks."""
    end = info.frame_count if info and info.frame_count else None
    moved = {}
    for frame, label in labels.items():
        if frame + offset < 0 or (end is not None and frame + offset >= end):
            cure = "check that the labels belong to this video"
            report(LabelError(f"{source.balls}: frame {frame}", f"is labelled, and the video has {end} frames", cure))
        else:
            moved[frame + offset] = label
    return moved


def _read_events(
    source: Source, config: ExtractConfig, report: Callable[[LabelError], None]
) -> list[EventLabel] | None:
    """Return the events of a source, names that are not known here listed among the problems."""
    if source.events is None or config.events is None:
        return None
    events = read_event_labels(source.events, report)
    wanted = set(config.events)
    for name in unknown_events(events):
        if name not in wanted and "all" not in wanted:
            count = sum(event.event == name for event in events)
            report(LabelError(source.events, f"{count} events {name!r} are not known here", f"take them with --events {name}"))
    return [EventLabel(event.frame_index + config.frame_offset, event.event) for event in events]


def _identity(source: Source, config: ExtractConfig) -> dict[str, Any]:
    """Return what a clip is made from, by content: the same again is not extracted twice."""
    return {
        "video": source.video.name,
        "video_sha256": content_hash(source.video),
        "labels": source.balls.name,
        "labels_sha256": content_hash(source.balls),
        "label_format": find_format(source.balls, config.label_format).key,
        "events": source.events.name if source.events else None,
        "events_sha256": content_hash(source.events) if source.events else None,
    }


def _is_there(plan: ClipPlan, existing: dict[str, dict[str, Any]], output: Path, overwrite: bool) -> bool:
    """Tell whether the set holds this clip already, under whatever name.

    Raises:
        OutputError: It holds another one of that name.
    """
    hashes = ("video_sha256", "labels_sha256", "events_sha256")
    mine = [plan.identity.get(name) for name in hashes]
    if overwrite or not plan.identity:
        return False
    if any([clip.get(name) for name in hashes] == mine for clip in existing.values()):
        return True
    if plan.source.name in existing:
        raise OutputError(
            output / "clips" / plan.source.name, "was extracted from another video or other labels",
            "give another -o, or --overwrite to extract it again",
        )  # fmt: skip
    return False


def _assign_splits(plans: list[ClipPlan], existing: dict[str, dict[str, Any]], config: ExtractConfig) -> None:
    """Decide which plans, or which of their rallies, are for validation."""
    known = {name: clip["split"] for name, clip in existing.items() if clip.get("split") != "by rally"}
    splits = split_by_game({plan.source.name: plan.source.part for plan in plans}, config.validation, known)
    games = sum(split != TEST for split in splits.values())
    by_rally = config.split == "rally" or (config.split == "auto" and games < 2)
    for plan in plans:
        plan.split = splits[plan.source.name]
        if by_rally and plan.split != TEST:
            rallies = (window.rally for window in plan.windows)
            plan.split_of_rally = split_by_rally(rallies, plan.source.name, config.validation)


def _extract_all(plans: list[ClipPlan], output: Path, config: ExtractConfig, quiet: bool) -> Iterator[Problems]:
    """Extract all clips, several at a time where `jobs` says so, and yield the problems of each."""
    with tqdm(total=len(plans), unit=" videos", disable=quiet or len(plans) < 2 or None) as progress:
        if config.jobs == 1 or len(plans) < 2:
            for plan in plans:
                yield _extract_clip(plan, output, config, quiet)
                progress.update()
            return
        # Started anew, not forked: a copy of a process with threads may find their locks held for ever.
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(min(config.jobs, len(plans)), context) as pool:
            futures = [pool.submit(_extract_clip, plan, output, config, True) for plan in plans]
            try:
                for future in concurrent.futures.as_completed(futures):
                    yield future.result()
                    progress.update()
            finally:
                pool.shutdown(cancel_futures=True)


def _extract_clip(plan: ClipPlan, output: Path, config: ExtractConfig, quiet: bool) -> Problems:
    """Write the folder of one clip and return what was wrong with its frames."""
    info, problems = plan.info, Problems()
    height, width = stored_size(info, config)
    wanted = set(window_frames_of(plan.windows, config.window_size, config.stride))
    boxes = _native_boxes(plan, config) if config.keep_native else {}
    stored = set()
    with complete_clip(output, plan.source.name) as folder:
        with (
            FrameReader(plan.source.video, height, width, wanted=wanted, native=config.keep_native) as reader,
            FrameWriter(folder, config.keep_native) as writer,
            tqdm(total=len(wanted), desc=plan.source.name, unit=" frames", disable=quiet or None) as progress,
        ):
            for frame in reader:
                if frame.picture is not None:
                    native = _native_crop(frame.native, boxes.get(frame.frame_index))
                    writer.append(frame.frame_index, frame.picture, plan.labels.get(frame.frame_index), native)
                    stored.add(frame.frame_index)
                progress.update()
        for lacking in sorted(wanted - stored):
            problems.add(LabelError(f"{plan.source.video}: frame {lacking}", "cannot be decoded, or is not there", "its windows are left out"))
        windows = [window for window in plan.windows if stored.issuperset(_frames(window, config))]
        if not windows:
            raise InputError(plan.source.video, "gives none of the frames that its labels name", "check that they belong together")
        write_windows(folder, (StoredWindow(w.first, config.stride, plan.split_of(w), w.kind) for w in windows))
        counts = _counts(plan, windows, Counter(_state(plan.labels.get(frame)) for frame in stored))
        sizes = {"source_height": info.height, "source_width": info.width, "height": height, "width": width}
        split = "by rally" if plan.split_of_rally else plan.split
        clip = {"name": plan.source.name, **plan.identity, **sizes, "frame_rate": str(info.frame_rate), "split": split}
        clip |= {"window_size": config.window_size, "options": _set_options(config), "version": __version__, **counts}
        clip["bytes"] = sum(file.stat().st_size for file in folder.iterdir())
        write_clip_file(folder, clip)
    return problems


def stored_size(info: VideoInfo, config: ExtractConfig) -> tuple[int, int]:
    """Return height and width at which frames are stored: as `detect` sees them, or as told.

    The longer of the two sides asked for goes along the longer side of the picture, so that one size serves upright
    and lying videos alike.
    """
    if config.height is None or config.width is None:
        return working_size(info.height, info.width)
    short, long = sorted((config.height, config.width))
    return (short, long) if info.width >= info.height else (long, short)


def _frames(window: LabelledWindow, config: ExtractConfig) -> range:
    return range(window.first, window.first + config.window_size * config.stride, config.stride)


def _counts(plan: ClipPlan, windows: Iterable[LabelledWindow], states: Mapping[str, int]) -> dict[str, Any]:
    """Return counts of windows by split, and of frames by state, as clip.json has them."""
    splits: dict[str, dict[str, Any]] = {}
    for window in windows:
        counts = splits.setdefault(plan.split_of(window), {"windows": 0, "all_visible": 0, "without_ball": 0, "kinds": {}})
        counts["windows"] += 1
        counts["all_visible"] += window.all_visible
        counts["without_ball"] += window.visible == 0
        counts["kinds"][window.kind] = counts["kinds"].get(window.kind, 0) + 1
    return {"windows": splits, "frames": dict(states), "bytes": 0}


def _states(plan: ClipPlan, windows: Iterable[LabelledWindow], config: ExtractConfig) -> Counter[str]:
    frames = window_frames_of(windows, config.window_size, config.stride)
    return Counter(_state(plan.labels.get(frame)) for frame in frames)


def _state(label: BallLabel | None) -> str:
    return "unknown" if label is None else "visible" if label.visible else "absent"


def _native_boxes(plan: ClipPlan, config: ExtractConfig) -> dict[int, tuple[int, int, int, int]]:
    """Return for each frame the part (left, top, right, bottom) that crops of its windows around the ball may need."""
    boxes: dict[int, tuple[int, int, int, int]] = {}
    for window in plan.windows:
        frames = _frames(window, config)
        places = [(label.x, label.y) for frame in frames if (label := plan.labels.get(frame)) and label.visible]
        if not places:
            continue
        low, high = np.min(places, 0) - NATIVE_MARGIN, np.max(places, 0) + NATIVE_MARGIN
        for frame in frames:
            left, top, right, bottom = boxes.get(frame, (*low, *high))
            boxes[frame] = (min(left, low[0]), min(top, low[1]), max(right, high[0]), max(bottom, high[1]))
    height, width = plan.info.height, plan.info.width
    return {
        frame: (max(int(left), 0), max(int(top), 0), min(int(right) + 1, width), min(int(bottom) + 1, height))
        for frame, (left, top, right, bottom) in boxes.items()
    }


def _native_crop(picture: np.ndarray | None, box: tuple[int, int, int, int] | None) -> NativeCrop | None:
    if picture is None or box is None:
        return None
    left, top, right, bottom = box
    return NativeCrop(left, top, np.ascontiguousarray(picture[top:bottom, left:right]))
