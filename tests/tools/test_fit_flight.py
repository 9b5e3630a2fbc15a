"""The tool that fits confidence and flight: it counts right and never ends worse than it began."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from ttcli.detection.tracking import Flight

TOOL = Path(__file__).parents[2] / "tools" / "fit_flight.py"
PLAIN = {"slope": 1.0, "bias": 0.0}


@pytest.fixture(scope="module")
def tool():
    if not TOOL.exists():
        pytest.skip("tools/ lies in the repository only")
    spec = importlib.util.spec_from_file_location("fit_flight", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def clip(tool):
    """A ball on a line, faint in every fourth frame; the second candidate is far away; the last frames show none."""
    count = 60
    ball = np.stack([100 + 4.0 * np.arange(count), np.full(count, 90.0)], 1)
    other = np.random.default_rng(0).uniform(0, 280, (count, 2))
    logits = np.stack([np.where(np.arange(count) % 4, 3.0, -1.0), np.full(count, -4.0)], 1)
    visible = np.arange(count) < 50
    right = np.stack([visible, np.zeros(count, bool)], 1)
    known = np.arange(count) >= 5
    return tool.Clip("line", np.arange(count) / 60, np.stack([ball, other], 1), logits, right, known, visible, 512.0 * 288)


def test_single_frames_are_counted_as_they_are(tool, clip):
    confidence, right, visible = tool.answers([clip], PLAIN, None)
    assert len(confidence) == 55 and right.sum() == visible.sum() == 45
    found = sum(bool(frame % 4) for frame in range(5, 50))
    claims = sum(bool(frame % 4) for frame in range(5, 60))
    assert tool.figures([clip], PLAIN, None).startswith(f"recall {found / 45:.3f}  precision {found / claims:.3f}")


def test_fitting_never_ends_worse_than_it_began(tool, clip, monkeypatch):
    monkeypatch.setattr(tool, "GRID", {"bias": (-1.0, 0.3), "smoothness": (0.1, 0.4)})
    fitted = tool.fit_flight([clip], PLAIN)
    assert tool.cost([clip], PLAIN, fitted) <= tool.cost([clip], PLAIN, Flight())
