"""The manifest says what a CSV was made from, and `verify` whether that is still so."""

import io
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from ball_videos import HEIGHT, WIDTH, ball_path, ball_picture, write_video
from click.testing import CliRunner
from made_videos import MADE
from stand_ins import BrightestSpot

from ttcli import cli
from ttcli.configs import DetectConfig, VerifyConfig
from ttcli.detect import detect
from ttcli.errors import InputError, OutputError, SettingError
from ttcli.inference.runtimes import SecondNetwork, TorchRuntime
from ttcli.labels.sources import find_sources
from ttcli.networks.checkpoints import SECOND_STAGE_WEIGHTS
from ttcli.results.manifest import counts_if_done, is_manifest, manifest_path, read_manifest
from ttcli.verify import verify
from ttcli.video.standard_input import is_spooled, spooled

CONFIG = DetectConfig(link=False, threshold=0.4)


@pytest.fixture(scope="module")
def detected_once(tmp_path_factory) -> Path:
    """A folder with a ball.csv, whose network came from a file; no test changes it."""
    folder = tmp_path_factory.mktemp("detected")
    (folder / "best.safetensors").write_bytes(b"weights")
    network = TorchRuntime(BrightestSpot(), {"area": HEIGHT * WIDTH}, device="cpu", precision="fp32")
    network.weights = folder / "best.safetensors"
    video = write_video(folder / "match.mp4", [ball_picture(HEIGHT, WIDTH, place) for place in ball_path(5)])
    detect([video], folder / "ball.csv", CONFIG, runtime=network)
    return folder


@pytest.fixture
def detected(detected_once, tmp_path, runtime) -> Path:
    """A ball.csv in a folder that a test may change."""
    shutil.copytree(detected_once, tmp_path, dirs_exist_ok=True)
    runtime.weights = tmp_path / "best.safetensors"
    return tmp_path / "ball.csv"


def parts(report) -> dict[str, bool]:
    return {check.part: check.holds for check in report.checks}


def test_a_manifest_tells_source_checkpoint_options_and_counts(detected: Path) -> None:
    manifest = read_manifest(detected)
    assert manifest["made_by"] == "ttcli detect" and manifest["csv"]["name"] == "ball.csv"
    assert (manifest["video"]["name"], manifest["video"]["path"]) == ("match.mp4", "match.mp4")
    assert (manifest["video"]["height"], manifest["video"]["codec"], manifest["video"]["frame_rate"]) == (64, "h264", "25")
    assert manifest["video"]["bytes"] == detected.with_name("match.mp4").stat().st_size
    assert manifest["checkpoint"]["name"] == "best.safetensors"
    assert manifest["options"]["threshold"] == 0.4 and "overwrite" not in manifest["options"]
    assert manifest["counts"] == {"frames": 5, "seen": 5, "filled": 0, "broken": 0, "duplicates": 0, "shots": 1}
    assert manifest["seen_by_network"] == {"height": 64, "width": 96, "step": 9, "precision": "fp32"}
    assert manifest["warnings"] == [] and manifest["seconds"] > 0


def test_nothing_changed_verifies(detected: Path) -> None:
    report = verify(detected)
    assert report.holds and parts(report) == {"csv": True, "video": True, "checkpoint": True}


@pytest.mark.parametrize(("name", "part"), [("ball.csv", "csv"), ("match.mp4", "video"), ("best.safetensors", "checkpoint")])
def test_what_was_changed_is_told(detected: Path, name: str, part: str) -> None:
    with detected.with_name(name).open("ab") as file:
        file.write(b" ")
    report = verify(detected)
    assert not report.holds
    assert [check for check, holds in parts(report).items() if not holds] == [part]


def test_the_second_stage_is_noted_and_verified(ball_video, tmp_path, runtime, monkeypatch) -> None:
    second, weights = TorchRuntime(BrightestSpot(), device="cpu", precision="fp32"), tmp_path / "closer.safetensors"
    second.weights, runtime.second = weights, SecondNetwork(second, 1.0, 0.0, 0.0)
    weights.write_bytes(b"weights")
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    runtime.weights = tmp_path / "best.safetensors"
    monkeypatch.setattr("ttcli.detect.SECOND_STAGE_WEIGHTS", weights)
    ball_video("in/match.mp4", 5)
    config = replace(CONFIG, weights=runtime.weights)

    def run():
        return detect([tmp_path / "in"], tmp_path / "out", config, quiet=True, runtime=runtime)[0]

    assert not run().done_before
    ball_csv = tmp_path / "out" / "match.csv"
    assert read_manifest(ball_csv)["second_stage"]["name"] == "closer.safetensors"
    assert parts(verify(ball_csv))["second stage"] is True and run().done_before
    weights.write_bytes(b"others")
    assert parts(verify(ball_csv))["second stage"] is False
    weights.unlink()
    assert "closer.safetensors is not there any more" in str(verify(ball_csv).checks[-1])


