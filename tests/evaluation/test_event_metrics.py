"""PCE, SPCE and spotting, on lists whose figures can be counted by hand."""

import json
import math

import pytest

from ttcli.evaluation.event_metrics import compare_events, event_metrics, match_one_to_one, pool_events
from ttcli.results.events import Event

LABELS = [(100, "bounce"), (140, "net"), (200, "bounce"), (300, "empty_event")]


def metrics(found, labels=LABELS, frame_rate=120.0):
    return event_metrics(compare_events(found, labels, frame_rate))


def test_all_found_in_their_frames_is_one_everywhere():
    result = metrics([Event(float(frame), None, name, confidence=1.0) for frame, name in LABELS[:3]])
    assert [result.figures[name] for name in ("pce", "spce", "f1@1", "map@1", "mean_abs_error_ms")] == [1, 1, 1, 1, 0]
    json.dumps(result.as_json(), allow_nan=False)


def test_nothing_found_is_right_where_nothing_happened():
    result = metrics([])
    assert result.figures["pce"] == result.figures["spce"] == 0.25
    assert (result.figures["recall@4"], result.figures["precision@4"]) == (0, None)
    assert [match["error_ms"] for match in result.matches] == [None, None, None]


def test_without_labels_and_events_nothing_is_a_number():
    assert set(event_metrics(compare_events([], [], 25.0)).figures.values()) == {0, None}


@pytest.mark.parametrize(("off", "pce", "spce"), [(0, 1, 1), (1, 1, 1), (2, 1, 0), (3, 0, 0), (4, 0, 0)])
def test_the_probability_falls_as_the_soft_targets_do(off, pce, spce):
    result = metrics([Event(100.0 + off, None, "bounce", confidence=1.0)], [(100, "bounce")])
    assert (result.figures["pce"], result.figures["spce"]) == (pce, spce)
    assert math.cos(2 * math.pi / 8) < 0.75 < math.cos(math.pi / 8)


def test_a_false_event_at_a_labelled_moment_spoils_it():
    found = [Event(100.0, None, "bounce", confidence=1.0), Event(100.0, None, "net", confidence=0.9)]
    assert metrics(found, [(100, "bounce")]).figures["pce"] == 0


def test_tolerances_are_the_same_time_at_every_frame_rate():
    for frame_rate in (25.0, 60.0, 120.0, 240.0):
        off = 3.5 / 120 * frame_rate
        figures = metrics([Event(100 + off, None, "bounce", confidence=1.0)], [(100, "bounce")], frame_rate).figures
        assert (figures["f1@2"], figures["f1@4"]) == (0, 1)


def test_each_event_is_matched_once_and_the_most_confident_chooses_first():
    assert match_one_to_one([10.0, 10.01, 10.02], [10.0], tolerance=4) == [0, None, None]
    found = [Event(101.0, None, "bounce", confidence=0.6), Event(100.0, None, "bounce", confidence=0.9)]
    figures = metrics(found, [(100, "bounce")]).figures
    assert (figures["precision@4"], figures["recall@4"], figures["mean_abs_error_ms"]) == (0.5, 1, 0)


def test_average_precision_falls_by_false_events_that_are_surer():
    def average(confidence):
        found = [Event(100.0, None, "bounce", confidence=0.7), Event(500.0, None, "bounce", confidence=confidence)]
        return metrics(found, [(100, "bounce")]).by_event["bounce"]["ap@4"]

    assert (average(0.5), average(0.9)) == (1.0, 0.5)


def test_pooled_videos_do_not_match_across():
    one = compare_events([], [(100, "bounce")], 120.0)
    other = compare_events([Event(100.0, None, "bounce", confidence=1.0)], [], 120.0)
    figures = event_metrics(pool_events([one, other])).figures
    assert (figures["recall@12"], figures["precision@12"]) == (0, 0)


def test_events_of_other_names_are_passed_over():
    assert metrics([Event(100.0, None, "hit")], [(100, "hit")]).figures["precision@4"] is None


def test_intervals_hold_the_figures_and_narrow_with_more_rallies():
    def made(rallies):
        labels = [(1200 * rally + 100 * n, "bounce") for rally in range(rallies) for n in range(5)]
        found = [
            Event(frame + 1.0, None, "bounce", confidence=1.0) for frame, _ in labels if frame // 1200 % 5
        ]  # a fifth is missed
        return metrics(found, labels)

    few, many = made(10), made(100)
    for result in (few, many):
        for name in ("pce", "spce", "recall@4", "f1@4"):
            low, high = result.intervals[name]
            assert low <= result.figures[name] <= high

    def width(result):
        low, high = result.intervals["recall@4"]
        return high - low

    assert width(many) < 0.5 * width(few) and width(many) == pytest.approx(2 * 1.96 * 0.4 / 10, rel=0.3)
    assert many.intervals["precision@4"] == (1, 1)


def test_one_piece_of_video_has_no_interval():
    result = metrics([Event(100.0, None, "bounce", confidence=1.0)])
    assert set(result.intervals.values()) == {None}
    assert metrics([]).as_json()["intervals"] == result.intervals
