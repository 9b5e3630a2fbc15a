"""`ttcli probe`: what a video is, how well the ball can be found in it, and how long that will take here."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from rich.table import Table
from tqdm import tqdm

from ttcli.configs import DetectConfig, ProbeConfig
from ttcli.detection.decision import positions_in
from ttcli.detection.plan import plan_at
from ttcli.detection.table_samples import check_tables, picture_tables
from ttcli.errors import VideoError
from ttcli.inference.runtimes import Runtime, load_runtime
from ttcli.inference.second_stage import larger_size
from ttcli.probing.ball_size import BACKGROUND_FRAMES, BallSize, crop_box, measure_ball
from ttcli.probing.picture_quality import camera_shift, sharpness, woven_fields
from ttcli.probing.verdict import Finding, find_all, judge, not_judged
from ttcli.results.trajectory import BallPosition
from ttcli.video.packets import PacketFacts, read_packets
from ttcli.video.probe import VideoInfo
from ttcli.video.probe import probe as probe_file
from ttcli.video.reader import Frame, FrameReader
from ttcli.video.standard_input import shown_name

SPAN_SECONDS = 1.2
"""Length of a sample; at least LEAST_SPAN frames, at most MOST_SPAN."""
LEAST_SPAN, MOST_SPAN = 27, 90
MEASURED_BALLS = 5
"""Balls of each sample that are measured at the video's own size."""
SAMPLES_TOGETHER = 2
"""Samples that are taken beside each other: a cut, a seek and a network wait for different things."""
TIMED_SECONDS = 1.2
"""How long decoding and the whole of `detect` are timed, each at most."""
MOST_KEPT = 80_000_000
"""Bytes of gray pictures at the video's own size that are kept of a sample, 38 of full HD. What is longer or larger is
decoded a second time for those that are wanted."""
READ_AHEAD = 4
"""Frames that a sample's reader may be ahead: pictures at the video's own size are large."""
SHIFT_SECONDS = 0.2
"""Time between two pictures that are searched for a shift of the camera."""
MOVING_SHARE = 0.01
"""Share of the picture's width a second from which on a camera counts as moving."""
WOVEN = 1.15
"""Value of `woven_fields` above which a picture is woven."""


@dataclass(frozen=True)
class ProbeReport:
    """What was found out about one video."""

    video: str
    verdict: str
    """good, fair or poor, about finding the ball alone."""
    findings: list[Finding]
    facts: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the report as a dict for JSON."""
        findings = [{"level": each.level, "reason": each.reason, "cure": each.cure} for each in self.findings]
        return {"video": self.video, "verdict": self.verdict, "findings": findings, **self.facts}

    def as_table(self) -> Table:
        """Return the facts as a table for people."""
        table = Table("", "", title=self.video, show_header=False)
        for name, text in _rows(self.facts):
            table.add_row(name, text)
        return table

    def __str__(self) -> str:
        expectations = {
            "good": "the ball should be found well",
            "fair": "the ball should be found, with more errors than usual",
            "poor": "the ball cannot be found well",
        }
        lines = [f"{self.verdict}: {expectations[self.verdict]}", *(f"  {each}" for each in self.findings)]
        return "\n".join([*lines, f"  {not_judged(self.facts)}"])


@dataclass
class _Sample:
    """What one sampled span gave."""

    frames: int = 0
    broken: int = 0
    duplicates: int = 0
    cuts: int = 0
    seconds: float = 0.0
    brightness: float | None = None
    camera_speed: float | None = None
    """Shares of the picture's width a second."""
    seen: int = 0
    confidence: float = 0.0
    """Sum over the seen."""
    sharpness: float | None = None
    woven: float | None = None
    balls: list[BallSize] | None = None


