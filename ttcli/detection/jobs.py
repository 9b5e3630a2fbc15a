"""What `detect` is to do: the videos, the CSV that each becomes, and whether all outputs can be written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttcli.configs import DetectConfig
from ttcli.detection.told_tables import told_tables
from ttcli.errors import InputError, OutputError, SettingError
from ttcli.outputs import check_output, make_folder
from ttcli.rendering.table_picture import check_table_picture
from ttcli.results.events import check_threshold
from ttcli.results.manifest import manifest_path, may_write
from ttcli.video.probe import VideoInfo, is_folder, is_image_folder, is_video, probe
from ttcli.video.standard_input import is_spooled


@dataclass(frozen=True)
class Job:
    """One video and the ball.csv that it becomes."""

    video: Path
    output: Path


def find_videos(inputs: Sequence[Path]) -> list[Path]:
    """Return the videos given, a folder's videos in its place, sorted by name; a folder of pictures is a video."""
    videos: list[Path] = []
    for path in inputs:
        if not is_folder(path):
            videos.append(path)
            continue
        inside = sorted(entry for entry in path.iterdir() if is_video(entry))
        if not inside and not is_image_folder(path):
            cure = "give one with files such as .mp4, .mov, .mkv or .avi, or with pictures such as frame_0001.png"
            raise InputError(path, "no video in this folder", cure)
        videos += inside or [path]
    return videos


def plan_jobs(videos: Sequence[Path], output: Path | None, several: bool) -> list[Job]:
    """Return what becomes of each video, and make the folder that several go to."""
    if output is not None and not several:
        return [Job(videos[0], output)]
    if output is None and any(is_spooled(video) for video in videos):
        raise SettingError("-o", "what comes from standard input has no name", "name the CSV, as in -o ball.csv")
    jobs = [Job(video, (video.parent if output is None else output) / f"{video.stem}.csv") for video in videos]
    video_of: dict[Path, Path] = {}
    for job in jobs:
        target = job.output.absolute()
        if target in video_of:
            cure = "rename one of them, or detect them into two folders"
            raise SettingError(job.video, f"would write the same {job.output.name} as {video_of[target]}", cure)
        video_of[target] = job.video
    if output is not None:
        _make_folder(output)
    return jobs


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file", "several videos need a folder: give another name")
    make_folder(folder)


def check_job(job: Job, config: DetectConfig) -> VideoInfo:
    """Return what a video is; raise TtcliError where it cannot be opened or an output cannot be written."""
    info = probe(job.video, config.picture_rate)
    if job.output.exists() and job.output.samefile(job.video):
        raise OutputError(job.output, "is the video itself", "give another name for the output")
    check_output(job.output, config.overwrite)
    may_write(job.output, config.overwrite)
    told_tables(info, config.table)  # what cannot be is refused before an hour of work
    taken = {job.output.absolute(), manifest_path(job.output).absolute()}
    extras = (
        ("shots", config.shots), ("events", config.events), ("rallies", config.rallies), ("strokes", config.strokes),
        ("table-picture", config.table_picture),
    )  # fmt: skip
    for name, extra in extras:
        if extra is None:
            continue
        if extra.absolute() in taken:
            raise SettingError(f"--{name}", "is the same file as another output", "give another name")
        taken.add(extra.absolute())
        if extra.exists() and extra.samefile(job.video):
            raise OutputError(extra, "is the video itself", f"give another name for the {name}")
        check_output(extra, config.overwrite)
    return info


def check_findings(videos: Iterable[Path], others: Iterable[Path | None], config: DetectConfig) -> None:
    """Raise TtcliError now where the events, the rallies or the strokes of a detection could not be written.

    Args:
        videos: The videos of the detection.
        others: What else will be written.
        config: Settings of the detection.
    """
    videos, taken = list(videos), [other.absolute() for other in others if other is not None]
    cures = (
        ("--events", config.events, "detect first, then `ttcli spot` each ball.csv"),
        ("--rallies", config.rallies, "detect first, then `ttcli rallies` each ball.csv"),
        ("--strokes", config.strokes, "detect first, then `ttcli strokes` each ball.csv"),
        ("--table-picture", config.table_picture, "detect the videos one by one, or `ttcli probe --table-picture` each"),
    )
    if config.table_picture is not None:
        check_table_picture(config.table_picture)
    for name, path, cure in cures:
        if path is None:
            continue
        if len(videos) != 1 or (videos[0].is_dir() and not is_image_folder(videos[0])):
            raise SettingError(name, "is for one video", cure)
        if path.absolute() in (*taken, videos[0].absolute()):
            raise SettingError(name, "is the same file as another one", "give another name to one of them")
        check_threshold(config.event_threshold)
        check_output(path, config.overwrite)
        taken.append(path.absolute())
