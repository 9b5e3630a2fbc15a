"""What is done with a path, the BALL of a ball.csv: its events, rallies and strokes."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.imports import imported_at_once
from ttcli.commands.options import (
    SIZE_HELP,
    TABLE_HELP,
    command,
    example,
    json_option,
    option,
    overwrite_option,
    plain_option,
    quiet_option,
)
from ttcli.commands.telling import show, tell
from ttcli.commands.values import (
    FILE,
    FRAME_RATES,
    OUTPUT,
    PARTS,
    PictureSize,
)
from ttcli.configs import RalliesConfig, SpotConfig, StrokesConfig

PATH_RATE_HELP = "Frames per second of a BALL without time_s."
PATH_VIDEO_HELP = "The video of the path. Without it: BALL's name, beside BALL."
PATH_SHOTS_HELP = "The shots.csv of the video, which says where its scene cuts are."


@command(
    epilog=example(
        "ttcli spot ball.csv -o events.csv",
        "ttcli spot ball.csv --size 1920x1080",
        "ttcli spot test_1/ball_markup.json",
    )
)
@click.argument("ball", type=FILE)
@plain_option(
    "-o", "--output", type=OUTPUT, group="Output", help="Write the events here. Without it: BALL.events.csv beside BALL."
)
@option(
    SpotConfig, "threshold", "--event-threshold", type=PARTS, group="Accuracy", help="Write an event from this confidence on."
)
@option(SpotConfig, "weights", type=FILE, group="Accuracy", help="Spotter to use instead of the one in the package.")
@option(SpotConfig, "video", type=FILE, group="Path", help=PATH_VIDEO_HELP)
@plain_option("--size", type=PictureSize(), group="Path", help=SIZE_HELP)
@option(SpotConfig, "shots", type=FILE, group="Path", help=PATH_SHOTS_HELP)
@option(SpotConfig, "table", metavar="CORNERS|FILE", group="Path", help=TABLE_HELP)
@option(SpotConfig, "frame_rate", "--fps", type=FRAME_RATES, group="Path", help=PATH_RATE_HELP)
@overwrite_option
@quiet_option
@json_option
def spot(ball: Path, output: Path | None, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Find bounces and net crossings on the path BALL: a ball.csv, or labels of the ball.

    A net crossing is the ball passing the plane of the net, as on every good shot: no touch, no fault. Where nobody
    saw the ball there is no event.
    """
    with imported_at_once():
        from ttcli.spot import spot as run

    height, width = size or (None, None)
    summary = run(ball, output, SpotConfig(picture_height=height, picture_width=width, **settings), tell)
    show(as_json, summary.as_json(), str(summary))


@command(
    epilog=example(
        "ttcli rallies ball.csv -o rallies.csv",
        "ttcli rallies ball.csv --events events.csv --summary",
        "ttcli rallies test_1/ball_markup.json",
    )
)
@click.argument("ball", type=FILE)
@plain_option(
    "-o", "--output", type=OUTPUT, group="Output", help="Write the rallies here. Without it: BALL.rallies.csv beside BALL."
)
@plain_option("--summary", is_flag=True, group="Output", help="Also show how many, how long, who served and how they ended.")
@option(RalliesConfig, "threshold", type=PARTS, group="Accuracy", help="Write a rally from this confidence on.")
@option(RalliesConfig, "events", type=FILE, group="Path", help="The events.csv of BALL. Without it: `spot` finds them.")
@option(RalliesConfig, "video", type=FILE, group="Path", help=PATH_VIDEO_HELP)
@plain_option("--size", type=PictureSize(), group="Path", help=SIZE_HELP)
@option(RalliesConfig, "shots", type=FILE, group="Path", help=PATH_SHOTS_HELP)
@option(RalliesConfig, "table", metavar="CORNERS|FILE", group="Path", help=TABLE_HELP)
@option(RalliesConfig, "frame_rate", "--fps", type=FRAME_RATES, group="Path", help=PATH_RATE_HELP)
@overwrite_option
@quiet_option
@json_option
def rallies(
    ball: Path, output: Path | None, size: tuple[int, int] | None, summary: bool, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Find where play begins and ends on the path BALL: a ball.csv, or labels of the ball.

    A rally begins with the serve and ends when the point is over. An empty cell for who served, or how it ended, means
    "cannot tell".
    """
    with imported_at_once():
        from ttcli.rallies import rallies as run

    height, width = size or (None, None)
    found = run(ball, output, RalliesConfig(picture_height=height, picture_width=width, **settings), tell)
    show(as_json, found.as_json(), str(found), *([found.as_table()] if summary else []))


@command(
    epilog=example(
        "ttcli strokes ball.csv -o strokes.csv",
        'ttcli strokes ball.csv --table "1100,546 960,417 289,410 163,540"',
        "ttcli strokes ball.csv --events events.csv --json",
    )
)
@click.argument("ball", type=FILE)
@plain_option(
    "-o", "--output", type=OUTPUT, group="Output", help="Write the strokes here. Without it: BALL.strokes.csv beside BALL."
)
@option(
    StrokesConfig, "picture", type=OUTPUT, group="Output",
    help="Also draw the flights, from above and from the side, into a .png or .jpg.",
)  # fmt: skip
@option(StrokesConfig, "threshold", type=PARTS, group="Accuracy", help="Write strokes of rallies from this confidence on.")
@option(StrokesConfig, "events", type=FILE, group="Path", help="The events.csv of BALL. Without it: `spot` finds them.")
@option(StrokesConfig, "video", type=FILE, group="Path", help=PATH_VIDEO_HELP)
@plain_option("--size", type=PictureSize(), group="Path", help=SIZE_HELP)
@option(StrokesConfig, "shots", type=FILE, group="Path", help=PATH_SHOTS_HELP)
@option(StrokesConfig, "table", metavar="CORNERS|FILE", group="Path", help=TABLE_HELP)
@option(StrokesConfig, "frame_rate", "--fps", type=FRAME_RATES, group="Path", help=PATH_RATE_HELP)
@overwrite_option
@quiet_option
@json_option
def strokes(ball: Path, output: Path | None, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Measure the strokes on the path BALL: a ball.csv, or labels of the ball.

    Each stroke has its speed, its height over the net, its landing and its spin, with the interval that holds the true
    value in 95 of 100 cases. An empty cell means "cannot tell". The table must be known.
    """
    with imported_at_once():
        from ttcli.strokes import strokes as run

    height, width = size or (None, None)
    summary = run(ball, output, StrokesConfig(picture_height=height, picture_width=width, **settings), tell)
    show(as_json, summary.as_json(), str(summary))
