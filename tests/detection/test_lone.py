import numpy as np
import pytest

from ttcli.detection.choices import LEFT, Choice
from ttcli.detection.lone import MOST_HELD, without_lone
from ttcli.inference.answers import Peak


def choices(claims, fps=25, alone=0.99, places=None):
    """Return choices of which those marked # are claims."""
    places = [(200.0, 100.0)] * len(claims) if places is None else places
    return [
        Choice(index / fps, Peak(*place, 0.8), alone, 0.9 if mark == "#" else 0.1)
        for index, (mark, place) in enumerate(zip(claims, places, strict=True))
    ]


def told(offered):
    """Return the marks of what is claimed after all."""
    return "".join("#" if choice.confidence >= 0.5 else "." for choice in without_lone(offered, *SIZE))


QUIET = "." * 12
SIZE = 320, 576


@pytest.mark.parametrize(("lone", "alone"), [("#", 0.9999), ("##", 0.99), ("#.#.....#", 0.97), ("########", 0.7)])
def test_a_few_claims_with_none_around_are_taken_back(lone, alone):
    assert told(choices(QUIET + lone + QUIET, alone=alone)) == "." * (2 * len(QUIET) + len(lone))


@pytest.mark.parametrize(("run", "alone"), [("##", 0.999), ("###", 0.99), ("##.....#....#", 0.97), ("#########", 0.4)])
def test_more_of_them_or_clear_ones_are_kept(run, alone):
    assert told(choices(QUIET + run + QUIET, alone=alone)) == QUIET + run + QUIET


@pytest.mark.parametrize("marks", ["#....." + "#" * 12, "#" * 12 + ".....#" + QUIET, "#" * 12 + "....#...."])
def test_claims_near_a_run_are_kept(marks):
    assert told(choices(marks)) == marks


@pytest.mark.parametrize(("first", "step", "kept"), [(90, -60, True), (-20, 30, True), (90, -20, False), (280, 30, True)])
def test_a_path_that_leaves_the_picture_or_comes_into_it_is_kept(first, step, kept):
    """A ball that is thrown up is seen for three frames, falls back half a second later, and may be less clear."""
    marks = QUIET + "##" + QUIET
    heights = [first + step * (index - len(QUIET)) for index in range(len(marks))]
    if first < 0:
        heights = [first + step * (index - len(QUIET) + 1) for index in range(len(marks))]
    shown = told(choices(marks, alone=0.99, places=[(200.0, float(height)) for height in heights]))
    assert shown == (marks if kept else "." * len(marks))


@pytest.mark.parametrize(("gravity", "kept"), [(3000.0, True), (-3000.0, False), (0.0, False)])
def test_a_path_that_falls_is_kept_however_faint(gravity, kept):
    """A large ball that a camera close to it loses again and again."""
    marks = QUIET + "######" + QUIET
    seconds = (np.arange(len(marks)) - len(QUIET)) / 25
    places = np.stack([200 + 100 * seconds, 160 + gravity / 2 * (seconds - 0.1) ** 2], 1)
    shown = told(choices(marks, alone=0.6, places=places.tolist()))
    assert shown == (marks if kept else "." * len(marks))


def test_nobody_knows_what_is_beyond_the_ends_of_a_shot():
    assert told(choices("...#" + QUIET)) == "...#" + QUIET
    assert told(choices(QUIET + "#...")) == QUIET + "#..."


def test_quiet_is_time_and_frames():
    slow = "......#......"
    assert told(choices(slow, fps=5)) == slow  # a ball that is seen in few frames, for there are few
    fast = "." * 20 + "#" + "." * 20
    assert told(choices(fast, fps=240)) == fast


def test_each_of_several_groups_is_judged_by_itself():
    marks = QUIET + "#" + QUIET + "#" * 6 + QUIET + "#" + QUIET
    assert told(choices(marks)) == QUIET + "." + QUIET + "#" * 6 + QUIET + "." + QUIET


def test_nothing_but_the_confidence_of_claims_changes():
    offered = choices(QUIET + "##" + QUIET, alone=0.9)
    found = list(without_lone(offered, *SIZE))
    assert [choice[:3] for choice in found] == [choice[:3] for choice in offered]
    assert {choice.confidence for choice in found} == {0.1, 0.9 * LEFT}


def test_little_is_held_back_though_time_stands_still():
    offered = choices(QUIET + "#" + "." * 5000)
    offered[len(QUIET) + 1 :] = [
        each._replace(time_seconds=offered[len(QUIET)].time_seconds) for each in offered[len(QUIET) + 1 :]
    ]
    taken, most = 0, 0

    def source():
        nonlocal taken
        for choice in offered:
            taken += 1
            yield choice

    for given, _ in enumerate(without_lone(source(), *SIZE), 1):
        most = max(most, taken - given)
    assert given == len(offered) and most <= MOST_HELD


def test_no_choices_are_none():
    assert list(without_lone([], *SIZE)) == []
    assert np.isfinite([choice.confidence for choice in without_lone(choices(QUIET, alone=0.0), *SIZE)]).all()
