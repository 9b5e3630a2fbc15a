"""Label files: their states, their inverses, their errors."""

import json
from pathlib import Path

import pytest

from ttcli.errors import InputError, LabelError, OutputError
from ttcli.labels import cvat
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.labels.event import EventLabel, unknown_events
from ttcli.labels.formats import FORMATS, find_format, read_ball_labels
from ttcli.labels.openttgames import (
    read_ball_markup,
    read_events_markup,
    write_ball_markup,
    write_events_markup,
)
from ttcli.labels.problems import Problems
from ttcli.labels.yolo import write_ball_labels
from ttcli.outputs import MARK
from ttcli.results.content_hash import content_hash
from ttcli.results.csv_rows import LONGEST_LINE, read_rows
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_openttgames_has_three_states_and_one_minus_one_is_unknown(tmp_path):
    entries = {
        "7": {"x": 812, "y": 377},
        "8": {"x": -1, "y": -1},
        "9": {"x": -1, "y": 300},
        "10": {"x": 5, "y": -1},
        "11": {"x": 0, "y": 0.5},
    }
    path, problems = write(tmp_path / "ball_markup.json", json.dumps(entries)), Problems()
    labels = read_ball_markup(path, problems.add)
    assert labels == {7: BallLabel(True, 812, 377), 8: NOT_VISIBLE, 11: BallLabel(True, 0, 0.5)}
    [line] = problems.lines()
    assert line.startswith(f"{path}: frame 9: one coordinate alone is -1") and line.endswith("(and 1 more like it)")
    with pytest.raises(LabelError, match="frame 9"):
        read_ball_markup(path)


def test_ball_markup_is_read_back_as_written(tmp_path):
    labels = {3: BallLabel(True, 812.41, 377.0), 1: NOT_VISIBLE, 20: BallLabel(True, 0.0, 1079.0)}
    write_ball_markup(tmp_path / "ball_markup.json", labels)
    assert read_ball_markup(tmp_path / "ball_markup.json") == labels
    assert (tmp_path / "ball_markup.json").read_text() == (
        '{"1": {"x": -1, "y": -1}, "3": {"x": 812.41, "y": 377}, "20": {"x": 0, "y": 1079}}\n'
    )
    with pytest.raises(OutputError):
        write_ball_markup(tmp_path / "ball_markup.json", {})


def test_a_ball_beyond_the_edge_is_written_as_unknown_never_as_not_visible(tmp_path):
    write_ball_markup(tmp_path / "ball_markup.json", {0: BallLabel(True, -1.0, -1.0), 1: BallLabel(True, 5.0, -0.4)})
    assert read_ball_markup(tmp_path / "ball_markup.json") == {}


def test_events_are_sorted_and_unknown_names_are_kept_and_listed(tmp_path):
    path = write(tmp_path / "events.json", '{"130": "bounce", "9": "serve", "40": "empty_event", "50": "serve"}')
    events = read_events_markup(path)
    assert [(event.frame_index, event.event) for event in events] == [
        (9, "serve"),
        (40, "empty_event"),
        (50, "serve"),
        (130, "bounce"),
    ]
    assert unknown_events(events) == ["serve"]
    write_events_markup(tmp_path / "again.json", reversed(events))
    assert read_events_markup(tmp_path / "again.json") == events


def test_two_events_of_one_frame_are_refused(tmp_path):
    with pytest.raises(LabelError, match="two events at frame 5"):
        write_events_markup(tmp_path / "events.json", [EventLabel(5, "net"), EventLabel(5, "bounce")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("[1, 2]", "not a JSON object"),
        ('{"1": {"x": 1, "y": 2}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"1": {"x": ' + "1" * 5000 + ', "y": 2}}', "JSON|no number x"),
        ('{"1": {"x": 1, "y": 2}, "1": {"x": 3, "y": 4}}', "a second label for frame 1"),
        ('{"1": {"x": 1, "y": 2}, "01": {"x": 3, "y": 4}}', "a second label for frame 1"),
        ('{"-1": {"x": 1, "y": 2}}', "no frame number"),
        ('{"1.5": {"x": 1, "y": 2}}', "no frame number"),
        ('{"1": {"x": 1}}', "no number y"),
        ('{"1": {"x": "1", "y": 2}}', "no number x"),
        ('{"1": {"x": true, "y": 2}}', "no number x"),
        ('{"1": {"x": NaN, "y": 2}}', "no number x"),
        ('{"1": {"x": 1e999, "y": 2}}', "no number x"),
        ('{"1": "bounce"}', "no positions of a ball"),
    ],
)
def test_a_malformed_ball_markup_is_refused(tmp_path, text, fact):
    with pytest.raises(LabelError, match=fact) as caught:
        read_ball_markup(write(tmp_path / "ball_markup.json", text))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("text", ['{"1": {"x": 1, "y": 2}}', '{"1": ""}', '{"1": 5}', '"bounce"'])
def test_a_malformed_events_markup_is_refused(tmp_path, text):
    with pytest.raises(LabelError):
        read_events_markup(write(tmp_path / "events_markup.json", text))


def test_labels_by_hand_are_read_with_their_three_states(tmp_path):
    path = write(
        tmp_path / "clip.csv",
        "frame,status,x,y,length,angle_deg,diameter\n2,visible,1236.6,663.6,24.0,20,16.0\n0,unknown,,,,,\n1,absent,,,,,\n",
    )
    assert read_ball_labels(path) == {1: NOT_VISIBLE, 2: BallLabel(True, 1236.6, 663.6)}


