"""Count the labelled bounces that were told within some frames, and those told beside labels, of which some may be real.

    ttcli detect CLIPS -o out
    ttcli spot out/CLIP.csv --video CLIPS/CLIP.mp4 -o events/CLIP.events.csv    # for each
    python tools/measure_bounces.py CLIPS events

CLIPS holds NAME.events.csv of each clip, `events` a file of the same name. A group is what comes before the last underscore of
names.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from ttcli.results.events import read_events_csv

SUFFIX = ".events.csv"
SERVE = 2
"""Bounces of a clip of one rally that are of its serve."""
HALF_FRAME = 0.5
"""Labels are whole frames."""


def frames_of(path: Path) -> list[float]:
    """Return the frames of a file's bounces, in order."""
    return sorted(event.frame for event in read_events_csv(path) if event.event == "bounce")


def matched(labelled: list[float], told: list[float], tolerance: float) -> tuple[list[bool], int]:
    """Return which labels were told, each by one bounce, and how many bounces are of no label."""
    left, found = list(told), []
    for label in labelled:
        nearest = min(left, key=lambda frame: abs(frame - label), default=None)
        found.append(nearest is not None and abs(nearest - label) <= tolerance + HALF_FRAME)
        if found[-1] and nearest is not None:
            left.remove(nearest)
    return found, len(left)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, help="folder with a NAME.events.csv for each clip")
    parser.add_argument("events", type=Path, help="folder with what was told, the same names")
    parser.add_argument("--frames", type=float, default=2.0, help="within so many frames")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for path in sorted(options.labels.glob(f"*{SUFFIX}")):
        found, beside = matched(frames_of(path), frames_of(options.events / path.name), options.frames)
        group = path.name.removesuffix(SUFFIX).rsplit("_", 1)[0]
        told = {"labelled": len(found), "told": sum(found), "beside": beside}
        told |= {"serves": len(found[:SERVE]), "serves_told": sum(found[:SERVE])}
        for name in (group, "all"):
            counts[name].update(told)
    print(json.dumps(counts, indent=2))


if __name__ == "__main__":
    main()
