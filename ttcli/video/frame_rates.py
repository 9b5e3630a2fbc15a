"""The frame rate that timestamps show, whatever a header says."""

import numpy as np

UNEVEN = 0.2
"""Share of the usual step by which a step between frames may be off."""
ROUNDING_SECONDS = 0.0011
"""Step in which Matroska counts, and a little: it makes no rate a varying one."""


def usual_step(steps: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Return the usual step from frame to frame, in seconds, and which steps are near it; None without steps.

    The usual step is the mean of those near the median: of 16 and 17 ms, as Matroska rounds 60 frames/s, neither is right.

    Args:
        steps: Seconds from frame to frame, in presentation order.
    """
    moving = steps[steps > 0]
    if not len(moving):
        return None
    median = float(np.median(moving))
    near = np.abs(steps - median) <= max(UNEVEN * median, ROUNDING_SECONDS)
    near &= steps > 0
    return (float(steps[near].mean()) if near.any() else median), near
