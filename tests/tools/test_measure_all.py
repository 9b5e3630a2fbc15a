import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import measure_all  # noqa: E402

PAGE = "before\n\n<!-- measured: real -->\n| old |\n|---|\n| 1 |\n\nafter | it\n\n<!-- measured: machine -->\n| old |\n|---|\n"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A page with two tables, and pieces that count how often they are measured; `run` runs the tool over them."""
    page, counts = tmp_path / "page.md", []
    page.write_text(PAGE)

    def piece(name, fails):
        def measure(place):
            if fails and not (place.shared / "there").exists():
                raise subprocess.CalledProcessError(1, "detect")
            counts.append(name)
            return [["", name], ["row", str(counts.count(name))]]

        return measure

    monkeypatch.setattr(measure_all, "PIECES", {"machine": piece("machine", False), "real": piece("real", True)})

    def run(*options):
        arguments = ["measure_all.py", str(tmp_path), str(tmp_path / "work"), "--page", str(page), *options]
        monkeypatch.setattr(sys, "argv", arguments)
        measure_all.main()
        return page.read_text()

    run.counts = counts
    return run


def test_a_run_that_failed_goes_on_with_what_is_not_done(work, tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        work()
    (tmp_path / "there").touch()
    text = work()
    assert "<!-- measured: real -->\n|  | real |\n|---|---|\n| row | 1 |\n\nafter | it\n" in text
    assert work.counts == ["machine", "machine", "real"]  # the day and the machine are always those of today
    work()
    assert work.counts.count("real") == 1
    work("--again", "--only", "real")
    assert work.counts.count("real") == 2


def test_the_list_says_what_is_done_and_measures_nothing(work, tmp_path, capsys):
    work("--list")
    assert work.counts == [] and capsys.readouterr().out == "machine: to do\nreal: to do\n"


def test_a_page_without_the_comment_is_an_error():
    with pytest.raises(ValueError, match="measured: other"):
        measure_all.with_table(PAGE, "other", "| x |")


def test_every_table_of_the_results_has_a_piece_and_every_piece_a_table():
    text = measure_all.RESULTS.read_text(encoding="utf-8")
    for name in measure_all.PIECES:
        assert measure_all.with_table(text, name, "| x |").count("| x |\n") == 1
    assert text.count("<!-- measured: ") == len(measure_all.PIECES)


def test_the_machine_is_named_with_its_day_and_version(tmp_path):
    header, row = measure_all.machine(measure_all.Place(tmp_path, tmp_path))
    assert header == ["day", "version", "machine"] and len(row) == 3 and all(row)
