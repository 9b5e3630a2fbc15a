"""A picture of a training set: some of its windows with their labels, so that a shift by one frame is seen at once."""

import random
from pathlib import Path

import cv2
import numpy as np

from ttcli.errors import InputError, SettingError
from ttcli.outputs import check_output, complete_file
from ttcli.training_set.folder import CLIPS_FOLDER
from ttcli.training_set.frame_store import FrameStore
from ttcli.training_set.window_rows import StoredWindow, read_windows

ROWS = 16
"""Windows on a sheet."""
CUT = 64
"""Stored pixels that a tile shows in each direction."""
TILE = 160
"""Pixels of a tile on the sheet."""
HEADING = 18
"""Pixels above each row for its text."""
MARK = (12, 12)
"""Where a tile tells that it has no ring: x, y in pixels of the tile."""
SEEN_COLOUR, TEXT_COLOUR = (60, 255, 60), (255, 255, 255)
JPEG_QUALITY = 90


def check_contact_sheet(path: Path, dry_run: bool) -> None:
    """Raise now rather than after the extraction, where no sheet could be written.

    Raises:
        OutputError: `path` cannot be written.
        SettingError: Nothing is extracted that it could show, or the name does not end as a JPEG's.
    """
    if dry_run:
        raise SettingError("--contact-sheet", "has nothing to show after --dry-run", "leave one of them out")
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        raise SettingError("--contact-sheet", f"{path.name} is not the name of a JPEG", "let it end in .jpg")
    check_output(path, overwrite=True)


def write_contact_sheet(path: Path, data: Path, seed: int = 0, overwrite: bool = False) -> int:
    """Write a JPEG of random windows of a set, one in a row, its frames from left to right, and return their number.

    All frames of a row show one place: where the ball is in the window's middle. The label is a ring in a tile's
    own frame. In the corner, a cross stands for unknown and a dash for not visible; a tile without any of these has
    the ball outside.

    Args:
        path: The JPEG.
        data: Folder of the set.
        seed: Seed of the choice.
        overwrite: Replace a sheet that exists.

    Raises:
        InputError: The set has no windows.
        OutputError: `path` exists, or cannot be written.
    """
    folders = sorted(folder for folder in (data / CLIPS_FOLDER).glob("*") if not folder.name.startswith("."))
    windows = [(folder, window) for folder in folders for window in read_windows(folder)]
    if not windows:
        raise InputError(data, "holds no windows", "give a folder that `ttcli extract` wrote")
    chosen = random.Random(seed).sample(windows, min(ROWS, len(windows)))
    stores = {folder: FrameStore(folder) for folder, _ in chosen}
    rows = [_row(stores[folder], window) for folder, window in sorted(chosen)]
    width = max(row.shape[1] for row in rows)
    sheet = np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
    options = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
    encoded = cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), options)[1].tobytes()
    with complete_file(path, overwrite) as temporary:
        temporary.write_bytes(encoded)
    return len(chosen)


def _row(store: FrameStore, window: StoredWindow) -> np.ndarray:
    """Return one window as a strip of tiles under a line of text, RGB."""
    frames = window.frame_indexes(store.window_size)
    left, top = _corner(store, window)
    tiles = [_tile(store, frame, left, top) for frame in frames]
    strip = np.concatenate(tiles, axis=1)
    heading = np.zeros((HEADING, strip.shape[1], 3), np.uint8)
    text = f"{store.folder.name}  frames {frames[0]} to {frames[-1]}  {window.kind}  {window.split}"
    cv2.putText(heading, text, (4, HEADING - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45, TEXT_COLOUR, 1, cv2.LINE_AA)
    return np.concatenate([heading, strip])


def _corner(store: FrameStore, window: StoredWindow) -> tuple[int, int]:
    """Return the upper left corner of what the window's tiles show, in stored pixels."""
    held = window.frame_indexes(store.window_size)
    frames = sorted(held, key=lambda frame: abs(frame - held[len(held) // 2]))
    labels = (store.labels[frame] for frame in frames if frame in store.labels)
    seen = next((label.place for label in labels if label.place is not None), None)
    x, y = (store.width / 2, store.height / 2) if seen is None else _stored_position(store, *seen)
    left = min(max(round(x - CUT / 2), 0), max(store.width - CUT, 0))
    return left, min(max(round(y - CUT / 2), 0), max(store.height - CUT, 0))


def _tile(store: FrameStore, frame: int, left: int, top: int) -> np.ndarray:
    """Return what lies around the corner in one frame, enlarged, with its label."""
    cut = store.picture(frame)[top : top + CUT, left : left + CUT]
    cut = np.pad(cut, ((0, CUT - cut.shape[0]), (0, CUT - cut.shape[1]), (0, 0)))
    tile = cv2.resize(cut, (TILE, TILE), interpolation=cv2.INTER_NEAREST)
    label = store.labels.get(frame)
    if label is None:
        cv2.drawMarker(tile, MARK, TEXT_COLOUR, cv2.MARKER_TILTED_CROSS, 12, 1)
    elif label.place is None:
        cv2.line(tile, (MARK[0] - 6, MARK[1]), (MARK[0] + 6, MARK[1]), TEXT_COLOUR, 1)
    else:
        x, y = _stored_position(store, *label.place)
        scale = TILE / CUT
        centre = (round((x - left + 0.5) * scale), round((y - top + 0.5) * scale))
        cv2.circle(tile, centre, round(6 * scale), SEEN_COLOUR, 1, cv2.LINE_AA)
    tile[:, -1] = 0
    return tile


def _stored_position(store: FrameStore, x: float, y: float) -> tuple[float, float]:
    """Return a place of the source in stored pixels; pixel centres are whole numbers in both pictures."""
    stored_x = (x + 0.5) * store.width / store.source_width - 0.5
    return stored_x, (y + 0.5) * store.height / store.source_height - 0.5
