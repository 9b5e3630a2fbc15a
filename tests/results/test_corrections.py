"""Decisions are on the disk when they are made, survive what may happen, and are read back as they were."""

import errno
import json
import os
import subprocess
import sys

import pytest

from ttcli.errors import LabelError, OutputError, TtcliError
from ttcli.labels.sources import find_sources
from ttcli.results.corrections import FORMAT, CorrectionLog, header_of, is_corrections, read_corrections
from ttcli.results.decisions import Decision

HEADER = header_of({"name": "match.mp4", "bytes": 7, "sha256": "ab"}, {"name": "ball.csv", "sha256": "cd"})


def ball(number, frame, x=5.0):
    return Decision(number, "ball", frame, x, 6.0)


def test_what_was_decided_is_there_when_the_file_is_opened_again(tmp_path):
    path = tmp_path / "match.corrections.jsonl"
    with CorrectionLog(path, HEADER) as log:
        for decision in (ball(1, 3), Decision(2, "none", 3), ball(3, 2), Decision(4, "undo", undone=3)):
            log.append(decision)
            assert read_corrections(path).decisions == log.corrections.decisions  # at once
    assert is_corrections(path.read_text()[:100])
    with CorrectionLog(path, header_of(None, None)) as log:
        assert log.corrections.header == HEADER
        assert {frame: decision.kind for frame, decision in log.corrections.balls().items()} == {3: "none"}
        assert log.next_number == 5 and log.last_standing() == Decision(2, "none", 3)


def test_nobody_else_corrects_meanwhile(tmp_path):
    path = tmp_path / "match.corrections.jsonl"
    code = (
        "import sys; from pathlib import Path; from ttcli.results.corrections import *\n"
        "from ttcli.errors import OutputError\n"
        "try: CorrectionLog(Path(sys.argv[1]), {})\nexcept OutputError as error: print(error)"
    )
    with CorrectionLog(path, HEADER) as log:
        log.append(ball(1, 3))
        told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
        assert "another review" in told and told.count("\n") == 1
    CorrectionLog(path, HEADER).close()


def test_a_file_in_which_nothing_was_decided_does_not_stay_and_is_no_labels(tmp_path):
    path = tmp_path / "match.corrections.jsonl"
    CorrectionLog(path, HEADER).close()
    assert not path.exists()
    (tmp_path / "match.mp4").write_bytes(b"")
    (tmp_path / "match.csv").write_text("frame,x,y,status\n0,,,absent\n")
    path.write_text(json.dumps(HEADER) + "\n")  # as a crash leaves it
    assert find_sources(tmp_path / "match.mp4")[0].balls == tmp_path / "match.csv"
    with CorrectionLog(path, HEADER) as log:
        log.append(ball(1, 3))
    assert find_sources(tmp_path / "match.mp4")[0].balls == path


def test_a_line_that_a_crash_cut_off_does_not_count_and_is_no_trouble(tmp_path):
    path = tmp_path / "match.corrections.jsonl"
    with CorrectionLog(path, HEADER) as log:
        log.append(ball(1, 3))
    whole = path.read_bytes()
    for cut in range(1, len(whole.splitlines(keepends=True)[1])):
        path.write_bytes(whole[:-cut])
        assert read_corrections(path).decisions == [] and read_corrections(path).torn
        with CorrectionLog(path, HEADER) as log:
            log.append(ball(1, 8))
        assert read_corrections(path).decisions == [ball(1, 8)]


@pytest.mark.parametrize("half", [True, False])
def test_a_full_disk_leaves_what_was_there_and_lets_go_on(tmp_path, monkeypatch, half):
    path = tmp_path / "match.corrections.jsonl"
    write, full = os.write, [True]

    def on_full_disk(handle, content):
        if full[0] and half and len(content) > 30:
            return write(handle, content[:20])
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, content)

    with CorrectionLog(path, HEADER) as log:
        log.append(ball(1, 3))
        before = path.read_bytes()
        monkeypatch.setattr(os, "write", on_full_disk)
        with pytest.raises(TtcliError, match="No space left"):
            log.append(ball(2, 4))
        assert path.read_bytes() == before and log.next_number == 2
        full[0] = False
        log.append(ball(2, 4))
    assert read_corrections(path).decisions == [ball(1, 3), ball(2, 4)]


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("nonsense", "is no JSON"),
        ('{"number": 1, "kind": "dance"}', "its kind is 'dance'"),
        ('{"number": 2, "kind": "none", "frame": 3}', "its number is 2, not 1"),
        ('{"number": 1, "kind": "ball", "frame": 3, "x": 5}', "ball has no y"),
        ('{"number": 1, "kind": "ball", "frame": 3.5, "x": 5, "y": 6}', "no whole number"),
        ('{"number": 1, "kind": "none", "frame": 3, "x": 5, "y": 6}', "none with x"),
        ('{"number": 1, "kind": "none", "frame": true}', "frame is True"),
        ('{"number": 1, "kind": "none", "frame": 1e400}', "frame is inf"),
        ('{"number": 1, "kind": "event", "frame": 3, "event": "hit"}', "event is 'hit'"),
        ('{"number": 1, "kind": "rally", "start_frame": 9, "end_frame": 3, "start_s": 1, "end_s": 2}', "before it begins"),
        ('{"number": 1, "kind": "table", "start_s": 1, "end_s": 2, "corners": [[1, 2], [3, 4]]}', "no four places"),
        ("[" * 5000, "is no JSON"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, fact):
    path = tmp_path / "match.corrections.jsonl"
    path.write_text(json.dumps(HEADER) + "\n" + line + "\n")
    with pytest.raises(LabelError) as told:
        read_corrections(path)
    assert (
        str(told.value).startswith(f"{path}:2: ")
        and (fact in str(told.value) or line[0] == "[")
        and "\n" not in str(told.value)
    )


def test_a_later_version_is_refused_and_what_is_not_known_is_passed_over(tmp_path):
    path = tmp_path / "match.corrections.jsonl"
    path.write_text(json.dumps({**HEADER, "format": FORMAT + 1}) + "\n")
    with pytest.raises(LabelError, match="later version"):
        read_corrections(path)
    path.write_text(
        json.dumps({**HEADER, "colour": "red"}) + "\n" + json.dumps({**ball(1, 3).as_json(), "mood": "good"}) + "\n"
    )
    assert read_corrections(path).decisions == [ball(1, 3)]


@pytest.mark.parametrize(
    "text", ["", "frame,x,y,status\n", "{}\n", '{"made_by": "ttcli detect"}\n', '{"made_by": "ttcli review"}\n', "\x00\n"]
)
def test_another_file_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "match.corrections.jsonl"
    path.write_text(text)
    with pytest.raises(LabelError):
        read_corrections(path)
    if text:
        with pytest.raises(LabelError):
            CorrectionLog(path, HEADER)
        assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        CorrectionLog(tmp_path / "absent" / "a.jsonl", HEADER)
