"""`ttcli rallies`: where play begins and ends on a path that is known already."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from ttcli.configs import RalliesConfig, SpotConfig
from ttcli.errors import InputError
from ttcli.outputs import check_output
from ttcli.play.finder import RallyFinder
from ttcli.play.statistics import MatchStatistics
from ttcli.results.beside import named_after
from ttcli.results.events import Event, check_threshold, read_events_csv
from ttcli.results.rallies import Rally, replays_line, write_rallies_csv
from ttcli.spotting.known_paths import open_path
from ttcli.spotting.spotter import EventSpotter
from ttcli.spotting.weights import load_spotters


@dataclass(frozen=True)
class RalliesSummary:
    """What was found on one path."""

    ball: str
    output: str
    rallies: list[Rally]
    statistics: MatchStatistics

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return {"ball": self.ball, "output": self.output, **self.statistics.as_json()}

    def as_table(self) -> Table:
        """Return the statistics as a table for people."""
        return self.statistics.as_table()

    def __str__(self) -> str:
        return f"{self.ball} -> {self.output}: {self.statistics}"


def rallies(
    ball: Path, output: Path | None, config: RalliesConfig, tell: Callable[[str], None] = lambda message: None
) -> RalliesSummary:
    """Write the rallies of a path and return a summary.

    Args:
        ball: A ball.csv, or labels of the ball in any format.
        output: The rallies.csv; beside BALL, under its name, if None.
        config: Settings.
        tell: Takes warnings, one line each.

    Raises:
        InputError: The path or the events are missing, or cannot be read.
        OutputError: The output exists or cannot be written.
        SettingError: The picture's size or the frame rate is not known, or a setting is out of its range.
    """
    output = named_after(ball, "rallies") if output is None else output
    check_threshold(config.threshold, "--threshold")
    path = open_path(ball, config, tell)
    check_output(output, config.overwrite)
    finder, events = RallyFinder(path.tables), list[Event]()
    if config.events is None:
        spotter = EventSpotter(load_spotters(), path.height, path.width, SpotConfig.threshold, path.tables)
        for row in path.rows:
            finder.add(row)
            events += spotter.add(row)
        events += spotter.finish()
    else:
        for row in path.rows:
            finder.add(row)
        events = list(timed_events(read_events_csv(config.events, path.far), finder, config.events))
    found = finder.rallies(events, config.threshold)
    write_rallies_csv(output, found, config.overwrite)
    if line := path.far.line(ball):
        tell(line)
    if line := replays_line(finder.replays):
        tell(f"{ball}: {line}")
    return RalliesSummary(str(ball), str(output), found, MatchStatistics.of(found, finder.seconds))


def timed_events(events: list[Event], finder: RallyFinder, path: Path) -> Iterator[Event]:
    """Yield events with the times of their frames on the path, where a file holds no times."""
    for event in events:
        seconds = finder.time_of(event.frame) if event.time_seconds is None else event.time_seconds
        if seconds is None:
            fact = f"has an event at frame {event.frame:g}, for which the path has no time"
            raise InputError(path, fact, "give both of one video")
        yield replace(event, time_seconds=seconds)
