"""The label files of OpenTTGames: ball_markup.json, events_markup.json, and the extended events_extended.json.

The format comes from R. Voeikov, N. Falaleev, R. Baikulov: TTNet: Real-time temporal and spatial video analysis of
table tennis, 2020, arXiv 2004.09927. Frames are 0-based; positions are pixels of the 1920x1080 videos.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ttcli.errors import InputError, LabelError, check_ordinary
from ttcli.labels.ball import NOT_VISIBLE, BallEntries, BallLabel, rounded
from ttcli.labels.event import EventLabel
from ttcli.labels.problems import Report, refuse
from ttcli.outputs import complete_file
from ttcli.results.corrections import is_corrections
from ttcli.results.csv_rows import frame_number
from ttcli.results.places import MAX_COORDINATE

PICTURE_HEIGHT = 1080
PICTURE_WIDTH = 1920
FRAME_RATE = 120
"""Frame rate of the published videos."""

MAX_BYTES = 64 * 2**20
"""Largest file that is read: 100 times the largest of the data set (17,444 labels, 0.6 MB)."""

LONGEST_NAME = 200
"""Characters of an event's name."""

EXAMPLE = '{"123": {"x": 812, "y": 377}}'
EVENT_EXAMPLE = '{"130": "bounce"}'


def recognises(beginning: str) -> bool:
    """Tell by the first characters of a file whether it is a JSON object of balls, or an empty one."""
    return _is_object(beginning) and (_has_objects(beginning) or not _has_strings(beginning))


def recognises_events(beginning: str) -> bool:
    """Tell by the first characters of a file whether it is a JSON object of events, or an empty one."""
    return _is_object(beginning) and not _has_objects(beginning) and (_has_strings(beginning) or "}" in beginning)


def read_ball_markup(
    path: Path, report: Report = refuse, height: int | None = None, width: int | None = None
) -> dict[int, BallLabel]:
    """Return the labels of a ball_markup.json.

    Three states: x, y is visible; x = y = -1 is not visible; a frame without a key is unknown. A fourth occurs in
    the published files, 40 times: one coordinate alone is -1, where the ball is leaving the picture. Such a frame,
    and any other with a negative coordinate, is reported and unknown.

    Args:
        path: The file.
        report: Takes each entry that does not hold what it should; its frame is unknown then.
        height: Height of the picture in pixels, if known: balls outside it are reported.
        width: Width of the picture in pixels.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not a JSON object of the form {"123": {"x": 812, "y": 377}}.
    """
    collected = BallEntries(report, height, width)
    content = _read_entries(path)
    if content and not any(isinstance(entry, Mapping) for _, entry in content):
        raise LabelError(path, "holds no positions of a ball", f"give a file of the form {EXAMPLE}")
    for place, frame_index, entry in _frames(path, content, report):
        try:
            label = _label(place, entry)
        except LabelError as problem:
            collected.reject(frame_index, problem)
        else:
            collected.add(place, frame_index, label)
    return collected.labels


def write_ball_markup(path: Path, labels: Mapping[int, BallLabel], overwrite: bool = False) -> None:
    """Write a ball_markup.json, with positions rounded to a hundredth of a pixel.

    A visible ball that the format cannot hold (see `cannot_hold`) is left out, which makes it unknown.
    """
    entries: dict[str, dict[str, float]] = {}
    for frame_index, given in sorted(labels.items()):
        label = rounded(given)
        if label.place is None:
            entries[str(frame_index)] = {"x": -1, "y": -1}
        elif cannot_hold(label) is None:
            x, y = label.place
            entries[str(frame_index)] = {"x": _short(x), "y": _short(y)}
    _write_json(path, entries, overwrite)


def cannot_hold(label: BallLabel) -> str | None:
    """Return why a label cannot be written, if so: -1 means not visible, so no negative coordinate is free."""
    below = label.place is not None and any(value < 0 for value in label.place)
    return "a coordinate below 0, which the format keeps for balls that are not visible" if below else None


