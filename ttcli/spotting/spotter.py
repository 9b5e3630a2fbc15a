"""Events of a path as it comes, with memory that does not grow with its length."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from ttcli.events import Event
from ttcli.spotting.instants import ONE_INSTANT_SECONDS, SPACING_SECONDS, Instant, Peak, find_peaks, fit_bounce, place_at
from ttcli.spotting.network import EVENTS, PathSpotter
from ttcli.spotting.paths import Grid, Track, make_track, resample
from ttcli.trajectory import BallPosition

WINDOW_STEPS = 2560
"""Of the grid, 21 s of sightings, that the network sees at a time."""
MARGIN_STEPS = 512
"""Steps at both ends of a window, 4 s, whose events its neighbours tell, for they know what is around them."""
LOOK_EVERY = 64
"""Sightings between two looks at whether there are enough for a window."""
BEND_THRESHOLD = 0.3
"""Probability from which on a bend ends the flight that is fitted to another one."""


class _Sighting(NamedTuple):
    time_seconds: float
    x: float
    y: float
    confidence: float
    frame_index: int


def spot_events(
    positions: Iterable[BallPosition], model: PathSpotter, height: int, width: int, threshold: float
) -> Iterator[Event]:
    """Yield the events of a path in order, each some seconds of path after it happened.

    Over stretches in which the ball was not seen nothing is told. Rows without a time, or whose time is not later than
    that of the row before, count as unseen.

    Args:
        positions: Rows of ball.csv, in order.
        model: The network.
        height: Of the picture that positions lie on, pixels.
        width: Its width.
        threshold: Least confidence of an event, in (0, 1].
    """
    waiting: deque[_Sighting] = deque()
    told: deque[Event] = deque(maxlen=8)
    begin, since_look = -math.inf, 0
    for sighting in _sightings(positions):
        waiting.append(sighting)
        since_look += 1
        if since_look < LOOK_EVERY:
            continue
        since_look = 0
        path = _path(waiting, height, width)
        while len(path.grid.times) >= WINDOW_STEPS:
            piece = path.first(WINDOW_STEPS)
            end = _time_before(piece.grid, WINDOW_STEPS - MARGIN_STEPS)
            yield from _told_once(path.events(piece.grid, model, threshold, begin, end), told)
            begin = end
            forget = _time_before(piece.grid, WINDOW_STEPS - 2 * MARGIN_STEPS)
            while waiting and waiting[0].time_seconds < forget:
                waiting.popleft()
            path = _path(waiting, height, width)
    path = _path(waiting, height, width)
    yield from _told_once(path.events(path.grid, model, threshold, begin, math.inf), told)


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

    def first(self, steps: int) -> "_Path":
        """Return the same with the first steps of the grid only."""
        return self._replace(grid=Grid(self.grid.features[:, :steps], self.grid.times[:steps], self.grid.valid[:steps]))

    def events(self, grid: Grid, model: PathSpotter, threshold: float, begin: float, end: float) -> list[Event]:
        """Return the events after `begin` up to `end`, in seconds."""
        probabilities, early = event_probabilities(model, grid)
        peaks = find_peaks(grid, probabilities, EVENTS, threshold)
        bends = [peak.time for peak in find_peaks(grid, early, ("bounce", "bounce"), BEND_THRESHOLD)]
        found = [self._event(peak, bends) for peak in peaks if begin < peak.time <= end]
        return sorted(found, key=lambda event: event.time_seconds)

    def _event(self, peak: Peak, bends: list[float]) -> Event:
        instant = (
            fit_bounce(self.track, peak, bends)
            if peak.kind == "bounce"
            else Instant(peak.time, place_at(self.track, peak.time), None)
        )
        x, y = instant.position * self.width + ((self.width - 1) / 2, (self.height - 1) / 2)
        return Event(
            frame=float(np.interp(instant.time, self.track.times, self.frames)),
            time_seconds=instant.time,
            event=peak.kind,
            x=float(x),
            y=float(y),
            confidence=peak.confidence,
            error_seconds=instant.error,
        )


def _sightings(positions: Iterable[BallPosition]) -> Iterator[_Sighting]:
    """Yield the rows at which the ball was seen, in order of time; what goes back in time, or repeats, is passed over."""
    latest = -math.inf
    for row in positions:
        if row.duplicate or row.time_seconds is None or not row.time_seconds > latest:
            continue
        latest = row.time_seconds
        if row.status.has_position:
            confidence = math.nan if row.confidence is None else row.confidence
            yield _Sighting(row.time_seconds, row.x, row.y, confidence, row.frame_index)


def _path(waiting: Iterable[_Sighting], height: int, width: int) -> _Path:
    table = np.array(waiting, float).reshape(-1, 5)
    track = make_track(table[:, 0], table[:, 1:3], table[:, 3], height, width)
    frames = np.interp(track.times, table[:, 0], table[:, 4]) if len(track.times) else np.zeros(0)
    return _Path(track, frames, resample(track), height, width)


def _time_before(grid: Grid, step: int) -> float:
    """Return the time of the last valid step before one."""
    times = grid.times[:step]
    return float(times[np.isfinite(times)][-1])


def _told_once(events: list[Event], told: deque[Event]) -> Iterator[Event]:
    """Yield events that were not told before: two windows may see one on both sides of where they meet."""
    for event in events:
        if not any(_same(event, other) for other in told):
            told.append(event)
            yield event


def _same(one: Event, other: Event) -> bool:
    away = abs(one.time_seconds - other.time_seconds)
    return away < (SPACING_SECONDS[one.event] if one.event == other.event else ONE_INSTANT_SECONDS)
