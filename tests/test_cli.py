import json
import subprocess
import sys
import types
from dataclasses import asdict
from pathlib import Path

import click
import pytest
from ball_videos import ball_path
from click.testing import CliRunner
from label_files import write_tracknet

from ttcli import cli
from ttcli.configs import DetectConfig, ExtractConfig, RenderConfig, SimulateConfig, SpotConfig, TrainConfig
from ttcli.errors import TrainingError
from ttcli.results.trajectory import read_ball_csv
from ttcli.video.probe import probe

README = Path(__file__).parents[1] / "README.md"


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def assert_one_error_line(result, *facts):
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("ttcli: ") and result.stderr.count("\n") == 1
    assert all(fact in result.stderr for fact in facts)


@pytest.fixture
def stand_in(runtime, monkeypatch):
    """Let `detect` use the stand-in network instead of a checkpoint."""
    monkeypatch.setattr("ttcli.detect.load_network", lambda *settings: runtime)


@pytest.fixture
def stand_in_pipeline(monkeypatch):
    """Return a function that puts a pipeline which only notes its arguments in the place of ttcli.NAME."""

    def install(name, action=lambda: {"steps": 7, "loss": 0.5}):
        calls = []

        def pipeline(*arguments):
            calls.append(arguments)
            return action()

        module = types.ModuleType(f"ttcli.{name}")
        setattr(module, name, pipeline)
        monkeypatch.setitem(sys.modules, f"ttcli.{name}", module)
        return calls

    return install


