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

TABLE_HELP = 'Where the table is: its corners as "x,y x,y x,y x,y", going around, or a table.json; else it is looked for.'


@command(
    epilog=example(
        "ttcli detect match.mp4 -o ball.csv",
        "ttcli detect match.mp4 -o ball.csv --overlay overlay.mp4",
        "ttcli detect match.mp4 -o ball.csv --events events.csv --rallies rallies.csv",
        "ttcli detect videos/ -o results/ --step 9",
    )
)
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True, type=VIDEO)
@click.option("-o", "--output", type=OUTPUT, help="The CSV; for several videos or a folder, a folder. Else beside VIDEO.")
@click.option("--overlay", type=OUTPUT, help="Also write the video with the ball drawn on it (one VIDEO only).")
@option(DetectConfig, "events", type=OUTPUT, help="Also write bounces and passings of the net as CSV (one VIDEO only).")
@option(DetectConfig, "event_threshold", type=PARTS, help="Smallest confidence of an event.")
@option(DetectConfig, "rallies", type=OUTPUT, help="Also write the rallies as CSV (one VIDEO only).")
@option(DetectConfig, "all_events", "--all-events", is_flag=True, help="With --rallies: keep the events outside of them.")
@option(DetectConfig, "strokes", type=OUTPUT, help="Also write speed, landing and spin of each stroke as CSV (one VIDEO only).")
@option(DetectConfig, "shots", type=OUTPUT, help="Also write the shots between cuts as CSV (one VIDEO only).")
@option(DetectConfig, "table", metavar="CORNERS|FILE", help=TABLE_HELP)
@option(DetectConfig, "table_picture", type=OUTPUT, help="Also draw the tables found into a .jpg or .png (one VIDEO only).")
@option(DetectConfig, "weights", type=FILE, help="Checkpoint: a file, or `fast`, the package's small one; else its default.")
@option(DetectConfig, "threshold", type=SHARES, help="Smallest confidence that counts as seen.")
@option(
    DetectConfig,
    "fill",
    type=WholeNumber(0, 120),
    metavar="FRAMES",
    help="Fill gaps of at most so many frames where one flight leads over them.",
)
@option(
    DetectConfig, "step", type=Step(), help="Frames from window to window, 1 to 9, or auto; else 9, and less where in doubt."
)
@option(DetectConfig, "threads", type=JOBS, help="Threads of the network; one for each core unless given.")
@option(DetectConfig, "stride", type=STRIDES, help="Frames between neighbours in a window; by frame rate.")
@option(DetectConfig, "picture_rate", "--fps", type=FRAME_RATES, help="Frames per second, of a folder of pictures.")
@option(DetectConfig, "device", type=DEVICES, help="Where the network runs.")
@option(DetectConfig, "precision", type=PRECISIONS, help="auto: bf16 where the processor multiplies in it.")
@option(DetectConfig, "runtime", type=RUNTIMES, help="What runs the network; auto: torch, or onnx for an .onnx file.")
@option(DetectConfig, "link", "--link/--no-link", help="Judge a frame's candidates by those of the frames around it.")
@option(DetectConfig, "refine", "--refine/--no-refine", help="Look at each proposal again in a crop of a larger picture.")
@option(DetectConfig, "steady", "--steady/--no-steady", help="Follow a camera that moves.")
@option(
    DetectConfig,
    "ray",
    is_flag=False,
    flag_value="local",
    metavar="[ADDRESS]",
    help="Videos as tasks of a Ray cluster; of this machine without an ADDRESS.",
)
@option(
    DetectConfig,
    "chunk_minutes",
    "--chunk",
    type=Number(0, 24 * 60),
    metavar="MINUTES",
    help="Of a task of --ray; 0 cuts no video.",
)
@option(DetectConfig, "fit_ball", "--fit-ball/--no-fit-ball", help="Take a smaller picture where the ball is large.")
@option(DetectConfig, "batch", type=BATCHES, help="Windows that go through the network together on a GPU.")
@overwrite_option
@quiet_option
@json_option
def detect(
    videos: tuple[Path, ...], output: Path | None, overlay: Path | None, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Write where the ball is in every frame of each VIDEO, or of each video in a folder, as CSV.

    VIDEO may be a folder of numbered pictures, or - for standard input. With --events, also when the ball bounced on
    the table, and when it passed the net. `net` is the passing of the net's plane, which every good shot does: no
    touch, and no fault.
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
        "ttcli spot test_1/ball_markup.json -o test_1.events.csv",
    )
)
@click.argument("ball", type=FILE)
@click.option("-o", "--output", type=OUTPUT, help="The events.csv; else BALL's name with .events.csv beside it.")
@option(
    SpotConfig, "threshold", "--event-threshold", type=PARTS,
    help="Smallest confidence of an event.",
)  # fmt: skip
@option(SpotConfig, "weights", type=FILE, help="Spotter to use instead of the one in the package.")
@option(SpotConfig, "video", type=FILE, help="The video of the path; else one of BALL's name beside it.")
@click.option("--size", type=PictureSize(), help="Size of the picture, where no video tells it.")
@option(SpotConfig, "shots", type=FILE, help="The shots.csv of the video: no event is looked for across a cut.")
@option(SpotConfig, "table", metavar="CORNERS|FILE", help=TABLE_HELP)
@option(
    SpotConfig, "frame_rate", "--fps", type=FRAME_RATES,
    help="Frames per second, of a BALL without time_s.",
)  # fmt: skip
@overwrite_option
@quiet_option
@json_option
def spot(ball: Path, output: Path | None, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Write the bounces and passings of the net on the path BALL: a ball.csv, or labels of the ball.

    `net` is the ball's passing of the net's plane, which every good shot does: no touch, and no fault. Where nobody saw
    the ball no event is told.
    """
    from ttcli.spot import spot as run

    height, width = size or (None, None)
    summary = run(ball, output, SpotConfig(picture_height=height, picture_width=width, **settings), tell)
    show(as_json, summary.as_json(), str(summary))


@command(
    epilog=example(
        "ttcli rallies ball.csv -o rallies.csv",
        "ttcli rallies ball.csv --events events.csv --summary",
        "ttcli rallies test_1/ball_markup.json -o test_1.rallies.csv",
    )
)
@click.argument("ball", type=FILE)
@click.option("-o", "--output", type=OUTPUT, help="The rallies.csv; else BALL's name with .rallies.csv beside it.")
@option(RalliesConfig, "events", type=FILE, help="The events.csv of BALL; else its events are spotted.")
@option(RalliesConfig, "threshold", type=PARTS, help="Smallest confidence of a rally.")
@click.option("--summary", is_flag=True, help="Also show how many, how long, who served and how they ended.")
@option(RalliesConfig, "video", type=FILE, help="The video of the path; else one of BALL's name beside it.")
@click.option("--size", type=PictureSize(), help="Size of the picture, where no video tells it.")
@option(RalliesConfig, "shots", type=FILE, help="The shots.csv of the video, by which cuts are known.")
@option(RalliesConfig, "table", metavar="CORNERS|FILE", help=TABLE_HELP)
@option(
    RalliesConfig, "frame_rate", "--fps", type=FRAME_RATES,
    help="Frames per second, of a BALL without time_s.",
)  # fmt: skip
@overwrite_option
@quiet_option
@json_option
def rallies(
    ball: Path, output: Path | None, size: tuple[int, int] | None, summary: bool, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Write where play begins and ends on the path BALL: a ball.csv, or labels of the ball.

    A rally begins with the serve and ends when the point is over. Who served and how it ended are told where they can
    be: an empty cell means that they cannot.
    """
    from ttcli.rallies import rallies as run

    height, width = size or (None, None)
    found = run(ball, output, RalliesConfig(picture_height=height, picture_width=width, **settings), tell)
    show(as_json, found.as_json(), str(found), *([found.as_table()] if summary else []))


@command(
    epilog=example(
        "ttcli strokes ball.csv -o strokes.csv",
        'ttcli strokes ball.csv --size 1280x720 --table "1100,546 960,417 289,410 163,540" -o strokes.csv',
        "ttcli strokes ball.csv --events events.csv --json",
    )
)
@click.argument("ball", type=FILE)
@click.option("-o", "--output", type=OUTPUT, help="The strokes.csv; else BALL's name with .strokes.csv beside it.")
@option(StrokesConfig, "table", metavar="CORNERS|FILE", help=TABLE_HELP)
@option(StrokesConfig, "picture", type=OUTPUT, help="Also draw the flights, from above and from the side, into a .png or .jpg.")
@option(StrokesConfig, "events", type=FILE, help="The events.csv of BALL; else its events are spotted.")
@option(StrokesConfig, "threshold", type=PARTS, help="Smallest confidence of a rally.")
@option(StrokesConfig, "video", type=FILE, help="The video of the path; else one of BALL's name beside it.")
@click.option("--size", type=PictureSize(), help="Size of the picture, where no video tells it.")
@option(StrokesConfig, "shots", type=FILE, help="The shots.csv of the video, by which cuts are known.")
@option(
    StrokesConfig, "frame_rate", "--fps", type=FRAME_RATES,
    help="Frames per second, of a BALL without time_s.",
)  # fmt: skip
@overwrite_option
@quiet_option
@json_option
def strokes(ball: Path, output: Path | None, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Write the strokes on the path BALL: a ball.csv, or labels of the ball.

    Each has its speed, its height over the net, where it landed and its spin, with the interval in which the true value lies in
    95 of 100 cases. An empty cell says that it cannot be told. Where the table is must be known.
    """
    from ttcli.strokes import strokes as run

    height, width = size or (None, None)
    summary = run(ball, output, StrokesConfig(picture_height=height, picture_width=width, **settings), tell)
    show(as_json, summary.as_json(), str(summary))


@command(
    epilog=example(
        "ttcli trim match.mp4 --rallies rallies.csv -o film.mp4",
        "ttcli trim match.mp4 --rallies rallies.csv -o highlights.mp4 --longest 10 -o highlights.srt",
        "ttcli trim match.mp4 --rallies rallies.csv --clips rallies/ --min-strokes 5",
        "ttcli trim match.mp4 --rallies rallies.csv -o match.llc -o match.otio",
    )
)
@click.argument("video", type=VIDEO)
@option(TrimConfig, "rallies", type=FILE, help="The rallies.csv; else VIDEO's name with .rallies.csv beside it.")
@click.option(
    "-o", "--output", "outputs", type=OUTPUT, multiple=True,
    help="A film (.mp4, .mkv, .mov), or by its ending a list: .csv, .srt, .txt (chapters), .llc (LosslessCut), .xml "
    "(Sportscode), .otio, .edl, .fcpxml, .premiere.xml. May be given more than once.",
)  # fmt: skip
@click.option("--clips", type=OUTPUT, help="A folder for a film of each rally.")
@option(TrimConfig, "before", type=Number(0, 3600), help="Seconds that are kept before each rally.")
@option(TrimConfig, "after", type=Number(0, 3600), help="Seconds that are kept after it.")
@option(TrimConfig, "longest", type=WholeNumber(1, 100_000), metavar="N", help="Keep the N rallies that take the longest.")
@option(TrimConfig, "min_strokes", type=WholeNumber(0, 1000), metavar="N", help="Keep rallies of N strokes or more.")
@option(TrimConfig, "copy", "--copy", is_flag=True, help="Cut at keyframes without loss: fast, with some seconds more.")
@option(TrimConfig, "crf", type=WholeNumber(0, 51), help="x264 quality: 0 lossless, 23 usual, larger is worse.")
@option(TrimConfig, "audio", "--audio/--no-audio", help="Keep the sound of the video.")
@overwrite_option
@quiet_option
@json_option
def trim(video: Path, outputs: tuple[Path, ...], clips: Path | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Write VIDEO without its dead time: its rallies joined to a film, a clip each, or as a list for an editor.

    Cuts are exact, and the sound stays in step. Lists name VIDEO, and tell from when to when each rally is.
    """
    from ttcli.trim import trim as run

    summary = run(video, outputs, clips, TrimConfig(**settings), quiet)
    show(as_json, summary.as_json(), str(summary))


@command(
    epilog=example(
        "ttcli render match.mp4 --ball ball.csv -o overlay.mp4",
        "ttcli render match.mp4 --events events.csv --subtitles match.srt",
        "ttcli render match.mp4 --events events.csv --slow 4 --zoom 3 --speed",
        "ttcli render match.mp4 --start 62 --end 68 --gif",
    )
)
@click.argument("video", type=VIDEO)
@click.option("--ball", "ball_csv", type=FILE, help="The ball.csv; else VIDEO's name with .csv beside it.")
@click.option("--events", "events_csv", type=FILE, help="The events.csv: a mark at each bounce, a flash at the net.")
@click.option(
    "--strokes", "strokes_csv", type=FILE, help="The strokes.csv: speeds where the ball is struck; with --map, landings."
)
@click.option("--subtitles", type=OUTPUT, help="Also write the events as .srt, by which players can jump to them.")
@click.option("-o", "--output", type=OUTPUT, help="The overlay; else VIDEO's name with .overlay.mp4 beside it.")
@option(RenderConfig, "trail_seconds", "--trail", type=Number(0, 3600), help="Seconds that the trail stays.")
@option(RenderConfig, "scale", type=PARTS, help="Size relative to the video.")
@option(RenderConfig, "picture_rate", "--fps", type=FRAME_RATES, help="Frames per second, of a folder of pictures.")
@option(RenderConfig, "crf", type=WholeNumber(0, 51), help="x264 quality: 0 lossless, 23 usual, larger is worse.")
@option(RenderConfig, "start", help="Where to begin: seconds as in 12.5, or a frame as in 300f.")
@option(RenderConfig, "end", help="Where to end, in the same way.")
@option(RenderConfig, "zoom", type=Number(1, 20), help="Show the ball so many times larger in a corner.")
@option(RenderConfig, "speed", "--speed", is_flag=True, help="Tell the ball's speed in pixels a second.")
@option(RenderConfig, "table_map", "--map", is_flag=True, help="Show where on the table the ball bounced; needs --events.")
@option(RenderConfig, "slow", type=Number(1, 100), help="Show events so many times slower; needs --events.")
@option(RenderConfig, "encoder", type=ENCODERS, help="auto: x264, or what is there instead of it.")
@click.option("--gif", is_flag=True, help="Write a GIF to share, of at most 20 s: the same as a name that ends in .gif.")
@option(RenderConfig, "audio", "--audio/--no-audio", help="Copy the sound of the video.")
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
@option(ProbeConfig, "samples", type=WholeNumber(1, 1000), help="Spans of 1.2 seconds to look at, spread over VIDEO.")
@option(ProbeConfig, "picture_rate", "--fps", type=FRAME_RATES, help="Frames per second, of a folder of pictures.")
@option(ProbeConfig, "weights", type=FILE, help="Checkpoint: a file, or `fast`, the package's small one; else its default.")
@option(ProbeConfig, "device", type=DEVICES, help="Where the network runs.")
@option(ProbeConfig, "precision", type=PRECISIONS, help="auto: bf16 where the processor multiplies in it.")
@option(ProbeConfig, "table_picture", type=OUTPUT, help="Also draw the tables found, or told, into a .jpg or .png.")
@option(ProbeConfig, "table", metavar="CORNERS|FILE", help=TABLE_HELP)
@overwrite_option
@quiet_option
@json_option
def probe(video: Path, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Tell what VIDEO is, what stands in the way of a good result, and how long `detect` will take here.

    Exit code 1 where no good result can be expected.
    """
    from ttcli.probe import probe as run

    report = run(video, ProbeConfig(**settings), quiet)
    show(as_json, report.as_json(), report.as_table(), str(report))
    if report.verdict == "poor":
        raise click.exceptions.Exit(1)


@command(epilog=example("ttcli verify ball.csv", "ttcli verify ball.csv --video moved/match.mp4"))
@click.argument("ball", type=FILE)
@option(VerifyConfig, "video", type=VIDEO, help="The video; else where it was when BALL was written, or beside BALL.")
@option(VerifyConfig, "weights", type=FILE, help="The checkpoint; else where it was when BALL was written.")
@quiet_option
@json_option
def verify(ball: Path, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Tell whether BALL, its video and the checkpoint are still what `detect` used and wrote.

    The manifest that `detect` wrote beside BALL (ball.json beside ball.csv) is compared with the files. Exit code 1
    where one is missing or has changed.
    """
    from ttcli.verify import verify as run

    report = run(ball, VerifyConfig(**settings))
    show(as_json, report.as_json(), *(str(check) for check in report.checks))
    if not report.holds:
        raise click.exceptions.Exit(1)


@command(epilog=example("ttcli bench match.mp4", "ttcli bench --json"))
@click.argument("video", required=False, type=VIDEO)
@option(BenchConfig, "rounds", type=WholeNumber(1, 1000), help="How often each part is timed; the median counts.")
@option(BenchConfig, "seconds", type=Number(0.1, 3600), help="Seconds for each part in a round.")
@option(BenchConfig, "weights", type=FILE, help="Checkpoint: a file, or `fast`, the package's small one; else its default.")
@option(BenchConfig, "device", type=DEVICES, help="Where the network runs.")
@option(BenchConfig, "precision", type=PRECISIONS, help="auto: bf16 where the processor multiplies in it.")
@option(BenchConfig, "step", type=WINDOWS, help="Frames from window to window, as in `ttcli detect`.")
@option(BenchConfig, "batch", type=BATCHES, help="Windows that go through the network together on a GPU.")
@quiet_option
@json_option
def bench(video: Path | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Tell how fast decoding, scaling, the network and all of `detect` are here, on VIDEO or on a drawn one."""
    from ttcli.bench import bench as run

    report = run(video, BenchConfig(**settings), quiet)
    show(as_json, report.as_json(), report.as_table(), str(report))
