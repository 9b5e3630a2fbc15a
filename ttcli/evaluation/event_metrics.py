"""How right the events found in a video are: PCE and SPCE at labelled moments, and spotting over the whole video."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ttcli.results.events import Event

NAMES = ("bounce", "net")
"""Events that are measured; others are passed over."""
REFERENCE_RATE = 120
"""Frame rate in whose frames tolerances are given; at other rates the same time counts."""
TOLERANCES = (1, 2, 4, 12)
"""Frames of 1/120 s: 8, 17, 33 and 100 ms. The last one tells an event that is late from one that is missed."""
BLOCK_SECONDS = 10.0
"""Pieces of video, about a rally each, that are resampled as wholes: what goes wrong in a rally goes wrong together."""
SOFT_FRAMES = 4
"""Frames of 1/120 s from an event to where it is not any more."""


@dataclass(frozen=True)
class EventOutcomes:
    """What was labelled and what was found in one video, or in several one after another."""

    labels: list[tuple[float, str]]
    """Seconds and name of each labelled moment; `empty_event` and others are moments at which no event happens."""
    found: list[tuple[float, str, float]]
    """Seconds, name and confidence of each event found."""

    @cached_property
    def by_name(self) -> dict[str, list[tuple[float, float]]]:
        """Seconds and confidence of the events of each of NAMES, in order."""
        return {name: sorted((time, sure) for time, kind, sure in self.found if kind == name) for name in NAMES}


@dataclass(frozen=True)
class EventMetrics:
    """The metrics of one video, or of several together."""

    figures: dict[str, float | None]
    """Each metric by its name; None where it is 0/0."""
    by_event: dict[str, dict[str, float | None]]
    """The same for each name in NAMES, and counts."""
    matches: list[dict[str, Any]] = field(default_factory=list)
    """Each labelled event with the one found for it at the widest tolerance, if any."""
    intervals: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    """95 of 100 resamplings of pieces of BLOCK_SECONDS lie between these, for PCE, SPCE and what spotting counts; None
    where there is one piece only."""

    def as_json(self) -> dict[str, Any]:
        """Return everything as one dict for JSON."""
        return {**self.figures, "by_event": self.by_event, "intervals": self.intervals, "matches": self.matches}


def compare_events(found: Sequence[Event], labels: Sequence[tuple[float, str]], frame_rate: float) -> EventOutcomes:
    """Return what was labelled and found, in seconds of a clock that counts frames.

    Args:
        found: The events found.
        labels: Frame, which may be fractional, and name of each labelled moment.
        frame_rate: Frame rate of the video.
    """
    return EventOutcomes(
        labels=[(frame / frame_rate, name) for frame, name in labels],
        found=[(event.frame / frame_rate, event.event, event.certainty) for event in found if event.event in NAMES],
    )


def pool_events(videos: Sequence[EventOutcomes]) -> EventOutcomes:
    """Return the outcomes of several videos as if they were one long one."""
    labels, found, begin = [], [], 0.0
    for video in videos:
        times = [time for time, _ in video.labels] + [time for time, _, _ in video.found]
        labels += [(begin + time, name) for time, name in video.labels]
        found += [(begin + time, name, confidence) for time, name, confidence in video.found]
        begin += max(times, default=0.0) + 60.0
    return EventOutcomes(labels, found)


def event_metrics(outcomes: EventOutcomes, bootstrap: int = 1000, seed: int = 0) -> EventMetrics:
    """Return every metric.

    Args:
        outcomes: What was labelled and found.
        bootstrap: Resamplings behind each interval; 0 leaves the intervals out.
        seed: The same seed gives the same intervals.

    PCE and SPCE follow Voeikov, Falaleev and Baikulov, "TTNet" (2020, arXiv 2004.09927). PCE is the share of
    labelled moments at which the probabilities of both events are on the right side of 0.5; SPCE, within 0.25 of
    what they should be. A list of events gives as the probability at a moment its confidence times cos(n pi / 8), n
    frames of 1/120 s off, 0 from SOFT_FRAMES on. Spotting counts over the whole video: matches are one to one, the
    most confident first.
    """
    figures: dict[str, float | None] = {"labels": len(outcomes.labels), **_percentages(outcomes, outcomes.labels)}
    spotted = {name: _spotting(outcomes, name) for name in NAMES}
    by_event = {
        name: {**spotted[name].figures, **_percentages(outcomes, [label for label in outcomes.labels if label[1] == name])}
        for name in NAMES
    }
    for tolerance in TOLERANCES:
        precisions = [by_event[name][f"ap@{tolerance}"] for name in NAMES]
        defined = [value for value in precisions if value is not None]
        figures[f"map@{tolerance}"] = sum(defined) / len(defined) if defined else None
        keys = (f"right@{tolerance}", "found", "labelled")
        right, found, labelled = (sum(each.counts[key] for each in spotted.values()) for key in keys)
        figures.update(_rates(right, found, labelled, tolerance))
    matches = _matches(outcomes)
    errors = [match["error_ms"] for match in matches if match["error_ms"] is not None]
    figures["mean_abs_error_ms"] = float(np.mean(np.abs(errors))) if errors else None
    return EventMetrics(figures, by_event, matches, _intervals(outcomes, bootstrap, seed) if bootstrap else {})


def _intervals(outcomes: EventOutcomes, bootstrap: int, seed: int) -> dict[str, tuple[float, float] | None]:
    """Return percentile intervals over resamplings of whole pieces of video."""
    terms = _terms(outcomes)
    blocks = sorted({int(time // BLOCK_SECONDS) for times, _ in terms.values() for time in times})
    place = {block: number for number, block in enumerate(blocks)}
    names = ["pce", "spce", *(f"{name}@{n}" for n in TOLERANCES for name in ("precision", "recall", "f1"))]
    if len(blocks) < 2:
        return dict.fromkeys(names)
    draws = np.random.default_rng(seed).multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), size=bootstrap)
    sums = {}
    for name, (times, values) in terms.items():
        rows = [place[int(time // BLOCK_SECONDS)] for time in times]
        sums[name] = draws @ np.bincount(np.array(rows, int), np.array(values, float), len(blocks))
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = {name: sums[name] / sums["moments"] for name in ("pce", "spce")}
        for n in TOLERANCES:
            samples[f"precision@{n}"] = sums[f"right@{n}"] / sums["found"]
            samples[f"recall@{n}"] = sums[f"taken@{n}"] / sums["labelled"]
            samples[f"f1@{n}"] = 2 * sums[f"right@{n}"] / (sums["found"] + sums["labelled"])
    return {name: _interval(samples[name]) for name in names}


def _terms(outcomes: EventOutcomes) -> dict[str, tuple[list[float], list[float]]]:
    """Return what the figures are sums of, each as times in seconds and values."""
    judged = [(time, *_judge(outcomes, time, name)) for time, name in outcomes.labels]
    moments = [time for time, _, _ in judged]
    truth = [(time, name) for time, name in outcomes.labels if name in NAMES]
    terms: dict[str, tuple[list[float], list[float]]] = {
        "moments": (moments, [1.0] * len(moments)),
        "pce": (moments, [float(right) for _, right, _ in judged]),
        "spce": (moments, [float(smooth) for _, _, smooth in judged]),
        "labelled": ([time for time, _ in truth], [1.0] * len(truth)),
        "found": ([time for time, _, _ in outcomes.found], [1.0] * len(outcomes.found)),
    }
    for n in TOLERANCES:
        right, taken = [], []
        for name in NAMES:
            wanted = sorted(time for time, kind in truth if kind == name)
            found = sorted(((time, sure) for time, kind, sure in outcomes.found if kind == name), key=lambda entry: -entry[1])
            for (time, _), index in zip(found, match_one_to_one([time for time, _ in found], wanted, n), strict=True):
                if index is not None:
                    right.append(time)
                    taken.append(wanted[index])
        terms[f"right@{n}"] = right, [1.0] * len(right)
        terms[f"taken@{n}"] = taken, [1.0] * len(taken)
    return terms


def _interval(samples: np.ndarray) -> tuple[float, float] | None:
    defined = samples[np.isfinite(samples)]
    return tuple(np.percentile(defined, (2.5, 97.5)).tolist()) if len(defined) else None


def _percentages(outcomes: EventOutcomes, labels: Sequence[tuple[float, str]]) -> dict[str, float | None]:
    """Return PCE and SPCE over some labelled moments."""
    right = smooth = 0
    for time, name in labels:
        is_right, is_smooth = _judge(outcomes, time, name)
        right += is_right
        smooth += is_smooth
    count = len(labels)
    return {"pce": right / count, "spce": smooth / count} if count else {"pce": None, "spce": None}


def _judge(outcomes: EventOutcomes, time: float, name: str) -> tuple[bool, bool]:
    """Return whether both probabilities at a labelled moment are on the right side of 0.5, and within 0.25."""
    away = np.array([abs(probability_at(outcomes, time, kind) - (name == kind)) for kind in NAMES])
    right = bool(((away < 0.5) | ((away == 0.5) & (np.array(NAMES) == name))).all())
    return right, bool((away <= 0.25).all())


def probability_at(outcomes: EventOutcomes, time: float, kind: str) -> float:
    """Return the probability of one event at a moment, in [0, 1]."""
    found = outcomes.by_name[kind]
    reach = 1.001 * SOFT_FRAMES / REFERENCE_RATE
    near = found[bisect_left(found, (time - reach,)) : bisect_right(found, (time + reach, np.inf))]
    away = ((abs(at - time) * REFERENCE_RATE, confidence) for at, confidence in near)
    return max((sure * float(np.cos(n * np.pi / 8)) for n, sure in away if n < SOFT_FRAMES), default=0.0)


class _Spotted(NamedTuple):
    """How one kind of event was spotted over the whole video."""

    counts: dict[str, int]
    """Those labelled, those found, and the right ones at each tolerance."""
    figures: dict[str, float | None]
    """The counts, and the metrics made from them; None where one is 0/0."""


def _spotting(outcomes: EventOutcomes, name: str) -> _Spotted:
    truth = sorted(time for time, kind in outcomes.labels if kind == name)
    found = sorted(((time, sure) for time, kind, sure in outcomes.found if kind == name), key=lambda entry: -entry[1])
    counts = {"labelled": len(truth), "found": len(found)}
    figures: dict[str, float | None] = {**counts}
    for tolerance in TOLERANCES:
        hits = np.array([index is not None for index in match_one_to_one([time for time, _ in found], truth, tolerance)], bool)
        figures[f"right@{tolerance}"] = counts[f"right@{tolerance}"] = int(hits.sum())
        figures.update(_rates(int(hits.sum()), len(found), len(truth), tolerance))
        figures[f"ap@{tolerance}"] = _average_precision(hits, len(truth))
    errors = [match["error_ms"] for match in _matches(outcomes) if match["event"] == name and match["error_ms"] is not None]
    figures["mean_error_ms"] = float(np.mean(errors)) if errors else None
    figures["mean_abs_error_ms"] = float(np.mean(np.abs(errors))) if errors else None
    return _Spotted(counts, figures)


def match_one_to_one(found: Sequence[float], truth: Sequence[float], tolerance: float) -> list[int | None]:
    """Return for each event found which true one it is, each taken once; None for a false one.

    Args:
        found: Seconds, the most confident first: it chooses first, and takes the nearest.
        truth: Seconds.
        tolerance: Most frames of 1/120 s between the two.
    """
    order = sorted(range(len(truth)), key=lambda index: truth[index])
    times = [truth[index] for index in order]
    free = _Free(len(truth))
    matches: list[int | None] = []
    for time in found:
        place = bisect_left(times, time)
        before = free.before(place)
        if before is not None:  # of several at the same time, the first
            before = free.from_on(bisect_left(times, times[before]))
        near = [at for at in (before, free.from_on(place)) if at is not None]
        nearest = min(near, key=lambda at: (abs(times[at] - time), order[at]), default=None)
        # The small number is for clocks that were rounded to microseconds.
        if nearest is not None and abs(times[nearest] - time) * REFERENCE_RATE <= tolerance + 1e-3:
            free.take(nearest)
            matches.append(order[nearest])
        else:
            matches.append(None)
    return matches


class _Free:
    """Places in a row that are taken one by one, and the next free one on either side of a place.

    Each taken place points to one farther on, and what was followed once is followed in one step later.
    """

    def __init__(self, count: int) -> None:
        self._down, self._up = list(range(count + 1)), list(range(count + 1))  # place p of _down stands for p - 1

    def take(self, place: int) -> None:
        self._down[place + 1], self._up[place] = place, place + 1

    def before(self, place: int) -> int | None:
        """Return the last free place before one; None where there is none."""
        found = _followed(self._down, place) - 1
        return None if found < 0 else found

    def from_on(self, place: int) -> int | None:
        """Return the first free place from one on; None where there is none."""
        found = _followed(self._up, place)
        return None if found == len(self._up) - 1 else found


def _followed(pointers: list[int], place: int) -> int:
    """Return where pointers lead to, and let those on the way point there."""
    end = place
    while pointers[end] != end:
        end = pointers[end]
    while pointers[place] != end:
        pointers[place], place = end, pointers[place]
    return end


def _rates(right: float, found: float, labelled: float, tolerance: int) -> dict[str, float | None]:
    return {
        f"precision@{tolerance}": right / found if found else None,
        f"recall@{tolerance}": right / labelled if labelled else None,
        f"f1@{tolerance}": 2 * right / (found + labelled) if found + labelled else None,
    }


def _average_precision(hits: np.ndarray, labelled: int) -> float | None:
    """Return the area under precision over recall, where precision never falls with falling recall.

    Args:
        hits: (N,) bool, whether each event found is right, the most confident first.
        labelled: How many there are to find.
    """
    if not labelled:
        return None
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[hits].sum() / labelled)


def _matches(outcomes: EventOutcomes) -> list[dict[str, Any]]:
    """Return each labelled event with what was found for it at the widest tolerance, in order of time."""
    rows = []
    for name in NAMES:
        truth = [time for time, kind in outcomes.labels if kind == name]
        found = sorted(((time, sure) for time, kind, sure in outcomes.found if kind == name), key=lambda entry: -entry[1])
        matched = match_one_to_one([time for time, _ in found], truth, TOLERANCES[-1])
        pairs = [(time, index) for (time, _), index in zip(found, matched, strict=True) if index is not None]
        error_of = {index: 1000 * (time - truth[index]) for time, index in pairs}
        rows += [{"time_s": time, "event": name, "error_ms": error_of.get(index)} for index, time in enumerate(truth)]
    return sorted(rows, key=lambda row: row["time_s"])
