"""Pages, help texts and docstrings read easily: short sentences, short lines, no phrase that readers stumble over."""

from pathlib import Path

import click
import prose
import pytest

from ttcli.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "ttcli" / "weights" / "README.md"]
MODULES = sorted((ROOT / "ttcli").rglob("*.py"))
TERMINAL = 80
MOST_LINES = {"README.md": 170, "docs/RESULTS.md": 220}
"""Lines of the pages that everybody reads."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_reads_at_once(page):
    text = page.read_text(encoding="utf-8")
    assert [fault for paragraph in prose.paragraphs(text) for fault in prose.faults(paragraph)] == []
    assert prose.long_lines(text) == []


@pytest.mark.parametrize("page", MOST_LINES)
def test_a_page_for_everybody_is_short(page):
    assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) <= MOST_LINES[page]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_docstrings_read_at_once(module):
    found = {}
    for name, text in prose.docstrings(module):
        faults = [fault for paragraph in prose.docstring_paragraphs(text) for fault in prose.faults(paragraph)]
        long_lines = [line for line in text.splitlines() if len(line) > prose.LONGEST_LINE]
        if faults or long_lines:
            found[name] = faults + long_lines
    assert found == {}


@pytest.mark.parametrize("name", ["", *sorted(main.commands)])
def test_help_reads_at_once_on_a_small_terminal(name):
    command = main.commands.get(name, main)
    context = command.make_context(name or "ttcli", [], resilient_parsing=True, terminal_width=TERMINAL)
    assert [line for line in command.get_help(context).splitlines() if len(line) > TERMINAL] == []
    texts = [parameter.help for parameter in command.params if isinstance(parameter, click.Option) and parameter.help]
    assert [fault for text in [command.help or "", *texts] for fault in prose.faults(" ".join(text.split()))] == []


def test_sentences_end_where_a_reader_stops():
    text = "It takes 0.5 s. `detect` writes rows: one each. See [x](a.md). Why? **No** more"
    assert prose.sentences(text) == [
        "It takes 0.5 s.", "Code writes rows: one each.", "See x.", "Why?", "No more",
    ]  # fmt: skip


def test_faults_are_found_in_prose_and_not_in_code():
    page = "# Of mice\n\nOf the ball.\n\n```sh\nOf code\n```\n\n| a | that of b |\n|---|---|\n\n    Of code\n\n* " + "so " * 36
    found = [fault for paragraph in prose.paragraphs(page) for fault in prose.faults(paragraph)]
    assert [fault.split(":")[0] for fault in found] == [
        "a sentence that begins with a bare `Of`", "a sentence that begins with a bare `Of`", "`that of`, `those of`", "36 words",
    ]  # fmt: skip


def test_long_lines_are_found_outside_tables_and_code():
    long = "word " * 30
    page = f"{long}\n\n| {long} |\n\n    {long}\n\n```\n{long}\n```\n* item\n    {long}"
    assert prose.long_lines(page) == [long, f"    {long}"]


def test_docstrings_of_attributes_and_arguments_are_read(tmp_path):
    module = tmp_path / "module.py"
    function = 'def f(x):\n    """Return it.\n\n    Args:\n        x: Of b.\n    """\n'
    module.write_text(f'"""First."""\nA = 1\n"""Of a."""\n\n\n{function}')
    read = dict(prose.docstrings(module))
    assert read == {"module": "First.", "A": "Of a.", "f": "Return it.\n\nArgs:\n    x: Of b."}
    assert list(prose.docstring_paragraphs(read["f"])) == ["Return it.", "Of b."]
