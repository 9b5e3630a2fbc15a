"""`ttcli extract`: labelled video in, a set of windows to train on out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rich.table import Table
from tqdm import tqdm

from ttcli.configs import ExtractConfig
from ttcli.errors import InputError, OutputError, SettingError
from ttcli.labels.problems import Problems
from ttcli.labels.sources import Source, find_sources, unique_names
from ttcli.networks.registry import WINDOW_SIZES
from ttcli.outputs import locked_folder
from ttcli.processes import WorkerPool
from ttcli.training_set.clip_extraction import extract_clip
from ttcli.training_set.clip_plans import ClipPlan, LabelledSource, LabelPlan, plan_clip, plan_labels, why_no_window
from ttcli.training_set.folder import (
    CLIPS_FOLDER,
    MANIFEST_FILE,
    Clips,
    count_clips,
    read_clips,
    remove_partial_clips,
    write_manifest,
)  # fmt: skip
from ttcli.training_set.plan_splits import assign_splits
from ttcli.training_set.selection import Choice, window_frames_of
from ttcli.training_set.set_options import check_set_options, options_of_set

LABEL_HASHES = ("labels_sha256", "events_sha256")
"""What differs in clip.json where one video was extracted with other labels."""

Plan = TypeVar("Plan", bound=LabelPlan)


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
    """Totals of the whole set, as its manifest has them."""

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
        line = f"{self.output or 'dry run'}: {sum(frames.values()):,} frames ({states}){size}"
        return line + (f"; videos added: {len(self.added):,}, there already: {len(self.kept):,}" if self.output else "")


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
        InputError: Nothing can be extracted, or with `strict` a label or a file is wrong.
        OutputError: The set cannot be written, or another run is going on in it, or it holds a clip of this name that
            was made from something else.
        SettingError: Settings exclude each other, or differ from the set's.
    """
    choice = _choice(config)
    if (balls or events) and len(sources) > 1:
        cure = "extract one after the other into one -o"
        raise SettingError("--labels and --event-labels", "belong to one video", cure)
    found = unique_names(source for path in sources for source in find_sources(path, balls, events))
    if config.dry_run:
        return _dry_run(found, config, choice, tell)
    if output.is_file():
        raise OutputError(output, "is a file", "give the name of a folder")
    with locked_folder(output):
        return _extract(found, output, config, choice, quiet, tell)


def _extract(
    found: list[Source], output: Path, config: ExtractConfig, choice: Choice, quiet: bool, tell: Callable[[str], None]
) -> ExtractReport:
    """Extract what was found into a set that nobody else is at work on."""
    existing = _existing(output, config)
    problems = Problems()
    left_out: list[InputError] = []
    plans, kept = _plans(found, existing, output, config, choice, problems, left_out)
    plans = _with_splits(plans, existing, config, left_out)
    _refuse_nothing([*plans, *kept], left_out, tell)
    added = []
    remove_partial_clips(output)
    for plan, outcome in zip(plans, _extract_all(plans, output, config, quiet), strict=True):
        if isinstance(outcome, Problems):
            problems.merge(outcome)
            added.append(plan.source.name)
        else:
            _leave_out(outcome, config, left_out)
    _refuse_nothing([*added, *kept], left_out, tell)
    write_manifest(output, options_of_set(config))
    totals = count_clips(read_clips(output))
    return ExtractReport(str(output), added, kept, _lines(left_out), problems.lines(), totals)


def _dry_run(found: list[Source], config: ExtractConfig, choice: Choice, tell: Callable[[str], None]) -> ExtractReport:
    """Return what the set would hold, by the labels alone."""
    problems = Problems()
    left_out: list[InputError] = []

    def plan_one(source: Source) -> LabelPlan:
        return plan_labels(_labelled(source), config, choice, problems)

    plans = _with_splits(list(_with_windows(found, plan_one, config, left_out)), {}, config, left_out)
    _refuse_nothing(plans, left_out, tell)
    return ExtractReport(None, [], [], _lines(left_out), problems.lines(), _expected(plans, config))


def _choice(config: ExtractConfig) -> Choice:
    if config.events is not None and not config.events:
        raise SettingError("--events", "names no event", "give for example bounce,net, or all, or --no-events")
    if config.window_size not in WINDOW_SIZES:
        allowed = ", ".join(map(str, WINDOW_SIZES))
        raise SettingError("--window", f"{config.window_size} frames are no window of a network here", f"give one of {allowed}")
    names = ("window_size", "stride", "events", "before", "after", "far", "limit", "seed")
    choice = Choice(**{name: getattr(config, name) for name in names})
    choice.check()
    return choice


def _existing(output: Path, config: ExtractConfig) -> dict[str, dict[str, Any]]:
    """Return the clips of the set, after checking that this is one, and was made with the same options."""
    clips = read_clips(output)
    own = (CLIPS_FOLDER, MANIFEST_FILE)
    if not clips and output.is_dir() and any(path.name not in own and path.name[0] != "." for path in output.iterdir()):
        raise OutputError(output, "is not empty and holds no extracted set", "give another folder")
    if not config.overwrite:
        check_set_options(clips, output, config)
    return clips


