"""Air and impacts, the same for the simulator and the fit."""

import numpy as np
import pytest
import torch

from ttcli.physics.air import acceleration, fly
from ttcli.physics.arcs import ON_TABLE, Beginnings, integrate
from ttcli.physics.impacts import rebound, table_restitution
from ttcli.simulation.flight import Ball, bounce
from ttcli.simulation.flight import fly as fly_tensors

VELOCITY, SPIN = (1.5, 8.0, -2.0), (-150.0, 40.0, 60.0)


def begun(position, velocity, spin=(0.0, 0.0, 0.0), shape=(1,)):
    one = np.ones(shape)
    parts = [tuple(np.full(shape, float(number)) for number in vector) for vector in (position, velocity, spin)]
    return Beginnings(*parts, one, one, 0.25 * one)


def test_numbers_arrays_and_tensors_fly_and_bounce_alike():
    ball = Ball(*(torch.tensor([vector], dtype=torch.float64) for vector in ((0.0, 0.0, 1.0), VELOCITY, SPIN)))
    position, velocity = fly((0.0, 0.0, 1.0), VELOCITY, SPIN, 0.01)
    flown = fly_tensors(ball, 0.01)
    assert flown.position[0].tolist() == pytest.approx(position) and flown.velocity[0].tolist() == pytest.approx(velocity)
    arrays = tuple(np.array([number]) for number in VELOCITY)
    after, turned = rebound(arrays, SPIN, (0.0, 0.0, 1.0), 0.9, 0.25)
    up = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)
    told = bounce(ball.velocity, ball.spin, up, torch.tensor([0.9]).double(), torch.tensor([0.25]).double())
    assert told[0][0].tolist() == pytest.approx([float(np.squeeze(each)) for each in after])
    assert told[1][0].tolist() == pytest.approx([float(np.squeeze(each)) for each in turned])


def test_a_ball_dropped_from_a_metre_lands_at_about_410_centimetres_a_second():
    arcs = integrate(begun((0, 0, ON_TABLE + 1.0), (0, 0, 0)), np.full(1, 1 / 400), 400, np.ones(1, int))
    time, _ = arcs.bounces(0)
    fallen = arcs.at(np.array([[time[0] - 1e-3, time[0]]]))[2, 0]
    assert (fallen[0] - fallen[1]) / 1e-3 == pytest.approx(4.1, abs=0.08)  # 4.43 without air


def test_topspin_dips_and_backspin_lifts():
    level = acceleration((0.0, 8.0, 0.0), (0.0, 0.0, 0.0))[2]
    assert acceleration((0.0, 8.0, 0.0), (-200.0, 0.0, 0.0))[2] < level - 3
    assert acceleration((0.0, 8.0, 0.0), (200.0, 0.0, 0.0))[2] > level + 3


@pytest.mark.parametrize("step", [1 / 40, 1 / 55])
def test_long_steps_lead_where_short_ones_do_bounce_and_all(step):
    start = begun((0.1, -1.5, 1.0), (0.5, 8.0, 1.0), (-250.0, 50.0, 80.0))
    at = np.array([[0.1, 0.25, 0.4, 0.55]])
    fine, coarse = (
        integrate(start, np.full(1, each), int(0.6 / each) + 1, np.ones(1, int)).at(at) for each in (1 / 1000, step)
    )
    assert np.isfinite(integrate(start, np.full(1, step), 30, np.ones(1, int)).bounces(0)[0]).all()
    assert np.abs(fine - coarse).max() < 1e-3


def test_a_flight_bounces_no_more_often_than_it_may():
    start = begun((0, -1.3, 1.0), (0, 4.0, -2.0), shape=(3,))
    arcs = integrate(start, np.full(3, 1 / 100), 150, np.array([0, 1, 2]))
    assert np.isfinite(arcs.bounce).sum(0).tolist() == [0, 1, 2]
    assert np.isinf(arcs.bounces(0)[0][0]) and arcs.bounces(1)[0][2] > arcs.bounces(0)[0][2]


def test_a_table_gives_back_no_more_than_the_rules_allow():
    height = float(table_restitution(np.array(2.4)) ** 2 * 30)
    assert 24 <= height <= 26.1
