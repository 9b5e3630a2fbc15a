"""What a person says happened at one frame."""

from collections.abc import Iterable
from dataclasses import dataclass

EVENT_NAMES = ("bounce", "net", "empty_event")
"""The events that are known here; `empty_event` is a labelled moment at which nothing happened."""


@dataclass(frozen=True, slots=True)
class EventLabel:
    """One event of a video."""

    frame_index: int
    """0-based."""
    event: str
    """One of EVENT_NAMES, or a name that the file brought along."""


def unknown_events(events: Iterable[EventLabel]) -> list[str]:
    """Return the names among `events` that are not known here, each once, sorted."""
    return sorted({label.event for label in events} - set(EVENT_NAMES))
