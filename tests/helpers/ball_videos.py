"""Small videos of a bright ball on a known path, made on the spot."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HEIGHT, WIDTH = 64, 96
"""Size of most videos here; the stand-in network works at this size too."""


def ball_path(frame_count: int, height: int = HEIGHT, width: int = WIDTH) -> list[tuple[float, float]]:
    """Return a position (x, y) for each frame, different in each, well inside the picture."""
    along = np.linspace(0.15, 0.85, max(frame_count, 2))[:frame_count]
    return [(width * t, height * (0.3 + 0.4 * np.sin(5 * t) ** 2)) for t in along]


def ball_picture(height: int, width: int, position: tuple[float, float] | None, radius: float = 3.0) -> np.ndarray:
    """Return a dark picture, (H, W, 3) uint8 RGB, with a bright round ball unless the position is None."""
    picture = np.full((height, width, 3), 40, np.uint8)
    if position is not None:
        (x, y), reach = position, radius + 1  # nothing is bright further away
        rows = slice(min(max(0, int(y - reach)), height), min(max(0, int(y + reach) + 2), height))
        columns = slice(min(max(0, int(x - reach)), width), min(max(0, int(x + reach) + 2), width))
        down, across = np.mgrid[rows, columns]
        cover = np.clip(radius + 0.5 - np.hypot(across - x, down - y), 0, 1)[..., None]
        picture[rows, columns] = (picture[rows, columns] * (1 - cover) + 240 * cover).round()
    return picture


def write_video(
    path: Path, pictures: Iterable[np.ndarray], frame_rate: Fraction = Fraction(25), audio: bool = False, gop: int = 12
) -> Path:
    """Write pictures of one size as H.264, nearly lossless."""
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = sound = None
        for index, picture in enumerate(pictures):
            if stream is None:
                stream = container.add_stream("libx264", rate=frame_rate, options={"crf": "4", "preset": "ultrafast"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv444p"  # odd sizes too
                stream.gop_size = gop
                sound = container.add_stream("aac", rate=48000, layout="mono") if audio else None
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, 1 / frame_rate
            container.mux(stream.encode(frame))
            if sound is not None:
                container.mux(sound.encode(silence(index, frame_rate)))
        for each in (stream, sound):
            if each is not None:
                container.mux(each.encode(None))
    return path


def silence(index: int, frame_rate: Fraction) -> av.AudioFrame:
    """Return the sound of one video frame."""
    samples = int(48000 / frame_rate)
    frame = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 48000, index * samples
    return frame


def turn_upright(path: Path, clockwise: int) -> Path:
    """Write into an mp4 that players have to turn its pictures by 90, 180 or 270 degrees."""
    matrices = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
    a, b, c, d = (entry << 16 for entry in matrices[clockwise])
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd") + 4  # version and flags; 36 bytes on (version 0) lies the matrix
    struct.pack_into(">9i", content, header + 40, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path
