"""`trim`: dead time out to the frame and with the sound in step, and lists that other programs read."""

import csv
import json
from pathlib import Path

import pytest
from beeping_video import beeping_video, numbers_and_times, sound_is_off_by
from defusedxml import ElementTree

from ttcli.configs import TrimConfig
from ttcli.editing.spans import chosen_rallies, spans_around
from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.results.rallies import Rally, read_rallies_csv, write_rallies_csv
from ttcli.trim import trim

RALLIES = [
    Rally(3.2, 5.0, 80, 125, 3, 4, "left", "net", 0.9),
    Rally(8.2, 9.52, 205, 238, 5, 6, "right", "long", 0.9),
    Rally(10.9, 12.0, 272, 300, 1, 2, "left", None, 0.8),
    Rally(16.4, 18.04, 410, 451, 7, 8, None, "missed", 1.0),
]


@pytest.fixture(scope="module")
def match(tmp_path_factory):
    video = beeping_video(tmp_path_factory.mktemp("match") / "match.mp4", keyframes=46)
    write_rallies_csv(video.with_name("match.rallies.csv"), RALLIES)
    return video


def parts(path):
    """Return the first and last frame of each run of frames that follow each other."""
    numbers, times = numbers_and_times(path)
    assert times == sorted(set(times))
    begins = [0] + [place for place in range(1, len(numbers)) if numbers[place] != numbers[place - 1] + 1]
    return [(numbers[begin], numbers[end - 1]) for begin, end in zip(begins, [*begins[1:], len(numbers)], strict=True)]


def test_the_film_holds_the_rallies_to_the_frame_and_the_sound_is_in_step(match, tmp_path):
    summary = trim(match, [tmp_path / "film.mp4"], None, TrimConfig(), quiet=True)
    assert parts(tmp_path / "film.mp4") == [(55, 149), (180, 324), (385, 475)]
    off = sound_is_off_by(tmp_path / "film.mp4")
    assert len(off) >= 12 and max(map(abs, off)) < 0.012
    assert summary.rallies == 4 and summary.frames == 331 and summary.kept_seconds == pytest.approx(13.24)


def test_before_after_and_no_sound(match, tmp_path):
    trim(match, [tmp_path / "film.mkv"], None, TrimConfig(before=0.2, after=0.0, audio=False), quiet=True)
    assert parts(tmp_path / "film.mkv") == [(75, 124), (200, 237), (268, 299), (405, 450)]
    assert sound_is_off_by(tmp_path / "film.mkv") == []


def test_clips_are_films_of_their_own(match, tmp_path):
    summary = trim(match, [], tmp_path / "clips", TrimConfig(min_strokes=5), quiet=True)
    assert [Path(name).name for name in summary.outputs] == ["match_rally_002.mp4", "match_rally_004.mp4"]
    assert parts(tmp_path / "clips" / "match_rally_002.mp4") == [(180, 262)]
    assert parts(tmp_path / "clips" / "match_rally_004.mp4") == [(385, 475)]
    assert max(map(abs, sound_is_off_by(tmp_path / "clips" / "match_rally_004.mp4"))) < 0.012


def test_without_encoding_again_parts_begin_and_end_at_keyframes(match, tmp_path):
    trim(match, [tmp_path / "copy.mp4"], None, TrimConfig(copy=True), quiet=True)
    assert parts(tmp_path / "copy.mp4") == [(46, 499)]  # each part ends where the next one begins
    assert max(map(abs, sound_is_off_by(tmp_path / "copy.mp4"))) < 0.012
    trim(match, [tmp_path / "two.mp4"], None, TrimConfig(copy=True, min_strokes=3, before=0, after=0), quiet=True)
    assert parts(tmp_path / "two.mp4") == [(46, 137), (184, 275), (368, 459)]
    assert max(map(abs, sound_is_off_by(tmp_path / "two.mp4"))) < 0.012


def test_without_sound_a_copy_has_none_either(match, tmp_path):
    trim(match, [tmp_path / "copy.mp4"], None, TrimConfig(copy=True, audio=False), quiet=True)
    assert parts(tmp_path / "copy.mp4") == [(46, 499)] and sound_is_off_by(tmp_path / "copy.mp4") == []


def test_the_longest_keep_their_order_and_numbers():
    assert [number for number, _ in chosen_rallies(RALLIES, 2, None)] == [1, 4]
    assert [number for number, _ in chosen_rallies(RALLIES, None, 4)] == [2, 4]
    assert [number for number, _ in chosen_rallies(RALLIES, 1, 4)] == [4]


def test_parts_that_meet_are_one_and_none_leaves_the_video():
    spans = spans_around(chosen_rallies(RALLIES, None, None), 1.0, 1.0, 18.5)
    assert [(span.start_seconds, span.end_seconds, len(span.rallies)) for span in spans] == [
        (2.2, 6.0, 1),
        (pytest.approx(7.2), 13.0, 2),
        (pytest.approx(15.4), 18.5, 1),
    ]
    assert spans_around([(1, Rally(30.0, 31.0, 0, 0))], 1.0, 1.0, 18.5) == []
    assert spans_around([(1, Rally(0.2, 1.0, 0, 0))], 1.0, 1.0, None)[0].start_seconds == 0


