"""`ttcli convert`: labels of balls or of events from any format into any that can hold them."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ttcli.configs import ConvertConfig
from ttcli.errors import OutputError, SettingError
from ttcli.labels.ball import BallLabel, Footage, rounded
from ttcli.labels.event import EventLabel, unknown_events
from ttcli.labels.formats import (
    EVENT_FORMATS,
    FORMATS,
    EventLabelFormat,
    LabelFormat,
    find_event_format,
    find_format,
    get_format,
    holds_balls,
    holds_events,
)
from ttcli.labels.problems import Problems, refuse
from ttcli.labels.sources import find_video
from ttcli.labels.yolo import check_output_folder
from ttcli.outputs import check_output
from ttcli.video.probe import probe


@dataclass(frozen=True)
class Summary:
    """What was written, and what was lost on the way."""

    input: str
    output: str
    source_format: str
    target_format: str
    counts: dict[str, int]
    """Frames `visible`, `not visible` and `unknown`, or events by name, as written."""
    lost: list[str]
    """What the output does not hold, one line for each thing."""
    notes: list[str]
    """What a reader of the output should know, one line for each thing."""
    problems: list[str]
    """Labels that were left out as wrong, one line for each kind."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        return f"{self.input} -> {self.output}: {counts or 'nothing'} ({self.source_format} -> {self.target_format})"


def convert(source: Path, output: Path, config: ConvertConfig) -> Summary:
    """Write the labels of `source` in another format, and return what was written and what was lost.

    Args:
        source: A file or folder of ball labels, or a file of event labels. A file that holds both counts as balls.
        output: A file, or a folder for YOLO. It is complete or not there.
        config: The formats, the picture's size, and how strictly to read.

    Raises:
        InputError: `source` cannot be opened.
        LabelError: It is wrong as a whole, or, read strictly, has one wrong label.
        OutputError: `output` exists, is the input, or cannot be written.
        SettingError: No format is known for `output`, or the picture's size is not known and needed.
    """
    target = _target_format(output, config)
    if output.exists() and source.exists() and output.samefile(source):
        raise OutputError(output, "is the input itself", "give another name")
    (check_output_folder if target.is_folder else check_output)(output, config.overwrite)
    if _reads_balls(source, config):
        return _convert_balls(source, output, target, config)
    return _convert_events(source, output, target, config)


def _reads_balls(source: Path, config: ConvertConfig) -> bool:
    """Return whether balls are to be read, which go before events where a file holds both, or neither."""
    if config.events or source.is_dir():
        return not config.events
    return holds_balls(source) or not holds_events(source)


def _target_format(output: Path, config: ConvertConfig) -> LabelFormat:
    if config.target_format is not None:
        return get_format(config.target_format)
    suffix = output.suffix.lower()
    if not suffix or output.is_dir():
        return get_format("yolo")
    for label_format in FORMATS:
        if label_format.suffix == suffix:
            return label_format
    raise SettingError(output, f"no label format ends in {suffix}", "choose one, as in --to tracknet")


def _convert_balls(source: Path, output: Path, target: LabelFormat, config: ConvertConfig) -> Summary:
    source_format = find_format(source, config.source_format)
    footage = _footage(source, config)
    sized = _with_fixed_size(footage, source_format) if target.needs_size else footage
    _check_size(source, sized, source_format, target)
    problems = Problems()
    report = refuse if config.strict else problems.add
    read = source_format.read(source, report, footage.height, footage.width)
    lost = source_format.left_behind(source)
    labels, not_held = _held(read, target, sized)
    _write(output, lambda: target.write(output, labels, sized, config.overwrite))
    notes = _notes(labels, footage, target)
    if sized != footage:
        notes.append(f"the picture is taken to be {sized.width}x{sized.height}, as in {source_format.key}: else --size")
    return Summary(
        str(source), str(output), source_format.key, target.key,
        _counts(labels, footage), lost + not_held, notes, problems.lines(),
    )  # fmt: skip


