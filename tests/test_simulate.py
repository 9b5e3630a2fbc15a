"""`simulate` writes videos with labels that fit them, in the layout of OpenTTGames."""

import json

import pytest

from ttcli import simulate as simulating
from ttcli.configs import SimulateConfig
from ttcli.errors import OutputError, SettingError
from ttcli.labels.openttgames import read_ball_markup, read_events_markup
from ttcli.outputs import LOCK_FILE, MARK, locked_folder
from ttcli.simulate import simulate
from ttcli.video.probe import probe

CONFIG = SimulateConfig(rallies=2, seed=4, camera="side", frame_rate=60, height=96, width=160, frames=40, device="cpu")


@pytest.fixture(autouse=True)
def quick(rallies, textures, monkeypatch):
    """Draw from a few rallies that are there already."""
    monkeypatch.setattr(simulating, "simulate_rallies", lambda count, generator, device: rallies)
    monkeypatch.setattr(simulating, "paint_textures", lambda seed: textures)


@pytest.fixture(scope="module")
def written(tmp_path_factory, rallies, textures):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulating, "simulate_rallies", lambda count, generator, device: rallies)
        patch.setattr(simulating, "paint_textures", lambda seed: textures)
        folder = tmp_path_factory.mktemp("match") / "drawn"
        return folder, simulate(folder, CONFIG, quiet=True)


def test_each_rally_is_a_video_with_labels_in_the_layout(written):
    folder, summary = written
    assert [video["name"] for video in summary["videos"]] == ["game_1", "game_2"]
    visible = 0
    for video in summary["videos"]:
        info = probe(folder / "videos" / f"{video['name']}.mp4")
        assert (info.height, info.width, info.frame_rate) == (96, 160, 60)
        annotations = folder / "training" / "annotations" / video["name"]
        labels = read_ball_markup(annotations / "ball_markup.json")
        visible += sum(label.visible for label in labels.values())
        assert set(labels) <= set(range(video["frames"]))
        assert all(0 <= event.frame_index < video["frames"] for event in read_events_markup(annotations / "events_markup.json"))
    assert visible >= 10


def test_the_truth_agrees_with_the_labels(written):
    folder, summary = written
    for video in summary["videos"]:
        annotations = folder / "training" / "annotations" / video["name"]
        truth = json.loads((annotations / "truth.json").read_text())
        assert len(truth["frames"]) == video["frames"]
        for frame_index, label in read_ball_markup(annotations / "ball_markup.json").items():
            frame = truth["frames"][frame_index]
            assert frame["frame"] == frame_index
            assert frame["state"] != "in_hand"
            if label.visible:
                (left, top), (right, bottom) = (map(fold, zip(*frame["blur"], strict=True)) for fold in (min, max))
                assert left - 0.02 <= label.x <= right + 0.02
                assert top - 0.02 <= label.y <= bottom + 0.02
                assert frame["in_view"] >= 0.5


def test_the_same_seed_writes_the_same_bytes(written, tmp_path):
    folder, _ = written
    simulate(tmp_path / "again", CONFIG, quiet=True)
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(paths) == 8
    for path in paths:
        assert (folder / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), path


def test_a_folder_that_is_not_empty_is_refused(written):
    with pytest.raises(OutputError, match="not empty"):
        simulate(written[0], CONFIG, quiet=True)


@pytest.mark.parametrize("wrong", [{"camera": "drone"}, {"height": 63}, {"rallies": 0}, {"frame_rate": 0.5}, {"part": "x"}])
def test_settings_out_of_range_are_refused_before_work(wrong, tmp_path):
    with pytest.raises(SettingError):
        simulate(tmp_path / "drawn", SimulateConfig(**{**vars(CONFIG), **wrong}), quiet=True)
    assert not (tmp_path / "drawn").exists()


def test_a_second_run_into_a_folder_is_told_of_the_first(tmp_path):
    with locked_folder(tmp_path / "drawn"), pytest.raises(OutputError, match="another run is going on in it; wait for it"):
        simulate(tmp_path / "drawn", CONFIG, quiet=True)


def test_a_folder_with_what_a_killed_run_left_is_as_good_as_empty_and_is_swept(tmp_path, quick):
    videos = tmp_path / "drawn" / "videos"
    videos.mkdir(parents=True)
    left = videos / f".test_7{MARK}abc.mp4", tmp_path / "drawn" / LOCK_FILE
    for path in left:
        path.touch()
    simulate(tmp_path / "drawn", CONFIG, quiet=True)
    assert not any(path.exists() for path in left)
