"""Whether the ball bounces, or passes the net, told from what the network sees where the ball is."""

import math

import torch
from torch import Tensor, nn

EVENTS = ("bounce", "net")
"""What the head answers for, in this order."""
LOOK_CHANNELS = 24
"""What is taken along from the features at each frame's ball."""
HIDDEN = 128
SHARPNESS = 2.0
"""Factor of the heatmap's logits before the softmax that says where to look; 1 would look at half of the background."""
REACH = 16.0
"""Cells, 64 px, that a place is told in."""
EVENT_PRIOR = 0.05
"""Probability that a fresh head gives everywhere."""


class EventHead(nn.Module):
    """Logits of EVENTS for K frames, (B, K, 2), from the features that heatmaps and offsets are made from.

    The heatmaps, softmax over their cells, say where the ball is in each frame. What the features hold there (table, net,
    racket), the place itself relative to the window's, and how surely it is the ball, of all frames together, go
    through two layers. Nothing flows back through the heatmaps: they learn the ball and nothing else.

    Args:
        channels_in: Channels of the features.
        frames_out: Frames that are answered for.
    """

    def __init__(self, channels_in: int, frames_out: int) -> None:
        super().__init__()
        self.look = nn.Linear(channels_in, LOOK_CHANNELS)
        self.tell = nn.Sequential(
            nn.Linear(frames_out * (LOOK_CHANNELS + 3), HIDDEN), nn.SiLU(),
            nn.Linear(HIDDEN, HIDDEN), nn.SiLU(),
            nn.Linear(HIDDEN, frames_out * len(EVENTS)),
        )  # fmt: skip
        nn.init.normal_(self.tell[-1].weight, std=0.01)
        nn.init.constant_(self.tell[-1].bias, math.log(EVENT_PRIOR / (1 - EVENT_PRIOR)))

    def forward(self, features: Tensor, logits: Tensor, offsets: Tensor) -> Tensor:
        """Return logits (B, K, 2), in fp32: a place of 0.1 cells counts, and bf16 does not know it.

        Args:
            features: (B, C, h, w).
            logits: Of the heatmaps, (B, K, h, w).
            offsets: (B, K, 2, h, w) in cells.
        """
        with torch.autocast(features.device.type, enabled=False):
            logits, offsets = logits.detach().float(), offsets.detach().float()
            look = (SHARPNESS * logits).flatten(2).softmax(-1)  # (B, K, h * w)
            seen = self.look(torch.bmm(look, features.float().flatten(2).transpose(1, 2)))  # (B, K, LOOK_CHANNELS)
            place = self._places(look, offsets)
            surely = logits.flatten(2).amax(-1).sigmoid()
            middle = (place * surely[..., None]).sum(1, keepdim=True) / (surely.sum(1)[:, None, None] + 1e-3)
            seen = torch.cat([seen, (place - middle) / REACH * surely[..., None], surely[..., None]], -1)
            return self.tell(seen.flatten(1)).unflatten(1, (-1, len(EVENTS)))

    @staticmethod
    def _places(look: Tensor, offsets: Tensor) -> Tensor:
        """Return where the ball is in each frame, (B, K, 2) in cells."""
        height, width = offsets.shape[-2:]
        row = torch.arange(height, device=look.device, dtype=torch.float32)[:, None].expand(-1, width)
        column = torch.arange(width, device=look.device, dtype=torch.float32).expand(height, -1)
        at = torch.stack([column, row]) + offsets  # (B, K, 2, h, w)
        return (look[:, :, None] * at.flatten(3)).sum(-1)
