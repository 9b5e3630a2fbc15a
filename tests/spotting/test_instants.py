"""Instants by fitting flights, whatever single sightings say."""

import numpy as np
import pytest

from ttcli.spotting.instants import Peak, can_have_been, fit_bounce, own_instant
from ttcli.spotting.paths import make_track, resample
from ttcli.spotting.spotter import _Path

BOUNCE = 1.0
"""Seconds: when the ball of these paths bounces, at (600, 500)."""


def bouncing(frame_rate):
    """Return times (N,) and pixels (N, 2) of a ball that falls onto a table and leaves it."""
    times = BOUNCE + np.arange(-0.12, 0.12, 1 / frame_rate) + 0.3 / frame_rate
    away = times - BOUNCE
    falls = np.where(away < 0, 900.0, -700.0) * away + 900 * away**2
    return times, np.stack([600 + 1500 * away, 500 + falls], 1)


@pytest.mark.parametrize("frame_rate", [60, 120])
@pytest.mark.parametrize("false", [[], [(-2, (144, 500))], [(-1, (1512, 620)), (0, (1504, 620))]])
def test_single_false_sightings_move_no_bounce(frame_rate, false):
    times, pixels = bouncing(frame_rate)
    middle = int(np.searchsorted(times, BOUNCE))
    for offset, place in false:
        pixels[middle + offset] = place
    track = make_track(times, pixels, np.full(len(times), 0.9), 1080, 1920)
    instant = fit_bounce(track, Peak("bounce", BOUNCE + 0.004, 0.9), [])
    assert instant.time == pytest.approx(BOUNCE, abs=0.004)
    assert instant.position * 1920 + 959.5 == pytest.approx((600, 500 + 959.5 - 539.5), abs=8)


FRAMES = np.array([157, 158, 159, 160, 161, 163, 164, 165])
LOST = np.array(
    [
        (533.4, 272.2),
        (575.3, 285.5),
        (597.4, 295.7),
        (639.4, 319.2),
        (754.7, 353.0),
        (806.9, 347.7),
        (833.4, 347.0),
        (887.1, 350.2),
    ]
)
"""A bounce in frame 161 of a broadcast of 1280x720, 30 frames/s: one picture before it was lost, and the next one repeated."""


def lost_frame():
    return make_track(FRAMES / 30, LOST, np.ones(len(FRAMES)), 720, 1280), Peak("bounce", 161.46 / 30, 0.9)


@pytest.mark.parametrize("frame_rate", [25, 60, 120])
def test_a_ball_can_have_been_where_good_flights_meet(frame_rate):
    track = make_track(*bouncing(frame_rate), np.full(len(bouncing(frame_rate)[0]), 0.9), 1080, 1920)
    assert can_have_been(track, fit_bounce(track, Peak("bounce", BOUNCE + 0.004, 0.9), []))


def test_a_ball_cannot_have_been_where_a_lost_frame_leads():
    track, peak = lost_frame()
    assert not can_have_been(track, fit_bounce(track, peak, []))
    assert can_have_been(track, own_instant(track, peak))
    kept = np.abs(track.times - peak.time) > 0.1  # nobody saw it for a while
    hidden = track._replace(times=track.times[kept], positions=track.positions[kept])
    assert can_have_been(hidden, fit_bounce(track, peak, []))


@pytest.mark.parametrize("beside", [370, 385])
def test_a_bounce_beside_the_table_by_a_fit_alone_is_told_by_the_network(beside, monkeypatch):
    track, peak = lost_frame()
    path = _Path(track, FRAMES, resample(track), 720, 1280, lambda seconds: None)
    monkeypatch.setattr(_Path, "_may_be_on_table", lambda self, at: self._pixels(at.position)[1] < beside)
    fitted = {peak: fit_bounce(track, peak, [])}
    assert path._pixels(fitted[peak].position)[1] == pytest.approx(379, abs=3)
    found = path._led_astray(fitted)
    if beside == 385:
        assert not found
    else:
        assert found[peak].time == peak.time and found[peak].error is None


def test_a_bounce_that_is_beside_the_table_stays_there(monkeypatch):
    times, pixels = bouncing(60)
    track = make_track(times, pixels, np.full(len(times), 0.9), 1080, 1920)
    path = _Path(track, np.arange(len(times)), resample(track), 1080, 1920, lambda seconds: None)
    monkeypatch.setattr(_Path, "_may_be_on_table", lambda self, at: at.error is None)
    peak = Peak("bounce", BOUNCE + 0.004, 0.9)
    assert not path._led_astray({peak: fit_bounce(track, peak, [])})
