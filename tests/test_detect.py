import shutil
from fractions import Fraction
from itertools import product

import av
import numpy as np
import pytest
import torch
from ball_videos import ball_path, ball_picture, turn_upright, write_video
from detection_runs import positions
from stand_ins import WindowRecorder

from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.errors import CheckpointError, InputError, OutputError, SettingError, VideoError
from ttcli.inference.runtimes import TorchRuntime, choose_device, choose_dtype
from ttcli.networks.devices import usable_cores
from ttcli.networks.packed_windows import pack_windows
from ttcli.results.trajectory import Status, read_ball_csv
from ttcli.video.probe import probe
from ttcli.video.reader import Frame

CONFIG = DetectConfig(link=False)


def found(path):
    return [(row.x, row.y) for row in read_ball_csv(path)]


def assert_on_path(rows, path, tolerance=0.35):
    assert [row.frame_index for row in rows] == list(range(len(path)))
    assert [row.status for row in rows] == [Status.SEEN] * len(path)
    np.testing.assert_allclose([(row.x, row.y) for row in rows], path, atol=tolerance)


@pytest.mark.parametrize("frame_count", [1, 2, 5, 8, 9, 10, 24, 25])
def test_every_frame_has_its_own_ball_whatever_the_length(ball_video, tmp_path, runtime, frame_count):
    video, output = ball_video(positions=frame_count), tmp_path / "ball.csv"
    [summary] = detect([video], output, CONFIG, runtime=runtime)
    assert_on_path(read_ball_csv(output), ball_path(frame_count))
    assert (summary.frames, summary.seen, summary.broken, summary.error) == (frame_count, frame_count, 0, None)


STEPS, STRIDES, BATCHES = (1, 2, 5, 9), (1, 2, 3), (1, 3, 50)


def every_two(step: int, stride: int, batch: int):
    """Return a case, marked slow unless it is one of twelve that hold every two of its numbers together."""
    place = STEPS.index(step) + STRIDES.index(stride)
    return pytest.param(step, stride, batch, marks=[] if BATCHES[place % 3] == batch else [pytest.mark.slow])


@pytest.mark.parametrize(("step", "stride", "batch"), [every_two(*case) for case in product(STEPS, STRIDES, BATCHES)])
def test_rows_do_not_depend_on_step_stride_and_batch(ball_video, tmp_path, runtime, step, stride, batch):
    video, output = ball_video(positions=32), tmp_path / "ball.csv"
    detect([video], output, DetectConfig(step=step, stride=stride, batch=batch), runtime=runtime)
    assert_on_path(read_ball_csv(output), ball_path(32))


