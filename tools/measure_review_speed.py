"""How long the page to correct on waits: until it is open, and for each picture, one after another, back, and far away.

    python tools/measure_review_speed.py match.mp4 ball.csv --steps 200

Asks the server of `ttcli review` as the page does. Times are by the clock, in a machine that should be at rest.
"""

import argparse
import json
import resource
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from ttcli.configs import ReviewConfig
from ttcli.review import review

JUMPS = 15
STRIDE = 97
"""Frames from one jump to the next."""


def fetch(address: str) -> bytes:
    """Return what the server of this machine answers."""
    with urllib.request.urlopen(address) as answer:
        return bytes(answer.read())


def timed(address: str, frames: Iterable[int]) -> dict[str, float]:
    """Return median and 95th percentile of the milliseconds that the pictures of some frames take."""
    taken = []
    for frame in frames:
        began = time.perf_counter()
        fetch(f"{address}frame/{frame}.jpg")
        taken.append(1000 * (time.perf_counter() - began))
    return {"median_ms": round(float(np.median(taken)), 1), "p95_ms": round(float(np.quantile(taken, 0.95)), 1)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("ball", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    began = time.perf_counter()

    def measure(address: str) -> None:
        match = json.loads(fetch(f"{address}match"))
        data = time.perf_counter() - began
        fetch(f"{address}frame/0.jpg")
        count = int(match["frames"])
        steps = min(options.steps, count - 1)
        figures = {
            "data_of_page_s": round(data, 2),
            "first_picture_s": round(time.perf_counter() - began, 2),
            "forward": timed(address, range(1, 1 + steps)),
            "back": timed(address, range(steps, 0, -1)),
            "jumps": timed(address, [(jump * STRIDE) % count for jump in range(1, 1 + JUMPS)]),
            "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        print(json.dumps(figures, indent=2))
        raise KeyboardInterrupt  # as Ctrl-C ends a review

    with tempfile.TemporaryDirectory() as folder:
        config = ReviewConfig(open_page=False, corrections=Path(folder) / "match.corrections.jsonl")
        with suppress(KeyboardInterrupt):
            review(options.video, options.ball, config, print, measure)


if __name__ == "__main__":
    main()
