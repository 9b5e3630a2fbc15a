"""Whether a camera's table is what the network saw: how much agrees, what contradicts, and what no camera can be."""

from typing import NamedTuple

import cv2
import numpy as np

from ttcli.networks.table_finder import CENTRE, CORNER, END, MIDDLE, NET, POST, SIDE, TEE, TOP
from ttcli.table.camera import TableCamera, landmarks, outlines
from ttcli.table.constants import TABLE_HEIGHT
from ttcli.table.evidence import LEAST_SURFACE, Evidence

LOWEST, HIGHEST, FARTHEST = 0.02, 20.0, 60.0
"""Metres: how far above the table a camera is at the least, how high and how far away it is at most."""
WIDEST, LONGEST = 0.3, 25.0
"""Focal lengths, in picture widths, of the widest lens and the longest."""
LEAST_SCORE = 0.52
"""Mean agreement of all kinds, of those that lie in what was looked at. Courts of badminton, whose lines are as white,
have 0.49 at the most."""
FROM_ABOVE = 0.9
"""Sine of the angle at which a camera looks down from which on its net does not count: it is hardly to be seen."""
LEAST_OF_A_KIND = 0.2
"""The same of each kind of line, and of net and surface."""
LEAST_OF_A_POINT = 0.1
"""The same of the posts and of the net's ends: else the line along the middle may be taken for the net."""
LEAST_KINDS = 5
"""Kinds, of nine, that lie in what was looked at at least in part."""
MOST_CONTRADICTION = 0.3
"""How much more a line may look as one of another kind than as its own."""
APART_CELLS = 3.0
"""How far lines are apart for one to be taken for the other."""
MOST_SPILL = 0.55
"""Surface beside the table that belongs to the same patch, as a part of the table's own: the half of a table leaves 1."""
LEAST_AREA_CELLS = 16.0
_SAMPLES = 15
MARGIN_CELLS = 1.0


class Judgement(NamedTuple):
    """What is to be said of a camera."""

    score: float
    """From 0 to 1: how much of what the camera should see the network saw."""
    reason: str | None
    """Why it is no table; None where it is one."""


def judge(camera: TableCamera, evidence: Evidence, lines_seen: bool = False) -> Judgement:
    """Return how well a camera's table agrees with what the network saw, and why it cannot be one, if so.

    `lines_seen` tells that its white lines are seen on the picture itself: then the network need not see each kind of line.
    """
    scores = agreement(camera, evidence)
    score = float(np.mean(list(scores.values()))) if scores else 0.0
    return Judgement(score, _reason(camera, evidence, scores, score, lines_seen))


def agreement(camera: TableCamera, evidence: Evidence) -> dict[int, float]:
    """Return for each kind that should be in view how much the network saw, 0 to 1."""
    places, kinds = landmarks()
    found: dict[int, float] = {}
    shown = camera.project(places)
    for kind in (CORNER, MIDDLE, POST, TEE):
        own = shown[kinds == kind]
        own = own[evidence.inside(own, MARGIN_CELLS)]
        if len(own):
            found[kind] = float(evidence.at(kind, own, near=True).mean())
    drawn = outlines(_SAMPLES)
    for kind, name in ((SIDE, "side"), (END, "end"), (CENTRE, "centre")):
        line = camera.project(np.concatenate(drawn[name]))
        line = line[evidence.inside(line, MARGIN_CELLS)]
        if len(line) >= _SAMPLES // 3:
            found[kind] = float(evidence.at(kind, line, near=True).mean())
    for kind, name in ((NET, "net"), (TOP, "top")):
        cover = _cover(camera.project(drawn[name][0]), evidence)
        if cover.sum() >= (LEAST_AREA_CELLS if kind == TOP else 1):
            found[kind] = float((evidence.heat[kind] * cover).sum() / cover.sum())
    if camera.rotation[2, 2] < -FROM_ABOVE:
        found = {kind: seen for kind, seen in found.items() if kind not in (MIDDLE, POST, NET)}
    return found


