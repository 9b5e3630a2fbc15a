"""The time of each frame, from timestamps that may jump or lack."""

from fractions import Fraction

RESTART_SECONDS = 0.1
"""A timestamp further back than this, and than three frames, begins a new clock, as in joined recordings; time goes on
from the frame before. Smaller steps back are errors of single timestamps."""


class Clock:
    """Timestamps as seconds since the first one, never going backwards."""

    def __init__(self, time_base: Fraction, frame_rate: Fraction) -> None:
        self._time_base = time_base
        self._frame_seconds = float(1 / frame_rate)
        self._restart_seconds = max(RESTART_SECONDS, 3 * self._frame_seconds)
        self._zero: Fraction | None = None  # what the file's clock shows when ours shows 0
        self._last_seconds: float | None = None

    def seconds(self, pts: int | None) -> float:
        """Return the time of the next frame; without a timestamp, one nominal frame after the last one."""
        expected = 0.0 if self._last_seconds is None else self._last_seconds + self._frame_seconds
        seconds = expected
        if pts is not None:
            stamp = pts * self._time_base
            if self._zero is None or float(stamp - self._zero) < expected - self._frame_seconds - self._restart_seconds:
                self._zero = stamp - Fraction(expected)
            seconds = float(stamp - self._zero)
        self._last_seconds = max(seconds, self._last_seconds or 0.0)
        return self._last_seconds
