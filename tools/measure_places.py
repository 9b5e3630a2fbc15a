"""How far the places of bounces that are told are from true ones, on simulated videos.

    ttcli simulate -o SIDE --camera side --rallies 2 --fps 60 --size 960x540 --part test
    ttcli detect SIDE/videos/test_1.mp4 -o SIDE/test_1.csv --events SIDE/test_1.events.csv      # for each
    python tools/measure_places.py SIDE END ...

A place is told in metres on the table; a bounce is one that is told within WITHIN seconds of a true one. Beside the distance stands
how often the true place lies in the ellipse of 95 % of the table's camera and of a sighting that is off by SIGHTING.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from ttcli.results.events import read_events_csv
from ttcli.results.manifest import read_manifest
from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT
from ttcli.table.views import views_from_json

WITHIN = 0.05
SIGHTING = 1.5 / 1920
"""Picture widths, 1 sigma."""
INSIDE = 5.991
"""Squared distance, in sigmas, within which 95 % of places of two coordinates lie."""


def ellipse(camera: TableCamera, pixel: np.ndarray) -> np.ndarray | None:
    """Return the covariance (2, 2), square metres, of a bounce that is seen at a pixel; None where nobody knows it."""
    height = TABLE_HEIGHT + BALL_RADIUS
    place, spread = camera.on_plane(pixel, height), camera.spread_on_plane(pixel, height)
    if place is None or spread is None:
        return None
    beside = [camera.on_plane(pixel + step, height) for step in np.eye(2)]
    slopes = np.array([each[:2] - place[:2] for each in beside if each is not None]).T
    return spread + (SIGHTING * camera.width) ** 2 * slopes @ slopes.T if slopes.shape == (2, 2) else None


def measured(folder: Path) -> tuple[list[float], list[bool], int]:
    """Return how far bounces of a folder's videos are off, metres, whether the ellipse holds each, and how many there are."""
    off, held, there = [], [], 0
    for video in sorted(folder.glob("videos/*.mp4")):
        truth = json.loads((folder / "test" / "annotations" / video.stem / "truth.json").read_text())
        clock = [frame["time_s"] for frame in truth["frames"]]  # of the story, which may begin before the video
        bounces = [each for each in truth["contacts"] if each["kind"] == "bounce" and clock[0] < each["time_s"] < clock[-1]]
        there += len(bounces)
        csv = folder / f"{video.stem}.csv"
        tables = views_from_json(read_manifest(csv)["tables"])
        for event in read_events_csv(csv.with_suffix(".events.csv")):
            if event.event != "bounce" or event.table_x is None or event.table_y is None or event.x is None or event.y is None:
                continue
            now = float(np.interp(event.frame, range(len(clock)), clock))
            nearest = min(bounces, key=lambda each: abs(each["time_s"] - now), default=None)
            if nearest is None or abs(nearest["time_s"] - now) > WITHIN:
                continue
            told, true = np.array([event.table_x, event.table_y]), np.array(nearest["place_m"][:2])
            away = min((told - true, told + true), key=lambda each: float(np.linalg.norm(each)))  # either end may be the first
            off.append(float(np.linalg.norm(away)))
            camera = tables(event.time_seconds)
            spread = None if camera is None else ellipse(camera, np.array([event.x, event.y]))
            held += [] if spread is None else [bool(away @ np.linalg.solve(spread, away) < INSIDE)]
    return off, held, there


def main() -> None:
    """Print a line for each folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    for folder in parser.parse_args().folders:
        off, held, there = measured(folder)
        far = f"median {100 * np.median(off):.1f} cm, largest {100 * max(off):.1f} cm" if off else "none told"
        print(
            f"{folder.name}: {len(off)} of {there} bounces told with their place, {far}; in the ellipse {sum(held)} of {len(held)}"
        )


if __name__ == "__main__":
    main()
