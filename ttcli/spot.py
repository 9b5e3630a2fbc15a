"""`ttcli spot`: the events of a path that is known already, without its video."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ttcli.configs import SpotConfig
from ttcli.outputs import check_output
from ttcli.results.counted import counted
from ttcli.results.events import Event, check_threshold, write_events_csv
from ttcli.spotting.known_paths import open_path
from ttcli.spotting.spotter import spot_events
from ttcli.spotting.weights import load_spotters


@dataclass(frozen=True)
class SpotSummary:
    """What was found on one path."""

    ball: str
    output: str
    bounce: int
    net: int
    net_touch: int
    """Crossings in which the ball touches the net, as far as the path shows."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        found = {"bounce": self.bounce, "net crossing": self.net, "net touch": self.net_touch}
        return f"{self.ball} -> {self.output}: {', '.join(counted(number, noun) for noun, number in found.items())}"


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
    check_threshold(config.threshold)
    path = open_path(ball, config, tell)
    check_output(output, config.overwrite)
    spotters = load_spotters(config.weights)
    counts: Counter[str] = Counter()
    found = spot_events(path.rows, spotters, path.height, path.width, config.threshold, path.tables)
    write_events_csv(output, _counted(found, counts), config.overwrite)
    if line := path.far.line(ball):
        tell(line)
    return SpotSummary(str(ball), str(output), counts["bounce"], counts["net"], counts["net_touch"])


def _counted(events: Iterable[Event], counts: Counter[str]) -> Iterator[Event]:
    for event in events:
        counts[event.event] += 1
        yield event