def probe(video: Path, config: ProbeConfig, quiet: bool = False, runtime: Runtime | None = None) -> ProbeReport:
    """Return what a video is and what to expect, from its packets and a few sampled seconds.

    Args:
        video: The video, or a folder of numbered pictures.
        config: Settings.
        quiet: Show no progress.
        runtime: The network; loaded as `config` says if None.

    Raises:
        InputError: There is no such video.
        VideoError: It is no video, or none of its frames can be decoded.
    """
    info = probe_file(video, config.picture_rate)
    told = check_tables(info, config)
    packets = read_packets(video, config.picture_rate)
    if runtime is None:
        runtime = load_runtime(config.weights, config.device, config.precision)
    starts = _starts(packets, info, config.samples)
    with ThreadPoolExecutor(SAMPLES_TOGETHER) as pool:
        taken = pool.map(partial(_take_sample, info, runtime), starts)
        samples = list(tqdm(taken, total=len(starts), desc=f"{video.name}: samples", unit="", disable=quiet or None))
    size = runtime.working_size(*info.square_size)
    decode_rate = _time_decoding(info, *size)
    detect_rate = _time_detection(info, runtime, *size)
    facts = _file_facts(info, packets) | _sample_facts(samples, info, size[1])
    facts |= {
        "truncated": packets.truncated,
        "decode_fps": round(decode_rate, 1),
        "detect_fps": round(detect_rate, 1),
        "detect_seconds": round(facts["frames"] / detect_rate, 3) if detect_rate else None,
    }
    if config.table_picture is not None:
        starts = _starts(packets, info, config.samples)
        facts["tables"] = picture_tables(info, starts, told, runtime.working_size(*info.square_size), config)
    findings = find_all(facts)
    return ProbeReport(shown_name(video), judge(findings), findings, facts)


def _span_frames(info: VideoInfo) -> int:
    return int(min(max(SPAN_SECONDS * float(info.frame_rate), LEAST_SPAN), MOST_SPAN))


def _starts(packets: PacketFacts, info: VideoInfo, samples: int) -> list[float]:
    """Return where samples begin, in seconds, spread evenly; a short video is one sample."""
    seconds = packets.seconds or info.duration_seconds or 0.0
    span = _span_frames(info) / float(info.frame_rate)
    if seconds <= samples * span:
        return [index * span for index in range(max(1, int(seconds / span)))]
    return [(index + 0.5) * seconds / samples - span / 2 for index in range(samples)]


