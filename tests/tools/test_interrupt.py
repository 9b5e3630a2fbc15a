"""Commands that are interrupted leave whole files or none, one line, and no process.

`tools/interrupt.py` does the same at as many moments as one likes.
"""

import importlib
import random
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")]


@pytest.fixture(scope="module")
def tool():
    if not TOOLS.exists():
        pytest.skip("tools/ lies in the repository only")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        yield importlib.import_module("interrupt")
    sys.modules.pop("interrupt", None)


@pytest.fixture(scope="module")
def inputs(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    tool.prepare(folder)
    return folder


@pytest.mark.parametrize("name", ["INT", "TERM", "KILL"])
@pytest.mark.parametrize("title", ["detect, overlay", "extract --jobs 2", "simulate --jobs 2"])
def test_an_interrupted_command_leaves_whole_files_or_none(tool, inputs, tmp_path, title, name):
    case, chance = tool.CASES[title], random.Random(f"{title} {name}")
    for seconds in (chance.uniform(0.5, 3), chance.uniform(3, 6)):
        _, faults = tool.interrupt(case, name, seconds, inputs, tmp_path / "run", {})
        assert not [fault for fault in faults if not fault.startswith("took")]  # beside other tests
