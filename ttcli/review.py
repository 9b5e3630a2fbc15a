"""`ttcli review`: a local page on which doubtful places of a match are put right, and the results with that applied."""

import os
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ttcli.configs import ReviewConfig
from ttcli.errors import InputError, LibraryError, OutputError
from ttcli.results.beside import beside
from ttcli.results.corrections import Corrections, corrections_path, read_corrections
from ttcli.results.events import Event, read_events_csv
from ttcli.results.places import FarPlaces
from ttcli.results.rallies import Rally, read_rallies_csv
from ttcli.reviewing.corrected_files import CorrectedFiles, write_corrected
from ttcli.reviewing.found import Found, read_found
from ttcli.reviewing.match import Match
from ttcli.reviewing.pictures import Pictures
from ttcli.video.probe import VideoInfo, probe
from ttcli.video.standard_input import check_named


@dataclass(frozen=True)
class ReviewSummary:
    """What came of a review."""

    video: str
    ball: str
    corrections: str
    decisions: int
    """Those that stand, of this review and of earlier ones."""
    doubtful: int
    """Places that are doubtful still."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.video}: {self.decisions:,} decisions in {self.corrections}, {self.doubtful:,} places doubtful still"


def review(
    video: Path,
    ball: Path | None,
    config: ReviewConfig,
    tell: Callable[[str], None] = lambda line: None,
    opened: Callable[[str], None] = lambda address: None,
) -> ReviewSummary:
    """Serve the page of a match until Ctrl-C, and return a summary.

    Args:
        video: The match.
        ball: Its ball.csv; the CSV of its name beside it if None.
        config: Settings.
        tell: Takes warnings, one line each.
        opened: Takes the address when the page can be opened.

    Raises:
        InputError: A file is missing or cannot be read, or is of another video.
        LibraryError: The libraries of the page are not installed.
        OutputError: The corrections cannot be written, another review is going on, or the port is taken.
    """
    try:
        from ttcli.reviewing.server import ReviewServer
    except ImportError as error:
        cure = "install them: pip install '.[review]'"
        raise LibraryError("ttcli review", f"{error.name} is not installed", cure, error.name or "") from error
    found = found_of(video, ball, config, tell)
    match = Match(found, _corrections(video, config), tell)
    match.check_in_background()
    pictures = Pictures(found.info, match.frame_count, match.times)
    try:
        with _listening(ReviewServer, match, pictures, config) as server:
            opened(server.address)
            if config.open_page and _has_screen():
                webbrowser.open(server.address)
            with suppress(KeyboardInterrupt):
                server.wait()
    finally:
        pictures.close()
        match.log.close()
    standing = len(match.log.corrections.standing())
    return ReviewSummary(str(video), str(found.ball), str(match.log.path), standing, match.queue.how_many())


def _has_screen() -> bool:
    """Return whether a browser has somewhere to show itself; else one of the terminal might take its place."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def apply_corrections(
    video: Path, ball: Path | None, output: Path | None, config: ReviewConfig, tell: Callable[[str], None] = lambda line: None
) -> CorrectedFiles:
    """Write what was found with the corrections applied, and return a summary.

    Args:
        video: The match.
        ball: Its ball.csv; the CSV of its name beside it if None.
        output: The corrected CSV; events and rallies go beside it, under its name.
        config: Settings.
        tell: Takes warnings, one line each.

    Raises:
        InputError: A file is missing or cannot be read, or is of another video, or there are no corrections.
        OutputError: An output exists or cannot be written.
    """
    path = _corrections(video, config)
    if not path.is_file():
        raise InputError(path, "does not exist", "correct something first, or name the file by --corrections")
    corrections = read_corrections(path)
    if corrections.torn:
        tell(f"{path}: the last decision was truncated while it was written, and does not count")
    found = found_of(video, ball, config, tell)
    _check_same_video(found, corrections, path)
    if output is None:
        output = found.ball.with_name(f"{found.ball.stem}.corrected.csv")
    return write_corrected(found, corrections, path, output, config.overwrite, tell)


def _check_same_video(found: Found, corrections: Corrections, path: Path) -> None:
    """Raise InputError where corrections are of another video than what was found."""
    of, here = corrections.header.get("video"), (found.manifest or {}).get("video", {})
    if isinstance(of, dict) and of.get("sha256") and here.get("sha256") and of["sha256"] != here["sha256"]:
        fact = f"are corrections of another video ({str(of.get('name'))[:80]}) than {found.ball}"
        raise InputError(path, fact, "give another --corrections, or the CSV of that video")


def found_of(video: Path, ball: Path | None, config: ReviewConfig, tell: Callable[[str], None]) -> Found:
    """Return what was found of a match, by the files that are named or lie beside each other."""
    check_named(video, "MATCH", "give a file")
    info = probe(video, config.picture_rate)
    path = video.with_suffix(".csv") if ball is None else ball
    if not path.is_file():
        made = "make it by `ttcli detect`" if ball is None else "check the name"
        raise InputError(path, "does not exist", f"{made}, or name the CSV behind the video" if ball is None else made)
    events, rallies = _lists(path, info, config, tell)
    return read_found(info, path, events, rallies, tell)


def _lists(ball: Path, info: VideoInfo, config: ReviewConfig, tell: Callable[[str], None]) -> tuple[list[Event], list[Rally]]:
    """Return events and rallies, as far as they are there."""
    events_csv, rallies_csv = config.events or beside(ball, "events"), config.rallies or beside(ball, "rallies")
    far = FarPlaces(info.height, info.width)
    events = [] if events_csv is None else read_events_csv(events_csv, far)
    if events_csv is not None and (line := far.line(events_csv)):
        tell(line)
    return events, [] if rallies_csv is None else read_rallies_csv(rallies_csv)


def _corrections(video: Path, config: ReviewConfig) -> Path:
    return config.corrections or corrections_path(video)


def _listening(server: Callable, match: Match, pictures: Pictures, config: ReviewConfig) -> Any:
    """Return the server, which listens already; a port that is taken is told of."""
    from ttcli.reviewing.candidates import Candidates

    try:
        return server(match, pictures, Candidates(match.info, match.times), config.port)
    except OSError as error:
        fact = f"port {config.port} cannot be taken ({error.strerror})"
        raise OutputError("--port", fact, "give another one, or 0 for any that is free") from error
