"""Videos that are written are complete, true in time and sound, or not there."""

import errno
import resource
from fractions import Fraction
from pathlib import Path

import av.error
import numpy as np
import pytest
from video_files import (
    audio_packets,
    noise_pictures,
    numbered_picture,
    video_start_seconds,
    write_numbered,
    write_tone,
    write_with_sound,
)

from ttcli.commands import values
from ttcli.errors import InputError, OutputError
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader
from ttcli.video.writer import ENCODERS, VideoWriter, output_errors


def test_pictures_survive_writing_and_reading(tmp_path: Path) -> None:
    across, down = np.meshgrid(np.linspace(20, 230, 64), np.linspace(40, 200, 48))
    picture = np.stack([across, down, np.full((48, 64), 90.0)], axis=-1).astype(np.uint8)
    picture.flags.writeable = False
    with VideoWriter(tmp_path / "a.mp4", 48, 64, Fraction(25), crf=5) as writer:
        for _ in range(3):
            writer.write(picture)
    with FrameReader(probe(tmp_path / "a.mp4")) as reader:
        frames = list(reader)
    assert len(frames) == 3
    assert np.abs(frames[1].picture.astype(int) - picture).mean() < 3


def test_odd_sizes_lose_their_last_row_and_column(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 49, 65, Fraction(25), crf=5) as writer:
        writer.write(np.full((49, 65, 3), 100, np.uint8))
    with FrameReader(probe(tmp_path / "a.mp4")) as reader:
        (frame,) = reader
    assert frame.picture.shape == (48, 64, 3)
    assert abs(frame.picture.mean() - 100) < 3


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 64), (64, 1)])
def test_pictures_too_small_for_a_video_are_told_of_before_anything_is_written(tmp_path: Path, height: int, width: int) -> None:
    with (
        pytest.raises(OutputError, match="too small for a video"),
        VideoWriter(tmp_path / "a.mp4", height, width, Fraction(25)),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_sound_is_copied_as_far_as_the_pictures_reach(tmp_path: Path) -> None:
    source = write_with_sound(tmp_path / "source.mp4", seconds=2)
    assert probe(source).has_audio
    expected = audio_packets(source)
    whole = write_numbered(tmp_path / "whole.mp4", 50, audio_from=source)
    half = write_numbered(tmp_path / "half.mkv", 25, audio_from=source)
    copied = audio_packets(whole)
    assert [content for _, content in copied] == [content for _, content in expected]
    assert [time for time, _ in copied] == pytest.approx([time for time, _ in expected], abs=0.001)
    assert audio_packets(half)[-1][0] == pytest.approx(1.25, abs=0.03)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_stays_with_the_pictures_where_the_video_starts_late(tmp_path: Path, suffix: str) -> None:
    tone = write_tone(tmp_path / "tone.m4a", 2)
    times = [0.5 + number / 25 for number in range(25)]
    source = write_numbered(tmp_path / "late.mkv", 25, times, audio_from=tone)
    copied = audio_packets(write_numbered(tmp_path / f"a{suffix}", 25, audio_from=source))
    expected = audio_packets(source)
    assert [content for _, content in copied] == [content for _, content in expected]
    lag = video_start_seconds(tmp_path / f"a{suffix}") - video_start_seconds(source)
    assert [time - lag for time, _ in copied] == pytest.approx([time for time, _ in expected], abs=0.002)


def test_video_without_sound_gives_none(tmp_path: Path) -> None:
    silent = write_numbered(tmp_path / "silent.mp4", 5)
    assert not probe(write_numbered(tmp_path / "a.mp4", 5, audio_from=silent)).has_audio


def test_sound_that_the_format_cannot_hold_is_one_line(tmp_path: Path) -> None:
    tone = write_tone(tmp_path / "tone.wav", 0.2, "pcm_mulaw")
    with pytest.raises(OutputError, match=r"cannot hold the sound .*\.mkv"):
        write_numbered(tmp_path / "a.mp4", 5, audio_from=tone)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tone.wav"]


def test_existing_output_is_kept_unless_told(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 3)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_numbered(path, 5)
    assert path.read_bytes() == before
    write_numbered(path, 5, overwrite=True)
    assert probe(path).frame_count == 5


@pytest.mark.parametrize("name", ["a.xyz", "a", "no folder/a.mp4"])
def test_output_that_cannot_be_written_is_refused_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError):
        VideoWriter(tmp_path / name, 48, 64, Fraction(25)).__enter__()
    assert not list(tmp_path.iterdir())


