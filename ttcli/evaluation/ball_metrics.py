"""How right a predicted trajectory is: the ball metrics, their 95 % intervals and their strata.

Distances are d = distance * 1920 / width, source pixels scaled to a picture 1920 wide, so that clips compare.
Only labelled frames count; a labelled frame that the prediction says nothing about counts as not claimed.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.labels.rallies import rally_numbers

REFERENCE_WIDTH = 1920
SLOW, FAST = 10.0, 40.0
"""Bounds of the strata of speed, in pixels per frame on a picture 1920 wide."""
STRATA = (
    "not visible",
    "visible, below 10 px a frame",
    "visible, 10 to 40 px a frame",
    "visible, above 40 px a frame",
    "visible, speed unknown",
)
"""Names of the values in `Outcomes.stratum`."""


@dataclass(frozen=True)
class Outcomes:
    """What was true and what was claimed in each of N labelled frames; distances are inf where nothing can be found."""

    rally: np.ndarray
    """(N,) int: the rally that the frame belongs to, from 0 on."""
    stratum: np.ndarray
    """(N,) int: index into STRATA."""
    visible: np.ndarray
    """(N,) bool: the ball is visible."""
    claimed: np.ndarray
    """(N,) bool: the prediction gives a position."""
    distance: np.ndarray
    """(N,) float: between claim and label, in pixels of a picture 1920 wide."""
    distance_512: np.ndarray
    """(N,) float: the same on the picture squashed to 512x512."""
    distance_512x288: np.ndarray
    """(N,) float: the same on the picture squashed to 512x288."""


@dataclass(frozen=True)
class BallMetrics:
    """The metrics of one clip, or of several pooled."""

    labelled: int
    """Labelled frames."""
    visible: int
    """Labelled frames with a visible ball."""
    claims: int
    """Labelled frames for which the prediction gives a position."""
    rallies: int
    figures: dict[str, float | None]
    """Each metric by its name; None where it is 0/0."""
    intervals: dict[str, tuple[float, float] | None]
    """95 % interval of each metric; None with fewer than two rallies."""
    strata: list[dict[str, Any]]
    """What was found in each stratum that has frames."""

    def as_json(self) -> dict[str, Any]:
        """Return everything as one dict for JSON, the metrics under their names."""
        counts = {"labelled": self.labelled, "visible": self.visible, "claims": self.claims, "rallies": self.rallies}
        return {**counts, **self.figures, "intervals_95": self.intervals, "strata": self.strata}


def compare(predicted: Mapping[int, BallLabel], truth: Mapping[int, BallLabel], height: int, width: int) -> Outcomes:
    """Return the outcome at each labelled frame of one clip.

    Args:
        predicted: Claims by frame index; a frame without a key, or not visible, is no claim.
        truth: Labels by frame index; a frame without a key is unknown and does not count.
        height: Height of the picture that positions lie on, in pixels.
        width: Its width.
    """
    frames = sorted(truth)
    claims = [predicted.get(frame_index, NOT_VISIBLE) for frame_index in frames]
    labels = [truth[frame_index] for frame_index in frames]
    errors = np.array([_error(claim, label) for claim, label in zip(claims, labels, strict=True)]).reshape(-1, 2)
    return Outcomes(
        rally=rally_numbers(frames),
        stratum=np.array([_stratum(truth, frame_index, width) for frame_index in frames], dtype=int),
        visible=np.array([label.visible for label in labels], dtype=bool),
        claimed=np.array([claim.visible for claim in claims], dtype=bool),
        distance=np.hypot(errors[:, 0], errors[:, 1]) * REFERENCE_WIDTH / width,
        distance_512=np.hypot(errors[:, 0] * 512 / width, errors[:, 1] * 512 / height),
        distance_512x288=np.hypot(errors[:, 0] * 512 / width, errors[:, 1] * 288 / height),
    )


def pool(clips: Sequence[Outcomes]) -> Outcomes:
    """Return the frames of several clips as if they were one, with rallies kept apart."""
    shifted, first = [], 0
    for clip in clips:
        shifted.append(clip.rally + first)
        first += _rally_count(clip)
    columns = {field.name: np.concatenate([getattr(clip, field.name) for clip in clips]) for field in fields(Outcomes)}
    return Outcomes(**{**columns, "rally": np.concatenate(shifted)})


def ball_metrics(outcomes: Outcomes, bootstrap: int = 1000, seed: int = 0) -> BallMetrics:
    """Return every metric of the given frames.

    Args:
        outcomes: What `compare` or `pool` returned.
        bootstrap: Resamplings of whole rallies behind each interval; 0 leaves the intervals out.
        seed: The same seed gives the same intervals.
    """
    terms = _terms(outcomes)
    figures = _figures({name: values.sum() for name, values in terms.items()})
    figures["median"] = _medians(outcomes, np.ones((1, _rally_count(outcomes))))[0]
    return BallMetrics(
        labelled=len(outcomes.visible),
        visible=int(outcomes.visible.sum()),
        claims=int(outcomes.claimed.sum()),
        rallies=_rally_count(outcomes),
        figures={name: _number(value) for name, value in figures.items()},
        intervals=_intervals(outcomes, terms, figures, bootstrap, seed),
        strata=_strata(outcomes),
    )


def _error(claim: BallLabel, label: BallLabel) -> tuple[float, float]:
    claimed, labelled = claim.place, label.place
    if claimed is None or labelled is None:
        return math.inf, math.inf
    return claimed[0] - labelled[0], claimed[1] - labelled[1]


def _stratum(truth: Mapping[int, BallLabel], frame_index: int, width: int) -> int:
    """Return the index into STRATA, by the mean distance to the visible balls one frame before and after."""
    place = truth[frame_index].place
    if place is None:
        return 0
    neighbours = [truth.get(frame_index + step, NOT_VISIBLE).place for step in (-1, 1)]
    steps = [math.hypot(other[0] - place[0], other[1] - place[1]) for other in neighbours if other is not None]
    if not steps:
        return 4
    speed = sum(steps) / len(steps) * REFERENCE_WIDTH / width
    return 1 if speed < SLOW else 2 if speed <= FAST else 3


def _rally_count(outcomes: Outcomes) -> int:
    return int(outcomes.rally[-1]) + 1 if len(outcomes.rally) else 0


def _terms(outcomes: Outcomes) -> dict[str, np.ndarray]:
    """Return, per frame, the terms whose sums give every metric but the median: each of shape (N,)."""
    visible, claimed = outcomes.visible, outcomes.claimed
    found = outcomes.distance <= 10
    terms = {
        "labelled": np.ones(len(visible)),
        "visible": visible,
        "claims": claimed,
        "false_claims": claimed & ~visible,
        "silent": ~claimed & ~visible,
        "found_5": outcomes.distance <= 5,
        "found_10": found,
        "found_4px": outcomes.distance_512x288 <= 4,
        "square": np.where(found, outcomes.distance**2, 0),
        "square_512": np.where(found, outcomes.distance_512**2, 0),
    }
    return {name: values.astype(float) for name, values in terms.items()}


def _figures(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics from sums of terms (numbers, or arrays of one sum per resampling); NaN is 0/0.

    A claim that is further off than the tolerance is a false claim, and its ball is a missed one. The evaluation
    scripts of the TrackNet family count it as a false claim only, so their F1 is never lower than the one here.
    """
    n = {name: np.asarray(value) for name, value in sums.items()}
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "accuracy@5": (n["found_5"] + n["silent"]) / n["labelled"],
            "accuracy@10": (n["found_10"] + n["silent"]) / n["labelled"],
            "recall@10": n["found_10"] / n["visible"],
            "precision@10": n["found_10"] / n["claims"],
            "f1@10": 2 * n["found_10"] / (n["visible"] + n["claims"]),
            "rmse": np.sqrt(n["square"] / n["found_10"]),
            "rmse_512": np.sqrt(n["square_512"] / n["found_10"]),
            "f1@4px_512x288": 2 * n["found_4px"] / (n["visible"] + n["claims"]),
            "false_claims_per_1000": 1000 * n["false_claims"] / (n["labelled"] - n["visible"]),
        }


