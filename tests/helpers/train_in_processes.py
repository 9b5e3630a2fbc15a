"""Run by test_train_in_processes.py: trains a small network without batch norm, as its arguments say.

Processes that are started import this file too, so that they know the network.
"""

import json
import sys
from pathlib import Path

from torch import nn

from ttcli.configs import TrainConfig
from ttcli.networks import registry
from ttcli.networks.blocks import BallHead
from ttcli.train import train


class Plain(nn.Module):
    """Two convolutions and a head: batch norm would see another batch in each process."""

    output_stride = 4

    def __init__(self, channels_in, frames_out):
        super().__init__()
        self.frames_out = frames_out
        self.encoder = nn.Sequential(nn.Conv2d(channels_in, 16, 4, stride=4), nn.SiLU())
        self.decoder = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.SiLU())
        self.head = BallHead(16, 16, frames_out)

    def forward(self, x):
        return self.head(self.decoder(self.encoder(x)))


registry.MODELS["centernet_v8n"] = lambda wanted: Plain(wanted.channels_in, wanted.frames_out)

if __name__ == "__main__":
    data, output, settings = sys.argv[1:]
    train(Path(data), Path(output), TrainConfig(**json.loads(settings)), quiet=True)
