"""How one video is detected, decided once, before its frames are read."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, islice

from ttcli.configs import DetectConfig
from ttcli.inference.runtimes import Runtime
from ttcli.inference.second_stage import larger_size
from ttcli.inference.shown_windows import Looked
from ttcli.networks.windows import choose_probes, choose_step, choose_stride
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import Frame

PEEKED_FRAMES = 60
"""Frames at the beginning that tell how many pictures are repeats, where the frame rate is high."""


@dataclass(frozen=True)
class VideoPlan:
    """How one video is detected: what the stages of detection need to know beside the frames."""

    info: VideoInfo
    height: int
    """Rows of the picture that the first network sees."""
    width: int
    """Its columns."""
    large_size: tuple[int, int] | None
    """Height and width of the picture that the second network sees crops of; None where it does not look."""
    step: int
    """Frames from one window to the next."""
    again: int | None
    """The same around frames in doubt; None looks at none again."""
    probes: int
    """Windows from one that is shown anyway to the next, while there is no sign of a ball."""
    stride: int
    """Frames between two neighbours in a window."""
    settings: DetectConfig
    """As the user gave them: what they leave open, such as the step, is decided here."""
    looked: Looked | None = field(default=None, compare=False)
    """What the first network said in a look at the video before, where that was a look at its beginning."""
    started: float = field(default_factory=time.monotonic, compare=False)
    """When the work on the video began, on the clock of `time.monotonic`."""


def plan_at(
    info: VideoInfo, runtime: Runtime, settings: DetectConfig, height: int, width: int, step: int | None = None
) -> VideoPlan:
    """Return the plan of a video that the network sees at a given size.

    Args:
        info: The video.
        runtime: The network.
        settings: Settings of the user.
        height: Rows of the picture that the network sees.
        width: Its columns.
        step: Frames from one window to the next; None looks at each frame once, and again where there is doubt.
    """
    large_size = larger_size(runtime, height, width, settings)
    stride = settings.stride or choose_stride(info.frame_rate, runtime.most_fps)
    outputs = len(runtime.output_frames)
    again = choose_step(outputs) if step is None else None
    probes = choose_probes(info.frame_rate, outputs * stride) if step is None else 1
    return VideoPlan(info, height, width, large_size, step or outputs, again, probes, stride, settings)


def with_distinct_stride(plan: VideoPlan, frames: Iterable[Frame], runtime: Runtime) -> tuple[VideoPlan, Iterable[Frame]]:
    """Return the plan and the frames, all of them; the stride is less where the rate is high by repeated pictures alone.

    Args:
        plan: Plan of the video; its stride is chosen by the stated frame rate, unless the user gave one.
        frames: From the first one on, judged.
        runtime: The network.
    """
    if plan.settings.stride is not None or plan.stride == 1:
        return plan, frames
    rest = iter(frames)
    first = list(islice(rest, PEEKED_FRAMES))
    distinct = Fraction(sum(not frame.duplicate for frame in first), len(first)) if first else Fraction(1)
    stride = choose_stride(plan.info.frame_rate * distinct, runtime.most_fps)
    return replace(plan, stride=stride), chain(first, rest)
