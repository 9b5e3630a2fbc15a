"""How a point ended: what went past the table, seen by a camera that knows where the table is."""

import numpy as np
import pytest
import torch
from scenes import true_cameras

from ttcli.play.contacts import Contact
from ttcli.play.court import court_of_camera
from ttcli.play.endings import ending_of
from ttcli.play.exchanges import Exchange
from ttcli.play.sightings import Sightings
from ttcli.results.trajectory import BallPosition, Status
from ttcli.simulation.flight import Ball, fly
from ttcli.table.constants import BALL_RADIUS

CAMERA = true_cameras(1)[0]
FRAME = 1 / 25
ASIDE, OVER = (5.0, 3.5), (0.5, 7.0)
"""Metres a second across the table, towards the camera, and along it: so a ball leaves it beside, or at the end."""


def sightings(velocity, seen=10.0):
    """Return where a ball is seen after it passed the net, until it is on the floor."""
    across, along = velocity
    parts = ((0.0, 0.0, 0.95), (across * np.sign(CAMERA.position[0]), along, 0.5), (0.0, 0.0, 0.0))
    ball = Ball(*(torch.tensor([part], dtype=torch.float64) for part in parts))
    path, frame = Sightings(), 0
    while ball.position[0, 2] > BALL_RADIUS:
        pixel = CAMERA.project(ball.position[0].numpy())
        status = Status.SEEN if frame * FRAME < seen else Status.UNSEEN
        x, y = (pixel[0], pixel[1]) if status is Status.SEEN else (None, None)
        path.add(BallPosition(frame, frame * FRAME, x, y, 0.9, status))
        for _ in range(40):
            ball = fly(ball, FRAME / 40)
        frame += 1
    return path


def ended(path):
    court = court_of_camera(CAMERA)
    return ending_of(Exchange([Contact(0.0, False, court.end, court)], 2.0, None), path).ended


@pytest.mark.parametrize(("velocity", "ending"), [(ASIDE, "wide"), (OVER, "long")])
def test_a_ball_past_the_table_was_wide_or_long_by_where_it_is_first_seen_to_leave_it(velocity, ending):
    assert ended(sightings(velocity)) == ending


def test_a_ball_that_vanishes_over_the_table_went_nobody_knows_where():
    assert ended(sightings(OVER, seen=0.14)) is None
