"""A view: a while in which a camera stays in one place, how it moved, which table is played on, and the result."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol

import cv2
import numpy as np

from ttcli.table.camera import TableCamera
from ttcli.table.candidates import FEW_LOOKS, FULL_LOOKS, LEAST_LOOKS, Candidate
from ttcli.table.evidence import WHOLE, Evidence, Region, region_of
from ttcli.table.fit import CORNERS_UNSURE, Fit, farthest_apart, same_table, worst_corner
from ttcli.table.judging import judge
from ttcli.table.lines import lay_lines
from ttcli.table.motion import farthest_corner, similarity_between
from ttcli.table.profiles import Picture, piece
from ttcli.table.refining import AIM, refine
from ttcli.table.settling import CARRIED_REACHES, Shown, settled, thinned
from ttcli.table.sightings import LEAST, MOST, MOSTLY, PLAYED, Room, Sighting, above_region, over_table, rather_over, verdict
from ttcli.table.views import Move, NoTable, TableView, camera_then, drifted, stated

WIDE, NARROWER = 0.6, 0.75
"""A table that was found in so large a part of the picture is looked at closer where it fits into so much of that."""
RIVAL_LOOKS = 6
"""At each table but the largest."""
STILL = 1e-9
"""Change of a motion's numbers below which there is none."""
BALLS_TOGETHER = 20
"""Sightings of the ball after which it is judged anew which table is played on."""
STEADY = 0.02
"""Picture widths that a picture may have moved for white lines to be looked for in it."""
ALONE, BETTER = 10.0 / 1920, 0.03
"""Picture widths that the network may correct where the hall's motion has a corner. For more it must see so much more of
the table there: where somebody hides an end it fits almost as well elsewhere."""
ELSEWHERE = 0.05
"""How much more of the table a camera may see from elsewhere than by turning. For more, it is a crane's, or a walker's."""
SMALL, AS_LARGE, MUCH_LARGER = 0.4, 0.65, 1.6
"""How large another table is on the picture, as a share of one that is known.

A small table counts only if the ball is played at it, and at no larger table. The match may be at another that is as
large. At a much larger one it is as a rule.
"""


class Looks(Protocol):
    """What shows parts of pictures to the network."""

    def heat(self, picture: np.ndarray, region: Region) -> np.ndarray:
        """Return maps (KINDS, h, w) of a part of a picture."""


