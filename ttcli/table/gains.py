"""How well a line explains a profile, at each place where it may lie."""

from typing import NamedTuple

import numpy as np

from ttcli.table.profiles import BESIDE, LEAST_SHOWN, SAME_SURFACE, STEP, Profiles

BLUR = 0.8
"""How far an edge is spread on the picture, 1 sigma, pixels."""
LEAST_CONTRAST = 12.0
"""Levels of 255 by which a line must be brighter than the surface to be seen."""
REST = 0.3
"""How much what a line does not explain counts against it."""


class Gains(NamedTuple):
    """The lines that explain each profile best, were they at each of M places."""

    response: np.ndarray  # (K, M, 3) their colour, the surface's taken off; 0 where the net is seen
    rest: np.ndarray  # (K, M) squares that neither the line nor the levels beside it explain, as `response` squared
    beyond: np.ndarray  # (K, M, 3) the line's colour, what is beyond it taken off
    size: np.ndarray  # (K,) how much such a line changes a profile
    shifts: np.ndarray  # (M,) pixels
    free: np.ndarray  # (K, M) bool: no net there

    def of(self, own: slice) -> "Gains":
        """Return the gains of some profiles."""
        parts = (self.response[own], self.rest[own], self.beyond[own], self.size[own])
        return Gains(*parts, self.shifts, self.free[own])


def gains_of(profiles: Profiles, reach: float) -> Gains:
    """Lay a line, between any surface within and anything without, at each place of each profile, by least squares."""
    before, after = np.floor(BESIDE / STEP), np.floor((profiles.widths.max() + BESIDE) / STEP)
    window = STEP * np.arange(-before, after + 1)
    weight = (window < profiles.widths[:, None] + BESIDE).astype(np.float32)  # (K, W)
    within = _edge(window / BLUR)
    line = within - _edge((window - profiles.widths[:, None]) / BLUR)
    shape = line.shape
    parts = np.stack([np.broadcast_to(1 - within, shape), np.broadcast_to(within, shape), line], 1)  # (K, 3, W)
    weighted = (parts * weight[:, None]).astype(np.float32)
    matrix = weighted @ parts.transpose(0, 2, 1) + 1e-4 * np.eye(3)
    inverse = np.linalg.inv(matrix)
    size = 1 / inverse[:, 2, 2]  # what is left of a line that levels and a step at its edge do not explain
    windows = np.lib.stride_tricks.sliding_window_view(profiles.colours, len(window), axis=1)  # (K, M, 3, W)
    shifts = profiles.away[: windows.shape[1]] - window[0]
    near = np.abs(shifts) <= reach + 1e-9
    windows = windows[:, near]
    seen = np.matmul(windows, weighted.transpose(0, 2, 1)[:, None])  # (K, M, 3 colours, 3 parts)
    levels = seen @ inverse.astype(np.float32)[:, None]
    squares = np.matmul(windows**2, weight[:, None, :, None])[..., 0].sum(2) - (seen * levels).sum((2, 3))
    net = np.lib.stride_tricks.sliding_window_view(profiles.free, len(window), axis=1)[:, near]
    free = (net | (weight * (line > 0.1) == 0)[:, None]).all(2)
    response = np.where(free[..., None], levels[..., 2], 0.0)
    rest = np.maximum(squares, 0) / size[:, None]
    return Gains(response, rest, levels[..., 1] + levels[..., 2] - levels[..., 0], size, shifts[near], free)


def _edge(sigmas: np.ndarray) -> np.ndarray:
    """Return how bright it is beside a soft edge between 0 and 1."""
    return 1 / (1 + np.exp(-1.702 * sigmas))


def agreement(gains: Gains, colour: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return from -0.5 to 1 how well a line of a colour, times some factor, agrees with each place, (K, M).

    Args:
        gains: Gains at each place.
        colour: (3,) of the lines, the surface's taken off.
        factors: (K, 2) least and most times that colour.
    """
    squared = colour @ colour
    along = gains.response @ colour / squared
    factor = np.clip(along, factors[:, :1], factors[:, 1:])
    explained = (2 * factor * along - factor**2) * squared
    agree = (explained - REST * gains.rest) / np.maximum((gains.response**2).sum(-1), factor**2 * squared)
    return np.where(gains.free, np.clip(agree, -0.5, 1), 0.0)


def edge_agreement(profiles: Profiles, gains: Gains) -> np.ndarray:
    """Return from 0 to 1 how well the edge of a surface of one colour agrees with each place (K, M).

    The surface's colour is the one farthest inwards. What lies beyond may have any other.
    """
    beside = int(BESIDE / STEP)  # so that a window of `gains` holds it at each place
    window = STEP * np.arange(-beside, beside + 1)
    within = _edge(window / BLUR).astype(np.float32)
    parts = np.stack([1 - within, within])  # (2, W)
    windows = np.lib.stride_tricks.sliding_window_view(profiles.colours, len(window), axis=1)  # (K, M', 3, W)
    begin = int(np.argmin(np.abs(profiles.away - gains.shifts[0] - window[0])))
    windows = windows[:, begin : begin + len(gains.shifts)]
    levels = np.matmul(windows, np.linalg.pinv(parts).astype(np.float32))  # (K, M, 3, 2)
    spread = len(window) * windows.var(-1).sum(-1)  # of the window about its mean
    left = ((windows - np.matmul(levels, parts)) ** 2).sum((2, 3))
    step, inner = levels[..., 1] - levels[..., 0], profiles.colours[:, -round(BESIDE / STEP) :].mean(1)
    bare = profiles.free[:, -round(BESIDE / STEP) :].all(1)
    surface = np.median(inner[bare] if bare.any() else inner, axis=0)
    unlike = np.abs(windows[..., window > BESIDE / 2].mean(-1) - surface).max(-1)  # of what lies well within
    clear = np.clip(np.linalg.norm(step, axis=-1) / LEAST_CONTRAST - 1, 0, 1)
    explained = np.clip(1 - left / np.maximum(spread, 1e-6), 0, 1)
    return np.where(gains.free, explained * clear * np.exp(-0.5 * (unlike / SAME_SURFACE) ** 2), 0.0)


def line_colour(gains: Gains, borders: np.ndarray) -> np.ndarray | None:
    """Return the colour (3,) of the lines, the surface's taken off, that agrees with most profiles, or None."""
    border = gains.response[borders]
    near = np.exp(-0.5 * (gains.shifts / (gains.shifts[-1] / 2)) ** 2)
    strength = border.sum(2) * near * np.sqrt(gains.size[borders])[:, None]
    tried = border[np.arange(len(border)), strength.argmax(1)]
    tried = tried[tried.mean(1) > LEAST_CONTRAST][::2]
    if not len(tried):
        return None
    squared = (tried**2).sum(1)
    agree = 2 * (border[:, ::2] @ tried.T) / squared - 1  # (K, M / 2, tried)
    total = (np.clip(agree, 0, 1) * near[::2, None]).max(1).sum(0) * np.sqrt(squared)
    return tried[total.argmax()].astype(float)


def to_be_seen(free: np.ndarray) -> bool:
    """Return whether enough of a line, free of the net (n, M), lies where it is expected."""
    return int(free[:, free.shape[1] // 2].sum()) >= LEAST_SHOWN
