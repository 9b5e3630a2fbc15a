"""`ttcli models`: the networks that can be trained, and the checkpoints in the package."""

import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch import Tensor, nn

from ttcli.configs import ModelsConfig
from ttcli.errors import LibraryError, SettingError, one_line
from ttcli.inference.runtimes import TorchRuntime
from ttcli.networks.checkpoints import DEFAULT_WEIGHTS, read_metadata
from ttcli.networks.libraries import CURE
from ttcli.networks.measured import MEASURED, SETTING, Measured
from ttcli.networks.model_input import SIZE_MULTIPLE, input_channels
from ttcli.networks.packed_windows import PLANES
from ttcli.networks.registry import MODELS, create_model
from ttcli.spotting.weights import KIND as OF_PATHS
from ttcli.spotting.weights import read_spotter_metadata
from ttcli.table.weights import KIND as OF_TABLES
from ttcli.table.weights import read_table_finder_metadata

TIMED_WINDOWS = 4
"""Windows that are timed together, as many as `detect` takes..."""
TIMED_RUNS = 5
"""... and how often, after one run that is not counted; the median is given."""
UNSTATED = "not stated"
MOST_CHARACTERS, MOST_METRICS = 200, 50
"""What is shown of what a checkpoint says."""
SMALL_NETWORKS = {OF_PATHS: "events of a path", OF_TABLES: "the table"}
"""What networks tell that are not of the registry, by their kind."""


@dataclass(frozen=True)
class NetworkEntry:
    """A network that can be trained."""

    name: str
    parameters: int
    gflops_per_frame: float
    """Thousand million multiplications and additions of its convolutions for each predicted frame."""
    ms_per_frame: float | None = None
    """Time for each predicted frame, on this machine as `detect --step 9` runs it; None if not measured."""
    measured: Measured | None = None
    """How well it does on whole pictures; None where nobody has measured it."""


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
    height: int
    """Height of the picture that cost and time are stated for, in pixels."""
    width: int
    lacking: dict[str, str] = field(default_factory=dict)
    """Networks that cannot be built here, and for each the library that is not installed."""

    def as_json(self) -> dict[str, Any]:
        """Return everything as one dict for JSON; without `lacking` where nothing is."""
        return {name: value for name, value in asdict(self).items() if name != "lacking" or value}

    def as_tables(self) -> list[Table]:
        """Return a table of the networks and one of the checkpoints, for a terminal."""
        timed = any(network.ms_per_frame is not None for network in self.networks)
        title = f"Networks, with windows of 9 frames of {self.width}x{self.height}"
        found = ("within 10 px", "within 30 px", "windows")
        networks = Table("network", "parameters", "GFLOP a frame", *["ms a frame here"] * timed, *found, title=title)
        networks.caption = f"within 10, 30 px: {SETTING}"
        for network in self.networks:
            cells = [f"{network.parameters / 1e6:.1f} M", f"{network.gflops_per_frame:.2f}"]
            time_here = [f"{network.ms_per_frame:.1f}" if timed else ""][:timed]
            networks.add_row(network.name, *cells, *time_here, *_figures(network.measured))
        for name, library in self.lacking.items():
            networks.add_row(name, f"lacks {library}")
            networks.caption = CURE
        checkpoints = Table("checkpoint", "size", "network", "frames", "training data", "licence", "metrics")
        checkpoints.title = "Checkpoints in the package"
        for checkpoint in self.checkpoints:
            checkpoints.add_row(*_cells(checkpoint))
        return [networks, checkpoints]


