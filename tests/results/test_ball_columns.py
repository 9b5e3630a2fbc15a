"""Columns of a ball.csv hold what its rows hold, however the file is spelt, and fail with the same words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttcli.errors import LabelError
from ttcli.results.ball_columns import STATUSES, read_ball_columns
from ttcli.results.places import FarPlaces
from ttcli.results.trajectory import BallPosition, Status, read_ball_csv, write_ball_csv

places = st.tuples(st.floats(-500, 5000), st.floats(-500, 3000))
rows = st.lists(
    st.tuples(st.integers(1, 3), st.one_of(st.none(), places), st.booleans(), st.floats(0, 1), st.booleans()),
    min_size=1,
    max_size=30,
)


def as_rows(columns):
    def cell(value):
        return None if np.isnan(value) else float(value)

    return [
        (int(columns.frame[row]), cell(columns.seconds[row]), cell(columns.x[row]), cell(columns.y[row]),
         cell(columns.confidence[row]), STATUSES[columns.status[row]], bool(columns.duplicate[row]))
        for row in range(len(columns))
    ]  # fmt: skip


def expected(positions):
    return [(p.frame_index, p.time_seconds, p.x, p.y, p.confidence, p.status, p.duplicate) for p in positions]


def test_columns_hold_what_rows_hold(tmp_path_factory):
    path = tmp_path_factory.mktemp("columns") / "ball.csv"

    @settings(max_examples=40, deadline=None)
    @given(rows)
    def check(drawn):
        frame, positions = -1, []
        for step, place, filled, confidence, duplicate in drawn:
            frame += step
            status = (Status.FILLED if filled else Status.SEEN) if place else (Status.BROKEN if filled else Status.UNSEEN)
            positions.append(BallPosition(frame, frame / 25, *(place or (None, None)), confidence, status, duplicate))
        write_ball_csv(path, positions, overwrite=True)
        assert as_rows(read_ball_columns(path)) == expected(read_ball_csv(path))

    check()


@pytest.mark.parametrize(
    "text",
    [
        "frame,x,y,status\n0,1,2,seen\n3,,,unseen\n",
        "status,y,x,frame\r\nseen,2,1,0\r\nbroken,,,1\r\n",
        "\ufeffframe,time_s,x,y,confidence,status,duplicate,play\n0,0.0,,,,unseen,,1\n1,0.04,5,6,0.5,filled,1,0",
        "frame,x,y,status,note\n0,1,2,seen,a word\n",
        'frame,x,y,status\n"0",1,2,seen\n',
        "frame,x,y,status\n0, 1 ,2e0,seen\n\n1,,,unseen\n",
        "frame,x,y,status\n0,1,99999999,seen\n",
    ],
)
def test_any_spelling_is_read_as_rows_are(tmp_path, text):
    path = tmp_path / "ball.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert as_rows(read_ball_columns(path)) == expected(read_ball_csv(path))


def test_places_that_no_ball_can_have_are_counted(tmp_path):
    path = tmp_path / "ball.csv"
    path.write_text("frame,x,y,status\n0,1,2,seen\n1,400,2,seen\n2,,,unseen\n")
    far, same = FarPlaces(64, 96), FarPlaces(64, 96)
    assert as_rows(read_ball_columns(path, far)) == expected(read_ball_csv(path, same))
    assert far.line(path) == same.line(path) != None  # noqa: E711


@pytest.mark.parametrize(
    "row",
    [
        "1,nan,2,seen",
        "1,1,,seen",
        "1,1,2,unseen",
        "0,1,2,seen",
        "1.5,1,2,seen",
        "1,1,2,gone",
        "1,1,2",
        "1,1,2,seen,3",
        "-1,1,2,seen",
    ],
)
def test_a_wrong_line_is_told_of_as_ever(tmp_path, row):
    path = tmp_path / "ball.csv"
    path.write_text(f"frame,x,y,status\n0,1,2,seen\n{row}\n")
    with pytest.raises(LabelError) as told:
        read_ball_csv(path)
    with pytest.raises(LabelError) as told_too:
        read_ball_columns(path)
    assert str(told_too.value) == str(told.value)
