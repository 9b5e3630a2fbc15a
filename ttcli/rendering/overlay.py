"""What is drawn on each frame of a video: the ball, where it has been, its events, a closer look, and the clock."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.rendering.drawing import (
    DRAW_EVENT,
    MARK_SECONDS,
    Streak,
    TrailPoint,
    draw_inset,
    draw_marker,
    draw_table_map,
    draw_text,
    draw_trail,
    format_clock,
)  # fmt: skip
from ttcli.rendering.strokes import StrokeMarks
from ttcli.results.events import Event
from ttcli.results.strokes import Stroke
from ttcli.results.trajectory import BallPosition, Status
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import Frame

INSET_SHARE = 0.3
"""Side of the inset, as a part of the picture's shorter side."""
LEAST_INSET = 4
"""Side of the inset, below which there is none."""
INSET_CALM_SECONDS = 0.12
"""Time constant with which the inset follows the ball: a jumping picture cannot be looked at."""
INSET_REACH = 0.2
"""How far from the inset's middle a ball may be meanwhile, as a part of its side."""
INSET_STAYS_SECONDS = 0.6
"""How long it stays where the ball was last seen."""
SPEED_SPAN_SECONDS = 0.1
"""Seconds over which the speed is taken."""
LONGEST_STEP_SECONDS = 0.15
"""Over a longer gap there is no speed, and no direction of a streak."""
MAP_BOUNCES = 40
"""The last ones, that the map shows."""
MOST_MARKS = 60
"""The latest ones, that are drawn at a time: twice as many as balls can bounce and pass the net in a second."""
STREAK_CONTRAST = 12.0
"""Gray levels that a streak differs from the picture before, at the least."""
STREAK_POINTS = 65
"""Places along the way at which a streak is looked for."""


class _Mark(NamedTuple):
    """An event that is shown, in pixels of the overlay."""

    event: str
    time_seconds: float
    x: float
    y: float


