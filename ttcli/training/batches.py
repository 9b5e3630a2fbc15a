"""The batches that a run is trained on: windows in their turn, used more than once, changed by chance, made ahead."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ttcli.errors import TtcliError
from ttcli.processes import KEYBOARD, end_in_time_with_parent, held_in_started
from ttcli.training.augmentation import Augmentation, augment
from ttcli.training.data import WindowSource
from ttcli.training.drawn_windows import seeded_generator
from ttcli.training_set.window_batch import WindowBatch, join_windows

OF_REUSE, OF_CHANGES = 2, 3
"""What chance is used for: each use has numbers of its own."""


@dataclass(frozen=True)
class BatchPlan:
    """Which windows are in the batches of one process, and what is done to them."""

    batch: int
    """Windows in a batch, a multiple of `reuse`."""
    reuse: int
    """How often each window comes: once when it is new, and again while it is kept."""
    augmentation: Augmentation | None
    """How windows are changed; None leaves them as they are."""
    seed: int
    rank: int = 0
    """Number of this process..."""
    processes: int = 1
    """... of so many that train together."""
    pool: int | None = None
    """Windows that are kept to come again; None keeps the last 2 * `reuse` batches. With more of them, neighbouring
    batches resemble each other less, and take more memory."""
    workers: int = 0
    """Processes that make windows for this one; 0 makes them in a thread."""

    @property
    def fresh(self) -> int:
        """New windows in each batch."""
        return self.batch // self.reuse

    @property
    def least_kept(self) -> int:
        """Batches whose new windows are kept at least, and made before the first batch."""
        return 2 * self.reuse if self.reuse > 1 else 0

    @property
    def most_kept(self) -> int:
        """Batches whose new windows are kept at most."""
        return max(self.least_kept, (self.pool or 0) // self.fresh) if self.reuse > 1 else 0


class BatchStream:
    """Batches by their number, the same whether a run begins with them or goes on there.

    The windows are numbered once for all processes. With a batch of B new windows in each of P processes, batch n of
    process p has the windows from (n P + p) B on. Together they are the windows of one process with a batch of P B.
    Workers take them in another order, each whole runs of windows that belong together, and the windows are others.

    Args:
        make_source: Makes a source of windows; pickled where workers are to make them.
        plan: Which windows, and what is done to them.
        device: Where batches are wanted.
    """

    def __init__(
        self,
        make_source: Callable[[], WindowSource],
        plan: BatchPlan,
        device: torch.device = torch.device("cpu"),
    ) -> None:
        self._make_source, self._plan, self._device = make_source, plan, device
        self._kept: list[WindowBatch] = []
        self._coming: Iterator[WindowBatch] | None = None
        self._stream: torch.cuda.Stream | None = None

    def start(self, first: int) -> Generator[WindowBatch, None, None]:
        """Yield batch `first` and those after it, without end; the next one is made in a thread meanwhile."""
        self._coming = None
        if self._device.type == "cuda":
            self._stream = torch.cuda.Stream(self._device)
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
                number, coming = first, thread.submit(self._make_aside, first)
                while True:
                    batch, made = coming.result()
                    if made is not None:
                        _take_over(batch, made)
                    number += 1
                    coming = thread.submit(self._make_aside, number)
                    yield batch
        finally:
            self._coming = None  # workers end

    def _make_aside(self, number: int) -> tuple[WindowBatch, torch.cuda.Event | None]:
        """Return a batch, on a GPU made in a stream of its own, with the event after which it is there.

        In one stream with training, each question that drawing asks of its windows would wait for a whole step.
        """
        if self._stream is None:
            return self._make(number), None
        with torch.cuda.stream(self._stream):
            return self._make(number), self._stream.record_event()

    def _make(self, number: int) -> WindowBatch:
        """Return a batch: the first one of any number, then each of the next number."""
        plan = self._plan
        if self._coming is None:
            until = number + plan.least_kept
            oldest = max(0, until - plan.most_kept)
            self._coming = self._parts(oldest)
            self._kept = list(islice(self._coming, until - oldest))
        newest = next(self._coming)
        # The oldest windows make room; a batch mixes the newest with some of before.
        generator = seeded_generator(plan.seed, OF_REUSE, number, plan.rank)
        older = torch.randperm(len(self._kept), generator=generator)[: plan.reuse - 1].tolist()
        batch = join_windows([newest] + [self._kept[index] for index in older])
        self._kept = [*self._kept, newest][-plan.most_kept :] if plan.most_kept else []
        if plan.augmentation is None:
            return batch
        return augment(batch, plan.augmentation, seeded_generator(plan.seed, OF_CHANGES, number, plan.rank))

    def _parts(self, first: int) -> Iterator[WindowBatch]:
        """Return this process's new windows of batch `first` and of those after it, on the device."""
        return self._parts_of_workers(first) if self._plan.workers else self._parts_made_here(first)

    def _parts_made_here(self, first: int) -> Iterator[WindowBatch]:
        plan, source = self._plan, self._make_source()
        for number in count(first):
            source.seek((number * plan.processes + plan.rank) * plan.fresh)
            yield source.draw(plan.fresh)

    def _parts_of_workers(self, first: int) -> Iterator[WindowBatch]:
        plan = self._plan
        loader = DataLoader(
            _WorkerParts(self._make_source, plan, first),
            batch_size=None,
            num_workers=plan.workers,
            multiprocessing_context="spawn",
            worker_init_fn=_begin_worker,
        )
        with held_in_started(KEYBOARD):
            parts = iter(loader)
        try:
            for part in parts:  # of the workers in turn
                if isinstance(part, TtcliError):
                    raise part
                yield part.to(self._device)
        finally:
            # The workers end here. A traceback would keep them until the garbage collector comes, which waits 10 s for each.
            del parts


