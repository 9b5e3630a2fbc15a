import math

import numpy as np
import pytest

from ttcli.detection.tracking import BLOCK, LOOKAHEAD, Candidates, decide

AREA = 512 * 288
FPS = 60


def flight(count, start=(100.0, 120.0), speed=(6.0, -4.0), fall=0.2):
    """Return places of a ball on a parabola, (count, 2)."""
    time = np.arange(count)[:, None]
    return np.array(start) + np.array(speed) * time + np.array([0.0, fall]) * time**2


def offer(index, *candidates):
    """Return three candidates of one frame, of (x, y, confidence); those not given are nowhere near and hopeless."""
    rng = np.random.default_rng(index)
    rows = [*candidates, *((*rng.uniform(0, 280, 2), 0.001) for _ in range(3 - len(candidates)))]
    rows.sort(key=lambda row: -row[2])
    positions, confidence = np.array([row[:2] for row in rows]), np.array([row[2] for row in rows])
    return Candidates(index / FPS, positions, np.log(confidence / (1 - confidence)))


def decided(frames):
    """Return the chosen places (T, 2) and the confidences (T,)."""
    decisions = list(decide(frames, AREA))
    places = [frame.positions[decision.choice] for frame, decision in zip(frames, decisions, strict=True)]
    return np.array(places), np.array([decision.confidence for decision in decisions])


def test_a_ball_that_is_clear_in_every_frame_is_found_in_every_frame():
    path = flight(40)
    places, confidence = decided([offer(index, (*place, 0.95)) for index, place in enumerate(path)])
    np.testing.assert_array_equal(places, path)
    assert (confidence > 0.9).all()


def test_a_faint_frame_amid_clear_ones_gains_confidence():
    path = flight(31)
    frames = [offer(index, (*place, 0.2 if index == 15 else 0.95)) for index, place in enumerate(path)]
    places, confidence = decided(frames)
    assert tuple(places[15]) == tuple(path[15]) and confidence[15] > 0.5


def test_the_second_peak_is_taken_where_the_first_leaves_the_path():
    path = flight(31)
    frames = [offer(index, (*place, 0.9)) for index, place in enumerate(path)]
    frames[12] = offer(12, (*path[12], 0.4), (400.0, 30.0, 0.7))
    places, confidence = decided(frames)
    assert tuple(places[12]) == tuple(path[12]) and confidence[12] > 0.5


def test_a_false_peak_far_from_the_path_loses_confidence():
    """The ball is hidden for one frame, and the strongest peak is elsewhere: nothing is made up."""
    frames = [offer(index, (*place, 0.95)) for index, place in enumerate(flight(31))]
    frames[12] = offer(12, (400.0, 30.0, 0.6))
    _, confidence = decided(frames)
    assert confidence[12] < 0.3 and (np.delete(confidence, 12) > 0.7).all()


def test_a_peak_that_stays_where_it_is_gains_nothing_over_one_that_flies():
    path = flight(40, speed=(6.0, 0.0), fall=0.0)
    _, flying = decided([offer(index, (*place, 0.3)) for index, place in enumerate(path)])
    _, lying = decided([offer(index, (200.0, 120.0, 0.3)) for index in range(40)])
    assert flying[20] > 0.8 > 0.5 > lying[20]


@pytest.mark.parametrize("fps", [25, 60, 120, 240])
def test_a_lamp_that_the_network_half_believes_in_is_no_ball_at_any_frame_rate(fps):
    rng = np.random.default_rng(fps)
    places = [np.array((200.0, 120.0)) + rng.normal(0, 0.04, 2) for _ in range(fps // 3)]
    frames = [offer(index, (*place, 0.7))._replace(time_seconds=index / fps) for index, place in enumerate(places)]
    _, confidence = decided(frames)
    assert (confidence[2:-2] < 0.5).all()


def test_a_ball_at_the_top_of_its_toss_stays_seen():
    """60 px to a metre at 120 frames/s: the ball moves by less than 0.15 px a frame for 6 frames."""
    seconds = np.arange(-40, 41) / 120
    heights = 200 - 60 * (0.8 - 4.9 * seconds**2)
    frames = [offer(index, (150.0, y, 0.9))._replace(time_seconds=index / 120) for index, y in enumerate(heights)]
    _, confidence = decided(frames)
    assert (confidence > 0.6).all()


def test_without_candidates_nothing_is_seen():
    _, confidence = decided([offer(index) for index in range(20)])
    assert (confidence < 0.1).all()


def test_a_broken_frame_has_no_confidence_and_spoils_no_other():
    path = flight(31)
    frames = [offer(index, (*place, 0.95)) for index, place in enumerate(path)]
    frames[10] = frames[10]._replace(logits=np.full(3, -np.inf))
    _, confidence = decided(frames)
    assert confidence[10] == 0 and (np.delete(confidence, 10) > 0.7).all()


def test_certain_candidates_are_no_trouble():
    frames = [offer(index, (*place, 0.95)) for index, place in enumerate(flight(10))]
    frames = [frame._replace(logits=np.array([np.inf, -np.inf, -np.inf])) for frame in frames]
    _, confidence = decided(frames)
    assert np.isfinite(confidence).all() and (confidence > 0.9).all()


@pytest.mark.parametrize("count", [0, 1, 2, BLOCK, BLOCK + LOOKAHEAD - 1, BLOCK + LOOKAHEAD, 3 * BLOCK + 7])
def test_every_frame_has_its_decision_whatever_the_length(count):
    decisions = list(decide([offer(index, (*place, 0.95)) for index, place in enumerate(flight(count))], AREA))
    assert len(decisions) == count
    assert all(0 <= decision.confidence <= 1 and not math.isnan(decision.confidence) for decision in decisions)


def test_blocks_leave_no_seam():
    """Decided in blocks or in one go: the same choices, and confidences within 0.01."""
    rng = np.random.default_rng(3)
    path = flight(90, fall=0.05)
    frames = [
        offer(index, (*place, rng.uniform(0.05, 0.9)), (*rng.uniform(0, 280, 2), 0.3)) for index, place in enumerate(path)
    ]
    whole = list(decide(frames[:90], AREA))  # shorter than a block and its look ahead
    blocks = list(decide(frames + [offer(index) for index in range(90, 90 + BLOCK)], AREA))[:80]
    assert [decision.choice for decision in blocks[: BLOCK - 1]] == [decision.choice for decision in whole[: BLOCK - 1]]
    assert np.allclose([d.confidence for d in blocks[:BLOCK]], [d.confidence for d in whole[:BLOCK]], atol=0.01)


def test_decisions_come_before_the_video_has_ended():
    taken = 0

    def frames():
        nonlocal taken
        for index in range(1000):
            taken += 1
            yield offer(index, (100.0, 100.0, 0.9))

    next(decide(frames(), AREA))
    assert taken == BLOCK + LOOKAHEAD


def test_repeated_frames_and_gaps_in_time_are_no_trouble():
    path = flight(30)
    frames = [offer(index, (*place, 0.9)) for index, place in enumerate(path)]
    frames[10:11] = [frames[10], frames[10]._replace()]  # a copy, without time between
    late = [frame._replace(time_seconds=frame.time_seconds + 5) for frame in frames[20:]]
    _, confidence = decided(frames[:20] + late)
    assert (confidence > 0.5).all()
