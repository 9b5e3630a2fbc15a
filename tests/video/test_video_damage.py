"""Damaged files give every readable frame, and a row for each of the others."""

import random
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from video_files import encode, noise_pictures, numbered_picture, read_number, write_numbered

from ttcli.errors import VideoError
from ttcli.video import probe as probe_module
from ttcli.video import scaling
from ttcli.video.orientation import Orientation
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader


@pytest.mark.parametrize("bf", ["0", "3"])
def test_cut_off_file_gives_its_readable_frames(tmp_path: Path, bf: str) -> None:
    pictures = noise_pictures()
    path = encode(tmp_path / "a.mp4", pictures, container_options={"movflags": "faststart"}, options={"bf": bf})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with FrameReader(probe(path)) as reader:
        frames = list(reader)
    readable = [frame for frame in frames if frame.picture is not None]
    assert reader.truncated
    assert 20 < len(readable) < 45
    assert reader.broken_frames == len(frames) - len(readable) <= 1  # the one that was cut in two
    for frame in readable:
        assert np.abs(frame.picture.astype(int) - pictures[round(frame.time_seconds * 25)]).mean() < 20


def test_cut_off_matroska_says_so(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mkv", 100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with FrameReader(probe(path)) as reader:
        assert 20 < len(list(reader)) < 90
    assert reader.truncated


def test_file_without_its_index_is_one_line(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4")  # the index is at the end
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError, match="truncated"):
        probe(path)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{}, {"bf": "0"}])
def test_flipped_bytes_cost_no_row(tmp_path: Path, seed: int, options: dict[str, str]) -> None:
    path = encode(tmp_path / "a.mp4", noise_pictures(), options=options)
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    start = data.index(b"mdat") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    for _ in range(6):
        place = start + chance.randrange(length // 4, length - 8)
        data[place : place + 8] = chance.randbytes(8)
    path.write_bytes(data)
    with FrameReader(probe(path)) as reader:
        frames = list(reader)
    assert [frame.frame_index for frame in frames] == list(range(50))
    assert [frame.time_seconds for frame in frames] == pytest.approx([number / 25 for number in range(50)])
    assert 0 < reader.broken_frames < 30
    assert reader.broken_frames == sum(frame.picture is None for frame in frames)


def test_packet_that_cannot_be_decoded_keeps_its_place(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", noise_pictures(), options={"bf": "0"})
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for number in (10, 11, 48, 49):
        position, size = packets[number]
        data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
    with FrameReader(probe(path)) as reader:
        frames = list(reader)
    assert len(frames) == 50
    broken = {frame.frame_index for frame in frames if frame.picture is None}
    assert {10, 11, 48, 49} <= broken and len(broken) < 8


def test_nothing_decodable_is_an_error(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", noise_pictures(5), options={"bf": "0"})
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big") - 8
    data[start : start + length] = b"\xff" * length
    path.write_bytes(data)
    with pytest.raises(VideoError):
        probe(path)


@pytest.mark.parametrize(("name", "value"), [("colorspace", 18), ("colorspace", 10), ("color_range", 7)])
def test_colours_that_nobody_knows_are_taken_as_usual_ones(name: str, value: int) -> None:
    frame = av.VideoFrame.from_ndarray(numbered_picture(5), format="rgb24").reformat(format="yuv422p10le")
    setattr(frame, name, value)
    with pytest.raises(av.error.FFmpegError):
        scaling._scale(frame, VideoReformatter(), 48, 64)
    assert read_number(scaling.to_picture(frame, VideoReformatter(), 48, 64, Orientation())) == 5
    frame = av.VideoFrame.from_ndarray(numbered_picture(5), format="rgb24").reformat(format="yuv420p")
    setattr(frame, name, value)
    shrunk = scaling.shrink(frame, VideoReformatter(), 36, 48)
    assert read_number(scaling.to_picture(shrunk, VideoReformatter(), 30, 40, Orientation())) == 5


@pytest.mark.parametrize("rate", [Fraction(1_660_944_409), Fraction(1, 3600), Fraction(0)])
def test_a_rate_that_nothing_has_is_held_within_bounds(tmp_path: Path, rate: Fraction, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.h264", noise_pictures(5))
    monkeypatch.setattr(probe_module, "usual_step", lambda steps: (1 / float(rate) if rate else 1e9, steps > 0))
    assert probe_module.LIKELY_RATES[0] <= probe(path).frame_rate <= probe_module.LIKELY_RATES[1]


def test_a_picture_beyond_all_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.mp4", noise_pictures(3))
    monkeypatch.setattr(probe_module, "MOST_PIXELS", 96 * 128 - 1)
    with pytest.raises(VideoError, match="128x96, which nothing here takes"):
        probe(path)


def test_a_size_that_jumps_beyond_all_bounds_is_broken_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [encode(tmp_path / "a.ts", noise_pictures(8)), encode(tmp_path / "b.ts", noise_pictures(8, 192, 256))]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    monkeypatch.setattr(probe_module, "MOST_PIXELS", 150 * 200)
    with FrameReader(probe(joined)) as reader:
        frames = list(reader)
    assert all(frame.picture is not None for frame in frames[:5])  # those in flight may be lost with what follows
    assert not any(frame.picture is not None for frame in frames[8:])
