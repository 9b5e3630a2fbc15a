"""`ttcli models`: the networks that can be trained, and the checkpoints in the package."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch import Tensor, nn

from ttcli.checkpoints import DEFAULT_WEIGHTS, read_metadata
from ttcli.model_input import input_channels
from ttcli.models import MODELS, create_model

COST_HEIGHT, COST_WIDTH = 288, 512
"""The picture that the cost of a network is stated for: what it sees of a 16:9 video."""
UNSTATED = "not stated"


@dataclass(frozen=True)
class NetworkEntry:
    """A network that can be trained."""

    name: str
    parameters: int
    gmacs: float
    """Thousand million multiplications with addition for a window of 288 x 512."""


@dataclass(frozen=True)
class CheckpointEntry:
    """A checkpoint in the package, and what it says of itself."""

    path: str
    bytes: int
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Catalogue:
    """What there is."""

    networks: list[NetworkEntry]
    checkpoints: list[CheckpointEntry]

    def as_json(self) -> dict[str, Any]:
        """Return everything as one dict for JSON."""
        return asdict(self)

    def as_tables(self) -> list[Table]:
        """Return a table of the networks and one of the checkpoints, for a terminal."""
        networks = Table("network", "parameters", f"GMAC at {COST_WIDTH}x{COST_HEIGHT}", title="Networks")
        for network in self.networks:
            networks.add_row(network.name, f"{network.parameters / 1e6:.1f} M", f"{network.gmacs:.1f}")
        checkpoints = Table("checkpoint", "size", "network", "frames", "training data", "licence", "metrics")
        checkpoints.title = "Checkpoints in the package"
        for checkpoint in self.checkpoints:
            checkpoints.add_row(*_cells(checkpoint))
        return [networks, checkpoints]


def catalogue(folder: Path = DEFAULT_WEIGHTS.parent) -> Catalogue:
    """Return the networks of the registry and the checkpoints of a folder.

    Raises:
        CheckpointError: A checkpoint is damaged.
    """
    paths = sorted(folder.glob("*.safetensors"))
    checkpoints = [CheckpointEntry(str(path), path.stat().st_size, read_metadata(path)) for path in paths]
    return Catalogue([describe_network(name) for name in MODELS], checkpoints)


def describe_network(name: str) -> NetworkEntry:
    """Return a network's size, and its cost by the convolutions that it runs."""
    with torch.device("meta"):  # shapes without numbers: the largest network takes neither memory nor time
        model = create_model(name).eval()
    multiplications = []

    def count(convolution: nn.Conv2d, _: Any, output: Tensor) -> None:
        multiplications.append(output.numel() * convolution.weight[0].numel())

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    channels = input_channels(model.window_size, model.difference)
    with torch.inference_mode():
        model(torch.zeros(1, channels, COST_HEIGHT, COST_WIDTH, device="meta"))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return NetworkEntry(name, parameters, sum(multiplications) / 1e9)


def _cells(checkpoint: CheckpointEntry) -> list[str]:
    metadata = checkpoint.metadata
    return [
        Path(checkpoint.path).name,
        f"{checkpoint.bytes / 1e6:.1f} MB",
        metadata["model"],
        str(metadata["window_size"]),
        str(metadata.get("training_data", UNSTATED)),
        str(metadata.get("licence", UNSTATED)),
        _metrics_text(metadata.get("metrics")),
    ]


def _metrics_text(metrics: Any) -> str:
    """Return the numbers among the metrics, one a line."""
    if not isinstance(metrics, dict):
        return UNSTATED if metrics is None else str(metrics)
    return "\n".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in metrics.items()
        if not isinstance(value, (dict, list))
    )
