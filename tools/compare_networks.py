"""Trains every network on the same windows with the same budget, and prints the table of docs/NETWORKS.md.

    python tools/compare_networks.py OUT --results docs/networks.json --minutes 60
    python tools/compare_networks.py --page --results docs/networks.json

From nothing: it draws simulated rallies, extracts a set of them (and with `--badminton` of TrackNet pairs), trains every
network on it, and shows each the rallies and clips that were left out, whole pictures, each kind by itself. Each run is a
process of its own with a folder of its own under OUT/runs.

A comparison goes on where it was stopped. What all runs have in common (`Setting`) is written into the file of results and
read from there: a later call takes no other. Runs that are in the file are not made again, on whatever machine, and one that
was begun under OUT goes on from its last validation. `--page` prints what the file holds and trains nothing.
"""

import argparse
import csv
import datetime
import json
import math
import multiprocessing
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.table import Table

from ttcli import train as train_module
from ttcli.configs import ExtractConfig, SimulateConfig, TrainConfig
from ttcli.extract import extract
from ttcli.models import describe_network, time_network
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.devices import cpu_multiplies_in_bf16
from ttcli.networks.registry import MODELS
from ttcli.simulate import simulate
from ttcli.training import augmentation
from ttcli.training import data as training_data
from ttcli.training.calibration import fit_calibration
from ttcli.training.run_folder import LAST_FILE, METRICS_FILE, STATE_FILE
from ttcli.training.validation import Answers, answer_windows, validate
from ttcli.training_set.splits import TRAINING, VALIDATION
from ttcli.training_set.stored_windows import StoredWindows
from ttcli.training_set.window_batch import WindowBatch

GROUPS = ("networks", "users", "edits", "seeds", "notes", "ablations")
"""What is compared: every network with nine frames, the users' own windows, balls painted over and put in, further seeds, the
recipe of the users' notes, single settings."""
SEED_OF_RALLIES = {"train": 501, "test": 502}
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
PART_OF_STEPS = {"centernet_hourglass52": 0.5, "centernet_hourglass104": 0.5}
"""Of networks that get fewer steps than the others: they take ten times as long."""
VALIDATIONS = 4
"""Of each run, along its way."""
ABLATED = "centernet_v8n"
"""The network that most single settings are tried on."""
MASKED, PASTED = 0.2, 0.3
"""How often balls are painted over and put in by the runs that try that alone."""
NOTHING = replace(augmentation.DRAWN_ALREADY, reverse=0, mirror=0, swap_colours=0)
EDITS = ("off", "right", "wrong order")
"""What is tried of either: `wrong order` does it, and then takes the frames of these windows out of their order."""
FIGURES = ("accuracy@5", "accuracy@10", "recall@10", "precision@10", "rmse_512")
"""Of `validate`, that the page shows beside the share."""
SHARE = "arg_max_right"
"""Visible balls that the strongest peak is at, as a part of all."""
NEAR, NEAR_SHARE = 30, "share@30"
"""Pixels of a picture 1920 wide within which a network has found the ball, if not its place: a cell of the heatmap is 27 wide
where pictures are 288 wide."""
DEVIATES = 1.96
"""Standard errors to either side of a share that hold it in 95 of 100 cases."""


