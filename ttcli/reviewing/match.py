"""A match under review: what was found, what a person has decided, and what is still doubtful."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ttcli.errors import InputError, SettingError, TtcliError
from ttcli.results.ball_columns import STATUSES
from ttcli.results.content_hash import content_hash
from ttcli.results.corrections import CorrectionLog, header_of
from ttcli.results.decisions import CORNERS, OF_BALL, Decision, decision_from_json
from ttcli.results.events import Event
from ttcli.results.trajectory import Status
from ttcli.reviewing.applying import corrected_events, corrected_views, numbered_rallies
from ttcli.reviewing.doubt_queue import DoubtQueue, other_doubts
from ttcli.reviewing.found import HASHED_AT_ONCE, Found, other_video
from ttcli.table.camera import landmarks
from ttcli.table.views import TableView

PATH_FRAMES = 15
"""Frames before and after the one that is shown whose path is drawn, and which are confirmed together."""
SECONDS_AROUND = 5.0
"""Seconds for which a table that nobody found holds, before and after the frame on which its corners are put."""


class Match:
    """What the page shows and decides; every method but `check_in_background` is of one thread.

    Args:
        found: What was found.
        corrections: Where decisions go; see `CorrectionLog`.
        tell: Takes warnings, one line each.

    Raises:
        InputError: The corrections are of another video.
        OutputError: They cannot be written, or another review of the match is going on.
    """

    def __init__(self, found: Found, corrections: Path, tell: Callable[[str], None] = lambda line: None) -> None:
        self.found = found
        self.info = found.info
        facts = (found.manifest or {}).get("video", {})
        video = {
            "name": self.info.path.name,
            "bytes": None if self.info.path.is_dir() else self.info.path.stat().st_size,
            "sha256": facts.get("sha256"),
        }
        ball = {"name": found.ball.name, "sha256": content_hash(found.ball)}
        self.log = CorrectionLog(corrections, header_of(video, ball))
        try:
            self._check_header(video, ball, tell)
        except TtcliError:
            self.log.close()
            raise
        self.trouble: str | None = None
        """Why nothing can be decided any more, where that is so."""
        self.queue = DoubtQueue(
            found.columns,
            self.info.width,
            other_doubts(found.columns, self.info.width, found.events, found.rallies, found.views),
        )
        self._take_all()

    def _check_header(self, video: Mapping[str, Any], ball: Mapping[str, Any], tell: Callable[[str], None]) -> None:
        """Tell where the corrections were made on another CSV; refuse those of another video."""
        header, path = self.log.corrections.header, self.log.path
        if self.log.corrections.torn:
            tell(f"{path}: the last decision was truncated while it was written, and does not count")
        before = header.get("video")
        for key in ("bytes", "sha256"):
            if isinstance(before, dict) and before.get(key) and video[key] and before[key] != video[key]:
                fact = f"are corrections of another video ({str(before.get('name'))[:80]}) than {self.info.path}"
                raise InputError(path, fact, "give another --corrections, or that video")
        if isinstance(header.get("ball"), dict) and header["ball"].get("sha256") != ball["sha256"]:
            tell(f"{path}: was made on another ball.csv of this video; its decisions hold, by frame")

    def check_in_background(self) -> None:
        """Begin to compare a large video with the manifest; where it is another one, nothing can be decided any more."""
        manifest = self.found.manifest
        if manifest is None or self.info.path.is_dir() or self.info.path.stat().st_size <= HASHED_AT_ONCE:
            return

        def check() -> None:
            try:
                if content_hash(self.info.path) != manifest["video"]["sha256"]:
                    self.trouble = str(other_video(self.info, self.found.ball, manifest["video"]))
            except InputError as error:
                self.trouble = str(error)

        threading.Thread(target=check, name="compare video", daemon=True).start()

    @property
    def frame_count(self) -> int:
        """One more than the last frame."""
        return int(self.found.columns.frame[-1]) + 1

    @cached_property
    def times(self) -> np.ndarray | None:
        """Seconds of each frame, (N,); None where the CSV does not tell them for all frames from 0 on."""
        columns = self.found.columns
        whole = len(columns) == self.frame_count and np.isfinite(columns.seconds).all()
        return columns.seconds if whole else None

    def seconds_of(self, frame: float) -> float | None:
        """Return when a frame is; None where the CSV does not tell."""
        row = self.found.columns.row_of(round(frame))
        return None if row is None or np.isnan(self.found.columns.seconds[row]) else float(self.found.columns.seconds[row])

    # What the page is told

    def as_json(self) -> dict[str, Any]:
        """Return what the page needs to begin."""
        return {
            "video": self.info.path.name,
            "ball": self.found.ball.name,
            "corrections": self.log.path.name,
            "height": self.info.height,
            "width": self.info.width,
            "pixel_aspect": float(self.info.pixel_aspect),
            "frames": self.frame_count,
            "frame_rate": float(self.info.frame_rate),
            "path_frames": PATH_FRAMES,
            "file": not self.info.path.is_dir(),
            **self.progress(),
        }

    def progress(self) -> dict[str, Any]:
        """Return what changes with each decision."""
        standing = self.log.corrections.standing()
        return {
            "rallies": [
                {"number": number, **asdict(rally)}
                for number, rally in numbered_rallies(self.found.rallies, self.log.corrections)
            ],
            "tables": [self._table(view) for view in self.views()],
            "decided": self.queue.decided_frames,
            "decisions": len(standing),
            "doubtful": self.queue.how_many(),
            "trouble": self.trouble,
        }

    def rows(self, first: int, count: int) -> dict[str, Any]:
        """Return the rows of some frames, and the events among them."""
        columns = self.found.columns
        start, end = np.searchsorted(columns.frame, (first, first + count))
        balls = self._balls
        rows = [
            [
                int(columns.frame[row]),
                _or_none(columns.seconds[row], 6),
                _or_none(columns.x[row], 2),
                _or_none(columns.y[row], 2),
                _or_none(columns.confidence[row], 4),
                STATUSES[columns.status[row]].value,
                balls[int(columns.frame[row])].kind if int(columns.frame[row]) in balls else None,
            ]
            for row in range(start, end)
        ]
        events = [event for event in self.events() if first <= event.frame < first + count]
        return {"first": first, "rows": rows, "events": [_event(event) for event in events]}

    def overview(self, bins: int) -> dict[str, Any]:
        """Return the whole match in some parts of equal length: least confidence, share seen, doubt, and where events are."""
        columns = self.found.columns
        edges = np.linspace(0, self.frame_count, bins + 1)
        part = (np.searchsorted(edges, columns.frame, side="right") - 1).clip(0, bins - 1)
        seen = columns.has(Status.SEEN, Status.FILLED)
        confidence, doubt, share = np.full(bins, np.nan), np.zeros(bins), np.zeros(bins)
        np.fmin.at(confidence, part[seen], columns.confidence[seen])
        np.maximum.at(doubt, part, self.queue.scores())
        np.add.at(share, part, seen)
        share /= np.maximum(np.bincount(part, minlength=bins), 1)
        return {
            "confidence": [_or_none(value, 3) for value in confidence],
            "seen": np.round(share, 3).tolist(),
            "doubt": np.round(doubt, 3).tolist(),
            "events": [[round(event.frame, 2), event.event] for event in self.events()[:5000]],
        }

    def events(self) -> list[Event]:
        """Return the events that stand."""
        return self._standing_events

    def views(self) -> list[TableView]:
        """Return the views of the table that stand."""
        return self._standing_views

    def worst(self, count: int) -> list[dict[str, Any]]:
        """Return the places to look at next, the worst first; of events with what they are."""
        return [
            {**doubt.as_json(), **({"about": _event(self.found.events[doubt.place])} if doubt.kind == "event" else {})}
            for doubt in self.queue.worst(count)
        ]

    # What the page decides

    def decide(self, asked: object) -> dict[str, Any]:
        """Take a decision, append it to the file, and return what has changed.

        Args:
            asked: As `decision_from_json` reads it, with `kind` also `right` and `path_right`, which confirm what was
                found, and with `doubt`, the name of the place in the queue that it answers.

        Raises:
            ValueError: It is no decision, or contradicts what is there.
            SettingError: Nothing can be decided any more.
            RefusedError: The disk takes no more.
        """
        if self.trouble:
            raise SettingError(self.info.path, self.trouble, "end the review, and give the right files")
        for decision in self._meant(asked):
            self.log.append(decision)
            self._take(decision)
        if isinstance(asked, dict) and isinstance(asked.get("doubt"), str):
            self.queue.decided.add(asked["doubt"])
        return self._changed()

    def undo(self) -> dict[str, Any]:
        """Take back the last decision that stands, and return what has changed.

        Raises:
            ValueError: There is none.
        """
        last = self.log.last_standing()
        if last is None:
            raise ValueError("there is nothing to take back")
        self.log.append(Decision(self.log.next_number, "undo", undone=last.number, made=_now()))
        self.queue.decided.clear()
        self._take_all()
        return {**self._changed(), "undone": last.as_json()}

    def _changed(self) -> dict[str, Any]:
        return {**self.progress(), "queue": self.worst(40)}

    def _meant(self, asked: object) -> list[Decision]:
        """Return the decisions that a request stands for."""
        if not isinstance(asked, dict):
            raise ValueError("is no decision")
        number, made = self.log.next_number, _now()
        kind, frame = asked.get("kind"), asked.get("frame")
        if kind in ("right", "path_right"):
            if isinstance(frame, bool) or not isinstance(frame, int):
                raise ValueError("right has no frame")
            reach = PATH_FRAMES if kind == "path_right" else 0
            return self._confirmed(range(max(0, frame - reach), frame + reach + 1), number, made)
        decision = replace(decision_from_json(asked, number), made=made)
        if decision.kind == "undo":
            raise ValueError("undo is asked for in another way")
        return [self._completed(decision)]

    def _completed(self, decision: Decision) -> Decision:
        """Return a decision with what the match knows and the page does not: times."""
        if decision.frame is not None and decision.frame >= self.frame_count:
            raise ValueError(f"there is no frame {decision.frame:g}")
        if decision.kind in OF_BALL and self.found.columns.row_of(int(decision.frame or 0)) is None:
            raise ValueError(f"there is no frame {decision.frame:g}")
        if decision.corners is not None and not decision.confirmed and not self._is_table(decision.corners):
            raise ValueError("no table has its corners there")
        if decision.kind in ("event", "no_event") and decision.x is None:
            row = self.found.columns.row_of(round(decision.frame or 0))
            if row is not None and not np.isnan(self.found.columns.x[row]):
                decision = replace(decision, x=float(self.found.columns.x[row]), y=float(self.found.columns.y[row]))
        return decision

    def _is_table(self, corners: Sequence[tuple[float, float]]) -> bool:
        from ttcli.table.by_hand import camera_from_corners  # brings torch, which the page begins without

        return camera_from_corners(np.array(corners), self.info.height, self.info.width) is not None

    def _confirmed(self, frames: range, number: int, made: str) -> list[Decision]:
        """Return decisions that confirm the rows of frames as they stand, but for those that are decided or cannot be."""
        columns, decisions = self.found.columns, list[Decision]()
        for frame in frames:
            row = columns.row_of(frame)
            if row is None or (len(frames) > 1 and frame in self._balls) or STATUSES[columns.status[row]] is Status.BROKEN:
                continue
            x, y = _or_none(columns.x[row], 2), _or_none(columns.y[row], 2)
            kind = "none" if x is None else "ball"
            before = self._balls.get(frame)
            sure = before is None or before.confirmed
            decisions.append(Decision(number + len(decisions), kind, frame, x, y, confirmed=sure, made=made))
        if not decisions:
            raise ValueError("there is nothing to confirm")
        return decisions

    def _take(self, decision: Decision) -> None:
        """Let a new decision count."""
        if decision.kind in OF_BALL:
            self._balls[int(decision.frame or 0)] = decision
            self.queue.decide(decision)
        else:
            self._judge_lists()

    def _take_all(self) -> None:
        """Let all decisions of the file count, and no other."""
        self._balls = self.log.corrections.balls()
        self.queue.reset(self._balls.values())
        self._judge_lists()

    def _judge_lists(self) -> None:
        """Make the lists of events and tables anew, and note which doubts about lists are answered."""
        corrections = self.log.corrections
        of_events = corrections.of_kinds("event", "no_event")
        times = {
            round(each.frame or 0): seconds for each in of_events if (seconds := self.seconds_of(each.frame or 0)) is not None
        }
        self._standing_events = corrected_events(self.found.events, corrections, times)
        self._standing_views = corrected_views(self.found.views, corrections, self.info.height, self.info.width)
        for doubt in self.queue.others:
            if self._is_answered(doubt.kind, doubt.place, doubt.side, of_events):
                self.queue.decided.add(doubt.name)

    def _is_answered(self, kind: str, place: int, side: str, of_events: list[Decision]) -> bool:
        """Tell whether a decision of the file answers a doubt about an event, a rally or a table."""
        corrections = self.log.corrections
        if kind == "event":
            event = self.found.events[place]
            return any(each.event == event.event and abs((each.frame or 0) - event.frame) < 1 for each in of_events)
        if kind == "rally":
            return any(each.rally == place + 1 for each in corrections.of_kinds("rally", "no_rally"))
        start, end = self.found.views[place].start_seconds, self.found.views[place].end_seconds
        return any((each.start_seconds, each.end_seconds) == (start, end) for each in corrections.of_kinds("table"))

    def _table(self, view: TableView) -> dict[str, Any]:
        """Return a view of the table for the page: its corners and net on the picture."""
        return {"start_s": view.start_seconds, "end_s": view.end_seconds, **outline(view)}


def outline(view: TableView) -> dict[str, Any]:
    """Return the corners of the table on the picture in the order of CORNERS, and the net's posts and foot."""
    shown = view.camera.project(landmarks()[0])
    corners, middles, posts = shown[[0, 2, 3, 1]], shown[4:6], shown[6:8]  # around the board
    lowest = max(range(4), key=lambda place: (corners[place] + corners[(place + 1) % 4])[1])
    turned = np.roll(corners, -lowest, axis=0)  # the lowest side first
    if turned[0][0] > turned[1][0]:
        turned = turned[[1, 0, 3, 2]]
    return {
        "corners": {name: np.round(place, 1).tolist() for name, place in zip(CORNERS, turned, strict=True)},
        "net": np.round(np.array([middles[0], posts[0], posts[1], middles[1]]), 1).tolist(),
    }


def _or_none(value: float, decimals: int) -> float | None:
    return None if np.isnan(value) else round(float(value), decimals)


def _event(event: Event) -> dict[str, Any]:
    return {"frame": event.frame, "event": event.event, "x": event.x, "y": event.y, "confidence": event.confidence}


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
