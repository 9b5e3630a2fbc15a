"""Decisions count at once, are taken back, are there again, and come out applied."""

import json
import time
from fractions import Fraction

import numpy as np
import pytest
from ball_videos import ball_picture, write_video
from click.testing import CliRunner
from reviewed_matches import COUNT, LOW, MISSED, RATE, WRONG, ball_at, describe, make_match, open_match

from ttcli.cli import main
from ttcli.configs import ExtractConfig
from ttcli.errors import InputError, OutputError, SettingError
from ttcli.extract import extract
from ttcli.labels.ball import BallLabel
from ttcli.labels.formats import read_ball_labels, read_event_labels
from ttcli.labels.sources import find_sources
from ttcli.results.events import read_events_csv
from ttcli.results.manifest import read_manifest
from ttcli.results.rallies import read_rallies_csv
from ttcli.results.trajectory import Status, read_ball_csv
from ttcli.table.views import views_from_json


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_match(tmp_path_factory.mktemp("match"))


@pytest.fixture
def match(files):
    for path in files[0].parent.glob("*.jsonl"):
        path.unlink()
    match = open_match(*files)
    yield match
    match.log.close()


def again(match, files):
    match.log.close()
    return open_match(*files)


def test_the_worst_places_are_the_faults(match):
    worst = [doubt["frame"] for doubt in match.worst(4) if doubt["kind"] == "ball"]
    assert {WRONG, LOW, MISSED} <= {*worst} and worst[0] == WRONG


def test_decisions_change_rows_and_stand_when_the_match_is_opened_again(match, files):
    changed = match.decide({"kind": "ball", "frame": WRONG, "x": 50.5, "y": 40.25})
    assert WRONG not in [doubt["frame"] for doubt in changed["queue"] if doubt["kind"] == "ball"] and changed["decided"] == 1
    match.decide({"kind": "right", "frame": LOW})
    match.decide({"kind": "none", "frame": 3})
    match.decide({"kind": "unknown", "frame": 4})
    match = again(match, files)
    rows = {row[0]: row[2:4] + row[5:] for row in match.rows(0, COUNT)["rows"]}
    assert rows[WRONG] == [50.5, 40.25, "seen", "ball"] and rows[3] == rows[4][:3] + ["none"] == [None, None, "unseen", "none"]
    assert rows[LOW][3] == "ball" and match.log.corrections.balls()[LOW].confirmed and match.queue.decided_frames == 4
    match.log.close()


def test_undo_takes_back_the_last_decision_that_stands(match, files):
    before = match.rows(0, COUNT)
    match.decide({"kind": "none", "frame": WRONG})
    match.decide({"kind": "event", "event": "bounce", "frame": 33})
    assert match.undo()["undone"]["kind"] == "event" and match.undo()["undone"]["frame"] == WRONG
    assert match.rows(0, COUNT) == before
    match = again(match, files)
    assert match.rows(0, COUNT) == before and match.log.next_number == 5
    with pytest.raises(ValueError, match="nothing to take back"):
        match.undo()
    match.log.close()


def test_a_whole_path_is_confirmed_but_for_what_is_decided_already(match):
    match.decide({"kind": "none", "frame": WRONG})
    match.decide({"kind": "path_right", "frame": 22})
    balls = match.log.corrections.balls()
    assert set(balls) == set(range(7, 38)) and not balls[WRONG].confirmed
    assert all(balls[frame].confirmed for frame in balls if frame != WRONG)


def test_events_rallies_and_tables_are_decided(match, files):
    event, net = (doubt for doubt in match.worst(50) if doubt["kind"] == "event")
    assert {event["about"]["event"], net["about"]["event"]} == {"bounce", "net"}
    match.decide({"kind": "no_event", "event": "net", "frame": 25.0, "doubt": "event:1"})
    match.decide({"kind": "event", "event": "bounce", "frame": 33})
    match.decide({"kind": "rally", "rally": 1, "start_frame": 4, "end_frame": 52, "start_s": 0.16, "end_s": 2.08})
    match.decide({"kind": "rally", "start_frame": 54, "end_frame": 59, "start_s": 2.16, "end_s": 2.36})
    corners = [[28, 72], [132, 72], [116, 54], [44, 54]]
    changed = match.decide({"kind": "table", "frame": 0, "corners": corners, "start_s": 0.0, "end_s": COUNT / RATE})
    assert [(event.event, event.frame) for event in match.events()] == [("bounce", 10.3), ("bounce", 33)]
    assert [(rally["number"], rally["start_frame"], rally["server"]) for rally in changed["rallies"]] == [
        (1, 4, "left"),
        (2, 54, None),
    ]
    [table] = changed["tables"]
    assert np.abs(np.array(list(table["corners"].values())) - corners).max() < 3
    left = {doubt["name"] for doubt in match.worst(99) if doubt["kind"] != "ball"}
    assert not left & {"event:1", "rally:0start", "rally:0end", "table:0"}
    match = again(match, files)
    assert {doubt["name"] for doubt in match.worst(99) if doubt["kind"] != "ball"} == left
    match.decide({"kind": "no_rally", "rally": 2})
    assert len(match.progress()["rallies"]) == 1
    match.log.close()