def test_detect_writes_rows_and_one_summary_line(ball_video, tmp_path, stand_in):
    result = run("detect", ball_video(positions=9), "-o", tmp_path / "ball.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1 and "9 frames, 9 with the ball (100%)" in result.stdout
    assert len(read_ball_csv(tmp_path / "ball.csv")) == 9


def test_detect_with_json_prints_json_alone(ball_video, tmp_path, stand_in):
    result = run("detect", ball_video(positions=4), "-o", tmp_path / "ball.csv", "--json", "-q")
    [summary] = json.loads(result.stdout)
    assert (summary["frames"], summary["seen"], summary["broken"], summary["truncated"]) == (4, 4, 0, False)


def test_detect_with_overlay_renders_too(ball_video, tmp_path, stand_in):
    video = ball_video(positions=4)
    result = run("detect", video, "-o", tmp_path / "ball.csv", "--overlay", tmp_path / "overlay.mp4")
    assert result.exit_code == 0, result.output
    assert probe(tmp_path / "overlay.mp4").frame_count == 4
    second = run("detect", video, "-o", tmp_path / "again.csv", "--overlay", tmp_path / "overlay.mp4")
    assert_one_error_line(second, "overlay.mp4", "exists already")
    assert not (tmp_path / "again.csv").exists()


def test_detect_with_events_writes_and_draws_them_too(ball_video, tmp_path, stand_in):
    events, overlay = tmp_path / "events.csv", tmp_path / "overlay.mp4"
    arguments = ("-o", tmp_path / "ball.csv", "--events", events, "--overlay", overlay)
    result = run("detect", ball_video(positions=9), *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1 and "0 net crossings" in result.stdout
    assert events.read_text().startswith("frame,time_s,event,x,y,confidence") and overlay.exists()


def test_spot_tells_the_events_of_what_detect_wrote(ball_video, tmp_path, stand_in):
    run("detect", ball_video(positions=9))
    result = run("spot", tmp_path / "match.csv", "--json")
    assert json.loads(result.stdout)["output"] == str(tmp_path / "match.events.csv")
    assert_one_error_line(run("spot", tmp_path / "match.csv"), "exists already")
    assert_one_error_line(run("spot", tmp_path / "match.csv", "--weights", tmp_path / "match.mp4", "--overwrite"), "match.mp4")


def test_detect_of_a_folder_goes_on_after_a_failure_and_exits_1(ball_video, tmp_path, stand_in):
    ball_video("in/a.mp4", 3)
    (tmp_path / "in/broken.mp4").write_text("no video")
    result = run("detect", tmp_path / "in", "-o", tmp_path / "out")
    assert_one_error_line(result, "broken.mp4")
    assert result.stdout.count("\n") == 1 and (tmp_path / "out/a.csv").exists()


def test_detect_takes_its_defaults_from_the_config(ball_video, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("ttcli.detect.detect", lambda videos, output, config, quiet, tell: seen.append(config) or [])
    assert run("detect", "a.mp4").exit_code == 0
    assert seen == [DetectConfig()]


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        (["absent.mp4"], ["absent.mp4", "does not exist"]),
        (["a.mp4", "b.mp4", "--overlay", "o.mp4"], ["--overlay", "one video"]),
        (["a.mp4", "b.mp4", "--events", "e.csv"], ["--events", "one video"]),
        (["{video}", "-o", "{folder}/b.csv", "--events", "{folder}/there.csv"], ["exists already"]),
        (["{video}", "-o", "{folder}/absent/ball.csv"], ["does not exist"]),
        (["{video}", "-o", "{folder}/there.csv"], ["exists already", "--overwrite"]),
        (["{video}", "--weights", "{folder}/there.csv"], ["there.csv", "safetensors"]),
        (["{video}", "--weights", "absent.safetensors"], ["absent.safetensors", "no such file"]),
        (["{folder}/empty"], ["no video in this folder"]),
    ],
)
def test_detect_errors_are_one_line_and_exit_1(ball_video, tmp_path, arguments, facts):
    video = ball_video("film.mp4", positions=2)
    (tmp_path / "there.csv").write_text("mine")
    (tmp_path / "empty").mkdir()
    result = run("detect", *(argument.format(video=video, folder=tmp_path) for argument in arguments))
    assert_one_error_line(result, *facts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "film.mp4", "there.csv"]


def test_detect_without_cuda_says_so(ball_video, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = run("detect", ball_video(positions=2), "-o", tmp_path / "ball.csv", "--device", "cuda")
    assert_one_error_line(result, "--device", "no CUDA device")


def test_render_draws_what_detect_wrote(ball_video, tmp_path, stand_in):
    video = ball_video(positions=5)
    assert run("detect", video).exit_code == 0
    result = run("render", video, "--json")
    assert json.loads(result.stdout)["marked"] == 5
    assert (tmp_path / "match.overlay.mp4").exists()


def test_render_without_a_csv_says_what_to_do(ball_video):
    assert_one_error_line(run("render", ball_video(positions=2)), "run `ttcli detect")


def test_render_takes_its_defaults_from_the_config(monkeypatch):
    seen = []
    summary = types.SimpleNamespace(as_json=dict)
    monkeypatch.setattr("ttcli.render.render", lambda *arguments, tell: seen.append(arguments[3]) or summary)
    assert run("render", "a.mp4").exit_code == 0
    assert seen == [RenderConfig()]


def test_evaluate_of_a_result_against_itself_is_perfect(ball_video, tmp_path, stand_in):
    video, ball_csv = ball_video(positions=12), tmp_path / "ball.csv"
    run("detect", video, "-o", ball_csv)
    table = run("evaluate", ball_csv, ball_csv, "--size", "96x64", "--bootstrap", "0")
    assert table.exit_code == 0 and "f1@10" in table.stdout and "1.000" in table.stdout
    result = run("evaluate", ball_csv, ball_csv, "--size", "96x64", "--bootstrap", "0", "--json")
    report = json.loads(result.stdout)
    assert (report["clips"][0]["height"], report["clips"][0]["width"]) == (64, 96)


def test_evaluate_errors_are_one_line(tmp_path):
    assert_one_error_line(run("evaluate", tmp_path / "absent.csv", tmp_path / "absent.csv"), "absent.csv")


def test_simulate_hands_its_options_on(stand_in_pipeline):
    calls = stand_in_pipeline("simulate")
    result = run("simulate", "-o", "made", "--size", "640x360", "--fps", "120", "-q")
    assert (result.exit_code, result.stdout) == (0, "steps: 7\nloss: 0.5\n")
    assert run("simulate", "-o", "made").exit_code == 0
    assert calls == [
        (Path("made"), SimulateConfig(height=360, width=640, frame_rate=120.0), True),
        (Path("made"), SimulateConfig(), False),
    ]


@pytest.fixture
def pair(ball_video):
    """A video of 12 frames with TrackNet labels beside it."""
    video = ball_video("in/a.mp4", 12)
    write_tracknet(video.with_suffix(".csv"), ball_path(12))
    return video


def test_extract_writes_a_set_a_sheet_and_a_table(pair, tmp_path):
    arguments = ("extract", pair.parent, "-o", tmp_path / "set", "--no-events", "--size", "96x64")
    result = run(*arguments, "--contact-sheet", tmp_path / "sheet.jpg")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "training" in result.stdout and "labelled" in result.stdout and "12 frames (12 visible" in result.stdout
    assert (tmp_path / "set/clips/a/windows.csv").exists() and (tmp_path / "sheet.jpg").exists()
    again = json.loads(run(*arguments, "--json").stdout)
    assert (again["added"], again["kept"], again["totals"]["splits"]["training"]["windows"]) == ([], ["a"], 4)


def test_extract_without_a_source_takes_the_current_folder(pair, tmp_path, monkeypatch):
    monkeypatch.chdir(pair.parent)
    result = run("extract", "--no-events", "--size", "96x64")
    assert result.exit_code == 0, result.output
    assert (pair.parent / "extracted/clips/a").is_dir()
    assert run("extract", "--no-events", "--size", "96x64").stdout.endswith("videos added: 0, there already: 1\n")


def test_extract_lists_what_it_leaves_out_and_strict_stops_there(pair, tmp_path, ball_video):
    ball_video("in/alone.mp4", 2)
    with pair.with_suffix(".csv").open("a") as table:
        table.write("30,1,5,5\n31,1,5,5\n")
    arguments = ("extract", pair.parent, "-o", tmp_path / "set", "--no-events", "--size", "96x64")
    result = run(*arguments)
    left_out, not_used = result.stderr.splitlines()
    assert left_out.startswith("ttcli: left out: ") and "alone.mp4: has no labels" in left_out
    assert not_used.startswith("ttcli: problem: ") and "a.csv: frame 30: " in not_used and "(and 1 more" in not_used
    assert run(*arguments, "-q").stderr == ""
    assert_one_error_line(run(*arguments, "--strict", "--overwrite"), "a.csv: frame 30")


def test_extract_takes_its_defaults_from_the_config(monkeypatch):
    seen = []
    report = types.SimpleNamespace(left_out=[], problems=[], as_json=dict, as_table=str)
    monkeypatch.setattr("ttcli.extract.extract", lambda *arguments: seen.append(arguments[:5]) or report)
    assert run("extract").exit_code == 0
    assert seen == [((Path(),), Path("extracted"), ExtractConfig(), None, None)]


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        (["absent"], ["absent", "does not exist"]),
        (["{folder}/empty"], ["empty", "holds no labelled video"]),
        (["{folder}/in"], ["a.csv", "no labels of events", "--no-events"]),
        (["{folder}/in", "--events", ","], ["--events", "names no event"]),
        (["{folder}/in", "--before", "1", "--after", "2"], ["--before and --after", "window spans 9"]),
        (["{folder}/in", "--labels", "{folder}/in/a.csv"], ["is a folder", "give the video"]),
        (["{video}", "{video}", "--labels", "{folder}/in/a.csv"], ["--labels", "one video"]),
        (["{video}", "--labels", "{folder}/there.csv", "--no-events"], ["there.csv", "no ball labels"]),
        (["{video}", "--labels", "{folder}/in/a.csv", "--format", "cvat", "--no-events"], ["a.csv"]),
        (["{video}", "--no-events", "-o", "{folder}/there.csv"], ["there.csv", "is a file"]),
        (["{video}", "--no-events", "-o", "{folder}/in"], ["is not empty"]),
        (["{video}", "--no-events", "--contact-sheet", "sheet.png"], ["sheet.png", ".jpg"]),
        (["{video}", "--no-events", "--contact-sheet", "{folder}/absent/a.jpg"], ["a.jpg", "does not exist"]),
        (["{video}", "--no-events", "--window", "7"], ["--window", "1, 3, 5, 9"]),
        (["{video}", "--no-events", "--dry-run", "--contact-sheet", "sheet.jpg"], ["--contact-sheet", "--dry-run"]),
    ],
)
def test_extract_errors_are_one_line_and_exit_1(pair, tmp_path, monkeypatch, arguments, facts):
    monkeypatch.chdir(tmp_path)
    for name in ("there.csv", "there.jpg"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "empty").mkdir()
    result = run("extract", *(argument.format(video=pair, folder=tmp_path) for argument in arguments))
    assert_one_error_line(result, *facts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "in", "there.csv", "there.jpg"]