class Overlay:
    """Draws on one picture after another, and remembers where the ball has been.

    Sizes go by the picture's shorter side, so that all can be read at 360p and at 4K, upright or wide.

    Args:
        info: The video that positions refer to.
        height: Rows of the pictures to draw on.
        width: Columns of the pictures to draw on.
        trail_seconds: How long a place stays in the trail.
        events: What to mark, in order of frames.
        zoom: How many times an inset shows the surroundings of the ball larger; None for no inset.
        speed: Whether to show the ball's speed, in pixels of the video a second.
        table_map: Whether a map of the table shows where the ball bounced, as far as the events tell.
        strokes: Events to show, in order of time.
    """

    def __init__(
        self,
        info: VideoInfo,
        height: int,
        width: int,
        trail_seconds: float,
        events: Iterable[Event] = (),
        zoom: float | None = None,
        speed: bool = False,
        table_map: bool = False,
        strokes: Iterable[Stroke] = (),
    ) -> None:
        self.scale_x = width / info.width
        self.scale_y = height / info.height
        self.trail_seconds = trail_seconds
        self.trail: deque[TrailPoint] = deque()
        self.frame_seconds = 1 / float(info.frame_rate)
        drawn = (event for event in events if event.event in MARK_SECONDS)
        self._coming = deque((event, place) for event in drawn if (place := event.place) is not None)
        self._shown: list[_Mark] = []
        self._last_picture = np.zeros((height, width, 3), np.uint8)
        self._inset = None if zoom is None else Inset(height, width, zoom)
        self._speed = speed
        self._map: list[tuple[float, float]] | None = [] if table_map else None
        self._strokes = StrokeMarks(strokes, table_map)

    def draw(self, frame: Frame, position: BallPosition | None) -> np.ndarray:
        """Return the frame's picture, (H, W, 3) uint8 RGB, with everything drawn on it.

        A broken frame shows the picture before it, and says so.
        """
        before = self._last_picture
        if frame.picture is not None:
            self._last_picture = frame.picture
        picture = self._last_picture.copy()
        keep = max(self.trail_seconds, SPEED_SPAN_SECONDS, LONGEST_STEP_SECONDS)
        while self.trail and self.trail[0].time_seconds <= frame.time_seconds - keep:
            self.trail.popleft()
        ball = None if position is None else self._point(frame, position)
        if ball is not None:
            self.trail.append(ball)
        self._draw_events(picture, frame)
        draw_trail(picture, self.trail, frame.time_seconds, self.trail_seconds)
        if ball is not None:
            streak = find_streak(before, self._last_picture, self.trail)
            draw_marker(picture, ball.x, ball.y, ball.confidence, ball.filled, streak)
        if self._inset is not None:
            last = self.trail[-1] if self.trail else None
            self._inset.draw(picture, self._last_picture, last, frame.time_seconds)
        if self._map is not None:
            draw_table_map(picture, self._map)
        self._strokes.draw(picture, frame.time_seconds, None if ball is None else (ball.x, ball.y))
        draw_text(picture, self._text(frame))
        return picture

    def _point(self, frame: Frame, position: BallPosition) -> TrailPoint | None:
        """Return the ball's place in a frame; None where it has none."""
        if position.place is None:
            return None
        sure = 1.0 if position.confidence is None else position.confidence
        filled = position.status is Status.FILLED
        return TrailPoint(frame.frame_index, frame.time_seconds, *self._scaled(position.place), sure, filled)

    def _scaled(self, place: tuple[float, float]) -> tuple[float, float]:
        """Return a place of the video in pixels of the overlay."""
        return (place[0] + 0.5) * self.scale_x - 0.5, (place[1] + 0.5) * self.scale_y - 0.5

    def _text(self, frame: Frame) -> str:
        text = f"frame {frame.frame_index}  {format_clock(frame.time_seconds)}"
        if self._speed and (speed := self._speed_at(frame.time_seconds)) is not None:
            text += f"  {speed:.0f} px/s"
        return text if frame.picture is not None else f"{text}  broken"

    def _speed_at(self, now: float) -> float | None:
        """Return how fast the ball moves, in pixels of the video a second; None where it is not seen or was not just before."""
        points = [point for point in self.trail if now - point.time_seconds <= SPEED_SPAN_SECONDS + 1e-6]
        if len(points) < 2 or points[-1].time_seconds != now:
            points = list(self.trail)[-2:]  # at low frame rates the one before, however far
        if len(points) < 2 or points[-1].time_seconds != now:
            return None
        seconds = points[-1].time_seconds - points[0].time_seconds
        if not 0 < seconds <= LONGEST_STEP_SECONDS:
            return None
        steps = np.diff([(point.x / self.scale_x, point.y / self.scale_y) for point in points], axis=0)
        return float(np.linalg.norm(steps, axis=1).sum() / seconds)

    def _draw_events(self, picture: np.ndarray, frame: Frame) -> None:
        """Draw what has happened by the middle of the way to the next frame and is not over."""
        while self._coming and self._coming[0][0].frame < frame.frame_index + 0.5:
            event, place = self._coming.popleft()
            if self._map is not None and event.table_x is not None and event.table_y is not None:
                self._map = [*self._map[1 - MAP_BOUNCES :], (event.table_y, event.table_x)]
            late = (frame.frame_index - event.frame) * self.frame_seconds
            self._shown.append(_Mark(event.event, frame.time_seconds - late, *self._scaled(place)))
        shown = [mark for mark in self._shown if frame.time_seconds - mark.time_seconds < MARK_SECONDS[mark.event]]
        self._shown = shown[-MOST_MARKS:]
        for mark in self._shown:
            age = max(0.0, frame.time_seconds - mark.time_seconds) / MARK_SECONDS[mark.event]
            DRAW_EVENT[mark.event](picture, mark.x, mark.y, age)


