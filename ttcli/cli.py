"""The command line: options -> config -> pipeline -> summary. Nothing is computed here.

Each command imports its pipeline when it runs, so that `ttcli --help` answers at once and without torch.
Exit codes: 0 done; 1 an expected failure, or interrupted; 2 wrong usage.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from ttcli import __version__
from ttcli.configs import (
    ConvertConfig, DetectConfig, EvaluateConfig, ExportConfig, ExtractConfig, ProbeConfig, RenderConfig, SimulateConfig,
    SpotConfig, TrainConfig,
)  # fmt: skip
from ttcli.errors import TtcliError
from ttcli.learning_rates import SCHEDULES

DEVICES = click.Choice(["auto", "cpu", "cuda"])
PRECISIONS = click.Choice(["auto", "bf16", "fp32"])
RUNTIMES = click.Choice(["auto", "torch", "onnx", "openvino"])
TRAINING_PRECISIONS = click.Choice(["auto", "bf16", "fp16", "fp32"])
CAMERAS = click.Choice(["any", "side", "end", "corner", "broadcast", "top"])
FILE = click.Path(path_type=Path)
LABEL_FORMATS = click.Choice(["ttcli", "openttgames", "tracknet", "tracknet-tennis", "yolo", "cvat"])
FRAME_RATES = click.FloatRange(0.1, 2000)
BYTES = {"MB": 10**6, "GB": 10**9}
PIPE_COLUMNS = 200
"""Width of tables that do not go to a terminal."""


class PictureSize(click.ParamType):
    """A width and a height, as in 1920x1080, given on as (height, width)."""

    name = "WIDTHxHEIGHT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        width, _, height = value.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            self.fail(f"{value!r} is not a width and a height such as 1920x1080", param, ctx)
        return int(height), int(width)


class MemorySize(click.ParamType):
    """A number of bytes, as in 5GB or 500MB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, unit = value[:-2], value[-2:].upper()
        if unit not in BYTES or not number.replace(".", "", 1).isdecimal():
            self.fail(f"{value!r} is not a size such as 5GB or 500MB", param, ctx)
        return int(float(number) * BYTES[unit])


class VideoPath(click.Path):
    """The path of a video; `-` is standard input, kept in a file as long as the command runs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from ttcli.video.standard_input import spooled

        if value == "-" and ctx is not None and not ctx.resilient_parsing:
            return ctx.with_resource(spooled())
        return super().convert(value, param, ctx)


class Group(click.Group):
    """The commands, and the one place where an expected failure becomes a line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TtcliError as error:
            click.echo(f"ttcli: {error}", err=True)
        except KeyboardInterrupt:
            click.echo("ttcli: interrupted", err=True)
        raise click.exceptions.Exit(1)


VIDEO = VideoPath(path_type=Path)


def option(config: type, field: str, *names: str, **settings: Any) -> Callable:
    """Return a click option whose default is that of the config's field, which has its one home there."""
    default = next(entry.default for entry in fields(config) if entry.name == field)
    settings.setdefault("show_default", default is not None)
    return click.option(*names or [f"--{field.replace('_', '-')}"], field, default=default, **settings)


