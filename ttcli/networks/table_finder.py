"""The network that finds tables in a picture: heatmaps of points, and maps of lines and of surfaces, a kind for each.

A table looks the same from both ends, so a corner has no name here. All four are peaks of one heatmap, and
`ttcli/table/fit.py` finds from their geometry which is which. A line along a table's side is another kind than the line
along its middle, and the net is a third kind. Else the half of a table looks as a whole one does.
"""

import torch
from torch import Tensor, nn

from ttcli.networks.blocks import ConvUnit
from ttcli.networks.event_head import begin_with

CORNER, MIDDLE, POST, TEE = range(4)
"""Heatmaps of points: corners of the board, where the net meets its long edges, tops of the net's posts, and where the
line along the middle meets the end lines."""
POINT_KINDS = 4
SIDE, END, CENTRE, NET, TOP = range(POINT_KINDS, 9)
"""Maps of what is long or wide: lines along the sides, at the ends and along the middle, the net, the table's surface.
All are told where they lie, also behind somebody who stands before them."""
KINDS = 9
STRIDE = 2
"""Pixels of the picture to a cell of the heatmaps, each way."""
HEIGHT, WIDTH = 144, 256
"""Height of the pictures that it is trained on; others should have about that many pixels."""
MULTIPLE = 16
"""Sides of a picture must be divisible by this."""
_RARE = -4.6
"""Logit that heatmaps begin with: 1 in 100."""


class TableFinder(nn.Module):
    """An hourglass of four sizes; `widths` are the channels at strides 2, 4, 8 and 16."""

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        first, *deeper = widths
        self.stem = nn.Sequential(ConvUnit(3, first, stride=2), ConvUnit(first, first))
        self.down = nn.ModuleList(
            nn.Sequential(ConvUnit(before, after, stride=2), _Residual(after), _Residual(after))
            for before, after in zip(widths, deeper, strict=False)
        )
        self.around = nn.Sequential(_Residual(widths[-1], dilation=2), _Residual(widths[-1], dilation=4))
        self.lateral = nn.ModuleList(nn.Conv2d(after, before, 1) for before, after in zip(widths, deeper, strict=False))
        self.merge = nn.ModuleList(_Residual(width) for width in widths[:-1])
        before_last, last = ConvUnit(first, first), nn.Conv2d(first, KINDS, 1)
        self.head = nn.Sequential(before_last, last)
        begin_with(last, _RARE)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits (B, KINDS, H / 2, W / 2) for pictures (B, 3, H, W) in [0, 1]."""
        levels = [self.stem(pictures * 2 - 1)]
        for down in self.down:
            levels.append(down(levels[-1]))
        hidden = self.around(levels.pop())
        for lateral, merge in zip(reversed(self.lateral), reversed(self.merge), strict=True):
            before = levels.pop()
            larger = nn.functional.interpolate(lateral(hidden), scale_factor=2.0, mode="bilinear", align_corners=False)
            hidden = merge(before + larger)
        return self.head(hidden)


class _Residual(nn.Module):
    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels)
        self.first.conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.nn.functional.silu(hidden + self.norm(self.second(self.first(hidden))))
