"""Trains the network that finds tables, on drawn halls: `ttcli/weights/table/table_finder.safetensors`.

    python tools/train_table_finder.py OUT.safetensors --minutes 95 --seed 51 --learning-rate 1.5e-3 --init OLD.safetensors

Pictures are those of `ttcli/simulation/table_pictures.py`, of 256x144 pixels; each comes about four times, turned, moved,
mirrored, bent and with other colours. The loss is CenterNet's on the heatmaps of points, and a cross entropy on the maps of lines
and surfaces. At the end the network has the running mean of its weights. Minutes are wall time. `--init` begins with the weights of
another finder as far as they fit. OUT is written anew every CHECKPOINT_MINUTES, and beside it what `--resume` goes on from.
"""

import argparse
import math
import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from ttcli.networks.table_finder import HEIGHT, KINDS, POINT_KINDS, STRIDE, WIDTH, TableFinder
from ttcli.simulation.table_pictures import TableHalls, TablePictures, varied
from ttcli.table.camera import landmarks, outlines
from ttcli.table.weights import save_table_finder
from ttcli.training.losses import focal_loss

BATCH, NEW = 16, 4
"""Pictures in a step, and those of them that are drawn for it, by a process of its own."""
POOL = 3000
"""Draws of NEW pictures that are kept to be used again."""
SPREAD = 1.2
"""Of a target around its landmark, 1 sigma, cells."""
LINE_WEIGHT, POSITIVE_WEIGHT = 20.0, 3.0
"""How much the maps of lines and surfaces count beside the heatmaps, and their covered cells beside the others."""
WARMUP, DECAY = 100, 0.998
CHECKPOINT_MINUTES = 6
VALIDATION = 96
NEAR = 4.0
"""Pixels within which a peak has found its landmark."""
SHIFT = 4
"""Binary digits behind the point of places that OpenCV draws at."""


