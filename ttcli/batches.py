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

    @property
    def fresh(self) -> int:
        """New windows in each batch."""
        return self.batch // self.reuse


class BatchStream:
    """Batches by their number, the same whether a run begins with them or goes on there.

    The windows are numbered once for all processes. With a batch of B new windows in each of P processes, batch n of
    process p has the windows from (n P + p) B on: together they are those of one process with a batch of P B.
    """

    def __init__(self, source: WindowSource, plan: BatchPlan, device: torch.device = torch.device("cpu")) -> None:
        self._source, self._plan, self._device = source, plan, device
        self._pool_size = 2 * plan.reuse if plan.reuse > 1 else 0
        self._pool: list[WindowBatch] = []
        self._next = -1
        self._stream: torch.cuda.Stream | None = None

    def start(self, first: int) -> Iterator[WindowBatch]:
        """Yield batch `first` and those after it, without end; the next one is made in a thread meanwhile."""
        if self._device.type == "cuda":
            self._stream = torch.cuda.Stream(self._device)
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
            number, coming = first, thread.submit(self._make_aside, first)
            while True:
                batch, made = coming.result()
                if made is not None:
                    _take_over(batch, made)
                number += 1
                coming = thread.submit(self._make_aside, number)
                yield batch

    def _make_aside(self, number: int) -> tuple[WindowBatch, torch.cuda.Event | None]:
        """Return a batch, on a GPU made in a stream of its own, with the event after which it is there.

        In one stream with training, each question that drawing asks of its windows would wait for a whole step.
        """
        if self._stream is None:
            return self._make(number), None
        with torch.cuda.stream(self._stream):
            return self._make(number), self._stream.record_event()

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
        self._source.seek((number * self._plan.processes + self._plan.rank) * self._plan.fresh)
        return self._source.draw(self._plan.fresh)


def _take_over(batch: WindowBatch, made: torch.cuda.Event) -> None:
    """Let this thread's stream wait for a batch, and its memory for this stream."""
    here = torch.cuda.current_stream(batch.frames.device)
    here.wait_event(made)
    for values in vars(batch).values():
        values.record_stream(here)
