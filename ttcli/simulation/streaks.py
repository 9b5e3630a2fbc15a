"""The ball as a shutter sees it: a disc swept along its path, in closed form.

The path of an exposure is a chain of straight segments. A point lies at (u, v) in a segment's own axes (u along it
from its start, v across). A disc of radius r covers the point for `|[u - c, u + c] ∩ [0, L]| / L` of the exposure,
with c = sqrt(r² - v²). No sampling along the path is needed, however long it is.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

PATCH_SIZES = (12, 16, 24, 32, 48, 64, 96, 128, 192, 384, 1024)
"""Sides of the squares that streaks are drawn in; each goes into the smallest that holds it."""
DEVICE_PATCH_SIZES = (16, 48, 128, 384, 1024)
"""The same on a GPU, to which fewer and larger squares come cheaper. What is drawn is the same, for FINEST_SIDE,
FINE_SIDE and the largest are among them."""
FINE, FINE_SIDE = 2, 48
"""Points per pixel along each axis at which coverage is taken, then averaged. Larger squares take one: along a streak as
long as that coverage changes slowly."""
FINEST, FINEST_SIDE = 4, 16
"""The same in the smallest squares, where a ball is little more than a pixel."""
SHORTEST = 0.5
"""Shorter paths, in pixels, are drawn as long as this round their middle: of a ball that does not move at all a point is
covered or not. With these two, a resting disc of radius 1 has its area within 1.3 % (root mean square) and its middle
within 0.03 px; without them it was 8 % and 0.09 px."""


@dataclass(frozen=True)
class Streaks:
    """Round things in motion, N of them.

    `path` (N, P, 2) are pixels at the exposure's instants, first to last. `share` (N, P - 1) is the part of the
    exposure spent between two of them (sum 1; a share of 0 costs nothing). `radius` (N,) is in pixels, `picture`
    (N,) the index of the picture they are in, `blur` (N,) the weight of the neighbours in the lens's kernel (blur,
    1 - 2 blur, blur).
    """

    path: Tensor
    share: Tensor
    radius: Tensor
    picture: Tensor
    blur: Tensor

    def at(self, rows: Tensor) -> "Streaks":
        """Return some of the streaks."""
        return Streaks(self.path[rows], self.share[rows], self.radius[rows], self.picture[rows], self.blur[rows])


@dataclass(frozen=True)
class Patch:
    """Streaks of like size, M of them, ready to be blended into pictures.

    `rows` (M,) says which streaks these are, `picture` (M,) where they are. `pixel` (M, S * S) is each pixel's
    index in a plane of the picture (0 where it lies outside), `cover` (M, S * S) its coverage in [0, 1] (0
    outside). `lit` (M, S * S) goes from -1 at the ball's lower side to 1 at its upper.
    """

    rows: Tensor
    picture: Tensor
    pixel: Tensor
    cover: Tensor
    lit: Tensor

    def index(self, plane: int, planes: int, size: int) -> Tensor:
        """Return flat indexes (M, S * S) into one plane of pictures (..., planes, H, W) with H * W = size."""
        return self.pixel + ((self.picture * planes + plane) * size)[:, None]


def streak_patches(streaks: Streaks, height: int, width: int) -> list[Patch]:
    """Return the pixels that streaks cover on pictures of one size, grouped by extent."""
    low = streaks.path.amin(1) - streaks.radius[:, None] - 2
    high = streaks.path.amax(1) + streaks.radius[:, None] + 2
    extent = (high - low).amax(1)
    inside = (high > 0).all(1) & (low[:, 0] < width) & (low[:, 1] < height) & (extent <= PATCH_SIZES[-1])
    patches, smaller = [], 0
    for side in PATCH_SIZES if extent.device.type == "cpu" else DEVICE_PATCH_SIZES:
        rows = torch.nonzero(inside & (extent > smaller) & (extent <= side - 1))[:, 0]
        smaller = side - 1
        if len(rows):
            patches.append(_patch(streaks.at(rows), rows, low[rows].floor(), side, height, width))
    return patches


def _patch(streaks: Streaks, rows: Tensor, corner: Tensor, side: int, height: int, width: int) -> Patch:
    points = FINEST if side <= FINEST_SIDE else FINE if side <= FINE_SIDE else 1
    fine = (torch.arange(side * points, device=corner.device) + 0.5) / points - 0.5
    x, y = corner[:, 0, None] + fine, corner[:, 1, None] + fine
    cover = torch.zeros(len(rows), side * points, side * points, device=corner.device)
    lit = torch.zeros_like(cover)
    some, segment = torch.nonzero(streaks.share, as_tuple=True)
    ends = streaks.path[some, segment], streaks.path[some, segment + 1]
    part, up = _sweep(*ends, streaks.radius[some], x[some], y[some])
    part *= streaks.share[some, segment, None, None]
    cover.index_add_(0, some, part)
    lit.index_add_(0, some, part.mul_(up))
    lit /= cover.clamp_min(1e-6)
    if points > 1:
        lit, cover = (torch.nn.functional.avg_pool2d(fine, points) for fine in (lit, cover))
    cover = soften(cover[:, None], streaks.blur)[:, 0]
    column = corner[:, 0, None, None] + torch.arange(side, device=corner.device)
    row = corner[:, 1, None, None] + torch.arange(side, device=corner.device)[:, None]
    valid = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixel = (row.long() * width + column.long()).masked_fill(~valid, 0)
    return Patch(rows, streaks.picture, pixel.flatten(1), (cover * valid).flatten(1), lit.flatten(1))


def _sweep(start: Tensor, end: Tensor, radius: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of a segment's time (N, S, S) that the disc covers each point, and how far up it the point lies."""
    along = end - start
    length = along.norm(dim=1, keepdim=True)
    ahead = torch.tensor([1.0, 0.0], device=along.device)
    unit = torch.where(length > 1e-3, along / length.clamp_min(1e-3), ahead)
    start = torch.where(length < SHORTEST, (start + end - SHORTEST * unit) / 2, start)
    length, unit = length[:, 0].clamp_min(SHORTEST), unit[:, :, None, None]
    dx, dy = (x - start[:, 0, None])[:, None, :], (y - start[:, 1, None])[:, :, None]
    u = dx * unit[:, 0] + dy * unit[:, 1]
    v = dy * unit[:, 0] - dx * unit[:, 1]
    length, radius = length[:, None, None], radius[:, None, None]
    chord = (radius**2 - v**2).clamp_min(0).sqrt()
    covered = ((u + chord).minimum(length) - (u - chord).clamp_min(0)).clamp_min(0) / length
    below = dy - u.clamp_min(0).minimum(length) * unit[:, 1]
    return covered, (-below / radius).clamp(-1, 1)


