"""`probe` says what a video is, how large the ball is in it, and what stands in the way of a good result."""

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from ball_videos import ball_path, ball_picture, write_video
from made_videos import MADE, VARYING, write

from ttcli.configs import ProbeConfig
from ttcli.errors import InputError, VideoError
from ttcli.probe import probe
from ttcli.probing.ball_size import crop_box, measure_ball
from ttcli.probing.picture_quality import camera_shift, sharpness, woven_fields
from ttcli.probing.verdict import RULES, Finding, find_all, judge, not_judged
from ttcli.video.packets import read_packets
from ttcli.video.reader import FrameReader

BY_NAME = {made.name: made for made in MADE}


def probed(video: Path, runtime, **settings):
    return probe(video, ProbeConfig(**settings), quiet=True, runtime=runtime)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttcli.probe.TIMED_SECONDS", 0.05)


def test_a_probe_finds_the_ball_and_its_size(tmp_path: Path, runtime) -> None:
    path = [(40 + 9 * index, 80 + 30 * np.sin(index / 4)) for index in range(27)]
    video = write_video(tmp_path / "match.mp4", (ball_picture(192, 288, place, radius=5) for place in path))
    report = probed(video, runtime)
    facts = report.facts
    assert (facts["frames"], facts["height"], facts["width"], facts["true_fps"]) == (27, 192, 288, 25)
    assert (facts["seen_share"], facts["camera_moves"], facts["interlaced"], facts["variable_rate"]) == (1, False, False, False)
    assert facts["ball_width"] == pytest.approx(10, abs=1.5)
    assert facts["duplicates"] == 0 and facts["cuts_per_minute"] == 0
    assert facts["detect_seconds"] > 0 and facts["decode_fps"] > 0
    assert json.loads(json.dumps(report.as_json()))["verdict"] == report.verdict == "fair"
    assert "the picture is only 288x192" in str(report)
    assert "not judged: rallies" in str(report) and "; metres" in str(report)


def test_a_sample_is_decoded_a_second_time_only_where_it_is_large(tmp_path: Path, runtime, monkeypatch) -> None:
    path = [(40 + 9 * index, 80 + 30 * np.sin(index / 4)) for index in range(27)]
    video = write_video(tmp_path / "match.mp4", (ball_picture(192, 288, place, radius=5) for place in path))
    opened: list[object] = []
    monkeypatch.setattr("ttcli.probe.FrameReader", lambda *given, **named: opened.append(given) or FrameReader(*given, **named))
    timed = ("decode_fps", "detect_fps", "detect_seconds")
    told = {name: value for name, value in probed(video, runtime).facts.items() if name not in timed}
    assert len(opened) == 3, "a sample, and decoding and detection that are timed"
    monkeypatch.setattr("ttcli.probe.MOST_KEPT", 27 * 192 * 288 - 1)
    assert probed(video, runtime).facts.items() >= told.items()
    assert len(opened) == 3 + 4


@pytest.mark.parametrize(
    ("name", "fact", "value"),
    [
        ("interlaced.mp4", "interlaced", True),
        ("varying.mp4", "variable_rate", True),
        ("rate_5994.mp4", "variable_rate", False),
        ("rate_5994.mp4", "true_fps", 59.94),
        ("late_start.mkv", "true_fps", 25.0),
        ("pq.mp4", "high_dynamic_range", True),
        ("turned_90.mp4", "rotation", 90),
        ("mirrored.mp4", "mirrored", True),
        ("wide_pixels.mp4", "pixel_aspect", "4/3"),
        ("same_stamp.mkv", "repeated_timestamps", 1),
        ("pause.mp4", "longest_gap_seconds", 2.04),
        ("pulled_up.mp4", "duplicates", 0.6),
        ("jpeg", "frames", 12),
        ("hevc.mkv", "codec", "hevc"),
        ("hevc.mkv", "container", "matroska"),
    ],
)
def test_a_probe_tells_what_is_peculiar(tmp_path: Path, runtime, name: str, fact: str, value: object) -> None:
    BY_NAME[name].make(tmp_path / name)
    found = probed(tmp_path / name, runtime).facts[fact]
    assert found == (pytest.approx(value, abs=0.002) if isinstance(value, float) else value)


def test_a_video_without_a_ball_is_poor(tmp_path: Path, runtime) -> None:
    video = write_video(tmp_path / "empty.mp4", [ball_picture(360, 480, None)] * 27)
    report = probed(video, runtime)
    assert report.verdict == "poor"
    assert any("a ball was found in 0%" in finding.reason for finding in report.findings)


@pytest.mark.parametrize("cut", [0.3, 0.6])
def test_a_cut_off_video_is_probed(tmp_path: Path, runtime, cut: float) -> None:
    video = write_video(tmp_path / "match.mp4", (ball_picture(64, 96, place) for place in ball_path(60)), gop=5)
    video.write_bytes(video.read_bytes()[: int(video.stat().st_size * cut)])
    facts = probed(video, runtime).facts
    assert 5 < facts["frames"] < 60 and facts["truncated"]


