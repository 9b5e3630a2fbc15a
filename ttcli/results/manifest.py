"""What a ball.csv was made from and how: a JSON file beside it, by which `ttcli verify` can tell whether it still holds."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from ttcli import __version__
from ttcli.configs import DetectConfig
from ttcli.errors import InputError
from ttcli.outputs import check_output, complete_file
from ttcli.results.content_hash import content_hash
from ttcli.video.probe import VideoInfo
from ttcli.video.standard_input import is_spooled

MADE_BY = "ttcli detect"
"""Value of the key `made_by`, which sets a manifest apart from any other JSON file."""
MOST_BYTES = 1 << 24
"""A manifest is smaller than this; a larger file is none, and is not read."""


def manifest_path(ball_csv: Path) -> Path:
    """Return where the manifest of a CSV lies: ball.json beside ball.csv."""
    beside = ball_csv.with_suffix(".json")
    return ball_csv.with_name(f"{ball_csv.name}.json") if beside == ball_csv else beside


def is_manifest(path: Path) -> bool:
    """Return whether a file is a manifest, whatever it is called."""
    try:
        return path.is_file() and path.stat().st_size < MOST_BYTES and parse_manifest(path).get("made_by") == MADE_BY
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def may_write(ball_csv: Path, overwrite: bool) -> bool:
    """Return whether the manifest of a CSV can be written: not where labels or another's file have its name.

    Raises:
        OutputError: There is a manifest already, and `overwrite` is false.
    """
    path = manifest_path(ball_csv)
    if path.exists() and not is_manifest(path):
        return False
    check_output(path, overwrite)
    return True


def write_manifest(ball_csv: Path, facts: Mapping[str, Any], overwrite: bool = False) -> None:
    """Write the manifest of a CSV that is complete.

    Args:
        ball_csv: The CSV; its own hash is added.
        facts: What else is to be said, as `video_facts` and the like return it.
        overwrite: Whether a manifest may be replaced.

    Raises:
        OutputError: It exists and `overwrite` is false, or its folder cannot be written.
    """
    csv = {"name": ball_csv.name, "sha256": content_hash(ball_csv)}
    manifest = {"made_by": MADE_BY, "version": __version__, "csv": csv, **facts}
    with complete_file(manifest_path(ball_csv), overwrite) as temporary:
        temporary.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def read_manifest(ball_csv: Path) -> dict[str, Any]:
    """Return the manifest of a CSV.

    Raises:
        InputError: It is missing, or is none.
    """
    path = manifest_path(ball_csv)
    if not path.is_file():
        cure = "only `ttcli detect` writes one; run it again"
        raise InputError(ball_csv, f"no manifest {path.name} beside it", cure)
    if not is_manifest(path):
        raise InputError(path, "is no manifest of `ttcli detect`", "run `ttcli detect` again, to another name")
    manifest = parse_manifest(path)
    for key, is_right in _CHECKS.items():
        if not is_right(manifest.get(key)):
            fact = f"its {key} is {manifest[key]!r:.60}" if key in manifest else f"is incomplete (no {key})"
            raise InputError(path, fact, "run `ttcli detect` again")
    return manifest


def _is_file(said: Any) -> bool:
    """Tell whether a manifest names a file, by its name, where it was, and what it held."""
    if not isinstance(said, dict) or not isinstance(said.get("name"), str) or not isinstance(said.get("sha256"), str):
        return False
    return said.get("path") is None or isinstance(said["path"], str)


def _are_counts(said: Any) -> bool:
    numbers = [said.get(name) for name in Counts.__required_keys__] if isinstance(said, dict) else [None]
    return all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in numbers)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "csv": _is_file,
    "video": _is_file,
    "checkpoint": lambda said: said is None or _is_file(said),
    "second_stage": lambda said: said is None or _is_file(said),
}
"""Key -> what its value must be: all that is read of a manifest, but for `tables`, see `table.views`, and for `options` and
`counts`, which another version may have otherwise. Other keys are passed over."""


class Counts(TypedDict):
    """How many frames of each kind a CSV has, and how many shots its video."""

    frames: int
    seen: int
    filled: int
    broken: int
    duplicates: int
    shots: int


def counts_if_done(ball_csv: Path, video: Path, weights: Path, second_stage: Path, config: DetectConfig) -> Counts | None:
    """Return the counts of a CSV that is there already, as this video, checkpoint and these options make it; else None.

    A CSV that was changed since counts as another one.

    Args:
        ball_csv: The CSV.
        video: The video.
        weights: The checkpoint.
        second_stage: The checkpoint of the second stage.
        config: The options.

    Raises:
        InputError: One of the files cannot be read.
    """
    if not ball_csv.is_file() or not is_manifest(manifest_path(ball_csv)):
        return None
    says = parse_manifest(manifest_path(ball_csv))
    counts: Any = says.get("counts")
    right = all(is_right(says.get(key)) for key, is_right in _CHECKS.items()) and "second_stage" in says and _are_counts(counts)
    if (
        not right or says.get("checkpoint") is None or says.get("options") != option_facts(config)
    ):  # damaged, or of another version
        return None
    files = [("csv", ball_csv), ("checkpoint", weights), ("video", video)]
    files += [("second_stage", second_stage)] if says["second_stage"] else []
    if not all(says[part]["sha256"] == content_hash(path) for part, path in files):
        return None
    return Counts(
        frames=counts["frames"],
        seen=counts["seen"],
        filled=counts["filled"],
        broken=counts["broken"],
        duplicates=counts["duplicates"],
        shots=counts["shots"],
    )


def video_facts(info: VideoInfo, ball_csv: Path) -> dict[str, Any]:
    """Return what a manifest says of the video: its content, and how the stream was understood."""
    path = info.path
    files = [entry for entry in path.iterdir() if entry.is_file()] if path.is_dir() else [path]
    return {
        "name": path.name,
        "path": None if is_spooled(path) else _relative(path, ball_csv.parent),
        "bytes": sum(file.stat().st_size for file in files),
        "sha256": content_hash(path),
        "container": info.container,
        "codec": info.codec,
        "pixel_format": info.pixel_format,
        "height": info.height,
        "width": info.width,
        "rotation": info.rotation,
        "mirrored": info.mirrored,
        "pixel_aspect": str(info.pixel_aspect),
        "frame_rate": str(info.frame_rate),
        "interlaced": info.interlaced,
        "high_dynamic_range": info.high_dynamic_range,
    }


def checkpoint_facts(weights: Path | None, ball_csv: Path) -> dict[str, Any] | None:
    """Return what a manifest says of the checkpoint; None where the network came from elsewhere."""
    if weights is None:
        return None
    return {"name": weights.name, "path": _relative(weights, ball_csv.parent), "sha256": content_hash(weights)}


NOT_OF_ROWS = (
    "weights", "overwrite", "shots", "events", "event_threshold", "rallies", "all_events", "strokes", "threads", "ray",
    "chunk_minutes", "table_picture",
)  # fmt: skip
"""Options of `detect` that leave the rows of ball.csv as they are, or stand elsewhere in the manifest."""


def option_facts(config: DetectConfig) -> dict[str, Any]:
    """Return the options that make a difference to the rows."""
    return {name: value for name, value in asdict(config).items() if name not in NOT_OF_ROWS}


def _relative(path: Path, folder: Path) -> str:
    """Return the way from a folder to a path, so that both can be moved together, with slashes on every system."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()


def parse_manifest(path: Path) -> dict[str, Any]:
    """Return what a file says that `is_manifest`, whether it is complete or not."""
    says = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(says, dict) and "closer" in says and "second_stage" not in says:  # the key up to version 0.2.0
        says["second_stage"] = says.pop("closer")
    return says
