"""What a network is trained on, validated by and calibrated with: drawn windows, or a set made of labelled video."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm

import ttcli
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.model_input import ENLARGED, WORKING_AREA
from ttcli.simulation.scene import FRAME_RATES
from ttcli.training.augmentation import DRAWN_ALREADY, Augmentation
from ttcli.training.drawn_windows import DrawnWindows, drawn_films, seeded_generator
from ttcli.training.kept_films import keep_films
from ttcli.training.validation import BATCH, Answers, answer_films, answer_windows
from ttcli.training_set.splits import TRAINING, VALIDATION
from ttcli.training_set.stored_windows import StoredWindows
from ttcli.training_set.window_batch import WindowBatch

VALIDATION_SEED = 1_000_003
VALIDATION_WINDOWS = 160
VALIDATION_RALLIES = 16
"""Rallies that drawn validation windows are taken from."""
CALIBRATION_SEED = 1_000_033
CALIBRATION_FILMS = 40
FILM_FRAMES = 60
FILM_HEIGHT, FILM_WIDTH = 288, 512
"""Films that confidence is calibrated on: how many, of how many frames, and their size in working pixels."""
FILMS_NAME = f"films of ttcli {ttcli.__version__}, {CALIBRATION_FILMS} of {FILM_FRAMES} frames, seed {CALIBRATION_SEED}"
"""Folder that they are kept in; another version may draw others."""
WHOLE_EVERY = 4
"""Steps from one on whole pictures to the next, for an extracted set: docs/NETWORKS.md has why."""
CALIBRATION_WINDOWS = 320
"""Whole pictures of an extracted set's validation windows that confidence is calibrated on."""


class WindowSource(Protocol):
    """Where windows come from, without end. Each has a number, and comes again when it is asked for again."""

    run: int
    """So many windows, from a multiple of this number on, cost least when one source is asked for all of them."""

    def seek(self, position: int) -> None:
        """Go on with the window of that number."""

    def draw(self, count: int) -> WindowBatch:
        """Return the next windows."""


class TrainingData(Protocol):
    """All that training asks of its data."""

    name: str
    """Begins the names of its metrics."""
    facts: dict[str, Any]
    """What a checkpoint says about these data."""

    augmentation: Augmentation | None
    """How its windows are changed in training unless something else is asked for."""
    picture: tuple[int, int]
    """Height and width of the pictures that windows are cut from."""
    crop: tuple[int, int]
    """Height and width of the crops."""
    whole: tuple[int, int]
    """Height and width of its largest windows: whole pictures, where all are as large."""
    whole_every: int
    """Steps from one on whole pictures to the next unless something else is asked for; 0 has none."""
    windows: int | None
    """How many different ones there are to train on; None draws them without end."""

    def source(self, seed: int, device: torch.device, portion: int | None = None, whole: bool = False) -> WindowSource:
        """Return windows to train on.

        Args:
            seed: The same gives the same windows.
            device: Where they are wanted.
            portion: How many are asked for in turn where processes share them.
            whole: Whole pictures, not crops.
        """

    def examples(self, count: int, device: torch.device) -> WindowBatch:
        """Return windows that none was trained on, crops, to look at."""

    def validate(self, model: BallNetwork) -> Answers:
        """Return a network's answers to windows that none was trained on, the same crops each time."""

    def calibrate(self, model: BallNetwork, quiet: bool = True) -> Answers:
        """Return a network's answers to whole pictures, as detection meets them; slow, with a bar unless `quiet`."""


