"""`ttcli evaluate`: predicted trajectories and events against labels, file against file or folder against folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from ttcli.configs import EvaluateConfig
from ttcli.errors import InputError, SettingError
from ttcli.evaluation.ball_metrics import BallMetrics, Outcomes, ball_metrics, compare, pool
from ttcli.evaluation.event_files import EventReport, compare_event_files, event_files
from ttcli.evaluation.reports import metrics_table
from ttcli.labels.formats import LabelFormat, find_format, holds_balls, holds_events
from ttcli.labels.problems import Problems
from ttcli.labels.sources import find_video
from ttcli.video.probe import probe

OPENTTGAMES_NAME = "ball_markup.json"


@dataclass(frozen=True)
class ClipFiles:
    """The two files of one clip."""

    clip: str
    predicted: Path
    truth: Path


@dataclass(frozen=True)
class ClipReport:
    """The metrics of one clip."""

    files: ClipFiles
    height: int
    """Height of the picture that the metrics were scaled by, in pixels."""
    width: int
    """Its width."""
    metrics: BallMetrics

    def as_json(self) -> dict[str, Any]:
        """Return the clip as a dict for JSON."""
        files = {"clip": self.files.clip, "predicted": str(self.files.predicted), "truth": str(self.files.truth)}
        return {**files, "height": self.height, "width": self.width, **self.metrics.as_json()}


@dataclass(frozen=True)
class Report:
    """What `evaluate` found."""

    clips: list[ClipReport]
    pooled: BallMetrics
    """Metrics over the frames of all clips together."""
    skipped: list[str]
    """Names of predictions that have no truth."""
    unpredicted: list[str]
    """Names of clips with a truth but no prediction: they count nowhere, so the metrics say nothing about them."""
    problems: list[str]
    """Labels that were left out as wrong, one line for each kind."""
    events: EventReport | None = None
    """What was found of events, where two folders hold them too."""

    def as_json(self) -> dict[str, Any]:
        """Return everything as one dict for JSON."""
        events = {"events": self.events.as_json()} if self.events else {}
        return {
            "clips": [clip.as_json() for clip in self.clips],
            "all": self.pooled.as_json(),
            "skipped": self.skipped,
            "unpredicted": self.unpredicted,
            "problems": self.problems,
            **events,
        }

    def as_table(self) -> Table:
        """Return the metrics of balls as a table for a terminal."""
        return metrics_table(self.as_json())

    def as_tables(self) -> list[Table]:
        """Return the metrics as tables for a terminal: of balls, then of events."""
        return [self.as_table(), *(self.events.as_tables() if self.events else [])]


def evaluate(predicted: Path, truth: Path, config: EvaluateConfig) -> Report | EventReport:
    """Return the metrics of predicted balls or events against labelled ones.

    Two files of events give an EventReport, and so do two folders that hold events alone.

    Args:
        predicted: A ball.csv (or any format of labels), or a folder of them.
        truth: A file of labels, or a folder: PREDICTED/x.csv is measured against TRUTH/x.csv,
            TRUTH/x/ball_markup.json or TRUTH/annotations/x/ball_markup.json.
        config: The picture's size and frame rate, where no video lies beside the files, and the number of resamplings.

    Raises:
        InputError: A file or folder is missing, or no prediction has a truth.
        LabelError: A file does not hold what its format asks for.
        SettingError: The size of the picture is not known.
    """
    _check_config(config)
    _check_files(predicted, truth)
    if _only_events(predicted):
        return compare_event_files(predicted, truth, config.frame_rate, config.bootstrap)
    matched, skipped, unpredicted = _match(predicted, truth)
    clips, outcomes, problems = [], [], Problems()
    for files in matched:
        height, width = _picture_size(files, find_format(files.truth), config)
        outcomes.append(_compare_files(files, height, width, problems))
        clips.append(ClipReport(files, height, width, ball_metrics(outcomes[-1], config.bootstrap)))
    both = predicted.is_dir() and event_files(predicted).keys() & event_files(truth).keys()
    events = compare_event_files(predicted, truth, config.frame_rate, config.bootstrap) if both else None
    pooled = ball_metrics(pool(outcomes), config.bootstrap)
    return Report(clips, pooled, skipped, unpredicted, problems.lines(), events)


def _check_config(config: EvaluateConfig) -> None:
    given = [value for value in (config.picture_height, config.picture_width) if value is not None]
    if len(given) == 1 or any(value < 1 for value in given):
        raise SettingError("--size", "is not a width and a height above 0", "give both, as in --size 1920x1080")
    if config.bootstrap < 0:
        raise SettingError("--bootstrap", f"is {config.bootstrap}", "give 0 or more resamplings")
    if config.frame_rate is not None and not 0 < config.frame_rate <= 100_000:
        raise SettingError("--fps", f"{config.frame_rate} is out of range", "give the frames per second, as in --fps 25")


def _check_files(predicted: Path, truth: Path) -> None:
    for path in (predicted, truth):
        if not path.exists():
            raise InputError(path, "does not exist", "check the name")
    if predicted.is_dir() != truth.is_dir():
        raise InputError(truth, f"cannot be compared with {predicted}", "give two files, or two folders")


def _only_events(predicted: Path) -> bool:
    """Return whether a file, or a folder, holds events and no balls."""
    if predicted.is_dir():
        return bool(event_files(predicted)) and not _ball_files(predicted)
    return holds_events(predicted) and not holds_balls(predicted)


def _compare_files(files: ClipFiles, height: int, width: int, problems: Problems) -> Outcomes:
    # A claim outside the picture stays a claim, and a false one; a truth there is a slip, and unknown.
    predicted = find_format(files.predicted).read(files.predicted, problems.add, None, None)
    truth = find_format(files.truth).read(files.truth, problems.add, height, width)
    return compare(predicted, truth, height, width)


def _match(predicted: Path, truth: Path) -> tuple[list[ClipFiles], list[str], list[str]]:
    """Return the clips to measure, the predictions without truth, and the truths without prediction."""
    if not predicted.is_dir():
        return [ClipFiles(predicted.stem, predicted, truth)], [], []
    predictions, truths = _ball_files(predicted), _truths(truth)
    matched = [ClipFiles(clip, path, truths[clip]) for clip, path in predictions.items() if clip in truths]
    if not matched:
        raise InputError(
            predicted,
            f"none of its {len(predictions)} CSV files has a truth in {truth}",
            f"let names agree: x.csv with x.csv, x/{OPENTTGAMES_NAME} or annotations/x/{OPENTTGAMES_NAME} there",
        )
    return matched, sorted(predictions.keys() - truths.keys()), sorted(truths.keys() - predictions.keys())


def _ball_files(folder: Path) -> dict[str, Path]:
    """Return the CSV files of a folder by stem, without those of events (x.events.csv) and hidden ones."""
    return {
        path.stem: path
        for path in sorted(folder.glob("*.csv"))
        if path.is_file() and not path.name.startswith(".") and not f".{path.stem}".endswith(".events")
    }


def _truths(folder: Path) -> dict[str, Path]:
    """Return the label files of a folder by the name of their clip; a CSV goes before OpenTTGames files."""
    markups = [*folder.glob(f"annotations/*/{OPENTTGAMES_NAME}"), *folder.glob(f"*/{OPENTTGAMES_NAME}")]
    return {**{path.parent.name: path for path in markups}, **_ball_files(folder)}


def _picture_size(files: ClipFiles, truth_format: LabelFormat, config: EvaluateConfig) -> tuple[int, int]:
    """Return height and width of the picture: as told, of the video, or as the format fixes it."""
    if config.picture_height is not None and config.picture_width is not None:
        return config.picture_height, config.picture_width
    video = _find_video(files)
    if video is not None:
        info = probe(video)
        return info.height, info.width
    if truth_format.picture_height is not None and truth_format.picture_width is not None:
        return truth_format.picture_height, truth_format.picture_width
    raise SettingError(
        files.truth,
        "the size of the picture is not known (no video of that name beside it)",
        "give it, as in --size 1920x1080",
    )


def _find_video(files: ClipFiles) -> Path | None:
    """Return the video of a clip: beside one of the files, or where the layout of OpenTTGames has it."""
    stems = [files.truth.with_suffix(""), files.predicted.with_suffix("")]
    folder = files.truth.resolve().parent  # rally/ball_markup.json: rally.mp4
    stems.append(folder)
    # ROOT/test/annotations/test_1/ball_markup.json: ROOT/videos/test_1.mp4
    if len(folder.parents) > 2:
        stems.append(folder.parents[2] / "videos" / folder.name)
    return next((video for stem in stems if (video := find_video(stem))), None)
