"""The ball's marker and trail, events, text and insets, drawn on pictures."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.table.constants import TABLE_LENGTH, TABLE_WIDTH

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
LEAST_TRAIL = 0.4
"""Share of that at a confidence of 0.5 and below."""
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
TOUCH: Colour = (255, 90, 60)
"""The flash where the ball touches the net: red."""
MAP_SHARE, MAP_ROOM = 0.35, 0.25
"""Size of the map: the table's length as a part of the picture's shorter side, and metres shown around it."""
MAP_TABLE: Colour = (30, 70, 140)
MAP_FADES, MAP_FAINTEST = 8, 0.35
"""After how many further bounces one is faint, and how faint."""
MARK_SECONDS = {"bounce": BOUNCE_SECONDS, "net": FLASH_SECONDS, "net_touch": FLASH_SECONDS}
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
    confidence: float = 1.0
    filled: bool = False
    """Whether it was not seen there, but placed."""


class Streak(NamedTuple):
    """The ends of what a fast ball leaves on a picture, in pixels of the overlay."""

    start_x: float
    start_y: float
    end_x: float
    end_y: float


def format_clock(seconds: float) -> str:
    """Return seconds as h:mm:ss.mmm."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def draw_trail(picture: np.ndarray, trail: Iterable[TrailPoint], now_seconds: float, trail_seconds: float) -> None:
    """Draw lines between places of neighbouring frames, in place, fainter with age and with doubt; over a gap there is none."""
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
        begin, end = (_fixed_point(place.x - left, place.y - top) for place in (start, point))
        sure = LEAST_TRAIL + (1 - LEAST_TRAIL) * min(1.0, max(0.0, 2 * point.confidence - 1))
        value = round(255 * TRAIL_STRENGTH * (1 - age) * sure)
        cv2.line(strength, begin, end, value, thickness, cv2.LINE_AA, FRACTION_BITS)
    newest = points[-1]
    if newest.time_seconds == now_seconds:  # the ball itself stays free, inside of the marker
        centre = _fixed_point(newest.x - left, newest.y - top)
        cv2.circle(strength, centre, _marker_radius(picture, 0.0), 0, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)
    _blend(picture[top:bottom, left:right], TRAIL, strength)


def draw_marker(
    picture: np.ndarray, x: float, y: float, confidence: float | None, filled: bool, streak: Streak | None = None
) -> None:
    """Draw a ring around the ball, or around its whole streak, in place.

    Larger and greener the surer, gray where the place was filled in.
    """
    sure = 1.0 if confidence is None else confidence
    mixed = tuple(round(low + (high - low) * sure) for low, high in zip(DOUBTFUL, CERTAIN, strict=True))
    thickness = _thickness(picture, 1 / 360)
    centre = _fixed_point(x, y)
    radius = _marker_radius(picture, sure)
    colour = FILLED if filled else mixed
    if streak is None:
        cv2.circle(picture, centre, radius, BLACK, thickness + 2, cv2.LINE_AA, FRACTION_BITS)
        cv2.circle(picture, centre, radius, colour, thickness, cv2.LINE_AA, FRACTION_BITS)
        return
    outline = [_capsule(streak, radius / 2**FRACTION_BITS)]
    cv2.polylines(picture, outline, True, BLACK, thickness + 2, cv2.LINE_AA, FRACTION_BITS)
    cv2.polylines(picture, outline, True, colour, thickness, cv2.LINE_AA, FRACTION_BITS)


def draw_inset(picture: np.ndarray, closer: np.ndarray, left: int, top: int) -> None:
    """Put a closer look (h, w, 3), with a frame around it, at a place of a picture, in place."""
    height, width = closer.shape[:2]
    edge = _thickness(picture, 1 / 360)
    picture[top - edge : top + height + edge, left - edge : left + width + edge] = WHITE
    picture[top : top + height, left : left + width] = closer


class MapCorner(NamedTuple):
    """Where on a picture the map of the table is, pixels."""

    left: int
    top: int
    width: int
    height: int
    edge: int
    """From the map's border to the table's."""
    scale: float
    """Pixels to a metre."""


def map_corner(picture: np.ndarray) -> MapCorner | None:
    """Return where the map is on a picture (H, W, 3); None where there is no room for it."""
    height, width = picture.shape[:2]
    scale = min(height, width) * MAP_SHARE / TABLE_LENGTH
    margin, edge = max(2, round(min(height, width) / 45)), round(MAP_ROOM * scale)
    size = round(TABLE_LENGTH * scale) + 2 * edge, round(TABLE_WIDTH * scale) + 2 * edge
    left, top = width - size[0] - margin, margin
    return None if left < 0 or top + size[1] > height else MapCorner(left, top, *size, edge, scale)


