"""A serve's first bounce behind a player: told by the flight that it began, and only there."""

import numpy as np
import pytest
import torch
from scenes import true_cameras

from ttcli.simulation.flight import Ball, fly
from ttcli.spotting.hidden_serves import PLAY, ToldBounce, hidden_serves
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

RATE = 25
CAMERA = true_cameras(1)[0]


def serve(hidden=(0.2, 0.45)):
    """Return times and pixels of a serve whose first bounce is at 0.3 s, without what is hidden, and its second bounce."""
    parts = ((-0.3, -0.9, TABLE_HEIGHT + BALL_RADIUS), (0.5, 4.2, 1.9), (0.0, 0.0, 0.0))
    ball, step = Ball(*(torch.tensor([part], dtype=torch.float64) for part in parts)), 1 / 1000
    flight = [ball.position[0].numpy().copy()]
    while flight[-1][2] >= TABLE_HEIGHT + BALL_RADIUS or len(flight) < 100:
        ball = fly(ball, step)
        flight.append(ball.position[0].numpy().copy())
    ages = np.arange(-0.3, (len(flight) - 1) * step, 1 / RATE)
    toss = np.stack([np.full_like(ages, -0.3), np.full_like(ages, -1.6), 1.0 - 2.0 * ages], 1)
    places = np.where(ages[:, None] < 0, toss, np.array(flight)[np.clip((ages / step).astype(int), 0, None)])
    times = ages + 0.3
    seen = (times < hidden[0]) | (times > hidden[1])
    noise = np.random.default_rng(0).normal(size=(len(ages), 2)) * 0.7
    pixels = CAMERA.project(places) + noise
    end = 0.3 + (len(flight) - 1) * step
    return times[seen], pixels[seen], ToldBounce(end, CAMERA.project(flight[-1]), 1.0), flight[0]


def told(bounces, passings=(), tables=lambda seconds: CAMERA, **parts):
    times, pixels, second, _ = serve(**parts)
    return hidden_serves(tables, times, pixels, [*bounces, second], passings)


def test_a_first_bounce_behind_a_player_is_told_within_its_error():
    [found] = told([])
    assert found.time == pytest.approx(0.3, abs=2 * found.spread) and found.spread < 0.08
    assert found.pixel == pytest.approx(CAMERA.project(serve()[3]), abs=0.12 * CAMERA.width)
    assert found.confidence < 1 and not found.instead_of


def test_what_was_seen_is_left_to_the_network():
    assert not told([], hidden=(0.2, 0.2))


def test_a_table_that_is_not_known_tells_nothing():
    assert not told([], tables=lambda seconds: None)


def test_a_doubtful_bounce_there_was_a_racket_and_a_sure_one_is_kept():
    place = CAMERA.project(np.array([-0.3, -1.2, TABLE_HEIGHT + BALL_RADIUS]))
    doubtful = ToldBounce(0.2, place, 0.6)
    [found] = told([doubtful])
    assert found.instead_of == [doubtful]
    assert not told([doubtful._replace(confidence=0.95)])


def test_who_strikes_in_a_rally_does_not_serve():
    there = CAMERA.project(np.array([0.2, 0.8, TABLE_HEIGHT + BALL_RADIUS]))
    here = CAMERA.project(np.array([0.2, -0.8, TABLE_HEIGHT + BALL_RADIUS]))
    assert not told([ToldBounce(-0.6, there, 0.9)])
    assert not told([], passings=[-0.4])
    assert told([ToldBounce(-0.6, here, 0.9)])  # by hand
    assert told([ToldBounce(0.2 - PLAY, there, 0.9)])


def test_in_the_middle_of_play_no_flight_is_fitted(monkeypatch):
    end = serve()[2].time
    fitted = []
    monkeypatch.setattr("ttcli.spotting.hidden_serves._hidden_flight", lambda *arguments: fitted.append(arguments))
    assert not told([], passings=[end - PLAY - 0.4]) and fitted, "too early to say whether a serve began after it"
    fitted.clear()
    assert not told([], passings=[end - 0.8]) and not fitted
