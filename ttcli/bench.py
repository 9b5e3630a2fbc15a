"""`ttcli bench`: what each part of detection takes on this machine, what bounds the whole, and what would help."""

import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from tqdm import tqdm

from ttcli.configs import BenchConfig, DetectConfig, SimulateConfig
from ttcli.detection.decision import positions_in
from ttcli.detection.plan import VideoPlan, plan_at
from ttcli.errors import VideoError
from ttcli.inference.exported_runtimes import load_network
from ttcli.inference.runtimes import Runtime
from ttcli.networks.devices import usable_cores
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv
from ttcli.simulate import simulate
from ttcli.video.decoder import Damage, decode_in_order
from ttcli.video.probe import VideoInfo, open_video, probe
from ttcli.video.reader import Frame, FrameReader

DRAWN = SimulateConfig(rallies=1, seed=7, camera="side", frame_rate=60, height=1080, width=1920, frames=90, device="cpu")
"""What is measured on where no video is given."""
CLOSE = 1.1
"""The whole is bound by its slowest part alone where it takes no more than this times as long as that one."""


@dataclass(frozen=True)
class Stage:
    """How fast one part of the work is, by itself."""

    name: str
    frames_per_second: float
    """Median over the rounds."""
    slowest: float
    fastest: float

    @property
    def ms_per_frame(self) -> float:
        """Milliseconds that it takes for a frame."""
        return 1000 / self.frames_per_second


@dataclass(frozen=True)
class BenchReport:
    """What was measured."""

    video: str
    machine: dict[str, Any]
    stages: list[Stage]
    bound: str
    """Which part the whole waits for."""
    advice: list[str]
    """What would make it faster."""

    def as_json(self) -> dict[str, Any]:
        """Return everything as one dict for JSON."""
        stages = [{**asdict(stage), "ms_per_frame": stage.ms_per_frame} for stage in self.stages]
        return {**asdict(self), "stages": stages}

    def as_table(self) -> Table:
        """Return a row for each stage, for a terminal."""
        table = Table("stage", "frames/s", "from", "to", "ms a frame", title=self.video)
        for stage in self.stages:
            rates = (stage.frames_per_second, stage.slowest, stage.fastest)
            table.add_row(stage.name, *(f"{rate:.0f}" for rate in rates), f"{stage.ms_per_frame:.1f}")
        return table

    def __str__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        return "\n".join([facts, f"bound by: {self.bound}", *self.advice])


def bench(video: Path | None, config: BenchConfig, quiet: bool = False) -> BenchReport:
    """Measure decoding, scaling, the network, and all of `detect`, in turns.

    Each part is timed by itself, and the whole with its parts overlapping. Rounds go through all of them, so that other
    work on the machine meets them alike; a first round is not counted. A short video is read again and again.

    Raises:
        InputError: There is no such video.
        VideoError: It is none, or not one frame of it can be decoded.
        SettingError: The device is not there.
    """
    with _video_or_drawn(video) as path:
        info = probe(path)
        detecting = DetectConfig(
            weights=config.weights, device=config.device, precision=config.precision, step=config.step, batch=config.batch
        )
        runtime = load_network(config.weights, detecting.runtime, config.device, config.precision)
        whole = plan_at(info, runtime, detecting, *runtime.working_size(*info.square_size), step=config.step)
        fastest = replace(whole, step=len(runtime.output_frames))
        first = next(_frames(whole), None)
        if first is None or first.picture is None:
            raise VideoError(path, "its first frame cannot be decoded", "give another video")
        decoded, scaled = partial(_decoded, path), partial(_frames, whole)
        ways: dict[str, Callable[[float], Iterable]] = {
            "decode": partial(_for_seconds, decoded),
            "decode and scale": partial(_for_seconds, scaled),
            f"network, step {whole.step}": partial(_detected, partial(repeat, first), whole, runtime),
            f"detect, step {whole.step}": partial(_detected, scaled, whole, runtime),
            f"detect, step {fastest.step}": partial(_detected, scaled, fastest, runtime),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for number in tqdm(range(config.rounds + 1), desc="rounds", unit="", disable=quiet or None):
            for name, way in ways.items():
                rate = _rate(way(config.seconds if number else min(1.0, config.seconds)))
                rates[name] += [rate] if number else []
        rates["write"] = [_write_rate(info) for _ in range(config.rounds)]
    stages = [Stage(name, statistics.median(found), min(found), max(found)) for name, found in rates.items()]
    bound, advice = _judge(stages, whole.step, len(runtime.output_frames))
    name = str(video) if video else f"drawn, {DRAWN.width}x{DRAWN.height}"
    return BenchReport(name, _machine(runtime, info), stages, bound, advice)


@contextmanager
def _video_or_drawn(video: Path | None) -> Iterator[Path]:
    """Yield the video, or one that is drawn for the time being."""
    if video is not None:
        yield video
        return
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder) / "drawn", DRAWN, quiet=True)
        yield Path(folder) / "drawn" / "videos" / "game_1.mp4"


