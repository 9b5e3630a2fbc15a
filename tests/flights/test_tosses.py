"""Tosses before serves: what comes back of known ones, and what is not told."""

import numpy as np
import pytest
from thrown import BEHIND, SIDE

from ttcli.flights.telling import told_toss
from ttcli.flights.tosses import Toss, toss_of
from ttcli.physics.air import fly

STRUCK, SURE = 1.0, 0.03**2 * np.eye(3)
"""Seconds of the stroke, and how well its place is known."""


def tossed(speed, across=(0.05, 0.05), fallen=0.1, push=0.12):
    """Return times after the release, places, and how far the ball rose: from rest in a hand until it fell by so much."""
    up, step = np.array([*across, speed]), 0.001
    held = np.arange(-0.6, 0, step)
    age = np.minimum(-held, push)
    hand = -np.outer(age - age**2 / (2 * push), up)
    place, velocity, places = (0.0, 0.0, 0.0), tuple(up), []
    while velocity[2] > 0 or place[2] > max(each[2] for each in places) - fallen:
        places.append(place)
        place, velocity = fly(place, velocity, (0.0, 0.0, 0.0), step)
    path = np.concatenate([hand, places]) + (0.1, -1.6, 1.0)
    return np.concatenate([held, step * np.arange(len(places))]), path, max(each[2] for each in places)


def seen(camera, times, path, frame_rate=50.0, error=1.0, seed=0, since=-np.inf):
    """Return times and pixels of sightings up to the stroke, which is STRUCK, those after `since` seconds from the release."""
    random = np.random.default_rng(seed)
    shift = STRUCK - times[-1]
    at = np.arange(max(times[0], since) + shift, STRUCK - 0.004, 1 / frame_rate)
    places = np.stack([np.interp(at - shift, times, path[:, axis]) for axis in range(3)], 1)
    return at, camera.project(places) + error * random.normal(size=(len(at), 2))


def toss(camera, times, pixels, path):
    return toss_of(camera, times, pixels, STRUCK, path[-1], SURE, 1.0)


@pytest.mark.parametrize("camera", [SIDE, pytest.param(BEHIND, marks=pytest.mark.slow)])
def test_a_toss_is_as_high_as_its_interval_says(camera):
    held = []
    for seed, speed in enumerate((1.8, 2.2, 2.8, 3.5)):
        times, path, rise = tossed(speed)
        found = toss(camera, *seen(camera, times, path, seed=seed), path)
        held.append(found.rise[1] < rise < found.rise[2])
        assert found.rise[0] == pytest.approx(rise, abs=0.08) and found.rise[2] - found.rise[1] < 0.3
        assert found.angle[1] <= np.degrees(np.arctan2(np.hypot(0.05, 0.05), speed)) <= found.angle[2]
    assert sum(held) >= 3


def test_a_slower_hand_is_allowed_for():
    times, path, rise = tossed(2.2, push=0.25)
    found = toss(SIDE, *seen(SIDE, times, path), path)
    assert found.rise[1] < rise < found.rise[2]


def test_false_sightings_change_little():
    times, path, rise = tossed(2.5)
    at, pixels = seen(SIDE, times, path)
    pixels[[5, 12, 20, -6]] += ((80, -40), (-30, 60), (25, 25), (-40, 30))
    found = toss(SIDE, at, pixels, path)
    assert found.rise[1] < rise < found.rise[2]


def test_a_path_that_begins_in_flight_has_a_lower_bound_only():
    times, path, rise = tossed(3.0)
    found = toss(SIDE, *seen(SIDE, times, path, since=0.1), path)
    assert np.isinf(found.rise[2]) and 0.1 < found.rise[1] < rise
    told = told_toss(found)
    assert told.value is None and told.high is None and told.low == pytest.approx(100 * found.rise[1])


def test_a_ball_that_comes_flying_is_no_toss():
    times = np.arange(0.4, STRUCK - 0.004, 0.02)
    since = times - STRUCK
    path = np.stack([0 * since, -1.6 - 7 * since, 1.0 + 1.5 * since], 1)
    assert toss_of(SIDE, times, SIDE.project(path), STRUCK, np.array([0.0, -1.6, 1.0]), SURE, 1.0) is None


def test_what_is_hardly_seen_is_not_told():
    times, path, _ = tossed(2.0)
    at, pixels = seen(SIDE, times, path)
    assert toss(SIDE, at[-4:], pixels[-4:], path) is None
    wide = Toss((0.5, 0.2, 0.9), (3.0, 0.0, 50.0))
    assert told_toss(wide) is None
    assert told_toss(wide._replace(rise=(0.5, 0.4, 0.6))).angle is None
