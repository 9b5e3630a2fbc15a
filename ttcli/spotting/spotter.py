"""Events of a path as it comes, with memory that does not grow with its length."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from ttcli.results.events import Event
from ttcli.results.trajectory import BallPosition, Status
from ttcli.spotting.from_above import steps_from_above
from ttcli.spotting.hidden_serves import ToldBounce, hidden_serves
from ttcli.spotting.instants import (
    ONE_INSTANT_SECONDS,
    SPACING_SECONDS,
    TOUCH_CONFIDENCE,
    Instant,
    Peak,
    can_have_been,
    find_peaks,
    fit_bounce,
    fit_touch,
    own_instant,
    place_at,
)  # fmt: skip
from ttcli.spotting.net_plane import (
    BESIDE_HIDDEN,
    BESIDE_SURE,
    ONE_PASSING_SECONDS,
    Passing,
    flights_at,
    nearest_passing,
    on_table,
    refined,
)
from ttcli.spotting.network import EVENTS, PathSpotter
from ttcli.spotting.paths import GRID_RATE, LONGEST_GAP_SECONDS, SEPARATOR_STEPS, Grid, Track, make_track, resample
from ttcli.spotting.table_views import table_features
from ttcli.spotting.weights import Spotters
from ttcli.table.camera import Tables
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

WINDOW_STEPS = 2560
"""Steps of the grid, 21 s of sightings, that the network sees at a time."""
MARGIN_STEPS = 512
"""Steps at both ends of a window, 4 s, whose events its neighbours tell, for they know what is around them."""
LOOK_EVERY = 64
"""Sightings between two looks at whether there are enough for a window."""
CLOSEST_SECONDS = 1 / 2500
"""Between two sightings; a closer one is passed over, for no camera is as fast, and a path would have any number in a
second."""
NEAR_SECONDS = 1.0
"""How far from a run of sightings single ones may count, which are longer than a flight."""
TOUCH = "net_touch"
"""The event of a ball that touches the net while it passes."""
BEND_THRESHOLD = 0.3
"""Probability from which on a bend ends the flight that is fitted to another one."""
IMPLIED_CONFIDENCE = 0.9
"""Confidence of a crossing that only a bounce's flight shows, against the bounce's own."""


class _Sighting(NamedTuple):
    time_seconds: float
    x: float
    y: float
    confidence: float
    frame_index: int


class EventSpotter:
    """Takes a path row by row and tells its events, each some seconds of path after it happened.

    Stretches in which the ball was not seen have no events. Rows without a time, or whose time is not later than the
    row before, count as unseen. Shots are paths of their own: after a cut the net is elsewhere.

    Args:
        spotters: The networks.
        height: Height of the picture that positions lie on, pixels.
        width: Its width.
        threshold: Least confidence of an event, in (0, 1].
        tables: Where the table is, for instants of passings and to tell bounces on it from others; None where unknown.
    """

    def __init__(self, spotters: Spotters, height: int, width: int, threshold: float, tables: Tables | None = None) -> None:
        self._spotters, self._height, self._width, self._threshold = spotters, height, width, threshold
        self._tables = tables or (lambda seconds: None)
        self._latest = -math.inf
        self._shot = 0
        self._begin()

    def _begin(self) -> None:
        self._waiting: deque[_Sighting] = deque()
        self._told: deque[Event] = deque(maxlen=8)
        self._since, self._since_look = -math.inf, 0
        self._most_steps = 0.0

    def add(self, row: BallPosition) -> list[Event]:
        """Return the events that a further row makes known."""
        events: list[Event] = []
        if row.shot != self._shot:
            events = self.finish()
            self._shot = row.shot
        if row.duplicate or row.time_seconds is None or not row.time_seconds > self._latest:
            return events  # what goes back in time, or repeats, is passed over
        self._latest = row.time_seconds
        place = row.place if row.status is Status.SEEN else None  # what was filled in says nothing about bounces
        if place is None:
            return events
        confidence = math.nan if row.confidence is None else row.confidence
        if self._waiting:
            away = row.time_seconds - self._waiting[-1].time_seconds
            if away < CLOSEST_SECONDS:
                return events
            self._most_steps += away * GRID_RATE if away <= LONGEST_GAP_SECONDS else SEPARATOR_STEPS + 1
        self._waiting.append(_Sighting(row.time_seconds, *place, confidence, row.frame_index))
        self._since_look += 1
        if self._since_look == LOOK_EVERY:
            self._since_look = 0
            if self._most_steps + SEPARATOR_STEPS + 2 >= WINDOW_STEPS:
                events += self._look()
        return events

    def finish(self) -> list[Event]:
        """Return the events that are left, of a path that ends here."""
        path = self._path()
        events = self._told_once(path.events(path.grid, self._spotters, self._threshold, self._since, math.inf))
        self._begin()
        return events

    def _look(self) -> list[Event]:
        """Return the events of the windows that are full, and forget what no later one needs."""
        events: list[Event] = []
        path = self._path()
        while len(path.grid.times) >= WINDOW_STEPS:
            piece = path.first(WINDOW_STEPS)
            end = _time_before(piece.grid, WINDOW_STEPS - MARGIN_STEPS)
            events += self._told_once(path.events(piece.grid, self._spotters, self._threshold, self._since, end))
            self._since = end
            forget = _time_before(piece.grid, WINDOW_STEPS - 2 * MARGIN_STEPS)
            while self._waiting and self._waiting[0].time_seconds < forget:
                self._waiting.popleft()
            path = self._path()
        self._forget_single_ones()
        self._most_steps = float(len(path.grid.times) + SEPARATOR_STEPS + 1)
        return events

    def _forget_single_ones(self) -> None:
        """Forget sightings that are of no run, and not near one: no event is told by them, and there may be any number."""
        times = np.array([sighting.time_seconds for sighting in self._waiting])
        close = np.diff(times) <= LONGEST_GAP_SECONDS
        runs = times[np.append(close, False) | np.append(False, close)]
        after = np.searchsorted(runs, times)
        edges = np.concatenate([[-np.inf], runs, [np.inf]])
        away = np.minimum(times - edges[after], edges[after + 1] - times)
        kept = (away <= NEAR_SECONDS) | (times > self._latest - 2 * NEAR_SECONDS)
        if not kept.all():
            self._waiting = deque(sighting for sighting, keep in zip(self._waiting, kept, strict=True) if keep)

    def _path(self) -> "_Path":
        table = np.array(self._waiting, float).reshape(-1, len(_Sighting._fields))
        track = make_track(table[:, 0], table[:, 1:3], table[:, 3], self._height, self._width)
        pixels = track.positions * self._width + ((self._width - 1) / 2, (self._height - 1) / 2)
        track = track._replace(table=table_features(track.times, pixels, self._tables, self._width))
        frames = np.interp(track.times, table[:, 0], table[:, 4]) if len(track.times) else np.zeros(0)
        return _Path(track, frames, resample(track), self._height, self._width, self._tables)

    def _told_once(self, events: list[Event]) -> list[Event]:
        """Return the events that were not told before: two windows may see one on both sides of where they meet."""
        fresh = []
        for event in events:
            if not any(_same(event, other) for other in self._told):
                self._told.append(event)
                fresh.append(event)
        return fresh


def spot_events(
    positions: Iterable[BallPosition],
    spotters: Spotters,
    height: int,
    width: int,
    threshold: float,
    tables: Tables | None = None,
) -> Iterator[Event]:
    """Yield the events of a path in order; it takes the arguments of `EventSpotter`, and the rows of ball.csv."""
    spotter = EventSpotter(spotters, height, width, threshold, tables)
    for row in positions:
        yield from spotter.add(row)
    yield from spotter.finish()


def event_probabilities(model: PathSpotter, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of EVENTS, (2, S), and of bounce and hit by the path alone, (2, S)."""
    if not len(grid.times):
        return np.zeros((len(EVENTS), 0)), np.zeros((2, 0))
    with torch.inference_mode():
        answer = model(torch.from_numpy(grid.features)[None])
    events, early = (logits[0].sigmoid().numpy() * grid.valid for logits in (answer.events, answer.early))
    return events, early


