"""The losses are what CenterNet defines, and finite for any logits."""

import pytest
import torch

from ttcli.networks.blocks import Prediction
from ttcli.networks.heatmaps import draw_targets
from ttcli.training.losses import ball_loss, focal_loss, offset_loss


def some_targets(visible: bool = True, known: bool = True):
    flags = torch.ones(2, 3, dtype=torch.bool)
    return draw_targets(torch.full((2, 3, 2), 20.0), flags & visible, flags & known, 12, 16)


def some_prediction(dtype: torch.dtype = torch.float32) -> Prediction:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 12, 16, generator=generator).to(dtype).requires_grad_()
    offsets = torch.randn(2, 3, 2, 12, 16, generator=generator).to(dtype).requires_grad_()
    return Prediction(logits, offsets)


def test_focal_loss_is_the_formula_per_visible_ball():
    prediction, targets = some_prediction(), some_targets()
    p = prediction.logits.double().sigmoid()
    heat = targets.heat.double()
    positive = -((1 - p) ** 2) * p.log()
    negative = -((1 - heat) ** 4) * p**2 * (1 - p).log()
    expected = torch.where(heat == 1, 3.0 * positive, negative).sum() / 6
    loss = focal_loss(prediction.logits, targets.heat, targets.known, positive_weight=3.0)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("logit", [-1e4, -100.0, -4.6, 0.0, 100.0, 1e4])
def test_loss_and_gradient_are_finite_for_any_logit(logit, dtype):
    logits = torch.full((2, 3, 12, 16), logit, dtype=dtype, requires_grad=True)
    total, parts = ball_loss(Prediction(logits, some_prediction(dtype).offsets), some_targets())
    total.backward()
    assert total.dtype == torch.float32
    assert total.isfinite() and logits.grad.isfinite().all()
    assert set(parts) == {"heatmap", "offset"}


def test_unknown_frames_do_not_count():
    prediction, targets = some_prediction(), some_targets()
    known = targets.known.clone()
    known[0, 1] = False
    total, _ = ball_loss(prediction, targets._replace(known=known))
    total.backward()
    for gradient in (prediction.logits.grad, prediction.offsets.grad):
        assert gradient[0, 1].count_nonzero() == 0
        assert gradient[0, 0].count_nonzero() > 0


@pytest.mark.parametrize(("visible", "known"), [(False, True), (True, False)])
def test_loss_is_finite_without_a_ball(visible, known):
    total, parts = ball_loss(some_prediction(), some_targets(visible, known))
    assert total.isfinite() and parts["offset"] == 0
    assert (total > 0) == known


def test_offset_loss_is_the_mean_distance_where_the_target_is_hot():
    targets = some_targets()
    loss = offset_loss(targets.offsets + 0.5, targets.offsets, targets.offset_weight, targets.known)
    assert loss.item() == pytest.approx(1.0)


def test_the_right_answer_costs_next_to_nothing():
    targets = some_targets()
    logits = torch.where(targets.heat == 1, 20.0, -20.0)
    total, _ = ball_loss(Prediction(logits, targets.offsets), targets)
    assert total < 1e-3
