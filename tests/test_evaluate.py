"""`evaluate`: files matched, picture sizes found, and a report that can be printed and parsed."""

import io
import json

import pytest
from rich.console import Console

from ttcli.configs import EvaluateConfig
from ttcli.errors import InputError, LabelError, SettingError
from ttcli.evaluate import evaluate

FULL_HD = EvaluateConfig(picture_height=1080, picture_width=1920, bootstrap=50)
TRUTH = "frame,status,x,y\n0,visible,100,100\n1,visible,110,100\n2,absent,,\n3,unknown,,\n"
PREDICTED = (
    "frame,time_s,x,y,confidence,status\n"
    "0,0.0,103.00,104.00,0.9,seen\n1,0.1,,,0.1,unseen\n2,0.2,,,0.1,unseen\n3,0.3,5.00,5.00,0.9,seen\n"
)
MARKUP = '{"0": {"x": 100, "y": 100}, "1": {"x": 110, "y": 100}, "2": {"x": -1, "y": -1}}'


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_two_files_are_compared(tmp_path):
    report = evaluate(put(tmp_path / "ball.csv", PREDICTED), put(tmp_path / "clip.csv", TRUTH), FULL_HD)
    figures = report.clips[0].metrics.figures
    assert (figures["recall@10"], figures["precision@10"], figures["rmse"]) == (0.5, 1.0, 5.0)
    assert figures["accuracy@10"] == pytest.approx(2 / 3)
    assert report.pooled.figures == figures and report.skipped == [] == report.unpredicted


def test_folders_are_matched_by_name_in_every_layout(tmp_path):
    for clip in ("a", "b", "c", "alone"):
        put(tmp_path / f"out/{clip}.csv", PREDICTED)
    put(tmp_path / "out/a.events.csv", "frame,time_s,event,x,y,confidence\n")
    put(tmp_path / "out/.a.part.csv", "frame")
    put(tmp_path / "truth/a.csv", TRUTH)
    put(tmp_path / "truth/a.events.csv", "frame,event,x,y\n")
    put(tmp_path / "truth/b/ball_markup.json", MARKUP)
    put(tmp_path / "truth/annotations/c/ball_markup.json", MARKUP)
    put(tmp_path / "truth/left.csv", TRUTH)
    report = evaluate(tmp_path / "out", tmp_path / "truth", FULL_HD)
    assert [clip.files.clip for clip in report.clips] == ["a", "b", "c"]
    assert report.skipped == ["alone"] and report.unpredicted == ["left"]
    assert report.pooled.labelled == 9 and report.pooled.rallies == 3
    assert report.pooled.intervals["recall@10"] == (0.5, 0.5)


def test_the_report_is_json_and_a_table(tmp_path):
    predicted = put(tmp_path / "ball.csv", PREDICTED.replace("103.00,104.00,0.9,seen", ",,0.1,unseen"))
    report = evaluate(predicted, put(tmp_path / "clip.csv", TRUTH), FULL_HD)
    summary = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert summary["clips"][0]["recall@10"] == 0 and summary["all"]["rmse"] is None
    assert summary["clips"][0]["height"] == 1080 and summary["skipped"] == []
    console = Console(width=200, file=io.StringIO())
    console.print(report.as_table())
    text = console.file.getvalue()
    assert "false/1000" in text and "–" in text and "nan" not in text.lower()


def test_the_table_ends_with_all_clips_and_their_intervals(tmp_path):
    for clip in ("a", "b"):
        put(tmp_path / f"out/{clip}.csv", PREDICTED)
        put(tmp_path / f"truth/{clip}.csv", TRUTH)
    table = evaluate(tmp_path / "out", tmp_path / "truth", FULL_HD).as_table()
    assert list(table.columns[0].cells) == ["a", "b", "all", "95 % from", "95 % to"]
    assert list(table.columns[1].cells) == ["3", "3", "6", "", ""]
    assert list(table.columns[2].cells) == ["0.500"] * 5


def test_openttgames_labels_bring_the_size_of_their_picture(tmp_path):
    truth = put(tmp_path / "ball_markup.json", MARKUP)
    report = evaluate(put(tmp_path / "ball.csv", PREDICTED), truth, EvaluateConfig())
    assert (report.clips[0].height, report.clips[0].width) == (1080, 1920)


@pytest.mark.parametrize("video", ["truth/clip.mp4", "truth/clip.MOV", "out/ball.webm"])
def test_a_video_beside_either_file_gives_the_size(tmp_path, ball_video, video):
    (tmp_path / video).parent.mkdir()
    ball_video("any.mp4", positions=2, height=360, width=640).rename(tmp_path / video)
    predicted, truth = put(tmp_path / "out/ball.csv", PREDICTED), put(tmp_path / "truth/clip.csv", TRUTH)
    report = evaluate(predicted, truth, EvaluateConfig())
    assert (report.clips[0].height, report.clips[0].width) == (360, 640)
    assert report.pooled.figures["recall@10"] == 0  # 5 px of 640 are 15 px of 1920


def test_a_size_that_cannot_be_known_is_asked_for(tmp_path):
    predicted, truth = put(tmp_path / "ball.csv", PREDICTED), put(tmp_path / "clip.csv", TRUTH)
    with pytest.raises(SettingError, match="--size 1920x1080"):
        evaluate(predicted, truth, EvaluateConfig())


