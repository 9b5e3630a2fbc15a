"""Damaged files, hundreds of them: a result or one line, soon, with a row for every frame; never a crash.

`tools/fuzz.py` does the same for as long as one likes.
"""

import random
import time
from pathlib import Path

import pytest
from conftest import BrightestSpot
from mutations import SEEDS, make_seeds, mutate

from ttcli.configs import DetectConfig, ProbeConfig
from ttcli.detect import detect
from ttcli.errors import TtcliError
from ttcli.manifest import read_manifest
from ttcli.probe import probe
from ttcli.runtimes import TorchRuntime
from ttcli.trajectory import read_ball_csv

FILES = 12
"""Damaged copies of each video."""
LIMIT_SECONDS = 10
"""For one file; a usual one takes 0.03."""
MOST_FRAMES = 2000
"""Rows that a damaged copy of a video of 12 frames may have."""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return make_seeds(tmp_path_factory.mktemp("seeds"))


def try_file(path: Path, folder: Path, runtime: TorchRuntime) -> str:
    """Return what came of detecting and probing a file: `rows`, or `refused`; anything else raises."""
    output = folder / "ball.csv"
    try:
        [summary] = detect([path], output, DetectConfig(overwrite=True, link=False), True, runtime, lambda line: None)
    except TtcliError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        outcome = "refused"
    else:
        rows = read_ball_csv(output)
        assert [row.frame_index for row in rows] == list(range(summary.frames)) and summary.frames <= MOST_FRAMES
        times = [row.time_seconds for row in rows]
        assert times == sorted(times)
        assert read_manifest(output)["counts"]["frames"] == len(rows)
        outcome = "rows"
    try:
        probe(path, ProbeConfig(samples=1), True, runtime)
    except TtcliError as error:
        assert "\n" not in str(error)
    return outcome


@pytest.mark.parametrize("name", SEEDS)
def test_a_damaged_file_gives_rows_or_one_line(
    seeds: dict[str, bytes], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttcli.probe.TIMED_SECONDS", 0.0)
    runtime = TorchRuntime(BrightestSpot(), {"area": 32 * 64}, device="cpu", precision="fp32")
    path = tmp_path / name
    for number in range(FILES):
        path.write_bytes(mutate(seeds[name], random.Random(f"{name} {number}")))
        started = time.monotonic()
        try_file(path, tmp_path, runtime)
        assert time.monotonic() - started < LIMIT_SECONDS, f"seed {number}"
