"""`ttcli train`: windows in, drawn or extracted from labelled video, a checkpoint out."""

import copy
import functools
import json
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessRaisedException
from tqdm import tqdm

from ttcli import errors
from ttcli.calibration import fit_calibration
from ttcli.checkpoints import DEFAULT_WEIGHTS, load_checkpoint, save_checkpoint
from ttcli.configs import TrainConfig
from ttcli.datasets import WindowBatch, vary
from ttcli.errors import OutputError, SettingError, TrainingError
from ttcli.heatmaps import OUTPUT_STRIDE, draw_targets
from ttcli.losses import ball_loss
from ttcli.model_input import SIZE_MULTIPLE, windows_to_input
from ttcli.models import create_model
from ttcli.runtimes import choose_device, cpu_multiplies_in_bf16
from ttcli.training_data import DrawnData, ExtractedData, TrainingData, WindowSource
from ttcli.validation import validate

AVERAGE_DECAY = 0.998
"""Each step moves the averaged weights, which are what is saved, by 1 - this towards the trained ones."""
WEIGHT_DECAY = 1e-4
GRADIENT_NORM = 5.0
"""Longest gradient that is followed; hourglass networks diverged without such a bound."""
ARCHITECTURE = ("window_size", "outputs", "neck", "activation", "pretrained")
"""Fields of TrainConfig that say how the network is built, beside its name."""
PACKAGED = Path("default")
"""Stands for the checkpoint in the package where one to begin with is asked for."""
NOT_FINITE = "the loss is not finite any more"
NOT_FINITE_CURE = "take a smaller learning rate; the last checkpoint is good"
FINAL_RATE = 0.02
"""Last learning rate, as a part of the peak."""


def train(data: Path | None, output: Path, config: TrainConfig, quiet: bool = False) -> dict:
    """Train a network and return the summary of the run.

    Writes `model.safetensors` (averaged weights, every `save_every` steps), and `log.jsonl`, one line each time, into
    the folder `output`.

    Args:
        data: Folder that `ttcli extract` wrote; None draws windows by simulation.
        output: Folder of the run.
        config: Settings.
        quiet: Show no progress.

    Raises:
        InputError: `data` is no extracted set, or lacks windows for training or validation.
        OutputError: The folder holds a run already.
        SettingError: Crops that the network cannot take, a set with windows of another size, or an unknown device.
        TrainingError: The loss was not finite; the last good checkpoint is kept.
    """
    _check(output, config)
    # In a process that is started an error would be a traceback; here it is one line, and comes at once.
    _training_data(data, _untrained(config).window_size, config)
    device = choose_device(config.device)
    fabric = Fabric(
        accelerator="cuda" if device.type == "cuda" else "cpu",
        devices=config.devices,
        strategy="ddp_spawn" if config.devices > 1 and device.type == "cpu" else "auto",
        precision=_precision(config.precision, device),
    )
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(output, f"cannot be made ({error.strerror})", "give a folder that you may write to") from error
    (output / "log.jsonl").unlink(missing_ok=True)  # of a run that is overwritten
    # Bound, not passed: Fabric walks through arguments and may not meet a frozen dataclass there.
    try:
        fabric.launch(functools.partial(_train, data=data, output=output, config=config, quiet=quiet))
    except ProcessRaisedException as error:
        raise _as_told(error) from error
    return json.loads((output / "log.jsonl").read_text().splitlines()[-1])


def _as_told(error: ProcessRaisedException) -> Exception:
    """Return the expected failure that a started process hands on as the last line of a text, else the error itself."""
    found = re.search(r"^ttcli\.errors\.(\w+): (.+?): (.+); (.+)$", str(error), re.MULTILINE)
    return getattr(errors, found[1])(*found.groups()[1:]) if found else error


def _check(output: Path, config: TrainConfig) -> None:
    for name in ("crop_height", "crop_width"):
        if getattr(config, name) % SIZE_MULTIPLE or getattr(config, name) <= 0:
            raise SettingError(name.replace("_", " "), f"is {getattr(config, name)}", f"give a multiple of {SIZE_MULTIPLE}")
    if config.batch % config.reuse:
        cure = f"give a multiple of {config.reuse} windows"
        raise SettingError("batch", f"is {config.batch}, and each window is used {config.reuse} times", cure)
    if output.is_file():
        raise OutputError(output, "is a file", "give the name of a folder")
    if (output / "model.safetensors").exists() and not config.overwrite:
        raise OutputError(output, "holds a run already", "give another folder, or --overwrite to start anew")


def _precision(wanted: str, device: torch.device) -> str:
    fast = device.type == "cuda" or cpu_multiplies_in_bf16()
    return "bf16-mixed" if wanted == "bf16" or (wanted == "auto" and fast) else "32-true"


