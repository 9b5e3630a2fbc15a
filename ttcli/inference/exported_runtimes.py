"""Networks that `ttcli export` wrote, as ONNX, in other runtimes: ONNX Runtime, and OpenVINO, which reads ONNX too.

The libraries are extras (`ttcli[onnx]`, `ttcli[openvino]`). `import_library` imports them when they are asked for. It
keeps both from reporting to their makers over the network, and from writing to stderr beside our one line.
"""

import importlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ttcli.errors import CheckpointError, SettingError
from ttcli.inference.runtimes import Runtime, load_runtime, load_second_network
from ttcli.networks.blocks import NetworkAnswer
from ttcli.networks.checkpoints import MOST_AREA, check_metadata
from ttcli.networks.devices import network_threads
from ttcli.networks.heatmaps import OUTPUT_STRIDE
from ttcli.networks.model_input import SIZE_MULTIPLE, input_channels
from ttcli.networks.packed_windows import unpack
from ttcli.networks.registry import answered_frames
from ttcli.networks.weight_files import METADATA_KEY

INPUT, OUTPUTS = "pictures", ("probabilities", "offsets")
"""Names of the input and the outputs in exported files; older files may have more after these."""
SUFFIX = ".onnx"
RUNTIMES = {"onnx": "onnxruntime", "openvino": "openvino"}
"""What runs an exported file -> its library."""
PACKAGES = {"onnxruntime": ".[onnx]", "onnx": ".[onnx]", "onnxscript": ".[onnx]", "openvino": ".[openvino]"}
CURE = "give a file that `ttcli export` wrote"
FATAL = 4
"""Level of ONNX Runtime's own messages: what fails is raised, and ends in our one line."""
MOST_BYTES = 2**31
"""No exported file is larger, for protobuf takes no more."""
MOST_OFFSET = 1e4
"""Cells from a heatmap's cell to the ball: more are on no picture."""
ROUNDED = 1e-3
"""How far outside of 0 and 1 a probability may be that a runtime has rounded."""


