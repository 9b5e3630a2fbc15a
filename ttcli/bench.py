"""`ttcli bench`: what each part of detection takes on this machine, what bounds the whole, and what would help."""

import platform
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.table import Table
from torch import Tensor
from tqdm import tqdm

from ttcli.configs import BenchConfig, DetectConfig, SimulateConfig
from ttcli.detection.decision import positions_in
from ttcli.detection.plan import VideoPlan, plan_at
from ttcli.errors import VideoError
from ttcli.inference.exported_runtimes import load_network
from ttcli.inference.runtimes import Runtime
from ttcli.inference.second_stage import CROP, CROPS
from ttcli.networks.devices import usable_cores
from ttcli.networks.packed_windows import PLANES, as_pixels, gray_of, pack_window
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv
from ttcli.simulate import simulate
from ttcli.video.decoder import Damage, decode_in_order
from ttcli.video.probe import VideoInfo, open_video, probe
from ttcli.video.reader import Frame, FrameReader

DRAWN = SimulateConfig(rallies=1, seed=7, camera="side", frame_rate=60, height=1080, width=1920, frames=90, device="cpu")
"""What is measured on where no video is given."""
CLOSE = 1.1
"""Times as long as another takes that counts as the same."""
BUSY = 0.8
"""Share of the cores from which on all of them are at work."""
DECODER, FIRST_STAGE, SECOND_STAGE = "decode and scale", "first stage", "second stage"
WHOLE, ONCE = "detect", "detect, one look"


