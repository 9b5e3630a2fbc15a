"""Windows from an extracted set: labels that go with the pixels, splits that share no frame, seeds, errors."""

import json
from dataclasses import fields

import numpy as np
import pytest
import torch

from ttcli.errors import InputError, LabelError, SettingError
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.training_set.frame_store import FrameWriter
from ttcli.training_set.stored_windows import NEAR_CROP, StoredWindows
from ttcli.training_set.window_rows import StoredWindow, write_windows

HEIGHT, WIDTH, SCALE = 64, 96, 2.5
"""Stored size, and how many source pixels a stored one is wide."""
FRAMES = 14
SPLIT_OF = ("training",) * 8 + ("validation",) * 6
"""Per frame; a frame's split is its red level too: 40 or 120."""


def dot_picture(x, y, red):
    """Return a picture with a bright round dot at a sub-pixel place."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    green = 230 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    return np.stack([np.full_like(green, red), green, np.zeros_like(green)], -1).astype(np.uint8)


def ball_at(frame_index):
    """Return where the ball of a frame lies in stored pixels."""
    return 6.3 + 6.1 * frame_index, 58.2 - 3.7 * frame_index


def write_set(data, name="clip", windows=None, window_size=3, label_of=None):
    """Write a set of one clip whose ball flies across the picture."""
    folder = data / "clips" / name
    folder.mkdir(parents=True)
    with FrameWriter(folder) as writer:
        for frame_index, split in enumerate(SPLIT_OF):
            x, y = ball_at(frame_index)
            label = BallLabel(True, (x + 0.5) * SCALE - 0.5, (y + 0.5) * SCALE - 0.5)
            label = label if label_of is None else label_of(frame_index, label)
            writer.append(frame_index, dot_picture(x, y, 40 if split == "training" else 120), label)
    source_sizes = {"source_height": round(HEIGHT * SCALE), "source_width": round(WIDTH * SCALE)}
    sizes = source_sizes | {"height": HEIGHT, "width": WIDTH, "window_size": window_size}
    (folder / "clip.json").write_text(json.dumps(sizes))
    if windows is None:
        windows = [
            StoredWindow(first, 1, SPLIT_OF[first], "net")
            for first in range(FRAMES - 2)
            if SPLIT_OF[first] == SPLIT_OF[first + 2]
        ]
    write_windows(folder, windows)
    return data


@pytest.fixture
def data(tmp_path):
    """Return the folder of a set with 6 windows to train on and 4 to validate on."""
    return write_set(tmp_path)


def source(data, split="training", height=32, width=32, seed=0, **options):
    return StoredWindows(data, split, options.pop("window_size", 3), height, width, seed, **options)


def same(first, second):
    return all(torch.equal(getattr(first, field.name), getattr(second, field.name)) for field in fields(first))


def dot_centre(frame):
    """Return x, y of the centroid of a frame's dot; frame (H, W, 3)."""
    weight = (frame[..., 1].double() - 12).clamp_min(0)
    columns, rows = torch.arange(frame.shape[1]), torch.arange(frame.shape[0])
    return torch.stack([(weight.sum(0) * columns).sum(), (weight.sum(1) * rows).sum()]) / weight.sum()


def test_batches_have_the_shapes_and_types_of_drawn_ones(data):
    for size, expected in (((32, 48), (32, 48)), ((None, None), (HEIGHT, WIDTH))):
        batch = source(data, height=size[0], width=size[1]).draw(5)
        assert batch.frames.shape == (5, 3, *expected, 3)
        assert batch.frames.dtype == torch.uint8
        assert (batch.positions.shape, batch.positions.dtype) == ((5, 3, 2), torch.float32)
        assert batch.visible.shape == batch.known.shape == (5, 3)
        assert batch.visible.dtype == batch.known.dtype == torch.bool


@pytest.mark.parametrize("size", [(None, None), (32, 48), (HEIGHT, WIDTH)])
def test_positions_lie_on_the_ball_in_whole_pictures_and_in_crops(data, size):
    batch = source(data, height=size[0], width=size[1]).draw(40)
    compared = 0
    for window, place in torch.nonzero(batch.visible).tolist():
        position, frame = batch.positions[window, place], batch.frames[window, place]
        room = torch.tensor([frame.shape[1], frame.shape[0]]) - 1 - position
        if min(position.min(), room.min()) > 6:  # all of the dot is in view
            assert (dot_centre(frame) - position).abs().max() < 0.3
            compared += 1
    assert compared > 20


