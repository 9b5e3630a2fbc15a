"""Which files of events belong together, and what comes of comparing them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from ttcli.errors import InputError, SettingError
from ttcli.evaluation.event_metrics import (
    NAMES,
    EventMetrics,
    EventOutcomes,
    compare_events,
    event_metrics,
    pool_events,
)
from ttcli.evaluation.reports import events_table
from ttcli.labels.formats import find_event_format
from ttcli.labels.openttgames import FRAME_RATE
from ttcli.labels.problems import Problems
from ttcli.labels.sources import EVENTS_NAME, find_video
from ttcli.results.events import Event, read_events_csv
from ttcli.video.probe import probe

ENDING = ".events"
"""What the stem of a file of events ends in, after the clip's name."""


@dataclass(frozen=True)
class EventClip:
    """The events of one clip, found and labelled."""

    clip: str
    predicted: Path
    truth: Path
    frame_rate: float
    metrics: EventMetrics

    def as_json(self) -> dict[str, Any]:
        """Return the clip as a dict for JSON."""
        files = {"clip": self.clip, "predicted": str(self.predicted), "truth": str(self.truth)}
        return {**files, "frame_rate": self.frame_rate, **self.metrics.as_json()}


@dataclass(frozen=True)
class EventReport:
    """What `evaluate` found of events."""

    clips: list[EventClip]
    pooled: EventMetrics
    """Metrics over all clips together."""
    skipped: list[str]
    """Names of predictions that have no truth."""
    unpredicted: list[str]
    """Names of clips with a truth but no prediction: they count nowhere."""
    problems: list[str]
    """Labels that were left out as wrong, one line for each kind."""

    def as_json(self) -> dict[str, Any]:
        """Return everything as one dict for JSON."""
        pooled = {key: value for key, value in self.pooled.as_json().items() if key != "matches"}
        clips = [clip.as_json() for clip in self.clips]
        return {
            "clips": clips, "all": pooled, "skipped": self.skipped, "unpredicted": self.unpredicted, "problems": self.problems
        }  # fmt: skip

    def as_tables(self) -> list[Table]:
        """Return the metrics as a table for a terminal."""
        return [events_table(self.as_json(), NAMES)]


def compare_event_files(predicted: Path, truth: Path, frame_rate: float | None = None, bootstrap: int = 1000) -> EventReport:
    """Return the metrics of predicted events against labelled ones.

    Args:
        predicted: An events.csv (or any format of events), or a folder of x.events.csv.
        truth: A file of events, or a folder: PREDICTED/x.events.csv is measured against TRUTH/x.events.csv,
            TRUTH/x/events_markup.json or TRUTH/annotations/x/events_markup.json.
        frame_rate: Frame rate of the videos; None asks the predicted events, then the video beside, then the format.
        bootstrap: Resamplings behind each interval; 0 leaves the intervals out.

    Raises:
        InputError: A file is missing, or no prediction has a truth.
        LabelError: A file does not hold what its format asks for.
        SettingError: The frame rate is not known.
    """
    if predicted.is_dir():
        predictions, truths = event_files(predicted), event_files(truth)
    else:
        clip = predicted.stem.removesuffix(ENDING)
        predictions, truths = {clip: predicted}, {clip: truth}
    matched = [clip for clip in predictions if clip in truths]
    if not matched:
        cure = f"let names agree: x.events.csv with x.events.csv, x/{EVENTS_NAME} or annotations/x/{EVENTS_NAME} there"
        raise InputError(predicted, f"none of its {len(predictions)} files of events has a truth in {truth}", cure)
    clips, outcomes, problems = [], [], Problems()
    for clip in matched:
        rate, compared = _compare(predictions[clip], truths[clip], frame_rate, problems)
        outcomes.append(compared)
        clips.append(EventClip(clip, predictions[clip], truths[clip], rate, event_metrics(compared, bootstrap)))
    pooled = event_metrics(pool_events(outcomes), bootstrap)
    skipped, unpredicted = sorted(predictions.keys() - truths.keys()), sorted(truths.keys() - predictions.keys())
    return EventReport(clips, pooled, skipped, unpredicted, problems.lines())


def event_files(folder: Path) -> dict[str, Path]:
    """Return the files of events in a folder by the name of their clip; a CSV goes before OpenTTGames files."""
    markups = [*folder.glob(f"annotations/*/{EVENTS_NAME}"), *folder.glob(f"*/{EVENTS_NAME}")]
    tables = [path for path in sorted(folder.glob(f"*{ENDING}.csv")) if path.is_file() and not path.name.startswith(".")]
    by_clip = {path.parent.name: path for path in markups}
    return {**by_clip, **{path.stem.removesuffix(ENDING): path for path in tables}}


def _compare(predicted: Path, truth: Path, frame_rate: float | None, problems: Problems) -> tuple[float, EventOutcomes]:
    """Return the frame rate of a clip, and what was labelled and found in it."""
    found, labels = _read(predicted, problems), _read(truth, problems)
    rate = frame_rate or _frame_rate_of(found) or _frame_rate_of(labels) or _frame_rate_beside(predicted, truth)
    if rate is None and not found:  # then nothing is near anything, however long a frame is
        rate = float(FRAME_RATE)
    if rate is None:
        raise SettingError(truth, "the frame rate is not known, so tolerances have no length", "give it, as in --fps 25")
    return rate, compare_events(found, [(label.frame, label.event) for label in labels], rate)


def _read(path: Path, problems: Problems) -> list[Event]:
    """Return events of any format, by frame; those of an events.csv keep their fractions."""
    event_format = find_event_format(path)
    if event_format.key == "ttcli":
        return read_events_csv(path)
    return [Event(float(label.frame_index), None, label.event) for label in event_format.read_events(path, problems.add)]


def _frame_rate_of(events: Sequence[Event]) -> float | None:
    """Return the frames per second by which frames and times of events go together."""
    rates = [event.frame / event.time_seconds for event in events if event.time_seconds and event.frame > 0]
    return median(rates) if rates and median(rates) > 0 else None


def _frame_rate_beside(predicted: Path, truth: Path) -> float | None:
    """Return the frame rate of the video beside the files, or that which the truth's format fixes."""
    stems = [path.with_name(path.stem.removesuffix(ENDING)) for path in (truth, predicted)]
    folder = truth.resolve().parent
    stems += [folder, *([folder.parents[2] / "videos" / folder.name] if len(folder.parents) > 2 else [])]
    video = next((video for stem in stems if (video := find_video(stem))), None)
    if video is not None:
        return float(probe(video).frame_rate)
    return float(FRAME_RATE) if find_event_format(truth).key == "openttgames" else None
