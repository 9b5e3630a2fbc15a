"""Looks for the table while the frames of a video pass, and carries it along while the camera moves.

A network looks at the whole picture first, then LOOKS times, every LOOK_SECONDS, at each part that shows a table. The
mean of its answers is freed of the players who stood before a corner in one of them. Then it looks seldom, to see
whether the table is still there; while the picture moves it goes on looking, and sets right where the table was carried
to.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from ttcli.table.camera import TableCamera
from ttcli.table.candidates import LEAST_LOOKS, Candidate
from ttcli.table.evidence import WHOLE, Patch, tables_apart
from ttcli.table.looking import TableLooker
from ttcli.table.motion import MotionTracker, farthest_corner
from ttcli.table.profiles import piece
from ttcli.table.sightings import Sighting
from ttcli.table.stretches import Stretch
from ttcli.table.views import NoTable, TableView, joined
from ttcli.video.reader import Frame

LOOKS = 16
LOOK_SECONDS, FIRST_SECONDS = 0.3, 0.0
"""All looks are done before the first event is found: the spotter waits for 4 s of path at the least."""
CHECK_SECONDS = 2.0
MOVING_SECONDS = 0.7
"""Between two looks while the camera moves, after the first LOOKS."""
MOST_PAUSE_SECONDS = 4.0
"""Between two tries while no table is seen; the first pauses are shorter."""
STILL_EVERY, MOVING_EVERY = 0.24, 0.08
"""Seconds between two looks at how the picture moves."""
LEAST_MOTION = 1.2 / 1920
"""Picture widths that a corner of the picture moves for the camera to move."""
FAST = 12.0 / 1920
"""The same between two looks for every frame to be looked at."""
STILL_AFTER = 1.0
"""Seconds without motion after which a camera that moved stands still."""
MOST_LOST, NEARLY_LOST = 3, 2
"""Times in a row that nobody can tell how the picture moved, or where the table is not seen, after which it is another
view; and after which it is none where the shot ends."""
MOST_CLOSER, CLOSER, NARROWEST = 2, 0.8, 0.08
"""How often a closer look is taken than the first, where the table takes less than a part of what was looked at, and
the smallest part of the picture that is looked at."""
SAME_REGION = 0.5
"""Part of two regions that both have, from which on they are of one table."""
NOTHING_SEEN, CARRIED_AWAY = "no table is seen", "the camera moves, and the table is not seen where that leads"
KNOWN = 4
"""Views of a video that are remembered, so that they are known again after a cut."""


class TableWatcher:
    """Notes how the table is seen, shot by shot.

    Args:
        height: Height of the video's picture, in whose pixels the cameras will be.
        width: Its width.
        weights: Weights of the network; those in the package if None.
    """

    def __init__(self, height: int, width: int, weights: Path | None = None) -> None:
        self._height, self._width = height, width
        self._looker = TableLooker(height, width, weights)
        self._motion = MotionTracker(height, width)
        self._stretches: list[Stretch | NoTable] = []
        self._open: Stretch | None = None
        self._known: list[Candidate] = []
        self._pause, self._begin, self._reason = LOOK_SECONDS, 0.0, NOTHING_SEEN
        self._ending: Future[None] | None = None

    def noting(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames, looking at some of them on the way."""
        due, follow, shot, last = 0.0, 0.0, -1, 0.0
        for frame in frames:
            if frame.shot != shot:
                self._end_shot(last)
                shot, due, follow, self._pause, self._begin = frame.shot, 0.0, 0.0, LOOK_SECONDS, frame.time_seconds
            picture = frame.picture
            if picture is not None and not frame.duplicate:
                if self._open is not None and frame.time_seconds >= min(follow, due):  # a look must know where the table is now
                    follow = frame.time_seconds + self._follow(frame.time_seconds, picture)
                if frame.time_seconds >= due:
                    due = frame.time_seconds + self._look(frame, picture if frame.large is None else frame.large)
            if self._open is not None:
                self._open.end = frame.time_seconds
            last = frame.time_seconds
            yield frame
        # While the last windows go through the network of the ball, which are shown only once no more frames come.
        self._ending = _in_a_thread(partial(self._end_shot, last))

    def note_ball(self, seconds: float, x: float, y: float) -> None:
        """Note where the ball was seen: it tells which table is played on, and whether it is one."""
        self._wait()
        for stretch in reversed(self._stretches):
            if isinstance(stretch, Stretch) and stretch.start <= seconds:
                if seconds <= stretch.end:
                    stretch.note_ball(Sighting(seconds, x, y))
                return

    def __call__(self, seconds: float) -> TableCamera | None:
        """Return the camera that saw the table then, or None where it was not found."""
        self._wait()
        for stretch in reversed(self._stretches):
            if isinstance(stretch, Stretch) and stretch.start <= seconds <= stretch.end:
                return stretch.camera_at(seconds)
        return None

    def views(self) -> list[TableView | NoTable]:
        """Return from when to when the table was seen how, and why it was not where it was not."""
        self._wait()
        return joined(stretch.view() if isinstance(stretch, Stretch) else stretch for stretch in self._stretches)

    def _wait(self) -> None:
        """Wait until the last stretch is ended, where the frames are."""
        if self._ending is not None:
            self._ending.result()
            self._ending = None

    def _look(self, frame: Frame, picture: np.ndarray) -> float:
        """Look at a frame's picture; return after how many seconds the next one is due."""
        seconds = frame.time_seconds
        if self._open is None:
            candidates = self._candidates(picture)
            if not candidates:
                self._pause = min(2 * self._pause, MOST_PAUSE_SECONDS)
                return self._pause
            self._end(seconds)
            self._open = Stretch(seconds, candidates, self._height, self._width)
            self._stretches.append(self._open)
            self._motion.begin()
            if frame.picture is not None:
                self._motion.add(frame.picture)
            return FIRST_SECONDS
        stretch = self._open
        seen = stretch.look(picture, seconds, self._looker)
        if seen and stretch.corrected is not None:
            self._motion.correct(stretch.corrected)
        if stretch.missed >= MOST_LOST:
            self._end(stretch.seen, CARRIED_AWAY if stretch.moving else NOTHING_SEEN)
            return self._pause
        if stretch.missed and stretch.moving:
            return LOOK_SECONDS
        if stretch.looks < LOOKS and not stretch.settled:
            return FIRST_SECONDS if stretch.looks < LEAST_LOOKS else LOOK_SECONDS  # also in a shot of a few frames
        return MOVING_SECONDS if stretch.moving else CHECK_SECONDS

    def _candidates(self, picture: np.ndarray) -> list[Candidate]:
        """Return the tables that a picture may show, the likeliest first: one that is known already alone."""
        for known in self._known:
            again = known.again(self._looker.heat(picture, known.region), self._height, self._width)
            if again is not None:
                return [again]
        heat = self._looker.heat(picture, WHOLE)
        found: list[Candidate] = []
        for patch in tables_apart(heat):
            for closer, seen in self._closer(picture, heat, patch):
                if all(closer.region.overlap(other.region) < SAME_REGION for other in found):
                    shown = piece(picture, closer.region, self._height, self._width, np.eye(3))
                    found.append(Candidate(closer.region, seen, closer.size, shown, closer.surface))
        return found

    def _closer(self, picture: np.ndarray, whole: np.ndarray, patch: Patch) -> list[tuple[Patch, np.ndarray]]:
        """Return a table as a part of the picture that shows it as large as it can, and what the network says of that part.

        After it come the tables that the whole picture shows as one with it.
        """
        region, heat = patch.region, whole if patch.region is WHOLE else self._looker.heat(picture, patch.region)
        others: list[Patch] = []
        for number in range(MOST_CLOSER):
            patches = tables_apart(heat)
            if number == 0 and region is not WHOLE:
                seen = [each.within(region) for each in patches]
                others = [each for each in seen[1:] if each.is_part_of(patch)]
                patch = seen[0] if others else patch
            if not patches or patches[0].region.width > CLOSER or patches[0].region.width * region.width < NARROWEST:
                break
            region = patches[0].region.within(region)
            heat = self._looker.heat(picture, region)
        there = [each for each in others if each.region.width >= NARROWEST]
        return [(patch._replace(region=region), heat), *((each, self._looker.heat(picture, each.region)) for each in there)]

    def _follow(self, seconds: float, picture: np.ndarray) -> float:
        """Note how the picture moved; return after how many seconds to look again."""
        stretch = self._open
        assert stretch is not None
        motion = self._motion.add(picture)
        if motion is None:
            stretch.lost += 1
            if stretch.lost >= MOST_LOST:
                self._end(seconds)
            return MOVING_EVERY
        stretch.lost = 0
        far = farthest_corner(motion, stretch.motion, self._height, self._width)
        if far > LEAST_MOTION * self._width:
            stretch.move(seconds, motion)
        elif stretch.moving:
            stretch.rest(seconds, STILL_AFTER)
        else:
            stretch.rested = seconds
        if far > FAST * self._width:
            return FIRST_SECONDS
        return MOVING_EVERY if stretch.moving else STILL_EVERY

    def _end_shot(self, seconds: float) -> None:
        """End what goes on: where the table was missed lately while the camera moved, when it was seen last."""
        stretch = self._open
        if stretch is not None and stretch.moving and stretch.missed >= NEARLY_LOST:
            self._end(stretch.seen, CARRIED_AWAY)
        self._end(seconds)

    def _end(self, seconds: float, reason: str = NOTHING_SEEN) -> None:
        """End the stretch that goes on, if any, or note why nothing was seen up to now; `reason` is why nothing is from now on."""
        stretch, self._open = self._open, None
        if stretch is None:
            if seconds > self._begin:
                self._stretches.append(NoTable(self._begin, seconds, self._reason))
        else:
            stretch.end = min(stretch.end, seconds)
            self._pause = min(2 * self._pause, MOST_PAUSE_SECONDS) if stretch.looks < LEAST_LOOKS else LOOK_SECONDS
            stretch.close()
            told = stretch.told()
            known = self._known if told is None else [told, *(each for each in self._known if each is not told)]
            self._known, lost = known[:KNOWN], known[KNOWN:]
            for candidate in [*lost, *(each for each in stretch.tables if each is not told)]:
                candidate.forget()
        self._begin, self._reason = seconds, reason


def _in_a_thread(work: Callable[[], None]) -> "Future[None]":
    """Begin some work in a thread of its own, and return what waits for its end."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="table")
    try:
        return pool.submit(work)
    finally:
        pool.shutdown(wait=False)
