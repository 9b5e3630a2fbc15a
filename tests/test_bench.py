"""What `ttcli bench` measures: every part, in turns, and what it says of them."""

import json

import pytest
from click.testing import CliRunner

from ttcli import bench as benching
from ttcli import cli
from ttcli.bench import Stage, _judge, bench
from ttcli.configs import BenchConfig
from ttcli.errors import InputError

QUICK = BenchConfig(rounds=2, seconds=0.1)


@pytest.fixture(autouse=True)
def stand_in(runtime, monkeypatch):
    """Take a network that costs nothing."""
    monkeypatch.setattr(benching, "load_network", lambda *settings: runtime)


def test_every_part_has_a_rate_and_a_short_video_is_read_again(ball_video):
    report = bench(ball_video(positions=12), QUICK, quiet=True)
    names = [stage.name for stage in report.stages]
    assert names == ["decode", "decode and scale", "network, step 3", "detect, step 3", "detect, step 9", "write"]
    for stage in report.stages:
        assert 0 < stage.slowest <= stage.frames_per_second <= stage.fastest
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
    ("decode", "network", "whole", "fastest", "bound", "advice"),
    [
        (200, 60, 58, 110, "network, step 3", "--step 9 is 1.9 times as fast"),
        (100, 300, 95, 97, "decode and scale", "nothing but a faster decoder"),
        (200, 60, 40, 41, "sharing the processor", "a GPU"),
    ],
)
def test_it_says_what_the_whole_waits_for(monkeypatch, decode, network, whole, fastest, bound, advice):
    monkeypatch.setattr(benching.torch.cuda, "is_available", lambda: False)
    rates = {
        "decode": 2 * decode,
        "decode and scale": decode,
        "network, step 3": network,
        "detect, step 3": whole,
        "detect, step 9": fastest,
    }
    stages = [Stage(name, rate, rate, rate) for name, rate in rates.items()]
    says, what_helps = _judge(stages, 3, 9)
    assert bound in says and any(advice in line for line in what_helps)
