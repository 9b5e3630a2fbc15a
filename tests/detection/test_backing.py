import numpy as np
import pytest

from ttcli.detection.backing import LONGEST, with_backing
from ttcli.detection.choices import LEFT, Choice
from ttcli.inference.answers import Peak

FPS = 25
FAINT = (0.4, 0.9, 0.3, 0.5, 0.2, 0.7, 0.95, 0.4, 0.05, 0.6, 0.5, 0.8)
"""What the network believes by itself of some claims that tracking believes."""
CLEAR = (0.999,) * 12


def path(count=12, fall=0.0, bounce=None, fps=FPS):
    """Return places of something that rises evenly, or as gravity bends its path; from `bounce` on it goes back."""
    seconds = np.arange(count) / fps
    if bounce is not None:
        seconds = np.minimum(seconds, 2 * seconds[bounce] - seconds)
    return np.stack([50 + 200 * np.arange(count) / fps, 150 - 150 * seconds + fall / 2 * seconds**2], 1)


def choices(places, alone, fps=FPS):
    """Return claims at places, of which the network by itself believes so much."""
    return [
        Choice(index / fps, Peak(*place, value / 2), value, 0.9)
        for index, (place, value) in enumerate(zip(places.tolist(), alone, strict=True))
    ]


def kept(offered):
    """Return which choices keep their confidence."""
    return np.array([choice.confidence == 0.9 for choice in with_backing(offered)])


def test_a_smooth_faint_path_that_does_not_fall_is_no_ball():
    assert not kept(choices(path(), FAINT)).any()
    assert not kept(choices(path(fall=-600.0), FAINT)).any()


def test_a_faint_path_that_falls_is_kept():
    assert kept(choices(path(fall=500.0), FAINT)).all()


def test_a_clear_path_is_kept_whatever_its_curve():
    """A camera that looks down sees no fall, and slow motion little."""
    assert kept(choices(path(), CLEAR)).all()
    assert kept(choices(path(fall=-600.0), CLEAR)).all()


def test_a_faint_path_that_turns_back_was_hit_and_is_kept():
    assert kept(choices(path(bounce=6), FAINT)).all()


def test_a_faint_path_that_is_too_short_for_a_curve_is_kept():
    assert kept(choices(path(4), FAINT[:4])).all()


def far(count=12, fall=0.0, jolt=0.0):
    """Return places of something that comes down the picture for a long way, every other one a little off its curve."""
    places = path(count, fall) * (1.0, -1.0) + (0.0, 400.0)
    places[::2, 0] += jolt
    return places


HALF_SEEN = (0.9, 0.999, 0.7, 0.99, 0.8, 0.999, 0.7, 0.99, 0.6, 0.999, 0.9, 0.8)
DOUBTFUL = (0.9, 0.99, 0.7, 0.95, 0.8, 0.999, 0.7, 0.99, 0.6, 0.99, 0.9, 0.8)
"""Of these the mean log odds are 2.7, of those 3.3."""


def test_what_bends_upwards_must_be_seen_clearly():
    """A glint that slides along something round. A ball under a camera above the table is seen far better."""
    assert not kept(choices(path(fall=-600.0), HALF_SEEN)).any()
    assert kept(choices(path(fall=-600.0), CLEAR)).all()
    assert kept(choices(path(fall=200.0), HALF_SEEN)).all()
    assert not kept(choices(path(7, fall=-2500.0), HALF_SEEN[:7])).any()
    assert kept(choices(path(6, fall=-2500.0), HALF_SEEN[:6])).all()  # a stroke between two flights may look so


def test_two_flights_that_seem_to_bend_upwards_are_kept():
    """From a low camera a rally is nearly flat, and a stroke in its middle turns it upwards."""
    places = path()
    places[:, 1] = 150 + 14 * np.abs(np.arange(12) - 5.5)
    assert kept(choices(places, HALF_SEEN)).all()


def test_what_goes_far_and_evenly_must_be_seen_better_than_what_does_not():
    """A car: its mirror leaves the line by a pixel or two."""
    assert not kept(choices(far(jolt=3.6), DOUBTFUL)).any()
    assert kept(choices(far(jolt=3.6), CLEAR)).all()
    assert kept(choices(far() * 0.1, DOUBTFUL)).all()


def test_over_a_gap_two_runs_are_no_curve():
    """A ball falls out of the picture, and a moment later comes back."""
    offered = choices(path(fall=-600.0), HALF_SEEN)
    for index in (3, 4):
        offered[index] = offered[index]._replace(confidence=0.2)
    assert kept(offered)[[0, 1, 2, *range(5, 12)]].all()


def test_a_faint_path_in_which_gravity_has_no_time_to_show_is_kept():
    assert kept(choices(path(fps=240), FAINT, fps=240)).all()


def test_a_ball_that_fades_on_its_way_is_kept():
    assert kept(choices(path(), CLEAR[:5] + (0.1, 0.3, 0.2, 0.05) + CLEAR[:3])).all()


def test_runs_are_judged_by_themselves():
    """A faint path begins far from where a clear one leads, in the frame after its end."""
    places = np.concatenate([path(), path() + (300.0, 60.0)])
    np.testing.assert_array_equal(kept(choices(places, CLEAR + FAINT)), [True] * 12 + [False] * 12)


def test_nothing_but_the_confidence_of_claims_changes():
    offered = choices(path(), FAINT)
    offered[3] = offered[3]._replace(confidence=0.3)
    told = list(with_backing(offered))
    assert [choice[:3] for choice in told] == [choice[:3] for choice in offered]
    assert {choice.confidence for choice in told} == {0.3, 0.9 * LEFT}


@pytest.mark.parametrize(("seconds_apart", "most"), [(1 / 240, LONGEST * 240 + 2), (0.0, 1002)])
def test_choices_are_held_back_for_a_while_and_not_for_the_whole_video(seconds_apart, most):
    read = 0

    def endless():
        nonlocal read
        for index in range(4000):
            read += 1
            yield Choice(index * seconds_apart, Peak(9.0, 9.0, 0.5), 0.9, 0.9)

    waits = [read - given for given, _ in enumerate(with_backing(endless()))]
    assert max(waits) <= most
