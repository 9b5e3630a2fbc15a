"""What commands and their options are made of: groups in help, defaults from configs, what all commands have."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import click

from ttcli.commands.values import STANDARD_INPUT, OutputPath
from ttcli.errors import UsageError
from ttcli.outputs import check_apart

WEIGHTS_HELP = "Checkpoint to use: a file, or `fast` for the small one in the package."
PRECISION_HELP = "Numbers to compute in; auto takes the first of these that the processor and the network are made for."
PICTURE_RATE_HELP = "Frames per second of a folder of pictures."
SIZE_HELP = "Size of the picture, where no video gives it."
TABLE_HELP = 'Use these corners of the table, "x,y x,y x,y x,y" going around, or a table.json, instead of a search.'
"""Help of options that commands of several modules have."""
EVERY_COMMAND = "Every command"
"""The group of options that all commands have."""
FORMER_NAMES = {"--closer": "--refine", "--no-closer": "--no-refine"}
FORMER_NAMES_OF_TRAINING = {"--closer": "--second-stage"}
"""Options by the names that they had once: these still work, and no help shows them."""


class Option(click.Option):
    """An option that help lists in a group with others of its kind."""

    def __init__(self, *args: Any, group: str = EVERY_COMMAND, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.group = group

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return what stands in brackets behind the help: the default. A wrong number ends in a message with the range."""
        extra: dict[str, Any] = dict(super().get_help_extra(ctx))
        extra.pop("range", None)
        return extra


class Command(click.Command):
    """A command that refuses to write what it reads, or one file twice, before it does anything.

    Standard input is copied to a file then, when nothing is wrong with the options, and kept as long as the command runs.
    """

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in groups, in the order of their first ones; those that every command has come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                groups.setdefault(getattr(param, "group", EVERY_COMMAND), []).append(record)
        common = groups.pop(EVERY_COMMAND)
        for name, records in [*groups.items(), (EVERY_COMMAND, common)]:
            with formatter.section(name):
                formatter.write_dl(records)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, also by names that they had once."""
        former = FORMER_NAMES_OF_TRAINING if self.name == "train" else FORMER_NAMES
        known = {name for param in self.params for name in (*param.opts, *param.secondary_opts)}
        end = args.index("--") if "--" in args else len(args)
        now = [former[word] if former.get(word) in known else word for word in args[:end]]
        return super().parse_args(ctx, now + args[end:])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        outputs: dict[str, Path] = {}
        inputs: dict[str, Path] = {}
        for param in self.params:
            value = ctx.params.get(param.name or "")
            if isinstance(param.type, click.Path) and value is not None:
                paths = _several(value)
                kind = outputs if isinstance(param.type, OutputPath) else inputs
                kind.update({_shown(param, path): path for path in paths if path is not STANDARD_INPUT})
        check_apart(outputs, inputs)
        _spool_standard_input(ctx)
        return super().invoke(ctx)


def _spool_standard_input(ctx: click.Context) -> None:
    """Put a file in the place of standard input, where it is asked for."""
    named = [name for name, value in ctx.params.items() for path in _several(value) if path is STANDARD_INPUT]
    if not named:
        return
    if len(named) > 1:
        raise UsageError("-", "standard input is asked for twice", "it can be read once: give - in one place")
    from ttcli.video.standard_input import spooled

    copy = ctx.with_resource(spooled())
    value = ctx.params[named[0]]
    put = tuple(copy if path is STANDARD_INPUT else path for path in _several(value))
    ctx.params[named[0]] = put if isinstance(value, tuple) else copy


def _several(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _shown(param: click.Parameter, path: Path) -> str:
    """Return what an option or an argument is called in a message."""
    return param.opts[0] if isinstance(param, click.Option) else str(path)


plain_option = partial(click.option, cls=Option)
"""Makes an option of no config, as `click.option` does; `group` says under which heading help lists it."""
command = partial(click.command, cls=Command)
"""Makes a command of a function, as `click.command` does."""


def option(config: type, field: str, *names: str, **settings: Any) -> Callable:
    """Return an option whose default comes from the config's field, its one home; `group` is a heading in help."""
    default = next(entry.default for entry in fields(config) if entry.name == field)
    settings.setdefault("show_default", default is not None)
    return plain_option(*names or [f"--{field.replace('_', '-')}"], field, default=default, **settings)


def example(*lines: str) -> str:
    """Return the end of a command's help: lines to copy, which click does not wrap."""
    return "\n".join(["\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)])


overwrite_option = plain_option("--overwrite", is_flag=True, help="Replace outputs that exist.")
quiet_option = plain_option("-q", "--quiet", is_flag=True, help="Show no progress.")
json_option = plain_option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


DEBUG = "ttcli.debug"
"""Key of the context under which stands whether tracebacks are shown."""


def _note_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[DEBUG] = True


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_note_debug, help="Show the traceback of an error."
)
