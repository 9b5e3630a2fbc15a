"""The command line: the commands under one name, and the one place where a failure becomes a line.

Each command imports its pipeline when it runs, so that `ttcli --help` answers at once and without torch.
Exit codes: 0 done; 1 a failure, or interrupted; 2 wrong usage.
"""

import sys
import traceback
import warnings
from typing import Any

import click

from ttcli import __version__
from ttcli.commands import checks, footage, labelled, networks, pages, paths
from ttcli.commands.options import DEBUG, debug_option, example
from ttcli.commands.signals import interrupt_came, interrupted_by_signals
from ttcli.commands.telling import leave_standard_output, tell, write_whatever_comes
from ttcli.errors import as_told


class Group(click.Group):
    """The commands, and the one place where a failure becomes a line on stderr and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line."""
        write_whatever_comes()
        if not sys.warnoptions:  # python -W shows them
            warnings.simplefilter("ignore")  # of libraries, about themselves or odd numbers: nothing a user could cure
        return super().main(*args, **kwargs)

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Read the command line, and answer what asks for help; click's own word for an interrupt is another one."""
        try:
            return super().make_context(*args, **settings)
        except KeyboardInterrupt:
            tell("interrupted")
        except BrokenPipeError:
            raise  # who reads no further has seen enough
        except OSError as error:
            leave_standard_output()
            tell(str(as_told(error, "standard output")))
        raise click.exceptions.Exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a failure ends in one line."""
        try:
            with interrupted_by_signals():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own; and who reads no further has seen enough
        except KeyboardInterrupt:
            tell("interrupted")
            code = 1
        except Exception as error:  # the last line of defence: whatever it is, a user is told of it in one line
            if ctx.meta.get(DEBUG):
                traceback.print_exception(error)
            if interrupt_came():
                tell("interrupted")
                raise click.exceptions.Exit(1) from None
            if isinstance(error, OSError):
                leave_standard_output()
            name = f"ttcli {ctx.invoked_subcommand or ''}".strip()
            told = as_told(error, name)
            tell(str(told) if told is not None else f"{name}: {_unforeseen(error)}")
            code = 1 if told is None else told.exit_code
        raise click.exceptions.Exit(code)


def _unforeseen(error: Exception) -> str:
    """Return what to tell of an error that is a bug."""
    said = str(error).splitlines()
    fact = f"{type(error).__name__}: {said[0][:120]}" if said else type(error).__name__
    return f"an error that nobody foresaw ({fact}); run it again with --debug, and report what that prints"


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("ttcli detect match.mp4 -o ball.csv"),
)
@click.version_option(__version__, prog_name="ttcli")
@debug_option
def main() -> None:
    """Find the ball in table-tennis video."""


SUMMARIES = {
    footage.detect: "Find the ball in every frame of a video.",
    paths.spot: "Find bounces and net crossings on a path.",
    paths.rallies: "Find where play begins and ends.",
    paths.strokes: "Measure the speed, landing and spin of each stroke.",
    footage.trim: "Cut the dead time out of a video.",
    footage.render: "Draw what was found onto the video.",
    checks.probe: "Show what to expect of a video.",
    checks.verify: "Check that results and video belong together.",
    checks.bench: "Time each stage on this machine.",
    labelled.evaluate: "Compare results with labels.",
    labelled.simulate: "Make videos of simulated rallies or matches, with labels.",
    labelled.extract: "Make a training set from labelled video.",
    labelled.convert: "Convert labels to another format.",
    networks.train: "Train a network.",
    networks.models: "List the networks and the weights in the package.",
    networks.export: "Write a network as ONNX.",
    pages.report: "Make a page of a match to look at.",
    pages.review: "Open a page to correct what was found.",
}
"""Each command, with its line in `ttcli --help`."""

for command, summary in SUMMARIES.items():
    command.short_help = summary
    main.add_command(debug_option(command))