def test_a_folder_can_be_moved_and_a_video_named(detected: Path) -> None:
    moved = detected.parent / "moved"
    moved.mkdir()
    for path in list(detected.parent.iterdir()):
        if path.is_file():
            shutil.move(path, moved / path.name)
    assert verify(moved / "ball.csv").holds
    shutil.move(moved / "match.mp4", detected.parent / "other.mp4")
    assert parts(verify(moved / "ball.csv"))["video"] is False
    assert verify(moved / "ball.csv", VerifyConfig(video=detected.parent / "other.mp4")).holds


def test_without_a_manifest_nothing_can_be_verified(detected: Path) -> None:
    manifest_path(detected).write_text('{"made_by": "ttcli detect"}')
    with pytest.raises(InputError, match="incomplete"):
        verify(detected)
    manifest_path(detected).write_text("[1, 2]")
    with pytest.raises(InputError, match="is no manifest"):
        verify(detected)
    manifest_path(detected).unlink()
    with pytest.raises(InputError, match="no manifest ball.json beside it"):
        verify(detected)
    with pytest.raises(InputError, match="does not exist"):
        verify(detected.with_name("missing.csv"))


def test_a_manifest_is_replaced_only_when_told(detected: Path, runtime) -> None:
    video = detected.with_name("match.mp4")
    detected.unlink()
    with pytest.raises(OutputError, match="ball.json: exists"):
        detect([video], detected, CONFIG, runtime=runtime)
    detect([video], detected, DetectConfig(overwrite=True), runtime=runtime)
    assert verify(detected).holds and read_manifest(detected)["options"]["threshold"] == 0.5


@pytest.mark.parametrize("overwrite", [True, False])
def test_labels_of_that_name_are_left_alone(ball_video, tmp_path, runtime, overwrite: bool) -> None:
    video, labels = ball_video(positions=3), tmp_path / "match.json"
    labels.write_text('{"0": {"x": 1, "y": 2}}')
    told = []
    detect([video], None, DetectConfig(overwrite=overwrite), runtime=runtime, tell=told.append)
    assert labels.read_text() == '{"0": {"x": 1, "y": 2}}' and (tmp_path / "match.csv").exists()
    assert len(told) == 1 and "no manifest is written" in told[0]


def test_a_manifest_is_not_taken_for_labels(ball_video, tmp_path, runtime) -> None:
    video = ball_video(positions=3)
    detect([video], None, CONFIG, runtime=runtime)
    assert is_manifest(tmp_path / "match.json") and not is_manifest(tmp_path / "match.csv")
    [source] = find_sources(video)
    assert source.balls == tmp_path / "match.csv"


def test_warnings_are_kept(tmp_path, runtime) -> None:
    video = tmp_path / "interlaced.mp4"
    next(made for made in MADE if made.name == video.name).make(video)
    told = []
    detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime, tell=told.append)
    [warning] = read_manifest(tmp_path / "ball.csv")["warnings"]
    assert "interlaced" in warning and told == [f"{video}: warning: {warning}"]


def test_a_folder_of_pictures_verifies(tmp_path, runtime) -> None:
    folder = tmp_path / "png"
    next(made for made in MADE if made.name == "png").make(folder)
    detect([folder], None, CONFIG, runtime=runtime)
    assert verify(tmp_path / "png.csv").holds
    (folder / "img_0003.png").unlink()
    assert parts(verify(tmp_path / "png.csv"))["video"] is False


def test_verify_says_each_part_and_fails_where_one_does_not_hold(detected: Path) -> None:
    good = CliRunner().invoke(cli.main, ["verify", str(detected)])
    assert good.exit_code == 0 and [line.split(":")[0] for line in good.stdout.splitlines()] == ["csv", "video", "checkpoint"]
    detected.with_name("match.mp4").unlink()
    bad = CliRunner().invoke(cli.main, ["verify", str(detected), "--json"])
    assert bad.exit_code == 1 and json.loads(bad.stdout)["holds"] is False


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    content = write_video(tmp_path / "match.mp4", [ball_picture(64, 96, (40.0, 30.0))] * 3).read_bytes()
    monkeypatch.setattr("ttcli.video.standard_input.sys", SimpleNamespace(stdin=SimpleNamespace(buffer=io.BytesIO(content))))


def test_standard_input_is_a_video(standard_input, tmp_path, runtime) -> None:
    with spooled() as path:
        [summary] = detect([path], tmp_path / "ball.csv", CONFIG, runtime=runtime)
        assert is_spooled(path) and summary.video == "-"
    assert not path.exists() and not path.parent.exists()
    assert read_manifest(tmp_path / "ball.csv")["counts"]["frames"] == 3
    assert parts(verify(tmp_path / "ball.csv"))["video"] is False
    assert parts(verify(tmp_path / "ball.csv", VerifyConfig(video=tmp_path / "match.mp4")))["video"] is True


def test_what_comes_from_standard_input_needs_a_name(standard_input, runtime) -> None:
    with spooled() as path, pytest.raises(SettingError, match="-o: what comes from standard input has no name"):
        detect([path], None, CONFIG, runtime=runtime)


