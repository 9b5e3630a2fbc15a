"""What `detect` found with the corrections of a person applied: rows, events, rallies and views of the table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ttcli.results.corrections import Corrections
from ttcli.results.decisions import Decision
from ttcli.results.events import Event
from ttcli.results.rallies import Rally
from ttcli.results.trajectory import BallPosition, Status
from ttcli.table.views import TableView

NEAR_FRAMES = 2.5
"""An event of the same name so near is the one that is meant."""


def corrected_row(row: BallPosition, decision: Decision | None) -> BallPosition:
    """Return a row as a person has it: who decided is sure, and where nobody can tell there is no confidence."""
    if decision is None:
        return row
    if decision.kind == "ball":
        return replace(row, x=decision.x, y=decision.y, status=Status.SEEN, confidence=1.0, duplicate=False)
    confidence = 0.0 if decision.kind == "none" else None
    return replace(row, x=None, y=None, status=Status.UNSEEN, confidence=confidence, duplicate=False)


def corrected_rows(rows: Iterable[BallPosition], balls: Mapping[int, Decision]) -> Iterator[tuple[BallPosition, bool]]:
    """Yield each row as it is with the corrections, and whether a person decided it."""
    for row in rows:
        decision = balls.get(row.frame_index)
        yield corrected_row(row, decision), decision is not None


def corrected_events(events: Sequence[Event], corrections: Corrections, times: Mapping[int, float]) -> list[Event]:
    """Return the events that stand, in order.

    Args:
        events: As they were found.
        corrections: The decisions.
        times: Times of the frames that decisions name, seconds on the clock of ball.csv.
    """
    standing = list(events)
    for decision in corrections.of_kinds("event", "no_event"):
        frame = decision.frame or 0.0
        same = [event for event in standing if event.event == decision.event and abs(event.frame - frame) <= NEAR_FRAMES]
        nearest = min(same, key=lambda event: abs(event.frame - frame), default=None)
        if nearest is not None:
            standing.remove(nearest)
        if decision.kind == "event":
            standing.append(_event(decision, nearest, times))
    return sorted(standing, key=lambda event: event.frame)


def _event(decision: Decision, found: Event | None, times: Mapping[int, float]) -> Event:
    """Return the event that a person decided; one that was confirmed stays as it was found, and is sure."""
    if decision.confirmed and found is not None:
        return replace(found, confidence=1.0)
    frame = decision.frame or 0.0
    return Event(frame, times.get(round(frame)), decision.event or "", decision.x, decision.y, 1.0)


def corrected_rallies(rallies: Sequence[Rally], corrections: Corrections) -> list[Rally]:
    """Return the rallies that stand, in order of time. One whose bounds were moved keeps its other facts."""
    return [rally for _, rally in numbered_rallies(rallies, corrections)]


def numbered_rallies(rallies: Sequence[Rally], corrections: Corrections) -> list[tuple[int, Rally]]:
    """Return the rallies that stand, in order of time, with the numbers by which decisions call them.

    Those of the file are numbered from 1 on, those that a person added go on from there.
    """
    standing: dict[int, Rally] = dict(enumerate(rallies, 1))
    last = len(rallies)
    for decision in corrections.of_kinds("rally", "no_rally"):
        if decision.kind == "no_rally":
            standing.pop(decision.rally or 0, None)
            continue
        bounds = {name: getattr(decision, name) for name in ("start_seconds", "end_seconds", "start_frame", "end_frame")}
        if decision.rally is None:
            last += 1
            standing[last] = Rally(**bounds, confidence=1.0)
        elif decision.rally in standing:
            standing[decision.rally] = replace(standing[decision.rally], **bounds, confidence=1.0)
    return sorted(standing.items(), key=lambda item: item[1].start_seconds)


def corrected_views(views: Sequence[TableView], corrections: Corrections, height: int, width: int) -> list[TableView]:
    """Return the views of the table that stand: those in whose time a person put the corners are as they were put.

    Args:
        views: As they were found.
        corrections: The decisions.
        height: Height of the picture, pixels.
        width: Width of the picture.
    """
    standing = list(views)
    for decision in corrections.of_kinds("table"):
        if decision.confirmed or decision.corners is None or decision.start_seconds is None or decision.end_seconds is None:
            continue
        like = standing[0].camera if standing else None
        from ttcli.table.by_hand import camera_from_corners  # brings torch, which the page begins without

        camera = camera_from_corners(np.array(decision.corners), height, width, like)
        start, end = decision.start_seconds, decision.end_seconds
        standing = [view for view in standing if view.end_seconds < start or view.start_seconds > end]
        if camera is not None:
            standing.append(TableView(start, end, camera))
    return sorted(standing, key=lambda view: view.start_seconds)
