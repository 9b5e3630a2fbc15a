"""Checkpoints: a network's weights and what it takes to rebuild it, in one safetensors file.

The metadata is JSON and can be read without the weights, see `weight_files`. Reading runs no code from the file:
nothing is unpickled.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import ttcli
from ttcli.errors import CheckpointError, SettingError
from ttcli.networks import weight_files
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.model_input import SIZE_MULTIPLE
from ttcli.networks.registry import check_known, create_model

DEFAULT_WEIGHTS = Path(__file__).parents[1] / "weights" / "centernet_v8s.safetensors"
FAST_WEIGHTS = DEFAULT_WEIGHTS.with_name("centernet_v8n.safetensors")
"""A smaller network that takes less than half the time and is less exact."""
SECOND_STAGE_WEIGHTS = DEFAULT_WEIGHTS.with_name("closer_v8n.safetensors")
"""What looks at the candidates of both again, in larger pictures."""
PACKAGED = {"default": DEFAULT_WEIGHTS, "fast": FAST_WEIGHTS}
"""The checkpoints in the package, by the names that stand for them wherever a checkpoint of the ball is asked for."""
SCALE = ".int8_scale"
"""Ends the name of the scales (C,) of a tensor that is stored in 8 bits, one for each of its C output channels."""
CURE = "give a checkpoint that `ttcli train` wrote"
LEAST_AREA, MOST_AREA = 32 * 32, 2**23
"""Pixels of the pictures that a network may ask for, at the most a little more than 4K video has."""
MOST_MULTIPLE = 512
"""Most multiple of which the sides of these may be multiples."""
MOST_WEIGHT = 1e9
"""Largest number by which log odds are multiplied or moved; a network that has learned little has had a slope of 4,000."""


@dataclass(frozen=True)
class Checkpoint:
    """A network as it was saved."""

    model: BallNetwork
    """In eval mode and fp32, on the CPU."""
    metadata: dict[str, Any]
    """What the file says: the arguments of `create_model`, and more, see `save_checkpoint`."""


def packaged(weights: Path | None) -> Path:
    """Return the file that is meant: one of the package by its name in PACKAGED, the default if None, else the path."""
    if weights is None:
        return DEFAULT_WEIGHTS
    return weights if weights.is_file() else PACKAGED.get(str(weights), weights)


def save_checkpoint(
    path: Path,
    model: BallNetwork,
    metadata: dict[str, Any],
    overwrite: bool = True,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a network's weights and metadata, completely or not at all.

    Args:
        path: Where to write, with the suffix .safetensors.
        model: A network that `create_model` made; batch norm not folded.
        metadata: What to say beside its arguments, in types that JSON knows: area and multiple (working size), fps,
            calibration, ranges, training_data, licence, metrics, seed, steps.
        overwrite: Replace an existing file.
        dtype: Type to store matrices and kernels in, such as torch.float16 for half the bytes, or torch.int8 for a
            quarter, with a scale for each output channel; None keeps their own. Biases and batch norm stay as they are,
            for they are small and matter.

    Raises:
        OutputError: The file cannot be written, or exists and `overwrite` is false.
    """
    described = {**metadata, **_arguments(model), "version": ttcli.__version__}
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        tensors |= _stored(name, tensor, dtype)
    weight_files.write_weights(path, tensors, described, overwrite)


def load_checkpoint(path: Path) -> Checkpoint:
    """Return the network and the metadata of a checkpoint.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind, or does not fit a network known here.
    """
    metadata = read_metadata(path)
    try:
        with torch.device("meta"):  # takes neither time nor random numbers: every tensor comes from the file
            model = create_model(
                metadata["model"],
                metadata["window_size"],
                metadata["difference"],
                metadata["outputs"],
                metadata.get("neck", "pan"),  # files of before there was a choice hold neither of the two
                metadata.get("activation"),
                event_head=metadata.get("event_head", False),
            )
    except SettingError as error:
        raise CheckpointError(path, f"{error.place} {error.fact}", error.cure) from error
    tensors = _read_tensors(path)
    _check_tensors(path, model.state_dict(), tensors)
    model.load_state_dict(tensors, assign=True)
    model.pretrained = metadata.get("pretrained", False)  # how its training began; nothing was fetched now
    return Checkpoint(model.eval(), metadata)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return what a checkpoint says of itself, without reading its weights.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    return check_metadata(path, weight_files.read_metadata(path, CURE))


