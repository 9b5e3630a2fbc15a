"""One frozen dataclass for each command: its settings, and the one home of each default."""

from dataclasses import dataclass
from pathlib import Path

DEVICES = ("auto", "cpu", "cuda")
"""What a network may run on; torch knows further ones."""
PRECISIONS = ("auto", "int8", "bf16", "fp32")
"""What a network may compute in."""
TRAINING_PRECISIONS = ("auto", "bf16", "fp16", "fp32")
"""What a network may be trained in."""


@dataclass(frozen=True)
class DetectConfig:
    """Settings of `ttcli detect`."""

    weights: Path | None = None
    """Checkpoint to use, or the name of one in the package; its default if None."""
    threshold: float = 0.5
    """Smallest confidence in [0, 1] at which a position counts as seen."""
    step: int | str | None = None
    """Frames from one window to the next, 1 to the window's size; the window's size is fastest. None shows each
    frame once, and again, with windows 3 frames apart, where that leaves doubt. With "auto" it is the smallest with
    which the network keeps pace with the decoder here, so that rows depend on the machine."""
    stride: int | None = None
    """Frames between two neighbours in a window; None chooses by frame rate."""
    threads: int | None = None
    """Threads in which windows go through the network on the processor; None takes one for each core. An exported
    network shares its threads; there None takes half of the cores."""
    device: str = "auto"
    """auto, cpu or cuda."""
    precision: str = "auto"
    """auto, int8, bf16 or fp32; auto takes the first of them in which the processor multiplies quickly, int8 only for a
    network whose checkpoint holds its ranges."""
    runtime: str = "auto"
    """auto, torch, onnx or openvino: what runs the network. auto takes ONNX Runtime for an .onnx file, else torch."""
    batch: int = 4
    """Windows that go through the network together on a GPU; on the processor each goes alone, beside others."""
    link: bool = True
    """Decide between a frame's candidates by the frames around it; else each frame by itself."""
    fit_ball: bool = True
    """Look at the video first, and show the network a smaller picture where its ball is large."""
    refine: bool = True
    """Let the second stage check the candidates of the package's first network, at about the video's own
    resolution."""
    steady: bool = True
    """Align the frames of a window where the camera moves."""
    fill: int = 0
    """Frames without the ball, at most, that are filled where one flight leads from what is seen before to what is seen after."""
    picture_rate: float = 25.0
    """Frames per second of a folder of pictures, which does not say its own."""
    shots: Path | None = None
    """CSV to write the shots of the video to; None writes none."""
    ray: str | None = None
    """Address of a Ray cluster, or `local`, for a process for each video; None detects one after another in this one."""
    chunk_minutes: float = 10.0
    """With `ray`: a longer video is split into chunks of about this many minutes; 0 keeps videos whole."""
    events: Path | None = None
    """CSV to write bounces and net crossings to; None writes none."""
    event_threshold: float = 0.5
    """Smallest confidence, above 0 and at most 1, at which an event is written."""
    rallies: Path | None = None
    """CSV to write the rallies to; None writes none. With rallies, ball.csv has a column that says which frames are
    in play, and events outside are left out."""
    all_events: bool = False
    """With `rallies`: write the events outside of them too."""
    strokes: Path | None = None
    """CSV to write the strokes to, only those in rallies where there are any; None writes none."""
    table: str | None = None
    """Where the table is: corners as "x,y x,y x,y x,y", or the name of a table.json; None has it looked for."""
    table_picture: Path | None = None
    """Picture to write with the tables drawn that were found or told; None writes none."""
    overwrite: bool = False
    """Replace outputs that exist."""


@dataclass(frozen=True)
class PathConfig:
    """What is to be known of a path that is a file already."""

    video: Path | None = None
    """The video that the path belongs to; None looks for one of the path's name beside it."""
    picture_height: int | None = None
    """Height of the video's picture in pixels; None asks the video."""
    picture_width: int | None = None
    """Width of the video's picture in pixels; None asks the video."""
    frame_rate: float | None = None
    """Frames per second, for a path without `time_s`."""
    shots: Path | None = None
    """The shots.csv of the path's video: no event is looked for across a cut. None takes the path for one shot."""
    table: str | None = None
    """Where the table is, as of `ttcli detect`; None takes what the manifest beside the path says."""
    overwrite: bool = False
    """Replace an output that exists."""


