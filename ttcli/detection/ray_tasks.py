"""Tasks on the processes of one machine or of many, by Ray, which starts them, spreads them, and starts lost ones again.

The library is an extra (`ttcli[ray]`).
"""

import importlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ttcli.errors import SettingError

LOCAL = "local"
"""Stands for this machine alone, where no address is given."""
TRIES_AGAIN = 3
"""How often a task is started anew whose process died: killed, out of memory, or its machine gone."""
CONNECT_SECONDS = 5
CORES_EACH = 2
"""Cores that a task takes: one decodes, one runs the network."""


def run_tasks(function: Callable[..., Any], tasks: Sequence[tuple], address: str = LOCAL) -> Iterator[tuple[int, Any]]:
    """Yield the number of each task and what the function returned for it, as they are done.

    Args:
        function: Function of a module that can be imported where the tasks run.
        tasks: Its arguments, which must go through pickle.
        address: Address of a Ray cluster that runs already, or LOCAL.

    Raises:
        SettingError: Ray is not installed, or there is no cluster at the address.
        RuntimeError: A task was lost TRIES_AGAIN times more, or failed by an error that nobody expected.
    """
    ray = _ray()
    _connect(ray, address)
    try:
        cores = min(CORES_EACH, int(ray.cluster_resources().get("CPU", 1)))
        remote = ray.remote(num_cpus=cores, max_retries=TRIES_AGAIN)(function)
        waiting = {remote.remote(*task): number for number, task in enumerate(tasks)}
        while waiting:
            [done], _ = ray.wait(list(waiting), num_returns=1)
            number = waiting.pop(done)
            try:
                yield number, ray.get(done)
            except ray.exceptions.RayError as error:
                raise RuntimeError(f"task {number} is lost: {error}") from error
    finally:
        ray.shutdown()


def _ray() -> ModuleType:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of what it will do one day
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise SettingError("--ray", "ray is not installed", "pip install '.[ray]'") from error


def _check_listens(address: str) -> None:
    """Raise SettingError where nobody listens at host:port; Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return  # of another kind, such as auto
    try:
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> SettingError:
    reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return SettingError("--ray", f"no cluster at {address} ({reason})", "start one: ray start --head")


@contextmanager
def _own_handlers() -> Iterator[None]:
    """Put back what a request to end does here: Ray would end this process without a word."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:  # it came while Ray began
        raise KeyboardInterrupt from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _connect(ray: ModuleType, address: str) -> None:
    _check_listens(address)
    where = {} if address == LOCAL else {"address": address}
    try:
        with _own_handlers():
            ray.init(**where, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, error) from error