def _rate(items: Iterable) -> float:
    """Return how many items come in a second, the wait for the first and the last of them included."""
    began = time.perf_counter()
    count = sum(1 for _ in items)
    return count / (time.perf_counter() - began)


def _for_seconds(read: Callable[[], Iterable[Any]], seconds: float) -> Iterator:
    """Yield what is read, for so long; again from the beginning each time that it ends."""
    end = time.perf_counter() + seconds
    while True:
        for item in read():
            yield item
            if time.perf_counter() > end:
                return


def _decoded(path: Path) -> Iterator:
    with open_video(path) as (container, stream):
        yield from decode_in_order(path, container, stream, Damage())


def _frames(plan: VideoPlan) -> Iterator[Frame]:
    with FrameReader(plan.info, plan.height, plan.width, judge=True, large_size=plan.large_size) as reader:
        yield from reader


def _detected(read: Callable[[], Iterable[Frame]], plan: VideoPlan, runtime: Runtime, seconds: float) -> Iterator[BallPosition]:
    """Yield the ball in what is read, for so long."""
    return positions_in(_for_seconds(read, seconds), plan, runtime)


def _write_rate(info: VideoInfo) -> float:
    """Return how many rows are written in a second."""
    rows = [BallPosition(frame, frame / float(info.frame_rate), 812.4, 377.9, 0.97, Status.SEEN) for frame in range(5000)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_ball_csv(Path(folder) / "ball.csv", rows)
        return len(rows) / (time.perf_counter() - began)


def _judge(stages: list[Stage], step: int, outputs: int) -> tuple[str, list[str]]:
    """Return which part bounds the whole, and what would help."""
    decode, network, whole, fastest = stages[1], stages[2], stages[3], stages[4]
    slowest = min(decode, network, key=lambda stage: stage.frames_per_second)
    bound = slowest.name
    if whole.ms_per_frame > CLOSE * slowest.ms_per_frame:
        bound += ", and by sharing the processor with the other parts"
    advice = []
    if step < outputs and fastest.frames_per_second > CLOSE * whole.frames_per_second:
        gain = fastest.frames_per_second / whole.frames_per_second
        advice.append(f"--step {outputs} is {gain:.1f} times as fast here, and less exact")
    if slowest is network and not torch.cuda.is_available():
        advice.append("a GPU would take the network off the processor")
    if slowest is decode:
        advice.append("nothing but a faster decoder helps: fewer pixels, a lower bit rate, or more cores")
    return bound, advice


def _machine(runtime: Runtime, info: VideoInfo) -> dict[str, Any]:
    """Return the facts that rates depend on."""
    return {
        "processor": _processor_name(),
        "cores": usable_cores(),
        "torch": torch.__version__,
        "torch threads": torch.get_num_threads(),
        "device": str(runtime.device),
        "precision": str(runtime.dtype).removeprefix("torch."),
        "video": f"{info.codec} {info.width}x{info.height} at {float(info.frame_rate):.5g}/s",
    }


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
