"""One clip of a training set: the frames that its windows need, decoded once, and its rows."""

from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ttcli import __version__
from ttcli.configs import ExtractConfig
from ttcli.errors import LabelError
from ttcli.labels.problems import Problems
from ttcli.networks.model_input import working_size
from ttcli.training_set.clip_plans import ClipPlan
from ttcli.training_set.folder import complete_clip, write_clip_file
from ttcli.training_set.frame_store import FrameWriter, NativeCrop
from ttcli.training_set.selection import LabelledWindow, window_frames_of
from ttcli.training_set.set_options import options_of_set
from ttcli.training_set.window_rows import StoredWindow, write_windows
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import FrameReader

NATIVE_MARGIN = 96
"""Source pixels that native crops reach beyond the ball's places in a window: room for crops of 192 around it."""

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in source pixels; the last two are behind the box."""


def extract_clip(plan: ClipPlan, output: Path, config: ExtractConfig, quiet: bool = False) -> Problems:
    """Write the folder of one clip and return what was wrong with its frames.

    Args:
        plan: What becomes of its source.
        output: Folder of the set.
        config: Settings.
        quiet: Show no progress.

    Raises:
        LabelError: Not one window could be had, or with `strict` a frame is lacking.
        OutputError: The folder cannot be written.
    """
    problems = Problems()
    height, width = stored_size(plan.info, config)
    with complete_clip(output, plan.source.name) as folder:
        stored, repeats, shots = _write_frames(folder, plan, config, height, width, quiet)
        whole = [window for window in plan.windows if stored.issuperset(_frames(window, config))]
        windows = [window for window in whole if _is_one_film(_frames(window, config), repeats, shots)]
        if len(whole) < len(plan.windows):
            lacking = _lacking_frames(plan, stored, config, len(plan.windows) - len(whole))
            if config.strict or not whole:
                raise lacking
            problems.add(lacking)
        if len(windows) < len(whole):
            broken_up = _broken_up(plan, len(whole) - len(windows), len(whole))
            if not windows:
                raise broken_up
            problems.add(broken_up)
        rows = (StoredWindow(window.first, config.stride, plan.split_of(window), window.kind) for window in windows)
        write_windows(folder, rows)
        clip = {"name": plan.source.name, **plan.identity}
        clip |= {"source_height": plan.info.height, "source_width": plan.info.width, "height": height, "width": width}
        clip |= {"frame_rate": str(plan.info.frame_rate), "split": "by rally" if plan.split_of_rally else plan.split}
        clip |= {"window_size": config.window_size, "options": options_of_set(config), "version": __version__}
        clip |= {"event_frames": dict(plan.event_frames)}
        clip |= plan.counts(windows, stored)
        clip["bytes"] = sum(file.stat().st_size for file in folder.iterdir())
        write_clip_file(folder, clip)
    return problems


def stored_size(info: VideoInfo, config: ExtractConfig) -> tuple[int, int]:
    """Return height and width at which frames are stored: as `detect` sees them, or as told.

    The longer of the two sides asked for goes along the longer side of the picture, so that one size serves upright
    and lying videos alike.
    """
    if config.height is None or config.width is None:
        return working_size(*info.square_size)
    short, long = sorted((config.height, config.width))
    return (short, long) if info.width >= info.height else (long, short)


def _write_frames(
    folder: Path, plan: ClipPlan, config: ExtractConfig, height: int, width: int, quiet: bool
) -> tuple[set[int], set[int], dict[int, int]]:
    """Store the frames that the windows need, one after another.

    Returns:
        Those that could be decoded; those of them that repeat the picture before; the number of the shot of each.
    """
    wanted = set(window_frames_of(plan.windows, config.window_size, config.stride))
    boxes = _native_boxes(plan, config) if config.keep_native else {}
    own_size = (plan.info.height, plan.info.width) if config.keep_native else None
    stored, repeats, shots = set[int](), set[int](), dict[int, int]()
    with (
        FrameReader(plan.info, height, width, wanted=wanted, large_size=own_size, judge=True) as reader,
        FrameWriter(folder, config.keep_native) as writer,
        tqdm(total=len(wanted), desc=plan.source.name, unit=" frames", disable=quiet or None) as progress,
    ):
        for frame in reader:
            if frame.picture is not None:
                native = _native_crop(frame.large, boxes.get(frame.frame_index))
                writer.append(frame.frame_index, frame.picture, plan.labels.get(frame.frame_index), native)
                stored.add(frame.frame_index)
                shots[frame.frame_index] = frame.shot
                if frame.duplicate:
                    repeats.add(frame.frame_index)
            progress.update()
    return stored, repeats, shots


def _is_one_film(frames: range, repeats: Collection[int], shots: Mapping[int, int]) -> bool:
    """Tell whether the frames of a window are of one shot, and no two neighbours show the same picture.

    So are the windows that `detect` makes: it passes over repeats, and lets none cross a cut.
    """
    if shots[frames[0]] != shots[frames[-1]]:
        return False
    between = (range(before + 1, frame + 1) for before, frame in pairwise(frames))
    return not any(all(index in repeats for index in step) for step in between)


def _broken_up(plan: ClipPlan, count: int, all_windows: int) -> LabelError:
    """Return what to tell of windows that show a picture twice, or the end of a shot."""
    fact = f"{count} of {all_windows} windows hold a repeated picture or a cut, and are left out"
    cure = "extract from the recording itself, not from a copy of another frame rate"
    return LabelError(f"{plan.video}", fact, cure)


def _lacking_frames(plan: ClipPlan, stored: set[int], config: ExtractConfig, windows: int) -> LabelError:
    """Return what to tell of frames that are labelled and could not be had."""
    lacking = sorted(set(window_frames_of(plan.windows, config.window_size, config.stride)) - stored)
    count = f", nor {len(lacking) - 1} more" if len(lacking) > 1 else ""
    fact = f"cannot be decoded or is not in the video{count}; {windows} of {len(plan.windows)} windows are left out"
    cure = "check that the video is whole and the labels are its own"
    return LabelError(f"{plan.video}: frame {lacking[0]}", fact, cure)


def _native_boxes(plan: ClipPlan, config: ExtractConfig) -> dict[int, Box]:
    """Return for each frame the part that crops of its windows around the ball may need."""
    boxes: dict[int, tuple[float, float, float, float]] = {}
    for window in plan.windows:
        frames = _frames(window, config)
        labels = [plan.labels[frame] for frame in frames if frame in plan.labels]
        places = [label.place for label in labels if label.place is not None]
        if not places:
            continue
        low, high = np.min(places, 0) - NATIVE_MARGIN, np.max(places, 0) + NATIVE_MARGIN
        for frame in frames:
            left, top, right, bottom = boxes.get(frame, (*low, *high))
            boxes[frame] = (min(left, low[0]), min(top, low[1]), max(right, high[0]), max(bottom, high[1]))
    height, width = plan.info.height, plan.info.width
    return {
        frame: (max(int(left), 0), max(int(top), 0), min(int(right) + 1, width), min(int(bottom) + 1, height))
        for frame, (left, top, right, bottom) in boxes.items()
    }


def _native_crop(picture: np.ndarray | None, box: Box | None) -> NativeCrop | None:
    if picture is None or box is None:
        return None
    left, top, right, bottom = box
    return NativeCrop(left, top, np.ascontiguousarray(picture[top:bottom, left:right]))


def _frames(window: LabelledWindow, config: ExtractConfig) -> range:
    return range(window.first, window.first + config.window_size * config.stride, config.stride)
