"""Networks that `ttcli export` wrote, as ONNX, in other runtimes: ONNX Runtime, and OpenVINO, which reads ONNX too.

The libraries are extras (`ttcli[onnx]`, `ttcli[openvino]`) and are imported when they are asked for.
"""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ttcli.errors import CheckpointError, SettingError
from ttcli.inference.runtimes import Runtime, load_closer, load_runtime
from ttcli.networks.blocks import NetworkAnswer
from ttcli.networks.checkpoints import check_metadata
from ttcli.networks.devices import network_threads
from ttcli.networks.registry import answered_frames
from ttcli.networks.weight_files import METADATA_KEY

INPUT, OUTPUTS = "pictures", ("probabilities", "offsets", "events")
"""Names of the input and the outputs in exported files; events are of networks with an event head."""
OUTPUT_STRIDE = 4
SUFFIX = ".onnx"
RUNTIMES = {"onnx": "onnxruntime", "openvino": "openvino"}
"""What runs an exported file -> its library."""
PACKAGES = {"onnxruntime": "ttcli[onnx]", "onnx": "ttcli[onnx]", "onnxscript": "ttcli[onnx]", "openvino": "ttcli[openvino]"}
CURE = "give a file that `ttcli export` wrote"


class ExportedRuntime(Runtime):
    """What ONNX Runtime and OpenVINO have in common: pictures of one size, on the processor, in fp32.

    Args:
        path: The exported file.
        metadata: What it says of itself.
        shape: Of its input: batch, channels, height, width.
    """

    def __init__(self, path: Path, metadata: dict[str, Any], shape: list[Any]) -> None:
        frames = metadata["window_size"], answered_frames(metadata["outputs"], metadata["window_size"])
        super().__init__(metadata, *frames, metadata["difference"], OUTPUT_STRIDE, torch.device("cpu"), torch.float32)
        self.weights = self._path = path
        self._height, self._width = int(shape[2]), int(shape[3])

    def working_size(self, height: int, width: int, area: int | None = None) -> tuple[int, int]:
        """Return the size that the file is made for, whatever `area` would be better.

        Raises:
            SettingError: The network would see a video of `height` x `width` at another size.
        """
        wanted = super().working_size(height, width)
        if wanted != (self._height, self._width):
            fact = f"is made for pictures of {self._width}x{self._height}, and this video is seen at {wanted[1]}x{wanted[0]}"
            raise SettingError(self._path, fact, f"export again with --size {wanted[1]}x{wanted[0]}")
        return wanted


