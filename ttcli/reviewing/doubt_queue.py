"""The queue of doubt: which place of a match a person should look at next, the worst first.

The order follows what is decided. Errors come together: beside one that was found the next is likely, beside a place
that was right it is less so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ttcli.results.ball_columns import STATUSES, BallColumns
from ttcli.results.decisions import OF_BALL, Decision
from ttcli.results.events import Event
from ttcli.results.rallies import Rally
from ttcli.results.trajectory import Status
from ttcli.reviewing.doubt import REASONS, doubts_of, reasons_of, together, with_odds
from ttcli.table.views import TableView

LEAST_SCORE = 0.05
"""Places less doubtful are not asked about."""
SPREAD, CALM = 5.0, 1 / 3
"""How many times larger the odds are that the frame beside one that was wrong is wrong, and beside one that was right."""
FADING = 0.6
"""Share of that, as a power, for each frame further."""
REACH = 6
"""Frames to both sides whose doubt a decision changes."""
AROUND = 60
"""Rows to both sides that are judged anew when a row has changed."""
APART, APART_SHARE = 3, 0.6
"""Frames so near to one that comes before them in the queue wait: their doubt counts for less."""
PATH_PIXELS = 25.0
"""A bounce further from the path is in disagreement with it, pixels of a picture 1920 wide."""
PATH_DOUBT, TWICE_DOUBT = 0.5, 0.4
BOUND_DOUBT, TABLE_DOUBT, MOVED_DOUBT = 0.25, 0.15, 0.4
MOVED_PIXELS = 3.0
"""Pixels that a corner of the table moves from one view to the next, on a picture 1920 wide."""


@dataclass(frozen=True)
class Doubt:
    """One place to look at."""

    kind: str
    """ball, event, rally or table: what there is to decide."""
    frame: int
    """The frame to show."""
    score: float
    """About the probability that it is wrong."""
    reasons: tuple[str, ...]
    """In words, the strongest first."""
    place: int = 0
    """Number of the event, the rally or the view in its list, from 0 on."""
    side: str = ""
    """Side of a rally: start or end."""

    @property
    def name(self) -> str:
        """What tells it from any other."""
        return f"{self.kind}:{self.frame if self.kind == 'ball' else self.place}{self.side}"

    def as_json(self) -> dict[str, Any]:
        """Return it as a dict for JSON."""
        return {
            "kind": self.kind, "frame": self.frame, "score": round(self.score, 3), "reasons": list(self.reasons),
            "place": self.place, "side": self.side, "name": self.name,
        }  # fmt: skip


@dataclass
class DoubtQueue:
    """The places of a match that are doubtful and not decided.

    Args:
        columns: The rows of ball.csv; they are changed as decisions say.
        width: Width of the picture, pixels.
        others: Doubts about events, rallies and tables.
    """

    columns: BallColumns
    width: int
    others: Sequence[Doubt] = ()
    decided: set[str] = field(default_factory=set)
    """Names of the doubts about events, rallies and tables that are decided."""

    def __post_init__(self) -> None:
        count = len(self.columns)
        self._doubts = doubts_of(self.columns, self.width)
        self._score = together(self._doubts)
        self._odds = np.ones(count)  # how many times larger the odds are by what was decided beside
        self._decided = np.zeros(count, bool)
        self._scores: np.ndarray | None = None  # as they are now, until the next decision
        self._found = self.columns.x.copy(), self.columns.y.copy(), self.columns.status.copy()

    def decide(self, decision: Decision) -> None:
        """Take a decision about the ball in a frame: its row changes, and the doubt around it."""
        row = self.columns.row_of(int(decision.frame or 0))
        if row is None:
            return
        self._decided[row], self._scores = True, None
        placed = decision.kind == "ball"
        self.columns.x[row] = decision.x if placed and decision.x is not None else np.nan
        self.columns.y[row] = decision.y if placed and decision.y is not None else np.nan
        self.columns.status[row] = STATUSES.index(Status.SEEN if placed else Status.UNSEEN)
        near = slice(max(0, row - REACH), row + REACH + 1)
        distance = np.abs(np.arange(len(self.columns))[near] - row)
        if decision.confirmed or decision.kind != "unknown":
            self._odds[near] *= (CALM if decision.confirmed else SPREAD) ** (FADING ** (distance - 1.0))
        self._judge_around(row)

    def leave_out(self, row: int) -> None:
        """Ask no more about a row, which stays as it is."""
        self._decided[row], self._scores = True, None

    def reset(self, decisions: Iterable[Decision]) -> None:
        """Begin again with what was found, and take these decisions."""
        for mine, found in zip((self.columns.x, self.columns.y, self.columns.status), self._found, strict=True):
            mine[:] = found
        self.__post_init__()
        for decision in decisions:
            if decision.kind in OF_BALL:
                self.decide(decision)

    def found(self, row: int) -> tuple[Status, float | None, float | None]:
        """Return status, x and y of a row as they were found."""
        x, y, status = (float(column[row]) for column in self._found)
        return STATUSES[int(status)], None if np.isnan(x) else x, None if np.isnan(y) else y

    def scores(self) -> np.ndarray:
        """Return how doubtful each row (N,) is now; 0 where it is decided."""
        if self._scores is None:
            self._scores = with_odds(self._score, self._odds)
            self._scores[self._decided | self.columns.has(Status.BROKEN)] = 0.0
        return self._scores

    @property
    def decided_frames(self) -> int:
        """How many frames are decided."""
        return int(self._decided.sum())

    def worst(self, count: int) -> list[Doubt]:
        """Return the most doubtful places, the worst first."""
        score = self.scores()
        waits = np.zeros(len(score), bool)
        picked: list[Doubt] = []
        rows = np.nonzero(score >= LEAST_SCORE)[0]
        if len(rows) > (most := 8 * count + 8):
            rows = rows[np.sort(np.argpartition(-score[rows], most)[:most])]
        rows = rows[np.argsort(-score[rows], kind="stable")]
        for row in rows:
            share = APART_SHARE if waits[row] else 1.0
            waits[max(0, row - APART) : row + APART + 1] = True
            picked.append(self._doubt(int(row), float(score[row] * share)))
        picked += [doubt for doubt in self.others if doubt.name not in self.decided]
        return sorted(picked, key=lambda doubt: -doubt.score)[:count]

    def how_many(self) -> int:
        """Return how many places are doubtful."""
        others = sum(doubt.name not in self.decided for doubt in self.others)
        return int((self.scores() >= LEAST_SCORE).sum()) + others

    def _doubt(self, row: int, score: float) -> Doubt:
        words = [REASONS[name] for name in reasons_of(self._doubts[:, row])]
        if self._odds[row] > 2:
            words.insert(0, "beside a place that was wrong")
        return Doubt("ball", int(self.columns.frame[row]), score, tuple(words[:3]))

    def _judge_around(self, row: int) -> None:
        near = slice(max(0, row - AROUND), row + AROUND + 1)
        part = replace(self.columns, **{name: getattr(self.columns, name)[near] for name in self.columns.__dataclass_fields__})
        doubts = doubts_of(part, self.width)
        inner = slice(
            AROUND // 2 if near.start else 0, len(part) if near.stop >= len(self.columns) else len(part) - AROUND // 2
        )
        target = slice(near.start + inner.start, near.start + inner.stop)
        self._doubts[:, target] = doubts[:, inner]
        self._score[target] = together(doubts[:, inner])


def other_doubts(
    columns: BallColumns, width: int, events: Sequence[Event], rallies: Sequence[Rally], views: Sequence[TableView]
) -> list[Doubt]:
    """Return the doubts about events, the bounds of rallies, and tables."""
    return [*_of_events(columns, width, events), *_of_rallies(rallies), *_of_tables(columns, width, views)]


def _of_events(columns: BallColumns, width: int, events: Sequence[Event]) -> list[Doubt]:
    found = []
    for place, event in enumerate(events):
        name = "net crossing" if event.event == "net" else event.event
        doubts = {f"{name} of low confidence": 1 - event.certainty}
        if event.event == "bounce" and _off_path(columns, event) * 1920 / width > PATH_PIXELS:
            doubts["bounce off the path"] = PATH_DOUBT
        if place and events[place - 1].event == event.event == "net" and _near(events[place - 1], event):
            doubts["crosses the net twice, no bounce between"] = TWICE_DOUBT
        score = float(together(np.array(list(doubts.values()))[:, None])[0])
        if score >= LEAST_SCORE:
            words = sorted(doubts, key=lambda word: -doubts[word])
            found.append(Doubt("event", max(0, round(event.frame)), score, tuple(words[: 1 + (len(words) > 1)]), place))
    return found


def _off_path(columns: BallColumns, event: Event) -> float:
    """Return how many pixels an event is from the path around it, straight from frame to frame; 0 where nobody knows."""
    first, end = np.searchsorted(columns.frame, (event.frame - 2, event.frame + 2.01))
    places = np.stack([columns.x[first:end], columns.y[first:end]], 1)
    places = places[np.isfinite(places).all(1)]
    if event.x is None or event.y is None or len(places) < 2:
        return 0.0
    place, begin, way = np.array([event.x, event.y]), places[:-1], np.diff(places, axis=0)
    share = (((place - begin) * way).sum(1) / np.maximum((way**2).sum(1), 1e-9)).clip(0, 1)
    return float(np.linalg.norm(begin + share[:, None] * way - place, axis=1).min())


def _near(one: Event, other: Event) -> bool:
    return one.time_seconds is not None and other.time_seconds is not None and other.time_seconds - one.time_seconds < 1.5


def _of_rallies(rallies: Sequence[Rally]) -> list[Doubt]:
    found = []
    for place, rally in enumerate(rallies):
        unsure = 0.0 if rally.confidence is None else 0.5 * (1 - rally.confidence)
        for side, frame in (("start", rally.start_frame), ("end", rally.end_frame)):
            not_told = side == "end" and rally.ended is None
            words = [f"{side} of rally {place + 1}"] + (["how it ended is unknown"] if not_told else [])
            if frame >= 0:
                found.append(Doubt("rally", frame, BOUND_DOUBT + unsure + 0.1 * not_told, tuple(words), place, side))
    return found


def _of_tables(columns: BallColumns, width: int, views: Sequence[TableView]) -> list[Doubt]:
    from ttcli.table.camera import landmarks

    found: list[Doubt] = []
    if not np.isfinite(columns.seconds).all() or not len(columns):
        return found
    corners = [view.camera.project(landmarks()[0][:4]) for view in views]
    for place, view in enumerate(views):
        row = int(np.searchsorted(columns.seconds, view.start_seconds).clip(max=len(columns) - 1))
        moved = place and np.abs(corners[place] - corners[place - 1]).max() * 1920 / width > MOVED_PIXELS
        score, words = (MOVED_DOUBT, "the table moved") if moved else (TABLE_DOUBT, "is this the table?")
        found.append(Doubt("table", int(columns.frame[row]), score, (words,), place))
    return found
