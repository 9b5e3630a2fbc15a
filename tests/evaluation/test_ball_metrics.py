"""The ball metrics against numbers worked out by hand."""

import math

import numpy as np
import pytest

from ttcli.evaluation.ball_metrics import ball_metrics, compare, pool
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.labels.rallies import RALLY_GAP_FRAMES


def ball(x, y):
    return BallLabel(True, x, y)


# A picture of 1920x1080, so that d is in source pixels. What is claimed, beside what is true:
TRUTH = {
    0: ball(100, 100),  # found at d = 5: (3, 4) off
    1: ball(200, 100),  # found at d = 10: (10, 0) off
    2: ball(300, 100),  # claimed 12 away: false
    3: ball(400, 100),  # not claimed
    4: NOT_VISIBLE,  # claimed: false
    5: NOT_VISIBLE,  # silent: right
    6: NOT_VISIBLE,  # no row at all: right
    7: ball(700, 100),  # no row at all: missed
}
PREDICTED = {
    0: ball(103, 104),
    1: ball(210, 100),
    2: ball(300, 112),
    3: NOT_VISIBLE,
    4: ball(5, 5),
    5: NOT_VISIBLE,
    99: ball(1, 1),  # unknown: counts nowhere
}


def test_every_metric_agrees_with_the_hand():
    metrics = ball_metrics(compare(PREDICTED, TRUTH, height=1080, width=1920))
    assert (metrics.labelled, metrics.visible, metrics.claims) == (8, 5, 4)
    # On 512x288 every distance is 512/1920 of d: 10 px become 2.7 and 12 px become 3.2, both within 4.
    assert metrics.figures == pytest.approx(
        {
            "accuracy@5": 3 / 8,
            "accuracy@10": 4 / 8,
            "recall@10": 2 / 5,
            "precision@10": 2 / 4,
            "f1@10": 4 / 9,
            "rmse": math.sqrt((25 + 100) / 2),
            "median": 7.5,
            "rmse_512": math.sqrt(((3 * 512 / 1920) ** 2 + (4 * 512 / 1080) ** 2 + (10 * 512 / 1920) ** 2) / 2),
            "f1@4px_512x288": 6 / 9,
            "false_claims_per_1000": 1000 / 3,
        }
    )


def test_distances_are_scaled_to_a_picture_1920_wide():
    for width, off in ((1920, 9), (640, 3), (3840, 18)):
        metrics = ball_metrics(compare({0: ball(off, 0)}, {0: ball(0, 0)}, height=1000, width=width))
        assert metrics.figures["rmse"] == pytest.approx(9)
    far = ball_metrics(compare({0: ball(4, 0)}, {0: ball(0, 0)}, height=1000, width=640))
    assert far.figures["recall@10"] == 0


def test_nothing_over_nothing_is_none():
    empty = ball_metrics(compare({}, {}, height=1080, width=1920))
    assert set(empty.figures.values()) == {None} and empty.strata == [] and empty.rallies == 0
    silent = ball_metrics(compare({}, {0: ball(1, 1)}, height=1080, width=1920)).figures
    assert silent["precision@10"] is None and silent["rmse"] is None and silent["median"] is None
    assert silent["false_claims_per_1000"] is None
    assert silent["recall@10"] == 0 and silent["f1@10"] == 0 and silent["accuracy@10"] == 0
    absent = ball_metrics(compare({}, {0: NOT_VISIBLE}, height=1080, width=1920)).figures
    assert absent["recall@10"] is None and absent["f1@10"] is None
    assert absent["accuracy@10"] == 1 and absent["false_claims_per_1000"] == 0


def test_a_rally_ends_where_labels_pause():
    gap = RALLY_GAP_FRAMES + 1  # so many unlabelled frames lie between that one more would be one too many
    truth = {0: NOT_VISIBLE, 5: NOT_VISIBLE, 5 + gap: NOT_VISIBLE, 5 + 2 * gap + 1: NOT_VISIBLE}
    outcomes = compare({}, truth, height=1080, width=1920)
    assert outcomes.rally.tolist() == [0, 0, 0, 1]
    assert pool([outcomes, outcomes, outcomes]).rally.tolist() == [0, 0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5]