class OnnxRuntime(ExportedRuntime):
    """A network in ONNX Runtime.

    Args:
        path: The .onnx file.
        threads: That it takes; None leaves cores to the decoder.

    Raises:
        CheckpointError: The file is damaged, or not of `ttcli export`.
        SettingError: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        library = import_library("onnxruntime")
        options = library.SessionOptions()
        options.intra_op_num_threads = threads or network_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the decoder needs the cores too
        try:
            self._session = library.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
            self._outputs = [output.name for output in self._session.get_outputs()]
            text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
            shape = self._session.get_inputs()[0].shape
        except _errors_of(library) as error:
            raise _unreadable(path, error) from error
        super().__init__(path, _metadata(path, text), shape)

    def __call__(self, pictures: Tensor) -> NetworkAnswer:
        """Return what the network answers, see `Runtime`."""
        answers = self._session.run(self._outputs, {INPUT: pictures.contiguous().numpy()})
        return NetworkAnswer(*map(torch.from_numpy, answers))


class OpenVinoRuntime(ExportedRuntime):
    """A network in OpenVINO.

    Args:
        path: The .onnx file.
        precision: auto leaves the choice to OpenVINO, which takes bf16 where the processor has it; bf16 or fp32.
        threads: As for `OnnxRuntime`.

    Raises:
        CheckpointError: The file is damaged, or not of `ttcli export`.
        SettingError: OpenVINO is not installed.
    """

    def __init__(self, path: Path, precision: str = "auto", threads: int | None = None) -> None:
        library = import_library("openvino")
        hints = {"fp32": "f32", "bf16": "bf16"}
        settings: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads or network_threads(), "PERFORMANCE_HINT": "LATENCY"}
        if precision in hints:
            settings["INFERENCE_PRECISION_HINT"] = hints[precision]
        try:
            core = library.Core()
            model = core.read_model(path)
            place = ["framework", METADATA_KEY]
            text = model.get_rt_info(place).astype(str) if model.has_rt_info(place) else None
            shape = [dimension.get_length() if dimension.is_static else 0 for dimension in model.input(0).partial_shape]
            self._model = core.compile_model(model, "CPU", settings)
        except (OSError, RuntimeError, ValueError) as error:
            raise _unreadable(path, error) from error
        super().__init__(path, _metadata(path, text), shape)

    def __call__(self, pictures: Tensor) -> NetworkAnswer:
        """Return what the network answers, see `Runtime`."""
        answers = self._model(pictures.contiguous().numpy())
        return NetworkAnswer(*(torch.from_numpy(np.array(answers[place], np.float32)) for place in range(len(answers))))


def load_network(weights: Path | None, runtime: str, device: str, precision: str, threads: int | None = None) -> Runtime:
    """Return a network ready to run, in torch or another runtime.

    Args:
        weights: A checkpoint, the name of one in the package, or a file that `ttcli export` wrote; the default if None.
        runtime: torch, onnx or openvino; auto takes onnx for an exported file, else torch.
        device: auto, cpu or cuda, for torch.
        precision: auto, bf16 or fp32.
        threads: Of the network on the processor; None leaves cores to the decoder.

    Raises:
        CheckpointError: The file is damaged, or of an unknown network.
        SettingError: The device is not there, or the runtime does not read the file.
    """
    exported = weights if weights is not None and weights.suffix.lower() == SUFFIX else None
    chosen = runtime if runtime != "auto" else "onnx" if exported else "torch"
    if (exported is not None) == (chosen == "torch"):
        cure = "leave it out" if exported else f"give a file that `ttcli export` wrote, ending in {SUFFIX}"
        raise SettingError("--runtime", f"{chosen} does not read {weights or 'the checkpoint in the package'}", cure)
    if exported is not None:
        return load_exported(exported, chosen, precision, threads)
    return load_runtime(weights, device, precision, threads)


def load_exported(path: Path, runtime: str, precision: str, threads: int | None = None) -> Runtime:
    """Return the network of an exported file.

    Args:
        path: The file.
        runtime: onnx or openvino.
        precision: auto, bf16 or fp32; ONNX Runtime knows fp32 alone.
        threads: That it takes; None leaves cores to the decoder.

    Raises:
        CheckpointError: The file is missing, damaged, or not of `ttcli export`.
        SettingError: The runtime is not installed, or has not that precision.
    """
    if not path.is_file():
        raise CheckpointError(path, "no such file", CURE)
    if runtime != "openvino" and precision == "bf16":
        raise SettingError("--precision", "ONNX Runtime has no bf16 here", "take fp32, or --runtime openvino")
    network = OpenVinoRuntime(path, precision, threads) if runtime == "openvino" else OnnxRuntime(path, threads)
    network.closer = load_closer(network.metadata, "cpu", precision)
    return network


def import_library(name: str) -> ModuleType:
    """Return a library that is an extra.

    Raises:
        SettingError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SettingError("--runtime", f"{name} is not installed", f"pip install '{PACKAGES[name]}'") from error


def _errors_of(onnxruntime: ModuleType) -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises where a file is damaged: its own errors have no base in common."""
    state = onnxruntime.capi.onnxruntime_pybind11_state
    own = [value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception)]
    return OSError, RuntimeError, ValueError, TypeError, *own


def _metadata(path: Path, text: str | None) -> dict[str, Any]:
    try:
        return check_metadata(path, json.loads(text or "null"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(path, "its metadata is damaged", CURE) from error


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return CheckpointError(path, f"cannot be read ({reason})", CURE)
