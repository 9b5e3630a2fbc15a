"""How well strokes are measured: on real flights seen by known cameras, and on labelled strokes of OpenTTGames.

    python tools/measure_strokes.py flights FLIGHTS [--views side,oblique,back] [--rates 25,50,120] [--errors 1,2] [--rounds 3]
    python tools/measure_strokes.py physics FLIGHTS
    python tools/measure_strokes.py instants LABELS

FLIGHTS has tt3d/ (flights in space, three cameras, and their pictures at 25 frames/s) and spindoe/ (flights with spins). Each
flight is projected at each rate with normal noise, 8 % of sightings missing and 5 % false: 3 of 5 within 80 pixels, the others
anywhere. The true speed is that of a parabola through the flight in space up to the bounce, 0.35 s at the most, after what drag
changes in the bend is taken out. The true landing is where a parabola through the last samples before the bounce meets the table.
LABELS is a folder of OpenTTGames annotations with events_extended.json.
"""

import argparse
import csv
import itertools
import json
import re
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.flights.finder import MOST_ERROR
from ttcli.flights.fit import Pieces, fit_flights
from ttcli.flights.measuring import NET_TOP, measure
from ttcli.flights.splitting import flights_of
from ttcli.flights.telling import told_of
from ttcli.flights.views import View
from ttcli.physics.air import AIR, drag_coefficient, lift_coefficient, slowing
from ttcli.physics.arcs import ON_TABLE
from ttcli.play.contacts import contacts_of
from ttcli.play.exchanges import find_exchanges
from ttcli.play.sightings import Sightings
from ttcli.results.trajectory import BallPosition, Status
from ttcli.spotting.spotter import EventSpotter
from ttcli.spotting.weights import load_spotters
from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

HEIGHT, WIDTH = 720, 1280
MISSING, FALSE, NEAR_SHARE = 0.08, 0.05, 0.6
TT3D_LIFT, SPINDOE_LIFT = 0.0037, 0.026
"""Metres that flights and cameras of tt3d, and flights of spindoe, lie too low.

Where the flights before and after a bounce meet, the ball is so much below a ball that lies on the table, by the median.
Cameras of tt3d look down by 10 to 17 degrees, so 3.7 mm of height are 1 to 2 cm on the table.
"""
GRAVITY = np.array([0, 0, -9.81])


