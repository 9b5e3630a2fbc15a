"""Trains every network on the same windows with the same budget, and prints the table of docs/RESULTS.md.

    python tools/compare_networks.py OUT --badminton CLIPS --steps 1000 --jobs 8

From nothing: it draws simulated rallies, extracts sets of them and of the badminton clips (TrackNet pairs), trains, and
answers the clips that were left out. Each run is a process of its own with a folder of its own under OUT/runs; one that
is complete is not made again, so that a stopped comparison goes on. Results are in OUT/results.json as they come.
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

from ttcli import training_data
from ttcli.catalogue import describe_network, time_network
from ttcli.checkpoints import load_checkpoint
from ttcli.configs import ExtractConfig, SimulateConfig, TrainConfig
from ttcli.extract import extract
from ttcli.models import MODELS
from ttcli.runtimes import cpu_multiplies_in_bf16
from ttcli.simulate import simulate
from ttcli.stored_windows import StoredWindows
from ttcli.train import train
from ttcli.validation import Answers, answer_windows, validate

HEIGHT, WIDTH = 288, 512
RALLIES = {"train": (112, 501), "test": (28, 502)}
"""How many are drawn to train on and to be left out, and with which seed."""
RALLY_FRAMES = 64
LEFT_OUT = 5
"""Every so many of the badminton clips, in order of name, is left out."""
TEST_WINDOWS = 200
"""Windows of the clips left out that are answered, spread evenly."""
CALIBRATION_WINDOWS = 64
"""Whole pictures that confidence is calibrated on: fewer than usual, for on a processor they take longer than training."""
WINDOW_SIZES = (1, 3, 5)
"""Windows that are compared beside the usual one of nine frames."""
ABLATED = "centernet_v8n"
"""The network that most single settings are tried on."""
FIGURES = ("accuracy@5", "accuracy@10", "recall@10", "precision@10", "rmse", "rmse_512")


@dataclass(frozen=True)
class Run:
    """One network, trained on one set."""

    title: str
    data: str
    """simulated or badminton."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of TrainConfig."""
    mask: str = "right"
    """right, or wrong: balls are painted over, and the frames of these windows lose their order."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.data}-{self.title}".replace(" ", "_").replace(",", "")


def every_run(data: list[str], networks: list[str], ablations: bool) -> list[Run]:
    """Return what is compared, the cheapest networks first."""
    order = sorted(networks, key=lambda name: describe_network(name, HEIGHT, WIDTH).gflops_per_frame)
    runs = [Run(name, each, {"model": name}) for name in order for each in data]
    if ablations:
        for each in data:
            runs += [
                Run("mask ball off", each, {"model": ABLATED, "mask_ball": 0.0}),
                Run("mask ball wrong", each, {"model": ABLATED}, mask="wrong"),
                Run("no differences to the median", each, {"model": ABLATED, "background": "none"}),
                Run("asff", each, {"model": ABLATED, "neck": "asff"}),
                Run("disk target", each, {"model": ABLATED, "target": "disk"}),
                Run("no augmentation", each, {"model": ABLATED, "augment": "none"}),
                Run("few augmentations", each, {"model": ABLATED, "augment": "few"}),
                Run("relu decoder, unetpp_effb0", each, {"model": "unetpp_effb0", "activation": "relu"}),
            ]
            runs += [Run(f"window {size}", each, {"model": ABLATED, "window_size": size}) for size in WINDOW_SIZES]
    return runs


def make_sets(output: Path, clips: Path | None, jobs: int, rallies: float) -> None:
    """Make the sets to train on and those that are left out, all at the same time, where they are not there yet."""
    wanted: dict[str, tuple[Path, ...]] = {f"simulated_{part}": () for part in RALLIES}
    if clips is not None:
        videos = sorted(clips.glob("*.mp4"))
        wanted["badminton_test"] = tuple(videos[::LEFT_OUT])
        wanted["badminton_train"] = tuple(video for video in videos if video not in videos[::LEFT_OUT])
    with ProcessPoolExecutor(min(jobs, len(wanted)), multiprocessing.get_context("spawn")) as processes:
        made = [processes.submit(_make_set, output, name, videos, jobs, rallies) for name, videos in wanted.items()]
        for future in made:
            future.result()


def _make_set(output: Path, name: str, videos: tuple[Path, ...], jobs: int, rallies: float) -> None:
    """Extract a set from videos, or from simulated ones where none are given."""
    part = name.partition("_")[2]
    jobs = max(1, jobs if part == "train" else jobs // 4)
    if not videos:
        videos = (output / "videos" / part,)
        count, seed = RALLIES[part]
        config = SimulateConfig(
            rallies=max(2, round(count * rallies)), seed=seed, height=HEIGHT, width=WIDTH, frames=RALLY_FRAMES,
            jobs=jobs, device="cpu",
        )  # fmt: skip
        if not videos[0].exists():
            simulate(videos[0], config, quiet=True)
    share = 0.15 if part == "train" else 0.5  # of what is left out both parts are answered
    config = ExtractConfig(events=None, height=HEIGHT, width=WIDTH, jobs=max(1, jobs // 4), validation=share)
    extract(videos, output / "sets" / name, config, quiet=True)


def run_one(run: Run, output: Path, config: dict[str, Any], deadline: float) -> dict[str, Any] | None:
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
    summary = train(output / "sets" / f"{run.data}_train", folder, settings, quiet=True)
    checkpoint = load_checkpoint(folder / "best.safetensors")
    model = checkpoint.model.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    answers = answer_left_out(model, output / "sets" / f"{run.data}_test")
    result = {
        "title": run.title,
        "data": run.data,
        **validate(answers, checkpoint.metadata["calibration"]),
        "frames": len(answers.logits),
        "loss": summary["loss"],
        "windows_per_second": round(summary["windows"] / (60 * summary["trained_minutes"]), 1),
    }
    done.write_text(json.dumps(result))
    return result


def answer_left_out(model: torch.nn.Module, data: Path) -> Answers:
    """Return a network's answers for whole pictures of a set of which nothing was trained on."""
    device = next(model.parameters()).device

    def windows() -> Iterator:
        for split in ("training", "validation"):
            yield from StoredWindows(data, split, model.window_size, None, None, 0, device=device).all_windows(8, TEST_WINDOWS // 2)

    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or cpu_multiplies_in_bf16()):
        return answer_windows(model, windows())


