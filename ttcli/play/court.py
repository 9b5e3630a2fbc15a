"""Where play goes on the picture: the net, and along which direction the ball flies from end to end.

The table tells it where its camera is known. Else the passings of the net do: where they are, and which way the ball
flies there. Where they do not agree, as from behind an end, the bounces do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ttcli.play.sightings import Sightings
from ttcli.results.events import Event
from ttcli.table.camera import TableCamera
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

LEAST_PASSINGS = 3
"""From so many on they tell the direction of play."""
LEAST_AGREEMENT = 0.8
"""Share of the passings' directions that must lie along one line."""
SHORTEST_PAIR, LONGEST_PAIR = 0.15, 1.5
"""Seconds from one bounce to the next of a rally."""
SAME_PLACE = 0.5
"""Standard deviations of all bounces from one to the next: nearer ones are of a ball that is bounced by hand."""
LEAST_PAIRS = 10
"""From so many on bounces tell the direction of play."""
LEAST_TURNS, LEAST_AHEAD = 0.65, 0.15
"""Share of these pairs with a bounce on either half, and how much larger it must be than along the picture's other axis."""
AS_GOOD = 0.01
"""A cut between the halves is as good as the best one where its share is smaller by this at most."""
SPREAD = 0.75
"""Share of the table's width over which the middle nine tenths of the bounces lie, about."""
REACH_QUANTILE = 0.95
"""Reach quantile of the bounces on a side, the one that lies about at the table's end."""


@dataclass(frozen=True)
class Court:
    """The direction of play on the picture, for a while."""

    net: np.ndarray
    """(2,): where the ball passes it, pixels."""
    along: np.ndarray
    """(2,): of length 1, from the table's end -1 to its end +1."""
    reach: tuple[float, float]
    """Pixels from the net to the ends -1 and +1."""
    end: int | None = None
    """Which of these ends is at positive Y of the table; None where the table is not known."""
    camera: TableCamera | None = None
    """The camera that sees the table; None where the table is not known."""
    across: tuple[float, float] | None = None
    """Pixels over which the middle nine tenths of the bounces on the halves -1 and +1 spread, across play; None where that is
    not known, or tells nothing."""

    @property
    def from_an_end(self) -> bool:
        """Whether play goes away from the camera and towards it: then how high a ball is looks like how far away it is."""
        return abs(self.along[0]) < abs(self.along[1])

    @property
    def names(self) -> tuple[str, str]:
        """Names of the ends -1 and +1."""
        return ("far", "near") if self.from_an_end else ("left", "right")

    def name(self, side: int) -> str:
        """Return the name of the end -1 or +1."""
        return self.names[side > 0]

    def metre(self, side: int) -> float:
        """Return how many pixels tall a metre is over the end -1 or +1.

        Where no camera is known it is as long as one of the table, or, from behind an end, as one across it.
        """
        upright = self._upright(side)
        if upright is not None:
            return float(np.linalg.norm(upright[1] - upright[0]))
        return sum(self.reach) / TABLE_LENGTH if self.across is None else self.across[int(side > 0)] / (SPREAD * TABLE_WIDTH)

    def leaning(self, side: int) -> float:
        """Return how much farther out than it is a ball a metre over the end -1 or +1 seems, as `places` has it; 0 if unknown."""
        upright = self._upright(side)
        return 0.0 if upright is None else side * float(np.diff(self.places(upright))[0])

    def _upright(self, side: int) -> np.ndarray | None:
        """Return the pixels (2, 2) of the foot and the top of a metre that stands on an end; None where no camera is known."""
        if self.camera is None or self.end is None:
            return None
        foot = np.array([0.0, self.end * side * TABLE_LENGTH / 2, TABLE_HEIGHT])
        return self.camera.project(np.stack([foot, foot + (0.0, 0.0, 1.0)]))

    def places(self, pixels: np.ndarray) -> np.ndarray:
        """Return how far along the table pixels (..., 2) lie: 0 at the net, -1 and +1 at its ends, about."""
        far = (pixels - self.net) @ self.along
        return far / np.where(far < 0, self.reach[0], self.reach[1])

    def level_places(self, pixels: np.ndarray) -> np.ndarray:
        """Return `places`, in which the ball's height does not count where a camera is known."""
        upright = self._upright(1)
        if upright is None:
            return self.places(pixels)
        up = upright[1] - upright[0]
        level = np.array([up[1], -up[0]])  # what rises does not move along this
        ends = [self.net + side * length * self.along for side, length in zip((-1, 1), self.reach, strict=True)]
        far, reach = (pixels - self.net) @ level, [float((end - self.net) @ level) for end in ends]
        if not reach[0] * reach[1] < 0:
            return self.places(pixels)
        far, reach = far * np.sign(reach[1]), [abs(each) for each in reach]
        return far / np.where(far < 0, reach[0], reach[1])


