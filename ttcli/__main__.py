"""`python -m ttcli` is `ttcli`: the command line, from its first import to its last word under the rules for signals."""

import sys

from ttcli.commands.imports import imported_at_once
from ttcli.commands.signals import interrupt_came, interrupted_by_signals, leave_in_peace


def main() -> None:
    """Run the command line; it is interrupted in one line also while it is still being imported."""
    try:
        with interrupted_by_signals():
            _run()
    finally:
        leave_in_peace()


def _run() -> None:
    try:
        with imported_at_once():
            from ttcli.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        _tell_interrupted()
    except Exception:  # an interrupt inside an import comes out as whatever error the module makes of it
        if not interrupt_came():
            raise
        _tell_interrupted()


def _tell_interrupted() -> None:
    if sys.stderr is not None:
        print("ttcli: interrupted", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
