"""Drawn windows: their shapes, their seeds, how often a ball is in them, and labels that go with the pixels."""

from dataclasses import fields

import pytest
import torch
from scenes import seeded

from ttcli.simulation.scene import draw_kinds, draw_moments
from ttcli.training import drawn_windows
from ttcli.training.batches import BatchPlan, BatchStream
from ttcli.training.data import DrawnData
from ttcli.training.drawn_windows import DrawnWindows


@pytest.fixture
def source(drawn_quickly):
    """Return a function that makes sources of windows without playing rallies or painting walls first."""
    return lambda seed=0, window_size=9, height=64, width=96: DrawnWindows(window_size, height, width, seed)


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
    batch = source().draw(40)
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
    monkeypatch.setattr(drawn_windows, "simulate_rallies", lambda count, generator, device: played.append(count) or rallies)
    monkeypatch.setattr(drawn_windows, "paint_textures", lambda seed: textures)
    monkeypatch.setattr(drawn_windows, "WINDOWS_PER_RALLY", 1)
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


def test_a_window_follows_from_its_number_and_the_seed(source):
    windows, again = source(seed=3), source(seed=3)
    windows.draw(4)
    second = windows.draw(4)
    again.seek(4)
    assert torch.equal(again.draw(4).frames, second.frames)
    again.seek(0)
    assert not torch.equal(again.draw(4).frames, second.frames)


def test_windows_are_the_same_in_whatever_portions_they_are_asked_for(source):
    windows, again = source(seed=3), source(seed=3)
    together = windows.draw(20)
    parts = [again.draw(count) for count in (3, 5, 11, 1)]
    for field in fields(together):
        assert torch.equal(torch.cat([getattr(part, field.name) for part in parts]), getattr(together, field.name))


def test_a_process_that_takes_its_portions_in_turn_draws_no_others(drawn_quickly, monkeypatch):
    data, drawn = DrawnData(3, 32, 32), []
    draw_block = DrawnWindows._draw_block
    monkeypatch.setattr(DrawnWindows, "_draw_block", lambda self, number: drawn.append(self._chunk) or draw_block(self, number))
    plan = BatchPlan(batch=6, reuse=3, augmentation=None, seed=0, rank=0, processes=2)
    batches = BatchStream(lambda: data.source(1, torch.device("cpu"), plan.fresh), plan).start(0)
    for _ in range(4):
        next(batches)
    batches.close()
    assert set(drawn) == {2} and len(drawn) <= 6 + 5  # the pool of older ones, four batches, and one made ahead


def test_windows_for_the_second_stage_have_the_ball_near_the_middle_or_beside(drawn_quickly):
    windows = DrawnWindows(9, 96, 96, seed=3, second_stage=True)
    batch = windows.draw(40)
    away = (batch.positions[:, 4] - 47.5)[batch.visible[:, 4]].norm(dim=1)
    assert 0.4 < batch.visible[:, 4].float().mean() < 0.9
    assert 0.5 < (away < 24).float().mean() < 0.95  # two standard deviations and a half; those beside lie anywhere
    windows.seek(16)
    again = windows.draw(8)
    assert torch.equal(again.frames, batch.frames[16:24])


def test_pictures_of_small_video_are_soft_at_twice_the_size():
    wide = torch.zeros(1, 1, 32, 32, 3, dtype=torch.uint8)
    wide[..., 8:24, 8:24, :] = 200
    soft = drawn_windows._enlarged(wide)
    assert soft.dtype == torch.uint8 and soft.shape == wide.shape
    assert float(soft.float().mean()) == pytest.approx(float(wide.float().mean()), rel=0.01)
    assert 0 < int(soft[0, 0, 7, 16, 0]) < 200 > int(soft[0, 0, 8, 16, 0])  # its edge is smeared
    assert int(soft[0, 0, 16, 16, 0]) == 200


def test_a_second_stage_is_trained_on_drawn_windows_of_larger_pictures():
    usual, second = DrawnData(9, 32, 32), DrawnData(9, 32, 32, second_stage=True)
    assert second.picture == tuple(2 * side for side in usual.picture)
    assert second.facts["area"] == 4 * usual.facts["area"]
