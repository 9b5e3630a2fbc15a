"""How right `detect --fill` is: gaps are made in what `detect` wrote, filled, and compared with the labels.

    ttcli detect CLIPS -o out
    python tools/measure_filling.py CLIPS out

Runs of 1, 2, 4 and 8 sightings are taken out, beginning at every fifth frame, wherever that is: in free flight, at a stroke, at a
bounce. Distances are in pixels of a picture 1920 wide.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from ttcli.detection.gap_filling import EVIDENCE, fill_gaps
from ttcli.labels.formats import read_ball_labels
from ttcli.labels.problems import Problems
from ttcli.labels.sources import find_sources
from ttcli.results.trajectory import Status, read_ball_csv
from ttcli.video.probe import probe

GAPS = (1, 2, 4, 8)
EVERY = 5
"""Frames from one gap that is made to the next."""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="videos with labels")
    parser.add_argument("detected", type=Path, help="folder with a CSV for each")
    options = parser.parse_args()

    taken = dict.fromkeys(GAPS, 0)
    away: dict[int, list[float]] = {gap: [] for gap in GAPS}
    for source in find_sources(options.clips):
        info = probe(source.video)
        labels = read_ball_labels(source.balls, Problems().add, height=info.height, width=info.width)
        rows = read_ball_csv(options.detected / f"{source.video.stem}.csv")
        for gap in GAPS:
            for first in range(EVERY - 1, len(rows) - gap, EVERY):
                run = range(first, first + gap)
                if any(rows[place].status is not Status.SEEN or rows[place].duplicate for place in run):
                    continue
                around = rows[max(0, first - 2 * EVIDENCE) : first + gap + 2 * EVIDENCE]
                path = [replace(row, x=None, y=None, status=Status.UNSEEN) if row.frame_index in run else row for row in around]
                for row in fill_gaps(path, info.height, info.width, gap):
                    label = labels.get(row.frame_index)
                    if row.frame_index not in run or label is None or not label.visible:
                        continue
                    taken[gap] += 1
                    if row.status is Status.FILLED:
                        away[gap].append(np.hypot(row.x - label.x, row.y - label.y) * 1920 / info.width)
    for gap in GAPS:
        far = np.array(away[gap])
        share = len(far) / max(taken[gap], 1)
        print(f"gaps of {gap}: {taken[gap]} sightings taken out, {share:.2f} filled", end="")
        if len(far):
            within = ", ".join(f"within {most} px {(far <= most).mean():.3f}" for most in (10, 20))
            print(f", median {np.median(far):.1f} px, {within}", end="")
        print()


if __name__ == "__main__":
    main()
