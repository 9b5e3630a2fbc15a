"""Trains every network on the same windows with the same budget, and prints the table of docs/NETWORKS.md.

    python tools/compare_networks.py OUT --badminton CLIPS --size 288x160 --steps 1000 --jobs 8

From nothing: it draws simulated rallies, extracts a set of them and of the badminton clips (TrackNet pairs), trains every
network on it, and answers the rallies and the clips that were left out, whole pictures, each kind by itself. Each run is a
process of its own with a folder of its own under OUT/runs. A comparison that was stopped goes on when it is started again:
runs that are complete are not made again, and one that was begun goes on from its last validation. Results are in
OUT/results.json as they come. Whether a run has come to rest is told by `curve`, its validations along the way.
"""

import argparse
import csv
import json
import math
import multiprocessing
import random
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.table import Table

from ttcli.configs import ExtractConfig, SimulateConfig, TrainConfig
from ttcli.extract import extract
from ttcli.models import NetworkEntry, describe_network, time_network
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.devices import cpu_multiplies_in_bf16
from ttcli.networks.registry import MODELS
from ttcli.simulate import simulate
from ttcli.train import train
from ttcli.training import data as training_data
from ttcli.training.run_folder import LAST_FILE, METRICS_FILE, STATE_FILE
from ttcli.training.validation import Answers, answer_windows, validate
from ttcli.training_set.stored_windows import StoredWindows

GROUPS = ("networks", "users", "seeds", "notes", "ablations")
"""What is compared: every network with nine frames, the users' own windows, further seeds, their recipe, single settings."""
RALLIES = {"train": (112, 501), "test": (28, 502)}
"""How many are drawn to train on and to be left out, and with which seed."""
RALLY_FRAMES = 64
LEFT_OUT = 5
"""Every so many of the badminton clips, in order of name, is left out."""
TRAINING_SET = "train"
LEFT_OUT_SETS = {"simulated": "test_simulated", "badminton": "test_badminton"}
CALIBRATION_WINDOWS = 32
"""Whole pictures that confidence is calibrated on: fewer than usual, for on a processor they take longer than training."""
WINDOW_SIZES = (1, 3, 5)
"""Windows that are compared beside the usual one of nine frames."""
OF_USERS = (("centernet_v8n", 3), ("centernet_v8n", 5), ("unetpp_effb0", 3), ("unetpp_resnet34", 5))
"""Networks and windows that the users had their best figures with."""
SEEDS, SEEDED = (1, 2), 3
"""Further seeds, and how many of the cheapest networks are trained with each of them."""
BY_NOTES = ("centernet_v8n", "unetpp_effb0")
"""Networks that are trained by the recipe of the users' notes too."""
NOTED = {"learning_rate": 1e-3, "schedule": "plateau", "target": "disk", "augment": "all", "mask_ball": 0.2}
NOTED_RADIUS = 7 / 512
"""Of the disk in their recipe, as a part of the picture's width."""
HALVED = {"centernet_hourglass104"}
"""Networks that are presented half of the windows: they take ten times as long as the others."""
VALIDATIONS = 8
"""Of each run, along its way."""
ABLATED = "centernet_v8n"
"""The network that most single settings are tried on."""
FIGURES = ("accuracy@5", "accuracy@10", "recall@10", "precision@10", "rmse", "rmse_512", "arg_max_right")


