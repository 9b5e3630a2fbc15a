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
from ttcli.configs import ReportConfig, ReviewConfig
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


@command(
    epilog=example(
        "ttcli report ball.csv -o report.html",
        "ttcli report match.mp4 -o report.html --with-clips",
        "ttcli report monday.csv tuesday.csv -o both.html",
    )
)
@click.argument("matches", metavar="MATCH...", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", type=OUTPUT, help="The page; else the first MATCH's name with .html beside it.")
@option(ReportConfig, "events", type=FILE, help="The events.csv (one MATCH only); else the one beside it.")
@option(ReportConfig, "rallies", type=FILE, help="The rallies.csv (one MATCH only); else the one beside it.")
@option(ReportConfig, "strokes", type=FILE, help="The strokes.csv (one MATCH only); else the one beside it.")
@option(ReportConfig, "video", type=FILE, help="The video (one MATCH only); else the one that the manifest names.")
@option(ReportConfig, "title", metavar="TEXT", help="Title of the page; else the name of MATCH.")
@option(ReportConfig, "with_clips", "--with-clips", is_flag=True, help="Write small clips of the rallies beside the page.")
@overwrite_option
@quiet_option
@json_option
def report(matches: tuple[Path, ...], output: Path | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Write what was found in each MATCH, a ball.csv or its video, as one page to look at.

    The page needs no network and no program. Events, rallies, strokes and the video are found beside the ball.csv;
    what is not there, or cannot be told, it says.
    """
    from ttcli.report import report as run

    page = matches[0].with_suffix(".html") if output is None else output
    summary = run(matches, page, ReportConfig(**settings), quiet, tell)
    show(as_json, summary.as_json(), str(summary))
