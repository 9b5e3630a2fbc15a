"""Wrong input of `extract` is one line with place and cure: counted where it can be, and with `strict` fatal."""

import errno
import json
from pathlib import Path

import pytest
from ball_videos import HEIGHT, WIDTH, ball_picture, write_video
from extract_runs import ALL, FRAMES, PLACES, assert_labels_on_the_ball, clip, files, run
from label_files import write_markup, write_tracknet

from ttcli.configs import ExtractConfig
from ttcli.errors import InputError, LabelError, OutputError, SettingError, TtcliError
from ttcli.extract import extract
from ttcli.training_set.frame_store import FrameStore, FrameWriter

BAD_ROWS = {
    "beyond the end": (["40,1,10,10"], "a.csv: frame 40: is labelled, and a has 24 frames"),
    "two labels": (["3,1,50,50"], "a.csv:26: a second label for frame 3"),
    "outside": (["24,1,10,10", "5,1,970,10"], "a.csv:27: a second label for frame 5"),
    "text": (["x,1,10,10"], "a.csv:26: "),
    "nan": (["23,1,nan,10"], "a.csv:26: "),
}


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_wrong_rows_are_counted_and_with_strict_fatal(tmp_path: Path, pair, rows: list[str], message: str) -> None:
    video = pair()
    table = video.with_suffix(".csv")
    table.write_text(table.read_text() + "\n".join(rows) + "\n")
    report = run(tmp_path)
    assert any(message in line for line in report.problems) and report.added == ["a"]
    with pytest.raises(LabelError) as raised:
        run(tmp_path, strict=True, overwrite=True)
    assert "\n" not in str(raised.value) and str(raised.value).count("; ") >= 1


BAD_ENTRIES = {
    "one -1": ({"x": -1, "y": 30}, "frame 6: one coordinate alone is -1"),
    "outside": ({"x": 97, "y": 30}, "frame 6: the ball is outside the picture of 96x64"),
    "text": ({"x": "left", "y": 30}, "frame 6: no number x in pixels"),
    "nan": ({"x": float("nan"), "y": 30}, "frame 6: no number x in pixels"),
    "number": (7, "frame 6: no number x in pixels"),
}


@pytest.mark.parametrize(("entry", "message"), BAD_ENTRIES.values(), ids=BAD_ENTRIES.keys())
def test_wrong_entries_are_unknown_and_with_strict_fatal(tmp_path: Path, film: Path, entry, message: str) -> None:
    markup = write_markup(tmp_path, PLACES)
    markup.write_text(json.dumps({**json.loads(markup.read_text()), "6": entry}))
    report = extract([film], tmp_path / "set", ExtractConfig(**ALL), markup, quiet=True)
    assert len(report.problems) == 1 and message in report.problems[0]
    assert report.totals["frames"] == {"unknown": 1, "visible": 23}
    with pytest.raises(LabelError, match=message):
        extract([film], tmp_path / "strict", ExtractConfig(**ALL, strict=True), markup, quiet=True)


def test_paths_out_of_the_folder_are_not_followed(tmp_path: Path, film: Path) -> None:
    rows = [f"{frame:04}.jpg,1,{x},{y},0" for frame, (x, y) in PLACES.items()]
    rows[20] = "../../secret/0020.jpg,1,5,5,0"
    labels = tmp_path / "Label.csv"
    labels.write_text("\n".join(["file name,visibility,x-coordinate,y-coordinate,status", *rows]) + "\n")
    with pytest.raises(LabelError, match="Label.csv:22: the file name .* leads to another folder; give the plain name"):
        extract([film], tmp_path / "set", ExtractConfig(**ALL), labels, quiet=True)


def test_sources_that_lack_something_are_left_out_and_with_strict_fatal(tmp_path: Path, pair) -> None:
    pair("a"), pair("b", number=1), pair("c", number=2), pair("d", number=3), pair("e", number=4)
    (tmp_path / "in/b.csv").unlink()
    (tmp_path / "in/c.mp4").unlink()
    (tmp_path / "in/d.mp4").write_bytes(b"no video at all" * 100)
    (tmp_path / "in/e.csv").write_text("")
    report = run(tmp_path)
    assert report.added == ["a"] and all(line.startswith("left out: ") and "\n" not in line for line in report.left_out)
    told = "\n".join(sorted(report.left_out))
    for fact in (
        "b.mp4: has no labels",
        "c.csv: the video c of these labels is missing",
        "d.mp4: is no video",
        "e.csv: is empty",
    ):
        assert fact in told
    with pytest.raises(InputError, match="b.mp4: has no labels"):
        run(tmp_path, strict=True, overwrite=True)


