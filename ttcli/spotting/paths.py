"""A ball's path as the spotting network sees it: positions as a share of the picture, at steps of one time grid.

Whatever the frame rate, the network meets steps of 1/120 s, so that a bounce looks alike at 25 and at 240 frames/s.
Stretches in which nobody saw the ball are cut out, and a few empty steps stand in their place.
"""

from typing import NamedTuple

import numpy as np

GRID_RATE = 120
"""Steps per second: the frame rate at which events are labelled, and in whose frames tolerances are given."""
LONGEST_GAP_SECONDS = 0.35
"""Between two sightings of one run: eight missing frames of 25 in a second, as a player before the table hides a bounce."""
SEPARATOR_STEPS = 12
"""Empty steps between two runs."""
TABLE_FEATURES = 6
"""What a known table adds to a step, see `table_views.seen_on_table`."""
FEATURES = 10 + TABLE_FEATURES
_LARGEST_SPEED = 4.0
"""Picture widths a second; speeds beyond it, false positions as a rule, are compressed."""
_GAP_UNIT = 0.05


class Track(NamedTuple):
    """Where the ball was seen, N sightings in order of time."""

    times: np.ndarray
    """(N,) seconds, strictly ascending."""
    positions: np.ndarray
    """(N, 2): x to the right and y downwards from the picture's middle, both in picture widths."""
    confidences: np.ndarray
    """(N,) in [0, 1]."""
    table: np.ndarray | None = None
    """(N, TABLE_FEATURES) of `table_views.table_features`; None where no table is known."""


class Grid(NamedTuple):
    """A track at S steps; steps of separators are not valid and have time NaN."""

    features: np.ndarray
    """(FEATURES, S) float32: input of the network, see `resample`."""
    times: np.ndarray
    """(S,) seconds."""
    valid: np.ndarray
    """(S,) bool."""


def make_track(times: np.ndarray, positions: np.ndarray, confidences: np.ndarray, height: int, width: int) -> Track:
    """Return the track of sightings in pixels, without those that no clock and no picture can give.

    Left out are sightings with a time or position that is not finite, and those that are not later than all before
    them: repeated time stamps, time running backwards.

    Args:
        times: (N,) seconds.
        positions: (N, 2) x, y in pixels of the picture.
        confidences: (N,) in [0, 1]; not finite where unknown, which counts as sure.
        height: Height of the picture, pixels.
        width: Width of the picture, pixels.
    """
    latest = np.fmax.accumulate(np.concatenate([[-np.inf], times]))[:-1] if len(times) else times
    with np.errstate(invalid="ignore"):
        kept = np.isfinite(times) & np.isfinite(positions).all(axis=1) & (times > latest)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    sure = np.where(np.isfinite(confidences), confidences, 1.0)
    return Track(times[kept], (positions[kept] - middle) / width, sure[kept])


def resample(track: Track) -> Grid:
    """Return a track at the steps of the grid, run by run; runs of one sighting are left out.

    Features: 0 valid, 1 separator, 2 and 3 position, 4 and 5 velocity in widths a second. Then 6 and 7 time since the
    last and until the next sighting, 8 and 9 their confidences, and TABLE_FEATURES of the table. Between sightings all
    is interpolated linearly.
    """
    if len(track.times) < 2:
        return Grid(np.zeros((FEATURES, 0), np.float32), np.zeros(0), np.zeros(0, bool))
    times, before, after = _steps(track.times)
    valid = np.isfinite(times)
    features = np.zeros((FEATURES, len(times)), np.float32)
    features[0], features[1] = valid, ~valid
    at, first, last = times[valid], before[valid], after[valid]
    since, until = at - track.times[first], track.times[last] - at
    part = (since / (since + until))[:, None]
    features[2:4, valid] = ((1 - part) * track.positions[first] + part * track.positions[last]).T
    velocity = (track.positions[last] - track.positions[first]) / (since + until)[:, None]
    features[4:6, valid] = (_LARGEST_SPEED * np.tanh(velocity / _LARGEST_SPEED)).T
    features[6, valid], features[7, valid] = since / _GAP_UNIT, until / _GAP_UNIT
    features[8, valid], features[9, valid] = track.confidences[first], track.confidences[last]
    if track.table is not None:
        features[-TABLE_FEATURES:, valid] = ((1 - part) * track.table[first] + part * track.table[last]).T
    return Grid(features, times, valid)


def _steps(times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the times (S,) of all steps, and the sightings (S,) around each; NaN and 0 in separators."""
    ends = np.flatnonzero(np.diff(times) > LONGEST_GAP_SECONDS)
    starts, ends = np.concatenate([[0], ends + 1]), np.concatenate([ends, [len(times) - 1]])
    long_enough = ends > starts
    pieces, befores, afters = [], [], []
    empty = np.full(SEPARATOR_STEPS, np.nan), np.zeros(SEPARATOR_STEPS, int)
    for start, end in zip(starts[long_enough], ends[long_enough], strict=True):
        # The small number keeps a last step that rounding would lose.
        count = int((times[end] - times[start]) * GRID_RATE + 1e-6) + 1
        at = np.minimum(times[start] + np.arange(count) / GRID_RATE, times[end])
        before = np.clip(np.searchsorted(times[start : end + 1], at + 1e-9, side="right") - 1, 0, end - start - 1) + start
        pieces += [at, empty[0]]
        befores += [before, empty[1]]
        afters += [before + 1, empty[1]]
    if not pieces:
        return np.zeros(0), np.zeros(0, int), np.zeros(0, int)
    return np.concatenate(pieces), np.concatenate(befores), np.concatenate(afters)


def soft_targets(times: np.ndarray, event_times: np.ndarray) -> np.ndarray:
    """Return how much an event is at each step, (S,) in [0, 1]: cos(n pi / 8) for |n| < 4, n in steps of the grid.

    The targets of Voeikov, Falaleev and Baikulov, "TTNet: Real-time temporal and spatial video analysis of table tennis"
    (2020, arXiv 2004.09927), stated in time so that all frame rates are served.
    """
    if len(event_times) == 0 or len(times) == 0:
        return np.zeros(len(times))
    with np.errstate(invalid="ignore"):
        away = np.abs(times[:, None] - np.asarray(event_times)[None]).min(axis=1) * GRID_RATE
        return np.where(away < 4, np.cos(away * np.pi / 8), 0.0)
