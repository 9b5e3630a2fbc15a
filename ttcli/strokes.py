"""`ttcli strokes`: speed, height over the net, landing and spin of each stroke on a path that is known already."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttcli.configs import SpotConfig, StrokesConfig
from ttcli.errors import InputError, SettingError
from ttcli.flights.finder import Found, find_strokes
from ttcli.flights.picture import check_picture, draw_flights, write_picture
from ttcli.flights.turned import turned_round
from ttcli.outputs import check_output
from ttcli.play.finder import RallyFinder
from ttcli.rallies import timed_events
from ttcli.results.events import Event, check_threshold, read_events_csv
from ttcli.results.rallies import Rally
from ttcli.results.strokes import Stroke, write_strokes_csv
from ttcli.spotting.known_paths import KnownPath, open_path
from ttcli.spotting.spotter import EventSpotter
from ttcli.spotting.weights import load_spotters

CLEARLY_LIKELIER = 3.0
"""How much more probable, as a logarithm, the path must be with one table than with the other."""


@dataclass(frozen=True)
class StrokesSummary:
    """What was found on one path."""

    ball: str
    output: str
    strokes: list[Stroke]

    @property
    def fastest(self) -> Stroke | None:
        """The stroke with the largest known speed."""
        told = [stroke for stroke in self.strokes if stroke.speed is not None]
        return max(told, key=lambda stroke: stroke.speed.value if stroke.speed else 0.0, default=None)

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        fastest = self.fastest
        return {
            "ball": self.ball,
            "output": self.output,
            "strokes": len(self.strokes),
            "with_speed": sum(stroke.speed is not None for stroke in self.strokes),
            "with_bounce": sum(stroke.bounce is not None for stroke in self.strokes),
            "with_spin": sum(stroke.spin is not None for stroke in self.strokes),
            "with_toss": sum(stroke.toss is not None for stroke in self.strokes),
            "fastest_kmh": None if fastest is None or fastest.speed is None else [round(each, 1) for each in fastest.speed],
            "fastest_at_s": None if fastest is None else round(fastest.time_seconds, 3),
        }

    def __str__(self) -> str:
        fastest = self.fastest
        count = len(self.strokes)
        line = f"{self.ball} -> {self.output}: {count} stroke{'s' * (count != 1)}"
        if fastest is None or fastest.speed is None:
            return f"{line}, no speed known"
        told, (value, low, high) = sum(stroke.speed is not None for stroke in self.strokes), fastest.speed
        return (
            f"{line}, {told} with a speed; fastest {value:.0f} km/h ({low:.0f} to {high:.0f}) at {fastest.time_seconds:.1f} s"
        )


def _likelier(
    found: Found, finder: RallyFinder, events: list[Event], rallies: list[Rally], path: KnownPath, config: StrokesConfig
) -> Found:
    """Return what is found with the table that the flights prefer: four corners may be of two, turned by a quarter.

    Raises:
        SettingError: The flights fit both.
    """
    camera = None if path.tables is None else path.tables(finder.sightings.begin)
    other = None if camera is None else turned_round(camera)
    if other is None:
        return found
    turned = find_strokes(finder.sightings, events, rallies, lambda seconds: other, path.width)
    if not found.strokes and not turned.strokes:
        return found
    if abs(turned.evidence - found.evidence) < CLEARLY_LIKELIER:
        fact = f"{config.table} may be a table seen from its side or from its end, and the ball fits both"
        raise SettingError("--table", fact, "give a path with more strokes")
    return max(found, turned, key=lambda each: each.evidence)


def default_output(ball: Path) -> Path:
    """Return where the strokes of a path go unless told otherwise: ball.strokes.csv beside ball.csv."""
    return ball.with_name(f"{ball.stem}.strokes.csv")


def strokes(
    ball: Path, output: Path | None, config: StrokesConfig, tell: Callable[[str], None] = lambda message: None
) -> StrokesSummary:
    """Write the strokes of a path and return a summary.

    Args:
        ball: A ball.csv, or labels of the ball in any format.
        output: The strokes.csv; `default_output` if None.
        config: Settings.
        tell: Takes warnings, one line each.

    Raises:
        InputError: The path or the events are missing or cannot be read, or nobody knows where the table is.
        OutputError: The output exists or cannot be written.
        SettingError: The picture's size or the frame rate is not known, or a setting is out of its range.
    """
    output = default_output(ball) if output is None else output
    check_threshold(config.threshold, "--threshold")
    path = open_path(ball, config, tell, either_end=True)  # the flights tell
    check_output(output, config.overwrite)
    if config.picture is not None:
        check_picture(config.picture, config.overwrite)
    if path.tables is None:
        cure = 'give its corners by --table "x,y x,y x,y x,y", going around, or run `ttcli detect` anew'
        raise InputError(ball, "nobody knows where the table is, and so how large anything is", cure)
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
    rallies = finder.rallies(events, config.threshold)
    found = find_strokes(finder.sightings, events, rallies, path.tables, path.width)
    if config.table is not None:
        found = _likelier(found, finder, events, rallies, path, config)
        if not found.fits:
            raise SettingError("--table", "the flights of the ball do not fit a table there", "give its corners anew")
    if found.warning is not None:
        tell(f"{ball}: warning: {found.warning}")
    write_strokes_csv(output, found.strokes, config.overwrite)
    if config.picture is not None:
        write_picture(config.picture, draw_flights(found.ways, found.strokes), config.overwrite)
    if line := path.far.line(ball):
        tell(line)
    return StrokesSummary(str(ball), str(output), found.strokes)