def test_what_is_no_video_is_an_error(tmp_path: Path, runtime) -> None:
    with pytest.raises(InputError, match="does not exist"):
        probed(tmp_path / "missing.mp4", runtime)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(VideoError):
        probed(tmp_path / "text.mp4", runtime)


def test_samples_are_spread_over_a_long_video(tmp_path: Path, runtime) -> None:
    video = write_video(tmp_path / "match.mp4", (ball_picture(64, 96, place) for place in ball_path(30) * 20), gop=30)
    facts = probed(video, runtime, samples=3).facts
    assert facts["sampled_frames"] == 3 * 30 and facts["seen_share"] == 1


def test_packets_tell_the_true_rate(tmp_path: Path) -> None:
    pictures = [ball_picture(64, 96, place) for place in ball_path(12)]
    write(tmp_path / "slow.mp4", pictures, times=[index / 30 for index in range(12)], rate=Fraction(120))
    facts = read_packets(tmp_path / "slow.mp4")
    assert facts.frame_rate == pytest.approx(30, rel=1e-3) and not facts.variable and facts.frames == 12
    write(tmp_path / "varying.mp4", pictures, times=VARYING)
    assert read_packets(tmp_path / "varying.mp4").variable


def test_a_streak_is_measured_along_and_across() -> None:
    frames = []
    for index in range(5):
        frame = np.full((200, 300), 50, np.uint8)
        start = (40 + 50 * index, 60 + 10 * index)
        cv2.line(frame, start, (start[0] + 30, start[1] + 6), 220, 8, cv2.LINE_AA)
        frames.append(frame)
    x, y = 40 + 100 + 15, 60 + 20 + 3
    rows, columns = crop_box(x, y, 200, 300)
    size = measure_ball([frame[rows, columns] for frame in frames], 2, x - columns.start, y - rows.start, 1000)
    assert size is None  # at a width of 300 the crop is too small for it
    size = measure_ball(frames, 2, x, y, 300)
    assert (size.width, size.length) == (pytest.approx(9, abs=1.5), pytest.approx(39, abs=3))


def test_no_ball_is_measured_where_nothing_stands_out() -> None:
    frames = [np.full((60, 60), 50, np.uint8)] * 5
    assert measure_ball(frames, 2, 30, 30, 300) is None


def test_a_blurred_picture_is_less_sharp() -> None:
    picture = cv2.resize(np.random.default_rng(0).integers(0, 255, (60, 80)).astype(np.uint8), (160, 120))
    blurred = [cv2.GaussianBlur(picture, (0, 0), radius) for radius in (1.0, 2.0)]
    values = [sharpness(each) for each in (picture, *blurred)]
    assert values == sorted(values, reverse=True) and values[0] > 0.9 and values[2] < 0.7
    assert sharpness(np.zeros((20, 20), np.uint8)) == 0


def test_woven_fields_are_told_from_whole_pictures() -> None:
    def bar(x: int) -> np.ndarray:
        frame = np.full((120, 160), 40, np.uint8)
        frame[20:100, x : x + 30] = 200
        return cv2.GaussianBlur(frame, (5, 5), 0)

    woven = bar(60).copy()
    woven[::2] = bar(68)[::2]
    assert woven_fields(bar(50), woven) > 1.15
    assert woven_fields(bar(50), bar(60)) < 1.05
    assert woven_fields(bar(50), bar(50)) is None


def test_a_shift_of_the_camera_is_measured() -> None:
    wide = cv2.resize(np.random.default_rng(0).integers(0, 255, (12, 24)).astype(np.uint8), (400, 200))
    assert camera_shift(wide[:, :320], wide[:, 6:326]) == pytest.approx(6, abs=0.7)
    assert camera_shift(wide[:, :320], wide[:, :320]) == pytest.approx(0, abs=0.1)


def test_every_rule_can_be_said_of_usual_facts(tmp_path: Path, runtime) -> None:
    video = write_video(tmp_path / "match.mp4", (ball_picture(64, 96, place) for place in ball_path(27)))
    facts = probed(video, runtime).facts
    known = facts | {name: 0.5 for name, value in facts.items() if value is None}
    for rule in RULES:
        assert "{" not in rule.reason.format(**known) and rule.cure
        assert rule.level in ("stop", "warning", "note")
    assert [finding.level for finding in find_all(facts)] == sorted(
        (finding.level for finding in find_all(facts)), key=("stop", "warning", "note").index
    )


def test_a_table_that_was_looked_for_in_vain_is_told(tmp_path: Path, runtime) -> None:
    video = write_video(tmp_path / "match.mp4", (ball_picture(360, 480, place) for place in ball_path(27, 360, 480)))
    report = probed(video, runtime, table_picture=tmp_path / "table.jpg")
    assert report.facts["tables"] == 0 and "metres" not in not_judged(report.facts)
    [told] = [finding for finding in report.findings if "no table" in finding.reason]
    assert "--table" in told.cure and "cannot be expected" in told.cure


def test_the_verdict_goes_by_the_worst() -> None:
    stop, warning, note = (Finding(level, "a", "b") for level in ("stop", "warning", "note"))
    assert [judge(found) for found in ([note], [], [note, warning], [stop, warning])] == ["good", "good", "fair", "poor"]
