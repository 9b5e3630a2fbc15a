"""Trains the network that finds the table, on drawn halls: `ttcli/weights/table/table_finder.safetensors`.

    python tools/train_table_finder.py OUT.safetensors --minutes 35 --seed 5

Pictures are those of the simulator, of 256x144 pixels, from all cameras, nearer and farther than people put them; each comes about
four times, turned, moved, mirrored and with other colours. The loss is CenterNet's on three heatmaps. At the end the network has
the running mean of its weights. Minutes are wall time; one core draws about 70 pictures a second, and takes a step of 16 in 0.35 s.
"""

import argparse
import math
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.networks.table_finder import HEIGHT, KINDS, STRIDE, WIDTH, TableFinder
from ttcli.simulation.backdrop import paint_backdrop
from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.drawing import draw_scenes
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.scene import build_scenes, draw_kinds, draw_moments
from ttcli.simulation.textures import paint_textures
from ttcli.table.camera import landmarks
from ttcli.table.weights import save_table_finder
from ttcli.training.losses import focal_loss

BATCH, NEW = 16, 4
"""Pictures in a step, and those of them that are drawn for it."""
POOL = 600
"""Draws of NEW pictures that are kept to be used again."""
PICTURES_PER_RALLIES, RALLIES = 2000, 64
SPREAD = 1.2
"""Of a target around its landmark, 1 sigma, cells."""
WARMUP, DECAY = 100, 0.998
VALIDATION = 64
NEAR = 4.0
"""Pixels within which a peak has found its landmark."""


class Pictures(NamedTuple):
    """B pictures with the places of their landmarks."""

    pixels: Tensor  # (B, 3, HEIGHT, WIDTH) in [0, 1]
    places: Tensor  # (B, 8, 2) x, y; also outside of the picture