def window_probabilities(model: PathSpotter, grid: Grid) -> np.ndarray:
    """Return the probabilities of EVENTS (2, S) on a grid of any length, as overlapping windows give them."""
    found = np.zeros((len(EVENTS), len(grid.times)))
    for begin in range(0, max(1, len(grid.times) - 2 * MARGIN_STEPS), WINDOW_STEPS - 2 * MARGIN_STEPS):
        window = slice(begin, begin + WINDOW_STEPS)
        part, _ = event_probabilities(model, Grid(grid.features[:, window], grid.times[window], grid.valid[window]))
        inner = MARGIN_STEPS if begin else 0
        found[:, begin + inner : begin + part.shape[1]] = part[:, inner:]
    return found


class _Path(NamedTuple):
    """Sightings with their frames and their grid."""

    track: Track
    frames: np.ndarray  # (N,) frame of each sighting of the track
    grid: Grid
    height: int
    width: int
    table_at: Tables

    def first(self, steps: int) -> "_Path":
        """Return the same with the first steps of the grid only."""
        return self._replace(grid=Grid(self.grid.features[:, :steps], self.grid.times[:steps], self.grid.valid[:steps]))

    def events(self, grid: Grid, spotters: Spotters, threshold: float, begin: float, end: float) -> list[Event]:
        """Return the events after `begin` up to `end`, in seconds."""
        probabilities, early = self._probabilities(grid, spotters)
        peaks = find_peaks(grid, probabilities, EVENTS, threshold)
        bends = [peak.time for peak in find_peaks(grid, early, ("bounce", "bounce"), BEND_THRESHOLD)]
        fitted = {peak: fit_bounce(self.track, peak, bends) for peak in peaks if peak.kind == "bounce"}
        bounces = {peak: instant for peak, instant in fitted.items() if self._may_be_on_table(instant)}
        astray = self._led_astray(fitted)
        nets = [peak for peak in peaks if peak.kind == "net"]
        bounces = self._with_hidden_serves(bounces | astray, [peak.time for peak in nets], threshold)
        near = {  # whose flights can be fitted; a flight is shorter than a second
            peak: bounce for peak, bounce in bounces.items() if peak not in astray and begin - 1 < peak.time <= end + 1
        }
        passings = self._passings(near, bends + [bounce.time for bounce in bounces.values()])
        nets += _implied(passings, nets, threshold)
        found = [self._bounce_event(peak, bounce) for peak, bounce in bounces.items() if begin < peak.time <= end]
        for peak in nets:
            if begin < peak.time <= end:
                found += self._net_events(peak, passings, bends)
        return sorted(_apart(found), key=lambda event: event.seconds)

    def _probabilities(self, grid: Grid, spotters: Spotters) -> tuple[np.ndarray, np.ndarray]:
        """Return the same as `event_probabilities`, each run by the network for its camera."""
        above = steps_from_above(self.table_at, grid.times)
        if not above.any():
            return event_probabilities(spotters.anywhere, grid)
        events, early = event_probabilities(spotters.above, grid)
        if above[grid.valid].all():
            return events, early
        other = event_probabilities(spotters.anywhere, grid)
        return np.where(above, events, other[0]), np.where(above, early, other[1])

    def _led_astray(self, fitted: dict[Peak, Instant]) -> dict[Peak, Instant]:
        """Return the bounces on the table that a fit puts beside it, where the ball cannot have been, as the network tells them."""
        own = {
            peak: own_instant(self.track, peak)
            for peak, instant in fitted.items()
            if not self._may_be_on_table(instant) and not can_have_been(self.track, instant)
        }
        return {peak: instant for peak, instant in own.items() if self._may_be_on_table(instant)}

    def _may_be_on_table(self, bounce: Instant) -> bool:
        """Return False where the table is known, and the ball bounced on something else."""
        camera = self.table_at(bounce.time)
        beside = BESIDE_HIDDEN if bounce.error is None else BESIDE_SURE
        return camera is None or on_table(camera, self._pixels(bounce.position), beside)

    def _with_hidden_serves(self, bounces: dict[Peak, Instant], nets: list[float], threshold: float) -> dict[Peak, Instant]:
        """Return the bounces and those of serves that only the flight after them shows, without what these are instead of."""
        told = [ToldBounce(at.time, self._pixels(at.position), peak.confidence) for peak, at in bounces.items()]
        serves = hidden_serves(self.table_at, self.track.times, self._pixels(self.track.positions), told, nets)
        serves = [serve for serve in serves if serve.confidence >= threshold]
        none = {bounce.time for serve in serves for bounce in serve.instead_of}
        kept = {peak: at for peak, at in bounces.items() if at.time not in none}
        for serve in serves:
            position = (serve.pixel - self._pixels(np.zeros(2))) / self.width
            kept[Peak("bounce", serve.time, serve.confidence)] = Instant(serve.time, position, 1.96 * serve.spread)
        return kept

    def _passings(self, bounces: dict[Peak, Instant], ends: list[float]) -> list[tuple[Passing, float]]:
        """Return the passings of the net by the flights around bounces, where the table is known, with their confidence."""
        found = []
        pixels = self._pixels(self.track.positions)
        for peak, bounce in bounces.items():
            camera = self.table_at(bounce.time)
            if camera is not None:
                place = bounce.time, self._pixels(bounce.position)
                flights = flights_at(camera, self.track.times, pixels, place, ends)
                found += [(passing, IMPLIED_CONFIDENCE * peak.confidence) for passing in flights]
        return found

    def _net_events(self, peak: Peak, passings: list[tuple[Passing, float]], bends: list[float]) -> list[Event]:
        """Return the event of a passing of the net, and beside it its touch, where there is one."""
        passing = nearest_passing(peak.time, [passing for passing, _ in passings])
        time, error = (peak.time, None) if passing is None else refined(peak.time, passing)
        events = [self._event(peak.kind, Instant(time, place_at(self.track, time), error), peak.confidence)]
        touch = fit_touch(self.track, peak._replace(time=time), bends)
        if touch is not None:
            events.append(self._event(TOUCH, touch, peak.confidence * TOUCH_CONFIDENCE))
        return events

    def _bounce_event(self, peak: Peak, bounce: Instant) -> Event:
        """Return the event of a bounce, with its place on the table where that is known."""
        event = self._event("bounce", bounce, peak.confidence)
        camera = self.table_at(bounce.time)
        place = None if camera is None else camera.on_plane(self._pixels(bounce.position), TABLE_HEIGHT + BALL_RADIUS)
        return event if place is None else replace(event, table_x=float(place[0]), table_y=float(place[1]))

    def _pixels(self, positions: np.ndarray) -> np.ndarray:
        """Return positions of a track (..., 2) in pixels of the picture."""
        return positions * self.width + ((self.width - 1) / 2, (self.height - 1) / 2)

    def _event(self, kind: str, instant: Instant, confidence: float) -> Event:
        x, y = self._pixels(instant.position)
        return Event(
            frame=float(np.interp(instant.time, self.track.times, self.frames)),
            time_seconds=instant.time,
            event=kind,
            x=float(x),
            y=float(y),
            confidence=confidence,
            error_seconds=instant.error,
        )


