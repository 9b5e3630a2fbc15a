"""What is done with a video: the ball in it, its events, a picture of both, and what the file is."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.options import (
    BATCHES,
    DEVICES,
    ENCODERS,
    FILE,
    FRAME_RATES,
    JOBS,
    OUTPUT,
    PARTS,
    PRECISIONS,
    RUNTIMES,
    SHARES,
    STRIDES,
    VIDEO,
    WEIGHTS_HELP,
    WINDOWS,
    Number,
    PictureSize,
    Step,
    WholeNumber,
    command,
    example,
    json_option,
    option,
    overwrite_option,
    plain_option,
    quiet_option,
    show,
    tell,
)
from ttcli.configs import (
    BenchConfig,
    DetectConfig,
    ProbeConfig,
    RalliesConfig,
    RenderConfig,
    SpotConfig,
    StrokesConfig,
    TrimConfig,
    VerifyConfig,
)

PRECISION_HELP = "Numbers to compute in; auto takes bf16 where the processor multiplies in it."
PICTURE_RATE_HELP = "Frames per second of a folder of pictures."
PATH_RATE_HELP = "Frames per second of a BALL without time_s."
PATH_VIDEO_HELP = "The video of the path. Without it: BALL's name, beside BALL."
SIZE_HELP = "Size of the picture, where no video gives it."
PATH_SHOTS_HELP = "The shots.csv of the video, which says where its scene cuts are."
CRF_HELP = "Quality of x264: 0 is lossless, 23 usual, larger is worse."
TABLE_HELP = 'Use these corners of the table, "x,y x,y x,y x,y" going around, or a table.json, instead of a search.'


@command(
    epilog=example(
        "ttcli detect match.mp4 -o ball.csv",
        "ttcli detect match.mp4 -o ball.csv --overlay overlay.mp4",
        "ttcli detect match.mp4 --events events.csv --rallies rallies.csv",
        "ttcli detect videos/ -o results/ --step 9",
    )
)
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True, type=VIDEO)
@plain_option(
    "-o", "--output", type=OUTPUT, group="Output",
    help="Write the CSV here; for several videos or a folder, a folder. Without it: beside VIDEO.",
)  # fmt: skip
@plain_option("--overlay", type=OUTPUT, group="Output", help="Also write the video with the ball drawn on it (one VIDEO).")
@option(DetectConfig, "events", type=OUTPUT, group="Output", help="Also write bounces and net crossings (one VIDEO).")
@option(DetectConfig, "rallies", type=OUTPUT, group="Output", help="Also write where play begins and ends (one VIDEO).")
@option(
    DetectConfig, "strokes", type=OUTPUT, group="Output",
    help="Also write speed, height, landing and spin of each stroke (one VIDEO).",
)  # fmt: skip
@option(DetectConfig, "shots", type=OUTPUT, group="Output", help="Also write the shots between scene cuts (one VIDEO).")
@option(
    DetectConfig, "table_picture", type=OUTPUT, group="Output",
    help="Also draw the table that was found into a .jpg or .png (one VIDEO).",
)  # fmt: skip
@option(
    DetectConfig, "all_events", "--all-events", is_flag=True, group="Output",
    help="With --rallies, also keep the events outside rallies.",
)  # fmt: skip
@option(DetectConfig, "weights", type=FILE, group="Accuracy and speed", help=WEIGHTS_HELP)
@option(
    DetectConfig, "step", type=Step(), metavar="FRAMES|auto", group="Accuracy and speed",
    help="Frames from window to window: 9 is fastest, 1 slowest; auto takes the smallest that keeps pace here. "
    "Without it: 9, and more windows where that leaves doubt.",
)  # fmt: skip
@option(
    DetectConfig, "refine", "--refine/--no-refine", group="Accuracy and speed",
    help="Check each candidate again in a crop of a larger picture.",
)  # fmt: skip
@option(
    DetectConfig, "threshold", type=SHARES, group="Accuracy and speed", help="Count a ball as seen from this confidence on."
)
@option(DetectConfig, "event_threshold", type=PARTS, group="Accuracy and speed", help="Write an event from this confidence on.")
@option(
    DetectConfig, "fill", type=WholeNumber(0, 120), metavar="FRAMES", group="Accuracy and speed",
    help="Fill gaps of at most FRAMES inside one flight; their rows say `filled`.",
)  # fmt: skip
@option(
    DetectConfig, "link", "--link/--no-link", group="Accuracy and speed",
    help="Decide by the frames around, or take each frame by itself.",
)  # fmt: skip
@option(
    DetectConfig, "steady", "--steady/--no-steady", group="Accuracy and speed", help="Align the frames of a camera that moves."
)
@option(
    DetectConfig, "fit_ball", "--fit-ball/--no-fit-ball", group="Accuracy and speed",
    help="Show the network a smaller picture where the ball is large.",
)  # fmt: skip
@option(
    DetectConfig, "stride", type=STRIDES, group="Accuracy and speed",
    help="Frames between two neighbours in a window. Without it: by the frame rate.",
)  # fmt: skip
@option(DetectConfig, "table", metavar="CORNERS|FILE", group="Video", help=TABLE_HELP)
@option(DetectConfig, "picture_rate", "--fps", type=FRAME_RATES, group="Video", help=PICTURE_RATE_HELP)
@option(DetectConfig, "threads", type=JOBS, group="Hardware", help="Threads for the network. Without it: one for each core.")
@option(DetectConfig, "device", type=DEVICES, group="Hardware", help="Where the network runs.")
@option(DetectConfig, "precision", type=PRECISIONS, group="Hardware", help=PRECISION_HELP)
@option(
    DetectConfig, "runtime", type=RUNTIMES, group="Hardware",
    help="Library that runs the network; auto takes torch, or onnx for an .onnx file.",
)  # fmt: skip
@option(DetectConfig, "batch", type=BATCHES, group="Hardware", help="Windows that go through the network together on a GPU.")
@option(
    DetectConfig, "ray", is_flag=False, flag_value="local", metavar="[ADDRESS]", group="Cluster",
    help="Run the videos as tasks of the Ray cluster at ADDRESS, or of this machine.",
)  # fmt: skip
@option(
    DetectConfig, "chunk_minutes", "--chunk", type=Number(0, 24 * 60), metavar="MINUTES", group="Cluster",
    help="Length of each Ray task; 0 keeps videos whole.",
)  # fmt: skip
@overwrite_option
@quiet_option
@json_option
def detect(
    videos: tuple[Path, ...], output: Path | None, overlay: Path | None, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Find the ball in every frame of each VIDEO, and write a CSV.

    VIDEO may be a folder of videos or of numbered pictures, or - for standard input. One pass can also write bounces
    and net crossings, rallies and strokes. A net crossing is the ball passing the plane of the net, as on every good
    shot: no touch, no fault.
    """
    from ttcli.detect import detect as run
    from ttcli.detection.jobs import check_findings
    from ttcli.render import check_overlay, render

    detection = DetectConfig(**settings)
    if overlay is not None:
        check_overlay(overlay, videos, output, detection.overwrite)
    check_findings(videos, (output, overlay), detection)
    summaries = run(videos, output, detection, quiet, tell=tell)
    lines = [str(line) for line in summaries if not line.error]
    if overlay is not None:
        config = RenderConfig(picture_rate=detection.picture_rate, overwrite=detection.overwrite)
        render(
            videos[0],
            Path(summaries[0].output),
            overlay,
            config,
            quiet,
            detection.events,
            tell=tell,
            strokes_csv=detection.strokes,
        )
    show(as_json, [summary.as_json() for summary in summaries], *lines)
    if any(summary.error for summary in summaries):
        raise click.exceptions.Exit(1)


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
    from ttcli.strokes import strokes as run

    height, width = size or (None, None)
    summary = run(ball, output, StrokesConfig(picture_height=height, picture_width=width, **settings), tell)
    show(as_json, summary.as_json(), str(summary))