def _train(fabric: Fabric, data: Path | None, output: Path, config: TrainConfig, quiet: bool) -> None:
    """Train in one of the processes that Fabric started."""
    if fabric.world_size > 1 and fabric.device.type == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // fabric.world_size))
    torch.manual_seed(config.seed)
    plain = _untrained(config).train().to(fabric.device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(plain).eval()
    optimizer = torch.optim.AdamW(plain.parameters(), lr=config.learning_rate, weight_decay=WEIGHT_DECAY)
    model, optimizer = fabric.setup(plain, optimizer)

    seed = config.seed * 1009 + fabric.global_rank + 1
    training_data = _training_data(data, plain.window_size, config)
    batches = _batches(training_data.source(seed, fabric.device), config, seed)
    started, seen, recent = time.monotonic(), 0, []
    bar = tqdm(total=None if config.minutes else config.steps, unit="step", disable=None if fabric.is_global_zero and not quiet else True)
    for step in range(1, 1 << 62):
        progress = fabric.broadcast(_progress(step, started, config))  # clocks differ: all follow the first process's
        _set_rate(optimizer, _rate(step, progress, config))
        loss = _train_one_step(fabric, model, optimizer, next(batches), output)
        _average(averaged, plain, min(AVERAGE_DECAY, step / (step + 20)))
        seen += config.batch * fabric.world_size
        recent.append(float(loss))
        bar.update()
        done = progress >= 1
        if (step % config.save_every == 0 or done) and fabric.is_global_zero:
            minutes = round((time.monotonic() - started) / 60, 2)
            log = {"step": step, "minutes": minutes, "windows": seen, "loss": round(sum(recent) / len(recent), 4)}
            log = _validate_and_save(output, averaged, training_data, config, log, last=done)
            recent = []
            bar.set_postfix({key: log[key] for key in ("loss", "recall", "precision")})
        if done:
            break
    fabric.barrier()


def _validate_and_save(
    output: Path, model: nn.Module, data: TrainingData, config: TrainConfig, log: dict, last: bool
) -> dict:
    """Write the checkpoint and its line of the log, and return that line: `log` and the figures of validation."""
    answers = data.validate(model)
    calibrating = data.calibrate(model) if last else answers
    calibration = fit_calibration(calibrating.logits, calibrating.right)
    log = log | validate(answers, calibration)
    metadata = {
        **data.facts,
        "model": model.name,
        "multiple": SIZE_MULTIPLE,
        "calibration": calibration,
        "seed": config.seed,
        "steps": log["step"],
        "metrics": {f"{data.name}_{name}": log[name] for name in ("recall", "precision", "arg_max_right")},
    }
    save_checkpoint(output / "model.safetensors", model, metadata, dtype=torch.float16)  # half the size
    with (output / "log.jsonl").open("a") as file:
        file.write(json.dumps(log) + "\n")
    return log


def _progress(step: int, started: float, config: TrainConfig) -> float:
    """Return how much of the training is behind us, 0 to 1."""
    if config.minutes is not None:
        return (time.monotonic() - started) / (60 * config.minutes)
    return step / config.steps


def _rate(step: int, progress: float, config: TrainConfig) -> float:
    """Return the learning rate: a linear warm-up, then a cosine down to FINAL_RATE of the peak."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1)))
    return config.learning_rate * min(1, step / max(config.warmup, 1)) * (FINAL_RATE + (1 - FINAL_RATE) * cosine)


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _untrained(config: TrainConfig) -> nn.Module:
    """Return the network as training begins with it."""
    if config.init is None:
        return create_model(config.model, **{name: getattr(config, name) for name in ARCHITECTURE})
    model = load_checkpoint(DEFAULT_WEIGHTS if config.init == PACKAGED else config.init).model
    for name, given in {"name": config.model, **{name: getattr(config, name) for name in ARCHITECTURE}}.items():
        usual = getattr(TrainConfig, "model" if name == "name" else name)
        if given not in (usual, getattr(model, name)):
            option = {"name": "model", "window_size": "window"}.get(name, name)
            raise SettingError(f"--{option}", f"{given} is not what --init has: {getattr(model, name)}", "leave one of them out")
    return model


def _training_data(data: Path | None, window_size: int, config: TrainConfig) -> TrainingData:
    if data is None:
        return DrawnData(window_size, config.crop_height, config.crop_width)
    cache_bytes = config.cache_memory // config.devices
    return ExtractedData(data, window_size, config.crop_height, config.crop_width, cache_bytes)


def _batches(source: WindowSource, config: TrainConfig, seed: int) -> Iterator[WindowBatch]:
    """Yield batches without end: each window comes `reuse` times, mirrored or recoloured anew, among others."""
    generator = torch.Generator().manual_seed(seed)
    fresh = max(1, config.batch // config.reuse)
    pool: list[WindowBatch] = [source.draw(fresh) for _ in range(2 * config.reuse)]
    while True:
        # The oldest windows make room; a batch mixes the newest with some drawn before.
        older = torch.randperm(len(pool), generator=generator)[: config.reuse - 1].tolist()
        newest = source.draw(fresh)
        parts = [newest] + [pool[index] for index in older]
        pool = pool[1:] + [newest]
        whole = WindowBatch(*(torch.cat(column) for column in zip(*(vars(part).values() for part in parts), strict=True)))
        yield vary(whole, generator)


def _train_one_step(
    fabric: Fabric, model: nn.Module, optimizer: torch.optim.Optimizer, batch: WindowBatch, output: Path
) -> Tensor:
    labels = batch.labels_of(model.output_frames)
    targets = draw_targets(*labels, batch.frames.shape[2] // OUTPUT_STRIDE, batch.frames.shape[3] // OUTPUT_STRIDE)
    prediction = model(windows_to_input(batch.frames, model.difference, torch.float32))
    loss, _ = ball_loss(prediction, targets)
    if not torch.isfinite(loss):
        raise TrainingError(output, NOT_FINITE, NOT_FINITE_CURE)
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(loss)
    fabric.clip_gradients(model, optimizer, max_norm=GRADIENT_NORM)
    optimizer.step()
    return loss.detach()


def _average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """Move averaged weights and batch statistics towards those of the model."""
    with torch.no_grad():
        for mean, value in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)
