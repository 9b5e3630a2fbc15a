"""Frames one by one in, peaks in the same order out, with as many frames in memory for an hour as for a second.

Each frame is looked at once. Where that leaves doubt, the network is shown windows that start between too, cropped
around what it proposed, and the frame's peaks come from the mean of its heatmaps. Where two windows that are some apart
show no sign of a ball, the windows between them are left out. Windows go through the network in threads of its runtime,
while frames still come.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from itertools import islice

import numpy as np

from ttcli.inference.answers import FrameAnswer, OpenFrame, Said, WindowAnswer, nothing_said, together
from ttcli.inference.camera_motion import LOOK_EVERY, Box, CameraTracker
from ttcli.inference.runtimes import Runtime
from ttcli.inference.shown_windows import Looked, Picture, ShownWindow, as_kept, run_windows
from ttcli.networks.packed_windows import as_pixels
from ttcli.networks.windows import Window, WindowSchedule

DOUBT = (0.005, 0.99)
"""Between these confidences of its strongest peak a frame is in doubt after one look..."""
RIVAL = 0.3
"""... and where its second peak is as probable as this. Measured: docs/EXPERIMENTS.md."""
PROPOSED = 0.005
"""Second and third peaks of a frame in doubt that are as probable as this are checked again, as the first is."""
SIGN = 0.3
"""Confidence of a peak that may be a ball in play: where neither probe has one, the windows between them are not shown.
At 0.5
real balls are lost: docs/EXPERIMENTS.md."""
MARGIN = 64
"""Pixels around them that a crop shows: with 32 one frame in 300 more is wrong, with 80 as few as with whole pictures."""
CROP_MULTIPLE, CROP_GRID = 64, 32
"""Sides of crops are multiples of the first, for a new shape takes a network's time. Their corners are multiples of the
second, so that a network's strides fall where they do on the whole picture."""
LARGEST_CROP = 0.6
"""Share of the picture; of a larger one all is shown."""


class _State(Enum):
    """How far the network is with a window that a frame has its first look from."""

    HELD = "held"
    """Shown only if a probe before or after it shows a sign of a ball."""
    UNDER_WAY = "under way"
    ANSWERED = "answered"
    LEFT_OUT = "left out"


