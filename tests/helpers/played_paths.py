"""Paths of balls that are played, served and passed on, seen from the side of the table, with their events."""

from dataclasses import dataclass, field

import numpy as np

from ttcli.results.events import Event
from ttcli.results.trajectory import BallPosition, Status

NET, BOARD, HALF = 960.0, 700.0, 500.0
"""Pixels: the net's x, the table's y, and from the net to an end."""
FALLS = 9.81 * HALF / 1.37
"""Pixels a second squared."""


@dataclass
class Film:
    """A path as it grows: arcs from place to place, with what happens between them."""

    frame_rate: float = 60.0
    seconds: float = 0.0
    place: tuple[float, float] | None = None
    seen: list[tuple[float, float, float]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        """Let time pass without a ball."""
        self.seconds += seconds
        self.place = None

    def appear(self, x: float, y: float) -> None:
        """Let the ball be there, `x` halves of the table from the net."""
        self.place = (NET + HALF * x, y)

    def fly(self, seconds: float, x: float, y: float = BOARD, bounce: bool = False) -> None:
        """Let the ball fly somewhere, and perhaps bounce there."""
        (from_x, from_y), to_x, begin = self.place, NET + HALF * x, self.seconds
        for at in np.arange(0, seconds, 1 / self.frame_rate):
            share = at / seconds
            fallen = FALLS / 2 * at * (seconds - at)
            self.seen.append((begin + at, from_x + share * (to_x - from_x), from_y + share * (y - from_y) - fallen))
        if (from_x - NET) * (to_x - NET) < 0:
            at = begin + seconds * (NET - from_x) / (to_x - from_x)
            self._tell("net", at, NET, 600.0)
        self.seconds, self.place = begin + seconds, (to_x, y)
        if bounce:
            self._tell("bounce", self.seconds, to_x, y)

    def rally(self, strokes: int, server: int = -1, ended: str | None = "long", slower: float = 0.0) -> tuple[float, float]:
        """Let a point be played, after which nobody sees the ball; return when it begins and ends.

        Where `ended` is None, the ball goes on from its last bounce. Players reach it by `slower` seconds later.
        """
        begin, end, side = self.seconds, self.seconds, server
        self.appear(1.1 * side, 640)
        self.fly(0.12, 0.75 * side, bounce=True)
        for stroke in range(strokes):
            last = stroke == strokes - 1
            if stroke:
                self.fly(0.25 + slower, 1.15 * side, 620)  # to the racket
                self.place = (self.place[0], 620)
            if last and ended == "net":
                self.fly(0.2, 0.02 * side, 640)
                end = self.seconds
                self.fly(0.25, 0.15 * side, bounce=True)
                break
            if last and ended == "long":
                self.fly(0.5, -1.3 * side, 760)
                end = self.seconds
                break
            self.fly(0.38 if not stroke else 0.5, -0.6 * side, bounce=True)
            side = -side
        if ended == "missed":
            self.fly(0.6, 1.4 * side, 760)
            end = self.seconds
        elif ended == "double_bounce":
            self.fly(0.35, 0.9 * side, bounce=True)
            end = self.seconds
        self.place = None if ended else self.place
        return begin, end

    def passed_on(self, side: int, tossed: bool = False) -> None:
        """Let the ball be sent to the other player over the table, high, with a bounce on both halves, perhaps after a toss."""
        self.appear(1.1 * side, 640)
        if tossed:
            self.fly(0.4, 1.1 * side, 640)
        self.fly(0.2, 0.6 * side, bounce=True)
        self.fly(0.62, -0.5 * side, bounce=True)
        self.fly(0.3, -1.1 * side, 620)
        self.place = None

    def bounced_by_hand(self, side: int, times: int = 5) -> None:
        """Let the server bounce the ball on his own half."""
        self.appear(0.9 * side, 640)
        for _ in range(times):
            self.fly(0.35, 0.9 * side, bounce=True)
        self.place = None

    def rows(self, every: int = 1) -> list[BallPosition]:
        """Return a row for each frame."""
        seen = {round(seconds * self.frame_rate): (x, y) for seconds, x, y in self.seen}
        rows = []
        for frame in range(round(self.seconds * self.frame_rate) + 1):
            place = seen.get(frame) if frame % every == 0 else None
            status = Status.UNSEEN if place is None else Status.SEEN
            x, y = place or (None, None)
            rows.append(BallPosition(frame, frame / self.frame_rate, x, y, 0.9 if place else 0.1, status))
        return rows

    def mirrored(self, place: tuple[float, float]) -> tuple[float, float]:
        """Return a place as a camera behind an end sees it: what is to the right comes near, what is high stays high."""
        x, y = place
        return (NET + 0.1 * (x - NET), 560 + 0.35 * (x - NET) + 0.3 * (y - BOARD))

    def _tell(self, event: str, seconds: float, x: float, y: float) -> None:
        self.events.append(Event(seconds * self.frame_rate, seconds, event, x, y, 0.9))
