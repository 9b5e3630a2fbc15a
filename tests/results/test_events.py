"""events.csv and the subtitles made of it: what is written is read again, and what is wrong is named."""

import pytest

from ttcli.errors import LabelError, OutputError
from ttcli.labels.formats import read_event_labels
from ttcli.rendering.subtitles import write_srt
from ttcli.results.events import COLUMNS, Event, read_events_csv, write_events_csv

BOUNCE = Event(130.25, 1.085417, "bounce", 812.41, 377.9, 0.971, 0.0021)
NET = Event(141.0, 1.175, "net", 960.0, 300.5, 0.8, None)


def test_what_is_written_is_read_again(tmp_path):
    assert write_events_csv(tmp_path / "events.csv", iter([BOUNCE, NET])) == 2
    assert read_events_csv(tmp_path / "events.csv") == [BOUNCE, NET]


def test_a_path_without_events_gives_a_file_with_its_columns(tmp_path):
    assert write_events_csv(tmp_path / "events.csv", []) == 0
    assert (tmp_path / "events.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert read_events_csv(tmp_path / "events.csv") == []


def test_a_file_is_replaced_only_when_told_to(tmp_path):
    write_events_csv(tmp_path / "events.csv", [BOUNCE])
    with pytest.raises(OutputError):
        write_events_csv(tmp_path / "events.csv", [])
    assert read_events_csv(tmp_path / "events.csv") == [BOUNCE]


def test_events_found_are_labels_of_the_nearest_frame(tmp_path):
    write_events_csv(tmp_path / "events.csv", [BOUNCE, NET])
    labels = read_event_labels(tmp_path / "events.csv")
    assert [(label.frame_index, label.event) for label in labels] == [(130, "bounce"), (141, "net")]


def test_frame_and_event_are_enough_and_rows_may_come_in_any_order(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("event,frame\nnet,12.5\nbounce,3\n")
    assert read_events_csv(path) == [Event(3.0, None, "bounce"), Event(12.5, None, "net")]


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        ("x,,bounce,,,,", "frame is"),
        ("-3,,bounce,,,,", "frame is"),
        ("3,,,,,,", "no name"),
        ("3,,bounce,4,,,", "one of x and y"),
        ("3,,bounce,,,1.5,", "confidence"),
        ("3,,bounce,,,,-1", "error_s"),
        ("3,nan,bounce,,,,", "time_s"),
    ],
)
def test_a_wrong_row_is_named_by_file_and_line(tmp_path, row, fact):
    path = tmp_path / "events.csv"
    path.write_text(f"frame,time_s,event,x,y,confidence,error_s\n{row}\n")
    with pytest.raises(LabelError, match=rf"events.csv:2: .*{fact}"):
        read_events_csv(path)


def test_subtitles_show_one_event_after_the_other(tmp_path):
    late = Event(7200 * 25.0, None, "bounce")
    write_srt(tmp_path / "match.srt", [BOUNCE, NET, late], frame_rate=25)
    first, second, third = (tmp_path / "match.srt").read_text().strip().split("\n\n")
    assert first == "1\n00:00:01,085 --> 00:00:01,175\nbounce 0.97"
    assert second == "2\n00:00:01,175 --> 00:00:01,975\npasses the net 0.80"
    assert third == "3\n02:00:00,000 --> 02:00:00,800\nbounce"