@dataclass(frozen=True)
class Stage:
    """How fast one part of the work is, by itself."""

    name: str
    frames_per_second: float
    """Median over the rounds."""
    slowest: float
    fastest: float
    cpu_ms_per_frame: float
    """Milliseconds of all cores together that it takes for a frame, median over the rounds."""

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
        table = Table("stage", "frames/s", "from", "to", "ms a frame", "CPU ms", title=self.video)
        for stage in self.stages:
            rates = (stage.frames_per_second, stage.slowest, stage.fastest)
            table.add_row(
                stage.name, *(f"{rate:.0f}" for rate in rates), f"{stage.ms_per_frame:.1f}", f"{stage.cpu_ms_per_frame:.1f}"
            )
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
        VideoError: It is no video, or none of its frames can be decoded.
        SettingError: The device is not there.
    """
    with _video_or_drawn(video) as path:
        info = probe(path)
        detecting = DetectConfig(
            weights=config.weights, device=config.device, precision=config.precision, step=config.step, batch=config.batch
        )
        runtime = load_network(config.weights, detecting.runtime, config.device, config.precision)
        whole = plan_at(info, runtime, detecting, *runtime.working_size(*info.square_size), step=config.step)
        once = replace(whole, step=len(runtime.output_frames), again=None)
        first = next(_frames(whole), None)
        if first is None or first.picture is None:
            raise VideoError(path, "its first frame cannot be decoded", "give another video")
        scaled = partial(_frames, whole)
        ways: dict[str, Callable[[float], Iterable]] = {
            "decode": partial(_for_seconds, partial(_decoded, path)),
            DECODER: partial(_for_seconds, scaled),
            "model input": partial(_for_seconds, partial(_packed, first.picture, runtime)),
            FIRST_STAGE: partial(_for_seconds, partial(_answered, runtime, whole.height, whole.width)),
            WHOLE: partial(_detected, scaled, whole, runtime),
            ONCE: partial(_detected, scaled, once, runtime),
        }
        if whole.large_size is not None and runtime.second is not None:
            ways[SECOND_STAGE] = partial(_for_seconds, partial(_answered, runtime.second.runtime, CROP, CROP, CROPS))
        found: dict[str, list[_Measured]] = {name: [] for name in ways}
        for number in tqdm(range(config.rounds + 1), desc="rounds", unit="", disable=quiet or None):
            for name, way in ways.items():
                measured = _measure(way(config.seconds if number else min(1.0, config.seconds)))
                found[name] += [measured] if number else []
        found["write"] = [_measure(_written(info)) for _ in range(config.rounds)]
    stages = {name: _stage(name, measured) for name, measured in found.items()}
    bound, advice = _judge(stages, usable_cores())
    name = str(video) if video else f"drawn, {DRAWN.width}x{DRAWN.height}"
    return BenchReport(name, _machine(runtime, info), list(stages.values()), bound, advice)


@contextmanager
def _video_or_drawn(video: Path | None) -> Iterator[Path]:
    """Yield the video, or one that is drawn for the time being."""
    if video is not None:
        yield video
        return
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder) / "drawn", DRAWN, quiet=True)
        yield Path(folder) / "drawn" / "videos" / "game_1.mp4"


class _Measured(NamedTuple):
    """Of one part, in one round."""

    rate: float
    cpu_seconds: float
    """For each item."""


def _measure(items: Iterable) -> _Measured:
    """Return how many items come in a second, the wait for the first and the last of them included, and what each costs."""
    began, cpu = time.perf_counter(), time.process_time()
    count = sum(1 for _ in items)
    return _Measured(count / (time.perf_counter() - began), (time.process_time() - cpu) / count)


def _stage(name: str, measured: list[_Measured]) -> Stage:
    rates = [each.rate for each in measured]
    cpu = statistics.median(each.cpu_seconds for each in measured)
    return Stage(name, statistics.median(rates), min(rates), max(rates), 1000 * cpu)


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


def _packed(picture: np.ndarray, runtime: Runtime) -> Iterator[None]:
    """Yield once for each frame of windows that are put together, as many times as a window has frames."""
    packed = np.empty((*picture.shape[:2], runtime.window_size, PLANES), np.int8)
    while True:
        frames = [as_pixels(picture) for _ in range(runtime.window_size)]
        pack_window(frames, [gray_of(pixels) for pixels in frames] if runtime.difference else None, packed)
        yield from repeat(None, runtime.window_size)


def _answered(runtime: Runtime, height: int, width: int, crops: int | None = None) -> Iterator[None]:
    """Yield once for each frame that a network answers for, or each crop of a batch, in as many threads as it takes."""
    windows = torch.randint(-128, 128, (crops or 1, height, width, runtime.window_size, PLANES), dtype=torch.int8)

    def answer() -> Tensor:
        return runtime(windows).probabilities.cpu()  # waits for the device

    under_way = deque(runtime.pool.submit(answer) for _ in range(runtime.workers + 1))
    try:
        while True:
            under_way.popleft().result()
            under_way.append(runtime.pool.submit(answer))
            yield from repeat(None, crops or len(runtime.output_frames))
    finally:
        for each in under_way:
            each.cancel()


def _written(info: VideoInfo) -> Iterator[None]:
    """Write rows, and yield once for each."""
    rows = [BallPosition(frame, frame / float(info.frame_rate), 812.4, 377.9, 0.97, Status.SEEN) for frame in range(5000)]
    with tempfile.TemporaryDirectory() as folder:
        write_ball_csv(Path(folder) / "ball.csv", rows)
    yield from repeat(None, len(rows))


def _judge(stages: Mapping[str, Stage], cores: int) -> tuple[str, list[str]]:
    """Return what the whole waits for, and what would help."""
    whole, once, decode = stages[WHOLE], stages[ONCE], stages[DECODER]
    busy = whole.cpu_ms_per_frame / whole.ms_per_frame
    networks = whole.cpu_ms_per_frame - decode.cpu_ms_per_frame
    if busy > BUSY * cores:
        bound = f"the processor: {busy:.1f} of {cores} cores are at work"
        bound += f", {decode.cpu_ms_per_frame:.1f} ms a frame for the decoder and {networks:.1f} for the networks"
    elif whole.ms_per_frame < CLOSE * decode.ms_per_frame:
        bound = DECODER
    else:
        bound = f"its stages wait for each other: {busy:.1f} of {cores} cores are at work"
    advice = []
    if once.frames_per_second > CLOSE * whole.frames_per_second:
        gain = once.frames_per_second / whole.frames_per_second
        advice.append(f"one look at each frame (--step 9) is {gain:.1f} times as fast here, and less exact")
    if networks > decode.cpu_ms_per_frame and not torch.cuda.is_available():
        advice.append("a GPU would take the networks off the processor")
    if bound == DECODER:
        advice.append("nothing but a faster decoder helps: fewer pixels, a lower bit rate, or more cores")
    return bound, advice


def _machine(runtime: Runtime, info: VideoInfo) -> dict[str, Any]:
    """Return the facts that rates depend on."""
    return {
        "processor": _processor_name(),
        "cores": usable_cores(),
        "torch": torch.__version__,
        "network threads": runtime.workers,
        "device": str(runtime.device),
        "precision": runtime.precision,
        "video": f"{info.codec} {info.width}x{info.height} at {float(info.frame_rate):.5g}/s",
    }


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
