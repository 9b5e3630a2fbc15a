"""The curves of a run show every figure at every step."""

import cv2
import numpy as np

from ttcli.training.report import SCORES, draw_curves


def picture_of(rows):
    return cv2.imdecode(np.frombuffer(draw_curves(rows), np.uint8), cv2.IMREAD_COLOR)


def rows_of(steps, score):
    figures = {"loss": 2.0, "heatmap_loss": 1.5, "learning_rate": 0.001, **dict.fromkeys(SCORES, score)}
    return [{"step": step, **figures} for step in steps]


def test_curves_differ_with_what_they_show_and_may_have_gaps():
    high, low, none = (picture_of(rows_of([10, 20, 30], score)) for score in (0.9, 0.1, None))
    assert high.shape == low.shape == none.shape and high.shape[2] == 3 and high.std() > 5
    upper, middle = high.shape[0] // 3, high.shape[0] * 3 // 4
    assert (high[upper:middle] != low[upper:middle]).any() and (high[upper:middle] != none[upper:middle]).any()
    assert np.array_equal(high[: upper // 2], none[: upper // 2])  # losses are drawn all the same
