"""What is asked before or after detection: what a video is, whether results still belong to it, how fast this machine is."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.imports import imported_at_once
from ttcli.commands.options import (
    PICTURE_RATE_HELP,
    PRECISION_HELP,
    TABLE_HELP,
    WEIGHTS_HELP,
    command,
    example,
    json_option,
    option,
    overwrite_option,
    quiet_option,
)
from ttcli.commands.telling import show
from ttcli.commands.values import (
    BATCHES,
    DEVICES,
    FILE,
    FRAME_RATES,
    OUTPUT,
    PRECISIONS,
    VIDEO,
    WINDOWS,
    Number,
    WholeNumber,
)
from ttcli.configs import BenchConfig, ProbeConfig, VerifyConfig


@command(
    epilog=example(
        "ttcli probe match.mp4",
        "ttcli probe match.mp4 --json",
        "ttcli probe match.mp4 --table-picture table.jpg",
    )
)
@click.argument("video", type=VIDEO)
@option(
    ProbeConfig, "table_picture", type=OUTPUT, group="Output",
    help="Also draw the table that was found, or given, into a .jpg or .png.",
)  # fmt: skip
@option(
    ProbeConfig, "samples", type=WholeNumber(1, 1000), group="Video",
    help="Spans of 1.2 seconds to look at, spread over VIDEO.",
)  # fmt: skip
@option(ProbeConfig, "table", metavar="CORNERS|FILE", group="Video", help=TABLE_HELP)
@option(ProbeConfig, "picture_rate", "--fps", type=FRAME_RATES, group="Video", help=PICTURE_RATE_HELP)
@option(ProbeConfig, "weights", type=FILE, group="Hardware", help=WEIGHTS_HELP)
@option(ProbeConfig, "device", type=DEVICES, group="Hardware", help="Where the network runs.")
@option(ProbeConfig, "precision", type=PRECISIONS, group="Hardware", help=PRECISION_HELP)
@overwrite_option
@quiet_option
@json_option
def probe(video: Path, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Show what VIDEO is, what stands in the way of a good result, and how long `detect` will take here.

    The verdict is about finding the ball, not about rallies or metres. The exit code is 1 if it is `poor`.
    """
    with imported_at_once():
        from ttcli.probe import probe as run

    report = run(video, ProbeConfig(**settings), quiet)
    show(as_json, report.as_json(), report.as_table(), str(report))
    if report.verdict == "poor":
        raise click.exceptions.Exit(1)


@command(epilog=example("ttcli verify ball.csv", "ttcli verify ball.csv --video moved/match.mp4"))
@click.argument("ball", type=FILE)
@option(VerifyConfig, "video", type=VIDEO, group="Files", help="The video. Without it: where it was, or beside BALL.")
@option(VerifyConfig, "weights", type=FILE, group="Files", help="The checkpoint. Without it: where it was.")
@quiet_option
@json_option
def verify(ball: Path, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Check that BALL, its video and the checkpoint are still what `detect` used and wrote.

    It compares the files with the manifest that `detect` wrote beside BALL (ball.json beside ball.csv). The exit code
    is 1 if one is missing or has changed.
    """
    with imported_at_once():
        from ttcli.verify import verify as run

    report = run(ball, VerifyConfig(**settings))
    show(as_json, report.as_json(), *(str(check) for check in report.checks))
    if not report.holds:
        raise click.exceptions.Exit(1)


@command(epilog=example("ttcli bench match.mp4", "ttcli bench --json"))
@click.argument("video", required=False, type=VIDEO)
@option(
    BenchConfig, "rounds", type=WholeNumber(1, 1000), group="Timing", help="How often each stage is timed; the median counts."
)
@option(BenchConfig, "seconds", type=Number(0.1, 3600), group="Timing", help="Seconds for each stage in a round.")
@option(BenchConfig, "weights", type=FILE, group="Accuracy and speed", help=WEIGHTS_HELP)
@option(
    BenchConfig, "step", type=WINDOWS, group="Accuracy and speed", help="Frames from window to window, as in `ttcli detect`."
)
@option(BenchConfig, "device", type=DEVICES, group="Hardware", help="Where the network runs.")
@option(BenchConfig, "precision", type=PRECISIONS, group="Hardware", help=PRECISION_HELP)
@option(BenchConfig, "batch", type=BATCHES, group="Hardware", help="Windows that go through the network together on a GPU.")
@quiet_option
@json_option
def bench(video: Path | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Time decoding, scaling, the networks and all of `detect` on this machine, on VIDEO or on a drawn one."""
    with imported_at_once():
        from ttcli.bench import bench as run

    report = run(video, BenchConfig(**settings), quiet)
    show(as_json, report.as_json(), report.as_table(), str(report))
