"""Rows with places that no ball can have: told of once, and taken for rows without a place."""

import json

import pytest
from click.testing import CliRunner
from video_files import write_numbered

from ttcli import cli
from ttcli.results.events import read_events_csv
from ttcli.results.places import FarPlaces, is_near
from ttcli.results.trajectory import Status, read_ball_csv

FAR = ["1e308", "-5e9", "-3000", "1e7"]


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def ball_csv(path, far):
    rows = [f"{frame},{frame / 25},{20 + frame},30,0.9,seen" for frame in range(8)]
    rows[3] = f"3,0.12,{far},30,0.9,seen"
    rows[5] = f"5,0.2,20,{far},0.9,seen"
    path.write_text("\n".join(["frame,time_s,x,y,confidence,status", *rows]) + "\n")
    return path


def test_a_place_may_be_a_picture_away_and_a_million_pixels_where_no_size_is_known():
    assert is_near(-1920, 2160, 1080, 1920) and is_near(3840, -1080, 1080, 1920)
    assert not is_near(-1921, 0, 1080, 1920) and not is_near(0, 2161, 1080, 1920)
    assert is_near(1e6, -1e6) and not is_near(1e6 + 1, 0)


@pytest.mark.parametrize("far", FAR)
@pytest.mark.filterwarnings("error")
def test_render_and_spot_tell_of_rows_that_are_far_away_and_go_on(tmp_path, far):
    write_numbered(tmp_path / "a.mp4", 8)
    ball = ball_csv(tmp_path / "a.csv", far)
    drawn = run("render", tmp_path / "a.mp4", "-q", "--speed", "--zoom", "3", "--json")
    spotted = run("spot", ball)
    for said in (drawn, spotted):
        assert said.exit_code == 0
        assert said.stderr == (
            f"ttcli: {ball}:5: warning: 2 rows have a place far outside of the picture of 64x48, and count as rows without one\n"
        )
    assert json.loads(drawn.stdout)["marked"] == 6


@pytest.mark.parametrize("far", ["1e308", "-5e9"])
@pytest.mark.filterwarnings("error")
def test_labels_that_are_far_away_are_told_of_and_unknown(tmp_path, far):
    ball = ball_csv(tmp_path / "a.csv", far)
    measured = run("evaluate", ball, ball, "--size", "64x48", "--json")
    converted = run("convert", ball, tmp_path / "a.json")
    for said in (measured, converted):
        assert said.exit_code == 0 and f"{ball}:5" in said.stderr and "is outside any picture" in said.stderr
    assert json.loads(measured.stdout)["all"]["labelled"] == 6


def test_events_that_are_far_away_have_no_place(tmp_path):
    path = tmp_path / "events.csv"
    rows = ["1,0.04,bounce,-5e9,3,0.9,,0.1,0.2", "2,0.08,bounce,5,3,0.9,,1e300,0.2"]
    path.write_text("\n".join(["frame,time_s,event,x,y,confidence,error_s,table_x_m,table_y_m", *rows]) + "\n")
    far = FarPlaces(48, 64)
    first, second = read_events_csv(path, far)
    assert (first.x, first.y, first.table_x) == (None, None, 0.1)
    assert (second.x, second.table_x, second.table_y) == (5.0, None, None)
    assert far.line(path).startswith(f"{path}:2: warning: a row has a place far outside")


def test_a_time_that_no_video_has_is_one_line(tmp_path):
    write_numbered(tmp_path / "a.mp4", 2)
    (tmp_path / "a.csv").write_text("frame,time_s,x,y,status\n0,1e300,,,unseen\n")
    said = run("render", tmp_path / "a.mp4", "-q")
    assert said.exit_code == 1 and "a.csv:2: time_s is '1e300'; give seconds" in said.stderr


def test_without_a_size_a_row_is_unseen_where_no_picture_is_as_large(tmp_path):
    rows = read_ball_csv(ball_csv(tmp_path / "a.csv", "1e308"))
    assert [row.status for row in rows[2:6]] == [Status.SEEN, Status.UNSEEN, Status.SEEN, Status.UNSEEN]
