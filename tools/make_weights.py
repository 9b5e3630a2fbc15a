"""Make the weights of the package anew, from nothing, by one command with one seed.

    python tools/make_weights.py made/ --device cuda

Three networks are trained on drawn windows, `default`, `fast`, and from the weights of `fast` the second stage, each on as many
windows as those in the package were in all their stages together. On 40 simulated videos the ranges for int8 are then measured,
and confidence is fitted, and what `detect` takes is written: made/centernet_v8s.safetensors, made/centernet_v8n.safetensors,
made/closer_v8n.safetensors. Begun again with the same folder it goes on where it stopped.
"""

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from fit_flight import Clip, clips_of, cost
from fit_second_stage import fit_weights, noting_runtime, told_of
from measure_ranges import note_ranges, ranges_on

from ttcli.configs import SimulateConfig, TrainConfig
from ttcli.detection.tracking import Flight
from ttcli.inference.runtimes import load_runtime
from ttcli.networks.checkpoints import load_checkpoint, save_checkpoint
from ttcli.networks.devices import choose_device
from ttcli.simulate import simulate
from ttcli.train import train
from ttcli.training.run_folder import LAST_FILE, run_is_in

BATCH = 256
EVENTS_FILE = "events_markup.json"
"""Of each video of a simulated set."""
POOL = 24_000
"""Windows that are kept to come again on a GPU, 16 GB of its memory; on a processor those that `train` keeps by itself."""
SLOPES, BIASES = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0), (-0.4, 0.0, 0.4, 0.8, 1.2)
"""Of confidence: of this grid the pair is taken for which what `detect` writes is likeliest."""
VIDEOS = SimulateConfig(rallies=40, seed=9501, part="test", height=540, width=960, frames=60)
"""What confidence is fitted on."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained, and what it is called in the package."""

    file: str
    windows: int
    """That it is shown in all."""
    settings: TrainConfig
    area: int | None = None
    """Pixels of the picture that `detect` shows it; None leaves that of the training."""


COMMON = TrainConfig(batch=BATCH, reuse=8, average=0.999, warmup=300, save_every=700)
DEFAULT = Recipe("centernet_v8s", 3_923_000, replace(COMMON, model="centernet_v8s", learning_rate=0.004), area=576 * 320)
FAST = Recipe("centernet_v8n", 1_852_000, replace(COMMON, model="centernet_v8n", learning_rate=0.004))
SECOND_STAGE = Recipe(
    "closer_v8n", 1_448_000, replace(COMMON, second_stage=True, crop_height=128, crop_width=128, learning_rate=0.002)
)


def trained(recipe: Recipe, runs: Path, share: float, **settings: object) -> Path:
    """Train a network, or go on with it, and return its checkpoint."""
    folder = runs / recipe.file
    config = replace(recipe.settings, resume=run_is_in(folder), **settings)
    config = replace(config, steps=max(round(recipe.windows * share / config.batch), 1))
    if train(None, folder, config) is None:
        raise KeyboardInterrupt
    return folder / LAST_FILE


def fit_confidence(clips: Sequence[Clip]) -> dict[str, float]:
    """Return slope and bias by which the confidences that `detect` writes are likeliest."""
    pairs = [{"slope": slope, "bias": bias} for slope, bias in itertools.product(SLOPES, BIASES)]
    return min(pairs, key=lambda pair: cost(list(clips), pair, Flight()))


def pack(recipe: Recipe, weights: Path, output: Path, **metadata: object) -> Path:
    """Write a checkpoint as it lies in the package, eight bits a weight, and return its path."""
    checkpoint = load_checkpoint(weights)
    told = checkpoint.metadata | ({"area": recipe.area} if recipe.area else {}) | metadata
    path = output / f"{recipe.file}.safetensors"
    save_checkpoint(path, checkpoint.model, told, dtype=torch.int8)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="of the training, to try it out")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--rallies", type=int, default=VIDEOS.rallies)
    options = parser.parse_args(arguments)
    output, runs, videos = options.output, options.output / "runs", options.output / "videos"

    on_gpu = choose_device(options.device).type == "cuda"
    common = {"device": options.device, "batch": options.batch, "seed": options.seed, "pool": POOL if on_gpu else None}
    default = trained(DEFAULT, runs, options.share, **common)
    fast = trained(FAST, runs, options.share, **common)
    closer = trained(SECOND_STAGE, runs, options.share, **common, init=fast)

    if len([*videos.rglob(EVENTS_FILE)]) < options.rallies:  # none yet, or stopped while it drew them
        simulate(videos, replace(VIDEOS, rallies=options.rallies, device=options.device, overwrite=True))
    second, films = pack(SECOND_STAGE, closer, output), sorted(videos.rglob("*.mp4"))
    for recipe, weights in ((DEFAULT, default), (FAST, fast)):
        path = pack(recipe, weights, output)  # fitted is what eight bits a weight say
        ranges, seconds = ranges_on(films, path, second)
        note_ranges(path, ranges)
        if recipe is DEFAULT:
            note_ranges(second, seconds)
        calibration = fit_confidence(clips_of([videos], load_runtime(path, "cpu", "auto")))
        if recipe is FAST:
            counts = fit_weights(told_of([videos], noting_runtime(path, second)))
        else:  # beside the default network the place counts alone: docs/RESULTS.md
            counts = {"own": calibration["slope"], "look": 0.0, "bias": calibration["bias"]}
        pack(recipe, weights, output, calibration=calibration, second_stage=counts, ranges=ranges)
        print(f"{path}: {calibration}, beside the second stage {counts}")


if __name__ == "__main__":
    main()
