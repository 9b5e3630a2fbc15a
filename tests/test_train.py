"""Training: a run leaves a checkpoint and a log, refuses what it cannot do, and stops when the loss is not finite."""

import csv
import json
import math
import signal
from dataclasses import replace

import cv2
import pytest
import torch
from safetensors import safe_open
from scenes import seeded
from stored_sets import write_clip
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException

from ttcli import train as training
from ttcli.configs import TrainConfig
from ttcli.errors import CheckpointError, InputError, LabelError, LibraryError, OutputError, SettingError, TrainingError
from ttcli.networks.blocks import Prediction
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.registry import create_model
from ttcli.training.drawn_windows import drawn_films
from ttcli.training.learning_rates import FINAL_PART
from ttcli.training.loop import average
from ttcli.training.run_folder import locked
from ttcli.training.validation import Answers, answer_films, answer_windows, validate
from ttcli.training_set.window_batch import WindowBatch, unknown_events

pytestmark = pytest.mark.usefixtures("one_picture_of_curves")

CONFIG = TrainConfig(
    model="small", window_size=3, steps=3, batch=2, reuse=2, crop_height=32, crop_width=32, warmup=1, save_every=2,
    device="cpu", precision="fp32",
)  # fmt: skip
DRAWN = replace(CONFIG, model="centernet_v8n", window_size=9, crop_height=64, crop_width=64)
"""Training on drawn windows, of the network that is the default."""
PLAIN = {"slope": 1.0, "bias": 0.0}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A set of a few small windows."""
    folder = tmp_path_factory.mktemp("sets") / "mine"
    for name, split in (("game_1", "training"), ("game_2", "validation")):
        write_clip(folder, name, split, frames=10, window_size=3)
    return folder


def metrics_of(run):
    with (run / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def steps_of(run):
    return [int(row["step"]) for row in metrics_of(run)]


def rates_of(run):
    """Return the learning rates of the steps of a run that saved after each."""
    return [float(row["learning_rate"]) for row in metrics_of(run)]


def weights_of(run, name="last.safetensors"):
    return load_checkpoint(run / name).model.state_dict()


def same_weights(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_leaves_checkpoints_metrics_and_a_report(tmp_path, drawn_quickly):
    run = tmp_path / "runs" / "first"
    summary = training.train(None, run, DRAWN, quiet=True)
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
    assert checkpoint.metadata["model"] == DRAWN.model
    assert checkpoint.metadata["calibration"].keys() == PLAIN.keys()
    assert checkpoint.metadata["metrics"]["drawn_recall@10"] == float(row["recall@10"])
    prediction = checkpoint.model(torch.zeros(1, 36, 64, 64))
    assert prediction.logits.isfinite().all()
    torch.manual_seed(DRAWN.seed)
    untrained = create_model(DRAWN.model).state_dict()
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


def test_the_same_seed_trains_the_same_weights(tmp_path, data, small_network):
    small_network(dropout=0.5)
    for name in ("first", "again"):
        training.train(data, tmp_path / name, replace(CONFIG, augment="all"), quiet=True)
    training.train(data, tmp_path / "other", replace(CONFIG, augment="all", seed=1), quiet=True)
    assert same_weights(weights_of(tmp_path / "first"), weights_of(tmp_path / "again"))
    assert not same_weights(weights_of(tmp_path / "first"), weights_of(tmp_path / "other"))


def assert_goes_on_to_the_same_weights(data, tmp_path, config):
    config = replace(config, steps=4, batch=4)
    training.train(data, tmp_path / "whole", config, quiet=True)
    training.train(data, tmp_path / "parts", replace(config, steps=2), quiet=True)
    assert not same_weights(weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts"))
    training.train(data, tmp_path / "parts", TrainConfig(steps=4, resume=True), quiet=True)
    assert same_weights(weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts"))
    assert steps_of(tmp_path / "parts") == [2, 4]
    assert metrics_of(tmp_path / "whole")[-1]["loss"] == metrics_of(tmp_path / "parts")[-1]["loss"]


@pytest.mark.parametrize(
    "settings", [{"schedule": "constant", "whole_every": 3}, {"schedule": "plateau", "augment": "all", "whole_every": 2}]
)
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path, data, small_network, settings):
    small_network(dropout=0.5)  # what a step leaves out by chance is the same too
    assert_goes_on_to_the_same_weights(data, tmp_path, replace(CONFIG, **settings))


@pytest.mark.slow
def test_a_run_on_drawn_windows_goes_on_with_those_that_come_next(tmp_path, drawn_quickly):
    # Its network has batch norm, whose statistics go on too.
    config = replace(DRAWN, schedule="constant", window_size=3, crop_height=32, crop_width=32)
    assert_goes_on_to_the_same_weights(None, tmp_path, config)


def test_a_set_is_learned_from_whole_pictures_too_unless_crops_are_as_large(tmp_path, data, small_network):
    seen = []
    small_network(meet=lambda number, answer: seen.append(tuple(answer.logits.shape[2:])))
    for crops, expected in (((32, 32), [(8, 8)] * 3 + [(24, 40)]), ((96, 160), [(24, 40)] * 4)):
        seen.clear()
        config = replace(CONFIG, steps=4, crop_height=crops[0], crop_width=crops[1], overwrite=True)
        training.train(data, tmp_path / "run", config, quiet=True)
        assert seen == expected
    training.train(data, tmp_path / "run", replace(CONFIG, steps=4, whole_every=0, overwrite=True), quiet=True)
    assert seen[4:] == [(8, 8)] * 4


def test_a_run_does_not_go_on_with_other_settings_or_data(tmp_path, data, small_network):
    training.train(data, tmp_path / "run", CONFIG, quiet=True)
    with pytest.raises(SettingError, match="learning rate: is 0.5, and the run began with 0.0015"):
        training.train(data, tmp_path / "run", TrainConfig(resume=True, learning_rate=0.5), quiet=True)
    with pytest.raises(SettingError, match="DATA: is .*other, and the run began with .*mine"):
        training.train(tmp_path / "other", tmp_path / "run", TrainConfig(resume=True), quiet=True)
    with pytest.raises(InputError, match="holds no run that could go on"):
        training.train(data, tmp_path / "nothing", TrainConfig(resume=True), quiet=True)
    (tmp_path / "run" / "state.safetensors").write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="cannot be gone on with"):
        training.train(data, tmp_path / "run", TrainConfig(resume=True), quiet=True)


def test_training_begins_with_the_weights_of_a_checkpoint(tmp_path, data, small_network):
    training.train(data, tmp_path / "first", replace(CONFIG, steps=1, seed=5), quiet=True)
    start = tmp_path / "first" / "last.safetensors"
    config = replace(CONFIG, steps=1, init=start, learning_rate=1e-30)  # a step that changes nothing
    training.train(data, tmp_path / "second", config, quiet=True)
    assert same_weights(weights_of(tmp_path / "first"), weights_of(tmp_path / "second"))


def test_what_a_checkpoint_is_cannot_be_chosen_anew(tmp_path, data, small_network):
    training.train(data, tmp_path / "first", replace(CONFIG, steps=1), quiet=True)
    start = tmp_path / "first" / "last.safetensors"
    with pytest.raises(SettingError, match="--window: 5 is not what --init has: 3"):
        training.train(data, tmp_path / "second", replace(CONFIG, init=start, window_size=5), quiet=True)
    with pytest.raises(SettingError, match="--model: centernet_v8s is not what --init has: small"):
        training.train(data, tmp_path / "second", replace(CONFIG, init=start, model="centernet_v8s"), quiet=True)


def test_the_failure_of_a_started_process_is_told_as_its_own():
    text = 'Traceback\n  File "x"\nttcli.errors.LabelError: a/b.bin: frame 7: the picture is damaged; extract it again\n'
    told = training._as_told(ProcessRaisedException(text, 0, 1))
    assert type(told) is LabelError and str(told) == "a/b.bin: frame 7: the picture is damaged; extract it again"
    text = "Traceback\nttcli.errors.LibraryError: model 'x': timm cannot be imported (none); pip install '.[train]'\n"
    told = training._as_told(ProcessRaisedException(text, 0, 1))
    assert type(told) is LibraryError and str(told) in text
    bug = ProcessRaisedException("Traceback\nZeroDivisionError: division by zero\n", 0, 1)
    assert training._as_told(bug) is bug


def test_a_run_is_not_overwritten_unless_asked(tmp_path, data, small_network):
    training.train(data, tmp_path, CONFIG, quiet=True)
    with pytest.raises(OutputError, match="holds a run already"):
        training.train(data, tmp_path, CONFIG, quiet=True)
    training.train(data, tmp_path, replace(CONFIG, steps=1, overwrite=True), quiet=True)
    assert steps_of(tmp_path) == [1]


def test_two_runs_do_not_share_a_folder(tmp_path, data, small_network):
    with locked(tmp_path), pytest.raises(OutputError, match="another run is going on in it"):
        training.train(data, tmp_path, CONFIG, quiet=True)
    training.train(data, tmp_path, CONFIG, quiet=True)


def test_a_run_that_was_killed_while_it_wrote_leaves_no_half_file_behind(tmp_path, data, small_network):
    (tmp_path / ".state.abc.safetensors").write_bytes(b"half")
    training.train(data, tmp_path, CONFIG, quiet=True)
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


def test_the_second_stage_is_trained_on_drawn_windows_alone(tmp_path):
    with pytest.raises(SettingError, match="--second-stage: is for drawn windows"):
        training.train(tmp_path, tmp_path / "run", replace(DRAWN, second_stage=True))
    with pytest.raises(SettingError, match="never sees whole pictures"):
        training.train(None, tmp_path / "run", replace(DRAWN, second_stage=True, whole_every=4))


def test_a_loss_that_is_not_finite_ends_training_keeps_the_last_checkpoint_and_the_batch(tmp_path, data, small_network):
    small_network(meet=lambda number, answer: answer._replace(logits=answer.logits * math.nan) if number == 4 else None)
    with pytest.raises(TrainingError, match="not finite"):
        training.train(data, tmp_path, replace(CONFIG, steps=10, whole_every=0), quiet=True)
    assert steps_of(tmp_path) == [2]
    assert load_checkpoint(tmp_path / "last.safetensors").metadata["steps"] == 2
    assert all(value.isfinite().all() for value in weights_of(tmp_path).values())
    with safe_open(tmp_path / "failed_batch.safetensors", framework="pt") as file:
        assert file.get_tensor("frames").shape == (2, 3, 32, 32, 3)


def test_too_little_memory_says_which_batch_to_try(tmp_path, data, small_network):
    def fail(number, answer):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    small_network(meet=fail)
    with pytest.raises(TrainingError, match="a batch of 12 windows does not fit .* try --batch 6$"):
        training.train(data, tmp_path, replace(CONFIG, batch=12, reuse=3), quiet=True)
    with pytest.raises(TrainingError, match="take smaller crops"):
        training.train(data, tmp_path, replace(CONFIG, batch=2), quiet=True)


def test_ctrl_c_saves_and_the_run_can_go_on(tmp_path, data, small_network):
    small_network(meet=lambda number, answer: signal.raise_signal(signal.SIGINT) if number == 5 else None)
    config = replace(CONFIG, steps=20, save_every=100)
    with pytest.raises(KeyboardInterrupt):
        training.train(data, tmp_path, config, quiet=True)
    assert steps_of(tmp_path) == [5]
    assert load_checkpoint(tmp_path / "last.safetensors").metadata["steps"] == 5
    small_network()
    assert training.train(data, tmp_path, TrainConfig(resume=True), quiet=True)["steps"] == 20


def cosine(progress):
    """Return the part of its peak that a learning rate with the schedule `cosine` has after a part of a run."""
    return FINAL_PART + (1 - FINAL_PART) * 0.5 * (1 + math.cos(math.pi * min(progress, 1)))


def test_the_learning_rate_rises_in_a_line_and_falls_as_a_cosine(tmp_path, data, small_network):
    config = replace(CONFIG, steps=12, warmup=3, learning_rate=0.01, save_every=1)
    training.train(data, tmp_path, config, quiet=True)
    rates = rates_of(tmp_path)
    assert rates == pytest.approx([0.01 * min(1, (step + 1) / 3) * cosine(step / 12) for step in range(12)])
    assert max(rates) == rates[2] > 0.008


def test_no_warm_up_begins_at_the_peak(tmp_path, data, small_network):
    training.train(data, tmp_path, replace(CONFIG, warmup=0, learning_rate=0.25, steps=1, save_every=1), quiet=True)
    assert rates_of(tmp_path)[0] == pytest.approx(0.25, rel=0.01)


def test_a_plateau_lowers_the_rate_and_early_stopping_ends_the_run(tmp_path, small_network):
    write_clip(tmp_path / "set", "game_1", "training", frames=10, window_size=3)
    # No ball in any frame: as soon as a network claims none it is right everywhere, and no score is better.
    write_clip(tmp_path / "set", "game_2", "validation", frames=10, window_size=3, seen=False)
    config = replace(CONFIG, schedule="plateau", learning_rate=0.01, steps=100, save_every=1, early_stop=15)
    training.train(tmp_path / "set", tmp_path / "run", config, quiet=True)
    # The first validation is the best; six more without a better one make the rate a fifth, and again.
    assert rates_of(tmp_path / "run") == pytest.approx([0.01] * 7 + [0.002] * 6 + [0.0004] * 3)


def test_time_ends_a_run_that_is_given_minutes(tmp_path, data, small_network):
    config = replace(CONFIG, minutes=0.02, steps=1, warmup=0, learning_rate=0.01, save_every=1)
    summary = training.train(data, tmp_path, config, quiet=True)
    minutes = [float(row["minutes"]) for row in metrics_of(tmp_path)]  # trained when each step was done
    assert summary["steps"] == len(minutes) > 1
    assert minutes[-2] <= 0.02 <= minutes[-1]  # no step begins when the time is over
    expected = [0.01 * cosine(trained / 0.02) for trained in (0.0, *minutes[:-1])]
    assert rates_of(tmp_path) == pytest.approx(expected, abs=0.01 * 0.05)  # minutes are told in thousandths


def test_averaged_weights_follow_the_trained_ones():
    averaged, model = (create_model("centernet_v8n") for _ in range(2))
    before = {name: value.clone() for name, value in averaged.state_dict().items()}
    average(averaged, model, decay=0.75)
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, 0.75 * before[name] + 0.25 * model.state_dict()[name], atol=1e-6)


def test_a_network_that_answers_for_the_last_frame_alone_is_trained(tmp_path, data, small_network):
    training.train(data, tmp_path / "run", replace(CONFIG, steps=1, outputs="last"), quiet=True)
    checkpoint = load_checkpoint(tmp_path / "run" / "last.safetensors")
    assert (checkpoint.metadata["window_size"], checkpoint.metadata["outputs"]) == (3, "last")
    assert checkpoint.model.output_frames == (2,)


@pytest.mark.gpu
def test_fp16_scales_the_loss_and_remembers_the_scale(tmp_path, drawn_quickly):
    config = replace(DRAWN, steps=1, precision="fp16", device="cuda")
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


def test_films_are_answered_frame_by_frame(drawn_quickly, small_network):
    films = drawn_films(2, 40, 64, 96, seed=1)
    answers = answer_films(create_model("small").eval(), films)
    assert 0 < len(answers.logits) == len(answers.right) == len(answers.visible) <= 80
    assert answers.logits.isfinite().all()
    assert not (answers.right & ~answers.visible).any()


def test_a_batch_that_reuse_does_not_divide_is_refused(tmp_path):
    with pytest.raises(SettingError, match="multiple of 2"):
        training.train(None, tmp_path / "run", replace(CONFIG, batch=3), quiet=True)


def test_validation_counts_found_missed_and_false_balls():
    positions = torch.randint(2, 14, (4, 9, 2), generator=seeded()) * 4 + 1.5
    visible, known = torch.ones(4, 9, dtype=torch.bool), torch.ones(4, 9, dtype=torch.bool)
    pictures = torch.zeros(4, 9, 64, 64, 3, dtype=torch.uint8)
    windows = WindowBatch(pictures, positions, visible, known, unknown_events(visible))

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
