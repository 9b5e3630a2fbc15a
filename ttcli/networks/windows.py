"""Which windows a video has, which frames each holds, and when a frame has all its answers.

A window is `window_size` frames, `stride` apart. With a stride above 1 the frames of the video fall into `stride`
phases (0, s, 2s, ...; 1, s + 1, ...), and each phase has windows of its own, so that every frame gets an answer.
Within a phase, windows start `step` frames of the phase apart. Nothing here needs to know how long the video is.
"""

from fractions import Fraction
from typing import NamedTuple

from ttcli.errors import SettingError

USUAL_STEP = 3
"""Frames from window to window around frames in doubt: with nine answers each of these is looked at three times."""

UNSEEN_SECONDS = 0.4
"""Longest time in which nobody looks while there is no sign of a ball: a toss alone takes longer..."""
MOST_PROBES = 3
"""... and windows, at most, of which one is shown: with more, pictures wait too long in memory."""


class Window(NamedTuple):
    """One window: what goes into the network, and which frames its outputs predict."""

    frame_indexes: tuple[int, ...]
    """The frames it holds, `window_size` of them; at the video's ends the border frame repeats."""
    answers: tuple[int | None, ...]
    """The frame that each output predicts; None where the output belongs to a repeated frame."""
    start: int
    """Number of the frame in its first place, also where that lies before the video and another stands in."""


def choose_stride(frame_rate: Fraction, most_fps: float) -> int:
    """Return how many frames lie between two neighbours in a window, so that the ball moves as in training.

    Args:
        frame_rate: Frame rate of the video.
        most_fps: Highest rate that the network was trained on.
    """
    return max(1, round(float(frame_rate) / most_fps))


def choose_step(outputs: int) -> int:
    """Return how many frames lie between the starts of two windows of a network that predicts `outputs` frames."""
    return min(USUAL_STEP, outputs)


def choose_probes(frame_rate: Fraction, span: int) -> int:
    """Return how many windows lie between two of which one is shown anyway, the other only at a sign of a ball.

    Args:
        frame_rate: Frame rate of the video.
        span: Frames of the video that a window predicts.
    """
    return min(MOST_PROBES, 1 + int(UNSEEN_SECONDS * frame_rate / span))


def window_span(window_size: int, stride: int) -> int:
    """Return how many frames of the video lie between the first and the last of a window, both counted."""
    return (window_size - 1) * stride + 1


def window_frames(first: int, window_size: int, stride: int, frame_count: int) -> list[int]:
    """Return the frames of the window that starts at `first`, which may lie before the video or reach beyond it.

    Where the window leaves the video it repeats the border frame of its own phase: the frame nearest to the border
    that a whole number of strides away from `first`.

    Args:
        first: Frame index of the window's first place.
        window_size: Frames in the window.
        stride: Frames between two neighbours in the window.
        frame_count: Frames of the video, more than `first % stride`.
    """
    phase = first % stride
    last = phase + (frame_count - 1 - phase) // stride * stride
    return [min(max(first + place * stride, phase), last) for place in range(window_size)]


class WindowSchedule:
    """The windows of a video whose length is known only at its end.

    Call `arrive` once for each frame and `finish` once after the last; both return the windows that are ready now.
    Inside the video `outputs / step` windows predict each frame, rounded up or down where that is not whole. The last
    window of a phase moves back to end on the last frame rather than repeat it: a frame that fills most of a window is
    its median, and vanishes from the difference channels. Only a video shorter than a window, or a network that
    predicts a middle frame alone, meets repeated frames.

    From the second one of a phase on, windows start at frames that are a multiple of `step` frames of the phase from
    the video's start; `first` says how far away that is. So with no frame left out, a stretch of a video has the same
    windows wherever one begins to look.

    Args:
        window_size: Frames in a window.
        step: Frames of a phase from one window to the next, 1 to the number of outputs.
        stride: Frames between two neighbours in a window.
        first_output: Place in the window of the frame that the network's first output predicts.
        outputs: Number of frames that the network predicts; None is all of the window.
        first: Number of the first frame in the video.

    Raises:
        SettingError: `step` would leave frames without an answer, or `stride` is below 1.
    """

    def __init__(
        self,
        window_size: int,
        step: int,
        stride: int = 1,
        first_output: int = 0,
        outputs: int | None = None,
        first: int = 0,
    ) -> None:
        self.window_size = window_size
        self.step = step
        self.stride = stride
        self._first = first
        self.first_output = first_output
        self.outputs = window_size if outputs is None else outputs
        if not 1 <= step <= self.outputs:
            allowed = "1" if self.outputs == 1 else f"1 to {self.outputs}"
            raise SettingError("--step", f"{step} is out of range", f"give {allowed} with this checkpoint")
        if stride < 1:
            raise SettingError("--stride", f"{stride} is out of range", "give 1 or more")
        self.frame_count = 0
        self._next_start = [-first_output] * stride  # per phase, in frames of the phase
        # Per phase, from the first window to the second, which restores the rhythm.
        self._short_step = [-((first + phase) // stride) % step or step for phase in range(stride)]

    @property
    def span(self) -> int:
        """How many of the latest frames must be kept so that every window to come can be filled."""
        return self.window_size * self.stride

    def arrive(self) -> list[Window]:
        """Count one more frame and return the windows that it makes complete, at most one."""
        phase = self.frame_count % self.stride
        arrived = self.frame_count // self.stride + 1
        self.frame_count += 1
        if self._next_start[phase] + self.window_size > arrived:
            return []
        return [self._take(phase)]

    def finish(self) -> list[Window]:
        """Return the windows that predict the frames still open when the video has ended."""
        windows = []
        for phase in range(min(self.stride, self.frame_count)):
            frames = (self.frame_count - 1 - phase) // self.stride + 1
            last_start = max(frames - self.first_output - self.outputs, -self.first_output)
            while self._next_start[phase] < last_start:
                windows.append(self._take(phase))
            before = self._before(phase)
            if before is None or before + self.first_output + self.outputs < frames:
                self._next_start[phase] = last_start
                windows.append(self._take(phase))
        return windows

    def between(self, earlier: Window, later: Window, step: int) -> list[Window]:
        """Return the windows that start between two of a phase, at frames that are a multiple of `step` frames of the phase."""
        starts = range(earlier.start + self.stride, later.start, self.stride)
        return [self._window(start) for start in starts if (self._first + start) // self.stride % step == 0]

    def number(self, window: Window) -> int:
        """Return how many steps from the video's start a window begins, by which some may be chosen wherever one begins to look."""
        return (self._first + window.start) // self.stride // self.step

    def _before(self, phase: int) -> int | None:
        """Return where the window before the next one of a phase began; None where there is none."""
        start = self._next_start[phase]
        if start == -self.first_output:
            return None
        return -self.first_output if start == self._short_step[phase] - self.first_output else start - self.step

    def _take(self, phase: int) -> Window:
        """Return the next window of a phase and move on by one step."""
        start = self._next_start[phase]
        self._next_start[phase] += self._short_step[phase] if start == -self.first_output else self.step
        return self._window(phase + start * self.stride)

    def _window(self, first: int) -> Window:
        """Return the window whose first place is that frame's."""
        frame_indexes = window_frames(first, self.window_size, self.stride, self.frame_count)
        places = [first + (self.first_output + output) * self.stride for output in range(self.outputs)]
        return Window(tuple(frame_indexes), tuple(place if place < self.frame_count else None for place in places), first)
