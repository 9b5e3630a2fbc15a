"""Instants by fitting flights, whatever single sightings say."""

import numpy as np
import pytest

from ttcli.spotting.instants import Peak, fit_bounce
from ttcli.spotting.paths import make_track

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
