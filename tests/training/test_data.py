"""What training reads: drawn windows or an extracted set, and a run on a set as `ttcli train` makes it."""

import resource
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from stored_sets import HEIGHT, WIDTH, write_clip
from window_batches import dotted_windows, same

from ttcli import train as training
from ttcli.configs import TrainConfig
from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.int8 import parts_with_ranges
from ttcli.networks.registry import MODELS, create_model
from ttcli.training import data as training_data
from ttcli.training import loop
from ttcli.training.data import DrawnData, ExtractedData, LimitedData

pytestmark = pytest.mark.usefixtures("one_picture_of_curves")

CONFIG = TrainConfig(
    steps=2, batch=4, reuse=2, crop_height=64, crop_width=64, warmup=1, save_every=10, device="cpu", precision="fp32"
)


RATES = {"centernet_hourglass104": 3e-4, "centernet_hourglass52": 3e-4}
"""Learning rates of networks that diverge at the usual one."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "mine"
    write_clip(folder, "game_1", "training")
    write_clip(folder, "game_2", "validation")
    return folder


def test_a_run_on_a_set_leaves_a_checkpoint_that_says_what_it_saw(data, tmp_path, small_network):
    training.train(data, tmp_path / "run", replace(CONFIG, model="small"), quiet=True)
    checkpoint = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert checkpoint.metadata["training_data"] == "extracted set mine, 22 windows"
    assert checkpoint.metadata["area"] == HEIGHT * WIDTH
    assert checkpoint.metadata["fps"] == [50.0, 50.0]
    assert checkpoint.metadata["licence"] == "that of the set's videos"
    assert {"validation_recall@10", "validation_precision@10"} <= checkpoint.metadata["metrics"].keys()


def test_answers_are_those_of_the_validation_clip_and_the_same_each_time(data):
    torch.manual_seed(0)
    model = training.create_model("centernet_v8n").eval()
    mine = ExtractedData(data, 9, 64, 64, 0)
    first, again = mine.validate(model), mine.validate(model)
    assert all(one is other is None or torch.equal(one, other) for one, other in zip(first, again, strict=True))
    whole = mine.calibrate(model)
    # 22 windows of 9 frames; the last frame, not visible, is in one of them
    assert len(whole.visible) == 22 * 9 and int((~whole.visible).sum()) == 1


def test_a_trial_keeps_the_confidence_of_its_validation(data, tmp_path, small_network, monkeypatch):
    monkeypatch.setattr(ExtractedData, "calibrate", lambda *_: pytest.fail("whole pictures were looked at"))
    training.train(data, tmp_path / "run", replace(CONFIG, model="small", calibrate=False), quiet=True)
    last, best = (load_checkpoint(tmp_path / "run" / f"{name}.safetensors").metadata for name in ("last", "best"))
    assert best["calibration"] == last["calibration"]


def test_what_is_trained_can_run_in_8_bits(data, tmp_path):
    training.train(data, tmp_path / "run", replace(CONFIG, model="centernet_v8n", steps=1), quiet=True)
    trained = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert trained.metadata["ranges"].keys() == parts_with_ranges(trained.model).keys()


def test_lying_and_upright_videos_go_together(tmp_path, small_network):
    folder = tmp_path / "mixed"
    for number, split in enumerate(("training", "training", "validation", "validation")):
        upright = number % 2 == 1
        write_clip(folder, f"game_{number}", split, height=WIDTH if upright else HEIGHT, width=HEIGHT if upright else WIDTH)
    training.train(folder, tmp_path / "run", replace(CONFIG, model="small", steps=1), quiet=True)
    assert load_checkpoint(tmp_path / "run" / "best.safetensors").metadata["area"] == HEIGHT * WIDTH


@pytest.mark.parametrize("lacking", ["training", "validation"])
def test_a_set_without_a_split_is_refused_before_training(tmp_path, lacking):
    write_clip(tmp_path / "set", "game_1", "validation" if lacking == "training" else "training")
    with pytest.raises(InputError, match=f"no windows for {lacking}"):
        training.train(tmp_path / "set", tmp_path / "run", CONFIG, quiet=True)
    assert not (tmp_path / "run").exists()


def test_windows_of_another_size_than_the_network_takes_are_refused(tmp_path):
    for name, split in (("game_1", "training"), ("game_2", "validation")):
        write_clip(tmp_path / "set", name, split, window_size=5)
    with pytest.raises(SettingError, match="windows of 5 frames, and the network takes 9"):
        training.train(tmp_path / "set", tmp_path / "run", CONFIG, quiet=True)


def test_a_folder_of_something_else_is_no_set(tmp_path):
    with pytest.raises(InputError, match="no extracted set"):
        training.train(tmp_path, tmp_path / "run", CONFIG, quiet=True)


def test_a_few_windows_are_all_that_is_trained_on_and_validated_by(data):
    limited = LimitedData(ExtractedData(data, 9, 64, 64, 0), 5, seed=1)
    drawn = limited.source(0, torch.device("cpu")).draw(35)
    kept = limited.examples(5, torch.device("cpu"))
    matches = (drawn.frames[:, None] == kept.frames[None]).flatten(2).all(-1)  # (35, 5)
    assert matches.any(1).all() and matches.sum(0).tolist() == [7] * 5
    model = training.create_model("centernet_v8n").eval()
    assert len(limited.validate(model).logits) == int(kept.known.sum())


def test_no_core_waits_for_windows_that_are_only_read(data, monkeypatch):
    monkeypatch.setattr(loop, "usable_cores", lambda: 8)
    drawn = DrawnData(9, 64, 64)
    limited = LimitedData(drawn, 5, seed=1)
    for kind, processes, threads in (
        (drawn, 1, 7), (drawn, 2, 3), (limited, 1, 8), (ExtractedData(data, 9, 64, 64, 0), 1, 8),
        (ExtractedData(data, 9, 64, 64, 0), 2, 4),
    ):  # fmt: skip
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
        loop.share_cores(Fabric(accelerator="cpu", devices=1), kind)
        assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_a_ball_is_learned_from_a_set(data, tmp_path, monkeypatch):
    """Some dozen steps on one flight: the peak lands on the ball of another clip of the same kind."""
    monkeypatch.setattr(training_data, "VALIDATION_WINDOWS", 16)
    config = replace(CONFIG, steps=150, batch=8, learning_rate=3e-3, warmup=10)
    summary = training.train(data, tmp_path / "run", config, quiet=True)
    assert summary["arg_max_right"] > 0.7


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_network_learns_a_few_samples_by_heart(name, data, tmp_path):
    """The overfit check, small: `ttcli train SET --limit-samples N` ends with nearly all frames answered right."""
    settings = {"limit_samples": 8, "batch": 8, "reuse": 1, "learning_rate": RATES.get(name, 3e-3), "warmup": 20}
    config = replace(CONFIG, model=name, steps=160, average=0.9, save_every=40, **settings)
    summary = training.train(data, tmp_path / "run", config, quiet=True)
    assert summary["accuracy@10"] > 0.99


def test_a_damaged_picture_ends_training_with_one_line(tmp_path):
    for name, split in (("game_1", "training"), ("game_2", "validation")):
        write_clip(tmp_path / "set", name, split)
    pictures = tmp_path / "set" / "clips" / "game_1" / "pictures.bin"
    content = bytearray(pictures.read_bytes())
    content[len(content) // 2] ^= 0xFF
    pictures.write_bytes(content)
    with pytest.raises(LabelError, match="pictures.bin: frame .*damaged"):
        training.train(tmp_path / "set", tmp_path / "run", replace(CONFIG, steps=60), quiet=True)


def test_a_full_disk_ends_training_and_keeps_what_was_saved(data, tmp_path, small_network):
    config = replace(CONFIG, model="small", steps=1)
    training.train(data, tmp_path / "run", config, quiet=True)
    before = (tmp_path / "run" / "last.safetensors").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**4, limits[1]))  # no file may be larger, as on a disk that is full
    try:
        with pytest.raises(OutputError, match="last.safetensors: cannot be written"):
            training.train(data, tmp_path / "run", TrainConfig(steps=2, resume=True), quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "run" / "last.safetensors").read_bytes() == before
    assert not list((tmp_path / "run").glob(".*.safetensors"))
    assert training.train(data, tmp_path / "run", TrainConfig(steps=2, resume=True), quiet=True)["steps"] == 2


def test_a_set_needs_no_films(tmp_path, data):
    with pytest.raises(SettingError, match="--films"):
        training.train(data, tmp_path / "run", replace(CONFIG, films=tmp_path), quiet=True)


def test_drawn_windows_are_calibrated_with_the_films_that_were_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(training_data, "drawn_films", lambda *_: iter([dotted_windows(1, 3)]))
    monkeypatch.setattr(training_data, "answer_films", lambda model, films: list(films))
    model = create_model("centernet_v8n")
    data = DrawnData(9, 64, 96, films=tmp_path)
    first = data.calibrate(model)
    monkeypatch.setattr(training_data, "drawn_films", lambda *_: iter([]))
    assert [same(one, other) for one, other in zip(first, data.calibrate(model), strict=True)] == [True]
    assert DrawnData(9, 64, 96).calibrate(model) == []
