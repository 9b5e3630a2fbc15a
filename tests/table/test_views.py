"""What is told of a table, from when to when, and what becomes of it on disk."""

import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_tables import corners_off
from scenes import true_cameras

from ttcli.flights.sightlines import view_of
from ttcli.table.camera import landmarks
from ttcli.table.views import (
    CORNERS_SHARE,
    Move,
    NoTable,
    TableView,
    TableViews,
    corners_of,
    joined,
    later,
    stated,
    views_as_json,
    views_from_json,
)

COVARIANCE = np.diag([1e-3, 1e-3, 1e-3, 0.02, 0.02, 0.02, 0.01]) ** 2


def shifted(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def on_disk(views):
    return json.loads(json.dumps(views_as_json(views)))


def test_views_are_on_disk_what_they_were():
    camera = replace(true_cameras(1)[1], covariance=COVARIANCE, bend=-0.02, wider=1.25)
    moves = (Move(4.0, np.eye(3)), Move(6.0, shifted(100, 20), 0.5))
    views = [TableView(0.0, 3.9, camera, (), 3.2, 0.8), TableView(4.0, 9.0, replace(camera, focal=1234.5678901), moves)]
    said = on_disk(views)
    tables = views_from_json(said)
    assert tables(3.9).focal == camera.focal and np.array_equal(tables(3.9).rotation, camera.rotation)
    assert tables(3.9).bend == camera.bend and np.array_equal(tables(3.9).covariance, COVARIANCE)
    assert tables(3.9).wider == 1.25
    assert tables.views[0].error == 3.2 and tables.views[0].score == 0.8
    assert tables(4.0).focal == 1234.5678901
    assert tables(5.5).centre == pytest.approx(views[1].at(5.5).centre)
    assert tables(3.95) is None and tables(9.1) is None
    for spoilt in ({"focal": -1.0}, {"rotation": [1, 2]}, {"position": ["a", 0, 0]}, {"start_s": None}, {"centre": [0, 1e999]},
                   {"position": [10**400, 0, 0]}, {"rotation": np.zeros((3, 3)).tolist()}, {"bend": 5}, {"covariance": [[1]]},
                   {"wider": 0}, {"wider": [2]},
                   {"keyframes": [{"time_s": 1}]}, {"keyframes": 3}, {"keyframes": [{**said[1]["keyframes"][0], "motion": [[0]]}]},
                   {"keyframes": [7]}):  # fmt: skip
        assert views_from_json([{**said[0], **spoilt}, said[1]])(2.0) is None
        assert views_from_json([{**said[0], **spoilt}, said[1]])(5.0) is not None
    for nothing in (None, 3, {"a": 1}, [None, 4, "x"]):
        assert views_from_json(nothing)(1.0) is None
    assert TableViews([])(0.0) is None
    assert views_from_json(said, width=camera.width)(1.0) is not None and views_from_json(said, width=640)(1.0) is None


def test_views_of_before_are_read():
    camera = true_cameras(1)[1]
    old = {name: np.asarray(getattr(camera, name)).tolist() for name in ("position", "rotation", "focal", "centre", "width")}
    read = views_from_json([{"start_s": 0.0, "end_s": 2.0, **old}])(1.0)
    assert read.focal == camera.focal and read.wider == 1.0


def test_corners_of_a_found_table_are_surer_than_what_strokes_make_of_it():
    found = replace(true_cameras(1)[1], covariance=COVARIANCE)
    said, corners = stated(found), landmarks()[0][:4]
    assert said.spread(corners) == pytest.approx(CORNERS_SHARE**2 * found.spread(corners))
    whole = view_of(found).spread
    assert view_of(said).spread @ view_of(said).spread.T == pytest.approx(whole @ whole.T)
    assert stated(true_cameras(1)[1]).covariance is None


def test_corners_and_reasons_are_told():
    camera = true_cameras(1)[1]
    moves = (Move(0.0, np.eye(3)), Move(2.0, shifted(100, 20)))
    told, none = on_disk([TableView(0.0, 3.0, camera, moves, 2.5, 0.71, "again"), NoTable(3.0, 8.0, "half a table")])
    around = np.array(told["corners"])
    assert around == pytest.approx(camera.project(landmarks()[0][[0, 1, 3, 2]]), abs=0.01)
    assert np.array(told["keyframes"][1]["corners"]) == pytest.approx(around + [100, 20], abs=0.02)
    assert (told["error_px"], told["sure"], told["source"]) == (2.5, 0.71, "again")
    assert none == {"start_s": 3.0, "end_s": 8.0, "none": "half a table"}
    assert corners_of(camera) == told["corners"]


def test_between_keyframes_it_moves_evenly_and_is_less_sure():
    camera = replace(true_cameras(1)[1], covariance=COVARIANCE)
    view = TableView(1.0, 5.0, camera, (Move(1.0, np.eye(3)), Move(3.0, shifted(60, 0), 1.0), Move(5.0, shifted(60, 30), 0.0)))
    for seconds, there in ((0.5, (0, 0)), (1.0, (0, 0)), (2.0, (30, 0)), (4.0, (60, 15)), (9.0, (60, 30))):
        assert corners_off(view.at(seconds), camera.carried(shifted(*there))) < 1e-6
    errors = [view.at(seconds).spread(landmarks()[0])[0].trace() for seconds in (1.0, 2.0, 3.0)]
    assert camera.spread(landmarks()[0])[0].trace() < errors[0] < errors[1] < errors[2]


def test_a_clock_that_began_earlier_moves_all_of_a_view():
    view = TableView(1.0, 5.0, true_cameras(1)[1], (Move(1.0, np.eye(3)), Move(3.0, shifted(60, 0))))
    moved = later(view, 10.0)
    assert (moved.start_seconds, moved.end_seconds, moved.moves[1].seconds) == (11.0, 15.0, 13.0)
    assert later(NoTable(1.0, 2.0, "x"), 10.0) == NoTable(11.0, 12.0, "x")


def test_whiles_without_a_table_are_one_where_the_reason_is_the_same():
    seen = TableView(4.0, 6.0, true_cameras(1)[1])
    views = [NoTable(0.0, 1.0, "x"), NoTable(1.0, 2.0, "x"), NoTable(2.0, 4.0, "y"), seen, NoTable(6.0, 7.0, "y")]
    assert joined(views) == [NoTable(0.0, 2.0, "x"), *views[2:]]
