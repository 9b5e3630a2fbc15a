"""CVAT for video 1.1: an XML file of tracks, of which one or more are the ball.

What each shape of a track says, and what CVAT does with it (docs.cvat.ai/docs/other/xml_format, and CVAT's own
importer and exporter, cvat/apps/dataset_manager):

* `keyframe="1"` was placed by a person, or by whoever made the file. `keyframe="0"` is CVAT's interpolation between
  keyframes: nobody looked, so such frames are unknown here.
* `outside="1"`: the ball is not visible, and stays so until the track's next shape. CVAT writes no interpolated shapes
  there.
* `outside="1"` in the last shape of a track says that the track has ended, which is how CVAT keeps a track from going
  on to the end of the video. Nothing is known from there on. Only in the last frame of the video does it mean what it
  says: there is nothing after it that would have to be ended.
* `occluded="1"` is CVAT's word for partly hidden: visible.

So we write each run of labelled frames as a track, with each frame as a keyframe. An outside shape closes it one
frame after its last, unless the video ends there: CVAT refuses a file with frames that the video lacks. All three
states come back, from our file and from what CVAT exports after reading it.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TextIO
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ttcli.errors import InputError, LabelError, check_ordinary
from ttcli.labels.ball import NOT_VISIBLE, BallEntries, BallLabel, is_inside, rounded
from ttcli.labels.problems import Report, refuse
from ttcli.outputs import complete_file
from ttcli.results.csv_rows import frame_number

BALL = "ball"
SHAPES = ("points", "box")

MAX_FRAMES = 2**22
"""Frames above are not taken: 4.8 hours at 240 fps. An outside shape stands for all frames up to the next."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of a track."""

    frame_index: int
    keyframe: bool
    outside: bool
    label: BallLabel | None
    """What a keyframe that is not outside says of its frame; None where its position is wrong."""


@dataclass
class Overview:
    """What a file says about itself."""

    labels: Counter[str] = field(default_factory=Counter)
    """Names of the tracks' labels, with the number of tracks."""
    height: int | None = None
    width: int | None = None
    last_frame: int | None = None
    """Last frame of the video."""
    boxes: int = 0
    occluded: int = 0


def recognises(beginning: str) -> bool:
    """Tell by the first characters of a file whether it is one of CVAT's."""
    return "<annotations" in beginning


def read_ball_labels(
    path: Path, report: Report = refuse, height: int | None = None, width: int | None = None
) -> dict[int, BallLabel]:
    """Return the labels of the tracks that are named `ball`, or of the only name there is.

    Args:
        path: The file. It is read in pieces; entities and document types are refused.
        report: Takes each shape that does not hold what it should; its frame is unknown then. Interpolated shapes
            are reported once for the file.
        height: Height of the picture in pixels, if known; the file must have the same.
        width: Width of the picture in pixels.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It is no CVAT video file, several labels could be the ball, or it belongs to another picture.
    """
    overview = _overview(path)
    ball = _ball_label(path, overview.labels)
    if None not in (height, overview.height) and (height, width) != (overview.height, overview.width):
        sizes = f"labels of a picture of {overview.width}x{overview.height}, not {width}x{height}"
        raise LabelError(path, sizes, "give the video that was labelled")
    entries = BallEntries(report, height or overview.height, width or overview.width)
    interpolated = stood_for = 0
    for shapes in _tracks(path, ball, report):
        interpolated += sum(not shape.keyframe for shape in shapes)
        for frame_index, label in _frames(sorted(shapes, key=lambda shape: shape.frame_index), overview.last_frame):
            entries.add(f"{path}: frame {frame_index}", frame_index, label)
            stood_for += 1
            if stood_for > 2 * MAX_FRAMES:
                raise LabelError(
                    path, f"its shapes stand for more than {2 * MAX_FRAMES:,} frames", "give the labels of one video"
                )
    if interpolated:
        fact = f"{interpolated:,} shapes between keyframes are interpolated, nobody's labels"
        report(LabelError(path, fact, "make those that are right keyframes in CVAT"))
    return entries.labels


