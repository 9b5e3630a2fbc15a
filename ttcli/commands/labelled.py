"""What is done with labels: measuring against them, making them, turning them into a training set."""

from pathlib import Path
from typing import Any

import click

from ttcli.commands.options import (
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
    command,
    example,
    json_option,
    option,
    overwrite_option,
    quiet_option,
    show,
    show_summary,
    tell,
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
@click.option("--size", type=PictureSize(), help="Size of the picture, where no video lies beside the files.")
@option(
    EvaluateConfig, "frame_rate", "--fps", type=FRAME_RATES,
    help="Frames per second, for events; else as the files or the video tell.",
)  # fmt: skip
@option(EvaluateConfig, "bootstrap", type=WholeNumber(0, 100_000), help="Resamplings behind each 95 % interval; 0: none.")
@quiet_option
@json_option
def evaluate(predicted: Path, truth: Path, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any) -> None:
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


@command(
    epilog=example(
        "ttcli simulate -o simulated/ --rallies 20 --camera side --size 1280x720",
        "ttcli simulate -o match/ --match 10 --camera broadcast --size 1280x720 --jobs 2",
    )
)
@click.option("-o", "--output", required=True, type=OUTPUT, help="Folder for videos and labels.")
@option(SimulateConfig, "rallies", type=WholeNumber(1, 100_000), help="How many rallies, each a video of its own.")
@option(SimulateConfig, "match", metavar="MINUTES", type=Number(0.25, 60), help="One whole match with its pauses instead.")
@option(SimulateConfig, "seed", type=SEEDS, help="The same seed gives the same bytes.")
@option(SimulateConfig, "part", type=click.Choice(["training", "test"]), help="Part of the layout to write.")
@option(SimulateConfig, "camera", type=CAMERAS, help="Where the camera stands.")
@option(SimulateConfig, "frame_rate", "--fps", type=Number(1, 1000), help="Frames per second; else drawn.")
@click.option(
    "--size", type=PictureSize(), default=(SimulateConfig.height, SimulateConfig.width),
    show_default=f"{SimulateConfig.width}x{SimulateConfig.height}", help="Size of the picture.",
)  # fmt: skip
@option(SimulateConfig, "frames", type=COUNTS, help="Frames of each video at most; else the whole story.")
@option(SimulateConfig, "crf", type=WholeNumber(0, 51), help="x264 quality of the videos: larger is worse.")
@option(SimulateConfig, "jobs", type=JOBS, help="Processes that draw at the same time.")
@option(SimulateConfig, "device", type=DEVICES, help="Where pictures are drawn.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@quiet_option
@json_option
def simulate(output: Path, size: tuple[int, int], quiet: bool, as_json: bool, **settings: Any) -> None:
    """Make videos of rallies that never happened, with exact labels."""
    from ttcli.simulate import simulate as run

    height, width = size
    show_summary(run(output, SimulateConfig(height=height, width=width, **settings), quiet), as_json)


@command(
    epilog=example(
        "ttcli extract --events bounce,net",
        "ttcli extract OpenTTGames/ -o set --events bounce,net --far 200 --contact-sheet set.jpg",
        "ttcli extract match.mp4 --labels ball.xml --no-events -o set",
    )
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=FILE)
@click.option("-o", "--output", type=OUTPUT, default=Path("extracted"), show_default=True, help="Folder of the set.")
@click.option("--labels", "balls", type=FILE, help="Labels of the ball (one video only); else those beside it.")
@click.option("--event-labels", type=FILE, help="Labels of events (one video only); else those beside it.")
@click.option("--events", metavar="NAMES", default="all", show_default=True, help="Events to keep, as in bounce,net.")
@click.option("--no-events", is_flag=True, help="Keep every labelled window, near an event or not.")
@option(ExtractConfig, "before", type=WholeNumber(0, 100_000), help="Frames before an event that belong to it.")
@option(ExtractConfig, "after", type=WholeNumber(0, 100_000), help="Frames after an event that belong to it.")
@option(ExtractConfig, "far", type=ANY_COUNTS, help="Windows of each video to add that lie away from events.")
@option(ExtractConfig, "window_size", "--window", type=WINDOWS, help="Frames in a window: 1, 3, 5 or 9.")
@option(ExtractConfig, "stride", type=STRIDES, help="Frames between neighbours in a window.")
@click.option("--size", type=PictureSize(), help="Size of the stored pictures; else that at which `detect` sees them.")
@option(ExtractConfig, "keep_native", "--keep-native", is_flag=True, help="Store the ball at the video's size too.")
@option(ExtractConfig, "limit", type=COUNTS, help="Most windows of each video.")
@option(ExtractConfig, "validation", type=Number(0, 1, most_open=True), help="Share for validation.")
@option(ExtractConfig, "split", type=click.Choice(["auto", "game", "rally"]), help="What is never split.")
@option(ExtractConfig, "frame_offset", type=WholeNumber(-1_000_000, 1_000_000), help="Frames to add to those of the labels.")
@option(ExtractConfig, "label_format", "--format", type=LABEL_FORMATS, help="Format of the ball labels.")
@option(ExtractConfig, "strict", "--strict", is_flag=True, help="Stop at a wrong label instead of leaving it out.")
@option(ExtractConfig, "dry_run", "--dry-run", is_flag=True, help="Only count; no video is needed.")
@option(ExtractConfig, "jobs", type=JOBS, help="Videos that are worked on at the same time.")
@option(ExtractConfig, "seed", type=SEEDS, help="Of the choice of --far and --limit.")
@click.option("--contact-sheet", type=OUTPUT, help="Also write a JPEG of some windows with their labels, anew each time.")
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
    from ttcli.extract import extract as run
    from ttcli.training_set.contact_sheet import check_contact_sheet, write_contact_sheet

    names = None if no_events else tuple(name.strip() for name in events.split(",") if name.strip())
    height, width = size or (None, None)
    config = ExtractConfig(events=names, height=height, width=width, **settings)
    if contact_sheet is not None:
        check_contact_sheet(contact_sheet, config.dry_run)
    report = run(sources or (Path(),), output, config, balls, event_labels, quiet, tell)
    for line in (*report.left_out, *(f"not used: {line}" for line in report.problems)) if not quiet else ():
        tell(line)
    if contact_sheet is not None:
        write_contact_sheet(contact_sheet, output, config.seed)
    show(as_json, report.as_json(), report.as_table(), str(report))


@command(
    epilog=example("ttcli convert ball.csv ball.xml --video match.mp4", "ttcli convert ball_markup.json labels/ --to yolo")
)
@click.argument("source", metavar="IN", type=FILE)
@click.argument("output", metavar="OUT", type=OUTPUT)
@option(ConvertConfig, "source_format", "--from", type=LABEL_FORMATS, help="Format of IN; else found by its content.")
@option(ConvertConfig, "target_format", "--to", type=LABEL_FORMATS, help="Format of OUT; else by its suffix.")
@click.option("--size", type=PictureSize(), help="Size of the picture, where no video tells it.")
@option(ConvertConfig, "video", type=FILE, help="The video of the labels; else one of IN's name beside it.")
@option(ConvertConfig, "events", "--events", is_flag=True, help="Convert the events of a file that has balls too.")
@option(ConvertConfig, "strict", "--strict", is_flag=True, help="Stop at a wrong label instead of leaving it out.")
@overwrite_option
@quiet_option
@json_option
def convert(source: Path, output: Path, size: tuple[int, int] | None, quiet: bool, as_json: bool, **settings: Any) -> None:
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
