"""Vectors of many balls as three arrays, one an axis: numpy answers a small call several times as fast as torch."""

from collections.abc import Callable
from typing import Any

import numpy as np

Vector = tuple[np.ndarray, np.ndarray, np.ndarray]
"""x, y and z of N balls, (N,) each."""


def each(change: Callable[..., Any], *vectors: Vector) -> Vector:
    """Return what a function makes of the components of vectors, one axis after another."""
    x, y, z = (change(*components) for components in zip(*vectors, strict=True))
    return x, y, z


def rows_of(vector: Vector, rows: np.ndarray) -> Vector:
    """Return some rows of vectors."""
    return each(lambda component: component[rows], vector)


def put_rows(whole: Vector, rows: np.ndarray, part: Vector) -> Vector:
    """Return vectors of which some rows are others."""
    x, y, z = (component.copy() for component in whole)
    x[rows], y[rows], z[rows] = part
    return x, y, z


def between(start: Vector, end: Vector, part: np.ndarray) -> Vector:
    """Return the points that lie at a part (N,) of the way."""
    return each(lambda begin, goal: begin + part * (goal - begin), start, end)


def part_of(distance: np.ndarray, closing: np.ndarray) -> np.ndarray:
    """Return distance / closing in [0, 1]; anything there where closing is 0."""
    return (distance / np.where(closing == 0, 1.0, closing)).clip(0, 1)


def length(vector: Vector) -> np.ndarray:
    """Return the lengths (N,) of vectors."""
    x, y, z = vector
    return np.sqrt(x * x + y * y + z * z)