def write_ball_labels(
    path: Path,
    labels: Mapping[int, BallLabel],
    height: int | None = None,
    width: int | None = None,
    frame_count: int | None = None,
    overwrite: bool = False,
) -> None:
    """Write a file that CVAT imports into a task whose label `ball` is of points.

    Args:
        path: The file.
        labels: By frame index; those that `cannot_hold` names are left out, and unknown then.
        height: Height of the picture in pixels, if known.
        width: Width of the picture in pixels, if known.
        frame_count: Frame count of the video. If None it is taken to end with the last label, and in a longer video
            CVAT shows the last ball to its end.
        overwrite: Whether `path` may exist.
    """
    known = {frame: rounded(label) for frame, label in sorted(labels.items())}
    known = {frame: label for frame, label in known.items() if cannot_hold(label, height, width) is None}
    size = max(frame_count or 0, max(known, default=-1) + 1)
    with complete_file(path, overwrite) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
        file.write(_meta(path.stem, size, height, width))
        for number, run in enumerate(_runs(known)):
            file.write(f'  <track id="{number}" label="{BALL}" source="manual">\n')
            _write_run(file, run, known, size)
            file.write("  </track>\n")
        file.write("</annotations>\n")


def cannot_hold(label: BallLabel, height: int | None, width: int | None) -> str | None:
    """Return why a label cannot be written, if so: the file states the picture's size, which binds its points."""
    if label.place is None or is_inside(label.place, height, width):
        return None
    return f"the ball's centre outside the picture of {width}x{height}"


def left_behind(path: Path) -> list[str]:
    """Return what a file holds beside ball labels, one line for each thing."""
    overview = _overview(path)
    others = sorted(set(overview.labels) - {_ball_label(path, overview.labels)})
    lines = [f"tracks of other labels: {', '.join(others)[:200]}"] if others else []
    lines += [f"widths and heights of {overview.boxes:,} boxes"] if overview.boxes else []
    return lines + ([f"the mark `occluded` of {overview.occluded:,} shapes"] if overview.occluded else [])


def _elements(path: Path) -> Iterator[tuple[str, Element]]:
    """Yield start and end of the file's elements, with all errors of XML turned into ours."""
    check_ordinary(path)
    try:
        with path.open("rb") as file:
            yield from iterparse(file, events=("start", "end"), forbid_dtd=True)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the name") from error
    except DefusedXmlException as error:
        raise LabelError(path, "defines XML entities or a document type", "give a file as CVAT exports it") from error
    except ParseError as error:
        fact = f"is not XML ({str(error).partition(':')[0]})"
        raise LabelError(f"{path}:{error.position[0]}", fact, "export it again") from error
    except (LookupError, ValueError) as error:  # an encoding that Python or expat does not know
        raise LabelError(path, f"is not XML ({error})", "export it again") from error


def _overview(path: Path) -> Overview:
    overview = Overview()
    around: list[Element] = []  # the elements that have begun and not ended, the root first
    for event, element in _elements(path):
        if event == "start":
            around.append(element)
            _check_begun(path, around)
            if len(around) == 2 and element.tag == "track":
                overview.labels[element.get("label", "")] += 1
            continue
        around.pop()
        _note(overview, element)
        if len(around) == 1 or (len(around) == 2 and around[1].tag == "track"):  # a shape has ended; keep memory flat
            around[-1].clear()
    return overview


def _check_begun(path: Path, around: list[Element]) -> None:
    """Raise LabelError where the last of some nested elements tells that the file holds something else."""
    depth, tag = len(around), around[-1].tag
    if depth == 1 and tag != "annotations":
        raise LabelError(path, f"begins with <{tag:.40}>", "export it as `CVAT for video 1.1`")
    if depth == 2 and tag == "image":
        raise LabelError(path, "holds images, not tracks", "export it as `CVAT for video 1.1`")


def _note(overview: Overview, element: Element) -> None:
    """Add what an element that has ended says about the whole file."""
    if element.tag == "original_size":
        overview.height, overview.width = (_size(element.findtext(name, "")) for name in ("height", "width"))
        if overview.height is None or overview.width is None:
            overview.height = overview.width = None
    elif element.tag == "stop_frame":
        overview.last_frame = frame_number((element.text or "").strip())
    elif element.tag == "size" and overview.last_frame is None:
        count = _size(element.text or "")
        overview.last_frame = count - 1 if count else None
    elif element.tag in SHAPES:
        overview.boxes += element.tag == "box"
        overview.occluded += element.get("occluded") == "1"


def _size(text: str) -> int | None:
    return frame_number(text.strip()) or None


def _ball_label(path: Path, labels: Mapping[str, int]) -> str:
    named = [label for label in labels if label.strip().lower() == BALL]
    if len(named) == 1 or not labels:
        return named[0] if named else BALL
    if len(labels) > 1:
        listed = ", ".join(sorted(labels))[:200]
        raise LabelError(path, f"no label is `{BALL}` alone, there are: {listed}", f"let one label be `{BALL}`")
    return next(iter(labels))


