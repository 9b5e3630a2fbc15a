"""`convert`: there and back, what is said to be lost, sizes, and outputs that are complete or not there."""

import errno
import json

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from ttcli import cli
from ttcli.configs import ConvertConfig
from ttcli.convert import convert
from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.labels.ball import NOT_VISIBLE, BallLabel, Footage
from ttcli.labels.event import EventLabel
from ttcli.labels.formats import KEYS, get_format, read_ball_labels, read_event_labels

FULL_HD = ConvertConfig(picture_height=1080, picture_width=1920)
MARKUP = '{"3": {"x": 812.41, "y": 377}, "4": {"x": -1, "y": -1}, "6": {"x": -1, "y": 5}}'


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(cli.main, ["convert", *map(str, arguments)])


@pytest.mark.parametrize("there", KEYS)
def test_any_format_and_back_loses_nothing(tmp_path_factory, there):
    places = st.tuples(st.integers(1, 191_900), st.integers(1, 107_900))
    balls = st.just(NOT_VISIBLE) | places.map(lambda place: BallLabel(True, place[0] / 100, place[1] / 100))

    @settings(max_examples=10, deadline=None)
    @given(st.dictionaries(st.integers(0, 40), balls, min_size=1, max_size=20), st.sampled_from(KEYS))
    def check(labels, back):
        folder = tmp_path_factory.mktemp("convert")
        config = {"picture_height": 1080, "picture_width": 1920}
        get_format(back).write(folder / "a", labels, Footage(1080, 1920), False)
        first = convert(folder / "a", folder / "b", ConvertConfig(target_format=there, **config))
        second = convert(folder / "b", folder / "c", ConvertConfig(target_format=back, **config))
        assert read_ball_labels(folder / "c", height=1080, width=1920) == labels
        assert (first.source_format, first.target_format, second.target_format) == (back, there, back)
        assert first.problems == second.problems == [] and sum(first.counts.values()) == max(labels) + 1

    check()


def test_output_is_chosen_by_suffix_and_told_in_one_line(tmp_path):
    markup = put(tmp_path / "ball_markup.json", MARKUP)
    result = run(markup, tmp_path / "a.xml")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"{markup} -> {tmp_path}/a.xml: 1 visible, 1 not visible, 3 unknown (openttgames -> cvat)"
    ]
    assert result.stderr.startswith(f"ttcli: left out as unknown: {markup}: frame 6: one coordinate alone is -1")
    assert "<annotations>" in (tmp_path / "a.xml").read_text()
    assert run(markup, tmp_path / "a.csv", "-q").stderr == ""
    assert (tmp_path / "a.csv").read_text() == "frame,status,x,y\n3,visible,812.41,377.00\n4,absent,,\n"
    summary = json.loads(run(markup, tmp_path / "labels", "--json").stdout)
    assert summary["counts"] == {"visible": 1, "not visible": 1, "unknown": 3} and len(summary["problems"]) == 1
    assert any("boxes is invented" in line for line in summary["notes"])
    assert any("taken to be 1920x1080" in line for line in summary["notes"])
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == ["img_000003.txt", "img_000004.txt"]


def test_strict_refuses_the_first_wrong_label_and_writes_nothing(tmp_path):
    markup = put(tmp_path / "ball_markup.json", MARKUP)
    result = run(markup, tmp_path / "a.csv", "--strict")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and "frame 6" in result.stderr
    assert list(tmp_path.iterdir()) == [markup]