@dataclass(frozen=True)
class Setting:
    """What all runs of a comparison have in common."""

    size: str = "512x288"
    """Of all pictures, multiples of 32."""
    crop: str = "192x128"
    """Of the windows in training, one step in four apart, which is on whole pictures."""
    camera: str = "any"
    """Of the rallies: a kind of `ttcli simulate`."""
    fps: float | None = None
    """Of the rallies."""
    rallies: int = 112
    """To train on."""
    test_rallies: int = 28
    """Left out."""
    frames: int = 64
    """Of each rally."""
    steps: int = 1000
    batch: int = 24
    learning_rate: float = 2e-3
    average: float = 0.995
    augment: str = "few"
    """few or none."""
    test_windows: int = 200
    """Of each kind of what is left out."""
    init: str | None = None
    """Checkpoint that every run begins with; None begins with nothing."""

    @property
    def picture(self) -> tuple[int, int]:
        """Height and width."""
        width, height = map(int, self.size.split("x"))
        return height, width

    def training(self) -> dict[str, Any]:
        """Return what TrainConfig is told."""
        width, height = map(int, self.crop.split("x"))
        return {
            "crop_height": height, "crop_width": width, "steps": self.steps, "batch": self.batch, "reuse": 1,
            "learning_rate": self.learning_rate, "warmup": self.steps // 10, "augment": self.augment,
            "average": self.average, "cache_memory": 10**9, "calibrate": False, "init": Path(self.init) if self.init else None,
        }  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One network with its settings."""

    title: str
    settings: dict[str, Any] = field(default_factory=dict)
    """Of TrainConfig."""
    group: str = GROUPS[0]
    edits: dict[str, float] = field(default_factory=dict)
    """Of Augmentation, beside what `augment` does."""
    wrong: tuple[str, ...] = ()
    """Functions of `ttcli.training.augmentation` after which the frames of the windows that they changed lose their order."""

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
    runs += [run for seed in (0, *SEEDS) for run in _edits(seed)]
    runs += [Run(f"{name}, seed {seed}", {"model": name, "seed": seed}, "seeds") for name in order[:SEEDED] for seed in SEEDS]
    runs += [Run(f"{name}, recipe of the notes", {"model": name, **noted}, "notes") for name in BY_NOTES]
    runs += _ablations()
    chosen = [run for run in runs if run.group in groups and run.settings["model"] in networks]
    once: dict[str, Run] = {}
    for run in chosen:
        once.setdefault(run.title, run)
    return list(once.values())


def _edits(seed: int) -> list[Run]:
    """Return the runs of one seed that paint balls over or put them in; neither is the run of that seed itself."""
    settings = {"model": ABLATED, "seed": seed}
    off = Run(ABLATED + (f", seed {seed}" if seed else ""), settings, "edits")
    edited = [
        Run(f"{ABLATED}, {name} ball {order}, seed {seed}", settings, "edits", {f"{name}_ball": share}, wrong)
        for name, share in (("mask", MASKED), ("paste", PASTED))
        for order, wrong in zip(EDITS[1:], ((), (f"{name}_balls",)), strict=True)
    ]
    return [off, *edited]


def _ablations() -> list[Run]:
    def one(title: str, **settings: Any) -> Run:
        return Run(title, {"model": ABLATED, **settings}, "ablations")

    return [
        one("all augmentations", augment="all"),
        one("all, mask ball off", augment="all", mask_ball=0.0),
        one("no differences to the median", background="none"),
        one("asff", neck="asff"),
        one("disk target", target="disk"),
        one("no augmentation", augment="none"),
        one("relu decoder, unetpp_effb0", model="unetpp_effb0", activation="relu"),
        *(one(f"window {size}", window_size=size) for size in WINDOW_SIZES),
    ]


def make_sets(output: Path, clips: Path | None, jobs: int, setting: Setting) -> None:
    """Make the set to train on and those that are left out, where they are not there yet."""
    height, width = setting.picture
    for part, count in (("train", setting.rallies), ("test", setting.test_rallies)):
        videos, begun = output / "videos" / part, output / "videos" / f"{part}, begun"
        if not videos.exists():
            shutil.rmtree(begun, ignore_errors=True)  # which an earlier call left when it was stopped
            config = SimulateConfig(
                rallies=max(2, count), seed=SEED_OF_RALLIES[part], camera=setting.camera, frame_rate=setting.fps,
                height=height, width=width, frames=setting.frames, jobs=jobs, device="cpu",
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
        share = 0.15 if name == TRAINING_SET else 0.5  # of what is left out both parts are shown
        config = ExtractConfig(events=None, height=height, width=width, jobs=jobs, validation=share)
        extract(videos, output / "sets" / name, config, quiet=True)


def run_one(run: Run, output: Path, setting: Setting, deadline: float) -> dict[str, Any] | None:
    """Train, or go on training, and judge on what was left out, in a process of its own.

    Returns:
        The figures; None after the deadline.
    """
    folder = output / "runs" / run.name
    done = folder / "result.json"
    if done.exists():
        return json.loads(done.read_text())
    if time.time() > deadline:
        return None
    training_data.VALIDATION_WINDOWS = max(CALIBRATION_WINDOWS, setting.test_windows)
    settings = {**setting.training(), **run.settings}
    if run.edits:
        others = augmentation.DRAWN_ALREADY if setting.augment == "few" else NOTHING
        settings["augment"], train_module.DRAWN_ALREADY = "few", replace(others, **run.edits)
    for name in run.wrong:
        _shuffle_after(name)
    settings["steps"] = round(settings["steps"] * PART_OF_STEPS.get(settings["model"], 1))
    resumed = (folder / STATE_FILE).exists() and (folder / LAST_FILE).exists()
    if resumed:
        settings = {"resume": True}
    else:
        settings = {"save_every": max(1, settings["steps"] // VALIDATIONS), "overwrite": True, **settings}
    began = time.process_time()
    train_module.train(output / "sets" / TRAINING_SET, folder, TrainConfig(**settings), quiet=True)
    rows = _metrics(folder / METRICS_FILE)
    result = {
        "title": run.title,
        "group": run.group,
        "model": run.settings["model"],
        "day": datetime.date.today().isoformat(),
        "windows": int(rows[-1]["windows"]),
        "loss": float(rows[-1]["loss"]),
        "core minutes": None if resumed else round((time.process_time() - began) / 60, 2),  # of this process alone
        "curve": _curve(rows),
        "left out": _judge(folder / LAST_FILE, output / "sets", setting.test_windows),
    }
    done.write_text(json.dumps(result))
    (folder / STATE_FILE).unlink(missing_ok=True)  # four times the weights, and nothing goes on from it
    return result


def _judge(weights: Path, sets: Path, windows: int) -> dict[str, dict[str, Any]]:
    """Return the figures of a checkpoint on each kind of what was left out.

    It is the last one: which validation is the best says little while hardly anything is claimed. Confidence is fitted to
    whole pictures of the validation windows.
    """
    model = load_checkpoint(weights).model
    model = model.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    seen = answer_whole(model, sets / TRAINING_SET, (VALIDATION,), CALIBRATION_WINDOWS)
    calibration = fit_calibration(seen.logits, seen.right)
    found = {}
    for kind, name in LEFT_OUT_SETS.items():
        if (sets / name).exists():
            answers = answer_whole(model, sets / name, (TRAINING, VALIDATION), windows)
            figures = validate(answers, calibration)
            counts = {"frames": len(answers.logits), "balls": int(answers.visible.sum())}
            near = float((answers.distance[answers.visible] <= NEAR).float().mean())
            found[kind] = {**counts, **figures, NEAR_SHARE: round(near, 4)}
    return found


def answer_whole(model: torch.nn.Module, data: Path, splits: Sequence[str], count: int) -> Answers:
    """Return what a network predicts for `count` windows of whole pictures, spread evenly over parts of a set."""
    device = next(model.parameters()).device

    def windows() -> Iterator:
        for split in splits:
            source = StoredWindows(data, split, model.window_size, None, None, 0, device=device)
            yield from source.all_windows(8, count // len(splits))

    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or cpu_multiplies_in_bf16()):
        return answer_windows(model, windows())


def _metrics(path: Path) -> list[dict[str, str]]:
    """Return the validations of a run, in order."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _curve(rows: list[dict[str, str]]) -> list[tuple[int, float]]:
    """Return the windows presented, and the share of balls that the peak is at, of each validation of a run.

    Not accuracy@10: where nothing is claimed yet it stands still, and would look like a curve at rest.
    """
    return [(int(row["windows"]), float(row[SHARE])) for row in rows]


