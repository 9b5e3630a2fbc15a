"""Pages to look at and to correct on, of what was found in a video."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.imports import imported_at_once
from ttcli.commands.options import command, example, json_option, option, overwrite_option, plain_option, quiet_option
from ttcli.commands.telling import show, tell
from ttcli.commands.values import FILE, FRAME_RATES, OUTPUT, VIDEO, WholeNumber
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
@plain_option("--apply", is_flag=True, group="Output", help="Open no page: write the results with the corrections applied.")
@plain_option(
    "-o", "--output", type=OUTPUT, group="Output", help="With --apply, write the CSV here. Without it: BALL.corrected.csv."
)
@option(
    ReviewConfig, "corrections", type=OUTPUT, group="Output",
    help="File of decisions. Without it: MATCH.corrections.jsonl beside MATCH.",
)  # fmt: skip
@option(ReviewConfig, "events", type=FILE, group="Input", help="The events.csv. Without it: the one beside BALL.")
@option(ReviewConfig, "rallies", type=FILE, group="Input", help="The rallies.csv. Without it: the one beside BALL.")
@option(
    ReviewConfig, "picture_rate", "--fps", type=FRAME_RATES, group="Input", help="Frames per second of a folder of pictures."
)
@option(ReviewConfig, "port", type=WholeNumber(0, 65535), group="Page", help="Port of this machine; 0 takes a free one.")
@option(ReviewConfig, "open_page", "--browser/--no-browser", group="Page", help="Open the page in a browser.")
@overwrite_option
@quiet_option
@json_option
def review(
    match: Path, ball: Path | None, apply: bool, output: Path | None, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Open a page that goes through the doubtful places of MATCH, to put them right. Ctrl-C ends it.

    BALL is the ball.csv of MATCH. Without it: MATCH's name with .csv, beside MATCH. Each decision is on disk at once.
    Nothing leaves this machine. `extract`, `evaluate` and `convert` read the file of decisions as labels.
    """
    with imported_at_once():
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
        "ttcli report match.mp4 --with-clips",
        "ttcli report monday.csv tuesday.csv -o both.html",
    )
)
@click.argument("matches", metavar="MATCH...", nargs=-1, required=True, type=FILE)
@plain_option(
    "-o", "--output", type=OUTPUT, group="Output", help="Write the page here. Without it: the first MATCH's name with .html."
)
@option(ReportConfig, "title", metavar="TEXT", group="Output", help="Title of the page. Without it: the name of MATCH.")
@option(
    ReportConfig, "with_clips", "--with-clips", is_flag=True, group="Output",
    help="Also write small clips of the rallies beside the page.",
)  # fmt: skip
@option(ReportConfig, "events", type=FILE, group="Input", help="The events.csv (one MATCH). Without it: the one beside MATCH.")
@option(
    ReportConfig, "rallies", type=FILE, group="Input", help="The rallies.csv (one MATCH). Without it: the one beside MATCH."
)
@option(
    ReportConfig, "strokes", type=FILE, group="Input", help="The strokes.csv (one MATCH). Without it: the one beside MATCH."
)
@option(ReportConfig, "video", type=FILE, group="Input", help="The video (one MATCH). Without it: the one in the manifest.")
@overwrite_option
@quiet_option
@json_option
def report(matches: tuple[Path, ...], output: Path | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Make one page that shows what was found in each MATCH: a ball.csv or its video.

    The page needs no network and no program. Events, rallies, strokes and the video are found beside the ball.csv. The
    page names what is missing.
    """
    with imported_at_once():
        from ttcli.report import report as run

    page = matches[0].with_suffix(".html") if output is None else output
    summary = run(matches, page, ReportConfig(**settings), quiet, tell)
    show(as_json, summary.as_json(), str(summary))
