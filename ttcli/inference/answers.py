"""What networks say: of a window that one was shown, and of a frame, by all windows that hold it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ttcli.networks.heatmaps import decode_candidates

CANDIDATES = 3
"""Peaks of each frame that are handed on. More than three added nothing."""


class Peak(NamedTuple):
    """A place in one frame that may be the ball, in the pixels of the picture that the network saw."""

    x: float
    y: float
    probability: float


NOWHERE = Peak(0.0, 0.0, 0.0)
"""Stands for the ball where nothing was looked at: of a broken frame, a repeat, or one between windows that show no ball."""


class FrameAnswer(NamedTuple):
    """What the network says of one frame."""

    peaks: list[Peak]
    """The CANDIDATES strongest, strongest first."""


class WindowAnswer(NamedTuple):
    """What the network says of the K frames of a window, where each of them really was."""

    probabilities: Tensor
    """Heatmaps, (K, h, w), zero where nothing was looked at."""
    offsets: Tensor
    """(K, 2, h, w), in cells."""
    looked: Tensor | None
    """(K, h, w): 1 where the network was shown what is there, else 0; None where it was shown everything."""
    frames: list[FrameAnswer]
    """What this window alone says of each; nothing of a crop."""


class Said(NamedTuple):
    """What a window says of a frame."""

    start: int
    """First frame of the window."""
    again: bool
    """Whether it was shown because of doubt."""
    answer: WindowAnswer
    place: int
    """Place of the frame in the window."""


@dataclass
class OpenFrame:
    """A frame whose answer is not complete."""

    said: list[Said] = field(default_factory=list)
    awaited: int = 0
    """Windows under way because of doubt."""


def together(said: Sequence[Said]) -> FrameAnswer:
    """Return what some windows together say of a frame."""
    if len(said) == 1:
        return said[0].answer.frames[said[0].place]
    parts = [(each.answer, each.place) for each in sorted(said, key=lambda each: each.start)]
    probabilities, offsets = (
        torch.stack([getattr(answer, name)[place] for answer, place in parts]) for name in ("probabilities", "offsets")
    )
    if any(answer.looked is not None for answer, _ in parts):
        everywhere = torch.ones_like(probabilities[0])
        looked = torch.stack([everywhere if answer.looked is None else answer.looked[place] for answer, place in parts])
        times = looked.sum(0)
        mean = probabilities.sum(0) / times, (offsets * looked[:, None]).sum(0) / times
    else:
        mean = probabilities.mean(0), offsets.mean(0)
    return decoded(mean[0][None], mean[1][None])[0]


def nothing_said() -> FrameAnswer:
    """Return what is said of a frame that no network looked at."""
    return FrameAnswer([NOWHERE] * CANDIDATES)


def decoded(probabilities: Tensor, offsets: Tensor) -> list[FrameAnswer]:
    """Return what heatmaps (K, h, w) and offsets (K, 2, h, w) say of K frames."""
    peaks = decode_candidates(probabilities[None], offsets[None], CANDIDATES)
    rows = torch.stack([peaks.x[0], peaks.y[0], peaks.confidence[0]], -1).tolist()
    return [FrameAnswer([Peak(*peak) for peak in row]) for row in rows]
