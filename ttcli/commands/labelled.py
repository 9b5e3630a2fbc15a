"""What is done with labels: measuring against them, making them, turning them into a training set."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.imports import imported_at_once
from ttcli.commands.options import command, example, json_option, option, overwrite_option, plain_option, quiet_option
from ttcli.commands.telling import show, show_summary, tell
from ttcli.commands.values import (
    ANY_COUNTS,
    CAMERAS,
    COUNTS,
    DEVICES,
    FILE,
    FRAME_RATES,
    JOBS,
    LABEL_FORMATS,
    OUTPUT,
    SEEDS,
    STRIDES,
    WINDOWS,
    Number,
    PictureSize,
    WholeNumber,
)
from ttcli.configs import ConvertConfig, EvaluateConfig, ExtractConfig, SimulateConfig


@command(
    epilog=example(
        "ttcli evaluate ball.csv labels.csv --size 1920x1080",
        "ttcli evaluate events.csv events_markup.json",
        "ttcli evaluate results/ test/annotations/ --json",
    )
)
@click.argument("predicted", type=FILE)
@click.argument("truth", type=FILE)
@plain_option("--size", type=PictureSize(), group="Video", help="Size of the picture, where no video lies beside the files.")
@option(
    EvaluateConfig, "frame_rate", "--fps", type=FRAME_RATES, group="Video",
    help="Frames per second, for events. Without it: from the files or the video.",
)  # fmt: skip
@option(
    EvaluateConfig, "bootstrap", type=WholeNumber(0, 100_000), group="Accuracy",
    help="Resamplings behind each 95 % interval; 0 leaves the intervals out.",
)  # fmt: skip
@quiet_option
@json_option
def evaluate(predicted: Path, truth: Path, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Compare PREDICTED balls or events with the TRUTH: two files, or two folders."""
    with imported_at_once():
        from ttcli.evaluate import evaluate as run

    height, width = size or (None, None)
    report = run(predicted, truth, EvaluateConfig(picture_height=height, picture_width=width, **settings))
    for kind, clips in (("without truth", report.skipped), ("without prediction", report.unpredicted)):
        if clips and not quiet:
            tell(f"left out, {kind}: {', '.join(clips)}")
    for line in report.problems if not quiet else ():
        tell(f"left out as unknown: {line}")
    show(as_json, report.as_json(), *report.as_tables())


