"""A video whose frames carry their number as bars, and whose sound beeps at each full second: what is cut out of it can be told."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS, RATE, SOUND_RATE = 10, 25, 48_000


def beeping_video(path: Path, seconds: int = 20, keyframes: int = 50, sound: bool = True) -> Path:
    """Write such a video of 25 frames/s."""
    with av.open(str(path), "w") as output:
        pictures = output.add_stream("libx264", rate=RATE, options={"g": str(keyframes), "sc_threshold": "0"})
        pictures.width, pictures.height, pictures.pix_fmt = 320, 192, "yuv420p"
        track = output.add_stream("aac", rate=SOUND_RATE) if sound else None
        if track is not None:
            track.layout = "mono"
        each = SOUND_RATE // RATE
        for number in range(seconds * RATE):
            picture = np.full((192, 320, 3), 40, np.uint8)
            for bit in range(BITS):
                if number >> bit & 1:
                    picture[20:60, 10 + 30 * bit : 35 + 30 * bit] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(pictures.encode(frame))
            if track is not None:
                time = np.arange(number * each, (number + 1) * each) / SOUND_RATE
                tone = np.where(time % 1 < 0.05, np.sin(2 * np.pi * 1000 * time), 0).astype(np.float32)
                piece = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = SOUND_RATE, number * each, Fraction(1, SOUND_RATE)
                output.mux(track.encode(piece))
        for stream in (pictures, track):
            if stream is not None:
                output.mux(stream.encode(None))
    return path


def numbers_and_times(path: Path) -> tuple[list[int], list[float]]:
    """Return which frames of the first video a file shows, and when."""
    numbers, times = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            luma = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)
            numbers.append(sum(1 << bit for bit in range(BITS) if luma[40, 22 + 30 * bit] > 128))
            times.append(frame.time)
    return numbers, times


def sound_is_off_by(path: Path) -> list[float]:
    """Return of each beep how many seconds it comes after the picture of a full second; empty where there is no sound."""
    numbers, times = numbers_and_times(path)
    off = []
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        loud = False
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray()[0])
            pieces = samples[: (len(samples) - 1) // 24 * 24].reshape(-1, 24).max(1) > 0.3
            for piece in np.flatnonzero(pieces & ~np.concatenate([[loud], pieces[:-1]])):
                at = frame.time + 24 * int(piece) / SOUND_RATE
                shown = max(0, int(np.searchsorted(times, at + 1e-6)) - 1)
                source = numbers[shown] / RATE + at - times[shown]
                off.append((source + 0.5) % 1 - 0.5)
            loud = bool(pieces[-1]) if len(pieces) else loud
    return off
