"""`ttcli spot`: the events of a path that is known already, without its video."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ttcli.configs import SpotConfig
from ttcli.errors import SettingError
from ttcli.labels.ball import BallLabel
from ttcli.labels.formats import find_format
from ttcli.labels.openttgames import FRAME_RATE
from ttcli.labels.problems import Problems
from ttcli.labels.sources import find_video
from ttcli.labels.ttcli_csv import first_cells
from ttcli.outputs import check_output
from ttcli.results.csv_rows import LONGEST_LINE
from ttcli.results.events import Event, check_threshold, write_events_csv
from ttcli.results.manifest import is_manifest, manifest_path, parse_manifest
from ttcli.results.places import FarPlaces
from ttcli.results.shots import numbered_shots, read_shots_csv
from ttcli.results.trajectory import BallPosition, Status, stream_ball_csv
from ttcli.spotting.spotter import spot_events
from ttcli.spotting.weights import load_spotter
from ttcli.table.views import TableViews, views_from_json
from ttcli.video.probe import probe


@dataclass(frozen=True)
class SpotSummary:
    """What was found on one path."""

    ball: str
    output: str
    bounce: int
    net: int
    net_touch: int
    """Passings in which the ball touches the net, as far as that can be told."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.ball} -> {self.output}: bounces: {self.bounce}, passings of the net: {self.net}, touches: {self.net_touch}"
        )


def default_output(ball: Path) -> Path:
    """Return where the events of a path go unless told otherwise: ball.events.csv beside ball.csv."""
    return ball.with_name(f"{ball.stem}.events.csv")


def spot(
    ball: Path, output: Path | None, config: SpotConfig, tell: Callable[[str], None] = lambda message: None
) -> SpotSummary:
    """Write the events of a path and return a summary.

    Args:
        ball: A ball.csv, or labels of the ball in any format.
        output: The events.csv; `default_output` if None.
        config: Settings.
        tell: Takes warnings, one line each.

    Raises:
        InputError: The path is missing, or cannot be read.
        OutputError: The output exists or cannot be written.
        SettingError: The picture's size or the frame rate is not known, or a setting is out of its range.
    """
    output = default_output(ball) if output is None else output
    check_settings(config)
    find_format(ball)  # a file that is none is told of before a size that is not known
    height, width = _picture_size(ball, config)
    far = FarPlaces(height, width)
    rows = _read_path(ball, config, far, tell)
    if config.shots is not None:
        rows = numbered_shots(rows, read_shots_csv(config.shots))
    check_output(output, config.overwrite)
    model = load_spotter(config.weights)
    counts: Counter[str] = Counter()
    found = spot_events(rows, model, height, width, config.threshold, _tables(ball, width, config))
    write_events_csv(output, _counted(found, counts), config.overwrite)
    if line := far.line(ball):
        tell(line)
    return SpotSummary(str(ball), str(output), counts["bounce"], counts["net"], counts["net_touch"])


def check_settings(config: SpotConfig) -> None:
    """Raise SettingError where a setting is out of its range."""
    check_threshold(config.threshold)
    if config.frame_rate is not None and not 0 < config.frame_rate <= 100_000:
        raise SettingError("--fps", f"{config.frame_rate} is out of range", "give the frames per second, as in --fps 25")


def _counted(events: Iterable[Event], counts: Counter[str]) -> Iterator[Event]:
    for event in events:
        counts[event.event] += 1
        yield event


def _read_path(ball: Path, config: SpotConfig, far: FarPlaces, tell: Callable[[str], None]) -> Iterator[BallPosition]:
    """Return the rows of a path, each with a time."""
    path_format = find_format(ball)
    if path_format.key == "ttcli":
        with ball.open(encoding="utf-8-sig", errors="replace") as file:  # what is no text is told of where it is read
            columns = first_cells(file.readline(LONGEST_LINE))
        if "time_s" in columns and config.frame_rate is None:
            return _timed(ball, far)
    frame_rate = config.frame_rate or (FRAME_RATE if path_format.key == "openttgames" else None)
    if frame_rate is None:
        raise SettingError(ball, "has no time_s, so how fast the ball is cannot be told", "give --fps, as in --fps 25")
    problems = Problems()
    labels = path_format.read(ball, problems.add, config.picture_height, config.picture_width)
    for line in problems.lines():
        tell(f"left out as unknown: {line}")
    return (_labelled(frame_index, frame_index / frame_rate, label, far) for frame_index, label in sorted(labels.items()))


def _labelled(frame_index: int, seconds: float, label: BallLabel, far: FarPlaces) -> BallPosition:
    """Return a row that says what a label does."""
    if label.x is None or label.y is None or far.holds(label.x, label.y, f" frame {frame_index}"):
        return BallPosition(frame_index, seconds, None, None, None, Status.UNSEEN)
    return BallPosition(frame_index, seconds, label.x, label.y, None, Status.SEEN)


def _timed(ball: Path, far: FarPlaces) -> Iterator[BallPosition]:
    """Return the rows of a ball.csv; the first one is read now, so that a file that is none is told of at once."""
    rows = stream_ball_csv(ball, far)
    return chain([first] if (first := next(rows, None)) else [], rows)


def _tables(ball: Path, width: int, config: SpotConfig) -> TableViews | None:
    """Return where the table is, as the manifest beside a ball.csv says; None where there is none.

    It tells so on the clock of that CSV and in the pixels of its video: with another clock or width it says nothing.
    """
    if config.frame_rate is not None or not is_manifest(manifest_path(ball)):
        return None
    return views_from_json(parse_manifest(manifest_path(ball)).get("tables"), width)


def _picture_size(ball: Path, config: SpotConfig) -> tuple[int, int]:
    """Return height and width of the picture: as told, of the video, or as the format fixes it."""
    if config.picture_height is not None and config.picture_width is not None:
        return config.picture_height, config.picture_width
    video = config.video or find_video(ball.with_suffix("")) or find_video(ball.resolve().parent)
    if video is not None:
        info = probe(video)
        return info.height, info.width
    path_format = find_format(ball)
    if path_format.picture_height is not None and path_format.picture_width is not None:
        return path_format.picture_height, path_format.picture_width
    fact = "the size of the picture is not known (no video of that name beside it)"
    raise SettingError(ball, fact, "tell it, as in --size 1920x1080, or name the video by --video")