class ExportedRuntime(Runtime):
    """What ONNX Runtime and OpenVINO have in common: pictures of one size, on the processor, in fp32.

    Args:
        path: The exported file.
        metadata: What it says of itself.
        inputs: Name and shape of each of its inputs, of which there must be one: batch, channels, height, width.
        outputs: Names of its outputs.

    Raises:
        CheckpointError: These do not belong to an exported network.
    """

    def __init__(
        self, path: Path, metadata: dict[str, Any], inputs: Sequence[tuple[str, Sequence[Any]]], outputs: Sequence[str]
    ) -> None:
        frames = metadata["window_size"], answered_frames(metadata["outputs"], metadata["window_size"])
        super().__init__(metadata, *frames, metadata["difference"], OUTPUT_STRIDE, torch.device("cpu"), torch.float32)
        self.weights: Path = path
        if [name for name, _ in inputs] != [INPUT] or list(outputs[: len(OUTPUTS)]) != list(OUTPUTS):
            raise CheckpointError(path, f"its input and outputs are not {INPUT}, {', '.join(OUTPUTS)}", CURE)
        shape = list(inputs[0][1])
        if not self._is_shape(shape):
            raise CheckpointError(path, f"its input has the shape {shape!r:.60}", CURE)
        self._height, self._width = shape[2], shape[3]
        self.any_size = False

    def _is_shape(self, shape: list[Any]) -> bool:
        """Return whether an input's shape is one of windows of pictures that a network can see."""
        if len(shape) != 4 or not all(isinstance(side, int) for side in shape[1:]):
            return False
        height, width = shape[2:]
        sides = all(side > 0 and side % SIZE_MULTIPLE == 0 for side in (height, width))
        return sides and height * width <= MOST_AREA and shape[1] == input_channels(self.window_size, self.difference)

    def _input(self, windows: Tensor) -> np.ndarray:
        """Return packed windows as the model input that the file asks for."""
        return unpack(windows, self.difference, torch.float32).contiguous().numpy()

    def _answer(self, windows: Tensor, arrays: Sequence[np.ndarray]) -> NetworkAnswer:
        """Return the answers as tensors.

        Raises:
            CheckpointError: They are none: of another shape, or numbers that are no probabilities and places.
        """
        batch, count = len(windows), len(self.output_frames)
        cells = tuple(side // self.output_stride for side in windows.shape[1:3])
        shapes = [(batch, count, *cells), (batch, count, 2, *cells)]
        bounds = [(-ROUNDED, 1 + ROUNDED), (-MOST_OFFSET, MOST_OFFSET)]
        for name, array, shape, (least, most) in zip(OUTPUTS, arrays, shapes, bounds, strict=True):
            if array.shape != shape or array.dtype != np.float32:
                raise CheckpointError(self.weights, f"its {name} are {array.dtype} {array.shape}, not float32 {shape}", CURE)
            if not (array.min() >= least and array.max() <= most):  # nor of NaN
                raise CheckpointError(self.weights, f"its {name} are out of range, or no numbers", CURE)
        return NetworkAnswer(*map(torch.from_numpy, arrays))

    def working_size(self, height: int, width: int, area: int | None = None) -> tuple[int, int]:
        """Return the size that the file is made for, whatever `area` would be better.

        Raises:
            SettingError: The network would see a video of `height` x `width` at another size.
        """
        wanted = super().working_size(height, width)
        if wanted != (self._height, self._width):
            fact = f"is made for pictures of {self._width}x{self._height}, and this video is seen at {wanted[1]}x{wanted[0]}"
            raise SettingError(self.weights, fact, f"export again with --size {wanted[1]}x{wanted[0]}")
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
        options.log_severity_level = FATAL
        self._errors: tuple[type[Exception], ...] = (
            OSError,
            RuntimeError,
            ValueError,
            TypeError,
            *_errors_in(library.capi.onnxruntime_pybind11_state),
        )
        try:
            # Without a fallback, of which it would tell on standard output: there is none from the processor.
            self._session = library.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
            outputs = [output.name for output in self._session.get_outputs()]
            text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
            inputs = [(each.name, each.shape) for each in self._session.get_inputs()]
        except self._errors as error:
            raise _unreadable(path, error) from error
        super().__init__(path, _metadata(path, text), inputs, outputs)

    def __call__(self, windows: Tensor) -> NetworkAnswer:
        """Return what the network answers, see `Runtime`."""
        try:
            answers = self._session.run(list(OUTPUTS), {INPUT: self._input(windows)})
        except self._errors as error:
            raise _unreadable(self.weights, error, "cannot be run") from error
        return self._answer(windows, answers)


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
        errors: tuple[type[Exception], ...] = (OSError, RuntimeError, ValueError, *_errors_in(library.frontend))
        try:
            # ONNX alone: asked to find out what a file is, OpenVINO tries all it knows, and TensorFlow's part writes to stderr.
            reader = library.frontend.FrontEndManager().load_by_framework("onnx")
            model = reader.convert(reader.load(str(path)))
            place = ["framework", METADATA_KEY]
            text = model.get_rt_info(place).astype(str) if model.has_rt_info(place) else None
            inputs = [(_name(each), _dimensions(each)) for each in model.inputs]
            outputs = [_name(each) for each in model.outputs]
        except errors as error:
            raise _unreadable(path, error) from error
        super().__init__(path, _metadata(path, text), inputs, outputs)  # before memory is taken for what it asks for
        self.precision = precision
        try:
            self._model = library.Core().compile_model(model, "CPU", settings)
        except errors as error:
            raise _unreadable(path, error) from error

    def __call__(self, windows: Tensor) -> NetworkAnswer:
        """Return what the network answers, see `Runtime`."""
        try:
            answers = self._model(self._input(windows))
        except (RuntimeError, ValueError) as error:
            raise _unreadable(self.weights, error, "cannot be run") from error
        return self._answer(windows, [np.array(answers[place], np.float32) for place in range(len(OUTPUTS))])


def load_network(weights: Path | None, runtime: str, device: str, precision: str, threads: int | None = None) -> Runtime:
    """Return a network ready to run, in torch or another runtime.

    Args:
        weights: A checkpoint, the name of one in the package, or a file that `ttcli export` wrote; the default if None.
        runtime: torch, onnx or openvino; auto takes onnx for an exported file, else torch.
        device: auto, cpu or cuda, for torch.
        precision: auto, int8, bf16 or fp32.
        threads: Threads of the network on the processor; None leaves cores to the decoder.

    Raises:
        CheckpointError: The file is damaged, or of an unknown network.
        SettingError: The device is not there, or the runtime does not read the file.
    """
    exported = weights is not None and weights.suffix.lower() == SUFFIX
    chosen = runtime if runtime != "auto" else "onnx" if exported else "torch"
    if exported == (chosen == "torch"):
        cure = "leave it out" if exported else f"give a file that `ttcli export` wrote, ending in {SUFFIX}"
        raise SettingError("--runtime", f"{chosen} does not read {weights or 'the checkpoint in the package'}", cure)
    if exported and weights is not None:
        return load_exported(weights, chosen, precision, threads)
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
    if path.stat().st_size >= MOST_BYTES:
        raise CheckpointError(path, f"is larger than {MOST_BYTES >> 30} GB", CURE)
    if precision == "int8" or (runtime != "openvino" and precision == "bf16"):
        cure = "take auto or fp32" if precision == "int8" else "take fp32, or --runtime openvino"
        raise SettingError("--precision", f"{runtime} has no {precision} here", cure)
    network = OpenVinoRuntime(path, precision, threads) if runtime == "openvino" else OnnxRuntime(path, threads)
    network.second = load_second_network(network.metadata, "cpu", precision)
    return network


def import_library(name: str) -> ModuleType:
    """Return a library that is an extra.

    Raises:
        SettingError: It is not installed.
    """
    be_silent()
    try:
        library = importlib.import_module(name)
    except ImportError as error:
        raise SettingError("--runtime", f"{name} is not installed", f"pip install '{PACKAGES[name]}'") from error
    if name == "onnxruntime":
        library.set_default_logger_severity(FATAL)
    return library


def be_silent() -> None:
    """Keep the libraries from the network: both tell their makers that they run, as soon as they are imported.

    ONNX Runtime asks a variable of the environment; OpenVINO does without the module that tells, where that is missing.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # an import of it fails


def _errors_in(module: ModuleType) -> list[type[Exception]]:
    """Return a library's own errors, which have no base in common."""
    return [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Exception)]


def _metadata(path: Path, text: str | None) -> dict[str, Any]:
    try:
        return check_metadata(path, json.loads(text or "null"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(path, "its metadata is damaged", CURE) from error


def _name(end: Any) -> str:
    """Return what OpenVINO calls an input or an output; nothing where it has no name."""
    return end.any_name if end.get_names() else ""


def _dimensions(end: Any) -> list[int | None]:
    """Return the shape of an input in OpenVINO, None for a length that is open."""
    shape = end.partial_shape
    if shape.rank.is_dynamic:
        return []
    return [dimension.get_length() if dimension.is_static else None for dimension in shape]


def _unreadable(path: Path, error: Exception, fact: str = "cannot be read") -> CheckpointError:
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    # OpenVINO begins with places in its own source, and ends with the reason.
    reason = said[-1 if said[0].startswith(("Exception from", "Check ")) else 0][:120] if said else type(error).__name__
    return CheckpointError(path, f"{fact} ({reason})", CURE)
