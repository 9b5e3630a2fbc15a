"""A table that somebody tells: which camera it is, and what cannot be."""

import json

import numpy as np
import pytest
from drawn_tables import HEIGHT, WIDTH, corners_off
from scenes import true_cameras

from ttcli.errors import TtcliError
from ttcli.table.by_hand import table_by_hand, views_by_hand
from ttcli.table.camera import landmarks
from ttcli.table.views import TableView, views_as_json

OBLIQUE = true_cameras(2, seed=5)[4]
AROUND = OBLIQUE.project(landmarks()[0][[0, 2, 3, 1]])


def said(places):
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def refused(text, seconds_of=None):
    with pytest.raises(TtcliError) as error:
        views_by_hand(text, HEIGHT, WIDTH, seconds_of)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("way", [1, -1])
def test_corners_are_told_from_any_one_either_way_round(turn, way):
    [view] = views_by_hand(said(np.roll(AROUND, turn, 0)[::way]), HEIGHT, WIDTH)
    assert corners_off(view.camera, OBLIQUE) < 0.3
    net = landmarks()[0][6:8]
    posts, true = view.camera.project(net), OBLIQUE.project(net)
    assert min(np.abs(posts - true).max(), np.abs(posts[::-1] - true).max()) < 2
    assert view.source == "hand" and 1 < view.error < 4 and view.camera.covariance is not None


def test_of_a_camera_straight_before_it_the_net_must_be_told():
    straight = true_cameras(2, seed=5)[0]
    symmetric = type(straight)(np.array([6.0, 0, 3.0]), np.array([[0, 1, 0], [0.39, 0, -0.92], [-0.92, 0, -0.39]]), 1300.0,
                               np.array([959.5, 539.5]), WIDTH)  # fmt: skip
    around = symmetric.project(landmarks()[0][[0, 2, 3, 1]])
    assert "which two of its sides are the ends" in refused(said(around))
    net = symmetric.project(landmarks()[0][4:6])
    [view] = views_by_hand(said([*around, *net]), HEIGHT, WIDTH)
    assert corners_off(view.camera, symmetric) < 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (said(AROUND[[0, 2, 1, 3]]), "crossed"),
        (said([*AROUND[:3], AROUND[:3].mean(0)]), "crossed, or one lies within"),
        (said(AROUND[[0, 1, 2, 2]]), "two corners lie together"),
        (said([AROUND[0], (AROUND[0] + AROUND[2]) / 2, AROUND[2], AROUND[3]]), "three on a line"),
        (said(AROUND + 9000), "far outside"),
        (said(AROUND + [-1900, 0]), "outside of the picture"),
        (said(AROUND[:3]), "not four places or six"),
        ("1,2 3,4 5,6 7,x", "are no places"),
        ("400,300 800,300 800,320 400,700", "no camera"),
        ("nan,1 2,3 4,5 6,7", "not four places"),
        ("missing.json", "neither places nor a file"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(text, why):
    assert why in refused(text)


def test_a_file_tells_frames_or_times(tmp_path):
    path = tmp_path / "table.json"
    named = dict(zip(("near_left", "near_right", "far_right", "far_left"), AROUND.tolist(), strict=True))
    moved = (AROUND + [80, 10]).tolist()
    path.write_text(json.dumps({"frames": {"0": named, "50": {"corners": moved}}}))
    tables = table_by_hand(str(path), HEIGHT, WIDTH, lambda frame: frame / 25)
    assert corners_off(tables(0.0), OBLIQUE) < 0.3
    for seconds, share in ((1.0, 0.5), (2.0, 1.0), (100.0, 1.0)):
        shown = tables(seconds).project(landmarks()[0][:4])
        true = OBLIQUE.project(landmarks()[0][:4]) + share * np.array([80, 10])
        assert min(np.abs(shown - each).max() for each in (true, true[::-1])) < 2
    assert "times are not known" in refused(str(path))
    path.write_text(json.dumps({"times": {"0.0": named, "2.0": moved}}))
    assert table_by_hand(str(path), HEIGHT, WIDTH)(1.0) is not None
    path.write_text(json.dumps(AROUND.tolist()))
    assert corners_off(table_by_hand(str(path), HEIGHT, WIDTH)(5.0), OBLIQUE) < 0.3


def test_another_camera_after_a_cut_is_a_view_of_its_own(tmp_path):
    path, other = tmp_path / "table.json", true_cameras(2, seed=5)[5]
    around = other.project(landmarks()[0][[0, 2, 3, 1]])
    path.write_text(json.dumps({"times": {"0": AROUND.tolist(), "4": around.tolist()}}))
    first, second = views_by_hand(str(path), HEIGHT, WIDTH)
    assert (first.end_seconds, second.start_seconds) == (4.0, 4.0)
    assert corners_off(first.camera, OBLIQUE) < 0.3 and corners_off(second.camera, other) < 0.3


def test_the_tables_of_a_manifest_are_taken(tmp_path):
    path = tmp_path / "ball.json"
    path.write_text(json.dumps({"tables": views_as_json([TableView(0.0, 9.0, OBLIQUE)])}))
    assert corners_off(table_by_hand(str(path), HEIGHT, WIDTH)(1.0), OBLIQUE) == 0
    with pytest.raises(TtcliError, match="no table of a picture 640 wide"):
        table_by_hand(str(path), 360, 640)


NO_TABLES = (
    "{", "3", "{}", '{"frames": {}}', '{"frames": {"x": []}}', '{"frames": {"0": [[1, 2]]}}', "[[1]]", '{"times": {"0": null}}',
    '{"frames": {"-1": [[1,2],[3,4],[5,6],[7,8]]}}',
)  # fmt: skip


@pytest.mark.parametrize("content", NO_TABLES)
def test_a_file_that_holds_no_table_is_told_of(tmp_path, content):
    path = tmp_path / "table.json"
    path.write_text(content)
    assert str(path) in refused(str(path), float)
