"""A batch of windows with labels: what every source of windows hands to training, drawn or stored."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ttcli.networks.event_head import EVENTS

BALL_IN_CROP = 0.8
"""Share of windows that are cut around the ball; the others are cut anywhere, most of them without a ball."""
UNKNOWN_EVENT = -1.0
"""Stands for the probability of an event of which nobody knows."""


@dataclass(frozen=True)
class WindowBatch:
    """Windows with labels: `frames` (B, T, H, W, 3) uint8, `positions` (B, T, 2), `visible` and `known` (B, T) bool.

    `events` (B, T, 2) is how probably a bounce or a passing of the net is to be seen in each frame, UNKNOWN_EVENT where
    nobody knows.
    """

    frames: Tensor
    positions: Tensor
    visible: Tensor
    known: Tensor
    events: Tensor

    def to(self, device: torch.device) -> "WindowBatch":
        """Return the windows on a device: themselves where they are there already."""
        return WindowBatch(*(values.to(device) for values in vars(self).values()))

    def at(self, rows: Tensor | slice) -> "WindowBatch":
        """Return some of the windows; of a slice, the same memory."""
        return WindowBatch(*(values[rows] for values in vars(self).values()))

    def first(self, count: int) -> "WindowBatch":
        """Return the first windows, all where there are no more."""
        return self.at(torch.arange(min(count, len(self.frames))))

    def labels_of(self, places: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Return positions (B, K, 2), visible and known (B, K) of the frames at K places of the windows."""
        places = list(places)
        return self.positions[:, places], self.visible[:, places], self.known[:, places]

    def events_of(self, places: Sequence[int]) -> Tensor:
        """Return the wanted events (B, K, 2) of the frames at K places, unknown where the ball is not there to be seen."""
        events, visible = self.events[:, list(places)], self.visible[:, list(places)]
        return torch.where((events > 0) & ~visible[..., None], torch.full_like(events, UNKNOWN_EVENT), events)


def unknown_events(visible: Tensor) -> Tensor:
    """Return the events (B, T, 2) of windows with these labels (B, T) of which nobody labelled any."""
    return torch.full((*visible.shape, len(EVENTS)), UNKNOWN_EVENT, device=visible.device)


def join_windows(parts: Sequence[WindowBatch]) -> WindowBatch:
    """Return the windows of several batches as one."""
    return WindowBatch(*(torch.cat(column) for column in zip(*(vars(part).values() for part in parts), strict=True)))
