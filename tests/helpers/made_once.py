"""What takes seconds to make is made by one process of pytest, and read by the others."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def made_once(path: Path, make: Callable[[], Any]) -> Any:
    """Return what is in a file that another process of this run has written, or make it and write it there.

    Two processes that begin at once both make it: that costs time, and is right all the same.
    """
    if path.is_file():
        return torch.load(path, weights_only=False)
    made = make()
    own = path.with_name(f"{path.name}.{os.getpid()}")
    torch.save(made, own)
    own.replace(path)
    return made
