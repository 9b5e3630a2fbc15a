"""Weights as files: safetensors with metadata, which is JSON that can be read alone; nothing is unpickled.

What a file should hold is told by those who read it: checkpoints of the ball, the spotter, the table finder, and runs.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ttcli.errors import CheckpointError, OutputError
from ttcli.outputs import complete_file

METADATA_KEY = "ttcli"
"""Name of the metadata among a file's strings; exported files have it too."""
READ_ERRORS = (OSError, SafetensorError)
"""What reading a file may raise."""


def write_weights(
    path: Path, tensors: Mapping[str, Tensor], metadata: Any = None, overwrite: bool = True, key: str = METADATA_KEY
) -> None:
    """Write tensors and what is to be said of them, completely or not at all.

    Args:
        path: Where to write, with the suffix .safetensors.
        tensors: By name, on any device.
        metadata: In types that JSON knows; None says nothing.
        overwrite: Replace an existing file.
        key: Name of the metadata.

    Raises:
        OutputError: The file cannot be written, or exists and `overwrite` is false.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    strings = {} if metadata is None else {key: json.dumps(metadata)}
    with complete_file(path, overwrite) as temporary:
        try:
            save_file(stored, temporary, metadata=strings)
        except (OSError, SafetensorError) as error:
            raise OutputError(path, f"cannot be written ({error})", "look for space on the disk") from error


def read_metadata(path: Path, cure: str) -> Any:
    """Return what a file says of its weights, without reading them; None where it says nothing that can be read.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    if not path.is_file():
        raise CheckpointError(path, "no such file", cure)
    try:
        with safe_open(path, framework="pt") as file:
            strings = file.metadata() or {}
    except READ_ERRORS as error:
        raise _unreadable(path, error, cure) from error
    try:
        return json.loads(strings.get(METADATA_KEY, "null"))
    except (ValueError, RecursionError):
        return None


def read_tensors(path: Path, cure: str) -> dict[str, Tensor]:
    """Return the tensors of a file, in the file's own memory: copy what is kept.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    try:
        return read_all(path)[1]
    except READ_ERRORS as error:
        raise _unreadable(path, error, cure) from error


def read_all(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return the strings and the tensors of a file, in the file's own memory; raises one of READ_ERRORS."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no mapping
        return file.metadata() or {}, tensors


def load_weights(path: Path, model: nn.Module, cure: str) -> None:
    """Give a network, also one on the meta device, the weights of a file.

    Raises:
        CheckpointError: The file is damaged, or its tensors do not fit the network, or are not finite.
    """
    wanted = model.state_dict()
    tensors = read_tensors(path, cure)
    if tensors.keys() != wanted.keys() or any(tensors[name].shape != wanted[name].shape for name in wanted):
        raise CheckpointError(path, "its tensors are not those of this network", cure)
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise CheckpointError(path, "holds values that are not finite", cure)
    model.load_state_dict({name: tensors[name].to(wanted[name].dtype, copy=True) for name in wanted}, assign=True)


def _unreadable(path: Path, error: Exception, cure: str) -> CheckpointError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return CheckpointError(path, f"not a safetensors file, or a damaged one ({reason})", cure)