def check_metadata(path: Path, metadata: Any) -> dict[str, Any]:
    """Return what a file says of its network, once it is known to hold what it should. Other keys are passed over.

    Raises:
        CheckpointError: It does not.
    """
    if not isinstance(metadata, dict):
        raise CheckpointError(path, "a file without the metadata of ttcli", CURE)
    metadata = {FORMER_KEYS.get(key, key): value for key, value in metadata.items()}
    for key, (required, is_right) in _METADATA_CHECKS.items():
        if (required or key in metadata) and not is_right(metadata.get(key)):
            raise CheckpointError(path, f"its metadata has {key} = {_short(metadata.get(key))}", CURE)
    try:
        check_known(metadata["window_size"], metadata["outputs"], metadata.get("neck", "pan"), metadata.get("activation"))
    except SettingError as error:
        raise CheckpointError(path, f"{error.place} {error.fact}", error.cure) from error
    return metadata


def _arguments(model: BallNetwork) -> dict[str, Any]:
    """Return the arguments of `create_model` that rebuild a network."""
    return {
        "model": model.name,
        "window_size": model.window_size,
        "difference": model.difference,
        "outputs": model.outputs,
        "neck": model.neck,
        "activation": model.activation,
        "pretrained": model.pretrained,
        "event_head": model.event_head,
    }


def _stored(name: str, tensor: Tensor, dtype: torch.dtype | None) -> dict[str, Tensor]:
    """Return a tensor as the file holds it: on the CPU, kernels and matrices in `dtype`, by name."""
    tensor = tensor.detach().cpu()
    if dtype is None or not tensor.is_floating_point() or tensor.dim() < 2:
        return {name: tensor}
    if dtype != torch.int8 or not torch.isfinite(tensor).all():  # which is told of when it is read
        return {name: tensor.to(dtype) if dtype.is_floating_point else tensor}
    scale = tensor.float().abs().flatten(1).amax(1).clamp_min(1e-20) / 127
    return {name: (tensor / _per_channel(scale, tensor)).round().to(torch.int8), name + SCALE: scale}


def _per_channel(scale: Tensor, tensor: Tensor) -> Tensor:
    """Return scales (C,) in a shape that multiplies a tensor (C, ...)."""
    return scale.view(-1, *[1] * (tensor.dim() - 1))


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a file, floats and what was stored in 8 bits in fp32, free of the file's own memory."""
    stored = weight_files.read_tensors(path, CURE)
    tensors = {
        name: tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
        for name, tensor in stored.items()
        if tensor.dtype != torch.int8
    }
    for name in [name for name, tensor in stored.items() if tensor.dtype == torch.int8]:
        scale = tensors.pop(name + SCALE, None)
        if scale is None or scale.shape != stored[name].shape[:1]:
            raise CheckpointError(path, f"{name} is stored in 8 bits without a scale for each channel", CURE)
        tensors[name] = stored[name] * _per_channel(scale, stored[name])
    return tensors


