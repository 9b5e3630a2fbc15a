"""Every number that a command takes is finite and within bounds, or wrong usage in one line."""

import math

import click
import pytest

from ttcli.cli import main
from ttcli.commands.values import LARGEST_SIDE, MOST_BYTES, MemorySize, Number, PictureSize, Step, WholeNumber

OPTIONS = [
    pytest.param(command, option, id=f"{command.name} {option.opts[-1]}")
    for command in main.commands.values()
    for option in command.params
    if isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType, Step, PictureSize, MemorySize))
]
STRANGE = ["nan", "inf", "-inf", "-1", "0", "1e20", str(10**20), "9" * 5000, "", "1_0", "٣", "0x10"]


def test_numbers_of_every_command_are_found():
    assert len({param.values[0].name for param in OPTIONS}) >= 9 and len(OPTIONS) > 60


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_no_option_takes_numbers_without_bounds(command, option):
    assert isinstance(option.type, (Number, WholeNumber, Step, PictureSize, MemorySize))
    if isinstance(option.type, (Number, WholeNumber)):
        assert option.type.min is not None and math.isfinite(option.type.max)


@pytest.mark.parametrize(("command", "option"), OPTIONS)
@pytest.mark.parametrize("value", STRANGE, ids=lambda value: value[:24] or "empty")
def test_a_strange_number_is_wrong_usage_or_within_bounds(command, option, value):
    given = {"WIDTHxHEIGHT": f"{value}x64", "SIZE": f"{value}GB"}.get(option.type.name, value)
    try:
        taken = option.type.convert(given, option, click.Context(command))
    except click.BadParameter as error:
        message = error.format_message()
        assert "\n" not in message and len(message) < 300
    else:
        numbers = taken if isinstance(taken, tuple) else (taken,)
        most = {PictureSize: LARGEST_SIDE, MemorySize: MOST_BYTES, Step: 9}.get(type(option.type))
        assert all(math.isfinite(number) and number <= (most or option.type.max) for number in numbers)


def test_wrong_usage_is_exit_2_before_anything_is_opened(tmp_path):
    from click.testing import CliRunner

    for arguments in (
        ["detect", "none.mp4", "--threshold", "nan"],
        ["bench", "--seconds", "nan"],
        ["simulate", "-o", "x", "--seed", "1" * 30],
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2 and "Error: Invalid value" in result.stderr
