"""Where an axis is marked: at round numbers and round times, so few that their labels stand apart on a telephone too."""

from math import ceil, floor, log10

MOST_PARTS = 5
"""Most parts that the marks cut an axis into."""
STEPS_OF_A_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
"""Seconds between marks of time; longer ones are whole hours."""


def number_ticks(least: float, most: float) -> list[float]:
    """Return round numbers from `least` to `most`, apart by 1, 2 or 5 times a power of ten."""
    if most <= least:
        return [least]
    power = 10.0 ** floor(log10((most - least) / MOST_PARTS))
    step = next(step for times in (1, 2, 5, 10) if (step := times * power) * MOST_PARTS >= most - least)
    return [round(place * step, 9) + 0.0 for place in range(ceil(least / step - 1e-9), floor(most / step + 1e-9) + 1)]


def time_ticks(seconds: float) -> list[int]:
    """Return round times from 0 to `seconds`, in whole seconds."""
    hours = 3600 * ceil(seconds / 3600 / MOST_PARTS)
    step = next((step for step in STEPS_OF_A_CLOCK if step * MOST_PARTS >= seconds), hours)
    return list(range(0, floor(seconds) + 1, step))
