"""Lists of the rallies of a video, in the formats that players and editors of video read.

Formats: SubRip; chapters as video sites read them in a description; projects of LosslessCut; instances of
    Sportscode (an XML file that other tools of analysts read too). LosslessCut documents its projects as a JSON5
    file whose `cutSegments` have start, end and name.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from ttcli.editing.spans import Span, described
from ttcli.outputs import complete_file
from ttcli.results.csv_rows import write_rows
from ttcli.results.subrip import write_subrip

COLUMNS = ("rally", "start_s", "end_s", "cut_start_s", "cut_end_s", "film_s", "strokes", "server", "ended")
"""Columns of the CSV: a row for each rally, where it is kept from and to, and where it begins in the joined film."""


def write_csv(path: Path, spans: Sequence[Span], video: Path, overwrite: bool) -> None:
    """Write a row for each rally: where it is in the video, what is kept around it, and where that is in the joined film."""
    rows, film = [], 0.0
    for span in spans:
        for number, rally in span.rallies:
            times = (rally.start_seconds, rally.end_seconds, span.start_seconds, span.end_seconds)
            begin = film + rally.start_seconds - span.start_seconds
            facts = (rally.strokes, rally.server, rally.ended)
            rows.append((number, *(f"{seconds:.3f}" for seconds in (*times, begin)), *facts))
        film += span.seconds
    write_rows(path, COLUMNS, rows, overwrite)


def write_srt(path: Path, spans: Sequence[Span], video: Path, overwrite: bool) -> None:
    """Write the rallies as subtitles of the whole video."""
    shown = [
        (rally.start_seconds, rally.end_seconds, described(number, rally)) for span in spans for number, rally in span.rallies
    ]
    write_subrip(path, shown, overwrite)


def write_chapters(path: Path, spans: Sequence[Span], video: Path, overwrite: bool) -> None:
    """Write a line for each part of the video, as in 1:02:07 Rally 14; the first one is at 0:00, as video sites ask."""
    lines = [f"{_short_clock(span.start_seconds)} {span.text}" for span in spans]
    if not spans or spans[0].start_seconds >= 1:
        lines.insert(0, "0:00 Start")
    _write(path, "\n".join(lines) + "\n", overwrite)


def write_lossless_cut(path: Path, spans: Sequence[Span], video: Path, overwrite: bool) -> None:
    """Write a project of LosslessCut, to lie beside the video."""
    segments = [{"start": round(span.start_seconds, 3), "end": round(span.end_seconds, 3), "name": span.text} for span in spans]
    project = {"version": 1, "mediaFileName": video.name, "cutSegments": segments}
    _write(path, json.dumps(project, indent=2, ensure_ascii=False) + "\n", overwrite)


def write_sportscode(path: Path, spans: Sequence[Span], video: Path, overwrite: bool) -> None:
    """Write the rallies as instances of Sportscode, with strokes, server and ending as labels."""
    root = ElementTree.Element("file")
    instances = ElementTree.SubElement(root, "ALL_INSTANCES")
    for span in spans:
        for number, rally in span.rallies:
            instance = ElementTree.SubElement(instances, "instance")
            parts = [("ID", str(number)), ("start", f"{rally.start_seconds:.3f}"), ("end", f"{rally.end_seconds:.3f}")]
            for name, text in (*parts, ("code", "Rally")):
                ElementTree.SubElement(instance, name).text = text
            for group, fact in (("strokes", rally.strokes), ("server", rally.server), ("ended", rally.ended)):
                if fact is not None:
                    label = ElementTree.SubElement(instance, "label")
                    ElementTree.SubElement(label, "group").text = group
                    ElementTree.SubElement(label, "text").text = str(fact)
    row = ElementTree.SubElement(ElementTree.SubElement(root, "ROWS"), "row")
    for name, text in (("code", "Rally"), ("R", "65535"), ("G", "32768"), ("B", "0")):
        ElementTree.SubElement(row, name).text = text
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    _write(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', overwrite)


LISTS: dict[str, Callable[[Path, Sequence[Span], Path, bool], None]] = {
    ".csv": write_csv,
    ".srt": write_srt,
    ".txt": write_chapters,
    ".llc": write_lossless_cut,
    ".xml": write_sportscode,
}
"""Ending of a name -> what writes such a list of the parts of a video."""


def _short_clock(seconds: float) -> str:
    """Return whole seconds as m:ss or h:mm:ss, never later than they are."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _write(path: Path, text: str, overwrite: bool) -> None:
    with complete_file(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
