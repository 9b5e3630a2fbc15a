r"""Train the network that tells events from paths, and measure it on labelled paths.

    python tools/train_spotter.py -o ttcli/weights/events/path_spotter.safetensors --minutes 60
    python tools/train_spotter.py -o real.safetensors --minutes 30 --init simulated.safetensors \
        --labels OpenTTGames/training/annotations/game_1 --labels OpenTTGames/training/annotations/game_2
    python tools/train_spotter.py --init spotter.safetensors --measure OpenTTGames/test/annotations/test_1
    python tools/train_spotter.py --init spotter.safetensors --simulated 200
    python tools/train_spotter.py -o ttcli/weights/events/spotter_above.safetensors --minutes 70 --above \
        --init ttcli/weights/events/path_spotter.safetensors --learning-rate 0.002

The first line makes the weights of the package again: simulated flights, seen by simulated cameras. --labels adds paths
that people labelled, folders with ball_markup.json and events_markup.json; every second track is of them then, and the
weights are under the licence of the labels. Without -o nothing is trained. --measure prints PCE and SPCE at the labelled
moments, by the network's own probabilities, with --noise, --dropped and --cut on paths made worse. --simulated prints how well
events are spotted on so many simulated tracks that were not trained on.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from ttcli.evaluation.event_metrics import NAMES, EventOutcomes, event_metrics, pool_events
from ttcli.labels.openttgames import FRAME_RATE, PICTURE_HEIGHT, PICTURE_WIDTH, read_events_markup
from ttcli.labels.problems import Problems
from ttcli.results.trajectory import BallPosition, Status
from ttcli.spotting.labelled import LabelledTracks, cut_runs, read_folder
from ttcli.spotting.network import PathSpotter
from ttcli.spotting.paths import Grid, Track, resample
from ttcli.spotting.simulated import ABOVE, ANYWHERE, SimulatedTracks
from ttcli.spotting.spotter import spot_events, window_probabilities
from ttcli.spotting.training import train_spotter
from ttcli.spotting.weights import Spotters, load_spotter, save_spotter


def worsened(track: Track, noise: float, dropped: float, cut: bool, random: np.random.Generator) -> Track:
    """Return a track with noise (pixels of full HD), a share of its sightings dropped, and the ends of its runs cut."""
    kept = random.random(len(track.times)) >= dropped
    if cut:
        kept &= cut_runs(track.times, random, before=2, after=10)
    error = random.normal(size=track.positions.shape) * noise / PICTURE_WIDTH
    return Track(track.times[kept], (track.positions + error)[kept], track.confidences[kept])


def probabilities_at(grid: Grid, probabilities: np.ndarray, time: float) -> np.ndarray:
    """Return the probabilities (2,) at a moment; none where nobody saw the ball then."""
    away = np.abs(grid.times - time)
    step = int(np.nanargmin(away))
    return probabilities[:, step] if away[step] < 0.5 / FRAME_RATE else np.zeros(len(NAMES))


def measure(model: PathSpotter, folders: list[Path], noise: float, dropped: float, cut: bool, seed: int) -> dict[str, object]:
    """Return PCE and SPCE over the labelled moments of some folders, and by kind of moment."""
    random = np.random.default_rng(seed)
    outcomes: dict[str, list[tuple[bool, bool]]] = {}
    for folder in folders:
        grid = resample(worsened(read_folder(folder).track, noise, dropped, cut, random))
        probabilities = window_probabilities(model, grid)
        for label in read_events_markup(folder / "events_markup.json", Problems().add):
            right = np.array([label.event == name for name in NAMES])
            found = probabilities_at(grid, probabilities, label.frame_index / FRAME_RATE)
            outcome = bool(((found >= 0.5) == right).all()), bool((np.abs(found - right) <= 0.25).all())
            outcomes.setdefault(label.event, []).append(outcome)
    every = [outcome for kind in outcomes.values() for outcome in kind]
    rows = {"all": every, **outcomes}
    return {kind: {"count": len(row), "pce": _share(row, 0), "spce": _share(row, 1)} for kind, row in rows.items()}


def _share(outcomes: list[tuple[bool, bool]], column: int) -> float:
    return round(sum(outcome[column] for outcome in outcomes) / max(1, len(outcomes)), 4)


def measure_simulated(model: PathSpotter, count: int, seed: int) -> dict[str, object]:
    """Return figures of spotting on simulated tracks; only events of which the ball was seen around can be found."""
    source = SimulatedTracks(seed)
    outcomes = []
    for _ in range(count):
        track, events = source.draw()
        middle = np.array([(PICTURE_WIDTH - 1) / 2, (PICTURE_HEIGHT - 1) / 2])
        rows = [
            BallPosition(frame, time, *place, sure, Status.SEEN)
            for frame, (time, place, sure) in enumerate(
                zip(
                    track.times.tolist(),
                    (track.positions * PICTURE_WIDTH + middle).tolist(),
                    track.confidences.tolist(),
                    strict=True,
                )
            )
        ]
        found = list(spot_events(rows, Spotters(model, model), PICTURE_HEIGHT, PICTURE_WIDTH, 0.5))
        grid = resample(track)
        seen = {name: [time for time in times if is_seen(grid, time)] for name, times in events.items() if name in NAMES}
        outcomes.append(
            EventOutcomes(
                labels=[(time, name) for name, times in seen.items() for time in times],
                found=[(event.time_seconds, event.event, event.confidence) for event in found],
            )
        )
    metrics = event_metrics(pool_events(outcomes)).as_json()
    return {key: value for key, value in metrics.items() if key != "matches"}


def is_seen(grid: Grid, time: float) -> bool:
    """Return whether a moment lies within a run of sightings."""
    return bool(len(grid.times)) and bool((np.abs(grid.times - time) < 1 / FRAME_RATE).any())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="the .safetensors; without it nothing is trained")
    parser.add_argument("--minutes", type=float, default=60.0, help="wall time to train for")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--above", action="store_true", help="train on cameras over a known table only")
    parser.add_argument("--init", type=Path, help="weights to begin with")
    parser.add_argument("--labels", action="append", default=[], type=Path, help="folder of labelled paths to train on too")
    parser.add_argument("--licence", help="of the weights; else MIT without --labels, and that of the labels with them")
    parser.add_argument("--measure", action="append", default=[], type=Path, help="folder of labelled paths to measure on")
    parser.add_argument("--noise", type=float, default=0.0, help="pixels, of the paths that are measured on")
    parser.add_argument("--dropped", type=float, default=0.0, help="share of sightings, the same")
    parser.add_argument("--cut", action="store_true", help="cut up to 2 frames before and 10 after from runs, the same")
    parser.add_argument("--simulated", type=int, default=0, help="simulated tracks to measure on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    model = load_spotter(options.init) if options.init else PathSpotter()
    if options.output:
        sources = [SimulatedTracks(options.seed + 1, scenes=ABOVE if options.above else ANYWHERE).draw]
        if options.labels:
            sources.append(LabelledTracks([read_folder(folder) for folder in options.labels], options.seed + 1).draw)
        steps = train_spotter(
            model,
            sources,
            options.batch,
            options.learning_rate,
            options.minutes,
            options.seed,
            lambda line: print(line, flush=True),
        )
        metadata = {
            "training_data": "simulation" + (" and labelled paths" if options.labels else ""),
            "licence": options.licence or ("that of the labels" if options.labels else "MIT"),
            "steps": steps,
            "batch": options.batch,
            "seed": options.seed,
        }
        save_spotter(options.output, model, metadata)
        model = load_spotter(options.output)
    if options.measure:
        print(json.dumps(measure(model, options.measure, options.noise, options.dropped, options.cut, options.seed), indent=2))
    if options.simulated:
        print(json.dumps(measure_simulated(model, options.simulated, options.seed + 1000), indent=2))


if __name__ == "__main__":
    main()
