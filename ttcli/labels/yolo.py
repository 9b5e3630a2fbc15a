"""A folder of YOLO label files: one .txt for each frame, each line `class cx cy w h [confidence]`.

Coordinates are shares of the picture's width and height. The number at the end of a file's name is the frame
(img_000123.txt). An empty file is a frame in which the ball is not visible; a frame without a file is unknown.
The ball is the middle of its box. Its class is 0, or the only class there is.
"""

import glob
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.labels.ball import NOT_VISIBLE, BallEntries, BallLabel, is_inside, rounded
from ttcli.labels.picture_names import frame_of_stem
from ttcli.labels.problems import Report, refuse
from ttcli.outputs import prefix_of, sweep_these, temporary_folder

BALL_CLASS = 0
LIST_OF_CLASSES = "classes.txt"
"""A file that labelling tools put beside the labels."""

MAX_BYTES = 2**20
"""Largest file of one frame that is read."""

BALL_SHARE = 10 / 1920
"""Width of the boxes that are written, as a share of the picture's width. It is invented: labels have no size.
The ball is 3 to 20 px wide at full HD."""


@dataclass(frozen=True, slots=True)
class Box:
    """One line of a label file."""

    number: int
    """Number of the class."""
    x: float
    """x of the middle, in [0, 1]."""
    y: float
    """y of the middle, in [0, 1]."""
    confidence: float | None


def is_label_folder(path: Path) -> bool:
    """Return whether a folder has a .txt file that is numbered by frame."""
    return any(frame_of_stem(file.stem) is not None for file in _files(path))


def read_ball_labels(
    path: Path, report: Report = refuse, height: int | None = None, width: int | None = None
) -> dict[int, BallLabel]:
    """Return the labels of a folder, in pixels.

    The most confident of several boxes in a frame counts; without confidences they are two labels for one frame.

    Args:
        path: The folder.
        report: Takes each file that does not hold what it should; its frame is unknown then.
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.

    Raises:
        InputError: A file cannot be opened.
        LabelError: There are several classes, and none is 0.
        SettingError: Height and width are not given.
    """
    if height is None or width is None:
        raise SettingError(path, "boxes are shares of a picture of unknown size", "give it, as in --size 1920x1080")
    frames = list(_read_frames(path, report))
    ball = _ball_class(path, {box.number for _, _, boxes in frames for box in boxes})
    entries = BallEntries(report, height, width)
    for name, frame_index, boxes in frames:
        place = f"{path}: frame {frame_index} ({name})"
        balls = _most_confident([box for box in boxes if box.number == ball])
        if len(balls) > 1:
            report(LabelError(place, "several boxes of the ball", "keep one of them, or give confidences"))
        label = BallLabel(True, balls[0].x * width, balls[0].y * height) if balls else NOT_VISIBLE
        entries.add(place, frame_index, rounded(label) if len(balls) < 2 else None)
    return entries.labels


def write_ball_labels(
    path: Path,
    labels: Mapping[int, BallLabel],
    height: int | None,
    width: int | None,
    overwrite: bool = False,
    ball_width: float | None = None,
) -> None:
    """Write a folder of label files img_000000.txt, complete or not at all.

    Args:
        path: The folder. One that exists is replaced as a whole, and only if it holds nothing but .txt files.
        labels: By frame index; balls outside the picture are left out, and unknown then.
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        overwrite: Whether `path` may exist.
        ball_width: Side of the square boxes in pixels, which is invented; BALL_SHARE of the width if None.

    Raises:
        OutputError: The folder exists, or cannot be written.
        SettingError: Height and width are not given.
    """
    if height is None or width is None:
        raise SettingError(path, "boxes are shares of a picture of unknown size", "give it, as in --size 1920x1080")
    side = BALL_SHARE * width if ball_width is None else ball_width
    with _complete_folder(path, overwrite) as temporary:
        for frame_index, given in labels.items():
            label = rounded(given)
            if cannot_hold(label, height, width) is None:
                line = "" if label.place is None else _line(label.place, side, height, width)
                (temporary / f"img_{frame_index:06d}.txt").write_text(line, encoding="utf-8")


def _line(place: tuple[float, float], side: float, height: int, width: int) -> str:
    """Return the line of a ball in a square box; 7 decimals hold hundredths of a pixel up to pictures 100,000 wide."""
    x, y = place
    return f"{BALL_CLASS} {x / width:.7f} {y / height:.7f} {side / width:.7f} {side / height:.7f}\n"


def cannot_hold(label: BallLabel, height: int | None, width: int | None) -> str | None:
    """Return why a label cannot be written, if so."""
    if label.place is None or height is None or width is None:
        return None
    x, y = label.place
    inside = 0 <= x <= width and 0 <= y <= height and is_inside(label.place, height, width)
    return None if inside else f"the ball's centre outside the picture of {width}x{height}"


