"""What is done with a video: the ball found in it, its dead time cut out, what was found drawn on it."""

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
    plain_option,
    quiet_option,
)
from ttcli.commands.telling import show, tell
from ttcli.commands.values import (
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
    Number,
    Step,
    WholeNumber,
)
from ttcli.configs import DetectConfig, RenderConfig, TrimConfig

CRF_HELP = "Quality of x264: 0 is lossless, 23 usual, larger is worse."


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
    with imported_at_once():
        from ttcli.detect import detect as run
        from ttcli.detection.jobs import check_findings

        if overlay is not None:
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
    with imported_at_once():
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
    with imported_at_once():
        from ttcli.render import default_output
        from ttcli.render import render as run

    if gif:
        output = (output or default_output(video)).with_suffix(".gif")
    summary = run(video, ball_csv, output, RenderConfig(**settings), quiet, events_csv, subtitles, strokes_csv, tell=tell)
    show(as_json, summary.as_json(), str(summary))
