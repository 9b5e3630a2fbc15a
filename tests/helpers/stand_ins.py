"""Stand-ins for networks, whose answers are known."""

import torch
from torch import Tensor, nn

from ttcli.networks.blocks import NetworkAnswer, Prediction


class BrightestSpot(nn.Module):
    """A stand-in network: its peak is the centroid of what is bright in each frame, and sure."""

    window_size = 9
    output_frames = tuple(range(9))
    difference = False
    output_stride = 4
    event_head = False

    def forward(self, x: Tensor) -> Prediction:
        batch, channels, height, width = x.shape
        gray = x.reshape(batch, channels // 3, 3, height, width).mean(2)
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


class WindowRecorder:
    """A stand-in runtime that keeps the windows it is shown, of each frame the brightness of its first pixel."""

    window_size, output_frames, output_stride, difference = 9, tuple(range(9)), 4, False
    dtype, device, most_fps = torch.float32, torch.device("cpu"), 120.0
    closer = None

    def __init__(self):
        self.windows = []

    def __call__(self, pictures):
        self.windows += (pictures[:, ::3, 0, 0] * 63.75 + 127.5).round().tolist()
        batch, _, height, width = pictures.shape
        shape = (batch, 9, height // 4, width // 4)
        return NetworkAnswer(torch.zeros(shape), torch.zeros(batch, 9, 2, *shape[2:]))

    def confidence(self, probability):
        return probability
