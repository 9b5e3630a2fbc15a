"""Whether the ball bounces, or passes the net, told from what the network sees where the ball is."""

import torch
from torch import Tensor, nn

from ttcli.networks.odds import log_odds_of

EVENTS = ("bounce", "net")
"""What the head predicts, in this order."""
LOOK_CHANNELS = 24
"""What is taken along from the features at each frame's ball."""
PLACE_CHANNELS = 7
"""Beside them: place, velocity and acceleration, two each, and how surely it is the ball."""
HIDDEN = 64
LARGEST_STEP = 4.0
"""Cells from frame to frame beyond which a velocity is compressed: it may be a false peak."""
SHARPNESS = 2.0
"""Factor of the heatmap's logits before the softmax that says where to look; 1 would look at half of the background."""
REACH = 16.0
"""Cells, 64 px, in which a place is given."""
EVENT_PRIOR = 0.05
"""Probability that a fresh head gives everywhere."""


class EventHead(nn.Module):
    """Logits of EVENTS for K frames, (B, K, 2), from the features that heatmaps and offsets are made from.

    The heatmaps, softmax over their cells, say where the ball is in each frame. What the features hold there (table, net,
    racket), the place itself relative to the window's, how it moves, and how surely it is the ball go through convolutions
    over the frames. Nothing flows back through the heatmaps: they learn the ball and nothing else.

    On 4,800 drawn windows, with the default network's features as they are, convolutions over the frames had an average
    precision of 0.20 for bounces. Layers over all frames at once had 0.08; velocity and acceleration made it 0.24.

    Args:
        channels_in: Channels of the features.
    """

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self.look = nn.Linear(channels_in, LOOK_CHANNELS)
        self.tell = nn.Sequential(
            nn.Conv1d(LOOK_CHANNELS + PLACE_CHANNELS, HIDDEN, 3, padding=1), nn.SiLU(),
            nn.Conv1d(HIDDEN, HIDDEN, 5, padding=2), nn.SiLU(),
            nn.Conv1d(HIDDEN, HIDDEN, 5, padding=2), nn.SiLU(),
            last := nn.Conv1d(HIDDEN, len(EVENTS), 1),
        )  # fmt: skip
        begin_small(last, log_odds_of(EVENT_PRIOR))

    def forward(self, features: Tensor, logits: Tensor, offsets: Tensor) -> Tensor:
        """Return logits (B, K, 2), in fp32: a place of 0.1 cells counts, and bf16 does not know it.

        Args:
            features: (B, C, h, w).
            logits: Logits of the heatmaps, (B, K, h, w).
            offsets: (B, K, 2, h, w) in cells.
        """
        with torch.autocast(features.device.type, enabled=False):
            logits, offsets = logits.detach().float(), offsets.detach().float()
            look = (SHARPNESS * logits).flatten(2).softmax(-1)  # (B, K, h * w)
            seen = self.look(torch.bmm(look, features.float().flatten(2).transpose(1, 2)))  # (B, K, LOOK_CHANNELS)
            way = self._way(self._places(look, offsets), logits.flatten(2).amax(-1).sigmoid()[..., None])
            return self.tell(torch.cat([seen, way], -1).transpose(1, 2)).transpose(1, 2)

    @staticmethod
    def _way(place: Tensor, surely: Tensor) -> Tensor:
        """Return PLACE_CHANNELS of each frame from places (B, K, 2) in cells and how sure they are (B, K, 1)."""
        middle = (place * surely).sum(1, keepdim=True) / (surely.sum(1, keepdim=True) + 1e-3)
        step = torch.tanh(place.diff(dim=1) / LARGEST_STEP) * surely[:, 1:] * surely[:, :-1]
        bend = 4 * step.diff(dim=1)
        step, bend = nn.functional.pad(step, (0, 0, 0, 1)), nn.functional.pad(bend, (0, 0, 1, 1))
        return torch.cat([(place - middle) / REACH * surely, surely, step, bend[:, : place.shape[1]]], -1)

    @staticmethod
    def _places(look: Tensor, offsets: Tensor) -> Tensor:
        """Return where the ball is in each frame, (B, K, 2) in cells."""
        height, width = offsets.shape[-2:]
        row = torch.arange(height, device=look.device, dtype=torch.float32)[:, None].expand(-1, width)
        column = torch.arange(width, device=look.device, dtype=torch.float32).expand(height, -1)
        at = torch.stack([column, row]) + offsets  # (B, K, 2, h, w)
        return (look[:, :, None] * at.flatten(3)).sum(-1)


def begin_small(last: nn.Conv1d | nn.Conv2d, logit: float) -> None:
    """Let a network's last layer begin with so small a weight that it first answers about `logit` everywhere."""
    if not last.weight.is_meta:  # without numbers there is nothing to draw, and torch would import sympy for it, in a second
        nn.init.normal_(last.weight, std=0.01)
    begin_with(last, logit)


def begin_with(last: nn.Conv1d | nn.Conv2d, logit: float) -> None:
    """Let the bias of a network's last layer begin as `logit`.

    Raises:
        ValueError: The layer has no bias.
    """
    if last.bias is None:
        raise ValueError("a layer without a bias cannot begin with one")
    nn.init.constant_(last.bias, logit)
