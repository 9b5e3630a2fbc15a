"""A match as its files tell it: rallies with their bounces, passings of the net and strokes, all of known numbers."""

import json
import random
from pathlib import Path

import numpy as np

from ttcli.results.content_hash import content_hash
from ttcli.results.csv_rows import write_rows
from ttcli.results.events import Event, write_events_csv
from ttcli.results.manifest import MADE_BY, manifest_path
from ttcli.results.rallies import ENDINGS, Rally, write_rallies_csv
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv
from ttcli.table.corners import camera_from_corners
from ttcli.table.views import TableView, views_as_json

RATE = 50
STROKES = (
    "stroke", "rally", "time_s", "frame", "side", "x_m", "y_m", "z_m", "speed_kmh", "speed_low", "speed_high", "net_clearance_cm",
    "clearance_low", "clearance_high", "apex_m", "bounce_time_s", "bounce_x_m", "bounce_y_m", "bounce_major_cm", "bounce_minor_cm",
    "bounce_angle_deg", "zone", "spin", "spin_confidence", "ended", "confidence",
)  # fmt: skip
CORNERS = np.array([(420.0, 760.0), (1500.0, 760.0), (1380.0, 590.0), (540.0, 590.0)])


def write_match(
    folder: Path, rallies: int = 12, seed: int = 1, name: str = "ball", strokes: bool = True, table: bool = True
) -> Path:
    """Write the files of a match of some rallies and return its ball.csv."""
    chance, ball = random.Random(seed), folder / f"{name}.csv"
    played, events, hits, clock = [], [], [], 2.0
    for number in range(1, rallies + 1):
        count = chance.choice([1, 2, 2, 3, 4, 5, 7, 11])
        server = chance.choice([-1, 1])
        start = clock
        for stroke in range(count):
            side = server * (-1) ** stroke
            if stroke == 0:
                events.append(bounce(chance, clock + 0.15, side, 0.5, table))
            events.append(Event(round((clock + 0.3) * RATE, 2), round(clock + 0.3, 6), "net", None, None, 0.97))
            landing = bounce(chance, clock + 0.45, -side, 1.0, table)
            events.append(landing)
            hits.append(stroke_row(chance, len(hits) + 1, number, clock, side, landing))
            clock += 0.7
        told = number % 5 != 0
        played.append(
            Rally(round(start, 3), round(clock, 3), round(start * RATE), round(clock * RATE), count, count + 1,
                  ("left", "right")[server > 0] if told else None, chance.choice(ENDINGS) if told else None, 0.9)
        )  # fmt: skip
        clock += chance.uniform(3, 9)
    frames = round(clock * RATE)
    inside = [any(rally.start_frame <= frame <= rally.end_frame for rally in played) for frame in range(frames)]
    rows = [
        BallPosition(
            frame, frame / RATE, 600 + 700 * abs(frame % 70 - 35) / 35, 500.0, 0.5 if frame % 97 == 0 else 0.96, Status.SEEN
        )
        if inside[frame]
        else BallPosition(frame, frame / RATE, None, None, 0.02, Status.UNSEEN)
        for frame in range(frames)
    ]
    write_ball_csv(ball, rows, overwrite=True)
    write_events_csv(folder / f"{name}.events.csv", events, overwrite=True)
    write_rallies_csv(folder / f"{name}.rallies.csv", played, overwrite=True)
    if strokes:
        write_rows(folder / f"{name}.strokes.csv", STROKES, hits, overwrite=True)
    write_manifest_of(ball, frames, table)
    return ball


def bounce(chance: random.Random, seconds: float, side: int, depth: float, table: bool) -> Event:
    """Return a bounce on the half of a side."""
    x, y = round(chance.uniform(-0.7, 0.7), 3), round(side * chance.uniform(0.3, 1.3) * depth, 3)
    place = (x, y) if table else (None, None)
    return Event(round(seconds * RATE, 2), round(seconds, 6), "bounce", None, None, 0.99, 0.003, *place)


def stroke_row(chance: random.Random, number: int, rally: int, seconds: float, side: int, landing: Event) -> tuple:
    """Return the cells of a stroke; every ninth has no speed, every seventh no height."""
    speed = None if number % 9 == 0 else round(chance.uniform(18, 95), 1)
    clearance = None if number % 7 == 0 else round(chance.uniform(3, 30), 1)
    bounds = (None, None) if speed is None else (round(speed * 0.9, 1), round(speed * 1.12, 1))
    heights = (None, None) if clearance is None else (round(clearance - 2.2, 1), round(clearance + 2.6, 1))
    depth = "short" if abs(landing.table_y or 0) < 0.45 else "half" if abs(landing.table_y or 0) < 0.91 else "long"
    return (
        number, rally, round(seconds, 3), round(seconds * RATE, 2), ("left", "right")[side > 0], 0.1, 1.5 * side, 0.2,
        speed, *bounds,
        clearance, *heights, 0.4, landing.time_seconds, landing.table_x, landing.table_y, round(chance.uniform(3, 9), 1),
        round(chance.uniform(1, 3), 1), round(chance.uniform(0, 180), 1), f"{depth}_middle",
        chance.choice(["top", "back", None]), 0.8, "in", 0.9,
    )  # fmt: skip


def write_manifest_of(ball: Path, frames: int, table: bool) -> None:
    """Write a manifest of a video of full HD."""
    views = views_as_json([TableView(0.0, frames / RATE, camera_from_corners(CORNERS, 1080, 1920))]) if table else []
    video = {
        "name": f"{ball.stem}.mp4",
        "path": f"{ball.stem}.mp4",
        "bytes": 7,
        "sha256": "ab" * 32,
        "height": 1080,
        "width": 1920,
    }
    facts = {
        "made_by": MADE_BY, "version": "0.2.0", "csv": {"name": ball.name, "sha256": content_hash(ball)}, "video": video,
        "checkpoint": {"name": "centernet_v8s.safetensors", "path": None, "sha256": "cd" * 32}, "second_stage": None,
        "options": {"threshold": 0.5}, "warnings": ["the <camera> moves & shakes"], "tables": views,
    }  # fmt: skip
    manifest_path(ball).write_text(json.dumps(facts))