def read_events_markup(path: Path, report: Report = refuse) -> list[EventLabel]:
    """Return the events of an events_markup.json by frame, names unknown here included (see `unknown_events`).

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is not a JSON object of the form {"130": "bounce"}, or a name is no text.
    """
    content = _read_entries(path)
    if content and not any(isinstance(entry, str) for _, entry in content):
        raise LabelError(path, "holds no names of events", f"give a file of the form {EVENT_EXAMPLE}")
    events: dict[int, EventLabel | None] = {}
    for place, frame_index, event in _frames(path, content, report):
        if not isinstance(event, str) or not event.strip() or len(event) > LONGEST_NAME:
            report(LabelError(place, "no name of an event", f"write it as {EVENT_EXAMPLE}"))
        elif not is_text(event):
            raise LabelError(place, "the name of the event is no text (half of a pair of surrogates)", "write it anew")
        elif frame_index in events:
            events[frame_index] = None
            report(LabelError(place, f"a second label for frame {frame_index}", "keep one of them"))
        else:
            events[frame_index] = EventLabel(frame_index, event)
    return [label for _, label in sorted(events.items()) if label is not None]


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


class _Twice(dict):
    """A JSON object that had a key twice: `json` alone would keep the last one and say nothing."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    return entries if len(entries) == len(pairs) else _Twice(pairs)


def is_text(text: str) -> bool:
    """Return whether a string that JSON gave can be written: half a pair of surrogates is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_object(beginning: str) -> bool:
    return beginning.lstrip().startswith("{") and not is_corrections(beginning)  # whose lines are objects, too


def _has_objects(beginning: str) -> bool:
    return re.search(r'"\s*:\s*\{', beginning) is not None


def _has_strings(beginning: str) -> bool:
    return re.search(r'"\s*:\s*"', beginning) is not None


def _read_json(path: Path) -> Any:
    check_ordinary(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LabelError(path, f"is larger than {MAX_BYTES >> 20} MB", "give the label file of one video")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name") from error
    except UnicodeDecodeError as error:
        raise LabelError(path, "is not text in UTF-8", "give a JSON file") from error
    if not text.strip():
        raise LabelError(path, "is empty", "give a file with labels; {} is one without")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}"
        raise LabelError(place, f"is not JSON ({error.msg})", "mend it, or write it again") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; a thousand nested brackets
        raise LabelError(path, f"is not JSON of labels ({error})", "mend it, or write it again") from error


def _read_entries(path: Path) -> list[tuple[str, Any]]:
    """Return the entries of a JSON object, also those whose keys it has twice."""
    content = _read_json(path)
    if not isinstance(content, dict):
        raise LabelError(path, "is not a JSON object", "let it be one entry for each frame, within braces")
    entries = content.pairs if isinstance(content, _Twice) else list(content.items())
    if entries and all(frame_number(key) is None for key, _ in entries):
        raise LabelError(path, f"the key {entries[0][0]!r:.40} is no frame number", f"write it as {EXAMPLE}")
    return entries


def _frames(path: Path, entries: list[tuple[str, Any]], report: Report) -> Iterator[tuple[str, int, Any]]:
    """Yield place, frame index and content of the entries that have a frame number."""
    for key, entry in entries:
        frame_index = frame_number(key)
        if frame_index is None:
            problem = LabelError(path, f"the key {key!r:.40} is no frame number", "give whole numbers from 0 on")
            report(problem)
        else:
            yield f"{path}: frame {frame_index}", frame_index, entry


def _label(place: str, entry: Any) -> BallLabel:
    if isinstance(entry, _Twice):
        raise LabelError(place, "two values for x or y", "keep one of them")
    x, y = (_coordinate(place, entry, name) for name in ("x", "y"))
    if x == -1 and y == -1:
        return NOT_VISIBLE
    if x == -1 or y == -1:
        raise LabelError(place, "one coordinate alone is -1 (leaving the picture?)", "give both, or -1 for both")
    if x < 0 or y < 0:
        raise LabelError(place, "a coordinate is below 0", "give pixels from 0 on, or -1 for both")
    return BallLabel(True, float(x), float(y))


def _coordinate(place: str, entry: Any, name: str) -> int | float:
    value = entry.get(name) if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= MAX_COORDINATE:
        raise LabelError(place, f"no number {name} in pixels", f"write it as {EXAMPLE}")
    return value


def _short(coordinate: float) -> int | float:
    return int(coordinate) if coordinate == int(coordinate) else coordinate


def _write_json(path: Path, entries: Mapping[str, Any], overwrite: bool) -> None:
    with complete_file(path, overwrite) as temporary:
        temporary.write_text(json.dumps(entries) + "\n", encoding="utf-8")
