"""`ttcli report`: one page to look at, of one match or of several, that needs neither a network nor a program."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ttcli.configs import ReportConfig
from ttcli.editing.films import write_film
from ttcli.editing.spans import spans_around
from ttcli.errors import OutputError, UsageError
from ttcli.outputs import check_output, complete_file, make_folder
from ttcli.reporting.match_files import MatchContent, MatchFiles, find_files, read_match
from ttcli.reporting.numbers import match_numbers, report_json
from ttcli.reporting.page import report_page
from ttcli.reporting.sections import Film
from ttcli.results.counted import counted
from ttcli.video.probe import probe

BEFORE, AFTER = 1.0, 1.5
"""Seconds that a clip has before and after its rally."""
CLIP_HEIGHT, CLIP_CRF = 360, 28
"""Rows of a clip at most, and its quality as x264 counts it."""


@dataclass(frozen=True)
class ReportSummary:
    """What was written."""

    output: str
    report: dict[str, Any]
    """Every number of the page."""
    clips: int
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """Return the numbers of the page as a dict for JSON."""
        return {"output": self.output, "clips": self.clips, "bytes": self.bytes, **self.report}

    def __str__(self) -> str:
        matches = self.report["matches"]
        rallies = sum(match["found"]["rallies"] for match in matches)
        clips = f", {counted(self.clips, 'clip')}" if self.clips else ""
        found = f"{counted(len(matches), 'match')}, {counted(rallies, 'rally')}{clips}"
        return f"{self.output}: {found}, {self.bytes / 1e6:.2f} MB"


def report(
    matches: Sequence[Path],
    output: Path,
    config: ReportConfig,
    quiet: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> ReportSummary:
    """Write the page and return a summary.

    Args:
        matches: The ball.csv of each match, or its video with the CSV of its name beside it.
        output: The page.
        config: Settings.
        quiet: Show no progress.
        tell: Takes warnings, one line each.

    Raises:
        InputError: A file is missing or cannot be read.
        OutputError: The page or a clip exists, or cannot be written.
        UsageError: Files of one match are named, and there are several.
    """
    named = (config.events, config.rallies, config.strokes, config.video)
    if len(matches) > 1 and any(path is not None for path in named):
        raise UsageError(
            "--events, --rallies, --strokes and --video", "belong to one match", "give one, or let the files lie beside each"
        )
    check_output(output, config.overwrite)
    files = [find_files(match, *named) for match in matches]
    contents = [read_match(each) for each in files]
    numbers = report_json([match_numbers(content) for content in contents])
    films = [_film(content, output, config, number, tell) for number, content in enumerate(contents, 1)]
    title = config.title or (files[0].name if len(files) == 1 else f"{len(files)} matches")
    with complete_file(output, config.overwrite) as temporary:
        temporary.write_text(report_page(numbers, films, title), encoding="utf-8")
    return ReportSummary(str(output), numbers, sum(len(film.clips) for film in films), output.stat().st_size)


def _film(content: MatchContent, output: Path, config: ReportConfig, number: int, tell: Callable[[str], None]) -> Film:
    """Return what the page plays of a match: clips where they are asked for, else the video where it lies."""
    files = content.files
    if files.video is None:
        tell(f"{files.ball}: no video of it is found, so the page plays nothing; name it by --video")
        return Film()
    if not config.with_clips:
        return Film(_as_seen_from(output, files.video))
    return Film(None, _clips(content, files, files.video, output, config, number))


def _clips(
    content: MatchContent, files: MatchFiles, video: Path, output: Path, config: ReportConfig, number: int
) -> dict[int, tuple[str, float]]:
    """Write a small clip of each rally into a folder beside the page, and return them by number."""
    info = probe(video)
    folder = output.with_name(f"{output.stem}_clips")
    spans = spans_around(list(enumerate(content.rallies, 1)), BEFORE, AFTER, info.duration_seconds, apart=True)
    paths = {span.rallies[0][0]: folder / f"{number}_{span.rallies[0][0]:03d}.mp4" for span in spans}
    if folder.is_file():
        raise OutputError(folder, "is a file", "move it away, or give another -o")
    make_folder(folder)
    for path in paths.values():
        check_output(path, config.overwrite)
    share = min(1.0, CLIP_HEIGHT / info.height)
    size = max(2, round(info.height * share / 2) * 2), max(2, round(info.width * share / 2) * 2)
    clips = {}
    for span in spans:
        path = paths[span.rallies[0][0]]
        write_film(path, [span], info, config.overwrite, CLIP_CRF, True, size=size)
        clips[span.rallies[0][0]] = (f"{folder.name}/{path.name}", round(span.start_seconds, 3))
    return clips


def _as_seen_from(output: Path, video: Path) -> str:
    """Return the way from the page to the video, with slashes on every system."""
    try:
        return Path(os.path.relpath(video.resolve(), output.resolve().parent)).as_posix()
    except ValueError:  # on another drive
        return f"file:///{quote(video.resolve().as_posix())}"
