"""How many windows, and how many of their frames, are worked on at a time."""

import torch
from torch import Tensor

CACHED = 1 << 22
"""Numbers of 4 bytes that are worked on together at most. Larger blocks are given back and fetched anew each time."""


def row_groups(count: int, device: torch.device) -> list[Tensor]:
    """Return the same as index tensors, of `count` rows in order."""
    rows = torch.arange(count, device=device)
    if device.type == "cpu":
        return list(rows.split(1))
    return [rows] if count else []


def portions(rows: Tensor) -> list[int | Tensor]:
    """Return what to index with, in turn, to reach some rows (N,): each alone on the processor, all at once on a GPU.

    What one window needs stays in a processor's caches; a GPU waits for orders more than it computes.
    """
    if rows.device.type == "cpu":
        return rows.tolist()
    return [rows] if len(rows) else []


def frame_groups(shape: torch.Size, device: torch.device) -> list[slice]:
    """Return groups of the frames of pictures (B, T, C, H, W) to work on together: on the processor as few as its cache holds."""
    frames = shape[1]
    at_once = max(1, CACHED // max(1, shape[2:].numel())) if device.type == "cpu" else max(1, frames)
    return [slice(first, min(first + at_once, frames)) for first in range(0, frames, at_once)]
