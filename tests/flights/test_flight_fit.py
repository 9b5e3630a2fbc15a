"""Flights fitted to sightings: what comes back of known ones, and how far it says it may be off."""

from dataclasses import replace

import numpy as np
import pytest
from thrown import BEHIND, SIDE, look, throw

from ttcli.flights.fit import Pieces, fit_flights
from ttcli.flights.measuring import ellipse, measure, student
from ttcli.flights.meeting import meeting
from ttcli.flights.sightlines import as_seen_by, view_of
from ttcli.flights.turned import turned_round
from ttcli.flights.views import View
from ttcli.table.camera import landmarks


def pieces_of(thrown, drop=()):
    count = len(thrown[0].times)
    times = np.stack([each.times for each in thrown])
    seen = np.ones((len(thrown), count), bool)
    seen[:, list(drop)] = False
    return Pieces.of(times, np.stack([each.pixels for each in thrown]), seen, -np.ones(len(thrown)), np.ones(len(thrown), int))


def measured(view, pieces):
    fit = fit_flights(view, pieces)
    nothing = np.zeros(len(pieces.times))
    return fit, measure(fit, pieces.times.max(1), pieces.bounces, nothing, nothing)


def many(camera, count=30, error=1.0, frame_rate=60.0):
    random = np.random.default_rng(1)
    for seed in range(count):
        velocity = (random.normal(0, 0.7), random.uniform(5, 9), random.uniform(0.5, 2.0))
        spin = (random.normal(0, 120), 0.0, random.normal(0, 60))
        yield throw(camera, velocity, spin, (random.normal(0, 0.3), -1.4, 1.0), frame_rate, error, seed)


def test_intervals_hold_and_are_no_wider_than_they_need_be():
    thrown = list(many(SIDE))
    fit, told = measured(View.of(SIDE), pieces_of(thrown))
    speed = np.array([each.speed for each in thrown])
    off = np.abs(told.speed.value / speed - 1)
    assert np.median(off) < 0.02
    assert (np.abs(told.speed.value - speed) < told.quantile(0.95) * told.speed.spread).mean() >= 0.93
    assert np.median(told.speed.spread / told.speed.value) < 0.04
    landings = np.linalg.norm(told.bounce - np.array([each.landing for each in thrown]), axis=1)
    assert np.median(landings) < 0.02
    assert np.median(fit.error) == pytest.approx(1.0, abs=0.25)  # the error of sightings is found


def test_false_sightings_and_gaps_change_little():
    thrown = list(many(SIDE, 8))
    for each in thrown:
        each.pixels[[4, 20]] += (60.0, -90.0)
    fit, told = measured(View.of(SIDE), pieces_of(thrown, drop=(7, 8, 9, 15)))
    assert (fit.weights[:, [4, 20]] < 0.05).all()
    off = told.speed.value / np.array([each.speed for each in thrown]) - 1
    assert np.median(np.abs(off)) < 0.02 and np.abs(off).max() < 0.12


@pytest.mark.slow
def test_seen_from_behind_the_interval_says_that_little_is_known():
    thrown = list(many(BEHIND, 8))
    _, told = measured(View.of(BEHIND), pieces_of(thrown))
    _, beside = measured(View.of(SIDE), pieces_of(list(many(SIDE, 12))))
    speed = np.array([each.speed for each in thrown])
    assert np.median(told.speed.spread / told.speed.value) > 1.3 * np.median(beside.speed.spread / beside.speed.value)
    assert (np.abs(told.speed.value - speed) < told.quantile(0.95) * told.speed.spread).mean() > 0.8


def test_the_error_of_the_camera_widens_intervals():
    pieces = pieces_of(list(many(SIDE, 6)))
    _, exact = measured(View.of(SIDE), pieces)
    _, unsure = measured(View.of(SIDE, 16 * View.usual_covariance(SIDE)), pieces)
    assert np.median(unsure.speed.spread / exact.speed.spread) > 1.03
    larger = np.linalg.det(unsure.bounce_covariance) / np.linalg.det(exact.bounce_covariance)
    assert np.median(larger) > 1.5


def test_the_usual_covariance_is_what_noise_on_corners_does():
    view = View.of(SIDE, View.usual_covariance(SIDE))
    shown = SIDE.project(landmarks()[0][:4])
    random = np.random.default_rng(0)
    errors = random.normal(size=(500, view.spread.shape[1]))
    places = np.repeat(landmarks()[0][:4].T[:, None], 500, 1)  # (3, R, 4)
    moved = view.project(places, errors)
    spread = np.sqrt(((moved - shown.T[:, None]) ** 2).mean((0, 1)))
    assert spread == pytest.approx(np.full(4, 1.0), abs=0.25)  # 1.5 px of a picture 1920 wide


def test_ways_meet_at_the_racket_also_where_the_ball_is_hidden():
    times = np.arange(0, 0.8, 1 / 60)
    hit = 0.41
    along = np.where(times < hit, 200 + 900 * times, 200 + 900 * hit - 1500 * (times - hit))
    up = np.where(times < hit, 400 - 300 * times, 400 - 300 * hit - 200 * (times - hit)) + 0.5 * 9.81 * 200 * (times - 0.3) ** 2
    pixels = np.stack([along, up], 1) + np.random.default_rng(0).normal(size=(len(times), 2))
    seen = meeting(times, pixels, 0.0, 0.8, 200.0, 2.0)
    hidden = (times < 0.3) | (times > 0.5)
    guessed = meeting(times[hidden], pixels[hidden], 0.0, 0.8, 200.0, 2.0)
    assert seen is not None and guessed is not None
    assert seen[0] == pytest.approx(hit, abs=0.006) and guessed[0] == pytest.approx(hit, abs=0.03)
    assert guessed[1] > seen[1]
    assert meeting(times[:1], pixels[:1], 0.0, 0.8, 200.0, 2.0) is None


def test_corners_seen_from_far_behind_may_be_of_another_table():
    telephoto = look((0.0, -25.0, 5.3), (0.0, 0.0, 0.8), 5600.0)
    other = turned_round(telephoto)
    assert other is not None and abs(other.position[0]) > abs(other.position[1])
    shown = [{tuple(np.round(place).tolist()) for place in each.project(landmarks()[0][:4])} for each in (telephoto, other)]
    assert all(min(np.hypot(x - u, y - v) for u, v in shown[1]) < 4 for x, y in shown[0])
    assert turned_round(look((3.0, -3.0, 2.0), (0.0, 0.0, 0.8), 1300.0)) is None


def test_students_quantiles_and_ellipses():
    assert student(0.975, np.array([1e9, 8.0])) == pytest.approx([1.95996, 2.306], abs=2e-3)
    major, minor, angle = ellipse(np.diag([4.0, 1.0]), 1.0)
    assert (major, minor) == pytest.approx((2.0, 1.0)) and angle % 180 == pytest.approx(0.0)


def test_a_bent_lens_is_straightened_before_flights_are_fitted():
    bent = replace(SIDE, bend=-0.08)
    places = np.array([[0.2, -1.3, 1.1], [0.1, 0.4, 0.9], [-0.6, 1.2, 1.0]])
    shown = as_seen_by(bent, lambda seconds: bent, np.arange(3.0), bent.project(places))
    assert np.abs(bent.project(places) - SIDE.project(places)).max() > 2
    assert shown == pytest.approx(SIDE.project(places), abs=0.05)
    assert view_of(bent).camera.project(places) == pytest.approx(SIDE.project(places))
