"""`strokes`: what is written of a path, and what is refused."""

import numpy as np
import pytest
from thrown import BEHIND, HEIGHT, SIDE, WIDTH, corners, rows, throw

from ttcli.configs import StrokesConfig
from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.results.strokes import Ellipse, Estimate, Stroke, Toss, read_strokes_csv, write_strokes_csv
from ttcli.results.trajectory import write_ball_csv
from ttcli.strokes import strokes

KNOWN = StrokesConfig(picture_height=HEIGHT, picture_width=WIDTH, table=corners(SIDE))
VELOCITY, SPIN = (0.3, 7.5, 1.2), (-150.0, 0.0, 0.0)


def told(tmp_path, times, pixels, config=KNOWN, frame_rate=60.0, slower=1.0, messages=None):
    path = tmp_path / "ball.csv"
    write_ball_csv(path, rows(times, pixels, frame_rate, slower), overwrite=True)
    config = StrokesConfig(**{**config.__dict__, "overwrite": True})
    strokes(path, tmp_path / "strokes.csv", config, (messages if messages is not None else []).append)
    return read_strokes_csv(tmp_path / "strokes.csv")


def test_a_single_flight_has_its_speed_landing_and_height(tmp_path):
    thrown = throw(SIDE, VELOCITY, SPIN)
    (stroke,) = told(tmp_path, thrown.times, thrown.pixels)
    assert stroke.side == "left" and stroke.ended == "in" and stroke.zone is not None
    assert stroke.speed is not None and stroke.bounce is not None and stroke.clearance is not None
    assert stroke.speed.low < 3.6 * thrown.speed < stroke.speed.high
    assert stroke.speed.high - stroke.speed.low < 0.25 * stroke.speed.value
    # Which end is which nobody can tell: half a turn leaves the table as it is.
    assert abs(stroke.bounce.x) == pytest.approx(abs(thrown.landing[0]), abs=0.05)
    assert abs(stroke.bounce.y) == pytest.approx(abs(thrown.landing[1]), abs=0.05)
    assert stroke.bounce.major < 0.12 and 0 < stroke.clearance.value < 60
    assert stroke.apex is not None and 0.1 < stroke.apex < 1.0


def test_from_behind_the_path_tells_which_sides_are_the_ends(tmp_path):
    thrown = throw(BEHIND, VELOCITY, SPIN)
    (stroke,) = told(tmp_path, thrown.times, thrown.pixels, StrokesConfig(**{**KNOWN.__dict__, "table": corners(BEHIND)}))
    assert stroke.side == "near"
    assert stroke.bounce is None or abs(stroke.bounce.y) == pytest.approx(abs(thrown.landing[1]), abs=0.3)


@pytest.mark.slow
def test_slow_motion_is_told_and_gives_no_speeds(tmp_path):
    flights = [throw(SIDE, (0.2 * each - 0.3, 7.0 + 0.2 * each, 1.3), SPIN, seed=each) for each in range(4)]
    times = np.concatenate([each.times + 3 * number for number, each in enumerate(flights)])
    pixels = np.concatenate([each.pixels for each in flights])
    messages = []
    found = told(tmp_path, times, pixels, slower=4.0, messages=messages)
    assert all(stroke.speed is None for stroke in found) and "slow motion" in messages[0]
    found = told(tmp_path, times, pixels)
    assert len(found) == 4 and all(stroke.speed is not None for stroke in found)


def test_what_says_too_little_stays_empty(tmp_path):
    thrown = throw(SIDE, VELOCITY, SPIN)
    assert told(tmp_path, thrown.times[8:11], thrown.pixels[8:11]) == []  # three frames
    rolling = SIDE.project(np.stack([0 * thrown.times, -1.2 + 4 * thrown.times, np.full(len(thrown.times), 0.78)], 1))
    assert all(stroke.speed is None for stroke in told(tmp_path, thrown.times, rolling))
    still = np.full((60, 2), 500.0) + np.random.default_rng(0).normal(size=(60, 2))
    assert told(tmp_path, np.arange(60) / 60, still) == []
    write_ball_csv(tmp_path / "empty.csv", [])
    assert strokes(tmp_path / "empty.csv", None, KNOWN).strokes == []