def _check_tensors(path: Path, wanted: dict[str, Tensor], given: dict[str, Tensor]) -> None:
    """Raise CheckpointError where the tensors of a file are not those of the network."""
    missing = [name for name in wanted if name not in given]
    if missing:
        raise CheckpointError(path, f"lacks {_some(missing)} of the network it names", CURE)
    extra = [name for name in given if name not in wanted]
    if extra:
        raise CheckpointError(path, f"has {_some(extra)} that the network it names does not know", CURE)
    for name, tensor in given.items():
        if tensor.shape != wanted[name].shape or tensor.dtype != wanted[name].dtype:
            due = tuple(wanted[name].shape)
            raise CheckpointError(path, f"{name} is {tensor.dtype} {tuple(tensor.shape)} where {due} is due", CURE)
    for name, tensor in given.items():
        if tensor.is_floating_point() and tensor.numel() and not _is_finite(tensor):
            raise CheckpointError(path, f"{name} holds values that are not finite", CURE)


def _is_finite(tensor: Tensor) -> bool:
    """Return whether all of a tensor's numbers are finite; NaN is the least and the largest where there is one."""
    return all(math.isfinite(float(end)) for end in tensor.aminmax())


def _some(names: list[str]) -> str:
    """Return the number of tensors and the name of the first."""
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''} ({_short(names[0])}{', ...' if len(names) > 1 else ''})"


def _short(value: Any) -> str:
    """Return a value from a file in one line of a message."""
    return repr(value)[:60]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_area(value: Any) -> bool:
    return _is_count(value) and LEAST_AREA <= value <= MOST_AREA


def _is_multiple(value: Any) -> bool:
    return _is_count(value) and value <= MOST_MULTIPLE and value % SIZE_MULTIPLE == 0


def _are_numbers(value: Any, keys: tuple[str, ...]) -> bool:
    """Tell whether these are the numbers by which log odds are weighed; what else is there is no one's business."""
    numbers: list[Any] = [value.get(key) for key in keys] if isinstance(value, dict) else [None]
    return all(_is_number(number) and abs(number) <= MOST_WEIGHT for number in numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_calibration(value: Any) -> bool:
    """Tell whether this is a slope and a bias; by the slope is divided."""
    return value is None or (_are_numbers(value, ("slope", "bias")) and value["slope"] != 0)


def _is_rates(value: Any) -> bool:
    """Tell whether this is a lowest and a highest frame rate; a tiny one would stretch windows without bound."""
    numbers: list[Any] = value if isinstance(value, list) and len(value) == 2 else [None]
    return all(_is_number(number) and 1 <= number <= 1000 for number in numbers) and numbers[0] <= numbers[1]


def _is_ranges(value: Any) -> bool:
    """Tell whether these are least and largest numbers, by the names of parts; which parts there are is no one's business."""
    return value is None or (isinstance(value, dict) and all(_is_range(ends) for ends in value.values()))


def _is_range(value: Any) -> bool:
    ends: list[Any] = value if isinstance(value, list) and len(value) == 2 else [None]
    return all(_is_number(end) and abs(end) <= MOST_WEIGHT for end in ends) and ends[0] <= ends[1]


FORMER_KEYS = {"closer": "second_stage"}
"""Keys of metadata as older files name them, those in the package too, with their names of today."""
_METADATA_CHECKS: dict[str, tuple[bool, Callable[[Any], bool]]] = {
    "model": (True, lambda value: isinstance(value, str)),
    "window_size": (True, _is_count),
    "difference": (True, lambda value: isinstance(value, bool)),
    "outputs": (True, lambda value: isinstance(value, str)),
    "neck": (False, lambda value: isinstance(value, str)),
    "activation": (False, lambda value: value is None or isinstance(value, str)),
    "pretrained": (False, lambda value: isinstance(value, bool)),
    "event_head": (False, lambda value: isinstance(value, bool)),
    "area": (False, _is_area),
    "multiple": (False, _is_multiple),
    "fps": (False, _is_rates),
    "calibration": (False, _is_calibration),
    "ranges": (False, _is_ranges),
    "second_stage": (False, lambda value: value is None or _are_numbers(value, ("own", "look", "bias"))),
}
"""Key -> whether it must be there, and what its value must be: all that code reads and that a file could get wrong."""
