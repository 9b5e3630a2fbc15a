"""Bounces that a camera over the table sees as slight bends are told by the flights around them."""

import numpy as np
import pytest

from ttcli.physics.air import acceleration
from ttcli.physics.impacts import TABLE_FRICTION, rebound, table_restitution
from ttcli.spotting.from_above import bounces_from_above, runs_from_above, sees_from_above
from ttcli.spotting.instants import Peak
from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

PLANE = TABLE_HEIGHT + BALL_RADIUS
STEP = 1e-3


def looking_down(position: tuple[float, float, float]) -> TableCamera:
    """Return a camera that looks straight down, x to the right and y upwards on the picture."""
    return TableCamera(np.array(position), np.diag([1.0, -1.0, -1.0]), 2000.0, np.array([959.5, 539.5]), 1920)


def flown(height: float, climbs: float, seconds: float = 0.8) -> tuple[np.ndarray, list[float]]:
    """Return a ball's places (T, 3) every millisecond, from a racket over the table's end, and when it bounced."""
    return moved(np.array([0.1, -1.4, height]), np.array([0.3, 4.5, climbs]), np.array([-60.0, 0.0, 0.0]), seconds)


def moved(place: np.ndarray, velocity: np.ndarray, spin: np.ndarray, seconds: float) -> tuple[np.ndarray, list[float]]:
    """Return the places (T, 3) of a ball every millisecond, and when it bounced."""
    places, bounces = [], []
    for number in range(int(seconds / STEP)):
        if place[2] < PLANE and velocity[2] < 0:
            bounces.append(number * STEP)
            restitution = table_restitution(np.array(-velocity[2]))
            after, turned = rebound(tuple(velocity), tuple(spin), (0.0, 0.0, 1.0), restitution, TABLE_FRICTION)
            velocity, spin = np.array(after, float), np.array(turned, float)
        velocity = velocity + STEP * np.array(acceleration(velocity, spin), float)
        place = place + STEP * velocity
        places.append(place)
    return np.array(places), bounces


@pytest.mark.parametrize("seed", range(4))
def test_a_bounce_is_found_by_its_flights_alone(seed: int) -> None:
    camera = looking_down((0.5, 0.6, 6.5))
    places, bounces = flown(1.0, 1.5)
    assert len(bounces) == 1
    times = np.arange(len(places))[::17] * STEP
    pixels = camera.project(places[::17]) + np.random.default_rng(seed).normal(0, 0.7, (len(times), 2))
    told = [peak for peak in bounces_from_above(camera, times, pixels, [], []) if peak.confidence >= 0.5]
    assert [peak.time for peak in told] == pytest.approx(bounces, abs=0.033)


@pytest.mark.parametrize("seed", range(4))
def test_a_ball_that_flies_over_the_table_bounces_nowhere(seed: int) -> None:
    camera = looking_down((0.5, 0.6, 6.5))
    places, bounces = flown(1.2, 2.5, seconds=0.55)
    assert not bounces
    times = np.arange(len(places))[::17] * STEP
    pixels = camera.project(places[::17]) + np.random.default_rng(seed).normal(0, 0.7, (len(times), 2))
    assert all(peak.confidence < 0.5 for peak in bounces_from_above(camera, times, pixels, [], []))


@pytest.mark.parametrize("seed", range(4))
def test_a_ball_that_bounces_lower_and_lower_on_one_spot_is_followed(seed: int) -> None:
    camera = TableCamera(np.array([-0.6, 0.5, 7.0]), np.diag([1.0, -1.0, -1.0]), 1000.0, np.array([959.5, 539.5]), 1920)
    places, bounces = moved(np.array([0.5, -1.1, PLANE + 0.15]), np.array([0.03, 0.05, 0.0]), np.zeros(3), 1.2)
    assert len(bounces) == 4
    times = np.arange(len(places))[::17] * STEP
    pixels = camera.project(places[::17]) + np.random.default_rng(seed).normal(0, 0.7, (len(times), 2))
    doubtful = [Peak("bounce", bounce + 0.004, 0.05) for bounce in bounces]
    told = [peak for peak in bounces_from_above(camera, times, pixels, doubtful, []) if peak.confidence >= 0.5]
    assert [peak.time for peak in told] == pytest.approx(bounces, abs=0.033)


def test_only_steep_cameras_and_runs_long_enough_count() -> None:
    above = looking_down((0.5, 0.6, 6.5))
    side = TableCamera(
        np.array([6.0, 0.0, 2.0]), np.array([[0, 1, 0], [0, 0, -1], [-1, 0, 0]], float), 2000.0, np.zeros(2), 1920
    )
    assert sees_from_above(above)
    assert not sees_from_above(side)
    times = np.array([*np.arange(10) / 60, *(5 + np.arange(3) / 60)])
    assert [run for run, _ in runs_from_above(lambda seconds: above, times)] == [slice(0, 10)]
    assert runs_from_above(lambda seconds: side, times) == []
    assert runs_from_above(lambda seconds: None, times) == []
    assert runs_from_above(lambda seconds: above, times[:0]) == []
