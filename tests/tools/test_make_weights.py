"""The tool that makes the package's weights anew: it trains, goes on where it stopped, fits, and packs what `detect` takes."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ttcli.inference.runtimes import load_runtime
from ttcli.networks.checkpoints import PACKAGED, SECOND_STAGE_WEIGHTS, load_checkpoint
from ttcli.networks.int8 import parts_with_ranges
from ttcli.training import data as training_data

TOOLS = Path(__file__).parents[2] / "tools"
pytestmark = pytest.mark.slow


@pytest.fixture
def tool(monkeypatch):
    if not TOOLS.exists():
        pytest.skip("tools/ lies in the repository only")
    monkeypatch.syspath_prepend(str(TOOLS))
    yield importlib.import_module("make_weights")
    for name in ("make_weights", "fit_second_stage", "fit_flight", "measure_ranges"):
        sys.modules.pop(name, None)


def test_a_network_is_trained_for_its_share_and_gone_on_with(tool, tmp_path, monkeypatch):
    drawn = training_data.DrawnData  # whole films take minutes
    monkeypatch.setattr(drawn, "calibrate", lambda data, model, quiet: data.validate(model))
    small = replace(tool.FAST.settings, crop_height=64, crop_width=64, batch=16, warmup=1, device="cpu", precision="fp32")
    recipe = replace(tool.FAST, windows=320, settings=small)
    first = load_checkpoint(tool.trained(recipe, tmp_path, share=0.1, seed=3))
    assert first.metadata["steps"] == 2
    assert load_checkpoint(tool.trained(recipe, tmp_path, share=0.2, seed=3)).metadata["steps"] == 4


def test_what_is_packed_is_what_detect_takes(tool, tmp_path, monkeypatch):
    made = {"centernet_v8s": PACKAGED["default"], "centernet_v8n": PACKAGED["fast"], "closer_v8n": SECOND_STAGE_WEIGHTS}
    monkeypatch.setattr(tool, "trained", lambda recipe, *arguments, **settings: made[recipe.file])
    tool.main([str(tmp_path), "--rallies", "2", "--device", "cpu"])
    default, fast = (load_checkpoint(tmp_path / f"{name}.safetensors") for name in ("centernet_v8s", "centernet_v8n"))
    assert default.metadata["second_stage"]["look"] == 0 and fast.metadata["second_stage"]["look"] > 0
    assert default.metadata["second_stage"]["own"] == default.metadata["calibration"]["slope"]
    assert load_runtime(tmp_path / "centernet_v8s.safetensors", "cpu", "fp32").working_size(1080, 1920) == (320, 576)
    second = load_checkpoint(tmp_path / "closer_v8n.safetensors")
    for made_anew in (default, fast, second):
        assert made_anew.metadata["ranges"].keys() == parts_with_ranges(made_anew.model).keys()
    assert abs((tmp_path / "closer_v8n.safetensors").stat().st_size - SECOND_STAGE_WEIGHTS.stat().st_size) < 1000
