"""Pages to look at and to correct on, of what was found in a video."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.options import (
    FILE,
    FRAME_RATES,
    OUTPUT,
    VIDEO,
    WholeNumber,
    command,
    example,
    json_option,
    option,
    overwrite_option,
    quiet_option,
    show,
    tell,
)
from ttcli.configs import ReviewConfig
from ttcli.errors import UsageError


@command(
    epilog=example(
        "ttcli review match.mp4 ball.csv",
        "ttcli review match.mp4 --no-browser",
        "ttcli review match.mp4 ball.csv --apply -o corrected.csv",
    )
)
@click.argument("match", type=VIDEO)
@click.argument("ball", required=False, type=FILE)
@click.option("--apply", is_flag=True, help="Open no page: write what was found with the corrections applied.")
@click.option("-o", "--output", type=OUTPUT, help="With --apply: the CSV; else BALL's name with .corrected.csv beside it.")
@option(ReviewConfig, "events", type=FILE, help="The events.csv; else the one beside BALL.")
@option(ReviewConfig, "rallies", type=FILE, help="The rallies.csv; else the one beside BALL.")
@option(ReviewConfig, "corrections", type=OUTPUT, help="The decisions; else MATCH's name with .corrections.jsonl beside it.")
@option(ReviewConfig, "port", type=WholeNumber(0, 65535), help="Port of this machine; 0 takes one that is free.")
@option(ReviewConfig, "open_page", "--browser/--no-browser", help="Open the page in a browser.")
@option(ReviewConfig, "picture_rate", "--fps", type=FRAME_RATES, help="Frames per second, of a folder of pictures.")
@overwrite_option
@quiet_option
@json_option
def review(
    match: Path, ball: Path | None, apply: bool, output: Path | None, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Go through the doubtful places of MATCH on a page of this machine, and put them right; Ctrl-C ends it.

    BALL is the ball.csv of MATCH, else the one of its name beside it. Each decision is appended to a file at once.
    Nothing leaves this machine. `extract`, `evaluate` and `convert` read the file of decisions as labels.
    """
    from ttcli.review import apply_corrections
    from ttcli.review import review as run

    config = ReviewConfig(**settings)
    if apply:
        written = apply_corrections(match, ball, output, config, tell)
        show(as_json, written.as_json(), str(written))
        return
    if output is not None:
        raise UsageError("-o", "is for --apply", "give both, or neither")

    def opened(address: str) -> None:
        tell(f"the page is at {address} (Ctrl-C ends the review)")

    summary = run(match, ball, config, tell, opened)
    show(as_json, summary.as_json(), str(summary))
