"""`ttcli train`: windows in, drawn or extracted from labelled video, checkpoints out."""

import functools
import logging
import multiprocessing
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from ttcli import errors
from ttcli.configs import TrainConfig
from ttcli.errors import OutputError, SettingError, TrainingError
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.checkpoints import load_checkpoint, packaged
from ttcli.networks.devices import choose_device, cpu_multiplies_in_bf16
from ttcli.networks.model_input import SIZE_MULTIPLE
from ttcli.networks.registry import add_event_head, create_model
from ttcli.processes import ENDING, end_with_parent, held_in_started, leave_interrupts, let_go
from ttcli.training.augmentation import DRAWN_ALREADY, Augmentation
from ttcli.training.data import DrawnData, ExtractedData, LimitedData, TrainingData
from ttcli.training.loop import TrainingLoop
from ttcli.training.run_folder import locked, remove_run, run_is_in, settings_to_go_on, write_settings
from ttcli.training.stop_requests import stop_requests
from ttcli.training_set.stored_windows import check_events

ARCHITECTURE = ("window_size", "outputs", "neck", "activation", "pretrained")
"""Fields of TrainConfig that say how the network is built, beside its name and `background`."""
FabricPrecision = Literal["bf16-mixed", "16-mixed", "32-true"]
FABRIC_PRECISIONS: dict[str, FabricPrecision] = {"bf16": "bf16-mixed", "fp16": "16-mixed", "fp32": "32-true"}
"""Each of TRAINING_PRECISIONS but auto -> what Fabric calls it."""

PASS_ON_SECONDS = 0.2
"""Between two looks at whether a request to end is to be passed on to processes."""


def train(data: Path | None, output: Path, config: TrainConfig, quiet: bool = False) -> dict:
    """Train a network and return the summary of the run.

    Writes the files of `ttcli.training.run_folder` into the folder `output`, the checkpoints among them every `save_every`
    steps. Interrupted by Ctrl-C or a request to end, it saves first.

    Args:
        data: Folder that `ttcli extract` wrote; None draws windows by simulation.
        output: Folder of the run.
        config: Settings.
        quiet: Show no progress.

    Raises:
        InputError: `data` is no extracted set, or lacks windows for training or validation; no run to go on with.
        OutputError: The folder holds a run already, or another one is going on in it.
        SettingError: Crops that the network cannot take, a set with windows of another size, or an unknown device.
        TrainingError: The loss was not finite, or the memory too small; the last good checkpoint is kept.
        KeyboardInterrupt: The run was interrupted, and is saved.
    """
    config = settings_to_go_on(output, data, config) if config.resume else config
    _check(output, config)
    fabric = _fabric(config)
    network = _untrained(config)
    built = {name: getattr(network, name) for name in ARCHITECTURE}
    config = replace(config, model=network.name, background=_background(network), event_head=network.event_head, **built)
    if config.freeze_ball and not config.event_head:
        raise SettingError("--freeze-ball", "leaves nothing to train without an event head", "give --event-head too")
    # In a process that is started an error would be a traceback; here it is one line, and comes at once.
    training_data = _training_data(data, config)
    if config.whole_every is None:
        config = replace(config, whole_every=training_data.whole_every)
    with locked(output) if _is_first() else nullcontext():
        if _is_first() and not config.resume:
            remove_run(output)
            write_settings(output, data, config)
        # Bound, not passed: Fabric walks through arguments and may not meet a frozen dataclass there.
        summary = _launch(fabric, functools.partial(_train, data=data, output=output, config=config, quiet=quiet), config)
    if summary is None:
        raise KeyboardInterrupt
    return summary


def _check(output: Path, config: TrainConfig) -> None:
    for name in ("crop_height", "crop_width"):
        if getattr(config, name) % SIZE_MULTIPLE or getattr(config, name) <= 0:
            raise SettingError(name.replace("_", " "), f"is {getattr(config, name)}", f"give a multiple of {SIZE_MULTIPLE}")
    if config.batch % config.reuse:
        cure = f"give a multiple of {config.reuse} windows"
        raise SettingError("batch", f"is {config.batch}, and each window is used {config.reuse} times", cure)
    if config.second_stage and config.whole_every:
        raise SettingError("--whole-every", "the second stage never sees whole pictures", "leave one of them out")
    if output.is_file():
        raise OutputError(output, "is a file", "give the name of a folder")
    if run_is_in(output) and not (config.resume or config.overwrite):
        cure = "give another folder, --resume to go on with it, or --overwrite to start anew"
        raise OutputError(output, "holds a run already", cure)


def _fabric(config: TrainConfig) -> Fabric:
    """Return what starts the processes and keeps them in step: those of `devices`, or those that torchrun started."""
    device = choose_device(config.device)
    fast = device.type == "cuda" or cpu_multiplies_in_bf16()
    precision = ("bf16" if fast else "fp32") if config.precision == "auto" else config.precision
    if precision == "fp16" and device.type == "cpu":
        raise SettingError("--precision", "fp16 needs a GPU", "take bf16 or fp32")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells its precision, also with -q
    started = int(os.environ["LOCAL_WORLD_SIZE"]) if _under_torchrun() else None
    return Fabric(
        accelerator="cuda" if device.type == "cuda" else "cpu",
        devices=started or config.devices,
        num_nodes=int(os.environ["WORLD_SIZE"]) // started if started else 1,
        strategy="ddp_spawn" if _spawns(config) else "ddp" if started or config.devices > 1 else "auto",
        precision=FABRIC_PRECISIONS[precision],
    )


def _under_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def _spawns(config: TrainConfig) -> bool:
    """Return whether training happens in processes that are spawned here, and not in this one."""
    return config.devices > 1 and choose_device(config.device).type == "cpu" and not _under_torchrun()


