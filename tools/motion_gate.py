"""How much of a video could be passed over because nothing moves, without the loss of one ball.

    ttcli detect VIDEOS -o RESULTS
    python tools/motion_gate.py VIDEOS RESULTS

The motion around a frame is the largest 3x3 mean of the difference of neighbouring grays, of the window of nine frames around
it, at the size that the network sees. A gate passes over frames with less motion than some threshold. What a threshold would save
is of no use where it loses a ball, so the one that is told of is the highest that loses none over all videos.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from ttcli.detection.jobs import find_videos
from ttcli.networks.model_input import working_size
from ttcli.results.trajectory import read_ball_csv
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader
from ttcli.video.repeats import measure_change

REACH = 4
"""Frames to each side that belong to a frame's window."""


def motion_around(video: Path) -> np.ndarray:
    """Return the motion around each frame of a video, (T,), in gray levels; infinite around broken frames."""
    info = probe(video)
    before, steps = None, []
    with FrameReader(info, *working_size(*info.square_size)) as reader:
        for frame in reader:
            gray = None if frame.picture is None else cv2.cvtColor(frame.picture, cv2.COLOR_RGB2GRAY)
            steps.append(np.inf if gray is None or before is None else measure_change(before, gray).peak)
            before = gray
    if len(steps) > 1:
        steps[0] = steps[1]
    padded = np.pad(np.array(steps), REACH, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1).max(1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, help="a folder of videos")
    parser.add_argument("results", type=Path, help="the folder of their ball.csv")
    args = parser.parse_args()
    found = {}
    for video in find_videos([args.videos]):
        seen = np.array([row.status.has_position for row in read_ball_csv(args.results / f"{video.stem}.csv")])
        found[video.stem] = motion_around(video), seen
    gate = min((motion[seen].min() for motion, seen in found.values() if seen.any()), default=np.inf)
    table = Table(
        "video",
        "frames",
        "with ball",
        "least motion with ball",
        "least without",
        "passed over, one gate for all",
        "a gate of its own",
    )
    for name, (motion, seen) in found.items():
        own = motion[seen].min() if seen.any() else np.inf
        rest = f"{motion[~seen].min():.1f}" if not seen.all() else "-"
        shares = [f"{(motion < threshold).mean():.1%}" for threshold in (gate, own)]
        table.add_row(name, str(len(seen)), str(int(seen.sum())), f"{own:.1f}", rest, *shares)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
