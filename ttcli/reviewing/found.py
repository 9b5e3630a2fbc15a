"""What was found of a match, as its files hold it, after checking that they belong to its video."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttcli.errors import InputError
from ttcli.results.ball_columns import BallColumns, read_ball_columns
from ttcli.results.content_hash import content_hash
from ttcli.results.events import Event
from ttcli.results.manifest import is_manifest, manifest_path, read_manifest
from ttcli.results.places import FarPlaces
from ttcli.results.rallies import Rally
from ttcli.table.views import TableView, views_from_json
from ttcli.video.probe import VideoInfo

HASHED_AT_ONCE = 64 * 2**20
"""Bytes of a video that are compared with the manifest before the page opens; a larger one is while it is open."""


@dataclass(frozen=True)
class Found:
    """What was found of a match, as files hold it."""

    info: VideoInfo
    ball: Path
    columns: BallColumns
    events: list[Event]
    rallies: list[Rally]
    views: list[TableView]
    manifest: dict[str, Any] | None
    """None where no manifest lies beside the CSV."""


def read_found(info: VideoInfo, ball: Path, events: list[Event], rallies: list[Rally], tell: Callable[[str], None]) -> Found:
    """Return what was found, after checking that it belongs to this video, as far as that is known at once.

    Args:
        info: The video.
        ball: The ball.csv.
        events: The events.csv.
        rallies: The rallies.csv.
        tell: Takes warnings, one line each.

    Raises:
        InputError: The CSV cannot be read, holds no row, or is of another video.
    """
    manifest = read_manifest(ball) if is_manifest(manifest_path(ball)) else None
    check_video(info, ball, manifest)
    far = FarPlaces(info.height, info.width)
    columns = read_ball_columns(ball, far)
    if line := far.line(ball):
        tell(line)
    if not len(columns):
        raise InputError(ball, "holds no row", "run `ttcli detect` on the video")
    if manifest is None:
        tell(f"{ball}: no manifest beside it, so nobody can tell whether it belongs to {info.path.name}")
    if info.frame_count is not None and columns.frame[-1] >= info.frame_count + 1 and manifest is None:
        fact = f"has frame {columns.frame[-1]}, and {info.path.name} has {info.frame_count} frames"
        raise InputError(ball, fact, "give the ball.csv of this video")
    views = views_from_json((manifest or {}).get("tables"), info.width).views
    return Found(info, ball, columns, events, rallies, views, manifest)


def check_video(info: VideoInfo, ball: Path, manifest: Mapping[str, Any] | None) -> None:
    """Raise InputError where a ball.csv belongs to another video, as far as that is known at once.

    Its size tells for any video, its content for a small one; `Match.check_in_background` compares a large one.
    """
    if manifest is None or info.path.is_dir():
        return
    facts, size = manifest["video"], info.path.stat().st_size
    same = facts.get("bytes") in (None, size)
    if same and size <= HASHED_AT_ONCE:
        same = content_hash(info.path) == facts["sha256"]
    if not same:
        raise other_video(info, ball, facts)


def other_video(info: VideoInfo, ball: Path, facts: Mapping[str, Any]) -> InputError:
    """Return the error of a ball.csv that is of another video."""
    return InputError(ball, f"is of another video ({facts['name']}, by its manifest) than {info.path}", "give that one")
