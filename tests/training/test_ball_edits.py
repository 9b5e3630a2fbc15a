"""Balls that are taken out leave no trace, and those that are put in lie where the label says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from window_batches import centroid, copied, dotted_windows, same, seeded, textured_windows

from ttcli.training.ball_edits import draw_flights, mask_balls, paste_balls, streak_paths
from ttcli.training_set.window_batch import WindowBatch

few = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 2**31)
EVERY = torch.arange(4)


def with_balls(clean: WindowBatch, seed: int = 0, step: float = 9.0, radius: float = 3.0) -> WindowBatch:
    """Return windows in which a white ball crosses the picture, `step` pixels a frame."""
    batch = copied(clean)
    count, length, height, width, _ = batch.frames.shape
    start = torch.tensor([width / 2, height / 2]) + torch.rand(count, 1, 2, generator=seeded(seed)) * 8
    time = (torch.arange(length) - length // 2)[None, :, None]
    batch.positions[:] = start + time * step * torch.tensor([0.95, 0.3])
    x = torch.arange(width) - batch.positions[..., 0, None]
    y = torch.arange(height) - batch.positions[..., 1, None]
    distance = (x[..., None, :] ** 2 + y[..., None] ** 2).sqrt()
    cover = (radius + 0.5 - distance).clamp(0, 1)[..., None]
    batch.frames[:] = torch.lerp(batch.frames.float(), torch.tensor(245.0), cover).round().to(torch.uint8)
    batch.visible[:] = True
    return batch


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_a_masked_ball_leaves_no_trace_in_any_frame(noise):
    clean = textured_windows(4, 9, 64, 112, noise=noise)
    batch = with_balls(clean)
    mask_balls(batch, EVERY)
    assert not batch.visible.any()
    assert batch.known.all()
    difference = (batch.frames.float() - clean.frames.float()).abs()
    assert difference.max() <= 1 + 7 * noise  # two frames with noise, the largest of many values
    assert difference.square().mean().sqrt() < 0.5 + noise


def test_only_the_ball_is_painted_over_and_the_order_of_frames_is_kept():
    clean = textured_windows(4, 9, 64, 112, noise=1.0)
    clean.frames[:, :, :6, :6] = (20 * torch.arange(9, dtype=torch.uint8) + 40)[:, None, None, None]
    batch = with_balls(clean)
    before = copied(batch)
    mask_balls(batch, torch.tensor([0, 2]))
    assert torch.equal(batch.frames[1::2], before.frames[1::2])
    assert before.visible[1::2].all() and not batch.visible[::2].any()
    assert torch.equal(batch.frames[:, :, :6, :6], clean.frames[:, :, :6, :6])
    changed = (batch.frames != before.frames).any(-1)
    window, frame, row, column = torch.nonzero(changed, as_tuple=True)
    away = torch.stack([column, row], -1) - before.positions[window, frame]
    assert away.norm(dim=-1).max() < 6 + 9  # half a step of streak, and a ball with its margin


def test_flickering_lamps_do_not_show_where_the_ball_was():
    clean = textured_windows(4, 9, 64, 112)
    lamps = torch.tensor([1.0, 1.03, 1.05, 1.03, 1.0, 0.97, 0.95, 0.97, 1.0])[:, None, None, None]
    clean.frames.copy_((clean.frames * lamps).round())
    batch = with_balls(clean)
    mask_balls(batch, EVERY)
    assert not batch.visible.any()
    assert (batch.frames.float() - clean.frames.float()).abs().max() <= 4


def test_a_window_is_left_alone_where_the_background_is_not_known():
    clean = textured_windows(4, 9, 64, 112, noise=1.0)
    still = with_balls(clean, step=0.3)
    large = with_balls(clean, radius=24.0)
    unlabelled = with_balls(clean)
    unlabelled.known[:, 4] = False
    moving = with_balls(textured_windows(4, 9, 64, 112, seed=5))
    scene = torch.randint(0, 255, (64, 130, 3), generator=seeded(), dtype=torch.uint8)
    moving.frames[:] = torch.stack([scene[:, frame : frame + 112] for frame in range(9)])
    short = with_balls(textured_windows(4, 2, 64, 112))
    for batch in (still, large, unlabelled, moving, short, clean, dotted_windows(4)):
        before = copied(batch)
        mask_balls(batch, EVERY)
        assert same(batch, before)


@few
@given(seed=seeds)
def test_what_was_pasted_can_be_masked_again_streak_and_all(seed):
    clean = textured_windows(4, 9, 96, 128, seed=seed % 997)
    batch = copied(clean)
    paste_balls(batch, EVERY, seeded(seed))
    batch.known[:] = True  # those that look in over the border are no matter here
    cut = reaches_border(batch)
    mask_balls(batch, EVERY)
    for row in torch.nonzero(~batch.visible.any(1) & ~cut)[:, 0].tolist():
        change = (batch.frames[row].float() - clean.frames[row].float()).abs()
        assert change.max() <= 15  # of 80 and more that the ball changed: its outermost, softest edge
        assert not change.any() or change[change > 0].square().mean().sqrt() < 3


def reaches_border(batch):
    """Return which windows (B,) have a ball, or part of one, that the border may cut."""
    gone = ~batch.visible
    near = (batch.positions < 12) | (batch.positions > torch.tensor([128, 96]) - 12)
    return (gone | near.any(-1)).any(1)


def test_pasted_balls_can_be_masked_as_a_rule_where_they_move():
    clean = textured_windows(40, 9, 96, 128, noise=1.0)
    batch = copied(clean)
    paste_balls(batch, torch.arange(40), seeded(8))
    batch.known[:] = True
    step = batch.positions.diff(dim=1).norm(dim=-1).amax(1)
    fast = torch.nonzero((step > 8) & batch.visible.any(1))[:, 0]
    mask_balls(batch, fast)
    assert len(fast) > 5
    assert (~batch.visible[fast].any(1)).float().mean() > 0.6


@few
@given(seed=seeds)
def test_the_middle_of_a_pasted_ball_is_its_label_and_there_is_one_only(seed):
    clean = textured_windows(4, 9, 96, 128, seed=seed % 997)
    clean.frames[:] = clean.frames // 4
    batch = copied(clean)
    paste_balls(batch, EVERY, seeded(seed))
    assert batch.known.float().mean() > 0.4
    change = (batch.frames.int() - clean.frames.int()).abs().sum(-1).float()  # (B, T, H, W)
    errors = []
    for row in range(4):
        assert batch.visible[row].any()
        for frame in torch.nonzero(batch.visible[row])[:, 0].tolist():
            seen = change[row, frame] > 0.2 * change[row, frame].max()  # its lower side is in the shade
            rows, columns = torch.nonzero(seen, as_tuple=True)
            touches = rows.min() < 2 or columns.min() < 2 or rows.max() > 93 or columns.max() > 125
            if not touches:
                errors.append((centroid(seen.float()) - batch.positions[row, frame]).abs().max())
    # An end of a streak that looks like what it passes is not seen to change, and moves the middle of what is.
    assert torch.stack(errors).mean() < 0.3 and torch.stack(errors).max() < 1.0
    nothing = batch.known & ~batch.visible
    assert torch.equal(batch.frames[nothing], clean.frames[nothing])


def test_a_ball_is_pasted_only_where_there_is_none():
    batch = textured_windows(4, 5, 64, 96)
    batch.visible[0, 2] = True
    batch.known[1, 3] = False
    before = copied(batch)
    paste_balls(batch, torch.tensor([0, 1, 2]), seeded(1))
    for row in (0, 1, 3):
        assert torch.equal(batch.frames[row], before.frames[row])
        assert torch.equal(batch.visible[row], before.visible[row])
    assert batch.visible[2].any()
    again = copied(batch)
    paste_balls(again, torch.tensor([2]), seeded(2))
    assert same(again, batch)


@few
@given(seed=seeds)
def test_pasted_balls_fly_on_parabolas_and_fall_downwards(seed):
    paths, radius = draw_flights(16, 9, 128, 192, seeded(seed))
    fall = paths[:, :, 1].diff(n=2, dim=1)
    assert fall[..., 0].abs().max() < 0.01
    assert (fall[..., 1] > 0).all()
    assert fall[..., 1].std(1).max() < 0.01
    assert (radius >= 1.5).all() and (radius <= 7).all()
    # in the order of frames, and of the exposure within one
    velocity = paths[:, :, 1].diff(dim=1)
    within = paths[:, :, 2] - paths[:, :, 0]
    assert (velocity[..., 0] * within[:, 1:, 0] >= 0).all()


def test_a_streak_reaches_half_way_to_its_neighbours():
    positions = torch.tensor([[10.0, 10], [16, 14], [22, 10], [0, 0], [50, 50]])
    visible = torch.tensor([True, True, True, False, True])
    paths = streak_paths(positions, visible)
    assert paths[1].tolist() == [[13, 12], [16, 14], [19, 12]]  # bounced: bent in the middle
    assert paths[0].tolist() == [[7, 8], [10, 10], [13, 12]]  # nothing before: as after
    assert paths[2].tolist() == [[19, 12], [22, 10], [25, 8]]
    assert paths[4].tolist() == [[50, 50]] * 3
