"""What becomes of a damaged video when it is detected and probed."""

from pathlib import Path

from ttcli.configs import DetectConfig, ProbeConfig
from ttcli.detect import detect
from ttcli.errors import TtcliError
from ttcli.inference.runtimes import TorchRuntime
from ttcli.probe import probe
from ttcli.results.manifest import read_manifest
from ttcli.results.trajectory import read_ball_csv

MOST_FRAMES = 2000
"""Rows that a damaged copy of a video of 12 frames may have."""


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
