"""What a network is trained on, validated by and calibrated with: drawn windows, or a set made of labelled video."""

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from ttcli.datasets import DrawnWindows, WindowBatch, drawn_films
from ttcli.model_input import WORKING_AREA
from ttcli.simulation.scene import FRAME_RATES
from ttcli.splits import TRAINING, VALIDATION
from ttcli.stored_windows import StoredWindows
from ttcli.validation import BATCH, Answers, answer_films, answer_windows

VALIDATION_SEED = 1_000_003
VALIDATION_WINDOWS = 160
VALIDATION_RALLIES = 16
"""Rallies that drawn validation windows are taken from."""
CALIBRATION_SEED = 1_000_033
CALIBRATION_FILMS = 40
FILM_FRAMES = 60
FILM_HEIGHT, FILM_WIDTH = 288, 512
"""Films that confidence is calibrated on: how many, of how many frames, and their size in working pixels."""
CALIBRATION_WINDOWS = 320
"""Whole pictures of an extracted set's validation windows that confidence is calibrated on."""


class WindowSource(Protocol):
    """Where windows come from, without end."""

    def draw(self, count: int) -> WindowBatch:
        """Return the next windows."""


class TrainingData(Protocol):
    """All that training asks of its data."""

    name: str
    """Begins the names of its metrics."""
    facts: dict[str, Any]
    """What a checkpoint says of it."""

    def source(self, seed: int, device: torch.device) -> WindowSource:
        """Return windows to train on, crops."""

    def validate(self, model: nn.Module) -> Answers:
        """Return a network's answers for windows that none was trained on, the same crops each time."""

    def calibrate(self, model: nn.Module) -> Answers:
        """Return a network's answers for whole pictures, as detection meets them; slow."""


class DrawnData:
    """Windows that the simulator draws.

    Args:
        window_size: Frames in a window.
        height: Of the crops, in working pixels.
        width: Of the crops, in working pixels.
    """

    name = "drawn"
    facts = {
        "area": WORKING_AREA,
        "fps": [min(FRAME_RATES), max(FRAME_RATES)],
        "training_data": "simulation",
        "licence": "MIT",
    }

    def __init__(self, window_size: int, height: int, width: int) -> None:
        self._shape = (window_size, height, width)
        self._validation: WindowBatch | None = None

    def source(self, seed: int, device: torch.device) -> WindowSource:
        """Return windows drawn as they are asked for."""
        return DrawnWindows(*self._shape, seed, device)

    def validate(self, model: nn.Module) -> Answers:
        """Return answers for VALIDATION_WINDOWS windows of a seed of their own."""
        if self._validation is None:
            source = DrawnWindows(*self._shape, VALIDATION_SEED, _device(model), rallies=VALIDATION_RALLIES)
            self._validation = source.draw(VALIDATION_WINDOWS)
        return answer_windows(model, [self._validation], FILM_WIDTH)

    def calibrate(self, model: nn.Module) -> Answers:
        """Return answers for films: drawn windows are harder than ordinary video, and confidence would be too shy."""
        films = drawn_films(CALIBRATION_FILMS, FILM_FRAMES, FILM_HEIGHT, FILM_WIDTH, CALIBRATION_SEED, _device(model))
        return answer_films(model, films)


class ExtractedData:
    """Windows of a set that `ttcli extract` made.

    Args:
        data: Folder of the set.
        window_size: Frames in a window.
        height: Of the crops, in stored pixels.
        width: Of the crops, in stored pixels.
        cache_bytes: Most memory for the decoded pictures of one source.

    Raises:
        InputError: It is no set, or lacks windows for training or for validation.
        SettingError: Its windows are of another size, or its pictures smaller than the crops.
    """

    name = "validation"

    def __init__(self, data: Path, window_size: int, height: int, width: int, cache_bytes: int) -> None:
        self._data, self._shape, self._cache_bytes = data, (window_size, height, width), cache_bytes
        training = StoredWindows(data, TRAINING, *self._shape, seed=0)
        StoredWindows(data, VALIDATION, *self._shape, seed=0)  # missing ones are told of before training
        self._validation: WindowBatch | None = None
        self.facts = {
            "area": training.picture_area,
            "fps": list(training.frame_rates),
            "training_data": f"extracted set {data.resolve().name}, {len(training)} windows",
            "licence": "that of the set's videos",
        }

    def source(self, seed: int, device: torch.device) -> WindowSource:
        """Return the windows for training, shuffled."""
        return StoredWindows(self._data, TRAINING, *self._shape, seed, self._cache_bytes, device)

    def validate(self, model: nn.Module) -> Answers:
        """Return answers for crops of at most VALIDATION_WINDOWS windows for validation."""
        source = StoredWindows(self._data, VALIDATION, *self._shape, VALIDATION_SEED, device=_device(model))
        if self._validation is None:
            self._validation = source.draw(min(VALIDATION_WINDOWS, len(source)))
        return answer_windows(model, [self._validation], source.picture_width)

    def calibrate(self, model: nn.Module) -> Answers:
        """Return answers for whole pictures of at most CALIBRATION_WINDOWS windows for validation."""
        size = self._shape[0]
        source = StoredWindows(self._data, VALIDATION, size, None, None, CALIBRATION_SEED, device=_device(model))
        return answer_windows(model, source.all_windows(BATCH, CALIBRATION_WINDOWS))


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