@command(
    epilog=example(
        "ttcli simulate -o simulated/ --rallies 20 --camera side",
        "ttcli simulate -o match/ --match 10 --camera broadcast --jobs 2",
    )
)
@plain_option("-o", "--output", required=True, type=OUTPUT, group="Output", help="Write videos and labels into this folder.")
@option(
    SimulateConfig, "part", type=click.Choice(["training", "test"]), group="Output",
    help="Part of the OpenTTGames layout to write.",
)  # fmt: skip
@option(SimulateConfig, "rallies", type=WholeNumber(1, 100_000), group="Play", help="How many rallies to make, a video each.")
@option(
    SimulateConfig, "match", metavar="MINUTES", type=Number(0.25, 60), group="Play",
    help="Make one match of MINUTES, with its pauses, instead of rallies.",
)  # fmt: skip
@option(SimulateConfig, "seed", type=SEEDS, group="Play", help="The same seed gives the same bytes.")
@option(SimulateConfig, "camera", type=CAMERAS, group="Video", help="Where the camera stands.")
@option(
    SimulateConfig, "frame_rate", "--fps", type=Number(1, 1000), group="Video", help="Frames per second. Without it: drawn."
)
@plain_option(
    "--size", type=PictureSize(), default=(SimulateConfig.height, SimulateConfig.width), group="Video",
    show_default=f"{SimulateConfig.width}x{SimulateConfig.height}", help="Size of the picture.",
)  # fmt: skip
@option(SimulateConfig, "frames", type=COUNTS, group="Video", help="Frames of each video at most. Without it: the whole story.")
@option(
    SimulateConfig, "crf", type=WholeNumber(0, 51), group="Video",
    help="Quality of x264: 0 is lossless, 23 usual, larger is worse.",
)  # fmt: skip
@option(SimulateConfig, "jobs", type=JOBS, group="Hardware", help="Processes that draw at the same time.")
@option(SimulateConfig, "device", type=DEVICES, group="Hardware", help="Where pictures are drawn.")
@plain_option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@quiet_option
@json_option
def simulate(output: Path, size: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """Make videos of rallies or of a match that never happened, with exact labels."""
    with imported_at_once():
        from ttcli.simulate import simulate as run

    height, width = size
    show_summary(run(output, SimulateConfig(height=height, width=width, **settings), quiet), as_json)


@command(
    epilog=example(
        "ttcli extract --events bounce,net",
        "ttcli extract match.mp4 --labels ball.xml --no-events -o set",
        "ttcli extract OpenTTGames/ -o set --far 200 --contact-sheet set.jpg",
    )
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=FILE)
@plain_option(
    "-o", "--output", type=OUTPUT, default=Path("extracted"), show_default=True, group="Output", help="Folder of the set."
)
@plain_option("--contact-sheet", type=OUTPUT, group="Output", help="Also write a JPEG of some windows with their labels.")
@option(ExtractConfig, "dry_run", "--dry-run", is_flag=True, group="Output", help="Only count; needs no video.")
@plain_option(
    "--labels", "balls", type=FILE, group="Labels", help="Labels of the ball (one video). Without it: beside the video."
)
@plain_option("--event-labels", type=FILE, group="Labels", help="Labels of events (one video). Without it: beside the video.")
@option(
    ExtractConfig, "label_format", "--format", type=LABEL_FORMATS, group="Labels",
    help="Format of the ball labels. Without it: by their content.",
)  # fmt: skip
@option(
    ExtractConfig, "frame_offset", type=WholeNumber(-1_000_000, 1_000_000), group="Labels",
    help="Add this to the frame numbers of the labels.",
)  # fmt: skip
@option(
    ExtractConfig, "strict", "--strict", is_flag=True, group="Labels", help="Stop at a wrong label instead of leaving it out."
)
@plain_option(
    "--events", metavar="NAMES", default="all", show_default=True, group="Windows",
    help="Keep windows near these events, as in bounce,net.",
)  # fmt: skip
@plain_option("--no-events", is_flag=True, group="Windows", help="Keep every labelled window, near an event or not.")
@option(
    ExtractConfig, "before", type=WholeNumber(0, 100_000), group="Windows", help="Frames before an event that belong to it."
)
@option(ExtractConfig, "after", type=WholeNumber(0, 100_000), group="Windows", help="Frames after an event that belong to it.")
@option(ExtractConfig, "far", type=ANY_COUNTS, group="Windows", help="Add this many windows of each video far from events.")
@option(ExtractConfig, "window_size", "--window", type=WINDOWS, group="Windows", help="Frames in a window: 1, 3, 5 or 9.")
@option(ExtractConfig, "stride", type=STRIDES, group="Windows", help="Frames between two neighbours in a window.")
@option(ExtractConfig, "limit", type=COUNTS, group="Windows", help="Most windows of each video.")
@option(ExtractConfig, "validation", type=Number(0, 1, most_open=True), group="Windows", help="Share to keep for validation.")
@option(
    ExtractConfig, "split", type=click.Choice(["auto", "game", "rally"]), group="Windows",
    help="Keep each game, or each rally, whole in training or in validation.",
)  # fmt: skip
@option(ExtractConfig, "seed", type=SEEDS, group="Windows", help="Seed of the choice that --far and --limit make.")
@plain_option(
    "--size", type=PictureSize(), group="Pictures", help="Size of the stored pictures. Without it: as `detect` sees them."
)
@option(
    ExtractConfig, "keep_native", "--keep-native", is_flag=True, group="Pictures",
    help="Also store the ball at the video's own size.",
)  # fmt: skip
@option(ExtractConfig, "jobs", type=JOBS, group="Pictures", help="Videos that are worked on at the same time.")
@plain_option("--overwrite", is_flag=True, help="Extract again what is in the set.")
@quiet_option
@json_option
def extract(
    sources: tuple[Path, ...], output: Path, balls: Path | None, event_labels: Path | None, events: str,
    no_events: bool, size: tuple[int, int] | None, contact_sheet: Path | None, quiet: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Make a training set from labelled video.

    SOURCE is a folder in the layout of OpenTTGames, a folder of videos with labels of the same names, or a video.
    Without SOURCE it is the current folder. Videos that are in the set already stay as they are.
    """
    with imported_at_once():
        from ttcli.extract import extract as run
        from ttcli.training_set.contact_sheet import check_contact_sheet, write_contact_sheet

    names = None if no_events else tuple(name.strip() for name in events.split(",") if name.strip())
    height, width = size or (None, None)
    config = ExtractConfig(events=names, height=height, width=width, **settings)
    if contact_sheet is not None:
        check_contact_sheet(contact_sheet, config.dry_run)
    report = run(sources or (Path(),), output, config, balls, event_labels, quiet, tell)
    for line in (*report.left_out, *(f"problem: {line}" for line in report.problems)) if not quiet else ():
        tell(line)
    if contact_sheet is not None:
        write_contact_sheet(contact_sheet, output, config.seed)
    show(as_json, report.as_json(), report.as_table(), str(report))


@command(
    epilog=example("ttcli convert ball.csv ball.xml --video match.mp4", "ttcli convert ball_markup.json labels/ --to yolo")
)
@click.argument("source", metavar="IN", type=FILE)
@click.argument("output", metavar="OUT", type=OUTPUT)
@option(
    ConvertConfig,
    "source_format",
    "--from",
    type=LABEL_FORMATS,
    group="Labels",
    help="Format of IN. Without it: by its content.",
)
@option(
    ConvertConfig, "target_format", "--to", type=LABEL_FORMATS, group="Labels", help="Format of OUT. Without it: by its suffix."
)
@option(
    ConvertConfig, "events", "--events", is_flag=True, group="Labels", help="Convert the events of a file that has balls too."
)
@option(
    ConvertConfig, "strict", "--strict", is_flag=True, group="Labels", help="Stop at a wrong label instead of leaving it out."
)
@option(ConvertConfig, "video", type=FILE, group="Video", help="The video of the labels. Without it: IN's name, beside IN.")
@plain_option("--size", type=PictureSize(), group="Video", help="Size of the picture, where no video gives it.")
@overwrite_option
@quiet_option
@json_option
def convert(source: Path, output: Path, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any) -> None:
    """Write the labels of IN, of balls or of events, in another format, and say what is lost.

    OUT ends in .csv for ttcli's own format, .json for OpenTTGames, .xml for CVAT; without suffix it is a folder of
    YOLO files.
    """
    with imported_at_once():
        from ttcli.convert import convert as run

    height, width = size or (None, None)
    summary = run(source, output, ConvertConfig(picture_height=height, picture_width=width, **settings))
    for line in summary.problems if not quiet else ():
        tell(f"left out as unknown: {line}")
    lines = [f"  lost: {line}" for line in summary.lost] + [f"  note: {line}" for line in summary.notes]
    show(as_json, summary.as_json(), str(summary), *lines)