def _cover(border: np.ndarray, evidence: Evidence) -> np.ndarray:
    """Return how much of each cell (h, w) lies within a border (N, 2) in pixels, 0 to 1."""
    cover = np.zeros(evidence.heat.shape[1:], np.uint8)
    cells = np.clip(np.round(evidence.cells(border) * 16), -(2**20), 2**20).astype(np.int32)
    cv2.fillPoly(cover, [cells], 255, cv2.LINE_AA, 4)
    return cover.astype(np.float32) / 255


def _reason(camera: TableCamera, evidence: Evidence, scores: dict[int, float], score: float, lines_seen: bool) -> str | None:
    impossible = impossible_camera(camera)
    if impossible:
        return impossible
    if TOP not in scores:
        return "the table is too small on the picture, or out of it"
    if len(scores) < LEAST_KINDS:
        return "too little of the table is in the picture"
    if score < LEAST_SCORE:
        return "lines, net and surface do not agree on a table"
    for kind, name in ((POST, "the net's posts"), (MIDDLE, "the net's ends")):
        if scores.get(kind, 1.0) < LEAST_OF_A_POINT:
            return f"{name} are not seen where they should be"
    names = {SIDE: "the lines along its sides", END: "the lines at its ends", NET: "the net", TOP: "the surface"}
    for kind, name in names.items():
        if scores.get(kind, 1.0) < LEAST_OF_A_KIND and not (lines_seen and kind in (SIDE, END)):
            return (
                f"{name} is not seen where it should be" if kind in (NET, TOP) else f"{name} are not seen where they should be"
            )
    return _contradiction(camera, evidence)


def impossible_camera(camera: TableCamera) -> str | None:
    """Return why no camera stands there, or has such a lens; None where one may."""
    above, far = float(camera.position[2] - TABLE_HEIGHT), float(np.linalg.norm(camera.position[:2]))
    focal = camera.focal / camera.width
    if above < LOWEST:
        return "the camera would be lower than the table"
    if above > HIGHEST or far > FARTHEST:
        return f"the camera would be {far:.0f} m away and {above:.0f} m above the table"
    if not WIDEST <= focal <= LONGEST:
        return f"the lens would have a focal length of {focal:.2g} picture widths"
    return None


def _contradiction(camera: TableCamera, evidence: Evidence) -> str | None:
    """Return what speaks against a table whose parts are all there: the half of one has lines, too."""
    drawn = outlines(_SAMPLES)
    others = {SIDE: "the line along the middle", END: "the line along the middle", CENTRE: "a line along a side"}
    for kind, name, other in ((SIDE, "side", CENTRE), (END, "end", CENTRE), (CENTRE, "centre", SIDE)):
        for line in drawn[name]:
            seen = camera.project(line)[1:-1]
            seen = seen[evidence.inside(seen, MARGIN_CELLS)]
            beside = camera.project(np.concatenate(drawn["centre" if other == CENTRE else "side"]))
            apart = np.linalg.norm(seen[:, None] - beside, axis=2).min(1, initial=np.inf) > APART_CELLS * evidence.cell
            seen = seen[apart]  # where the camera is hardly above the table, both lines are in one cell
            if len(seen) < _SAMPLES // 3:
                continue
            own, against = (evidence.at(each, seen, near=True).mean() for each in (kind, other))
            if against > own + MOST_CONTRADICTION:
                return f"{others[kind]} lies where a line of another kind should: it may be half a table"
    cover = _cover(camera.project(drawn["top"][0]), evidence)
    surface = evidence.heat[TOP]
    _, labels = cv2.connectedComponents((surface > LEAST_SURFACE).astype(np.uint8))
    own = np.unique(labels[(cover > 0.5) & (labels > 0)])
    patch = np.isin(labels, own)
    within = float((surface * cover)[patch].sum())
    if float((surface * (1 - cover))[patch].sum()) > MOST_SPILL * max(within, 1e-9):
        return "the surface goes on beside it: it may be half a table"
    return None
