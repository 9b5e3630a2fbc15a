"""Flights in space: when they pass the net, by what a camera saw of them and where they bounced."""

import numpy as np
import pytest
import torch
from scenes import true_cameras

from ttcli.results.trajectory import BallPosition, Status
from ttcli.simulation.flight import Ball, fly
from ttcli.spotting import simulated
from ttcli.spotting.net_plane import BESIDE_HIDDEN, Passing, fit_passing, flights_at, nearest_passing, on_table, refined
from ttcli.spotting.simulated import SimulatedTracks
from ttcli.spotting.spotter import spot_events
from ttcli.spotting.weights import load_spotters
from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

RATE = 120


def flight(velocity=(0.8, 7.0, 1.8), start=(-0.3, -1.6, 1.0), spin=(-150.0, 0.0, 30.0)):
    """Return times and places of a ball until it is on the table, sampled at RATE, and when it passes the net."""
    ball, step = Ball(*(torch.tensor([part], dtype=torch.float64) for part in (start, velocity, spin))), 1 / (RATE * 20)
    places = [ball.position[0].numpy().copy()]
    while places[-1][2] > TABLE_HEIGHT + BALL_RADIUS and len(places) < 4000:
        ball = fly(ball, step)
        places.append(ball.position[0].numpy().copy())
    places = np.array(places)
    crossing = int((places[:, 1] > 0).argmax())
    times = np.arange(len(places)) * step
    return times[-1], places[-1], times[::20][:-1], places[::20][:-1], times[crossing]


@pytest.mark.parametrize("row", range(5))
def test_a_flight_that_bounces_tells_when_it_passed_the_net(row):
    camera = true_cameras(1)[row]
    random = np.random.default_rng(row)
    at, where, times, places, passed = flight()
    pixels = camera.project(places) + random.normal(size=(len(places), 2))
    found = fit_passing(camera, times, pixels, at, camera.project(where))
    if found is None:  # seen along the flight, its speed can be anything
        assert row in (1, 3)
        return
    assert found.time == pytest.approx(passed, abs=max(0.004, 2.5 * found.spread))
    assert found.spread < 0.03 and found.misfit < 3 / 1920


def test_a_false_sighting_does_not_move_it():
    camera = true_cameras(1)[0]
    at, where, times, places, passed = flight()
    pixels = camera.project(places)
    pixels[5] += 90
    assert fit_passing(camera, times, pixels, at, camera.project(where)).time == pytest.approx(passed, abs=0.004)


def test_sightings_of_the_stroke_before_are_left_out():
    camera = true_cameras(1)[0]
    at, where, times, places, passed = flight()
    pixels = camera.project(places)
    pixels[:3] += [(160.0, -60.0), (110.0, -50.0), (60.0, -20.0)]
    [found] = flights_at(camera, times, pixels, (at, camera.project(where)), [])
    assert found.time == pytest.approx(passed, abs=0.004)


def test_what_does_not_pass_or_cannot_be_told_is_none():
    camera = true_cameras(1)[0]
    at, where, times, places, _ = flight(velocity=(0.3, 1.0, 1.0), start=(0.0, -1.2, 1.1))
    assert where[1] < 0
    assert fit_passing(camera, times, camera.project(places), at, camera.project(where)) is None
    at, where, times, places, _ = flight()
    assert fit_passing(camera, times[:3], camera.project(places[:3]), at, camera.project(where)) is None
    rubbish = np.random.default_rng(0).uniform(0, 1000, (len(times), 2))
    assert fit_passing(camera, times, rubbish, at, camera.project(where)) is None


def test_flights_end_at_bends_and_a_bounce_has_two():
    camera = true_cameras(1)[0]
    at, where, times, places, passed = flight()
    bounce = (at, camera.project(where))
    [found] = flights_at(camera, times, camera.project(places), bounce, [at])
    assert found.time == pytest.approx(passed, abs=0.004)
    assert flights_at(camera, times, camera.project(places), bounce, [at, passed + 0.05]) == []


