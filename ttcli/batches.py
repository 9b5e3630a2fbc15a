"""The batches that a run is trained on: windows in their turn, used more than once, changed by chance, made ahead."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from ttcli.augmentation import Augmentation, augment
from ttcli.datasets import WindowBatch, join_windows, seeded_generator
from ttcli.training_data import WindowSource

OF_REUSE, OF_CHANGES = 2, 3
"""What chance is used for: each use has numbers of its own."""


@dataclass(frozen=True)
class BatchPlan:
    """Which windows are in the batches of one process, and what is done to them."""

    batch: int
    """Windows in a batch, a multiple of `reuse`."""
    reuse: int
    """How often each window comes: once when it is new, and again within the next 2 * `reuse` batches."""
    augmentation: Augmentation | None
    """How windows are changed; None leaves them as they are."""
    seed: int
    rank: int = 0
    """Number of this process..."""
    processes: int = 1
    """... of so many that train together."""


class BatchStream:
    """Batches by their number, the same whether a run begins with them or goes on there.

    The windows are numbered once for all processes. With a batch of B new windows in each of P processes, batch n of
    process p has the windows from (n P + p) B on: together they are those of one process with a batch of P B.
    """

    def __init__(self, source: WindowSource, plan: BatchPlan) -> None:
        self._source, self._plan = source, plan
        self._fresh = plan.batch // plan.reuse
        self._pool_size = 2 * plan.reuse if plan.reuse > 1 else 0
        self._pool: list[WindowBatch] = []
        self._next = -1

    def start(self, first: int) -> Iterator[WindowBatch]:
        """Yield batch `first` and those after it, without end; the next one is made in a thread meanwhile."""
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
            number, coming = first, thread.submit(self._make, first)
            while True:
                batch = coming.result()
                number += 1
                coming = thread.submit(self._make, number)
                yield batch

    def _make(self, number: int) -> WindowBatch:
        if number != self._next:
            self._pool = [self._part(number + older) for older in range(self._pool_size)]
        self._next = number + 1
        newest = self._part(number + self._pool_size)
        # The oldest windows make room; a batch mixes the newest with some of before.
        generator = seeded_generator(self._plan.seed, OF_REUSE, number, self._plan.rank)
        older = torch.randperm(len(self._pool), generator=generator)[: self._plan.reuse - 1].tolist()
        batch = join_windows([newest] + [self._pool[index] for index in older])
        self._pool = self._pool[1:] + [newest] if self._pool else []
        if self._plan.augmentation is None:
            return batch
        return augment(batch, self._plan.augmentation, seeded_generator(self._plan.seed, OF_CHANGES, number, self._plan.rank))

    def _part(self, number: int) -> WindowBatch:
        """Return this process's new windows of a number."""
        self._source.seek((number * self._plan.processes + self._plan.rank) * self._fresh)
        return self._source.draw(self._fresh)