class Real(NamedTuple):
    """A flight that was measured in space."""

    name: str
    times: np.ndarray
    places: np.ndarray
    """(N, 3), the floor at 0."""
    speed: np.ndarray
    """(3,) at the first sample."""
    bounce: int | None
    landing: np.ndarray | None
    net: float
    """Height over the floor at which it passes the net; NaN where it bounces near it."""
    spin: np.ndarray | None = None


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("flights", "physics", "instants"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--views", default="side,oblique,back")
    parser.add_argument("--rates", default="25,50,120")
    parser.add_argument("--errors", default="1,2")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    if args.what == "instants":
        measure_instants(args.folder)
    elif args.what == "physics":
        measure_physics(args.folder)
    else:
        measure_flights(
            args.folder,
            args.views.split(","),
            [*map(int, args.rates.split(","))],
            [*map(float, args.errors.split(","))],
            args.rounds,
        )


def measure_flights(folder: Path, views: list[str], rates: list[int], errors: list[float], rounds: int) -> None:
    """Print errors and coverage for each set, view, rate and noise."""
    random = np.random.default_rng(0)
    sets = {
        "tt3d": tt3d(folder / "tt3d"),
        "spindoe": [each for each in spindoe(folder / "spindoe") if each.landing is not None],
    }
    columns = "speed: told err 95% 50% half", "landing: told cm 95% 50%", "net: told cm 95%", "spin: told right", "ms/frame"
    print("set      view     rate px |    n | " + " | ".join(columns))
    for view in views:
        camera = camera_of(folder / "tt3d" / f"{view}.yaml")
        given = [seen_by(folder / "tt3d" / view / f"{each.name}.csv") for each in sets["tt3d"]]
        report("given", view, 25, 2.0, camera, sets["tt3d"], [given])
        for name, flights in sets.items():
            for rate in rates:
                for error in errors:
                    shots = [[shoot(camera, each, rate, error, random) for each in flights] for _ in range(rounds)]
                    report(name, view, rate, error, camera, flights, shots)


Shot = list[tuple[np.ndarray, np.ndarray]]
"""Times and pixels of each flight."""


def report(name: str, view: str, rate: int, error: float, camera: TableCamera, flights: list[Real], shots: list[Shot]) -> None:
    """Print one line: flights seen once or more often."""
    parts = [judged(camera, flights, shot) for shot in shots]
    all_of = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def line(told: str, off: str, scale: float, *holds: str) -> str:
        chosen = all_of[told]
        median = scale * np.median(all_of[off][chosen])
        return f"{chosen.mean():.2f} {median:.3f} " + " ".join(f"{all_of[each][chosen].mean():.3f}" for each in holds)

    speed = line("speed", "speed off", 1, "speed 95", "speed 50") + f" {np.median(all_of['half'][all_of['speed']]):.3f}"
    landing, net = line("landing", "landing off", 100, "landing 95", "landing 50"), line("net", "net off", 100, "net 95")
    turned = all_of["spin"]
    spin = f"{turned.mean():.2f} {all_of['spin right'][turned].mean() if turned.any() else np.nan:.3f}"
    cost = all_of["cost"].mean()
    print(
        f"{name:8s} {view:8s} {rate:4d} {error:g} | {len(turned):4d} | {speed} | {landing} | {net} | {spin} | {cost:.2f}",
        flush=True,
    )


def judged(camera: TableCamera, flights: list[Real], shot: Shot) -> dict[str, np.ndarray]:
    """Return for each flight what was told, how far off it is, and whether its intervals hold."""
    pieces = pieces_of(flights, shot)
    begun = time.process_time()
    fit = fit_flights(View.of(camera), pieces)
    nothing = np.zeros(len(flights))
    found = measure(fit, np.where(pieces.seen, pieces.times, 0).max(1), pieces.bounces, nothing, nothing)
    cost = 1000 * (time.process_time() - begun) / pieces.seen.sum()
    told = [told_of(found, fit, pieces, row, False, MOST_ERROR * camera.width) for row in range(len(flights))]
    true = np.array([np.linalg.norm(each.speed) for each in flights])
    strayed = np.abs(found.speed.value - true) / found.speed.spread
    landing = np.array([np.full(2, np.nan) if each.landing is None else each.landing for each in flights])
    apart = found.bounce - landing
    squared = np.einsum("ni,nij,nj->n", apart, np.linalg.inv(found.bounce_covariance + 1e-9 * np.eye(2)), apart)
    far, near = (found.tail * ((1 - share) ** (-2 / found.tail) - 1) for share in (0.95, 0.5))
    high = np.abs(found.clearance.value - (np.array([each.net for each in flights]) - NET_TOP))
    top = np.array([topspin(each) for each in flights])
    return {
        "speed": np.array([each.speed is not None for each in told]),
        "speed off": np.abs(found.speed.value / true - 1),
        "speed 95": strayed < found.quantile(0.95),
        "speed 50": strayed < found.quantile(0.5),
        "half": found.quantile(0.95) * found.speed.spread / found.speed.value,
        "landing": np.array([each.bounce is not None for each in told]) & np.isfinite(squared),
        "landing off": np.linalg.norm(apart, axis=1),
        "landing 95": squared < far,
        "landing 50": squared < near,
        "net": np.array([each.clearance is not None for each in told]) & np.isfinite(high),
        "net off": high,
        "net 95": high < found.quantile(0.95) * found.clearance.spread,
        "spin": np.array([each.spin is not None for each in told]) & np.isfinite(top),
        "spin right": np.array([(each.spin == "top") == (spin > 0) for each, spin in zip(told, top, strict=True)]),
        "cost": np.array([cost]),
    }


def topspin(flight: Real) -> float:
    """Return the labelled spin about the axis to the left of the way, rad/s; NaN where there is no label."""
    if flight.spin is None:
        return np.nan
    x, y = flight.speed[:2] / np.linalg.norm(flight.speed[:2])
    return float(x * flight.spin[1] - y * flight.spin[0])


def pieces_of(flights: list[Real], shot: list[tuple[np.ndarray, np.ndarray]]) -> Pieces:
    """Return sightings in the form in which flights are fitted."""
    most = max(len(times) for times, _ in shot)
    times, pixels, seen = np.zeros((len(shot), most)), np.zeros((len(shot), most, 2)), np.zeros((len(shot), most), bool)
    for row, (at, where) in enumerate(shot):
        times[row, : len(at)], pixels[row, : len(at)], seen[row, : len(at)] = at, where, True
    side = np.array([-np.sign(each.speed[1]) for each in flights])
    return Pieces.of(times, pixels, seen, side, np.array([int(each.bounce is not None) for each in flights]))


def shoot(
    camera: TableCamera, flight: Real, rate: int, error: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return times and pixels of a flight as a detector might give them."""
    times = np.arange(0, flight.times[-1] + 1e-9, 1 / rate)
    places = np.stack([np.interp(times, flight.times, flight.places[:, axis]) for axis in range(3)], 1)
    pixels = camera.project(places) + error * random.normal(size=(len(times), 2))
    false, near = random.random(len(times)) < FALSE, random.random(len(times))[:, None] < NEAR_SHARE
    close = pixels + random.normal(size=pixels.shape) * random.uniform(10, 80)
    pixels[false] = np.where(near, close, random.uniform((0, 0), (WIDTH, HEIGHT), pixels.shape))[false]
    kept = random.random(len(times)) >= MISSING
    kept[0] = True
    if kept.sum() < 5:
        kept[:] = True
    return times[kept], pixels[kept]


def tt3d(folder: Path) -> list[Real]:
    """Return the flights of a folder with 3D_gt/NNN.csv."""
    found = []
    for path in sorted((folder / "3D_gt").glob("*.csv")):
        table = np.loadtxt(path, delimiter=",", skiprows=1)
        found.append(real(path.stem, table[:, 0] - table[0, 0], table[:, 1:] + (0, 0, TABLE_HEIGHT + TT3D_LIFT), 0.003))
    return [flight for flight in found if flight.landing is not None]


def spindoe(folder: Path) -> list[Real]:
    """Return the flights of a folder with NNN.csv and index.csv, each up to 0.25 s after its bounce."""
    with (folder / "index.csv").open() as file:
        spins = {
            int(row["traj_file"]): np.array([float(row[f"{axis}_spin"]) for axis in "xyz"]) for row in csv.DictReader(file)
        }
    found = []
    for path in sorted(folder.glob("[0-9]*.csv")):
        table, spin = np.loadtxt(path, delimiter=";"), spins[int(path.stem)]
        if len(table) < 20 or np.linalg.norm(spin) > 1000:
            continue
        times, places = table[:, 0] - table[0, 0], table[:, 1:] + (0, 0, TABLE_HEIGHT + SPINDOE_LIFT)
        bounce = bounce_in(places[:, 2], 0.004)
        low = np.flatnonzero(places[:, 2] < ON_TABLE + 0.02)
        end = times[bounce] + 0.25 if bounce is not None else min(0.6, times[low[0]] if len(low) else np.inf)
        kept = times < end
        if kept.sum() >= 20:
            found.append(real(path.stem, times[kept], places[kept], 0.004)._replace(spin=spin))
    return found


def real(name: str, times: np.ndarray, places: np.ndarray, rise: float) -> Real:
    """Return a flight with what is true of it."""
    bounce = bounce_in(places[:, 2], rise)
    early = times <= min(0.35, np.inf if bounce is None else times[bounce - 1])
    speed = speed_of(times[early], places[early])
    landing = (
        None
        if bounce is None
        else landing_of(times[max(bounce - 12, 0) : bounce], places[max(bounce - 12, 0) : bounce], times[bounce])
    )
    along = places[:, 1]
    passes = np.flatnonzero(np.sign(along[:-1]) != np.sign(along[1:]))
    around = slice(max(passes[0] - 6, 0), passes[0] + 7) if len(passes) else slice(0, 0)
    free = len(passes) > 0 and (bounce is None or around.stop <= bounce)
    net = float(np.polyval(np.polyfit(along[around], places[around, 2], 2), 0.0)) if free else np.nan
    return Real(name, times, places, speed, bounce, landing, net)


def speed_of(times: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the velocity (3,) at the first sample."""
    velocity = np.polyfit(times, places, 2)[1]
    for _ in range(2):
        change = 2 * slowing(np.linalg.norm(velocity)) ** 2 * velocity  # of the deceleration, as drag becomes less
        velocity = np.polyfit(times, places - np.outer(times**3 / 6, change), 2)[1]
    return velocity


def bounce_in(height: np.ndarray, rise: float) -> int | None:
    """Return the sample at which a ball bounces on the table; None where it does not."""
    for at in range(4, len(height) - 4):
        lowest = height[at] <= height[at - 4 : at + 5].min() + 1e-9 and height[at] < ON_TABLE + 0.04
        if lowest and min(height[at - 4], height[at + 4]) > height[at] + rise:
            return at
    return None


def landing_of(times: np.ndarray, places: np.ndarray, near: float) -> np.ndarray | None:
    """Return where a parabola through the last samples meets the table."""
    factors = np.polyfit(times, places, 2)
    roots = np.roots([factors[0, 2], factors[1, 2], factors[2, 2] - ON_TABLE])
    roots = roots[np.isreal(roots)].real
    if not len(roots):
        return None
    at = roots[np.abs(roots - near).argmin()]
    return np.array([np.polyval(factors[:, axis], at) for axis in (0, 1)])


def camera_of(path: Path) -> TableCamera:
    """Return a camera that a .yaml of tt3d holds with rvec, tvec and f."""
    text = path.read_text()
    numbers = {key: np.array(json.loads(re.search(rf"(?m)^{key}: (.*)$", text)[1])) for key in ("rvec", "tvec", "f")}
    rotation, _ = cv2.Rodrigues(numbers["rvec"])
    position = -rotation.T @ numbers["tvec"] + (0, 0, TABLE_HEIGHT + TT3D_LIFT)
    return TableCamera(position, rotation, float(numbers["f"]), np.array([WIDTH / 2, HEIGHT / 2]), WIDTH)


def seen_by(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return times and pixels of a flight as a camera of tt3d has it."""
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    return table[:, 0] - table[0, 0], table[:, 4:6]


def measure_physics(folder: Path) -> None:
    """Print drag, lift and restitution of real flights beside those of `ttcli.physics`."""
    drags, lifts = [], []
    for flight in [*tt3d(folder / "tt3d"), *spindoe(folder / "spindoe")]:
        end = len(flight.times) if flight.bounce is None else flight.bounce - 1
        times, places = flight.times[:end], flight.places[:end]
        if end < 25 or times[-1] < 0.15:
            continue
        factors = np.polyfit(times, places, 3)
        middle = times.mean()
        bend, velocity = (
            np.array([np.polyval(np.polyder(factors[:, axis], order), middle) for axis in range(3)]) for order in (2, 1)
        )
        speed = np.linalg.norm(velocity)
        free = bend - GRAVITY
        drags.append((speed, -(free @ velocity) / speed**3 / AIR))
        if flight.spin is not None:
            across = np.cross(flight.spin, velocity)
            share = BALL_RADIUS * np.linalg.norm(flight.spin) / speed
            turn = np.linalg.norm(across) / np.linalg.norm(flight.spin) / speed
            if turn > 0.5:
                lifts.append((share, free @ across / np.linalg.norm(across) / speed**2 / AIR / turn))
    print("drag coefficient:")
    told_by(np.array(drags), (2, 5, 7, 9, 16), "m/s", drag_coefficient)
    print("lift coefficient by surface speed / speed, flights with a labelled spin:")
    told_by(np.array(lifts), (0, 0.25, 0.4, 0.6, 0.9, 3), "", lift_coefficient)


def told_by(pairs: np.ndarray, edges: tuple[float, ...], unit: str, model) -> None:
    """Print medians of numbers in ranges of others."""
    for low, high in itertools.pairwise(edges):
        chosen = pairs[(pairs[:, 0] >= low) & (pairs[:, 0] < high)]
        if len(chosen):
            quarter, middle, other = np.quantile(chosen[:, 1], (0.25, 0.5, 0.75))
            here = f"here {model(np.median(chosen[:, 0])):.3f}, {len(chosen)} flights"
            print(f"  {low:g} to {high:g} {unit}: {middle:.3f} ({quarter:.3f} to {other:.3f}), {here}")


def measure_instants(folder: Path) -> None:
    """Print how far from labelled strokes those found are, and whether their sides are right, on labelled paths of OpenTTGames."""
    total = np.zeros(5, int)
    for labels in sorted(folder.glob("*/annotations/*/events_extended.json")):
        path = labels.with_name("ball_markup.json")
        if not path.exists():
            continue
        hits = labelled_strokes(labels)
        found = strokes_on(path)
        if not hits:
            continue
        counts = compared(hits, found)
        total += counts
        found_here = f"{counts[1]} within 0.25 s, {counts[2]} within 50 ms, side right in {counts[3]}"
        print(f"{labels.parent.name}: {counts[0]} labelled, {found_here}; {counts[4]} found")
    near, close, side = total[1] / total[0], total[2] / total[1], total[3] / total[1]
    print(f"all: {total[0]} labelled, {near:.3f} within 0.25 s; of these {close:.3f} within 50 ms, side {side:.3f}")


def labelled_strokes(path: Path) -> list[tuple[float, str]]:
    """Return the instants and sides of the labelled strokes of a game, 120 frames a second."""
    found = []
    for frame, said in json.loads(path.read_text()).items():
        for word in [said] if isinstance(said, str) else said:
            parts = str(word).split()[0].split("_")
            if parts[0] in ("left", "right") and any(kind in parts for kind in ("forehand", "backhand", "serve")):
                found.append((int(frame) / 120, parts[0]))
    return sorted(found)


def strokes_on(path: Path) -> list[tuple[float, str | None]]:
    """Return the instants and sides of the strokes on a labelled path, its table unknown."""
    sightings, spotter, events = Sightings(), EventSpotter(load_spotters(), 1080, 1920, 0.5), []
    for frame, place in sorted((int(frame), place) for frame, place in json.loads(path.read_text()).items()):
        seen = place["x"] >= 0 and place["y"] >= 0
        where = (float(place["x"]), float(place["y"])) if seen else (None, None)
        row = BallPosition(frame, frame / 120, *where, None, Status.SEEN if seen else Status.UNSEEN)
        sightings.add(row)
        events += spotter.add(row)
    events += spotter.finish()
    found = []
    for exchange in find_exchanges(contacts_of(events, sightings, None)):
        for flight in flights_of(exchange.contacts, sightings, 1920):
            name = flight.court.name(flight.side) if flight.court is not None and flight.side else None
            found.append((flight.start, name))
    return sorted(found)


def compared(hits: list[tuple[float, str]], found: list[tuple[float, str | None]]) -> np.ndarray:
    """Return how many strokes are labelled, found within 0.25 s, within 50 ms, on the right side, and how many are found."""
    times = np.array([time for time, _ in found])
    counts = [len(hits), 0, 0, 0, len(found)]
    for time_of_hit, side in hits:
        if len(times) and np.abs(times - time_of_hit).min() < 0.25:
            nearest = int(np.abs(times - time_of_hit).argmin())
            counts[1] += 1
            counts[2] += abs(times[nearest] - time_of_hit) <= 0.05
            counts[3] += found[nearest][1] == side
    return np.array(counts)


if __name__ == "__main__":
    main()
