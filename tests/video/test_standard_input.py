"""A video from standard input: its copy is there while it is read, and never for longer."""

import errno
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from ttcli import cli
from ttcli.errors import InputError, OutputError, TtcliError
from ttcli.video import standard_input
from ttcli.video.standard_input import FOLDER_PREFIX, NAME, NEW_NAME, spooled

HOLD = """
import sys, time
from ttcli.commands.signals import interrupted_by_signals
from ttcli.video.standard_input import spooled
with interrupted_by_signals(), spooled() as path:
    print(path, flush=True)
    time.sleep(60)
"""
"""A program that copies standard input, says where, and waits."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path / "tmp"
    tempfile.tempdir = None


def give(monkeypatch: pytest.MonkeyPatch, source: object) -> None:
    stdin = None if source is None else SimpleNamespace(buffer=source)
    monkeypatch.setattr("ttcli.video.standard_input.sys", SimpleNamespace(stdin=stdin))


def raised_by(kind: type[TtcliError]) -> str:
    with pytest.raises(kind) as raised, spooled():
        pass
    assert raised.value.exit_code == 1
    return str(raised.value)


def started(standard_input: int = subprocess.PIPE) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", HOLD], stdin=standard_input, stdout=subprocess.PIPE, text=True)


def holding(content: str = "a video") -> tuple[subprocess.Popen, Path]:
    """Return a process that holds a copy of `content`, and the copy."""
    process = started()
    process.stdin.write(content)
    process.stdin.close()
    return process, Path(process.stdout.readline().strip())


def test_the_copy_is_there_while_it_is_read_and_not_after(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = os.urandom(standard_input.READ_BYTES + 1000)
    give(monkeypatch, io.BytesIO(content))
    with spooled() as path:
        assert path.read_bytes() == content and path.parent.parent == folder and path.parent.stat().st_mode & 0o077 == 0
    assert not list(folder.iterdir())


def test_closed_standard_input_is_told_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, None)
    assert raised_by(InputError).startswith("-: standard input is closed; pipe a video in")


def test_empty_standard_input_is_told_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, io.BytesIO(b""))
    assert raised_by(InputError).startswith("-: standard input is empty (0 bytes); pipe a video in")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_as_standard_input_is_refused_as_it_may_have_no_end(
    device: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(device).open("rb") as file:
        give(monkeypatch, file)
        assert raised_by(InputError).startswith("-: standard input is a terminal or another device; pipe a video in")


def test_standard_input_that_cannot_be_read_is_told_of(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("wb") as file:
        give(monkeypatch, file)
        assert "standard input cannot be read" in raised_by(InputError)
    assert not list(folder.iterdir())


def test_a_full_disk_is_told_of_where_the_copy_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, io.BytesIO(b"a video"))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.FileIO):
        write = full

    monkeypatch.setattr(Path, "open", lambda self, mode, buffering: Full(self, mode.replace("b", "")))
    told = f"-: its copy cannot be kept in {folder} (No space left on device); make room there, or set TMPDIR to another folder"
    assert raised_by(OutputError) == told
    assert not list(folder.iterdir())


def test_a_signal_that_ends_the_process_removes_the_copy(folder: Path) -> None:
    process, path = holding()
    assert path.read_text() == "a video"
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert not list(folder.iterdir())


def test_a_signal_amid_copying_removes_the_copy(folder: Path) -> None:
    process = started()
    process.stdin.write("the beginning")
    process.stdin.flush()
    until = time.monotonic() + 10
    while not list(folder.glob(f"*/{NAME}")) and time.monotonic() < until:
        time.sleep(0.02)
    assert list(folder.glob(f"*/{NAME}"))
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert not list(folder.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed, left = holding()
    running, kept = holding("another")
    try:
        assert not left.exists() or left.read_text() == "a video"
        killed.kill()
        killed.wait(10)
        assert left.exists()
        give(monkeypatch, io.BytesIO(b"a third"))
        with spooled() as path:
            assert sorted(folder.iterdir()) == sorted((kept.parent, path.parent)) and kept.read_text() == "another"
    finally:
        running.kill()
        running.wait(10)


def test_only_copies_are_swept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(name: str, *inside: str) -> Path:
        (folder / name).mkdir()
        for entry in inside:
            (folder / name / entry).write_bytes(b"x")
        return folder / name

    copies = [make(f"{FOLDER_PREFIX}copy", NAME)]
    others = [make(f"{FOLDER_PREFIX}more", NAME, "notes"), make("other", NAME), make(f"{FOLDER_PREFIX}just_begun", NEW_NAME)]
    old = make(f"{FOLDER_PREFIX}never_begun", NEW_NAME)
    os.utime(old, (0, 0))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / NAME).write_bytes(b"x")
    (folder / f"{FOLDER_PREFIX}link").symlink_to(tmp_path / "elsewhere")
    (folder / f"{FOLDER_PREFIX}file").write_bytes(b"x")
    give(monkeypatch, io.BytesIO(b"a video"))
    with spooled():
        pass
    assert not any(path.exists() for path in (*copies, old)) and all(path.exists() for path in others)
    assert (tmp_path / "elsewhere" / NAME).exists() and (folder / f"{FOLDER_PREFIX}file").exists()


def test_what_is_another_users_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = folder / f"{FOLDER_PREFIX}x" / NAME
    left.parent.mkdir()
    left.write_bytes(b"x")
    monkeypatch.setattr(os, "getuid", lambda: left.parent.stat().st_uid + 1)
    standard_input._sweep(folder)
    assert left.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-", "-", "-o", "b.csv"], 2, "standard input is asked for twice"),
        (["-", "-o", "b.csv", "--threshold", "nan"], 2, "nan is not a finite number"),
        (["-", "-o", "b.csv", "--shots", "b.csv"], 2, "is the same file as"),
    ],
)
def test_wrong_usage_is_told_of_before_standard_input_is_read(
    arguments: list[str], code: int, words: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO(b"a video")
    give(monkeypatch, content)
    done = CliRunner().invoke(cli.main, ["detect", *arguments])
    assert done.exit_code == code and words in done.stderr and content.tell() == 0


def test_a_file_called_dash_is_a_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_bytes(b"")
    give(monkeypatch, None)
    done = CliRunner().invoke(cli.main, ["probe", "./-"])
    assert done.exit_code == 1 and done.stderr == "ttcli: -: is empty (0 bytes); record or copy the file again\n"


def test_the_copy_is_gone_after_a_command_that_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, io.BytesIO(b"no video" * 100))
    done = CliRunner().invoke(cli.main, ["probe", "-"])
    assert done.exit_code == 1 and done.stderr.startswith("ttcli: -: is no video") and done.stderr.count("\n") == 1
    assert not list(folder.iterdir())