@pytest.mark.parametrize(("height", "width"), [(128, 192), (97, 161), (192, 128), (480, 64)])
def test_positions_are_source_pixels_at_any_size(ball_video, tmp_path, runtime, height, width):
    path = ball_path(12, height, width)
    video = write_video(tmp_path / "big.mp4", (ball_picture(height, width, place, radius=8) for place in path))
    detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime)
    assert_on_path(read_ball_csv(tmp_path / "ball.csv"), path, tolerance=0.7)


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_positions_are_of_the_upright_picture(ball_video, tmp_path, runtime, clockwise):
    upright = [ball_picture(64, 96, place) for place in ball_path(10)]
    stored = [np.ascontiguousarray(np.rot90(picture, clockwise // 90)) for picture in upright]
    video = turn_upright(write_video(tmp_path / "turned.mp4", stored), clockwise)
    assert probe(video).rotation == clockwise
    detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime)
    assert_on_path(read_ball_csv(tmp_path / "ball.csv"), ball_path(10))


def test_no_ball_is_unseen_with_its_confidence(ball_video, tmp_path, runtime):
    path = [place if index % 3 else None for index, place in enumerate(ball_path(20))]
    detect([ball_video(positions=path)], tmp_path / "ball.csv", CONFIG, runtime=runtime)
    rows = read_ball_csv(tmp_path / "ball.csv")
    assert [row.status is Status.SEEN for row in rows] == [place is not None for place in path]
    assert all(0 <= row.confidence < 0.01 for row in rows if row.status is Status.UNSEEN)


def test_threshold_is_on_the_calibrated_confidence(ball_video, tmp_path, runtime):
    runtime.calibration = {"slope": 1.0, "bias": -5.0}  # the stand-in says 5, so the confidence is 0.5
    video = ball_video(positions=9)
    detect([video], tmp_path / "low.csv", DetectConfig(threshold=0.49, link=False), runtime=runtime)
    detect([video], tmp_path / "high.csv", DetectConfig(threshold=0.51, link=False), runtime=runtime)
    low, high = read_ball_csv(tmp_path / "low.csv"), read_ball_csv(tmp_path / "high.csv")
    assert {row.status for row in low} == {Status.SEEN} and {row.status for row in high} == {Status.UNSEEN}
    assert [row.confidence for row in low] == [row.confidence for row in high] == pytest.approx([0.5] * 9, abs=1e-3)


def frames_of(pictures):
    return [Frame(index, index / 25, picture) for index, picture in enumerate(pictures)]


@pytest.mark.parametrize("broken", [{4}, {0, 1}, {11}, {3, 4, 5, 6}, set(range(11))])
def test_broken_frames_are_marked_and_spoil_no_other_frame(ball_video, runtime, broken):
    info = probe(ball_video(positions=1))
    path = ball_path(12)
    pictures = [None if index in broken else ball_picture(64, 96, place) for index, place in enumerate(path)]
    rows = list(positions(frames_of(pictures), info, runtime, 64, 96, CONFIG))
    assert [row.frame_index for row in rows] == list(range(12))
    for row, place in zip(rows, path, strict=True):
        if row.frame_index in broken:
            assert (row.status, row.confidence, row.x) == (Status.BROKEN, 0.0, None)
        else:
            assert (row.x, row.y) == pytest.approx(place, abs=0.35)


def test_a_broken_frame_stands_in_windows_as_the_good_one_before_it(ball_video):
    info, recorder = probe(ball_video(positions=1)), WindowRecorder()
    pictures = [None if index in (0, 4, 5) else np.full((32, 32, 3), index, np.uint8) for index in range(9)]
    list(positions(frames_of(pictures), info, recorder, 32, 32, CONFIG))
    assert recorder.windows == [[1, 1, 2, 3, 3, 3, 6, 7, 8]]


def test_memory_does_not_grow_with_the_video(ball_video, runtime):
    """Frames are taken from the reader only as far ahead as open windows need them."""
    info, handed_out = probe(ball_video(positions=1)), 0

    def endless():
        nonlocal handed_out
        while True:
            yield Frame(handed_out, handed_out / 25, ball_picture(64, 96, (48.0, 32.0)))
            handed_out += 1

    rows = positions(endless(), info, runtime, 64, 96, CONFIG)
    for answered in range(60):
        next(rows)
        assert handed_out - answered <= 9 * (2 * (usable_cores() + 1) + 5)


def test_a_network_of_the_middle_frame_alone_serves_every_frame(ball_video, runtime):
    info = probe(ball_video(positions=1))
    whole, runtime.output_frames = runtime.model, (4,)

    class Middle(torch.nn.Module):
        def forward(self, x):
            logits, offsets = whole(x)
            return type(whole(x))(logits[:, 4:5], offsets[:, 4:5])

    runtime.model = Middle()
    path = ball_path(14)
    frames = frames_of(ball_picture(64, 96, place) for place in path)
    assert_on_path(list(positions(frames, info, runtime, 64, 96, DetectConfig(step=1))), path)


def test_high_frame_rate_takes_every_second_frame_into_a_window(ball_video, tmp_path, runtime):
    video = ball_video(positions=40, frame_rate=Fraction(240))
    detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime)
    assert_on_path(read_ball_csv(tmp_path / "ball.csv"), ball_path(40))


def test_a_folder_gives_a_csv_for_each_video_and_one_failure_stops_no_other(ball_video, tmp_path, runtime):
    ball_video("in/a.mp4", 5), ball_video("in/b.mkv", 7)
    (tmp_path / "in/bad.mp4").write_text("this is no video")
    (tmp_path / "in/notes.txt").write_text("not asked for")
    told = []
    summaries = detect([tmp_path / "in"], tmp_path / "new/out", CONFIG, runtime=runtime, tell=told.append)
    assert [summary.frames for summary in summaries] == [5, 7, 0]
    assert [bool(summary.error) for summary in summaries] == [False, False, True]
    assert len(told) == 1 and "bad.mp4" in told[0]
    assert sorted(path.name for path in (tmp_path / "new/out").iterdir()) == ["a.csv", "a.json", "b.csv", "b.json"]


def test_without_output_the_csv_lies_beside_the_video(ball_video, tmp_path, runtime):
    detect([ball_video(positions=5)], None, CONFIG, runtime=runtime)
    assert len(found(tmp_path / "match.csv")) == 5


def test_equal_names_are_refused_before_any_work(ball_video, tmp_path):
    videos = [ball_video("a/match.mp4", 2), ball_video("b/match.mp4", 2)]
    with pytest.raises(SettingError, match="would write the same match.csv as"):
        detect(videos, tmp_path / "out", CONFIG)
    assert not (tmp_path / "out").exists()


def test_a_cut_off_file_gives_its_readable_frames_and_a_warning(ball_video, tmp_path, runtime):
    video = ball_video(positions=40, gop=5)
    content = video.read_bytes()
    video.write_bytes(content[: int(len(content) * 0.6)])
    told = []
    [summary] = detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime, tell=told.append)
    assert summary.truncated and 5 < summary.frames <= 40
    assert any("truncated" in line for line in told) and all("\n" not in line for line in told)
    rows = read_ball_csv(tmp_path / "ball.csv")
    good = [row for row in rows if row.status is Status.SEEN][:5]
    np.testing.assert_allclose([(row.x, row.y) for row in good], ball_path(40)[:5], atol=0.35)


