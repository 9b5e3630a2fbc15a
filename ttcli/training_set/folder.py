"""What `extract` leaves behind, as a whole: a folder for each clip, and a manifest of them all.

    DATA/manifest.json            every clip's clip.json, the options, and totals
    DATA/clips/NAME/              see `frame_store` and `window_rows`

A clip's folder gets its name when it is complete, so what is there is whole, and an interrupted run goes on where it
stopped. The manifest is made from the clips each time; nothing that is needed lies in it alone.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ttcli import __version__
from ttcli.errors import OutputError
from ttcli.outputs import complete_file, sweep, temporary_folder
from ttcli.training_set.frame_store import CLIP_FILE, read_clip
from ttcli.training_set.splits import SPLITS

CLIPS_FOLDER = "clips"
MANIFEST_FILE = "manifest.json"
PARTIAL = ".partial-"
"""Beginning of the names of folders that are not complete."""
OLD = "old"
"""In such a folder: a clip that is being replaced."""

Clips = Mapping[str, Mapping[str, Any]]
"""What clip.json says, by name of the clip."""


def read_clips(data: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of each complete clip of a set, by name; none where there is no set yet."""
    folders = sorted(path for path in (data / CLIPS_FOLDER).glob("*") if path.is_dir() and not path.name.startswith("."))
    return {folder.name: read_clip(folder) for folder in folders}


@contextmanager
def complete_clip(data: Path, name: str) -> Iterator[Path]:
    """Yield a temporary folder that becomes the clip of that name when the block ends well.

    A clip that is there already is replaced. An error or an interrupt leaves nothing behind.

    Raises:
        OutputError: The folder cannot be made.
    """
    target = data / CLIPS_FOLDER / name
    with ExitStack() as stack:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = stack.enter_context(temporary_folder(target.parent, PARTIAL))
        except OSError as error:
            raise OutputError(target, f"cannot be made ({error.strerror})", "give a folder that you may write to") from error
        yield temporary
        temporary.chmod(0o755)
        try:
            _replace_folder(target, temporary)
        except OSError as error:
            raise OutputError(target, f"cannot be written ({error.strerror})", "check the permissions") from error


def _replace_folder(target: Path, new: Path) -> None:
    """Give a folder the name `target`. One that has it is moved away first: half removed, it would look whole."""
    if not target.exists():
        new.rename(target)
        return
    with temporary_folder(target.parent, PARTIAL) as aside:
        old = aside / OLD
        try:
            target.rename(old)
            new.rename(target)
        finally:
            if old.exists() and not target.exists():
                old.rename(target)


def remove_partial_clips(data: Path) -> None:
    """Remove what runs that were killed left behind."""
    sweep(data / CLIPS_FOLDER, PARTIAL)


def write_clip_file(folder: Path, clip: dict[str, Any]) -> None:
    """Write the clip.json of a clip's folder.

    Raises:
        OutputError: The disk is full.
    """
    try:
        (folder / CLIP_FILE).write_text(json.dumps(clip, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(folder, f"cannot be written ({error.strerror})", "make room on the disk") from error


def write_manifest(data: Path, options: dict[str, Any]) -> None:
    """Write the manifest of the clips that are there.

    Raises:
        OutputError: The disk is full.
    """
    clips = read_clips(data)
    manifest = {"version": __version__, "options": options, "totals": count_clips(clips), "clips": clips}
    with complete_file(data / MANIFEST_FILE, overwrite=True) as temporary:
        temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def count_clips(clips: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what a set holds: for each split videos, windows, those that show the ball throughout, and by kind.

    A video whose rallies are split counts in both splits.
    """
    totals = {}
    for split in SPLITS:
        parts = [clip["windows"][split] for clip in clips.values() if split in clip["windows"]]
        kinds: Counter[str] = Counter()
        for part in parts:
            kinds.update(part["kinds"])
        sums = {name: sum(part[name] for part in parts) for name in ("windows", "all_visible", "without_ball")}
        totals[split] = {"videos": len(parts), **sums, "kinds": dict(sorted(kinds.items()))}
    frames: Counter[str] = Counter()
    for clip in clips.values():
        frames.update(clip["frames"])
    return {"splits": totals, "frames": dict(frames), "bytes": sum(clip["bytes"] for clip in clips.values())}
