"""Signals that end a command: all of them as Ctrl-C does, so that it tidies up and ends in one line."""

import _thread
import atexit
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that ask a process to end, where the system has them."""
SOON_SECONDS = 0.01
"""After which what could not be raised is raised once more."""
_came: list[signal.Signals] = []
"""The signals that have come since a command began."""


def interrupt_came() -> bool:
    """Return whether a command was asked to end; what fails after that belongs to the end."""
    return bool(_came)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt inside the block where one of these signals comes; a signal that is ignored stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = (signal.SIG_DFL, signal.default_int_handler)
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) in usual}
    if before:
        _came.clear()
    hooks = sys.unraisablehook, sys.excepthook
    for number in before:
        signal.signal(number, _interrupt)
    sys.unraisablehook, sys.excepthook = _raise_later, _print_unless_interrupt
    try:
        yield
    finally:
        sys.unraisablehook, sys.excepthook = hooks
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_in_peace() -> None:
    """Let no signal break into the end of a process that has done its work, and end it without taking itself apart.

    That takes 0.6 s after an import of torch, and gives back memory that the system takes back at once. An interrupted one
    does not wait for threads; where an interrupt came in an `exec`, Python would end by SIGINT instead of with a code.
    """
    for number in (getattr(signal, name) for name in ENDING if hasattr(signal, name)):
        signal.signal(number, signal.SIG_DFL if _came else signal.SIG_IGN)
    error = sys.exc_info()[1]
    if not isinstance(error, SystemExit) or not isinstance(error.code, int):
        return
    if not _came and (_is_watched() or not _is_written()):
        return
    error.__context__ = error.__cause__ = error.__traceback__ = None
    gc.collect()  # what was under way in generators, and is known to nobody now, is tidied up
    atexit._run_exitfuncs()
    _is_written()
    os._exit(error.code)


def _is_watched() -> bool:
    """Return whether a profiler, a debugger or what measures coverage wants to see the end."""
    return sys.getprofile() is not None or sys.gettrace() is not None


def _is_written() -> bool:
    """Write what waits to be written to standard output and error; return whether it could be."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except AttributeError:  # closed before the start
            pass
        except (OSError, ValueError):
            return False
    return True


def _interrupt(number: int, frame: FrameType | None) -> None:
    _came.append(signal.Signals(number))
    raise KeyboardInterrupt


def _raise_later(unraisable: "sys.UnraisableHookArgs") -> None:
    """Raise once more an interrupt that came where nothing can be raised, as in a `__del__`."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _thread.start_new_thread(_interrupt_soon, (threading.get_ident(), _came[-1] if _came else signal.SIGINT))
    elif not interrupt_came():
        sys.__unraisablehook__(unraisable)


def _print_unless_interrupt(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print what a library could not raise, as PyAV where it calls our file; an interrupt comes to `_raise_later` next."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)


def _interrupt_soon(main_thread: int, number: signal.Signals) -> None:
    """Send the signal once more, so that a main thread that waits wakes; once it has left the block, nothing is sent."""
    time.sleep(SOON_SECONDS)
    if signal.getsignal(number) is _interrupt:
        signal.pthread_kill(main_thread, number)
