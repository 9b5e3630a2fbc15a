"""What a known table tells the spotter of each sighting."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ttcli.simulation.camera import KINDS, place_cameras
from ttcli.spotting.instants import Peak, fit_bounce
from ttcli.spotting.paths import TABLE_FEATURES, Track, resample
from ttcli.spotting.table_views import FARTHEST, MIRROR, SCALE, STEP_SECONDS, Views, seen_on_table, table_features
from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

WIDTH, HEIGHT = 1920, 1080
ON_TABLE = TABLE_HEIGHT + BALL_RADIUS


def camera_of(kind, seed=0):
    generator = torch.Generator().manual_seed(seed)
    seen = place_cameras(torch.tensor([KINDS.index(kind)]), torch.zeros(1, 1), HEIGHT, WIDTH, torch.tensor([False]), generator)
    position, rotation, focal, centre = (part[0, 0].double().numpy() for part in vars(seen).values())
    return TableCamera(position, rotation, float(focal), centre, WIDTH)


def views_of(camera, count):
    return Views(*(np.broadcast_to(part, (count, *np.shape(part))) for part in list(vars(camera).values())[:4]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_ball_on_the_table_is_where_it_is(kind, seed):
    camera = camera_of(kind, seed)
    places = np.array([[0.3, -1.0, ON_TABLE], [-0.5, 0.2, ON_TABLE], [0.7, 1.3, ON_TABLE]])
    told = seen_on_table(camera.project(places), views_of(camera, 3), WIDTH)
    turn = 1 if camera.project(np.array([0, 1, ON_TABLE]))[0] > camera.project(np.array([0, 0, ON_TABLE]))[0] else -1
    assert np.allclose(told[:, 1:3], turn * places[:, :2] / (TABLE_WIDTH / 2, TABLE_LENGTH / 2), atol=1e-6)
    assert (told[:, 0] == 1).all()
    up = camera.project(places + [0, 0, 0.2]) - camera.project(places)
    assert np.allclose(told[:, 3:5], SCALE * up / 0.2 / WIDTH, atol=1e-9)


def test_a_metre_is_as_long_as_across_the_line_of_sight():
    camera = camera_of("side")
    place = np.array([[0.0, 0.0, ON_TABLE]])
    right = camera.rotation[0]
    length = np.linalg.norm(camera.project(place + 0.01 * right) - camera.project(place)) / 0.01 / WIDTH
    told = seen_on_table(camera.project(place), views_of(camera, 1), WIDTH)
    assert told[0, 5] == pytest.approx(SCALE * length, rel=0.01)


def test_a_mirror_changes_what_is_left_and_right_and_nothing_else():
    camera = camera_of("corner", seed=4)
    # The hall as a mirror along the table's length shows it: y and the picture's x are turned.
    flip = np.diag([1.0, -1.0, 1.0])
    other = replace(camera, position=flip @ camera.position, rotation=np.diag([-1.0, 1.0, 1.0]) @ camera.rotation @ flip)
    pixels = np.array([[800.0, 600.0], [1000.0, 500.0], [1200.0, 700.0]])
    mirrored = (WIDTH - 1 - pixels[:, 0], pixels[:, 1])
    told = seen_on_table(pixels, views_of(camera, 3), WIDTH)
    seen = seen_on_table(np.column_stack(mirrored), views_of(other, 3), WIDTH)
    assert np.allclose(seen, told * MIRROR.numpy(), atol=1e-6)


def test_a_ball_above_the_horizon_is_at_no_place_of_the_table():
    camera = camera_of("side")
    told = seen_on_table(np.array([[960.0, -5000.0]]), views_of(camera, 1), WIDTH)
    assert told[0, :3].tolist() == [0.5, 0, 0]
    assert np.isfinite(told).all()
    assert np.abs(told).max() <= FARTHEST


def test_where_no_table_is_known_nothing_is_told_and_the_camera_is_asked_for_each_stretch():
    camera, asked = camera_of("side"), []

    def tables(seconds):
        asked.append(seconds)
        return camera if seconds < 1 else None

    times = np.arange(50) / 25
    told = table_features(times, np.full((50, 2), (960.0, 600.0)), tables, WIDTH)
    assert (told[times < 1, 0] == 1).all()
    assert not told[times >= 1].any()
    assert len(asked) == round(2 / STEP_SECONDS)
    assert table_features(np.zeros(0), np.zeros((0, 2)), tables, WIDTH).shape == (0, TABLE_FEATURES)


def test_what_is_known_of_sightings_is_known_of_the_steps_between():
    times = np.arange(5) / 30
    table = np.outer(times, np.arange(1, TABLE_FEATURES + 1))
    grid = resample(Track(times, np.zeros((5, 2)), np.ones(5), table))
    valid = grid.valid
    assert np.allclose(
        grid.features[-TABLE_FEATURES:, valid], np.outer(np.arange(1, TABLE_FEATURES + 1), grid.times[valid]), atol=1e-6
    )
    assert not grid.features[-TABLE_FEATURES:, ~valid].any()
    assert not resample(Track(times, np.zeros((5, 2)), np.ones(5))).features[-TABLE_FEATURES:].any()


@pytest.mark.parametrize("hidden", [0.1, 0.2, 0.3])
def test_a_bounce_that_nobody_saw_is_where_the_flights_around_it_meet(hidden):
    instant = 0.5
    times = np.arange(30) / 30
    away = times - instant
    x = np.where(away < 0, 1500, 1350) * away
    y = np.where(away < 0, 900, -750) * away + 1700 * away**2
    seen = np.abs(away) > hidden / 2
    track = Track(times[seen], np.stack([x, y], 1)[seen] / WIDTH, np.ones(seen.sum()))
    found = fit_bounce(track, Peak("bounce", instant + hidden / 4, 0.9), [])
    assert abs(found.time - instant) < 0.01
    assert found.error is not None
    assert np.abs(found.position * WIDTH).max() < 12
