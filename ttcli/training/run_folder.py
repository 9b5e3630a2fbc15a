"""The folder of a training run: the files in it, and how a run that was stopped goes on to the same result.

    best.safetensors    the checkpoint with the best score so far
    last.safetensors    the latest one
    metrics.csv         a row for each validation
    settings.json       what the run was told
    state.safetensors   what it takes to go on: weights, averaged weights, the optimiser's memory, and counters
    curves.png, predictions.jpg, card.md    made when the run ends, see `training.report`

Each file is written under another name first, so that it is whole or not there, whenever a run is killed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ttcli.configs import TrainConfig
from ttcli.errors import CheckpointError, InputError, SettingError
from ttcli.networks.weight_files import READ_ERRORS, read_all, write_weights
from ttcli.outputs import complete_file, locked_folder, sweep_below, sweep_these
from ttcli.results.csv_rows import write_rows
from ttcli.training_set.window_batch import WindowBatch

BEST_FILE, LAST_FILE, STATE_FILE = "best.safetensors", "last.safetensors", "state.safetensors"
METRICS_FILE, SETTINGS_FILE, FAILED_FILE = "metrics.csv", "settings.json", "failed_batch.safetensors"
STATE_KEY = "ttcli-run"
MAY_CHANGE = (
    "minutes", "steps", "save_every", "early_stop", "cache_memory", "device", "calibrate", "films", "resume", "overwrite",
)  # fmt: skip
"""Settings that may be others when a run goes on."""
NOT_A_RUN = "give the folder of a run, or leave --resume out"


@dataclass
class RunState:
    """How far a run is. Counters and scores only; its networks and its optimiser hold the tensors."""

    step: int = 0
    """Optimiser steps done."""
    seconds: float = 0.0
    """Time trained."""
    windows: int = 0
    """Windows presented, over all processes."""
    best_score: float | None = None
    waited: int = 0
    """Validations since the best one."""
    rate: dict[str, Any] = field(default_factory=dict)
    """State of the learning rate's schedule."""
    scaler: dict[str, Any] = field(default_factory=dict)
    """State of the scaling of losses in fp16."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Those of metrics.csv."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder of a run, and keep other runs out while the block lasts.

    Raises:
        OutputError: It cannot be made, or a run is going on in it.
    """
    with locked_folder(folder):
        sweep_below(folder)  # what a run left that was killed while it wrote
        sweep_these(folder.glob(".*.safetensors"))  # as older versions called it
        yield


def run_is_in(folder: Path) -> bool:
    """Return whether a folder holds a run."""
    return any((folder / name).exists() for name in (STATE_FILE, LAST_FILE))


def remove_run(folder: Path) -> None:
    """Remove what a run that is overwritten could be mistaken for: its state and its checkpoints."""
    for name in (STATE_FILE, BEST_FILE, LAST_FILE):
        (folder / name).unlink(missing_ok=True)


def write_settings(folder: Path, data: Path | None, config: TrainConfig) -> None:
    """Write the settings of the run, for one that goes on with it.

    Raises:
        OutputError: The disk is full.
    """
    told = json.dumps({"data": _data_name(data), **_plain(config)}, indent=1)
    write_whole(folder / SETTINGS_FILE, told.encode())


def settings_to_go_on(folder: Path, data: Path | None, config: TrainConfig) -> TrainConfig:
    """Return the settings that a run began with, with those that may change (MAY_CHANGE) as they are given now.

    What is not given now, which is to say left at its default, stays as it was.

    Raises:
        InputError: There is no run to go on with.
        SettingError: The data or a setting that may not change is another one.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file() or not (folder / STATE_FILE).is_file():
        raise InputError(folder, "holds no run that could go on", NOT_A_RUN)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        before = {entry.name: stored[entry.name] for entry in fields(TrainConfig)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(path, "is damaged, or of another version", "start the run anew with --overwrite") from error
    if stored.get("data") != _data_name(data):
        raise SettingError("DATA", f"is {_data_name(data)}, and the run began with {stored.get('data')}", "give the same")
    given = _plain(config)
    for name in given:
        default = _plain(TrainConfig())[name]
        if given[name] in (default, before[name]):
            continue
        if name not in MAY_CHANGE:
            fact = f"is {given[name]}, and the run began with {before[name]}"
            raise SettingError(name.replace("_", " "), fact, "leave it out, or start another run")
        before[name] = given[name]
    before["resume"], before["overwrite"] = True, False
    before["init"] = None  # the weights are those of the run
    before["films"] = Path(before["films"]) if before["films"] else None
    return TrainConfig(**before)


def save_state(folder: Path, state: RunState, model: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write all that it takes to go on.

    Raises:
        OutputError: The disk is full.
    """
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"averaged/{name}": value for name, value in averaged.state_dict().items()}
    for number, memory in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": value for name, value in memory.items()}
    write_weights(folder / STATE_FILE, tensors, asdict(state), key=STATE_KEY)


def restore_state(folder: Path, model: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer) -> RunState:
    """Put networks and optimiser back to where a run was, and return how far that is.

    Raises:
        CheckpointError: The file is damaged, or belongs to another network.
    """
    path = folder / STATE_FILE
    try:
        strings, tensors = read_all(path)
        state = RunState(**json.loads(strings[STATE_KEY]))
        for part, network in (("model", model), ("averaged", averaged)):
            network.load_state_dict(_below(f"{part}/", tensors))
        memory: dict[int, dict[str, Tensor]] = {}
        for name, value in _below("optimizer/", tensors).items():
            number, _, kind = name.partition("/")
            memory.setdefault(int(number), {})[kind] = value
        optimizer.load_state_dict({"state": memory, "param_groups": optimizer.state_dict()["param_groups"]})
    except (*READ_ERRORS, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(path, f"cannot be gone on with ({reason})", "start the run anew with --overwrite") from error
    return state


def write_metrics(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write metrics.csv.

    Raises:
        OutputError: The disk is full.
    """
    columns = list(rows[0])
    write_rows(folder / METRICS_FILE, columns, ([row.get(name) for name in columns] for row in rows), overwrite=True)


def save_failed_batch(folder: Path, batch: WindowBatch) -> None:
    """Write the windows at which a loss was not finite, for a look.

    Raises:
        OutputError: The disk is full.
    """
    write_weights(folder / FAILED_FILE, vars(batch))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file of a run in one go.

    Raises:
        OutputError: The disk is full.
    """
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_bytes(content)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _data_name(data: Path | None) -> str:
    return "simulated" if data is None else str(data.resolve())


def _plain(config: TrainConfig) -> dict[str, Any]:
    """Return settings in types that JSON knows."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(config).items()}