def test_a_ball_csv_is_read_as_labels(tmp_path):
    rows = [
        BallPosition(0, 0.0, 5.0, 6.0, 0.9, Status.SEEN),
        BallPosition(1, 0.1, 7.0, 8.0, 0.2, Status.FILLED),
        BallPosition(2, 0.2, None, None, 0.1, Status.UNSEEN),
        BallPosition(3, 0.3, None, None, None, Status.BROKEN),
    ]
    write_ball_csv(tmp_path / "ball.csv", rows)
    labels = read_ball_labels(tmp_path / "ball.csv")
    assert labels == {0: BallLabel(True, 5.0, 6.0), 1: BallLabel(True, 7.0, 8.0), 2: NOT_VISIBLE}


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("1,absent,,", "a second label for frame 1"),
        ("2,hidden,,", "status is 'hidden'"),
        ("2,visible,4,", "x or y is empty"),
        ("2,absent,4,5", "x or y is filled"),
        ("2.0,absent,,", "frame is '2.0'"),
    ],
)
def test_a_malformed_label_line_is_named(tmp_path, line, fact):
    path = write(tmp_path / "clip.csv", f"frame,status,x,y\n1,unknown,,\n{line}\n")
    with pytest.raises(LabelError, match=fact) as caught:
        read_ball_labels(path)
    assert str(caught.value).startswith(f"{path}:3: ")


def test_the_format_is_found_by_content_not_by_name(tmp_path):
    markup = write(tmp_path / "a.csv", '\n {"1": {"x": -1, "y": -1}}')
    table = write(tmp_path / "b.json", "\ufeffx,y,frame,status\r\n1,2,3,visible\r\n")
    assert read_ball_labels(markup) == {1: NOT_VISIBLE}
    assert read_ball_labels(table) == {3: BallLabel(True, 1.0, 2.0)}
    assert (find_format(markup).picture_height, find_format(markup).picture_width) == (1080, 1920)
    assert find_format(table).picture_width is None


def test_a_file_of_no_format_is_refused_with_the_formats_that_are_known(tmp_path):
    with pytest.raises(LabelError) as caught:
        read_ball_labels(write(tmp_path / "clip.events.csv", "frame,event,x,y\n"))
    assert all(label_format.title in str(caught.value) for label_format in FORMATS)
    (tmp_path / "video.mp4").write_bytes(bytes(range(256)))
    with pytest.raises(LabelError):
        find_format(tmp_path / "video.mp4")
    with pytest.raises(InputError):
        find_format(tmp_path / "missing.csv")


def test_a_label_cannot_contradict_itself():
    with pytest.raises(ValueError):
        BallLabel(True)
    with pytest.raises(ValueError):
        BallLabel(False, 1.0, 2.0)


@pytest.mark.parametrize("replaced", [False, True], ids=["while it wrote", "while it put them in place"])
def test_yolo_labels_of_a_killed_run_are_swept_and_those_it_moved_aside_put_back(tmp_path, replaced):
    path = tmp_path / "labels"
    left = tmp_path / f".labels{MARK}killed"
    (left / ("old" if replaced else "new")).mkdir(parents=True)
    (left / ("old" if replaced else "new") / "frame_000001.txt").touch()
    if replaced:
        with pytest.raises(OutputError, match="exists already"):
            write_ball_labels(path, {2: NOT_VISIBLE}, 100, 100)
        assert (path / "frame_000001.txt").exists()
    else:
        write_ball_labels(path, {2: NOT_VISIBLE}, 100, 100)
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels"]


def test_an_empty_track_holds_no_labels(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text('<annotations><track id="0" label="ball"></track></annotations>')
    assert cvat.read_ball_labels(path) == {}


def test_shapes_that_stand_for_more_frames_than_a_video_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cvat, "MAX_FRAMES", 1000)
    shapes = '<points frame="0" outside="1" keyframe="1"/><points frame="999" outside="1" keyframe="1"/>'
    path = tmp_path / "a.xml"
    path.write_text("<annotations>" + f'<track id="0" label="ball">{shapes}</track>' * 50 + "</annotations>")
    with pytest.raises(LabelError, match="stand for more than 2,000 frames"):
        cvat.read_ball_labels(path, lambda problem: None)


def test_half_a_pair_of_surrogates_is_no_name(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"1":"\\ud800"}')
    with pytest.raises(LabelError, match="frame 1: the name of the event is no text"):
        read_events_markup(path, lambda problem: None)


@pytest.mark.parametrize("name", ["x" * 201, " "])
def test_a_name_that_none_can_be_is_no_event(tmp_path, name):
    path = tmp_path / "a.json"
    path.write_text('{"1": "bounce", "2": "' + name + '"}')
    problems = Problems()
    assert read_events_markup(path, problems.add) == [EventLabel(1, "bounce")]
    assert "frame 2: no name of an event" in problems.lines()[0]


@pytest.mark.parametrize("read", [find_format, read_ball_markup, cvat.read_ball_labels, content_hash])
def test_what_has_no_end_is_not_read(read):
    with pytest.raises(InputError, match="/dev/zero: is no ordinary file"):
        read(Path("/dev/zero"))


def test_a_line_without_end_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("frame,status,x,y\n" + "1" * (LONGEST_LINE + 5))
    with pytest.raises(LabelError, match=r"a.csv:1: is not CSV \(a line of 1,048,576 characters or more\)"):
        list(read_rows(path, ("frame",)))
