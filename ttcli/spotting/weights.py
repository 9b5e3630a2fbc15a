"""The spotting networks as files: safetensors with metadata that can be read alone; nothing is unpickled."""

from pathlib import Path
from typing import Any, NamedTuple

import torch

import ttcli
from ttcli.errors import CheckpointError
from ttcli.networks.weight_files import load_weights, read_metadata, write_weights
from ttcli.spotting.network import CHANNELS, EVENTS, PathSpotter
from ttcli.spotting.paths import FEATURES, GRID_RATE

DEFAULT_SPOTTER = Path(__file__).parents[1] / "weights" / "events" / "path_spotter.safetensors"
"""The spotter in the package."""
ABOVE_SPOTTER = DEFAULT_SPOTTER.with_name("spotter_above.safetensors")
"""The one for cameras that look down on a table that is known."""
KIND = "path_spotter"
CURE = "give a file that tools/train_spotter.py wrote"


class Spotters(NamedTuple):
    """The networks that tell events from paths."""

    anywhere: PathSpotter
    above: PathSpotter
    """For cameras that look down on a table that is known."""


def load_spotters(path: Path | None = None) -> Spotters:
    """Return the spotting networks of the package, or the one of a file for all cameras.

    Raises:
        CheckpointError: A file is missing, damaged or of another kind.
    """
    if path is None:
        return Spotters(load_spotter(DEFAULT_SPOTTER), load_spotter(ABOVE_SPOTTER))
    given = load_spotter(path)
    return Spotters(given, given)


def save_spotter(path: Path, model: PathSpotter, metadata: dict[str, Any], overwrite: bool = True) -> None:
    """Write a network's weights in half precision and its metadata, completely or not at all.

    Args:
        path: Where to write, with the suffix .safetensors.
        model: The network.
        metadata: What to say, in types that JSON knows: training_data, licence, steps, seed, metrics.
        overwrite: Replace an existing file.

    Raises:
        OutputError: The file cannot be written, or exists and `overwrite` is false.
    """
    described = {**metadata, **_contract(), "channels": model.channels, "version": ttcli.__version__}
    tensors = {name: tensor.to(torch.float16) for name, tensor in model.state_dict().items()}
    write_weights(path, tensors, described, overwrite)


def load_spotter(path: Path | None = None) -> PathSpotter:
    """Return a spotting network in eval mode, the one in the package if `path` is None.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    path = path or DEFAULT_SPOTTER
    metadata = read_spotter_metadata(path)
    channels = metadata.get("channels", CHANNELS)
    if not isinstance(channels, int) or isinstance(channels, bool) or not 1 <= channels <= 1024:
        raise CheckpointError(path, f"its metadata has channels = {channels!r:.40}", CURE)
    with torch.device("meta"):
        model = PathSpotter(channels)
    load_weights(path, model, CURE)
    return model.eval()


def read_spotter_metadata(path: Path) -> dict[str, Any]:
    """Return what a file says of its network, without reading the weights.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    metadata = read_metadata(path, CURE)
    if not isinstance(metadata, dict) or any(metadata.get(key) != value for key, value in _contract().items()):
        raise CheckpointError(path, "holds no spotter of this version", CURE)
    return metadata


def _contract() -> dict[str, Any]:
    """Return what must be the same in the code that trained and the code that runs."""
    return {"kind": KIND, "events": list(EVENTS), "grid_rate": GRID_RATE, "features": FEATURES}
