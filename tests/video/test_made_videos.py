"""Every kind of video gives its frames, its times, its upright picture, and the ball where it is."""

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from ball_videos import ball_path, ball_picture, silence
from made_videos import MADE, Made, set_matrix

from ttcli.configs import DetectConfig, RenderConfig
from ttcli.detect import detect
from ttcli.inference.runtimes import TorchRuntime
from ttcli.render import render
from ttcli.results.trajectory import Status, read_ball_csv
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

CONFIG = DetectConfig(link=False)


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.name)
def test_frames_times_size_and_ball_are_right(tmp_path: Path, runtime: TorchRuntime, made: Made) -> None:
    video = tmp_path / made.name
    made.make(video)
    info = probe(video)
    assert (info.height, info.width, info.rotation, info.mirrored) == (made.height, made.width, made.rotation, made.mirrored)
    detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime, tell=lambda line: None)
    rows = read_ball_csv(tmp_path / "ball.csv")
    assert [row.frame_index for row in rows] == list(range(len(made.times)))
    assert [row.time_seconds for row in rows] == pytest.approx(list(made.times), abs=made.tolerance_seconds)
    assert {row.frame_index for row in rows if row.duplicate} == set(made.duplicates)
    for row, place in zip(rows, made.path, strict=True):
        if place is not None:
            assert row.status is Status.SEEN
            assert (row.x, row.y) == pytest.approx(place, abs=made.tolerance)


@pytest.mark.parametrize(
    ("name", "rate"),
    [("said_1000.webm", 30), ("rate_5994.mp4", 59.94), ("late_start.mkv", 25), ("b_frames.mp4", 25), ("pause.mp4", 25)],
)
def test_the_rate_is_that_of_the_timestamps(tmp_path: Path, name: str, rate: float) -> None:
    next(made for made in MADE if made.name == name).make(tmp_path / name)
    assert float(probe(tmp_path / name).frame_rate) == pytest.approx(rate, rel=2e-3)


def test_there_is_a_video_of_every_kind() -> None:
    assert len(MADE) >= 40 and len({made.name for made in MADE}) == len(MADE)


def some(*beginnings: str) -> pytest.MarkDecorator:
    """Return the parameter `made` for the videos whose names begin so."""
    made = [made for made in MADE if made.name.startswith(beginnings)]
    return pytest.mark.parametrize("made", made, ids=lambda made: made.name)


@some("pq", "hlg", "full_range", "ten_bit.mp4")
def test_no_picture_is_washed_out(tmp_path: Path, made: Made) -> None:
    made.make(tmp_path / made.name)
    with FrameReader(probe(tmp_path / made.name)) as reader:
        picture = next(reader).picture
    x, y = made.path[0]
    assert picture[round(y), round(x)].min() > 215  # 240 as made
    assert np.median(picture) < 50  # 40 as made


