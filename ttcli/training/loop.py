"""The loop of training: one batch after another, and now and then a validation after which everything is saved."""

import copy
import functools
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor
from tqdm import tqdm

from ttcli.configs import TrainConfig
from ttcli.errors import TrainingError
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.checkpoints import load_checkpoint, save_checkpoint
from ttcli.networks.devices import usable_cores
from ttcli.networks.event_head import EVENTS
from ttcli.networks.heatmaps import OUTPUT_STRIDE, draw_targets
from ttcli.networks.int8 import recorded_ranges
from ttcli.networks.model_input import SIZE_MULTIPLE, windows_to_input
from ttcli.training.augmentation import Augmentation
from ttcli.training.batch_norm import with_statistics_of
from ttcli.training.batches import BatchPlan, BatchStream, MixedBatches
from ttcli.training.calibration import fit_calibration
from ttcli.training.data import TrainingData, WindowSource
from ttcli.training.learning_rates import LearningRate
from ttcli.training.losses import EVENT_WEIGHT, ball_loss, event_loss
from ttcli.training.report import TensorBoard, write_report
from ttcli.training.run_folder import (
    BEST_FILE,
    LAST_FILE,
    RunState,
    restore_state,
    save_failed_batch,
    save_state,
    write_metrics,
)  # fmt: skip
from ttcli.training.stop_requests import stop_requests
from ttcli.training.validation import validate, validate_events
from ttcli.training_set.window_batch import WindowBatch

SCORE = "accuracy@10"
"""The figure of validation by which a checkpoint is the best one, and the schedule `plateau` waits."""
NOT_FINITE = "the loss is not finite any more"
NOT_FINITE_CURE = "take a smaller learning rate; the last checkpoint is good, and failed_batch.safetensors has the windows"
STATISTICS_WINDOWS, MOST_STATISTICS_WINDOWS, STATISTICS_BATCH = 48, 120, 4
"""Windows of whole pictures that batch norm's statistics come from: in a validation, at the end, and at a time. A network
that had not come far found from 0.109 to 0.159 of the balls with 16 or 48 of them, and 0.161 with 120."""
DROPOUT_SEEDS = 1_000_003
"""Between the seeds of two steps, so that processes, which count on from there, never share one."""


class _Order(NamedTuple):
    """What the first process tells the others before a step: their clocks differ, and it alone knows the scores."""

    learning_rate: float
    stop: bool
    interrupted: bool


