"""Matches to review, with their numbers drawn into the pictures, and what was found of them."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
from ball_videos import ball_path, write_video

from ttcli.configs import ReviewConfig
from ttcli.results.content_hash import content_hash
from ttcli.results.events import Event, write_events_csv
from ttcli.results.manifest import MADE_BY, manifest_path
from ttcli.results.rallies import Rally, write_rallies_csv
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv
from ttcli.review import found_of
from ttcli.reviewing.match import Match

COUNT, HEIGHT, WIDTH, BITS, RATE = 60, 96, 160, 8, 25
WRONG, LOW, MISSED = 20, 31, 40
"""Frames whose row jumps out of the flight, is unsure, is not seen."""


def numbered_ball_picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return a picture of a ball on its path with the number as columns along the upper edge."""
    picture = np.full((height, width, 3), 60, np.uint8)
    step = width // BITS
    for bit in range(BITS):
        picture[2 : height // 6, step * bit + 2 : step * (bit + 1) - 2] = 235 if number >> bit & 1 else 15
    x, y = ball_at(number, height, width)
    rows, columns = np.mgrid[:height, :width]
    picture[np.hypot(columns - x, rows - y) < 4] = 240
    return picture


def number_of(picture: np.ndarray) -> int:
    """Read the number back, from a picture of any size."""
    height, width = picture.shape[:2]
    row = picture[round(height / 12), :, 1].astype(float)
    return sum(int(row[int((bit + 0.5) * width / BITS)] > 128) << bit for bit in range(BITS))


def ball_at(number: int, height: int = HEIGHT, width: int = WIDTH) -> tuple[float, float]:
    x, y = ball_path(COUNT, height, width)[number]
    return x, y * 0.7 + 0.25 * height


def rows() -> list[BallPosition]:
    """Return what was found: the path, with three faults."""
    found = []
    for frame in range(COUNT):
        x, y = (round(value, 2) for value in ball_at(frame))
        if frame == MISSED:
            found.append(BallPosition(frame, frame / RATE, None, None, 0.4, Status.UNSEEN))
        elif frame == WRONG:
            found.append(BallPosition(frame, frame / RATE, 12.0, 80.0, 0.7, Status.SEEN))
        else:
            found.append(BallPosition(frame, frame / RATE, x, y, 0.55 if frame == LOW else 0.99, Status.SEEN))
    return found


def make_match(folder: Path, name: str = "match.mp4", manifest: bool = True) -> tuple[Path, Path]:
    """Write a video and what was found of it; return both paths."""
    video, ball = folder / name, (folder / name).with_suffix(".csv")
    write_video(video, (numbered_ball_picture(number) for number in range(COUNT)), Fraction(RATE))
    describe(video, ball, manifest)
    return video, ball


def describe(video: Path, ball: Path, manifest: bool = True) -> None:
    """Write what was found of a video."""
    write_ball_csv(ball, rows(), overwrite=True)
    write_rallies_csv(ball.with_suffix(".rallies.csv"), [Rally(0.2, 2.0, 5, 50, 4, 3, "left", "long", 0.9)], overwrite=True)
    events = [Event(10.3, 0.412, "bounce", *ball_at(10), 0.9, 0.002, -0.21, -0.874), Event(25.0, 1.0, "net", *ball_at(25), 0.6)]
    write_events_csv(ball.with_suffix(".events.csv"), events, overwrite=True)
    if manifest:
        facts = {
            "made_by": MADE_BY,
            "version": "0.2.0",
            "csv": {"name": ball.name, "sha256": content_hash(ball)},
            "video": {"name": video.name, "path": video.name, "bytes": video.stat().st_size, "sha256": content_hash(video)},
            "checkpoint": None,
            "second_stage": None,
            "counts": {"frames": COUNT, "seen": COUNT - 1, "filled": 0, "broken": 0, "duplicates": 0, "shots": 1},
            "warnings": ["the camera moves"],
            "tables": [table_facts()],
        }
        manifest_path(ball).write_text(json.dumps(facts))


def table_facts() -> dict:
    """Return a view of the table as manifests hold it: from the side, a bit above."""
    from ttcli.table.corners import camera_from_corners
    from ttcli.table.views import TableView, views_as_json

    corners = np.array([(30.0, 70.0), (130.0, 70.0), (115.0, 55.0), (45.0, 55.0)])
    camera = camera_from_corners(corners, HEIGHT, WIDTH)
    return views_as_json([TableView(0.0, COUNT / RATE, camera)])[0]


def open_match(video: Path, ball: Path, tell=lambda line: None) -> Match:
    """Return a match as `ttcli review` opens it."""
    config = ReviewConfig()
    return Match(found_of(video, ball, config, tell), video.with_name(f"{video.stem}.corrections.jsonl"), tell)
