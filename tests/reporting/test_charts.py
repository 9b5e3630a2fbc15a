"""Charts of a report are read by a stranger: axes at round numbers, marks that stand out from the table."""

import re
from importlib.resources import files

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ttcli.reporting.charts import MARKS, intervals, mark, timeline, zone_words
from ttcli.reporting.ticks import MOST_PARTS, number_ticks, time_ticks

STYLE = (files("ttcli.reporting") / "page" / "report.css").read_text()


def labels_of(chart):
    return re.findall(r'class="below"[^>]*>([^<]*)</text>', chart)


@given(some.floats(-200, 0), some.floats(0.5, 500))
def test_numbers_are_marked_at_round_ones_inside_the_axis(least, most):
    ticks = number_ticks(least, most)
    assert 2 <= len(ticks) <= MOST_PARTS + 1 and 0 in ticks
    assert all(least - 1e-6 <= tick <= most + 1e-6 for tick in ticks)
    step = ticks[1] - ticks[0]
    assert float(f"{step:.0e}") == pytest.approx(step) and f"{step:.0e}"[0] in "125"


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (0.9, ["0:00"]),
        (3.4, ["0:00", "0:01", "0:02", "0:03"]),
        (27, ["0:00", "0:10", "0:20"]),
        (300, ["0:00", "1:00", "2:00", "3:00", "4:00", "5:00"]),
        (7300, ["0:00", "30:00", "1:00:00", "1:30:00", "2:00:00"]),
        (90_000, ["0:00", "5:00:00", "10:00:00", "15:00:00", "20:00:00", "25:00:00"]),
    ],
)
def test_times_are_marked_at_round_ones_and_each_once(seconds, labels):
    assert len(time_ticks(seconds)) <= MOST_PARTS + 1
    assert labels_of(timeline([], seconds, "m1")) == labels


def test_speeds_of_a_short_match_are_marked_at_round_numbers():
    stroke = {"stroke": 1, "time_s": 2.0, "speed_kmh": 93.1, "speed_low": 80.0, "speed_high": 106.2}
    chart = intervals("Speed", [("serve", stroke)], "speed_kmh", "speed_low", "speed_high", "km/h", "m1")
    assert labels_of(chart) == ["0", "50", "100"]


def colours(block):
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block))


def luminance(colour):
    shares = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mark_stands_out_from_the_table(scheme):
    """WCAG 2.2, 1.4.11, asks for a contrast of 3 to 1 of what a picture is understood by."""
    given_colours = colours(re.findall(r":root \{([^}]*)\}", STYLE)[scheme == "dark"])
    for name in ("serve", "receive", "third", "later", "soft"):
        pair = sorted(luminance(given_colours[each]) for each in (name, "table"))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3, name


@pytest.mark.parametrize("phase", [phase for phase, shape in MARKS.items() if shape not in ("circle", "square")])
def test_every_mark_is_filled(phase):
    """A shape whose outline runs back on itself has no inside, and only its pale edge would show."""
    corners = re.search(r'points="([^"]*)"', mark(phase, 0, 0, 10.0)).group(1).split()
    shape = np.array([[float(each) for each in corner.split(",")] for corner in corners], np.float32)
    assert cv2.contourArea(shape) > 100


def test_zones_are_named_as_players_name_them():
    assert [zone_words(zone) for zone in ("short_left", "half_middle")] == ["short left", "half-long middle"]
