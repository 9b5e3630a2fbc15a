"""Frames one by one in, peaks in the same order out, with as many frames in memory for an hour as for a second."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ttcli.inference.camera_motion import CameraTracker, carry_back, lay_over
from ttcli.inference.runtimes import Runtime
from ttcli.networks.heatmaps import decode_candidates
from ttcli.networks.model_input import FrameRing, empty_input, input_channels, windows_to_input
from ttcli.networks.windows import Window, WindowSchedule

CANDIDATES = 3
"""Peaks of each frame that are handed on. More than three added nothing."""


class Peak(NamedTuple):
    """A place in one frame that may be the ball, in the pixels of the picture that the network saw."""

    x: float
    y: float
    probability: float


class FrameAnswer(NamedTuple):
    """What the network says of one frame."""

    peaks: list[Peak]
    """The CANDIDATES strongest, strongest first."""
    events: tuple[float, ...] | None
    """Probabilities of `event_head.EVENTS`; None of a network without an event head."""


class PendingAnswers(NamedTuple):
    """Answers for M frames that a device may still be working on."""

    rows: Tensor
    """x, y and probability, (M, CANDIDATES, 3)."""
    events: Tensor | None
    """(M, 2)."""
    ready: torch.cuda.Event | None
    """After which both are there; None where they are already."""

    def wait(self) -> list[FrameAnswer]:
        """Return the answers once they are there."""
        if self.ready is not None:
            self.ready.synchronize()
        events = [None] * len(self.rows) if self.events is None else [tuple(row) for row in self.events.tolist()]
        peaks = [[Peak(*peak) for peak in row] for row in self.rows.tolist()]
        return [FrameAnswer(*answer) for answer in zip(peaks, events, strict=True)]


class StreamingPredictor:
    """Windows over a stream of pictures, run through a network in batches and merged where they overlap.

    A frame's peaks are those of the mean of its heatmaps and offsets over all windows that answer for it; its events are
    such a mean too.

    Args:
        runtime: The network.
        height: Rows of the pictures that will come.
        width: Columns of the pictures that will come.
        step: Frames from one window to the next.
        stride: Frames between two neighbours in a window.
        batch: Windows that go through the network together.
        steady: Lay the frames of a window over each other where the camera moves.
        ahead: Batches that are put together while the answers of an older one are still on the device; None takes 1 on
            a GPU, which computes meanwhile, and 0 elsewhere. The answers are the same.
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
        ahead: int | None = None,
    ) -> None:
        self.runtime = runtime
        self._ahead = int(runtime.device.type == "cuda") if ahead is None else ahead
        self.batch = batch
        self.camera = CameraTracker(height, width) if steady else None
        """Where the pictures lie relative to each other; None where nobody looks."""
        self._pictures: deque[np.ndarray] = deque()  # the last ones, up to the newest, where the camera is looked at
        self.step = step
        self.stride = stride
        self._begin()
        kind = (runtime.dtype, runtime.device)
        # An answer may be handed on when all of the open frames, and those of the batches ahead, have come after its frame.
        self.behind = (1 + self._ahead) * self.schedule.most_open(batch)
        """Frames, at most, that have come after one whose answer is handed on."""
        self.poses_kept = 0
        """Settled frames of which `camera` still knows where they lie, for who asks later."""
        self._ring = FrameRing(self.schedule.span, height, width, runtime.difference, *kind)
        self._waiting: list[tuple[Window, list[np.ndarray] | None]] = []  # with their maps; their input is in _inputs
        channels = input_channels(runtime.window_size, runtime.difference)
        self._inputs = empty_input(batch, channels, height, width, *kind)
        cells = (height // runtime.output_stride, width // runtime.output_stride)
        self._merger = HeatmapMerger(self.schedule.most_open(batch), *cells, runtime.device)

    def answers(self, pictures: Iterable[np.ndarray | None], first: int = 0) -> Iterator[FrameAnswer]:
        """Yield what the network says of each picture, in order, a few windows later.

        Once all are yielded it may be called again, for another shot: no window holds pictures of both.

        Args:
            pictures: RGB, (H, W, 3) uint8; None where a frame is broken. Its place in windows is taken by the last
                good picture before it, or at the very start by the first good one.
            first: Number of the first one in the video, by which windows and looks at the camera keep their rhythm.
        """
        self._begin(first)
        self._merger.begin()
        pending: deque[PendingAnswers] = deque()
        for picture in pictures:
            self._keep(self.schedule.frame_count, picture)
            if self._take(self.schedule.arrive()):
                pending.append(self._merger.close_until(self.schedule.settled))
                if self.camera is not None:
                    self.camera.forget(self.schedule.settled - self.poses_kept)
                if len(pending) > self._ahead:
                    yield from pending.popleft().wait()
        self._take(self.schedule.finish())
        self._run_batch()
        pending.append(self._merger.close_until(self.schedule.frame_count))
        for answers in pending:
            yield from answers.wait()

    def _begin(self, first: int = 0) -> None:
        """Count frames and windows from 0 on, the first of which is frame `first` of the video."""
        outputs = self.runtime.output_frames
        self.schedule = WindowSchedule(self.runtime.window_size, self.step, self.stride, outputs[0], len(outputs), first)
        self._last_picture: Tensor | None = None
        self._pictures = deque(maxlen=self.schedule.span)
        if self.camera is not None:
            self.camera.begin(first)

    def _keep(self, frame_index: int, picture: np.ndarray | None) -> None:
        """Put a picture into the ring, where it takes the place of one that no window to come holds."""
        first = frame_index
        if picture is not None:
            if self._last_picture is None:  # broken frames before it are still to be stood in for
                first = max(0, frame_index + 1 - self.schedule.span)
            self._last_picture = torch.from_numpy(picture)
        if self._last_picture is not None:
            for index in range(first, frame_index + 1):
                self._ring.put(self._place(index), self._last_picture)
        if self.camera is not None:
            self.camera.add(picture)
            if self._last_picture is not None:
                self._pictures.append(self._last_picture.numpy())

    def _place(self, frame_index: int) -> int:
        """Return a frame's place in the ring, where the frames of a phase, and so of a window, are neighbours."""
        phase_index, phase = divmod(frame_index, self.schedule.stride)
        return phase * self.schedule.window_size + phase_index % self.schedule.window_size

    def _take(self, windows: list[Window]) -> bool:
        """Make the windows' model input while the ring holds their frames; return whether no window waits now."""
        for window in windows:
            out = self._inputs[len(self._waiting)]
            maps = self._maps(window)
            if maps is None:
                self._ring.write_window([self._place(frame_index) for frame_index in window.frame_indexes], out)
            else:
                newest = self.schedule.frame_count - 1
                pictures = [self._pictures[frame_index - newest - 1] for frame_index in window.frame_indexes]
                laid = lay_over(pictures, maps).to(out.device)
                windows_to_input(laid[None], self.runtime.difference, out.dtype, out=out[None])
            self._waiting.append((window, maps))
            if len(self._waiting) == self.batch:
                self._run_batch()
        return bool(windows) and not self._waiting

    def _maps(self, window: Window) -> list[np.ndarray] | None:
        """Return the maps from each frame of a window to its middle one; None where the camera stands still."""
        if self.camera is None or len(self._pictures) < min(self.schedule.span, self.schedule.frame_count):
            return None
        frames = window.frame_indexes
        return self.camera.maps(frames, frames[len(frames) // 2])

    def _run_batch(self) -> None:
        """Run the network over the windows that wait, and merge what it says."""
        if not self._waiting:
            return
        answer = self.runtime(self._inputs[: len(self._waiting)])
        for row, (window, maps) in enumerate(self._waiting):
            probabilities, offsets = answer.probabilities[row], answer.offsets[row]
            events = None if answer.events is None else answer.events[row]
            if maps is not None:
                answered = [maps[place] for place in self.runtime.output_frames]
                probabilities, offsets = carry_back(probabilities, offsets, answered, self.runtime.output_stride)
            self._merger.add(window.answers, probabilities, offsets, events)
        self._waiting = []


class HeatmapMerger:
    """Sums of heatmaps, offsets and events of the frames whose answers are not complete yet.

    Args:
        capacity: How many frames can be open at the same time.
        height: Rows of a heatmap.
        width: Columns of a heatmap.
        device: Where the sums are kept.
    """

    def __init__(self, capacity: int, height: int, width: int, device: torch.device) -> None:
        self._capacity = capacity
        self._probabilities = torch.zeros(capacity, height, width, device=device)
        self._offsets = torch.zeros(capacity, 2, height, width, device=device)
        self._events: Tensor | None = None
        self._counts = torch.zeros(capacity, device=device)
        self._first_open = 0

    def begin(self) -> None:
        """Count frames from 0 on; all those of before must have been popped."""
        self._first_open = 0

    def add(
        self, answers: tuple[int | None, ...], probabilities: Tensor, offsets: Tensor, events: Tensor | None = None
    ) -> None:
        """Add one window's probabilities (K, h, w), offsets (K, 2, h, w) and events (K, 2) to the frames they are of."""
        frames = [frame for frame in answers if frame is not None]
        if not frames:
            return
        if max(frames) >= self._first_open + self._capacity:
            raise ValueError(f"frame {max(frames)} does not fit beside open frame {self._first_open}")
        kept = len(frames)  # repeated frames stand at the end of `answers`
        places = torch.tensor([frame % self._capacity for frame in frames], device=probabilities.device)
        self._probabilities.index_add_(0, places, probabilities[:kept])
        self._offsets.index_add_(0, places, offsets[:kept])
        self._counts[places] += 1
        if events is not None:
            if self._events is None:
                self._events = torch.zeros(self._capacity, events.shape[1], device=events.device)
            self._events.index_add_(0, places, events[:kept])

    def close_until(self, frame_index: int) -> PendingAnswers:
        """Begin to decode the answers for the open frames before `frame_index`, and forget these frames."""
        frames = range(self._first_open, frame_index)
        if not frames:
            return PendingAnswers(torch.empty(0, CANDIDATES, 3), None, None)
        self._first_open = frame_index
        places = torch.tensor([frame % self._capacity for frame in frames], device=self._counts.device)
        counts = self._counts[places]
        # (M, h, w) -> (1, M, h, w): the frames stand in for the outputs of one window
        probabilities = (self._probabilities[places] / counts[:, None, None]).unsqueeze(0)
        offsets = (self._offsets[places] / counts[:, None, None, None]).unsqueeze(0)
        peaks = decode_candidates(probabilities, offsets, CANDIDATES)
        events = None if self._events is None else self._events[places] / counts[:, None]
        for sums in (self._probabilities, self._offsets, self._counts, self._events):
            if sums is not None:
                sums[places] = 0
        rows = torch.stack([peaks.x[0], peaks.y[0], peaks.confidence[0]], dim=-1)
        if rows.device.type != "cuda":
            return PendingAnswers(rows, events, None)
        rows = rows.to("cpu", non_blocking=True)
        events = None if events is None else events.to("cpu", non_blocking=True)
        ready = torch.cuda.Event()
        ready.record()
        return PendingAnswers(rows, events, ready)
