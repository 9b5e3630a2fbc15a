import numpy as np
import pytest

from ttcli.detection.choices import LEFT, Choice
from ttcli.detection.resting import LONGEST, MOST_GAP, without_rests
from ttcli.inference.answers import NOWHERE, Peak

SIGN = (200.0, 120.0)


def choices(places, fps=25, confidence=0.98, start=0.0):
    """Return a choice for each place, a claim, or none at all where it is None."""
    return [
        Choice(start + index / fps, NOWHERE, 0.0, 0.0)
        if place is None
        else Choice(start + index / fps, Peak(*place, 0.9), 0.9, confidence)
        for index, place in enumerate(places)
    ]


def at_rest(count, jitter=0.3, seed=0):
    """Return places of something that hangs still, (count, 2)."""
    return np.array(SIGN) + np.random.default_rng(seed).normal(0, jitter, (count, 2))


def toss(count, fps=25, gravity=500.0, rise=2.5):
    """Return places of a ball that is thrown up from where it rested, (count, 2)."""
    seconds = np.arange(1, count + 1) / fps
    return np.stack([np.full(count, SIGN[0]), SIGN[1] - gravity * rise / 10 * seconds + gravity / 2 * seconds**2], 1)


def confidences(offered):
    return np.array([choice.confidence for choice in without_rests(offered)])


@pytest.mark.parametrize("fps", [25, 60, 240])
def test_a_sign_that_looks_like_a_ball_in_every_frame_is_none(fps):
    assert (confidences(choices(at_rest(fps), fps)) < 0.5).all()


def test_a_rest_that_is_too_short_to_tell_keeps_its_confidence():
    assert (confidences(choices(at_rest(6))) == 0.98).all()


def test_the_top_of_a_toss_keeps_its_confidence():
    """Half a second around the highest point, where a ball of 1.3 px is slowest."""
    seconds = np.arange(-7, 8) / 25
    places = np.stack([np.full(15, 200.0), 120 + 245 * 1.3 / 2 * seconds**2], 1)
    assert (confidences(choices(places)) == 0.98).all()


def test_a_ball_that_is_held_and_then_tossed_is_kept_from_where_it_was_held():
    held = at_rest(50, jitter=0.1)
    assert (confidences(choices([*held, *toss(12)])) == 0.98).all()


def test_a_ball_that_flies_past_a_sign_is_kept_and_the_sign_is_not():
    flight = [(20.0 + 30 * index, 119.0 - 4 * index + 0.5 * index**2) for index in range(12)]
    offered = choices([*at_rest(25), *flight, *at_rest(25, seed=1)])
    kept = confidences(offered) == 0.98
    np.testing.assert_array_equal(np.flatnonzero(kept), np.arange(25, 37))


def test_a_flicker_is_refused_where_something_rested_before_and_kept_elsewhere():
    gap = [None] * 20
    elsewhere = at_rest(4) + (60.0, 0.0)
    kept = confidences(choices([*at_rest(25), *gap, *at_rest(4, seed=1), *gap, *elsewhere])) == 0.98
    np.testing.assert_array_equal(np.flatnonzero(kept), np.arange(69, 73))


def test_a_rest_goes_on_over_a_gap_without_claims():
    gap = [None] * round(MOST_GAP * 25 - 2)
    assert (confidences(choices([*at_rest(7), *gap, *at_rest(7, seed=1)])) < 0.5).all()


def test_choices_come_in_order_and_nothing_but_confidence_changes():
    offered = choices([*at_rest(30), None, None, *toss(9), *[None] * 30, *at_rest(40)])
    told = list(without_rests(offered))
    assert [(choice.time_seconds, choice.peak) for choice in told] == [(choice.time_seconds, choice.peak) for choice in offered]
    assert {choice.confidence for choice in told} <= {0.98, 0.98 * LEFT, 0.0}


def test_something_that_rests_for_an_hour_is_not_held_for_an_hour():
    read = 0

    def endless():
        nonlocal read
        for choice in choices(at_rest(2000), fps=60):
            read += 1
            yield choice

    waits = [read - given for given, _ in enumerate(without_rests(endless()))]
    assert max(waits) <= LONGEST * 60 + 2


def test_frames_of_one_time_are_not_held_forever_and_not_doubted():
    read = 0

    def endless():
        nonlocal read
        for place in at_rest(5000):
            read += 1
            yield Choice(0.0, Peak(*place, 0.9), 0.9, 0.98)

    told = [(read - given, choice.confidence) for given, choice in enumerate(without_rests(endless()))]
    assert max(wait for wait, _ in told) < 1100
    assert {confidence for _, confidence in told} == {0.98}