def _mask_wrongly() -> None:
    """Let this process paint balls over as the field's notebooks once did: with the frames out of order."""
    from ttcli import augmentation

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
    """Print a Markdown table for each set: networks, then single settings."""
    described = {name: describe_network(name, HEIGHT, WIDTH) for name in networks}
    for data in dict.fromkeys(result["data"] for result in results):
        table = Table("run", *FIGURES, "windows/s", *times, "parameters", title=data, box=box.MARKDOWN)
        for result in (result for result in results if result["data"] == data):
            figures = ["–" if result[name] is None else f"{result[name]:.3f}" for name in FIGURES]
            known = described.get(result["title"])
            costs = [f"{by_name[result['title']]:.2f}" if known else "" for by_name in times.values()]
            parameters = f"{known.parameters / 1e6:.1f} M" if known else ""
            table.add_row(result["title"], *figures, f"{result['windows_per_second']:.0f}", *costs, parameters)
        Console(width=200).print(table)


def main() -> None:
    """Make the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--badminton", type=Path, help="folder of TrackNet pairs: x.mp4 with x.csv")
    parser.add_argument("--data", nargs="+", choices=["simulated", "badminton"], help="else all that there are")
    parser.add_argument("--networks", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--crop", default="192x128", help="size of the windows in training")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
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
    data = told.data or (["simulated", "badminton"] if told.badminton else ["simulated"])
    runs = every_run(data, told.networks, not told.no_ablations)
    runs = [run for run in runs if told.only is None or run.title in told.only]
    width, height = map(int, told.crop.split("x"))
    config = {
        "crop_height": height, "crop_width": width, "steps": told.steps, "batch": told.batch, "reuse": 1, "learning_rate": told.learning_rate, "warmup": told.steps // 10,
        "save_every": told.steps, "average": 0.995, "cache_memory": 25 * 10**8,
        "init": told.init,
    }  # fmt: skip
    deadline = time.time() + (60 * told.minutes - (time.monotonic() - began) if told.minutes else math.inf)
    found: dict[str, dict[str, Any]] = {}
    with ProcessPoolExecutor(told.jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as processes:
        waiting = {processes.submit(run_one, run, told.output, config, deadline): run for run in runs}
        for future in as_completed(waiting):
            name = waiting[future].name
            if future.exception() is not None:  # one run that fails leaves the others
                print(f"{name}: {type(future.exception()).__name__}: {future.exception()}", file=sys.stderr, flush=True)
            elif (result := future.result()) is not None:
                found[name] = result
                print(f"{time.monotonic() - began:5.0f} s  {json.dumps(result)}", file=sys.stderr, flush=True)
                results.write_text(json.dumps(list(found.values()), indent=1))
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    times = {f"ms a frame, {device}": {name: time_network(name, HEIGHT, WIDTH, device) for name in told.networks} for device in devices}
    in_order = [found[run.name] for run in runs if run.name in found]
    results.write_text(json.dumps({"results": in_order, "times": times}, indent=1))
    print_tables(in_order, told.networks, times)


if __name__ == "__main__":
    main()