@pytest.mark.parametrize(
    "asked",
    [
        None, [], "right", {}, {"kind": "dance"}, {"kind": "right"}, {"kind": "right", "frame": 3.5},
        {"kind": "right", "frame": COUNT},
        {"kind": "ball", "frame": 3}, {"kind": "ball", "frame": COUNT, "x": 1, "y": 1}, {"kind": "undo", "of": 1},
        {"kind": "none", "frame": -1}, {"kind": "event", "frame": 3, "event": "hit"}, {"kind": "no_rally"},
        {"kind": "ball", "frame": 10**30},
    ],
)  # fmt: skip
def test_what_is_no_decision_is_refused_and_written_nowhere(match, asked):
    size = match.log.path.stat().st_size
    with pytest.raises(ValueError):
        match.decide(asked)
    assert match.log.path.stat().st_size == size


def test_corrections_come_out_applied(match, files):
    video, ball = files
    match.decide({"kind": "ball", "frame": WRONG, "x": 50.5, "y": 40.25})
    match.decide({"kind": "none", "frame": 3})
    match.decide({"kind": "unknown", "frame": 4})
    match.decide({"kind": "right", "frame": LOW})
    match.decide({"kind": "no_event", "event": "net", "frame": 25.0})
    match.decide({"kind": "rally", "rally": 1, "start_frame": 4, "end_frame": 52, "start_s": 0.16, "end_s": 2.08})
    corners = [[28, 72], [132, 72], [116, 54], [44, 54]]
    match.decide({"kind": "table", "frame": 0, "corners": corners, "start_s": 0.0, "end_s": COUNT / RATE})
    output = ball.parent / "out.csv"
    result = run("review", video, ball, "--apply", "-o", output, "--overwrite", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["rows"], said["decided"], said["changed"]) == (COUNT, 4, 3)
    before, after = read_ball_csv(ball), read_ball_csv(output)
    changed = [
        row.frame_index
        for row, old in zip(after, before, strict=True)
        if (row.x, row.y, row.status) != (old.x, old.y, old.status)
    ]
    assert changed == [3, 4, WRONG]
    assert (after[WRONG].x, after[WRONG].confidence, after[3].confidence, after[4].confidence) == (50.5, 1.0, 0.0, None)
    lines = output.read_text().splitlines()
    assert lines[0].endswith(",play,corrected") and lines[1 + WRONG].endswith(",1,1") and lines[1 + 59].endswith(",0,0")
    assert [event.event for event in read_events_csv(output.with_suffix(".events.csv"))] == ["bounce"]
    assert read_events_csv(output.with_suffix(".events.csv")) == read_events_csv(ball.with_suffix(".events.csv"))[:1]
    [rally] = read_rallies_csv(output.with_suffix(".rallies.csv"))
    assert (rally.start_frame, rally.end_frame, rally.strokes, rally.ended) == (4, 52, 4, "long")
    manifest = read_manifest(output)
    assert manifest["corrections"]["decisions"] == 7 and manifest["csv"]["name"] == "out.csv"
    [view], [old] = views_from_json(manifest["tables"]).views, views_from_json(read_manifest(ball)["tables"]).views
    assert abs(view.camera.position - old.camera.position).max() > 0.01
    assert run("verify", output).exit_code == 0
    refused = run("review", video, ball, "--apply", "-o", output)
    assert refused.exit_code == 1 and "exists already" in refused.stderr and refused.stderr.count("\n") == 1


def test_nothing_decided_changes_nothing(match, files):
    video, ball = files
    output = ball.parent / "same.csv"
    assert run("review", video, ball, "--apply", "-o", output, "--overwrite").exit_code == 0
    old = [line.split(",")[:7] for line in ball.read_text().splitlines()]
    assert [line.split(",")[:7] for line in output.read_text().splitlines()] == old


def test_decisions_are_labels(match, files, tmp_path):
    video, ball = files
    for asked in (
        {"kind": "ball", "frame": WRONG, "x": 50.5, "y": 40.25}, {"kind": "none", "frame": 3}, {"kind": "unknown", "frame": 4},
        {"kind": "event", "event": "bounce", "frame": 33}, {"kind": "no_event", "event": "net", "frame": 25.0},
    ):  # fmt: skip
        match.decide(asked)
    labels = read_ball_labels(match.log.path)
    assert labels == {WRONG: BallLabel(True, 50.5, 40.25), 3: BallLabel(False)}
    assert [(event.frame_index, event.event) for event in read_event_labels(match.log.path)] == [(33, "bounce")]
    assert find_sources(video)[0].balls == match.log.path
    measured = run("evaluate", ball, match.log.path, "--size", "160x96", "--json", "--bootstrap", 0)
    assert measured.exit_code == 0, measured.output
    assert json.loads(measured.stdout)["all"]["labelled"] == 2
    assert run("convert", match.log.path, tmp_path / "ball.xml", "--video", video).exit_code == 0


