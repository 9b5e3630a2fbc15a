"""Detection without files tells what `detect` writes."""

import pytest
from ball_videos import ball_path

from ttcli import detect_ball
from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.errors import InputError
from ttcli.results.events import read_events_csv
from ttcli.results.trajectory import read_ball_csv


def test_rows_and_events_are_those_of_the_files(ball_video, runtime, tmp_path):
    video = ball_video(positions=[place if index % 4 else None for index, place in enumerate(ball_path(60))])
    found = detect_ball(str(video), runtime=runtime, step=9)
    files = {"events": tmp_path / "events.csv", "shots": tmp_path / "shots.csv"}
    detect([video], tmp_path / "ball.csv", DetectConfig(step=9, **files), quiet=True, runtime=runtime)
    written = read_ball_csv(tmp_path / "ball.csv")
    assert [(row.frame_index, row.status) for row in found.rows] == [(row.frame_index, row.status) for row in written]
    places = [(row.x, row.y) for row in found.rows if row.x is not None]
    assert places == [pytest.approx((row.x, row.y), abs=0.006) for row in written if row.x is not None] and places
    assert [event.event for event in found.events] == [event.event for event in read_events_csv(files["events"])]
    assert [(shot.first_frame, shot.last_frame) for shot in found.shots] == [(0, 59)]


def test_what_cannot_be_done_is_said_as_on_the_command_line(tmp_path, runtime):
    with pytest.raises(InputError, match="does not exist"):
        detect_ball(tmp_path / "none.mp4", runtime=runtime)
    with pytest.raises(TypeError, match="colour"):
        detect_ball(tmp_path / "none.mp4", runtime=runtime, colour="red")
    with pytest.raises(TypeError, match="events, ray"):
        detect_ball(tmp_path / "none.mp4", runtime=runtime, ray="local", events="events.csv")
