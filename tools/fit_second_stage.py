"""Fit how much the second stage counts beside the first network, on simulated video, and say what it gives.

    python tools/fit_second_stage.py calibration/ [more/ ...] --second-stage runs/closer/last.safetensors --measure simulated/

Each folder is a set as for `tools/fit_flight.py`. Both networks run once over each video. The factors of their log odds, and a
constant, are fitted to which of the candidates that were looked at are the ball (logistic regression), and are then multiplied
and shifted together to the likelihood of what the judgement over time makes of them. Results go to stdout, or with --write into
the metadata of the first network's checkpoint, where `detect` finds them.
"""

import argparse
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from fit_flight import Clip, cost, figures, labelled_clip

from ttcli.configs import DetectConfig
from ttcli.detection.plan import plan_at
from ttcli.detection.proposals import network_predictor
from ttcli.detection.tracking import Flight
from ttcli.inference.answers import CANDIDATES
from ttcli.inference.runtimes import Runtime, SecondNetwork, TorchRuntime, load_runtime
from ttcli.inference.second_stage import LEAST_LOGIT, worth_a_look
from ttcli.labels.sources import Source, find_sources
from ttcli.networks.checkpoints import SECOND_STAGE_WEIGHTS, load_checkpoint, packaged, save_checkpoint
from ttcli.networks.odds import log_odds
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

PLAIN = {"slope": 1.0, "bias": 0.0}
FACTORS, SHIFTS = (0.8, 1.0, 1.2, 1.4, 1.7), (-1.0, -0.5, 0.0, 0.5)
"""What fitted factors are multiplied by, and what is added, for the judgement over time."""


class Told(NamedTuple):
    """What both networks say of a video's candidates."""

    clip: Clip
    """With the places that both agree on."""
    own: np.ndarray
    """(T, K) log odds of the first network."""
    look: np.ndarray
    """(T, K) of the second."""


class Noting(SecondNetwork):
    """A second stage that leaves the first network's opinion as it is, and notes both."""

    def probability(self, own: np.ndarray, look: np.ndarray, calibration: dict[str, float]) -> np.ndarray:
        """Return the first network's probability."""
        self.runtime.noted.append((own, look))
        return 1 / (1 + np.exp(-own))


def listen(source: Source, runtime: Runtime) -> Told:
    """Run both networks over one video."""
    info = probe(source.video)
    plan = plan_at(info, runtime, DetectConfig(), *runtime.working_size(*info.square_size))
    runtime.second.runtime.noted = noted = []
    times = []

    def noting(frames):
        for frame in frames:
            times.append(frame.time_seconds)
            yield frame

    with FrameReader(info, plan.height, plan.width, large_size=plan.large_size) as reader:
        predictor = network_predictor(plan, runtime)
        answers = list(predictor.answers(noting(reader)))
    peaks, said = np.array([[tuple(peak) for peak in answer.peaks] for answer in answers]), iter(noted)
    unseen = np.array([log_odds(np.zeros(CANDIDATES)), np.full(CANDIDATES, LEAST_LOGIT)])  # of frames that no network looked at
    own, look = np.array([next(said) if answer.peaks[0].probability else unseen for answer in answers]).swapaxes(0, 1)
    return Told(labelled_clip(source, info, np.array(times), peaks, plan.height, plan.width), own, look)


def noting_runtime(weights: Path | None, second_stage: Path) -> Runtime:
    """Return the first network with a second stage that notes what both say of all that may be the ball."""
    runtime, second = load_runtime(weights, "cpu", "auto"), load_checkpoint(second_stage)
    runtime.second = Noting(TorchRuntime(second.model, second.metadata, "cpu"), 1.0, 1.0, 0.0)
    return runtime


def told_of(folders: Iterable[Path], runtime: Runtime) -> list[Told]:
    """Run both networks over all labelled videos of some folders."""
    sources = itertools.chain.from_iterable(map(find_sources, folders))
    return [listen(source, runtime) for source in sources if source.video and source.balls]


def fit_weights(told: list[Told]) -> dict[str, float]:
    """Return own, look and bias of which what the judgement over time makes of both is likeliest, rounded."""
    fitted = fit(told)
    grid = [fitted * factor + (0, 0, shift) for factor, shift in itertools.product(FACTORS, SHIFTS)]
    best = min(grid, key=lambda each: cost(together(told, each), PLAIN, Flight()))
    return dict(zip(("own", "look", "bias"), best.round(2).tolist(), strict=True))


def fit(told: list[Told]) -> np.ndarray:
    """Return own, look and bias by which the candidates that were looked at are most likely what they are."""
    asked = [each.clip.known[:, None] & worth_a_look(each.own) for each in told]
    own, look, right = (
        torch.tensor(np.concatenate([part(each)[rows] for each, rows in zip(told, asked, strict=True)]), dtype=torch.float64)
        for part in (lambda each: each.own, lambda each: each.look, lambda each: each.clip.right)
    )
    inputs = torch.stack([own, look, torch.ones_like(own)], 1)
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(inputs @ weights, right)
        value.backward()
        return value

    optimizer.step(loss)
    return weights.detach().numpy()


def together(told: list[Told], weights: np.ndarray) -> list[Clip]:
    """Return the clips with the log odds that follow from both networks."""
    own, look, bias = weights
    return [each.clip._replace(logits=own * each.own + look * each.look + bias) for each in told]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path, help="first network; else the default one in the package")
    parser.add_argument(
        "--second-stage",
        "--closer",
        dest="second",
        type=Path,
        default=SECOND_STAGE_WEIGHTS,
        help="else that of the package",
    )
    parser.add_argument("--measure", action="append", default=[], type=Path)
    parser.add_argument("--write", action="store_true", help="into the first network's checkpoint")
    options = parser.parse_args()
    runtime = noting_runtime(options.weights, options.second)
    told = told_of(options.folders, runtime)
    counts = fit_weights(told)
    print(*(f"{name} {value}" for name, value in counts.items()), sep=", ")
    weights = np.array([*counts.values()])
    for name, measured in [("fitted on", told), *((folder, told_of([folder], runtime)) for folder in options.measure)]:
        alone = [each.clip._replace(logits=each.own) for each in measured]
        for how, clips, calibration in (("alone", alone, runtime.calibration), ("both", together(measured, weights), PLAIN)):
            print(f"{name}, {how}: {figures(clips, calibration, Flight())}  cost {cost(clips, calibration, Flight()):.4f}")
    if options.write:
        path = packaged(options.weights)
        checkpoint = load_checkpoint(path)
        save_checkpoint(path, checkpoint.model, checkpoint.metadata | {"second_stage": counts}, dtype=torch.int8)


if __name__ == "__main__":
    main()