def test_train_hands_its_options_on(stand_in_pipeline):
    calls = stand_in_pipeline("train")
    result = run("train", "simulated", "-o", "run", "--minutes", "5", "--crop", "128x64", "--json")
    assert json.loads(result.stdout) == {"steps": 7, "loss": 0.5}
    assert run("train", "extracted", "-o", "run", "--cache-memory", "1.5GB").exit_code == 0
    assert calls == [
        (None, Path("run"), TrainConfig(minutes=5.0, crop_height=64, crop_width=128), False),
        (Path("extracted"), Path("run"), TrainConfig(cache_memory=1_500_000_000), False),
    ]


def test_every_failure_is_one_line_and_debug_shows_the_traceback(stand_in_pipeline):
    def failing(error, *options):
        def action():
            raise error

        stand_in_pipeline("train", action)
        return run("train", "simulated", "-o", "run", *options)

    assert_one_error_line(failing(TrainingError("run", "the loss is nan", "lower the learning rate")), "run: the loss")
    assert_one_error_line(failing(KeyboardInterrupt()), "interrupted")
    assert_one_error_line(failing(OSError(28, "No space left on device")), "ttcli train", "No space left", "make room")
    assert_one_error_line(failing(FileNotFoundError(2, "No such file", "a\nb")), r"a\nb", "check the name")
    assert_one_error_line(failing(MemoryError()), "not enough memory")
    bug = failing(ZeroDivisionError("a\nbug"))
    assert_one_error_line(bug, "nobody foresaw", "ZeroDivisionError: a", "--debug")
    told = failing(ZeroDivisionError("a bug"), "--debug").stderr
    assert "Traceback" in told and told.splitlines()[-1].startswith("ttcli: ttcli train: an error that nobody foresaw")