@dataclass
class _Slot:
    """A window of the first look, in its place among those of its phase."""

    window: Window
    state: _State
    probe: "_Slot | None" = None
    """The one before it that is shown whatever others show; None of such a one."""
    sign: bool = False
    """Whether it shows a sign of a ball, once answered."""

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come of it."""
        return self.state in (_State.ANSWERED, _State.LEFT_OUT)


class StreamingPredictor:
    """Windows over a stream of pictures, run through a network and merged where they overlap.

    A frame's peaks come from the mean of its heatmaps and offsets over all windows that predict it. Which windows
    there are does not depend on the number of threads.

    Args:
        runtime: The network.
        height: Rows of the pictures that will come.
        width: Columns of the pictures that will come.
        step: Frames from one window to the next.
        stride: Frames between two neighbours in a window.
        batch: Windows that go through the network together, on a device other than the processor.
        steady: Lay the frames of a window over each other where the camera moves.
        again: Frames from window to window around frames that are in doubt; None never looks again.
        probes: Windows from one that is shown anyway to the next, while there is no sign of a ball; 1 shows them all.
        ahead: Windows that may be under way; None takes as many as keep the network at work.
        looked: What the network said of some of the windows already.
    """

    def __init__(
        self,
        runtime: Runtime,
        height: int,
        width: int,
        step: int,
        stride: int = 1,
        batch: int = 4,
        steady: bool = True,
        again: int | None = None,
        probes: int = 1,
        ahead: int | None = None,
        looked: Looked | None = None,
    ) -> None:
        self.runtime, self._looked = runtime, looked
        self._size = height, width
        self._together = 1 if runtime.device.type == "cpu" else batch
        self._ahead = runtime.workers + 2 * (self._together - 1) if ahead is None else ahead
        self.camera = CameraTracker(height, width) if steady else None
        """Where the pictures lie relative to each other; None where nobody looks."""
        self.step, self.stride = step, stride
        self._again = again if again is not None and again < step else None
        self._probes = probes
        self._begin()
        rounds = 2 if probes == 1 else 3  # of windows under way that a frame may have to wait for, one after the other
        self.behind = self.schedule.span + (rounds * (self._ahead + self._together) + 4 + probes) * step * stride
        """Frames, at most, that have come after one whose answer is handed on."""
        self.poses_kept = 0
        """Frames before those of windows to come of which `camera` still knows where they lie, for who asks later."""

    def answers(self, pictures: Iterable[np.ndarray | None], first: int = 0) -> Iterator[FrameAnswer]:
        """Yield what the network says of each picture, in order, a few windows later.

        Once all are yielded it may be called again, for another shot: no window holds pictures of both.

        Args:
            pictures: RGB, (H, W, 3) uint8; None where a frame is broken. Its place in windows is taken by the last
                good picture before it, or at the very start by the first good one.
            first: Number of the first one in the video, by which windows and looks at the camera keep their rhythm.
        """
        self._begin(first)
        try:
            for picture in pictures:
                self._keep(picture)
                for window in self.schedule.arrive():
                    self._line_up(window)
                self._go_on()
                while self._under_way > self._ahead or (self._shown and self._shown[0][1].done()):
                    self._merge_oldest()
                yield from self._complete()
            for window in self.schedule.finish():
                self._line_up(window, last=True)
            self._ended = True
            for line in self._lines:
                self._show_last(line)
            self._go_on()
            while self._under_way:
                self._merge_oldest()
            yield from self._complete(to_the_end=True)
        finally:
            for _, future in self._shown:
                future.cancel()

    def _begin(self, first: int = 0) -> None:
        """Count frames and windows from 0 on, the first of which is frame `first` of the video."""
        outputs = self.runtime.output_frames
        self.schedule = WindowSchedule(self.runtime.window_size, self.step, self.stride, outputs[0], len(outputs), first)
        self._pictures: deque[Picture | None] = deque()  # the latest; None of broken ones before the first good one
        self._group: list[ShownWindow] = []
        self._shown: deque[tuple[list[ShownWindow], Future[list[WindowAnswer]]]] = deque()
        self._under_way = 0
        self._lines: list[deque[_Slot]] = [deque() for _ in range(self.stride)]  # of each phase, in order
        self._decided = [0] * self.stride  # of each phase, the frame before which no more windows are to come
        self._open: dict[int, OpenFrame] = {}
        self._first_open = 0
        self._ended = False
        if self.camera is not None:
            self.camera.begin(first)

    def _keep(self, picture: np.ndarray | None) -> None:
        """Keep a picture for windows to come, and let go of those that none will hold."""
        if self.camera is not None:
            self.camera.add(picture)
        if picture is None:
            self._pictures.append(self._pictures[-1] if self._pictures else None)
        else:
            kept = as_kept(as_pixels(picture), self.runtime.difference)
            for place in range(len(self._pictures)):
                if self._pictures[place] is not None:
                    break
                self._pictures[place] = kept
            self._pictures.append(kept)
        needed = self._first_needed()
        while self.schedule.frame_count + 1 - len(self._pictures) < needed:
            self._pictures.popleft()
        if self.camera is not None:
            self.camera.forget(needed - self.poses_kept)

    def _first_needed(self) -> int:
        """Return the first frame that windows to come may hold."""
        needed = max(0, self.schedule.frame_count + 1 - self.schedule.span)
        if self._again is None and self._probes == 1:
            return needed
        return min([needed, *(max(line[0].window.start, 0) if line else 0 for line in self._lines)])

    def _line_up(self, window: Window, last: bool = False) -> None:
        """Take the next window of the first look of its phase: show it, or hold it until its probes are answered."""
        line = self._lines[window.start % self.stride]
        if last or not line or self.schedule.number(window) % self._probes == 0:
            line.append(_Slot(window, _State.UNDER_WAY))
            self._show(window)
        else:
            line.append(_Slot(window, _State.HELD, line[-1].probe or line[-1]))

    def _show_last(self, line: deque[_Slot]) -> None:
        """Show the last window of a phase, though it is none of those that are shown anyway: no other comes after it."""
        if line and line[-1].state is _State.HELD:
            line[-1].state, line[-1].probe = _State.UNDER_WAY, None
            self._show(line[-1].window)

    def _show(self, window: Window, again: bool = False, doubts: Sequence[int] = ()) -> None:
        """Hand a window to the network, of one that is shown because of doubt what surrounds the proposals in these frames."""
        oldest = self.schedule.frame_count - len(self._pictures)
        black = as_kept(np.zeros((*self._size, 4), np.uint8), self.runtime.difference)
        pictures = [self._pictures[frame - oldest] or black for frame in window.frame_indexes]
        maps = self._maps(window)
        box = self._box(window, maps, doubts) if again else None
        if box is not None:
            self._send()  # alone, for it has a shape of its own
        self._group.append(ShownWindow(window, pictures, maps, again, box))
        self._under_way += 1
        if again:
            for frame in window.answers:
                if frame is not None:
                    self._open[frame].awaited += 1
        if len(self._group) == self._together or box is not None:
            self._send()

    def _box(self, window: Window, maps: list[np.ndarray] | None, doubts: Sequence[int]) -> Box | None:
        """Return the crop of a window that shows what was proposed in some of its frames; None where it is all of it, or nearly."""
        if not self.runtime.any_size:
            return None
        found = []
        for frame in doubts:
            strongest, *others = self._said_at_first(frame).peaks
            for peak in [strongest, *(peak for peak in others if self.runtime.confidence(peak.probability) > PROPOSED)]:
                place = np.array([peak.x, peak.y, 1.0])
                found.append((place if maps is None else maps[window.frame_indexes.index(frame)] @ place)[:2])
        height, width = self._size
        places = np.clip(found, 0, (width - 1, height - 1))  # where the camera pans fast, the middle frame may not show them
        (left, columns), (top, rows) = (
            _span(min(along) - MARGIN, max(along) + MARGIN, side) for along, side in zip(places.T, (width, height), strict=True)
        )
        return Box(left, top, columns, rows) if rows * columns <= LARGEST_CROP * height * width else None

    def _send(self) -> None:
        if self._group:
            self._shown.append((self._group, self.runtime.pool.submit(run_windows, self.runtime, self._group, self._looked)))
            self._group = []

    def _maps(self, window: Window) -> list[np.ndarray] | None:
        """Return the maps from each frame of a window to its middle one; None where the camera stands still."""
        if self.camera is None or not any(self._pictures):
            return None
        frames = window.frame_indexes
        return self.camera.maps(frames, frames[len(frames) // 2])

    def _merge_oldest(self) -> None:
        """Wait for the windows that were shown first, and note what the network says of their frames."""
        if not self._shown:
            self._send()
        group, future = self._shown.popleft()
        for waiting, answer in zip(group, future.result(), strict=True):
            self._under_way -= 1
            window = waiting.window
            for place, frame in enumerate(window.answers):
                if frame is not None:
                    about = self._open.setdefault(frame, OpenFrame())
                    about.said.append(Said(window.start, waiting.again, answer, place))
                    about.awaited -= waiting.again
            if not waiting.again:
                self._note(window, answer)
        self._go_on()

    def _note(self, window: Window, answer: WindowAnswer) -> None:
        """Note that a window of the first look is answered."""
        slot = next(slot for slot in self._lines[window.start % self.stride] if slot.window.start == window.start)
        slot.state = _State.ANSWERED
        slot.sign = any(self.runtime.confidence(said.peaks[0].probability) > SIGN for said in answer.frames)

    def _go_on(self) -> None:
        """Do what waited for answers, and for frames: only eight later it is known for good how the camera moved."""
        for phase, line in enumerate(self._lines):
            for place, slot in enumerate(line):
                if slot.state is _State.HELD and self._lies_firm(slot.window):
                    self._release(line, place)
            while len(line) > 1 and line[0].settled and line[1].settled and self._lies_firm(line[1].window):
                self._look_again(phase)

    def _lies_firm(self, window: Window) -> bool:
        """Return whether nothing that is still to come changes where the pictures of a window lie."""
        return self.camera is None or self._ended or self.schedule.frame_count > window.frame_indexes[-1] + LOOK_EVERY

    def _release(self, line: deque[_Slot], place: int) -> None:
        """Show a window that is held, or leave it out, if what its probes say is known."""
        slot = line[place]
        after = next((other for other in islice(line, place, None) if other.probe is None), None)
        probes = [probe for probe in (slot.probe, after) if probe is not None]
        if any(probe.sign for probe in probes):
            slot.state = _State.UNDER_WAY
            self._show(slot.window)
        elif len(probes) == 2 and all(probe.settled for probe in probes):
            slot.state = _State.LEFT_OUT

    def _look_again(self, phase: int) -> None:
        """Show windows between the first two of a phase, where doubt is left."""
        line = self._lines[phase]
        earlier, later = line.popleft(), line[0]
        if self._again is not None and earlier.state is later.state is _State.ANSWERED:
            for window in self.schedule.between(earlier.window, later.window, self._again):
                doubts = [frame for frame in window.answers if frame is not None and self._is_in_doubt(frame)]
                if doubts:
                    self._show(window, again=True, doubts=doubts)
        self._decided[phase] = later.window.start

    def _is_in_doubt(self, frame: int) -> bool:
        first, second = (self.runtime.confidence(peak.probability) for peak in self._said_at_first(frame).peaks[:2])
        return DOUBT[0] < first < DOUBT[1] or second > RIVAL

    def _complete(self, to_the_end: bool = False) -> Iterator[FrameAnswer]:
        """Yield the answers for the frames of which no more windows are to come."""
        while self._first_open < self.schedule.frame_count:
            frame = self._first_open
            about = self._open.get(frame, OpenFrame())
            if not to_the_end and (self._decided[frame % self.stride] <= frame or about.awaited):
                return
            self._open.pop(frame, None)
            self._first_open += 1
            yield together(about.said) if about.said else nothing_said()

    def _said_at_first(self, frame: int) -> FrameAnswer:
        """Return what is said of a frame by the windows that are shown anyway: others may be merged by now, or not."""
        return together([said for said in self._open[frame].said if not said.again])


def _span(first: float, last: float, side: int) -> tuple[int, int]:
    """Return where a crop begins along a side of the picture, and its length, so that it holds all from `first` to `last`."""
    begin = int(max(first, 0) // CROP_GRID * CROP_GRID)
    length = -(-(min(math.ceil(last) + 1, side) - begin) // CROP_MULTIPLE) * CROP_MULTIPLE
    if length >= side:
        return 0, side
    return min(begin, (side - length) // CROP_GRID * CROP_GRID), length
