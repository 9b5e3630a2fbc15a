"""What help shows: options in groups, those of every command last; and what it does not show but still works."""

import types
from pathlib import Path

import pytest
from click.testing import CliRunner

from ttcli.cli import main
from ttcli.commands.options import EVERY_COMMAND
from ttcli.configs import ExportConfig

OF_EVERY_COMMAND = {"overwrite", "quiet", "as_json", "debug", "help"}


def headings(name: str) -> list[str]:
    """Return the headings of a command's help, in order."""
    lines = CliRunner().invoke(main, [name, "--help"]).stdout.splitlines()
    return [line[:-1] for line in lines if line.endswith(":") and not line.startswith(" ")]


@pytest.mark.parametrize("name", sorted(main.commands))
def test_options_are_listed_in_groups_and_those_of_every_command_last(name):
    command = main.commands[name]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    grouped = {parameter.name: getattr(parameter, "group", EVERY_COMMAND) for parameter in options}
    assert {option for option, group in grouped.items() if group == EVERY_COMMAND} <= OF_EVERY_COMMAND
    assert headings(name) == [*dict.fromkeys(group for group in grouped.values() if group != EVERY_COMMAND), EVERY_COMMAND]


def test_the_same_option_has_the_same_name_everywhere():
    spellings = {}
    for command in main.commands.values():
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name in (
                "weights",
                "output",
                "table",
                "device",
                "precision",
            ):
                spellings.setdefault(parameter.name, set()).add(tuple(parameter.opts))
    assert all(len(found) == 1 for name, found in spellings.items() if name != "output"), spellings


@pytest.fixture
def exported(monkeypatch):
    """The arguments of `ttcli.export.export`, which is not run."""
    calls = []
    summary = types.SimpleNamespace(as_json=dict)
    monkeypatch.setattr("ttcli.export.export", lambda *arguments: calls.append(arguments) or summary)
    return calls


@pytest.mark.parametrize("arguments", [["--weights", "best.safetensors"], ["best.safetensors"]])
def test_export_takes_weights_as_an_option_and_as_before_as_an_argument(exported, arguments):
    result = CliRunner().invoke(main, ["export", *arguments, "-o", "m.onnx"])
    assert result.exit_code == 0, result.output
    assert exported == [(Path("m.onnx"), ExportConfig(weights=Path("best.safetensors")))]


def test_export_takes_one_checkpoint(exported):
    result = CliRunner().invoke(main, ["export", "one.safetensors", "--weights", "two.safetensors", "-o", "m.onnx"])
    assert result.exit_code == 2 and "--weights" in result.stderr and exported == []


def test_completion_knows_commands_and_options(monkeypatch):
    for words, wanted in (("ttcli det", "detect"), ("ttcli detect --ov", "--overlay")):
        typed = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1), "_TTCLI_COMPLETE": "bash_complete"}
        result = CliRunner().invoke(main, [], prog_name="ttcli", env=typed)
        assert f"plain,{wanted}\n" in result.stdout
