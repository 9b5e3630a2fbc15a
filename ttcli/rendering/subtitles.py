"""Events as subtitles, by which any player shows them and jumps to them."""

from collections.abc import Sequence
from pathlib import Path

from ttcli.outputs import complete_file
from ttcli.results.events import Event

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
        frame_rate: Of the video, for events without a time.
        overwrite: Replace an existing file.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    times = [event.frame / frame_rate if event.time_seconds is None else event.time_seconds for event in events]
    with complete_file(path, overwrite) as temporary, temporary.open("w", encoding="utf-8") as file:
        for index, (event, begin) in enumerate(zip(events, times, strict=True)):
            following = times[index + 1] if index + 1 < len(times) else begin + SHOWN_SECONDS
            end = max(begin + SHORTEST_SECONDS, min(begin + SHOWN_SECONDS, following))
            sure = "" if event.confidence is None else f" {event.confidence:.2f}"
            text = TEXTS.get(event.event, " ".join(event.event.split()))
            file.write(f"{index + 1}\n{_clock(begin)} --> {_clock(end)}\n{text}{sure}\n\n")


def _clock(seconds: float) -> str:
    """Return seconds as hh:mm:ss,mmm."""
    minutes, milliseconds = divmod(round(max(0.0, seconds) * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d},{milliseconds % 1000:03d}"
