"""How many windows are worked on at a time."""

import torch
from torch import Tensor


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
