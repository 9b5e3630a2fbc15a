"""CenterNet on stacked hourglasses: `centernet_hourglass104` and `centernet_hourglass52`.

Newell, Yang, Deng, "Stacked Hourglass Networks for Human Pose Estimation", 2016, arXiv:1603.06937, with the residual
blocks and the channels of Law, Deng, "CornerNet: Detecting Objects as Paired Keypoints", 2018, arXiv:1808.01244. Unlike
there, the last stack alone predicts, so that there is one prediction as in every other network. A side that cannot be
halved is rounded up on the way down and cropped on the way up, so that 32 divides it and not 128.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.blocks import BallHead, ConvUnit

CHANNELS = (256, 256, 384, 384, 384, 512)
"""Channels at stride 4 and after each halving, down to stride 128."""
DEPTHS = (2, 2, 2, 2, 2, 4)
"""Residual blocks in a row on each of these levels."""
STEM_CHANNELS = 128


class Residual(nn.Module):
    """Two 3x3 convolutions, added to their input, or to its 1x1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvUnit(channels_in, channels_out, stride=stride, activation=nn.ReLU)
        self.second = ConvUnit(channels_out, channels_out, activation=nn.Identity)
        changes = stride != 1 or channels_in != channels_out
        self.skip: nn.Module = ConvUnit(channels_in, channels_out, 1, stride, nn.Identity) if changes else nn.Identity()
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.second(self.first(x)) + self.skip(x))


class Hourglass(nn.Module):
    """One level of an hourglass: half as fine and back again, added to what stays as fine as it is.

    Args:
        channels: Channels of this level and of the coarser ones.
        depths: Residual blocks of these levels.
    """

    def __init__(self, channels: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        here, below = channels[:2]
        self.across = _residuals([here] * (depths[0] + 1))
        self.down = _residuals([here] + [below] * depths[0], stride=2)
        self.inner: nn.Module = (
            Hourglass(channels[1:], depths[1:]) if len(channels) > 2 else _residuals([below] * (depths[1] + 1))
        )
        self.up = _residuals([below] * depths[0] + [here])

    def forward(self, x: Tensor) -> Tensor:
        coarse = self.up(self.inner(self.down(x)))
        height, width = x.shape[-2:]
        fine = nn.functional.interpolate(coarse, scale_factor=2.0, mode="nearest")[..., :height, :width]
        return self.across(x) + fine


class HourglassStack(nn.Module):
    """Hourglasses one after another, each of which sees what the one before it made of the features.

    All have `channels[0]` channels at stride 4.
    """

    def __init__(self, stacks: int, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        width = channels[0]
        self.hourglasses = nn.ModuleList(Hourglass(channels, DEPTHS) for _ in range(stacks))
        self.outputs = nn.ModuleList(ConvUnit(width, width, activation=nn.ReLU) for _ in range(stacks))
        between = range(stacks - 1)
        self.kept = nn.ModuleList(ConvUnit(width, width, 1, activation=nn.Identity) for _ in between)
        self.made = nn.ModuleList(ConvUnit(width, width, 1, activation=nn.Identity) for _ in between)
        self.joined = nn.ModuleList(Residual(width, width) for _ in between)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        output = self.outputs[0](self.hourglasses[0](x))
        for index, (kept, made, joined) in enumerate(zip(self.kept, self.made, self.joined, strict=True), start=1):
            x = joined(self.activation(kept(x) + made(output)))
            output = self.outputs[index](self.hourglasses[index](x))
        return output


class CenterNetHourglass(BallNetwork):
    """Heatmaps and offsets at stride 4 from a window of frames.

    Args:
        channels_in: Channels of the model input.
        frames_out: Frames that it predicts.
        stacks: Hourglasses one after another.
        channels: At stride 4 and after each halving, down to stride 128.

    Example:
        >>> model = CenterNetHourglass(channels_in=36, frames_out=9, stacks=1)
        >>> model(torch.zeros(1, 36, 64, 96)).logits.shape
        torch.Size([1, 9, 16, 24])
    """

    def __init__(self, channels_in: int, frames_out: int, stacks: int, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__(
            channels_in,
            frames_out,
            encoder=nn.Sequential(
                ConvUnit(channels_in, STEM_CHANNELS, kernel=7, stride=2, activation=nn.ReLU),
                Residual(STEM_CHANNELS, channels[0], stride=2),
            ),
            decoder=HourglassStack(stacks, channels),
            head=BallHead(channels[0], channels[0], frames_out),
        )


def _residuals(channels: Sequence[int], stride: int = 1) -> nn.Sequential:
    """Return residual blocks in a row that lead from the first number of channels to the last."""
    strides = [stride] + [1] * (len(channels) - 2)
    return nn.Sequential(*map(Residual, channels, channels[1:], strides))