class MixedBatches:
    """Batches of crops, and every so many steps one of whole pictures.

    A batch of a number is the same whether a run begins there or goes on there.

    Args:
        crops: Batches of crops.
        whole: Batches of whole pictures.
        every: Steps from one of these to the next.
    """

    def __init__(self, crops: BatchStream, whole: BatchStream, every: int) -> None:
        self._crops, self._whole, self._every = crops, whole, every

    def start(self, first: int) -> Generator[WindowBatch, None, None]:
        """Yield batch `first` and those after it, without end."""
        before = first // self._every
        with closing(self._crops.start(first - before)) as crops, closing(self._whole.start(before)) as whole:
            for number in count(first + 1):
                yield next(crops if number % self._every else whole)


class _WorkerParts(IterableDataset):
    """The new windows of every so manieth batch, made in one of several workers.

    Args:
        make_source: Makes a source of windows.
        plan: Which windows.
        first: Batch that the workers begin with, the first of them with that one, the second with the next.
    """

    def __init__(self, make_source: Callable[[], WindowSource], plan: BatchPlan, first: int) -> None:
        self._make_source, self._plan, self._first = make_source, plan, first

    def __iter__(self) -> Iterator[WindowBatch | TtcliError]:
        worker, plan = get_worker_info(), self._plan
        which, workers = (worker.id, worker.num_workers) if worker else (0, 1)  # None where it is read without workers
        try:
            source = self._make_source()
            for number in count(self._first + which, workers):
                source.seek(position_of_part(number, plan, source.run))
                yield source.draw(plan.fresh)
        except TtcliError as error:  # raised here it would arrive as a traceback
            yield error


def position_of_part(number: int, plan: BatchPlan, run: int) -> int:
    """Return the first of a batch's new windows where workers make them.

    Each worker takes whole runs of windows that belong together: drawn ones are of the same rallies, which would else be
    played by every worker.

    Args:
        number: Number of the batch.
        plan: Plan of this process.
        run: Windows that belong together.
    """
    turn, worker = divmod(number, plan.workers)
    span = max(run, plan.fresh)
    runs, part = divmod(turn, span // plan.fresh)
    takers = plan.workers * plan.processes
    return (runs * takers + plan.rank * plan.workers + worker) * span + part * plan.fresh


def _begin_worker(_: int) -> None:
    """Leave Ctrl-C, and requests to end, to the process that trains, which saves first and then ends its workers."""
    end_in_time_with_parent()


def _take_over(batch: WindowBatch, made: torch.cuda.Event) -> None:
    """Let this thread's stream wait for a batch, and its memory for this stream."""
    here = torch.cuda.current_stream(batch.frames.device)
    here.wait_event(made)
    for values in vars(batch).values():
        values.record_stream(here)
