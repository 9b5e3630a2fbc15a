"""A table that is seen: what was looked at, and the camera that saw it so, by all looks together."""

from functools import partial

import cv2
import numpy as np

from ttcli.table.camera import TableCamera, outlines
from ttcli.table.evidence import OTHER, OWN, Evidence, Region
from ttcli.table.fit import Fit, farthest_apart, fit_camera, no_table, refit, relay
from ttcli.table.judging import judge
from ttcli.table.profiles import Picture
from ttcli.table.refining import AIM, refine
from ttcli.table.settling import Shown, stays

SAME_VIEW = 0.5
"""Cosine between two answers of the network from which on they are of one view."""
LEAST_LOOKS = 3
"""Least looks at a table that is accepted for the first time."""
FEW_LOOKS, SURE_SCORE = 6, 0.6
"""With fewer looks more must be seen: one picture alone shows a wrong table more often."""
FULL_LOOKS = 16
"""From which on no more are added to a table that was found."""
FITTED_AT = (LEAST_LOOKS, FEW_LOOKS, 10, FULL_LOOKS, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Looks after which a camera is fitted anew; the later ones where none was found yet, as who hides a corner walks on."""
MOST_PICTURES = 12
"""In which white lines are looked for."""
SETTLED = 3.0 / 1920
"""Picture widths: a corner known so well needs no further looks."""
SAME_CAMERA_CELLS = 0.7
"""How far corners may be off for a camera after a cut to stand where one stood before."""
KNOWN_SHARE = 0.85
"""How much of its score a table that is known again keeps at the least."""


class Candidate:
    """One table that is seen, and all sightings of that table.

    Args:
        region: Where, on the first picture.
        heat: Heat of that region.
        size: Size of its surface, as a part of the picture.
        picture: What the region shows, where white lines are looked for; None where nobody has it.
        surface: Where the whole first picture shows it, and where others, as `evidence.Patch` has it; None where unknown.
    """

    def __init__(
        self,
        region: Region,
        heat: np.ndarray,
        size: float,
        picture: Picture | None = None,
        surface: np.ndarray | None = None,
    ) -> None:
        self.region, self.size, self.surface = region, size, surface
        self._pictures, self._picture_every = [] if picture is None else [picture], 1
        self.total, self.weight = heat.copy(), np.ones(heat.shape[1:], np.float32)
        self.looks, self.source, self.narrowed = 1, "found", False
        self.shown: list[Shown] = []
        """What its region showed while the picture moved."""
        self._fitted, self._fit = 0, no_table("it was looked at too seldom")

    def fit(self, height: int, width: int, more: bool = True) -> Fit:
        """Return the camera that saw the table so; `more` tells that further looks may come."""
        if self.source == "found" and self.looks < LEAST_LOOKS:
            return no_table("it was looked at too seldom")
        waits = more and self._fitted and not any(self._fitted < looks <= self.looks for looks in FITTED_AT)
        if self.looks == self._fitted or self.settled or waits:
            return self._fit
        before = self._fit
        if before.laid:
            self._fit, self._fitted = relay(before, self._pictures, height), self.looks
            return self._fit
        evidence = Evidence(self.total / np.maximum(self.weight, 1e-6), width, height, self.region)
        early = more and self.looks < FULL_LOOKS
        near = before.camera is not None and (early or self.source == "again")
        if near and before.camera is not None:
            self._fit = refit(before.camera, evidence, self._pictures)
        else:
            self._fit = fit_camera(evidence, self._pictures, not early, partial(lies_on, self.surface, height))
        unsure = self._fit.score < SURE_SCORE and not self._fit.laid
        if self.source == "found" and self.looks < FEW_LOOKS and unsure and self._fit.camera is not None:
            self._fit = no_table("too few looks for so little that is seen", self._fit.score)
        self._fitted = self.looks
        return self._fit

    def stay(self) -> None:
        """Give up a table that its pictures do not show where it should be, though the camera seems to be at rest."""
        if self.source == "found" and not stays(self._fit, self._pictures):
            self._fit, self._fitted = no_table("the camera moves, and nothing shows how", self._fit.score), self.looks

    def settle(self, fit: Fit) -> None:
        """Take a camera that is known better, and look no more."""
        self._fit, self._fitted, self._pictures = fit, self.looks, []

    def forget(self) -> None:
        """Keep the camera alone: no more looks come, and the same table need not be known again."""
        self._pictures, self.shown, self.surface = [], [], None
        self.total, self.weight = self.total[:0].copy(), self.weight[:0].copy()

    @property
    def held_bytes(self) -> int:
        """Bytes of pictures and answers that are kept for further looks."""
        pictures = [*self._pictures, *(each.picture for each in self.shown)]
        return self.total.nbytes + self.weight.nbytes + sum(picture.pixels.nbytes for picture in pictures)

    @property
    def known(self) -> bool:
        """Whether its camera is known, by the looks so far."""
        return self._fit.camera is not None

    @property
    def laid(self) -> bool:
        """Whether the network saw enough, and the white lines are seen: further pictures are looked at for them alone."""
        return self._fit.laid and self._fitted >= FEW_LOOKS

    @property
    def settled(self) -> bool:
        """Whether enough was seen: the white lines were, and tell the corners well."""
        camera = self._fit.camera
        return self.laid and camera is not None and self._fit.error <= SETTLED * camera.width

    def add_picture(self, picture: Picture | None) -> None:
        """Add a picture that is looked at for white lines alone; those that are kept lie evenly over all looks."""
        self.looks += 1
        if picture is not None and self.looks % self._picture_every == 0:
            if len(self._pictures) == MOST_PICTURES:
                self._pictures, self._picture_every = self._pictures[::2], 2 * self._picture_every
            self._pictures.append(picture)

    def add(self, heat: np.ndarray, weight: np.ndarray | float = 1.0, picture: Picture | None = None) -> bool:
        """Add an answer (KINDS, h, w) for the region as the first picture showed it; return whether it is of the same view."""
        mean = self.total / np.maximum(self.weight, 1e-6)
        seen = (self.weight > 0) & (np.broadcast_to(weight, self.weight.shape) > 0.5)
        size = float(np.linalg.norm(heat[:, seen]) * np.linalg.norm(mean[:, seen]))
        if size <= 0 or float((heat[:, seen] * mean[:, seen]).sum()) < SAME_VIEW * size:
            return False
        if self.looks < FULL_LOOKS or self._fit.camera is None:
            self.total += heat * weight
            self.weight += weight
            self.add_picture(picture)
        return True

    def again(self, heat: np.ndarray, height: int, width: int) -> "Candidate | None":
        """Return the same table as it is seen after a cut, its region looked at; None where it is not there."""
        known = self._fit
        if known.camera is None:
            return None
        evidence = Evidence(heat, width, height, self.region)
        refined = refine(known.camera, evidence, AIM)
        if refined is None:
            return None
        said = judge(refined.camera, evidence)
        if said.reason is not None or said.score < KNOWN_SHARE * known.score:
            return None
        if farthest_apart(refined.camera, known.camera) > SAME_CAMERA_CELLS * evidence.cell:
            return None
        found = Candidate(self.region, heat, self.size, surface=self.surface)
        found.source, found._fit = "again", known
        found.total, found.weight, found.looks = self.total.copy(), self.weight.copy(), self.looks
        found._pictures, found._picture_every = list(self._pictures), self._picture_every
        found._fitted = self.looks
        return found


def lies_on(surface: np.ndarray | None, height: int, camera: TableCamera) -> bool:
    """Return whether the table that a camera sees lies on a surface (h, w), and not rather on others that were seen.

    It does where it covers half of the surface, whatever else it covers: somebody in front cuts a board into several.
    """
    if surface is None:
        return True
    size = np.array(surface.shape[::-1])
    border = (camera.project(outlines()["top"][0]) + 0.5) * size / (camera.width, height) - 0.5
    there = np.zeros(surface.shape, np.uint8)
    cv2.fillPoly(there, [np.clip(np.round(border), -(2**14), 2**14).astype(np.int32)], 1)
    own, other = (int((surface[there > 0] == mark).sum()) for mark in (OWN, OTHER))
    return own >= other or 2 * own >= int((surface == OWN).sum())
