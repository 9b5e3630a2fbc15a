"""Processes that train together do what one does with all of their windows, whoever starts them."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from stored_sets import write_clip

from ttcli.networks.checkpoints import read_metadata

SCRIPT = Path(__file__).parents[1] / "helpers" / "train_in_processes.py"
SETTINGS = {
    "steps": 4, "save_every": 1, "reuse": 1, "crop_height": 64, "crop_width": 64, "warmup": 1, "device": "cpu",
    "precision": "fp32", "augment": "none", "learning_rate": 0.01,
    "whole_every": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "mine"
    write_clip(folder, "game_1", "training", frames=20)
    write_clip(folder, "game_2", "validation", frames=12)
    return folder


def command(data, output, *start, **settings):
    return [sys.executable, *start, str(SCRIPT), str(data), str(output), json.dumps({**SETTINGS, **settings})]


def run(*arguments, **settings):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command(*arguments, **settings), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def losses(output):
    with (output / "metrics.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def weights(output):
    with safe_open(output / "state.safetensors", framework="pt") as file:
        return torch.cat([file.get_tensor(name).flatten() for name in sorted(file.keys()) if name.startswith("model/")])


@pytest.mark.slow
def test_two_processes_have_the_loss_and_the_weights_of_one_with_all_of_the_batch(data, tmp_path):
    run(data, tmp_path / "one", batch=8, whole_every=2)  # of whole pictures two windows, or one in each of two processes
    run(data, tmp_path / "two", batch=4, whole_every=2, devices=2)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
    assert losses(tmp_path / "one")[-1] < losses(tmp_path / "one")[0]
    torch.testing.assert_close(weights(tmp_path / "two"), weights(tmp_path / "one"), rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_torchrun_starts_the_processes_too(data, tmp_path):
    run(data, tmp_path / "one", batch=4)
    run(data, tmp_path / "two", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", batch=2)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_processes_that_are_asked_to_end_save_first(data, tmp_path, number):
    run_folder = tmp_path / "run"
    process = subprocess.Popen(
        command(data, run_folder, batch=2, devices=2, steps=100_000, save_every=5),
        start_new_session=True, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (run_folder / "state.safetensors").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    if number == signal.SIGINT:  # a terminal sends it to all processes
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode != 0 and "KeyboardInterrupt" in told  # a line in `cli`
    step = read_metadata(run_folder / "last.safetensors")["steps"]
    assert step < 100_000
    run(data, run_folder, resume=True, devices=2, batch=2, steps=step + 1)
    assert read_metadata(run_folder / "last.safetensors")["steps"] == step + 1


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 1, 3], ids=str)
def test_a_request_to_end_is_heard_while_processes_begin(data, tmp_path, seconds):
    process = subprocess.Popen(
        command(data, tmp_path / "run", batch=2, devices=2, steps=100_000),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "run" / "settings.json").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGTERM)  # to all of them, as some programs do
    _, told = process.communicate(timeout=120)
    assert process.returncode != 0 and told.count("Traceback") == 1 and told.rstrip().endswith("KeyboardInterrupt"), told


@pytest.mark.slow
def test_processes_end_where_the_one_that_started_them_is_killed(data, tmp_path):
    run_folder = tmp_path / "run"
    process = subprocess.Popen(
        command(data, run_folder, batch=2, devices=2, steps=100_000, save_every=5),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    while not (run_folder / "state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.communicate(timeout=20)  # the pipe reaches its end when nobody holds it any more
