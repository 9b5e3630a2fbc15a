"""Requests to end that are noted, so that a run saves what it has before it ends."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SAME_SECONDS = 1.0
"""Requests to end that are no further apart are one."""


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C, or a request to end, has come; a second one ends at once.

    One that comes right after another is the same: some programs send it to a process, and to its whole group as well.
    """
    came: list[float] = []
    signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in signals}

    def note(number: int, frame: FrameType | None) -> None:
        came.append(time.monotonic())
        if came[-1] - came[0] > SAME_SECONDS:
            for one in signals:
                signal.signal(one, before[one])
            signal.raise_signal(number)

    for number in signals:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield lambda: bool(came)
    finally:
        for number in signals:
            signal.signal(number, before[number])
