"""Strokes on pictures: speeds where the ball is struck, landings on the map, flights from above and from the side."""

import numpy as np

from ttcli.flights.picture import draw_flights
from ttcli.rendering.strokes import LABEL_SECONDS, StrokeMarks, draw_landings, speed_text
from ttcli.results.strokes import Ellipse, Estimate, Stroke

LANDED = Ellipse(1.5, 0.3, 0.9, 0.08, 0.03, 20.0)
STROKE = Stroke(1.0, 60.0, side="left", speed=Estimate(54.2, 50.4, 57.9), bounce=LANDED)


def picture() -> np.ndarray:
    return np.zeros((360, 640, 3), np.uint8)


def test_a_speed_stands_where_the_ball_appears_and_goes_after_a_while():
    marks = StrokeMarks([STROKE, Stroke(2.0, 120.0)], on_map=False)
    assert speed_text(STROKE) == "54 km/h (50 to 58)"
    early, hidden, struck, late = (picture() for _ in range(4))
    marks.draw(early, 0.9, (300.0, 200.0))
    marks.draw(hidden, 1.02, None)  # written where the ball appears
    marks.draw(struck, 1.05, (300.0, 200.0))
    marks.draw(late, 1.0 + LABEL_SECONDS + 0.01, (400.0, 100.0))
    assert not early.any() and not hidden.any() and not late.any()
    rows, columns = np.nonzero(struck.max(2))
    assert rows.max() < 200 and columns.min() < 300 < columns.max()


def test_landings_come_onto_the_map_when_the_ball_lands():
    marks = StrokeMarks([STROKE], on_map=True)
    before, after = picture(), picture()
    marks.draw(before, 1.4, None)
    marks.draw(after, 2.9, None)
    assert not before.any() and after.any()
    rows, columns = np.nonzero(after.max(2))
    assert columns.min() > 640 / 2 and rows.max() < 360 / 2  # in the upper right corner
    draw_landings(np.zeros((8, 8, 3), np.uint8), [LANDED])  # no room: nothing


def test_flights_are_drawn_in_the_colour_of_their_end():
    way = np.stack([np.zeros(20), np.linspace(-1.5, 1.5, 20), np.full(20, 0.3)], 1)
    one, other = draw_flights([way], [STROKE]), draw_flights([way[::-1]], [])
    assert one.shape == other.shape and (one != other).any()
    assert (one == (200, 20, 120)).all(2).any() and not (other == (200, 20, 120)).all(2).any()
