"""The rallies of a video as a timeline for editors, through OpenTimelineIO (extra `edit`)."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ttcli.editing.spans import Span
from ttcli.errors import SettingError
from ttcli.outputs import complete_file
from ttcli.video.probe import VideoInfo

ADAPTERS = {".otio": "otio_json", ".edl": "cmx_3600", ".fcpxml": "fcpx_xml", ".premiere.xml": "fcp_xml"}
"""Ending of a name -> the adapter of OpenTimelineIO that writes it. The last is what Premiere and Final Cut 7 read."""


def write_timeline(path: Path, spans: Sequence[Span], info: VideoInfo, overwrite: bool) -> None:
    """Write the parts of a video as clips one after another.

    Raises:
        SettingError: OpenTimelineIO is not installed.
        OutputError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    otio = _opentimelineio(path)
    adapter = ADAPTERS[timeline_ending(path) or ".otio"]
    timeline = _timeline(otio, spans, info)
    with complete_file(path, overwrite) as temporary:
        otio.adapters.write_to_file(timeline, str(temporary), adapter_name=adapter, **_options(adapter, info))


def timeline_ending(path: Path) -> str | None:
    """Return which of the ADAPTERS a name asks for, or None."""
    name = path.name.lower()
    return next((ending for ending in ADAPTERS if name.endswith(ending)), None)


def check_timelines(path: Path) -> None:
    """Raise SettingError where OpenTimelineIO, which writes such files, is not installed."""
    _opentimelineio(path)


def _opentimelineio(path: Path) -> ModuleType:
    try:
        import opentimelineio
    except ImportError as error:
        fact = "such files need OpenTimelineIO, which is not installed"
        raise SettingError(path, fact, "pip install '.[edit]'") from error
    return opentimelineio


def _options(adapter: str, info: VideoInfo) -> dict[str, Any]:
    """Return what an adapter has to be told."""
    return {"rate": _edit_rate(info)} if adapter == "cmx_3600" else {}


def _edit_rate(info: VideoInfo) -> float:
    """Return the frame rate of the video as editors call it: 24000/1001 is 23.976."""
    return round(float(info.frame_rate), 3)


def _timeline(otio: ModuleType, spans: Sequence[Span], info: VideoInfo) -> Any:
    rate = _edit_rate(info)

    def frames(seconds: float) -> Any:
        return otio.opentime.RationalTime(round(seconds * rate), rate)

    length = info.duration_seconds or max((span.end_seconds for span in spans), default=0.0)
    whole = otio.opentime.TimeRange(frames(0.0), frames(length))
    timeline = otio.schema.Timeline(f"{info.path.stem} rallies", global_start_time=frames(0.0))
    tracks = [otio.schema.Track("pictures", kind=otio.schema.TrackKind.Video)]
    if info.has_audio:
        tracks.append(otio.schema.Track("sound", kind=otio.schema.TrackKind.Audio))
    for track in tracks:
        for span in spans:
            media = otio.schema.ExternalReference(target_url=info.path.resolve().as_uri(), available_range=whole)
            media.name = info.path.name
            part = otio.opentime.TimeRange(frames(span.start_seconds), frames(span.seconds))
            track.append(otio.schema.Clip(span.name, media, part, metadata={"ttcli": {"text": span.text}}))
        timeline.tracks.append(track)
    return timeline