def blend(pictures: Tensor, patch: Patch, opacity: Tensor, colour: Tensor) -> Tensor:
    """Blend colours (M, 3, 1 or S * S) into planar pictures (..., 3, H, W) in place; return the mean change (M, S * S)."""
    flat = pictures.view(-1)
    size = pictures.shape[-1] * pictures.shape[-2]
    total = torch.zeros_like(opacity)
    for plane in range(3):
        index = patch.index(plane, 3, size)
        change = opacity * (colour[:, plane] - flat[index])
        # Added, not assigned: where two patches of one picture overlap, the sum does not depend on their order.
        flat.index_add_(0, index.flatten(), change.flatten())
        total += change / 3
    return total


def soften(pictures: Tensor, side: Tensor) -> Tensor:
    """Return pictures (N, C, H, W) seen through lenses whose kernel is (side, 1 - 2 side, side), side (N,)."""
    side = side.view(-1, 1, 1, 1)
    for dim in (2, 3):
        size = pictures.shape[dim]
        shifted = torch.zeros_like(pictures)
        shifted.narrow(dim, 0, size - 1).add_(pictures.narrow(dim, 1, size - 1))
        shifted.narrow(dim, 1, size - 1).add_(pictures.narrow(dim, 0, size - 1))
        for border in (0, size - 1):
            shifted.narrow(dim, border, 1).add_(pictures.narrow(dim, border, 1))
        pictures = torch.lerp(pictures, shifted / 2, 2 * side)
    return pictures


def path_centre(path: Tensor, bounced: Tensor) -> Tensor:
    """Return the point (N, 2) that a label gives for a path (N, 3, 2).

    It is the middle of the streak: the place at the middle of the exposure, or, where the ball bounced in that time
    and the streak is bent, the middle of the streak's extent.
    """
    extent = (path.amin(1) + path.amax(1)) / 2
    chord = (path[:, 0] + path[:, -1]) / 2
    return torch.where(bounced[:, None], extent, chord)
