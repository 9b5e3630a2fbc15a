"""What many flights together say against the table and the clock."""

from dataclasses import replace

import numpy as np
import pytest
from thrown import BEHIND, SIDE, throw

from ttcli.flights.doubts import Fitted, doubt_of
from ttcli.flights.fit import Pieces, fit_flights
from ttcli.flights.measuring import measure
from ttcli.flights.sightlines import as_wide_as
from ttcli.flights.views import View

FLIGHTS = [
    ((0.1 * number - 0.4, 5.8 + 0.25 * number, 1.6 - 0.1 * number), (60.0 - 35 * number, 0.0, 0.0)) for number in range(9)
]


def fitted_of(thrown, told, clock=1.0):
    """Return the flights that were thrown, as the camera explains them that a table makes."""
    times, pixels = np.array([each.times * clock for each in thrown]), np.array([each.pixels for each in thrown])
    seen, count = np.ones(times.shape, bool), len(thrown)
    pieces = Pieces.of(times, pixels, seen, np.full(count, -1.0), np.ones(count, int))
    view = View.of(told, View.usual_covariance(told))
    fit = fit_flights(view, pieces)
    return Fitted(view, pieces, fit, measure(fit, times.max(1), pieces.bounces, np.zeros(count), np.zeros(count)))


def doubt(seen_by, told, clock=1.0, flights=FLIGHTS):
    """Return what is said of flights that one camera sees and another one explains."""
    thrown = [throw(seen_by, velocity, spin, seed=number) for number, (velocity, spin) in enumerate(flights)]
    return doubt_of([fitted_of(thrown, told, clock)])


@pytest.mark.parametrize("camera", [SIDE, pytest.param(BEHIND, marks=pytest.mark.slow)])
def test_nothing_speaks_against_the_true_table(camera):
    assert doubt(camera, camera) is None


@pytest.mark.parametrize(
    ("size", "said"), [(1.25, "25% too large"), pytest.param(0.8, "20% too small", marks=pytest.mark.slow)]
)
def test_a_table_of_the_wrong_size_is_told_though_spin_makes_up_for_it(size, said):
    told = as_wide_as(View.of(SIDE), size).camera
    assert said in str(doubt(SIDE, told))
    assert doubt(SIDE, told, flights=FLIGHTS[:3]) is None  # three flights may be so by their spin


@pytest.mark.slow
def test_slow_motion_is_not_taken_for_a_wrong_size():
    assert "slow motion" in str(doubt(SIDE, SIDE, clock=3.0))


def test_bounces_beside_the_table_are_told():
    aside = replace(SIDE, position=SIDE.position + (0, 1.1, 0))
    assert "beside the table" in str(doubt(SIDE, aside))


@pytest.mark.slow
def test_cameras_of_few_flights_each_are_heard_together():
    told = as_wide_as(View.of(SIDE), 1.25).camera
    thrown = [throw(SIDE, velocity, spin, seed=number) for number, (velocity, spin) in enumerate(FLIGHTS)]
    few = [fitted_of(thrown[:4], told), fitted_of(thrown[4:], told)]
    assert "too large" in str(doubt_of(few))
    assert doubt_of(few[1:]) is None