def court_of_camera(camera: TableCamera) -> Court | None:
    """Return how a camera that sees the table sees play; None where it looks along the net, or lies in the table's plane."""
    ends = camera.project(
        np.array([[0, -TABLE_LENGTH / 2, TABLE_HEIGHT], [0, 0, TABLE_HEIGHT], [0, TABLE_LENGTH / 2, TABLE_HEIGHT]])
    )
    straight = ends[2] - ends[0]
    length = float(np.linalg.norm(straight))
    if not length > 1:
        return None
    along = _turned(straight / length)
    far = (ends - ends[1]) @ along
    reach = -float(far.min()), float(far.max())
    return Court(ends[1], along, reach, int(np.sign(straight @ along)), camera) if min(reach) > 0 else None


def court_of_passings(events: Sequence[Event], sightings: Sightings) -> Court | None:
    """Return how play goes, by the passings and bounces of a shot; None where they are few, or do not agree."""
    passings = [event for event in events if event.event == "net" and event.place is not None]
    moved = [sightings.direction(event.seconds) for event in passings]
    there = [(event.place, step) for event, step in zip(passings, moved, strict=True) if step is not None]
    if len(there) < LEAST_PASSINGS:
        return None
    steps = np.array([step for _, step in there])
    strength, axes = np.linalg.eigh(steps.T @ steps / len(steps))
    if strength[1] < LEAST_AGREEMENT:
        return None
    along, net = _turned(axes[:, 1]), np.median([place for place, _ in there], axis=0)
    bounces = np.array([event.place for event in events if event.event == "bounce" and event.place is not None], float)
    far = (bounces.reshape(-1, 2) - net) @ along
    sides = [side for side in (-far[far < 0], far[far > 0]) if len(side)]
    if not sides:
        return None
    ends = [float(np.quantile(side, REACH_QUANTILE)) for side in sides]
    reach = (ends[0], ends[-1])
    return Court(net, along, reach) if min(reach) > 0 else None


def court_of_bounces(events: Sequence[Event]) -> Court | None:
    """Return how play goes, by the bounces of a shot, which change halves from one to the next; None where they do not say.

    From behind an end passings point anywhere, for high and low is near and far there; but bounces are low on the
    picture on the near half, and high on the far one.
    """
    bounces = [event for event in events if event.event == "bounce" and event.place is not None]
    if len(bounces) <= LEAST_PAIRS:
        return None
    places = np.array([event.place for event in bounces], float)
    gaps = np.diff([event.seconds for event in bounces])
    apart = np.linalg.norm(np.diff(places, axis=0), axis=1) > SAME_PLACE * np.linalg.norm(places.std(axis=0))
    pairs = np.flatnonzero((gaps > SHORTEST_PAIR) & (gaps < LONGEST_PAIR) & apart)
    if len(pairs) < LEAST_PAIRS:
        return None
    shares, nets = zip(*(_halved(places[:, axis], pairs) for axis in range(2)), strict=True)
    axis = int(np.argmax(shares))
    if shares[axis] < max(LEAST_TURNS, shares[1 - axis] + LEAST_AHEAD):
        return None
    far, aside = places[:, axis] - nets[axis], places[:, 1 - axis]
    halves = far < 0, far > 0
    reach = tuple(float(np.quantile(np.abs(far[half]), REACH_QUANTILE)) for half in halves)
    across = tuple(float(np.diff(np.quantile(aside[half], (0.05, 0.95)))[0]) for half in halves)
    net = np.median(places, axis=0)
    net[axis] = nets[axis]
    known = axis == 1 and min(across) > 0
    return Court(net, np.eye(2)[axis], (reach[0], reach[1]), across=(across[0], across[1]) if known else None)


def _halved(places: np.ndarray, pairs: np.ndarray) -> tuple[float, float]:
    """Return the largest share of pairs that a cut through places (N,) parts, and that cut: of several the one in the widest gap.

    Args:
        places: Of bounces, along one axis, in order of time.
        pairs: The first of each pair; its second is the one after it.
    """
    steps = np.sort(places)
    cuts, gaps = (steps[1:] + steps[:-1]) / 2, np.diff(steps)
    above = places > cuts[:, None]  # (cuts, N)
    shares = (above[:, pairs] != above[:, pairs + 1]).mean(1)
    best = shares >= shares.max() - AS_GOOD
    return float(shares.max()), float(cuts[best][np.argmax(gaps[best])])


def _turned(along: np.ndarray) -> np.ndarray:
    """Return a direction turned so that it leads to the right, or, where it is steep, to the near end."""
    steep = abs(along[1]) > abs(along[0])
    return along * (1.0 if along[int(steep)] > 0 else -1.0)
