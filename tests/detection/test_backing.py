import numpy as np
import pytest

from ttcli.detection.backing import AROUND, with_backing
from ttcli.detection.choices import LEFT, Choice
from ttcli.inference.answers import Peak

FPS = 25


def choices(alone, confidence=0.9, fps=FPS):
    """Return claims on a smooth path, of which the network by itself believes so much."""
    return [
        Choice(index / fps, Peak(10.0 + 8 * index, 50.0, value / 2), value, confidence) for index, value in enumerate(alone)
    ]


def kept(offered):
    """Return which choices keep their confidence."""
    return np.array([choice.confidence == 0.9 for choice in with_backing(offered)])


def test_a_smooth_path_of_peaks_that_are_faint_nearly_all_the_time_is_no_ball():
    alone = [0.4, 0.99, 0.3, 0.5, 0.2, 0.7, 0.95, 0.4, 0.02, 0.6]
    assert not kept(choices(alone)).any()


def test_a_ball_that_fades_for_some_frames_keeps_its_confidence():
    assert kept(choices([0.999] * 10 + [0.3] * 5 + [0.999] * 10)).all()


def test_faint_claims_are_believed_beside_clear_ones_and_not_by_themselves():
    clear, faint, gap = [0.999] * 30, [0.4] * 12, [0.0] * round(1.1 * AROUND * FPS)
    offered = choices([*clear, *faint, *gap, *faint])
    offered = [choice if choice.alone else choice._replace(confidence=0.1) for choice in offered]
    expected = [*[True] * 42, *[False] * (len(gap) + 12)]
    np.testing.assert_array_equal(kept(offered), expected)


def test_nothing_but_the_confidence_of_claims_changes():
    offered = choices([0.4, 0.999, 0.2, 0.5])
    offered[1] = offered[1]._replace(confidence=0.3)
    told = list(with_backing(offered))
    assert [choice[:3] for choice in told] == [choice[:3] for choice in offered]
    assert told[1].confidence == 0.3
    assert {choice.confidence for choice in told} == {0.3, 0.9 * LEFT}


def test_a_single_clear_claim_is_enough_backing_for_itself():
    assert kept(choices([0.999])).all()


@pytest.mark.parametrize(("seconds_apart", "most"), [(1 / 240, AROUND * 240 + 2), (0.0, 1002)])
def test_choices_are_held_back_for_a_while_and_not_for_the_whole_video(seconds_apart, most):
    read = 0

    def endless():
        nonlocal read
        for index in range(4000):
            read += 1
            yield Choice(index * seconds_apart, Peak(9.0, 9.0, 0.5), 0.9, 0.9)

    waits = [read - given for given, _ in enumerate(with_backing(endless()))]
    assert max(waits) <= most