def test_damaged_packets_leave_a_row_for_every_frame(ball_video, tmp_path, runtime):
    video = ball_video(positions=40, gop=1)
    with av.open(str(video)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(video.read_bytes())
    for index in (7, 20):
        start, size = places[index]
        content[start : start + size] = b"\xff" * size
    video.write_bytes(content)
    told = []
    [summary] = detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime, tell=told.append)
    rows = read_ball_csv(tmp_path / "ball.csv")
    assert len(rows) == 40 and [row.frame_index for row in rows if row.status is Status.BROKEN] == [7, 20]
    assert summary.broken == 2 and "2 of 40 frames" in told[0]


def write_text(path):
    path.write_text("this is no video")


def write_sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_header_only(path):
    write_video(path, [ball_picture(64, 96, None)])
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"mdat") + 4])


BAD_INPUTS = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "text": write_text,
    "audio only": write_sound,
    "no frames": write_header_only,
    "folder without videos": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_bad_inputs_are_one_line_and_leave_nothing(tmp_path, kind):
    video = tmp_path / "match.mp4"
    BAD_INPUTS[kind](video)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="match.mp4: ") as caught:
        detect([video], tmp_path / "ball.csv", CONFIG)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_outputs_are_checked_before_the_network_is_loaded(ball_video, tmp_path):
    video, lost = ball_video(positions=2), DetectConfig(weights=tmp_path / "missing.safetensors")
    (tmp_path / "there.csv").write_text("mine")
    for output, fact in ((video, "is the video itself"), (tmp_path / "there.csv", "exists"), (tmp_path, "folder")):
        with pytest.raises(OutputError, match=fact):
            detect([video], output, lost)
    with pytest.raises(OutputError, match="does not exist"):
        detect([video], tmp_path / "absent/ball.csv", lost)
    with pytest.raises(OutputError, match="is the video itself"):
        detect([video], video, DetectConfig(overwrite=True))
    with pytest.raises(OutputError, match="is a file"):
        detect([video, video.with_name("b.mp4")], tmp_path / "there.csv", lost)
    with pytest.raises(CheckpointError, match="missing.safetensors"):
        detect([video], tmp_path / "ball.csv", lost)
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_overwrite_replaces_a_result(ball_video, tmp_path, runtime):
    (tmp_path / "ball.csv").write_text("old")
    detect([ball_video(positions=3)], tmp_path / "ball.csv", DetectConfig(overwrite=True), runtime=runtime)
    assert len(found(tmp_path / "ball.csv")) == 3