def models(config: ModelsConfig = ModelsConfig(), folder: Path = DEFAULT_WEIGHTS.parent) -> Catalogue:
    """Return the networks of the registry and the checkpoints of a folder.

    Args:
        config: Settings.
        folder: Where the checkpoints lie.

    Raises:
        CheckpointError: A checkpoint is damaged.
        SettingError: Networks cannot take a picture of that size.
    """
    height, width = config.height, config.width
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE:
        raise SettingError("--size", f"is {width}x{height}", f"give multiples of {SIZE_MULTIPLE}")
    paths = sorted(folder.glob("*.safetensors"))
    found = [(path, read_metadata(path)) for path in paths]
    found += [(path, read_spotter_metadata(path)) for path in sorted((folder / "events").glob("*.safetensors"))]
    found += [(path, read_table_finder_metadata(path)) for path in sorted((folder / "table").glob("*.safetensors"))]
    checkpoints = [CheckpointEntry(str(path), path.stat().st_size, metadata) for path, metadata in found]
    networks, lacking = [], {}
    for name in MODELS:
        try:
            networks.append(describe_network(name, height, width, config.timed))
        except LibraryError as error:
            lacking[name] = error.library
    return Catalogue(networks, checkpoints, height, width, lacking)


def describe_network(name: str, height: int, width: int, timed: bool = False) -> NetworkEntry:
    """Return a network's size, its cost by the convolutions that it runs, and where asked the time that it takes."""
    with torch.device("meta"):  # shapes without numbers: the largest network takes neither memory nor time
        model = create_model(name).eval()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    _leave_out_batch_norm(model)
    multiplications = []

    def count(convolution: nn.Conv2d, _: Any, output: Tensor) -> None:
        multiplications.append(output.numel() * convolution.weight[0].numel())

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    channels = input_channels(model.window_size, model.difference)
    with torch.inference_mode():
        model(torch.zeros(1, channels, height, width, device="meta"))
    flops = 2 * sum(multiplications) / len(model.output_frames)
    milliseconds = time_network(name, height, width) if timed else None
    return NetworkEntry(name, parameters, flops / 1e9, milliseconds, MEASURED.get(name))


def _leave_out_batch_norm(model: nn.Module) -> None:
    """Let batch norm pass on what it is given, in place: it keeps shapes, and took a quarter of the time of counting."""
    for module in list(model.modules()):
        for name, part in module.named_children():
            if isinstance(part, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())


def time_network(name: str, height: int, width: int, device: str = "auto") -> float:
    """Return the milliseconds that a network takes for each predicted frame, on this machine."""
    torch.set_num_threads(1)  # as in `detect`, where windows go through it beside each other
    runtime = TorchRuntime(create_model(name), device=device)
    windows = torch.randint(-128, 128, (TIMED_WINDOWS, height, width, runtime.window_size, PLANES), dtype=torch.int8)
    seconds = []
    for _ in range(1 + TIMED_RUNS):
        began = time.perf_counter()
        probabilities = runtime(windows).probabilities
        probabilities[0, 0, 0, 0].item()  # waits for the device
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds[1:]) / (TIMED_WINDOWS * len(runtime.output_frames))


def _figures(measured: Measured | None) -> list[str]:
    if measured is None:
        return ["", "", ""]
    return [f"{measured.within_10:.3f}", f"{measured.within_30:.3f}", f"{measured.windows:,}"]


def _cells(checkpoint: CheckpointEntry) -> list[str]:
    metadata = checkpoint.metadata
    return [
        Path(checkpoint.path).name,
        f"{checkpoint.bytes / 1e6:.1f} MB",
        _said(metadata.get("model")) or SMALL_NETWORKS.get(str(metadata.get("kind")), ""),
        str(metadata.get("window_size", "")),
        _said(metadata.get("training_data", UNSTATED)),
        _said(metadata.get("licence", UNSTATED)),
        _metrics_text(metadata.get("metrics")),
    ]


def _metrics_text(metrics: Any) -> str:
    """Return the numbers among the metrics, one a line."""
    if not isinstance(metrics, dict):
        return UNSTATED if metrics is None else _said(metrics)
    return "\n".join(
        _said(f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}")
        for name, value in list(metrics.items())[:MOST_METRICS]
        if not isinstance(value, (dict, list))
    )


def _said(value: Any) -> str:
    """Return what a file says of itself, in one line of a table."""
    text = one_line("" if value is None else str(value)[: MOST_CHARACTERS + 1])
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."