@dataclass(frozen=True)
class Run:
    """One network with its settings."""

    title: str
    settings: dict[str, Any] = field(default_factory=dict)
    """Of TrainConfig."""
    group: str = GROUPS[0]
    mask: str = "right"
    """right, or wrong: balls are painted over, and the frames of these windows lose their order."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.title.replace(" ", "_").replace(",", "")


def every_run(networks: list[str], groups: list[str], height: int, width: int) -> list[Run]:
    """Return what is compared, group by group, the cheapest networks first.

    Args:
        networks: Names in the registry.
        groups: Some of GROUPS.
        height: Of the pictures.
        width: Of the pictures, in pixels.
    """
    order = sorted(networks, key=lambda name: describe_network(name, height, width).gflops_per_frame)
    precision = "fp16" if torch.cuda.is_available() else "auto"
    noted = {**NOTED, "radius": NOTED_RADIUS * width, "precision": precision}
    runs = [Run(name, {"model": name}) for name in order]
    runs += [Run(f"{name}, {size} frames", {"model": name, "window_size": size}, "users") for name, size in OF_USERS]
    runs += [Run(f"{name}, seed {seed}", {"model": name, "seed": seed}, "seeds") for name in order[:SEEDED] for seed in SEEDS]
    runs += [Run(f"{name}, recipe of the notes", {"model": name, **noted}, "notes") for name in BY_NOTES]
    runs += _ablations()
    return [run for run in runs if run.group in groups and run.settings["model"] in networks]


def _ablations() -> list[Run]:
    def one(title: str, mask: str = "right", **settings: Any) -> Run:
        return Run(title, {"model": ABLATED, **settings}, "ablations", mask)

    return [
        one("all augmentations", augment="all"),
        one("all, mask ball off", augment="all", mask_ball=0.0),
        one("all, mask ball wrong", "wrong", augment="all"),
        one("no differences to the median", background="none"),
        one("asff", neck="asff"),
        one("disk target", target="disk"),
        one("no augmentation", augment="none"),
        one("relu decoder, unetpp_effb0", model="unetpp_effb0", activation="relu"),
        *(one(f"window {size}", window_size=size) for size in WINDOW_SIZES),
    ]


def make_sets(output: Path, clips: Path | None, jobs: int, rallies: float, height: int, width: int) -> None:
    """Make the set to train on and those that are left out, pictures of that size, where they are not there yet."""
    for part, (count, seed) in RALLIES.items():
        videos, begun = output / "videos" / part, output / "videos" / f"{part}, begun"
        if not videos.exists():
            shutil.rmtree(begun, ignore_errors=True)  # which an earlier call left when it was stopped
            config = SimulateConfig(
                rallies=max(2, round(count * rallies)), seed=seed, height=height, width=width, frames=RALLY_FRAMES,
                jobs=jobs, device="cpu",
            )  # fmt: skip
            simulate(begun, config, quiet=True)
            begun.rename(videos)
    found = sorted(clips.glob("*.mp4")) if clips else []
    left_out = found[::LEFT_OUT]
    train_on = (output / "videos" / "train", *(video for video in found if video not in left_out))
    wanted = {TRAINING_SET: train_on, LEFT_OUT_SETS["simulated"]: (output / "videos" / "test",)}
    if left_out:
        wanted[LEFT_OUT_SETS["badminton"]] = tuple(left_out)
    for name, videos in wanted.items():
        share = 0.15 if name == TRAINING_SET else 0.5  # of what is left out both parts are answered
        config = ExtractConfig(events=None, height=height, width=width, jobs=jobs, validation=share)
        extract(videos, output / "sets" / name, config, quiet=True)


def run_one(run: Run, output: Path, config: dict[str, Any], test_windows: int, deadline: float) -> dict[str, Any] | None:
    """Train, or go on training, and answer what was left out, in a process of its own.

    Returns:
        The figures; None after the deadline.
    """
    folder = output / "runs" / run.name
    done = folder / "result.json"
    if done.exists():
        return json.loads(done.read_text())
    if time.time() > deadline:
        return None
    training_data.CALIBRATION_WINDOWS = CALIBRATION_WINDOWS
    if run.mask == "wrong":
        _mask_wrongly()
    settings = {**config, **run.settings}
    if run.settings["model"] in HALVED:
        settings["steps"] //= 2
    if (folder / STATE_FILE).exists() and (folder / LAST_FILE).exists():
        settings = {"resume": True}
    else:
        settings = {"save_every": max(1, settings["steps"] // VALIDATIONS), "overwrite": True, **settings}
    summary = train(output / "sets" / TRAINING_SET, folder, TrainConfig(**settings), quiet=True)
    checkpoint = load_checkpoint(folder / "best.safetensors")
    model = checkpoint.model.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    result = {
        "title": run.title,
        "windows": summary["windows"],
        "loss": summary["loss"],
        "windows_per_second": round(summary["windows"] / (60 * summary["trained_minutes"]), 1),
        "curve": _curve(folder / METRICS_FILE),
        "left out": {},
    }
    for kind, name in LEFT_OUT_SETS.items():
        if (output / "sets" / name).exists():
            answers = answer_left_out(model, output / "sets" / name, test_windows)
            figures = validate(answers, checkpoint.metadata["calibration"])
            result["left out"][kind] = {"frames": len(answers.logits), **figures}
    done.write_text(json.dumps(result))
    return result


def answer_left_out(model: torch.nn.Module, data: Path, count: int) -> Answers:
    """Return a network's answers for `count` whole windows, spread evenly over a set that none was trained on."""
    device = next(model.parameters()).device

    def windows() -> Iterator:
        for split in ("training", "validation"):
            source = StoredWindows(data, split, model.window_size, None, None, 0, device=device)
            yield from source.all_windows(8, count // 2)

    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or cpu_multiplies_in_bf16()):
        return answer_windows(model, windows())


def _curve(metrics: Path) -> list[tuple[int, float]]:
    """Return the windows presented, and the share of balls that the peak is at, of each validation of a run.

    Not accuracy@10: where nothing is claimed yet it stands still, and would look like a curve at rest.
    """
    with metrics.open(newline="") as file:
        return [(int(row["windows"]), float(row["arg_max_right"])) for row in csv.DictReader(file)]


