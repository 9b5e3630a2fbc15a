"""`ttcli trim`: a video without its dead time, clips of its rallies, and lists of them for players and editors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ttcli.configs import TrimConfig
from ttcli.editing.films import write_film
from ttcli.editing.lists import LISTS
from ttcli.editing.spans import Span, chosen_rallies, spans_around
from ttcli.editing.timelines import ADAPTERS, check_timelines, timeline_ending, write_timeline
from ttcli.errors import InputError, OutputError, SettingError
from ttcli.outputs import check_output, make_folder
from ttcli.results.beside import named_after
from ttcli.results.counted import counted
from ttcli.results.rallies import read_rallies_csv
from ttcli.video.joining import copy_parts
from ttcli.video.probe import VideoInfo, probe
from ttcli.video.standard_input import check_named, shown_name
from ttcli.video.writer import FORMATS


@dataclass(frozen=True)
class TrimSummary:
    """What was written of one video."""

    video: str
    outputs: list[str]
    rallies: int
    kept_seconds: float
    of_seconds: float | None
    """Length of the video; None where it does not say."""
    frames: int
    """Frames of the films that were encoded."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        whole = "" if self.of_seconds is None else f" of {self.of_seconds:.0f} s"
        files = ", ".join(self.outputs[:3]) + (f" and {len(self.outputs) - 3} more" if len(self.outputs) > 3 else "")
        return f"{self.video} -> {files}: {counted(self.rallies, 'rally')}, {self.kept_seconds:.0f} s kept{whole}"


def trim(video: Path, outputs: Sequence[Path], clips: Path | None, config: TrimConfig, quiet: bool = False) -> TrimSummary:
    """Write films and lists of the rallies of a video, and return a summary.

    Args:
        video: The video.
        outputs: A film or a list each, by the ending of its name; `default_output` if there are neither these nor clips.
        clips: A folder for a film of each rally; None writes none.
        config: Settings.
        quiet: Show no progress.

    Raises:
        InputError: The video or the rallies are missing or cannot be read, or no rally is wanted.
        OutputError: An output exists or cannot be written.
        SettingError: An ending says nothing, or a setting is out of its range.
    """
    outputs = list(outputs) or ([] if clips is not None else [default_output(video)])
    info = probe(video)
    if config.rallies is None:
        check_named(video, "--rallies", "name the rallies, as in --rallies rallies.csv")
    listed = named_after(video, "rallies") if config.rallies is None else config.rallies
    _check(info, outputs, listed, config)
    every = read_rallies_csv(listed)
    if not every:
        raise InputError(listed, "holds no rally", "a rally needs bounces on both halves and the net crossing between")
    rallies = chosen_rallies(every, config.longest, config.min_strokes)
    if not rallies:
        raise InputError(listed, "holds no rally that is wanted", "give other --longest or --min-strokes, or another video")
    around = config.before, config.after, info.duration_seconds
    spans, each = spans_around(rallies, *around), spans_around(rallies, *around, apart=True)
    if not spans:
        raise InputError(
            listed, f"has no rally within the {info.duration_seconds:.1f} s of {video}", "give the one of this video"
        )
    films = {path: spans for path in outputs if path.suffix.lower() in FORMATS}
    if clips is not None:
        films |= {clips / f"{video.stem}_rally_{span.rallies[0][0]:03d}.mp4": [span] for span in each}
        make_folder(clips)
        for path in films:
            check_output(path, config.overwrite)
    for path in outputs:
        if path not in films:
            _write_list(path, spans, info, config)
    frames = 0
    total = round(sum(span.seconds for parts in films.values() for span in parts), 1)
    with tqdm(total=total, desc=video.name, unit=" s", disable=True if quiet or not films else None) as bar:
        done = 0.0
        for path, parts in films.items():
            frames += _write_film(path, parts, info, config, bar, done)
            done += sum(span.seconds for span in parts)
    kept = sum(span.seconds for span in spans)
    names = [str(path) for path in (*outputs, *(path for path in films if path not in outputs))]
    return TrimSummary(shown_name(video), names, len(rallies), round(kept, 3), info.duration_seconds, frames)


def default_output(video: Path) -> Path:
    """Return where the film goes unless told otherwise: match.rallies.mp4 beside match.mov.

    Raises:
        SettingError: The video is from standard input, and has no place.
    """
    check_named(video, "-o", "name the film, as in -o film.mp4")
    return video.with_name(f"{video.stem}.rallies.mp4")


def _check(info: VideoInfo, outputs: Sequence[Path], listed: Path, config: TrimConfig) -> None:
    if info.path.is_dir():
        raise SettingError(info.path, "is a folder of pictures", "give a video file")
    for name, seconds in (("--before", config.before), ("--after", config.after)):
        if not 0 <= seconds <= 3600:
            raise SettingError(name, f"{seconds} is out of range", "give seconds, 0 to 3600")
    taken = {info.path.absolute(), listed.absolute()}
    for path in outputs:
        if path.absolute() in taken:
            raise SettingError("-o", f"{path} is named twice, or is what is read", "give another name")
        taken.add(path.absolute())
        if path.suffix.lower() not in (*FORMATS, *LISTS) and timeline_ending(path) is None:
            known = ", ".join((*FORMATS, *LISTS, *ADAPTERS))
            raise OutputError(path, "its ending names no format", f"end it in one of {known}")
        if timeline_ending(path) is not None:
            check_timelines(path)
        check_output(path, config.overwrite)


def _write_list(path: Path, spans: Sequence[Span], info: VideoInfo, config: TrimConfig) -> None:
    if timeline_ending(path) is not None:
        write_timeline(path, spans, info, config.overwrite)
    else:
        LISTS[path.suffix.lower()](path, spans, info.path, config.overwrite)


def _write_film(path: Path, spans: Sequence[Span], info: VideoInfo, config: TrimConfig, bar: tqdm, done: float) -> int:
    """Write a film, and return how many frames were encoded."""

    def progress(seconds: float) -> None:
        bar.update(max(0.0, round(done + seconds - bar.n, 1)))

    if config.copy:
        copy_parts(info, [(span.start_seconds, span.end_seconds) for span in spans], path, config.overwrite, config.audio)
        progress(sum(span.seconds for span in spans))
        return 0
    return write_film(path, spans, info, config.overwrite, config.crf, config.audio, progress)
