"""The command line: the commands under one name, and the one place where an expected failure becomes a line.

Each command imports its pipeline when it runs, so that `ttcli --help` answers at once and without torch.
Exit codes: 0 done; 1 an expected failure, or interrupted; 2 wrong usage.
"""

from typing import Any

import click

from ttcli import __version__
from ttcli.commands import footage, labelled, networks
from ttcli.commands.options import example
from ttcli.errors import TtcliError


class Group(click.Group):
    """The commands, and the one place where an expected failure becomes a line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an expected failure is told of and ends with exit code 1."""
        try:
            return super().invoke(ctx)
        except TtcliError as error:
            click.echo(f"ttcli: {error}", err=True)
        except KeyboardInterrupt:
            click.echo("ttcli: interrupted", err=True)
        raise click.exceptions.Exit(1)


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("ttcli detect match.mp4 -o ball.csv"),
)
@click.version_option(__version__, prog_name="ttcli")
def main() -> None:
    """Find the ball in table-tennis video."""


for command in (
    footage.detect, footage.spot, footage.render, footage.probe, footage.verify, footage.bench,
    labelled.evaluate, labelled.simulate, labelled.extract, labelled.convert,
    networks.train, networks.models, networks.export,
):  # fmt: skip
    main.add_command(command)