class DrawnData:
    """Windows that the simulator draws.

    Args:
        window_size: Frames in a window.
        height: Height of the crops, in working pixels.
        width: Width of the crops, in working pixels.
        second_stage: Windows for the second stage of `detect`.
        films: Where the films that it is calibrated with are kept for the next run; None draws them anew.
    """

    name = "drawn"
    augmentation: Augmentation | None = DRAWN_ALREADY
    windows: int | None = None

    def __init__(
        self, window_size: int, height: int, width: int, second_stage: bool = False, films: Path | None = None
    ) -> None:
        self._shape, self._second_stage, self._kept = (window_size, height, width), second_stage, films
        scale = ENLARGED if second_stage else 1
        self.picture = FILM_HEIGHT * scale, FILM_WIDTH * scale
        self.crop, self.whole, self.whole_every = (height, width), self.picture, 0
        self.facts: dict[str, Any] = {
            "area": WORKING_AREA * scale**2,
            "fps": [min(FRAME_RATES), max(FRAME_RATES)],
            "training_data": "simulation",
            "licence": "MIT",
        }
        self._validation: WindowBatch | None = None

    def source(self, seed: int, device: torch.device, portion: int | None = None, whole: bool = False) -> WindowSource:
        """Return windows drawn as they are asked for."""
        size = self.whole if whole else self.crop
        return DrawnWindows(self._shape[0], *size, seed, device, block=portion, second_stage=self._second_stage)

    def examples(self, count: int, device: torch.device) -> WindowBatch:
        """Return the first of the windows for validation."""
        return self._for_validation(device).first(count)

    def validate(self, model: BallNetwork) -> Answers:
        """Return answers to VALIDATION_WINDOWS windows with their own seed."""
        return answer_windows(model, [self._for_validation(_device(model))], self.picture)

    def calibrate(self, model: BallNetwork, quiet: bool = True) -> Answers:
        """Return answers to films: drawn windows are harder than ordinary video, and confidence would be too shy.

        A second stage never sees whole pictures; what it says is weighed by `ttcli.inference.second_stage`.
        """
        if self._second_stage:
            return self.validate(model)
        device, size = _device(model), (FILM_FRAMES, FILM_HEIGHT, FILM_WIDTH)
        films = drawn_films(CALIBRATION_FILMS, *size, CALIBRATION_SEED, device)
        if self._kept is not None:
            films = keep_films(self._kept / FILMS_NAME, films, device)
        return answer_films(model, _watched(films, CALIBRATION_FILMS, "film", quiet))

    def _for_validation(self, device: torch.device) -> WindowBatch:
        if self._validation is None:
            source = DrawnWindows(
                *self._shape, VALIDATION_SEED, device, rallies=VALIDATION_RALLIES, second_stage=self._second_stage
            )
            self._validation = source.draw(VALIDATION_WINDOWS)
        return self._validation


