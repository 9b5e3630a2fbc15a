"""Small videos made on the spot, a network whose answers are known, and a few simulated rallies."""

import os
import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import hypothesis
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ttcli.networks.blocks import NetworkAnswer, Prediction
from ttcli.runtimes import TorchRuntime
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.textures import TextureBank, paint_textures
from ttcli.simulation.timeline import RallyBatch

# A run tells of the change at hand, not of what was drawn: the same examples each time.
# HYPOTHESIS_PROFILE=search draws others.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("search", derandomize=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

torch.set_num_threads(1)  # on pictures this small, threads that wait for each other cost more than they give

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
        rows, columns = np.mgrid[:height, :width]
        distance = np.hypot(columns - position[0], rows - position[1])
        cover = np.clip(radius + 0.5 - distance, 0, 1)[..., None]
        picture = (picture * (1 - cover) + 240 * cover).round().astype(np.uint8)
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


class BrightestSpot(nn.Module):
    """A stand-in network: its peak is the centroid of what is bright in each frame, and sure."""

    window_size = 9
    output_frames = tuple(range(9))
    difference = False
    output_stride = 4
    event_head = False

    def forward(self, x: Tensor) -> Prediction:
        batch, channels, height, width = x.shape
        gray = x.reshape(batch, channels // 3, 3, height, width).mean(2)
        weight = (gray - 0.2).clamp_min(0)  # model input is -2 to 2
        total = weight.sum((-2, -1))
        seen = total > 1
        rows, columns = torch.arange(height, dtype=x.dtype), torch.arange(width, dtype=x.dtype)
        y = (weight.sum(-1) @ rows / total.clamp_min(1) - 1.5) / 4
        x = (weight.sum(-2) @ columns / total.clamp_min(1) - 1.5) / 4
        cell_x, cell_y = x.round().clamp(0, width // 4 - 1), y.round().clamp(0, height // 4 - 1)
        logits = torch.full((*total.shape, height // 4, width // 4), -20.0)
        flat_index = (cell_y * (width // 4) + cell_x).long()
        logits.flatten(2).scatter_(2, flat_index[..., None], torch.where(seen, 5.0, -20.0)[..., None])
        offsets = torch.stack([x - cell_x, y - cell_y], 2)[..., None, None]
        return Prediction(logits, offsets.expand(-1, -1, -1, height // 4, width // 4).contiguous())


@pytest.fixture
def runtime() -> TorchRuntime:
    """A runtime that finds the bright ball of these videos, at 64 x 96."""
    return TorchRuntime(BrightestSpot(), {"area": HEIGHT * WIDTH}, device="cpu", precision="fp32")


@pytest.fixture
def ball_video(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a video of a ball on a path, or hidden where a position is None."""

    def make(
        name: str = "match.mp4",
        positions: Sequence[tuple[float, float] | None] | int = 24,
        height: int = HEIGHT,
        width: int = WIDTH,
        **settings,
    ) -> Path:
        if isinstance(positions, int):
            positions = ball_path(positions, height, width)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_video(path, (ball_picture(height, width, position) for position in positions), **settings)

    return make


@pytest.fixture(scope="session")
def rallies() -> RallyBatch:
    """A few short simulated rallies; read only, for making them takes seconds."""
    return simulate_rallies(8, torch.Generator().manual_seed(5), duration_seconds=2.0, sample_rate=400)


@pytest.fixture(scope="session")
def textures() -> TextureBank:
    """A few painted walls and floors."""
    return paint_textures(0, walls=4, floors=3)


class WindowRecorder:
    """A stand-in runtime that keeps the windows it is shown, of each frame the brightness of its first pixel."""

    window_size, output_frames, output_stride, difference = 9, tuple(range(9)), 4, False
    dtype, device, most_fps = torch.float32, torch.device("cpu"), 120.0
    closer = None

    def __init__(self):
        self.windows = []

    def __call__(self, pictures):
        self.windows += (pictures[:, ::3, 0, 0] * 63.75 + 127.5).round().tolist()
        batch, _, height, width = pictures.shape
        shape = (batch, 9, height // 4, width // 4)
        return NetworkAnswer(torch.zeros(shape), torch.zeros(batch, 9, 2, *shape[2:]))

    def confidence(self, probability):
        return probability
