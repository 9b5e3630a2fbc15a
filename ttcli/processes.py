"""Processes that a command starts: they end with it, in whatever way it ends, and say nothing.

A process that is killed can tell nobody. So each process that was started watches the one that started it: by the pipe
between them, which reaches its end, or by the number of its parent, which changes. (PR_SET_PDEATHSIG of Linux would not
do: it goes by the thread that started a process, and batches of training are asked for in a thread.)
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType, TracebackType
from typing import Any, TypeVar

from tqdm import tqdm

WATCH_SECONDS = 0.5
"""Between two looks at whether the parent is there, where no pipe tells it."""
TIDY_SECONDS = 3.0
"""Workers that are asked to end have so long to remove what they have begun, before they are killed."""
LATER_SECONDS = 10
"""Who is needed by its parent for saving ends so long after a request to end."""
KEYBOARD = (signal.SIGINT,)
ENDING = (signal.SIGINT, signal.SIGTERM)

Answer = TypeVar("Answer")


class WorkerPool(ProcessPoolExecutor):
    """Processes that are started anew and work for this one. They end with the block: at once where it ends by an error.

    Ctrl-C, which a terminal sends to all, is left to this process.

    Args:
        count: How many.
        begin: Called in each before its work.
        arguments: What that is called with.
    """

    def __init__(self, count: int, begin: Callable[..., object] | None = None, arguments: tuple = ()) -> None:
        # Started anew, not forked: a copy of a process with threads may find their locks held for ever.
        context = multiprocessing.get_context("spawn")
        super().__init__(count, context, initializer=_begin_work, initargs=(begin, arguments))

    def submit(self, fn: Callable[..., Answer], /, *args: Any, **kwargs: Any) -> "Future[Answer]":
        """Let a process call a function."""
        with held_in_started(KEYBOARD):  # this may start one
            return super().submit(_work, fn, *args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is not None:
            self._end()
        return super().__exit__(kind, error, trace)

    def _end(self) -> None:
        """Ask all to end, and kill those that do not; what is still to be done goes with them."""
        workers = list((self._processes or {}).values())
        for worker in workers:
            worker.terminate()
        last = time.monotonic() + TIDY_SECONDS
        for worker in workers:
            worker.join(max(0.0, last - time.monotonic()))
        for worker in workers:
            worker.kill()


def end_with_parent() -> None:
    """End this process soon after the one that started it, whatever either of them is at."""
    threading.Thread(target=_end_after, args=(os.getppid(),), daemon=True).start()


def end_in_time_with_parent() -> None:
    """End this process with the one that started it, to which Ctrl-C is left and, for a while, requests to end are too."""
    end_with_parent()
    leave_interrupts()
    signal.signal(signal.SIGTERM, _end_later)


def _end_later(number: int, frame: FrameType | None) -> None:
    """End this process in a while, unless it is ended before by the one that started it."""
    if hasattr(signal, "alarm"):
        signal.alarm(LATER_SECONDS)  # whose own way is to end the process
    else:
        os._exit(1)


def _end_after(parent: int) -> None:
    started_by = multiprocessing.parent_process()
    if started_by is not None:
        started_by.join()
    else:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
    os._exit(1)


def leave_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def held_in_started(numbers: tuple[signal.Signals, ...]) -> Iterator[None]:
    """Let processes that this thread starts inside the block begin with these signals held, until they say otherwise.

    While it imports what it needs, a process has no handlers yet, and Ctrl-C would be a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it would let go of the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_go(numbers: tuple[signal.Signals, ...]) -> None:
    """Let signals come that were held when this process was started; those that have come meanwhile come now."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def _begin_work(begin: Callable[..., object] | None, arguments: tuple) -> None:
    end_with_parent()
    leave_interrupts()
    tqdm.set_lock(threading.RLock())  # its own is shared with no other process here, and a killed one would leave it behind
    signal.signal(signal.SIGTERM, _end_tidily)
    if begin is not None:
        begin(*arguments)


def _end_tidily(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it may be sent to all, and by the parent once more
    raise SystemExit(1)


def _work(function: Callable[..., Answer], *args: Any, **kwargs: Any) -> Answer:
    try:
        return function(*args, **kwargs)
    except SystemExit:  # the pool would go on with other work
        os._exit(1)
