"""Every label format: what is written is read back, the three states survive, and wrong entries are counted."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.labels import cvat, openttgames, tracknet, ttcli_csv, yolo
from ttcli.labels.ball import NOT_VISIBLE, BallLabel, Footage
from ttcli.labels.event import EventLabel
from ttcli.labels.formats import (
    FORMATS,
    KEYS,
    find_event_format,
    find_format,
    get_format,
    holds_balls,
    holds_events,
    read_ball_labels,
    read_event_labels,
)
from ttcli.labels.problems import Problems

FULL_HD = Footage(height=1080, width=1920)
quick = settings(max_examples=50, deadline=None)

hundredths = st.tuples(st.integers(0, 191_900), st.integers(1, 107_900))
ball_labels = st.one_of(st.just(NOT_VISIBLE), hundredths.map(lambda place: BallLabel(True, place[0] / 100, place[1] / 100)))
labels_by_frame = st.dictionaries(st.integers(0, 60) | st.integers(0, 10**6), ball_labels, max_size=30)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def read_counting(path, **settings):
    problems = Problems()
    return read_ball_labels(path, problems.add, **settings), problems


def fails_in_one_line(error):
    return "\n" not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.parametrize("key", KEYS)
def test_labels_come_back_as_written_and_the_format_is_found(tmp_path_factory, key):
    @quick
    @given(labels_by_frame)
    def check(labels):
        path = tmp_path_factory.mktemp("labels") / "labels"
        get_format(key).write(path, labels, FULL_HD, False)
        assert read_ball_labels(path, key=key, height=1080, width=1920) == labels
        if labels or key != "yolo":
            assert find_format(path).key == key and holds_balls(path)

    check()


@pytest.mark.parametrize("key", KEYS)
def test_what_a_format_cannot_hold_becomes_unknown_and_never_not_visible(tmp_path, key):
    balls = [BallLabel(True, -0.4, 5.0), BallLabel(True, 0.0, 0.0), BallLabel(True, 3000.0, 5.0), NOT_VISIBLE]
    labels = dict(enumerate(balls))
    label_format = get_format(key)
    label_format.write(tmp_path / "out", labels, FULL_HD, False)
    size = {"height": 1080, "width": 1920} if label_format.needs_size else {}
    back = read_ball_labels(tmp_path / "out", Problems().add, key, **size)
    assert back == {frame: label for frame, label in labels.items() if label_format.cannot_hold(label, FULL_HD) is None}


@pytest.mark.parametrize("key", ["ttcli", "openttgames"])
def test_events_come_back_as_written(tmp_path_factory, key):
    names = st.sampled_from(["bounce", "net", "empty_event", 'left "loop", high', "right_winner"])

    @quick
    @given(st.dictionaries(st.integers(0, 10**6), names, max_size=20))
    def check(events):
        path = tmp_path_factory.mktemp("events") / "events"
        labels = [EventLabel(*item) for item in sorted(events.items())]
        get_format(key).write_events(path, labels, False)
        assert read_event_labels(path) == labels and find_event_format(path).key == key
        assert holds_events(path)

    check()


@pytest.mark.parametrize("key", [label_format.key for label_format in FORMATS if not label_format.is_folder])
def test_an_existing_file_is_not_replaced(tmp_path, key):
    path = write(tmp_path / "mine", "mine")
    with pytest.raises(OutputError):
        get_format(key).write(path, {}, FULL_HD, False)
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text",
    [
        "Frame,Visibility,X,Y\n0,1,5,6\n1,0,0,0\n2,0,-1,-1\n4,2,7.5,8\n5,3,7,8\n6,0,,\n",
        "Frame,X,Y,Visibility,Inpaint_Mask\n0,5,6,1,0\n1,0,0,0,0\n2,-1,-1,0,1\n4,7.5,8,2,0\n5,7,8,3,0\n6,,,0,0\n",
        "Frame,Visibility,X,Y,l,theta\n0,1,5,6,2,3\n1,0,0,0,0,0\n2,0,0,0,0,0\n4,2,7.5,8,1,1\n6,0,3,4,0,0\n",
        (
            "file name,visibility,x-coordinate,y-coordinate,status\n"
            "0000.jpg,1,5,6,0\n0001.jpg,0,,,\n2.png,0,,,\nimg_0004.jpg,2,7.5,8,2\n0005.jpg,3,7,8,0\n0006.jpg,0,,,\n"
        ),
    ],
)
def test_tracknet_is_read_in_both_dialects_and_any_order_of_columns(tmp_path, text):
    labels = read_ball_labels(write(tmp_path / "a.csv", text))
    seen = {0: BallLabel(True, 5, 6), 4: BallLabel(True, 7.5, 8)}
    assert labels == {**seen, 1: NOT_VISIBLE, 2: NOT_VISIBLE, 6: NOT_VISIBLE}


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        ("1,1,0,0", "says visible, the position 0,0"),
        ("1,1,-1,-1", "says visible, the position -1,-1"),
        ("1,1,-1,5", "below 0"),
        ("1,1,5,", "position is empty"),
        ("1,1,abc,5", "X is 'abc'"),
        ("1,1,nan,5", "X is 'nan'"),
        ("1,7,5,5", "Visibility is '7'"),
        ("-1,1,5,5", "Frame is '-1'"),
        ("0,1,5,5", "a second label for frame 0"),
        ("1,1,5000,5", "outside the picture of 1920x1080"),
    ],
)
def test_a_wrong_tracknet_row_is_unknown_and_counted_or_refused(tmp_path, row, fact):
    path = write(tmp_path / "a.csv", f"Frame,Visibility,X,Y\n0,0,0,0\n9,1,5,6\n{row}\n")
    labels, problems = read_counting(path, height=1080, width=1920)
    assert labels.keys() == {9} if row.startswith("0,") else labels == {0: NOT_VISIBLE, 9: BallLabel(True, 5, 6)}
    [line] = problems.lines()
    assert line.startswith(f"{path}:4: ") and fact in line
    with pytest.raises(LabelError, match=fact):
        read_ball_labels(path, height=1080, width=1920)


@pytest.mark.parametrize(
    "name", ["../0001.jpg", "frames/0001.jpg", "..\\0001.jpg", "C:0001.jpg", "/etc/0001", "ball.jpg", "", ".."]
)
def test_file_names_that_lead_elsewhere_or_have_no_number_are_refused(tmp_path, name):
    path = write(tmp_path / "Label.csv", f"file name,visibility,x-coordinate,y-coordinate,status\n{name},1,5,6,0\n")
    for read in (read_ball_labels, read_event_labels):
        with pytest.raises(LabelError, match="file name") as caught:
            read(path, Problems().add)
        assert str(caught.value).startswith(f"{path}:2: ") and fails_in_one_line(caught)


def test_tennis_labels_hold_events_too(tmp_path):
    path = write(
        tmp_path / "Label.csv",
        "file name,visibility,x-coordinate,y-coordinate,status\n"
        "0000.jpg,1,5,6,0\n0001.jpg,1,5,6,1\n0002.jpg,1,5,6,2\n0003.jpg,0,,,\n0004.jpg,1,5,6,9\n",
    )
    problems = Problems()
    assert holds_balls(path) and holds_events(path)
    assert read_event_labels(path, problems.add) == [EventLabel(1, "hit"), EventLabel(2, "bounce")]
    assert problems.count == 1 and "status is '9'" in problems.lines()[0]


def yolo_folder(tmp_path, **files):
    for name, text in files.items():
        write(tmp_path / f"{name}.txt", text)
    return tmp_path


def test_yolo_has_three_states_and_takes_the_frame_from_the_name(tmp_path):
    two = "0 0.1 0.1 0.01 0.01 0.2\n0 0.2 0.2 0.01 0.01 0.9\n"
    folder = yolo_folder(tmp_path, img_000123="0 0.5 0.25 0.01 0.02\n", rally_7="", a3=two, classes="ball\n")
    labels = read_ball_labels(folder, height=100, width=200)
    assert labels == {123: BallLabel(True, 100, 25), 7: NOT_VISIBLE, 3: BallLabel(True, 40, 20)}
    with pytest.raises(SettingError, match="--size 1920x1080"):
        read_ball_labels(folder)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("0 0.5 0.5 0.1 0.1\n0 0.6 0.5 0.1 0.1\n", "several boxes"),
        ("0 1.5 0.5 0.1 0.1\n", "outside 0 to 1"),
        ("0 960 540 10 10\n", "outside 0 to 1"),
        ("0 nan 0.5 0.1 0.1\n", "no box"),
        ("0 x 0.5 0.1 0.1\n", "no box"),
        ("ball 0.5 0.5 0.1 0.1\n", "no box"),
        ("0 0.5 0.5\n", "a line of 3 values"),
        ("\0" * (2**20 + 1), "larger than 1 MB"),
    ],
)
def test_a_wrong_yolo_file_is_unknown_and_counted(tmp_path, text, fact):
    folder = yolo_folder(tmp_path, f_1=text, f_2="0 0.5 0.5 0.1 0.1\n")
    labels, problems = read_counting(folder, height=100, width=100)
    assert labels == {2: BallLabel(True, 50, 50)} and problems.count == 1
    [line] = problems.lines()
    assert line.startswith(f"{folder}: frame 1 (f_1.txt): ") and fact in line
    with pytest.raises(LabelError, match=fact):
        read_ball_labels(folder, height=100, width=100)


def test_yolo_classes(tmp_path):
    box = "0.5 0.5 0.1 0.1\n"
    folder = yolo_folder(tmp_path, f_1=f"32 {box}", f_2="")
    assert read_ball_labels(folder, height=100, width=100) == {1: BallLabel(True, 50, 50), 2: NOT_VISIBLE}
    yolo_folder(tmp_path, f_2=f"7 {box}")
    with pytest.raises(LabelError, match="no box of class 0, but of 7, 32"):
        read_ball_labels(folder, height=100, width=100)
    yolo_folder(tmp_path, f_3=f"0 {box}", f_03="", no_number="")
    labels, problems = read_counting(folder, height=100, width=100)
    assert labels == {1: NOT_VISIBLE, 2: NOT_VISIBLE}  # f_3 and f_03 are the same frame
    assert problems.count == 2 and any("'no_number.txt'" in line for line in problems.lines())


def test_a_yolo_folder_is_complete_or_not_there_and_replaces_nothing_but_labels(tmp_path):
    path = tmp_path / "labels"
    with pytest.raises(AttributeError):
        yolo.write_ball_labels(path, {0: NOT_VISIBLE, 1: None}, 100, 100)
    assert list(tmp_path.iterdir()) == []
    yolo.write_ball_labels(path, {0: NOT_VISIBLE}, 100, 100)
    with pytest.raises(OutputError, match="exists already"):
        yolo.write_ball_labels(path, {}, 100, 100)
    yolo.write_ball_labels(path, {1: BallLabel(True, 50, 20)}, 100, 200, overwrite=True, ball_width=8)
    assert [file.name for file in path.iterdir()] == ["img_000001.txt"]
    assert (path / "img_000001.txt").read_text() == "0 0.2500000 0.2000000 0.0400000 0.0800000\n"
    (path / "img_000001.jpg").touch()
    with pytest.raises(OutputError, match="more than .txt files"):
        yolo.write_ball_labels(path, {}, 100, 100, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["labels"] and len(list(path.iterdir())) == 2


HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
META = "<meta><task><size>100</size><original_size><width>200</width><height>100</height></original_size></task></meta>"


def shape(frame, points="5,6", outside=0, keyframe=1, tag="points"):
    place = f'points="{points}"' if tag == "points" else 'xtl="4" ytl="5" xbr="6" ybr="7"'
    return f'<{tag} frame="{frame}" outside="{outside}" occluded="1" keyframe="{keyframe}" {place} z_order="0"></{tag}>'


def track(*shapes, label="ball"):
    return f'<track id="0" label="{label}" source="manual">{"".join(shapes)}</track>'


def cvat_file(tmp_path, *tracks, meta=META):
    return write(tmp_path / "annotations.xml", f"{HEAD}{meta}{''.join(tracks)}</annotations>")


def test_cvat_outside_lasts_until_the_next_shape_and_ends_a_track(tmp_path):
    path = cvat_file(
        tmp_path,
        track(shape(0), shape(3, outside=1), shape(6, tag="box"), shape(7, outside=1)),
        track(shape(20), shape(21, outside=1), shape(99, outside=1), label="Ball "),
    )
    with pytest.raises(LabelError, match="no label is `ball` alone"):
        read_ball_labels(path)
    write(path, path.read_text().replace("Ball ", "ball"))
    here = BallLabel(True, 5, 6)
    absent = dict.fromkeys((3, 4, 5, *range(21, 100)), NOT_VISIBLE)
    assert read_ball_labels(path) == {0: here, 6: here, 20: here, **absent}


def test_cvat_interpolation_is_nobodys_label_and_is_reported_once(tmp_path):
    path = cvat_file(tmp_path, track(shape(0), shape(1, keyframe=0), shape(2, keyframe=0), shape(3)))
    labels, problems = read_counting(path)
    assert labels.keys() == {0, 3}
    assert problems.count == 1 and "2 shapes between keyframes" in problems.lines()[0]


@pytest.mark.parametrize(
    ("wrong", "fact"),
    [
        (shape(10, "5,6;7,8"), "not one point"),
        (shape(10, "nan,6"), "a coordinate is 'nan'"),
        (shape(10, "5,x"), "a coordinate is 'x'"),
        (shape(10, "500,6"), "outside the picture of 200x100"),
        (shape(-1), "frame is '-1'"),
        (shape(10**8), "frame is '100000000'"),
        (shape(0), "a second label for frame 0"),
    ],
)
def test_a_wrong_cvat_shape_is_unknown_and_counted(tmp_path, wrong, fact):
    path = cvat_file(tmp_path, track(shape(0), shape(5, outside=1), wrong, shape(12)))
    labels, problems = read_counting(path)
    assert 10 not in labels or (labels[10] == NOT_VISIBLE and 'frame="10"' not in wrong)
    assert labels[12] == BallLabel(True, 5, 6) and labels[5] == NOT_VISIBLE
    assert problems.count == 1 and fact in problems.lines()[0]
    with pytest.raises(LabelError, match=fact):
        read_ball_labels(path)


def test_cvat_takes_the_label_ball_or_the_only_one(tmp_path):
    path = cvat_file(tmp_path, track(shape(1), label="shuttle"))
    assert read_ball_labels(path).keys() == {1}
    cvat_file(tmp_path, track(shape(1), label="shuttle"), track(shape(2), label="BALL"))
    assert read_ball_labels(path).keys() == {2}
    cvat_file(tmp_path, track(shape(1), label="shuttle"), track(shape(2), label="player"))
    with pytest.raises(LabelError, match="there are: player, shuttle"):
        read_ball_labels(path)
    assert read_ball_labels(cvat_file(tmp_path)) == {}


def test_cvat_labels_of_another_picture_are_refused(tmp_path):
    path = cvat_file(tmp_path, track(shape(1)))
    assert read_ball_labels(path, height=100, width=200).keys() == {1}
    with pytest.raises(LabelError, match="of 200x100, not 1920x1080"):
        read_ball_labels(path, height=1080, width=1920)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "entities"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations></annotations>', "entities or a document type"),
        ("<annotations><track>", "is not XML"),
        ('<?xml version="1.0" encoding="klingon"?><annotations></annotations>', "is not XML"),
        ("<wrong><annotations/></wrong>", "begins with <wrong>"),
        ('<annotations><image id="0" name="../x.jpg"></image></annotations>', "holds images"),
    ],
)
def test_xml_that_is_no_cvat_video_file_is_refused(tmp_path, text, fact):
    with pytest.raises(LabelError, match=fact) as caught:
        read_ball_labels(write(tmp_path / "a.xml", text), Problems().add)
    assert fails_in_one_line(caught)


def test_cvat_tracks_close_one_frame_after_a_run_but_not_after_the_video(tmp_path):
    here = BallLabel(True, 5, 6)
    labels = {0: here, 1: NOT_VISIBLE, 8: NOT_VISIBLE, 9: NOT_VISIBLE}
    for frame_count, closing in ((None, 'frame="2"'), (10, 'frame="2"'), (20, 'frame="10"')):
        path = tmp_path / f"{frame_count}.xml"
        cvat.write_ball_labels(path, labels, 100, 200, frame_count)
        text = path.read_text()
        assert text.count("<track") == 2 and closing in text and 'frame="20"' not in text
        assert ('frame="10"' in text) == (frame_count == 20)
        assert read_ball_labels(path, height=100, width=200) == labels


def test_events_csv_takes_the_nearest_frame(tmp_path):
    path = write(
        tmp_path / "events.csv",
        "frame,time_s,event,x,y,confidence\n12.5,0.1,net,5,6,0.9\n3.2,0,bounce,,,\nnan,,net,,,\n4,,,,,\n2.9,,bounce,,,\n",
    )
    problems = Problems()
    assert read_event_labels(path, problems.add) == [EventLabel(3, "bounce"), EventLabel(13, "net")]
    assert [line.partition(": ")[0] for line in problems.lines()] == [f"{path}:4", f"{path}:5", f"{path}:6"]


def test_balls_and_events_are_told_apart_by_content(tmp_path):
    balls = write(tmp_path / "a.json", '{"1": {"x": 1, "y": 2}}')
    events = write(tmp_path / "b.json", '{"1": "bounce"}')
    empty = write(tmp_path / "c.json", "{}")
    assert (holds_balls(balls), holds_events(balls)) == (True, False)
    assert (holds_balls(events), holds_events(events)) == (False, True)
    assert read_ball_labels(empty) == {} and read_event_labels(empty) == []
    with pytest.raises(LabelError, match="holds events, not balls"):
        read_ball_labels(events)
    with pytest.raises(LabelError, match="holds balls, not events"):
        read_event_labels(balls)


@pytest.mark.parametrize("text", ["", " \n", "\ufeff"])
def test_an_empty_file_is_an_error_in_one_line(tmp_path, text):
    path = write(tmp_path / "a.csv", text)
    for read in (read_ball_labels, read_event_labels, openttgames.read_ball_markup):
        with pytest.raises(LabelError, match="is empty") as caught:
            read(path, Problems().add)
        assert fails_in_one_line(caught)


@pytest.mark.parametrize("text", ['{"info": {"x": 1}, "images": []}', '{"1": 5}', "[]", '{"1": ["x"]}', "{'1': 2}"])
def test_json_of_another_schema_is_refused(tmp_path, text):
    with pytest.raises(LabelError) as caught:
        read_ball_labels(write(tmp_path / "a.json", text), Problems().add)
    assert fails_in_one_line(caught)


def test_100_mb_of_json_are_refused_before_they_are_read(tmp_path):
    path = write(tmp_path / "ball_markup.json", '{"1": {"x": 1, "y": 2}}')
    os.truncate(path, 100_000_000)
    with pytest.raises(LabelError, match="larger than 64 MB"):
        read_ball_labels(path)


def test_wrong_openttgames_entries_are_unknown_and_counted(tmp_path):
    path = write(
        tmp_path / "ball_markup.json",
        '{"1": {"x": 1, "y": 2}, "2": {"x": "a", "y": 2}, "3": {"x": NaN, "y": 2}, "4": {"x": -1, "y": 7}, "5": "net",'
        '"6": {"x": 5000, "y": 2}, "seven": {"x": 1, "y": 2}, "8": {"x": 1, "x": 2, "y": 3}, "9": {"x": 1, "y": 2},'
        '"9": {"x": 1, "y": 3}, "10": {"x": -3, "y": 3}}',
    )
    labels, problems = read_counting(path, height=1080, width=1920)
    assert labels == {1: BallLabel(True, 1, 2)} and problems.count == 9
    assert len(problems.lines()) == 7
    assert f"{path}: frame 2: no number x in pixels; write it as {openttgames.EXAMPLE} (and 2 more like it)" in (
        problems.lines()
    )


def test_problems_are_counted_by_kind_in_little_memory():
    problems = Problems()
    for number in range(1000):
        problems.add(LabelError(f"x.csv:{number}", f"status is 'word {number}'", "give another"))
        problems.add(LabelError(f"y.json: frame {number}", f"a second label for frame {number}", "keep one of them"))
    assert problems.count == 2000
    assert problems.lines() == [
        "x.csv:0: status is 'word 0'; give another (and 999 more like it)",
        "y.json: frame 0: a second label for frame 0; keep one of them (and 999 more like it)",
    ]


def test_a_format_can_be_forced_and_must_be_known(tmp_path):
    path = write(tmp_path / "a.json", '{"1": "oops", "2": {"x": 1, "y": 2}}')
    assert read_ball_labels(path, Problems().add, key="openttgames") == {2: BallLabel(True, 1, 2)}
    with pytest.raises(LabelError, match="no column"):
        read_ball_labels(path, key="tracknet")
    with pytest.raises(SettingError, match="give one of ttcli, openttgames"):
        read_ball_labels(path, key="coco")
    with pytest.raises(SettingError, match="has no events"):
        read_event_labels(path, key="cvat")
    with pytest.raises(LabelError, match="is not a folder"):
        read_ball_labels(path, key="yolo", height=1, width=1)
    with pytest.raises(LabelError):
        find_format(tmp_path)  # a folder without .txt files
    with pytest.raises(InputError):
        read_ball_labels(tmp_path / "none", key="ttcli")


@pytest.mark.parametrize("module", [ttcli_csv, tracknet])
def test_a_file_that_was_cut_off_is_refused(tmp_path, module):
    path = tmp_path / "a.csv"
    module.write_ball_labels(path, {0: NOT_VISIBLE, 1: BallLabel(True, 5, 6)})
    path.write_text(path.read_text()[:-8])
    with pytest.raises(LabelError, match="truncated"):
        read_ball_labels(path, Problems().add)