def test_a_frame_is_known_to_be_empty_only_where_the_ball_is_well_outside(data):
    batch = source(data, height=16, width=16).draw(200)
    bright = batch.frames[..., 1].float().amax((2, 3)) > 60
    assert (bright | ~batch.visible).all()
    absent = batch.known & ~batch.visible
    assert absent.any()
    assert not (absent & bright).any()
    assert (~batch.known).any()  # cut by the crop's border, or just beyond it
    inside = batch.positions[batch.visible]
    assert inside.min() >= -0.5
    assert inside.max() < 15.5


def test_distance_to_the_border_decides_what_is_known(tmp_path):
    border = WIDTH - 0.5
    places = (border - 0.1, border + 0.1, border + NEAR_CROP - 0.1, border + NEAR_CROP + 0.1, 5.0)
    labels = [BallLabel(True, (place + 0.5) * SCALE - 0.5, 20.0) for place in places]
    data = write_set(
        tmp_path,
        windows=[StoredWindow(0, 1, "training", "net")],
        window_size=5,
        label_of=lambda frame_index, label: labels[frame_index] if frame_index < 5 else None,
    )
    batch = source(data, height=HEIGHT, width=WIDTH, window_size=5).draw(1)
    assert batch.visible[0].tolist() == [True, False, False, False, True]
    assert batch.known[0].tolist() == [True, False, False, True, True]


def test_the_three_states_of_a_label_survive(tmp_path):
    states = {0: NOT_VISIBLE, 1: None}
    data = write_set(tmp_path, label_of=states.get)
    batch = next(source(data, height=None, width=None).all_windows())
    assert batch.visible[0].tolist() == [False, False, True]
    assert batch.known[0].tolist() == [True, False, True]
    assert batch.positions[0, :2].abs().sum() == 0


def test_crops_lie_around_the_ball_as_often_as_drawn_ones_and_never_leave_the_picture(data):
    batch = source(data, height=16, width=16).draw(400)
    middle = batch.visible[:, 1].float().mean()
    assert 0.78 < middle < 0.95  # 0.8, and some by chance
    seen = batch.positions[:, 1][batch.visible[:, 1]]
    assert seen.std(0).min() > 16 / 5  # the ball may be anywhere in a crop
    assert (batch.frames[..., 0] > 20).all()


def test_no_frame_of_one_split_comes_in_batches_of_another(data):
    for split, red in (("training", 40), ("validation", 120)):
        windows = source(data, split, cache_bytes=10**6)
        batches = [windows.draw(9) for _ in range(4)] + list(windows.all_windows())
        for batch in batches:
            assert ((batch.frames[..., 0].float() - red).abs() < 25).all()


def test_every_window_comes_once_in_an_epoch_in_an_order_of_its_own(data):
    windows = source(data, height=None, width=None)
    assert len(windows) == 6
    orders = []
    for epoch in range(4):
        first_balls = torch.cat([windows.draw(count).positions[:, 0, 0] for count in (4, 2)])
        assert windows.epoch == epoch
        expected = torch.tensor([ball_at(first)[0] for first in range(6)])
        assert torch.allclose(first_balls.sort().values, expected, atol=0.01)
        orders.append(tuple(first_balls.tolist()))
    assert len(set(orders)) > 1
    assert len(windows.draw(20).frames) == 20  # more than there are


def test_the_same_seed_gives_the_same_windows_whatever_the_cache(data):
    sources = [source(data, seed=seed, cache_bytes=cache) for seed, cache in ((1, 0), (1, 40_000), (1, 10**7), (2, 0))]
    for _ in range(3):
        first, *others = (windows.draw(5) for windows in sources)
        assert [same(first, other) for other in others] == [True, True, False]
    assert sources[2].cache.hits > 0