@dataclass(frozen=True)
class SpotConfig(PathConfig):
    """Settings of `ttcli spot`, and of the events of `ttcli detect`."""

    weights: Path | None = None
    """Spotter to use; the one in the package if None."""
    threshold: float = 0.5
    """Smallest confidence, above 0 and at most 1, at which an event is written."""


@dataclass(frozen=True)
class RalliesConfig(PathConfig):
    """Settings of `ttcli rallies`."""

    events: Path | None = None
    """The events.csv of the path; None has them spotted."""
    threshold: float = 0.5
    """Smallest confidence, above 0 and at most 1, at which a rally is written."""


@dataclass(frozen=True)
class StrokesConfig(PathConfig):
    """Settings of `ttcli strokes`."""

    events: Path | None = None
    """The events.csv of the path; None has them spotted."""
    threshold: float = 0.5
    """Smallest confidence, above 0 and at most 1, of a rally whose strokes are written."""
    picture: Path | None = None
    """Picture to draw the flights into, from above and from the side; None draws none."""


@dataclass(frozen=True)
class TrimConfig:
    """Settings of `ttcli trim`."""

    rallies: Path | None = None
    """The rallies.csv; None looks for the video's name with .rallies.csv beside it."""
    before: float = 1.0
    """Seconds that are kept before each rally."""
    after: float = 1.0
    """Seconds that are kept after it."""
    longest: int | None = None
    """Keep so many rallies, those that take the longest; None keeps all."""
    min_strokes: int | None = None
    """Keep rallies of so many strokes or more; None keeps all."""
    copy: bool = False
    """Cut at keyframes without encoding again: without loss, with some seconds more before and after."""
    crf: int = 20
    """x264 quality: 0 lossless, 23 usual, larger is smaller and worse."""
    audio: bool = True
    """Keep the sound of the video."""
    overwrite: bool = False
    """Replace outputs that exist."""


@dataclass(frozen=True)
class RenderConfig:
    """Settings of `ttcli render`."""

    trail_seconds: float = 0.5
    """How long the ball's trail stays on the picture, in seconds."""
    scale: float = 1.0
    """Size of the overlay relative to the video, above 0 and at most 1."""
    crf: int = 23
    """x264 quality: 0 lossless, 23 usual, larger is smaller and worse."""
    start: str | None = None
    """Where the overlay begins: seconds as in 12.5, or a frame as in 300f; None begins with the video."""
    end: str | None = None
    """Where it ends, in the same way; that frame is the last. None ends with the video."""
    audio: bool = True
    """Copy the sound of the video; slow motion and GIFs have none."""
    zoom: float | None = None
    """How many times larger an inset shows the surroundings of the ball; None for no inset."""
    speed: bool = False
    """Show the ball's speed beside the clock, in pixels of the video a second."""
    table_map: bool = False
    """Show in a corner where on the table the ball bounced; needs events with places on the table."""
    slow: float | None = None
    """How many times slower the surroundings of bounces and net crossings are shown; None for no slow motion."""
    encoder: str = "auto"
    """What encodes the video: a key of `video.writer.ENCODERS`; auto takes x264, or what is there instead."""
    picture_rate: float = 25.0
    """Frames per second of a folder of pictures, which does not say its own."""
    overwrite: bool = False
    """Replace an output that exists."""


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of `ttcli evaluate`."""

    picture_height: int | None = None
    """Height of the video's picture in pixels; None looks for the video beside the files."""
    picture_width: int | None = None
    """Width of the video's picture in pixels; None looks for the video beside the files."""
    bootstrap: int = 1000
    """Resamplings behind each 95 % interval; 0 leaves the intervals out."""
    frame_rate: float | None = None
    """Frames per second, which turn tolerances of events into time; None asks the predicted events or the video."""


