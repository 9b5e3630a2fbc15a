"""Which places a ball can have: those on a picture and around it; rows of files may hold any number."""

from pathlib import Path

MAX_COORDINATE = 1e6
"""Largest coordinate taken where the picture's size is not known, far outside any picture."""
MOST_SECONDS = 1e10
"""Largest time taken: three hundred years."""


def is_near(x: float, y: float, height: int | None = None, width: int | None = None) -> bool:
    """Return whether a position is on a picture or at most one picture's width or height outside.

    Args:
        x: Pixels.
        y: Pixels.
        height: Height of the picture; None where it is not known.
        width: Width of the picture.
    """
    if height is None or width is None:
        return abs(x) <= MAX_COORDINATE and abs(y) <= MAX_COORDINATE
    return -width <= x <= 2 * width and -height <= y <= 2 * height


class FarPlaces:
    """Counts the rows of a file whose place no ball can have, which count as rows without a place.

    Args:
        height: Height of the picture; None where it is not known.
        width: Width of the picture.
    """

    def __init__(self, height: int | None = None, width: int | None = None) -> None:
        self._height, self._width = height, width
        self._count, self._first = 0, ""

    def holds(self, x: float, y: float, place: str | int) -> bool:
        """Return whether a place is one of these, and count it.

        Args:
            x: Pixels.
            y: Pixels.
            place: The line or the frame of the row, for the message.
        """
        if is_near(x, y, self._height, self._width):
            return False
        self._first = self._first or str(place)
        self._count += 1
        return True

    def bounds(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the least x and y that a ball can have, and the largest ones."""
        if self._height is None or self._width is None:
            return (-MAX_COORDINATE, -MAX_COORDINATE), (MAX_COORDINATE, MAX_COORDINATE)
        return (-self._width, -self._height), (2 * self._width, 2 * self._height)

    def line(self, path: Path) -> str | None:
        """Return the line to print about a file; None where all is well."""
        if not self._count:
            return None
        rows = "a row has" if self._count == 1 else f"{self._count:,} rows have"
        size = f"the picture of {self._width}x{self._height}" if self._width else "any picture"
        return f"{path}:{self._first}: warning: {rows} a place far outside of {size}, and count as rows without one"
