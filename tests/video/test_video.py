"""What a video file is, and its frames, in order, in time, upright and in their colours."""

import gc
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from video_files import encode, noise_pictures, numbered_picture, read_number, write_numbered, write_tone

from ttcli.errors import InputError, SettingError, VideoError
from ttcli.video import reader as reader_module
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader
from ttcli.video.writer import VideoWriter

BT709_RED = (63, 102, 240)
"""Y, Cb, Cr of pure red by BT.709 in limited range (BT.709-6: luma weights 0.2126, 0.7152, 0.0722)."""
BT601_RED = (81, 90, 240)
"""The same by BT.601 (luma weights 0.299, 0.587, 0.114)."""


def decoding_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == reader_module.THREAD_NAME]


def test_probe_tells_what_the_file_is(tmp_path: Path) -> None:
    info = probe(write_numbered(tmp_path / "a.mp4"))
    assert (info.height, info.width, info.frame_rate, info.rotation) == (48, 64, Fraction(25), 0)
    assert (info.frame_count, info.codec, info.has_audio) == (24, "h264", False)
    assert info.duration_seconds == pytest.approx(0.96)
    assert isinstance(info.frame_rate, Fraction)


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(120), Fraction(50)])
def test_frame_rate_survives_writing_and_reading(tmp_path: Path, rate: Fraction) -> None:
    with VideoWriter(tmp_path / "a.mp4", 48, 64, rate) as writer:
        for number in range(12):
            writer.write(numbered_picture(number))
    assert probe(tmp_path / "a.mp4").frame_rate == rate


def test_name_with_a_colon_is_no_protocol(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "12:30 match.mp4", 3)
    assert probe(path).frame_count == 3


@pytest.mark.parametrize(
    ("name", "content", "kind", "words"),
    [
        ("missing.mp4", None, InputError, "does not exist"),
        ("empty.mp4", b"", VideoError, "is empty"),
        ("text.mp4", b"frame,x,y\n0,1,2\n" * 500, VideoError, "is no video"),
        ("list.mp4", b"ffconcat version 1.0\nfile a.mp4\n", VideoError, ""),
        ("titles.srt", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 5, VideoError, "no video stream"),
    ],
)
def test_what_is_no_video_is_one_line(
    tmp_path: Path, name: str, content: bytes | None, kind: type[Exception], words: str
) -> None:
    write_numbered(tmp_path / "a.mp4", 2)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(kind) as raised:
        probe(tmp_path / name)
    message = str(raised.value)
    assert message.startswith(str(tmp_path / name) + ": ") and words in message and ";" in message
    assert "\n" not in message


def test_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        probe(tmp_path)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="audio only"):
        probe(write_tone(tmp_path / "tone.m4a", 0.2))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_video_without_frames_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = encode(tmp_path / "a.mp4", noise_pictures(1))
    with av.open(str(path)) as source, av.open(str(tmp_path / f"none{suffix}"), "w") as container:
        container.add_stream_from_template(source.streams.video[0])
        container.start_encoding()
    with pytest.raises(VideoError):
        probe(tmp_path / f"none{suffix}")