def _implied(passings: list[tuple[Passing, float]], nets: list[Peak], threshold: float) -> list[Peak]:
    """Return the passings that the network did not tell, surest first, no two closer than physics allows."""
    found: list[Peak] = []
    known = [peak.time for peak in nets]
    for passing, confidence in sorted(passings, key=lambda each: each[0].spread):
        apart = all(abs(passing.time - time) > ONE_PASSING_SECONDS for time in known)
        if confidence >= threshold and apart:
            found.append(Peak("net", passing.time, confidence))
            known.append(passing.time)
    return found


def _apart(events: list[Event]) -> list[Event]:
    """Return the events without the less sure one of two that have come too close: passings move to where flights pass."""
    kept: list[Event] = []
    for event in sorted(events, key=lambda event: -event.certainty):
        if not any(_same(event, other) for other in kept):
            kept.append(event)
    return kept


def _time_before(grid: Grid, step: int) -> float:
    """Return the time of the last valid step before one."""
    times = grid.times[:step]
    return float(times[np.isfinite(times)][-1])


def _same(one: Event, other: Event) -> bool:
    if one.event != other.event and TOUCH in (one.event, other.event):
        return False  # a touch is told beside the passing that it is of
    away = abs(one.seconds - other.seconds)
    return away < (SPACING_SECONDS[one.event] if one.event == other.event else ONE_INSTANT_SECONDS)
