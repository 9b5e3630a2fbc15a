"""Small networks beside the ball's as files: safetensors with metadata that can be read alone; nothing is unpickled."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from ttcli.errors import CheckpointError

METADATA_KEY = "ttcli"


def read_small_metadata(path: Path, cure: str) -> Any:
    """Return what a file says of its network, as JSON; None where it says nothing that can be read.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    if not path.is_file():
        raise CheckpointError(path, "no such file", cure)
    try:
        with safe_open(path, framework="pt") as file:
            return json.loads((file.metadata() or {}).get(METADATA_KEY, "null"))
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error, cure) from error
    except (ValueError, RecursionError):
        return None


def load_small_weights(path: Path, model: nn.Module, cure: str) -> None:
    """Give a network, also one on the meta device, the weights of a file.

    Raises:
        CheckpointError: The file is damaged, or its tensors are not those of the network, or not finite.
    """
    wanted = model.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error, cure) from error
    if tensors.keys() != wanted.keys() or any(tensors[name].shape != wanted[name].shape for name in wanted):
        raise CheckpointError(path, "its tensors are not those of this network", cure)
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise CheckpointError(path, "holds values that are not finite", cure)
    model.load_state_dict({name: tensors[name].to(wanted[name].dtype, copy=True) for name in wanted}, assign=True)


def _unreadable(path: Path, error: Exception, cure: str) -> CheckpointError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return CheckpointError(path, f"not a safetensors file, or a damaged one ({reason})", cure)