def test_a_source_that_gives_nothing_is_an_error_with_its_reason(tmp_path: Path, pair, film: Path) -> None:
    video = pair(places={frame: PLACES[frame] for frame in range(5)})
    with pytest.raises(InputError, match="a.csv: has no 9 labelled frames in a row; label more"):
        run(tmp_path)
    with pytest.raises(InputError, match="a.csv: no labels of events for a; give --event-labels, or --no-events"):
        run(tmp_path, events=("bounce",))
    markup = write_markup(tmp_path, PLACES, {5: "bounce"})
    events = markup.with_name("events_markup.json")
    for names, message in ((("net",), "has no net, but bounce; give other --events"), ((), "--events: names no event")):
        with pytest.raises(TtcliError, match=message):
            extract([video], tmp_path / "set", ExtractConfig(events=names), markup, events, True)
    with pytest.raises(InputError, match="near an event; give more frames --before"):
        markup = write_markup(tmp_path, {frame: PLACES[frame] for frame in range(10)}, {20: "bounce"})
        extract([video], tmp_path / "set", ExtractConfig(), markup, events, True)
    assert not (tmp_path / "set").exists()


def test_windows_whose_frames_cannot_be_decoded_are_left_out_and_counted(tmp_path: Path, pair) -> None:
    video = pair()
    short = write_video(tmp_path / "short.mkv", (ball_picture(HEIGHT, WIDTH, PLACES[frame]) for frame in range(15)))
    labels = video.with_suffix(".csv")  # 24 labels, and Matroska does not say that there are 15 frames
    report = extract([short], tmp_path / "set", ExtractConfig(validation=0.0, **ALL), labels, quiet=True)
    [line] = report.problems
    assert "short.mkv: frame 15: cannot be decoded or is not in the video, nor 8 more; 9 of 16 windows are left out" in line
    assert report.totals["splits"]["training"]["windows"] == 7
    assert FrameStore(clip(tmp_path, "short")).frame_indexes == tuple(range(15))
    with pytest.raises(LabelError, match="frame 15: cannot be decoded"):
        extract([short], tmp_path / "strict", ExtractConfig(**ALL, strict=True), labels, quiet=True)
    assert list((tmp_path / "strict/clips").iterdir()) == []


def test_a_truncated_video_gives_the_windows_before_the_cut(tmp_path: Path, pair) -> None:
    pictures = [ball_picture(HEIGHT, WIDTH, PLACES[frame % FRAMES]) for frame in range(120)]
    video = write_video(tmp_path / "cut.mp4", pictures)
    video.write_bytes(video.read_bytes()[: int(video.stat().st_size * 0.6)])
    labels = write_tracknet(tmp_path / "cut.csv", [PLACES[frame % FRAMES] for frame in range(120)])
    report = extract([video], tmp_path / "set", ExtractConfig(validation=0.0, **ALL), labels, quiet=True)
    windows = report.totals["splits"]["training"]["windows"]
    assert 20 < windows < 112 and f"{112 - windows} of 112 windows are left out" in report.problems[0]
    assert_labels_on_the_ball(FrameStore(clip(tmp_path, "cut")))


def test_labels_of_a_longer_video_alone_are_an_error(tmp_path: Path, pair) -> None:
    pair(places={frame + 100: place for frame, place in PLACES.items()})
    with pytest.raises(InputError, match="a.csv: has no 9 labelled frames"):
        run(tmp_path)


def test_outputs_of_another_kind_are_refused_before_work(tmp_path: Path, pair) -> None:
    pair()
    (tmp_path / "set").write_text("mine")
    with pytest.raises(OutputError, match="set: is a file; give the name of a folder"):
        run(tmp_path)
    (tmp_path / "set").unlink()
    (tmp_path / "set").mkdir()
    (tmp_path / "set/thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match="set: is not empty and holds no extracted set; give another folder"):
        run(tmp_path)
    assert files(tmp_path / "set") == {"thesis.tex": b"mine"}


def test_labels_of_one_video_are_not_given_to_two(tmp_path: Path, pair) -> None:
    videos = [pair("a"), pair("b", number=1)]
    with pytest.raises(SettingError, match="--labels and --event-labels: belong to one video"):
        extract(videos, tmp_path / "set", ExtractConfig(**ALL), videos[0].with_suffix(".csv"))


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, pair, monkeypatch) -> None:
    pair()
    original, count = FrameWriter._open, [0]

    class Full:
        """A file on a disk that has no room after some bytes."""

        def __init__(self, file) -> None:
            self.file = file

        def write(self, content) -> int:
            count[0] += len(content)
            if count[0] > 8000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(content)

        def __getattr__(self, name: str):
            return getattr(self.file, name)

    monkeypatch.setattr(FrameWriter, "_open", lambda writer, file: Full(original(writer, file)))
    with pytest.raises(OutputError, match="No space left on device.*; make room"):
        run(tmp_path)
    assert count[0] > 8000 and list((tmp_path / "set/clips").iterdir()) == []
    assert not (tmp_path / "set/manifest.json").exists()
