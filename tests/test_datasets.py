"""Drawn windows: their shapes, their seeds, how often a ball is in them, and labels that go with the pixels."""

import math
from dataclasses import fields

import pytest
import torch
from scenes import seeded

from ttcli import datasets
from ttcli.datasets import DrawnWindows, WindowBatch, vary
from ttcli.simulation.scene import draw_kinds, draw_moments


@pytest.fixture
def source(rallies, textures, monkeypatch):
    """Return a function that makes sources of windows without playing rallies or painting walls first."""
    monkeypatch.setattr(datasets, "simulate_rallies", lambda count, generator, device: rallies)
    monkeypatch.setattr(datasets, "paint_textures", lambda seed: textures)
    return lambda seed=0, window_size=9, height=64, width=96: DrawnWindows(window_size, height, width, seed)


def spotted_windows():
    """Return windows that hold one bright pixel a frame, at the ball's position."""
    batch, frames, height, width = 6, 5, 12, 17
    positions = torch.stack([torch.randint(high, (batch, frames), generator=seeded(3)) for high in (width, height)], -1)
    pictures = torch.zeros(batch, frames, height, width, 3, dtype=torch.uint8)
    window, frame = torch.meshgrid(torch.arange(batch), torch.arange(frames), indexing="ij")
    pictures[window, frame, positions[..., 1], positions[..., 0]] = torch.tensor([50, 150, 250], dtype=torch.uint8)
    visible = torch.rand(batch, frames, generator=seeded(4)) < 0.6
    return WindowBatch(pictures, positions.float(), visible, torch.rand(batch, frames, generator=seeded(5)) < 0.8)


def values_at(batch):
    """Return the colours (B, T, 3) at the positions, sorted."""
    window, frame = torch.meshgrid(*(torch.arange(size) for size in batch.visible.shape), indexing="ij")
    x, y = batch.positions.long().unbind(-1)
    return batch.frames[window, frame, y, x].sort(dim=-1).values


def test_windows_have_the_shapes_and_types_of_a_batch(source):
    for window_size, height, width, count in ((9, 64, 96, 11), (3, 96, 64, 1)):
        batch = source(window_size=window_size, height=height, width=width).draw(count)
        assert batch.frames.shape == (count, window_size, height, width, 3)
        assert batch.frames.dtype == torch.uint8
        assert batch.positions.shape == (count, window_size, 2)
        assert batch.positions.isfinite().all()
        assert batch.visible.shape == batch.known.shape == (count, window_size)
        assert batch.visible.dtype == batch.known.dtype == torch.bool


def test_the_same_seed_draws_the_same_windows(source):
    first, again, other = (source(seed).draw(3) for seed in (1, 1, 2))
    for field in fields(first):
        assert torch.equal(getattr(first, field.name), getattr(again, field.name)), field.name
    assert not torch.equal(first.frames, other.frames)


def test_windows_go_on_and_do_not_repeat(source):
    windows = source()
    first, second = windows.draw(2), windows.draw(2)
    assert not torch.equal(first.frames, second.frames)


def test_most_frames_show_a_ball_that_lies_inside(source):
    batch = source().draw(64)
    assert 0.4 < batch.visible.float().mean() < 0.95
    assert 0.85 < batch.known.float().mean() < 1
    x, y = batch.positions[batch.visible].unbind(-1)
    assert -0.5 < x.min() < x.max() < 95.5
    assert -0.5 < y.min() < y.max() < 63.5
    # Cut so that the ball may be anywhere: a network that always says "the middle" is wrong.
    assert x.std() > 96 / 5
    assert y.std() > 64 / 5
    assert (batch.frames.float().std((1, 2, 3, 4)) > 2).all()


def test_new_rallies_are_played_when_the_old_ones_are_used_up(rallies, textures, monkeypatch):
    played = []
    monkeypatch.setattr(datasets, "simulate_rallies", lambda count, generator, device: played.append(count) or rallies)
    monkeypatch.setattr(datasets, "paint_textures", lambda seed: textures)
    monkeypatch.setattr(datasets, "WINDOWS_PER_RALLY", 1)
    windows = DrawnWindows(1, 32, 32, seed=0, rallies=5)
    for count in (3, 2, 1):
        windows.draw(count)
    assert played == [5, 5]


def test_moments_lie_within_their_rally(rallies):
    rally, times, exposure = draw_moments(rallies, 300, 9, seeded())
    assert (times.diff(dim=1) >= 0).all()
    assert times.min() >= 0
    short = times[:, -1] - times[:, 0] < rallies.end_sample[rally] / rallies.sample_rate - 0.1
    assert (times[:, -1] <= rallies.end_sample[rally] / rallies.sample_rate)[short].all()
    assert (exposure > 0).all()
    step = times.diff(dim=1).amax(1)
    assert (exposure <= step.clamp_min(1e-3) + 1e-6)[step > 0].float().mean() > 0.95


def test_kinds_of_camera_come_as_often_as_they_should():
    share = torch.bincount(draw_kinds(4000, seeded()), minlength=5) / 4000
    assert share.min() > 0.03
    assert share[0] == pytest.approx(0.36, abs=0.04)


def test_variations_move_labels_with_the_pixels():
    batch = spotted_windows()
    seen = set()
    for seed in range(8):
        varied = vary(batch, seeded(seed))
        assert (values_at(varied) == torch.tensor([50, 150, 250])).all()
        seen |= {tuple(row) for row in varied.positions[0].flatten(1).tolist()}
        assert torch.equal(varied.visible.sum(1), batch.visible.sum(1))
    assert len(seen) > 5  # mirrored too


def test_variations_are_a_mirror_time_backwards_and_channels_exchanged():
    batch = spotted_windows()
    width = batch.frames.shape[3]
    mirrors = backwards = swaps = windows = 0
    for seed in range(12):
        varied = vary(batch, seeded(seed))
        for window in range(len(batch.frames)):
            before, after = batch.at(torch.tensor([window])), varied.at(torch.tensor([window]))
            options = []
            for mirror in (False, True):
                for back in (False, True):
                    positions = before.positions.clone()
                    if mirror:
                        positions[..., 0] = width - 1 - positions[..., 0]
                    order = torch.arange(5).flip(0) if back else torch.arange(5)
                    if torch.equal(positions[:, order], after.positions):
                        assert torch.equal(before.visible[:, order], after.visible)
                        assert torch.equal(before.known[:, order], after.known)
                        options.append((mirror, back))
            assert len(options) == 1
            mirrors, backwards, windows = mirrors + options[0][0], backwards + options[0][1], windows + 1
            x, y = after.positions[0, 0].long().tolist()
            swaps += after.frames[0, 0, y, x].tolist() != [50, 150, 250]
    assert mirrors / windows == pytest.approx(0.5, abs=4 / math.sqrt(windows) / 2)
    assert backwards / windows == pytest.approx(0.5, abs=4 / math.sqrt(windows) / 2)
    assert 0.1 < swaps / windows < 0.4


def test_variations_leave_their_input_alone_and_follow_the_generator():
    batch, untouched = spotted_windows(), spotted_windows()
    first, again = vary(batch, seeded(1)), vary(batch, seeded(1))
    for field in fields(batch):
        assert torch.equal(getattr(batch, field.name), getattr(untouched, field.name))
        assert torch.equal(getattr(first, field.name), getattr(again, field.name))
