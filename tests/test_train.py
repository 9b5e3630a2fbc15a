"""Training: a run leaves a checkpoint and a log, refuses what it cannot do, and stops when the loss is not finite."""

import csv
import json
import math
import signal
from dataclasses import replace
from types import SimpleNamespace

import cv2
import pytest
import torch
from safetensors import safe_open
from scenes import seeded
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException

from ttcli import train as training
from ttcli.configs import TrainConfig
from ttcli.errors import CheckpointError, InputError, LabelError, OutputError, SettingError, TrainingError
from ttcli.networks.blocks import Prediction
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.registry import create_model
from ttcli.training import data as training_data
from ttcli.training import drawn_windows
from ttcli.training import loop as training_loop
from ttcli.training.batches import BatchStream
from ttcli.training.learning_rates import FINAL_PART
from ttcli.training.loop import TrainingLoop
from ttcli.training.run_folder import locked
from ttcli.training.validation import Answers, answer_films, answer_windows, validate
from ttcli.training_set.window_batch import WindowBatch

CONFIG = TrainConfig(
    steps=3, batch=2, reuse=2, crop_height=64, crop_width=64, warmup=1, save_every=2, device="cpu", precision="fp32"
)
PLAIN = {"slope": 1.0, "bias": 0.0}


@pytest.fixture(autouse=True)
def quick(rallies, textures, monkeypatch):
    """Draw from a few rallies that are there already, and validate on few windows."""
    monkeypatch.setattr(drawn_windows, "simulate_rallies", lambda count, generator, device: rallies.to(device))
    monkeypatch.setattr(drawn_windows, "paint_textures", lambda seed: textures)
    monkeypatch.setattr(training_data, "VALIDATION_WINDOWS", 3)
    monkeypatch.setattr(training_data, "CALIBRATION_FILMS", 2)
    monkeypatch.setattr(training_data, "FILM_FRAMES", 40)
    monkeypatch.setattr(training_data, "FILM_HEIGHT", 64)
    monkeypatch.setattr(training_data, "FILM_WIDTH", 96)


@pytest.fixture
def steps_done(monkeypatch):
    """Replace the step by one that costs nothing; return the learning rates that it met."""
    rates = []

    def learn(loop, batch):
        rates.append(loop.optimizer.param_groups[0]["lr"])
        return {"loss": torch.zeros(())}

    def batches(stream, first):
        while True:
            yield None

    monkeypatch.setattr(TrainingLoop, "_learn", learn)
    monkeypatch.setattr(BatchStream, "start", batches)
    answers = Answers(torch.ones(4), torch.zeros(4, 2), torch.ones(4))
    monkeypatch.setattr(training_data.DrawnData, "validate", lambda *arguments: answers)
    monkeypatch.setattr(training_data.DrawnData, "calibrate", lambda *arguments: answers)
    monkeypatch.setattr(training_loop, "fit_calibration", lambda *arguments: PLAIN)
    monkeypatch.setattr(training_loop, "write_report", lambda *arguments: None)
    return rates


