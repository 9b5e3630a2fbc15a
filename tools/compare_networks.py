"""Trains every network on the same windows with the same budget, and prints the table of docs/RESULTS.md.

    python tools/compare_networks.py OUT --badminton CLIPS --steps 1000 --jobs 8

From nothing: it draws simulated rallies, extracts sets of them and of the badminton clips (TrackNet pairs), trains, and
answers the clips that were left out. Each run is a process of its own with a folder of its own under OUT/runs; one that
is complete is not made again, so that a stopped comparison goes on. Results lie in OUT/results.json.
"""

import argparse
import json
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
from rich.console import Console
from rich.table import Table

from ttcli.catalogue import describe_network, time_network
from ttcli.checkpoints import load_checkpoint
from ttcli.configs import ExtractConfig, SimulateConfig, TrainConfig
from ttcli.models import MODELS
from ttcli.stored_windows import StoredWindows
from ttcli.validation import Answers, answer_windows, validate

HEIGHT, WIDTH = 288, 512
TRAINING_RALLIES, TEST_RALLIES = 160, 40
TRAINING_SEED, TEST_SEED = 501, 502
RALLY_FRAMES = 72
LEFT_OUT = 5
"""Every so many of the badminton clips, in order of name, is left out."""
TEST_WINDOWS = 600
"""Windows of the clips left out that are answered, spread evenly."""
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
    """Return what is compared, the slowest networks first."""
    order = sorted(networks, key=lambda name: -describe_network(name, HEIGHT, WIDTH).gflops_per_frame)
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
                Run("relu decoder, unetpp_effb0", each, {"model": "unetpp_effb0", "activation": "relu"}),
            ]
            runs += [Run(f"window {size}", each, {"model": ABLATED, "window_size": size}) for size in WINDOW_SIZES]
    return runs


def make_sets(output: Path, clips: Path | None, jobs: int, rallies: float) -> None:
    """Extract the sets to train on and those that are left out, where they are not there yet."""
    from ttcli.extract import extract
    from ttcli.simulate import simulate

    for part, count, seed in (("train", TRAINING_RALLIES, TRAINING_SEED), ("test", TEST_RALLIES, TEST_SEED)):
        folder = output / "videos" / f"simulated_{part}"
        if not (output / "sets" / f"simulated_{part}-9" / "manifest.json").exists():
            config = SimulateConfig(
                rallies=round(count * rallies), seed=seed, height=HEIGHT, width=WIDTH, frames=RALLY_FRAMES, jobs=jobs,
                device="cpu", overwrite=True,
            )  # fmt: skip
            simulate(folder, config, quiet=True)
    sources = {f"simulated_{part}": [output / "videos" / f"simulated_{part}"] for part in ("train", "test")}
    if clips is not None:
        videos = sorted(clips.glob("*.mp4"))
        sources["badminton_test"] = videos[::LEFT_OUT]
        sources["badminton_train"] = [video for video in videos if video not in videos[::LEFT_OUT]]
    for name, videos in sources.items():
        for size in (9, *WINDOW_SIZES):
            config = ExtractConfig(
                events=None, window_size=size, height=HEIGHT, width=WIDTH, jobs=jobs,
                validation=0.15 if name.endswith("train") else 0.5,
            )  # fmt: skip
            extract(tuple(videos), output / "sets" / f"{name}-{size}", config, quiet=True)


def run_one(run: Run, output: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Train and answer what was left out, in a process of its own; return the figures."""
    from ttcli.train import train

    folder = output / "runs" / run.name
    done = folder / "result.json"
    if done.exists():
        return json.loads(done.read_text())
    torch.set_num_threads(1)
    if run.mask == "wrong":
        _mask_wrongly()
    settings = TrainConfig(**{**config, **run.settings, "overwrite": True})
    size = settings.window_size
    summary = train(output / "sets" / f"{run.data}_train-{size}", folder, settings, quiet=True)
    checkpoint = load_checkpoint(folder / "best.safetensors")
    model = checkpoint.model.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    answers = answer_left_out(model, output / "sets" / f"{run.data}_test-{size}")
    result = {
        "title": run.title,
        "data": run.data,
        **validate(answers, checkpoint.metadata["calibration"]),
        "frames": len(answers.logits),
        "best_step": summary["step"],
        "validation_accuracy@10": summary["accuracy@10"],
        "windows_per_second": summary["windows_per_second"],
        "minutes": summary["trained_minutes"],
    }
    done.write_text(json.dumps(result))
    return result


def answer_left_out(model: torch.nn.Module, data: Path) -> Answers:
    """Return a network's answers for whole pictures of a set of which nothing was trained on."""
    device = next(model.parameters()).device

    def windows() -> Iterator:
        for split in ("training", "validation"):
            yield from StoredWindows(data, split, model.window_size, None, None, 0, device=device).all_windows(8, TEST_WINDOWS // 2)

    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
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
        table = Table("run", *FIGURES, "windows/s", *times, "parameters", title=data)
        for result in (result for result in results if result["data"] == data):
            figures = ["–" if result[name] is None else f"{result[name]:.3f}" for name in FIGURES]
            known = described.get(result["title"])
            costs = [f"{by_name[result['title']]:.2f}" if known else "" for by_name in times.values()]
            parameters = f"{known.parameters / 1e6:.1f} M" if known else ""
            table.add_row(result["title"], *figures, f"{result['windows_per_second']:.0f}", *costs, parameters)
        from rich import box

        table.box = box.MARKDOWN
        Console(width=200).print(table)


def main() -> None:
    """Make the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--badminton", type=Path, help="folder of TrackNet pairs: x.mp4 with x.csv")
    parser.add_argument("--networks", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--rallies", type=float, default=1.0, help="part of the rallies to draw, for a quick try")
    parser.add_argument("--no-ablations", action="store_true")
    parser.add_argument("--minutes", type=float, help="start no run after so many")
    told = parser.parse_args()
    began = time.monotonic()
    make_sets(told.output, told.badminton, told.jobs, told.rallies)
    print(f"sets: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    data = ["simulated", "badminton"] if told.badminton else ["simulated"]
    runs = every_run(data, told.networks, not told.no_ablations)
    config = {
        "steps": told.steps, "batch": told.batch, "reuse": 1, "learning_rate": told.learning_rate, "warmup": 100,
        "save_every": max(1, told.steps // 2), "average": 0.995, "cache_memory": 8 * 10**9,
    }  # fmt: skip
    context = multiprocessing.get_context("spawn")
    results = {}
    with ProcessPoolExecutor(told.jobs, context, max_tasks_per_child=1) as processes:
        waiting = {processes.submit(run_one, run, told.output, config): run for run in runs}
        for future in as_completed(waiting):
            run = waiting[future]
            try:
                results[run.name] = future.result()
            except Exception as error:  # one run that fails leaves the others
                results[run.name] = None
                print(f"{run.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                continue
            print(f"{time.monotonic() - began:5.0f} s  {json.dumps(results[run.name])}", file=sys.stderr, flush=True)
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    times = {f"ms a frame, {device}": {name: time_network(name, HEIGHT, WIDTH, device) for name in told.networks} for device in devices}
    found = [results[run.name] for run in runs if results.get(run.name)]
    (told.output / "results.json").write_text(json.dumps({"results": found, "times": times}, indent=1))
    print_tables(found, told.networks, times)


if __name__ == "__main__":
    main()