def test_a_failure_on_the_way_leaves_no_file(ball_video, tmp_path, runtime, monkeypatch):
    video = ball_video(positions=20)

    def fail(windows):
        raise VideoError(video, "fails halfway", "nothing")

    monkeypatch.setattr(runtime, "model", fail)
    with pytest.raises(VideoError, match="fails halfway"):
        detect([video], tmp_path / "ball.csv", CONFIG, runtime=runtime)
    assert [path.name for path in tmp_path.iterdir()] == ["match.mp4"]


def test_a_step_longer_than_the_window_is_refused(ball_video, tmp_path, runtime):
    with pytest.raises(SettingError, match="--step"):
        detect([ball_video(positions=2)], tmp_path / "ball.csv", DetectConfig(step=10), runtime=runtime)
    assert not (tmp_path / "ball.csv").exists()


def test_settings_of_the_runtime_are_checked(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    with pytest.raises(SettingError, match="--device: no CUDA device"):
        choose_device("cuda")
    with pytest.raises(SettingError, match="--device: 'toaster' is unknown"):
        choose_device("toaster")
    with pytest.raises(SettingError, match="--precision"):
        choose_dtype("int3", torch.device("cpu"))
    assert choose_dtype("bf16", torch.device("cpu")) is torch.bfloat16


def test_a_real_network_says_the_same_in_any_batch_and_nearly_the_same_in_bf16():
    from ttcli.networks.registry import create_model

    torch.manual_seed(0)
    weights = create_model("centernet_v8n").state_dict()
    windows = torch.randint(0, 256, (3, 9, 64, 96, 3), dtype=torch.uint8)

    def build(precision):
        model = create_model("centernet_v8n")
        model.load_state_dict(weights)
        return TorchRuntime(model, device="cpu", precision=precision)

    packed = pack_windows(windows.numpy(), True)
    whole, offsets = build("fp32")(packed)
    assert whole.shape == (3, 9, 16, 24) and offsets.shape == (3, 9, 2, 16, 24)
    alone = torch.cat([build("fp32")(packed[index : index + 1])[0] for index in range(3)])
    torch.testing.assert_close(whole, alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(build("bf16")(packed)[0], whole, rtol=0.1, atol=0.02)


def test_the_same_file_under_another_name_gives_the_same_rows(ball_video, tmp_path, runtime):
    video = ball_video(positions=15)
    shutil.copy(video, tmp_path / "copy.mp4")
    detect([video, tmp_path / "copy.mp4"], tmp_path / "out", CONFIG, runtime=runtime)
    assert (tmp_path / "out/match.csv").read_bytes() == (tmp_path / "out/copy.csv").read_bytes()


@pytest.mark.parametrize("other", ["match.csv", "match.json", "shots.csv"])
def test_events_never_replace_what_is_written_beside_them(ball_video, runtime, tmp_path, other):
    config = DetectConfig(events=tmp_path / other, shots=tmp_path / "shots.csv", overwrite=True)
    with pytest.raises(SettingError, match="--events: is the same file as another output"):
        detect([ball_video(positions=5)], None, config, quiet=True, runtime=runtime)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["match.mp4"]
