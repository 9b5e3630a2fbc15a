"""The decisions of `ttcli review` as labels: frames that nobody decided are unknown."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ttcli.labels.ball import BallEntries, BallLabel, rounded
from ttcli.labels.event import EventLabel
from ttcli.labels.problems import Report, refuse
from ttcli.outputs import complete_file
from ttcli.results.ball_columns import read_ball_columns
from ttcli.results.content_hash import content_hash
from ttcli.results.corrections import Corrections, header_of, is_corrections, lines_of, read_corrections
from ttcli.results.decisions import Decision
from ttcli.results.trajectory import Status

AROUND_FRAMES = 15
"""Frames before and after a decided one whose path was on the page, and was left as it is."""
SURE = 0.9
"""A row is taken for right there whose confidence that it is seen, or that it is not, is so high; others say nothing."""


def recognises(beginning: str) -> bool:
    """Tell by the first characters of a file whether it holds decisions."""
    return is_corrections(beginning)


def recognises_events(beginning: str) -> bool:
    """Tell the same: any such file may hold events."""
    return is_corrections(beginning)


def read_ball_labels(
    path: Path, report: Report = refuse, height: int | None = None, width: int | None = None
) -> dict[int, BallLabel]:
    """Return what was decided about the ball, by frame; where nobody could tell, there is no label.

    Args:
        path: The file.
        report: Takes each place outside of the picture; its frame is unknown then.
        height: Height of the picture in pixels, if known.
        width: Width of the picture in pixels.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It holds something else, or a line is no decision.
    """
    entries = BallEntries(report, height, width)
    for frame, decision in read_corrections(path).balls().items():
        label = None if decision.kind == "unknown" else BallLabel(decision.kind == "ball", decision.x, decision.y)
        entries.add(f"{path}: decision {decision.number}", frame, label)
    return entries.labels


def read_surroundings(path: Path) -> dict[int, BallLabel | None]:
    """Return what the corrected ball.csv says of the frames around decided ones, where it is sure; None where it is not.

    A person who decided saw the path around and left it as it is. Frames that are decided are not among these. The
    first line names the CSV, which lies beside the file; there is nothing where it is gone or was changed.
    """
    corrections = read_corrections(path)
    ball = _corrected_csv(path, corrections)
    if ball is None:
        return {}
    decided = corrections.balls()
    columns = read_ball_columns(ball)
    seen, unseen = columns.has(Status.SEEN), columns.has(Status.UNSEEN)
    around: dict[int, BallLabel | None] = {}
    for frame in sorted(
        {near for each in decided for near in range(each - AROUND_FRAMES, each + AROUND_FRAMES + 1)} - set(decided)
    ):
        if (row := columns.row_of(frame)) is None:
            continue
        around[frame] = None
        if seen[row] and columns.confidence[row] >= SURE:
            around[frame] = BallLabel(True, float(columns.x[row]), float(columns.y[row]))
        elif unseen[row] and columns.confidence[row] <= 1 - SURE:
            around[frame] = BallLabel(False)
    return around


def _corrected_csv(path: Path, corrections: Corrections) -> Path | None:
    """Return the CSV that was corrected, where it lies beside the file, and is as it was."""
    said = corrections.header.get("ball")
    if not isinstance(said, dict) or not isinstance(said.get("name"), str) or said["name"] != Path(said["name"]).name:
        return None
    ball = path.parent / said["name"]
    return ball if ball.is_file() and content_hash(ball) == said.get("sha256") else None


def read_events(path: Path, report: Report = refuse) -> list[EventLabel]:
    """Return the events that a person confirmed or added, by the nearest frame; removed ones are none.

    Raises:
        InputError: The file cannot be opened.
        LabelError: It holds something else, or a line is no decision.
    """
    events: dict[tuple[int, str], EventLabel] = {}
    for decision in read_corrections(path).of_kinds("event", "no_event"):
        frame, event = int((decision.frame or 0) + 0.5), decision.event or ""
        for near in range(frame - 2, frame + 3):
            events.pop((near, event), None)
        if decision.kind == "event":
            events[frame, event] = EventLabel(frame, event)
    return sorted(events.values(), key=lambda label: label.frame_index)


def write_ball_labels(path: Path, labels: Mapping[int, BallLabel], overwrite: bool = False) -> None:
    """Write labels as the decisions of somebody who corrected elsewhere."""
    decisions = (
        Decision(number, "ball" if label.visible else "none", frame, label.x, label.y)
        for number, (frame, label) in enumerate(((frame, rounded(label)) for frame, label in sorted(labels.items())), 1)
    )
    _write(path, decisions, overwrite)


def _write(path: Path, decisions: Iterable[Decision], overwrite: bool) -> None:
    with complete_file(path, overwrite) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines_of(header_of(None, None), decisions))


def left_behind(path: Path) -> list[str]:
    """Return what a file holds beside decisions about the ball, one line for each thing."""
    corrections = read_corrections(path)
    lines = []
    for words, kinds in (("rallies", ("rally", "no_rally")), ("tables", ("table",)), ("events", ("event", "no_event"))):
        if count := len(corrections.of_kinds(*kinds)):
            lines.append(f"{count:,} decisions about {words}")
    return lines
