"""A request to end a command ends it in one line, wherever it comes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from video_files import write_numbered

from ttcli import models
from ttcli.cli import main
from ttcli.commands.signals import interrupted_by_signals
from ttcli.video import opening


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_where_nothing_can_be_raised_comes_right_after(number, capsys):
    class Dropped:
        def __del__(self) -> None:
            signal.raise_signal(number)

    before = signal.getsignal(number), sys.unraisablehook
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        Dropped()
        time.sleep(5)
    assert time.monotonic() - began < 4, "it waited until the sleep was over"
    assert capsys.readouterr().err == ""
    assert (signal.getsignal(number), sys.unraisablehook) == before


@pytest.mark.parametrize("call", ["read", "seek"])
def test_a_request_while_a_library_calls_back_ends_in_one_line(call, monkeypatch, tmp_path, capfd):
    """PyAV prints what its callbacks raise, and goes on."""
    video = write_numbered(tmp_path / "a.mp4", 3)
    usual, calls = getattr(opening._Content, call), []

    def interrupted(self, *arguments):
        calls.append(arguments)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGTERM)
        return usual(self, *arguments)

    monkeypatch.setattr(opening._Content, call, interrupted)
    result = CliRunner().invoke(main, ["detect", str(video), "-o", str(tmp_path / "b.csv"), "-q"])
    assert (result.exit_code, result.stderr) == (1, "ttcli: interrupted\n")
    assert capfd.readouterr().err == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_what_fails_after_a_request_is_told_of_as_interrupted(monkeypatch):
    def fail(*arguments):
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:  # as a library does that is being imported
            raise ImportError("initialization failed") from None

    monkeypatch.setattr(models, "models", fail)
    result = CliRunner().invoke(main, ["models"])
    assert (result.exit_code, result.stderr) == (1, "ttcli: interrupted\n")


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_by_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


ENDS = """
import atexit, sys
from ttcli.commands.signals import leave_in_peace

class Kept:
    def __del__(self):
        print("taken apart", file=sys.stderr)

kept = Kept()
atexit.register(lambda: print("tidied up", file=sys.stderr))
sys.stdout.write("result")
try:
    sys.exit(3)
finally:
    leave_in_peace()
"""


def test_a_process_that_is_done_tidies_up_and_is_not_taken_apart():
    done = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "result", "tidied up\n")


def test_what_cannot_be_written_at_the_end_is_told_by_python():
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", ENDS], stdout=full, stderr=subprocess.PIPE, text=True, env=buffered)
    assert done.returncode == 120 and "No space left" in done.stderr


def test_the_end_is_left_to_who_watches_it(tmp_path):
    code = f"import cProfile; cProfile.run({ENDS!r}, {str(tmp_path / 'profile')!r})"
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / "profile").is_file()
