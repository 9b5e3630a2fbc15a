"""Stand-ins for networks: whose answers are known, or that learn as large ones do in a hundredth of the time."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ttcli.inference.runtimes import Runtime
from ttcli.networks.blocks import BallHead, NetworkAnswer, Prediction


class BrightestSpot(nn.Module):
    """A stand-in network: its peak is the centroid of what is bright in each frame, and sure."""

    window_size = 9
    output_frames = tuple(range(9))
    difference = False
    output_stride = 4
    event_head = False

    def forward(self, x: Tensor) -> Prediction:
        height, width = x.shape[2:]
        gray = (x[:, ::3] + x[:, 1::3] + x[:, 2::3]) / 3  # ten times as fast as a mean over a dimension of three
        weight = (gray - 0.2).clamp_min(0)  # model input is -2 to 2
        total = weight.sum((-2, -1))
        seen = total > 1
        rows, columns = torch.arange(height, dtype=x.dtype), torch.arange(width, dtype=x.dtype)
        y = (weight.sum(-1) @ rows / total.clamp_min(1) - 1.5) / 4
        x = (weight.sum(-2) @ columns / total.clamp_min(1) - 1.5) / 4
        cell_x, cell_y = x.round().clamp(0, width // 4 - 1), y.round().clamp(0, height // 4 - 1)
        logits = torch.full((*total.shape, height // 4, width // 4), -20.0)
        flat_index = (cell_y * (width // 4) + cell_x).long()
        logits.flatten(2).scatter_(2, flat_index[..., None], torch.where(seen, 5.0, -20.0)[..., None])
        offsets = torch.stack([x - cell_x, y - cell_y], 2)[..., None, None]
        return Prediction(logits, offsets.expand(-1, -1, -1, height // 4, width // 4).contiguous())

    def take_packed_windows(self) -> bool:
        return False


class WindowRecorder(Runtime):
    """A stand-in runtime that keeps the windows it is shown, of each frame the brightness of its first pixel."""

    def __init__(self):
        super().__init__({}, 9, tuple(range(9)), False, 4, torch.device("cpu"), torch.float32)
        self.windows = []

    def __call__(self, windows):
        self.windows += (windows[:, 0, 0, :, 0].int() + 128).tolist()
        batch, height, width, *_ = windows.shape
        shape = (batch, 9, height // 4, width // 4)
        return NetworkAnswer(torch.zeros(shape), torch.zeros(batch, 9, 2, *shape[2:]))

    def confidence(self, probability):
        return probability


class SmallNetwork(nn.Module):
    """A network of two convolutions and a head that keeps the contract of the registry, but learns little.

    It has no batch norm, which would see another batch in each of several processes.

    Args:
        channels_in: Of the model input.
        frames_out: Frames that it answers for.
        dropout: Share of its features that a step leaves out by chance.
        meet: Called with the number of each batch that it learns from, the first of which is 1, and with its answer;
            what it returns is the answer instead, unless it is None.
    """

    output_stride = 4
    least_batch = 1

    def __init__(
        self,
        channels_in: int,
        frames_out: int,
        dropout: float = 0.0,
        meet: Callable[[int, Prediction], Prediction | None] = lambda number, answer: None,
    ) -> None:
        super().__init__()
        self.frames_out = frames_out
        self.encoder = nn.Sequential(nn.Conv2d(channels_in, 16, 4, stride=4), nn.SiLU())
        self.decoder = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.SiLU(), nn.Dropout(dropout))
        self.head = BallHead(16, 16, frames_out)
        self.batches, self.meet = 0, meet

    def take_packed_windows(self) -> bool:
        return False

    def forward(self, x: Tensor) -> Prediction:
        answer = self.head(self.decoder(self.encoder(x)))
        if not self.training:
            return answer
        self.batches += 1
        return self.meet(self.batches, answer) or answer
