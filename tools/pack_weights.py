"""The mean of some checkpoints of the same network, stored small: how the weights of the package are made of runs.

    python tools/pack_weights.py runs/one/last.safetensors runs/two/last.safetensors -o packed.safetensors \
        --calibration 3.1 0.2 --picture 576x320 --bits 8

Runs that began with the same weights end near each other, and what they learned differently averages out: after Wortsman
et al., "Model soups", arXiv:2203.05482.
"""

import argparse
import math
from pathlib import Path

import torch

from ttcli.networks.checkpoints import load_checkpoint, save_checkpoint

DTYPES = {8: torch.int8, 16: torch.float16, 32: None}


def mean_state(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the mean of weights and batch statistics, number by number; counters are those of the first."""
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if first.is_floating_point() else first
        for name, first in states[0].items()
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path)
    parser.add_argument("--calibration", nargs=2, type=float, metavar=("SLOPE", "BIAS"), help="else that of the first")
    parser.add_argument(
        "--second-stage",
        "--closer",
        dest="second",
        nargs=3,
        type=float,
        metavar=("OWN", "LOOK", "BIAS"),
        help="how much the second stage counts; else that of the first",
    )
    parser.add_argument(
        "--picture", metavar="WIDTHxHEIGHT", help="so many pixels is what `detect` shows it; else as the first has it"
    )
    parser.add_argument("--bits", type=int, choices=DTYPES, default=16, help="of each weight in the file")
    options = parser.parse_args()

    checkpoints = [load_checkpoint(path) for path in options.checkpoints]
    model, metadata = checkpoints[0].model, dict(checkpoints[0].metadata)
    model.load_state_dict(mean_state([checkpoint.model.state_dict() for checkpoint in checkpoints]))
    metadata.pop("ranges", None)  # which were measured on other weights: `tools/measure_ranges.py` notes new ones
    if options.calibration:
        metadata["calibration"] = dict(zip(("slope", "bias"), options.calibration, strict=True))
    if options.second:
        metadata["second_stage"] = dict(zip(("own", "look", "bias"), options.second, strict=True))
    if options.picture:
        metadata["area"] = math.prod(map(int, options.picture.split("x")))
    save_checkpoint(options.output, model, metadata, dtype=DTYPES[options.bits])


if __name__ == "__main__":
    main()
