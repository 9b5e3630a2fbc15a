"""The camera that looks at a table: what it shows, how a lens bends it, and how sure it is."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import true_cameras

from ttcli.table.camera import STATE, landmarks
from ttcli.table.constants import TABLE_HEIGHT

BENT = [replace(camera, bend=bend) for camera in true_cameras(1, seed=3) for bend in (0.0, -0.08, 0.1)]


def test_a_pixel_shows_the_point_that_is_projected_to_it():
    for camera in BENT:
        point = np.array([0.3, -0.8, TABLE_HEIGHT])
        assert camera.on_plane(camera.project(point), TABLE_HEIGHT) == pytest.approx(point, abs=1e-3)
    assert true_cameras(1)[0].on_plane(np.array([900.0, -5000.0]), TABLE_HEIGHT) is None


def test_slopes_are_what_a_small_change_does():
    places = landmarks()[0]
    for camera in BENT:
        shown, slopes = camera.slopes(places)
        assert shown == pytest.approx(camera.project(places))
        nudge = 1e-6
        for number, step in enumerate(np.eye(len(STATE)) * nudge):
            assert (camera.moved(step).project(places) - shown) / nudge == pytest.approx(slopes[..., number], rel=1e-3, abs=0.5)
        bent = (replace(camera, bend=camera.bend + nudge).project(places) - shown) / nudge
        assert bent == pytest.approx(slopes[..., -1], rel=1e-3, abs=0.5)


def test_the_spread_of_samples_is_the_one_that_is_told():
    generator = np.random.default_rng(0)
    for camera in true_cameras(1, seed=3)[:3]:
        covariance = np.diag([1e-3, 1e-3, 1e-3, 0.02, 0.02, 0.02, 0.01]) ** 2
        known = replace(camera, covariance=covariance)
        corners, samples = landmarks()[0][:4], known.samples(3000, generator)
        shown = np.stack([sample.project(corners) for sample in samples])
        told = known.spread(corners)
        for corner in range(4):
            assert np.cov(shown[:, corner].T) == pytest.approx(told[corner], rel=0.15, abs=0.05 * told[corner].max())
        pixel = camera.project(np.array([0.2, 0.4, TABLE_HEIGHT]))
        places = np.stack([sample.on_plane(pixel, TABLE_HEIGHT)[:2] for sample in samples])
        plane = known.spread_on_plane(pixel, TABLE_HEIGHT)
        assert np.cov(places.T) == pytest.approx(plane, rel=0.15, abs=0.05 * plane.max())
        assert camera.samples(2, generator) == [camera, camera] and camera.spread_on_plane(pixel, TABLE_HEIGHT) is None


def test_a_camera_that_is_carried_along_shows_the_table_where_the_picture_moved_to():
    places, angle = landmarks()[0], 0.02
    turn = 1.05 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    motion = np.vstack([np.column_stack([turn, [120.0, -40.0]]), [0, 0, 1]])
    for camera in BENT:
        moved = camera.carried(motion)
        assert moved.project(places) == pytest.approx(camera.project(places) @ turn.T + motion[:2, 2], abs=1e-6)
        assert np.allclose(moved.rotation @ moved.rotation.T, np.eye(3), atol=1e-5)
        covariance = np.diag([1e-3, 2e-3, 1e-3, 0.02, 0.03, 0.02, 0.01]) ** 2
        spread = replace(camera, covariance=covariance).carried(motion).spread(places)
        assert spread == pytest.approx(
            turn @ replace(camera, covariance=covariance).spread(places) @ turn.T, rel=0.02, abs=0.02
        )
