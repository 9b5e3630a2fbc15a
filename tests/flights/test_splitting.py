"""When strokes happened: those that nobody sees, and those beside a bounce that nobody told."""

import numpy as np
import pytest
from thrown import SIDE

from ttcli.flights.splitting import flight_into_the_net, flights_of
from ttcli.play.contacts import Contact
from ttcli.play.court import court_of_camera
from ttcli.play.sightings import Sightings
from ttcli.results.trajectory import BallPosition, Status
from ttcli.table.constants import GRAVITY, TABLE_HEIGHT

FRAME = 1 / 25
COURT = court_of_camera(SIDE)
ABOVE = TABLE_HEIGHT + 0.02


def flight(begin, end, seconds):
    """Return the places (K, 3) at any number of times from one place to another, under gravity."""
    begin, end = np.array(begin, float), np.array(end, float)

    def at(times):
        share = (times / seconds)[:, None]
        return begin + share * (end - begin) + 0.5 * GRAVITY * np.outer(times * (seconds - times), (0, 0, 1))

    return at


def seen(parts, hidden=()):
    """Return the sightings of flights, each (seconds at which it ends, its way), and none between the hidden times."""
    path, begin, frame = Sightings(), 0.0, 0
    for end, way in parts:
        while frame * FRAME < end:
            seconds = frame * FRAME
            (x, y), *_ = SIDE.project(way(np.array([seconds - begin])))
            known = not any(first < seconds < last for first, last in hidden)
            status = Status.SEEN if known else Status.UNSEEN
            path.add(BallPosition(frame, seconds, *((float(x), float(y)) if known else (None, None)), 0.9, status))
            frame += 1
        begin = end
    return path


def contact(seconds, bounce, y):
    """Return a contact on the half at `y`, or a passing towards it."""
    return Contact(seconds, bounce, int(np.sign(y)) * COURT.end, COURT)


def test_a_serve_that_nobody_sees_struck_is_placed_by_its_toss_and_its_way_after_the_bounce():
    hand, bounce, over = (0.1, -1.7, 1.05), (0.1, -0.8, ABOVE), (0.1, 0.6, ABOVE)
    parts = [
        (0.8, flight((0.1, -1.7, 1.05), hand, 0.8)),
        (0.96, flight(hand, bounce, 0.16)),
        (1.25, flight(bounce, over, 0.29)),
    ]
    contacts = [contact(0.96, True, -1), contact(1.13, False, 1), contact(1.25, True, 1)]
    hidden, *others = flights_of(contacts, seen(parts, [(0.7, 0.96)]), SIDE.width)
    assert hidden.serve and hidden.struck and not others
    assert hidden.start == pytest.approx(0.8, abs=0.05)
    in_sight, *_ = flights_of(contacts, seen(parts), SIDE.width)
    assert in_sight.start == pytest.approx(0.8, abs=0.02)


def test_a_toss_that_is_not_behind_the_bounce_does_not_place_a_serve():
    aside, bounce, over = (0.1, -0.5, 1.05), (0.1, -0.8, ABOVE), (0.1, 0.6, ABOVE)
    parts = [(0.8, flight(aside, aside, 0.8)), (0.96, flight(aside, bounce, 0.16)), (1.25, flight(bounce, over, 0.29))]
    contacts = [contact(0.96, True, -1), contact(1.13, False, 1), contact(1.25, True, 1)]
    first, *_ = flights_of(contacts, seen(parts, [(0.7, 0.96)]), SIDE.width)
    assert not first.struck


def test_a_serve_struck_hardly_aside_from_its_fall_begins_at_the_racket_and_not_in_its_toss():
    """The ball falls and is struck down and a little forwards: its way hardly turns, but it was seen before, so it was tossed."""
    racket, bounce, over = (0.1, -1.5, 1.25), (0.1, -1.3, ABOVE), (0.1, 0.6, ABOVE)
    parts = [(0.2, flight(racket, racket, 0.6)), (0.8, flight(racket, racket, 0.6)), (1.0, flight(racket, bounce, 0.2))]
    contacts = [contact(1.0, True, -1), contact(1.35, False, 1), contact(1.5, True, 1)]
    serve, *_ = flights_of(contacts, seen([*parts, (1.5, flight(bounce, over, 0.5))]), SIDE.width)
    assert serve.struck and serve.start == pytest.approx(0.8, abs=0.08)


def test_a_serve_into_the_net_was_before_its_first_bounce_and_not_before_those_that_followed():
    hand, bounce, net, back = (0.1, -1.7, 1.05), (0.1, -0.8, ABOVE), (0.1, 0.0, 0.85), (0.1, -0.5, ABOVE)
    parts = [
        (0.8, flight(hand, hand, 0.8)),
        (0.96, flight(hand, bounce, 0.16)),
        (1.2, flight(bounce, net, 0.24)),
        (1.4, flight(net, back, 0.2)),
        (1.6, flight(back, (0.1, -0.8, ABOVE), 0.2)),
    ]
    contacts = [contact(seconds, True, -1) for seconds in (0.96, 1.4, 1.6)]
    serve = flight_into_the_net(contacts, 1.5, True, seen(parts), SIDE.width)
    assert serve is not None and serve.start == pytest.approx(0.8, abs=0.03)


def test_a_bounce_that_nobody_told_is_no_stroke():
    before, bounce, struck = (0.0, -0.9, ABOVE), (0.1, 1.0, ABOVE), (0.2, 1.7, 1.1)
    parts = [
        (0.9, flight(before, bounce, 0.9)),
        (1.5, flight(bounce, struck, 0.6)),
        (1.86, flight(struck, (0.0, -0.9, ABOVE), 0.36)),
        (2.1, flight((0.0, -0.9, ABOVE), (0.0, -1.7, 1.0), 0.24)),
    ]
    contacts = [contact(0.42, False, 1), contact(1.73, False, -1), contact(1.86, True, -1)]
    _, back = flights_of(contacts, seen(parts), SIDE.width)
    assert back.struck and back.start == pytest.approx(1.5, abs=0.03)
