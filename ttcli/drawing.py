"""The ball's marker and trail, the frame number and the clock, drawn on pictures."""

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

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
    """

    def __init__(self, info: VideoInfo, height: int, width: int, trail_seconds: float) -> None:
        self.scale_x = width / info.width
        self.scale_y = height / info.height
        self.trail_seconds = trail_seconds
        self.trail: deque[TrailPoint] = deque()
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
        draw_trail(picture, self.trail, frame.time_seconds, self.trail_seconds)
        if seen:
            draw_marker(picture, x, y, position.confidence, filled=position.status is Status.FILLED)
        text = f"frame {frame.frame_index}  {format_clock(frame.time_seconds)}"
        draw_text(picture, text if frame.picture is not None else f"{text}  broken")
        return picture


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
