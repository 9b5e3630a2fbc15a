"""Where the results of a match lie that belong to one ball.csv: under its name, as commands write them."""

from pathlib import Path

KINDS = ("events", "rallies", "strokes", "shots")
"""Kinds of files that may lie beside a ball.csv."""
PLAIN_STEM = "ball"
"""Stem of a ball.csv beside which the others may be called by their kind alone: events.csv."""


def named_after(ball: Path, kind: str) -> Path:
    """Return where the file of a kind goes unless told otherwise: match.rallies.csv beside match.csv, or match.mp4."""
    return ball.with_name(f"{ball.stem}.{kind}.csv")


def beside(ball: Path, kind: str) -> Path | None:
    """Return the file of a kind that belongs to a ball.csv, or None where there is none.

    match.events.csv lies beside match.csv, and beside ball.csv it may be events.csv too.
    """
    paths = [named_after(ball, kind)] + ([ball.with_name(f"{kind}.csv")] if ball.stem == PLAIN_STEM else [])
    return next((path for path in paths if path.is_file()), None)
