"""How many windows are worked on at a time."""

from torch import Tensor


def portions(rows: Tensor) -> list[int | Tensor]:
    """Return what to index with, in turn, to reach some rows (N,): each alone on the processor, all at once on a GPU.

    What one window needs stays in a processor's caches; a GPU waits for being told what to do more than it computes.
    """
    if rows.device.type == "cpu":
        return rows.tolist()
    return [rows] if len(rows) else []