def test_all_windows_come_in_order_and_twice_the_same(data):
    windows = source(data, "validation")
    first, again = list(windows.all_windows(batch=3)), list(windows.all_windows(batch=3))
    assert [len(batch.frames) for batch in first] == [3, 1]
    assert all(same(*pair) for pair in zip(first, again, strict=True))
    whole = next(source(data, "validation", height=None, width=None).all_windows())
    expected = torch.tensor([ball_at(first)[0] for first in range(8, 12)])
    assert torch.allclose(whole.positions[:, 0, 0], expected, atol=0.01)


def test_a_stride_leaves_frames_out(tmp_path):
    data = write_set(tmp_path, windows=[StoredWindow(1, 2, "training", "bounce")])
    batch = source(data, height=None, width=None).draw(1)
    expected = torch.tensor([ball_at(frame_index)[0] for frame_index in (1, 3, 5)])
    assert torch.allclose(batch.positions[0, :, 0], expected, atol=0.01)


def small_clip(data):
    """Add a clip with smaller pictures to a set."""
    folder = data / "clips" / "small"
    folder.mkdir()
    with FrameWriter(folder) as writer:
        for frame_index in range(3):
            writer.append(frame_index, dot_picture(0, 0, 40)[:48, :40], NOT_VISIBLE)
    sizes = {"source_height": 48, "source_width": 40, "height": 48, "width": 40, "window_size": 3}
    (folder / "clip.json").write_text(json.dumps(sizes))
    write_windows(folder, [StoredWindow(0, 1, "training", "far")])


def test_clips_of_several_sizes_go_together_as_crops_but_not_as_whole_pictures(data):
    small_clip(data)
    assert source(data).draw(14).frames.shape == (14, 3, 32, 32, 3)
    whole = source(data, height=None, width=None)
    with pytest.raises(SettingError, match="has pictures of 48x40 and 64x96; give crops"):
        whole.draw(2)
    assert [tuple(batch.frames.shape[2:4]) for batch in whole.all_windows()] == [(64, 96), (48, 40)]
    with pytest.raises(SettingError, match="small: its pictures of 48x40 are smaller than crops of 64x64"):
        source(data, height=64, width=64)


def test_a_clip_that_is_being_written_is_passed_over(data):
    (data / "clips" / ".next").mkdir()
    assert len(source(data)) == 6


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"split": "test"}, InputError, "has no windows for test"),
        ({"window_size": 9}, SettingError, "has windows of 3 frames, and the network takes 9; extract with --window 9"),
        ({"height": None}, SettingError, "only one of them"),
        ({"height": 128}, SettingError, "smaller than crops of 128x32"),
    ],
)
def test_settings_that_do_not_fit_the_set_are_one_line(data, options, kind, message):
    with pytest.raises(kind, match=message) as caught:
        source(data, **options)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_set_is_one_line(tmp_path):
    with pytest.raises(InputError, match="is no extracted set.*; give the folder that `ttcli extract` wrote"):
        source(tmp_path)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (
            [StoredWindow(0, 1, "training", "net"), StoredWindow(2, 1, "test", "net")],
            "frame 2 is of training and of test",
        ),
        ([StoredWindow(FRAMES - 2, 1, "training", "net")], f"needs frame {FRAMES}, which is not stored"),
    ],
)
def test_windows_that_cannot_be_are_one_line(tmp_path, windows, message):
    with pytest.raises(LabelError, match=f"windows.csv: .*{message}"):
        source(write_set(tmp_path, windows=windows))


def test_a_damaged_picture_is_one_line_when_its_window_comes(data):
    path = data / "clips" / "clip" / "pictures.bin"
    damaged = bytearray(path.read_bytes())
    damaged[5] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(LabelError, match="pictures.bin: frame 0: the picture is damaged") as caught:
        source(data).draw(6)
    assert "\n" not in str(caught.value)


def test_a_network_of_fewer_frames_gets_the_middle_ones(data):
    whole, middle = source(data, height=None, width=None, seed=5), source(data, height=None, width=None, seed=5, window_size=1)
    for _ in range(3):
        of_three, of_one = whole.draw(2), middle.draw(2)
        assert torch.equal(of_three.frames[:, 1:2], of_one.frames)
        assert torch.equal(of_three.positions[:, 1:2], of_one.positions)