class ExtractedData:
    """Windows of a set that `ttcli extract` made.

    Args:
        data: Folder of the set.
        window_size: Frames in a window.
        height: Height of the crops, in stored pixels.
        width: Width of the crops, in stored pixels.
        cache_bytes: Most memory for the decoded pictures of one source.

    Raises:
        InputError: It is no set, or lacks windows for training or for validation.
        SettingError: Its windows are of another size, or its pictures smaller than the crops.
    """

    name = "validation"
    augmentation: Augmentation | None = Augmentation()

    def __init__(self, data: Path, window_size: int, height: int, width: int, cache_bytes: int) -> None:
        self._data, self._shape, self._cache_bytes = data, (window_size, height, width), cache_bytes
        training = StoredWindows(data, TRAINING, *self._shape, seed=0)
        StoredWindows(data, VALIDATION, *self._shape, seed=0)  # missing ones are told of before training
        self._validation: WindowBatch | None = None
        self.windows: int | None = len(training)
        self.picture = training.picture_height, training.picture_width
        self.crop, self.whole = (height, width), training.common_size
        self.whole_every = WHOLE_EVERY if self.whole[0] * self.whole[1] > height * width else 0
        self.facts: dict[str, Any] = {
            "area": training.picture_area,
            "fps": list(training.frame_rates),
            "training_data": f"extracted set {data.resolve().name}, {len(training)} windows",
            "licence": "that of the set's videos",
        }

    def source(self, seed: int, device: torch.device, portion: int | None = None, whole: bool = False) -> WindowSource:
        """Return the windows for training, shuffled."""
        size = self.whole if whole else self.crop
        cache = self._cache_bytes // 2 if self.whole_every else self._cache_bytes  # two sources share it
        return StoredWindows(self._data, TRAINING, self._shape[0], *size, seed, cache, device)

    def examples(self, count: int, device: torch.device) -> WindowBatch:
        """Return the first of the windows for validation."""
        return self._for_validation(device).first(count)

    def validate(self, model: BallNetwork) -> Answers:
        """Return answers to crops of at most VALIDATION_WINDOWS windows for validation."""
        return answer_windows(model, [self._for_validation(_device(model))], self.picture)

    def calibrate(self, model: BallNetwork, quiet: bool = True) -> Answers:
        """Return answers to whole pictures of at most CALIBRATION_WINDOWS windows for validation."""
        size = self._shape[0]
        source = StoredWindows(self._data, VALIDATION, size, None, None, CALIBRATION_SEED, device=_device(model))
        batches = -(-min(CALIBRATION_WINDOWS, len(source)) // BATCH)
        return answer_windows(model, _watched(source.all_windows(BATCH, CALIBRATION_WINDOWS), batches, "batch", quiet))

    def _for_validation(self, device: torch.device) -> WindowBatch:
        if self._validation is None:
            source = StoredWindows(self._data, VALIDATION, *self._shape, VALIDATION_SEED, device=device)
            self._validation = source.draw(min(VALIDATION_WINDOWS, len(source)))
        return self._validation


class LimitedData:
    """A few windows of a set, trained on over and over and validated by: a network that is built right learns them.

    Args:
        data: Where they come from.
        count: How many.
        seed: Which they are.
    """

    name = "samples"
    augmentation: Augmentation | None = None

    def __init__(self, data: TrainingData, count: int, seed: int) -> None:
        self._data, self._count, self._seed = data, count, seed
        self.windows: int | None = count
        self._kept: WindowBatch | None = None
        self.facts = data.facts | {"training_data": f"{count} windows of: {data.facts['training_data']}"}
        self.picture, self.crop, self.whole, self.whole_every = data.picture, data.crop, data.crop, 0

    def source(self, seed: int, device: torch.device, portion: int | None = None, whole: bool = False) -> WindowSource:
        """Return the windows, crops, shuffled anew each time that all have been handed out."""
        return KeptWindows(self._windows(device), seed)

    def examples(self, count: int, device: torch.device) -> WindowBatch:
        """Return the first of the windows."""
        return self._windows(device).first(count)

    def validate(self, model: BallNetwork) -> Answers:
        """Return answers to the windows themselves."""
        return answer_windows(model, [self._windows(_device(model))], self.picture)

    def calibrate(self, model: BallNetwork, quiet: bool = True) -> Answers:
        """Return the same answers."""
        return self.validate(model)

    def _windows(self, device: torch.device) -> WindowBatch:
        if self._kept is None:
            self._kept = self._data.source(self._seed, device).draw(self._count)
        return self._kept


class KeptWindows:
    """An endless source of windows that lie in memory.

    Args:
        windows: The windows.
        seed: Seed of the order, which is another one each time.
    """

    def __init__(self, windows: WindowBatch, seed: int) -> None:
        self.position = 0
        """Number of the window that comes next, counted on over epochs."""
        self.run = 1
        self._windows, self._seed = windows, seed
        self._order_epoch, self._order = -1, torch.empty(0)

    def seek(self, position: int) -> None:
        """Go on with the window of that number."""
        self.position = position

    def draw(self, count: int) -> WindowBatch:
        """Return the next windows."""
        rows = [self._row_at(position) for position in range(self.position, self.position + count)]
        self.position += count
        return self._windows.at(torch.tensor(rows))

    def _row_at(self, position: int) -> int:
        count = len(self._windows.frames)
        epoch, place = divmod(position, count)
        if epoch != self._order_epoch:
            generator = seeded_generator(self._seed, epoch)
            self._order_epoch, self._order = epoch, torch.randperm(count, generator=generator)
        return int(self._order[place])


def _device(model: BallNetwork) -> torch.device:
    return next(model.parameters()).device


def _watched(batches: Iterable[WindowBatch], count: int, unit: str, quiet: bool) -> Iterable[WindowBatch]:
    """Return the same batches, with a bar of how far confidence is fitted."""
    return tqdm(batches, desc="calibrate", total=count, unit=unit, disable=True if quiet else None)