@some("turned", "mirrored", "upside", "wide", "interlaced.mp4", "jpeg", "odd", "portrait", "varying", "joined", "size", "pq")
def test_the_overlay_is_upright_and_its_marker_is_on_the_ball(tmp_path: Path, runtime: TorchRuntime, made: Made) -> None:
    video, overlay = tmp_path / made.name, tmp_path / "overlay.mp4"
    made.make(video)
    detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime, tell=lambda line: None)
    render(video, tmp_path / "ball.csv", overlay, RenderConfig(trail_seconds=0, crf=4))
    info = probe(video)
    with FrameReader(probe(overlay)) as reader:
        frames = list(reader)
    assert (reader.info.height, reader.info.width) == tuple(length // 2 * 2 for length in info.square_size)
    assert [frame.time_seconds for frame in frames] == pytest.approx(list(made.times), abs=1e-4 + made.tolerance_seconds)
    across, down = info.square_size[1] / info.width, info.square_size[0] / info.height
    for frame, (x, y) in zip(frames, made.path, strict=True):
        place = ((x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5)
        assert middle_of_what_is_bright(frame.picture) == pytest.approx(place, abs=made.tolerance + 0.7)


def middle_of_what_is_bright(picture: np.ndarray) -> tuple[float, float]:
    """Return where the white ball and the ring around it are, without the text at the upper left."""
    weight = picture.astype(float).min(-1) > 150
    weight[:14] = 0
    rows, columns = np.nonzero(weight)
    return columns.mean(), rows.mean()


def test_the_overlay_of_a_phones_video_is_upright_in_time_and_keeps_its_sound(tmp_path: Path, runtime: TorchRuntime) -> None:
    """Turned by 90 degrees, at a variable rate, with sound that is a little longer than the pictures."""
    steps = np.random.default_rng(5).uniform(0.02, 0.05, 59)
    times, path = [0.0, *np.cumsum(steps)], ball_path(60)
    video, overlay = tmp_path / "phone.mp4", tmp_path / "overlay.mp4"
    write_phone_video(video, times, path)
    detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime)
    assert [row.time_seconds for row in read_ball_csv(tmp_path / "ball.csv")] == pytest.approx(times, abs=2e-5)
    render(video, tmp_path / "ball.csv", overlay, RenderConfig(trail_seconds=0, crf=4))
    with FrameReader(probe(overlay)) as reader:
        frames = list(reader)
    assert (reader.info.height, reader.info.width, reader.info.rotation) == (64, 96, 0)
    assert [frame.time_seconds for frame in frames] == pytest.approx(times, abs=1e-4)
    for frame, place in zip(frames, path, strict=True):
        if place[1] > 24:  # the text is above
            assert middle_of_what_is_bright(frame.picture) == pytest.approx(place, abs=1.0)
    assert sound_seconds(overlay) == pytest.approx(sound_seconds(video), abs=0.001)


def write_phone_video(path: Path, times: list[float], places: list[tuple[float, float]]) -> None:
    plain = path.with_name("plain.mp4")
    with av.open(str(plain), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.height, stream.width, stream.pix_fmt = 96, 64, "yuv444p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        sound = container.add_stream("aac", rate=48000, layout="mono")
        for index in range(round(times[-1] * 25) + 2):
            container.mux(sound.encode(silence(index, Fraction(25))))
        container.mux(sound.encode(None))
        for time, place in zip(times, places, strict=True):
            stored = np.ascontiguousarray(np.rot90(ball_picture(64, 96, place)))
            frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
            frame.pts, frame.time_base = round(time * 90_000), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    set_matrix(plain, (0, 1, -1, 0))
    shutil.move(plain, path)


def sound_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return float(packets[-1].pts + packets[-1].duration - packets[0].pts) * float(packets[0].time_base)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
@some("rate", "varying", "late_start", "pause", "b_frames.mp4", "b_frames.avi", "edit_list", "same_stamp")
def test_times_are_those_that_ffprobe_lists(tmp_path: Path, made: Made) -> None:
    video = tmp_path / made.name
    made.make(video)
    wanted = ["-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0"]
    command = ["ffprobe", "-v", "error", *wanted, str(video)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    stamps = [None if line.startswith("N/A") else float(line.strip(",")) for line in listed.split()]
    with FrameReader(probe(video)) as reader:
        times = [frame.time_seconds for frame in reader]
    assert len(times) == len(stamps)
    for time, stamp in zip(times, stamps, strict=True):
        assert stamp is None or time == pytest.approx(stamp - stamps[0], abs=2e-6)


def test_a_folder_of_pictures_has_the_rate_that_it_is_given(tmp_path: Path, runtime: TorchRuntime) -> None:
    folder = tmp_path / "jpeg"
    next(made for made in MADE if made.name == "jpeg").make(folder)
    detect([folder], tmp_path / "ball.csv", DetectConfig(link=False, picture_rate=120), runtime=runtime)
    times = [2 * index / 120 for index in range(12)]
    assert [row.time_seconds for row in read_ball_csv(tmp_path / "ball.csv")] == pytest.approx(times, abs=1e-6)
    render(folder, tmp_path / "ball.csv", tmp_path / "overlay.mp4", RenderConfig(picture_rate=120))
    with FrameReader(probe(tmp_path / "overlay.mp4")) as reader:
        assert [frame.time_seconds for frame in reader] == pytest.approx(times, abs=1e-4)


def test_a_folder_with_a_video_and_pictures_is_one_of_videos(ball_video, tmp_path: Path, runtime: TorchRuntime) -> None:
    ball_video("both/match.mp4", 3)
    cv2.imwrite(str(tmp_path / "both/poster_1.png"), ball_picture(64, 96, None))
    [summary] = detect([tmp_path / "both"], tmp_path / "out", CONFIG, runtime=runtime)
    assert (summary.frames, Path(summary.output)) == (3, tmp_path / "out/match.csv")
