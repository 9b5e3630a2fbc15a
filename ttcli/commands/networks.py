"""What is done with networks."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.imports import imported_at_once
from ttcli.commands.options import (
    WEIGHTS_HELP,
    command,
    example,
    json_option,
    option,
    overwrite_option,
    plain_option,
    quiet_option,
)
from ttcli.commands.telling import show, show_summary
from ttcli.commands.values import (
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
)
from ttcli.configs import ExportConfig, ModelsConfig, TrainConfig
from ttcli.errors import UsageError
from ttcli.networks.libraries import training_libraries
from ttcli.training.learning_rates import SCHEDULES


@command(
    epilog=example(
        "ttcli train simulated -o runs/first --minutes 60",
        "ttcli train extracted -o runs/mine --init default",
        "ttcli train extracted -o runs/mine --resume",
        "ttcli train simulated -o runs/check --limit-samples 500 --steps 2000",
    )
)
@click.argument("data", metavar="DATA", type=FILE)
@plain_option("-o", "--output", required=True, type=OUTPUT, group="Run", help="Folder of the run.")
@option(TrainConfig, "minutes", type=WEIGHTS, group="Run", help="Minutes to train for. Without it: --steps.")
@option(TrainConfig, "steps", type=COUNTS, group="Run", help="Optimiser steps to train for.")
@option(TrainConfig, "init", type=FILE, group="Run", help="Checkpoint to begin with: a file, `default` or `fast`.")
@option(
    TrainConfig, "resume", "--resume", is_flag=True, group="Run", help="Go on with the run in the folder, to the same result."
)
@option(TrainConfig, "save_every", type=COUNTS, group="Run", help="Steps between two validations, which save all.")
@option(TrainConfig, "early_stop", type=COUNTS, group="Run", help="End after this many validations without a better one.")
@option(
    TrainConfig, "calibrate", "--calibrate/--no-calibrate", group="Run",
    help="Fit confidence on whole pictures at the end, which takes minutes.",
)  # fmt: skip
@option(TrainConfig, "films", type=OUTPUT, group="Run", help="Keep the films that confidence is fitted on here.")
@option(TrainConfig, "seed", type=SEEDS, group="Run", help="Seed of weights and windows.")
@option(TrainConfig, "model", group="Network", help="Network to train, as `ttcli models` lists them.")
@option(TrainConfig, "window_size", "--window", type=WINDOWS, group="Network", help="Frames in a window: 1, 3, 5 or 9.")
@option(
    TrainConfig, "outputs", type=click.Choice(["all", "center", "last"]), group="Network",
    help="Frames of the window that the network predicts.",
)  # fmt: skip
@option(
    TrainConfig, "background", type=click.Choice(["median", "none"]), group="Network",
    help="Show the network differences to the window's median too, or not.",
)  # fmt: skip
@option(
    TrainConfig, "neck", type=click.Choice(["pan", "asff"]), group="Network", help="How a YOLOv8 network fuses its features."
)
@option(
    TrainConfig, "activation", type=click.Choice(["silu", "relu"]), group="Network",
    help="Activation of the decoder after an EfficientNet.",
)  # fmt: skip
@option(
    TrainConfig, "pretrained", "--pretrained", is_flag=True, group="Network", help="Begin with ImageNet weights in the encoder."
)
@option(TrainConfig, "event_head", "--event-head", is_flag=True, group="Network", help="Learn bounces and net crossings too.")
@option(TrainConfig, "freeze_ball", "--freeze-ball", is_flag=True, group="Network", help="Train the event head alone.")
@option(
    TrainConfig, "second_stage", "--second-stage", is_flag=True, group="Network",
    help="Train for the second stage of `detect`, on crops twice as sharp.",
)  # fmt: skip
@plain_option(
    "--crop", type=PictureSize(), default=(TrainConfig.crop_height, TrainConfig.crop_width), group="Windows",
    show_default=f"{TrainConfig.crop_width}x{TrainConfig.crop_height}", help="Size of the windows, multiples of 32.",
)  # fmt: skip
@option(
    TrainConfig, "whole_every", type=ANY_COUNTS, group="Windows",
    help="Every so many steps see whole pictures; else every 4th for sets.",
)  # fmt: skip
@option(TrainConfig, "batch", type=TRAINING_BATCHES, group="Windows", help="Windows per step and process.")
@option(
    TrainConfig, "augment", type=click.Choice(["auto", "all", "few", "none"]), group="Windows",
    help="How much windows are changed at random.",
)  # fmt: skip
@option(TrainConfig, "mask_ball", type=SHARES, group="Windows", help="How often the ball of a window is painted over.")
@option(TrainConfig, "paste_ball", type=SHARES, group="Windows", help="How often a window without a ball gets one.")
@option(TrainConfig, "reuse", type=WholeNumber(1, 1000), group="Windows", help="How often each window is used.")
@option(
    TrainConfig, "pool", type=WholeNumber(1, 10_000_000), group="Windows",
    help="Windows to keep and use again. Without it: 2 * reuse batches.",
)  # fmt: skip
@option(
    TrainConfig, "limit_samples", type=WholeNumber(1, 10_000_000), group="Windows",
    help="Train and validate on this many windows only, as a check.",
)  # fmt: skip
@option(
    TrainConfig, "cache_memory", type=MemorySize(), show_default=f"{TrainConfig.cache_memory // 10**9}GB", group="Windows",
    help="Memory for decoded pictures of an extracted set.",
)  # fmt: skip
@option(
    TrainConfig, "workers", type=WholeNumber(0, 256), group="Windows", help="Processes that draw windows; 0 draws in a thread."
)
@option(
    TrainConfig, "learning_rate", type=Number(0, 100, least_open=True), group="Learning", help="Peak learning rate of AdamW."
)
@option(
    TrainConfig, "schedule", type=click.Choice(SCHEDULES), group="Learning",
    help="How the learning rate changes after the warm-up.",
)  # fmt: skip
@option(
    TrainConfig, "drop_at", type=SHARES, group="Learning", help="Part of the run after which schedule `steps` drops to a tenth."
)
@option(TrainConfig, "warmup", type=ANY_COUNTS, group="Learning", help="Steps up to the peak learning rate.")
@option(TrainConfig, "weight_decay", type=Number(0, 100), group="Learning", help="Weight decay of AdamW.")
@option(TrainConfig, "gradient_norm", type=WEIGHTS, group="Learning", help="Shorten gradients that are longer than this.")
@option(TrainConfig, "average", type=Number(0, 1, most_open=True), group="Learning", help="Inertia of the averaged weights.")
@option(
    TrainConfig, "target", type=click.Choice(["gaussian", "disk"]), group="Learning", help="Shape of a ball in the heatmap."
)
@option(
    TrainConfig, "radius", type=Number(0, 1000, least_open=True), group="Learning",
    help="Size of that shape: sigma in cells of 4 px, or pixels.",
)  # fmt: skip
@option(TrainConfig, "positive_weight", type=WEIGHTS, group="Learning", help="How much more cells with a ball count.")
@option(TrainConfig, "device", type=DEVICES, group="Hardware", help="Where the network is trained.")
@option(TrainConfig, "devices", type=JOBS, group="Hardware", help="Processes that train together.")
@option(
    TrainConfig, "precision", type=TRAINING_PRECISIONS, group="Hardware",
    help="Numbers to compute in; auto takes bf16 where the device multiplies in it.",
)  # fmt: skip
@plain_option("--overwrite", is_flag=True, help="Start anew in a run folder that is not empty.")
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
@option(ModelsConfig, "timed", "--time", is_flag=True, group="Timing", help="Also run each network, to time it here.")
@plain_option(
    "--size", type=PictureSize(), default=(ModelsConfig.height, ModelsConfig.width), group="Timing",
    show_default=f"{ModelsConfig.width}x{ModelsConfig.height}", help="Size of the picture for cost and time.",
)  # fmt: skip
@quiet_option
@json_option
def models(size: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """List the networks that can be trained and the checkpoints in the package."""
    with imported_at_once():
        from ttcli.models import models as run

    height, width = size
    listed = run(ModelsConfig(height=height, width=width, **settings))
    show(as_json, listed.as_json(), *listed.as_tables())


@command(epilog=example("ttcli export -o model.onnx", "ttcli export --weights fast -o fast.onnx --video match.mp4"))
@click.argument("checkpoint", metavar="", required=False, type=FILE)  # the former way, which no help shows
@plain_option("-o", "--output", required=True, type=OUTPUT, group="Output", help="The file, ending in .onnx.")
@option(ExportConfig, "weights", type=FILE, group="Accuracy and speed", help=WEIGHTS_HELP)
@plain_option(
    "--size", type=PictureSize(), default=(None, None), show_default="as `detect` sees --video, or 1920x1080", group="Video",
    help="Size of the pictures that the network sees.",
)  # fmt: skip
@option(ExportConfig, "video", type=FILE, group="Video", help="Compare with torch on this video. Without it: on drawn windows.")
@overwrite_option
@quiet_option
@json_option
def export(
    checkpoint: Path | None,
    output: Path,
    weights: Path | None,
    size: tuple[int, int],
    quiet: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Write a network as ONNX, the default one unless --weights names another, and compare it with torch.

    `ttcli detect --weights model.onnx` runs the file, with ONNX Runtime or, with --runtime openvino, with OpenVINO.
    """
    with imported_at_once():
        from ttcli.export import export as run

    if checkpoint is not None and weights is not None:
        raise UsageError("--weights", "and CHECKPOINT are both given", "give one of them")
    height, width = size
    summary = run(output, ExportConfig(weights=weights or checkpoint, height=height, width=width, **settings))
    show(as_json, summary.as_json(), str(summary))
