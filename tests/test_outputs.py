"""Files that are complete or not there, whatever happens while they are written."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from ttcli.errors import OutputError, TtcliError
from ttcli.outputs import (
    LOCK_FILE,
    MARK,
    check_output,
    complete_file,
    holds_something,
    lock,
    locked_folder,
    remove_if_left,
    sweep,
    temporary_folder,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_that_appears_meanwhile_is_kept_and_so_is_what_was_written(tmp_path):
    path = tmp_path / "ball.csv"
    (tmp_path / "ball.1.csv").write_text("older")
    appeared = r"appeared meanwhile; what was written here is in .*ball\.2\.csv"
    with pytest.raises(OutputError, match=appeared), complete_file(path) as temporary:
        temporary.write_text("mine")
        path.write_text("of somebody else")
    assert path.read_text() == "of somebody else" and (tmp_path / "ball.2.csv").read_text() == "mine"
    assert names(tmp_path) == ["ball.1.csv", "ball.2.csv", "ball.csv"]


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_a_file_system_without_links_keeps_the_promise(tmp_path, monkeypatch, links):
    if not links:

        def refuse(*names):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    with complete_file(tmp_path / "a.csv") as temporary:
        temporary.write_text("first")
    with pytest.raises(OutputError, match="exists already"), complete_file(tmp_path / "a.csv"):
        pass
    with complete_file(tmp_path / "a.csv", overwrite=True) as temporary:
        temporary.write_text("second")
    assert names(tmp_path) == ["a.csv"] and (tmp_path / "a.csv").read_text() == "second"


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="No space left.*make room"), complete_file(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_names_of_any_length_have_temporary_ones(tmp_path):
    name = "n" * 250 + ".csv"
    with complete_file(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert names(tmp_path) == [name]
    with pytest.raises(TtcliError, match="give a shorter name"):
        check_output(tmp_path / ("n" * 300 + ".csv"), False)


WRITER = """
import sys, time
from pathlib import Path
from ttcli.outputs import complete_file
with complete_file(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("begun", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_by_the_next_and_nobody_elses(tmp_path):
    path = tmp_path / "ball.csv"
    killed, working = (
        subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    try:
        assert killed.stdout.readline() and working.stdout.readline()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(list(tmp_path.glob(f".*{MARK}*"))) == 2
        with complete_file(path) as temporary:
            temporary.write_text("whole")
        assert path.read_text() == "whole" and len(list(tmp_path.glob(f".*{MARK}*"))) == 1
    finally:
        working.kill()
        working.wait()


def test_a_file_that_another_command_sweeps_before_it_is_locked_gives_way_to_another(tmp_path, monkeypatch):
    path, locked = tmp_path / "ball.csv", []

    def swept_first(handle):
        if not locked:
            [temporary] = tmp_path.glob(f".*{MARK}*")
            remove_if_left(temporary)
        locked.append(handle)
        return lock(handle)

    monkeypatch.setattr("ttcli.outputs.lock", swept_first)
    with complete_file(path) as temporary:
        assert len(locked) == 2 and temporary.exists()
        with pytest.raises(OSError):
            remove_if_left(temporary)
        temporary.write_text("whole")
    assert path.read_text() == "whole" and names(tmp_path) == ["ball.csv"]


def test_a_second_command_in_a_folder_is_told_of_the_first(tmp_path):
    folder = tmp_path / "new" / "set"
    going_on = pytest.raises(OutputError, match="another run is going on in it; wait for it")
    with locked_folder(folder), going_on, locked_folder(folder):
        pass
    assert not (tmp_path / "new").exists()  # made for nothing


def test_a_lock_that_a_killed_command_left_says_nothing(tmp_path):
    (tmp_path / LOCK_FILE).touch()
    assert not holds_something(tmp_path)
    with locked_folder(tmp_path):
        (tmp_path / "a.csv").touch()
    assert names(tmp_path) == ["a.csv"] and holds_something(tmp_path)


def test_a_folder_of_temporary_files_and_empty_folders_holds_nothing(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / f".game_1{MARK}abc.mp4").touch()
    assert not holds_something(tmp_path)
    (tmp_path / "videos" / ".own").touch()
    assert holds_something(tmp_path)


def test_temporary_folders_that_nobody_is_at_work_in_are_swept(tmp_path):
    (tmp_path / ".partial-killed" / "below").mkdir(parents=True)
    (tmp_path / ".other").mkdir()
    with temporary_folder(tmp_path, ".partial-") as working:
        sweep(tmp_path, ".partial-")
        assert names(tmp_path) == sorted([".other", working.name])
    assert names(tmp_path) == [".other"]


def test_a_temporary_folder_that_got_another_name_stays(tmp_path):
    with temporary_folder(tmp_path, ".partial-") as folder:
        (folder / "a").touch()
        folder.rename(tmp_path / "whole")
    assert names(tmp_path) == ["whole"] and names(tmp_path / "whole") == ["a"]