@pytest.mark.parametrize(
    "config",
    [
        EvaluateConfig(picture_height=1080),
        EvaluateConfig(picture_height=0, picture_width=9),
        EvaluateConfig(bootstrap=-1),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, config):
    with pytest.raises(SettingError):
        evaluate(put(tmp_path / "ball.csv", PREDICTED), put(tmp_path / "clip.csv", TRUTH), config)


def test_inputs_that_do_not_go_together_are_refused(tmp_path):
    predicted, truth = put(tmp_path / "out/a.csv", PREDICTED), put(tmp_path / "truth/b.csv", TRUTH)
    with pytest.raises(InputError, match="none of its 1 CSV files has a truth"):
        evaluate(tmp_path / "out", tmp_path / "truth", FULL_HD)
    with pytest.raises(InputError, match="two files, or two folders"):
        evaluate(predicted, tmp_path / "truth", FULL_HD)
    with pytest.raises(InputError, match="does not exist"):
        evaluate(tmp_path / "none.csv", truth, FULL_HD)
    with pytest.raises(LabelError):
        evaluate(put(tmp_path / "events.csv", "frame,event,x,y\n"), truth, FULL_HD)


def test_the_size_of_a_dataset_video_is_taken_from_the_video_itself(tmp_path, ball_video):
    annotations = tmp_path / "test" / "annotations" / "test_1"
    annotations.mkdir(parents=True)
    ball_video("videos/test_1.mp4", positions=2, height=360, width=640)
    (annotations / "ball_markup.json").write_text('{"0": {"x": 100, "y": 50}}')
    predicted = tmp_path / "test_1.csv"
    predicted.write_text("frame,time_s,x,y,confidence,status\n0,0.0,104.0,50.0,0.9,seen\n")
    report = evaluate(predicted, annotations / "ball_markup.json", EvaluateConfig(bootstrap=0))
    assert (report.clips[0].height, report.clips[0].width) == (360, 640)
    assert report.pooled.figures["recall@10"] == 0  # 4 px of 640 are 12 of 1920


def test_labels_that_are_wrong_are_unknown_and_told(tmp_path):
    wrong = MARKUP.replace('"y": 100}, "1"', '"y": "?"}, "1"')
    truth = put(tmp_path / "ball_markup.json", wrong)
    report = evaluate(put(tmp_path / "ball.csv", PREDICTED), truth, FULL_HD)
    assert report.pooled.labelled == 2
    [line] = report.as_json()["problems"]
    assert line.startswith(f"{truth}: frame 0: no number y")


EVENTS = "frame,time_s,event,x,y,confidence\n50.0,2.0,bounce,,,0.9\n60.4,2.416,net,,,0.8\n"
EVENT_MARKUP = '{"50": "bounce", "60": "net", "70": "empty_event"}'


def test_two_files_of_events_are_compared_at_the_frame_rate_that_they_tell(tmp_path):
    report = evaluate(put(tmp_path / "a.events.csv", EVENTS), put(tmp_path / "events_markup.json", EVENT_MARKUP), FULL_HD)
    assert report.clips[0].frame_rate == pytest.approx(25, abs=0.01)
    figures = report.pooled.figures
    assert (figures["f1@1"], figures["f1@2"]) == (0.5, 1.0)  # 0.4 frames of 25 are 16 ms
    told = evaluate(tmp_path / "a.events.csv", tmp_path / "events_markup.json", EvaluateConfig(frame_rate=120.0))
    assert told.pooled.figures["f1@1"] == 1.0
    summary = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert summary["clips"][0]["by_event"]["bounce"]["labelled"] == 1
    console = Console(file=io.StringIO(), width=200)
    console.print(*report.as_tables())
    assert "PCE" in console.file.getvalue()


def test_folders_of_events_are_matched_and_go_beside_those_of_balls(tmp_path):
    for name in ("a", "b", "alone"):
        put(tmp_path / f"out/{name}.events.csv", EVENTS)
    put(tmp_path / "truth/a.events.csv", EVENTS)
    put(tmp_path / "truth/annotations/b/events_markup.json", EVENT_MARKUP)
    report = evaluate(tmp_path / "out", tmp_path / "truth", FULL_HD)
    assert [clip.clip for clip in report.clips] == ["a", "b"] and report.skipped == ["alone"]
    put(tmp_path / "out/a.csv", PREDICTED)
    put(tmp_path / "truth/a.csv", TRUTH)
    both = evaluate(tmp_path / "out", tmp_path / "truth", FULL_HD)
    assert both.pooled.labelled == 3 and both.as_json()["events"]["all"]["labels"] == 5
    assert len(both.as_tables()) == 2


def test_events_without_a_frame_rate_or_against_balls_are_refused(tmp_path):
    timeless = put(tmp_path / "a.events.csv", "frame,event\n3,bounce\n")
    with pytest.raises(SettingError, match="--fps"):
        evaluate(timeless, put(tmp_path / "b.events.csv", "frame,event\n3,bounce\n"), FULL_HD)
    with pytest.raises(SettingError, match="--fps"):
        evaluate(timeless, timeless, EvaluateConfig(frame_rate=0.0))
    with pytest.raises(LabelError, match="balls, not events"):
        evaluate(timeless, put(tmp_path / "ball.csv", PREDICTED), EvaluateConfig(frame_rate=25.0))
