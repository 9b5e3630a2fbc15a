"""Calibrated confidence is how often a peak is right."""

import pytest
import torch

from ttcli.training.calibration import fit_calibration


def test_slope_and_bias_that_made_the_answers_are_found_again():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(20_000, generator=generator) * 2 - 1
    right = torch.rand(20_000, generator=generator) < torch.sigmoid(1.7 * logits + 0.8)
    fitted = fit_calibration(logits, right)
    assert fitted["slope"] == pytest.approx(1.7, abs=0.1)
    assert fitted["bias"] == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_alike_give_finite_numbers(right):
    fitted = fit_calibration(torch.linspace(-3, 3, 50), torch.full((50,), right))
    assert all(abs(value) < 50 for value in fitted.values())


def test_without_any_answer_confidence_stays_the_probability():
    assert fit_calibration(torch.empty(0), torch.empty(0, dtype=torch.bool)) == {"slope": 1.0, "bias": 0.0}
