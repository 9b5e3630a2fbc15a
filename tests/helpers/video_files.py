"""Small video files for the tests of `ttcli.video`, made with its writer or with PyAV itself."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ttcli.video.writer import VideoWriter


def numbered_picture(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Return a picture that tells its number, as 8 bits in vertical bars, however it was coded or scaled."""
    bits = [(number >> bit) & 1 for bit in range(8)]
    row = np.repeat(np.array(bits, np.uint8) * 200 + 28, width // 8)
    return np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def read_number(picture: np.ndarray) -> int:
    bars = picture.mean(axis=(0, 2)).reshape(8, -1)
    return sum(int(value > 128) << bit for bit, value in enumerate(bars[:, bars.shape[1] // 2]))


def write_numbered(path: Path, frame_count: int = 24, times: list[float] | None = None, **settings: object) -> Path:
    with VideoWriter(path, 48, 64, Fraction(25), crf=10, **settings) as writer:
        for number in range(frame_count):
            writer.write(numbered_picture(number), None if times is None else times[number])
    return path


def encode(
    path: Path,
    pictures: list[np.ndarray],
    rotation: int | None = None,
    container_options: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a 25 fps H.264 file with PyAV itself; `rotation` is counterclockwise, as PyAV has it."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "15", **(options or {})})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    return path


def noise_pictures(count: int = 50, height: int = 96, width: int = 128) -> list[np.ndarray]:
    """Return a coarse pattern that moves: every frame costs bits, so that damage lands in frames."""
    blocks = np.random.default_rng(1).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    pattern = blocks.repeat(8, 0).repeat(8, 1)
    return [np.roll(pattern, 3 * number, axis=1) for number in range(count)]


def add_tone(container: av.container.OutputContainer, seconds: float, codec: str = "aac") -> None:
    stream = container.add_stream(codec, rate=48000)
    stream.layout = "mono"
    samples = np.sin(np.arange(round(48000 * seconds)) * 2 * np.pi * 440 / 48000).astype(np.float32)[None]
    if codec != "aac":
        samples = (samples * 30000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp" if codec == "aac" else "s16", layout="mono")
    frame.sample_rate, frame.pts = 48000, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_tone(path: Path, seconds: float, codec: str = "aac") -> Path:
    with av.open(str(path), "w") as container:
        add_tone(container, seconds, codec)
    return path


def write_with_sound(path: Path, seconds: float = 1.0) -> Path:
    """Write numbered pictures with a tone, by way of the writer's own copying."""
    tone = write_tone(path.with_name("tone.m4a"), seconds)
    return write_numbered(path, frame_count=round(25 * seconds), audio_from=tone)


def audio_packets(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [(float(packet.pts * packet.time_base), bytes(packet)) for packet in packets]


def video_start_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return float(stream.start_time * stream.time_base)