def draw_table_map(picture: np.ndarray, bounces: Sequence[tuple[float, float]]) -> None:
    """Draw the table from above into the upper right corner, in place, with bounces on it: the newest brightest.

    Args:
        picture: (H, W, 3) uint8.
        bounces: Metres along the table and across it from its middle, the oldest first; shown are those on the map.
    """
    corner_of_map = map_corner(picture)
    if corner_of_map is None:
        return
    left, top, *size, edge, scale = corner_of_map
    box = picture[top : top + size[1], left : left + size[0]]
    box //= 2
    line = _thickness(picture, 1 / 720)
    corner, other = (edge, edge), (size[0] - edge, size[1] - edge)
    cv2.rectangle(box, corner, other, MAP_TABLE, cv2.FILLED)
    cv2.rectangle(box, corner, other, WHITE, line, cv2.LINE_AA)
    middle = size[0] // 2
    cv2.line(box, (middle, edge // 2), (middle, size[1] - edge // 2), WHITE, 2 * line, cv2.LINE_AA)
    radius = max(2.0, 0.05 * scale)

    def dot(strength: np.ndarray, centre: tuple[int, int]) -> None:
        cv2.circle(strength, centre, round(radius * 2**FRACTION_BITS), 255, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)

    for age, (along, across) in enumerate(reversed(bounces)):
        x, y = size[0] / 2 + along * scale, size[1] / 2 + across * scale
        if not (radius < x < size[0] - radius and radius < y < size[1] - radius):
            continue
        _draw_fading(box, x, y, radius, BOUNCE, max(MAP_FAINTEST, 1 - age / MAP_FADES), dot)


def draw_bounce(picture: np.ndarray, x: float, y: float, age: float) -> None:
    """Draw a flat ring with a dot in it, as if it lay on the table, in place; `age` is 0 at first, 1 at the end."""
    radius = max(5.0, min(picture.shape[:2]) * 0.018)
    axes = (round(radius * 2**FRACTION_BITS), round(0.5 * radius * 2**FRACTION_BITS))

    def draw(strength: np.ndarray, centre: tuple[int, int]) -> None:
        cv2.ellipse(strength, centre, axes, 0, 0, 360, 255, _thickness(picture, 1 / 240), cv2.LINE_AA, FRACTION_BITS)
        cv2.circle(strength, centre, axes[1] // 2, 255, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)

    _draw_fading(picture, x, y, radius, BOUNCE, 1 - age, draw)


def draw_flash(picture: np.ndarray, x: float, y: float, age: float, colour: Colour = FLASH) -> None:
    """Draw a ring that grows and fades, in place; `age` is 0 at first, 1 at the end."""
    radius = max(6.0, min(picture.shape[:2]) * (0.02 + 0.05 * age))

    def draw(strength: np.ndarray, centre: tuple[int, int]) -> None:
        size = round(radius * 2**FRACTION_BITS)
        cv2.circle(strength, centre, size, 255, _thickness(picture, 1 / 120), cv2.LINE_AA, FRACTION_BITS)

    _draw_fading(picture, x, y, radius, colour, 1 - age, draw)


def draw_touch(picture: np.ndarray, x: float, y: float, age: float) -> None:
    """Draw the flash of a touch of the net, in place."""
    draw_flash(picture, x, y, age, TOUCH)


DRAW_EVENT = {"bounce": draw_bounce, "net": draw_flash, "net_touch": draw_touch}
"""How each event of MARK_SECONDS is drawn."""


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


def draw_label(picture: np.ndarray, x: float, y: float, text: str, share: float) -> None:
    """Draw white text with a black edge above a place, within the picture, in place; `share` from 0 to 1 is how strong."""
    height, width = picture.shape[:2]
    edge = _thickness(picture, 1 / 360)
    scale = min(height, width) / 32 / FONT_PIXELS
    thickness = max(1, round(2 * scale))
    (text_width, text_height), below = cv2.getTextSize(text, FONT, scale, thickness)
    size = text_width + 2 * edge, text_height + below + 2 * edge
    left = round(min(max(0.0, x - size[0] / 2), width - size[0]))
    top = round(min(max(0.0, y - 2.2 * size[1]), height - size[1]))
    if left < 0 or top < 0:
        return
    letters = np.zeros((size[1], size[0]), np.uint8)
    cv2.putText(letters, text, (edge, edge + text_height), FONT, scale, round(255 * share), thickness, cv2.LINE_AA)
    around = cv2.dilate(letters, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1, 2 * edge + 1)))
    box = picture[top : top + size[1], left : left + size[0]]
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
    picture[rows, columns] = picture[rows, columns] * (1 - weight) + np.array(colour, np.float32) * weight + 0.5


def _thickness(picture: np.ndarray, share: float) -> int:
    return max(1, round(min(picture.shape[:2]) * share))


def _marker_radius(picture: np.ndarray, confidence: float) -> int:
    """Return the marker's radius as OpenCV's fixed-point number: at 1080p 11 to 19 pixels."""
    return round(max(4.0, min(picture.shape[:2]) * (0.010 + 0.008 * confidence)) * 2**FRACTION_BITS)


def _capsule(streak: Streak, radius: float) -> np.ndarray:
    """Return the outline around a streak, (N, 1, 2) of OpenCV's fixed-point numbers: two half circles and what joins them."""
    angle = np.arctan2(streak.end_y - streak.start_y, streak.end_x - streak.start_x)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 13)
    ends = [(streak.end_x, streak.end_y, angle + turn), (streak.start_x, streak.start_y, angle + np.pi + turn)]
    points = [np.stack([x + radius * np.cos(at), y + radius * np.sin(at)], 1) for x, y, at in ends]
    return np.round(np.concatenate(points) * 2**FRACTION_BITS).astype(np.int32)[:, None]


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