@dataclass(frozen=True)
class SimulateConfig:
    """Settings of `ttcli simulate`."""

    rallies: int = 5
    """How many rallies, each a video of its own."""
    match: float | None = None
    """Minutes of one whole match, with its pauses, instead of single rallies; None draws rallies."""
    seed: int = 0
    """The same seed gives the same bytes."""
    part: str = "training"
    """training or test: the part of the OpenTTGames layout that the videos belong to."""
    camera: str = "any"
    """side, end, corner, broadcast, top, or any."""
    frame_rate: float | None = None
    """Frames per second; None draws one per rally from what people use."""
    height: int = 1080
    """Height of the picture in pixels."""
    width: int = 1920
    """Width of the picture in pixels."""
    frames: int | None = None
    """Frames of each video at most; None shows the whole rally or match."""
    crf: int = 20
    """x264 quality of the videos."""
    jobs: int = 1
    """Processes that draw at the same time, each a video or a piece of the match; the bytes stay the same."""
    device: str = "auto"
    """auto, cpu or cuda."""
    overwrite: bool = False
    """Write into a folder that is not empty."""


@dataclass(frozen=True)
class ExtractConfig:
    """Settings of `ttcli extract`."""

    events: tuple[str, ...] | None = ("all",)
    """Names of the events whose surroundings are kept, `all` for every one; None keeps every labelled window."""
    before: int = 4
    """Frames before an event that belong to it, as OpenTTGames labels them."""
    after: int = 12
    """Frames after an event that belong to it, as OpenTTGames labels them."""
    far: int = 0
    """Windows of each video to add that lie away from every event."""
    window_size: int = 9
    """Frames in a window."""
    stride: int = 1
    """Frames between two neighbours in a window."""
    height: int | None = None
    """Height of the stored pictures in pixels; None stores them as `detect` sees them."""
    width: int | None = None
    """Width of the stored pictures in pixels."""
    keep_native: bool = False
    """Store crops around the ball at the video's own resolution too."""
    limit: int | None = None
    """Most windows of each video; None keeps all."""
    validation: float = 0.2
    """Share of the videos, or of the rallies of one, that is for validation."""
    split: str = "auto"
    """game, rally, or auto: by game where there are two or more."""
    frame_offset: int = 0
    """Frames by which labels are moved: 1 where they count from 1."""
    label_format: str | None = None
    """Key of the labels' format; found by the content if None."""
    strict: bool = False
    """Stop at the first label that is wrong, instead of leaving it out."""
    dry_run: bool = False
    """Only count, without opening a video."""
    jobs: int = 1
    """Videos that are worked on at the same time."""
    seed: int = 0
    """Seed of the choice among windows."""
    overwrite: bool = False
    """Extract clips again that are in the set."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of `ttcli train`."""

    model: str = "centernet_v8n"
    """Name in the registry of networks."""
    window_size: int = 9
    """Frames in a window: 1, 3, 5 or 9."""
    outputs: str = "all"
    """Frames of the window that the network predicts: all, center or last."""
    neck: str = "pan"
    """pan or asff, of a YOLOv8 network."""
    background: str = "median"
    """median or none: whether the network is given, beside the colours, each frame's difference to the background, which
    is the median of the window; so it is there when detecting too, without looking ahead."""
    activation: str | None = None
    """silu or relu, of the decoder after an EfficientNet; None takes silu there."""
    pretrained: bool = False
    """Begin with ImageNet weights in the encoder, where it has some."""
    event_head: bool = False
    """Predict bounces and net crossings too, from what the network sees; so does a network that `init` brings."""
    freeze_ball: bool = False
    """Train the event head alone: the network goes on finding the ball exactly as it does."""
    minutes: float | None = None
    """Wall time to train for; None trains for `steps`."""
    steps: int = 20_000
    """Optimiser steps to train for, over all processes."""
    batch: int = 12
    """Windows per step and process, a multiple of `reuse`."""
    crop_height: int = 128
    """Height of the crops in working pixels, a multiple of 32."""
    crop_width: int = 192
    """Width of the crops in working pixels, a multiple of 32."""
    whole_every: int | None = None
    """Every so many steps the network learns from whole pictures instead of crops, about as many pixels; 0 never does.
    None is 4 for an extracted set whose pictures are larger than the crops, and 0 for drawn windows."""
    second_stage: bool = False
    """Train for the second stage of `detect`: on windows around a candidate, cropped from pictures twice as wide
    and high."""
    learning_rate: float = 1.5e-3
    """Peak learning rate of AdamW, reached after `warmup` steps."""
    schedule: str = "cosine"
    """cosine, plateau, steps or constant: how the learning rate goes after the warm-up."""
    drop_at: float = 0.67
    """Part of the run after which the schedule `steps` takes a tenth of the rate."""
    warmup: int = 200
    """Steps from a learning rate of zero to its peak."""
    weight_decay: float = 1e-4
    """Weight decay of AdamW."""
    gradient_norm: float = 5.0
    """Longest gradient that is followed; hourglass networks diverged without such a bound."""
    average: float = 0.998
    """Each step moves the averaged weights, which are what is saved, by 1 - this towards the trained ones."""
    target: str = "gaussian"
    """gaussian or disk: the shape of a ball in the heatmap that is learned."""
    radius: float | None = None
    """Sigma of a Gaussian in cells of 4 px, or radius of a disk in working pixels; None takes 1 and 5."""
    positive_weight: float = 2.0
    """How much more the cells that hold a ball count in the loss."""
    augment: str = "auto"
    """all, few or none: changes of windows by chance. auto takes all for extracted sets, few for drawn windows, which
    vary already, and none for a limited number of samples."""
    mask_ball: float = 0.2
    """Probability that the ball is painted over in all of a window, with `augment` all."""
    paste_ball: float = 0.3
    """Probability that a ball is put into a window without one, with `augment` all."""
    reuse: int = 3
    """How often each window is used, with other flips and colours each time."""
    pool: int | None = None
    """Windows that each process keeps on the device, to use them again; None keeps the last 2 * `reuse` batches."""
    workers: int = 0
    """Processes that make windows, on the processor, for each that trains; 0 makes them in a thread, on the device."""
    limit_samples: int | None = None
    """Train on so many windows only, and validate on the same: a check that the network can learn them."""
    cache_memory: int = 2 * 10**9
    """Bytes of memory for decoded pictures of an extracted set, over all processes."""
    devices: int = 1
    """Processes that train together (DDP); under torchrun, what it started counts."""
    device: str = "auto"
    """auto, cpu or cuda."""
    precision: str = "auto"
    """auto, bf16, fp16 or fp32; auto takes bf16 where the device multiplies in it."""
    seed: int = 0
    """Seed of weights and windows."""
    init: Path | None = None
    """Checkpoint to start the weights from; `default` and `fast` are those in the package."""
    save_every: int = 200
    """Steps between two validations, after which checkpoints and the state of the run are saved."""
    early_stop: int | None = None
    """Validations in a row without a better score after which the run ends; None ends at `steps` or `minutes`."""
    calibrate: bool = True
    """Fit confidence on whole pictures at the end, which takes minutes; else it stays as fitted on the crops of validation."""
    films: Path | None = None
    """Folder in which the films that drawn windows are calibrated with are kept for the next run, 120 MB; None draws them anew
    each time."""
    resume: bool = False
    """Go on with the run in the folder."""
    overwrite: bool = False
    """Start anew in a run folder that is not empty."""