def left_behind(path: Path) -> list[str]:
    """Return what a folder holds beside ball labels, one line for each thing."""
    boxes = [box for _, _, boxes in _read_frames(path, lambda problem: None) for box in boxes]
    lines = ["widths and heights of the boxes"] if boxes else []
    lines += ["confidences"] if any(box.confidence is not None for box in boxes) else []
    others = {box.number for box in boxes} - {_ball_class(path, {box.number for box in boxes})}
    return lines + ([f"boxes of the classes {', '.join(map(str, sorted(others)))}"] if others else [])


def _files(path: Path) -> list[Path]:
    try:
        return sorted(file for file in path.glob("*.txt") if file.is_file() and not file.name.startswith("."))
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name") from error


def _read_frames(path: Path, report: Report) -> Iterator[tuple[str, int, list[Box]]]:
    """Yield file name, frame and boxes of each file that can be read."""
    for file in _files(path):
        if file.name == LIST_OF_CLASSES:
            continue
        frame_index = frame_of_stem(file.stem)
        if frame_index is None:
            problem = LabelError(path, f"no frame number in the name {file.name!r:.60}", "end it so: img_000123.txt")
            report(problem)
            continue
        try:
            yield file.name, frame_index, _read_boxes(f"{path}: frame {frame_index} ({file.name})", file)
        except LabelError as problem:
            report(problem)


def _read_boxes(place: str, file: Path) -> list[Box]:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise LabelError(place, f"is larger than {MAX_BYTES >> 20} MB", "give one line for each box")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "check the permissions") from error
    except UnicodeDecodeError as error:
        raise LabelError(place, "is not text in UTF-8", "give lines of the form 0 0.42 0.35 0.01 0.01") from error
    return [_box(place, line.split()) for line in text.splitlines() if line.strip()]


def _box(place: str, values: list[str]) -> Box:
    form = "give class, centre, width, height and at most a confidence, as in 0 0.42 0.35 0.01 0.02"
    if len(values) not in (5, 6):
        raise LabelError(place, f"a line of {len(values)} values", form)
    try:
        shares = [float(value) for value in values[1:]]
    except ValueError:
        shares = [math.nan]
    if not (values[0].isascii() and values[0].isdecimal() and len(values[0]) < 10 and all(map(math.isfinite, shares))):
        raise LabelError(place, f"a line is no box: {' '.join(values)!r:.60}", form)
    if not all(0 <= share <= 1 for share in shares):
        raise LabelError(place, "a value outside 0 to 1", "give shares of the picture's width and height, not pixels")
    return Box(int(values[0]), shares[0], shares[1], shares[4] if len(shares) == 5 else None)


def _ball_class(path: Path, numbers: set[int]) -> int:
    if not numbers or BALL_CLASS in numbers:
        return BALL_CLASS
    if len(numbers) > 1:
        found = ", ".join(map(str, sorted(numbers)[:20]))
        raise LabelError(path, f"no box of class {BALL_CLASS}, but of {found}", f"let the ball be class {BALL_CLASS}")
    return numbers.pop()


def _most_confident(boxes: list[Box]) -> list[Box]:
    """Return the box, or the boxes, that the frame's label is to be taken from."""
    confidences = [box.confidence for box in boxes if box.confidence is not None]
    if len(boxes) < 2 or len(confidences) < len(boxes):
        return boxes
    highest = max(confidences)
    return [box for box in boxes if box.confidence == highest]


@contextmanager
def _complete_folder(path: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, which becomes `path` when the block ends well.

    What a process left that was killed is removed; labels that it had moved aside to replace them are put back.
    """

    def put_back(left: Path) -> None:
        if (left / "old").is_dir() and not path.exists():
            (left / "old").rename(path)

    sweep_these(path.parent.glob(f"{glob.escape(prefix_of(path))}*"), put_back)
    check_output_folder(path, overwrite)
    with ExitStack() as stack:
        try:
            temporary = stack.enter_context(temporary_folder(path.parent, prefix_of(path)))
            (temporary / "new").mkdir()
        except OSError as error:
            raise OutputError(path, f"cannot be written ({error.strerror})", "give another folder") from error
        try:
            yield temporary / "new"
            if path.exists():
                path.rename(temporary / "old")
            (temporary / "new").rename(path)
        finally:
            put_back(temporary)


def check_output_folder(path: Path, overwrite: bool) -> None:
    """Raise OutputError where a folder of labels could not be written, or would replace more than labels."""
    if path.exists() and not path.is_dir():
        raise OutputError(path, "is a file", "give the name of a folder")
    if path.exists() and not overwrite:
        raise OutputError(path, "exists already", "give another name, or --overwrite to replace it")
    if path.exists() and any(file.suffix != ".txt" or not file.is_file() for file in path.iterdir()):
        raise OutputError(path, "holds more than .txt files", "give another name: the whole folder would be replaced")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise OutputError(path, f"the folder {path.parent} cannot be written", "give a folder that exists and is yours")
