"""Effects of camera and codec: strong enough to see, the same for all frames of a window, and nothing moves."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from window_batches import brightest, dotted_windows, seeded, textured_windows

from ttcli.training import picture_effects
from ttcli.training.picture_effects import add_noise, blur, compress, gaussian_kernels, recolour, shake_kernel

EFFECTS = [recolour, blur, add_noise, compress]
each_effect = pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)


@each_effect
def test_only_the_chosen_windows_change_and_the_same_seed_does_the_same(effect):
    before = textured_windows(4, 3, 40, 56, noise=6.0).frames
    first, again, other = before.clone(), before.clone(), before.clone()
    for frames, seed in ((first, 1), (again, 1), (other, 2)):
        effect(frames, torch.tensor([1, 3]), seeded(seed))
    assert first.dtype == torch.uint8
    assert torch.equal(first[::2], before[::2])
    assert (first[1::2] != before[1::2]).flatten(1).any(1).all()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@each_effect
def test_no_window_at_all_is_fine(effect):
    frames = textured_windows(2, 3, 16, 24).frames
    before = frames.clone()
    effect(frames, torch.zeros(0, dtype=torch.long), seeded())
    assert torch.equal(frames, before)


@each_effect
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_dot_stays_where_it_is(effect, seed):
    batch = dotted_windows(count=2, seed=seed % 997)
    effect(batch.frames, torch.arange(2), seeded(seed))
    for row, frame in torch.nonzero(batch.visible).tolist():
        x, y = batch.positions[row, frame].tolist()
        if 8 <= x < 56 and 8 <= y < 40:
            assert (brightest(batch.frames[row, frame]) - batch.positions[row, frame]).abs().max() < 0.5


@pytest.mark.parametrize("effect", [recolour, blur, compress], ids=lambda effect: effect.__name__)
@pytest.mark.parametrize(("height", "width"), [(32, 48), (15, 21)])
def test_the_result_does_not_depend_on_how_many_frames_are_worked_on_at_a_time(effect, height, width, monkeypatch):
    together = textured_windows(2, 5, height, width, noise=3.0).frames
    alone = together.clone()
    effect(together, torch.arange(2), seeded(1))
    monkeypatch.setattr(picture_effects, "CACHED", 1)
    effect(alone, torch.arange(2), seeded(1))
    assert (together.int() - alone.int()).abs().max() <= 1  # sums in another order


@pytest.mark.parametrize("effect", [blur, compress], ids=lambda effect: effect.__name__)
def test_what_is_flat_stays_so(effect):
    frames = torch.full((3, 2, 20, 28, 3), 90, dtype=torch.uint8)
    effect(frames, torch.arange(3), seeded())
    assert (frames.int() - 90).abs().max() <= 2
    assert (frames == frames[:, :, :1, :1]).all()


def test_all_frames_of_a_window_get_the_same_light_but_for_flicker():
    frames = torch.full((20, 9, 8, 8, 3), 100, dtype=torch.uint8)
    recolour(frames, torch.arange(20), seeded())
    mean = frames.float().mean((2, 3, 4))
    assert 5 < mean.mean(1).std() < 30
    assert 0.5 < mean.std(1).mean() < 4


def test_gray_stays_gray_but_for_the_white_balance_and_colours_fade():
    frames = torch.tensor([200, 100, 100], dtype=torch.uint8).expand(40, 1, 4, 4, 3).contiguous()
    recolour(frames, torch.arange(40), seeded())
    red, green, blue = frames[:, 0, 0, 0].float().unbind(-1)
    assert ((green - blue).abs() < 45).all()
    assert (red - green).min() > 10
    assert (red - green).max() > 100


@given(sigma=st.floats(0.3, 2.0), length=st.floats(1.0, 9.0), angle=st.floats(0, math.pi))
@settings(max_examples=20, deadline=None)
def test_kernels_move_nothing_and_keep_the_brightness(sigma, length, angle):
    for kernel in [shake_kernel(length, angle), gaussian_kernels(sigma)[0] @ gaussian_kernels(sigma)[1]]:
        place = torch.arange(len(kernel)) - len(kernel) // 2
        assert kernel.sum() == pytest.approx(1, abs=1e-4)
        assert (kernel.sum(0) * place).sum() == pytest.approx(0, abs=1e-4)
        assert (kernel.sum(1) * place).sum() == pytest.approx(0, abs=1e-4)


def test_noise_is_other_in_each_frame():
    frames = torch.full((6, 9, 32, 32, 3), 128, dtype=torch.uint8)
    add_noise(frames, torch.arange(6), seeded())
    grain = frames.float() - 128
    assert (grain.flatten(2).std(2) > 0.9).all()
    assert (grain.flatten(2).std(2) < 8).all()
    for window in grain.flatten(2):
        assert (torch.corrcoef(window) - torch.eye(9)).abs().max() < 0.1


def test_compression_costs_detail_and_keeps_the_picture():
    before = textured_windows(3, 2, 64, 64, noise=12.0).frames
    frames = before.clone()
    compress(frames, torch.arange(3), seeded())
    smooth = textured_windows(3, 2, 64, 64).frames
    assert (frames.float().mean((1, 2, 3)) - before.float().mean((1, 2, 3))).abs().max() < 2
    # closer to what lies under the noise than the noisy picture is
    assert (frames.float() - smooth.float()).square().mean() < (before.float() - smooth.float()).square().mean()