@dataclass(frozen=True)
class ConvertConfig:
    """Settings of `ttcli convert`."""

    source_format: str | None = None
    """Key of the format that is read; found by the content if None."""
    target_format: str | None = None
    """Key of the format that is written; chosen by the output's suffix if None."""
    picture_height: int | None = None
    """Height of the video's picture in pixels; None looks for the video beside the labels."""
    picture_width: int | None = None
    """Width of the video's picture in pixels; None looks for the video beside the labels."""
    video: Path | None = None
    """The video that the labels belong to; None looks for one of the labels' name beside them."""
    events: bool = False
    """Convert the events of a file that holds balls too."""
    strict: bool = False
    """Stop at the first label that is wrong, instead of leaving it out as unknown."""
    overwrite: bool = False
    """Replace an output that exists."""


@dataclass(frozen=True)
class ModelsConfig:
    """Settings of `ttcli models`."""

    height: int = 288
    """Height of the picture that cost and time are stated for, a multiple of 32; by default what a network sees of a
    16:9 video."""
    width: int = 512
    """Width of that picture."""
    timed: bool = False
    """Run each network for the time that it takes here."""


@dataclass(frozen=True)
class ExportConfig:
    """Settings of `ttcli export`."""

    weights: Path | None = None
    """Checkpoint to export, or the name of one in the package; its default if None."""
    height: int | None = None
    """Height of the pictures that the file is for, a multiple of 32: those that the network sees, not the video's. With
    `width`, or both None for the size at which `detect` sees `video`, or without one a video of 1920x1080."""
    width: int | None = None
    """Width of the pictures that the file is for."""
    video: Path | None = None
    """Video whose windows the comparison with torch is made on; drawn ones if None."""
    overwrite: bool = False
    """Replace an output that exists."""