def test_a_ball_csv_says_what_its_labels_lose(tmp_path):
    ball_csv = put(
        tmp_path / "ball.csv",
        "frame,time_s,x,y,confidence,status\n0,0.0,5.128,6,0.9,seen\n1,0.1,7,8,0.2,filled\n2,0.2,,,0.1,unseen\n"
        "3,0.3,,,0,broken\n4,0.4,9000,5,0.9,seen\n",
    )
    summary = convert(ball_csv, tmp_path / "a.xml", FULL_HD)
    assert summary.counts == {"visible": 2, "not visible": 1, "unknown": 0}
    assert summary.lost == [
        "columns without a place in labels: time_s, confidence",
        "the mark of 1 positions as filled in, not seen: correct these first",
        "1 positions are rounded to 0.01 px",
    ]
    assert len(summary.problems) == 1 and "outside the picture of 1920x1080" in summary.problems[0]
    unsized = convert(ball_csv, tmp_path / "b.csv", ConvertConfig(target_format="tracknet"))
    assert (tmp_path / "b.csv").read_text() == (
        "Frame,Visibility,X,Y\n0,1,5.13,6.00\n1,1,7.00,8.00\n2,0,0,0\n4,1,9000.00,5.00\n"
    )
    assert unsized.counts["unknown"] == 1 and unsized.problems == []


def test_what_the_target_cannot_hold_is_counted_with_its_reason(tmp_path):
    table = put(tmp_path / "a.csv", "frame,status,x,y\n0,visible,-0.3,5\n1,visible,-0.4,5\n2,visible,0,0\n3,absent,,\n")
    for key, lost in (("openttgames", 2), ("tracknet", 3), ("yolo", 2), ("cvat", 0), ("ttcli", 0)):
        config = ConvertConfig(target_format=key, picture_height=100, picture_width=100)
        summary = convert(table, tmp_path / f"out_{key}", config)
        assert summary.counts == {"visible": 3 - lost, "not visible": 1, "unknown": lost}
        assert sum(int(line.split()[0]) for line in summary.lost) == lost


def test_the_size_comes_from_a_video(ball_video, tmp_path):
    video = ball_video("rally.mp4", positions=6)
    boxes = put(tmp_path / "boxes" / "f_2.txt", "0 0.5 0.25 0.1 0.1\n").parent
    with pytest.raises(SettingError, match="--size 1920x1080"):
        convert(boxes, tmp_path / "a.csv", ConvertConfig())
    summary = convert(boxes, tmp_path / "a.csv", ConvertConfig(video=video))
    assert read_ball_labels(tmp_path / "a.csv") == {2: BallLabel(True, 48, 16)}
    assert summary.counts == {"visible": 1, "not visible": 0, "unknown": 5}
    boxes.rename(tmp_path / "rally")
    assert convert(tmp_path / "rally", tmp_path / "b.json", ConvertConfig()).counts["visible"] == 1
    convert(tmp_path / "b.json", tmp_path / "b.xml", ConvertConfig(video=video))
    text = (tmp_path / "b.xml").read_text()
    assert "<width>96</width><height>64</height>" in text and "<size>6</size>" in text and 'frame="3"' in text
    markup = put(tmp_path / "test/annotations/game_1/ball_markup.json", '{"1": {"x": 95, "y": 63}}')
    (tmp_path / "videos").mkdir()
    video.rename(tmp_path / "videos/game_1.mp4")
    convert(markup, tmp_path / "c", ConvertConfig())
    assert (tmp_path / "c/img_000001.txt").read_text().startswith("0 0.9895833 0.9843750 ")


def test_cvat_that_does_not_know_the_length_of_the_video_says_so(tmp_path):
    table = put(tmp_path / "a.csv", "frame,status,x,y\n0,visible,5,5\n")
    [note] = convert(table, tmp_path / "a.xml", ConvertConfig()).notes
    assert "longer than 1 frames" in note and "--video" in note