def test_lists_are_read_by_other_programs(match, tmp_path):
    names = [tmp_path / f"list{ending}" for ending in (".csv", ".srt", ".txt", ".llc", ".xml")]
    trim(match, names, None, TrimConfig(), quiet=True)
    rows = list(csv.DictReader(names[0].open()))
    assert [row["film_s"] for row in rows] == ["1.000", "4.800", "7.500", "10.600"]
    blocks = names[1].read_text().strip().split("\n\n")
    assert blocks[0].splitlines() == ["1", "00:00:03,200 --> 00:00:05,000", "Rally 1: 3 strokes, served from the left, net"]
    assert len(blocks) == 4 and blocks[2].splitlines()[2].startswith("Rally 3: 1 stroke,")
    assert names[2].read_text().splitlines()[:2] == ["0:00 Start", "0:02 Rally 1: 3 strokes, served from the left, net"]
    project = json.loads(names[3].read_text())
    assert project["mediaFileName"] == "match.mp4" and project["cutSegments"][0]["start"] == 2.2
    instances = ElementTree.parse(names[4]).getroot().findall("ALL_INSTANCES/instance")
    assert [instance.findtext("start") for instance in instances] == ["3.200", "8.200", "10.900", "16.400"]
    labels = {label.findtext("group"): label.findtext("text") for label in instances[3].findall("label")}
    assert labels == {"strokes": "7", "ended": "missed"}


@pytest.mark.parametrize("ending", [".otio", ".edl", ".fcpxml", ".premiere.xml"])
def test_timelines_hold_the_parts_to_the_frame(match, tmp_path, ending):
    otio = pytest.importorskip("opentimelineio")
    path = tmp_path / f"match{ending}"
    trim(match, [path], None, TrimConfig(), quiet=True)
    adapter = {".edl": "cmx_3600", ".fcpxml": "fcpx_xml", ".premiere.xml": "fcp_xml"}.get(ending, "otio_json")
    told = {"rate": 25.0} if ending == ".edl" else {}
    read = otio.adapters.read_from_file(str(path), adapter_name=adapter, **told)
    if ending == ".fcpxml":
        text = path.read_text()
        assert text.count("<asset-clip") + text.count("<clip") >= 3 and "match.mp4" in text
        return
    timeline = read if isinstance(read, otio.schema.Timeline) else read[0]
    clips = [clip for clip in timeline.video_tracks()[0] if isinstance(clip, otio.schema.Clip)]
    found = [(round(clip.source_range.start_time.value), round(clip.source_range.duration.value)) for clip in clips]
    assert found == [(55, 95), (180, 145), (385, 91)]


def test_what_cannot_be_done_is_told_in_a_line_and_leaves_nothing(match, tmp_path):
    def refused(error, match_text, outputs=("film.mp4",), video=match, **settings):
        with pytest.raises(error, match=match_text):
            trim(video, [tmp_path / name for name in outputs], None, TrimConfig(**settings), quiet=True)

    refused(OutputError, "ending", ("film.docx",))
    refused(OutputError, "ending", ("film",))
    refused(InputError, "no rally", min_strokes=99)
    refused(SettingError, "twice", ("a.mp4", "a.mp4"))
    (tmp_path / "late.csv").write_text("start_s,end_s\n100,101\n")
    refused(InputError, "within the 20.0 s", rallies=tmp_path / "late.csv")
    (tmp_path / "turned.csv").write_text("start_s,end_s\n5,4\n")
    refused(LabelError, "turned.csv:2", rallies=tmp_path / "turned.csv")
    refused(InputError, "missing.csv", rallies=tmp_path / "missing.csv")
    (tmp_path / "film.mp4").write_text("mine")
    refused(OutputError, "--overwrite")
    assert {path.name for path in tmp_path.iterdir()} == {"late.csv", "turned.csv", "film.mp4"}


def test_rallies_are_read_as_they_were_written(tmp_path):
    write_rallies_csv(tmp_path / "r.csv", RALLIES)
    assert read_rallies_csv(tmp_path / "r.csv") == RALLIES
    for line, fact in (("1,2,1.5", "strokes"), ("1,2,-1", "strokes"), ("a,2,1", "start_s")):
        (tmp_path / "bad.csv").write_text(f"start_s,end_s,strokes\n{line}\n")
        with pytest.raises(LabelError, match=fact):
            read_rallies_csv(tmp_path / "bad.csv")
    (tmp_path / "bad.csv").write_text("start_s,end_s,server,ended,confidence\n1,2,up,,\n")
    with pytest.raises(LabelError, match="left, right, near, far"):
        read_rallies_csv(tmp_path / "bad.csv")
