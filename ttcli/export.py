"""`ttcli export`: a checkpoint as ONNX for other runtimes, compared with what it gives in torch."""

import importlib.util
import json
import logging
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ttcli.configs import ExportConfig
from ttcli.errors import SettingError
from ttcli.evaluation.ball_metrics import REFERENCE_WIDTH
from ttcli.inference.exported_runtimes import INPUT, OUTPUTS, RUNTIMES, SUFFIX, import_library, load_exported
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.blocks import fuse_batch_norm
from ttcli.networks.checkpoints import load_checkpoint, packaged
from ttcli.networks.heatmaps import decode_heatmaps
from ttcli.networks.model_input import SIZE_MULTIPLE, seen_pictures, working_size
from ttcli.networks.packed_windows import pack_windows, unpack
from ttcli.networks.weight_files import METADATA_KEY
from ttcli.outputs import check_output, complete_file
from ttcli.training.drawn_windows import drawn_films
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

OPSET = 18
"""Version of the ONNX operators."""
DRAWN_SEED = 1_000_073
CHECKED_WINDOWS = 8
"""Windows that both runtimes answer."""
SURE = 0.1
"""Probability of a peak above which its place is compared: where nothing is seen there is no place."""
REFERENCE_SIZE = 1080, 1920
"""Height and width of the video that a file is for, unless told otherwise."""


@dataclass(frozen=True)
class Comparison:
    """How far a runtime is from torch in fp32."""

    runtime: str
    precision: str
    windows: int
    """Windows that both answered."""
    largest_probability_difference: float
    """Over all cells of all heatmaps."""
    largest_shift: float
    """The largest shift of a peak that both see, in pixels of a picture 1920 wide."""

    def __str__(self) -> str:
        return (
            f"  {self.runtime}, {self.precision}: on {self.windows} windows probabilities differ from torch's by "
            f"{self.largest_probability_difference:.2g} at most, places by {self.largest_shift:.2g} px of 1920"
        )


@dataclass(frozen=True)
class ExportSummary:
    """What was written, and how far it is from torch."""

    output: str
    network: str
    height: int
    width: int
    opset: int
    bytes: int
    comparisons: list[Comparison]
    """With each runtime that is installed."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        size = f"{self.width}x{self.height}"
        head = f"{self.output}: {self.network}, pictures of {size}, ONNX opset {self.opset}, {self.bytes / 1e6:.1f} MB"
        return "\n".join([head, *map(str, self.comparisons)])


class _Answering(nn.Module):
    """A network with its last step, the one that turns logits into probabilities; a plain tuple, as exporters want it."""

    def __init__(self, model: BallNetwork) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        prediction = self.model(pictures)
        return prediction.logits.sigmoid(), prediction.offsets


def export(output: Path, config: ExportConfig) -> ExportSummary:
    """Write a checkpoint as ONNX and compare the runtimes with torch.

    All run on windows of `config.video`, or on drawn ones: no two runtimes give the same bits.

    Raises:
        CheckpointError: The checkpoint is damaged.
        OutputError: The output exists, or cannot be written.
        SettingError: The suffix or the size cannot be, or a library is missing.
    """
    if output.suffix.lower() != SUFFIX:
        raise SettingError("-o", f"{output.name} does not end in {SUFFIX}", f"name it so, as in model{SUFFIX}")
    if any(side is not None and side % SIZE_MULTIPLE for side in (config.height, config.width)):
        raise SettingError("--size", f"is {config.width}x{config.height}", f"give multiples of {SIZE_MULTIPLE}")
    check_output(output, config.overwrite)
    for library in ("onnx", "onnxscript"):
        import_library(library)
    checkpoint = load_checkpoint(packaged(config.weights))
    height, width = _picture_size(config, checkpoint.metadata)
    network = fuse_batch_norm(checkpoint.model)
    windows = _windows(network, config.video, height, width)
    with complete_file(output, config.overwrite) as temporary:
        _write_onnx(network, unpack(windows[:2], network.difference, torch.float32), temporary, json.dumps(checkpoint.metadata))
        comparisons = _compare(network, windows, temporary)
    size = output.stat().st_size
    return ExportSummary(str(output), network.name, height, width, OPSET, size, comparisons)


def _picture_size(config: ExportConfig, metadata: dict[str, Any]) -> tuple[int, int]:
    """Return height and width of the pictures that the file is for, which a runtime refuses to change."""
    if config.height is not None and config.width is not None:
        return config.height, config.width
    shown = probe(config.video).square_size if config.video else REFERENCE_SIZE
    return working_size(*shown, *seen_pictures(metadata))


def _windows(network: BallNetwork, video: Path | None, height: int, width: int) -> Tensor:
    """Return CHECKED_WINDOWS windows of a video, or drawn ones, packed."""
    length = CHECKED_WINDOWS - 1 + network.window_size
    if video is None:
        film = next(drawn_films(1, length, height, width, DRAWN_SEED))
        frames = film.frames[0]
    else:
        info = probe(video)
        step = max(1, (info.frame_count or length) // 2 // length)  # from the middle of a short clip, or its first part
        with FrameReader(info, height, width) as reader:
            kept = [frame.picture for frame, _ in zip(reader, range(step * length), strict=False) if frame.picture is not None]
        frames = torch.stack([torch.from_numpy(picture) for picture in kept[-length:]])
    count = len(frames) - network.window_size + 1
    if count < 1:
        fact = f"gives {len(frames)} frames, and a window has {network.window_size}"
        raise SettingError("--video", fact, "give a longer one, or leave it out")
    stacked = torch.stack([frames[first : first + network.window_size] for first in range(count)])
    return pack_windows(stacked.numpy(), network.difference)


def _write_onnx(network: BallNetwork, pictures: Tensor, path: Path, metadata: str) -> None:
    import onnx

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        program = torch.onnx.export(
            _Answering(network).eval(), (pictures,), None, dynamo=True, opset_version=OPSET, verbose=False,
            input_names=[INPUT], output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )  # fmt: skip
    if program is None:  # as without `dynamo`, where torch writes the file itself
        raise ValueError("torch exported no program")
    model = program.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, metadata
    onnx.save(model, path)


def _compare(network: BallNetwork, windows: Tensor, path: Path) -> list[Comparison]:
    """Return how far each installed runtime is from torch, OpenVINO in its own choice of precision too."""
    found = []
    with torch.inference_mode():
        expected = _Answering(network)(unpack(windows, network.difference, torch.float32))
    ways = [("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "auto")]
    for runtime, precision in ways:
        if importlib.util.find_spec(RUNTIMES[runtime]) is not None:
            answers = load_exported(path, runtime, precision)(windows)
            difference = float((answers[0] - expected[0]).abs().max())
            found.append(
                Comparison(
                    runtime, precision, len(windows), difference, _largest_shift(expected[:2], answers[:2], windows.shape[2])
                )
            )
    return found


def _largest_shift(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], width: int) -> float:
    """Return how far a peak that both answers see lies apart, in pixels of a picture REFERENCE_WIDTH wide."""
    one, other = decode_heatmaps(*first), decode_heatmaps(*second)
    sure = (one.confidence > SURE) & (other.confidence > SURE)
    shift = torch.hypot(one.x - other.x, one.y - other.y)[sure]
    return float(shift.max()) * REFERENCE_WIDTH / width if len(shift) else 0.0