def _medians(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Return the median distance of true positives, with each rally counted as often as its weight says.

    Args:
        outcomes: N frames of R rallies.
        weights: How often each rally was drawn, shape (B, R).

    Returns:
        Shape (B,); NaN where no ball was found.
    """
    found = outcomes.distance <= 10
    order = np.argsort(outcomes.distance[found], kind="stable")
    distances, rallies = outcomes.distance[found][order], outcomes.rally[found][order]
    medians = np.full(len(weights), np.nan)
    for index, weight in enumerate(weights):
        seen = np.cumsum(weight[rallies])
        if len(seen) and seen[-1] > 0:
            # The two differ only where the middle falls between two values: the mean of both is the median then.
            lower, upper = (np.searchsorted(seen, seen[-1] / 2, side=side) for side in ("left", "right"))
            medians[index] = (distances[lower] + distances[upper]) / 2
    return medians


def _intervals(
    outcomes: Outcomes, terms: Mapping[str, np.ndarray], names: Collection[str], bootstrap: int, seed: int
) -> dict[str, tuple[float, float] | None]:
    """Return percentile intervals over resamplings of whole rallies, for frames of one rally are much alike."""
    rallies = _rally_count(outcomes)
    if rallies < 2 or bootstrap < 1:
        return dict.fromkeys(names)
    draws = np.random.default_rng(seed).multinomial(rallies, np.full(rallies, 1 / rallies), size=bootstrap)  # (B, R)
    per_rally = {name: np.bincount(outcomes.rally, values, rallies) for name, values in terms.items()}
    samples = _figures({name: draws @ values for name, values in per_rally.items()})
    samples["median"] = _medians(outcomes, draws)
    return {name: _interval(samples[name]) for name in names}


def _interval(samples: np.ndarray) -> tuple[float, float] | None:
    defined = samples[~np.isnan(samples)]
    if not len(defined):
        return None
    low, high = np.percentile(defined, (2.5, 97.5))
    return float(low), float(high)


def _strata(outcomes: Outcomes) -> list[dict[str, Any]]:
    rows = []
    for index, name in enumerate(STRATA):
        inside = outcomes.stratum == index
        if not inside.any():
            continue
        part = Outcomes(**{field.name: getattr(outcomes, field.name)[inside] for field in fields(Outcomes)})
        figures = _figures({term: values.sum() for term, values in _terms(part).items()})
        wanted = ("recall@10", "rmse") if part.visible.any() else ("false_claims_per_1000",)
        rows.append({"stratum": name, "frames": int(inside.sum()), **{key: _number(figures[key]) for key in wanted}})
    return rows


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
