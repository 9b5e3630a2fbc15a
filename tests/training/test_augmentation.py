"""Augmented windows: labels go with the pixels, frames keep their order, and what came in stays as it was."""

import math
from dataclasses import fields, replace

import hypothesis
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from window_batches import brightest, copied, counting_windows, dotted_windows, same, seeded, textured_windows

from ttcli.training.augmentation import (
    DRAWN_ALREADY,
    Augmentation,
    augment,
    mirror,
    repeat_frames,
    reverse,
    swap_colours,
    take_frames,
    zoom,
)  # fmt: skip
from ttcli.training_set.stored_windows import NEAR_CROP
from ttcli.training_set.window_batch import WindowBatch, unknown_events

NEVER = Augmentation(**{
    field.name: 0.0 for field in fields(Augmentation) if field.name not in ("window_size", "zoom_least", "zoom_most")
})  # fmt: skip
ALWAYS = Augmentation(**{
    field.name: 1.0 for field in fields(Augmentation) if field.name not in ("window_size", "zoom_least", "zoom_most")
})  # fmt: skip
few = hypothesis.settings(max_examples=12, deadline=None)
seeds = st.integers(0, 2**31)


def assert_dots_lie_at_labels(batch, border=8):
    """Assert it of all dots that no border cuts."""
    height, width = batch.frames.shape[2:4]
    looked_at = 0
    for row, frame in torch.nonzero(batch.visible & batch.known).tolist():
        x, y = batch.positions[row, frame].tolist()
        if border <= x < width - border and border <= y < height - border:
            found = brightest(batch.frames[row, frame])
            assert (found - batch.positions[row, frame]).abs().max() < 0.5
            looked_at += 1
    return looked_at


def test_windows_that_nothing_is_done_to_are_equal_copies():
    batch = dotted_windows()
    result = augment(batch, NEVER, seeded())
    assert same(batch, result)
    for field in fields(batch):
        assert getattr(result, field.name).data_ptr() != getattr(batch, field.name).data_ptr()


@few
@given(seed=seeds, probability=st.sampled_from([0.5, 1.0]))
def test_the_same_seed_gives_the_same_windows_and_leaves_those_that_came_in(seed, probability):
    batch = dotted_windows(count=3, seed=1)
    untouched = copied(batch)
    chances = replace(ALWAYS, **dict.fromkeys(("mask_ball", "zoom", "blur", "noise", "recolour"), probability))
    first, again, other = (augment(batch, chances, seeded(value)) for value in (seed, seed, seed + 1))
    assert same(batch, untouched)
    assert same(first, again)
    assert not torch.equal(first.frames, other.frames)


@few
@given(seed=seeds)
def test_labels_move_with_the_pixels_whatever_is_done(seed):
    # Without what makes dots hard to find: the tests of these effects say that they move nothing.
    batch = dotted_windows(count=2, seed=seed % 1000)
    settings = replace(ALWAYS, mask_ball=0.0, noise=0.0, compression=0.0, recolour=0.0)
    result = augment(batch, settings, seeded(seed))
    assert_dots_lie_at_labels(result)


@few
@given(seed=seeds)
def test_zoomed_dots_lie_at_their_labels_or_are_out_of_sight(seed):
    batch = dotted_windows(count=4, seed=seed % 1000)
    zoomed = copied(batch)
    zoom(zoomed, torch.arange(4), 0.8, 1.25, seeded(seed))
    assert assert_dots_lie_at_labels(zoomed) > 0
    size = torch.tensor([64, 48]) - 0.5
    inside = zoomed.positions[zoomed.visible]
    assert ((inside >= -0.5) & (inside < size)).all()
    gone = ~zoomed.visible & zoomed.known
    assert not (zoomed.frames[gone] > 100).any()


def test_a_ball_just_outside_of_the_crop_is_unknown_and_one_far_outside_is_not_there():
    batch = dotted_windows(count=1, length=3, height=320, width=640)
    batch.positions[0] = torch.tensor([[320.0, 160.0], [0.0, 160.0], [48.0, 160.0]])
    for seed in range(40):
        zoomed = copied(batch)
        zoom(zoomed, torch.tensor([0]), 1.25, 1.25, seeded(seed))
        # the second ball went out where the third tells how far the crop lies to the right
        left = 48 - ((zoomed.positions[0, 2, 0] + 0.5) / 1.25 - 0.5) if zoomed.visible[0, 2] else None
        assert zoomed.visible[0, 0] and zoomed.known[0, 0]
        if left is not None and left > 1:
            assert not zoomed.visible[0, 1]
            assert zoomed.known[0, 1] == (1.25 * left >= NEAR_CROP)


