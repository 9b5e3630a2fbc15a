"""Fit confidence and `ttcli.detection.tracking.Flight` to the default weights, on simulated video, and say what they give.

    python tools/fit_flight.py calibration/ [more/ ...] --measure simulated/ --measure CLIPS

Each folder is a set in the layout of OpenTTGames, as `ttcli simulate --part test` writes it, or one of videos with
labels of the same names. The network runs once over each video; then its slope and bias are fitted (Platt scaling), and
the fields of Flight one after another, twice around, to the likelihood of what is right among the labelled frames; the
two on false peaks that stay in place are kept, see there. The folders of --measure are only measured. Results go to
stdout, to be copied into the checkpoint and the code.
"""

import argparse
import dataclasses
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ttcli.detection.tracking import Candidates, Flight, decide
from ttcli.inference.predictor import StreamingPredictor
from ttcli.inference.runtimes import TorchRuntime, load_runtime
from ttcli.labels.formats import read_ball_labels
from ttcli.labels.problems import Problems
from ttcli.labels.sources import Source, find_sources
from ttcli.networks.odds import log_odds
from ttcli.networks.windows import choose_step, choose_stride
from ttcli.training.calibration import fit_calibration
from ttcli.video.probe import VideoInfo, probe
from ttcli.video.reader import FrameReader

FOUND_DISTANCE = 10 / 1920
"""Of the picture's width: within it a ball counts as found."""
LEAST_CONFIDENCE = 1e-3
"""Confidences are kept this far from 0 and 1, so that one sure error does not outweigh all else."""
GRID = {
    "own": (0.2, 0.3, 0.4, 0.6, 0.8, 1.0),
    "trust": (0.1, 0.2, 0.3, 0.4, 0.5),
    "bias": (-1.0, -0.7, -0.5, -0.3, 0.0, 0.3),
    "smoothness": (0.1, 0.15, 0.2, 0.3, 0.4),
    "appear": (0.03, 0.05, 0.1, 0.2, 0.3),
    "vanish": (0.01, 0.02, 0.05, 0.1, 0.2),
    "speed": (100.0, 200.0, 400.0, 800.0, 1600.0),
    "bend": (300.0, 1000.0, 3000.0),
    "jitter": (0.3, 0.5, 0.7, 1.0, 1.5),
    "surprise": (0.02, 0.05, 0.1, 0.2),
}


class Clip(NamedTuple):
    """What the network offers for one video: T frames with K candidates each."""

    name: str
    times: np.ndarray
    """(T,) seconds."""
    places: np.ndarray
    """(T, K, 2) working pixels."""
    logits: np.ndarray
    """(T, K) log odds of the peaks, not calibrated."""
    right: np.ndarray
    """(T, K) bool: the candidate is the ball."""
    known: np.ndarray
    """(T,) bool: the frame is labelled."""
    visible: np.ndarray
    """(T,) bool."""
    area: float
    """Of the working picture."""


def read_clip(source: Source, runtime: TorchRuntime) -> Clip:
    """Run the network over one video."""
    info = probe(source.video)
    height, width = runtime.working_size(info.height, info.width)
    times = []

    def pictures():
        for frame in reader:
            times.append(frame.time_seconds)
            yield frame.picture

    with FrameReader(info, height, width) as reader:
        outputs, stride = len(runtime.output_frames), choose_stride(info.frame_rate, runtime.most_fps)
        predictor = StreamingPredictor(runtime, height, width, outputs, stride, again=choose_step(outputs))
        peaks = np.array([[tuple(peak) for peak in answer.peaks] for answer in predictor.answers(pictures())])
    return labelled_clip(source, info, np.array(times), peaks, height, width)


def clips_of(folders: Iterable[Path], runtime: TorchRuntime) -> list[Clip]:
    """Run the network over all labelled videos of some folders."""
    sources = itertools.chain.from_iterable(map(find_sources, folders))
    return [read_clip(source, runtime) for source in sources if source.video and source.balls]