def test_error_midway_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "a.mp4", 48, 64, Fraction(25)) as writer:
        writer.write(numbered_picture(0))
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_no_picture_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not one picture"), VideoWriter(tmp_path / "a.mp4", 48, 64, Fraction(25)):
        pass
    assert not list(tmp_path.iterdir())


def test_missing_sound_source_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        write_numbered(tmp_path / "a.mp4", 3, audio_from=tmp_path / "missing.mp4")
    assert not list(tmp_path.iterdir())


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # files that grow beyond it fail as on a full disk
    try:
        writing = VideoWriter(tmp_path / "a.mp4", 96, 128, Fraction(25))
        with pytest.raises(OutputError, match="cannot be written") as raised, writing as writer:
            for picture in noise_pictures(100):
                writer.write(picture)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_missing_encoder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttcli.video.writer.FALLBACKS", ("libx264_of_another_build",))
    with pytest.raises(OutputError, match="has no encoder for H.264"):
        write_numbered(tmp_path / "a.mp4", 3)
    assert not list(tmp_path.iterdir())


def test_another_encoder_stands_in_for_one_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttcli.video.writer.FALLBACKS", ("libx264_of_another_build", "mpeg4"))
    pictures = [np.full((48, 64, 3), 40 * index, np.uint8) for index in range(5)]
    with VideoWriter(tmp_path / "a.mp4", 48, 64, Fraction(25)) as writer:
        assert writer.encoder == "mpeg4"
        for picture in pictures:
            writer.write(picture)
    with FrameReader(probe(tmp_path / "a.mp4")) as reader:
        for frame, picture in zip(reader, pictures, strict=True):
            assert np.abs(frame.picture.astype(int) - picture).max() < 6


def test_an_encoder_that_does_not_work_here_is_one_line(tmp_path: Path) -> None:
    for encoder, message in (("h264_nvenc", "h264_nvenc"), ("libopenh264", "libopenh264")):
        writing = VideoWriter(tmp_path / "a.mp4", 48, 64, Fraction(25), encoder=encoder)
        with pytest.raises(OutputError, match=message), writing as writer:
            writer.write(np.zeros((48, 64, 3), np.uint8))
        assert not list(tmp_path.iterdir())


def test_encoders_of_the_command_line_are_those_that_are_known() -> None:
    assert list(values.ENCODERS.choices) == ["auto", *ENCODERS]


def test_picture_of_another_size_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not uint8"), VideoWriter(tmp_path / "a.mp4", 48, 64, Fraction(25)) as writer:
        writer.write(np.zeros((10, 10, 3), np.uint8))


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("times", [(0.0, 0.04, 1e9), (0.0, 3e4), (1e9,), (0.0, 1e17)])
def test_a_time_that_the_format_cannot_say_is_told_as_that(tmp_path: Path, suffix: str, times: tuple[float, ...]) -> None:
    with pytest.raises(OutputError) as raised, VideoWriter(tmp_path / f"a{suffix}", 48, 64, Fraction(25)) as writer:
        for time in times:
            writer.write(numbered_picture(1), time)
    assert f"a picture at {times[-1]:.0f} s" in str(raised.value) and "than" in str(raised.value)
    assert "leave that part out by its frame, as in --end 300f" in str(raised.value) and "disk" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_matroska_holds_late_times_and_later_ones_are_told_of(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mkv", 3, [0.0, 0.04, 1e9])
    with FrameReader(probe(path)) as reader:
        assert [frame.time_seconds for frame in reader] == pytest.approx([0.0, 0.04, 1e9])
    with pytest.raises(OutputError, match="later than a video file can say"):
        write_numbered(tmp_path / "b.mkv", 2, [0.0, 1e17])


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "make room on the disk, or give another folder"),
        (errno.EIO, "make room on the disk, or give another folder"),
        (errno.EACCES, "check the permissions"),
        (errno.EINVAL, "take another --encoder, or end the name in another suffix such as .mkv"),
        (int.from_bytes(b"PAWE", "little"), "take another --encoder"),  # AVERROR_PATCHWELCOME
    ],
)
def test_the_cure_is_that_of_the_very_error(tmp_path: Path, number: int, cure: str) -> None:
    with pytest.raises(OutputError) as raised, output_errors(tmp_path / "a.mp4"):
        raise av.error.FFmpegError(number, "what it says")
    assert str(raised.value).startswith(f"{tmp_path / 'a.mp4'}: cannot be written (what it says); {cure}")
