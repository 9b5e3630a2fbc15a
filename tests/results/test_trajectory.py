"""ball.csv: written and read back, and every malformed line named."""

import pytest

from ttcli.errors import InputError, LabelError, OutputError
from ttcli.results.trajectory import BallPosition, Status, read_ball_csv, write_ball_csv

POSITIONS = [
    BallPosition(0, 0.0, None, None, 0.03, Status.UNSEEN),
    BallPosition(1, 1 / 120, 812.41, 377.9, 0.97, Status.SEEN),
    BallPosition(2, 2 / 120, 820.0, -3.25, 0.41237, Status.FILLED),
    BallPosition(3, 3 / 120, None, None, None, Status.BROKEN),
    BallPosition(4, 4 / 120, 820.0, -3.25, 0.41, Status.SEEN, duplicate=True),
]

HEADER = "frame,time_s,x,y,confidence,status\n"
"""What is read; the column duplicate may be missing."""


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_written_as_documented(tmp_path):
    assert write_ball_csv(tmp_path / "ball.csv", POSITIONS) == 5
    assert (tmp_path / "ball.csv").read_bytes().decode() == (
        "frame,time_s,x,y,confidence,status,duplicate\n"
        "0,0.000000,,,0.03,unseen,0\n"
        "1,0.008333,812.41,377.90,0.97,seen,0\n"
        "2,0.016667,820.00,-3.25,0.4124,filled,0\n"
        "3,0.025000,,,,broken,0\n"
        "4,0.033333,820.00,-3.25,0.41,seen,1\n"
    )


def test_what_is_written_is_read_back(tmp_path):
    write_ball_csv(tmp_path / "ball.csv", POSITIONS)
    read = read_ball_csv(tmp_path / "ball.csv")
    for before, after in zip(POSITIONS, read, strict=True):
        assert (after.frame_index, after.status, after.x, after.y, after.duplicate) == (
            before.frame_index,
            before.status,
            before.x,
            before.y,
            before.duplicate,
        )
        assert after.time_seconds == pytest.approx(before.time_seconds, abs=1e-6)
        assert after.confidence == pytest.approx(before.confidence, abs=1e-4)


def test_rows_are_written_as_they_come_and_an_error_leaves_no_file(tmp_path):
    def positions():
        yield POSITIONS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_ball_csv(tmp_path / "ball.csv", positions())
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_replaced_only_when_told(tmp_path):
    path = write(tmp_path / "ball.csv", "old")
    with pytest.raises(OutputError):
        write_ball_csv(path, POSITIONS)
    assert path.read_text() == "old"
    write_ball_csv(path, POSITIONS, overwrite=True)
    assert len(read_ball_csv(path)) == 5


def test_columns_go_by_name_and_extra_ones_are_passed_over(tmp_path):
    path = write(tmp_path / "ball.csv", "\ufeffstatus, x ,y,speed,frame\r\nseen,1,2.5,9,4\r\n\r\nunseen,,,,6\r\n")
    assert read_ball_csv(path) == [
        BallPosition(4, None, 1.0, 2.5, None, Status.SEEN),
        BallPosition(6, None, None, None, None, Status.UNSEEN),
    ]


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("x,0.1,,,0.1,unseen", "frame is 'x'"),
        ("-1,0.1,,,0.1,unseen", "frame is '-1'"),
        ("1" * 5000 + ",0.1,,,0.1,unseen", "frame is '111"),
        ("2,0.1,nan,5,0.1,seen", "x is 'nan'"),
        ("2,0.1,5,1_0,0.1,seen", "y is '1_0'"),
        ("2,soon,,,0.1,unseen", "time_s is 'soon'"),
        ("2,0.1,,,1.5,unseen", "confidence is 1.5"),
        ("2,0.1,,,0.1,lost", "status is 'lost'"),
        ("2,0.1,5,,0.1,seen", "status is seen, but x or y is empty"),
        ("2,0.1,5,6,0.1,unseen", "status is unseen, but x or y is filled"),
        ("1,0.1,,,0.1,unseen", "frame 1 after frame 1"),
        ("0,0.1,,,0.1,unseen", "frame 0 after frame 1"),
        ("2,0.1,", "3 cells"),
        ("2,0.1,5,6,0.1,seen,7", "7 cells"),
        ('2,0.1,"5,6,0.1,seen', "is not CSV"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, fact):
    path = write(tmp_path / "ball.csv", HEADER + "1,0.0,,,0.5,unseen\n" + line + "\n")
    with pytest.raises(LabelError) as caught:
        read_ball_csv(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:3: ") and fact in message and "; " in message
    assert "\n" not in message and len(message) < 400


def test_a_file_that_is_no_ball_csv_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_ball_csv(tmp_path / "missing.csv")
    with pytest.raises(LabelError, match="no column status"):
        read_ball_csv(write(tmp_path / "a.csv", "frame,x,y\n"))
    with pytest.raises(LabelError, match="no column frame"):
        read_ball_csv(write(tmp_path / "b.csv", ""))
    with pytest.raises(LabelError, match="two columns x"):
        read_ball_csv(write(tmp_path / "c.csv", "frame,x,x,y,status\n"))
    (tmp_path / "d.csv").write_bytes(b"\xff\xfe\x00frame")
    with pytest.raises(LabelError, match="UTF-8"):
        read_ball_csv(tmp_path / "d.csv")


@pytest.mark.parametrize(
    ("x", "y", "status"),
    [(None, None, Status.SEEN), (1.0, None, Status.SEEN), (1.0, 2.0, Status.UNSEEN), (float("nan"), 2.0, Status.SEEN)],
)
def test_a_position_that_contradicts_its_status_cannot_be_made(x, y, status):
    with pytest.raises(ValueError):
        BallPosition(0, 0.0, x, y, 0.5, status)
