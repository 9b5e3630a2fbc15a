"""What this machine computes with: the device, the type of its numbers, and the cores that a network takes."""

import functools
import os
from pathlib import Path

import torch

from ttcli.errors import SettingError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "int8": torch.int8}
"""Each of PRECISIONS but auto -> type."""
MOST_THREADS = 8
"""Beyond these, torch would be faster than a video can be scaled, which takes one thread."""


def choose_device(name: str) -> torch.device:
    """Return the device of that name; auto is CUDA where there is one.

    Raises:
        SettingError: The device is unknown or not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingError("--device", f"{name!r} is unknown", "take auto, cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SettingError("--device", "no CUDA device is usable here", "take cpu, or leave the choice to auto")
    return device


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the type to compute in; auto is bf16 where the device multiplies in it, which halves the time, else fp32.

    Raises:
        SettingError: The precision is unknown.
    """
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_multiplies_in_bf16()
        return torch.bfloat16 if fast else torch.float32
    if precision not in DTYPES:
        raise SettingError("--precision", f"{precision!r} is unknown", f"take auto, {' or '.join(DTYPES)}")
    if precision == "int8" and device.type != "cpu":
        raise SettingError("--precision", "int8 is for the processor alone", "take auto, bf16 or fp32, or --device cpu")
    return DTYPES[precision]


def cpu_multiplies_in_bf16() -> bool:
    """Return whether this processor has instructions for bf16 products; without them bf16 is slower than fp32."""
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # private: not in every release of torch
    if check is not None and check():
        return True
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(_processor_flags())


def cpu_multiplies_in_int8() -> bool:
    """Return whether this processor has instructions that sum products of bytes in 32 bits.

    Only on these is int8 known to be quicker; those before them sum in 16 bits, which overflow.
    """
    check = getattr(torch.cpu, "_is_vnni_supported", None)
    if check is not None and check():
        return True
    return not {"avx512_vnni", "avx_vnni", "amx_int8"}.isdisjoint(_processor_flags())


@functools.cache
def _processor_flags() -> frozenset[str]:
    """Return what the processor can do, in the words of Linux; nothing on other systems."""
    try:
        return frozenset(Path("/proc/cpuinfo").read_text(errors="replace").split())
    except OSError:
        return frozenset()


def network_workers() -> int:
    """Return in how many threads windows go through a network, one for each core.

    The decoder takes what it needs, for its frames are waited for, and the network the rest: torch's own threads, which
    wait for each other by spinning, would not leave it so. Beside a busy program on a machine of two cores those gave 3
    frames a second, and one thread 42.
    """
    return min(usable_cores(), MOST_THREADS)


def network_threads() -> int:
    """Return how many of the cores a network takes beside the decoder."""
    return min((usable_cores() + 1) // 2, MOST_THREADS)


def usable_cores() -> int:
    """Return how many cores this process may use, which on a shared machine are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
