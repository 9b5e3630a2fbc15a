"""The tool that compares networks: which runs there are, what goes on, and what is told of their curves."""

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console
from window_batches import counting_windows

from ttcli.training import augmentation

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tool(monkeypatch):
    if not TOOLS.exists():
        pytest.skip("tools/ lies in the repository only")
    monkeypatch.syspath_prepend(str(TOOLS))
    yield importlib.import_module("compare_networks")
    sys.modules.pop("compare_networks", None)


def test_the_runs_of_a_network_are_its_windows_seeds_and_recipes(tool):
    groups = ["networks", "users", "seeds", "notes"]
    runs = tool.every_run(["centernet_v8s", "centernet_v8n"], groups, 160, 288)
    assert [run.title for run in runs] == [
        "centernet_v8n", "centernet_v8s", "centernet_v8n, 3 frames", "centernet_v8n, 5 frames", "centernet_v8n, seed 1",
        "centernet_v8n, seed 2", "centernet_v8s, seed 1", "centernet_v8s, seed 2", "centernet_v8n, recipe of the notes",
    ]  # fmt: skip
    assert len({run.name for run in runs}) == len(runs)
    assert runs[-1].settings["radius"] == pytest.approx(7 / 512 * 288) and runs[-1].settings["target"] == "disk"
    assert {run.group for run in tool.every_run(["centernet_v8n"], ["ablations"], 160, 288)} == {"ablations"}


def test_balls_are_painted_over_and_put_in_with_every_seed_beside_a_run_without(tool):
    runs = tool.every_run(["centernet_v8n"], ["edits"], 160, 288)
    assert len(runs) == 15 and len({run.settings["seed"] for run in runs}) == 3
    masked = [run for run in runs if run.edits == {"mask_ball": tool.MASKED}]
    assert [bool(run.wrong) for run in masked] == [False, True] * 3
    both = tool.every_run(["centernet_v8n"], ["networks", "edits", "seeds"], 160, 288)
    assert [run.title for run in both].count("centernet_v8n, seed 1") == 1 and both[0].title == "centernet_v8n"


def test_a_wrong_order_is_that_of_the_windows_which_were_painted_over_alone(tool, monkeypatch):
    def paint_over(batch, rows):
        batch.visible[rows] = False

    monkeypatch.setattr(augmentation, "mask_balls", paint_over)
    tool._shuffle_after("mask_balls")
    batch = counting_windows(count=3)
    before = batch.frames.clone()
    augmentation.mask_balls(batch, torch.tensor([1]))
    assert torch.equal(batch.frames[[0, 2]], before[[0, 2]])
    assert not torch.equal(batch.frames[1], before[1])
    assert torch.equal(batch.frames[1].sort(0).values, before[1].sort(0).values)


def test_results_go_on_with_their_own_setting_and_no_other(tool, tmp_path):
    path = tmp_path / "results.json"
    begun = tool.begin(path, {"steps": 7, "size": None})
    assert begun["setting"]["steps"] == 7 and begun["setting"]["size"] == tool.Setting().size
    path.write_text(json.dumps(begun))
    assert tool.begin(path, {"steps": None}) == begun == tool.begin(path, {"steps": 7})
    with pytest.raises(ValueError, match="steps"):
        tool.begin(path, {"steps": 8})


def test_the_page_has_each_run_and_what_several_seeds_of_it_found(tool):
    figures = {"balls": 100, "arg_max_right": 0.5, tool.NEAR_SHARE: 0.6, **dict.fromkeys(tool.FIGURES)}
    results = {"setting": tool.asdict(tool.Setting()), "times": {"ms a frame, cpu": {"centernet_v8n": 3.6}}, "results": {}}
    for title, share in (("centernet_v8n", 0.5), ("centernet_v8n, seed 1", 0.25), ("centernet_v8n, 3 frames", 0.4)):
        results["results"][title] = {
            "title": title, "windows": 1200, "core minutes": 1.5, "curve": [(600, 0.1), (1200, 0.3)],
            "left out": {"simulated": figures | {"arg_max_right": share}},
        }  # fmt: skip
    console = Console(width=240, record=True)
    for table in tool.page(results):
        console.print(table)
    lines = console.export_text().splitlines()
    row = next(line for line in lines if line.startswith("| centernet_v8n, seed 1"))
    assert "1,200" in row and "0.250 ± 0.085" in row and "0.50" in row and "+0.200" in row
    assert any("centernet_v8n" in line and "0.375" in line and "0.250" in line for line in lines)


def test_a_curve_at_rest_gains_nothing_in_its_last_quarter(tool, tmp_path):
    (tmp_path / "metrics.csv").write_text("windows,arg_max_right\n100,0.1\n200,0.4\n300,0.5\n400,0.45\n")
    curve = tool._curve(tool._metrics(tmp_path / "metrics.csv"))
    assert curve == [(100, 0.1), (200, 0.4), (300, 0.5), (400, 0.45)]
    assert tool._last_quarter(curve) == "+0.000"
    assert tool._last_quarter([*curve[:3], (400, 0.6)]) == "+0.100" and tool._last_quarter(curve[:1]) == "–"
