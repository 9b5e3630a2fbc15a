"""The files that `detect` wrote, anew and with the corrections of a person applied."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ttcli.outputs import check_output
from ttcli.results.content_hash import content_hash
from ttcli.results.corrections import Corrections
from ttcli.results.csv_rows import write_rows
from ttcli.results.events import write_events_csv
from ttcli.results.manifest import manifest_path, may_write, write_manifest
from ttcli.results.rallies import Play, write_rallies_csv
from ttcli.results.trajectory import COLUMNS, PLAY, BallPosition, ball_cells, stream_ball_csv
from ttcli.reviewing.applying import corrected_events, corrected_rallies, corrected_rows, corrected_views
from ttcli.reviewing.found import Found
from ttcli.table.views import views_as_json

CORRECTED = "corrected"
"""Column of a corrected ball.csv: 1 in rows that a person decided, else 0."""


@dataclass
class CorrectedFiles:
    """What was written."""

    output: str
    rows: int = 0
    decided: int = 0
    """Rows that a person decided."""
    changed: int = 0
    """Those of them that say something else now."""
    events: str | None = None
    rallies: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        more = "".join(f", {path}" for path in (self.events, self.rallies) if path)
        return f"{self.output}{more}: {self.rows:,} rows, {self.decided:,} decided by a person, {self.changed:,} changed"


def write_corrected(
    found: Found, corrections: Corrections, path: Path, output: Path, overwrite: bool, tell: Callable[[str], None]
) -> CorrectedFiles:
    """Write ball.csv, events.csv and rallies.csv with the corrections applied, and the manifest beside them.

    Args:
        found: What `detect` found.
        corrections: What a person decided.
        path: The file of the corrections.
        output: The ball.csv; the others lie beside it under its name, and are written where there is something to write.
        overwrite: Replace existing files.
        tell: Takes warnings, one line each.

    Raises:
        OutputError: One exists and `overwrite` is false, or cannot be written.
    """
    events_csv, rallies_csv = (output.with_name(f"{output.stem}.{kind}.csv") for kind in ("events", "rallies"))
    rallies = corrected_rallies(found.rallies, corrections)
    has_rallies, has_events = bool(found.rallies or rallies), bool(found.events or corrections.of_kinds("event", "no_event"))
    for each, wanted in ((output, True), (events_csv, has_events), (rallies_csv, has_rallies)):
        if wanted:
            check_output(each, overwrite)
    with_manifest = found.manifest is not None and may_write(output, overwrite)
    summary = CorrectedFiles(str(output))
    _write_rows(found, corrections, output, overwrite, Play(rallies) if has_rallies else None, summary)
    if has_events:
        write_events_csv(events_csv, corrected_events(found.events, corrections, _times(found, corrections)), overwrite)
        summary.events = str(events_csv)
    if has_rallies:
        write_rallies_csv(rallies_csv, rallies, overwrite)
        summary.rallies = str(rallies_csv)
    if with_manifest and found.manifest is not None:
        write_manifest(output, _facts(found, found.manifest, corrections, path, output), overwrite)
    elif found.manifest is not None:
        tell(f"no manifest is written: {manifest_path(output)} is there, and not ttcli's")
    return summary


def _write_rows(
    found: Found, corrections: Corrections, output: Path, overwrite: bool, play: Play | None, summary: CorrectedFiles
) -> None:
    balls = corrections.balls()

    def cells() -> Iterator[tuple[object, ...]]:
        for row, decided in corrected_rows(stream_ball_csv(found.ball), balls):
            summary.rows += 1
            summary.decided += decided
            summary.changed += decided and not balls[row.frame_index].confirmed
            yield (*ball_cells(row), *_play_cell(row, play), int(decided))

    write_rows(output, (*COLUMNS, *(() if play is None else (PLAY,)), CORRECTED), cells(), overwrite)


def _play_cell(row: BallPosition, play: Play | None) -> tuple[int, ...]:
    if play is None:
        return ()
    return (int(row.time_seconds is not None and play(row.time_seconds)),)


def _times(found: Found, corrections: Corrections) -> Mapping[int, float]:
    """Return when the frames are that decisions about events name."""
    columns, times = found.columns, dict[int, float]()
    for decision in corrections.of_kinds("event", "no_event"):
        row = columns.row_of(round(decision.frame or 0))
        if row is not None and columns.seconds[row] == columns.seconds[row]:
            times[round(decision.frame or 0)] = float(columns.seconds[row])
    return times


def _facts(found: Found, manifest: Mapping[str, Any], corrections: Corrections, path: Path, output: Path) -> dict[str, Any]:
    """Return what the manifest of a corrected CSV says: as before, with the corrections, and the tables as they stand."""
    views = corrected_views(found.views, corrections, found.info.height, found.info.width)
    facts = {key: value for key, value in manifest.items() if key not in ("made_by", "version", "csv", "counts")}
    by_hand = {"name": path.name, "sha256": content_hash(path), "decisions": len(corrections.standing())}
    moved = {
        key: {**value, "path": None}
        if isinstance(value, dict) and found.ball.parent.resolve() != output.parent.resolve()
        else value
        for key, value in facts.items()
        if key in ("video", "checkpoint", "second_stage")
    }
    return {**facts, **moved, "counts": manifest.get("counts"), "tables": views_as_json(views), "corrections": by_hand}
