"""Where the white lines lie on the picture itself, to a part of a pixel, and the camera that agrees with them.

The network's maps have cells of several pixels. Lines are 20 mm wide and straight: once their rough position is known,
profiles across them give the rest. Each line is placed as a whole, so that people in front of a part do little harm.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ttcli.table.agreeing import HUMP_SIGMA, LOOSER, agreed
from ttcli.table.camera import TableCamera
from ttcli.table.gains import Gains, agreement, edge_agreement, gains_of, line_colour, to_be_seen
from ttcli.table.laying import FACTORS, Line, Nearness, lay_edge, lay_line
from ttcli.table.profiles import (
    LEAST_LINES,
    LINE_WIDTH,
    TAPE,
    Picture,
    Profiles,
    Stations,
    profiles_across,
    stations_of,
)
from ttcli.table.refining import EVERYTHING

CARRIED_SHARE = 0.5
"""Part of its reach that a line may be off where it was carried to, 1 sigma."""
LEAST_SUPPORT, TAPE_SUPPORT = 0.2, 0.5
"""Mean agreement of a line from which on it counts, and of the net's tape: in place of one that is not white something
beyond it may be seen."""
EDGE_SUPPORT = 0.4
"""The same of an edge of the surface, where no lines are seen."""
TAPE_SIGMA = 0.004
"""How much higher or lower than the laws want it the tape may be, metres, 1 sigma: nets sag."""
REACHES = (18.0, 7.0, 3.0)
"""Pixels on either side in which a line is looked for, round after round."""
SURE_LINES, SURE_SUPPORT = 4, 0.34
"""Lines that must be found, and the mean support of all lines that should be seen. Then only a table looks like that."""
WELL_SEEN, MORE_BENT = 0.7, 0.15
"""Mean support of a flat table's lines from which on nobody asks whether it rises to its net, and how much more support
the lines of one that rises must have."""
MOST_LEFT = 1.5
"""Pixels that a line may be off the camera in which they agree to count as seen."""
EDGES_WIDER = 1.4
"""How much larger the stated error is where edges of the surface stand in for lines: 95 % ellipses of seven drawn videos
hold so."""
INSIDE = 0.4
"""Pixels by which border lines of films seem to lie inside of where they are, the median of 14 drawn films.

