"""Bounces that a camera over the table sees as slight bends are told by a network of its own."""

import numpy as np
import pytest
import torch

from ttcli.physics.air import acceleration
from ttcli.physics.impacts import TABLE_FRICTION, rebound, table_restitution
from ttcli.results.trajectory import BallPosition, Status
from ttcli.spotting.from_above import sees_from_above, steps_from_above
from ttcli.spotting.network import EVENTS, Answer, PathSpotter
from ttcli.spotting.paths import make_track, resample
from ttcli.spotting.spotter import _Path, spot_events
from ttcli.spotting.weights import Spotters, load_spotters
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


def told_from_above(camera: TableCamera, places: np.ndarray, seed: int) -> list[float]:
    """Return when bounces are told of a ball that is seen 59 times a second, 0.7 pixels off."""
    times = np.arange(len(places))[::17] * STEP
    pixels = camera.project(places[::17]) + np.random.default_rng(seed).normal(0, 0.7, (len(times), 2))
    rows = [
        BallPosition(number, float(time), float(x), float(y), 1.0, Status.SEEN)
        for number, (time, (x, y)) in enumerate(zip(times, pixels, strict=True))
    ]
    events = spot_events(rows, load_spotters(), 1080, 1920, 0.5, lambda seconds: camera)
    return [event.seconds for event in events if event.event == "bounce"]


@pytest.mark.parametrize("seed", range(4))
def test_a_bounce_is_found_by_its_flights_alone(seed: int) -> None:
    places, bounces = flown(1.0, 1.5)
    assert len(bounces) == 1
    assert told_from_above(looking_down((0.5, 0.6, 6.5)), places, seed) == pytest.approx(bounces, abs=0.033)


@pytest.mark.parametrize("seed", range(4))
def test_a_ball_that_flies_over_the_table_bounces_nowhere(seed: int) -> None:
    places, bounces = flown(1.2, 2.5, seconds=0.55)
    assert not bounces
    assert not told_from_above(looking_down((0.5, 0.6, 6.5)), places, seed)


@pytest.mark.parametrize("seed", range(4))
def test_a_ball_that_bounces_lower_and_lower_on_one_spot_is_followed(seed: int) -> None:
    camera = TableCamera(np.array([-0.6, 0.5, 7.0]), np.diag([1.0, -1.0, -1.0]), 1000.0, np.array([959.5, 539.5]), 1920)
    places, bounces = moved(np.array([0.5, -1.1, PLANE + 0.15]), np.array([0.03, 0.05, 0.0]), np.zeros(3), 1.2)
    assert len(bounces) == 4
    assert told_from_above(camera, places, seed) == pytest.approx(bounces, abs=0.033)


class Says(PathSpotter):
    """A stand-in that is sure of one kind of event at each step."""

    def __init__(self, event: str) -> None:
        super().__init__(4)
        self.event = event

    def forward(self, features: torch.Tensor) -> Answer:
        sure = torch.full((1, 2, features.shape[2]), -9.0)
        sure[:, EVENTS.index(self.event)] = 9.0
        return Answer(sure, sure, sure)


def test_each_run_is_asked_of_the_network_for_its_camera() -> None:
    times = np.array([*np.arange(30) / 60, *(5 + np.arange(30) / 60)])
    track = make_track(times, np.full((60, 2), 500.0), np.ones(60), 1080, 1920)
    grid = resample(track)
    path = _Path(track, np.arange(60.0), grid, 1080, 1920, lambda seconds: ABOVE if seconds > 4 else SIDE)
    events, early = path._probabilities(grid, Spotters(Says("net"), Says("bounce")))
    last = np.nan_to_num(grid.times) > 4
    assert (events.argmax(0)[grid.valid] == np.where(last, EVENTS.index("bounce"), EVENTS.index("net"))[grid.valid]).all()
    assert (early.argmax(0)[grid.valid] == events.argmax(0)[grid.valid]).all()
    steep = path._replace(table_at=lambda seconds: ABOVE)
    events, _ = steep._probabilities(grid, Spotters(Says("net"), Says("bounce")))
    assert (events.argmax(0)[grid.valid] == EVENTS.index("bounce")).all()


ABOVE = looking_down((0.5, 0.6, 6.5))
SIDE = TableCamera(np.array([6.0, 0.0, 2.0]), np.array([[0, 1, 0], [0, 0, -1], [-1, 0, 0]], float), 2000.0, np.zeros(2), 1920)


def test_only_steep_cameras_count() -> None:
    assert sees_from_above(ABOVE) and not sees_from_above(SIDE)
    times = np.array([0.0, 0.1, np.nan, np.nan, 5.0, 5.1])
    assert steps_from_above(lambda seconds: ABOVE, times).tolist() == [True, True, False, False, True, True]
    assert steps_from_above(lambda seconds: ABOVE if seconds > 4 else None, times).tolist() == [False] * 4 + [True] * 2
    assert not steps_from_above(lambda seconds: SIDE, times).any()
    assert not len(steps_from_above(lambda seconds: ABOVE, times[:0]))