def _take_sample(info: VideoInfo, runtime: Runtime, start: float) -> _Sample:
    """Return what the span from `start` seconds on shows."""
    height, width = runtime.working_size(*info.square_size)
    sample = _Sample()
    own_size = (info.height, info.width) if _span_frames(info) * info.height * info.width <= MOST_KEPT else None
    frames: list[Frame] = []
    close: list[np.ndarray | None] = []
    try:
        with FrameReader(info, height, width, READ_AHEAD, large_size=own_size, judge=True, start_seconds=start) as reader:
            for frame in islice(reader, _span_frames(info)):
                frames.append(frame._replace(large=None))
                close.append(None if frame.large is None else cv2.cvtColor(frame.large, cv2.COLOR_RGB2GRAY))
    except VideoError:
        return sample  # nothing behind this place can be decoded
    sample.frames = len(frames)
    pictures = [frame.picture for frame in frames if frame.picture is not None]
    sample.broken = len(frames) - len(pictures)
    if not pictures:
        return sample
    sample.duplicates = sum(frame.duplicate for frame in frames)
    sample.cuts = frames[-1].shot - frames[0].shot
    sample.seconds = frames[-1].time_seconds - frames[0].time_seconds + float(1 / info.frame_rate)
    grays = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    sample.sharpness = sharpness(grays[len(grays) // 2])
    sample.brightness = float(np.mean([gray.mean() for gray in grays]))
    apart = max(1, round(SHIFT_SECONDS * float(info.frame_rate)))
    shifts = [camera_shift(grays[i], grays[i + apart]) for i in range(0, len(grays) - apart, apart)]
    if shifts:
        sample.camera_speed = float(np.median(shifts)) / width * float(info.frame_rate) / apart
    positions = list(_positions(frames, info, runtime, DetectConfig(refine=False, step=len(runtime.output_frames))))
    seen = [position for position in positions if position.place is not None]
    sample.seen, sample.confidence = len(seen), sum(position.confidence or 0.0 for position in seen)
    balls = _choose_balls(seen, len(frames))
    wanted = {ball.frame_index + offset for ball in balls for offset in BACKGROUND_FRAMES} | {0, min(1, len(frames) - 1)}
    kept = [(number, gray) for number, gray in enumerate(close) if number in wanted]
    _look_closely(sample, info, balls, kept if own_size is not None else _read_again(info, start, wanted))
    return sample


def _choose_balls(seen: list[BallPosition], frames: int) -> list[BallPosition]:
    """Return some of the seen balls, spread over the sample, with enough frames on both sides."""
    reach = BACKGROUND_FRAMES[-1]
    inside = [each for each in seen if reach <= each.frame_index < frames - reach and not each.duplicate]
    return [inside[index * len(inside) // MEASURED_BALLS] for index in range(min(MEASURED_BALLS, len(inside)))]


class _Crops(NamedTuple):
    """What is cut out around a ball, from its own frame and some around it."""

    frame_index: int
    """Frame index of the ball."""
    x: float
    """Where it is in the crops, pixels."""
    y: float
    box: tuple[slice, slice]
    """Rows and columns of the crops."""
    taken: list[np.ndarray]


def _crops_around(ball: BallPosition, info: VideoInfo) -> list[_Crops]:
    """Return what is to be cut out around a ball; nothing where it has no place."""
    if ball.place is None:
        return []
    (x, y), (rows, columns) = ball.place, crop_box(*ball.place, info.height, info.width)
    return [_Crops(ball.frame_index, x - columns.start, y - rows.start, (rows, columns), [])]


def _read_again(info: VideoInfo, start: float, wanted: set[int]) -> Iterator[tuple[int, np.ndarray | None]]:
    """Yield some frames from `start` seconds on, numbered and in gray, at the video's own size; None for broken ones."""
    with FrameReader(info, wanted=wanted, start_seconds=start, queue_size=1) as reader:
        for frame in reader:
            yield frame.frame_index, None if frame.picture is None else cv2.cvtColor(frame.picture, cv2.COLOR_RGB2GRAY)


def _look_closely(
    sample: _Sample, info: VideoInfo, balls: list[BallPosition], grays: Iterable[tuple[int, np.ndarray | None]]
) -> None:
    """Measure woven fields and the chosen balls at the video's own size, in numbered gray pictures."""
    crops = [around for ball in balls for around in _crops_around(ball, info)]
    first: np.ndarray | None = None
    for frame_index, gray in grays:
        if gray is None:
            continue
        if first is None:
            first = gray
        elif sample.woven is None:
            sample.woven = woven_fields(first, gray)
        for around in crops:
            if frame_index - around.frame_index in BACKGROUND_FRAMES:
                around.taken.append(gray[around.box].copy())
    sample.balls = []
    for around in crops:
        if len(around.taken) == len(BACKGROUND_FRAMES):
            size = measure_ball(around.taken, BACKGROUND_FRAMES.index(0), around.x, around.y, info.width)
            sample.balls += [size] if size else []


def _positions(frames: Iterable[Frame], info: VideoInfo, runtime: Runtime, settings: DetectConfig) -> Iterator[BallPosition]:
    """Yield the ball in frames in a row of a video, at the size at which the network usually sees it."""
    size = runtime.working_size(*info.square_size)
    step = settings.step if isinstance(settings.step, int) else None
    return positions_in(frames, plan_at(info, runtime, settings, *size, step=step), runtime)


def _time_decoding(info: VideoInfo, height: int, width: int) -> float:
    """Return the frames decoded and scaled in a second here."""
    with FrameReader(info, height, width, judge=True) as reader:
        return _rate(reader, TIMED_SECONDS / 2)


def _time_detection(info: VideoInfo, runtime: Runtime, height: int, width: int) -> float:
    """Return the frames that `detect` gets through in a second here."""
    settings = DetectConfig(link=False)
    large_size = larger_size(runtime, height, width, settings)
    with FrameReader(info, height, width, judge=True, large_size=large_size) as reader:
        return _rate(_positions(reader, info, runtime, settings), TIMED_SECONDS)


def _rate(items: Iterable[Any], most_seconds: float) -> float:
    """Return how many items come in a second, over some seconds at most once the first is there; of few, with the wait for it."""
    started, count, begun = time.monotonic(), 0, 0.0
    for _ in items:
        count += 1
        begun = begun or time.monotonic()
        if time.monotonic() - begun > most_seconds:
            return (count - 1) / (time.monotonic() - begun)
    return count / max(time.monotonic() - started, 1e-6)


def _file_facts(info: VideoInfo, packets: PacketFacts) -> dict[str, Any]:
    return {
        "container": info.container,
        "codec": info.codec,
        "pixel_format": info.pixel_format,
        "height": info.height,
        "width": info.width,
        "pixel_aspect": str(info.pixel_aspect),
        "rotation": info.rotation,
        "mirrored": info.mirrored,
        "nominal_fps": round(float(info.frame_rate), 4),
        "true_fps": round(packets.frame_rate or float(info.frame_rate), 4),
        "variable_rate": packets.variable,
        "repeated_timestamps": packets.repeated_timestamps,
        "longest_gap_seconds": round(packets.longest_gap_seconds, 4),
        "frames": packets.frames,
        "duration_seconds": packets.seconds or info.duration_seconds,
        "has_audio": info.has_audio,
        "interlaced": info.interlaced,
        "high_dynamic_range": info.high_dynamic_range,
    }


def _sample_facts(samples: list[_Sample], info: VideoInfo, working_width: int) -> dict[str, Any]:
    """Return the facts that samples give; None where they could not be measured."""
    frames = sum(sample.frames for sample in samples)
    seconds = sum(sample.seconds for sample in samples)
    seen = sum(sample.seen for sample in samples)
    cuts = sum(sample.cuts for sample in samples)
    balls = [ball for sample in samples for ball in sample.balls or ()]
    speed = _median(sample.camera_speed for sample in samples)
    woven = _median(sample.woven for sample in samples)
    width = _median(ball.width for ball in balls)
    return {
        "sampled_frames": frames,
        "sampled_seconds": round(seconds, 2),
        "broken_frames": sum(sample.broken for sample in samples),
        "duplicates": round(sum(sample.duplicates for sample in samples) / frames, 3) if frames else None,
        "cuts_per_minute": round(60 * cuts / seconds, 1) if seconds else None,
        "camera_speed": None if speed is None else round(speed, 4),
        "camera_moves": None if speed is None else speed > MOVING_SHARE,
        "brightness": _median(sample.brightness for sample in samples),
        "sharpness": _median(sample.sharpness for sample in samples),
        "woven": None if woven is None else woven > WOVEN,
        "seen_share": round(seen / frames, 3) if frames else 0.0,
        "mean_confidence": round(sum(sample.confidence for sample in samples) / seen, 3) if seen else None,
        "ball_width": None if width is None else round(width, 1),
        "working_ball_width": None if width is None else round(width * working_width / info.width, 2),
        "streak_length": round(float(np.quantile([ball.length for ball in balls], 0.9)), 1) if balls else None,
    }


def _median(values: Any) -> float | None:
    there = [value for value in values if value is not None]
    return round(float(np.median(there)), 3) if there else None


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return names and texts of the facts for people."""

    def text(name: str, form: str = "{}", unknown: str = "unknown") -> str:
        return unknown if facts[name] is None else form.format(facts[name])

    turned = f", turned by {facts['rotation']} degrees" if facts["rotation"] else ""
    turned += ", mirrored" if facts["mirrored"] else ""
    turned += f", pixels {facts['pixel_aspect'].replace('/', ':')}" if facts["pixel_aspect"] != "1" else ""
    file = [facts["container"], facts["codec"], facts["pixel_format"], *(["HDR"] if facts["high_dynamic_range"] else [])]
    rate = f"{facts['true_fps']:.5g} frames/s ({facts['nominal_fps']:.5g} by name)"
    steady = "varies" if facts["variable_rate"] else "steady"
    woven = "no, but woven" if facts["woven"] else "no"
    ball = f"in {facts['seen_share']:.0%} of {facts['sampled_frames']} sampled frames"
    takes = "?" if facts["detect_seconds"] is None else _duration(facts["detect_seconds"])
    return [
        ("file", ", ".join(file)),
        ("picture", f"{facts['width']}x{facts['height']}{turned}"),
        ("frames", f"{facts['frames']}, {text('duration_seconds', '{:.2f}')} s, {rate}, {steady}"),
        ("sound", "yes" if facts["has_audio"] else "no"),
        ("interlaced", "yes" if facts["interlaced"] else woven),
        ("repeated pictures", text("duplicates", "{:.1%} of the sampled frames")),
        ("cuts", text("cuts_per_minute", "{:.1f} a minute of the samples")),
        ("camera", {True: "moves", False: "fixed", None: "unknown"}[facts["camera_moves"]]),
        ("brightness, sharpness", f"{text('brightness', '{:.0f}')}, {text('sharpness', '{:.2f}')}"),
        ("ball", f"{ball}, mean confidence {text('mean_confidence', '{:.2f}', '-')}"),
        ("its width, streaks", f"{text('ball_width', '{:.1f} px')}, {text('streak_length', 'up to {:.0f} px')}"),
        ("speed here", f"decodes {facts['decode_fps']:.0f} frames/s; detect takes about {takes}"),
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