@dataclass(frozen=True)
class ProbeConfig:
    """Settings of `ttcli probe`."""

    samples: int = 6
    """Spans of some 1.2 seconds that are looked at, spread over the video."""
    picture_rate: float = 25.0
    """Frames per second of a folder of pictures, which does not say its own."""
    weights: Path | None = None
    """Checkpoint to look for the ball with, or the name of one in the package; its default if None."""
    device: str = "auto"
    """auto, cpu or cuda."""
    precision: str = "auto"
    """auto, bf16 or fp32."""
    table: str | None = None
    """Where the table is, to be drawn: as of `ttcli detect`; None has it looked for."""
    table_picture: Path | None = None
    """Picture to write with the tables drawn; None writes none, and looks for none."""
    overwrite: bool = False
    """Replace a picture that exists."""


@dataclass(frozen=True)
class VerifyConfig:
    """Settings of `ttcli verify`."""

    video: Path | None = None
    """The video; None looks for it where it was when the CSV was written, and beside the CSV."""
    weights: Path | None = None
    """The checkpoint, or the name of one in the package; None looks for it in the same way."""


@dataclass(frozen=True)
class ReportConfig:
    """Settings of `ttcli report`."""

    events: Path | None = None
    """The events.csv of a single match; None takes the one beside the ball.csv, if there is one."""
    rallies: Path | None = None
    """The rallies.csv, in the same way."""
    strokes: Path | None = None
    """The strokes.csv, in the same way."""
    video: Path | None = None
    """The video; None takes the one that the manifest names, or one of the CSV's name beside it."""
    title: str | None = None
    """Title of the page; the match's name if None."""
    with_clips: bool = False
    """Write a small clip of each rally into a folder beside the page, and play these instead of the video."""
    overwrite: bool = False
    """Replace a page and clips that exist."""


@dataclass(frozen=True)
class ReviewConfig:
    """Settings of `ttcli review`."""

    events: Path | None = None
    """The events.csv; None takes the one beside the ball.csv, if there is one."""
    rallies: Path | None = None
    """The rallies.csv, in the same way."""
    corrections: Path | None = None
    """Where decisions are appended; None takes match.corrections.jsonl beside match.mp4."""
    port: int = 0
    """On which the page is served; 0 takes one that is free."""
    open_page: bool = True
    """Open the page in a browser."""
    picture_rate: float = 25.0
    """Frames per second of a folder of pictures, which does not say its own."""
    overwrite: bool = False
    """With --apply: replace outputs that exist."""


@dataclass(frozen=True)
class BenchConfig:
    """Settings of `ttcli bench`."""

    rounds: int = 5
    """How often each part is timed; the median counts."""
    seconds: float = 3.0
    """Seconds for each part in a round."""
    weights: Path | None = None
    """Checkpoint to use, or the name of one in the package; its default if None."""
    device: str = "auto"
    """auto, cpu or cuda."""
    precision: str = "auto"
    """auto, bf16 or fp32."""
    step: int | None = None
    """Frames from one window to the next, as `detect` takes them; None looks again where there is doubt."""
    batch: int = 4
    """Windows that go through the network together on a GPU."""