def _mask_wrongly() -> None:
    """Let this process paint balls over as the field's notebooks once did: with the frames out of order."""
    from ttcli.training import augmentation

    masked = augmentation.mask_balls

    def mask_and_shuffle(batch, rows):
        visible = batch.visible.any(1)
        masked(batch, rows)
        chance = random.Random(0)
        for row in torch.nonzero(visible & ~batch.visible.any(1))[:, 0].tolist():
            order = torch.tensor(chance.sample(range(batch.frames.shape[1]), batch.frames.shape[1]))
            batch.frames[row] = batch.frames[row][order.to(batch.frames.device)]

    augmentation.mask_balls = mask_and_shuffle


def print_tables(results: list[dict[str, Any]], described: dict[str, NetworkEntry], times: dict[str, dict[str, float]]) -> None:
    """Print a Markdown table for each kind of left out clips, in the order of the results."""
    for kind in LEFT_OUT_SETS:
        given = [result for result in results if kind in result["left out"]]
        table = Table("run", "windows", *FIGURES, "last quarter", *times, "parameters", title=kind, box=box.MARKDOWN)
        for result in given:
            figures = [result["left out"][kind][name] for name in FIGURES]
            known = described.get(result["title"])
            costs = [f"{by_name[result['title']]:.2f}" if known else "" for by_name in times.values()]
            parameters = f"{known.parameters / 1e6:.1f} M" if known else ""
            shown = ["–" if figure is None else f"{figure:.3f}" for figure in figures]
            table.add_row(result["title"], f"{result['windows']:,}", *shown, _last_quarter(result["curve"]), *costs, parameters)
        Console(width=200).print(table)


def _last_quarter(curve: list[tuple[int, float]]) -> str:
    """Return what validation gained in the last quarter of a run, by its best up to there and in all: 0 is a curve at rest."""
    until = 0.75 * curve[-1][0]
    before = [score for windows, score in curve if windows <= until]
    return f"{max(score for _, score in curve) - max(before):+.3f}" if before else "–"


def main() -> None:
    """Make the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--badminton", type=Path, help="folder of TrackNet pairs: x.mp4 with x.csv")
    parser.add_argument("--networks", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--size", default="512x288", help="of all pictures, multiples of 32")
    parser.add_argument("--groups", nargs="+", default=list(GROUPS[:4]), choices=GROUPS)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--crop", default="192x128", help="size of the windows in training")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--augment", default="few", choices=["all", "few", "none"])
    parser.add_argument("--test-windows", type=int, default=200, help="of each kind of left out clips")
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--rallies", type=float, default=1.0, help="part of the rallies to draw, for a quick try")
    parser.add_argument("--only", nargs="+", metavar="TITLE", help="runs of these titles alone")
    parser.add_argument("--init", type=Path, help="checkpoint that every run begins with, as `ttcli train --init`")
    parser.add_argument("--minutes", type=float, help="start no run after so many; 0 prints the table of what is there")
    parser.add_argument("--results", type=Path, help="else OUT/results.json")
    told = parser.parse_args()
    results = told.results or told.output / "results.json"
    began = time.monotonic()
    width, height = map(int, told.size.split("x"))
    make_sets(told.output, told.badminton, told.jobs, told.rallies, height, width)
    print(f"sets: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    runs = every_run(told.networks, told.groups, height, width)
    runs = [run for run in runs if told.only is None or run.title in told.only]
    crop_width, crop_height = map(int, told.crop.split("x"))
    config = {
        "crop_height": crop_height, "crop_width": crop_width, "steps": told.steps, "batch": told.batch, "reuse": 1,
        "learning_rate": told.learning_rate, "warmup": told.steps // 10, "augment": told.augment, "average": 0.995,
        "cache_memory": 25 * 10**8, "init": told.init,
    }  # fmt: skip
    deadline = time.time() + (60 * told.minutes - (time.monotonic() - began) if told.minutes is not None else math.inf)
    found: dict[str, dict[str, Any]] = {}
    with ProcessPoolExecutor(told.jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as processes:
        waiting = {processes.submit(run_one, run, told.output, config, told.test_windows, deadline): run for run in runs}
        for future in as_completed(waiting):
            name = waiting[future].name
            if future.exception() is not None:  # one run that fails leaves the others
                print(f"{name}: {type(future.exception()).__name__}: {future.exception()}", file=sys.stderr, flush=True)
            elif (result := future.result()) is not None:
                found[name] = result
                print(f"{time.monotonic() - began:5.0f} s  {json.dumps(result)}", file=sys.stderr, flush=True)
                results.write_text(json.dumps(list(found.values()), indent=1))
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    in_order = [found[run.name] for run in runs if run.name in found]
    networks = [name for name in told.networks if name in found]  # those that nobody answered with are not timed
    times = {
        f"ms a frame, {device}": {name: time_network(name, height, width, device) for name in networks} for device in devices
    }
    results.write_text(json.dumps({"results": in_order, "times": times}, indent=1))
    print_tables(in_order, {name: describe_network(name, height, width) for name in networks}, times)


if __name__ == "__main__":
    main()
