"""The flights of a path, drawn from above and from the side."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ttcli.errors import OutputError, SettingError
from ttcli.outputs import check_output, complete_file
from ttcli.results.strokes import Stroke
from ttcli.table.constants import NET_HEIGHT, NET_OVERHANG, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

SUFFIXES = (".png", ".jpg", ".jpeg")
SCALE = 220.0
"""Pixels to a metre."""
ALONG, ACROSS, UP = 3.2, 1.6, 1.6
"""Metres that are shown to both sides along the table and across it, and above it."""
PAPER, INK, TABLE, GRID = (255, 255, 255), (40, 40, 40), (200, 215, 235), (225, 225, 225)
FROM_LEFT, FROM_RIGHT = (30, 100, 200), (210, 90, 30)
"""Colours of flights towards positive y, and of others."""
LANDING = (200, 20, 120)
_BITS = 4


def check_picture(path: Path, overwrite: bool) -> None:
    """Raise TtcliError where a picture of flights could not be written."""
    if path.suffix.lower() not in SUFFIXES:
        raise SettingError("--picture", f"{path.name} has no ending of a picture", "name it .png or .jpg")
    check_output(path, overwrite)


def draw_flights(ways: Sequence[np.ndarray], strokes: Sequence[Stroke]) -> np.ndarray:
    """Return the picture (H, W, 3) uint8 RGB: the table from above, and below it from the side, with flights and landings.

    Args:
        ways: (K, 3) metres of each flight, above the table's surface.
        strokes: Their landings are drawn with the ellipses that hold them.
    """
    width, above, beside = round(2 * ALONG * SCALE), round(2 * ACROSS * SCALE), round((UP + TABLE_HEIGHT) * SCALE)
    picture = np.full((above + beside, width, 3), PAPER, np.uint8)
    top, side = picture[:above], picture[above:]
    _tables(top, side)
    for way in ways:
        colour = FROM_LEFT if way[-1, 1] > way[0, 1] else FROM_RIGHT
        _line(top, way[:, 1] + ALONG, way[:, 0] + ACROSS, colour)
        _line(side, way[:, 1] + ALONG, UP - way[:, 2], colour)
    for stroke in strokes:
        if (bounce := stroke.bounce) is not None:
            axes = max(bounce.major * SCALE, 1.0), max(bounce.minor * SCALE, 1.0)
            middle = _point(bounce.y + ALONG, bounce.x + ACROSS)
            sizes = round(axes[0] * 2**_BITS), round(axes[1] * 2**_BITS)
            cv2.ellipse(top, middle, sizes, 90 - bounce.angle, 0, 360, LANDING, 2, cv2.LINE_AA, _BITS)
    cv2.putText(top, "from above", (12, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, INK, 1, cv2.LINE_AA)
    cv2.putText(side, "from the side", (12, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, INK, 1, cv2.LINE_AA)
    return picture


def write_picture(path: Path, picture: np.ndarray, overwrite: bool) -> None:
    """Write a picture, complete or not at all.

    Raises:
        OutputError: It exists and `overwrite` is false, or cannot be written.
    """
    made, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not made:
        raise OutputError(path, "cannot be encoded", "name it .png")
    with complete_file(path, overwrite) as temporary:
        temporary.write_bytes(data.tobytes())


def _tables(top: np.ndarray, side: np.ndarray) -> None:
    """Draw the table, the net and lines half a metre apart into both views, in place."""
    for metres in np.arange(-ALONG, ALONG + 0.01, 0.5):
        x = round((metres + ALONG) * SCALE)
        for view in (top, side):
            cv2.line(view, (x, 0), (x, view.shape[0]), GRID, 1)
    half, beyond = TABLE_LENGTH / 2, TABLE_WIDTH / 2 + NET_OVERHANG
    _box(top, (-half + ALONG, -TABLE_WIDTH / 2 + ACROSS), (half + ALONG, TABLE_WIDTH / 2 + ACROSS), TABLE)
    _line(top, np.array([ALONG, ALONG]), np.array([ACROSS - beyond, ACROSS + beyond]), INK)
    _box(side, (-half + ALONG, UP), (half + ALONG, UP + 0.03), INK)
    _line(side, np.array([ALONG, ALONG]), np.array([UP, UP - NET_HEIGHT]), INK)
    _line(side, np.array([0, 2 * ALONG]), np.array([UP + TABLE_HEIGHT - 0.005] * 2), INK)


def _box(view: np.ndarray, one: tuple[float, float], other: tuple[float, float], colour: tuple[int, int, int]) -> None:
    cv2.rectangle(view, _point(*one), _point(*other), colour, cv2.FILLED, cv2.LINE_AA, _BITS)


def _line(view: np.ndarray, x: np.ndarray, y: np.ndarray, colour: tuple[int, int, int]) -> None:
    points = np.round(np.stack([x, y], 1) * SCALE * 2**_BITS).astype(np.int32)[:, None]
    cv2.polylines(view, [points], False, colour, 2, cv2.LINE_AA, _BITS)


def _point(x: float, y: float) -> tuple[int, int]:
    return round(x * SCALE * 2**_BITS), round(y * SCALE * 2**_BITS)
