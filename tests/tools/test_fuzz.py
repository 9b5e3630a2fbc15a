"""Damaged files, some dozen, and more among the slow tests: a result or one line, soon, with a row for every frame; no crash.

`tools/fuzz.py` does the same for as long as one likes.
"""

import random
import time
from pathlib import Path

import pytest
from mutations import SEEDS, make_seeds, mutate
from stand_ins import BrightestSpot
from trials import try_file

from ttcli.inference.runtimes import TorchRuntime

FILES = [range(2), pytest.param(range(2, 24), marks=pytest.mark.slow)]
"""Damaged copies of each video, by their numbers."""
LIMIT_SECONDS = 10
"""For one file; a usual one takes 0.03."""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.parametrize("files", FILES, ids=["few", "more"])
@pytest.mark.parametrize("name", SEEDS)
def test_a_damaged_file_gives_rows_or_one_line(
    seeds: dict[str, bytes], name: str, files: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttcli.probe.TIMED_SECONDS", 0.0)
    runtime = TorchRuntime(BrightestSpot(), {"area": 32 * 64}, device="cpu", precision="fp32")
    path = tmp_path / name
    for number in files:
        path.write_bytes(mutate(seeds[name], random.Random(f"{name} {number}")))
        started = time.monotonic()
        try_file(path, tmp_path, runtime)
        assert time.monotonic() - started < LIMIT_SECONDS, f"seed {number}"