def _is_first() -> bool:
    """Return whether this is the first of the processes that torchrun, or Fabric on several GPUs, starts as a whole."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0


def _launch(fabric: Fabric, function: Callable[[Fabric], dict | None], config: TrainConfig) -> dict | None:
    """Return what the first of the processes that train returns; the others wait for it, or end with it."""
    return _in_started(fabric, function, config.devices) if _spawns(config) else fabric.launch(function)


def _in_started(fabric: Fabric, function: Callable[[Fabric], dict | None], count: int) -> dict | None:
    """Train in processes that are started here, and pass Ctrl-C and a request to end on to them.

    They begin with these signals held, until they can note them. So a thread starts them: this one would hold them, too.
    """
    logging.getLogger(ProcessExitedException.__module__).setLevel(logging.ERROR)  # it tells whom it asks to end
    outcome: Future[dict | None] = Future()

    def start() -> None:
        with held_in_started(ENDING):
            try:
                outcome.set_result(fabric.launch(function))
            except BaseException as error:  # whatever it is, it is raised in the thread that waits
                outcome.set_exception(error)

    with stop_requests() as asked_to_stop:
        threading.Thread(target=start, daemon=True).start()
        told: set[int | None] = set()
        while not outcome.done():
            if asked_to_stop() and len(told) < count:  # also those that are started only now
                for process in multiprocessing.active_children():
                    if process.pid not in told:
                        process.terminate()
                        told.add(process.pid)
            try:
                wait([outcome], PASS_ON_SECONDS)
            except KeyboardInterrupt:  # asked a second time
                for process in multiprocessing.active_children():
                    process.kill()
                raise
        try:
            return outcome.result()
        except (ProcessRaisedException, ProcessExitedException) as error:
            if asked_to_stop():  # a process may end while another still talks to it
                return None
            raise _as_told(error) from error


def _as_told(error: ProcessRaisedException | ProcessExitedException) -> Exception:
    """Return the expected failure that a started process hands on as the last line of a text, else the error itself."""
    if isinstance(error, ProcessExitedException):
        return TrainingError("train", "a process that trained was killed", "make room in memory, or give a smaller --batch")
    found = re.search(r"^ttcli\.errors\.(\w+): (.+?): (.+); (.+)$", str(error), re.MULTILINE)
    return getattr(errors, found[1])(*found.groups()[1:]) if found else error


def _train(fabric: Fabric, data: Path | None, output: Path, config: TrainConfig, quiet: bool) -> dict | None:
    """Train in one of the processes; return the summary in the first, or None where the run was interrupted."""
    started = multiprocessing.parent_process() is not None and _spawns(config)
    if started or not _is_first():
        end_with_parent()
    if not started:
        return _loop(fabric, data, output, config).run(quiet)
    leave_interrupts()  # the process that started this one passes them on, as requests to end
    with stop_requests() as asked_to_stop:
        let_go(ENDING)
        try:
            return _loop(fabric, data, output, config).run(quiet, asked_to_stop)
        except KeyboardInterrupt:
            return None


def _loop(fabric: Fabric, data: Path | None, output: Path, config: TrainConfig) -> TrainingLoop:
    torch.manual_seed(config.seed)
    training_data = _training_data(data, config)
    return TrainingLoop(fabric, _untrained(config), training_data, _augmentation(training_data, config), output, config)


def _untrained(config: TrainConfig) -> BallNetwork:
    """Return the network as training begins with it."""
    chosen = {name: getattr(config, name) for name in ARCHITECTURE}
    difference = config.background == "median"
    if config.resume:  # its weights come from the run
        model = create_model(
            config.model, difference=difference, **{**chosen, "pretrained": False}, event_head=config.event_head
        )
        model.pretrained = config.pretrained
        return model
    if config.init is None:
        return create_model(config.model, difference=difference, **chosen, event_head=config.event_head)
    model = load_checkpoint(packaged(config.init)).model
    has = {"model": model.name, "background": _background(model), **{name: getattr(model, name) for name in ARCHITECTURE}}
    for name, held in has.items():
        given = getattr(config, name)
        if given not in (getattr(TrainConfig, name), held):
            option = {"window_size": "window"}.get(name, name)
            raise SettingError(f"--{option}", f"{given} is not what --init has: {held}", "leave one of them out")
    if config.event_head and not model.event_head:
        add_event_head(model)
    return model


def _background(model: BallNetwork) -> str:
    return "median" if model.difference else "none"


def _training_data(data: Path | None, config: TrainConfig) -> TrainingData:
    shape = config.window_size, config.crop_height, config.crop_width
    if config.second_stage and data is not None:
        raise SettingError("--second-stage", "is for drawn windows", "give `simulated` as the data, or leave it out")
    if config.films is not None and data is not None:
        raise SettingError("--films", "are drawn, and a set is calibrated with its own windows", "leave it out")
    whole: TrainingData = (
        DrawnData(*shape, config.second_stage, config.films)
        if data is None
        else ExtractedData(data, *shape, config.cache_memory // config.devices)
    )
    if config.event_head and data is not None:
        check_events(data)
    return whole if config.limit_samples is None else LimitedData(whole, config.limit_samples, config.seed + 1)


def _augmentation(data: TrainingData, config: TrainConfig) -> Augmentation | None:
    every = Augmentation(mask_ball=config.mask_ball, paste_ball=config.paste_ball)
    chosen = {"all": every, "few": DRAWN_ALREADY, "none": None}
    if config.augment != "auto":
        return chosen[config.augment]
    return every if isinstance(data, ExtractedData) else data.augmentation
