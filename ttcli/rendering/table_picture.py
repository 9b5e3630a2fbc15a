"""A picture of the tables that were found or told: anyone sees at once whether they are right."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from ttcli.errors import OutputError, VideoError
from ttcli.outputs import complete_file
from ttcli.table.camera import TableCamera, outlines
from ttcli.table.fit import corner_errors
from ttcli.table.views import NoTable, TableView, corners_of
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import FrameReader

MOST_TILES, COLUMNS = 12, 3
TILE_WIDTH, ALONE_WIDTH = 640, 1280
"""Pixels of a tile's longer side, and of the only one's."""
HEADING = 22
SUFFIXES = (".jpg", ".jpeg", ".png")
JPEG_QUALITY = 92
LINES = {"side": (255, 60, 60), "end": (255, 60, 60), "centre": (80, 255, 255), "net": (255, 230, 0)}
"""Colours: the border red, the line along the middle light blue, the net yellow."""
CORNER = (255, 60, 255)
WHITE = (255, 255, 255)
_BITS = 4


def check_table_picture(path: Path) -> None:
    """Raise OutputError where a file of that name can be no picture."""
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(path, "is no name of a picture", "give one that ends in .jpg or .png")


def write_table_picture(
    info: VideoInfo, views: Sequence[TableView | NoTable], seconds: float, path: Path, overwrite: bool = False
) -> int:
    """Write a picture of some stretches of a video with the tables drawn, and return of how many.

    Args:
        info: The video.
        views: Views of the table, in order of time.
        seconds: How long the video is.
        path: The picture: .jpg or .png.
        overwrite: Replace one that exists.

    Raises:
        OutputError: It exists, or cannot be written.
    """
    check_table_picture(path)
    shown = _some(views)
    width = ALONE_WIDTH if len(shown) == 1 else TILE_WIDTH
    tiles = [tile for view in shown if (tile := _tile(info, view, seconds, width)) is not None]
    if not tiles:
        tiles = [np.zeros((width * info.height // info.width, width, 3), np.uint8)]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[first : first + columns], 1) for first in range(0, len(tiles), columns)]
    sheet = cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR)
    options = () if path.suffix.lower() == ".png" else (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
    encoded = cv2.imencode(path.suffix.lower(), sheet, options)[1].tobytes()
    with complete_file(path, overwrite) as temporary:
        temporary.write_bytes(encoded)
    return len(shown)


def _some(views: Sequence[TableView | NoTable]) -> list[TableView | NoTable]:
    """Return at most MOST_TILES of the views, spread evenly, those with a table first where there are more."""
    tables = [view for view in views if isinstance(view, TableView)]
    some = views if len(views) <= MOST_TILES or not tables else tables
    return [some[number * len(some) // MOST_TILES] for number in range(MOST_TILES)] if len(some) > MOST_TILES else list(some)


def _tile(info: VideoInfo, view: TableView | NoTable, seconds: float, width: int) -> np.ndarray | None:
    """Return a frame in the middle of a view with its table and a line of text, RGB; None where no frame can be read."""
    middle = (view.start_seconds + min(view.end_seconds, seconds)) / 2
    height = max(1, round(width * info.height / info.width))
    try:
        with FrameReader(info, height, width, start_seconds=middle) as reader:
            pictures = [frame.picture for frame in islice(reader, 8) if frame.picture is not None]
    except VideoError:
        return None
    if not pictures:
        return None
    picture = pictures[0].copy()
    if isinstance(view, TableView):
        draw_table(picture, view.at(middle), width / info.width)
    heading = np.zeros((HEADING, width, 3), np.uint8)
    cv2.putText(heading, _said(view, seconds), (4, HEADING - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, WHITE, 1, cv2.LINE_AA)
    return np.concatenate([heading, picture])


def _said(view: TableView | NoTable, seconds: float) -> str:
    span = f"{view.start_seconds:.1f}-{min(view.end_seconds, seconds):.1f} s"
    if isinstance(view, NoTable):
        return f"{span}: no table: {view.reason}"
    focal = f"lens {view.camera.focal / view.camera.width:.2f} widths"
    high = f"camera {view.camera.position[2]:.1f} m high"
    error = "" if view.error is None else f", +-{2 * view.error:.0f} px"
    sure = "told by hand" if view.score is None else f"{view.score:.2f} seen"
    return f"{span}: {sure}{error}, {focal}, {high}"


def draw_table(picture: np.ndarray, camera: TableCamera, scale: float) -> None:
    """Draw a table into a picture (H, W, 3) `scale` times as large as the camera's, in place; errors of corners as rings."""
    for name, colour in LINES.items():
        for line in outlines()[name]:
            cv2.polylines(picture, [_fixed(camera.project(line), scale)], False, colour, 1, cv2.LINE_AA, _BITS)
    for corner, error in zip(corners_of(camera), corner_errors(camera)[[0, 1, 3, 2]], strict=True):
        radius = max(2.0, 2 * error * scale)
        if radius < 200:
            x, y = (int(part) for part in _fixed(np.array(corner), scale))
            cv2.circle(picture, (x, y), round(radius * 2**_BITS), CORNER, 1, cv2.LINE_AA, _BITS)


def _fixed(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Return places in a picture of another size as OpenCV takes them; pixel centres are whole numbers in both."""
    moved = ((pixels + 0.5) * scale - 0.5) * 2**_BITS
    return np.clip(np.round(moved), -(2**20), 2**20).astype(np.int32)
