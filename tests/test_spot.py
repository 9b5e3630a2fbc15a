"""`spot`: the events of a path that is known, whatever file it comes in, and what it needs to be told."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ttcli.configs import DetectConfig, SpotConfig
from ttcli.detection.jobs import check_findings
from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.results.events import read_events_csv
from ttcli.results.manifest import MADE_BY, manifest_path
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv
from ttcli.spot import spot
from ttcli.spotting.net_plane import on_table
from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT
from ttcli.table.views import TableView, views_as_json

SIZED = SpotConfig(picture_height=1080, picture_width=1920)


def bouncing(count=240, frame_rate=60):
    """Return the places of a ball that bounces on one spot every half second, drifting to the right."""
    places = []
    for frame in range(count):
        at = frame / frame_rate % 0.5
        places.append((500 + 2.0 * frame, 700 - 1750 * at * (0.5 - at) * 2))
    return places


def ball_csv(path, frame_rate=60):
    rows = (
        BallPosition(frame, frame / frame_rate, x, y, 0.95, Status.SEEN)
        for frame, (x, y) in enumerate(bouncing(240, frame_rate))
    )
    write_ball_csv(path, rows)
    return path


def bounces(path):
    return [event.frame for event in read_events_csv(path) if event.event == "bounce"]


def test_the_same_path_gives_the_same_events_from_every_file(tmp_path):
    told = spot(ball_csv(tmp_path / "ball.csv"), None, SIZED)
    assert told.output == str(tmp_path / "ball.events.csv") and told.bounce >= 5
    labels = {str(frame): {"x": x, "y": y} for frame, (x, y) in enumerate(bouncing())}
    (tmp_path / "ball_markup.json").write_text(json.dumps(labels))
    lines = [f"{frame},visible,{x},{y}" for frame, (x, y) in enumerate(bouncing())]
    (tmp_path / "labels.csv").write_text("\n".join(["frame,status,x,y", *lines]) + "\n")
    expected = bounces(tmp_path / "ball.events.csv")
    for name in ("ball_markup.json", "labels.csv"):
        config = SpotConfig(picture_height=1080, picture_width=1920, frame_rate=60)
        spot(tmp_path / name, tmp_path / f"{name}.events.csv", config)
        assert bounces(tmp_path / f"{name}.events.csv") == pytest.approx(expected, abs=0.3)


def test_what_is_missing_is_asked_for(tmp_path):
    path = ball_csv(tmp_path / "ball.csv")
    with pytest.raises(SettingError, match="--size"):
        spot(path, None, SpotConfig())
    (tmp_path / "labels.csv").write_text("frame,status,x,y\n0,visible,1,2\n")
    with pytest.raises(SettingError, match="--fps"):
        spot(tmp_path / "labels.csv", None, SIZED)
    for config, name in ((SpotConfig(threshold=0.0), "--event-threshold"), (SpotConfig(frame_rate=-1.0), "--fps")):
        with pytest.raises(SettingError, match=name):
            spot(path, None, config)


def test_wrong_files_are_named_and_leave_nothing(tmp_path):
    with pytest.raises(InputError, match="absent"):
        spot(tmp_path / "absent.csv", None, SIZED)
    (tmp_path / "bad.csv").write_text("frame,time_s,x,y,confidence,status\n0,0.0,nan,3,0.9,seen\n")
    with pytest.raises(LabelError, match="bad.csv:2"):
        spot(tmp_path / "bad.csv", None, SIZED)
    (tmp_path / "late.csv").write_text("frame,time_s,x,y,confidence,status\n0,0.0,1,3,0.9,seen\n1,0.1,x,3,0.9,seen\n")
    with pytest.raises(LabelError, match="late.csv:3"):
        spot(tmp_path / "late.csv", None, SIZED)
    spot(ball_csv(tmp_path / "ball.csv"), None, SIZED)
    with pytest.raises(OutputError, match="--overwrite"):
        spot(tmp_path / "ball.csv", None, SIZED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "ball.csv", "ball.events.csv", "late.csv"]


def test_an_empty_path_gives_an_empty_list(tmp_path):
    write_ball_csv(tmp_path / "ball.csv", [])
    assert spot(tmp_path / "ball.csv", None, SIZED).as_json()["bounce"] == 0
    assert read_events_csv(tmp_path / "ball.events.csv") == []


def test_events_beside_a_detection_are_checked_first(tmp_path):
    config = DetectConfig(events=tmp_path / "e.csv", rallies=tmp_path / "r.csv")
    with pytest.raises(SettingError, match="one video"):
        check_findings([tmp_path / "a.mp4", tmp_path / "b.mp4"], (), config)
    for other in ("e.csv", "r.csv"):
        with pytest.raises(SettingError, match="same file"):
            check_findings([tmp_path / "a.mp4"], (tmp_path / other, None), config)
    with pytest.raises(SettingError, match="same file"):
        check_findings([tmp_path / "a.mp4"], (), DetectConfig(events=tmp_path / "e.csv", rallies=tmp_path / "e.csv"))
    with pytest.raises(OutputError, match="does not exist"):
        check_findings([tmp_path / "a.mp4"], (None,), DetectConfig(rallies=tmp_path / "no" / "r.csv"))


def test_no_event_is_looked_for_across_a_cut(tmp_path):
    (tmp_path / "shots.csv").write_text("shot,first_frame,last_frame,start_s,end_s\n0,0,119,0,1.98\n1,120,239,2,3.98\n")
    whole = spot(ball_csv(tmp_path / "ball.csv"), tmp_path / "whole.csv", SIZED)
    parted = spot(tmp_path / "ball.csv", tmp_path / "parted.csv", replace(SIZED, shots=tmp_path / "shots.csv"))
    assert whole.bounce >= parted.bounce > 0
    assert bounces(tmp_path / "whole.csv") != bounces(tmp_path / "parted.csv")  # each half knows less
    (tmp_path / "bad.csv").write_text("shot,first_frame\n0,soon\n")
    with pytest.raises(LabelError, match="first_frame"):
        spot(tmp_path / "ball.csv", tmp_path / "e.csv", replace(SIZED, shots=tmp_path / "bad.csv"))


def test_a_manifest_tells_where_the_table_is(tmp_path):
    path = ball_csv(tmp_path / "ball.csv")
    spot(path, tmp_path / "without.csv", SIZED)
    right, forward = np.array([0.0, 1.0, 0.0]), np.array([-0.92, 0.0, -0.4]) / np.hypot(0.92, 0.4)
    rotation = np.stack([right, np.cross(forward, right), forward])
    camera = TableCamera(np.array([3.3, 0.0, 2.5]), rotation, 1100.0, np.array([959.5, 539.5]), 1920)
    views = views_as_json([TableView(0.0, 2.0, camera)])
    manifest_path(path).write_text(json.dumps({"made_by": MADE_BY, "tables": views}))
    spot(path, tmp_path / "with.csv", SIZED)
    without, told = (
        [event for event in read_events_csv(tmp_path / f"{name}.csv") if event.event == "bounce"]
        for name in ("without", "with")
    )
    assert all(event.table_x is None for event in without)
    assert all(on_table(camera, np.array([event.x, event.y])) for event in told if event.time_seconds <= 2.0)
    placed = [event for event in told if event.table_x is not None]
    assert placed and all(event.time_seconds <= 2.0 for event in placed)
    for event in placed:
        x, y, _ = camera.on_plane(np.array([event.x, event.y]), TABLE_HEIGHT + BALL_RADIUS)
        assert (event.table_x, event.table_y) == pytest.approx((x, y), abs=0.02)


def test_a_manifest_tells_how_large_the_picture_is(tmp_path):
    path = ball_csv(tmp_path / "ball.csv")
    with pytest.raises(SettingError, match="size of the picture"):
        spot(path, tmp_path / "nobody.csv", SpotConfig())
    for video in ({"height": "1080", "width": 1920}, {"width": 1920}, None):
        manifest_path(path).write_text(json.dumps({"made_by": MADE_BY, "video": video}))
        with pytest.raises(SettingError, match="size of the picture"):
            spot(path, tmp_path / "wrong.csv", SpotConfig())
    manifest_path(path).write_text(json.dumps({"made_by": MADE_BY, "video": {"height": 1080, "width": 1920}}))
    spot(path, tmp_path / "known.csv", SpotConfig())
    spot(path, tmp_path / "told.csv", SIZED)
    assert (tmp_path / "known.csv").read_bytes() == (tmp_path / "told.csv").read_bytes()


def test_a_table_is_told_by_hand(tmp_path):
    path = ball_csv(tmp_path / "ball.csv")
    with pytest.raises(SettingError, match="--table"):
        spot(path, tmp_path / "events.csv", replace(SIZED, table="700,400 1200,800 1200,400 700,800"))
    assert not (tmp_path / "events.csv").exists()
    camera = TableCamera(
        np.array([3.3, -3.0, 2.5]), np.array([[0.67, 0.74, 0.0], [0.27, -0.25, -0.93], [-0.69, 0.62, -0.37]]), 1100.0,
        np.array([959.5, 539.5]), 1920,
    )  # fmt: skip
    left, _, right = np.linalg.svd(camera.rotation)
    camera = replace(camera, rotation=left @ right)
    around = " ".join(f"{x:.1f},{y:.1f}" for x, y in camera.project(landmarks()[0][[0, 2, 3, 1]]))
    spot(path, tmp_path / "with.csv", replace(SIZED, table=around))
    places = [event.table_x for event in read_events_csv(tmp_path / "with.csv") if event.event == "bounce"]
    assert all(place is not None for place in places)
