"""What a run leaves for a person to look at: curves, pictures of predictions, and a card of the checkpoint."""

import io
import platform
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure  # without pyplot, which would look for a screen

from ttcli.configs import TrainConfig
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.heatmaps import OUTPUT_STRIDE, decode_heatmaps, draw_targets
from ttcli.networks.model_input import windows_to_input
from ttcli.training.data import TrainingData
from ttcli.training.run_folder import BEST_FILE, RunState, write_whole
from ttcli.training_set.window_batch import WindowBatch

CURVES_FILE, PREDICTIONS_FILE, CARD_FILE = "curves.png", "predictions.jpg", "card.md"
EXAMPLES = 12
"""Windows on the sheet of predictions."""
ENLARGED = 2
"""Pixels of the sheet for each of a window."""
GAP = 4
"""Pixels between the pictures of a row."""
TRUTH_COLOUR, CLAIM_COLOUR = (60, 255, 60), (255, 60, 60)
JPEG_QUALITY = 90
SCORES = ("accuracy@10", "recall@10", "precision@10")
"""Figures that are drawn as curves."""


class TensorBoard:
    """Rows of metrics for TensorBoard, where it is installed; else nothing.

    Args:
        folder: Folder of the run; the events go into `tensorboard` below it.
        enabled: Whether this process writes at all.
    """

    def __init__(self, folder: Path, enabled: bool) -> None:
        self._writer = None
        if enabled:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                return
            self._writer = SummaryWriter(str(folder / "tensorboard"))

    def add(self, row: dict[str, Any]) -> None:
        """Write a row of metrics at its step."""
        if self._writer is None:
            return
        for name, value in row.items():
            if value is not None and name != "step":
                self._writer.add_scalar(name, value, row["step"])

    def close(self) -> None:
        """Write what is still to be written."""
        if self._writer:
            self._writer.close()


def write_report(
    output: Path, model: BallNetwork, metadata: dict[str, Any], data: TrainingData, config: TrainConfig, state: RunState
) -> None:
    """Write curves.png, predictions.jpg and card.md of a run.

    Args:
        output: Folder of the run.
        model: The best network, in evaluation mode.
        metadata: Metadata of its checkpoint.
        data: What it was trained on.
        config: The settings of the run.
        state: How far the run came.

    Raises:
        OutputError: The disk is full.
    """
    write_whole(output / CURVES_FILE, draw_curves(state.rows))
    examples = data.examples(EXAMPLES, next(model.parameters()).device)
    sheet = draw_predictions(model, examples)
    encoded = cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))[1]
    write_whole(output / PREDICTIONS_FILE, encoded.tobytes())
    write_whole(output / CARD_FILE, write_card(metadata, config, state).encode())


def draw_predictions(model: BallNetwork, windows: WindowBatch) -> np.ndarray:
    """Return a sheet with a row for each window: picture, heatmap and truth of its middle answer, RGB (H, W, 3) uint8.

    On the picture a green ring is the label and a red cross the peak, with its probability; a window without a ring
    shows no ball, or is unknown.
    """
    with torch.inference_mode():
        prediction = model(windows_to_input(windows.frames, model.difference, torch.float32))
        probabilities = prediction.logits.float().sigmoid()
        peaks = decode_heatmaps(probabilities, prediction.offsets.float())
    positions, visible, known = windows.labels_of(model.output_frames)
    height, width = windows.frames.shape[2:4]
    truth = draw_targets(positions, visible, known, height // OUTPUT_STRIDE, width // OUTPUT_STRIDE).heat
    answer = len(model.output_frames) // 2
    rows = []
    for row in range(len(windows.frames)):
        picture = _enlarge(windows.frames[row, model.output_frames[answer]].cpu().numpy(), ENLARGED)
        if visible[row, answer] and known[row, answer]:
            cv2.circle(picture, _on_sheet(*positions[row, answer].tolist()), 14, TRUTH_COLOUR, 1, cv2.LINE_AA)
        claim = _on_sheet(float(peaks.x[row, answer]), float(peaks.y[row, answer]))
        cv2.drawMarker(picture, claim, CLAIM_COLOUR, cv2.MARKER_CROSS, 12, 1, cv2.LINE_AA)
        text = f"{float(peaks.confidence[row, answer]):.2f}" + ("" if known[row, answer] else "  unknown")
        cv2.putText(picture, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
        maps = [_heat_picture(heat[row, answer].float().cpu().numpy()) for heat in (probabilities, truth)]
        rows.append(np.concatenate([np.pad(part, ((0, GAP), (0, GAP), (0, 0))) for part in (picture, *maps)], axis=1))
    return np.concatenate(rows)


def write_card(metadata: dict[str, Any], config: TrainConfig, state: RunState) -> str:
    """Return the card of a checkpoint: what it is, what it was made from and how, how good it is, as Markdown."""
    defaults = {entry.name: entry.default for entry in fields(TrainConfig)}
    told = {name: value for name, value in asdict(config).items() if value != defaults[name]}
    facts = {
        "network": f"{metadata['model']}, {metadata['window_size']} frames, answers for {metadata['outputs']}",
        "training data": metadata["training_data"],
        "licence": metadata["licence"],
        "frame rates": " to ".join(f"{rate:g}" for rate in metadata["fps"]) + " per second",
        "steps": f"{metadata['steps']} of {state.step}, {state.windows} windows presented in the whole run",
        "time": f"{state.seconds / 60:.1f} minutes on {platform.machine()}, torch {torch.__version__}",
        "ttcli": metadata["version"],
    }
    lines = [f"# {BEST_FILE}", "", *(f"* {name}: {value}" for name, value in facts.items())]
    lines += ["", "## On validation windows", "", "| figure | value |", "|---|---|"]
    lines += [f"| {name} | {'–' if value is None else value} |" for name, value in metadata["metrics"].items()]
    lines += ["", "Of windows alone, each answered once: on video, `ttcli detect` and `ttcli evaluate` tell more.", ""]
    lines += ["## Settings other than the defaults", ""]
    lines += [f"* {name}: {value}" for name, value in told.items()] or ["none"]
    return "\n".join(lines) + "\n"


def draw_curves(rows: list[dict[str, Any]]) -> bytes:
    """Return losses, scores and learning rates over the steps of a run, as PNG."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    losses, scores, rates = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    steps = [row["step"] for row in rows]
    for name in (name for name in rows[0] if name.endswith("loss")):
        losses.plot(steps, [row[name] for row in rows], label=name, marker=".")
    for name in SCORES:
        scores.plot(steps, [np.nan if row[name] is None else row[name] for row in rows], label=name, marker=".")
    rates.plot(steps, [row["learning_rate"] for row in rows], color="gray")
    losses.set(ylabel="loss", yscale="log")
    scores.set(ylabel="validation", ylim=(0, 1.02))
    rates.set(ylabel="learning rate", xlabel="step")
    for axes in (losses, scores):
        axes.legend()
        axes.grid(alpha=0.3)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100)
    return png.getvalue()


def _heat_picture(heat: np.ndarray) -> np.ndarray:
    """Return a heatmap in colours, as large as the picture that it belongs to."""
    colours = cv2.applyColorMap((heat.clip(0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return _enlarge(cv2.cvtColor(colours, cv2.COLOR_BGR2RGB), ENLARGED * OUTPUT_STRIDE)


def _enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)


def _on_sheet(x: float, y: float) -> tuple[int, int]:
    """Return a place of a window on its enlarged picture; pixel centres are whole numbers in both."""
    return round((x + 0.5) * ENLARGED - 0.5), round((y + 0.5) * ENLARGED - 0.5)
