"""Events that a network itself tells: their targets, the head, its training, and that detection knows nothing of it."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from extract_runs import FRAMES, PLACES, SMALL, clip
from label_files import write_markup
from safetensors import safe_open
from stored_sets import write_clip

from ttcli import train as training
from ttcli.configs import ExtractConfig, TrainConfig
from ttcli.errors import LabelError, SettingError
from ttcli.extract import extract
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.event_head import EVENTS, EventHead
from ttcli.networks.registry import create_model
from ttcli.simulation.surroundings import BOUNCE, NET_PASS
from ttcli.training.drawn_windows import DrawnWindows, drawn_events, soft_events
from ttcli.training.losses import event_loss
from ttcli.training.validation import EventAnswers, validate_events
from ttcli.training_set.stored_windows import StoredWindows
from ttcli.training_set.window_batch import UNKNOWN_EVENT, WindowBatch, unknown_events

pytestmark = pytest.mark.usefixtures("one_picture_of_curves")

CONFIG = TrainConfig(
    steps=2, batch=2, reuse=2, crop_height=64, crop_width=64, warmup=1, save_every=2, device="cpu", precision="fp32",
    event_head=True,
)  # fmt: skip


@pytest.fixture
def data(tmp_path):
    """A set of small windows that knows a bounce and a passing of the net in each clip."""
    for name, split in (("one", "training"), ("two", "validation")):
        write_clip(tmp_path / "set", name, split, frames=10, window_size=3)
        path = tmp_path / "set/clips" / name / "clip.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "event_frames": {"bounce": [2], "net": [6]}}))
    return tmp_path / "set"


def test_targets_of_drawn_windows_rise_and_fall_around_contacts(rallies):
    rally, slot = (part[0] for part in torch.nonzero(rallies.contact_kind == BOUNCE, as_tuple=True))
    when = rallies.contact_time[rally, slot]
    times = when + torch.tensor([[0.0, 1 / 120, 2 / 120, 3.99 / 120, 4.01 / 120]])
    others = rallies.contact_time[rally][(rallies.contact_kind[rally] == BOUNCE)]
    alone = (others - when).abs()[others != when].min() > 0.1 if len(others) > 1 else True
    assert alone
    wanted = drawn_events(rallies, rally[None], times)[0, :, EVENTS.index("bounce")]
    expected = [1, math.cos(math.pi / 8), math.cos(math.pi / 4), math.cos(3.99 * math.pi / 8), 0]
    assert wanted.tolist() == pytest.approx(expected, abs=2e-3)


def test_every_drawn_window_knows_its_events(drawn_quickly, rallies):
    batch = DrawnWindows(5, 32, 32, seed=1).draw(80)
    assert batch.events.shape == (80, 5, 2) and batch.events.min() >= 0 and batch.events.max() <= 1
    assert (batch.events > 0.5).any(1).float().mean(0).min() > 0.01  # of both kinds
    assert (rallies.contact_kind == NET_PASS).any()


def test_an_event_of_a_ball_that_is_not_seen_is_unknown():
    flags = torch.tensor([[True, False, True]])
    assert unknown_events(flags).shape == (1, 3, 2) and (unknown_events(flags) == UNKNOWN_EVENT).all()
    events = torch.tensor([[[0.9, 0.0], [0.7, 0.0], [0.0, 0.4]]])
    pictures = torch.zeros(1, 3, 4, 4, 3, dtype=torch.uint8)
    batch = WindowBatch(pictures, torch.zeros(1, 3, 2), flags, ~flags | flags, events)
    assert batch.events_of(range(3))[0].tolist() == [
        [pytest.approx(0.9), 0.0], [UNKNOWN_EVENT, 0.0], [0.0, pytest.approx(0.4)]
    ]  # fmt: skip


def test_what_is_unknown_counts_nothing_in_the_loss():
    logits = torch.tensor([[[2.0, -1.0], [0.5, 3.0]]], requires_grad=True)
    wanted = torch.tensor([[[1.0, -1.0], [0.3, -1.0]]])
    loss = event_loss(logits, wanted)
    expected = -(math.log(torch.sigmoid(torch.tensor(2.0))) + 0.3 * math.log(0.6225) + 0.7 * math.log(0.3775)) / 2
    assert loss.item() == pytest.approx(expected, abs=1e-3)
    loss.backward()
    assert logits.grad[..., 1].abs().max() == 0 and logits.grad[..., 0].abs().min() > 0


def heat_at(places, height=16, width=24):
    """Return logits (1, K, h, w) with a sure peak at each place x, y."""
    logits = torch.full((1, len(places), height, width), -8.0)
    for frame, (x, y) in enumerate(places):
        logits[0, frame, y, x] = 3.0
    return logits


def test_the_head_looks_where_the_ball_is():
    torch.manual_seed(0)
    head = EventHead(channels_in=5)
    torch.nn.init.normal_(head.tell[-1].weight)
    places = [(4, 5), (7, 5), (10, 6)]
    logits, offsets = heat_at(places), torch.zeros(1, 3, 2, 16, 24)
    features = torch.randn(1, 5, 16, 24)
    told = head(features, logits, offsets)
    elsewhere = features.clone()
    elsewhere[:, :, 12:, 18:] += 5  # where no ball is
    assert torch.allclose(head(elsewhere, logits, offsets), told, atol=1e-3)
    here = features.clone()
    here[:, :, 5, 7] += 5
    assert (head(here, logits, offsets) - told).abs().max() > 0.05


def test_the_head_knows_the_way_and_not_where_on_the_picture_it_is():
    torch.manual_seed(0)
    head = EventHead(channels_in=5)
    torch.nn.init.normal_(head.tell[-1].weight)
    features, offsets = torch.ones(1, 5, 16, 24), torch.zeros(1, 3, 2, 16, 24)
    told = head(features, heat_at([(4, 5), (7, 5), (10, 6)]), offsets)
    moved = head(features, heat_at([(12, 9), (15, 9), (18, 10)]), offsets)
    other = head(features, heat_at([(4, 5), (7, 9), (10, 6)]), offsets)
    assert torch.allclose(moved, told, atol=1e-4) and (other - told).abs().max() > 0.01
    finer = head(features, heat_at([(4, 5), (7, 5), (10, 6)]), offsets + 0.4)
    assert torch.allclose(finer, told, atol=1e-4)  # all of them by as much


def test_nothing_of_events_flows_into_heatmaps():
    head = EventHead(channels_in=5)
    features, logits, offsets = (torch.randn(1, *shape, requires_grad=True) for shape in ((5, 8, 8), (2, 8, 8), (2, 2, 8, 8)))
    head(features, logits, offsets).sum().backward()
    assert logits.grad is None and offsets.grad is None and features.grad.abs().sum() > 0


def test_the_ball_is_found_as_without_a_head():
    torch.manual_seed(0)
    model = create_model("centernet_v8n", 3, event_head=True).eval()
    plain = create_model("centernet_v8n", 3).eval()
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if not name.startswith("head.events.")})
    x = torch.randn(1, 12, 64, 96)
    with torch.inference_mode():
        prediction, events = model.with_events(x)
        for others in (model(x), plain(x)):
            assert all(torch.equal(one, other) for one, other in zip(prediction, others, strict=True))
        assert events.shape == (1, 3, 2)
        with pytest.raises(ValueError, match="no event head"):
            plain.with_events(x)


def test_nothing_that_a_frame_of_a_video_passes_names_the_head():
    package = Path(training.__file__).parent
    passed = [path for folder in ("video", "inference", "detection", "results") for path in (package / folder).glob("*.py")]
    named = [path.name for path in [*passed, package / "detect.py"] if "event_head" in path.read_text(encoding="utf-8")]
    assert len(passed) > 40 and named == []


@pytest.mark.slow
def test_a_head_is_trained_alone_and_the_ball_is_found_as_before(tmp_path, data):
    small = replace(CONFIG, window_size=3, crop_height=32, crop_width=32)
    training.train(data, tmp_path / "ball", replace(small, event_head=False), quiet=True)
    before = load_checkpoint(tmp_path / "ball/last.safetensors").model
    config = replace(small, init=tmp_path / "ball/last.safetensors", freeze_ball=True, average=0.0)
    summary = training.train(data, tmp_path / "run", config, quiet=True)
    assert {"bounce_ap", "net_ap", "event_loss"} <= summary.keys()
    after = load_checkpoint(tmp_path / "run/last.safetensors")
    assert after.model.event_head and after.metadata["event_head"]
    kept = before.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in after.model.state_dict().items() if name in kept)
    assert set(after.model.state_dict()) - set(kept) == {f"head.events.{name}" for name in after.model.head.events.state_dict()}
    with safe_open(tmp_path / "run/state.safetensors", framework="pt") as file:
        best = json.loads(file.metadata()["ttcli-run"])["best_score"]
    assert best == pytest.approx((summary["bounce_ap"] + summary["net_ap"]) / 2)
    again = training.train(data, tmp_path / "run", TrainConfig(steps=3, resume=True), quiet=True)
    assert again["steps"] == 3
    ball_alone = replace(small, event_head=False, init=tmp_path / "run/last.safetensors")
    further = training.train(data, tmp_path / "more", ball_alone, quiet=True)
    assert "event_loss" in further  # the head that a checkpoint brings goes on learning


def test_nothing_is_left_to_train_without_a_head(tmp_path):
    with pytest.raises(SettingError, match="--freeze-ball"):
        training.train(None, tmp_path / "run", replace(CONFIG, event_head=False, freeze_ball=True), quiet=True)


def test_a_set_keeps_the_events_of_its_videos(tmp_path, film):
    markup = write_markup(tmp_path, PLACES, {8: "bounce", 16: "bounce", 20: "empty_event"})
    settings = ExtractConfig(window_size=5, before=4, after=4, validation=0.0, **SMALL)
    extract([film], tmp_path / "set", settings, markup, markup.with_name("events_markup.json"), True)
    assert json.loads((clip(tmp_path, "film") / "clip.json").read_text())["event_frames"] == {"bounce": [8, 16]}
    windows = list(StoredWindows(tmp_path / "set", "training", 5, None, None, 0).all_windows())
    wanted = {}
    source = StoredWindows(tmp_path / "set", "training", 5, None, None, 0)
    for number, window in enumerate(source._windows):
        for place, frame in enumerate(window[1].frame_indexes(5)):
            wanted[frame] = torch.cat([batch.events for batch in windows])[number, place]
    assert len(wanted) < FRAMES
    for frame, events in wanted.items():
        away = min(abs(frame - 8), abs(frame - 16)) / 25
        assert events[0].item() == pytest.approx(soft_events(torch.tensor(away)).item(), abs=1e-5)
        assert events[1].item() == UNKNOWN_EVENT  # nobody labelled passings of the net there


def test_a_set_without_events_cannot_teach_them(tmp_path):
    write_clip(tmp_path / "set", "one", "training")
    write_clip(tmp_path / "set", "two", "validation")
    with pytest.raises(SettingError, match="--event-head"):
        training.train(tmp_path / "set", tmp_path / "run", CONFIG, quiet=True)


@pytest.mark.parametrize("damage", [{"event_frames": {"bounce": "all"}}, {"event_frames": [1]}, {"frame_rate": "0/0"}])
def test_damaged_events_are_one_line(tmp_path, damage):
    write_clip(tmp_path / "set", "one", "training")
    path = tmp_path / "set/clips/one/clip.json"
    says = {**json.loads(path.read_text()), "event_frames": {"bounce": [3]}, **damage}
    path.write_text(json.dumps(says))
    with pytest.raises(LabelError, match="damaged"):
        StoredWindows(tmp_path / "set", "training", 9, None, None, 0)


def test_average_precision_is_that_of_the_ranking():
    told = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.3], [0.1, 0.9]])
    wanted = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.8, 0.0], [UNKNOWN_EVENT, UNKNOWN_EVENT]])
    assert validate_events(EventAnswers(told, wanted)) == {
        "bounce_ap": pytest.approx((1 + 2 / 3) / 2, abs=1e-3),
        "net_ap": None,
    }
