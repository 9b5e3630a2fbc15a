"""Run by test_train_in_processes.py: trains a small network without batch norm, as its arguments say.

Processes that are started import this file too, so that they know the network.
"""

import json
import sys
from pathlib import Path

from stand_ins import SmallNetwork

from ttcli.configs import TrainConfig
from ttcli.networks import registry
from ttcli.train import train

registry.MODELS["centernet_v8n"] = lambda wanted: SmallNetwork(wanted.channels_in, wanted.frames_out)

if __name__ == "__main__":
    data, output, settings = sys.argv[1:]
    train(Path(data), Path(output), TrainConfig(**json.loads(settings)), quiet=True)
