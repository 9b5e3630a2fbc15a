"""What README and docs say can be pasted, points to files that exist, and is what .ci/run runs."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from ttcli.cli import main
from ttcli.results.trajectory import Status, read_ball_csv

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "ttcli" / "weights" / "README.md"]


def marked_block(name: str) -> str:
    """Return the fenced block after the comment `ci: name`."""
    [block] = re.findall(rf"^<!-- ci: {name} -->\n```sh\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL)
    return block


def shown_commands() -> list[str]:
    """Return each `ttcli ...` that the pages show on a line of its own, without comment."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    lines = [line.strip().removeprefix("$ ") for text in texts for line in text.splitlines()]
    commands = [line.partition("  #")[0].strip() for line in lines if line.startswith("ttcli ")]
    return commands + [marked_block("detect").rpartition("&& .venv/bin/")[2]]


@pytest.mark.parametrize("name", ["detect", "test"])
def test_set_up_is_one_line_that_chooses_neither_index_nor_versions(name):
    command = marked_block(name)
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert "\n" not in command
    assert not re.search(r"index|://|[=<>~]=|\s-[cirf]\s", command)


@pytest.mark.parametrize("command", shown_commands())
def test_shown_commands_are_right_usage(command):
    name, *arguments = shlex.split(command)[1:]
    main.commands[name].make_context(name, arguments).close()  # parses, runs nothing; wrong usage raises


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []


def test_the_first_command_finds_the_ball_in_the_sample(tmp_path, monkeypatch):
    (tmp_path / "sample_videos").symlink_to(ROOT / "sample_videos")
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(marked_block("detect").rpartition("&& .venv/bin/ttcli ")[2])
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    rows = read_ball_csv(tmp_path / "ball.csv")
    assert sum(row.status is Status.SEEN for row in rows) > 0.3 * len(rows)
    assert (tmp_path / "overlay.mp4").stat().st_size > 0


@pytest.fixture
def ci_run(tmp_path):
    """Return a function that runs a copy of .ci/run beside a README with the given test command."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")

    def run(command: str) -> subprocess.CompletedProcess:
        block = f"<!-- ci: test -->\n```sh\n{command}\n```\n"
        text = re.sub(r"<!-- ci: test -->\n```sh\n.*?\n```\n", lambda _: block, README, flags=re.DOTALL)
        (tmp_path / "README.md").write_text(text, encoding="utf-8")
        return subprocess.run([tmp_path / ".ci" / "run"], capture_output=True, text=True, cwd="/")

    return run


def test_ci_run_runs_the_command_of_the_readme_beside_it(ci_run, tmp_path):
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    done = ci_run("pwd > here && echo collected && echo '= 12 passed in 3.4s ='")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("collected\n= 12 passed in 3.4s =\n")
    assert Path((tmp_path / "here").read_text().strip()).samefile(tmp_path)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("echo '1 failed, 3 passed'; exit 1", 1),
        ("echo 'no tests ran in 0.01s'; exit 5", 5),
        ("echo '7 skipped in 0.01s'", 1),
        ("false && echo '3 passed'", 1),
        ("true", 1),
    ],
)
def test_ci_run_fails_where_anything_fails_or_nothing_passed(ci_run, command, code):
    assert ci_run(command).returncode == code


def test_ci_run_removes_a_venv_of_its_own_and_no_other(ci_run, tmp_path):
    leave = "touch .venv/left && echo '1 passed'"
    assert ci_run(leave).returncode == 0
    assert ci_run("test ! -e .venv/left && echo '1 passed'").returncode == 0
    (tmp_path / ".venv" / ".made-by-ci-run").unlink()
    (tmp_path / ".venv" / "mine").touch()
    refused = ci_run(leave)
    assert refused.returncode == 1 and ".venv exists already" in refused.stderr
    assert (tmp_path / ".venv" / "mine").exists()
