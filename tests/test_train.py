"""Training: a run leaves a checkpoint and a log, refuses what it cannot do, and stops when the loss is not finite."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from scenes import seeded
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException

from ttcli import datasets
from ttcli import train as training
from ttcli import training_data
from ttcli.checkpoints import load_checkpoint
from ttcli.configs import TrainConfig
from ttcli.datasets import WindowBatch
from ttcli.errors import LabelError, OutputError, SettingError, TrainingError
from ttcli.models import create_model
from ttcli.networks.blocks import Prediction
from ttcli.validation import Answers, answer_films, answer_windows, validate

CONFIG = TrainConfig(
    steps=3, batch=2, reuse=2, crop_height=64, crop_width=64, warmup=1, save_every=2, device="cpu", precision="fp32"
)
PLAIN = {"slope": 1.0, "bias": 0.0}


@pytest.fixture(autouse=True)
def quick(rallies, textures, monkeypatch):
    """Draw from a few rallies that are there already, and validate on few windows."""
    monkeypatch.setattr(datasets, "simulate_rallies", lambda count, generator, device: rallies)
    monkeypatch.setattr(datasets, "paint_textures", lambda seed: textures)
    monkeypatch.setattr(training_data, "VALIDATION_WINDOWS", 3)
    monkeypatch.setattr(training_data, "CALIBRATION_FILMS", 2)
    monkeypatch.setattr(training_data, "FILM_FRAMES", 40)
    monkeypatch.setattr(training_data, "FILM_HEIGHT", 64)
    monkeypatch.setattr(training_data, "FILM_WIDTH", 96)


@pytest.fixture
def steps_done(monkeypatch):
    """Replace the step by one that costs nothing; return the learning rates that it met."""
    rates = []

    def step(fabric, model, optimizer, batch, output):
        rates.append(optimizer.param_groups[0]["lr"])
        return torch.zeros(())

    monkeypatch.setattr(training, "_train_one_step", step)
    monkeypatch.setattr(training, "_batches", lambda *arguments: iter(lambda: None, 0))
    answers = Answers(torch.ones(4), *torch.ones(2, 4).bool())
    monkeypatch.setattr(training_data.DrawnData, "validate", lambda *arguments: answers)
    monkeypatch.setattr(training_data.DrawnData, "calibrate", lambda *arguments: answers)
    monkeypatch.setattr(training, "fit_calibration", lambda *arguments: PLAIN)
    return rates


def log_of(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def weights_of(run):
    return load_checkpoint(run / "model.safetensors").model.state_dict()


def test_a_run_leaves_a_checkpoint_and_a_log(tmp_path):
    run = tmp_path / "runs" / "first"
    summary = training.train(None, run, CONFIG, quiet=True)
    log = log_of(run)
    assert [entry["step"] for entry in log] == [2, 3]
    assert summary == log[-1]
    assert summary["windows"] == 6
    assert math.isfinite(summary["loss"])
    for name in ("recall", "precision", "arg_max_right"):
        assert 0 <= summary[name] <= 1
    checkpoint = load_checkpoint(run / "model.safetensors")
    assert checkpoint.metadata["steps"] == 3
    assert checkpoint.metadata["model"] == CONFIG.model
    assert checkpoint.metadata["calibration"].keys() == PLAIN.keys()
    assert checkpoint.metadata["metrics"]["drawn_recall"] == summary["recall"]
    prediction = checkpoint.model(torch.zeros(1, 36, 64, 64))
    assert prediction.logits.isfinite().all()
    torch.manual_seed(CONFIG.seed)
    untrained = create_model(CONFIG.model).state_dict()
    trained = weights_of(run)
    assert any(not torch.equal(trained[name], untrained[name]) for name in trained)
    assert {path.name for path in run.iterdir()} == {"log.jsonl", "model.safetensors"}


def test_the_same_seed_trains_the_same_weights(tmp_path):
    config = replace(CONFIG, steps=1)
    for name in ("first", "again"):
        training.train(None, tmp_path / name, config, quiet=True)
    first, again = weights_of(tmp_path / "first"), weights_of(tmp_path / "again")
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_training_goes_on_from_a_checkpoint(tmp_path, steps_done):
    training.train(None, tmp_path / "first", replace(CONFIG, steps=1, seed=5), quiet=True)
    config = replace(CONFIG, steps=1, init=tmp_path / "first" / "model.safetensors")
    training.train(None, tmp_path / "second", config, quiet=True)
    first, second = weights_of(tmp_path / "first"), weights_of(tmp_path / "second")
    assert all(torch.equal(first[name], second[name]) for name in first)  # the steps here change nothing


def test_what_a_checkpoint_is_cannot_be_chosen_anew(tmp_path):
    training.train(None, tmp_path / "first", replace(CONFIG, steps=1), quiet=True)
    start = tmp_path / "first" / "model.safetensors"
    with pytest.raises(SettingError, match="--window: 3 is not what --init has: 9"):
        training.train(None, tmp_path / "second", replace(CONFIG, init=start, window_size=3), quiet=True)
    with pytest.raises(SettingError, match="--model: centernet_v8s is not what --init has: centernet_v8n"):
        training.train(None, tmp_path / "second", replace(CONFIG, init=start, model="centernet_v8s"), quiet=True)


def test_the_failure_of_a_started_process_is_told_as_its_own():
    text = 'Traceback\n  File "x"\nttcli.errors.LabelError: a/b.bin: frame 7: the picture is damaged; extract it again\n'
    told = training._as_told(ProcessRaisedException(text, 0, 1))
    assert type(told) is LabelError and str(told) == "a/b.bin: frame 7: the picture is damaged; extract it again"
    bug = ProcessRaisedException("Traceback\nZeroDivisionError: division by zero\n", 0, 1)
    assert training._as_told(bug) is bug


def test_a_run_is_not_overwritten_unless_asked(tmp_path, steps_done):
    training.train(None, tmp_path, CONFIG, quiet=True)
    with pytest.raises(OutputError, match="holds a run already"):
        training.train(None, tmp_path, CONFIG, quiet=True)
    training.train(None, tmp_path, replace(CONFIG, steps=1, overwrite=True), quiet=True)
    assert [entry["step"] for entry in log_of(tmp_path)] == [1]


def test_a_file_is_no_run_folder(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        training.train(None, tmp_path / "run", CONFIG)


@pytest.mark.parametrize(("name", "size"), [("crop_height", 65), ("crop_width", 80), ("crop_width", 0), ("crop_height", -32)])
def test_crops_that_the_network_cannot_take_are_refused(tmp_path, name, size):
    with pytest.raises(SettingError, match="multiple of 32"):
        training.train(None, tmp_path / "run", replace(CONFIG, **{name: size}))
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    losses = iter([1.0, 1.0, 1.0, math.nan])
    ball_loss = training.ball_loss

    def fail_in_time(prediction, targets):
        loss, parts = ball_loss(prediction, targets)
        return loss * next(losses), parts

    monkeypatch.setattr(training, "ball_loss", fail_in_time)
    with pytest.raises(TrainingError, match="not finite"):
        training.train(None, tmp_path, replace(CONFIG, steps=10), quiet=True)
    assert [entry["step"] for entry in log_of(tmp_path)] == [2]
    assert load_checkpoint(tmp_path / "model.safetensors").metadata["steps"] == 2
    assert all(value.isfinite().all() for value in weights_of(tmp_path).values())


def test_the_learning_rate_rises_in_a_line_and_falls_as_a_cosine(tmp_path, steps_done):
    config = replace(CONFIG, steps=40, warmup=10, learning_rate=0.5, save_every=100)
    training.train(None, tmp_path, config, quiet=True)
    cosine = [0.5 * (1 + math.cos(math.pi * step / 40)) for step in range(1, 41)]
    floor = training.FINAL_RATE
    expected = [0.5 * min(1, (index + 1) / 10) * (floor + (1 - floor) * part) for index, part in enumerate(cosine)]
    assert steps_done == pytest.approx(expected)
    assert max(steps_done) == steps_done[9] > 0.4
    assert steps_done[-1] == pytest.approx(0.5 * floor)


def test_no_warm_up_begins_at_the_peak(tmp_path, steps_done):
    training.train(None, tmp_path, replace(CONFIG, warmup=0, learning_rate=0.25, steps=20, save_every=1000), quiet=True)
    assert steps_done[0] == pytest.approx(0.25, rel=0.01)


def test_time_ends_a_run_that_is_given_minutes(tmp_path, steps_done, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: 6.0 * next(clock)))
    summary = training.train(None, tmp_path, replace(CONFIG, minutes=1.0, steps=1, save_every=1000), quiet=True)
    assert summary["step"] == 10
    assert steps_done[-1] < steps_done[1]


@pytest.mark.parametrize(("batch", "reuse"), [(6, 1), (6, 2), (6, 3)])
def test_windows_come_as_often_as_they_are_reused(monkeypatch, batch, reuse):
    class NumberedWindows:
        """Windows whose pixels are their number."""

        drawn = 0

        def draw(self, count):
            numbers = torch.arange(self.drawn, self.drawn + count)
            self.drawn += count
            flags = torch.ones(count, 1, dtype=torch.bool)
            return WindowBatch(numbers.byte().view(-1, 1, 1, 1, 1).expand(-1, 1, 4, 4, 3), torch.zeros(count, 1, 2), flags, flags)

    batches = training._batches(NumberedWindows(), replace(CONFIG, batch=batch, reuse=reuse), 0)
    numbers = torch.cat([next(batches).frames[:, 0, 0, 0, 0] for _ in range(30)])
    assert len(numbers) == 30 * batch
    uses = torch.bincount(numbers.int())
    assert uses[5 * batch // reuse : 20 * batch // reuse].float().mean() == pytest.approx(reuse, rel=0.2)


def test_averaged_weights_follow_the_trained_ones():
    averaged, model = (create_model("centernet_v8n") for _ in range(2))
    before = {name: value.clone() for name, value in averaged.state_dict().items()}
    training._average(averaged, model, decay=0.75)
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, 0.75 * before[name] + 0.25 * model.state_dict()[name], atol=1e-6)


def test_a_network_that_answers_for_the_last_frame_alone_is_trained(tmp_path):
    training.train(None, tmp_path / "run", replace(CONFIG, steps=1, window_size=3, outputs="last"), quiet=True)
    checkpoint = load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert (checkpoint.metadata["window_size"], checkpoint.metadata["outputs"]) == (3, "last")
    assert checkpoint.model.output_frames == (2,)


class Answer(nn.Module):
    """A network that gives the same answer for every batch: a sure peak at one cell of each frame."""

    difference = False
    output_frames = tuple(range(9))

    def __init__(self, positions):
        super().__init__()
        self.cells = ((positions - 1.5) / 4).round().long()

    def forward(self, x):
        logits = torch.full((*self.cells.shape[:2], 16, 16), -10.0)
        window, frame = torch.meshgrid(*(torch.arange(size) for size in self.cells.shape[:2]), indexing="ij")
        logits[window, frame, self.cells[..., 1], self.cells[..., 0]] = 3.0
        return Prediction(logits, torch.zeros(*self.cells.shape, 16, 16))


def test_films_are_answered_frame_by_frame():
    films = datasets.drawn_films(2, 40, 64, 96, seed=1)
    answers = answer_films(create_model("centernet_v8n").eval(), films)
    assert 0 < len(answers.logits) == len(answers.right) == len(answers.visible) <= 80
    assert answers.logits.isfinite().all()
    assert not (answers.right & ~answers.visible).any()


def test_a_batch_that_reuse_does_not_divide_is_refused(tmp_path):
    with pytest.raises(SettingError, match="multiple of 2"):
        training.train(None, tmp_path / "run", replace(CONFIG, batch=3), quiet=True)


def test_validation_counts_found_missed_and_false_balls():
    positions = torch.randint(2, 14, (4, 9, 2), generator=seeded()) * 4 + 1.5
    visible, known = torch.ones(4, 9, dtype=torch.bool), torch.ones(4, 9, dtype=torch.bool)
    windows = WindowBatch(torch.zeros(4, 9, 64, 64, 3, dtype=torch.uint8), positions, visible, known)

    def figures(calibration=PLAIN, **labels):
        return validate(answer_windows(Answer(positions), [replace(windows, **labels)], 512), calibration)

    assert figures() == {"recall": 1.0, "precision": 1.0, "arg_max_right": 1.0}
    far = positions.clone()
    far[:2] += 8.0
    assert figures(positions=far) == {"recall": 0.5, "precision": 0.5, "arg_max_right": 0.5}
    visible[3] = False
    assert figures(visible=visible) == {"recall": 1.0, "precision": 0.75, "arg_max_right": 1.0}
    known[3] = False
    assert figures(visible=visible, known=known) == {"recall": 1.0, "precision": 1.0, "arg_max_right": 1.0}
    shy = figures({"slope": 1.0, "bias": -5.0})  # the logits are 3
    assert shy == {"recall": 0.0, "precision": 0.0, "arg_max_right": 1.0}
