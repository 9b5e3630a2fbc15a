"""Trains every network on the same windows with the same budget, and prints the table of docs/RESULTS.md.

    python tools/compare_networks.py OUT --badminton CLIPS --steps 1000 --jobs 8

From nothing: it draws simulated rallies, extracts a set of them and of the badminton clips (TrackNet pairs), trains every
network on it, and answers the rallies and the clips that were left out, each kind by itself. Each run is a process of its own
with a folder of its own under OUT/runs; one that is complete is not made again, so that a stopped comparison goes on. Results
are in OUT/results.json as they come.
"""

import argparse
import json
import math
import multiprocessing
import random
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
from ttcli.models import describe_network, time_network
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.devices import cpu_multiplies_in_bf16
from ttcli.networks.registry import MODELS
from ttcli.simulate import simulate
from ttcli.train import train
from ttcli.training import data as training_data
from ttcli.training.validation import Answers, answer_windows, validate
from ttcli.training_set.stored_windows import StoredWindows

HEIGHT, WIDTH = 288, 512
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
ABLATED = "centernet_v8n"
"""The network that most single settings are tried on."""
FIGURES = ("accuracy@5", "accuracy@10", "recall@10", "precision@10", "rmse", "rmse_512")


@dataclass(frozen=True)
class Run:
    """One network with its settings."""

    title: str
    settings: dict[str, Any] = field(default_factory=dict)
    """Of TrainConfig."""
    mask: str = "right"
    """right, or wrong: balls are painted over, and the frames of these windows lose their order."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.title.replace(" ", "_").replace(",", "")


def every_run(networks: list[str], ablations: bool) -> list[Run]:
    """Return what is compared, the cheapest networks first."""
    order = sorted(networks, key=lambda name: describe_network(name, HEIGHT, WIDTH).gflops_per_frame)
    runs = [Run(name, {"model": name}) for name in order]
    if ablations:
        runs += [
            Run("all augmentations", {"model": ABLATED, "augment": "all"}),
            Run("all, mask ball off", {"model": ABLATED, "augment": "all", "mask_ball": 0.0}),
            Run("all, mask ball wrong", {"model": ABLATED, "augment": "all"}, mask="wrong"),
            Run("no differences to the median", {"model": ABLATED, "background": "none"}),
            Run("asff", {"model": ABLATED, "neck": "asff"}),
            Run("disk target", {"model": ABLATED, "target": "disk"}),
            Run("no augmentation", {"model": ABLATED, "augment": "none"}),
            Run("relu decoder, unetpp_effb0", {"model": "unetpp_effb0", "activation": "relu"}),
        ]
        runs += [Run(f"window {size}", {"model": ABLATED, "window_size": size}) for size in WINDOW_SIZES]
    return runs


def make_sets(output: Path, clips: Path | None, jobs: int, rallies: float) -> None:
    """Make the set to train on and those that are left out, where they are not there yet."""
    for part, (count, seed) in RALLIES.items():
        videos = output / "videos" / part
        if not videos.exists():
            config = SimulateConfig(
                rallies=max(2, round(count * rallies)), seed=seed, height=HEIGHT, width=WIDTH, frames=RALLY_FRAMES,
                jobs=jobs, device="cpu",
            )  # fmt: skip
            simulate(videos, config, quiet=True)
    found = sorted(clips.glob("*.mp4")) if clips else []
    left_out = found[::LEFT_OUT]
    train_on = (output / "videos" / "train", *(video for video in found if video not in left_out))
    wanted = {TRAINING_SET: train_on, LEFT_OUT_SETS["simulated"]: (output / "videos" / "test",)}
    if left_out:
        wanted[LEFT_OUT_SETS["badminton"]] = tuple(left_out)
    for name, videos in wanted.items():
        share = 0.15 if name == TRAINING_SET else 0.5  # of what is left out both parts are answered
        config = ExtractConfig(events=None, height=HEIGHT, width=WIDTH, jobs=jobs, validation=share)
        extract(videos, output / "sets" / name, config, quiet=True)


def run_one(run: Run, output: Path, config: dict[str, Any], test_windows: int, deadline: float) -> dict[str, Any] | None:
    """Train and answer what was left out, in a process of its own; return the figures, None after the deadline."""
    folder = output / "runs" / run.name
    done = folder / "result.json"
    if done.exists():
        return json.loads(done.read_text())
    if time.time() > deadline:
        return None
    training_data.CALIBRATION_WINDOWS = CALIBRATION_WINDOWS
    if run.mask == "wrong":
        _mask_wrongly()
    settings = TrainConfig(**{**config, **run.settings, "overwrite": True})
    summary = train(output / "sets" / TRAINING_SET, folder, settings, quiet=True)
    checkpoint = load_checkpoint(folder / "best.safetensors")
    model = checkpoint.model.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    result = {
        "title": run.title,
        "windows": summary["windows"],
        "loss": summary["loss"],
        "windows_per_second": round(summary["windows"] / (60 * summary["trained_minutes"]), 1),
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


def print_tables(results: list[dict[str, Any]], networks: list[str], times: dict[str, dict[str, float]]) -> None:
    """Print a Markdown table for each kind of left out clips: networks, then single settings."""
    described = {name: describe_network(name, HEIGHT, WIDTH) for name in networks}
    for kind in LEFT_OUT_SETS:
        given = [result for result in results if kind in result["left out"]]
        table = Table("run", *FIGURES, "windows/s", *times, "parameters", title=kind, box=box.MARKDOWN)
        for result in given:
            figures = [result["left out"][kind][name] for name in FIGURES]
            known = described.get(result["title"])
            costs = [f"{by_name[result['title']]:.2f}" if known else "" for by_name in times.values()]
            parameters = f"{known.parameters / 1e6:.1f} M" if known else ""
            shown = ["–" if figure is None else f"{figure:.3f}" for figure in figures]
            table.add_row(result["title"], *shown, f"{result['windows_per_second']:.0f}", *costs, parameters)
        Console(width=200).print(table)


def main() -> None:
    """Make the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--badminton", type=Path, help="folder of TrackNet pairs: x.mp4 with x.csv")
    parser.add_argument("--networks", nargs="+", default=list(MODELS), choices=list(MODELS))
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
    parser.add_argument("--no-ablations", action="store_true")
    parser.add_argument("--minutes", type=float, help="start no run after so many")
    parser.add_argument("--results", type=Path, help="else OUT/results.json")
    told = parser.parse_args()
    results = told.results or told.output / "results.json"
    began = time.monotonic()
    make_sets(told.output, told.badminton, told.jobs, told.rallies)
    print(f"sets: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    runs = every_run(told.networks, not told.no_ablations)
    runs = [run for run in runs if told.only is None or run.title in told.only]
    width, height = map(int, told.crop.split("x"))
    config = {
        "crop_height": height, "crop_width": width, "steps": told.steps, "batch": told.batch, "reuse": 1,
        "learning_rate": told.learning_rate, "warmup": told.steps // 10, "augment": told.augment, "average": 0.995,
        "save_every": told.steps, "cache_memory": 25 * 10**8, "init": told.init,
    }  # fmt: skip
    deadline = time.time() + (60 * told.minutes - (time.monotonic() - began) if told.minutes else math.inf)
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
    times = {
        f"ms a frame, {device}": {name: time_network(name, HEIGHT, WIDTH, device) for name in told.networks}
        for device in devices
    }
    in_order = [found[run.name] for run in runs if run.name in found]
    results.write_text(json.dumps({"results": in_order, "times": times}, indent=1))
    print_tables(in_order, told.networks, times)


if __name__ == "__main__":
    main()