def test_clips_pool_by_frames_each_with_its_own_scale():
    first = compare({0: ball(4, 0)}, {0: ball(0, 0)}, height=1080, width=1920)
    second = compare({}, {0: ball(0, 0), 1: ball(1, 0), 2: NOT_VISIBLE}, height=360, width=640)
    metrics = ball_metrics(pool([first, second]))
    assert metrics.figures["recall@10"] == pytest.approx(1 / 3)
    assert metrics.figures["accuracy@10"] == pytest.approx(2 / 4)
    assert metrics.rallies == 2


def test_intervals_need_two_rallies_and_are_the_same_for_the_same_seed():
    outcomes = compare(PREDICTED, TRUTH, height=1080, width=1920)
    assert set(ball_metrics(outcomes).intervals.values()) == {None}
    pooled = pool([outcomes, compare(TRUTH, TRUTH, height=1080, width=1920)])
    assert set(ball_metrics(pooled, bootstrap=0).intervals.values()) == {None}
    metrics = ball_metrics(pooled, bootstrap=200, seed=3)
    assert metrics.intervals == ball_metrics(pooled, bootstrap=200, seed=3).intervals
    assert metrics.intervals["recall@10"] == pytest.approx((2 / 5, 1))  # only the one rally, or only the other
    for name, (low, high) in metrics.intervals.items():
        assert low <= metrics.figures[name] <= high


def test_the_median_of_a_resampling_is_that_of_the_repeated_rallies():
    rng = np.random.default_rng(0)
    truth = {1000 * rally + frame: ball(500, 500) for rally in range(4) for frame in range(5)}
    predicted = {frame: ball(500 + rng.uniform(0, 9), 500) for frame in truth}
    outcomes = compare(predicted, truth, height=1080, width=1920)
    metrics = ball_metrics(outcomes, bootstrap=20, seed=1)
    draws = np.random.default_rng(1).multinomial(4, [0.25] * 4, size=20)
    medians = [np.median(np.repeat(outcomes.distance, draw[outcomes.rally])) for draw in draws]
    assert metrics.intervals["median"] == pytest.approx(np.percentile(medians, (2.5, 97.5)))
    assert metrics.figures["median"] == pytest.approx(np.median(outcomes.distance))


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(60):
        rates = np.clip(rng.normal(0.7, 0.15, 30), 0, 1)  # rallies differ, so frames are not independent
        hits = rng.random((30, 15)) < rates[:, None]
        truth = {1000 * rally + frame: ball(9, 9) for rally in range(30) for frame in range(15)}
        predicted = {frame: ball(9, 9) for frame in truth if hits[frame // 1000, frame % 1000]}
        low, high = ball_metrics(compare(predicted, truth, 1080, 1920), bootstrap=100).intervals["recall@10"]
        covered += low <= 0.7 <= high
    assert covered >= 50  # of 60


def test_frames_are_told_apart_by_visibility_and_speed():
    truth = {
        0: ball(0, 0),
        1: ball(9, 0),  # 9 px a frame
        10: ball(0, 0),
        11: ball(10, 0),
        12: ball(50, 0),  # 10, then (10 + 40) / 2, then 40
        20: ball(0, 0),
        21: ball(0, 41),  # 41
        30: ball(0, 0),  # no neighbour
        40: NOT_VISIBLE,
        41: NOT_VISIBLE,
    }
    predicted = {0: truth[0], 10: truth[10], 11: truth[11], 40: ball(1, 1)}
    strata = ball_metrics(compare(predicted, truth, height=1080, width=1920)).strata
    assert strata == [
        {"stratum": "not visible", "frames": 2, "false_claims_per_1000": 500.0},
        {"stratum": "visible, below 10 px a frame", "frames": 2, "recall@10": 0.5, "rmse": 0.0},
        {"stratum": "visible, 10 to 40 px a frame", "frames": 3, "recall@10": pytest.approx(2 / 3), "rmse": 0.0},
        {"stratum": "visible, above 40 px a frame", "frames": 2, "recall@10": 0.0, "rmse": None},
        {"stratum": "visible, speed unknown", "frames": 1, "recall@10": 0.0, "rmse": None},
    ]