class Inset:
    """A closer look at the ball, in a corner that the ball is not in.

    Args:
        height: Rows of the picture.
        width: Columns of the picture.
        zoom: How many times larger.
    """

    def __init__(self, height: int, width: int, zoom: float) -> None:
        self._height, self._width = height, width
        margin = _margin(height, width)
        most = min(height, width) - 2 * margin
        self._side = min(max(16, round(INSET_SHARE * min(height, width))), most)
        self._zoom = zoom
        self._centre: np.ndarray | None = None
        self._time = 0.0
        self._right = True

    def draw(self, picture: np.ndarray, clean: np.ndarray, ball: TrailPoint | None, now: float) -> None:
        """Draw it into a picture, in place, of what `clean`, the same picture without marks, shows.

        Args:
            picture: (H, W, 3) uint8.
            clean: The same size.
            ball: Where the ball was last seen.
            now: The picture's time in seconds.
        """
        if self._side < LEAST_INSET:
            return
        if ball is None or now - ball.time_seconds > INSET_STAYS_SECONDS:
            self._centre = None
            return
        place = np.array([ball.x, ball.y])
        if self._centre is None:
            self._centre = place
        else:
            away = place - self._centre
            calm = away * np.exp(-(now - self._time) / INSET_CALM_SECONDS)
            most = INSET_REACH * self._side / self._zoom
            self._centre = place - calm.clip(-most, most)
        self._time = now
        corner = self._corner(place)
        matrix = np.array([[1 / self._zoom, 0, 0], [0, 1 / self._zoom, 0]])
        matrix[:, 2] = self._centre - (self._side - 1) / 2 / self._zoom
        closer = cv2.warpAffine(clean, matrix, (self._side, self._side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        draw_inset(picture, closer, *corner)

    def _corner(self, ball: np.ndarray) -> tuple[int, int]:
        """Return left and top of the inset: to the right below, or to the left while the ball is near there."""
        margin = _margin(self._height, self._width)
        near = self._side + 4 * margin
        if ball[1] > self._height - near:
            if self._right and ball[0] > self._width - near:
                self._right = False
            elif not self._right and ball[0] < near:
                self._right = True
        left = self._width - self._side - margin if self._right else margin
        return left, self._height - self._side - margin


def _margin(height: int, width: int) -> int:
    """Return how far an inset is from the picture's edges."""
    return max(2, round(min(height, width) / 45))


def find_streak(before: np.ndarray, picture: np.ndarray, trail: "deque[TrailPoint]") -> Streak | None:
    """Return the streak that the ball leaves on a picture, looked for along its way; None where there is none to be seen.

    Along the line through the ball's last two places it is how far the picture differs from the one before by half of what
    it does at the ball. The picture decides: nobody knows the shutter.

    Args:
        before: The picture before, (H, W, 3) uint8.
        picture: The picture.
        trail: Where the ball was, up to this picture.
    """
    if len(trail) < 2:
        return None
    last, ball = trail[-2], trail[-1]
    step = np.array([ball.x - last.x, ball.y - last.y])
    length = float(np.linalg.norm(step))
    if last.frame_index != ball.frame_index - 1 or length < 6 or ball.time_seconds - last.time_seconds > LONGEST_STEP_SECONDS:
        return None
    along = np.linspace(-0.6, 0.6, STREAK_POINTS)
    places = (np.array([ball.x, ball.y]) + along[:, None] * step).astype(np.float32)
    gray = [
        cv2.remap(each, places[:, None, 0], places[:, None, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for each in (before, picture)
    ]
    change = np.abs(gray[1].astype(float) - gray[0])[:, 0].max(axis=1)
    middle = STREAK_POINTS // 2
    level = max(STREAK_CONTRAST, 0.5 * float(change[middle - 2 : middle + 3].max()))
    inside = change >= level
    if not inside[middle]:
        return None
    first = middle - int(np.argmin(np.append(inside[middle::-1], False))) + 1
    last_inside = middle + int(np.argmin(np.append(inside[middle:], False))) - 1
    start, end = places[first], places[last_inside]
    return Streak(float(start[0]), float(start[1]), float(end[0]), float(end[1]))
