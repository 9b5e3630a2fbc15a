"""What the ball tells of a table."""

from dataclasses import replace

import numpy as np
from scenes import true_cameras

from ttcli.table.constants import TABLE_HEIGHT
from ttcli.table.sightings import LEAST, Sighting, verdict

CAMERA = true_cameras(1, seed=3)[0]


def rally(middle=(0.0, 0.0), strokes=8):
    """Return sightings of a ball that bounces on both halves of a table in turn."""
    found = []
    for stroke in range(strokes):
        for step in range(13):
            along = (1.5 - 3.0 * step / 12) * (-1) ** stroke
            height = TABLE_HEIGHT + 0.02 + 0.35 * abs(np.sin(np.pi * (step - 9) / 9))
            x, y = CAMERA.project(np.array([middle[0], middle[1] + along, height]))
            found.append(Sighting((13 * stroke + step) / 25, float(x), float(y)))
    return found


def test_a_ball_that_is_played_over_a_table_tells_so():
    assert verdict(lambda seconds: CAMERA, rally()) is True


def test_a_ball_that_is_played_elsewhere_tells_so():
    assert verdict(lambda seconds: CAMERA, rally(middle=(-4.0, 4.0))) is False


def test_half_a_table_is_no_place_for_the_bounces():
    half = replace(CAMERA, position=CAMERA.position * [2, 2, 1] + [0, 1.4, 0], focal=2 * CAMERA.focal)
    assert verdict(lambda seconds: half, rally()) is not True


def test_few_sightings_tell_nothing():
    assert verdict(lambda seconds: CAMERA, rally()[: LEAST - 1]) is None
