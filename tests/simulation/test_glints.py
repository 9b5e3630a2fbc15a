"""Glints are small, in their share of the windows, and the same for the same chance."""

import torch
from scenes import seeded

from ttcli.simulation.glints import draw_glints


def drawn(share: float, seed: int = 1, count: int = 40) -> torch.Tensor:
    pictures = torch.full((count, 9, 3, 48, 64), 0.1)
    draw_glints(pictures, share, seeded(seed))
    return pictures - 0.1


def test_a_share_of_the_windows_has_some():
    assert drawn(0.0).abs().max() == 0
    some = drawn(0.5).abs().flatten(1).amax(1) > 0.05
    assert 0.2 < some.float().mean() < 0.7


def test_they_are_bright_specks_smaller_than_a_ball():
    change = drawn(1.0)
    assert change.min() > -1e-4 and change.max() > 0.5
    lit = (change.amax(2) > 0.05).flatten(2).sum(-1)  # pixels of a frame
    assert 0 < lit.float().mean() < 4 * 3.15 * 3.5**2 / 2
    assert lit.max() < 48 * 64 / 8


def test_some_flicker_some_move_and_some_stay():
    change = drawn(1.0, count=80).amax(2)
    total = change.flatten(2).sum(-1)
    assert ((total > 0.2).any(1) & (total < 1e-4).any(1)).any()  # shown in one frame, not in another
    still = (change > 0.2).all(1).flatten(1).any(1)
    assert 0 < still.float().mean() < 0.8


def test_chance_decides():
    assert torch.equal(drawn(0.5), drawn(0.5)) and not torch.equal(drawn(0.5), drawn(0.5, seed=2))
