"""Times `detect` against decoding alone, in turns, with the start of the program left out.

    python tools/measure_speed.py REAL [--rounds 3] [--frames 600]

REAL is the folder of the real clips. *Still* is thexorb_wtt_singapore with its packets repeated, so that decoding costs what it
does in a broadcast. *Panning* is wtt_frankfurt_test_00 from frame 62 on, enlarged to 1920x1080. Prints JSON: for each way the
median of wall and processor milliseconds a frame, and the median of wall time relative to decoding in the same turn.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import av
from av.video.stream import VideoStream

from ttcli.configs import DetectConfig
from ttcli.detection.findings import Findings, decided_rows
from ttcli.detection.plan import VideoPlan
from ttcli.detection.proposals import NetworkProposals
from ttcli.detection.scouting import plan_video
from ttcli.inference.exported_runtimes import load_network
from ttcli.inference.runtimes import Runtime
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

STILL, PANNING, PANS_FROM = "thexorb_wtt_singapore.mp4", "wtt_frankfurt_test_00.mp4", 62
WAYS = {"default": (None, None), "--step 9": (None, 9), "fast": (Path("fast"), None), "fast --step 9": (Path("fast"), 9)}
"""Name -> weights and step of `detect`."""
DECODING = "decoding and scaling alone"


def repeated(source: Path, target: Path, frames: int) -> Path:
    """Write the packets of a video again and again until it has so many frames, and return the new video."""
    with av.open(str(source)) as read:
        stream = read.streams.video[0]
        packets = [packet for packet in read.demux(stream) if packet.dts is not None]
        length = max(packet.pts + packet.duration for packet in packets) - min(packet.dts for packet in packets)
        with av.open(str(target), "w") as written:
            copied = written.add_stream_from_template(stream)
            for _ in range(-(-frames // len(packets))):
                for packet in packets:
                    packet.stream = copied
                    written.mux(packet)
                    packet.pts, packet.dts = packet.pts + length, packet.dts + length
    return target


def enlarged(source: Path, target: Path, first: int) -> Path:
    """Write a video from a frame on, at 1920x1080, and return it."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        stream = written.add_stream("libx264", rate=25, options={"crf": "20"})
        if not isinstance(stream, VideoStream):
            raise TypeError("libx264 makes a video stream")
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number, frame in enumerate(islice(read.decode(video=0), first, None)):
            large = frame.reformat(1920, 1080, "yuv420p", interpolation="BICUBIC")
            large.pts, large.time_base = number, Fraction(1, 25)
            written.mux(stream.encode(large))
        written.mux(stream.encode(None))
    return target


def decoded(plan: VideoPlan) -> Iterable:
    """Yield the frames of a video, scaled as the networks see them."""
    with FrameReader(plan.info, plan.height, plan.width, judge=True, large_size=plan.large_size) as reader:
        yield from reader


def detected(plan: VideoPlan, runtime: Runtime) -> Iterable:
    """Yield the rows of a video: all of `detect` but writing."""
    with FrameReader(plan.info, plan.height, plan.width, judge=True, large_size=plan.large_size) as reader:
        yield from decided_rows(plan, NetworkProposals(reader, plan, runtime), runtime, Findings(), with_events=True)


def timed(read: Callable[[], Iterable]) -> tuple[float, float]:
    """Return the wall and the processor milliseconds a frame of what yields an item for each frame."""
    began, cpu = time.perf_counter(), time.process_time()
    frames = sum(1 for _ in read())
    return 1000 * (time.perf_counter() - began) / frames, 1000 * (time.process_time() - cpu) / frames


def measure(video: Path, names: Iterable[str], rounds: int) -> dict[str, dict[str, float]]:
    """Return the figures of decoding and of some ways of `detect` on a video."""
    reads: dict[str, Callable[[], Iterable]] = {}
    for name in names:
        weights, step = WAYS[name]
        config = DetectConfig(weights=weights, step=step)
        runtime = load_network(weights, config.runtime, config.device, config.precision, config.threads)
        plan = plan_video(probe(video), runtime, config)
        reads.setdefault(DECODING, partial(decoded, plan))
        reads[name] = partial(detected, plan, runtime)
    for read in reads.values():  # once to warm up
        timed(read)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in reads}
    for _ in range(rounds):
        for name, read in reads.items():
            times[name].append(timed(read))
    return {
        name: {
            "ms": statistics.median(wall for wall, _ in taken),
            "cpu_ms": statistics.median(cpu for _, cpu in taken),
            "relative": statistics.median(wall / alone for (wall, _), (alone, _) in zip(taken, times[DECODING], strict=True)),
        }
        for name, taken in times.items()
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, help="folder of the real clips")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=600, help="of the still video, at least")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        still = repeated(options.real / STILL, Path(folder) / "still.mp4", options.frames)
        panning = enlarged(options.real / PANNING, Path(folder) / "panning.mp4", PANS_FROM)
        figures = {
            "still": measure(still, WAYS, options.rounds),
            "panning": measure(panning, ("default", "fast"), options.rounds),
        }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
