r"""Compare the rallies that were found on a simulated match with what was played.

    ttcli simulate -o match --match 5 --camera side --fps 30 --size 960x540 --seed 701 --part test
    ttcli detect match/videos/test_1.mp4 -o ball.csv --events events.csv --rallies rallies.csv --all-events
    python tools/measure_rallies.py match/test/annotations/test_1 ball.csv events.csv rallies.csv

A rally is found where one that was told overlaps it by half (intersection over union). Lets count neither way. Dead time begins at
the end of a point and lasts until a second before the next serve. In it, events are counted, and claims in frames without a ball:
all of them, and those within rallies that were told, which are what is left where `play` is known.
"""

import argparse
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ttcli.results.events import read_events_csv
from ttcli.results.rallies import Rally, read_rallies_csv
from ttcli.results.trajectory import Status, read_ball_csv

LEAST_OVERLAP = 0.5
BEFORE_SERVE = 1.0
"""Seconds before a serve's stroke that are not dead: the toss, and the ball in the hand."""


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the intersection of two stretches of time over their union."""
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return shared / max(max(one[1], other[1]) - min(one[0], other[0]), 1e-9)


def paired(played: list[dict[str, Any]], told: list[Rally]) -> list[tuple[dict[str, Any], Rally | None]]:
    """Return each point with the rally that was told of it; None where it was missed."""
    left = list(told)
    pairs: list[tuple[dict[str, Any], Rally | None]] = []
    for point in played:
        span = point["start"], point["end"]
        best = max(left, key=lambda rally: overlap(span, (rally.start_seconds, rally.end_seconds)), default=None)
        if best is not None and overlap(span, (best.start_seconds, best.end_seconds)) >= LEAST_OVERLAP:
            left.remove(best)
            pairs.append((point, best))
        else:
            pairs.append((point, None))
    return pairs


def measure_rallies(played: list[dict[str, Any]], told: list[Rally]) -> dict[str, Any]:
    """Return F1 and what is right of the rallies that were found."""
    pairs = paired(played, told)
    found = [(point, rally) for point, rally in pairs if rally is not None and point["ended"] != "let"]
    count = sum(point["ended"] != "let" for point in played)
    of_lets = sum(rally is not None and point["ended"] == "let" for point, rally in pairs)
    extra = len(told) - len(found) - of_lets
    named = [(point, rally) for point, rally in found if rally.server is not None]
    ended = [(point, rally) for point, rally in found if rally.ended is not None]
    return {
        "rallies": count,
        "found": len(found),
        "too_many": extra,
        "f1": round(2 * len(found) / max(1, len(found) + extra + count), 3),
        "start_off_s": _median([abs(rally.start_seconds - point["start"]) for point, rally in found]),
        "end_off_s": _median([abs(rally.end_seconds - point["end"]) for point, rally in found]),
        "server": [sum(point["server"] == rally.server for point, rally in named), len(named)],
        "ended": [sum(point["ended"] == rally.ended for point, rally in ended), len(ended)],
        "missed_at_s": [round(point["start"], 1) for point, rally in pairs if rally is None and point["ended"] != "let"],
    }


def measure_dead_time(
    folder: Path, ball: Path, events: Path, played: list[dict[str, Any]], told: list[Rally]
) -> dict[str, Any]:
    """Return claims and events where nothing is played, before and after those outside of rallies are left out."""
    truth = json.loads((folder / "truth.json").read_text())
    rate = float(Fraction(truth["frame_rate"]))
    states = np.array([frame["state"] for frame in truth["frames"]])
    rows = read_ball_csv(ball)[: len(states)]
    claimed = np.array([row.status is Status.SEEN for row in rows])
    gone = states[: len(rows)] == "not_there"
    within = _frames([(rally.start_seconds, rally.end_seconds) for rally in told], len(rows), rate)
    dead = ~_frames([(point["start"] - BEFORE_SERVE, point["end"]) for point in played], len(rows), rate)
    false = [round(event.frame) for event in read_events_csv(events) if event.event in ("bounce", "net")]
    false = [frame for frame in false if frame < len(rows) and dead[frame]]
    minutes = max(dead.sum() / rate / 60, 1e-9)
    return {
        "frames_without_ball": int(gone.sum()),
        "claims_per_1000": round(1000 * float((claimed & gone).sum() / max(1, gone.sum())), 1),
        "claims_in_play_per_1000": round(1000 * float((claimed & gone & within).sum() / max(1, gone.sum())), 1),
        "dead_minutes": round(minutes, 2),
        "events_per_minute": round(len(false) / minutes, 1),
        "events_in_play_per_minute": round(sum(bool(within[frame]) for frame in false) / minutes, 1),
    }


def _frames(spans: list[tuple[float, float]], count: int, rate: float) -> np.ndarray:
    """Return which of `count` frames lie in any of some stretches of time."""
    times = np.arange(count) / rate
    inside = np.zeros(count, bool)
    for begin, end in spans:
        inside |= (times >= begin) & (times <= end)
    return inside


def _median(values: list[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="annotations of the simulated match")
    parser.add_argument("ball", type=Path, help="the ball.csv of its video")
    parser.add_argument("events", type=Path, help="its events.csv, with all events")
    parser.add_argument("rallies", type=Path, help="its rallies.csv")
    options = parser.parse_args()
    played, told = json.loads((options.folder / "rallies.json").read_text())["rallies"], read_rallies_csv(options.rallies)
    figures = measure_rallies(played, told)
    figures |= measure_dead_time(options.folder, options.ball, options.events, played, told)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
