"""Strokes on the overlay: the speed with its interval where the ball is struck, and ellipses of landing on the map."""

from collections import deque
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from ttcli.rendering.drawing import FRACTION_BITS, MAP_FADES, MAP_FAINTEST, TRAIL, draw_label, map_corner
from ttcli.results.strokes import Ellipse, Stroke

LABEL_SECONDS = 1.2
"""How long a speed stays."""
MOST_LANDINGS = 40
"""The last ones, that the map shows."""
AROUND_SECONDS = 0.3
"""From a stroke to the first sighting after it, at which the speed is written."""


class StrokeMarks:
    """Draws strokes on one picture after another.

    Args:
        strokes: In order of time.
        on_map: Whether the map of the table is shown, and landings on it.
    """

    def __init__(self, strokes: Iterable[Stroke], on_map: bool) -> None:
        self._coming = deque(stroke for stroke in strokes if stroke.speed is not None)
        self._landing = deque(
            sorted((stroke.bounce for stroke in self._coming if stroke.bounce), key=lambda each: each.seconds)
        )
        self._landed: list[Ellipse] = []
        self._on_map = on_map
        self._shown: tuple[Stroke, tuple[float, float]] | None = None

    def draw(self, picture: np.ndarray, now: float, ball: tuple[float, float] | None) -> None:
        """Draw what there is at a time, in place.

        Args:
            picture: (H, W, 3) uint8.
            now: Seconds of the video.
            ball: Where the ball is on this picture; None where it is not seen.
        """
        while self._coming and self._coming[0].time_seconds <= now:
            stroke = self._coming[0]
            if ball is None and now - stroke.time_seconds < AROUND_SECONDS:
                break  # it is written where the ball appears
            self._coming.popleft()
            if ball is not None:
                self._shown = stroke, ball
        if self._shown is not None:
            stroke, place = self._shown
            age = (now - stroke.time_seconds) / LABEL_SECONDS
            if age < 1:
                draw_label(picture, *place, speed_text(stroke), 1 - max(0.0, 2 * age - 1))
        while self._landing and self._landing[0].seconds <= now:
            self._landed = [*self._landed[1 - MOST_LANDINGS :], self._landing.popleft()]
        if self._on_map:
            draw_landings(picture, self._landed)


def speed_text(stroke: Stroke) -> str:
    """Return the speed of a stroke with its interval: 54 km/h (50 to 58)."""
    if stroke.speed is None:
        return ""
    return f"{stroke.speed.value:.0f} km/h ({stroke.speed.low:.0f} to {stroke.speed.high:.0f})"


def draw_landings(picture: np.ndarray, landings: Sequence[Ellipse]) -> None:
    """Draw ellipses of landing onto the map in the upper right corner, in place: the newest brightest."""
    corner = map_corner(picture)
    if corner is None:
        return
    box = picture[corner.top : corner.top + corner.height, corner.left : corner.left + corner.width]
    unit = 2**FRACTION_BITS
    for age, landing in enumerate(reversed(landings)):
        strength = max(MAP_FAINTEST, 1 - age / MAP_FADES)
        x, y = corner.width / 2 + landing.y * corner.scale, corner.height / 2 + landing.x * corner.scale
        axes = round(max(1.0, landing.major * corner.scale) * unit), round(max(1.0, landing.minor * corner.scale) * unit)
        # On the map the table's length lies across: angles from its width towards its length turn the other way.
        colour = tuple(round(strength * part) for part in TRAIL)
        middle = round(x * unit), round(y * unit)
        cv2.ellipse(box, middle, axes, 90 - landing.angle, 0, 360, colour, 1, cv2.LINE_AA, FRACTION_BITS)
