"""Compare the strokes that were found on a simulated match with what was played.

    ttcli simulate -o match --match 5 --camera side --fps 30 --size 960x540 --seed 701 --part test
    ttcli detect match/videos/test_1.mp4 -o ball.csv --events events.csv --strokes strokes.csv
    python tools/measure_match_strokes.py match/test/annotations/test_1 strokes.csv

The true speed is that of the ball from the first frame after the stroke to the second, with the drag since then added.
"""

import argparse
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ttcli.physics.air import slowing
from ttcli.results.strokes import Stroke, read_strokes_csv

NEAREST, NEAREST_BOUNCE = 0.25, 0.1
"""Seconds within which what was found is of what was played."""


def true_speed(seconds: float, times: np.ndarray, places: np.ndarray) -> float | None:
    """Return the speed just after a stroke in m/s; None where no two frames follow."""
    first = int(np.searchsorted(times, seconds))
    if first + 1 >= len(times):
        return None
    speed = float(np.linalg.norm(places[first + 1] - places[first]) / (times[first + 1] - times[first]))
    return speed * (1 + slowing(speed) * float((times[first] + times[first + 1]) / 2 - seconds))


def measure(truth: dict[str, Any], strokes: list[Stroke]) -> dict[str, Any]:
    """Return how many strokes were found, and how far off their speeds and landings are."""
    frames, rate = truth["frames"], float(Fraction(truth["frame_rate"]))
    times = np.array([frame["time_s"] for frame in frames])
    # A simulated frame shows the middle of its time, which the video calls its beginning.
    late = frames[0]["time_s"] - frames[0]["frame"] / rate
    places = np.array([frame["place_m"] for frame in frames])
    played = [contact for contact in truth["contacts"] if contact["kind"] == "hit" and _in_play(frames, contact, rate)]
    bounces = [contact for contact in truth["contacts"] if contact["kind"] == "bounce"]
    left, speeds, held, landings, apart = list(played), list[float](), list[bool](), list[float](), list[float]()
    for stroke in strokes:
        struck = stroke.time_seconds + late
        hit = min(left, key=lambda each: abs(each["time_s"] - struck), default=None)
        if hit is None or abs(hit["time_s"] - struck) > NEAREST:
            continue
        left.remove(hit)
        apart.append(abs(hit["time_s"] - struck))
        true = true_speed(hit["time_s"], times, places)
        if stroke.speed is not None and true is not None:
            value, low, high = (each / 3.6 for each in stroke.speed)
            speeds.append(abs(value - true) / true)
            held.append(low <= true <= high)
        if stroke.bounce is not None:
            bounced = stroke.bounce.seconds + late
            bounce = min(bounces, key=lambda each: abs(each["time_s"] - bounced))
            if abs(bounce["time_s"] - bounced) <= NEAREST_BOUNCE:
                landings.append(_apart(stroke, bounce["place_m"]))
    found = len(played) - len(left)
    return {
        "played": len(played),
        "found": round(found / max(1, len(played)), 3),
        "too_many": round((len(strokes) - found) / max(1, len(played)), 3),
        "instant_ms": round(1000 * float(np.median(apart)), 1),
        "speeds": len(speeds),
        "speed_off": round(float(np.median(speeds)), 3),
        "intervals_hold": round(float(np.mean(held)), 3),
        "landings": len(landings),
        "landing_cm": round(100 * float(np.median(landings)), 1),
    }


def _in_play(frames: list[dict[str, Any]], contact: dict[str, Any], rate: float) -> bool:
    after = int(contact["time_s"] * rate) + 1
    return after < len(frames) and frames[after]["state"] == "in_play"


def _apart(stroke: Stroke, place: list[float]) -> float:
    """Return how far a landing is from a true place, in metres: which end of the table is which nobody can tell."""
    told = np.array([stroke.bounce.x, stroke.bounce.y]) if stroke.bounce is not None else np.full(2, np.nan)
    return float(min(np.linalg.norm(sign * told - place[:2]) for sign in (1, -1)))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="annotations of the simulated match")
    parser.add_argument("strokes", type=Path, help="its strokes.csv")
    options = parser.parse_args()
    truth = json.loads((options.folder / "truth.json").read_text())
    print(json.dumps(measure(truth, read_strokes_csv(options.strokes)), indent=2))


if __name__ == "__main__":
    main()