def test_what_is_missing_or_wrong_is_told(tmp_path):
    thrown = throw(SIDE, VELOCITY, SPIN)
    path = tmp_path / "ball.csv"
    write_ball_csv(path, rows(thrown.times, thrown.pixels))
    nowhere = StrokesConfig(picture_height=HEIGHT, picture_width=WIDTH)
    with pytest.raises(InputError, match="where the table is"):
        strokes(path, None, nowhere)
    for wrong in ("1,2 3,4", "a,b c,d e,f g,h", "100,100 101,100 102,100 103,100"):
        with pytest.raises(SettingError, match="--table"):
            strokes(path, None, StrokesConfig(**{**KNOWN.__dict__, "table": wrong}))
    elsewhere = " ".join(
        f"{x * 0.5 + 500:.0f},{y * 0.5 + 10:.0f}" for x, y in (map(float, pair.split(",")) for pair in corners(SIDE).split())
    )
    found = told(tmp_path, thrown.times, thrown.pixels, StrokesConfig(**{**KNOWN.__dict__, "table": elsewhere}))
    assert all(stroke.speed is None for stroke in found)
    write_ball_csv(path, rows(thrown.times, thrown.pixels), overwrite=True)
    (tmp_path / "strokes.csv").unlink()
    with pytest.raises(SettingError, match="--picture"):
        strokes(path, None, StrokesConfig(**{**KNOWN.__dict__, "picture": tmp_path / "flights.txt"}))
    summary = strokes(path, None, StrokesConfig(**{**KNOWN.__dict__, "picture": tmp_path / "flights.png"}))
    assert summary.output == str(tmp_path / "ball.strokes.csv") and (tmp_path / "flights.png").stat().st_size > 1000
    assert summary.as_json()["with_speed"] == 1 and "km/h" in str(summary)
    with pytest.raises(OutputError, match="--overwrite"):
        strokes(path, None, KNOWN)


def test_strokes_are_read_as_they_were_written(tmp_path):
    whole = Stroke(
        1.25, 75.5, 1, "left", (0.1, -1.5, 0.25), Estimate(54.0, 50.0, 58.0), Estimate(12.0, 10.0, 14.0), 0.31,
        Ellipse(1.6, 0.2, 0.8, 0.05, 0.02, 30.0), "half_middle", "top", 0.97, "in", 0.9,
        Toss(16.0, 21.0, 27.0, Estimate(3.0, 0.0, 9.0)),
    )  # fmt: skip
    bare, begun_in_flight = Stroke(2.5, 150.0), Stroke(3.5, 210.0, toss=Toss(12.0, None, None, None))
    path = tmp_path / "s.csv"
    write_strokes_csv(path, [whole, bare, begun_in_flight])
    assert read_strokes_csv(path) == [whole, bare, begun_in_flight]
    header = "time_s,frame"
    for columns, cells in (
        ("side", "up"), ("speed_kmh,speed_low,speed_high", "54,55,58"), ("speed_kmh,speed_low,speed_high", "200,190,210"),
        ("zone", "middle"), ("confidence", "2"), ("rally", "0"), ("bounce_x_m", "0.1"), ("speed_kmh", "50"),
        ("toss_cm", "20"), ("toss_cm,toss_low,toss_high", "20,22,25"), ("toss_low", "-3"), ("toss_low,toss_high", "12,20"),
    ):  # fmt: skip
        path.write_text(f"{header},{columns}\n1,60,{cells}\n")
        with pytest.raises(LabelError, match="s.csv:2"):
            read_strokes_csv(path)
    path.write_text("time_s,frame\n,60\n")
    with pytest.raises(LabelError, match="no time_s"):
        read_strokes_csv(path)
