"""A view that has ended is set right by the lines on each of its pictures, whatever the motion of the hall said."""

from dataclasses import replace

import numpy as np
import pytest
from drawn_tables import HEIGHT, WIDTH, corners_off, painted
from scenes import true_cameras

from ttcli.table.evidence import WHOLE
from ttcli.table.fit import Fit
from ttcli.table.profiles import Picture, piece
from ttcli.table.settling import Shown, set_right, settled, stays
from ttcli.table.views import Move, camera_then

CAMERA = true_cameras(12, seed=5)[1]
SPREAD = np.diag([0.002, 0.002, 0.003, 0.03, 0.03, 0.03, 0.01]) ** 2
STILL = np.eye(3)


def shifted(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)


def test_each_picture_lies_where_its_lines_are():
    true = {0.0: STILL, 0.4: shifted(12, -4), 0.8: shifted(20, 3)}
    moves = [Move(seconds, shifted(5 * seconds, -6 * seconds) @ motion, 0.0) for seconds, motion in true.items()]
    pictures = [painted(CAMERA.carried(motion), seed=number) for number, motion in enumerate(true.values())]
    shown = [Shown(s, piece(each, WHOLE, HEIGHT, WIDTH, STILL)) for s, each in zip(true, pictures, strict=True)]
    known = replace(CAMERA.moved(np.array([0.001, 0.001, 0, 0, 0, 0, 0.002])), covariance=SPREAD)
    fit, after = settled(Fit(known, 0.8, 3.0, None, known), moves, shown, HEIGHT)
    for seconds, motion in true.items():
        truth = CAMERA.carried(motion)
        assert corners_off(camera_then(fit.camera, after, seconds), truth) < 1.5
    assert corners_off(camera_then(known, moves, 0.8), CAMERA.carried(true[0.8])) > 3


def test_without_lines_nothing_changes():
    moves = [Move(0.0, STILL), Move(1.0, shifted(9, 0))]
    blank = [Shown(s, piece(np.zeros((HEIGHT // 2, WIDTH // 2, 3), np.uint8), WHOLE, HEIGHT, WIDTH, STILL)) for s in (0.0, 1.0)]
    fit = Fit(replace(CAMERA, covariance=SPREAD), 0.8, 3.0, None, replace(CAMERA, covariance=SPREAD))
    assert settled(fit, moves, blank, HEIGHT) == (fit, moves)
    assert settled(fit._replace(coarse=None), moves, blank, HEIGHT)[1] is moves


def test_between_pictures_the_change_is_even_and_the_drift_counts_from_the_nearest():
    moves = [Move(0.0, STILL, 0.0), Move(0.5, shifted(10, 0), 2.0), Move(1.0, shifted(20, 0), 2.5)]
    found = set_right(moves, [(0.0, STILL), (1.0, shifted(24, 0))])
    assert [move.seconds for move in found] == [0.0, 0.5, 1.0]
    assert [move.motion[0, 2] for move in found] == pytest.approx([0, 12, 24])
    assert [move.drift_seconds for move in found] == [0.0, 0.5, 0.0]


def test_pictures_tell_that_a_camera_moves_though_it_seems_to_be_at_rest():
    known = replace(CAMERA, covariance=SPREAD)
    fit = Fit(known, 0.8, 3.0, None, known)

    def seen(*shifts: float) -> list[Picture]:
        pictures = [painted(CAMERA.carried(shifted(x, 0)), seed=number) for number, x in enumerate(shifts)]
        return [piece(each, WHOLE, HEIGHT, WIDTH, STILL) for each in pictures]

    assert stays(fit, seen(0, 0, 0, 1, 0, 0, -1, 0))
    assert stays(fit, seen(0, 0, 90, 90, 90))
    assert not stays(fit, seen(0, 90, 120, 150, 120))
    assert stays(fit, seen(90, 120, 150)), "three pictures are too few to say so"
    assert stays(fit._replace(coarse=None), seen(90, 120, 150, 120)), "where no lines are seen, none are asked for"
