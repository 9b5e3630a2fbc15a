"""The cosine transform by which codecs see a picture: blocks of 8x8 pixels as sums of ripples."""

import torch
from torch import Tensor

BLOCK = 8
"""Pixels of a block's side."""


def block_cosines(ripples: int = BLOCK) -> Tensor:
    """Return the orthonormal cosine transform of blocks as a matrix (R * R, 64): patterns by pixels, both row by row.

    Args:
        ripples: How many patterns are kept in each direction, the slowest ones first.
    """
    k, n = torch.arange(ripples)[:, None], torch.arange(BLOCK)
    basis = torch.cos((2 * n + 1) * k * torch.pi / (2 * BLOCK)) * (2 / BLOCK) ** 0.5
    basis[0] = BLOCK**-0.5
    return torch.einsum("ui,vj->uvij", basis, basis).reshape(ripples**2, BLOCK**2)
