"""No command writes what it reads, or one file twice, by whatever names; and nothing that is no ordinary file."""

import os

import pytest
from click.testing import CliRunner

from ttcli.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "ball.csv", "w.safetensors", "labels.csv"):
        (tmp_path / name).write_text(name)
    (tmp_path / "x").mkdir()
    (tmp_path / "linked.mp4").symlink_to("a.mp4")
    os.link(tmp_path / "ball.csv", tmp_path / "hard.csv")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["detect", "a.mp4", "-o", "a.mp4"],
        ["detect", "a.mp4", "-o", "x/../a.mp4"],
        ["detect", "a.mp4", "-o", "linked.mp4"],
        ["detect", "a.mp4", "-o", "w.safetensors", "--weights", "w.safetensors"],
        ["detect", "a.mp4", "-o", "o.csv", "--shots", "o.mp4", "--overlay", "o.mp4"],
        ["detect", "a.mp4", "-o", "o.csv", "--events", "x/../o.csv"],
        ["spot", "ball.csv", "-o", "ball.csv"],
        ["spot", "ball.csv", "-o", "hard.csv"],
        ["render", "a.mp4", "--ball", "ball.csv", "-o", "linked.mp4"],
        ["render", "a.mp4", "--events", "ball.csv", "--subtitles", "o.mp4", "-o", "o.mp4"],
        ["convert", "labels.csv", "labels.csv"],
        ["extract", "a.mp4", "--labels", "labels.csv", "-o", "s", "--contact-sheet", "labels.csv"],
        ["export", "w.safetensors", "-o", "w.safetensors"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_one_file_by_two_names_is_wrong_usage_before_any_work(folder, arguments, overwrite):
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    result = CliRunner().invoke(main, arguments + ["--overwrite"] * overwrite)
    assert result.exit_code == 2 and "is the same file as" in result.stderr and result.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_folder_may_be_read_from_and_written_to(folder):
    (folder / "x/b.mp4").write_text("no video")
    result = CliRunner().invoke(main, ["detect", "x", "-o", "x"])
    assert result.exit_code == 1 and "same file" not in result.stderr


def test_what_is_no_ordinary_file_is_not_replaced(folder):
    os.mkfifo(folder / "pipe.csv")
    result = CliRunner().invoke(main, ["spot", "ball.csv", "-o", "pipe.csv", "--size", "64x64", "--overwrite"])
    assert result.exit_code == 1 and (folder / "pipe.csv").is_fifo()
