"""How well a network does on labelled windows and films, and the answers that its confidence is calibrated by."""

import copy
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ttcli.evaluation.ball_metrics import REFERENCE_WIDTH, Outcomes, ball_metrics
from ttcli.inference.predictor import StreamingPredictor
from ttcli.inference.runtimes import TorchRuntime
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.event_head import EVENTS
from ttcli.networks.heatmaps import decode_heatmaps
from ttcli.networks.model_input import windows_to_input
from ttcli.networks.odds import LEAST_PROBABILITY
from ttcli.networks.windows import choose_step
from ttcli.training_set.window_batch import WindowBatch

FOUND_DISTANCE = 10
"""Pixels of a picture REFERENCE_WIDTH wide within which a ball counts as found."""
FIGURES = ("accuracy@5", "accuracy@10", "recall@10", "precision@10", "f1@10", "rmse", "rmse_512")
"""Those of `ttcli.evaluation.ball_metrics` that are given for windows."""
BATCH = 16
"""Windows that are answered together."""


class EventAnswers(NamedTuple):
    """What an event head predicts for N labelled frames."""

    told: Tensor
    """Probabilities of EVENTS, (N, 2)."""
    wanted: Tensor
    """What they should be, (N, 2), below 0 where nobody knows."""


class Answers(NamedTuple):
    """What a network predicts for labelled frames, N of those that are known."""

    logits: Tensor
    """Logits of the probability at each frame's peak."""
    error: Tensor
    """From the ball to the peak, x then y, as parts of the picture's width and height, (N, 2); inf without a ball."""
    aspect: Tensor
    """The picture's height as a part of its width, (N,)."""
    events: EventAnswers | None = None
    """None of a network without an event head, or where nobody asked it."""

    @property
    def visible(self) -> Tensor:
        """Whether the ball is visible, (N,)."""
        return self.error[:, 0].isfinite()

    @property
    def distance(self) -> Tensor:
        """From the ball to the peak, (N,), in pixels of a picture REFERENCE_WIDTH wide."""
        x, y = self.error.unbind(-1)
        return REFERENCE_WIDTH * torch.hypot(x, y * self.aspect)

    @property
    def right(self) -> Tensor:
        """Whether the ball is visible and the peak near enough to it, (N,)."""
        return self.distance <= FOUND_DISTANCE


def answer_windows(model: BallNetwork, batches: Iterable[WindowBatch], picture: tuple[int, int] | None = None) -> Answers:
    """Return a network's answers to the frames of windows.

    Args:
        model: The network, in evaluation mode.
        batches: Windows of any number.
        picture: Height and width of the pictures that the windows are cut from; None where they are whole.
    """
    parts = []
    with torch.inference_mode():
        for batch in batches:
            for rows in torch.arange(len(batch.frames)).split(BATCH):
                part = batch.at(rows)
                shown = windows_to_input(part.frames, model.difference, torch.float32)
                prediction, events = model.with_events(shown) if model.event_head else (model(shown), None)
                peaks = decode_heatmaps(prediction.logits.sigmoid(), prediction.offsets)
                places = torch.stack([peaks.x, peaks.y], -1)
                labels = part.labels_of(model.output_frames)
                answers = _answers(places, peaks.confidence, labels, *(picture or part.frames.shape[2:4]))
                if events is not None:
                    known, wanted, told = labels[2], part.events_of(model.output_frames), events.sigmoid()
                    answers = answers._replace(events=EventAnswers(told[known].cpu(), wanted[known].cpu()))
                parts.append(answers)
    return _pool(parts)


def answer_films(model: BallNetwork, films: Iterable[WindowBatch]) -> Answers:
    """Return a network's answers to films, found in windows that overlap, as `detect` finds them.

    Args:
        model: The network, in evaluation mode.
        films: Each a batch of one long window, whole pictures.
    """
    device = next(model.parameters()).device
    runtime = TorchRuntime(copy.deepcopy(model), device=str(device))
    parts = []
    for film in films:
        height, width = film.frames.shape[2:4]
        predictor = StreamingPredictor(runtime, height, width, choose_step(len(runtime.output_frames)))
        best = torch.tensor([answer.peaks[0] for answer in predictor.answers(film.frames[0].cpu().numpy())], device=device)
        labels = (film.positions, film.visible, film.known)
        parts.append(_answers(best[None, :, :2], best[None, :, 2], labels, height, width))
    return _pool(parts)


def validate(answers: Answers, calibration: dict[str, float]) -> dict[str, float | None]:
    """Return FIGURES at a calibrated confidence of 0.5, and the share of visible balls that the peak is at."""
    claimed = calibration["slope"] * answers.logits + calibration["bias"] >= 0
    distance = [_claimed_distance(answers, claimed, *size) for size in ((REFERENCE_WIDTH, None), (512, 512), (512, 288))]
    nothing = np.zeros(len(claimed), int)
    outcomes = Outcomes(nothing, nothing, answers.visible.numpy(), claimed.numpy(), *distance)
    figures = ball_metrics(outcomes, bootstrap=0).figures
    share = float(answers.right.sum()) / max(int(answers.visible.sum()), 1)
    given = {name: figures[name] for name in FIGURES} | {"arg_max_right": share}
    return {name: None if value is None else round(value, 4) for name, value in given.items()}


def validate_events(answers: EventAnswers) -> dict[str, float | None]:
    """Return how well an event head tells frames: of each kind the average precision, None where there is none.

    A frame holds an event within 2.7 frames of 1/120 s, where half of its target is left.
    """
    found: dict[str, float | None] = {}
    for kind, name in enumerate(EVENTS):
        wanted = answers.wanted[:, kind]
        order = answers.told[:, kind][wanted >= 0].argsort(descending=True, stable=True)
        right = (wanted[wanted >= 0] > 0.5)[order].double()
        precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
        count = float(right.sum())
        found[f"{name}_ap"] = round(float((precision * right).sum()) / count, 4) if count else None
    return found


def _claimed_distance(answers: Answers, claimed: Tensor, width: int, height: int | None) -> np.ndarray:
    """Return the distance from ball to claim on a picture of that size, inf without claim; None keeps the aspect."""
    x, y = answers.error.unbind(-1)
    rows = width * answers.aspect if height is None else height
    distance = torch.hypot(x * width, y * rows)
    return torch.where(claimed, distance, torch.inf).double().numpy()


def _answers(places: Tensor, probabilities: Tensor, labels: tuple[Tensor, Tensor, Tensor], height: int, width: int) -> Answers:
    """Return the answers at the known frames: places (B, K, 2) and probabilities (B, K) against labels."""
    positions, visible, known = labels
    error = (places - positions) / positions.new_tensor([width, height])
    error = torch.where(visible[..., None], error, torch.inf)
    logits = probabilities.clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY).logit()
    aspect = torch.full_like(logits, height / width)
    return Answers(logits[known].cpu(), error[known].cpu(), aspect[known].cpu())


def _pool(parts: list[Answers]) -> Answers:
    logits, error, aspect = (torch.cat(column) for column in zip(*(part[:3] for part in parts), strict=True))
    events = [part.events for part in parts if part.events is not None]
    pooled = EventAnswers(*(torch.cat(column) for column in zip(*events, strict=True))) if events else None
    return Answers(logits, error, aspect, pooled)
