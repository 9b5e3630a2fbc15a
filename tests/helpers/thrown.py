"""Flights thrown before a camera, with known speeds, spins and landings."""

from typing import NamedTuple

import numpy as np

from ttcli.physics.arcs import Beginnings, integrate
from ttcli.results.trajectory import BallPosition, Status
from ttcli.table.camera import TableCamera, landmarks

HEIGHT, WIDTH = 720, 1280


def look(position, at, focal) -> TableCamera:
    """Return a camera at a place that looks at another one, its picture 1280x720."""
    position, at = np.array(position, float), np.array(at, float)
    forward = (at - position) / np.linalg.norm(at - position)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    return TableCamera(position, np.stack([right, np.cross(forward, right), forward]), focal, np.array([639.5, 359.5]), WIDTH)


SIDE = look((4.3, -0.1, 2.1), (0, 0, 0.9), 1280.0)
BEHIND = look((0.0, -9.0, 3.5), (0, 0, 0.8), 2200.0)


class Thrown(NamedTuple):
    """One flight, seen by a camera."""

    times: np.ndarray
    pixels: np.ndarray
    speed: float
    landing: np.ndarray
    topspin: float


def throw(camera, velocity, spin=(0.0, 0.0, 0.0), position=(0.1, -1.5, 1.0), frame_rate=60.0, error=0.5, seed=0, seconds=0.6):
    """Return a flight over the net from the end of negative y, seen with an error in pixels."""
    one = np.ones((1, 1))
    parts = [tuple(np.full((1, 1), float(number)) for number in vector) for vector in (position, velocity, spin)]
    arcs = integrate(
        Beginnings(*parts, one, one, 0.25 * one), np.full((1, 1), 1 / 200), round(200 * seconds), np.ones((1, 1), int)
    )
    times = np.arange(0, seconds, 1 / frame_rate)
    places = arcs.at(times[None, None])[:, 0, 0].T
    pixels = camera.project(places) + error * np.random.default_rng(seed).normal(size=(len(times), 2))
    return Thrown(times, pixels, float(np.linalg.norm(velocity)), arcs.bounces(0)[1][:2, 0, 0], -spin[0])


def corners(camera) -> str:
    """Return the corners of the table as `--table` takes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in camera.project(landmarks()[0][[0, 2, 3, 1]]))


def rows(times, pixels, frame_rate=60.0, slower=1.0):
    """Yield the rows of a ball.csv."""
    for time, (x, y) in zip(times, pixels, strict=True):
        yield BallPosition(round(time * frame_rate), float(time * slower), float(x), float(y), 0.9, Status.SEEN)