def test_a_bounce_far_beside_the_table_is_on_something_else():
    camera = true_cameras(1)[0]
    assert on_table(camera, camera.project(np.array([0.7, 1.3, TABLE_HEIGHT + BALL_RADIUS])))
    assert not on_table(camera, camera.project(np.array([1.4, 2.6, 0.02])))


def test_from_a_low_camera_some_pixels_beside_the_table_may_be_on_it():
    forward = np.array([-0.18, -0.97, -0.15]) / np.linalg.norm([-0.18, -0.97, -0.15])
    right = np.cross(forward, (0, 0, 1)) / np.linalg.norm(np.cross(forward, (0, 0, 1)))
    camera = TableCamera(
        np.array([2.0, 11.0, 2.5]), np.stack([right, np.cross(forward, right), forward]), 2200.0, np.array([639.5, 359.5]), 1280
    )
    far_end = camera.project(np.array([0.0, -1.37, TABLE_HEIGHT + BALL_RADIUS]))
    above = far_end - (0, 8)
    assert camera.on_plane(above, TABLE_HEIGHT + BALL_RADIUS)[1] < -1.37 - 0.25
    assert on_table(camera, above) and not on_table(camera, far_end - (0, 20))
    assert not on_table(camera, far_end - (0, 13)) and on_table(camera, far_end - (0, 13), BESIDE_HIDDEN)
    assert not on_table(camera, far_end - (0, 60), BESIDE_HIDDEN)


def test_the_surer_instant_counts_more():
    near, far = (Passing(time, spread, 0.0, 0.0, np.zeros(5)) for time, spread in ((1.05, 0.002), (1.02, 0.02)))
    assert nearest_passing(1.0, [far, near]) is near
    assert nearest_passing(2.0, [far, near]) is None
    time, error = refined(1.0, near)
    assert time == pytest.approx(1.05, abs=0.001) and error == pytest.approx(1.96 * 0.002, rel=0.02)


@pytest.mark.slow
def test_passings_are_told_better_where_the_table_is_known(monkeypatch):
    cameras = []
    film = simulated._camera
    monkeypatch.setattr(simulated, "_camera", lambda *given: cameras.append(film(*given)) or cameras[-1])
    for share in ("MOVING_SHARE", "SLOWED_SHARE", "REPEATED_SHARE"):
        monkeypatch.setattr(simulated, share, 0.0)
    scenes = simulated.ANYWHERE._replace(kinds=(1.0, 0.0, 0.0, 0.0, 0.0), fragments=0.0)
    source, spotters, off = SimulatedTracks(5, rallies=16, scenes=scenes), load_spotters(), {False: [], True: []}
    for _ in range(8):
        track, events = source.draw()
        seen = cameras[-1]
        parts = (seen.position[0, 0].double().numpy(), seen.rotation[0, 0].double().numpy(), float(seen.focal[0, 0]))
        camera = TableCamera(*parts, seen.centre[0, 0].double().numpy(), simulated.WIDTH)
        height = round(2 * camera.centre[1] + 1)
        pixels = track.positions * simulated.WIDTH + ((simulated.WIDTH - 1) / 2, (height - 1) / 2)
        rows = [
            BallPosition(number, float(time), *map(float, place), 0.9, Status.SEEN)
            for number, (time, place) in enumerate(zip(track.times, pixels, strict=True))
        ]
        for known in off:
            tables = (lambda seconds, camera=camera: camera) if known else None
            told = [
                event.time_seconds
                for event in spot_events(rows, spotters, height, simulated.WIDTH, 0.5, tables)
                if event.event == "net"
            ]
            away = [np.abs(events["net"] - time).min() for time in told if len(events["net"])]
            off[known] += [distance for distance in away if distance < 0.15]
    assert len(off[True]) >= len(off[False]) >= 10
    assert np.median(off[True]) < 0.5 * np.median(off[False])
