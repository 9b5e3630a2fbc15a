"""CenterNet on a YOLOv8 backbone: `centernet_v8n` and `centernet_v8s`.

Written anew from the description of the architecture (stem, C2f stages, SPPF, a top-down fusing neck). Unlike a
detector of many classes and sizes, it predicts at stride 4 only, since a ball is a few pixels wide there. So it leaves
out YOLOv8's way back down to strides 8, 16 and 32.
"""

from typing import cast

import torch
from torch import Tensor, nn

from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.blocks import SPPF, BallHead, C2f, ConvUnit
from ttcli.networks.packed_windows import fold_into

WEIGHING_CHANNELS = 16
"""Channels that each level has a say with in how much it counts."""


class YoloV8Encoder(nn.Module):
    """YOLOv8's backbone: features at strides 4, 8, 16 and 32.

    The stem is twice as wide as in YOLOv8, whose 16 channels are meant for 3 input channels, not for 36.
    """

    def __init__(self, channels_in: int, channels: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = ConvUnit(channels_in, channels[0], stride=2)
        stages = []
        for index, depth in enumerate(depths):
            before, after = channels[index], channels[index + 1]
            stages.append(nn.Sequential(ConvUnit(before, after, stride=2), C2f(after, after, depth, shortcut=True)))
        stages[-1].append(SPPF(channels[-1], channels[-1]))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class TopDownNeck(nn.Module):
    """Bring coarse features down to stride 4: enlarge twice, put beside the finer ones, mix by C2f, and again."""

    def __init__(self, channels: tuple[int, ...], depth: int) -> None:
        super().__init__()
        self.mixers = nn.ModuleList(
            C2f(coarse + fine, fine, depth, shortcut=False)
            for coarse, fine in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.levels(features)[0]

    def levels(self, features: list[Tensor]) -> list[Tensor]:
        """Return the features of every stride, from fine to coarse, with what came down to them mixed in."""
        levels = [features[-1]]
        for mixer, fine in zip(self.mixers, features[-2::-1], strict=True):
            levels.append(mixer(torch.cat([_enlarge(levels[-1], 2), fine], dim=1)))
        return levels[::-1]


class AdaptiveFusionNeck(nn.Module):
    """The top-down neck, and then at every place of stride 4 a mean of all levels, weighted as the features say.

    Liu, Huang, Wang, "Learning Spatial Fusion for Single-Shot Object Detection", 2019, arXiv:1911.09516: levels
    brought to one shape, weights that are positive and sum to 1 at each place, and a convolution after the sum. There
    every level of a detector becomes such a mean; here the finest alone, since it alone answers. The convolutions are
    1x1 and come before the enlargement, which changes no result and saves most of the work.
    """

    def __init__(self, channels: tuple[int, ...], depth: int) -> None:
        super().__init__()
        width = channels[0]
        self.top_down = TopDownNeck(channels, depth)
        self.reduce = nn.ModuleList(ConvUnit(coarse, width, kernel=1) for coarse in channels[1:])
        self.evidence = nn.ModuleList(ConvUnit(width, WEIGHING_CHANNELS, kernel=1) for _ in channels)
        self.weigh = nn.Conv2d(WEIGHING_CHANNELS * len(channels), len(channels), 1)
        self.join = ConvUnit(width, width)

    def forward(self, features: list[Tensor]) -> Tensor:
        levels = self.levels(features)
        weights = self.weights(levels)
        mean = sum(_enlarge(level, 1 << index) * weights[:, index : index + 1] for index, level in enumerate(levels))
        return self.join(mean)

    def levels(self, features: list[Tensor]) -> list[Tensor]:
        """Return the features of every stride, from fine to coarse, all with as many channels as the finest."""
        finest, *others = self.top_down.levels(features)
        return [finest] + [reduce(level) for reduce, level in zip(self.reduce, others, strict=True)]

    def weights(self, levels: list[Tensor]) -> Tensor:
        """Return how much each level counts at each place of the finest, shape (B, levels, h, w), sum 1."""
        evidence = [
            _enlarge(unit(level), 1 << index) for index, (unit, level) in enumerate(zip(self.evidence, levels, strict=True))
        ]
        return self.weigh(torch.cat(evidence, dim=1)).softmax(dim=1)


def _enlarge(x: Tensor, factor: int) -> Tensor:
    """Return features `factor` times as high and wide."""
    return x if factor == 1 else nn.functional.interpolate(x, scale_factor=float(factor), mode="nearest")


_NECKS = {"pan": TopDownNeck, "asff": AdaptiveFusionNeck}


class CenterNetYoloV8(BallNetwork):
    """Heatmaps and offsets at stride 4 from a window of frames.

    Example:
        >>> model = CenterNetYoloV8(channels_in=36, frames_out=9, width=0.25, depth=0.33)
        >>> model(torch.zeros(1, 36, 64, 96)).logits.shape
        torch.Size([1, 9, 16, 24])

    Zhou, Wang, Kraehenbuehl, "Objects as Points", 2019, arXiv:1904.07850, gives heatmap, offset and loss.
    """

    def __init__(self, channels_in: int, frames_out: int, width: float, depth: float, neck: str = "pan") -> None:
        scaled = [int(channels * width) for channels in (64, 128, 256, 512, 1024)]
        features = tuple(scaled[1:])
        depths = tuple(max(1, round(count * depth)) for count in (3, 6, 6, 3))
        super().__init__(
            channels_in,
            frames_out,
            encoder=YoloV8Encoder(channels_in, (2 * scaled[0], *features), depths),
            decoder=_NECKS[neck](features, max(1, round(3 * depth))),
            head=BallHead(features[0], 2 * features[0], frames_out),
        )

    def take_packed_windows(self) -> bool:
        """See `BallNetwork`: nothing but the stem sees the input."""
        if self.takes_packed_windows:
            return True
        self.takes_packed_windows = True
        encoder = cast(YoloV8Encoder, self.encoder)
        encoder.stem.conv = fold_into(encoder.stem.conv, self.window_size, self.difference)
        self.channels_in = encoder.stem.conv.in_channels
        return True
