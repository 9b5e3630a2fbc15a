"""What a spotter is trained and measured on: simulated tracks, labelled ones, and the tool that does both."""

import importlib.util
import json
import sys
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch

from ttcli.errors import InputError
from ttcli.spotting import training
from ttcli.spotting.labelled import LabelledTracks, cut_runs, read_folder
from ttcli.spotting.network import PathSpotter
from ttcli.spotting.weights import load_spotter, read_spotter_metadata

TOOL = Path(__file__).parents[2] / "tools" / "train_spotter.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("train_spotter", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def annotations(tmp_path):
    """Labels as OpenTTGames has them: 4 frames before a bounce and 12 after it, again and again."""
    balls, events = {}, {}
    for event in range(50, 2000, 60):
        for frame in range(event - 4, event + 13):
            away = (frame - event) / 120
            balls[frame] = {"x": 800 + round(2000 * away), "y": 700 - round(900 * abs(away))}
        events[event] = "bounce"
    balls[10], events[30] = {"x": -1, "y": -1}, "empty_event"
    (tmp_path / "ball_markup.json").write_text(json.dumps(balls))
    (tmp_path / "events_markup.json").write_text(json.dumps(events))
    return tmp_path


def test_labelled_paths_become_tracks(annotations):
    track, events = read_folder(annotations)
    assert len(track.times) == 33 * 17 and np.allclose(events["bounce"], np.arange(50, 2000, 60) / 120)
    (annotations / "events_markup.json").unlink()
    with pytest.raises(InputError, match="events_markup.json"):
        read_folder(annotations)


def test_where_a_run_begins_does_not_tell_where_its_event_is(annotations):
    whole = read_folder(annotations)
    kept = whole.track.times[cut_runs(whole.track.times, np.random.default_rng(0))]
    starts = kept[np.diff(kept, prepend=-1) > 0.02]
    before = {round((whole.events["bounce"] - start)[whole.events["bounce"] >= start - 0.02].min() * 120) for start in starts}
    assert len(before) >= 5
    drawn = LabelledTracks([whole], seed=1)
    one, other = drawn.draw(), LabelledTracks([whole], seed=1).draw()
    assert np.array_equal(one.track.positions, other.track.positions) and set(one.events) == {"bounce", "net"}
    assert all((np.diff(drawn.draw().track.times) > 0).all() for _ in range(20))


def test_the_tool_measures_labelled_paths(tool, annotations):
    figures = tool.measure(load_spotter(), [annotations], noise=0.5, dropped=0.0, cut=False, seed=0)
    assert figures["all"]["count"] == 34 and figures["bounce"]["pce"] >= 0.95 and figures["empty_event"]["pce"] == 1


@pytest.mark.parametrize("fast", [False, True])
def test_training_computes_in_bf16_where_the_processor_multiplies_in_it(monkeypatch, fast):
    seen = []

    def loss(model, batch):
        seen.append(torch.is_autocast_enabled("cpu"))
        return (model.early_head.weight**2).sum()

    monkeypatch.setattr(training, "cpu_multiplies_in_bf16", lambda: fast)
    monkeypatch.setattr(training, "draw_batches", lambda *options: repeat(None))
    monkeypatch.setattr(training, "spotting_loss", loss)
    training.train_spotter(PathSpotter(8), [], batch=1, learning_rate=1e-3, minutes=1e-3)
    assert set(seen) == {fast}


@pytest.mark.slow
def test_the_tool_trains_and_writes_what_it_trained_on(tool, annotations, tmp_path, monkeypatch, capsys):
    output = tmp_path / "small.safetensors"
    monkeypatch.setattr(sys, "argv", [str(TOOL), "-o", str(output), "--minutes", "0.05", "--labels", str(annotations)])
    tool.main()
    metadata = read_spotter_metadata(output)
    assert metadata["licence"] == "that of the labels" and metadata["steps"] >= 1