def test_models_lists_networks_and_checkpoints(tmp_path, monkeypatch):
    from ttcli import models as listing
    from ttcli.networks.checkpoints import save_checkpoint
    from ttcli.networks.measured import MEASURED
    from ttcli.networks.registry import MODELS, create_model

    described = {"training_data": "simulated", "licence": "MIT", "metrics": {"f1@10": 0.91}}
    save_checkpoint(tmp_path / "tiny.safetensors", create_model("centernet_v8n", window_size=3), described)
    original, catalogues = listing.models, []

    def models(config):  # builds all networks, once
        catalogues[:] = catalogues or [original(config, tmp_path)]
        return catalogues[0]

    monkeypatch.setattr(listing, "models", models)
    table = run("models").stdout
    assert all(word in table for word in ("centernet_v8n", "tiny.safetensors", "simulated", "MIT", "f1@10 0.910"))
    content = json.loads(run("models", "--json").stdout)
    assert [entry["name"] for entry in content["networks"]][:1] == ["centernet_v8n"]
    assert content["checkpoints"][0]["metadata"]["licence"] == "MIT"
    figures = {entry["name"]: entry["measured"] for entry in content["networks"]}
    assert {name for name, measured in figures.items() if measured} == set(MEASURED) and len(figures) == len(MODELS)
    assert (
        figures["centernet_v8n"] == asdict(MEASURED["centernet_v8n"]) and f"{MEASURED['centernet_v8n'].within_10:.3f}" in table
    )
    (tmp_path / "bad.safetensors").write_bytes(b"\0" * 20)
    catalogues.clear()
    assert_one_error_line(run("models"), "bad.safetensors")