def metrics_of(run):
    with (run / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def steps_of(run):
    return [int(row["step"]) for row in metrics_of(run)]


def weights_of(run, name="last.safetensors"):
    return load_checkpoint(run / name).model.state_dict()


def same_weights(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_leaves_checkpoints_metrics_and_a_report(tmp_path):
    run = tmp_path / "runs" / "first"
    summary = training.train(None, run, CONFIG, quiet=True)
    assert steps_of(run) == [2, 3]
    assert summary["steps"] == 3 and summary["best"] == str(run / "best.safetensors")
    row = metrics_of(run)[-1]
    assert int(row["windows"]) == 6
    assert math.isfinite(float(row["loss"]))
    assert float(row["loss"]) == pytest.approx(float(row["heatmap_loss"]) + float(row["offset_loss"]), rel=1e-3)
    for name in ("accuracy@5", "accuracy@10", "recall@10", "arg_max_right"):
        assert 0 <= float(row[name]) <= 1
    checkpoint = load_checkpoint(run / "last.safetensors")
    assert checkpoint.metadata["steps"] == 3
    assert checkpoint.metadata["model"] == CONFIG.model
    assert checkpoint.metadata["calibration"].keys() == PLAIN.keys()
    assert checkpoint.metadata["metrics"]["drawn_recall@10"] == float(row["recall@10"])
    prediction = checkpoint.model(torch.zeros(1, 36, 64, 64))
    assert prediction.logits.isfinite().all()
    torch.manual_seed(CONFIG.seed)
    untrained = create_model(CONFIG.model).state_dict()
    assert not same_weights(weights_of(run), untrained)
    files = {path.name for path in run.iterdir()} - {"tensorboard", ".lock"}
    assert files == {
        "best.safetensors", "last.safetensors", "state.safetensors", "settings.json", "metrics.csv", "curves.png",
        "predictions.jpg", "card.md",
    }  # fmt: skip
    for name in ("curves.png", "predictions.jpg"):
        assert cv2.imread(str(run / name)).std() > 5
    card = (run / "card.md").read_text()
    assert "centernet_v8n, 9 frames" in card and "simulation" in card and "crop_height: 64" in card


def test_the_same_seed_trains_the_same_weights(tmp_path):
    config = replace(CONFIG, steps=1)
    for name in ("first", "again"):
        training.train(None, tmp_path / name, config, quiet=True)
    assert same_weights(weights_of(tmp_path / "first"), weights_of(tmp_path / "again"))


@pytest.mark.parametrize("settings", [{}, {"model": "deeplabv3p_effb0", "schedule": "plateau", "augment": "all"}])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path, settings):
    config = replace(CONFIG, steps=4, schedule="constant", batch=4, crop_height=32, crop_width=32)
    config = replace(config, **settings)
    training.train(None, tmp_path / "whole", config, quiet=True)
    training.train(None, tmp_path / "parts", replace(config, steps=2), quiet=True)
    assert not same_weights(weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts"))
    training.train(None, tmp_path / "parts", TrainConfig(steps=4, resume=True), quiet=True)
    assert same_weights(weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts"))
    assert steps_of(tmp_path / "parts") == [2, 4]
    assert metrics_of(tmp_path / "whole")[-1]["loss"] == metrics_of(tmp_path / "parts")[-1]["loss"]


def test_a_run_does_not_go_on_with_other_settings_or_data(tmp_path, steps_done):
    training.train(None, tmp_path / "run", CONFIG, quiet=True)
    with pytest.raises(SettingError, match="learning rate: is 0.5, and the run began with 0.0015"):
        training.train(None, tmp_path / "run", TrainConfig(resume=True, learning_rate=0.5), quiet=True)
    with pytest.raises(SettingError, match="DATA: is .*other, and the run began with simulated"):
        training.train(tmp_path / "other", tmp_path / "run", TrainConfig(resume=True), quiet=True)
    with pytest.raises(InputError, match="holds no run that could go on"):
        training.train(None, tmp_path / "nothing", TrainConfig(resume=True), quiet=True)
    (tmp_path / "run" / "state.safetensors").write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="cannot be gone on with"):
        training.train(None, tmp_path / "run", TrainConfig(resume=True), quiet=True)


def test_training_begins_with_the_weights_of_a_checkpoint(tmp_path, steps_done):
    training.train(None, tmp_path / "first", replace(CONFIG, steps=1, seed=5), quiet=True)
    config = replace(CONFIG, steps=1, init=tmp_path / "first" / "last.safetensors")
    training.train(None, tmp_path / "second", config, quiet=True)
    assert same_weights(weights_of(tmp_path / "first"), weights_of(tmp_path / "second"))  # the steps here change nothing


def test_what_a_checkpoint_is_cannot_be_chosen_anew(tmp_path, steps_done):
    training.train(None, tmp_path / "first", replace(CONFIG, steps=1), quiet=True)
    start = tmp_path / "first" / "last.safetensors"
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
    assert steps_of(tmp_path) == [1]


def test_two_runs_do_not_share_a_folder(tmp_path, steps_done):
    with locked(tmp_path), pytest.raises(OutputError, match="another run is going on in it"):
        training.train(None, tmp_path, CONFIG, quiet=True)
    training.train(None, tmp_path, CONFIG, quiet=True)


def test_a_run_that_was_killed_while_it_wrote_leaves_no_half_file_behind(tmp_path, steps_done):
    (tmp_path / ".state.abc.safetensors").write_bytes(b"half")
    training.train(None, tmp_path, CONFIG, quiet=True)
    assert not list(tmp_path.glob(".*.safetensors"))


def test_a_file_is_no_run_folder(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        training.train(None, tmp_path / "run", CONFIG)


@pytest.mark.parametrize(("name", "size"), [("crop_height", 65), ("crop_width", 80), ("crop_width", 0), ("crop_height", -32)])
def test_crops_that_the_network_cannot_take_are_refused(tmp_path, name, size):
    with pytest.raises(SettingError, match="multiple of 32"):
        training.train(None, tmp_path / "run", replace(CONFIG, **{name: size}))
    assert not (tmp_path / "run").exists()


def test_the_closer_look_is_trained_on_drawn_windows_alone(tmp_path):
    with pytest.raises(SettingError, match="--closer: is for drawn windows"):
        training.train(tmp_path, tmp_path / "run", replace(CONFIG, closer=True))


def test_a_loss_that_is_not_finite_ends_training_keeps_the_last_checkpoint_and_the_batch(tmp_path, monkeypatch):
    losses = iter([1.0, 1.0, 1.0, math.nan])
    ball_loss = training_loop.ball_loss

    def fail_in_time(*arguments):
        loss, parts = ball_loss(*arguments)
        return loss * next(losses), parts

    monkeypatch.setattr(training_loop, "ball_loss", fail_in_time)
    with pytest.raises(TrainingError, match="not finite"):
        training.train(None, tmp_path, replace(CONFIG, steps=10), quiet=True)
    assert steps_of(tmp_path) == [2]
    assert load_checkpoint(tmp_path / "last.safetensors").metadata["steps"] == 2
    assert all(value.isfinite().all() for value in weights_of(tmp_path).values())
    with safe_open(tmp_path / "failed_batch.safetensors", framework="pt") as file:
        assert file.get_tensor("frames").shape == (2, 9, 64, 64, 3)


def test_too_little_memory_says_which_batch_to_try(tmp_path, monkeypatch, steps_done):
    def fail(loop, batch):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(TrainingLoop, "_learn", fail)
    with pytest.raises(TrainingError, match="a batch of 12 windows does not fit .* try --batch 6$"):
        training.train(None, tmp_path, replace(CONFIG, batch=12, reuse=3), quiet=True)
    with pytest.raises(TrainingError, match="take smaller crops"):
        training.train(None, tmp_path, replace(CONFIG, batch=2), quiet=True)


def test_ctrl_c_saves_and_the_run_can_go_on(tmp_path, steps_done, monkeypatch):
    learn = TrainingLoop._learn

    def learn_and_be_interrupted(loop, batch):
        if loop.state.step == 5:
            signal.raise_signal(signal.SIGINT)
        return learn(loop, batch)

    monkeypatch.setattr(TrainingLoop, "_learn", learn_and_be_interrupted)
    config = replace(CONFIG, steps=50, save_every=100)
    with pytest.raises(KeyboardInterrupt):
        training.train(None, tmp_path, config, quiet=True)
    assert steps_of(tmp_path) == [5]
    assert load_checkpoint(tmp_path / "last.safetensors").metadata["steps"] == 5
    monkeypatch.setattr(TrainingLoop, "_learn", learn)
    assert training.train(None, tmp_path, TrainConfig(resume=True), quiet=True)["steps"] == 50


def test_the_learning_rate_rises_in_a_line_and_falls_as_a_cosine(tmp_path, steps_done):
    config = replace(CONFIG, steps=40, warmup=10, learning_rate=0.5, save_every=100)
    training.train(None, tmp_path, config, quiet=True)
    cosine = [0.5 * (1 + math.cos(math.pi * step / 40)) for step in range(40)]
    floor = FINAL_PART
    expected = [0.5 * min(1, (index + 1) / 10) * (floor + (1 - floor) * part) for index, part in enumerate(cosine)]
    assert steps_done == pytest.approx(expected)
    assert max(steps_done) == steps_done[9] > 0.4


def test_no_warm_up_begins_at_the_peak(tmp_path, steps_done):
    training.train(None, tmp_path, replace(CONFIG, warmup=0, learning_rate=0.25, steps=20, save_every=1000), quiet=True)
    assert steps_done[0] == pytest.approx(0.25, rel=0.01)


def test_a_plateau_lowers_the_rate_and_early_stopping_ends_the_run(tmp_path, steps_done):
    config = replace(CONFIG, schedule="plateau", learning_rate=0.5, steps=100, save_every=1, early_stop=15)
    training.train(None, tmp_path, config, quiet=True)
    # The first validation is the best; six more without a better one make the rate a fifth, and again.
    assert steps_done == pytest.approx([0.5] * 7 + [0.1] * 6 + [0.02] * 3)


def test_time_ends_a_run_that_is_given_minutes(tmp_path, steps_done, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(training_loop, "time", SimpleNamespace(monotonic=lambda: 6.0 * next(clock)))
    summary = training.train(None, tmp_path, replace(CONFIG, minutes=1.0, steps=1, save_every=1000), quiet=True)
    assert summary["steps"] == 10
    assert steps_done[-1] < steps_done[1]


def test_averaged_weights_follow_the_trained_ones():
    averaged, model = (create_model("centernet_v8n") for _ in range(2))
    before = {name: value.clone() for name, value in averaged.state_dict().items()}
    training_loop.average(averaged, model, decay=0.75)
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, 0.75 * before[name] + 0.25 * model.state_dict()[name], atol=1e-6)


def test_a_network_that_answers_for_the_last_frame_alone_is_trained(tmp_path):
    training.train(None, tmp_path / "run", replace(CONFIG, steps=1, window_size=3, outputs="last"), quiet=True)
    checkpoint = load_checkpoint(tmp_path / "run" / "last.safetensors")
    assert (checkpoint.metadata["window_size"], checkpoint.metadata["outputs"]) == (3, "last")
    assert checkpoint.model.output_frames == (2,)


@pytest.mark.gpu
def test_fp16_scales_the_loss_and_remembers_the_scale(tmp_path):
    config = replace(CONFIG, steps=1, precision="fp16", device="cuda")
    training.train(None, tmp_path, config, quiet=True)
    with safe_open(tmp_path / "state.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["ttcli-run"])["scaler"]["scale"] > 1
    assert training.train(None, tmp_path, TrainConfig(steps=2, resume=True), quiet=True)["steps"] == 2


def test_fp16_is_refused_on_the_processor(tmp_path):
    with pytest.raises(SettingError, match="fp16 needs a GPU"):
        training.train(None, tmp_path, replace(CONFIG, precision="fp16"), quiet=True)


class Answer(nn.Module):
    """A network that gives the same answer for every batch: a sure peak at one cell of each frame."""

    difference = False
    output_frames = tuple(range(9))
    event_head = False

    def __init__(self, positions):
        super().__init__()
        self.cells = ((positions - 1.5) / 4).round().long()

    def forward(self, x):
        logits = torch.full((*self.cells.shape[:2], 16, 16), -10.0)
        window, frame = torch.meshgrid(*(torch.arange(size) for size in self.cells.shape[:2]), indexing="ij")
        logits[window, frame, self.cells[..., 1], self.cells[..., 0]] = 3.0
        return Prediction(logits, torch.zeros(*self.cells.shape, 16, 16))


def test_films_are_answered_frame_by_frame():
    films = drawn_windows.drawn_films(2, 40, 64, 96, seed=1)
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
        answers = answer_windows(Answer(positions), [replace(windows, **labels)], (288, 512))
        found = validate(answers, calibration)
        return tuple(found[name] for name in ("recall@10", "precision@10", "accuracy@10", "arg_max_right"))

    assert figures() == (1.0, 1.0, 1.0, 1.0)
    far = positions.clone()
    far[:2] += 8.0
    assert figures(positions=far) == (0.5, 0.5, 0.5, 0.5)
    visible[3] = False
    assert figures(visible=visible) == (1.0, 0.75, 0.75, 1.0)
    known[3] = False
    assert figures(visible=visible, known=known) == (1.0, 1.0, 1.0, 1.0)
    assert figures({"slope": 1.0, "bias": -5.0}) == (0.0, None, 0.0, 1.0)  # shy: the logits are 3


def test_distances_of_validation_are_those_of_evaluate():
    error = torch.tensor([[3 / 512, 0.0], [0.0, 2 / 288], [0.0, 0.1]])  # 11.25, 7.5 and 108 px of 1920
    answers = Answers(torch.ones(3), error, torch.full((3,), 288 / 512))
    found = validate(answers, PLAIN)
    assert found["recall@10"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["rmse"] == pytest.approx(7.5)
    assert found["rmse_512"] == pytest.approx(2 / 288 * 512, abs=1e-4)
