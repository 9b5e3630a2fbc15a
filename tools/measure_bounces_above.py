"""How many bounces are told that a camera over the table sees, on simulated rallies whose table is known.

    python tools/measure_bounces_above.py --scenes 25 --seed 5
    python tools/measure_bounces_above.py --scenes 25 --seed 5 --weights other.safetensors      # another spotter
    python tools/measure_bounces_above.py --scenes 25 --seed 5 --list                           # and each that is missed

A scene is some rallies filmed by one `top` camera at RATE frames/s. Sightings err by NOISE pixels of 1920 (1 sigma), and a share
MISSING is not there. A bounce counts where the ball was seen within a step of the grid of it. It is found where one is told within
WITHIN seconds. `in play`: until the point is over; `after`: of the ball that bounces and trickles on then, or in no game. `hops`:
of a ball that rose less than LOW since the bounce before and rises less until the next. What is told beside all bounces is false.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ttcli.results.trajectory import BallPosition, Status
from ttcli.simulation.camera import KINDS, place_cameras
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.surroundings import BOUNCE
from ttcli.simulation.timeline import IN_HAND, IN_PLAY, NOT_THERE, RallyBatch
from ttcli.spotting.spotter import spot_events
from ttcli.spotting.weights import Spotters, load_spotters
from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

RATE, NOISE, MISSING, WITHIN, LOW = 60.0, 0.8, 0.04, 0.033, 0.05
HEIGHT, WIDTH = 1080, 1920
RALLIES, PIECES, PAUSE = 64, 4, 2.0
"""Rallies that are played for all scenes, how many a scene shows, and seconds between two of them."""
SEEN_WITHIN = 1 / 30
"""Seconds: of a bounce that is farther from any sighting, nothing was seen."""


class Bounce(NamedTuple):
    """A bounce that could be found."""

    time: float
    in_play: bool
    hop: bool


class Scene(NamedTuple):
    """What a camera over the table saw of some rallies."""

    rows: list[BallPosition]
    camera: TableCamera
    bounces: list[Bounce]


def drawn_scene(rallies: RallyBatch, random: np.random.Generator, generator: torch.Generator) -> Scene:
    """Return some rallies, one after another, as one camera over the table sees them."""
    camera = camera_above(generator)
    rows: list[BallPosition] = []
    bounces: list[Bounce] = []
    for piece in range(PIECES):
        begin = piece * (rallies.positions.shape[1] / rallies.sample_rate + PAUSE)
        rally = int(random.integers(len(rallies.end_sample)))
        seen = _sightings(rallies, rally, camera, random)
        rows += [_row(begin + time, pixel) for time, pixel in zip(*seen, strict=True)]
        bounces += [each._replace(time=begin + each.time) for each in _bounces(rallies, rally, seen[0])]
    return Scene(rows, camera, bounces)


def camera_above(generator: torch.Generator) -> TableCamera:
    """Return a camera that stands still over the table."""
    kind, still = torch.tensor([KINDS.index("top")]), torch.tensor([False])
    camera = place_cameras(kind, torch.zeros(1, 1), HEIGHT, WIDTH, still, generator)
    position, rotation, focal, centre = (part[0, 0].double().numpy() for part in vars(camera).values())
    return TableCamera(position, rotation, float(focal), centre, WIDTH)


def _sightings(
    rallies: RallyBatch, rally: int, camera: TableCamera, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the times (N,) and pixels (N, 2) of a rally's ball: on the picture, in no hand, and not missed."""
    count = int(float(rallies.end_sample[rally]) / rallies.sample_rate * RATE)
    times = (np.arange(count) + random.random()) / RATE
    which, when = torch.full((count,), rally), torch.from_numpy(times)[:, None]
    states = rallies.state_at(which, when)[:, 0].numpy()
    pixels = camera.project(rallies.position_at(which, when)[:, 0].double().numpy())
    pixels = pixels + random.normal(0, NOISE, pixels.shape)
    seen = (pixels > 0).all(1) & (pixels < (WIDTH, HEIGHT)).all(1) & ~np.isin(states, (IN_HAND, NOT_THERE))
    seen &= random.random(count) >= MISSING
    return times[seen], pixels[seen]


