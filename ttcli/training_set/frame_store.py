"""The frames of an extracted clip on disk: each frame of the source once, with its label.

A clip is a folder with `pictures.bin` (encoded pictures, one after another), `frames.csv` (where each lies, and its
label), `windows.csv` (see `window_rows`) and `clip.json` (what it was made from, and sizes). `native.bin`, on
request, holds crops at the source's own resolution.

Pictures are JPEG, quality 95, without halving the colours (4:4:4). Measured on two real clips at 288x512, one core:
64 KB a frame, encoded in 0.7 ms and decoded in 0.9 ms. The 3x3 pixels at the ball keep their mean colour to 0.4
gray levels; with halved colours (4:2:0), which would save a fifth of the space, to 1.0. PNG takes 175 KB and 3.1
ms, lossless WebP 107 KB and 2.2 ms, but 185 ms to encode; raw pictures need no decoding and 442 KB.
"""

import json
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, TypeVar

import cv2
import numpy as np

from ttcli.errors import InputError, LabelError, OutputError
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.labels.ttcli_csv import label_cells
from ttcli.results.csv_rows import Row, append_rows, read_rows

FRAMES_FILE = "frames.csv"
PICTURES_FILE = "pictures.bin"
NATIVE_FILE = "native.bin"
CLIP_FILE = "clip.json"

COLUMNS = ("frame", "status", "x", "y", "offset", "bytes", "crc32")
"""Columns of frames.csv: label in source pixels, and place, length and checksum of the picture in pictures.bin."""
NATIVE_COLUMNS = ("left", "top", "height", "width", "native_offset", "native_bytes", "native_crc32")
"""Further columns with native crops: their corner and size in source pixels, and their place in native.bin."""
SIZES = ("source_height", "source_width", "height", "width", "window_size")
"""What clip.json must say, each a whole number from 1 on; it may say more."""
STATUSES = ("visible", "absent", "unknown")

JPEG_OPTIONS = (
    *(cv2.IMWRITE_JPEG_QUALITY, 95),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
EXTRACT_AGAIN = "remove the folder of this clip and extract it again"

File = TypeVar("File", bound=IO[Any])


class NativeCrop(NamedTuple):
    """A part of a frame at the source's own resolution."""

    left: int
    """Source pixels from the left border of the frame to the crop's."""
    top: int
    """Source pixels from the upper border of the frame to the crop's."""
    picture: np.ndarray
    """(h, w, 3) uint8 RGB."""


class FrameWriter:
    """Writes frames into a folder, as a context manager; rows and pictures go to disk as they come.

    The folder is whole only when the block has ended well: write into a temporary one and rename it then.

    Args:
        folder: An existing folder.
        keep_native: Whether frames may come with a native crop.

    Raises:
        OutputError: The folder cannot be written, or the disk is full.
    """

    def __init__(self, folder: Path, keep_native: bool = False) -> None:
        self.folder = folder
        self.keep_native = keep_native
        self._last_frame = -1
        self._shape: tuple[int, ...] | None = None
        self._files: list[IO[Any]] = []

    def __enter__(self) -> "FrameWriter":
        columns = COLUMNS + (NATIVE_COLUMNS if self.keep_native else ())
        try:
            self._rows = self._open((self.folder / FRAMES_FILE).open("w", encoding="utf-8", newline=""))
            self._pictures = self._open((self.folder / PICTURES_FILE).open("wb"))
            self._native = self._open((self.folder / NATIVE_FILE).open("wb")) if self.keep_native else None
        except OSError as error:
            self._close(quietly=True)
            raise _cannot_write(self.folder, error) from error
        append_rows(self._rows, [columns])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._close(quietly=error is not None)

    def append(self, frame_index: int, picture: np.ndarray, label: BallLabel | None, native: NativeCrop | None = None) -> None:
        """Store one frame.

        Args:
            frame_index: Frame of the source; frames come in rising order.
            picture: (H, W, 3) uint8 RGB, of one size for all frames.
            label: In source pixels; None where nothing is known.
            native: Crop at the source's resolution; only where the writer keeps them.

        Raises:
            OutputError: The disk is full.
            ValueError: Frames out of order, pictures of unequal sizes, or a crop that is not kept.
        """
        self._check(frame_index, picture, native)
        cells = [frame_index, *label_cells(label)]
        try:
            cells += _append_picture(self._pictures, picture)
            if self._native is not None:
                cells += _append_native(self._native, native)
            append_rows(self._rows, [cells])
        except OSError as error:
            raise _cannot_write(self.folder, error) from error

    def _check(self, frame_index: int, picture: np.ndarray, native: NativeCrop | None) -> None:
        self._shape = self._shape or picture.shape
        if frame_index <= self._last_frame:
            raise ValueError(f"frame {frame_index} comes after frame {self._last_frame}")
        if picture.shape != self._shape or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"frame {frame_index} is {picture.dtype} {picture.shape}, the first one was {self._shape}")
        if native is not None and not self.keep_native:
            raise ValueError("a native crop for a writer that keeps none")
        self._last_frame = frame_index

    def _open(self, file: File) -> File:
        self._files.append(file)
        return file

    def _close(self, quietly: bool) -> None:
        """Close all files; what is left in their buffers may still meet a full disk."""
        errors = []
        for file in self._files:
            try:
                file.close()
            except OSError as error:
                errors.append(error)
        self._files.clear()
        if errors and not quietly:
            raise _cannot_write(self.folder, errors[0]) from errors[0]