def _tracks(path: Path, ball: str, report: Report) -> Iterator[list[Shape]]:
    """Yield the shapes of each track of the ball, in the file's order."""
    shapes: list[Shape] | None = None
    track = root = None
    for event, element in _elements(path):
        root = element if root is None else root
        if event == "start" and element.tag == "track":
            track, shapes = element, [] if element.get("label", "") == ball else None
        elif event == "end" and track is not None and element.tag in SHAPES:
            if shapes is not None:
                shapes += _shape(path, element, report)
            track.clear()
        elif event == "end" and element.tag == "track":
            if shapes is not None:
                yield shapes
            track = shapes = None
            root.clear()


def _frames(shapes: list[Shape], last_frame: int | None) -> Iterator[tuple[int, BallLabel | None]]:
    """Yield the labels that a track gives, from its shapes sorted by frame."""
    for shape, following in zip_longest(shapes, shapes[1:]):
        if not shape.keyframe:
            continue
        if not shape.outside:
            yield shape.frame_index, shape.label
        elif following is not None:
            for frame_index in range(shape.frame_index, max(following.frame_index, shape.frame_index + 1)):
                yield frame_index, NOT_VISIBLE
        elif shape.frame_index == last_frame:
            yield shape.frame_index, NOT_VISIBLE


def _shape(path: Path, element: Element, report: Report) -> list[Shape]:
    """Return the shape, or nothing where its frame is not known."""
    frame_index = frame_number(element.get("frame", ""))
    if frame_index is None or frame_index >= MAX_FRAMES:
        fact = f"a shape's frame is {element.get('frame')!r:.40}"
        report(LabelError(path, fact, f"give whole numbers from 0 to {MAX_FRAMES}"))
        return []
    keyframe, outside = element.get("keyframe", "1") == "1", element.get("outside", "0") == "1"
    label = None
    if keyframe and not outside:
        try:
            label = _position(f"{path}: frame {frame_index}", element)
        except LabelError as problem:
            report(problem)
    return [Shape(frame_index, keyframe, outside, label)]


def _position(place: str, element: Element) -> BallLabel:
    if element.tag == "box":
        left, top, right, bottom = (_number(place, element.get(name, "")) for name in ("xtl", "ytl", "xbr", "ybr"))
        return rounded(BallLabel(True, (left + right) / 2, (top + bottom) / 2))
    pair = element.get("points", "").split(",")
    if len(pair) != 2 or ";" in pair[1]:
        raise LabelError(place, "not one point", 'give one, as in points="812.41,377.90"')
    return BallLabel(True, *(_number(place, text) for text in pair))


def _number(place: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise LabelError(place, f"a coordinate is {text!r:.40}", "give a number of pixels")
    return value


def _runs(labels: Mapping[int, BallLabel]) -> list[range]:
    """Return the runs of labelled frames, sorted."""
    runs: list[range] = []
    for frame_index in labels:
        if runs and runs[-1].stop == frame_index:
            runs[-1] = range(runs[-1].start, frame_index + 1)
        else:
            runs.append(range(frame_index, frame_index + 1))
    return runs


def _write_run(file: TextIO, run: range, labels: Mapping[int, BallLabel], size: int) -> None:
    """Write the shapes of one track; an outside one stands where the ball was, or will be, or in the corner."""
    first = next((labels[frame] for frame in run if labels[frame].visible), BallLabel(True, 0.0, 0.0))
    place = first
    for frame_index in run:
        label = labels[frame_index]
        place = label if label.visible else place
        file.write(_points(frame_index, place, outside=not label.visible))
    if run.stop < size:
        file.write(_points(run.stop, place, outside=True))


def _points(frame_index: int, place: BallLabel, outside: bool) -> str:
    state = f'frame="{frame_index}" outside="{int(outside)}" occluded="0" keyframe="1"'
    return f'    <points {state} points="{place.x:.2f},{place.y:.2f}" z_order="0"/>\n'


def _meta(name: str, size: int, height: int | None, width: int | None) -> str:
    original = f"<original_size><width>{width}</width><height>{height}</height></original_size>" if width else ""
    return (
        f"  <meta>\n    <task>\n      <name>{escape(name)}</name>\n      <size>{size}</size>\n"
        f"      <mode>interpolation</mode>\n      <start_frame>0</start_frame>\n"
        f"      <stop_frame>{max(size - 1, 0)}</stop_frame>\n"
        f"      <labels><label><name>{BALL}</name><type>points</type><attributes></attributes></label></labels>\n"
        f"      {original}\n    </task>\n  </meta>\n"
    )