def _bounces(rallies: RallyBatch, rally: int, seen: np.ndarray) -> list[Bounce]:
    """Return the bounces of a rally near which the ball was seen at times (N,)."""
    own = (rallies.contact_kind[rally] == BOUNCE).numpy()
    times = rallies.contact_time[rally].numpy()[own].astype(float)
    states = rallies.state_at(torch.full((len(times),), rally), torch.from_numpy(times)[:, None])[:, 0].numpy()
    found = []
    for number, (time, state) in enumerate(zip(times, states, strict=True)):
        if len(seen) and np.abs(seen - time).min() < SEEN_WITHIN:
            around = [times[other] for other in (number - 1, number + 1) if 0 <= other < len(times)]
            hop = bool(around) and all(_rise(rallies, rally, *sorted((time, other))) < LOW for other in around)
            found.append(Bounce(float(time), bool(state == IN_PLAY), hop))
    return found


def _rise(rallies: RallyBatch, rally: int, begin: float, end: float) -> float:
    """Return how high the ball was above the table between two instants, metres."""
    heights = rallies.positions[rally, int(begin * rallies.sample_rate) : int(end * rallies.sample_rate) + 2, 2]
    return float(heights.max()) - TABLE_HEIGHT - BALL_RADIUS


def _row(time: float, pixel: np.ndarray) -> BallPosition:
    return BallPosition(round(time * RATE), float(time), float(pixel[0]), float(pixel[1]), 1.0, Status.SEEN)


def matched(bounces: list[Bounce], told: list[float]) -> tuple[list[Bounce], list[Bounce], list[float]]:
    """Return the bounces that are found, those that are not, and what is told beside them; each is one to one."""
    left, found, missed = list(told), [], []
    pairs = sorted((abs(each.time - time), each, time) for each in bounces for time in told)
    taken: set[Bounce] = set()
    for away, bounce, time in pairs:
        if away <= WITHIN and bounce not in taken and time in left:
            taken.add(bounce)
            left.remove(time)
    for bounce in bounces:
        (found if bounce in taken else missed).append(bounce)
    return found, missed, left


def told_in(scene: Scene, spotters: Spotters, threshold: float, known: bool) -> list[float]:
    """Return when bounces are told, with the table or without it."""
    tables = (lambda seconds: scene.camera) if known else None
    events = spot_events(scene.rows, spotters, HEIGHT, WIDTH, threshold, tables)
    return [event.seconds for event in events if event.event == "bounce"]


def counted(found: list[Bounce], missed: list[Bounce], beside: list[float], story: Scene) -> Counter[str]:
    """Return the counts of a scene, by kind of bounce; what is beside them is in play where the nearest bounce is."""
    counts: Counter[str] = Counter()
    for name, bounces in (("found", found), ("missed", missed)):
        for bounce in bounces:
            counts.update([f"all {name}", f"{'in play' if bounce.in_play else 'after'} {name}"])
            counts.update([f"hops {name}"] if bounce.hop else [f"without hops {name}"])
    for time in beside:
        nearest = min(story.bounces, key=lambda bounce: abs(bounce.time - time), default=None)
        in_play, hop = (True, False) if nearest is None else (nearest.in_play, nearest.hop)
        counts.update(["all false", f"{'in play' if in_play else 'after'} false", f"{'hops' if hop else 'without hops'} false"])
    return counts


def summary(counts: Counter[str]) -> dict[str, dict[str, float]]:
    """Return found, missed, false and F1 by kind of bounce."""
    rows = {}
    for kind in ("all", "in play", "after", "hops", "without hops"):
        found, missed, false = (counts[f"{kind} {name}"] for name in ("found", "missed", "false"))
        f1 = round(2 * found / max(1, 2 * found + missed + false), 3)
        rows[kind] = {"bounces": found + missed, "found": found, "false": false, "f1": f1}
    return rows


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=25)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--weights", type=Path, help="of the spotter; else those in the package")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--no-table", action="store_true", help="leave the table out: the network alone")
    parser.add_argument("--list", action="store_true", help="name what is missed and what is false")
    options = parser.parse_args()
    torch.set_num_threads(1)
    spotters = load_spotters(options.weights)
    generator, random = torch.Generator().manual_seed(options.seed), np.random.default_rng(options.seed)
    rallies = simulate_rallies(RALLIES, generator)
    counts: Counter[str] = Counter()
    for number in range(options.scenes):
        scene = drawn_scene(rallies, random, generator)
        found, missed, beside = matched(scene.bounces, told_in(scene, spotters, options.threshold, not options.no_table))
        counts += counted(found, missed, beside, scene)
        if options.list:
            print(number, "missed", [tuple(bounce) for bounce in missed], "false", beside, flush=True)
    print(json.dumps(summary(counts), indent=2))


if __name__ == "__main__":
    main()
