"""Note in checkpoints which numbers the parts of their networks answer, which `ttcli.networks.int8` needs.

    ttcli simulate -o sim --part test --rallies 40 --seed 9501 --size 960x540 --frames 60
    python tools/measure_ranges.py sim --second-stage closer_v8n.safetensors centernet_v8s.safetensors centernet_v8n.safetensors

Each network runs over all videos in fp32 as in `detect`, the second stage behind the first of them, and the least and the largest
number of each part goes into the metadata of its checkpoint. Weights stay as they are, byte for byte.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from torch import nn

from ttcli.configs import DetectConfig
from ttcli.detection.plan import plan_at
from ttcli.detection.proposals import network_predictor
from ttcli.inference.runtimes import SecondNetwork, TorchRuntime, load_runtime
from ttcli.networks.checkpoints import load_checkpoint, read_metadata
from ttcli.networks.int8 import recorded_ranges
from ttcli.networks.weight_files import METADATA_KEY, read_all, write_weights
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

Ranges = dict[str, list[float]]


def ranges_on(videos: Iterable[Path], weights: Path, second_stage: Path) -> tuple[Ranges, Ranges]:
    """Return the ranges of a network on some videos, and those of a second stage behind it."""
    first, closer = load_runtime(weights, "cpu", "fp32"), load_checkpoint(second_stage)
    second = TorchRuntime(closer.model, closer.metadata, "cpu", "fp32")
    first.second = SecondNetwork(second, 1.0, 0.0, 0.0)
    with recorded_ranges(_network(first)) as of_first, recorded_ranges(_network(second)) as of_second:
        for video in videos:
            info = probe(video)
            plan = plan_at(info, first, DetectConfig(), *first.working_size(*info.square_size))
            with FrameReader(info, plan.height, plan.width, large_size=plan.large_size) as reader:
                for _ in network_predictor(plan, first).answers(reader):
                    pass
        return of_first(), of_second()


def note_ranges(path: Path, ranges: Ranges) -> None:
    """Write ranges into the metadata of a checkpoint."""
    tensors = {name: tensor.clone() for name, tensor in read_all(path)[1].items()}  # they lie in the file that is replaced
    write_weights(path, tensors, read_metadata(path) | {"ranges": ranges}, key=METADATA_KEY)


def _network(runtime: TorchRuntime) -> nn.Module:
    if not isinstance(runtime.model, nn.Module):
        raise TypeError("a network in fp32 is a module of torch")
    return runtime.model


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the videos, or one that holds it")
    parser.add_argument("weights", nargs="+", type=Path)
    parser.add_argument("--second-stage", required=True, type=Path)
    options = parser.parse_args()
    videos = sorted(options.folder.rglob("*.mp4"))
    measured = [ranges_on(videos, weights, options.second_stage) for weights in options.weights]
    for weights, (ranges, _) in zip(options.weights, measured, strict=True):
        note_ranges(weights, ranges)
    note_ranges(options.second_stage, measured[0][1])
    print(json.dumps({path.name: len(ranges) for path, (ranges, _) in zip(options.weights, measured, strict=True)}))


if __name__ == "__main__":
    main()
