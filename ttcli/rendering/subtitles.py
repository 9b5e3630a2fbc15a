"""Events as subtitles."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ttcli.results.events import Event
from ttcli.results.subrip import write_subrip

SHOWN_SECONDS = 0.8
"""How long an event is shown, unless the next one comes before."""
SHORTEST_SECONDS = 0.04
TEXTS = {"bounce": "bounce", "net": "passes the net", "net_touch": "touches the net"}
"""What is shown for an event; others go by their name. Nobody shall read `net` as a fault."""


def write_srt(path: Path, events: Sequence[Event], frame_rate: float, overwrite: bool = False) -> None:
    """Write events as SubRip.

    Args:
        path: The file.
        events: In order of time.
        frame_rate: Frame rate of the video, for events without a time.
        overwrite: Replace an existing file.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    write_subrip(path, _shown(events, frame_rate), overwrite)


def _shown(events: Sequence[Event], frame_rate: float) -> Iterator[tuple[float, float, str]]:
    times = [event.frame / frame_rate if event.time_seconds is None else event.time_seconds for event in events]
    for index, (event, begin) in enumerate(zip(events, times, strict=True)):
        following = times[index + 1] if index + 1 < len(times) else begin + SHOWN_SECONDS
        end = max(begin + SHORTEST_SECONDS, min(begin + SHOWN_SECONDS, following))
        sure = "" if event.confidence is None else f" {event.confidence:.2f}"
        yield begin, end, TEXTS.get(event.event, " ".join(event.event.split())) + sure
