"""Events on paths: the grid, the fit of a bounce, peaks, and the spotter of the package on paths good and bad."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ttcli.errors import CheckpointError
from ttcli.results.trajectory import BallPosition, Status
from ttcli.spotting.instants import Peak, find_peaks, fit_bounce, fit_touch
from ttcli.spotting.network import EVENTS, PathSpotter
from ttcli.spotting.paths import FEATURES, LONGEST_GAP_SECONDS, Grid, Track, make_track, resample, soft_targets
from ttcli.spotting.simulated import SimulatedTracks
from ttcli.spotting.spotter import (
    LOOK_EVERY,
    WINDOW_STEPS,
    EventSpotter,
    event_probabilities,
    spot_events,
    window_probabilities,
)
from ttcli.spotting.training import batch_tracks, spotting_loss
from ttcli.spotting.weights import Spotters, load_spotter, load_spotters, read_spotter_metadata, save_spotter

HEIGHT, WIDTH = 1080, 1920


@pytest.fixture(scope="module")
def spotters():
    return load_spotters()


def rows(path, times, height=HEIGHT, width=WIDTH, confidence=1.0):
    """Return the ball.csv of a path, a function of time that gives x, y, or None where the ball is not seen."""
    found = []
    for frame, time in enumerate(times):
        place = path(time)
        x, y = place if place is not None else (None, None)
        found.append(BallPosition(frame, time, x, y, confidence, Status.UNSEEN if place is None else Status.SEEN))
    return found


def side_view(flight_seconds=0.5):
    """Return a rally seen from the side: the ball crosses the table in each flight, and bounces at 0.7 of it."""
    bounce_at, gravity = 0.7 * flight_seconds, 3500.0

    def path(time):
        flight, at = divmod(time, flight_seconds)
        along = at / flight_seconds if flight % 2 == 0 else 1 - at / flight_seconds
        rise = 0.5 * gravity * bounce_at - 100 / bounce_at  # leaves the racket 100 px above the table
        if at < bounce_at:
            height = 100 + rise * at - 0.5 * gravity * at**2
        else:
            after = at - bounce_at
            height = 0.82 * (gravity * bounce_at - rise) * after - 0.5 * gravity * after**2
        return 360 + 1200 * along, 700 - height

    return path, bounce_at, flight_seconds


def spot(path, times, spotters, threshold=0.5):
    return list(spot_events(rows(path, times), spotters, HEIGHT, WIDTH, threshold))


@pytest.mark.parametrize("frame_rate", [25, 29.97, 60, 120, 240])
def test_a_path_is_the_same_at_every_frame_rate(frame_rate):
    times = np.arange(int(2 * frame_rate)) / frame_rate
    track = make_track(times, np.stack([100 + 300 * times, 500 - 200 * times], 1), np.ones(len(times)), HEIGHT, WIDTH)
    grid = resample(track)
    steps = grid.valid.nonzero()[0]
    assert np.allclose(np.diff(grid.times[steps]), 1 / 120, atol=1e-9)
    assert np.allclose(grid.features[2, steps] * WIDTH, 100 + 300 * grid.times[steps] - (WIDTH - 1) / 2, atol=0.01)
    assert np.allclose(grid.features[4, steps] * WIDTH, 300, atol=1)


def test_over_a_gap_there_are_no_steps():
    times = np.concatenate([np.arange(10) / 60, 5 + np.arange(10) / 60])
    grid = resample(Track(times, np.zeros((20, 2)), np.ones(20)))
    told = grid.times[grid.valid]
    assert told.max() <= times[-1] and not ((told > times[9] + 1e-9) & (told < 5)).any()
    short = times - np.where(times > 1, 5 - times[9] - LONGEST_GAP_SECONDS + 0.01, 0)
    bridged = resample(Track(short, np.zeros((20, 2)), np.ones(20)))
    assert np.diff(bridged.times[bridged.valid]).max() < 0.01


def test_sightings_that_no_clock_and_no_picture_can_give_are_left_out():
    times = np.array([0.0, 0.1, 0.1, 0.05, np.nan, 0.2, 0.3])
    positions = np.array([[0.0, 0.0]] * 5 + [[np.nan, 1.0], [4.0, 5.0]])
    track = make_track(times, positions, np.full(7, np.nan), HEIGHT, WIDTH)
    assert track.times.tolist() == [0.0, 0.1, 0.3] and track.confidences.tolist() == [1, 1, 1]


def test_soft_targets_are_those_of_ttnet():
    times = np.array([0.5 + n / 120 for n in range(-5, 6)])
    expected = [0, 0, *(math.cos(n * math.pi / 8) for n in range(-3, 4)), 0, 0]
    assert np.allclose(soft_targets(times, np.array([0.5])), expected, atol=1e-9)
    assert soft_targets(times, np.array([])).tolist() == [0.0] * 11


def broken_flight(frame_rate, instant, random=None, noise=0.0):
    """Return a track that bounces at an instant, 1 px being 1/1920 of its widths."""
    times = np.arange(int(0.5 * frame_rate)) / frame_rate
    away = times - instant
    x = np.where(away < 0, 1500, 1350) * away
    y = np.where(away < 0, 900, -750) * away + 1700 * away**2
    positions = np.stack([x, y], 1) + (random.normal(size=(len(times), 2)) * noise if noise else 0)
    return Track(times, positions / WIDTH, np.ones(len(times)))


@pytest.mark.parametrize("frame_rate", [25, 50, 120, 240])
def test_the_instant_of_a_bounce_is_found_between_frames(frame_rate):
    for instant in (0.2512, 0.2639):
        found = fit_bounce(broken_flight(frame_rate, instant), Peak("bounce", instant + 0.006, 0.9), [])
        assert abs(found.time - instant) < 0.0015 and np.abs(found.position * WIDTH).max() < 2
        assert found.error < 0.01


def test_the_interval_holds_the_instant_as_often_as_it_says():
    random = np.random.default_rng(3)
    held = []
    for _ in range(60):
        instant = random.uniform(0.2, 0.3)
        track = broken_flight(120, instant, random, noise=2.0)
        found = fit_bounce(track, Peak("bounce", instant + random.normal() * 0.005, 0.9), [])
        held.append(abs(found.time - instant) <= found.error)
    assert np.mean(held) >= 0.85


def test_a_false_position_hardly_moves_the_instant():
    track = broken_flight(120, 0.2512)
    track.positions[35] += 60 / WIDTH
    assert abs(fit_bounce(track, Peak("bounce", 0.25, 0.9), []).time - 0.2512) < 0.004


def test_a_bounce_with_too_little_around_it_keeps_the_instant_of_the_network():
    track = broken_flight(120, 0.2512)
    few = Track(*(part[29:32] for part in track[:3]))
    found = fit_bounce(few, Peak("bounce", 0.25, 0.9), [])
    assert (found.time, found.error) == (0.25, None)


def test_peaks_keep_the_distance_that_physics_allows_and_one_instant_has_one_event():
    steps = 120
    grid = Grid(np.zeros((FEATURES, steps), np.float32), np.arange(steps) / 120, np.ones(steps, bool))
    probabilities = np.zeros((2, steps))
    for step, height in ((20, 0.9), (25, 0.8), (50, 0.7), (90, 0.6)):
        probabilities[0, step] = height
    probabilities[1, 51] = 0.9
    peaks = find_peaks(grid, probabilities, EVENTS, 0.5)
    assert [(peak.kind, round(peak.time * 120)) for peak in peaks] == [("bounce", 20), ("net", 51), ("bounce", 90)]


@pytest.mark.parametrize("frame_rate", [25, 30, 60, 120, 240])
def test_a_rally_from_the_side_is_told(spotters, frame_rate):
    path, bounce_at, flight = side_view()
    events = spot(path, np.arange(int(6 * frame_rate)) / frame_rate, spotters)
    bounces = [event for event in events if event.event == "bounce"]
    truth = np.arange(12) * flight + bounce_at
    inner = truth[1:-1]
    away = np.abs(inner[:, None] - np.array([event.time_seconds for event in bounces])[None]).min(1)
    assert (away < 1 / 60).sum() >= len(inner) - 1
    assert len(bounces) <= len(truth) + 1
    assert all(abs(event.frame - event.time_seconds * frame_rate) < 0.02 for event in events)
    assert all(abs(event.y - 700) < 40 for event in bounces)


def test_a_path_with_two_frames_or_none_has_no_events(spotters):
    path, *_ = side_view()
    assert spot(path, [0.0, 0.04], spotters) == []
    assert spot(path, [], spotters) == []
    assert spot(lambda time: None, np.arange(500) / 50, spotters) == []


def test_time_that_runs_backwards_or_is_not_known_tells_nothing_twice(spotters):
    path, *_ = side_view()
    forwards = rows(path, np.arange(360) / 120)
    again = [BallPosition(360 + row.frame_index, row.time_seconds, row.x, row.y, 1.0, row.status) for row in forwards]
    events = list(spot_events(forwards + again, spotters, HEIGHT, WIDTH, 0.5))
    assert events == list(spot_events(forwards, spotters, HEIGHT, WIDTH, 0.5))
    backwards = [BallPosition(row.frame_index, 3 - row.time_seconds, row.x, row.y, 1.0, row.status) for row in forwards]
    assert list(spot_events(backwards, spotters, HEIGHT, WIDTH, 0.5)) == []
    for time in (None, math.nan):
        timeless = [BallPosition(row.frame_index, time, row.x, row.y, 1.0, row.status) for row in forwards]
        assert list(spot_events(timeless, spotters, HEIGHT, WIDTH, 0.5)) == []


def test_no_event_is_made_up_over_a_gap(spotters):
    path, *_ = side_view()
    hidden = (2.2, 4.4)
    events = spot(lambda time: None if hidden[0] < time < hidden[1] else path(time), np.arange(720) / 120, spotters, 0.1)
    assert events and not [event for event in events if hidden[0] < event.time_seconds < hidden[1]]


def test_a_ball_that_rolls_or_lies_does_not_bounce(spotters):
    events = spot(lambda time: (400 + 60 * time, 700.0), np.arange(600) / 60, spotters)
    events += spot(lambda time: (960.0, 700.0), np.arange(600) / 60, spotters)
    assert [event for event in events if event.event == "bounce"] == []


def test_repeated_frames_of_a_slowed_video_do_not_add_bounces(spotters):
    path, _, flight = side_view()
    slower = 4
    events = spot(lambda time: path(math.floor(time * 30) / 30 / slower * 2), np.arange(1200) / 60, spotters)
    bounces = [event for event in events if event.event == "bounce"]
    assert len(bounces) <= 20 / (flight * slower / 2) + 1


LONG_FLIGHTS = 100


@pytest.fixture(scope="module")
def long_path(spotters):
    """Return the rows of a path several windows long, its events, and how many rows were taken when each was told."""
    path, _, flight = side_view()
    given, taken, events = rows(path, np.arange(round(LONG_FLIGHTS * flight * 120)) / 120), 0, []

    def counted():
        nonlocal taken
        for row in given:
            taken += 1
            yield row

    for event in spot_events(counted(), spotters, HEIGHT, WIDTH, 0.5):
        events.append((event, taken))
    assert len(given) > 2 * WINDOW_STEPS
    return given, *zip(*events, strict=True)


def test_long_paths_are_told_as_they_come_and_each_event_once(long_path):
    given, events, taken = long_path
    assert taken[0] <= WINDOW_STEPS + LOOK_EVERY and taken[len(taken) // 2] < len(given)
    assert sum(event.event == "bounce" for event in events) == pytest.approx(LONG_FLIGHTS, abs=2)
    assert np.diff([event.time_seconds for event in events]).min() > 0


def test_windows_give_what_one_window_gives(spotters):
    path, *_ = side_view()
    table = np.array([(row.x, row.y) for row in rows(path, np.arange(600) / 120)])
    grid = resample(make_track(np.arange(600) / 120, table, np.ones(600), HEIGHT, WIDTH))
    assert np.allclose(window_probabilities(spotters.anywhere, grid), event_probabilities(spotters.anywhere, grid)[0])


def test_a_spotter_is_read_as_it_was_written(tmp_path):
    torch.manual_seed(1)
    model = PathSpotter(channels=8).eval()
    save_spotter(tmp_path / "small.safetensors", model, {"training_data": "none", "licence": "MIT"})
    again = load_spotter(tmp_path / "small.safetensors")
    features = torch.randn(2, FEATURES, 100)
    with torch.inference_mode():
        for one, other in zip(model.half().float()(features), again(features), strict=True):
            assert torch.allclose(one, other, atol=1e-4)
    assert read_spotter_metadata(tmp_path / "small.safetensors")["licence"] == "MIT"


def test_a_file_that_is_no_spotter_is_refused(tmp_path):
    from ttcli.networks.checkpoints import DEFAULT_WEIGHTS

    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(Path(__file__).read_bytes())
    cut = tmp_path / "cut.safetensors"
    save_spotter(cut, PathSpotter(channels=8), {})
    cut.write_bytes(cut.read_bytes()[:-100])
    for path in (damaged, cut, tmp_path / "missing.safetensors", DEFAULT_WEIGHTS):
        with pytest.raises(CheckpointError):
            load_spotter(path)


def test_simulated_tracks_are_the_same_for_a_seed_and_every_weight_learns():
    draws = [[source.draw() for _ in range(2)] for source in (SimulatedTracks(3, 4, 1.5), SimulatedTracks(3, 4, 1.5))]
    for one, other in zip(*draws, strict=True):
        assert np.array_equal(one.track.positions, other.track.positions)
        assert (np.diff(one.track.times) > 0).all() and set(one.events) == {"bounce", "net", "hit"}
    model = PathSpotter(channels=8)
    loss = spotting_loss(model, batch_tracks(draws[0], np.random.default_rng(0)))
    loss.backward()
    assert torch.isfinite(loss)
    missing = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert missing == []


def passing(touched, noise, seed=0, frame_rate=120, instant=0.25):
    """Return a track that passes the net at an instant, and loses much of its speed there where it touches."""
    times = np.arange(int(0.5 * frame_rate)) / frame_rate
    away = times - instant
    kept = 0.45 if touched else 1.0
    x = np.where(away < 0, 1500, 1500 * kept) * away
    y = np.where(away < 0, -200, -200 * kept) * away + 1200 * away**2
    positions = np.stack([x, y], 1) + noise * np.random.default_rng(seed).normal(size=(len(times), 2))
    return Track(times, positions / WIDTH, np.ones(len(times)))


def test_a_touch_of_the_net_is_told_where_the_ball_loses_speed_at_once():
    for seed in range(5):
        touch = fit_touch(passing(True, 1.0, seed), Peak("net", 0.262, 0.9), [])
        assert abs(touch.time - 0.25) < 0.01
        assert np.abs(touch.position * WIDTH).max() < 20


def test_a_free_passing_is_no_touch_whatever_the_noise():
    for noise in (0.0, 1.0, 3.0):
        for seed in range(20):
            assert fit_touch(passing(False, noise, seed), Peak("net", 0.26, 0.9), []) is None


def test_of_too_few_sightings_no_touch_is_told():
    track = passing(True, 0.0)
    few = Track(*(part[27:33] for part in track[:3]))
    assert fit_touch(few, Peak("net", 0.25, 0.9), []) is None
    assert fit_touch(track, Peak("net", 0.25, 0.9), [0.25 + 0.03, 0.25 - 0.03]) is None  # other bends close by


def test_shots_are_paths_of_their_own(spotters):
    path, _, _ = side_view()
    one = rows(path, np.arange(480) / 120)
    other = [
        replace(row, frame_index=row.frame_index + 480, time_seconds=row.time_seconds + 4.0, shot=1, x=row.x / 2, y=row.y / 2)
        for row in one
    ]
    told = list(spot_events([*one, *other], spotters, HEIGHT, WIDTH, 0.5))
    alone = list(spot_events(one, spotters, HEIGHT, WIDTH, 0.5))
    assert told[: len(alone)] == alone and len(alone) > 5
    assert all(event.time_seconds > 4 for event in told[len(alone) :]) and len(told) > 1.5 * len(alone)


def test_a_dense_path_is_looked_at_seldom_and_single_sightings_are_forgotten(monkeypatch):
    looks = []
    monkeypatch.setattr(EventSpotter, "_look", counted(looks, EventSpotter._look))
    spotter = EventSpotter(Spotters(PathSpotter().eval(), PathSpotter().eval()), 48, 64, 0.5)
    for index in range(30_000):  # in three seconds
        spotter.add(BallPosition(index, index / 10_000, 30.0, 20.0, 0.9, Status.SEEN))
    assert not looks and len(spotter._waiting) < 3 * 2600
    for index in range(10_000):  # two in a second
        spotter.add(BallPosition(30_000 + index, 10 + index / 2, 30.0, 20.0, 0.9, Status.SEEN))
    assert len(spotter._waiting) < 3 * 2600 + 1000 and len(looks) < 100


def counted(calls, method):
    def call(*arguments):
        calls.append(arguments)
        return method(*arguments)

    return call
