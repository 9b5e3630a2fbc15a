"""The shots of a video, between its cuts, and the file that lists them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ttcli.outputs import complete_file
from ttcli.video.reader import Frame

COLUMNS = ("shot", "first_frame", "last_frame", "start_s", "end_s")
"""Columns of shots.csv, in the order in which they are written."""


@dataclass
class Shot:
    """Frames in a row without a cut between them."""

    first_frame: int
    last_frame: int
    start_seconds: float
    """Time of its first frame, as in ball.csv."""
    end_seconds: float
    """Time of its last frame."""


def noting_shots(frames: Iterable[Frame], shots: list[Shot]) -> Iterator[Frame]:
    """Yield the frames, keeping `shots` up to date with what they say."""
    for frame in frames:
        if frame.shot == len(shots):
            shots.append(Shot(frame.frame_index, frame.frame_index, frame.time_seconds, frame.time_seconds))
        shots[-1].last_frame, shots[-1].end_seconds = frame.frame_index, frame.time_seconds
        yield frame


def write_shots_csv(path: Path, shots: Iterable[Shot], overwrite: bool = False) -> None:
    """Write a row for each shot, complete or not at all.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    with complete_file(path, overwrite) as temporary:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(",".join(COLUMNS) + "\n")
            for number, shot in enumerate(shots):
                times = f"{shot.start_seconds:.6f},{shot.end_seconds:.6f}"
                file.write(f"{number},{shot.first_frame},{shot.last_frame},{times}\n")