class Stretch:
    """A while without a cut, in which the motion of the picture is known.

    Args:
        start: When it begins, seconds.
        tables: The tables that its first picture shows, the likeliest first.
        height: Height of the video's picture.
        width: Its width.
    """

    def __init__(self, start: float, tables: list[Candidate], height: int, width: int) -> None:
        self.start = self.end = self.seen = self.rested = start
        small = [table for table in tables if table.size < SMALL * tables[0].size]
        self.candidates, self._small = [table for table in tables if table not in small], small
        self.motion, self.moves = np.eye(3), [Move(start, np.eye(3))]
        self.moving = False
        self.lost = self.missed = 0
        self.corrected: np.ndarray | None = None
        """What the motion really is, where the last look set it right."""
        self._height, self._width = height, width
        self._ball: list[Sighting] = []
        self._moved_at = start
        self._judged_at: tuple[int, ...] | None = None
        self._judged: tuple[Candidate | None, str] = None, ""

    @property
    def tables(self) -> list[Candidate]:
        """All tables that are seen, the small ones last."""
        return [*self.candidates, *self._small]

    @property
    def looks(self) -> int:
        """How often the likeliest table was looked at."""
        return self.candidates[0].looks

    @property
    def leader(self) -> Candidate:
        """The table by which the motion is set right: the likeliest one whose camera is known, if any is."""
        return next((candidate for candidate in self.tables if candidate.known), self.candidates[0])

    @property
    def settled(self) -> bool:
        """Whether enough was seen of every table."""
        first, *others = self.tables
        return first.settled and all(other.settled or other.looks >= RIVAL_LOOKS for other in others)

    def note_ball(self, ball: Sighting) -> None:
        """Note where the ball was seen."""
        if len(self._ball) < MOST:
            self._ball.append(ball)

    def move(self, seconds: float, motion: np.ndarray) -> None:
        """Note where the picture has moved to."""
        if not self.moving and self.rested > self.moves[-1].seconds:
            self.moves.append(Move(self.rested, self.motion, 0.0))
        self.moving, self._moved_at, self.motion = True, seconds, motion
        self.moves.append(Move(seconds, motion, seconds - self.seen))

    def rest(self, seconds: float, after: float) -> None:
        """Take the camera to stand still once it did for a while."""
        if seconds - self._moved_at > after:
            self.moving, self.rested = False, seconds

    def look(self, picture: np.ndarray, seconds: float, looker: Looks) -> bool:
        """Look at the tables again; return whether they are where they should be."""
        self.corrected = None
        if np.abs(self.motion - np.eye(3)).max() < STILL:
            self.candidates = [self._closer(candidate, picture, looker) for candidate in self.candidates]
        there = [
            self._look_at(candidate, picture, looker, seconds)
            for number, candidate in enumerate(self.tables)
            if number == 0 or candidate is self.leader or candidate.looks < RIVAL_LOOKS
        ]
        for candidate in self.tables:
            if candidate.looks == FEW_LOOKS:
                candidate.fit(self._height, self._width)
        self.missed = 0 if any(there) else self.missed + 1
        if any(there):
            self.seen = seconds
        return any(there)

    def _closer(self, candidate: Candidate, picture: np.ndarray, looker: Looks) -> Candidate:
        """Return a table that was found in too wide a part of the picture as one to be looked at closer, else as it is."""
        if candidate.looks != LEAST_LOOKS or candidate.narrowed or candidate.region.width < WIDE:
            return candidate
        candidate.narrowed = True
        camera = candidate.fit(self._height, self._width).camera
        region = None if camera is None else region_of(camera, self._height, self._width)
        if region is None or region.width > NARROWER * candidate.region.width:
            return candidate
        heat, shown = looker.heat(picture, region), self._piece(picture, region)
        closer = Candidate(region, heat, candidate.size, shown, candidate.surface)
        closer.narrowed = True
        return closer

    def _look_at(self, candidate: Candidate, picture: np.ndarray, looker: Looks, seconds: float) -> bool:
        moved = np.abs(self.motion - np.eye(3)).max() > STILL
        region = self._moved(candidate.region) if moved else candidate.region
        if region is None:
            return True  # out of the picture: nothing is known, and nothing lost
        if len(candidate.shown) < FULL_LOOKS and (moved or not candidate.shown):
            candidate.shown.append(Shown(seconds, piece(picture, region, self._height, self._width, np.eye(3))))
        if candidate.laid and self._seen_by_lines(candidate, picture, region, seconds):
            return True
        heat = looker.heat(picture, region)
        if not moved:
            return candidate.add(heat, 1.0, self._piece(picture, region))
        told = (
            candidate is not self.leader or candidate.looks < LEAST_LOOKS or self._set_right(candidate, heat, region, seconds)
        )
        laid, weight = self._laid_back(candidate, heat, region)
        return candidate.add(laid, weight, self._piece(picture, region)) and told

    def _piece(self, picture: np.ndarray, region: Region) -> Picture | None:
        """Return the part of this picture that shows a region; None where the picture has moved too far since the first one."""
        if farthest_corner(self.motion, np.eye(3), self._height, self._width) > STEADY * self._width:
            return None
        return piece(picture, region, self._height, self._width, self.motion)

    def _moved(self, region: Region) -> Region | None:
        """Return the part of the picture that a region of the first one has moved to; None where it left the picture."""
        size = np.array([self._width, self._height])
        middle = size * (region.left + region.width / 2, region.top + region.height / 2)
        middle = (self.motion @ [*middle, 1.0])[:2] / size
        zoom = float(np.sqrt(abs(np.linalg.det(self.motion[:2, :2]))))
        share = min(1.0, region.width * zoom)
        if (np.abs(middle - 0.5) > 0.5 + share / 4).any():
            return None
        left, top = np.clip(middle - share / 2, 0, 1 - share)
        return WHOLE if share > 0.95 else Region(float(left), float(top), share, share)

    def _laid_back(self, candidate: Candidate, heat: np.ndarray, region: Region) -> tuple[np.ndarray, np.ndarray]:
        """Return an answer for a region of this picture as the first picture would have shown it, and where it is known."""
        here, first = (self._to_pixels(each, heat.shape) for each in (region, candidate.region))
        to_here = (np.linalg.inv(here) @ self.motion @ first)[:2]  # from cells of the first picture
        size = heat.shape[:0:-1]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        laid = np.stack([cv2.warpAffine(np.ascontiguousarray(plane), to_here, size, flags=flags) for plane in heat])
        return laid, cv2.warpAffine(np.ones(heat.shape[1:], np.float32), to_here, size, flags=flags)

    def _to_pixels(self, region: Region, shape: tuple[int, ...]) -> np.ndarray:
        """Return the map (3, 3) from cells of a region's maps to pixels of the video."""
        cell = np.array([self._width * region.width / shape[2], self._height * region.height / shape[1]])
        corner = np.array([self._width * region.left, self._height * region.top]) + 0.5 * cell - 0.5
        return np.array([[cell[0], 0, corner[0]], [0, cell[1], corner[1]], [0, 0, 1.0]])

    def _seen_by_lines(self, candidate: Candidate, picture: np.ndarray, region: Region, seconds: float) -> bool:
        """Look at the white lines alone, and correct the motion by them; return whether they are where they should be."""
        fit = candidate.fit(self._height, self._width)
        known = fit.camera
        if known is None:
            return False  # further pictures made its corners unsure
        moved = np.abs(self.motion - np.eye(3)).max() > STILL
        if not candidate.settled and candidate.looks < FULL_LOOKS:
            candidate.add_picture(self._piece(picture, region))
            if not moved:
                return True
        shown = piece(picture, region, self._height, self._width, np.eye(3))
        laid = lay_lines(known.carried(self.motion), [shown], AIM, CARRIED_REACHES, fit.hump)
        if laid is None or not laid.sure:
            return False
        if moved and candidate is self.leader:
            self._correct(known, laid.camera, seconds)
        return True

    def _set_right(self, candidate: Candidate, heat: np.ndarray, region: Region, seconds: float) -> bool:
        """Correct how the picture has moved by where the network sees the table; return whether it sees it there."""
        known = candidate.fit(self._height, self._width)
        if known.camera is None:
            return True
        evidence, carried = Evidence(heat, self._width, self._height, region), known.camera.carried(self.motion)
        refined = refine(carried, evidence, AIM)
        if refined is None:
            return False
        said = judge(refined.camera, evidence)
        near = farthest_apart(refined.camera, carried) <= ALONE * self._width
        if said.reason is not None or not (near or said.score > judge(carried, evidence).score + BETTER):
            return False
        anywhere = refine(refined.camera, evidence)
        if anywhere is not None and judge(anywhere.camera, evidence).score > said.score + ELSEWHERE:
            return False
        self._correct(known.camera, refined.camera, seconds)
        return True

    def _correct(self, known: TableCamera, seen: TableCamera, seconds: float) -> None:
        """Correct how the picture has moved by how the table is seen now, and the way there since the last look evenly."""
        motion = similarity_between(known, seen, np.inf)
        assert motion is not None
        change = motion @ np.linalg.inv(self.motion)
        span = max(seconds - self.seen, 1e-6)
        for number, move in enumerate(self.moves):
            if move.seconds > self.seen:
                share = min(1.0, (move.seconds - self.seen) / span)
                step = np.eye(3) + share * (change - np.eye(3))
                drift = min(move.seconds - self.seen, seconds - move.seconds)
                self.moves[number] = Move(move.seconds, step @ move.motion, max(0.0, drift))
        self.motion = self.corrected = motion
        self.moves.append(Move(seconds, motion, 0.0))

    def close(self) -> None:
        """Note that no more looks come; only the result is kept."""
        for candidate in self.tables:
            candidate.fit(self._height, self._width, more=False)
        if self.moving or len(self.moves) > 1:
            self.moves.append(Move(max(self.end, self.moves[-1].seconds), self.motion, max(0.0, self.end - self.seen)))
            leader = self.leader
            fit, self.moves = settled(leader.fit(self._height, self._width), self.moves, leader.shown, self._height)
            leader.settle(fit)
        else:
            for candidate in self.tables:
                candidate.stay()
        for candidate in self.tables:
            candidate.shown = []
        self._judged_at = None
        self.moves = thinned(self.moves, self._height, self._width)

    def told(self) -> Candidate | None:
        """Return the table that was accepted; None where there is none."""
        chosen, _ = self._chosen()
        return chosen

    def camera_at(self, seconds: float) -> TableCamera | None:
        """Return the camera that saw the table at a time; None where none was accepted."""
        chosen, _ = self._chosen()
        fit = None if chosen is None else chosen.fit(self._height, self._width)
        return None if fit is None or fit.camera is None else camera_then(stated(fit.camera), self._own_moves(), seconds)

    def view(self) -> TableView | NoTable:
        """Return the result of the stretch."""
        chosen, reason = self._chosen()
        fit = None if chosen is None else chosen.fit(self._height, self._width)
        if fit is None or fit.camera is None or chosen is None:
            return NoTable(self.start, self.end, reason)
        return replace(self._view_of(fit, self.end), source=chosen.source)

    def _view_of(self, fit: Fit, seconds: float) -> TableView:
        assert fit.camera is not None
        moves, camera = tuple(self._own_moves()), stated(fit.camera)
        error = worst_corner(drifted(camera, 0.0) if moves else camera, self._height)
        return TableView(self.start, max(self.end, seconds), camera, moves, error, fit.score)

    def _own_moves(self) -> list[Move]:
        return self.moves if len(self.moves) > 1 else []

    def _chosen(self) -> tuple[Candidate | None, str]:
        """Return the table that is played on, or why none is told of."""
        state = (
            len(self._ball) // BALLS_TOGETHER,
            len(self.moves) // BALLS_TOGETHER,
            *(candidate.looks for candidate in self.tables),
        )
        if state != self._judged_at:
            self._judged_at, self._judged = state, self._choose()
        return self._judged

    def _choose(self) -> tuple[Candidate | None, str]:
        fits = [(candidate, candidate.fit(self._height, self._width)) for candidate in self.candidates]
        possible: list[tuple[Candidate, Fit]] = []
        for candidate, fit in fits:
            cameras = [other.camera for _, other in possible if other.camera is not None]
            if fit.camera is not None and not any(same_table(fit.camera, camera) for camera in cameras):
                possible.append((candidate, fit))
        said = {candidate: verdict(self._at(fit), self._ball) for candidate, fit in possible}
        for candidate in self._passed_by([candidate for candidate, over in said.items() if over]):
            said[candidate] = False
        played = [candidate for candidate, over in said.items() if over is not False]
        unknown = [candidate for candidate, fit in fits if fit.camera is None]
        if not played:
            small = [candidate for candidate in self._small if self._played_at(candidate)]
            if len(small) == 1 and not any(self._rather_at(candidate, small[0]) for candidate in unknown):
                return small[0], ""
            return None, "the ball is played elsewhere, or does not bounce on it" if possible else str(fits[0][1].reason)
        sure = [candidate for candidate, over in said.items() if over]
        if len(sure) == 1:
            return sure[0], ""
        largest = max(played, key=lambda candidate: candidate.size)
        unsure = [candidate for candidate, fit in fits if fit.reason == CORNERS_UNSURE]  # a table, but where exactly?
        if any(candidate.size > AS_LARGE * largest.size for candidate in [*played, *unsure] if candidate is not largest):
            return None, "two tables are seen, and the ball does not tell which is played on"
        if any(candidate.size > MUCH_LARGER * largest.size for candidate in unknown):
            return None, "a larger table is seen, and where it is cannot be told"
        if any(self._rather_at(candidate, largest) for candidate in unknown):
            return None, "the ball is played at another table, and where that is cannot be told"
        return largest, ""

    def _played_at(self, candidate: Candidate) -> bool:
        """Return whether a table is known that the ball is surely played at."""
        fit = candidate.fit(self._height, self._width)
        return fit.camera is not None and bool(verdict(self._at(fit), self._ball))

    def _passed_by(self, sure: list[Candidate]) -> list[Candidate]:
        """Return which of the tables that the ball is seen over are not played at: it is seen rather over another one."""
        tables = [*sure, *(candidate for candidate in self._small if self._played_at(candidate))]
        if len(tables) < 2:
            return []
        over = {candidate: self._over(candidate, MOSTLY) for candidate in tables}
        return [each for each in sure if any(rather_over(over[other], over[each]) for other in tables)]

    def _over(self, candidate: Candidate, room: Room = PLAYED) -> np.ndarray:
        """Return which sightings (N,) of the ball are over a table that is known."""
        at = self._at(candidate.fit(self._height, self._width))
        return over_table([at(ball.seconds) for ball in self._ball], self._ball, room)

    def _rather_at(self, other: Candidate, candidate: Candidate) -> bool:
        """Return whether the ball is more often where only another table is than over the one that is known."""
        if len(self._ball) < LEAST or len(self.moves) > 1:
            return False  # the part of the picture that shows the other one is known for a camera that stands still
        over = self._over(candidate)
        there = above_region(other.region, self._height, self._width, self._ball) & ~over
        return bool(there.mean() > over.mean())

    def _at(self, fit: Fit) -> Callable[[float], TableCamera]:
        assert fit.camera is not None
        return partial(camera_then, fit.camera, self._own_moves())