def test_smaller_pictures_lie_on_black():
    batch = textured_windows(1, 2, 40, 60)
    zoom(batch, torch.tensor([0]), 0.8, 0.8, seeded(3))
    black = (batch.frames == 0).all(-1)
    assert (~black).sum() == 2 * 32 * 48


def test_unlabelled_frames_stay_so():
    batch = dotted_windows(count=4)
    batch.known[:, ::2] = False
    result = augment(batch, replace(ALWAYS, repeat=0.0, reverse=0.0), seeded(5))
    assert not result.known[:, ::2].any()


def test_mirrored_windows_show_left_on_the_right():
    batch = dotted_windows(count=2, seed=4)
    mirrored = copied(batch)
    mirror(mirrored, torch.tensor([1]))
    assert torch.equal(mirrored.frames[0], batch.frames[0])
    assert torch.equal(mirrored.frames[1].flip(2), batch.frames[1])
    assert torch.equal(mirrored.positions[1, :, 0] + batch.positions[1, :, 0], torch.full((5,), 63.0))
    assert assert_dots_lie_at_labels(mirrored) > 0


def assert_labels_go_with_frames(batch):
    """Assert of counting windows that frames and labels tell the same numbers, and return these, (B, T)."""
    number = (batch.frames[:, :, 3, 3, 0].long() - 50) // 10
    assert torch.equal(batch.positions[..., 0].long(), number)
    assert torch.equal(batch.visible, number % 2 == 0)
    assert torch.equal(batch.known, number % 3 > 0)
    return number


def test_reversed_windows_run_backwards_with_their_labels():
    batch = counting_windows()
    reverse(batch, torch.tensor([0, 2]))
    number = assert_labels_go_with_frames(batch)
    assert (number.diff(dim=1) == torch.tensor([-1, 1, -1])[:, None]).all()


@few
@given(seed=seeds, length=st.integers(1, 9))
def test_a_frame_that_comes_twice_stands_in_for_one_and_keeps_the_order(seed, length):
    batch = counting_windows(length=length)
    repeat_frames(batch, torch.tensor([0, 1]), seeded(seed))
    number = assert_labels_go_with_frames(batch)
    assert (number.diff(dim=1) >= 0).all()
    for row in range(2):
        assert len(number[row].unique()) in (length - 1, length)
    assert torch.equal(number[2], torch.arange(length))


@few
@given(seed=seeds, length=st.integers(1, 17), size=st.integers(1, 9), probability=st.floats(0, 1))
def test_frames_are_taken_at_one_stride_in_order(seed, length, size, probability):
    batch = counting_windows(count=8, length=length)
    if size > length:
        with pytest.raises(ValueError, match="hold none of"):
            take_frames(batch, size, probability, seeded(seed))
        return
    number = assert_labels_go_with_frames(take_frames(batch, size, probability, seeded(seed)))
    assert number.shape == (8, size)
    steps = number.diff(dim=1)
    assert (steps >= 1).all()
    assert (steps == steps[:, :1]).all()


def test_every_stride_that_fits_is_taken():
    batch = counting_windows(count=200, length=17, height=8, width=8)
    for probability, expected in ((0.0, {1}), (1.0, {2, 3, 4})):
        number = take_frames(batch, 5, probability, seeded()).positions[..., 0]
        assert {int(step) for step in number.diff(dim=1).flatten().unique()} == expected
        assert number.max() == 16
        assert number.min() == 0


def test_colours_change_places():
    batch = textured_windows(8, 2, 16, 16)
    swapped = copied(batch)
    swap_colours(swapped, torch.arange(8), seeded())
    assert torch.equal(swapped.frames.sort(-1).values, batch.frames.sort(-1).values)
    assert not torch.equal(swapped.frames, batch.frames)


