"""The tool that counts bounces seen from above: one to one, by kind, within its time."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ttcli.simulation.rally import simulate_rallies
from ttcli.spotting.from_above import sees_from_above

TOOL = Path(__file__).parents[2] / "tools" / "measure_bounces_above.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("measure_bounces_above", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_each_bounce_is_found_by_one_event(tool):
    bounces = [tool.Bounce(1.0, True, False), tool.Bounce(1.02, True, False), tool.Bounce(3.0, False, True)]
    found, missed, beside = tool.matched(bounces, [1.015, 2.2])
    assert (found, missed, beside) == ([bounces[1]], [bounces[0], bounces[2]], [2.2])
    rows = tool.summary(tool.counted(found, missed, beside, tool.Scene([], None, bounces)))
    assert rows["all"] == {"bounces": 3, "found": 1, "false": 1, "f1": 0.4}
    assert rows["in play"]["bounces"] == 2 and rows["hops"] == {"bounces": 1, "found": 0, "false": 1, "f1": 0.0}


@pytest.mark.slow
def test_a_scene_is_seen_from_above_and_its_bounces_are_on_its_path(tool):
    generator = torch.Generator().manual_seed(1)
    scene = tool.drawn_scene(simulate_rallies(4, generator, duration_seconds=4.0), np.random.default_rng(1), generator)
    times = np.array([row.time_seconds for row in scene.rows])
    assert sees_from_above(scene.camera) and (np.diff(times) > 0).all() and scene.bounces
    assert all(np.abs(times - bounce.time).min() < tool.SEEN_WITHIN for bounce in scene.bounces)
