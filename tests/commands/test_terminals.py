"""Whatever a terminal's encoding lacks is written plainly, in tables as in lines, and no name is taken for markup."""

import io
import sys

import pytest
from click.testing import CliRunner

from ttcli import cli
from ttcli.commands.options import show, tell, write_whatever_comes


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
