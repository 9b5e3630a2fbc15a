"""What is found in a video: the rows of its ball.csv as they are decided, and what is noted while they come."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ttcli.configs import RalliesConfig
from ttcli.detection.decision import ball_positions
from ttcli.detection.gap_filling import fill_gaps
from ttcli.detection.plan import VideoPlan
from ttcli.detection.proposals import Proposals
from ttcli.inference.runtimes import Runtime
from ttcli.results.events import Event
from ttcli.results.rallies import Rally
from ttcli.results.shots import Shot, add_to_shots
from ttcli.results.trajectory import BallPosition, Status
from ttcli.table.camera import Tables
from ttcli.table.views import NoTable, TableView

if TYPE_CHECKING:  # what is not asked for is not imported: a tenth of a second
    from ttcli.flights.finder import Found
    from ttcli.play.finder import RallyFinder
    from ttcli.spotting.spotter import EventSpotter


@dataclass
class Findings:
    """What was found in a video, beside the rows of its ball.csv."""

    statuses: Counter[Status] = field(default_factory=Counter)
    """Rows of each status."""
    duplicates: int = 0
    """Rows of pictures that repeat the one before."""
    shots: list[Shot] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    views: list[TableView | NoTable] = field(default_factory=list)
    """From when to when the table was seen how, or why not."""
    seconds: float = 0.0
    """When the last frame is."""
    rallies: list[Rally] = field(default_factory=list)
    """Found only where they, or strokes, were asked for."""
    replays: int = 0
    """Replays of rallies, which were left out."""
    strokes: "Found | None" = None
    """None where none were asked for."""
    truncated: bool = False
    """Whether the file was cut off."""

    @property
    def frames(self) -> int:
        """Rows of all statuses."""
        return self.statuses.total()

    def count(self, row: BallPosition) -> None:
        """Note a row that is written."""
        self.statuses[row.status] += 1
        self.duplicates += row.duplicate
        self.seconds = row.time_seconds or self.seconds
        add_to_shots(self.shots, row)


def decided_rows(
    plan: VideoPlan,
    proposals: Proposals,
    runtime: Runtime,
    findings: Findings,
    with_events: bool,
    with_rallies: bool = False,
    with_strokes: bool = False,
) -> Iterator[BallPosition]:
    """Yield the rows of a video's ball.csv as they are decided.

    Args:
        plan: How the video is detected.
        proposals: Proposals of the networks, for all of its frames.
        runtime: The network that proposed.
        findings: Takes what is noted on the way; complete once all rows have come.
        with_events: Whether to find bounces and net crossings.
        with_rallies: Whether rallies are, for which events are needed.
        with_strokes: Whether strokes are, for which rallies are needed.
    """
    info, settings = plan.info, plan.settings
    rows = _noting_ball(ball_positions(proposals, plan, runtime.confidence), proposals)
    if with_events:
        rows = _noting_events(rows, _event_spotter(plan, proposals.tables), findings)
    finder = _rally_finder(proposals.tables) if with_rallies else None
    for row in fill_gaps(rows, info.height, info.width, settings.fill):
        findings.count(row)
        if finder is not None:
            finder.add(row)
        yield row
    if finder is not None:
        findings.rallies = finder.rallies(findings.events, RalliesConfig.threshold)
        findings.replays = finder.replays
        if with_strokes:
            from ttcli.flights.finder import find_strokes

            told = (finder.sightings, findings.events, findings.rallies)
            findings.strokes = find_strokes(*told, proposals.tables, info.width)
    findings.views, findings.truncated = proposals.views(), proposals.truncated


def _event_spotter(plan: VideoPlan, tables: Tables) -> "EventSpotter":
    from ttcli.spotting.spotter import EventSpotter
    from ttcli.spotting.weights import load_spotters

    return EventSpotter(load_spotters(), plan.info.height, plan.info.width, plan.settings.event_threshold, tables)


def _rally_finder(tables: Tables) -> "RallyFinder":
    from ttcli.play.finder import RallyFinder

    return RallyFinder(tables)


def _noting_ball(rows: Iterable[BallPosition], proposals: Proposals) -> Iterator[BallPosition]:
    """Yield the rows, telling of each place of the ball, by which it is known which table is played on."""
    for row in rows:
        if row.x is not None and row.y is not None and row.time_seconds is not None:
            proposals.note_ball(row.time_seconds, row.x, row.y)
        yield row


def _noting_events(rows: Iterable[BallPosition], spotter: "EventSpotter", findings: Findings) -> Iterator[BallPosition]:
    """Yield the rows, noting the events that they tell."""
    for row in rows:
        findings.events += spotter.add(row)
        yield row
    findings.events += spotter.finish()