class Halls:
    """Draws pictures without end; the same seed draws the same ones."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._textures = paint_textures(seed)
        self._count = 0

    def draw(self, count: int) -> Pictures:
        """Return the next pictures."""
        generator = self._generator
        if self._count % PICTURES_PER_RALLIES == 0:
            self._rallies = simulate_rallies(RALLIES, generator)
        self._count += count
        uniform = uniform_draw(generator, count)
        rally, times, exposure = draw_moments(self._rallies, count, 1, generator)
        still = torch.zeros(count, dtype=torch.bool)
        kinds = draw_kinds(count, generator)
        scenes = build_scenes(rally, times, exposure, kinds, still, self._textures, HEIGHT, WIDTH, generator)
        zoom = 0.7 + uniform() ** 1.5
        corner = torch.tensor([WIDTH, HEIGHT]) * (zoom[:, None] - 1) * (0.5 + 1.2 * (uniform(2) - 0.5))
        cameras = scenes.cameras.view(corner[:, 0], corner[:, 1], zoom)
        scenes = type(scenes)(**{**vars(scenes), "cameras": cameras})
        backdrop = paint_backdrop(scenes, self._textures, HEIGHT, WIDTH, generator)
        frames = draw_scenes(scenes, backdrop, self._rallies, HEIGHT, WIDTH, generator).frames
        points = torch.from_numpy(landmarks()[0]).float()
        places = cameras.project(points.expand(count, 1, -1, 3))[0][:, 0]
        return Pictures(frames[:, 0].permute(0, 3, 1, 2).float() / 255, places)


def wanted_heat(places: Tensor) -> Tensor:
    """Return the heatmaps (B, KINDS, h, w) of landmarks (B, 8, 2): bells, exactly 1 in the cell of each that is on the picture."""
    kinds = torch.from_numpy(landmarks()[1])
    height, width = HEIGHT // STRIDE, WIDTH // STRIDE
    cells = (places + 0.5) / STRIDE - 0.5
    inside = ((places > -0.5) & (places < torch.tensor([WIDTH, HEIGHT]) - 0.5)).all(-1)
    away = (torch.arange(width) - cells[..., 0, None, None]) ** 2
    away = away + (torch.arange(height)[:, None] - cells[..., 1, None, None]) ** 2
    bells = torch.exp(-away / (2 * SPREAD**2)) * inside[..., None, None]
    heat = torch.stack([bells[:, kinds == kind].amax(1) for kind in range(KINDS)], 1) * 0.999
    row, point = torch.nonzero(inside, as_tuple=True)
    column, line = cells[row, point].round().long().unbind(-1)
    heat[row, kinds[point], line.clamp(0, height - 1), column.clamp(0, width - 1)] = 1
    return heat


def changed(pictures: Pictures, generator: torch.Generator) -> Pictures:
    """Return the pictures turned, moved, enlarged, mirrored, and with other colours, noise and blur, by chance."""
    count = len(pictures.pixels)
    uniform = uniform_draw(generator, count)
    angle, size = 0.16 * (uniform() - 0.5), 0.8 + 0.5 * uniform()
    shift = 0.25 * (uniform(2) - 0.5) * torch.tensor([WIDTH, HEIGHT])
    mirror = torch.where(uniform() < 0.5, -1.0, 1.0)
    turn = torch.stack([angle.cos() * mirror, -angle.sin(), angle.sin() * mirror, angle.cos()], -1)
    turn = turn.view(count, 2, 2) * size[:, None, None]
    centre = torch.tensor([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    places = torch.einsum("bij,bpj->bpi", turn, pictures.places - centre) + centre + shift[:, None]
    rows, columns = torch.meshgrid(torch.arange(HEIGHT).float(), torch.arange(WIDTH).float(), indexing="ij")
    there = torch.stack([columns, rows], -1) - centre - shift[:, None, None]
    source = torch.einsum("bij,bhwj->bhwi", torch.linalg.inv(turn), there) + centre
    grid = (source + 0.5) * 2 / torch.tensor([WIDTH, HEIGHT]) - 1
    pixels = functional.grid_sample(pictures.pixels, grid, padding_mode="reflection", align_corners=False)
    gain = 0.6 + 0.8 * (uniform(3, 1, 1) if float(uniform()[0]) < 0.5 else uniform(1, 1, 1))
    noise = 0.03 * uniform(1, 1, 1) * torch.randn(pixels.shape, generator=generator)
    pixels = (pixels.clamp(1e-3, 1) ** (0.7 + 0.7 * uniform(1, 1, 1)) * gain + noise).clamp(0, 1)
    soft = functional.avg_pool2d(functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return Pictures(torch.where((uniform() < 0.25)[:, None, None, None], soft, pixels), places)


def measure(model: TableFinder, pictures: Pictures) -> dict[str, float]:
    """Return which part of the landmarks on the pictures has a peak within NEAR pixels, and how far the middle one is off."""
    model.eval()
    with torch.inference_mode():
        heat = model(pictures.pixels).sigmoid()
    model.train()
    peaks = (functional.max_pool2d(heat, 5, 1, 2) == heat) & (heat > 0.1)
    away = []
    cells = (pictures.places + 0.5) / STRIDE - 0.5
    inside = ((pictures.places > 2) & (pictures.places < torch.tensor([WIDTH, HEIGHT]) - 3)).all(-1)
    for row, point in torch.nonzero(inside).tolist():
        lines, columns = torch.nonzero(peaks[row, landmarks()[1][point]], as_tuple=True)
        places = torch.stack([columns, lines], -1)
        far = (places - cells[row, point]).norm(dim=-1) * STRIDE
        away.append(float(far.min()) if len(far) else math.inf)
    away = torch.tensor(away)
    return {"found": round(float((away < NEAR).float().mean()), 4), "median_pixels": round(float(away.median()), 3)}


def train(minutes: float, seed: int, learning_rate: float) -> tuple[TableFinder, int, dict[str, float]]:
    """Return a trained network, its steps, and what it was measured at."""
    torch.manual_seed(seed)
    model = TableFinder().to(memory_format=torch.channels_last)
    mean = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimiser = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=0.01)
    halls, generator = Halls(seed), torch.Generator().manual_seed(seed + 1)
    held = Halls(seed + 1000).draw(VALIDATION)
    pool: list[Pictures] = []
    started, step, known = time.monotonic(), 0, torch.ones(BATCH, KINDS, dtype=torch.bool)
    while (done := (time.monotonic() - started) / (60 * minutes)) < 1:
        new = halls.draw(NEW)
        if len(pool) == POOL:
            pool[int(torch.randint(POOL, (1,), generator=generator))] = new
        else:
            pool.append(new)
        places = torch.randint(len(pool) * NEW, (BATCH - NEW,), generator=generator).tolist()
        old = [Pictures(*(part[place % NEW][None] for part in pool[place // NEW])) for place in places]
        batch = changed(Pictures(*(torch.cat(parts) for parts in zip(new, *old, strict=True))), generator)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * min(1.0, (step + 1) / WARMUP) * (0.5 + 0.5 * math.cos(math.pi * done))
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(batch.pixels.to(memory_format=torch.channels_last))
        loss = focal_loss(logits, wanted_heat(batch.places), known)
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
    model.load_state_dict(mean)
    return model, step, measure(model, held)


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=35.0)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    args = parser.parse_args()
    model, steps, metrics = train(args.minutes, args.seed, args.learning_rate)
    facts = {"training_data": "simulation", "licence": "MIT", "seed": args.seed, "steps": steps, "metrics": metrics}
    save_table_finder(args.output, model, facts)
    print(f"{args.output}: {steps} steps, {metrics}")


if __name__ == "__main__":
    main()