def test_events_go_between_their_formats(tmp_path):
    events = put(
        tmp_path / "events.csv",
        "frame,time_s,event,x,y,confidence\n1.6,0.1,net,5,6,0.9\n2,,bounce,,,\n7,,left_winner,,,\n9,,,,,\n",
    )
    summary = convert(events, tmp_path / "events.json", ConvertConfig())
    assert (tmp_path / "events.json").read_text() == '{"2": "net", "7": "left_winner"}\n'
    assert summary.counts == {"net": 1, "of unknown name": 1} and len(summary.problems) == 1
    assert [line.partition(":")[0] for line in summary.lost] == [
        "columns without a place in labels", "1 instants between frames", "1 events that share a frame with another",
    ]  # fmt: skip
    assert summary.notes == ["names that ttcli does not know are kept: left_winner"]
    convert(tmp_path / "events.json", tmp_path / "again.csv", ConvertConfig())
    assert read_event_labels(tmp_path / "again.csv") == [EventLabel(2, "net"), EventLabel(7, "left_winner")]
    with pytest.raises(SettingError, match="cvat holds no events"):
        convert(events, tmp_path / "events.xml", ConvertConfig())


def test_a_file_of_both_gives_balls_or_on_request_events(tmp_path):
    both = put(
        tmp_path / "Label.csv",
        "file name,visibility,x-coordinate,y-coordinate,status\n0000.jpg,1,5,6,0\n0001.jpg,3,5,6,2\n0002.jpg,2,5,6,1\n",
    )
    summary = convert(both, tmp_path / "a.json", ConvertConfig())
    assert summary.counts == {"visible": 2, "not visible": 0, "unknown": 1} and len(summary.lost) == 3
    assert convert(both, tmp_path / "b.json", ConvertConfig(events=True)).counts == {"bounce": 1, "of unknown name": 1}
    assert (tmp_path / "b.json").read_text() == '{"1": "bounce", "2": "hit"}\n'


def test_outputs_that_cannot_be_are_refused_before_anything_is_read(tmp_path):
    markup = put(tmp_path / "a.json", MARKUP)
    there = put(tmp_path / "there.csv", "mine")
    pictures = put(tmp_path / "pictures/img_000001.jpg", "").parent
    for output, error in ((markup, OutputError), (there, OutputError), (pictures, OutputError)):
        with pytest.raises(error):
            convert(markup, output, ConvertConfig())
    with pytest.raises(OutputError, match="more than .txt"):
        convert(markup, pictures, ConvertConfig(overwrite=True))
    with pytest.raises(OutputError, match="is the input itself"):
        convert(markup, markup, ConvertConfig(overwrite=True))
    with pytest.raises(SettingError, match="no label format ends in .yaml"):
        convert(markup, tmp_path / "a.yaml", ConvertConfig())
    with pytest.raises(SettingError, match="not a width and a height"):
        convert(markup, tmp_path / "b.csv", ConvertConfig(picture_width=5))
    assert there.read_text() == "mine" and (pictures / "img_000001.jpg").exists()
    convert(markup, there, ConvertConfig(overwrite=True))
    assert read_ball_labels(there).keys() == {3, 4}


def test_inputs_that_are_no_labels_are_refused(tmp_path):
    for source, error in (
        (tmp_path / "absent.csv", InputError),
        (put(tmp_path / "empty.csv", ""), LabelError),
        (put(tmp_path / "a.csv", "a,b\n1,2\n"), LabelError),
        (put(tmp_path / "folder/readme.md", "").parent, LabelError),
    ):
        with pytest.raises(error):
            convert(source, tmp_path / "out.json", ConvertConfig())
        assert run(source, tmp_path / "out.json").stderr.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("key", ["ttcli", "yolo", "cvat", "openttgames"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, key):
    markup = put(tmp_path / "a.json", MARKUP)

    def full(*arguments, **settings):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    monkeypatch.setattr("pathlib.Path.rename", full)
    monkeypatch.setattr("os.link", full)
    result = run(markup, tmp_path / "out", "--to", key)
    last_line = result.stderr.splitlines()[-1]
    assert result.exit_code == 1 and last_line.startswith(f"ttcli: {tmp_path}/out: cannot be written (No space left")
    assert list(tmp_path.iterdir()) == [markup]


def test_wrong_usage(tmp_path):
    for arguments in (["a.csv"], ["a.csv", "b.csv", "--to", "coco"], ["a.csv", "b.csv", "--size", "big"]):
        assert run(*arguments).exit_code == 2