class Targets:
    """What the network should answer, by the places of landmarks first and of outlines after them."""

    def __init__(self) -> None:
        places, kinds = landmarks()
        lines = [line for drawn in outlines().values() for line in drawn]
        self.points = torch.from_numpy(np.concatenate([places, *lines])).float()
        self.kinds = torch.from_numpy(kinds)
        starts = np.cumsum([len(places)] + [len(line) for line in lines])
        spans = [slice(int(start), int(end)) for start, end in pairwise(starts)]
        self._spans: dict[str, list[slice]] = {}
        for name, drawn in outlines().items():
            self._spans[name], spans = spans[: len(drawn)], spans[len(drawn) :]

    def maps(self, places: Tensor, told: Tensor) -> Tensor:
        """Return maps (B, KINDS, h, w) of tables whose points are at places (B, K, P, 2), pixels, those that are told of (B, K)."""
        count = len(self.kinds)
        heat = self._heat(places[:, :, :count], told)
        cells = (places[:, :, count:] + 0.5) / STRIDE - 0.5
        drawn = [self._lines(each[these].numpy()) for each, these in zip(cells, told, strict=True)]
        return torch.cat([heat, torch.from_numpy(np.stack(drawn)).float() / 255], 1)

    def _heat(self, places: Tensor, told: Tensor) -> Tensor:
        """Return bells, exactly 1 in the cell of each landmark (B, K, L, 2) that is on the picture."""
        height, width = HEIGHT // STRIDE, WIDTH // STRIDE
        cells = (places + 0.5) / STRIDE - 0.5
        inside = ((places > -0.5) & (places < torch.tensor([WIDTH, HEIGHT]) - 0.5)).all(-1) & told[..., None]
        heat = torch.zeros(len(places), POINT_KINDS, height, width)
        x, y = torch.arange(width), torch.arange(height)[:, None]
        for row, table, point in torch.nonzero(inside).tolist():
            at = cells[row, table, point]
            bell = torch.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * SPREAD**2)) * 0.999
            plane = heat[row, self.kinds[point]]
            torch.maximum(plane, bell, out=plane)
            column, line = at.round().long().tolist()
            plane[min(max(line, 0), height - 1), min(max(column, 0), width - 1)] = 1
        return heat

    def _lines(self, cells: np.ndarray) -> np.ndarray:
        """Return maps (KINDS - POINT_KINDS, h, w) uint8 of tables whose outlines are at cells (K, P, 2)."""
        maps = np.zeros((KINDS - POINT_KINDS, HEIGHT // STRIDE, WIDTH // STRIDE), np.uint8)
        fixed = np.clip(np.round(cells * 2**SHIFT), -(2**20), 2**20).astype(np.int32)
        first = len(self.kinds)
        for table in fixed:
            for plane, (name, spans) in zip(maps, self._spans.items(), strict=True):
                parts = [table[span.start - first : span.stop - first] for span in spans]
                if name in ("net", "top"):
                    cv2.fillPoly(plane, parts, 255, cv2.LINE_AA, SHIFT)
                else:
                    cv2.polylines(plane, parts, False, 255, 1, cv2.LINE_AA, SHIFT)
        return maps


class DrawnHalls(IterableDataset[TablePictures]):
    """NEW pictures at a time, without end."""

    def __init__(self, seed: int, points: Tensor) -> None:
        super().__init__()
        self._seed, self._points = seed, points

    def __iter__(self) -> Iterator[TablePictures]:
        os.nice(10)  # what waits for this process has other pictures meanwhile
        torch.set_num_threads(1)
        halls = TableHalls(self._seed, self._points, HEIGHT, WIDTH)
        while True:
            yield halls.draw(NEW)


def loss_of(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return what training minimises, of logits and wanted maps (B, KINDS, h, w)."""
    known = torch.ones(len(logits), POINT_KINDS, dtype=torch.bool)
    points = focal_loss(logits[:, :POINT_KINDS], wanted[:, :POINT_KINDS], known)
    lines = wanted[:, POINT_KINDS:]
    cross = functional.binary_cross_entropy_with_logits(logits[:, POINT_KINDS:].float(), lines, reduction="none")
    return points + LINE_WEIGHT * (cross * (1 + POSITIVE_WEIGHT * lines)).mean()


def measure(model: TableFinder, pictures: TablePictures, targets: Targets) -> dict[str, float]:
    """Return which part of the landmarks has a peak within NEAR pixels, how far the middle one is off, and how lines overlap."""
    model.eval()
    with torch.inference_mode():
        heat = torch.cat([model(some.float() / 255).sigmoid() for some in pictures.pixels.split(16)])
    model.train()
    points = heat[:, :POINT_KINDS]
    peaks = (functional.max_pool2d(points, 5, 1, 2) == points) & (points > 0.1)
    places = pictures.places[:, :, : len(targets.kinds)]
    inside = ((places > 2) & (places < torch.tensor([WIDTH, HEIGHT]) - 3)).all(-1) & pictures.told[..., None]
    cells, away = (places + 0.5) / STRIDE - 0.5, []
    for row, table, point in torch.nonzero(inside).tolist():
        lines, columns = torch.nonzero(peaks[row, targets.kinds[point]], as_tuple=True)
        far = (torch.stack([columns, lines], -1) - cells[row, table, point]).norm(dim=-1) * STRIDE
        away.append(float(far.min()) if len(far) else math.inf)
    off, wanted = torch.tensor(away), targets.maps(pictures.places, pictures.told)[:, POINT_KINDS:]
    shown = heat[:, POINT_KINDS:]
    overlap = torch.minimum(shown, wanted).sum((0, 2, 3)) / torch.maximum(shown, wanted).sum((0, 2, 3)).clamp_min(1)
    return {
        "found": round(float((off < NEAR).float().mean()), 4),
        "median_pixels": round(float(off.median()), 3),
        **{name: round(float(part), 3) for name, part in zip(outlines(), overlap, strict=True)},
    }


def begin(model: TableFinder, path: Path) -> None:
    """Give a network the weights of another finder as far as they fit: kinds that are new begin as they would."""
    own = model.state_dict()
    for name, tensor in load_file(path).items():
        there = own.get(name)
        if there is not None and there.shape[1:] == tensor.shape[1:] and tensor.dim() > 0:
            rows = min(
                len(there), len(tensor), len(there) if len(there) == len(tensor) else 3
            )  # the older finder had three kinds
            there[:rows] = tensor[:rows].to(there.dtype)


def train(
    output: Path, minutes: float, seed: int, learning_rate: float, init: Path | None, resume: bool
) -> tuple[TableFinder, int, dict[str, float]]:
    """Return a trained network, its steps, and what it was measured at."""
    torch.manual_seed(seed)
    targets = Targets()
    model = TableFinder().to(memory_format=torch.channels_last)
    if init is not None:
        begin(model, init)
    mean = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimiser = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=0.01)
    step, before, state_path = 0, 0.0, output.with_suffix(".state")
    if resume:
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        mean, step, before = state["mean"], state["step"], state["seconds"]
    halls = iter(DataLoader(DrawnHalls(seed + step, targets.points), batch_size=None, num_workers=1, prefetch_factor=8))
    generator = torch.Generator().manual_seed(seed + 1 + step)
    held = TableHalls(seed + 1_000_000, targets.points, HEIGHT, WIDTH)
    held = TablePictures(*(torch.cat(parts) for parts in zip(*(held.draw(16) for _ in range(VALIDATION // 16)), strict=True)))
    pool: list[TablePictures] = []
    started, saved = time.monotonic() - before, time.monotonic()
    while (done := (time.monotonic() - started) / (60 * minutes)) < 1:
        new = next(halls)
        if len(pool) == POOL:
            pool[int(torch.randint(POOL, (1,), generator=generator))] = new
        else:
            pool.append(new)
        places = torch.randint(len(pool) * NEW, (BATCH - NEW,), generator=generator).tolist()
        old = [pool[place // NEW].at(torch.tensor([place % NEW])) for place in places]
        together = TablePictures(*(torch.cat(parts) for parts in zip(new, *old, strict=True)))
        pixels, shown = varied(together, generator)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * min(1.0, (step + 1) / WARMUP) * (0.5 + 0.5 * math.cos(math.pi * done))
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(pixels.to(memory_format=torch.channels_last))
        loss = loss_of(logits, targets.maps(shown, together.told))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        decay = min(DECAY, step / (step + 10))
        for name, tensor in model.state_dict().items():
            mean[name] = mean[name].lerp(tensor, 1 - decay) if tensor.is_floating_point() else tensor.clone()
        step += 1
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.3f}, {time.monotonic() - started:.0f} s", flush=True)
        if time.monotonic() - saved > 60 * CHECKPOINT_MINUTES:
            saved = time.monotonic()
            checked = TableFinder()
            checked.load_state_dict(mean)
            metrics = measure(checked, held, targets)
            print(f"step {step}: {metrics}", flush=True)
            save_table_finder(output, checked, described(seed, step, (saved - started) / 60, metrics))
            torch.save(
                {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "mean": mean, "step": step,
                 "seconds": saved - started}, state_path,
            )  # fmt: skip
    model.load_state_dict(mean)
    return model, step, measure(model, held, targets)


def described(seed: int, steps: int, minutes: float, metrics: dict[str, float]) -> dict[str, object]:
    """Return what the file says of itself."""
    said = {"training_data": "simulation", "licence": "MIT", "seed": seed, "steps": steps}
    return {**said, "minutes": round(minutes, 1), "metrics": metrics}


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=85.0)
    parser.add_argument("--seed", type=int, default=24)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--init", type=Path, help="finder to begin with")
    parser.add_argument("--resume", action="store_true", help="go on from the state beside the output")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, steps, metrics = train(args.output, args.minutes, args.seed, args.learning_rate, args.init, args.resume)
    save_table_finder(args.output, model, described(args.seed, steps, args.minutes, metrics))
    print(f"{args.output}: {steps} steps, {metrics}")


if __name__ == "__main__":
    main()
