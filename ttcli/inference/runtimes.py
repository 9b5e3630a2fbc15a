"""A network made ready for one device: windows as bytes in, probabilities and offsets out."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ttcli.errors import SettingError
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.blocks import NetworkAnswer, Prediction, fuse_batch_norm
from ttcli.networks.checkpoints import SECOND_STAGE_WEIGHTS, load_checkpoint, packaged
from ttcli.networks.devices import DTYPES, choose_device, choose_dtype, cpu_multiplies_in_int8, network_workers
from ttcli.networks.int8 import NO_SIGN, Int8CenterNet, int8_is_exact, parts_with_ranges
from ttcli.networks.model_input import seen_pictures, working_size
from ttcli.networks.odds import LEAST_PROBABILITY, log_odds_of
from ttcli.networks.packed_windows import unpack

USUAL_FPS = (24.0, 120.0)
"""Frame rates of checkpoints that do not say theirs: the rates of drawn windows."""
MOST_LOG_ODDS = 700.0
"""Beyond these the exponential leaves what numbers can hold."""


class Runtime:
    """What is known of a network that runs, whatever runs it, from the metadata of its checkpoint.

    Args:
        metadata: Metadata of the checkpoint; area, multiple, fps and calibration are used where present.
        window_size: Frames in a window.
        output_frames: Places in the window of the predicted frames.
        difference: Whether the input has the channels of difference to the window's median.
        output_stride: Pixels per cell of the heatmaps.
        device: Where it computes.
        dtype: Type of the numbers that it computes in.
    """

    def __init__(
        self,
        metadata: dict[str, Any],
        window_size: int,
        output_frames: tuple[int, ...],
        difference: bool,
        output_stride: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.window_size, self.output_frames, self.difference = window_size, output_frames, difference
        self.output_stride, self.device, self.dtype = output_stride, device, dtype
        self.precision = next((name for name, known in DTYPES.items() if known == dtype), str(dtype).removeprefix("torch."))
        """What it computes in, as `--precision` calls it; auto where a library chose and does not say."""
        self.metadata = metadata
        self.area, self.multiple = seen_pictures(metadata)
        self.most_fps: float = metadata.get("fps", USUAL_FPS)[1]
        """Highest frame rate that it was trained on."""
        self.calibration: dict[str, float] = metadata.get("calibration") or {"slope": 1.0, "bias": 0.0}
        self.weights: Path | None = None
        """The file that the network is from; None where nobody knows."""
        self.second: SecondNetwork | None = None
        """What looks at its candidates again; None where its own word is the last."""
        self.workers = 1
        """Threads that may call it at the same time."""
        self.any_size = True
        """Whether it takes pictures of any size whose sides are multiples of 32."""
        self._memory = threading.local()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def __call__(self, windows: Tensor) -> NetworkAnswer:
        """Return what the network answers.

        Args:
            windows: As `ttcli.networks.packed_windows` makes them, shape (B, H, W, T, 4) int8, on the processor.
        """
        raise NotImplementedError

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Threads in which windows go through the network."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="network")
            return self._pool

    def memory(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Return memory of this thread under a name, the same one each time: fresh memory costs as much time as filling it."""
        count = math.prod(shape)
        kept: Tensor | None = getattr(self._memory, name, None)
        if kept is None or len(kept) < count or kept.dtype != dtype:
            kept = torch.empty(count, dtype=dtype)
            setattr(self._memory, name, kept)
        return kept[:count].view(shape)

    def working_size(self, height: int, width: int, area: int | None = None) -> tuple[int, int]:
        """Return the height and width at which the network sees a video of `height` x `width`.

        Args:
            height: Height of the video.
            width: Width of the video.
            area: Pixels of the picture, about; None takes those that the network was trained on.
        """
        return working_size(height, width, area or self.area, self.multiple)

    def confidence(self, probability: float) -> float:
        """Return the calibrated confidence of a peak: how often a peak of this probability is the ball."""
        probability = min(max(probability, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
        calibrated = self.calibration["slope"] * log_odds_of(probability) + self.calibration["bias"]
        return 1 / (1 + math.exp(-min(max(calibrated, -MOST_LOG_ODDS), MOST_LOG_ODDS)))


class SecondNetwork(NamedTuple):
    """A second network, which looks at the candidates of a first one, and how much the word of both counts."""

    runtime: Runtime
    own: float
    """By which the log odds of the first one's peak are multiplied."""
    look: float
    """Factor for the log odds of the second network."""
    bias: float

    def probability(self, own: np.ndarray, look: np.ndarray, calibration: dict[str, float]) -> np.ndarray:
        """Return the probability that, calibrated, makes the confidence that follows from both networks' log odds."""
        together = self.own * own + self.look * look + self.bias
        odds = (together - calibration["bias"]) / calibration["slope"]
        return 1 / (1 + np.exp(-odds))


class TorchRuntime(Runtime):
    """A network on a device, in evaluation mode.

    Args:
        model: A network that keeps the contract of `ttcli.networks.registry`; it is moved, converted and fused in place.
        metadata: The checkpoint's metadata.
        device: auto, cpu, cuda, or what else torch.device takes.
        precision: auto, int8, bf16 or fp32.

    Raises:
        SettingError: The device is not there, or the network cannot be had in that precision.
    """

    def __init__(
        self,
        model: BallNetwork,
        metadata: dict[str, Any] | None = None,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        chosen = choose_device(device)
        dtype, floating = _dtypes(precision, chosen, model, metadata or {})
        facts = (model.window_size, tuple(model.output_frames), model.difference, model.output_stride)
        super().__init__(metadata or {}, *facts, chosen, dtype)
        fused = fuse_batch_norm(model.eval())
        self._folded = fused.take_packed_windows()
        self.model: Callable[[Tensor], Prediction]
        if dtype == torch.int8:
            self.model = Int8CenterNet(fused, self.metadata["ranges"], floating)
        else:
            self.model = fused.to(self.device, dtype).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def __call__(self, windows: Tensor) -> NetworkAnswer:
        """Return what the network answers, see `Runtime`."""
        prediction = self.model(self._input(windows))
        return NetworkAnswer(prediction.logits.float().sigmoid(), prediction.offsets.float())

    def _input(self, windows: Tensor) -> Tensor:
        """Return what the network takes."""
        if self.dtype == torch.int8:
            pixels = windows.view(torch.uint8)
            return torch.bitwise_xor(pixels, NO_SIGN, out=self.memory("input", pixels.shape, torch.uint8))
        if self.device.type != "cpu":
            windows = windows.to(self.device, non_blocking=True)
        if not self._folded:
            return unpack(windows, self.difference, self.dtype)
        pixels = windows.flatten(3)
        if self.device.type != "cpu":
            return pixels.to(self.dtype).permute(0, 3, 1, 2)
        return self.memory("input", pixels.shape, self.dtype).copy_(pixels).permute(0, 3, 1, 2)


def _has_ranges(model: BallNetwork, metadata: dict[str, Any]) -> bool:
    """Return whether there is a form in 8 bits of a network, and the ranges that it needs."""
    parts = parts_with_ranges(model)
    return bool(parts) and parts.keys() <= (metadata.get("ranges") or {}).keys()


def _dtypes(
    precision: str, device: torch.device, model: BallNetwork, metadata: dict[str, Any]
) -> tuple[torch.dtype, torch.dtype]:
    """Return the type that a network computes in, and the floating one of whatever does not.

    Raises:
        SettingError: The precision is unknown, or the network cannot be had in it.
    """
    dtype, floating = choose_dtype(precision, device), choose_dtype("auto", device)
    if precision not in ("auto", "int8"):
        return dtype, floating
    possible = device.type == "cpu" and _has_ranges(model, metadata) and int8_is_exact()
    if precision == "auto" and possible and cpu_multiplies_in_int8():
        return torch.int8, floating
    if dtype == torch.int8 and not possible:
        fact = "int8 cannot be had here" if not int8_is_exact() else "this network's checkpoint holds no ranges for int8"
        raise SettingError("--precision", fact, "take auto, bf16 or fp32")
    return dtype, floating


def load_runtime(weights: Path | None, device: str, precision: str, threads: int | None = None) -> TorchRuntime:
    """Return the network of a checkpoint, ready to run.

    Args:
        weights: The checkpoint, or the name of one in the package; the default one if None.
        device: auto, cpu or cuda.
        precision: auto, int8, bf16 or fp32.
        threads: In which windows go through the network on the processor; None takes one for each core.

    Raises:
        CheckpointError: The checkpoint is damaged or of an unknown network.
        SettingError: The device is not there.
    """
    chosen = choose_device(device)
    choose_dtype(precision, chosen)
    weights = packaged(weights)
    if chosen.type == "cpu":
        # Windows beside each other wait less for each other than parts of one. Weights too: beside a busy program, threads
        # that wait for each other took 1.5 s for what one does in 0.2.
        torch.set_num_threads(1)
    checkpoint = load_checkpoint(weights)
    runtime = TorchRuntime(checkpoint.model, checkpoint.metadata, str(chosen), precision)
    runtime.weights = weights
    if chosen.type == "cpu":
        runtime.workers = threads or network_workers()
    runtime.second = load_second_network(checkpoint.metadata, str(chosen), precision)
    return runtime


def load_second_network(metadata: dict[str, Any], device: str, precision: str) -> SecondNetwork | None:
    """Return the second stage of a network, if its checkpoint says how much that counts.

    Args:
        metadata: Metadata of the first network's checkpoint.
        device: As for `load_runtime`.
        precision: The same.

    Raises:
        CheckpointError: The second network's checkpoint is damaged.
    """
    counts = metadata.get("second_stage")
    if counts is None:
        return None
    checkpoint = load_checkpoint(SECOND_STAGE_WEIGHTS)
    runtime = TorchRuntime(checkpoint.model, checkpoint.metadata, device, precision)
    runtime.weights = SECOND_STAGE_WEIGHTS
    return SecondNetwork(runtime, counts["own"], counts["look"], counts["bias"])
