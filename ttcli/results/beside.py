"""Where the results of a match lie that belong to one ball.csv: under its name, as commands write them."""

from pathlib import Path

KINDS = ("events", "rallies", "strokes", "shots")
"""Kinds of files that may lie beside a ball.csv."""
PLAIN_STEM = "ball"
"""Stem of a ball.csv beside which the others may be called by their kind alone: events.csv."""


def beside(ball: Path, kind: str) -> Path | None:
    """Return the file of a kind that belongs to a ball.csv, or None where there is none.

    match.events.csv lies beside match.csv, and beside ball.csv it may be events.csv too.
    """
    names = [f"{ball.stem}.{kind}.csv"] + ([f"{kind}.csv"] if ball.stem == PLAIN_STEM else [])
    return next((path for name in names if (path := ball.with_name(name)).is_file()), None)
