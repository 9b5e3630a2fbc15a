"""How well a network does on labelled windows and films, and the answers that its confidence is calibrated by."""

import copy
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ttcli.datasets import WindowBatch
from ttcli.heatmaps import decode_heatmaps
from ttcli.model_input import windows_to_input
from ttcli.predictor import StreamingPredictor
from ttcli.runtimes import LEAST_PROBABILITY, TorchRuntime
from ttcli.windows import choose_step

FOUND_DISTANCE = 10 / 1920
"""Distance within which a ball counts as found, as a part of the picture's width."""
BATCH = 16
"""Windows that are answered together."""


class Answers(NamedTuple):
    """What a network answers for labelled frames, N of those that are known."""

    logits: Tensor
    """Of the probability at each frame's peak."""
    right: Tensor
    """Whether the ball is visible and the peak near enough to it."""
    visible: Tensor
    """Whether the ball is visible."""


def answer_windows(model: nn.Module, batches: Iterable[WindowBatch], picture_width: int | None = None) -> Answers:
    """Return a network's answers for the frames of windows.

    Args:
        model: The network, in evaluation mode.
        batches: Windows of any number.
        picture_width: Of the whole pictures that the windows are cut from, in their pixels; None where they are whole.
    """
    parts = []
    with torch.inference_mode():
        for batch in batches:
            for rows in torch.arange(len(batch.frames)).split(BATCH):
                part = batch.at(rows)
                prediction = model(windows_to_input(part.frames, model.difference, torch.float32))
                peaks = decode_heatmaps(prediction.logits.sigmoid(), prediction.offsets)
                places = torch.stack([peaks.x, peaks.y], -1)
                labels = part.labels_of(model.output_frames)
                parts.append(_answers(places, peaks.confidence, labels, picture_width or part.frames.shape[3]))
    return _pool(parts)


def answer_films(model: nn.Module, films: Iterable[WindowBatch]) -> Answers:
    """Return a network's answers for films, found in windows that overlap, as `detect` finds them.

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
        best = torch.tensor([peaks[0] for peaks in predictor.candidates(film.frames[0].cpu().numpy())], device=device)
        labels = (film.positions, film.visible, film.known)
        parts.append(_answers(best[None, :, :2], best[None, :, 2], labels, width))
    return _pool(parts)


def validate(answers: Answers, calibration: dict[str, float]) -> dict[str, float]:
    """Return recall and precision at a calibrated confidence of 0.5, and the share of visible balls under the peak."""
    claim = calibration["slope"] * answers.logits + calibration["bias"] >= 0
    found = int((claim & answers.right).sum())
    visible = max(int(answers.visible.sum()), 1)
    return {
        "recall": round(found / visible, 4),
        "precision": round(found / max(int(claim.sum()), 1), 4),
        "arg_max_right": round(int(answers.right.sum()) / visible, 4),
    }


def _answers(
    places: Tensor, probabilities: Tensor, labels: tuple[Tensor, Tensor, Tensor], picture_width: int
) -> Answers:
    """Return the answers at the known frames: places (B, K, 2) and probabilities (B, K) against labels."""
    positions, visible, known = labels
    right = visible & ((places - positions).norm(dim=-1) <= FOUND_DISTANCE * picture_width)
    logits = probabilities.clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY).logit()
    return Answers(*(value[known].cpu() for value in (logits, right, visible)))


def _pool(parts: list[Answers]) -> Answers:
    return Answers(*(torch.cat(column) for column in zip(*parts, strict=True)))
