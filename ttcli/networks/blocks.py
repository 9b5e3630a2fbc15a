"""Parts that several networks are built from."""

from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from ttcli.errors import SettingError
from ttcli.networks.event_head import EventHead, begin_small
from ttcli.networks.odds import log_odds_of

HEATMAP_PRIOR = 0.01
"""Probability that a fresh network gives everywhere, so that the focal loss starts small."""
Network = TypeVar("Network", bound=nn.Module)


class Prediction(NamedTuple):
    """What a network says of a batch of windows."""

    logits: Tensor
    """Heatmaps before the sigmoid, shape (B, K, h, w), for K frames."""
    offsets: Tensor
    """From each cell to the ball in cells, x then y, shape (B, K, 2, h, w)."""


class NetworkAnswer(NamedTuple):
    """What a network predicts in B windows, K frames of each, on its runtime's device."""

    probabilities: Tensor
    """Heatmaps, (B, K, h, w) float32."""
    offsets: Tensor
    """(B, K, 2, h, w) float32, in cells."""


class ConvUnit(nn.Module):
    """Convolution without bias, batch norm and SiLU (or another activation); halves the picture with stride 2."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 3,
        stride: int = 1,
        activation: type[nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels_out, eps=1e-3)
        self.activation = activation(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.conv(x)))


class Bottleneck(nn.Module):
    """Two 3x3 convolutions, added to their input where `shortcut`."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels)
        self.second = ConvUnit(channels, channels)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x))
        return x + y if self.shortcut else y


class C2f(nn.Module):
    """YOLOv8's stage: bottlenecks one after another, and the output of every one goes on to the last convolution."""

    def __init__(self, channels_in: int, channels_out: int, depth: int, shortcut: bool) -> None:
        super().__init__()
        hidden = channels_out // 2
        self.split = ConvUnit(channels_in, 2 * hidden, kernel=1)
        self.bottlenecks = nn.ModuleList(Bottleneck(hidden, shortcut) for _ in range(depth))
        self.join = ConvUnit((2 + depth) * hidden, channels_out, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        halves = self.split(x)
        parts = [halves]
        y = halves.chunk(2, dim=1)[1].clone()  # to add to a slice of channels_last memory takes nine times as long
        for bottleneck in self.bottlenecks:
            y = bottleneck(y)
            parts.append(y)
        return self.join(torch.cat(parts, dim=1))


class SPPF(nn.Module):
    """Spatial pyramid pooling: three 5x5 maxima in a row see 5, 9 and 13 cells wide."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        hidden = channels_in // 2
        self.reduce = ConvUnit(channels_in, hidden, kernel=1)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)
        self.join = ConvUnit(4 * hidden, channels_out, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.reduce(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.join(torch.cat(parts, dim=1))


class BallHead(nn.Module):
    """Heatmap logits and offsets of K frames, each by Conv3x3, SiLU and Conv1x1.

    Once `add_events` was called it holds an event head too, which training alone asks: `BallNetwork.with_events`.

    Short and without batch norm on purpose: a long head learned far worse.
    """

    def __init__(self, channels_in: int, hidden: int, frames_out: int) -> None:
        super().__init__()
        self.channels_in = channels_in
        self.events: EventHead | None = None
        self.heatmap, last = _short_branch(channels_in, hidden, frames_out)
        self.offset, _ = _short_branch(channels_in, hidden, 2 * frames_out)
        begin_small(last, log_odds_of(HEATMAP_PRIOR))

    def add_events(self) -> None:
        """Hold an event head from now on, which has to learn yet."""
        self.events = EventHead(self.channels_in)

    def event_head(self) -> EventHead:
        """Return what predicts events.

        Raises:
            ValueError: Nothing does.
        """
        if self.events is None:
            raise ValueError("this network has no event head")
        return self.events

    def forward(self, x: Tensor) -> Prediction:
        # (B, 2K, h, w) -> (B, K, 2, h, w): channels are x and y of frame 0, of frame 1, ...
        return Prediction(self.heatmap(x), self.offset(x).unflatten(1, (-1, 2)))


def check_input(x: Tensor, channels: int, multiple: int) -> None:
    """Raise SettingError where a network cannot take `x`, shape (B, C, H, W)."""
    _, given, height, width = x.shape
    if given != channels:
        raise SettingError("model input", f"has {given} channels where {channels} are due", "give whole windows")
    if height % multiple or width % multiple or not height * width:
        cure = f"give a height and a width that are multiples of {multiple}"
        raise SettingError("model input", f"is {height} x {width} pixels (height x width)", cure)


def _short_branch(channels_in: int, hidden: int, channels_out: int) -> tuple[nn.Sequential, nn.Conv2d]:
    """Return a branch of the head, and its last layer."""
    first, last = nn.Conv2d(channels_in, hidden, 3, padding=1), nn.Conv2d(hidden, channels_out, 1)
    return nn.Sequential(first, nn.SiLU(inplace=True), last), last


def fuse_batch_norm(model: Network) -> Network:
    """Fold every batch norm into the convolution before it, in place, and return the model; for inference only.

    The convolution before it is the one registered before it, which holds for every network of the registry: a test
    compares the answers of each.
    """
    if model.training:
        raise ValueError("batch norm can be folded in eval mode only")
    before: nn.Conv2d | None = None
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Conv2d):
            before = module
        elif isinstance(module, nn.BatchNorm2d):
            if before is None:
                raise ValueError(f"{name} has no convolution before it to be folded into")
            _fold(before, module)
            _replace(model, name, nn.Identity())
    return model


def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Give a convolution the weights of itself and of the batch norm after it, without a copy of either."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise ValueError("a batch norm without statistics cannot be folded")
    convolution.weight, convolution.bias = nn.utils.fuse_conv_bn_weights(
        convolution.weight, convolution.bias, mean, variance, norm.eps, norm.weight, norm.bias
    )


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put another module in the place of the one of that name, such as "encoder.stem.norm"."""
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
