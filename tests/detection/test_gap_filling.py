"""Gaps in a path: filled where one flight leads over them, left alone where a ball could have done something else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttcli.detection.gap_filling import EVIDENCE, fill_gaps
from ttcli.results.trajectory import BallPosition, Status
from ttcli.spotting.spotter import spot_events
from ttcli.spotting.weights import load_spotters

HEIGHT, WIDTH, RATE = 720, 1280, 50.0
GAP = range(8, 12)


def flight(frame):
    """Return a place on a parabola, as a ball has it that rises and falls."""
    return 200 + 12.0 * frame, 400 - 14.0 * frame + 0.8 * frame**2


def rows(place=flight, count=22, gap=GAP):
    """Return rows of a ball seen in all frames but those of the gap."""
    seen = [BallPosition(f, f / RATE, *place(f), 0.9, Status.SEEN) for f in range(count)]
    return [
        replace(row, x=None, y=None, confidence=0.2, status=Status.UNSEEN) if row.frame_index in gap else row for row in seen
    ]


def filled(path, most=10):
    return list(fill_gaps(path, HEIGHT, WIDTH, most))


def test_a_gap_in_a_flight_is_filled_with_the_flight():
    found = filled(rows())
    for row in found[GAP.start : GAP.stop]:
        assert row.status is Status.FILLED and row.confidence == 0.2
        assert (row.x, row.y) == pytest.approx(flight(row.frame_index), abs=1e-6)
    assert [row for row in found if row.frame_index not in GAP] == [row for row in rows() if row.frame_index not in GAP]


def test_it_is_filled_where_the_sightings_are_off_by_a_pixel():
    random = np.random.default_rng(0)
    noisy = rows(lambda frame: tuple(np.add(flight(frame), random.normal(0, 0.7, 2))))
    away = [np.hypot(*np.subtract((row.x, row.y), flight(row.frame_index))) for row in filled(noisy)[GAP.start : GAP.stop]]
    assert max(away) < 3


@pytest.mark.parametrize("most", [0, 1, 3])
def test_a_longer_gap_stays(most):
    assert filled(rows(), most) == rows()


def bounce(frame):
    return 200 + 12.0 * frame, 500 - 12.0 * abs(frame - 9.5)


def stroke(frame):
    return 900 - 14.0 * abs(frame - 9.5), 300 + 1.0 * frame


@pytest.mark.parametrize("place", [bounce, stroke, lambda f: flight(f) if f < 10 else (flight(f)[0] + 60, flight(f)[1])])
def test_where_a_ball_bounced_or_was_hit_or_is_another_nothing_is_made_up(place):
    assert filled(rows(place)) == rows(place)


def test_where_it_bounced_shortly_before_the_gap_the_flight_after_it_counts():

    def place(frame):
        return flight(frame) if frame >= 5 else (flight(frame)[0], 400 + 30.0 * (frame - 5))

    assert [row.status for row in filled(rows(place))[GAP.start : GAP.stop]] == [Status.FILLED] * 4


@pytest.mark.parametrize("gap", [range(4), range(2, 5), range(18, 22), range(20, 21)])
def test_too_little_is_seen_on_one_side(gap):
    assert filled(rows(gap=gap)) == rows(gap=gap)


def test_nothing_leads_over_a_cut():
    cut = [replace(row, shot=int(row.frame_index >= 10)) for row in rows()]
    assert filled(cut) == cut


def test_broken_frames_stay_broken_and_repeats_repeat():
    path = rows()
    path[9] = replace(path[9], status=Status.BROKEN, confidence=0.0)
    path[11] = replace(path[11], duplicate=True)
    found = filled(path)
    assert [row.status for row in found[8:12]] == [Status.FILLED, Status.BROKEN, Status.FILLED, Status.FILLED]
    assert (found[11].x, found[11].y) == (found[10].x, found[10].y) == pytest.approx(flight(10))


def test_a_place_outside_the_picture_is_none():

    def high(frame):
        return flight(frame)[0], flight(frame)[1] - 341

    path = [row if row.y is None or row.y >= 0 else replace(row, x=None, y=None, status=Status.UNSEEN) for row in rows(high)]
    assert {row.status for row in filled(path, 12) if row.y is None} == {Status.UNSEEN}
    assert all(row.y is None or row.y >= -0.5 for row in filled(path, 12))


@pytest.mark.parametrize("most", [0, 4, 20])
def test_few_rows_are_held_back(most):
    taken = 0

    def path():
        nonlocal taken
        for row in rows(count=400, gap=[f for f in range(400) if f % 17 > 12]):
            taken = row.frame_index
            yield row

    for number, _ in enumerate(fill_gaps(path(), HEIGHT, WIDTH, most)):
        assert taken - number <= most + EVIDENCE + 1


@given(st.lists(st.sampled_from([Status.SEEN, Status.UNSEEN, Status.BROKEN]), max_size=60), st.integers(0, 12))
def test_rows_that_say_something_are_left_alone(states, most):
    path = [
        BallPosition(f, f / RATE, *(flight(f) if state is Status.SEEN else (None, None)), 0.5, state)
        for f, state in enumerate(states)
    ]
    found = filled(path, most)
    assert [row.frame_index for row in found] == list(range(len(path)))
    assert all(
        new == old or (old.status is Status.UNSEEN and new.status is Status.FILLED)
        for new, old in zip(found, path, strict=True)
    )


def test_events_are_told_from_what_was_seen():
    path = rows(count=60, gap=range(20, 26))
    spotters = load_spotters()
    alone, with_filled = (list(spot_events(iter(each), spotters, HEIGHT, WIDTH, 0.3)) for each in (path, filled(path)))
    assert any(row.status is Status.FILLED for row in filled(path)) and alone == with_filled