def _convert_events(source: Path, output: Path, target: LabelFormat, config: ConvertConfig) -> Summary:
    source_format = find_event_format(source, config.source_format)
    if not isinstance(target, EventLabelFormat) or target.write_events is None:
        writers = ", ".join(known.key for known in EVENT_FORMATS if known.write_events is not None)
        raise SettingError(output, f"the format {target.key} holds no events", f"choose --to {writers}")
    write_events, problems = target.write_events, Problems()
    events = source_format.read_events(source, refuse if config.strict else problems.add)
    lost = source_format.events_left_behind(source)
    if target.one_event_per_frame:
        kept = list({label.frame_index: label for label in reversed(events)}.values())[::-1]
        if len(kept) < len(events):
            lost.append(f"{len(events) - len(kept):,} events that share a frame with another: the first is kept")
        events = kept
    _write(output, lambda: write_events(output, events, config.overwrite))
    unknown = unknown_events(events)
    notes = [f"names that ttcli does not know are kept: {_listed(unknown)}"] if unknown else []
    return Summary(
        str(source), str(output), source_format.key, target.key, _event_counts(events), lost, notes, problems.lines()
    )


def _footage(source: Path, config: ConvertConfig) -> Footage:
    """Return what is known of the video: as told, else from the video that is told or lies beside the labels."""
    if (config.picture_height is None) != (config.picture_width is None):
        raise SettingError("--size", "is not a width and a height", "give both, as in --size 1920x1080")
    video = config.video or _video_beside(source)
    info = probe(video) if video is not None else None
    footage = Footage(info.height, info.width, info.frame_count) if info else Footage()
    if config.picture_height is not None:
        footage = replace(footage, height=config.picture_height, width=config.picture_width)
    return footage


def _video_beside(source: Path) -> Path | None:
    """Return the video of the labels' name beside them, or where the layout of OpenTTGames has it."""
    stems = [source.with_suffix("")]
    folder = source.resolve().parent
    if source.name == "ball_markup.json" and len(folder.parents) > 2:
        # rally/ball_markup.json: rally.mp4; ROOT/test/annotations/test_1/ball_markup.json: ROOT/videos/test_1.mp4
        stems += [folder, folder.parents[2] / "videos" / folder.name]
    return next((video for stem in stems if (video := find_video(stem))), None)


def _with_fixed_size(footage: Footage, source_format: LabelFormat) -> Footage:
    if footage.height is not None:
        return footage
    return replace(footage, height=source_format.picture_height, width=source_format.picture_width)


def _check_size(source: Path, footage: Footage, source_format: LabelFormat, target: LabelFormat) -> None:
    if footage.height is None and (source_format.needs_size or target.needs_size):
        fact = "the picture's size is not known (no video of that name beside it), which YOLO needs"
        raise SettingError(source, fact, "give it, as in --size 1920x1080")


def _held(labels: Mapping[int, BallLabel], target: LabelFormat, footage: Footage) -> tuple[dict[int, BallLabel], list[str]]:
    """Return the labels that the target can hold, as it holds them, and what is lost by that."""
    held: dict[int, BallLabel] = {}
    reasons: Counter[str] = Counter()
    moved = 0
    for frame_index, label in labels.items():
        short = rounded(label)
        reason = target.cannot_hold(short, footage)
        if reason is not None:
            reasons[reason] += 1
        else:
            held[frame_index] = short
            moved += short != label
    lost = [f"{count:,} visible balls are unknown now: {reason}" for reason, count in reasons.items()]
    return held, lost + ([f"{moved:,} positions are rounded to 0.01 px"] if moved else [])


def _notes(labels: Mapping[int, BallLabel], footage: Footage, target: LabelFormat) -> list[str]:
    """Return what a reader of the output should know about the format."""
    last = max(labels, default=None)
    if target.is_folder and any(label.visible for label in labels.values()):
        return ["the size of the boxes is invented, for labels have none"]
    if target.key == "tracknet-tennis":
        return ["the column status is empty, for ball labels hold no events"]
    if target.key == "cvat" and footage.frame_count is None and last is not None and labels[last].visible:
        return [f"in a video longer than {last + 1:,} frames CVAT shows the last ball to its end: give --video"]
    return []


def _counts(labels: Mapping[int, BallLabel], footage: Footage) -> dict[str, int]:
    visible = sum(label.visible for label in labels.values())
    frames = max(footage.frame_count or 0, max(labels, default=-1) + 1)
    return {"visible": visible, "not visible": len(labels) - visible, "unknown": frames - len(labels)}


def _event_counts(events: list[EventLabel]) -> dict[str, int]:
    """Return the number of events by name; of names that ttcli does not know, together."""
    unknown = set(unknown_events(events))
    counts = Counter("of unknown name" if label.event in unknown else label.event for label in events)
    return dict(sorted(counts.items()))


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(name[:60] for name in names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")


def _write(output: Path, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        fact = f"cannot be written ({error.strerror})"
        raise OutputError(output, fact, "free some space, or give another folder") from error
