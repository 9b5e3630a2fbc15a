"""Training of a spotting network on tracks, on one processor core, in minutes."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ttcli.errors import TrainingError
from ttcli.networks.devices import cpu_multiplies_in_bf16
from ttcli.spotting.network import EARLY, PathSpotter
from ttcli.spotting.paths import FEATURES, TABLE_FEATURES, Track, resample, soft_targets
from ttcli.spotting.simulated import LabelledTrack
from ttcli.spotting.table_views import MIRROR

STEPS = 1536
"""Steps of the grid in a track: 13 s of sightings."""
POOL = 6
"""Batches that are sorted by length together."""
WARMUP = 100
AVERAGE_DECAY = 0.998
"""Decay of the weights that are kept, a running mean of those that are trained."""
EARLY_WEIGHT = 0.5
"""Weight of the early answers' loss against the events' loss."""


class TrackBatch(NamedTuple):
    """B tracks at S steps."""

    features: Tensor  # (B, FEATURES, S)
    early: Tensor  # (B, 2, S) soft targets of EARLY
    events: Tensor  # (B, 2, S) soft targets of EVENTS
    early_known: Tensor  # (B, 2, 1): labelled tracks do not tell of hits


def batch_tracks(tracks: Sequence[LabelledTrack], random: np.random.Generator) -> TrackBatch:
    """Return tracks cut to STEPS at random, or to the longest of them if that is less, half of them mirrored."""
    grids = [resample(track) for track, _ in tracks]
    steps = min(STEPS, max(1, *(len(grid.times) for grid in grids)))
    features = torch.zeros(len(tracks), FEATURES, steps)
    targets = torch.zeros(len(tracks), 3, steps)
    known = torch.ones(len(tracks), 2, 1)
    for row, (grid, (_, events)) in enumerate(zip(grids, tracks, strict=True)):
        begin = random.integers(max(1, len(grid.times) - steps + 1))
        cut = slice(begin, begin + steps)
        length = len(grid.times[cut])
        features[row, :, :length] = torch.from_numpy(grid.features[:, cut])
        for index, name in enumerate(("bounce", "net", "hit")):
            if name in events:
                targets[row, index, :length] = torch.from_numpy(soft_targets(grid.times[cut], events[name]))
            else:
                known[row, EARLY.index(name)] = 0
        if random.random() < 0.5:
            features[row, [2, 4]] *= -1
            features[row, -TABLE_FEATURES:] *= MIRROR[:, None]
    return TrackBatch(features, targets[:, [0, 2]], targets[:, :2], known)


def draw_batches(
    sources: Sequence[Callable[[], LabelledTrack]], batch: int, random: np.random.Generator
) -> Iterator[TrackBatch]:
    """Yield batches without end, of tracks of like length: else half of the steps would be empty."""
    while True:
        tracks = [sources[index % len(sources)]() for index in range(POOL * batch)]
        tracks.sort(key=lambda track: _seen_seconds(track.track))
        for index in random.permutation(POOL):
            yield batch_tracks(tracks[index * batch : (index + 1) * batch], random)


def _seen_seconds(track: Track) -> float:
    """Return how long the ball is followed, about: in what order is all that matters."""
    return float(np.minimum(np.diff(track.times), 0.1).sum())


def spotting_loss(model: PathSpotter, batch: TrackBatch) -> Tensor:
    """Return the cross-entropy over valid steps, of the events, first and last, and of the early answers."""
    answer = model(batch.features)
    valid = batch.features[:, :1]
    early = _cross_entropy(answer.early, batch.early, valid * batch.early_known)
    return sum(_cross_entropy(logits, batch.events, valid) for logits in (answer.first, answer.events)) + EARLY_WEIGHT * early


def _cross_entropy(logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    losses = functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
    known = known.expand_as(losses)
    return (losses * known).sum() / known.sum().clamp_min(1)


def train_spotter(
    model: PathSpotter,
    sources: Sequence[Callable[[], LabelledTrack]],
    batch: int,
    learning_rate: float,
    minutes: float,
    seed: int = 0,
    tell: Callable[[str], None] = lambda message: None,
) -> int:
    """Train a network in place, leave it with the mean of its late weights and in eval mode; return the steps taken.

    Args:
        model: The network.
        sources: Draw tracks; each batch takes as many from each.
        batch: Tracks per step.
        learning_rate: Highest of AdamW; rises over WARMUP steps, then falls along a cosine to zero, by the clock.
        minutes: Wall time.
        seed: Seed of cuts and mirrors.
        tell: Takes a line now and then.

    Raises:
        TrainingError: The loss is not finite.
    """
    batches = draw_batches(sources, batch, np.random.default_rng(seed))
    optimiser = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=0.01)
    mean = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    started, losses = time.monotonic(), []
    model.train()
    for step in count():
        done = (time.monotonic() - started) / (60 * minutes)
        if done >= 1:
            break
        rate = learning_rate * min(1.0, (step + 1) / WARMUP) * (0.5 + 0.5 * np.cos(np.pi * done))
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=cpu_multiplies_in_bf16()):
            loss = spotting_loss(model, next(batches))
        if not torch.isfinite(loss):
            raise TrainingError("spotter", f"loss is {loss.item()} at step {step}", "lower the learning rate")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        decay = min(AVERAGE_DECAY, step / (step + 10))
        for name, tensor in model.state_dict().items():
            mean[name].lerp_(tensor, 1 - decay)
        losses.append(loss.item())
        if step % 100 == 99:
            tell(f"step {step + 1}: loss {np.mean(losses[-100:]):.4f}, {time.monotonic() - started:.0f} s")
    model.load_state_dict(mean)
    model.eval()
    return len(losses)