def test_a_dash_is_standard_input_on_the_command_line(standard_input) -> None:
    done = CliRunner().invoke(cli.main, ["detect", "-", "-q"])
    assert done.exit_code == 1 and "-o: what comes from standard input has no name" in done.stderr


@pytest.fixture
def folder(ball_video, tmp_path, runtime) -> Path:
    """A folder of two videos that were done, by a network from a file."""
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    runtime.weights = tmp_path / "best.safetensors"
    ball_video("in/a.mp4", 5), ball_video("in/b.mp4", 7)
    detect([tmp_path / "in"], tmp_path / "out", replace(CONFIG, weights=runtime.weights), runtime=runtime)
    return tmp_path / "in"


def again(folder: Path, runtime, **settings) -> list:
    config = replace(CONFIG, weights=folder.with_name("best.safetensors"), **settings)
    return detect([folder], folder.with_name("out"), config, runtime=runtime, tell=lambda line: None)


def test_what_is_done_in_a_folder_is_not_done_again(folder: Path, ball_video, runtime) -> None:
    times = {path.name: path.stat().st_mtime_ns for path in folder.with_name("out").iterdir()}
    ball_video("in/c.mp4", 3)
    summaries = again(folder, runtime)
    assert [(summary.frames, summary.done_before) for summary in summaries] == [(5, True), (7, True), (3, False)]
    assert "done before" in str(summaries[0]) and summaries[0].seen == 5
    now = {path.name: path.stat().st_mtime_ns for path in folder.with_name("out").iterdir()}
    assert {name: now[name] for name in times} == times and {"c.csv", "c.json"} == now.keys() - times.keys()
    assert all(not summary.done_before for summary in again(folder, runtime, overwrite=True))


@pytest.mark.parametrize("changed", ["in/a.mp4", "best.safetensors", "out/a.csv", None])
def test_what_was_done_otherwise_is_no_longer_done(folder: Path, runtime, changed: str | None) -> None:
    settings = {}
    if changed is None:
        settings["threshold"] = 0.5
    else:
        with (folder.parent / changed).open("ab") as file:
            file.write(b" ")
    first, *_ = again(folder, runtime, **settings)
    assert not first.done_before and "exists already" in first.error


@pytest.mark.parametrize("part", ["csv", "video", "checkpoint", "second_stage"])
@pytest.mark.parametrize("said", [7, "x", [], {}, {"name": 1, "sha256": "x"}, {"name": "x", "sha256": "x", "path": 5}])
def test_a_manifest_that_says_what_cannot_be_is_refused(detected: Path, part: str, said: object) -> None:
    manifest = json.loads(manifest_path(detected).read_text())
    manifest_path(detected).write_text(json.dumps({**manifest, part: said}))
    with pytest.raises(InputError, match=f"its {part} is "):
        verify(detected)


def test_keys_of_older_manifests_are_read(detected: Path) -> None:
    manifest = json.loads(manifest_path(detected).read_text())
    second = manifest.pop("second_stage")
    manifest_path(detected).write_text(json.dumps({**manifest, "closer": {"name": "x", "sha256": "x", "path": None}}))
    assert second is None and parts(verify(detected))["second stage"] is False


def test_keys_that_nobody_knows_are_passed_over(detected: Path) -> None:
    manifest = json.loads(manifest_path(detected).read_text())
    manifest_path(detected).write_text(json.dumps({**manifest, "more": [1], "video": {**manifest["video"], "more": 1}}))
    assert verify(detected).holds


@pytest.mark.parametrize("place", ["/dev/zero", "pipe"])
def test_only_ordinary_files_are_compared_with_a_manifest(detected: Path, runtime, place: str) -> None:
    os.mkfifo(detected.with_name("pipe"))
    manifest = json.loads(manifest_path(detected).read_text())
    manifest["video"]["path"] = place
    manifest_path(detected).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="is no ordinary file"):
        verify(detected)
    with pytest.raises(InputError, match="is no ordinary file"):
        counts_if_done(detected, detected.parent / place, runtime.weights, SECOND_STAGE_WEIGHTS, CONFIG)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_of_none(detected: Path, name: str) -> None:
    manifest = json.loads(manifest_path(detected).read_text())
    manifest["video"] |= {"path": name, "name": name}
    manifest_path(detected).write_text(json.dumps(manifest))
    assert not verify(detected).holds


@pytest.mark.parametrize("counts", [None, [], {}, {"frames": -1}, dict.fromkeys(("frames", "seen", "filled"), 1.5)])
def test_damaged_counts_are_done_again(detected: Path, runtime, counts: object) -> None:
    manifest = json.loads(manifest_path(detected).read_text())
    manifest_path(detected).write_text(json.dumps({**manifest, "counts": counts}))
    assert counts_if_done(detected, detected, runtime.weights, SECOND_STAGE_WEIGHTS, CONFIG) is None
