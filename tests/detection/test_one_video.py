"""What is written of one video: from proposals alone, whoever makes them; and the file is opened no more often than need be."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from ball_videos import ball_path, ball_picture, write_video
from detection_runs import ToldProposals, planned

from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.detection.jobs import Job
from ttcli.detection.one_video import write_outputs
from ttcli.results.events import read_events_csv
from ttcli.results.trajectory import Status, read_ball_csv
from ttcli.spotting.spotter import spot_events
from ttcli.spotting.weights import load_spotters
from ttcli.video.probe import VideoInfo

HEIGHT, WIDTH, RATE = 720, 1280, 50
SETTINGS = DetectConfig(link=False, refine=False, overwrite=True)


def flight(frame):
    """Return a place on a parabola, as a ball has it that rises and falls."""
    return 200 + 12.0 * frame, 400 - 14.0 * frame + 0.8 * frame**2


@pytest.fixture
def written(tmp_path, runtime):
    """Return a function that writes what proposals become, and returns the summary and the rows."""
    video = tmp_path / "match.mp4"
    video.write_bytes(b"read by nobody")
    info = VideoInfo(video, HEIGHT, WIDTH, Fraction(RATE), None, None, "h264", False)

    def write(proposals, **settings):
        plan = planned(info, runtime, HEIGHT, WIDTH, replace(SETTINGS, **settings))
        summary = write_outputs(Job(video, tmp_path / "ball.csv"), plan, proposals, runtime, True, lambda line: None)
        return summary, read_ball_csv(tmp_path / "ball.csv")

    return write


def test_proposals_are_all_that_rows_come_from(written):
    places = [flight(frame) if frame % 5 else None for frame in range(22)]
    summary, rows = written(ToldProposals(places, RATE))
    assert [row.x is not None for row in rows] == [place is not None for place in places]
    assert all((row.x, row.y) == pytest.approx(place, abs=0.006) for row, place in zip(rows, places, strict=True) if place)
    assert (summary.frames, summary.seen, summary.shots) == (22, 17, 1)


def test_a_sign_that_looks_like_a_ball_is_unseen_and_a_ball_that_flies_is_seen(written):
    """In two shots, each with a sure peak in every frame; decided over time, as is usual."""
    flying = [flight(frame) for frame in range(22)]
    signs = [(300.0 + frame % 2, 200.0) for frame in range(40)]
    _, rows = written(ToldProposals([*signs, *flying], RATE, [0] * 40 + [1] * 22), link=True)
    assert {row.status for row in rows[:40]} == {Status.UNSEEN}
    assert {row.status for row in rows[42:]} == {Status.SEEN}


def test_gaps_are_filled_where_it_is_asked(written):
    places = [None if 8 <= frame < 12 else flight(frame) for frame in range(22)]
    _, plain = written(ToldProposals(places, RATE))
    summary, asked = written(ToldProposals(places, RATE), fill=4)
    assert [row.status for row in plain[8:12]] == [Status.UNSEEN] * 4
    assert [row.status for row in asked[8:12]] == [Status.FILLED] * 4
    assert summary.filled == 4 and "4 filled" in str(summary)


def test_shots_and_events_are_those_of_the_rows(written, tmp_path):
    along = np.arange(300) / RATE
    places = [(200 + 800 * abs((t % 2) - 1), 500 - 120 * abs(np.sin(4 * t))) for t in along]  # to and fro, bouncing
    shots = [int(frame >= 160) for frame in range(300)]
    files = {"events": tmp_path / "events.csv", "shots": tmp_path / "shots.csv"}
    summary, rows = written(ToldProposals(places, RATE, shots), event_threshold=0.2, **files)
    assert files["shots"].read_text().splitlines()[1:] == ["0,0,159,0.000000,3.180000", "1,160,299,3.200000,5.980000"]
    told = read_events_csv(files["events"])
    shown = [replace(row, shot=shot) for row, shot in zip(rows, shots, strict=True)]
    again = list(spot_events(shown, load_spotters(), HEIGHT, WIDTH, 0.2))
    assert told and [event.event for event in told] == [event.event for event in again]
    assert [event.time_seconds for event in told] == pytest.approx([event.time_seconds for event in again], abs=2e-3)
    assert summary.bounces == sum(event.event == "bounce" for event in told) and summary.shots == 2


def test_detect_opens_its_video_three_times(tmp_path, runtime, monkeypatch):
    """To learn what it is, to look at its ball, and to read it."""
    video = write_video(tmp_path / "match.mp4", (ball_picture(64, 96, place) for place in ball_path(200)))
    opened, real = [], av.open
    monkeypatch.setattr(av, "open", lambda *arguments, **settings: opened.append(arguments) or real(*arguments, **settings))
    detect([video], tmp_path / "ball.csv", DetectConfig(shots=tmp_path / "shots.csv"), quiet=True, runtime=runtime)
    assert len(opened) <= 3
