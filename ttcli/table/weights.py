"""The table finder as a file: safetensors with metadata; nothing is unpickled."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

import ttcli
from ttcli.errors import CheckpointError
from ttcli.networks.table_finder import TableFinder
from ttcli.outputs import complete_file

DEFAULT_TABLE_FINDER = Path(__file__).parents[1] / "weights" / "table" / "table_finder.safetensors"
"""The finder in the package."""
METADATA_KEY = "ttcli"
KIND = "table_finder"
CURE = "give a file that tools/train_table_finder.py wrote"


def save_table_finder(path: Path, model: TableFinder, metadata: dict[str, Any]) -> None:
    """Write a finder's weights in half precision and what is to be said of it, replacing an older file."""
    tensors = {
        name: (tensor.to(torch.float16) if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in model.state_dict().items()
    }
    described = {**metadata, "kind": KIND, "version": ttcli.__version__}
    with complete_file(path, overwrite=True) as temporary:
        save_file(tensors, temporary, metadata={METADATA_KEY: json.dumps(described)})


def load_table_finder(path: Path | None = None) -> TableFinder:
    """Return a finder in eval mode, the one in the package if `path` is None.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    path = path or DEFAULT_TABLE_FINDER
    read_table_finder_metadata(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(path, f"not a safetensors file, or a damaged one ({error})", CURE) from error
    model = TableFinder()
    wanted = model.state_dict()
    if tensors.keys() != wanted.keys() or any(tensors[name].shape != wanted[name].shape or not tensors[name].isfinite().all() for name in wanted):
        raise CheckpointError(path, "its tensors are not those of this network", CURE)
    model.load_state_dict({name: tensors[name].to(wanted[name].dtype) for name in wanted})
    return model.eval()


def read_table_finder_metadata(path: Path) -> dict[str, Any]:
    """Return what a file says of its network, without reading the weights.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise CheckpointError(path, "no such file", CURE)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get(METADATA_KEY, "null"))
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise CheckpointError(path, f"not a safetensors file, or a damaged one ({error})", CURE) from error
    if not isinstance(metadata, dict) or metadata.get("kind") != KIND:
        raise CheckpointError(path, "holds no table finder of this version", CURE)
    return metadata
