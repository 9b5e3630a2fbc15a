"""Without the extra `train` everything but training runs, and what needs it says so in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ball_videos import HEIGHT, WIDTH, ball_path, ball_picture, write_video

from ttcli.networks.libraries import LIBRARIES
from ttcli.networks.weight_files import write_weights

RUN_ALL = """
import json, sys
for library in json.loads(sys.argv[1]):
    sys.modules[library] = None  # cannot be imported
from click.testing import CliRunner
from ttcli.cli import main
for arguments in json.loads(sys.argv[2]):
    result = CliRunner().invoke(main, arguments)
    print(json.dumps([result.exit_code, result.stdout, result.stderr, repr(result.exception)]))
"""
CURE = "pip install '.[train]'"
EVERYTHING_ELSE = [
    "detect ball.mp4 -o ball.csv --weights fast --step 9 -q",
    "verify ball.csv",
    "render ball.mp4 --ball ball.csv -o overlay.mp4 -q",
    "spot ball.csv -o events.csv",
    "probe ball.mp4 --weights fast --samples 1",
    "evaluate ball.csv ball.csv",
    "convert ball.csv ball.xml",
    "extract ball.mp4 --labels ball.csv --no-events -o set -q",
]
NEED_THEM = [
    "train simulated -o run --steps 1",
    "detect ball.mp4 -o x.csv --weights unet.safetensors",
    "models",
    "models --json",
]
SLOWER = [
    "simulate -o drawn --rallies 1 --frames 2 --size 320x180 -q",
    "bench ball.mp4 --rounds 1 --seconds 0.2 -q",
    "export fast -o model.onnx",
]


def run_all(folder: Path, commands: list[str]) -> list[tuple[int, str, str, str]]:
    """Return exit code, stdout, stderr and exception of each command, run in a folder without the libraries."""
    arguments = [json.dumps(LIBRARIES), json.dumps([command.split() for command in commands])]
    done = subprocess.run([sys.executable, "-c", RUN_ALL, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Return the folder in which all of these commands ran, in one process, and what each said."""
    folder = tmp_path_factory.mktemp("without")
    write_video(folder / "ball.mp4", (ball_picture(HEIGHT, WIDTH, place) for place in ball_path(24, HEIGHT, WIDTH)))
    described = {"model": "unet_effb0", "window_size": 9, "difference": True, "outputs": "all"}
    write_weights(folder / "unet.safetensors", {"none": torch.zeros(1)}, described)
    return folder, run_all(folder, [*EVERYTHING_ELSE, *NEED_THEM])


def test_everything_but_training_runs(ran):
    for command, (code, *told) in zip(EVERYTHING_ELSE, ran[1][: len(EVERYTHING_ELSE)], strict=True):
        hopeless = command.startswith("probe")  # in its words, for a video as small as this
        assert (code, told[1]) == (int(hopeless), ""), (command, told)


@pytest.mark.slow
def test_simulate_bench_and_export_run(tmp_path, ball_video):
    ball_video("ball.mp4")
    for command, (code, *told) in zip(SLOWER, run_all(tmp_path, SLOWER), strict=True):
        assert code == 0, (command, told)


def test_what_needs_the_libraries_names_them_and_the_cure(ran):
    folder, told = ran
    trained, detected, table, listed = told[len(EVERYTHING_ELSE) :]
    for (code, _, stderr, _), place in ((trained, "ttcli train"), (detected, "unet.safetensors")):
        assert code == 1 and stderr.startswith(f"ttcli: {place}: ")
        assert stderr.endswith(f"; {CURE}\n") and stderr.count("\n") == 1
    assert "lightning_fabric" in trained[2] or "matplotlib" in trained[2]
    assert not (folder / "run").exists()

    assert table[0] == 0 and CURE in table[1] and "lacks segmentation_models_pytorch" in table[1]
    content = json.loads(listed[1])
    assert {network["name"] for network in content["networks"]} >= {"centernet_v8n", "centernet_hourglass52"}
    assert content["lacking"]["unet_effb0"] == "segmentation_models_pytorch"
    assert content["lacking"]["effunetpp_b0"] == "torchvision"
