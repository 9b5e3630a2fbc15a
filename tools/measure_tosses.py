"""How well the toss of a serve is measured: simulated tosses, seen by four cameras at three rates.

    python tools/measure_tosses.py --seed 14 --count 20

6 % of the sightings are missing, 20 % of those in the hand, and 2 % are false. The stroke is known to 2 ms and 5 cm.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from ttcli.flights.tosses import Toss, toss_of
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.surroundings import HAND, HIT
from ttcli.table.camera import TableCamera
from ttcli.table.constants import GRAVITY

VIEWS = {
    "side": ((4.3, -0.1, 2.1), 1152.0),
    "corner": ((3.2, -4.5, 2.2), 1250.0),
    "behind": ((0.0, -9.0, 3.5), 2200.0),
    "broadcast": ((0.3, -14.0, 5.5), 3300.0),
}
"""Where a camera is that looks at the table's middle, metres, and its focal length, pixels of 1280x720."""
RATES = (25, 50, 120)
SAMPLES = 500
UNSEEN, UNSEEN_IN_HAND, FALSE, FALSE_SPREAD = 0.06, 0.2, 0.02, 60.0
STROKE_SECONDS, STROKE_METRES, BEFORE_STROKE = 0.002, 0.05, 0.004


class Serve(NamedTuple):
    """What is true of a serve."""

    released: float
    struck: float
    places: np.ndarray
    """(N, 3), SAMPLES a second."""

    def at(self, seconds: np.ndarray | float) -> np.ndarray:
        """Return places (..., 3) at times (...)."""
        times = np.arange(len(self.places)) / SAMPLES
        return np.stack([np.interp(seconds, times, self.places[:, axis]) for axis in range(3)], -1)

    @property
    def rise(self) -> float:
        """Metres from the palm to the highest point."""
        heights = self.at(np.arange(self.released, self.struck, 0.001))[:, 2]
        return float(heights.max() - heights[0])

    @property
    def angle(self) -> float:
        """Degrees from the vertical as the ball leaves the palm."""
        soon, later = 1 / SAMPLES, 3 / SAMPLES
        velocity = (self.at(self.released + later) - self.at(self.released + soon)) / (later - soon)
        velocity[2] += GRAVITY * (soon + later) / 2
        return float(np.degrees(np.arctan2(np.hypot(*velocity[:2]), velocity[2])))


def main() -> None:
    """Print a line for each view and rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--error", type=float, default=1.0, help="pixels, 1 sigma")
    args = parser.parse_args()
    serves = list(simulated(args.seed, args.count))
    print("view      rate |    n known   cm  half   95%   50% | angle   95%")
    for name, (position, focal) in VIEWS.items():
        for rate in RATES:
            random = np.random.default_rng((args.seed, rate))
            report(
                f"{name:9s} {rate:4d}",
                serves,
                [measured(looks(position, focal), each, rate, args.error, random) for each in serves],
            )


def simulated(seed: int, count: int) -> Iterator[Serve]:
    """Yield serves that were tossed and struck."""
    rallies = simulate_rallies(
        max(64, 2 * count), torch.Generator().manual_seed(seed), duration_seconds=4.0, sample_rate=SAMPLES, slow_share=0.0
    )
    found = 0
    for row in range(len(rallies.positions)):
        kinds, times = rallies.contact_kind[row].numpy(), rallies.contact_time[row].numpy()
        if found < count and (kinds == HAND).any() and (kinds == HIT).any():
            released, struck = (float(times[(kinds == kind).argmax()]) for kind in (HAND, HIT))
            if released < struck:
                found += 1
                yield Serve(released, struck, rallies.positions[row].numpy().astype(float))


def looks(position: tuple[float, float, float], focal: float) -> TableCamera:
    """Return a camera that looks at the table's middle."""
    place, middle = np.array(position), np.array([0, 0, 0.85])
    forward = (middle - place) / np.linalg.norm(middle - place)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    return TableCamera(place, np.stack([right, np.cross(forward, right), forward]), focal, np.array([639.5, 359.5]), 1280)


def measured(camera: TableCamera, serve: Serve, rate: int, error: float, random: np.random.Generator) -> Toss | None:
    """Return what is said of a serve that was seen with noise."""
    times = np.arange(random.random() / rate, serve.struck - BEFORE_STROKE, 1 / rate)
    pixels = camera.project(serve.at(times)) + error * random.normal(size=(len(times), 2))
    kept = random.random(len(times)) > np.where(times < serve.released, UNSEEN_IN_HAND, UNSEEN)
    false = random.random(len(times)) < FALSE
    pixels[false] += FALSE_SPREAD * random.normal(size=(int(false.sum()), 2))
    stroke = serve.struck + STROKE_SECONDS * random.normal()
    place = serve.at(serve.struck) + STROKE_METRES * random.normal(size=3)
    return toss_of(camera, times[kept], pixels[kept], stroke, place, STROKE_METRES**2 * np.eye(3), error)


def report(name: str, serves: list[Serve], tosses: list[Toss | None]) -> None:
    """Print how far off rises and angles are, and how many lie in their intervals."""
    angles = np.array([(each.angle, *toss.angle) for each, toss in zip(serves, tosses, strict=True) if toss is not None])
    pairs = [(each.rise, *toss.rise) for each, toss in zip(serves, tosses, strict=True) if toss is not None]
    true, value, low, high = np.array([pair for pair in pairs if np.isfinite(pair[3])]).T
    off, half = np.abs(value - true), (high - low) / 2
    held, in_half = ((low <= true) & (true <= high)).mean(), (off < 0.345 * half).mean()
    upright = ((angles[:, 2] <= angles[:, 0]) & (angles[:, 0] <= angles[:, 3])).mean()
    rises = f"{100 * np.median(off):4.1f} {100 * np.median(half):5.1f} {held:5.2f} {in_half:5.2f}"
    print(
        f"{name} | {len(serves):4d} {len(true):5d} {rises} | {np.median(np.abs(angles[:, 1] - angles[:, 0])):5.1f} {upright:5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