def labelled_clip(source: Source, info: VideoInfo, times: np.ndarray, peaks: np.ndarray, height: int, width: int) -> Clip:
    """Return what is offered, peaks (T, K, 3) of a `height` x `width` picture, beside the labels of the video."""
    labels = read_ball_labels(source.balls, Problems().add, height=info.height, width=info.width)
    right, known, visible = np.zeros(peaks.shape[:2], bool), np.zeros(len(peaks), bool), np.zeros(len(peaks), bool)
    scale = np.array([info.width / width, info.height / height])
    for frame, label in labels.items():
        if frame < len(peaks):
            known[frame], visible[frame] = True, label.visible
            if label.visible:
                away = (peaks[frame, :, :2] + 0.5) * scale - 0.5 - (label.x, label.y)
                right[frame] = np.hypot(*away.T) <= FOUND_DISTANCE * info.width
    return Clip(source.name, times, peaks[..., :2], log_odds(peaks[..., 2]), right, known, visible, height * width)


def answers(clips: list[Clip], calibration: dict[str, float], flight: Flight | None) -> tuple[np.ndarray, ...]:
    """Return confidence, right, visible of all labelled frames; without a flight, each frame by itself."""
    columns = []
    for clip in clips:
        logits = calibration["slope"] * clip.logits + calibration["bias"]
        choice, confidence = np.zeros(len(logits), int), 1 / (1 + np.exp(-logits[:, 0]))
        if flight is not None:
            offers = map(Candidates, clip.times.tolist(), clip.places, logits)
            choice, confidence = map(np.array, zip(*decide(offers, clip.area, flight), strict=True))
        right = clip.right[np.arange(len(choice)), choice]
        columns.append((confidence[clip.known], right[clip.known], clip.visible[clip.known]))
    return tuple(np.concatenate(column) for column in zip(*columns, strict=True))


def cost(clips: list[Clip], calibration: dict[str, float], flight: Flight) -> float:
    """Return how unlikely the confidences make what is right, per frame."""
    confidence, right, _ = answers(clips, calibration, flight)
    confidence = confidence.clip(LEAST_CONFIDENCE, 1 - LEAST_CONFIDENCE)
    return float(-np.log(np.where(right, confidence, 1 - confidence)).mean())


def figures(clips: list[Clip], calibration: dict[str, float], flight: Flight | None) -> str:
    """Return recall, precision and f1 at a confidence of 0.5."""
    confidence, right, visible = answers(clips, calibration, flight)
    found, claims = (right & (confidence >= 0.5)).sum(), (confidence >= 0.5).sum()
    recall, precision = found / visible.sum(), found / max(claims, 1)
    f1 = 2 * found / (visible.sum() + claims)
    return f"recall {recall:.3f}  precision {precision:.3f}  f1 {f1:.3f}  best place right {right.sum() / visible.sum():.3f}"


def fit_flight(clips: list[Clip], calibration: dict[str, float]) -> Flight:
    """Return the flight of least cost, field by field, twice around."""
    flight = Flight()
    least = cost(clips, calibration, flight)
    for name, values in [*GRID.items()] * 2:
        for value in values:
            tried = dataclasses.replace(flight, **{name: value})
            if (now := cost(clips, calibration, tried)) < least:
                least, flight = now, tried
    return flight


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path, help="checkpoint; else the one in the package")
    parser.add_argument("--measure", action="append", default=[], type=Path)
    options = parser.parse_args()
    runtime = load_runtime(options.weights, "cpu", "auto")
    clips = clips_of(options.folders, runtime)
    logits = np.concatenate([clip.logits[clip.known, 0] for clip in clips])
    right = np.concatenate([clip.right[clip.known, 0] for clip in clips])
    calibration = fit_calibration(torch.tensor(logits), torch.tensor(right))
    print("calibration", calibration)
    flight = fit_flight(clips, calibration)
    print(flight)
    for name, measured in [("fitted on", clips), *((folder, clips_of([folder], runtime)) for folder in options.measure)]:
        for how, judged in (("alone", None), ("linked", flight)):
            labelled = sum(clip.known.sum() for clip in measured)
            print(f"{name}, {labelled} labelled frames, {how}: {figures(measured, calibration, judged)}")


if __name__ == "__main__":
    main()
