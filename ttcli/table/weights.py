"""The table finder as a file: safetensors with metadata; nothing is unpickled."""

from pathlib import Path
from typing import Any

import torch

import ttcli
from ttcli.errors import CheckpointError
from ttcli.networks.table_finder import TableFinder
from ttcli.networks.weight_files import load_weights, read_metadata, write_weights

DEFAULT_TABLE_FINDER = Path(__file__).parents[1] / "weights" / "table" / "table_finder.safetensors"
"""The finder in the package."""
KIND = "table_finder"
CURE = "give a file that tools/train_table_finder.py wrote"


def save_table_finder(path: Path, model: TableFinder, metadata: dict[str, Any]) -> None:
    """Write a finder's weights in half precision and its description, replacing an older file.

    Raises:
        OutputError: The file cannot be written.
    """
    tensors = {
        name: tensor.to(torch.float16) if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()
    }
    described = {**metadata, "kind": KIND, "version": ttcli.__version__}
    write_weights(path, tensors, described)


def load_table_finder(path: Path | None = None) -> TableFinder:
    """Return a finder in eval mode, the one in the package if `path` is None.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    path = path or DEFAULT_TABLE_FINDER
    read_table_finder_metadata(path)
    model = TableFinder()
    load_weights(path, model, CURE)
    return model.to(memory_format=torch.channels_last).eval()  # in which it is fastest


def read_table_finder_metadata(path: Path) -> dict[str, Any]:
    """Return what a file says of its network, without reading the weights.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    metadata = read_metadata(path, CURE)
    if not isinstance(metadata, dict) or metadata.get("kind") != KIND:
        raise CheckpointError(path, "holds no table finder of this version", CURE)
    return metadata