def test_extract_takes_decisions_with_the_sure_rows_around_them(tmp_path):
    video, ball = tmp_path / "match.mp4", tmp_path / "match.csv"
    write_video(video, (ball_picture(96, 160, ball_at(number)) for number in range(COUNT)), Fraction(RATE))
    describe(video, ball)
    match = open_match(video, ball)
    match.decide({"kind": "ball", "frame": WRONG, "x": ball_at(WRONG)[0], "y": ball_at(WRONG)[1]})
    config = ExtractConfig(events=None, height=96, width=160, validation=0.0)
    match.log.close()
    report = extract([video], tmp_path / "set", config, balls=match.log.path, quiet=True)
    frames = report.totals["frames"]
    assert frames["visible"] == 30 and frames["unknown"] == 1  # 15 before and after; LOW is not sure


def test_a_ball_csv_of_another_video_is_told(files, tmp_path):
    video, ball = files
    other = tmp_path / "other.mp4"
    content = bytearray(video.read_bytes())
    content[-40] ^= 1  # same size, another content
    other.write_bytes(content)
    for told in (run("review", other, ball, "--no-browser"), run("review", other, ball, "--apply")):
        assert told.exit_code == 1 and told.stderr.count("\n") == 1
    assert "is of another video (match.mp4, by its manifest)" in run("review", other, ball, "--no-browser").stderr


def test_a_large_video_is_compared_while_the_page_is_open(match, files, monkeypatch):
    monkeypatch.setattr("ttcli.reviewing.match.HASHED_AT_ONCE", 0)
    match.found.manifest["video"]["sha256"] = "00"
    match.check_in_background()
    for _ in range(200):
        if match.trouble:
            break
        time.sleep(0.01)
    assert "is of another video" in match.trouble
    with pytest.raises(SettingError, match="another video"):
        match.decide({"kind": "right", "frame": 3})


def test_corrections_of_another_video_are_refused_and_those_on_another_csv_are_told_of(match, files, tmp_path):
    video, ball = files
    match.decide({"kind": "none", "frame": 3})
    match.log.close()
    lines = match.log.path.read_text().splitlines(keepends=True)
    header = json.loads(lines[0])
    other = tmp_path / "a.jsonl"
    other.write_text(json.dumps({**header, "video": {**header["video"], "sha256": "00"}}) + "\n" + lines[1])
    result = run("review", video, ball, "--corrections", other, "--no-browser")
    assert result.exit_code == 1 and "corrections of another video" in result.stderr
    told = []
    match.log.path.write_text(json.dumps({**header, "ball": {"name": "ball.csv", "sha256": "00"}}) + "\n" + lines[1])
    again = open_match(video, ball, told.append)
    assert again.queue.decided_frames == 1 and len(told) == 1 and "another ball.csv" in told[0]
    again.log.close()


def test_two_reviews_of_a_match_at_a_time_are_refused(match, files):
    with pytest.raises(OutputError, match="another review"):
        open_match(*files)


def test_files_that_are_missing_are_told_of(tmp_path, files):
    video, ball = files
    for arguments, fact in (
        ((tmp_path / "absent.mp4", ball), "does not exist"),
        ((video, tmp_path / "absent.csv"), "does not exist"),
        ((video, ball, "--events", tmp_path / "absent.csv"), "absent.csv"),
        ((video, ball, "--apply", "--corrections", tmp_path / "absent.jsonl"), "does not exist"),
    ):
        result = run("review", *arguments, "--no-browser")
        assert result.exit_code == 1 and fact in result.stderr and result.stderr.count("\n") == 1, result.output
    assert run("review", video, ball, "-o", tmp_path / "a.csv").exit_code == 2


def test_no_events_no_rallies_no_table_and_no_manifest_are_no_trouble(tmp_path):
    video, ball = make_match(tmp_path, manifest=False)
    for kind in ("events", "rallies"):
        ball.with_suffix(f".{kind}.csv").unlink()
    told = []
    match = open_match(video, ball, told.append)
    assert len(told) == 1 and "no manifest" in told[0]
    assert match.progress()["rallies"] == match.progress()["tables"] == match.events() == []
    match.decide({"kind": "event", "event": "bounce", "frame": 3})
    corners = [[28, 72], [132, 72], [116, 54], [44, 54]]
    assert match.decide({"kind": "table", "frame": 0, "corners": corners, "start_s": 0.0, "end_s": 1.0})["tables"]
    match.log.close()
    assert run("review", video, ball, "--apply").exit_code == 0
    assert (tmp_path / "match.corrected.events.csv").exists() and not (tmp_path / "match.corrected.rallies.csv").exists()
    with pytest.raises(InputError):
        describe(video, ball, manifest=False)
        ball.write_text("frame,time_s,x,y,confidence,status,duplicate\n500,20.0,,,0.0,unseen,0\n")
        open_match(video, ball)


def test_status_words_are_those_of_ball_csv():
    assert {status.value for status in Status} == {"seen", "filled", "unseen", "broken"}