def example(*lines: str) -> str:
    """Return the end of a command's help: lines to copy, which click does not wrap."""
    return "\n".join(["\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)])


quiet_option = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("ttcli detect match.mp4 -o ball.csv"),
)
@click.version_option(__version__, prog_name="ttcli")
def main() -> None:
    """Find the ball in table-tennis video."""


@main.command(
    epilog=example(
        "ttcli detect match.mp4 -o ball.csv",
        "ttcli detect match.mp4 -o ball.csv --overlay overlay.mp4",
        "ttcli detect match.mp4 -o ball.csv --events events.csv",
        "ttcli detect videos/ -o results/ --step 9",
    )
)
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True, type=VIDEO)
@click.option("-o", "--output", type=FILE, help="The CSV; for several videos or a folder, a folder. Else beside VIDEO.")
@click.option("--overlay", type=FILE, help="Also write the video with the ball drawn on it (one VIDEO only).")
@click.option("--events", type=FILE, help="Also write bounces and passings of the net as CSV (one VIDEO only).")
@click.option(
    "--event-threshold", type=click.FloatRange(0, 1, min_open=True), default=SpotConfig.threshold, show_default=True,
    help="Smallest confidence of an event.",
)  # fmt: skip
@option(DetectConfig, "shots", type=FILE, help="Also write the shots between cuts as CSV (one VIDEO only).")
@option(DetectConfig, "weights", type=FILE, help="Checkpoint to use instead of the one in the package.")
@option(DetectConfig, "threshold", type=click.FloatRange(0, 1), help="Smallest confidence that counts as seen.")
@option(DetectConfig, "step", type=click.IntRange(1), help="Frames from window to window, 3 as a rule: 9 is fastest, 1 most exact.")
@option(DetectConfig, "stride", type=click.IntRange(1), help="Frames between neighbours in a window; by frame rate.")
@option(DetectConfig, "picture_rate", "--fps", type=FRAME_RATES, help="Frames per second, of a folder of pictures.")
@option(DetectConfig, "device", type=DEVICES, help="Where the network runs.")
@option(DetectConfig, "precision", type=PRECISIONS, help="auto: bf16 where the processor multiplies in it.")
@option(DetectConfig, "runtime", type=RUNTIMES, help="What runs the network; auto: torch, or onnx for an .onnx file.")
@option(DetectConfig, "link", "--link/--no-link", help="Judge a frame's candidates by those of the frames around it.")
@option(DetectConfig, "batch", type=click.IntRange(1), help="Windows that go through the network together.")
@overwrite_option
@quiet_option
@json_option
def detect(
    videos: tuple[Path, ...], output: Path | None, overlay: Path | None, events: Path | None, event_threshold: float,
    quiet: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Write where the ball is in every frame of each VIDEO, or of each video in a folder, as CSV.

    VIDEO may be a folder of numbered pictures, or - for standard input. With --events, also when the ball bounced on
    the table, and when it passed the net. `net` is the passing of the net's plane, which every good shot does: no
    touch, and no fault.
    """
    from ttcli.detect import detect as run
    from ttcli.render import check_overlay, render
    from ttcli.spot import check_events, spot

    spotting = SpotConfig(threshold=event_threshold, video=videos[0], overwrite=settings["overwrite"])
    if overlay is not None:
        check_overlay(overlay, videos, output, settings["overwrite"])
    if events is not None:
        check_events(events, videos, (output, overlay), spotting)
    summaries = run(videos, output, DetectConfig(**settings), quiet, tell=tell)
    lines = [str(line) for line in summaries if not line.error]
    if events is not None:
        lines.append(str(spot(Path(summaries[0].output), events, spotting)))
    if overlay is not None:
        config = RenderConfig(picture_rate=settings["picture_rate"], overwrite=settings["overwrite"])
        render(videos[0], Path(summaries[0].output), overlay, config, quiet, events, tell=tell)
    show(as_json, [summary.as_json() for summary in summaries], *lines)
    if any(summary.error for summary in summaries):
        raise click.exceptions.Exit(1)


@main.command(
    epilog=example(
        "ttcli spot ball.csv -o events.csv",
        "ttcli spot ball.csv --size 1920x1080",
        "ttcli spot test_1/ball_markup.json -o test_1.events.csv",
    )
)
@click.argument("ball", type=FILE)
@click.option("-o", "--output", type=FILE, help="The events.csv; else BALL's name with .events.csv beside it.")
@option(
    SpotConfig, "threshold", "--event-threshold", type=click.FloatRange(0, 1, min_open=True),
    help="Smallest confidence of an event.",
)  # fmt: skip
@option(SpotConfig, "weights", type=FILE, help="Spotter to use instead of the one in the package.")
@option(SpotConfig, "video", type=FILE, help="The video of the path; else one of BALL's name beside it.")
@click.option("--size", type=PictureSize(), help="Size of the picture, where no video tells it.")
@option(
    SpotConfig, "frame_rate", "--fps", type=click.FloatRange(0, min_open=True),
    help="Frames per second, of a BALL without time_s.",
)  # fmt: skip
@overwrite_option
@quiet_option
@json_option
def spot(
    ball: Path, output: Path | None, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Write the bounces and passings of the net on the path BALL: a ball.csv, or labels of the ball.

    `net` is the ball's passing of the net's plane, which every good shot does: no touch, and no fault. Where nobody saw
    the ball no event is told.
    """
    from ttcli.spot import spot as run

    height, width = size or (None, None)
    summary = run(ball, output, SpotConfig(picture_height=height, picture_width=width, **settings))
    show(as_json, summary.as_json(), str(summary))


@main.command(
    epilog=example(
        "ttcli render match.mp4 --ball ball.csv -o overlay.mp4",
        "ttcli render match.mp4 --events events.csv --subtitles match.srt",
    )
)
@click.argument("video", type=VIDEO)
@click.option("--ball", "ball_csv", type=FILE, help="The ball.csv; else VIDEO's name with .csv beside it.")
@click.option("--events", "events_csv", type=FILE, help="The events.csv: a mark at each bounce, a flash at the net.")
@click.option("--subtitles", type=FILE, help="Also write the events as .srt, by which players can jump to them.")
@click.option("-o", "--output", type=FILE, help="The overlay; else VIDEO's name with .overlay.mp4 beside it.")
@option(RenderConfig, "trail_seconds", "--trail", type=click.FloatRange(0), help="Seconds that the trail stays.")
@option(RenderConfig, "scale", type=click.FloatRange(0, 1, min_open=True), help="Size relative to the video.")
@option(RenderConfig, "picture_rate", "--fps", type=FRAME_RATES, help="Frames per second, of a folder of pictures.")
@option(RenderConfig, "crf", type=click.IntRange(0, 51), help="x264 quality: 0 lossless, 23 usual, larger is worse.")
@option(RenderConfig, "audio", "--audio/--no-audio", help="Copy the sound of the video.")
@overwrite_option
@quiet_option
@json_option
def render(
    video: Path, ball_csv: Path | None, events_csv: Path | None, subtitles: Path | None, output: Path | None,
    quiet: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Draw the ball, its trail, events, the frame number and the clock on VIDEO."""
    from ttcli.render import render as run

    summary = run(video, ball_csv, output, RenderConfig(**settings), quiet, events_csv, subtitles, tell=tell)
    show(as_json, summary.as_json(), str(summary))


@main.command(
    epilog=example(
        "ttcli evaluate ball.csv labels.csv --size 1920x1080",
        "ttcli evaluate events.csv events_markup.json",
        "ttcli evaluate results/ test/annotations/ --json",
    )
)
@click.argument("predicted", type=FILE)
@click.argument("truth", type=FILE)
@click.option("--size", type=PictureSize(), help="Size of the picture, where no video lies beside the files.")
@option(
    EvaluateConfig, "frame_rate", "--fps", type=click.FloatRange(0, min_open=True),
    help="Frames per second, for events; else as the files or the video tell.",
)  # fmt: skip
@option(EvaluateConfig, "bootstrap", type=click.IntRange(0), help="Resamplings behind each 95 % interval; 0: none.")
@quiet_option
@json_option
def evaluate(
    predicted: Path, truth: Path, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Measure PREDICTED balls or events against the TRUTH: two files, or two folders."""
    from ttcli.evaluate import evaluate as run

    height, width = size or (None, None)
    report = run(predicted, truth, EvaluateConfig(picture_height=height, picture_width=width, **settings))
    for kind, clips in (("without truth", report.skipped), ("without prediction", report.unpredicted)):
        if clips and not quiet:
            tell(f"left out, {kind}: {', '.join(clips)}")
    for line in report.problems if not quiet else ():
        tell(f"left out as unknown: {line}")
    show(as_json, report.as_json(), *report.as_tables())


@main.command(epilog=example("ttcli simulate -o simulated/ --rallies 20 --camera side --size 1280x720"))
@click.option("-o", "--output", required=True, type=FILE, help="Folder for videos and labels.")
@option(SimulateConfig, "rallies", type=click.IntRange(1), help="How many rallies, each a video of its own.")
@option(SimulateConfig, "seed", type=click.IntRange(0), help="The same seed gives the same bytes.")
@option(SimulateConfig, "part", type=click.Choice(["training", "test"]), help="Part of the layout to write.")
@option(SimulateConfig, "camera", type=CAMERAS, help="Where the camera stands.")
@option(SimulateConfig, "frame_rate", "--fps", type=click.FloatRange(1, 1000), help="Frames per second; else drawn.")
@click.option(
    "--size", type=PictureSize(), default=(SimulateConfig.height, SimulateConfig.width),
    show_default=f"{SimulateConfig.width}x{SimulateConfig.height}", help="Size of the picture.",
)  # fmt: skip
@option(SimulateConfig, "frames", type=click.IntRange(1), help="Frames of each video at most; else the whole rally.")
@option(SimulateConfig, "crf", type=click.IntRange(0, 51), help="x264 quality of the videos: larger is worse.")
@option(SimulateConfig, "jobs", type=click.IntRange(1), help="Videos that are drawn at the same time.")
@option(SimulateConfig, "device", type=DEVICES, help="Where pictures are drawn.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@quiet_option
@json_option
def simulate(output: Path, size: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """Make videos of rallies that never happened, with exact labels."""
    from ttcli.simulate import simulate as run

    height, width = size
    show_summary(run(output, SimulateConfig(height=height, width=width, **settings), quiet), as_json)


@main.command(
    epilog=example(
        "ttcli extract --events bounce,net",
        "ttcli extract OpenTTGames/ -o set --events bounce,net --far 200 --contact-sheet set.jpg",
        "ttcli extract match.mp4 --labels ball.xml --no-events -o set",
    )
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=FILE)
@click.option("-o", "--output", type=FILE, default=Path("extracted"), show_default=True, help="Folder of the set.")
@click.option("--labels", "balls", type=FILE, help="Labels of the ball (one video only); else those beside it.")
@click.option("--event-labels", type=FILE, help="Labels of events (one video only); else those beside it.")
@click.option("--events", metavar="NAMES", default="all", show_default=True, help="Events to keep, as in bounce,net.")
@click.option("--no-events", is_flag=True, help="Keep every labelled window, near an event or not.")
@option(ExtractConfig, "before", type=click.IntRange(0), help="Frames before an event that belong to it.")
@option(ExtractConfig, "after", type=click.IntRange(0), help="Frames after an event that belong to it.")
@option(ExtractConfig, "far", type=click.IntRange(0), help="Windows of each video to add that lie away from events.")
@option(ExtractConfig, "window_size", "--window", type=click.IntRange(1), help="Frames in a window: 1, 3, 5 or 9.")
@option(ExtractConfig, "stride", type=click.IntRange(1), help="Frames between neighbours in a window.")
@click.option("--size", type=PictureSize(), help="Size of the stored pictures; else that at which `detect` sees them.")
@option(ExtractConfig, "keep_native", "--keep-native", is_flag=True, help="Store the ball at the video's size too.")
@option(ExtractConfig, "limit", type=click.IntRange(1), help="Most windows of each video.")
@option(ExtractConfig, "validation", type=click.FloatRange(0, 1, max_open=True), help="Share for validation.")
@option(ExtractConfig, "split", type=click.Choice(["auto", "game", "rally"]), help="What is never split.")
@option(ExtractConfig, "frame_offset", type=int, help="Frames to add to those of the labels.")
@option(ExtractConfig, "label_format", "--format", type=LABEL_FORMATS, help="Format of the ball labels.")
@option(ExtractConfig, "strict", "--strict", is_flag=True, help="Stop at a wrong label instead of leaving it out.")
@option(ExtractConfig, "dry_run", "--dry-run", is_flag=True, help="Only count; no video is needed.")
@option(ExtractConfig, "jobs", type=click.IntRange(1), help="Videos that are worked on at the same time.")
@option(ExtractConfig, "seed", type=click.IntRange(0), help="Of the choice of --far and --limit.")
@click.option("--contact-sheet", type=FILE, help="Also write a JPEG of some windows with their labels, anew each time.")
@click.option("--overwrite", is_flag=True, help="Extract again what is in the set.")
@quiet_option
@json_option
def extract(
    sources: tuple[Path, ...], output: Path, balls: Path | None, event_labels: Path | None, events: str,
    no_events: bool, size: tuple[int, int] | None, contact_sheet: Path | None, quiet: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Make a training set of labelled video.

    SOURCE is a folder in the layout of OpenTTGames, a folder of videos with labels of the same names, or a video; the
    current folder unless given. What is in the set already is left as it is.
    """
    from ttcli.contact_sheet import check_contact_sheet, write_contact_sheet
    from ttcli.extract import extract as run

    names = None if no_events else tuple(name.strip() for name in events.split(",") if name.strip())
    height, width = size or (None, None)
    config = ExtractConfig(events=names, height=height, width=width, **settings)
    if contact_sheet is not None:
        check_contact_sheet(contact_sheet, config.dry_run)
    report = run(sources or (Path("."),), output, config, balls, event_labels, quiet, tell)
    for line in (*report.left_out, *(f"not used: {line}" for line in report.problems)) if not quiet else ():
        tell(line)
    if contact_sheet is not None:
        write_contact_sheet(contact_sheet, output, config.seed)
    show(as_json, report.as_json(), report.as_table(), str(report))


@main.command(
    epilog=example(
        "ttcli train simulated -o runs/first --minutes 60",
        "ttcli train extracted -o runs/mine --init default",
        "ttcli train extracted -o runs/mine --resume",
        "ttcli train simulated -o runs/check --model unetpp_effb0 --limit-samples 500 --steps 2000",
    )
)
@click.argument("data", metavar="DATA", type=FILE)
@click.option("-o", "--output", required=True, type=FILE, help="Folder of the run.")
@option(TrainConfig, "model", help="Name of the network, as `ttcli models` lists them.")
@option(TrainConfig, "window_size", "--window", type=click.IntRange(1), help="Frames in a window: 1, 3, 5 or 9.")
@option(TrainConfig, "outputs", type=click.Choice(["all", "center", "last"]), help="Frames that are answered for.")
@option(TrainConfig, "neck", type=click.Choice(["pan", "asff"]), help="How a YOLOv8 network fuses its features.")
@option(TrainConfig, "activation", type=click.Choice(["silu", "relu"]), help="Of the decoder after an EfficientNet.")
@option(TrainConfig, "background", type=click.Choice(["median", "none"]), help="Differences to the window's median, or none.")
@option(TrainConfig, "pretrained", "--pretrained", is_flag=True, help="Begin with ImageNet weights in the encoder.")
@option(TrainConfig, "minutes", type=click.FloatRange(0, min_open=True), help="Wall time to train for; else --steps.")
@option(TrainConfig, "steps", type=click.IntRange(1), help="Optimiser steps to train for.")
@option(TrainConfig, "batch", type=click.IntRange(1), help="Windows per step and process.")
@click.option(
    "--crop", type=PictureSize(), default=(TrainConfig.crop_height, TrainConfig.crop_width),
    show_default=f"{TrainConfig.crop_width}x{TrainConfig.crop_height}", help="Size of the windows, multiples of 32.",
)  # fmt: skip
@option(TrainConfig, "learning_rate", type=click.FloatRange(0, min_open=True), help="Peak learning rate of AdamW.")
@option(TrainConfig, "schedule", type=click.Choice(SCHEDULES), help="How the learning rate goes after the warm-up.")
@option(TrainConfig, "drop_at", type=click.FloatRange(0, 1), help="Part of the run after which `steps` takes a tenth.")
@option(TrainConfig, "warmup", type=click.IntRange(0), help="Steps up to the peak learning rate.")
@option(TrainConfig, "weight_decay", type=click.FloatRange(0), help="Of AdamW.")
@option(TrainConfig, "gradient_norm", type=click.FloatRange(0, min_open=True), help="Longest gradient followed.")
@option(TrainConfig, "average", type=click.FloatRange(0, 1, max_open=True), help="Inertia of the averaged weights.")
@option(TrainConfig, "target", type=click.Choice(["gaussian", "disk"]), help="Shape of a ball in the heatmap.")
@option(TrainConfig, "radius", type=click.FloatRange(0, min_open=True), help="Of it: sigma in cells of 4 px, or px.")
@option(TrainConfig, "positive_weight", type=click.FloatRange(0, min_open=True), help="Weight of cells with a ball.")
@option(TrainConfig, "augment", type=click.Choice(["auto", "all", "few", "none"]), help="Changes by chance.")
@option(TrainConfig, "mask_ball", type=click.FloatRange(0, 1), help="How often a ball is painted over.")
@option(TrainConfig, "paste_ball", type=click.FloatRange(0, 1), help="How often an empty window gets a ball.")
@option(TrainConfig, "reuse", type=click.IntRange(1), help="How often each window is used.")
@option(TrainConfig, "limit_samples", type=click.IntRange(1), help="Train and validate on so many windows: a check.")
@option(
    TrainConfig, "cache_memory", type=MemorySize(), show_default=f"{TrainConfig.cache_memory // 10**9}GB",
    help="Memory for decoded pictures of an extracted set.",
)
@option(TrainConfig, "devices", type=click.IntRange(1), help="Processes that train together.")
@option(TrainConfig, "device", type=DEVICES, help="Where the network is trained.")
@option(TrainConfig, "precision", type=TRAINING_PRECISIONS, help="auto: bf16 where the device multiplies in it.")
@option(TrainConfig, "seed", type=click.IntRange(0), help="Seed of weights and windows.")
@option(TrainConfig, "init", type=FILE, help="Checkpoint to start from; `default`: the package's.")
@option(TrainConfig, "save_every", type=click.IntRange(1), help="Steps between two validations, which save all.")
@option(TrainConfig, "early_stop", type=click.IntRange(1), help="End after so many validations without a better one.")
@option(TrainConfig, "resume", "--resume", is_flag=True, help="Go on with the run in the folder, to the same result.")
@click.option("--overwrite", is_flag=True, help="Start anew in a run folder that is not empty.")
@quiet_option
@json_option
def train(data: Path, output: Path, crop: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """Train a network on DATA: a set that `ttcli extract` made, or `simulated` for windows drawn on the fly."""
    from ttcli.train import train as run

    height, width = crop
    source = None if data == Path("simulated") else data
    show_summary(run(source, output, TrainConfig(crop_height=height, crop_width=width, **settings), quiet), as_json)


@main.command(epilog=example("ttcli models", "ttcli models --time --size 768x416"))
@click.option("--time", "timed", is_flag=True, help="Also run each network, for the time that it takes here.")
@click.option("--size", type=PictureSize(), default=(288, 512), show_default="512x288", help="Picture of cost and time.")
@quiet_option
@json_option
def models(timed: bool, size: tuple[int, int], quiet: bool, as_json: bool) -> None:
    """List the networks that can be trained and the checkpoints in the package."""
    from ttcli.catalogue import catalogue

    height, width = size
    listed = catalogue(height=height, width=width, timed=timed)
    show(as_json, listed.as_json(), *listed.as_tables())


@main.command(
    epilog=example(
        "ttcli convert ball.csv ball.xml --video match.mp4", "ttcli convert ball_markup.json labels/ --to yolo"
    )
)
@click.argument("source", metavar="IN", type=FILE)
@click.argument("output", metavar="OUT", type=FILE)
@option(ConvertConfig, "source_format", "--from", type=LABEL_FORMATS, help="Format of IN; else found by its content.")
@option(ConvertConfig, "target_format", "--to", type=LABEL_FORMATS, help="Format of OUT; else by its suffix.")
@click.option("--size", type=PictureSize(), help="Size of the picture, where no video tells it.")
@option(ConvertConfig, "video", type=FILE, help="The video of the labels; else one of IN's name beside it.")
@option(ConvertConfig, "events", "--events", is_flag=True, help="Convert the events of a file that has balls too.")
@option(ConvertConfig, "strict", "--strict", is_flag=True, help="Stop at a wrong label instead of leaving it out.")
@overwrite_option
@quiet_option
@json_option
def convert(
    source: Path, output: Path, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Write the labels of IN, of balls or of events, in another format, and say what is lost.

    OUT ends in .csv for ttcli's own format, .json for OpenTTGames, .xml for CVAT; without suffix it is a folder of
    YOLO files.
    """
    from ttcli.convert import convert as run

    height, width = size or (None, None)
    summary = run(source, output, ConvertConfig(picture_height=height, picture_width=width, **settings))
    for line in summary.problems if not quiet else ():
        tell(f"left out as unknown: {line}")
    lines = [f"  lost: {line}" for line in summary.lost] + [f"  note: {line}" for line in summary.notes]
    show(as_json, summary.as_json(), str(summary), *lines)


@main.command(epilog=example("ttcli export -o model.onnx", "ttcli export best.safetensors -o model.onnx --video match.mp4"))
@click.argument("weights", metavar="[CHECKPOINT]", required=False, type=FILE)
@click.option("-o", "--output", required=True, type=FILE, help="The file, ending in .onnx.")
@click.option(
    "--size", type=PictureSize(), default=(ExportConfig.height, ExportConfig.width),
    show_default=f"{ExportConfig.width}x{ExportConfig.height}", help="Size of the pictures that the network sees.",
)  # fmt: skip
@option(ExportConfig, "video", type=FILE, help="Compare with torch on this video; else on drawn windows.")
@overwrite_option
@quiet_option
@json_option
def export(output: Path, size: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """Write CHECKPOINT, the one in the package unless given, as ONNX, and compare it with torch.

    `ttcli detect --weights model.onnx` runs the file, by ONNX Runtime or, with --runtime openvino, by OpenVINO.
    """
    from ttcli.export import export as run

    height, width = size
    summary = run(output, ExportConfig(height=height, width=width, **settings))
    show(as_json, summary.as_json(), str(summary))


@main.command(epilog=example("ttcli probe match.mp4", "ttcli probe match.mp4 --json"))
@click.argument("video", type=VIDEO)
@option(ProbeConfig, "samples", type=click.IntRange(1), help="Spans of 1.2 seconds to look at, spread over VIDEO.")
@option(ProbeConfig, "picture_rate", "--fps", type=FRAME_RATES, help="Frames per second, of a folder of pictures.")
@option(ProbeConfig, "weights", type=FILE, help="Checkpoint to use instead of the one in the package.")
@option(ProbeConfig, "device", type=DEVICES, help="Where the network runs.")
@option(ProbeConfig, "precision", type=PRECISIONS, help="auto: bf16 where the processor multiplies in it.")
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


@main.command(epilog=example("ttcli verify ball.csv", "ttcli verify ball.csv --video moved/match.mp4"))
@click.argument("ball", type=FILE)
@click.option("--video", type=VIDEO, help="The video; else where it was when BALL was written, or beside BALL.")
@click.option("--weights", type=FILE, help="The checkpoint; else where it was when BALL was written.")
@quiet_option
@json_option
def verify(ball: Path, video: Path | None, weights: Path | None, quiet: bool, as_json: bool) -> None:
    """Tell whether BALL, its video and the checkpoint are still what `detect` used and wrote.

    The manifest that `detect` wrote beside BALL (ball.json beside ball.csv) is compared with the files. Exit code 1
    where one is missing or has changed.
    """
    from ttcli.verify import verify as run

    report = run(ball, video, weights)
    show(as_json, report.as_json(), *(str(check) for check in report.checks))
    if not report.holds:
        raise click.exceptions.Exit(1)


def tell(message: str) -> None:
    """Print a warning or the failure of one file on stderr."""
    click.echo(f"ttcli: {message}", err=True)


def show(as_json: bool, summary: Any, *parts: Any) -> None:
    """Print a result on stdout: as JSON, or its parts, lines or tables, for people."""
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    from rich.console import Console

    for part in parts:
        if isinstance(part, str):
            click.echo(part)
        else:
            # In a pipe rich would fold tables to 80 columns.
            Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(part)


def show_summary(summary: dict[str, Any], as_json: bool) -> None:
    """Print a summary that is a plain dict: one line for each entry, or JSON."""
    show(as_json, summary, *(f"{name}: {value}" for name, value in summary.items()))
