"""Stored frames: what is written comes back, damage is told apart from pictures, a full disk is one line."""

import json
import pickle
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from ttcli.errors import InputError, LabelError, OutputError
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.training_set.frame_cache import FrameCache
from ttcli.training_set.frame_store import FrameStore, FrameWriter, NativeCrop
from ttcli.training_set.window_rows import StoredWindow, read_windows, write_windows

HEIGHT, WIDTH = 48, 64
LABELS = {3: BallLabel(True, 101.25, 70.5), 4: NOT_VISIBLE, 6: None, 9: BallLabel(True, 0.0, 0.0)}


def picture_of(seed, height=HEIGHT, width=WIDTH):
    """Return a smooth coloured picture, as JPEG meets them in videos."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write_clip_json(folder, **changes):
    sizes = {"source_height": 96, "source_width": 128, "height": HEIGHT, "width": WIDTH, "window_size": 3}
    (folder / "clip.json").write_text(json.dumps(sizes | changes))


@pytest.fixture
def clip(tmp_path):
    """Return the folder of a clip of four frames."""
    with FrameWriter(tmp_path) as writer:
        for frame_index, label in LABELS.items():
            writer.append(frame_index, picture_of(frame_index), label)
    write_clip_json(tmp_path)
    return tmp_path


def change_row(clip, line_number, column, text):
    """Replace one cell of frames.csv, lines counted from 1."""
    lines = (clip / "frames.csv").read_text().splitlines()
    cells = lines[line_number - 1].split(",")
    cells[lines[0].split(",").index(column)] = text
    lines[line_number - 1] = ",".join(cells)
    (clip / "frames.csv").write_text("\n".join(lines) + "\n")


def test_written_frames_come_back_with_their_three_kinds_of_label(clip):
    store = FrameStore(clip)
    assert store.frame_indexes == tuple(LABELS)
    assert store.labels == {frame_index: label for frame_index, label in LABELS.items() if label is not None}
    for frame_index in LABELS:
        picture = store.picture(frame_index)
        assert (picture.shape, picture.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
        error = np.abs(picture.astype(int) - picture_of(frame_index))
        assert error.mean() < 2  # red is still red, and nothing has moved
        assert error.max() < 16


def test_a_small_ball_keeps_its_colour(tmp_path):
    picture = np.full((HEIGHT, WIDTH, 3), (20, 110, 60), np.uint8)
    picture[20:23, 31:34] = (250, 140, 20)
    with FrameWriter(tmp_path) as writer:
        writer.append(0, picture, None)
    write_clip_json(tmp_path)
    ball = FrameStore(tmp_path).picture(0)[20:23, 31:34].mean((0, 1))
    assert ball == pytest.approx([250, 140, 20], abs=12)


def test_native_crops_come_back_where_there_are_some(tmp_path):
    crop = picture_of(9, 20, 30)
    with FrameWriter(tmp_path, keep_native=True) as writer:
        writer.append(0, picture_of(0), NOT_VISIBLE)
        writer.append(1, picture_of(1), LABELS[3], NativeCrop(7, 11, crop))
    write_clip_json(tmp_path)
    store = FrameStore(tmp_path)
    assert store.native(0) is None
    left, top, picture = store.native(1)
    assert (left, top, picture.shape) == (7, 11, crop.shape)
    assert np.abs(picture.astype(int) - crop).mean() < 3


def test_frames_must_rise_and_pictures_be_of_one_size(tmp_path):
    with FrameWriter(tmp_path) as writer:
        writer.append(5, picture_of(0), None)
        with pytest.raises(ValueError, match="comes after"):
            writer.append(5, picture_of(0), None)
        with pytest.raises(ValueError, match="the first one was"):
            writer.append(6, picture_of(0, 10, 10), None)
        with pytest.raises(ValueError, match="keeps none"):
            writer.append(7, picture_of(0), None, NativeCrop(0, 0, picture_of(0)))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
@pytest.mark.parametrize("name", ["pictures.bin", "frames.csv"])
def test_a_full_disk_is_one_line(tmp_path, name):
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left.*make room") as caught, FrameWriter(tmp_path) as writer:
        for frame_index in range(40):
            writer.append(frame_index, picture_of(frame_index), None)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_line_for_windows_too(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match="No space left"):
        write_windows(tmp_path, [])


def test_every_damaged_byte_is_an_error_that_names_file_and_frame(clip):
    whole = (clip / "pictures.bin").read_bytes()
    store = FrameStore(clip)
    generator = np.random.default_rng(0)
    for position in generator.integers(0, len(whole), 60).tolist():
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(generator.integers(8))
        (clip / "pictures.bin").write_bytes(damaged)
        errors = []
        for frame_index in store.frame_indexes:
            try:
                store.picture(frame_index)
            except LabelError as error:
                errors.append((frame_index, str(error)))
        [(frame_index, message)] = errors
        assert f"pictures.bin: frame {frame_index}: the picture is damaged; " in message
        assert "\n" not in message


def test_a_file_that_is_cut_off_is_an_error_at_once_and_also_later(clip):
    store, whole = FrameStore(clip), (clip / "pictures.bin").read_bytes()
    (clip / "pictures.bin").write_bytes(whole[:-1])
    with pytest.raises(LabelError, match=r"frames.csv:5: lies beyond the end of pictures.bin"):
        FrameStore(clip)
    with pytest.raises(LabelError, match="frame 9: the picture is damaged"):
        store.picture(9)
    assert store.picture(6).shape == (HEIGHT, WIDTH, 3)
    (clip / "pictures.bin").unlink()
    for read in (lambda: FrameStore(clip), lambda: store.picture(3)):
        with pytest.raises(InputError, match="pictures.bin: cannot be read"):
            read()


def test_a_picture_of_another_size_than_the_clip_says_is_an_error(clip):
    write_clip_json(clip, height=HEIGHT + 1)
    with pytest.raises(LabelError, match="damaged"):
        FrameStore(clip).picture(3)


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("frame", "3", "comes after frame 3"),
        ("frame", "x", "whole number"),
        ("status", "seen", "status is 'seen'"),
        ("x", "5", "x or y is filled"),
        ("offset", "0", "not behind that of the frame before"),
        ("offset", "-1", "offset is '-1'"),
        ("bytes", "0", "not behind"),
        ("bytes", "9999999", "beyond the end"),
        ("crc32", "", "crc32 is ''"),
    ],
)
def test_wrong_rows_are_errors_that_name_the_line(clip, column, text, message):
    change_row(clip, 3, column, text)
    with pytest.raises(LabelError, match="frames.csv:3: ") as caught:
        FrameStore(clip)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", '{"height": "48"}', '{"height": true}', "[" * 100_000])
def test_a_wrong_clip_json_is_one_line(clip, text):
    (clip / "clip.json").write_text(text)
    with pytest.raises(LabelError, match="clip.json: ") as caught:
        FrameStore(clip)
    assert "\n" not in str(caught.value)


def test_processes_and_threads_may_share_a_store(clip):
    store = pickle.loads(pickle.dumps(FrameStore(clip)))  # as processes that are started receive it
    expected = {frame_index: store.picture(frame_index) for frame_index in LABELS}
    wrong = []

    def read(seed):
        for frame_index in np.random.default_rng(seed).choice(list(LABELS), 40).tolist():
            if not np.array_equal(store.picture(frame_index), expected[frame_index]):
                wrong.append(frame_index)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_windows_come_back(tmp_path):
    windows = [StoredWindow(0, 1, "training", "bounce"), StoredWindow(40, 2, "validation", "far")]
    assert write_windows(tmp_path, windows) == 2
    assert read_windows(tmp_path) == windows
    assert list(windows[1].frame_indexes(3)) == [40, 42, 44]


@pytest.mark.parametrize("row", ["0,0,training,net", "0,1,train,net", "-1,1,test,net", "0,1,test"])
def test_wrong_windows_are_errors_that_name_the_line(tmp_path, row):
    (tmp_path / "windows.csv").write_text(f"first,stride,split,kind\n{row}\n")
    with pytest.raises(LabelError, match="windows.csv:2: "):
        read_windows(tmp_path)


def test_a_cache_stays_within_its_budget_and_returns_the_same(clip):
    store = FrameStore(clip)
    one = HEIGHT * WIDTH * 3
    for budget, kept in ((0, 0), (one - 1, 0), (2 * one + 5, 2), (9 * one, 4)):
        cache = FrameCache(store.picture, budget)
        for frame_index in (*LABELS, *LABELS, *LABELS):
            assert np.array_equal(cache.picture(frame_index), store.picture(frame_index))
            assert cache.bytes <= budget
        assert (cache.bytes, cache.hits, cache.misses) == (kept * one, 2 * kept, 12 - 2 * kept)


def test_a_cached_picture_cannot_be_painted_over(clip):
    cache = FrameCache(FrameStore(clip).picture, 10**6)
    with pytest.raises(ValueError, match="read-only"):
        cache.picture(3)[0, 0] = 0