@command(
    epilog=example(
        "ttcli trim match.mp4 --rallies rallies.csv -o film.mp4",
        "ttcli trim match.mp4 --rallies rallies.csv -o best.mp4 --longest 10",
        "ttcli trim match.mp4 --rallies rallies.csv --clips rallies/",
        "ttcli trim match.mp4 --rallies rallies.csv -o match.llc -o match.srt",
    )
)
@click.argument("video", type=VIDEO)
@plain_option(
    "-o", "--output", "outputs", type=OUTPUT, multiple=True, group="Output",
    help="Write a film (.mp4, .mkv, .mov), or by its ending a list: .csv, .srt, .txt (chapters), .llc (LosslessCut), .xml "
    "(Sportscode), .otio, .edl, .fcpxml, .premiere.xml. May be given more than once.",
)  # fmt: skip
@plain_option("--clips", type=OUTPUT, group="Output", help="Write a film of each rally into this folder.")
@option(TrimConfig, "rallies", type=FILE, group="Rallies", help="The rallies.csv. Without it: VIDEO.rallies.csv beside VIDEO.")
@option(TrimConfig, "before", type=Number(0, 3600), group="Rallies", help="Seconds to keep before each rally.")
@option(TrimConfig, "after", type=Number(0, 3600), group="Rallies", help="Seconds to keep after each rally.")
@option(
    TrimConfig, "longest", type=WholeNumber(1, 100_000), metavar="N", group="Rallies", help="Keep only the N longest rallies."
)
@option(
    TrimConfig,
    "min_strokes",
    type=WholeNumber(0, 1000),
    metavar="N",
    group="Rallies",
    help="Keep rallies of N strokes or more.",
)
@option(
    TrimConfig, "copy", "--copy", is_flag=True, group="Film",
    help="Cut at keyframes without loss: fast, with some seconds more.",
)  # fmt: skip
@option(TrimConfig, "crf", type=WholeNumber(0, 51), group="Film", help=CRF_HELP)
@option(TrimConfig, "audio", "--audio/--no-audio", group="Film", help="Keep the sound of the video.")
@overwrite_option
@quiet_option
@json_option
def trim(video: Path, outputs: tuple[Path, ...], clips: Path | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Cut the dead time out of VIDEO: join its rallies to a film, write a clip of each, or a list for an editor.

    Cuts are exact, and the sound stays in step. Lists name VIDEO, and say from when to when each rally is.
    """
    from ttcli.trim import trim as run

    summary = run(video, outputs, clips, TrimConfig(**settings), quiet)
    show(as_json, summary.as_json(), str(summary))


@command(
    epilog=example(
        "ttcli render match.mp4 --ball ball.csv -o overlay.mp4",
        "ttcli render match.mp4 --events events.csv --subtitles match.srt",
        "ttcli render match.mp4 --events events.csv --slow 4 --zoom 3",
        "ttcli render match.mp4 --start 62 --end 68 --gif",
    )
)
@click.argument("video", type=VIDEO)
@plain_option("-o", "--output", type=OUTPUT, group="Output", help="Write the overlay here. Without it: VIDEO.overlay.mp4.")
@plain_option("--subtitles", type=OUTPUT, group="Output", help="Also write the events as .srt, to jump to them in a player.")
@plain_option(
    "--gif", is_flag=True, group="Output", help="Write a GIF to share, of at most 20 s, as a name that ends in .gif does."
)
@plain_option(
    "--ball",
    "ball_csv",
    type=FILE,
    group="What is drawn",
    help="The ball.csv. Without it: VIDEO's name with .csv, beside VIDEO.",
)
@plain_option(
    "--events", "events_csv", type=FILE, group="What is drawn", help="Mark the bounces and net crossings of this events.csv."
)
@plain_option(
    "--strokes", "strokes_csv", type=FILE, group="What is drawn",
    help="Show the speeds of this strokes.csv where the ball is struck; with --map, landings.",
)  # fmt: skip
@option(
    RenderConfig, "table_map", "--map", is_flag=True, group="What is drawn",
    help="Show in a corner where on the table the ball bounced; needs --events.",
)  # fmt: skip
@option(
    RenderConfig, "trail_seconds", "--trail", type=Number(0, 3600), group="What is drawn", help="Seconds that the trail stays."
)
@option(
    RenderConfig, "zoom", type=Number(1, 20), group="What is drawn", help="Show the ball this many times larger in a corner."
)
@option(RenderConfig, "speed", "--speed", is_flag=True, group="What is drawn", help="Show the ball's speed in pixels a second.")
@option(
    RenderConfig,
    "slow",
    type=Number(1, 100),
    group="What is drawn",
    help="Slow down this many times at events; needs --events.",
)
@option(RenderConfig, "start", group="Video", help="Begin here: seconds as in 12.5, or a frame as in 300f.")
@option(RenderConfig, "end", group="Video", help="End here, in the same way.")
@option(RenderConfig, "scale", type=PARTS, group="Video", help="Size of the overlay relative to the video.")
@option(RenderConfig, "crf", type=WholeNumber(0, 51), group="Video", help=CRF_HELP)
@option(
    RenderConfig, "encoder", type=ENCODERS, group="Video", help="Encoder to use; auto takes x264, or what is there instead."
)
@option(RenderConfig, "audio", "--audio/--no-audio", group="Video", help="Copy the sound of the video.")
@option(RenderConfig, "picture_rate", "--fps", type=FRAME_RATES, group="Video", help=PICTURE_RATE_HELP)
@overwrite_option
@quiet_option
@json_option
def render(
    video: Path, ball_csv: Path | None, events_csv: Path | None, strokes_csv: Path | None, subtitles: Path | None,
    output: Path | None, gif: bool, quiet: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Draw the ball, its trail, events, the frame number and the clock on VIDEO."""
    from ttcli.render import default_output
    from ttcli.render import render as run

    if gif:
        output = (output or default_output(video)).with_suffix(".gif")
    summary = run(video, ball_csv, output, RenderConfig(**settings), quiet, events_csv, subtitles, strokes_csv, tell=tell)
    show(as_json, summary.as_json(), str(summary))


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
    from ttcli.bench import bench as run

    report = run(video, BenchConfig(**settings), quiet)
    show(as_json, report.as_json(), report.as_table(), str(report))