def test_what_comes_out_has_the_types_and_shapes_of_what_went_in():
    batch = textured_windows(4, 9, 64, 96, noise=2.0)
    result = augment(batch, replace(ALWAYS, window_size=5), seeded())
    assert result.frames.shape == (4, 5, 64, 96, 3)
    assert [getattr(result, field.name).dtype for field in fields(result)] == [
        getattr(batch, field.name).dtype for field in fields(batch)
    ]
    assert result.visible.any(1).all()  # a ball was pasted into each
    assert result.positions.isfinite().all()


def test_windows_are_changed_as_often_as_was_asked():
    batch = dotted_windows(count=400, length=1, height=16, width=32, seed=7)
    result = augment(batch, replace(NEVER, mirror=0.3), seeded(2))
    assert (result.positions != batch.positions).any(-1).float().mean() == pytest.approx(0.3, abs=0.07)


def spotted_windows():
    """Return windows that hold one bright pixel a frame, at the ball's position."""
    batch, frames, height, width = 6, 5, 12, 17
    positions = torch.stack([torch.randint(high, (batch, frames), generator=seeded(3)) for high in (width, height)], -1)
    pictures = torch.zeros(batch, frames, height, width, 3, dtype=torch.uint8)
    window, frame = torch.meshgrid(torch.arange(batch), torch.arange(frames), indexing="ij")
    pictures[window, frame, positions[..., 1], positions[..., 0]] = torch.tensor([50, 150, 250], dtype=torch.uint8)
    visible = torch.rand(batch, frames, generator=seeded(4)) < 0.6
    known = torch.rand(batch, frames, generator=seeded(5)) < 0.8
    return WindowBatch(pictures, positions.float(), visible, known, unknown_events(visible))


def values_at(batch):
    """Return the colours (B, T, 3) at the positions, sorted."""
    window, frame = torch.meshgrid(*(torch.arange(size) for size in batch.visible.shape), indexing="ij")
    x, y = batch.positions.long().unbind(-1)
    return batch.frames[window, frame, y, x].sort(dim=-1).values


def test_variations_move_labels_with_the_pixels():
    batch = spotted_windows()
    seen = set()
    for seed in range(8):
        varied = augment(batch, DRAWN_ALREADY, seeded(seed))
        assert (values_at(varied) == torch.tensor([50, 150, 250])).all()
        seen |= {tuple(row) for row in varied.positions[0].flatten(1).tolist()}
        assert torch.equal(varied.visible.sum(1), batch.visible.sum(1))
    assert len(seen) > 5  # mirrored too


def test_variations_are_a_mirror_time_backwards_and_channels_exchanged():
    batch = spotted_windows()
    width = batch.frames.shape[3]
    mirrors = backwards = swaps = windows = 0
    for seed in range(12):
        varied = augment(batch, DRAWN_ALREADY, seeded(seed))
        for window in range(len(batch.frames)):
            before, after = batch.at(torch.tensor([window])), varied.at(torch.tensor([window]))
            options = []
            for mirrored in (False, True):
                for back in (False, True):
                    positions = before.positions.clone()
                    if mirrored:
                        positions[..., 0] = width - 1 - positions[..., 0]
                    order = torch.arange(5).flip(0) if back else torch.arange(5)
                    if torch.equal(positions[:, order], after.positions):
                        assert torch.equal(before.visible[:, order], after.visible)
                        assert torch.equal(before.known[:, order], after.known)
                        options.append((mirrored, back))
            assert len(options) == 1
            mirrors, backwards, windows = mirrors + options[0][0], backwards + options[0][1], windows + 1
            x, y = after.positions[0, 0].long().tolist()
            swaps += after.frames[0, 0, y, x].tolist() != [50, 150, 250]
    assert mirrors / windows == pytest.approx(0.5, abs=4 / math.sqrt(windows) / 2)
    assert backwards / windows == pytest.approx(0.5, abs=4 / math.sqrt(windows) / 2)
    assert 0.1 < swaps / windows < 0.4


def test_variations_leave_their_input_alone_and_follow_the_generator():
    batch, untouched = spotted_windows(), spotted_windows()
    first, again = augment(batch, DRAWN_ALREADY, seeded(1)), augment(batch, DRAWN_ALREADY, seeded(1))
    for field in fields(batch):
        assert torch.equal(getattr(batch, field.name), getattr(untouched, field.name))
        assert torch.equal(getattr(first, field.name), getattr(again, field.name))