@pytest.mark.parametrize(
    "arguments",
    [
        ["detect"],
        ["detect", "a.mp4", "--threshold", "2"],
        ["detect", "a.mp4", "--step", "0"],
        ["detect", "a.mp4", "--device", "toaster"],
        ["render"],
        ["render", "a.mp4", "--scale", "0"],
        ["evaluate", "one.csv"],
        ["evaluate", "one.csv", "two.csv", "--size", "big"],
        ["evaluate", "one.csv", "two.csv", "--size", "0x10"],
        ["extract", "--size", "big"],
        ["extract", "--window", "0"],
        ["extract", "--validation", "1"],
        ["simulate"],
        ["train", "-o", "run"],
        ["train", "simulated", "-o", "run", "--cache-memory", "5 apples"],
        ["models", "--sizes"],
        ["dance"],
    ],
)
def test_wrong_usage_exits_2(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr and result.stdout == ""


@pytest.mark.parametrize("name", sorted(cli.main.commands))
def test_every_command_has_help_an_example_and_a_place_in_the_readme(name):
    command = cli.main.commands[name]
    text = run(name, "--help").stdout
    assert command.help and "Example" in text and f"ttcli {name} " in f"{text} ".replace("\n", " ")
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, f"{name} {parameter.name} has no help"
    assert {"quiet", "as_json"} <= {parameter.name for parameter in command.params}
    if not README.exists():
        pytest.skip("no README.md yet")
    assert f"ttcli {name}" in README.read_text(encoding="utf-8")


def test_every_setting_of_a_config_is_an_option():
    parts = {"height": "size", "width": "size", "crop_height": "crop", "crop_width": "crop"}
    for name, config in (
        ("detect", DetectConfig), ("extract", ExtractConfig), ("render", RenderConfig), ("simulate", SimulateConfig),
    ):  # fmt: skip
        options = {parameter.name for parameter in cli.main.commands[name].params}
        assert {parts.get(field, field) for field in config.__dataclass_fields__} <= options
    options = {parameter.name for parameter in cli.main.commands["spot"].params}
    parts |= {"picture_height": "size", "picture_width": "size"}
    assert {parts.get(field, field) for field in SpotConfig.__dataclass_fields__} <= options
    options = {parameter.name for parameter in cli.main.commands["train"].params}
    assert {parts.get(field, field) for field in TrainConfig.__dataclass_fields__} <= options


def test_the_list_of_commands_cuts_no_summary_off():
    lines = CliRunner().invoke(cli.main, ["--help"], terminal_width=80).stdout.splitlines()
    listed = lines[lines.index("Commands:") + 1 :]
    listed = listed[: listed.index("")]
    assert [line.split()[0] for line in listed] == sorted(cli.main.commands)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_help_imports_nothing_heavy():
    script = (
        "import sys\nfrom ttcli.cli import main\nmain(['--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'av', 'cv2', 'numpy', 'rich', 'tqdm'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "detect" in done.stdout
