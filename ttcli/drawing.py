"""The ball's marker and trail, events, the frame number and the clock, drawn on pictures."""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.events import Event
from ttcli.trajectory import BallPosition, Status
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import Frame

Colour = tuple[int, int, int]
"""Red, green, blue: OpenCV draws numbers into channels and does not ask what they mean."""

DOUBTFUL: Colour = (255, 140, 0)
"""The marker at confidence 0: orange."""
CERTAIN: Colour = (0, 255, 160)
"""The marker at confidence 1: green."""
FILLED: Colour = (230, 230, 230)
"""The marker of a position placed between two seen ones: light gray."""
TRAIL: Colour = (255, 230, 0)
"""Yellow, which neither tables nor floors have."""
TRAIL_STRENGTH = 0.85
"""How much of the picture the newest piece of the trail hides."""
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

BOUNCE: Colour = (255, 60, 160)
"""The mark of a bounce: pink, which lies on no table."""
BOUNCE_SECONDS = 1.0
"""How long it stays, fainter with age."""
FLASH: Colour = (90, 230, 255)
"""The flash where the ball passes the net: light blue."""
FLASH_SECONDS = 0.35
"""How long it lasts, larger and fainter with age."""
MARK_SECONDS = {"bounce": BOUNCE_SECONDS, "net": FLASH_SECONDS}
"""Events that are drawn."""

FRACTION_BITS = 4
"""OpenCV draws at sixteenths of a pixel."""
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_PIXELS = 22
"""Height of a capital of FONT at scale 1."""


class TrailPoint(NamedTuple):
    """One place where the ball was, in pixels of the overlay."""

    frame_index: int
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
    """

    def __init__(
        self, info: VideoInfo, height: int, width: int, trail_seconds: float, events: Iterable[Event] = ()
    ) -> None:
        self.scale_x = width / info.width
        self.scale_y = height / info.height
        self.trail_seconds = trail_seconds
        self.trail: deque[TrailPoint] = deque()
        self.frame_seconds = 1 / float(info.frame_rate)
        self._coming = deque(event for event in events if event.event in MARK_SECONDS and event.x is not None)
        self._shown: list[tuple[Event, float]] = []
        self._last_picture = np.zeros((height, width, 3), np.uint8)

    def draw(self, frame: Frame, position: BallPosition | None) -> np.ndarray:
        """Return the frame's picture, (H, W, 3) uint8 RGB, with everything drawn on it.

        A broken frame shows the picture before it, and says so.
        """
        if frame.picture is not None:
            self._last_picture = frame.picture
        picture = self._last_picture.copy()
        while self.trail and self.trail[0].time_seconds <= frame.time_seconds - self.trail_seconds:
            self.trail.popleft()
        seen = position is not None and position.status.has_position
        if seen:
            x = (position.x + 0.5) * self.scale_x - 0.5
            y = (position.y + 0.5) * self.scale_y - 0.5
            self.trail.append(TrailPoint(frame.frame_index, frame.time_seconds, x, y))
        self._draw_events(picture, frame)
        draw_trail(picture, self.trail, frame.time_seconds, self.trail_seconds)
        if seen:
            draw_marker(picture, x, y, position.confidence, filled=position.status is Status.FILLED)
        text = f"frame {frame.frame_index}  {format_clock(frame.time_seconds)}"
        draw_text(picture, text if frame.picture is not None else f"{text}  broken")
        return picture

    def _draw_events(self, picture: np.ndarray, frame: Frame) -> None:
        """Draw what has happened by the middle of the way to the next frame and is not over."""
        while self._coming and self._coming[0].frame < frame.frame_index + 0.5:
            event = self._coming.popleft()
            late = (frame.frame_index - event.frame) * self.frame_seconds
            self._shown.append((event, frame.time_seconds - late))
        self._shown = [(event, at) for event, at in self._shown if frame.time_seconds - at < MARK_SECONDS[event.event]]
        for event, at in self._shown:
            x = (event.x + 0.5) * self.scale_x - 0.5
            y = (event.y + 0.5) * self.scale_y - 0.5
            age = max(0.0, frame.time_seconds - at) / MARK_SECONDS[event.event]
            (draw_bounce if event.event == "bounce" else draw_flash)(picture, x, y, age)


def format_clock(seconds: float) -> str:
    """Return seconds as h:mm:ss.mmm."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def draw_trail(picture: np.ndarray, trail: Iterable[TrailPoint], now_seconds: float, trail_seconds: float) -> None:
    """Draw lines between places of neighbouring frames, fainter with age, in place; over a gap there is no line."""
    points = [point for point in trail if now_seconds - point.time_seconds < trail_seconds]
    if not points:
        return
    thickness = _thickness(picture, 1 / 180)
    left, top, right, bottom = _box_around(points, thickness + 2, picture)
    if left >= right or top >= bottom:
        return
    strength = np.zeros((bottom - top, right - left), np.uint8)
    for before, point in pairwise([points[0], *points]):
        start = before if before.frame_index == point.frame_index - 1 else point  # a dot where the ball reappears
        age = (now_seconds - point.time_seconds) / trail_seconds
        ends = [_fixed_point(end.x - left, end.y - top) for end in (start, point)]
        value = round(255 * TRAIL_STRENGTH * (1 - age))
        cv2.line(strength, *ends, value, thickness, cv2.LINE_AA, FRACTION_BITS)
    newest = points[-1]
    if newest.time_seconds == now_seconds:  # the ball itself stays free, inside of the marker
        centre = _fixed_point(newest.x - left, newest.y - top)
        cv2.circle(strength, centre, _marker_radius(picture, 0.0), 0, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)
    _blend(picture[top:bottom, left:right], TRAIL, strength)


