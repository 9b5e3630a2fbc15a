"""What is done with networks."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.options import (
    ANY_COUNTS,
    COUNTS,
    DEVICES,
    FILE,
    JOBS,
    OUTPUT,
    SEEDS,
    SHARES,
    TRAINING_BATCHES,
    TRAINING_PRECISIONS,
    WEIGHTS,
    WINDOWS,
    MemorySize,
    Number,
    PictureSize,
    WholeNumber,
    command,
    example,
    json_option,
    option,
    overwrite_option,
    quiet_option,
    show,
    show_summary,
)
from ttcli.configs import ExportConfig, ModelsConfig, TrainConfig
from ttcli.networks.libraries import training_libraries
from ttcli.training.learning_rates import SCHEDULES


@command(
    epilog=example(
        "ttcli train simulated -o runs/first --minutes 60",
        "ttcli train extracted -o runs/mine --init default",
        "ttcli train extracted -o runs/mine --resume",
        "ttcli train simulated -o runs/check --model unetpp_effb0 --limit-samples 500 --steps 2000",
    )
)
@click.argument("data", metavar="DATA", type=FILE)
@click.option("-o", "--output", required=True, type=OUTPUT, help="Folder of the run.")
@option(TrainConfig, "model", help="Name of the network, as `ttcli models` lists them.")
@option(TrainConfig, "window_size", "--window", type=WINDOWS, help="Frames in a window: 1, 3, 5 or 9.")
@option(TrainConfig, "outputs", type=click.Choice(["all", "center", "last"]), help="Frames that are answered for.")
@option(TrainConfig, "neck", type=click.Choice(["pan", "asff"]), help="How a YOLOv8 network fuses its features.")
@option(TrainConfig, "activation", type=click.Choice(["silu", "relu"]), help="Of the decoder after an EfficientNet.")
@option(TrainConfig, "background", type=click.Choice(["median", "none"]), help="Differences to the window's median, or none.")
@option(TrainConfig, "pretrained", "--pretrained", is_flag=True, help="Begin with ImageNet weights in the encoder.")
@option(TrainConfig, "event_head", "--event-head", is_flag=True, help="Learn bounces and passings of the net too.")
@option(TrainConfig, "freeze_ball", "--freeze-ball", is_flag=True, help="Train the event head alone.")
@option(TrainConfig, "minutes", type=WEIGHTS, help="Wall time to train for; else --steps.")
@option(TrainConfig, "steps", type=COUNTS, help="Optimiser steps to train for.")
@option(TrainConfig, "batch", type=TRAINING_BATCHES, help="Windows per step and process.")
@click.option(
    "--crop", type=PictureSize(), default=(TrainConfig.crop_height, TrainConfig.crop_width),
    show_default=f"{TrainConfig.crop_width}x{TrainConfig.crop_height}", help="Size of the windows, multiples of 32.",
)  # fmt: skip
@option(TrainConfig, "whole_every", type=ANY_COUNTS, help="Steps from one on whole pictures to the next; else 4 for sets.")
@option(
    TrainConfig,
    "second_stage",
    "--second-stage",
    is_flag=True,
    help="Train for the second stage of `detect`: drawn windows, twice as large.",
)
@option(TrainConfig, "learning_rate", type=Number(0, 100, least_open=True), help="Peak learning rate of AdamW.")
@option(TrainConfig, "schedule", type=click.Choice(SCHEDULES), help="How the learning rate goes after the warm-up.")
@option(TrainConfig, "drop_at", type=SHARES, help="Part of the run after which `steps` takes a tenth.")
@option(TrainConfig, "warmup", type=ANY_COUNTS, help="Steps up to the peak learning rate.")
@option(TrainConfig, "weight_decay", type=Number(0, 100), help="Of AdamW.")
@option(TrainConfig, "gradient_norm", type=WEIGHTS, help="Longest gradient followed.")
@option(TrainConfig, "average", type=Number(0, 1, most_open=True), help="Inertia of the averaged weights.")
@option(TrainConfig, "target", type=click.Choice(["gaussian", "disk"]), help="Shape of a ball in the heatmap.")
@option(TrainConfig, "radius", type=Number(0, 1000, least_open=True), help="Of it: sigma in cells of 4 px, or px.")
@option(TrainConfig, "positive_weight", type=WEIGHTS, help="Weight of cells with a ball.")
@option(TrainConfig, "augment", type=click.Choice(["auto", "all", "few", "none"]), help="Changes by chance.")
@option(TrainConfig, "mask_ball", type=SHARES, help="How often a ball is painted over.")
@option(TrainConfig, "paste_ball", type=SHARES, help="How often an empty window gets a ball.")
@option(TrainConfig, "reuse", type=WholeNumber(1, 1000), help="How often each window is used.")
@option(
    TrainConfig, "pool", type=WholeNumber(1, 10_000_000), help="Windows kept to come again; else those of 2 * reuse batches."
)
@option(TrainConfig, "workers", type=WholeNumber(0, 256), help="Processes that make windows; 0: a thread does, on the device.")
@option(TrainConfig, "limit_samples", type=WholeNumber(1, 10_000_000), help="Train and validate on so many windows: a check.")
@option(
    TrainConfig,
    "cache_memory",
    type=MemorySize(),
    show_default=f"{TrainConfig.cache_memory // 10**9}GB",
    help="Memory for decoded pictures of an extracted set.",
)
@option(TrainConfig, "devices", type=JOBS, help="Processes that train together.")
@option(TrainConfig, "device", type=DEVICES, help="Where the network is trained.")
@option(TrainConfig, "precision", type=TRAINING_PRECISIONS, help="auto: bf16 where the device multiplies in it.")
@option(TrainConfig, "seed", type=SEEDS, help="Seed of weights and windows.")
@option(TrainConfig, "init", type=FILE, help="Checkpoint to start from; `default`, `fast`: the package's.")
@option(TrainConfig, "save_every", type=COUNTS, help="Steps between two validations, which save all.")
@option(TrainConfig, "early_stop", type=COUNTS, help="End after so many validations without a better one.")
@option(
    TrainConfig, "calibrate", "--calibrate/--no-calibrate", help="Fit confidence on whole pictures at the end, for minutes."
)
@option(TrainConfig, "resume", "--resume", is_flag=True, help="Go on with the run in the folder, to the same result.")
@click.option("--overwrite", is_flag=True, help="Start anew in a run folder that is not empty.")
@quiet_option
@json_option
def train(data: Path, output: Path, crop: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """Train a network on DATA: a set that `ttcli extract` made, or `simulated` for windows drawn on the fly."""
    with training_libraries("ttcli train"):
        from ttcli.train import train as run

    height, width = crop
    source = None if data == Path("simulated") else data
    show_summary(run(source, output, TrainConfig(crop_height=height, crop_width=width, **settings), quiet), as_json)


@command(epilog=example("ttcli models", "ttcli models --time --size 768x416"))
@option(ModelsConfig, "timed", "--time", is_flag=True, help="Also run each network, for the time that it takes here.")
@click.option(
    "--size", type=PictureSize(), default=(ModelsConfig.height, ModelsConfig.width),
    show_default=f"{ModelsConfig.width}x{ModelsConfig.height}", help="Picture of cost and time.",
)  # fmt: skip
@quiet_option
@json_option
def models(size: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """List the networks that can be trained and the checkpoints in the package."""
    from ttcli.models import models as run

    height, width = size
    listed = run(ModelsConfig(height=height, width=width, **settings))
    show(as_json, listed.as_json(), *listed.as_tables())


@command(epilog=example("ttcli export -o model.onnx", "ttcli export best.safetensors -o model.onnx --video match.mp4"))
@click.argument("weights", metavar="[CHECKPOINT]", required=False, type=FILE)
@click.option("-o", "--output", required=True, type=OUTPUT, help="The file, ending in .onnx.")
@click.option(
    "--size", type=PictureSize(), default=(None, None), show_default="as `detect` sees --video, or 1920x1080",
    help="Size of the pictures that the network sees.",
)  # fmt: skip
@option(ExportConfig, "video", type=FILE, help="Compare with torch on this video; else on drawn windows.")
@overwrite_option
@quiet_option
@json_option
def export(output: Path, size: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """Write CHECKPOINT, a file or `fast`, else the default of the package, as ONNX, and compare it with torch.

    `ttcli detect --weights model.onnx` runs the file, by ONNX Runtime or, with --runtime openvino, by OpenVINO.
    """
    from ttcli.export import export as run

    height, width = size
    summary = run(output, ExportConfig(height=height, width=width, **settings))
    show(as_json, summary.as_json(), str(summary))