class FrameStore:
    """The frames of one extracted clip, for reading; it holds no open file, so threads and processes may share it.

    A file is opened for each picture, which costs 3 % of the time of decoding one. So the number of clips has no
    limit, and a file that was truncated meanwhile is an error, where a memory map would kill the process.

    Args:
        folder: Folder of the clip.

    Raises:
        InputError: A file is missing.
        LabelError: frames.csv or clip.json does not hold what it should, or names bytes that pictures.bin lacks.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clip = read_clip(folder)
        """What clip.json says."""
        self.height, self.width = self.clip["height"], self.clip["width"]
        self.source_height, self.source_width = self.clip["source_height"], self.clip["source_width"]
        self.window_size: int = self.clip["window_size"]
        self.labels: dict[int, BallLabel] = {}
        """In source pixels, by frame; frames of which nothing is known have no key."""
        self._places: dict[int, _Place] = {}
        self._native_places: dict[int, tuple[int, int, int, int, _Place]] = {}
        self._read_frames()
        self.frame_indexes: tuple[int, ...] = tuple(self._places)
        """The stored frames, rising."""

    def picture(self, frame_index: int) -> np.ndarray:
        """Return a frame as (height, width, 3) uint8 RGB.

        Raises:
            KeyError: The frame is not stored.
            LabelError: Its bytes are damaged.
        """
        place = self._places[frame_index]
        return _read_picture(self.folder / PICTURES_FILE, frame_index, place, self.height, self.width)

    def native(self, frame_index: int) -> NativeCrop | None:
        """Return the crop of a frame at the source's resolution, or None where there is none.

        Raises:
            LabelError: Its bytes are damaged.
        """
        if frame_index not in self._native_places:
            return None
        left, top, height, width, place = self._native_places[frame_index]
        picture = _read_picture(self.folder / NATIVE_FILE, frame_index, place, height, width)
        return NativeCrop(left, top, picture)

    def _read_frames(self) -> None:
        size, native_size = _file_size(self.folder / PICTURES_FILE), None
        last_frame, end, native_end = -1, 0, 0
        for row in read_rows(self.folder / FRAMES_FILE, needed=COLUMNS):
            frame_index = row.frame_index()
            if frame_index <= last_frame:
                raise row.error(f"frame {frame_index} comes after frame {last_frame}", EXTRACT_AGAIN)
            last_frame = frame_index
            label = _read_label(row)
            if label is not None:
                self.labels[frame_index] = label
            self._places[frame_index] = place = _read_place(row, "", end, size, PICTURES_FILE)
            end = place.offset + place.bytes
            if row.cells.get("native_bytes"):
                native_size = _file_size(self.folder / NATIVE_FILE) if native_size is None else native_size
                place = _read_place(row, "native_", native_end, native_size, NATIVE_FILE)
                left, top, height, width = (_whole(row, name) for name in NATIVE_COLUMNS[:4])
                self._native_places[frame_index] = (left, top, height, width, place)
                native_end = place.offset + place.bytes


class _Place(NamedTuple):
    """Where an encoded picture lies in its file."""

    offset: int
    bytes: int
    crc32: int


def read_clip(folder: Path) -> dict:
    """Return what the clip.json of a clip's folder says.

    Raises:
        InputError: There is no such file.
        LabelError: It is no JSON object, or one of SIZES is not a whole number from 1 on.
    """
    path = folder / CLIP_FILE
    try:
        clip = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", EXTRACT_AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise LabelError(path, "is not JSON", EXTRACT_AGAIN) from error
    for name in SIZES:
        value = clip.get(name) if isinstance(clip, dict) else None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise LabelError(path, f"{name} is no whole number from 1 on", EXTRACT_AGAIN)
    return clip


def _append_picture(file: IO[bytes], picture: np.ndarray) -> list[int]:
    """Encode a picture at the end of a file and return its offset, length and checksum."""
    encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), JPEG_OPTIONS)[1].tobytes()
    offset = file.tell()
    file.write(encoded)
    return [offset, len(encoded), zlib.crc32(encoded)]


def _append_native(file: IO[bytes], native: NativeCrop | None) -> list[object]:
    """Encode a native crop at the end of a file and return the cells of NATIVE_COLUMNS, empty without one."""
    if native is None:
        return [""] * len(NATIVE_COLUMNS)
    height, width = native.picture.shape[:2]
    return [native.left, native.top, height, width, *_append_picture(file, native.picture)]


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    return OutputError(folder, f"cannot be written ({error.strerror})", "make room on the disk, or give another folder")


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", EXTRACT_AGAIN) from error


def _whole(row: Row, column: str) -> int:
    """Return the whole number from 0 on in a cell; offsets are longer than frame numbers may be."""
    text = row.cells.get(column, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise row.error(f"{column} is {text!r:.40}, no whole number", EXTRACT_AGAIN)
    return int(text)


def _read_label(row: Row) -> BallLabel | None:
    status = row.cells["status"]
    if status not in STATUSES:
        raise row.error(f"status is {status!r:.40}", f"give one of {', '.join(STATUSES)}")
    x, y = row.position(status == "visible", f"status is {status}")
    if status == "unknown":
        return None
    return BallLabel(True, x, y) if status == "visible" else NOT_VISIBLE


def _read_place(row: Row, prefix: str, least_offset: int, file_size: int, file_name: str) -> _Place:
    """Return the place that a row names, which begins at `least_offset` or behind it and ends within the file."""
    place = _Place(*(_whole(row, prefix + name) for name in _Place._fields))
    if place.offset < least_offset or place.bytes == 0:
        raise row.error(f"the place in {file_name} is not behind that of the frame before", EXTRACT_AGAIN)
    if place.offset + place.bytes > file_size:
        raise row.error(f"lies beyond the end of {file_name}, which is truncated", EXTRACT_AGAIN)
    return place


def _read_picture(path: Path, frame_index: int, place: _Place, height: int, width: int) -> np.ndarray:
    """Return a picture of a known size; bytes that fail their checksum are not decoded, since a guess is no frame."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(place.offset)
            encoded = file.read(place.bytes)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", EXTRACT_AGAIN) from error
    picture = None
    if zlib.crc32(encoded) == place.crc32:
        picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if picture is None or picture.shape != (height, width, 3):
        raise LabelError(f"{path}: frame {frame_index}", "the picture is damaged", EXTRACT_AGAIN)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
