"""What `ttcli bench` measures: every part, in turns, and what it says of them."""

import json

import pytest
from click.testing import CliRunner

from ttcli import bench as benching
from ttcli import cli
from ttcli.bench import Stage, _judge, bench
from ttcli.configs import BenchConfig
from ttcli.errors import InputError

QUICK = BenchConfig(rounds=2, seconds=0.05)


@pytest.fixture(autouse=True)
def stand_in(runtime, monkeypatch):
    """Take a network that costs nothing."""
    monkeypatch.setattr(benching, "load_network", lambda *settings: runtime)


def test_every_part_has_a_rate_and_a_short_video_is_read_again(ball_video):
    report = bench(ball_video(positions=12), QUICK, quiet=True)
    names = [stage.name for stage in report.stages]
    assert names == ["decode", "decode and scale", "model input", "first stage", "detect", "detect, one look", "write"]
    for stage in report.stages:
        assert 0 < stage.slowest <= stage.frames_per_second <= stage.fastest
        assert stage.cpu_ms_per_frame > 0
        assert stage.ms_per_frame == pytest.approx(1000 / stage.frames_per_second)
    assert report.machine["cores"] >= 1 and "h264 96x64" in report.machine["video"]
    assert "bound by: " in str(report)


def test_json_holds_all_of_it(ball_video):
    result = CliRunner().invoke(
        cli.main, ["bench", str(ball_video(positions=12)), "--rounds", "1", "--seconds", "0.1", "--json", "-q"]
    )
    assert result.exit_code == 0, result.stderr
    content = json.loads(result.stdout)
    assert {"video", "machine", "stages", "bound", "advice"} == content.keys()
    assert content["stages"][0]["ms_per_frame"] > 0


def test_without_a_video_one_is_drawn(monkeypatch, ball_video):
    drawn = ball_video("drawn/videos/game_1.mp4", positions=12)
    asked = []

    def simulate(folder, config, quiet):
        asked.append(config)
        (folder / "videos").mkdir(parents=True)
        (folder / "videos" / "game_1.mp4").write_bytes(drawn.read_bytes())

    monkeypatch.setattr(benching, "simulate", simulate)
    report = bench(None, QUICK, quiet=True)
    assert asked and report.video.startswith("drawn")


def test_a_missing_video_is_one_line(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        bench(tmp_path / "none.mp4", QUICK, quiet=True)


@pytest.mark.parametrize(
    ("whole", "once", "bound", "advice"),
    [
        ((50, 36.0), (90, 20.0), "1.8 of 2 cores are at work, 7.0 ms a frame for the decoder and 29.0", "1.8 times as fast"),
        ((50, 36.0), (52, 34.0), "the processor", "a GPU"),
        ((135, 9.0), (139, 8.0), "decode and scale", "nothing but a faster decoder"),
        ((50, 20.0), (52, 19.0), "wait for each other: 1.0 of 2 cores", "a GPU"),
    ],
)
def test_it_says_what_the_whole_waits_for(monkeypatch, whole, once, bound, advice):
    monkeypatch.setattr(benching.torch.cuda, "is_available", lambda: False)
    parts = {"decode and scale": (140, 7.0), "detect": whole, "detect, one look": once}
    stages = {name: Stage(name, rate, rate, rate, cpu) for name, (rate, cpu) in parts.items()}
    says, what_helps = _judge(stages, 2)
    assert bound in says and any(advice in line for line in what_helps)