def test_frames_come_in_presentation_order_with_their_times(tmp_path: Path) -> None:
    pictures = [numbered_picture(number) for number in range(30)]
    path = encode(tmp_path / "a.mp4", pictures, options={"bf": "3", "b-adapt": "0"})
    with av.open(str(path)) as container:
        stored = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert stored != sorted(stored)  # B-frames are stored after what they lean on
    with FrameReader(probe(path)) as reader:
        frames = list(reader)
    assert [frame.frame_index for frame in frames] == list(range(30))
    assert [read_number(frame.picture) for frame in frames] == list(range(30))
    assert [frame.time_seconds for frame in frames] == pytest.approx([number / 25 for number in range(30)])
    assert (reader.broken_frames, reader.truncated) == (0, False)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_variable_frame_times_survive(tmp_path: Path, suffix: str) -> None:
    steps = np.random.default_rng(3).uniform(0.004, 0.2, 30)
    times = [0.0, *np.cumsum(steps)]
    path = write_numbered(tmp_path / f"a{suffix}", len(times), times)
    with FrameReader(probe(path)) as reader:
        frames = list(reader)
    tolerance = 0.0006 if suffix == ".mkv" else 0.00001  # Matroska keeps milliseconds
    assert [frame.time_seconds for frame in frames] == pytest.approx(times, abs=tolerance)
    assert [read_number(frame.picture) for frame in frames] == list(range(len(times)))


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    with FrameReader(probe(write_numbered(tmp_path / "a.mkv", 5, [3.0, 3.1, 3.2, 3.3, 3.4]))) as reader:
        assert [frame.time_seconds for frame in reader] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_missing_timestamps_follow_the_nominal_rate(tmp_path: Path) -> None:
    with FrameReader(probe(encode(tmp_path / "a.h264", noise_pictures(10)))) as reader:  # a raw stream has none
        times = [frame.time_seconds for frame in reader]
    assert times == pytest.approx([number / float(reader.info.frame_rate) for number in range(10)])


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_picture_is_turned_upright(tmp_path: Path, clockwise: int) -> None:
    stored = np.full((48, 64, 3), 30, np.uint8)
    stored[:16, :16] = (220, 40, 40)  # red in the top left corner, green in the top right one
    stored[:16, -16:] = (40, 200, 40)
    upright = np.rot90(stored, k=-clockwise // 90)
    path = encode(tmp_path / "a.mp4", [stored] * 3, rotation=-clockwise)
    with FrameReader(probe(path)) as reader:
        pictures = [frame.picture for frame in reader]
    height, width = upright.shape[:2]
    assert (reader.info.height, reader.info.width, reader.info.rotation) == (height, width, clockwise)
    assert len(pictures) == 3 and pictures[0].flags.c_contiguous
    assert np.abs(pictures[0].astype(int) - upright).mean() < 6
    with FrameReader(probe(path), height=height // 2, width=width // 2) as reader:
        small = next(reader).picture
    assert small.shape == (height // 2, width // 2, 3) and small.flags.c_contiguous
    assert np.abs(small.astype(int) - upright[::2, ::2]).mean() < 8


def test_pictures_come_in_the_size_asked_for(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4")
    with FrameReader(probe(path), height=30, width=40) as reader:
        frames = list(reader)
    assert all(frame.picture.shape == (30, 40, 3) and frame.picture.flags.c_contiguous for frame in frames)
    assert all(frame.picture.dtype == np.uint8 for frame in frames)
    assert [read_number(frame.picture) for frame in frames] == list(range(24))
    with pytest.raises(SettingError, match="give both or neither"):
        FrameReader(probe(path), height=30)


def test_size_that_changes_midstream_is_resized_to_the_first(tmp_path: Path) -> None:
    first = encode(tmp_path / "first.ts", noise_pictures(10))
    second = encode(tmp_path / "second.ts", noise_pictures(10, height=64, width=64))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    with FrameReader(probe(joined)) as reader:
        frames = list(reader)
    assert len(frames) == 20 and reader.broken_frames == 0  # the clock starts anew in the second half
    assert {frame.picture.shape for frame in frames} == {(96, 128, 3)}
    times = [frame.time_seconds for frame in frames]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("height", "tag", "yuv"),
    [(720, 1, BT709_RED), (720, 2, BT709_RED), (480, 1, BT709_RED), (480, 2, BT601_RED), (720, 6, BT601_RED)],
)
def test_red_is_red_whatever_the_matrix(tmp_path: Path, height: int, tag: int, yuv: tuple[int, int, int]) -> None:
    planes = [np.full((height, 64), yuv[0]), np.full((height // 4, 64), yuv[1]), np.full((height // 4, 64), yuv[2])]
    frame = av.VideoFrame.from_ndarray(np.concatenate(planes).astype(np.uint8), format="yuv420p")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.height, stream.width, stream.pix_fmt = height, 64, "yuv420p"
        stream.codec_context.colorspace = tag
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with FrameReader(probe(tmp_path / "a.mp4")) as reader:
        (frame,) = reader
    assert np.abs(frame.picture.reshape(-1, 3).mean(axis=0) - (255, 0, 0)).max() < 5
    with FrameReader(probe(tmp_path / "a.mp4"), height // 4, 16, large_size=(height // 2, 32)) as reader:
        (frame,) = reader
    for picture in (frame.picture, frame.large):
        assert np.abs(picture.reshape(-1, 3).mean(axis=0) - (255, 0, 0)).max() < 5


def test_leaving_early_stops_the_thread(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 60)
    with FrameReader(probe(path), queue_size=2) as reader:
        next(reader)
        assert len(decoding_threads()) == 1
    assert not decoding_threads()
    assert list(reader) == []


def test_dropped_reader_stops_its_thread(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 60)
    for frame in FrameReader(probe(path), queue_size=2):
        if frame.frame_index == 3:
            break
    gc.collect()
    assert not decoding_threads()


def test_error_in_the_thread_reaches_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(reader_module, "to_picture", fail)
    with FrameReader(probe(write_numbered(tmp_path / "a.mp4"))) as reader, pytest.raises(RuntimeError, match="a bug"):
        next(reader)


def test_only_wanted_frames_come_and_reading_ends_after_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, scaled, decoded = write_numbered(tmp_path / "a.mp4"), [], []
    original, decode = reader_module.to_picture, reader_module.decode_in_order

    def counting(*arguments: object) -> Iterator:
        for item in decode(*arguments):
            decoded.append(item)
            yield item

    monkeypatch.setattr(reader_module, "to_picture", lambda *arguments: scaled.append(1) or original(*arguments))
    monkeypatch.setattr(reader_module, "decode_in_order", counting)
    with FrameReader(probe(path), wanted={11, 3, 4}) as reader:
        frames = list(reader)
    assert [frame.frame_index for frame in frames] == [3, 4, 11]
    assert [read_number(frame.picture) for frame in frames] == [3, 4, 11]
    assert [frame.time_seconds for frame in frames] == pytest.approx([0.12, 0.16, 0.44])
    assert len(scaled) == 3 and len(decoded) == 12


def test_wanted_frames_behind_the_end_do_not_come(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 5)
    with FrameReader(probe(path), wanted=[3, 9]) as reader:
        assert [frame.frame_index for frame in reader] == [3]
    with FrameReader(probe(path), wanted=[]) as reader:
        assert list(reader) == []


def test_frames_come_at_the_videos_own_size_too_where_asked_for(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [numbered_picture(number) for number in range(5)], rotation=-90)
    with FrameReader(probe(path), height=32, width=24, large_size=(64, 48)) as reader:
        frames = list(reader)
    assert {frame.picture.shape for frame in frames} == {(32, 24, 3)}
    assert {frame.large.shape for frame in frames} == {(64, 48, 3)}
    assert [read_number(np.rot90(frame.large)) for frame in frames] == list(range(5))
    with FrameReader(probe(path), height=32, width=24) as reader:
        assert next(reader).large is None


@pytest.mark.parametrize(("rotation", "sizes"), [(None, ((48, 64), (24, 32))), (-90, ((64, 48), (32, 24)))])
def test_a_larger_picture_shows_the_same_and_leaves_the_other_as_it_is(tmp_path: Path, rotation: int | None, sizes) -> None:
    path = encode(tmp_path / "a.mp4", noise_pictures(4), rotation=rotation)
    with FrameReader(probe(path), *sizes[1], large_size=sizes[0]) as reader:
        both = list(reader)
    for size, pictures in zip(sizes, zip(*((frame.large, frame.picture) for frame in both), strict=True), strict=True):
        with FrameReader(probe(path), *size) as reader:
            alone = [frame.picture for frame in reader]
        for one, other in zip(alone, pictures, strict=True):
            assert one.shape == other.shape and other.flags.c_contiguous
            away = one.mean(axis=2) - other.mean(axis=2)  # not in colours, which are coarser
            assert np.abs(away).mean() < 6 and abs(away.mean()) < 0.5