class TrainingLoop:
    """The loop in one of the processes that train together.

    The first process validates, saves and reports; the others wait for it at the next step.

    Args:
        fabric: Fabric of the processes, launched.
        network: As training begins with it.
        data: What it is trained on and validated by.
        augmentation: How windows are changed; None leaves them as they are.
        output: Folder of the run.
        config: Settings.
    """

    def __init__(
        self,
        fabric: Fabric,
        network: BallNetwork,
        data: TrainingData,
        augmentation: Augmentation | None,
        output: Path,
        config: TrainConfig,
    ) -> None:
        self.fabric, self.data, self.output, self.config = fabric, data, output, config
        share_cores(fabric, data)
        self.plain = network.to(fabric.device).to(memory_format=torch.channels_last)
        self._set_training(self.plain)
        self.averaged = copy.deepcopy(self.plain).eval()
        plain_optimizer = torch.optim.AdamW(self.plain.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.state = RunState()
        if config.resume:
            self.state = restore_state(output, self.plain, self.averaged, plain_optimizer)
        self.model, self.optimizer = fabric.setup(self.plain, plain_optimizer)
        if self.plain.event_head:
            self.model.mark_forward_method("with_events")  # else processes would not be kept in step
        self.rate = LearningRate(config.schedule, config.learning_rate, config.warmup, config.drop_at)
        self.scaler = getattr(fabric.strategy.precision, "scaler", None)
        if config.resume:
            self.rate.restore(self.state.rate)
            if self.scaler is not None:
                self.scaler.load_state_dict(self.state.scaler)
        self.batches = self._batches(augmentation)
        self.losses = _LossMeter(fabric)
        self._inputs: dict[torch.Size, Tensor] = {}  # memory of the model input, the same for each batch of a size
        self._saved = self.state.step, self.state.seconds, self.state.windows

    def _batches(self, augmentation: Augmentation | None) -> BatchStream | MixedBatches:
        """Return the batches of this process, of crops, and of whole pictures where the settings ask for them."""
        config, fabric, data = self.config, self.fabric, self.data
        plan = BatchPlan(
            config.batch, config.reuse, augmentation, config.seed, fabric.global_rank, fabric.world_size,
            config.pool, config.workers,
        )  # fmt: skip
        crops = BatchStream(_source_maker(data, plan, fabric.device), plan, fabric.device)
        if not config.whole_every:
            return crops
        share = math.prod(data.crop) / math.prod(data.whole)
        fresh = max(1, round(config.batch * share / config.reuse), -(-self.plain.least_batch // config.reuse))
        of_whole = replace(plan, batch=fresh * config.reuse, pool=None, workers=0)
        whole = BatchStream(_source_maker(data, of_whole, fabric.device, whole=True), of_whole, fabric.device)
        return MixedBatches(crops, whole, config.whole_every)

    def _set_training(self, network: BallNetwork) -> None:
        """Let the network learn, or with `freeze_ball` its event head alone, while all else answers as it does already."""
        network.train(not self.config.freeze_ball)
        if self.config.freeze_ball:
            network.requires_grad_(False)
            network.head.event_head().requires_grad_(True).train()

    def run(self, quiet: bool, asked_to_stop: Callable[[], bool] | None = None) -> dict[str, Any] | None:
        """Train to the end; return the summary, which the first process has, or None where it was interrupted.

        Args:
            quiet: Show no progress.
            asked_to_stop: Tells of requests to end; None listens for them while it trains.
        """
        state, first = self.state, self.fabric.is_global_zero
        total = None if self.config.minutes else self.config.steps
        bar = tqdm(initial=state.step, total=total, unit="step", disable=None if first and not quiet else True)
        board = TensorBoard(self.output, enabled=first)
        batches = self.batches.start(state.step)
        began = time.monotonic() - state.seconds
        listening = stop_requests() if asked_to_stop is None else nullcontext(asked_to_stop)
        with listening as asked, _memory_told(self.output, self.config, self.fabric.device):
            while not (order := self._order(asked())).stop:
                self._step(order.learning_rate, next(batches))
                state.seconds = time.monotonic() - began
                bar.update()
                if state.step % self.config.save_every == 0:
                    self._save(bar, board)
            if self._saved[0] != state.step:
                self._save(bar, board)
        batches.close()
        bar.close()
        board.close()
        summary = self._finish(quiet) if first and not order.interrupted else {}
        self.fabric.barrier()
        return None if order.interrupted else summary

    def _order(self, asked_to_stop: bool) -> _Order:
        """Return what comes next, as the first process sees it."""
        config, state = self.config, self.state
        progress = state.seconds / (60 * config.minutes) if config.minutes else state.step / config.steps
        enough = config.early_stop is not None and state.waited >= config.early_stop
        rate = self.rate.at(state.step + 1, progress)
        return self.fabric.broadcast(_Order(rate, progress >= 1 or enough or asked_to_stop, asked_to_stop))

    def _step(self, learning_rate: float, batch: WindowBatch) -> None:
        """Learn from one batch."""
        self.state.step += 1
        torch.manual_seed(self.config.seed + DROPOUT_SEEDS * self.state.step + self.fabric.global_rank)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.losses.add(self._learn(batch))
        average(self.averaged, self.plain, min(self.config.average, self.state.step / (self.state.step + 20)))
        self.state.windows += len(batch.frames) * self.fabric.world_size

    def _learn(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Make one step of the optimiser, and return the losses: in all, and by part."""
        config, fabric = self.config, self.fabric
        height, width = (size // OUTPUT_STRIDE for size in batch.frames.shape[2:4])
        labels = batch.labels_of(self.plain.output_frames)
        targets = draw_targets(*labels, height, width, config.radius, config.target)
        size = batch.frames.shape
        shown = windows_to_input(batch.frames, self.plain.difference, torch.float32, out=self._inputs.get(size))
        self._inputs[size] = shown
        divisor = functools.partial(_divisor, fabric)
        prediction, events = self.model.with_events(shown) if self.plain.event_head else (self.model(shown), None)
        loss, parts = ball_loss(prediction, targets, config.positive_weight, divisor)
        if events is not None:
            parts["event"] = event_loss(events, batch.events_of(self.plain.output_frames), divisor)
            loss = loss + EVENT_WEIGHT * parts["event"]
        if not torch.isfinite(loss):
            save_failed_batch(self.output, batch)
            raise TrainingError(self.output, NOT_FINITE, NOT_FINITE_CURE)
        self.optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        fabric.clip_gradients(self.model, self.optimizer, max_norm=config.gradient_norm, error_if_nonfinite=False)
        self.optimizer.step()
        return {"loss": loss.detach(), **{f"{name}_loss": value.detach() for name, value in parts.items()}}

    def _save(self, bar: tqdm, board: TensorBoard) -> None:
        """Validate and write everything, in the first process."""
        means, state = self.losses.means(), self.state  # all processes take part in the means
        _, seconds, windows = self._saved
        self._saved = state.step, state.seconds, state.windows
        if not self.fabric.is_global_zero:
            return
        row = {
            "step": state.step,
            "minutes": round(state.seconds / 60, 3),
            "windows": state.windows,
            "windows_per_second": round((state.windows - windows) / max(state.seconds - seconds, 1e-9), 1),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            **means,
        }
        row |= self._validate()
        state.rows.append(row)
        self.rate.note_score(self._score(row))
        state.rate, state.scaler = self.rate.state(), {} if self.scaler is None else self.scaler.state_dict()
        write_metrics(self.output, state.rows)
        save_state(self.output, state, self.plain, self.averaged, self.optimizer)
        board.add(row)
        bar.set_postfix({key: row[key] for key in ("loss", SCORE)})

    def _validate(self) -> dict[str, Any]:
        """Write the last checkpoint, and the best where it is that, and return the figures of validation."""
        answers = self.data.validate(self.averaged)
        calibration = fit_calibration(answers.logits, answers.right)
        figures = validate(answers, calibration) | ({} if answers.events is None else validate_events(answers.events))
        metadata = {
            **self.data.facts,
            "multiple": SIZE_MULTIPLE,
            "calibration": calibration,
            "seed": self.config.seed,
            "steps": self.state.step,
            "metrics": {f"{self.data.name}_{name}": value for name, value in figures.items()},
        }
        shown = self._for_whole_pictures(self.averaged, STATISTICS_WINDOWS)
        save_checkpoint(self.output / LAST_FILE, shown, metadata, dtype=torch.float16)  # half the size
        score = self._score(figures)
        best = self.state.best_score
        self.state.waited = 0 if best is None or score > best else self.state.waited + 1
        if best is None or score >= best:
            self.state.best_score = score
            save_checkpoint(self.output / BEST_FILE, shown, metadata, dtype=torch.float16)
        return figures

    def _for_whole_pictures(self, network: BallNetwork, windows: int) -> BallNetwork:
        """Return a network, where it learned from whole pictures with their statistics in its batch norm."""
        if not self.config.whole_every or self.config.freeze_ball:
            return network
        source = self.data.source(self.config.seed + 3, self.fabric.device, whole=True)
        batches = -(-min(windows, self.data.windows or windows) // STATISTICS_BATCH)
        return with_statistics_of(network, (source.draw(STATISTICS_BATCH) for _ in range(batches)))

    def _score(self, figures: dict[str, Any]) -> float:
        """Return the score of a validation: of the ball, or of events where they alone are learned."""
        names = [f"{name}_ap" for name in EVENTS] if self.config.freeze_ball else [SCORE]
        return sum(figures[name] or 0.0 for name in names) / len(names)

    def _finish(self, quiet: bool) -> dict[str, Any]:
        """Calibrate the best checkpoint on whole pictures, write the report of the run, and return its summary.

        There the ranges are noted with which `detect` computes in int8. Without `calibrate` it keeps the calibration of
        its validation, by crops, and has no ranges.
        """
        best = load_checkpoint(self.output / BEST_FILE)
        model = best.model.to(self.fabric.device).to(memory_format=torch.channels_last)
        model = self._for_whole_pictures(model, MOST_STATISTICS_WINDOWS)
        if self.config.calibrate:
            with recorded_ranges(model) as ranges:
                answers = self.data.calibrate(model, quiet)
            best.metadata["calibration"] = fit_calibration(answers.logits, answers.right)
            best.metadata.update({"ranges": ranges()} if ranges() else {})
        save_checkpoint(self.output / BEST_FILE, model, best.metadata, dtype=torch.float16)
        write_report(self.output, model, best.metadata, self.data, self.config, self.state)
        # A run that was killed right after it saved its best has no row of it where --save-every is another one now.
        of_best = (row for row in self.state.rows if row["step"] == best.metadata["steps"])
        row = next(of_best, self.state.rows[-1])
        minutes = round(self.state.seconds / 60, 2)
        return {"best": str(self.output / BEST_FILE), "steps": self.state.step, "trained_minutes": minutes, **row}


class _LossMeter:
    """Mean losses since they were last asked for, over all processes."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, losses: dict[str, Tensor]) -> None:
        """Add those of a step."""
        self._sums = {name: self._sums.get(name, 0) + value for name, value in losses.items()}
        self._count += 1

    def means(self) -> dict[str, float]:
        """Return the means and begin anew."""
        over_all = {name: _over_all(self._fabric, total, "mean") for name, total in self._sums.items()}
        means = {name: round(float(total) / self._count, 5) for name, total in over_all.items()}
        self._sums, self._count = {}, 0
        return means


def average(averaged: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Move averaged weights and batch statistics towards the model's."""
    pairs = list(zip(averaged.state_dict().values(), model.state_dict().values(), strict=True))
    floats = [pair for pair in pairs if pair[0].is_floating_point()]
    with torch.no_grad():
        # One by one they take a tenth of a step.
        torch._foreach_lerp_([mean for mean, _ in floats], [value for _, value in floats], 1 - decay)
        for mean, value in pairs:
            if not mean.is_floating_point():
                mean.copy_(value)


def _source_maker(data: TrainingData, plan: BatchPlan, device: torch.device, whole: bool = False) -> Callable[[], WindowSource]:
    """Return what makes the source of a run's windows: on the device, or for workers on the processor."""
    if plan.workers:
        return functools.partial(data.source, plan.seed + 1, torch.device("cpu"))
    portion = plan.fresh if plan.processes > 1 else None
    return functools.partial(data.source, plan.seed + (2 if whole else 1), device, portion, whole)


def share_cores(fabric: Fabric, data: TrainingData) -> None:
    """Let torch compute on this process's share of the cores, less one where another thread draws windows all the time.

    Those of an extracted set are read, which takes a core's time only until they are in memory.
    """
    if fabric.device.type == "cpu":
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", fabric.world_size))
        torch.set_num_threads(max(1, usable_cores() // processes - (data.windows is None)))


@contextmanager
def _memory_told(output: Path, config: TrainConfig, device: torch.device) -> Iterator[None]:
    """Say which batch to try where memory runs out."""
    try:
        yield
    except RuntimeError as error:  # on a GPU its subclass OutOfMemoryError, on the processor one that only says so
        if not re.search(r"out of memory|not enough memory|can't allocate memory", str(error)):
            raise
        smaller = max(config.batch // 2 // config.reuse, 1) * config.reuse
        fact = f"a batch of {config.batch} windows does not fit into the memory of {device}"
        cure = f"try --batch {smaller}" if smaller < config.batch else "take smaller crops, or a smaller network"
        raise TrainingError(output, fact, cure) from error


def _divisor(fabric: Fabric, count: Tensor) -> Tensor:
    """Return the share of one process in what all have counted.

    Gradients are averaged over the processes, so that they become those of one process with all of the batches.
    """
    if fabric.world_size == 1:
        return count.clamp_min(1)
    return _over_all(fabric, count.float(), "sum").clamp_min(1) / fabric.world_size


def _over_all(fabric: Fabric, value: Tensor, operation: str) -> Tensor:
    """Return the mean or the sum of what all processes have."""
    reduced = fabric.all_reduce(value, reduce_op=operation)
    if not isinstance(reduced, Tensor):  # which only a collection becomes
        raise TypeError(f"a tensor was reduced to {type(reduced).__name__}")
    return reduced
