"""Films that confidence is calibrated on, kept on disk for the next run: drawing them takes minutes, reading them seconds."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.outputs import make_folder, sweep, temporary_folder
from ttcli.training_set.frame_store import CLIP_FILE, FrameStore, FrameWriter
from ttcli.training_set.window_batch import WindowBatch, unknown_events

BEGUN = ".films."
"""Begins the names of folders that are being filled."""


def keep_films(place: Path, films: Iterable[WindowBatch], device: torch.device) -> Iterator[WindowBatch]:
    """Yield films as they are read from a folder, which is filled with them first where it is not there.

    Each is yielded as soon as it is written, and read back: pictures are kept as JPEG, and every run is to see the same.
    The folder gets its name when it holds all of them.

    Args:
        place: The folder, named after all that decides how the films look.
        films: Each a batch of one long window; drawn as they are asked for, and not at all where the folder is there.
        device: Where they are wanted.

    Raises:
        OutputError: The folder cannot be written.
        InputError: A kept file is missing.
        LabelError: A kept file is damaged.
    """
    if place.is_dir():
        for folder in sorted(place.iterdir()):
            yield _read_film(folder, device)
        return
    make_folder(place.parent)
    sweep(place.parent, BEGUN)
    with temporary_folder(place.parent, BEGUN) as begun:
        for number, film in enumerate(films):
            folder = begun / f"{number:03}"
            folder.mkdir()
            _write_film(folder, film)
            yield _read_film(folder, device)
        _name(begun, place)


def _name(begun: Path, place: Path) -> None:
    """Give a full folder its name, unless another run has done so meanwhile."""
    if not place.exists():
        begun.rename(place)


def _write_film(folder: Path, film: WindowBatch) -> None:
    pictures = film.frames[0].cpu().numpy()
    with FrameWriter(folder) as writer:
        for frame_index, picture in enumerate(pictures):
            writer.append(frame_index, picture, _label(film, frame_index))
    height, width = pictures.shape[1:3]
    sizes = {"source_height": height, "source_width": width, "height": height, "width": width, "window_size": len(pictures)}
    (folder / CLIP_FILE).write_text(json.dumps(sizes), encoding="utf-8")


def _label(film: WindowBatch, frame_index: int) -> BallLabel | None:
    if not film.known[0, frame_index]:
        return None
    x, y = film.positions[0, frame_index].tolist()
    return BallLabel(True, x, y) if film.visible[0, frame_index] else NOT_VISIBLE


def _read_film(folder: Path, device: torch.device) -> WindowBatch:
    store = FrameStore(folder)
    labels = [store.labels.get(frame_index) for frame_index in store.frame_indexes]
    pictures = np.stack([store.picture(frame_index) for frame_index in store.frame_indexes])
    visible = torch.tensor([[label is not None and label.visible for label in labels]])
    known = torch.tensor([[label is not None for label in labels]])
    places = [[label.x, label.y] if label is not None and label.visible else [0.0, 0.0] for label in labels]
    columns = (torch.from_numpy(pictures)[None], torch.tensor([places]), visible, known, unknown_events(visible))
    return WindowBatch(*(column.to(device) for column in columns))