In painted pictures without a lens and a codec it is 0.1 at most.
"""


class Laid(NamedTuple):
    """A camera that agrees with the white lines."""

    camera: TableCamera
    support: dict[int, float]
    """Line that should be seen -> the share of the line that is, 0 to 1."""
    hump: float
    """How much higher than its ends the table is at the net, metres."""
    edges: bool = False
    """Whether these are edges of a surface whose lines are not seen."""

    @property
    def mean_support(self) -> float:
        """Mean support of the lines that should be seen."""
        return float(np.mean(list(self.support.values())))

    @property
    def sure(self) -> bool:
        """Whether so many lines agree that no other thing than a table looks so."""
        return sum(support > 0 for support in self.support.values()) >= SURE_LINES and self.mean_support >= SURE_SUPPORT


def lay_lines(
    start: TableCamera,
    pictures: Sequence[Picture],
    free: np.ndarray,
    reaches: tuple[float, ...] = REACHES,
    known_hump: float | None = None,
) -> Laid | None:
    """Return the camera near `start` that agrees best with the lines on pictures of one view.

    Args:
        start: Camera with a covariance.
        pictures: Pieces of pictures, all of one size and place.
        free: What may change, numbers in STATE, 7 for the bend.
        reaches: Pixels of the pictures in which lines are looked for, round after round.
        known_hump: How much higher the table is at the net, metres; None where nobody knows.

    Returns:
        None where too few lines are seen that agree on a camera.
    """
    bent = known_hump is not None and abs(known_hump) > HUMP_SIGMA / 2
    flat = None if bent else _laid(start, pictures, free, reaches, None)
    if flat is not None and flat.sure and (known_hump is not None or flat.mean_support > WELL_SEEN):
        return flat
    laid = _rather(flat, _laid(start, pictures, free, reaches, known_hump or 0.0, known_hump is None))
    if laid is not None and laid.sure:
        return laid
    edges = _laid(start, pictures, free, reaches, None, edges=True)
    return edges if edges is not None and edges.sure else laid


def _rather(flat: Laid | None, bent: Laid | None) -> Laid | None:
    """Return how a table lies: flat, unless clearly more is seen of one that rises to its net."""
    if flat is None or (bent is not None and bent.sure and not flat.sure):
        return bent
    more = bent is not None and bent.sure and bent.mean_support > flat.mean_support + MORE_BENT
    return bent if more else flat


def _laid(
    start: TableCamera,
    pictures: Sequence[Picture],
    free: np.ndarray,
    reaches: tuple[float, ...],
    hump: float | None,
    rises: bool = False,
    edges: bool = False,
) -> Laid | None:
    """Return the camera that agrees with the lines of a flat table, or with those of one that rises to the net by a hump.

    How high the hump is, metres, is found where it `rises`. Of a table without lines that are seen, the `edges` of its surface
    are looked for.
    """
    stations, camera, left = stations_of(halves=hump is not None), start, dict[int, float]()
    support: dict[int, float] = {}
    factors = dict.fromkeys(range(len(stations.places)), FACTORS)
    for reach in reaches:
        profiles = profiles_across(stations, camera, pictures, reach, hump or 0.0)
        if profiles is None:
            return None
        gains = gains_of(profiles, reach)
        expected = partial(_expected, start, camera, reach, free)
        if edges:
            lines = _edges_on(profiles, gains, stations, expected)
        else:
            colour = line_colour(gains, stations.widths[profiles.lines] == LINE_WIDTH)
            if colour is None:
                return None
            lines = _lines_on(profiles, gains, colour, stations, factors, expected)
        for number, own in profiles.own_stations():
            support.pop(number, None)
            if edges and stations.widths[number] != LINE_WIDTH:
                continue
            if number in lines or to_be_seen(gains.free[own]):
                support[number] = lines[number].support if number in lines else 0.0
        if len({int(stations.whole[number]) for number in lines} - {TAPE}) < LEAST_LINES:
            return None
        factors |= {number: (line.factor, line.factor) for number, line in lines.items()}
        inside = INSIDE * (stations.widths == LINE_WIDTH) * (reach == reaches[-1] and not edges)
        laid = [line._replace(off=line.off - inside[number]) for number, line in lines.items()]
        fit = agreed(start, camera, laid, profiles, free, hump or 0.0, rises)
        if fit is None:
            return None
        camera, found, left = fit
        hump = None if hump is None else found
    support |= {number: 0.0 for number, off in left.items() if off > MOST_LEFT}
    shares: dict[int, list[float]] = {}
    for number, share in support.items():
        shares.setdefault(int(stations.whole[number]), []).append(share)
    whole = {number: float(np.mean(each)) for number, each in shares.items() if number != TAPE}
    if edges and camera.covariance is not None:
        camera = replace(camera, covariance=EDGES_WIDER**2 * camera.covariance)
    return Laid(camera, whole, hump or 0.0, edges) if sum(share > 0 for share in whole.values()) >= LEAST_LINES else None


def _lines_on(
    profiles: Profiles,
    gains: Gains,
    colour: np.ndarray,
    stations: Stations,
    factors: dict[int, tuple[float, float]],
    expected: Callable[[Profiles, slice], Nearness],
) -> dict[int, Line]:
    """Return the lines that are seen, by their numbers."""
    lines = {}
    agree = agreement(gains, colour, np.array([factors[number] for number in profiles.lines.tolist()]))
    for number, own in profiles.own_stations():
        tape = stations.whole[number] == TAPE
        least = TAPE_SUPPORT if tape else LEAST_SUPPORT
        line = lay_line(number, gains.of(own), agree[own], colour, profiles.of(own), expected(profiles, own), least)
        if line is not None:
            lines[number] = line._replace(height_off=TAPE_SIGMA) if tape else line
    return lines


def _edges_on(
    profiles: Profiles, gains: Gains, stations: Stations, expected: Callable[[Profiles, slice], Nearness]
) -> dict[int, Line]:
    """Return the edges of the surface that are seen, by the numbers of the lines beside them."""
    agree, edges = edge_agreement(profiles, gains), {}
    for number, own in profiles.own_stations():
        if stations.widths[number] == LINE_WIDTH:
            edge = lay_edge(number, gains.of(own), agree[own], profiles.of(own), expected(profiles, own), EDGE_SUPPORT)
            if edge is not None:
                edges[number] = edge
    return edges


def _expected(
    start: TableCamera, camera: TableCamera, reach: float, free: np.ndarray, profiles: Profiles, own: slice
) -> Nearness:
    """Return where a line is expected: where the network saw it, whose camera is `start`, or where it was carried to."""
    if start.covariance is None or len(free) < len(EVERYTHING):
        return Nearness(np.zeros(2), np.eye(2) / (CARRIED_SHARE * reach) ** 2)
    ends = [own.start, own.stop - 1]
    places, normals = profiles.places[ends], profiles.normals[ends]
    expected, slopes = start.slopes(places)
    across = np.einsum("nj,njk->nk", normals, slopes[..., :-1])
    spread = LOOSER * across @ start.covariance @ across.T + np.eye(2)
    return Nearness(((expected - camera.project(places)) * normals).sum(1), np.linalg.inv(spread))
