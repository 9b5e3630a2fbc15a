"""The label files of OpenTTGames: ball_markup.json and events_markup.json.

The format is that of R. Voeikov, N. Falaleev, R. Baikulov: TTNet: Real-time temporal and spatial video analysis
of table tennis, 2020, arXiv 2004.09927. Frames are 0-based; positions are pixels of the 1920x1080 videos.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ttcli.csv_rows import frame_number
from ttcli.errors import InputError, LabelError
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.labels.event import EventLabel
from ttcli.outputs import complete_file

PICTURE_HEIGHT = 1080
PICTURE_WIDTH = 1920

MAX_BYTES = 256 * 2**20
"""Largest file that is read: 400 times the largest of the data set (17,444 labels, 0.6 MB)."""

MAX_COORDINATE = 1e6
"""Largest coordinate taken, far outside any picture."""


def recognises(beginning: str) -> bool:
    """Tell by the first characters of a file whether it can be one of these: a JSON object."""
    return beginning.lstrip().startswith("{")


def read_ball_markup(path: Path) -> dict[int, BallLabel]:
    """Return the labels of a ball_markup.json.

    Three states: x, y is visible; x = y = -1 is not visible; a frame without a key is unknown. A fourth occurs in
    the published files, 40 times: one coordinate alone is -1, where the ball is leaving the picture. Such a frame,
    and any other with a negative coordinate, is unknown, so its key is left out.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not a JSON object of the form {"123": {"x": 812, "y": 377}}, or has a frame twice.
    """
    labels: dict[int, BallLabel] = {}
    for frame_index, entry in _read_frames(path).items():
        x, y = (_coordinate(path, frame_index, entry, name) for name in ("x", "y"))
        if x == -1 and y == -1:
            labels[frame_index] = NOT_VISIBLE
        elif x >= 0 and y >= 0:
            labels[frame_index] = BallLabel(True, float(x), float(y))
    return labels


def write_ball_markup(path: Path, labels: Mapping[int, BallLabel], overwrite: bool = False) -> None:
    """Write a ball_markup.json, with positions rounded to a hundredth of a pixel.

    A visible ball whose centre has a negative coordinate is left out, which makes it unknown: the format has no
    other word for it, since -1 means that the ball is not visible.
    """
    entries: dict[str, dict[str, float]] = {}
    for frame_index, label in sorted(labels.items()):
        if not label.visible:
            entries[str(frame_index)] = {"x": -1, "y": -1}
        elif label.x >= 0 and label.y >= 0:
            entries[str(frame_index)] = {"x": _short(label.x), "y": _short(label.y)}
    _write_json(path, entries, overwrite)


def read_events_markup(path: Path) -> list[EventLabel]:
    """Return the events of an events_markup.json by frame, names unknown here included (see `unknown_events`).

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not a JSON object of the form {"130": "bounce"}, or has a frame twice.
    """
    events = []
    for frame_index, event in _read_frames(path).items():
        if not isinstance(event, str) or not event.strip():
            raise LabelError(path, f"frame {frame_index} holds no name of an event", 'write it as {"130": "bounce"}')
        events.append(EventLabel(frame_index, event))
    return sorted(events, key=lambda label: label.frame_index)


def write_events_markup(path: Path, events: Iterable[EventLabel], overwrite: bool = False) -> None:
    """Write an events_markup.json.

    Raises:
        LabelError: Two events share a frame, which the format cannot hold.
    """
    entries: dict[str, str] = {}
    for label in sorted(events, key=lambda label: label.frame_index):
        if str(label.frame_index) in entries:
            raise LabelError(path, f"two events at frame {label.frame_index}", "keep one: the format holds one a frame")
        entries[str(label.frame_index)] = label.event
    _write_json(path, entries, overwrite)


class _DuplicateKeyError(Exception):
    """A JSON object has a key twice; json would keep the last one and say nothing."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise _DuplicateKeyError(f"{key!r:.40}")
    return entries


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LabelError(path, f"is larger than {MAX_BYTES >> 20} MB", "give the label file of one video")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name") from error
    except UnicodeDecodeError as error:
        raise LabelError(path, "is not text in UTF-8", "give a JSON file") from error
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except _DuplicateKeyError as error:
        raise LabelError(path, f"has the key {error} twice", "keep one of them") from error
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}"
        raise LabelError(place, f"is not JSON ({error.msg})", "mend it, or write it again") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; a thousand nested brackets
        raise LabelError(path, f"is not JSON of labels ({error})", "mend it, or write it again") from error


def _read_frames(path: Path) -> dict[int, Any]:
    """Return the entries of a JSON object whose keys are frame numbers."""
    content = _read_json(path)
    if not isinstance(content, dict):
        raise LabelError(path, "is not a JSON object", "let it be one entry for each frame, within braces")
    entries: dict[int, Any] = {}
    for key, entry in content.items():
        frame_index = frame_number(key)
        if frame_index is None:
            raise LabelError(path, f"the key {key!r:.40} is no frame number", "give whole numbers from 0 on")
        if frame_index in entries:  # "7" and "07"
            raise LabelError(path, f"has frame {frame_index} twice", "keep one of them")
        entries[frame_index] = entry
    return entries


def _coordinate(path: Path, frame_index: int, entry: Any, name: str) -> int | float:
    value = entry.get(name) if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= MAX_COORDINATE:
        raise LabelError(
            path, f"frame {frame_index} has no number {name} in pixels", 'write it as {"123": {"x": 812, "y": 377}}'
        )
    return value


def _short(coordinate: float) -> int | float:
    rounded = round(coordinate, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _write_json(path: Path, entries: Mapping[str, Any], overwrite: bool) -> None:
    with complete_file(path, overwrite) as temporary:
        temporary.write_text(json.dumps(entries) + "\n", encoding="utf-8")
