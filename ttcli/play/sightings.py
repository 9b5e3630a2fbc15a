"""Where the ball was seen, all of a match in some bytes a frame."""

from array import array
from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from ttcli.results.trajectory import BallPosition, Status

AROUND_SECONDS = 0.07
"""Sightings so far from an instant tell which way the ball flies then."""
LONGEST_HIDDEN = 0.2
"""Seconds without a sighting from which on it is asked what the ball did."""
LONGEST_STRIKING, LONGEST_FREE = 0.6, 1.5
"""Who strikes the ball hides it for so many seconds: nobody catches and serves it in that time. And a lob above the
picture flies for so many seconds with nobody near."""
FREE_ERROR = 0.5
"""Share of gravity, and of the way, by which such a flight may be off. Air slows it down, and it comes nearer or goes
away."""
LEAST_SECONDS = 0.02
"""Between the first and the last of them."""


class _Motion(NamedTuple):
    """Where the ball is in the middle of a short time, and how fast it is."""

    seconds: float
    place: np.ndarray
    """(2,) pixels."""
    speed: np.ndarray
    """(2,) pixels per second."""


class Sightings:
    """The rows of a path in which the ball was seen, and where its shots begin."""

    def __init__(self) -> None:
        self._times, self._xs, self._ys = array("d"), array("f"), array("f")
        self._frames, self._clock = array("d"), array("d")
        self.shots: list[float] = []
        """Times at which shots begin."""
        self._shot: int | None = None
        self._last = -np.inf

    def add(self, row: BallPosition) -> None:
        """Take a further row; one without a time, or before the last, is passed over."""
        if row.time_seconds is None or row.time_seconds <= self._last:
            return
        self._last = row.time_seconds
        self._frames.append(row.frame_index)
        self._clock.append(row.time_seconds)
        if row.shot != self._shot:
            self._shot = row.shot
            self.shots.append(row.time_seconds)
        if row.place is not None and row.status is Status.SEEN and not row.duplicate:
            self._times.append(row.time_seconds)
            self._xs.append(row.place[0])
            self._ys.append(row.place[1])

    @property
    def end(self) -> float:
        """Time of the last row."""
        return self._clock[-1] if self._clock else 0.0

    @property
    def begin(self) -> float:
        """Time of the first row."""
        return self._clock[0] if self._clock else 0.0

    def frame(self, seconds: float) -> int:
        """Return the frame nearest to a time."""
        return round(float(np.interp(seconds, self._clock, self._frames))) if self._clock else 0

    def instant(self, seconds: float) -> float:
        """Return the frame at a time, 12.5 between two."""
        return float(np.interp(seconds, self._clock, self._frames)) if self._clock else 0.0

    def time_of(self, frame: float) -> float | None:
        """Return the time of a frame, whole or between two; None where it lies beyond all rows."""
        if not self._frames or not self._frames[0] - 1 <= frame <= self._frames[-1] + 1:
            return None
        return float(np.interp(frame, self._frames, self._clock))

    def between(self, first: float, last: float) -> tuple[np.ndarray, np.ndarray]:
        """Return times (N,) and places (N, 2) of the sightings after `first`, up to `last`."""
        begin, end = bisect_right(self._times, first), bisect_right(self._times, last)
        places = np.stack([np.array(self._xs[begin:end], float), np.array(self._ys[begin:end], float)], 1)
        return np.array(self._times[begin:end], float), places

    def moves_on(self, first: float, last: float, window: float, least: float, gravity: float) -> bool:
        """Return whether the ball flew from one time to another, as far as it was seen.

        Args:
            first: From when on, seconds.
            last: Until when.
            window: In each so many seconds it must be seen to move.
            least: By so much, pixels.
            gravity: How fast it falls, pixels per second squared. A ball that is hidden for long must fly as if nobody
                touched it: high above the picture, for example.
        """
        times, places = self.between(first - 1e-9, last)
        clock = np.concatenate([[first], times, [last]])
        hidden = np.flatnonzero(np.diff(clock) > LONGEST_HIDDEN)
        if len(times) < 2 or not all(self._flew(clock[gap], clock[gap + 1], gravity) for gap in hidden.tolist()):
            return False
        later = np.searchsorted(times, times + window)
        inside = later < len(times)
        extents = [
            np.ptp(places[begin : end + 1], axis=0).max()
            for begin, end in zip(np.flatnonzero(inside), later[inside], strict=True)
        ]
        return bool(np.min(extents, initial=np.inf) > least)

    def _flew(self, first: float, last: float, gravity: float) -> bool:
        """Return whether the ball was hidden from one time to another by who struck it, or flew all the time with nobody near."""
        if last - first < LONGEST_STRIKING:
            return True
        before, after = self._motion(first - AROUND_SECONDS, first), self._motion(last, last + AROUND_SECONDS)
        if last - first > LONGEST_FREE or before is None or after is None:
            return False
        seconds = after.seconds - before.seconds
        falls = (after.speed - before.speed)[1] / seconds
        apart = np.abs(after.place - before.place - (before.speed + after.speed) / 2 * seconds).max()
        fastest = np.abs(np.stack([before.speed, after.speed])).max()
        return bool(abs(falls / gravity - 1) < FREE_ERROR and apart < FREE_ERROR * fastest * seconds)

    def _motion(self, first: float, last: float) -> _Motion | None:
        """Return how the ball moves in a short time; None where it was hardly seen."""
        times, places = self.between(first - 1e-9, last + 1e-9)
        if len(times) < 2 or times[-1] - times[0] < LEAST_SECONDS:
            return None
        speed, level = np.polyfit(times - times.mean(), places, 1)
        return _Motion(float(times.mean()), level, speed)

    def direction(self, seconds: float) -> np.ndarray | None:
        """Return which way the ball flies at a time, (2,) of length 1; None where it was hardly seen around it, or rests."""
        times, places = self.between(seconds - AROUND_SECONDS, seconds + AROUND_SECONDS)
        if len(times) < 2 or times[-1] - times[0] < LEAST_SECONDS:
            return None
        step = np.polyfit(times - seconds, places, 1)[0]
        length = float(np.linalg.norm(step))
        return step / length if length > 1 else None
