"""What README and docs say can be pasted, points to files that exist, and is what .ci/run runs."""

import json
import os
import re
import shlex
import shutil
import subprocess
from itertools import islice
from pathlib import Path

import av
import pytest
from click.testing import CliRunner
from prose import without_code

from ttcli.cli import main
from ttcli.networks.measured import MEASURED
from ttcli.networks.registry import MODELS
from ttcli.results.trajectory import Status, read_ball_csv

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "ttcli" / "weights" / "README.md"]


def marked_block(name: str, text: str = README) -> str:
    """Return the fenced block after the comment `ci: name`."""
    [block] = re.findall(rf"^<!-- ci: {name} -->\n```sh\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)
    return block


def code_lines(page: str) -> list[str]:
    """Return the lines of a page that are code: those in blocks, fenced or indented."""
    return [line for line, prose in zip(page.splitlines(), without_code(page).splitlines(), strict=False) if line != prose]


def shown_commands() -> list[str]:
    """Return each `ttcli ...` that the pages show on a line of its own, without comment."""
    lines = [line.strip().removeprefix("$ ") for page in PAGES for line in code_lines(page.read_text(encoding="utf-8"))]
    commands = [line.partition("  #")[0].strip() for line in lines if line.startswith("ttcli ")]
    return commands + [marked_block("detect").rpartition("&& .venv/bin/")[2]]


def test_what_is_measured_of_networks_is_in_their_page_and_in_the_file_of_results():
    page = (ROOT / "docs" / "NETWORKS.md").read_text(encoding="utf-8")
    results = json.loads((ROOT / "docs" / "networks.json").read_text(encoding="utf-8"))["results"]
    assert set(MEASURED) == set(results) & set(MODELS)
    for name, measured in MEASURED.items():
        found = results[name]["left out"]["simulated"]
        told = [round(found[share], 3) for share in ("arg_max_right", "share@30")]
        assert [results[name]["windows"], *told] == [measured.windows, measured.within_10, measured.within_30]
        assert f"| `{name}` | {measured.windows:,} | {measured.within_10:.3f} | {measured.within_30:.3f} |" in page


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_that_are_named_are_there(page):
    named = re.findall(r"`((?:ttcli|tests|tools)/[\w/.]+\.py)", page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_architecture_names_modules_that_are_there_and_every_part():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    inside = re.findall(r"`(\w+/\w+)(?:\.py|\.[A-Za-z]\w*)", text)
    assert inside and [path for path in inside if not list(ROOT.glob(f"**/{path}.py"))] == []
    [tree] = re.findall(r"^```\nttcli/\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shown = re.findall(r"^  (\w+(?:\.py|/)) ", tree, re.MULTILINE)
    package = ROOT / "ttcli"
    parts = [path.name for path in package.glob("*.py")] + [f"{path.parent.name}/" for path in package.glob("*/__init__.py")]
    assert sorted(shown) == sorted([*parts, "weights/"])


def test_the_lines_for_python_are_right(tmp_path, runtime, ball_video, monkeypatch):
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    ball_video(positions=64)  # match.mp4
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ttcli.detection.in_memory.load_network", lambda *settings: runtime)
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize("frames", [48, pytest.param(None, marks=pytest.mark.slow)], ids=["beginning", "whole"])
def test_the_first_command_finds_the_ball_in_the_sample(tmp_path, monkeypatch, frames):
    if frames is None:
        (tmp_path / "sample_videos").symlink_to(ROOT / "sample_videos")
    else:
        copy_beginning(ROOT / "sample_videos" / "rally.mp4", tmp_path / "sample_videos" / "rally.mp4", frames)
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(marked_block("detect").rpartition("&& .venv/bin/ttcli ")[2])
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    rows = read_ball_csv(tmp_path / "ball.csv")
    assert len(rows) == (frames or 210)
    assert sum(row.status is Status.SEEN for row in rows) > 0.3 * len(rows)
    assert (tmp_path / "overlay.mp4").stat().st_size > 0


def copy_beginning(video: Path, path: Path, frames: int) -> None:
    """Write the first frames of a video that begin with a keyframe, as they are coded."""
    path.parent.mkdir()
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in islice(source.demux(source.streams.video[0]), frames):
            packet.stream = stream
            target.mux(packet)


def with_block(text: str, name: str, command: str) -> str:
    """Return a page with another command after the comment `ci: name`."""
    block = f"<!-- ci: {name} -->\n```sh\n{command}\n```\n"
    return re.sub(rf"<!-- ci: {name} -->\n```sh\n.*?\n```\n", lambda _: block, text, flags=re.DOTALL)


@pytest.fixture
def ci_run(tmp_path):
    """Return a function that runs a copy of .ci/run beside pages with the given test command and checks."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")

    def run(command: str, checks: str = "true") -> subprocess.CompletedProcess:
        (tmp_path / "README.md").write_text(with_block(README, "test", command), encoding="utf-8")
        (tmp_path / "CONTRIBUTING.md").write_text(with_block(CONTRIBUTING, "check", checks), encoding="utf-8")
        return subprocess.run([tmp_path / ".ci" / "run"], capture_output=True, text=True, cwd="/")

    return run


def test_ci_run_runs_the_command_of_the_readme_beside_it(ci_run, tmp_path):
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    done = ci_run("pwd > here && echo set up && echo '= 12 passed in 3.4s ='", "echo checked")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Closing lines:\n= 12 passed in 3.4s =\n")
    assert Path((tmp_path / "here").read_text().strip()).samefile(tmp_path)
    told = [line for line in done.stdout.splitlines() if line in ("set up", "checked", "= 12 passed in 3.4s =")]
    assert told[:3] == ["set up", "checked", "= 12 passed in 3.4s ="]


def test_ci_run_tests_nothing_that_does_not_pass_its_checks(ci_run, tmp_path):
    done = ci_run("true && bash -c 'touch tested; echo 3 passed'", "echo 'a line too long' && exit 3")
    assert done.returncode == 3 and "a line too long" in done.stdout and not (tmp_path / "tested").exists()
    assert "failed with exit code 3" in done.stderr


def test_checks_are_of_the_environment_that_the_test_line_makes():
    checks = marked_block("check", CONTRIBUTING).split(" && ")
    assert [check.split()[0] for check in checks] == [".venv/bin/ruff", ".venv/bin/ruff", ".venv/bin/mypy"]


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