def draw_marker(picture: np.ndarray, x: float, y: float, confidence: float | None, filled: bool) -> None:
    """Draw a ring around the ball, in place: larger and greener the surer, gray where the place was filled in."""
    sure = 1.0 if confidence is None else confidence
    mixed = tuple(round(low + (high - low) * sure) for low, high in zip(DOUBTFUL, CERTAIN, strict=True))
    thickness = _thickness(picture, 1 / 360)
    centre = _fixed_point(x, y)
    radius = _marker_radius(picture, sure)
    cv2.circle(picture, centre, radius, BLACK, thickness + 2, cv2.LINE_AA, FRACTION_BITS)
    cv2.circle(picture, centre, radius, FILLED if filled else mixed, thickness, cv2.LINE_AA, FRACTION_BITS)


def draw_bounce(picture: np.ndarray, x: float, y: float, age: float) -> None:
    """Draw a flat ring with a dot in it, as if it lay on the table, in place; `age` is 0 at first, 1 at the end."""
    radius = max(5.0, min(picture.shape[:2]) * 0.018)
    axes = (round(radius * 2**FRACTION_BITS), round(0.5 * radius * 2**FRACTION_BITS))

    def draw(strength: np.ndarray, centre: tuple[int, int]) -> None:
        cv2.ellipse(strength, centre, axes, 0, 0, 360, 255, _thickness(picture, 1 / 240), cv2.LINE_AA, FRACTION_BITS)
        cv2.circle(strength, centre, axes[1] // 2, 255, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)

    _draw_fading(picture, x, y, radius, BOUNCE, 1 - age, draw)


def draw_flash(picture: np.ndarray, x: float, y: float, age: float) -> None:
    """Draw a ring that grows and fades, in place; `age` is 0 at first, 1 at the end."""
    radius = max(6.0, min(picture.shape[:2]) * (0.02 + 0.05 * age))

    def draw(strength: np.ndarray, centre: tuple[int, int]) -> None:
        size = round(radius * 2**FRACTION_BITS)
        cv2.circle(strength, centre, size, 255, _thickness(picture, 1 / 120), cv2.LINE_AA, FRACTION_BITS)

    _draw_fading(picture, x, y, radius, FLASH, 1 - age, draw)


def draw_text(picture: np.ndarray, text: str) -> None:
    """Draw white text with a black edge into the upper left corner, in place."""
    height, width = picture.shape[:2]
    margin = max(2, round(min(height, width) / 45))
    edge = _thickness(picture, 1 / 360)
    scale = min(height, width) / 30 / FONT_PIXELS
    (text_width, _), _ = cv2.getTextSize(text, FONT, scale, 1)
    scale *= min(1.0, (width - 2 * margin) / text_width)
    thickness = max(1, round(2 * scale))
    (text_width, text_height), below = cv2.getTextSize(text, FONT, scale, thickness)
    box = picture[: text_height + below + 2 * margin, : text_width + 2 * margin]
    # The edge is grown from the letters: OpenCV 5 makes thick letters wider, so two writings would not match.
    letters = np.zeros(box.shape[:2], np.uint8)
    cv2.putText(letters, text, (margin, margin + text_height), FONT, scale, 255, thickness, cv2.LINE_AA)
    around = cv2.dilate(letters, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1, 2 * edge + 1)))
    _blend(box, BLACK, around)
    _blend(box, WHITE, letters)


def _draw_fading(
    picture: np.ndarray,
    x: float,
    y: float,
    radius: float,
    colour: Colour,
    share: float,
    draw: Callable[[np.ndarray, tuple[int, int]], None],
) -> None:
    """Blend what `draw` puts into a box around a place, given its middle there, into the picture."""
    point = TrailPoint(0, 0.0, x, y)
    left, top, right, bottom = _box_around([point], round(radius) + _thickness(picture, 1 / 60) + 2, picture)
    if left >= right or top >= bottom:
        return
    strength = np.zeros((bottom - top, right - left), np.uint8)
    draw(strength, _fixed_point(x - left, y - top))
    _blend(picture[top:bottom, left:right], colour, (strength * np.float32(share)).astype(np.uint8))


def _blend(picture: np.ndarray, colour: Colour, strength: np.ndarray) -> None:
    """Mix a colour into a picture, in place, by a strength of 0 to 255 for each pixel."""
    rows, columns = np.nonzero(strength)  # thin lines: far fewer pixels than the picture
    weight = strength[rows, columns, None] / np.float32(255)
    picture[rows, columns] = picture[rows, columns] * (1 - weight) + np.float32(colour) * weight + 0.5


def _thickness(picture: np.ndarray, share: float) -> int:
    return max(1, round(min(picture.shape[:2]) * share))


def _marker_radius(picture: np.ndarray, confidence: float) -> int:
    """Return the marker's radius as OpenCV's fixed-point number: at 1080p 11 to 19 pixels."""
    return round(max(4.0, min(picture.shape[:2]) * (0.010 + 0.008 * confidence)) * 2**FRACTION_BITS)


def _fixed_point(x: float, y: float) -> tuple[int, int]:
    """Return a place as OpenCV's fixed-point numbers."""
    return round(x * 2**FRACTION_BITS), round(y * 2**FRACTION_BITS)


def _box_around(points: list[TrailPoint], margin: int, picture: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom (the last two exclusive) around the points, cut to the picture."""
    height, width = picture.shape[:2]
    columns, rows = [point.x for point in points], [point.y for point in points]
    left, right = max(0, int(min(columns)) - margin), min(width, int(max(columns)) + margin + 2)
    top, bottom = max(0, int(min(rows)) - margin), min(height, int(max(rows)) + margin + 2)
    return left, top, right, bottom
