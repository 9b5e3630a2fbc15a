"""Which labelled frames belong to one rally."""

from collections.abc import Sequence

import numpy as np

RALLY_GAP_FRAMES = 120
"""Most frames between two labels of one rally. In OpenTTGames (120 fps) longer gaps lie between rallies: raising it
from 60 to 120 to 240 gives 38, 37, 37 rallies in game_1, while 30 cuts them into 73 pieces."""


def rally_numbers(frame_indexes: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the rally (N,) that each of N labelled frames, sorted, belongs to, from 0 on."""
    frames = np.asarray(frame_indexes)
    return np.cumsum(np.diff(frames, prepend=frames[:1]) > RALLY_GAP_FRAMES + 1)
