"""What a terminal's encoding lacks is written plainly, no name is taken for markup, and streams may be closed or full."""

import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ttcli import cli
from ttcli.commands.telling import show, tell, write_whatever_comes


def ascii_terminal(monkeypatch):
    """Return what is written to a terminal that knows ASCII alone, as with LC_ALL=C."""
    streams = io.BytesIO(), io.BytesIO()
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, encoding="ascii"))
    write_whatever_comes()
    return streams


def test_lines_and_json_are_plain_where_a_terminal_knows_ascii_alone(monkeypatch):
    terminal = ascii_terminal(monkeypatch)
    show(False, {}, "b\xe4ll – 5 px…")
    show(True, {"name": "b\xe4ll\udcff"})
    tell("b\xe4ll.mp4\udcff: gone; look\nelsewhere")
    out, err = (stream.getvalue().decode("ascii") for stream in terminal)
    assert out == 'b\\xe4ll - 5 px...\n{\n  "name": "b\\u00e4ll\\udcff"\n}\n'
    assert err == "ttcli: b\\xe4ll.mp4\\udcff: gone; look\\nelsewhere\n"


def test_tables_are_plain_where_a_terminal_knows_ascii_alone(monkeypatch, tmp_path):
    terminal = ascii_terminal(monkeypatch)
    labels = tmp_path / "l\xe4[red].csv"
    labels.write_text("frame,status,x,y\n0,visible,3,4\n")
    cli.main(["evaluate", str(labels), str(labels), "--size", "64x48"], standalone_mode=False)
    table = terminal[0].getvalue().decode("ascii")
    assert "| l\\xe4[red] |" in table and "+--" in table


@pytest.mark.parametrize("command", ["", *cli.main.commands])
def test_help_is_plain(command):
    assert CliRunner().invoke(cli.main, [command, "--help"] if command else ["--help"]).stdout.isascii()


def test_names_that_are_no_text_are_escaped_where_a_terminal_knows_all(tmp_path):
    labels = tmp_path / "l.csv"
    labels.write_text("frame,status,x,y\n0,visible,3,4\n")
    result = CliRunner().invoke(cli.main, ["convert", str(labels), str(tmp_path / "x\udcff.json")])
    assert result.exit_code == 0 and "x\\udcff.json" in result.stdout


def run(words: str, redirection: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = f"{shlex.quote(sys.executable)} -m ttcli {words} {redirection}"
    return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def labels(tmp_path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("Frame,Visibility,X,Y\n0,1,5,5\n1,1,6,6\n")
    return path


def test_where_standard_error_is_closed_nothing_of_it_comes_on_standard_output(labels):
    ended = run("convert missing.csv out.json", "2>&-", labels.parent)
    assert (ended.returncode, ended.stdout) == (1, "")


def test_where_standard_output_is_closed_a_result_is_shown_to_nobody(labels):
    ended = run("evaluate labels.csv labels.csv --size 64x48", ">&-", labels.parent)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
@pytest.mark.parametrize("words", ["--help", "--version", "models --help"])
def test_where_standard_output_is_full_help_is_one_line(words, tmp_path):
    ended = run(words, ">/dev/full", tmp_path)
    assert ended.returncode == 1
    assert re.fullmatch(r"ttcli: .*No space left on device; make room.*\n", ended.stderr)
