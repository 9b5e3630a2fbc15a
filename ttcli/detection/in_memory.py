"""Detection without files: `ttcli.detect_ball`, for programs that want rows and not a CSV."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from ttcli.configs import DetectConfig
from ttcli.detection.findings import Findings, decided_rows
from ttcli.detection.proposals import NetworkProposals
from ttcli.detection.scouting import plan_video
from ttcli.inference.exported_runtimes import load_network
from ttcli.inference.runtimes import Runtime
from ttcli.results.events import Event
from ttcli.results.shots import Shot
from ttcli.results.trajectory import BallPosition
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

OF_FILES = {"events", "shots", "rallies", "all_events", "strokes", "table_picture", "overwrite", "ray", "chunk_minutes"}
"""Settings of `DetectConfig` that say what is written and where tasks run: here nothing is, and none do."""


class Detection(NamedTuple):
    """What was found in a video."""

    rows: list[BallPosition]
    """One for each frame, in order, as in ball.csv."""
    events: list[Event]
    """Bounces and net crossings in order, as in events.csv."""
    shots: list[Shot]
    """The parts of the video between cuts, as in shots.csv."""


def detect_ball(video: str | os.PathLike[str], runtime: Runtime | None = None, **settings: Any) -> Detection:
    """Return the ball in every frame of a video, and its events.

    Args:
        video: A file, or a folder of numbered pictures.
        runtime: The network, as `load_network` returns it, for more than one video; loaded as the settings say if None.
        settings: Settings of `DetectConfig`, by name, but for those in OF_FILES.

    Raises:
        InputError: There is no such file.
        VideoError: It is no video, or none of its frames can be decoded.
        CheckpointError: The weights are damaged or of an unknown network.
        SettingError: The device is not there, or a library that the settings ask for.
        TypeError: There is no setting of that name here.
    """
    if others := sorted(OF_FILES & settings.keys()):
        raise TypeError(f"detect_ball() writes no file and starts no task; leave out {', '.join(others)}")
    config = DetectConfig(**settings)
    info = probe(Path(video), config.picture_rate)
    if runtime is None:
        weights = None if config.weights is None else Path(config.weights)
        runtime = load_network(weights, config.runtime, config.device, config.precision, config.threads)
    plan, findings = plan_video(info, runtime, config), Findings()
    with FrameReader(info, plan.height, plan.width, judge=True, large_size=plan.large_size) as reader:
        rows = list(decided_rows(plan, NetworkProposals(reader, plan, runtime), runtime, findings, with_events=True))
    return Detection(rows, findings.events, findings.shots)