def _plans(
    found: list[Source], existing: Clips, output: Path, config: ExtractConfig, choice: Choice,
    problems: Problems, left_out: list[InputError],
) -> tuple[list[ClipPlan], list[str]]:  # fmt: skip
    """Return what is to be extracted, and the names of the clips that are in the set already."""
    plans: dict[str, ClipPlan] = {}
    kept = []

    def plan_one(source: Source) -> ClipPlan:
        labelled = _labelled(source)
        if source.video is None:
            fact = f"the video {source.name} of these labels is missing"
            raise InputError(labelled.balls, fact, "add it, or give --dry-run to count")
        return plan_clip(labelled, source.video, config, choice, problems)

    for plan in _with_windows(found, plan_one, config, left_out):
        name, is_there = _name_in_set(plan, existing, plans, output, config)
        if is_there:
            kept.append(name)
        else:
            plan.source = replace(plan.source, name=name)
            plans[name] = plan
    check_set_options({name: clip for name, clip in existing.items() if name not in plans}, output, config)
    return list(plans.values()), kept


def _with_windows(
    found: list[Source], plan_one: Callable[[Source], Plan], config: ExtractConfig, left_out: list[InputError]
) -> Iterator[Plan]:
    """Yield the plans of the sources that have windows; of the others tell why not."""
    for source in found:
        try:
            plan = plan_one(source)
        except InputError as error:
            _leave_out(error, config, left_out)
            continue
        if plan.windows:
            yield plan
        else:
            left_out.append(why_no_window(plan, config))


def _labelled(source: Source) -> LabelledSource:
    """Return a source with its labels; InputError where it lacks them."""
    if source.balls is None:
        raise InputError(source.video or source.name, "has no labels of its name beside it", "give --labels, or add them")
    return LabelledSource(source.name, source.balls, source.events, source.part)


def _leave_out(error: InputError, config: ExtractConfig, left_out: list[InputError]) -> None:
    if config.strict:
        raise error
    left_out.append(error)


def _refuse_nothing(clips: list, left_out: list[InputError], tell: Callable[[str], None]) -> None:
    """Raise the reason where there is no clip, having told further ones."""
    if not clips and left_out:
        for error in left_out[1:]:
            tell(str(error))
        raise left_out[0]


def _lines(left_out: list[InputError]) -> list[str]:
    return [f"left out: {error}" for error in left_out]


def _name_in_set(
    plan: ClipPlan, existing: Clips, plans: Mapping[str, ClipPlan], output: Path, config: ExtractConfig
) -> tuple[str, bool]:
    """Return the name of a clip in the set, and whether it is there already; a video has one name, and is in once.

    Raises:
        InputError: This run has the same video with other labels.
        OutputError: The set has it with other labels, or has another video of this name.
    """
    name = plan.source.name
    known = {**existing, **{name: other.identity for name, other in plans.items()}}
    digest = plan.identity["video_sha256"]
    twin = next((twin for twin, clip in known.items() if clip.get("video_sha256") == digest), None)
    if twin is not None:
        same = all(known[twin].get(key) == plan.identity[key] for key in LABEL_HASHES)
        if same and (twin in plans or not config.overwrite):
            return twin, True
        if twin in plans:
            raise InputError(plan.source.balls, f"labels the same video as {plans[twin].source.balls}", "give one of them")
        name = twin
    if name in plans or (name in existing and not config.overwrite):
        fact = "was extracted with other labels" if twin else "was extracted from another video"
        cure = "give --overwrite to extract it again with these, or another -o" if twin else "give the new one another name"
        raise OutputError(output / CLIPS_FOLDER / name, fact, cure)
    return name, False


def _with_splits(plans: list[Plan], existing: Clips, config: ExtractConfig, left_out: list[InputError]) -> list[Plan]:
    """Return the plans that still have windows once it is decided what is for validation; of the others tell why not."""
    assign_splits(plans, existing, config)
    left_out += [why_no_window(plan, config) for plan in plans if not plan.windows]
    return [plan for plan in plans if plan.windows]


def _expected(plans: Sequence[LabelPlan], config: ExtractConfig) -> dict[str, Any]:
    """Return what the set would hold."""
    frames = {plan.source.name: window_frames_of(plan.windows, config.window_size, config.stride) for plan in plans}
    return count_clips({plan.source.name: plan.counts(plan.windows, frames[plan.source.name]) for plan in plans})


def _extract_all(plans: list[ClipPlan], output: Path, config: ExtractConfig, quiet: bool) -> Iterator[Problems | InputError]:
    """Extract all clips, several at a time where `jobs` says so, and yield what came of each, in their order."""
    with tqdm(total=len(plans), unit=" videos", disable=quiet or len(plans) < 2 or None) as progress:
        if config.jobs == 1 or len(plans) < 2:
            for plan in plans:
                yield _outcome(plan, output, config, quiet)
                progress.update()
            return
        with WorkerPool(min(config.jobs, len(plans))) as pool:
            futures = [pool.submit(_outcome, plan, output, config, True) for plan in plans]
            try:
                for future in futures:
                    yield future.result()
                    progress.update()
            except BrokenProcessPool as error:
                raise OutputError(
                    output, "a process that extracted was killed", "make room in memory, or give fewer --jobs"
                ) from error


def _outcome(plan: ClipPlan, output: Path, config: ExtractConfig, quiet: bool) -> Problems | InputError:
    """Extract a clip and return what was wrong with its frames, or why there is none."""
    try:
        return extract_clip(plan, output, config, quiet)
    except InputError as error:
        return error
