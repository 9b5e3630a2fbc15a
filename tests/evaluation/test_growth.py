"""Events are compared in a time that grows with their number, and as by trying each with each."""

import random
import time

import pytest

from ttcli.evaluation.event_metrics import REFERENCE_RATE, EventOutcomes, event_metrics, match_one_to_one


def each_with_each(found, truth, tolerance):
    free = set(range(len(truth)))
    matches = []
    for at in found:
        nearest = min(free, key=lambda index: abs(truth[index] - at), default=None)
        near = nearest is not None and abs(truth[nearest] - at) * REFERENCE_RATE <= tolerance + 1e-3
        matches.append(nearest if near else None)
        free -= {nearest} if near else set()
    return matches


@pytest.mark.parametrize("decimals", [2, 3, 6])
def test_events_are_matched_as_by_trying_each_with_each(decimals):
    chance = random.Random(decimals)
    for _ in range(300):
        found, truth = ([round(0.3 * chance.random(), decimals) for _ in range(chance.randrange(12))] for _ in range(2))
        for tolerance in (1, 4, 12):
            assert match_one_to_one(found, truth, tolerance) == each_with_each(found, truth, tolerance)


def test_ten_thousand_events_in_ten_seconds_are_soon_compared():
    chance = random.Random(1)
    events = [(chance.random() * 10, chance.choice(["bounce", "net"]), chance.random()) for _ in range(10_000)]
    labels = [(chance.random() * 10, chance.choice(["bounce", "net"])) for _ in range(1_000)]
    began = time.process_time()
    metrics = event_metrics(EventOutcomes(labels, events), bootstrap=10)
    assert time.process_time() - began < 20  # each with each takes half a minute
    assert metrics.figures["recall@12"] == 1.0
