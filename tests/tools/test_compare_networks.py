"""The tool that compares networks: which runs there are, and what is told of their curves."""

import importlib
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tool(monkeypatch):
    if not TOOLS.exists():
        pytest.skip("tools/ lies in the repository only")
    monkeypatch.syspath_prepend(str(TOOLS))
    yield importlib.import_module("compare_networks")
    sys.modules.pop("compare_networks", None)


def test_the_runs_of_a_network_are_its_windows_seeds_and_recipes(tool):
    runs = tool.every_run(["centernet_v8s", "centernet_v8n"], tool.GROUPS[:4], 160, 288)
    assert [run.title for run in runs] == [
        "centernet_v8n", "centernet_v8s", "centernet_v8n, 3 frames", "centernet_v8n, 5 frames", "centernet_v8n, seed 1",
        "centernet_v8n, seed 2", "centernet_v8s, seed 1", "centernet_v8s, seed 2", "centernet_v8n, recipe of the notes",
    ]  # fmt: skip
    assert len({run.name for run in runs}) == len(runs)
    assert runs[-1].settings["radius"] == pytest.approx(7 / 512 * 288) and runs[-1].settings["target"] == "disk"
    alone = tool.every_run(["centernet_v8n"], ["ablations"], 160, 288)
    assert {run.group for run in alone} == {"ablations"} and "all, mask ball wrong" in {run.title for run in alone}


def test_a_curve_at_rest_gains_nothing_in_its_last_quarter(tool, tmp_path):
    (tmp_path / "metrics.csv").write_text("windows,arg_max_right\n100,0.1\n200,0.4\n300,0.5\n400,0.45\n")
    curve = tool._curve(tmp_path / "metrics.csv")
    assert curve == [(100, 0.1), (200, 0.4), (300, 0.5), (400, 0.45)]
    assert tool._last_quarter(curve) == "+0.000"
    assert tool._last_quarter([*curve[:3], (400, 0.6)]) == "+0.100" and tool._last_quarter(curve[:1]) == "–"
