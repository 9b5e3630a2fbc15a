"""CenterNet on YOLOv8 in integers of 8 bits: 0.6 to 0.7 of the time of bf16, on a processor that multiplies in them.

Whatever lies between two convolutions is a tensor of bytes, each of which stands for a real number by the tensor's
`Grid`. Grids come from the ranges that the network's values had on pictures like those it will see: `recorded_ranges`
notes them, and a checkpoint keeps them. Weights are rounded for each output channel by itself. The package
stores its weights so, and no error is added, but for the first convolution, which was folded to take bytes of colours
and differences as they are.

The answers of the first two convolutions stay floating numbers, and so do the two that take them, for a twentieth of
the time. There the ball is little more than a trace: as bytes they moved the log odds of a ball by 0.2 (the standard
deviation, on drawn windows), and without by 0.06 to 0.09.

Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2017,
arXiv:1712.05877. The convolutions are oneDNN's, by the operators of torch that its own compiler uses.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.blocks import SPPF, Bottleneck, C2f, ConvUnit, Prediction
from ttcli.networks.centernet_yolov8 import CenterNetYoloV8, TopDownNeck, YoloV8Encoder

Ranges = Mapping[str, Sequence[float]]
"""Name of a part of the network -> between which numbers its answers are kept apart; what is beyond is cut off."""
LEVELS = 255
"""The largest byte."""
MOST_WEIGHT = 127
"""The largest weight in 8 bits with a sign."""
NO_SIGN = 128
"""Bit that turns a byte with a sign into one without, so much more."""
WINDOWS_WITHIN = 0.9
"""Share of windows whose largest number a range holds. The largest of all windows is up to three times as large, and
its grid coarser by as much."""
FLOATING = ("encoder.stem", "encoder.stages.0.0")
"""Parts whose answers do not become bytes."""
LEAST_RANGE = 1e-6
"""The range of a part that answers nothing but zeros."""


class Grid(NamedTuple):
    """Which real numbers the bytes of a tensor stand for: byte b for scale * (b - zero)."""

    scale: float
    zero: int

    @classmethod
    def over(cls, *ranges: Sequence[float]) -> "Grid":
        """Return the finest grid on which zero and all numbers of these ranges lie."""
        least = min(0.0, *(low for low, _ in ranges))
        most = max(LEAST_RANGE, *(high for _, high in ranges))
        scale = (most - least) / LEVELS
        return cls(scale, round(-least / scale))


WINDOW_GRID = Grid(1.0, NO_SIGN)
"""The grid of packed windows without a sign: the first convolution was folded to take bytes as they are."""


def has_int8(model: nn.Module) -> bool:
    """Return whether there is a form in 8 bits of this network."""
    return isinstance(model, CenterNetYoloV8) and isinstance(model.decoder, TopDownNeck)


@functools.cache
def int8_is_exact() -> bool:
    """Return whether torch's convolution of bytes is there, and adds up what 16 bits do not hold."""
    with torch.random.fork_rng(devices=[]):
        convolution = nn.Conv2d(16, 16, 3, stride=2, padding=1, bias=False)
    nn.init.ones_(convolution.weight)
    x = torch.full((1, 16, 6, 6), LEVELS, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    wanted = convolution(x.float() - WINDOW_GRID.zero).detach()
    coarse = Grid(float(wanted.max()) / 200, 7)
    try:
        floats = _Convolution(convolution, WINDOW_GRID, torch.float32)(x)
        levels = _Convolution(convolution, WINDOW_GRID, coarse)(x)
    except (AttributeError, RuntimeError):  # torch calls it private: another release may not have it, or not like this
        return False
    near = (coarse.scale * (levels.float() - coarse.zero) - wanted).abs().max() <= coarse.scale
    return bool(near and (floats - wanted).abs().max() < 1)


def parts_with_ranges(model: nn.Module) -> dict[str, nn.Module]:
    """Return the parts of a network whose ranges its form in 8 bits needs, by name; none where it has no such form."""
    if not has_int8(model):
        return {}
    parts: dict[str, nn.Module] = {
        name: part for name, part in model.named_modules() if isinstance(part, ConvUnit | Bottleneck)
    }
    for name in FLOATING:
        del parts[name]
    return parts


@contextmanager
def recorded_ranges(model: nn.Module) -> Iterator[Callable[[], dict[str, list[float]]]]:
    """Note, while this context lasts, which numbers the parts of a network answer; it yields what returns their ranges.

    Args:
        model: In evaluation mode. Threads may ask it at the same time; a copy that is made meanwhile is noted too.
    """
    noted: dict[str, list[Tensor]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda _part, _given, answered: noted.setdefault(name, []).append(_ends(answered))

    handles = [part.register_forward_hook(note(name)) for name, part in parts_with_ranges(model).items()]
    try:
        yield lambda: {name: _span(ends) for name, ends in sorted(noted.items())}
    finally:
        for handle in handles:
            handle.remove()


def _ends(answered: Tensor) -> Tensor:
    """Return the least and the largest number for each of B windows, (B, 2)."""
    return torch.stack(answered.float().flatten(1).aminmax(dim=1), 1)


def _span(ends: list[Tensor]) -> list[float]:
    """Return the range that follows from the ends of many windows, in few digits; what is not finite counts as nothing."""
    low, high = torch.cat(ends).cpu().nan_to_num(0.0, 0.0, 0.0).unbind(1)
    return [float(f"{low.min():.4g}"), float(f"{high.quantile(WINDOWS_WITHIN):.4g}")]


class Int8CenterNet:
    """CenterNet on YOLOv8 with its neck from above, in 8 bits.

    Args:
        model: On the processor, in evaluation mode, batch norm folded, taking packed windows.
        ranges: Ranges of all `parts_with_ranges`.
        floating: Type of what the first and the last layers answer and take: in bytes, offsets would be half as exact.

    Raises:
        KeyError: The ranges of a part are missing.
    """

    def __init__(self, model: BallNetwork, ranges: Ranges, floating: torch.dtype) -> None:
        encoder, neck = cast(YoloV8Encoder, model.encoder), cast(TopDownNeck, model.decoder)
        outputs = [f"encoder.stages.{index}.1.join" for index in range(len(encoder.stages) - 1)]
        outputs.append(f"encoder.stages.{len(outputs)}.2.join")
        mixed = [f"decoder.mixers.{index}.join" for index in range(len(neck.mixers))]
        # A mixer takes what came down to it and the features of a stage side by side, so on one grid.
        pairs = dict(zip(outputs[-2::-1], [outputs[-1], *mixed], strict=False))
        shared = {fine: Grid.over(ranges[fine], ranges[coarse]) for fine, coarse in pairs.items()}
        shared |= {coarse: shared[fine] for fine, coarse in pairs.items()}
        shared[mixed[-1]] = Grid.over(ranges[mixed[-1]])

        self._stem = _Convolution(encoder.stem.conv, WINDOW_GRID, floating, frames=model.window_size)
        self._stages = []
        grid: Grid | torch.dtype = floating
        for index, (stage, output) in enumerate(zip(encoder.stages, outputs, strict=True)):
            self._stages.append(_Stage(cast(nn.Sequential, stage), f"encoder.stages.{index}", ranges, grid, shared[output]))
            grid = shared[output]
        self._mixers = []
        for index, (mixer, fine) in enumerate(zip(neck.mixers, outputs[-2::-1], strict=True)):
            name = f"decoder.mixers.{index}"
            self._mixers.append(_C2f(cast(C2f, mixer), name, ranges, shared[fine], shared[mixed[index]]))
        self._heads = [
            (_Convolution(cast(nn.Conv2d, branch[0]), shared[mixed[-1]], floating), branch[2].to(floating))
            for branch in (model.head.heatmap, model.head.offset)
        ]

    def __call__(self, windows: Tensor) -> Prediction:
        """Return the prediction for packed windows (B, H, W, T, 4) without a sign, NO_SIGN more, uint8."""
        x = self._stem(windows.flatten(3).permute(0, 3, 1, 2))
        features = []
        for stage in self._stages:
            x = stage(x)
            features.append(x)
        for mixer, fine in zip(self._mixers, features[-2::-1], strict=True):
            x = mixer(torch.cat([nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"), fine], dim=1))
        logits, offsets = (last(first(x)) for first, last in self._heads)
        return Prediction(logits, offsets.unflatten(1, (-1, 2)))


class _Convolution:
    """A convolution of bytes and its SiLU.

    Args:
        convolution: In floating numbers.
        given: The grid of what it takes.
        answered: The grid of what it answers, or a floating type in which it does.
        frames: Number of frames in a window, whose channels lie one after the other in what it takes; 1 where it takes no frames.
    """

    def __init__(self, convolution: nn.Conv2d, given: Grid, answered: Grid | torch.dtype, frames: int = 1) -> None:
        weight = convolution.weight.detach().float()
        scales = weight.abs().amax((1, 2, 3)).clamp_min(LEAST_RANGE) / MOST_WEIGHT
        levels = _whole(weight / scales[:, None, None, None], frames)
        shape = list(convolution.stride), list(cast(tuple[int, ...], convolution.padding)), [1, 1]  # stride, padding, dilation
        packed = torch.ops.onednn.qconv_prepack(levels, scales, *given, *shape, 1, None)
        bias = None if convolution.bias is None else convolution.bias.detach().float()
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        told = (*answered, torch.uint8) if isinstance(answered, Grid) else (1.0, 0, answered)
        self._told: tuple[Any, ...] = (*given, packed, scales, zeros, bias, *shape, 1, *told, "swish", [], "")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the answer to bytes (B, C, H, W), channels last in memory."""
        return torch.ops.onednn.qconv2d_pointwise(x, *self._told)


def _whole(weight: Tensor, frames: int) -> Tensor:
    """Return weights (O, C, H, W) as whole numbers; what rounding takes from a frame's, the next frame's have more.

    Frames are nearly alike, so that the errors of neighbouring taps cancel: by itself each rounding would move the log
    odds of a ball by 0.2 to 0.3, so they move by 0.03.
    """
    if frames == 1:
        return weight.round().to(torch.int8)
    along = weight.unflatten(1, (frames, -1)).permute(0, 2, 3, 4, 1)
    summed = along.flatten(1).cumsum(1).round()
    levels = torch.diff(summed, dim=1, prepend=summed.new_zeros(len(summed), 1)).clamp(-MOST_WEIGHT, MOST_WEIGHT)
    return levels.view(along.shape).permute(0, 4, 1, 2, 3).flatten(1, 2).to(torch.int8)


class _Unit:
    """A convolution of floating numbers and its SiLU, whose answer becomes bytes on a grid."""

    def __init__(self, unit: ConvUnit, given: torch.dtype, answered: Grid) -> None:
        self._unit, self._grid = unit.to(given).to(memory_format=torch.channels_last), answered

    def __call__(self, x: Tensor) -> Tensor:
        levels = self._unit(x).div_(self._grid.scale).add_(self._grid.zero)
        return levels.round_().clamp_(0, LEVELS).to(torch.uint8)


class _C2f:
    """YOLOv8's stage, which takes bytes on a grid or floating numbers: what its last convolution takes lies on one grid."""

    def __init__(self, stage: C2f, name: str, ranges: Ranges, given: Grid | torch.dtype, answered: Grid) -> None:
        names = [f"{name}.bottlenecks.{index}" for index in range(len(stage.bottlenecks))]
        self._grid = Grid.over(ranges[f"{name}.split"], *(ranges[each + end] for each in names for end in ("", ".second")))
        self._split = (
            _Convolution(stage.split.conv, given, self._grid)
            if isinstance(given, Grid)
            else _Unit(stage.split, given, self._grid)
        )
        self._bottlenecks = []
        for each, part in zip(names, stage.bottlenecks, strict=True):
            bottleneck, between = cast(Bottleneck, part), Grid.over(ranges[f"{each}.first"])
            first = _Convolution(bottleneck.first.conv, self._grid, between)
            second = _Convolution(bottleneck.second.conv, between, self._grid)
            self._bottlenecks.append((first, second, bottleneck.shortcut))
        self._join = _Convolution(stage.join.conv, self._grid, answered)

    def __call__(self, x: Tensor) -> Tensor:
        halves = self._split(x)
        parts = [halves]
        y = halves.chunk(2, dim=1)[1].contiguous(memory_format=torch.channels_last)
        for first, second, shortcut in self._bottlenecks:
            y = _added(second(first(y)), y, self._grid.zero) if shortcut else second(first(y))
            parts.append(y)
        return self._join(torch.cat(parts, dim=1))


class _Stage:
    """A stage of the encoder: a convolution that halves the picture, a C2f, and in the last one an SPPF.

    The first takes floating numbers, and its first convolution answers in them too.
    """

    def __init__(self, stage: nn.Sequential, name: str, ranges: Ranges, given: Grid | torch.dtype, answered: Grid) -> None:
        halve, mix, *rest = stage
        unit = cast(ConvUnit, halve)
        halved = Grid.over(ranges[f"{name}.0"]) if isinstance(given, Grid) else given
        mixed = Grid.over(ranges[f"{name}.1.join"]) if rest else answered
        self._halve = _Convolution(unit.conv, given, halved) if isinstance(given, Grid) else unit.to(given)
        self._mix = _C2f(cast(C2f, mix), f"{name}.1", ranges, halved, mixed)
        self._pool = _SPPF(cast(SPPF, rest[0]), f"{name}.2", ranges, mixed, answered) if rest else None

    def __call__(self, x: Tensor) -> Tensor:
        x = self._mix(self._halve(x))
        return x if self._pool is None else self._pool(x)


class _SPPF:
    """Spatial pyramid pooling: the largest byte stands for the largest number."""

    def __init__(self, stage: SPPF, name: str, ranges: Ranges, given: Grid, answered: Grid) -> None:
        reduced = Grid.over(ranges[f"{name}.reduce"])
        self._reduce = _Convolution(stage.reduce.conv, given, reduced)
        self._join = _Convolution(stage.join.conv, reduced, answered)

    def __call__(self, x: Tensor) -> Tensor:
        parts = [self._reduce(x)]
        for _ in range(3):
            parts.append(_largest_of(_largest_of(parts[-1], 2), 3))
        return self._join(torch.cat(parts, dim=1))


def _added(one: Tensor, other: Tensor, zero: int) -> Tensor:
    """Return the sum of two tensors of bytes on a grid with this zero, on the same grid."""
    total = one.to(torch.int16)
    total += other
    total -= zero
    return total.clamp_(0, LEVELS).to(torch.uint8)


def _largest_of(x: Tensor, along: int) -> Tensor:
    """Return the largest of each byte and its two neighbours to both sides along a dimension; torch has no such pool of bytes."""
    edge = [0, 0, 2, 2] if along == 2 else [2, 2]
    length = x.shape[along]
    padded = nn.functional.pad(x, edge)  # by the least byte
    largest = padded.narrow(along, 0, length)
    for shift in range(1, 5):
        largest = torch.maximum(largest, padded.narrow(along, shift, length))
    return largest