def _shuffle_after(name: str) -> None:
    """Let this process take frames out of order wherever it paints a ball over or puts one in, as notebooks once did."""
    edit: Callable[..., None] = getattr(augmentation, name)

    def edit_and_shuffle(batch: WindowBatch, rows: torch.Tensor, *rest: Any) -> None:
        before = batch.visible.any(1)
        edit(batch, rows, *rest)
        chance = random.Random(0)
        for row in torch.nonzero(before != batch.visible.any(1))[:, 0].tolist():
            order = torch.tensor(chance.sample(range(batch.frames.shape[1]), batch.frames.shape[1]))
            batch.frames[row] = batch.frames[row][order.to(batch.frames.device)]

    setattr(augmentation, name, edit_and_shuffle)


def page(results: dict[str, Any]) -> list[Table]:
    """Return the tables of docs/NETWORKS.md from what the file of results holds."""
    height, width = Setting(**results["setting"]).picture
    done = list(results["results"].values())
    return [_figures_table(done, kind, results["times"], height, width) for kind in LEFT_OUT_SETS if _of(done, kind)] + [
        _seeds_table(done)
    ]


def _of(done: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [result for result in done if kind in result["left out"]]


def _figures_table(done: list[dict[str, Any]], kind: str, times: dict[str, Any], height: int, width: int) -> Table:
    """Return all runs with their figures on one kind of what was left out."""
    columns = ("run", "windows", "share", "of the best", NEAR_SHARE, *FIGURES, "last quarter", *times, "parameters", "core min")
    table = Table(*columns, title=kind, box=box.MARKDOWN)
    best = max(result["left out"][kind][SHARE] for result in _of(done, kind))
    for result in _of(done, kind):
        figures, name, core = result["left out"][kind], result["title"], result["core minutes"]
        shown = ["–" if figures[key] is None else f"{figures[key]:.3f}" for key in (NEAR_SHARE, *FIGURES)]
        costs = [f"{by_name[name]:.1f}" if name in by_name else "" for by_name in times.values()]
        parameters = f"{describe_network(name, height, width).parameters / 1e6:.1f} M" if name in MODELS else ""
        part = f"{figures[SHARE] / best:.2f}" if best else "–"
        table.add_row(
            name, f"{result['windows']:,}", f"{figures[SHARE]:.3f} ± {_half_width(figures):.3f}", part, *shown,
            _last_quarter(result["curve"]), *costs, parameters, "–" if core is None else str(core),
        )  # fmt: skip
    return table


def _half_width(figures: dict[str, Any]) -> float:
    """Return half of a share's interval, as if each ball stood alone; neighbouring frames do not, so it is the least."""
    share, balls = figures[SHARE], figures["balls"]
    return DEVIATES * math.sqrt(share * (1 - share) / max(balls, 1))


def _seeds_table(done: list[dict[str, Any]]) -> Table:
    """Return the shares on simulated rallies of what was tried with more than one seed."""
    shares: dict[str, list[float]] = {}
    for result in _of(done, "simulated"):
        shares.setdefault(result["title"].split(", seed")[0], []).append(result["left out"]["simulated"][SHARE])
    table = Table("run", "seeds", "mean share", "least", "most", title="seeds", box=box.MARKDOWN)
    for title, of_seeds in shares.items():
        if len(of_seeds) > 1:
            values = (mean(of_seeds), min(of_seeds), max(of_seeds))
            table.add_row(title, str(len(of_seeds)), *(f"{value:.3f}" for value in values))
    return table


def _last_quarter(curve: list[tuple[int, float]]) -> str:
    """Return what validation gained in the last quarter of a run, by its best up to there and in all: 0 is a curve at rest."""
    until = 0.76 * curve[-1][0]  # steps on whole pictures have fewer windows, so three quarters of the steps are a little more
    before = [score for windows, score in curve if windows <= until]
    return f"{max(score for _, score in curve) - max(before):+.3f}" if before else "–"


def begin(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Return the results so far, and their setting: of the file, or as the command line told it.

    Raises:
        ValueError: The file has results of another setting.
    """
    given = {name: value for name, value in told.items() if value is not None}
    if not path.exists():
        return {"setting": asdict(Setting(**given)), "results": {}, "times": {}}
    results = json.loads(path.read_text())
    others = {name: value for name, value in given.items() if results["setting"][name] != value}
    if others:
        raise ValueError(f"{path} has results of another setting; leave out or take another file for: {', '.join(others)}")
    return results


def main() -> None:
    """Make the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, nargs="?", default=Path("compared"))
    parser.add_argument("--results", type=Path, help="file of results, made where it is missing; else OUT/results.json")
    parser.add_argument("--page", action="store_true", help="print what the file holds, and train nothing")
    parser.add_argument("--badminton", type=Path, help="folder of TrackNet pairs: x.mp4 with x.csv")
    parser.add_argument("--networks", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--groups", nargs="+", default=list(GROUPS[:4]), choices=GROUPS)
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--only", nargs="+", metavar="TITLE", help="runs of these titles alone")
    parser.add_argument("--minutes", type=float, default=math.inf, help="start no run after so many")
    for setting in fields(Setting):
        kind = {"fps": float, "init": str}.get(setting.name, type(setting.default))
        parser.add_argument(f"--{setting.name.replace('_', '-')}", type=kind, help=f"default: {setting.default}")
    told = parser.parse_args()
    path = told.results or told.output / "results.json"
    results = begin(path, {setting.name: getattr(told, setting.name) for setting in fields(Setting)})
    if not told.page:
        runs = every_run(told.networks, told.groups, *Setting(**results["setting"]).picture)
        compare([run for run in runs if told.only is None or run.title in told.only], results, path, told)
    for table in page(results):
        Console(width=240).print(table)


def compare(runs: list[Run], results: dict[str, Any], path: Path, told: argparse.Namespace) -> None:
    """Make the runs that have no results yet, and write the file after each."""
    setting, began = Setting(**results["setting"]), time.time()
    make_sets(told.output, told.badminton, told.jobs, setting)
    print(f"sets: {time.time() - began:.0f} s", file=sys.stderr, flush=True)
    deadline = began + 60 * told.minutes
    with ProcessPoolExecutor(told.jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as processes:
        left = [run for run in runs if run.title not in results["results"]]
        waiting = {processes.submit(run_one, run, told.output, setting, deadline): run for run in left}
        for future in as_completed(waiting):
            title = waiting[future].title
            if future.exception() is not None:  # one run that fails leaves the others
                print(f"{title}: {type(future.exception()).__name__}: {future.exception()}", file=sys.stderr, flush=True)
            elif (result := future.result()) is not None:
                results["results"][title] = result
                print(f"{time.time() - began:5.0f} s  {json.dumps(result)}", file=sys.stderr, flush=True)
                path.write_text(json.dumps(results, indent=1) + "\n")
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        of_device = results["times"].setdefault(f"ms a frame, {device}", {})
        for title in results["results"]:
            if title in MODELS and title not in of_device:
                of_device[title] = round(time_network(title, *setting.picture, device), 1)
    path.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
