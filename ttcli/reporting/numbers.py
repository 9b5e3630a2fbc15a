"""The numbers of a match, brought together from its files. The page and `--json` are made of these alone."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean, median
from typing import Any

import numpy as np

from ttcli import __version__
from ttcli.play.statistics import MatchStatistics
from ttcli.reporting.match_files import MatchContent, StrokeRow
from ttcli.results.content_hash import content_hash
from ttcli.results.events import Event
from ttcli.results.rallies import SAME_TIME, SIDES, Rally
from ttcli.results.trajectory import Status
from ttcli.reviewing.doubt_queue import DoubtQueue, other_doubts
from ttcli.table.camera import TableCamera
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

MADE_BY = "ttcli report"
PHASES = ("serve", "receive", "third ball", "later")
"""Phases of strokes and their bounces: the serve, its return, the server's next stroke, all others."""
MOST_DOUBTS = 30
LAST_STROKES = 3
"""Strokes of each rally that are shown as what came before its end."""
SAME_BOUNCE = 0.05
"""Seconds within which a bounce of events.csv and one of strokes.csv are one."""
ELLIPSE = ("bounce_major_cm", "bounce_minor_cm", "bounce_angle_deg")
ON_TABLE = 0.02
"""Metres beyond the table's edges within which a bounce was on it: as far as positions are written."""
DEPTHS, ACROSS = ("short", "half", "long"), ("left", "middle", "right")
"""Parts of a half: thirds of its depth from the net on, and of its width as its own player sees it."""


def report_json(matches: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the whole report as a dict for JSON."""
    return {"made_by": MADE_BY, "version": __version__, "matches": list(matches)}


def match_numbers(content: MatchContent) -> dict[str, Any]:
    """Return the numbers of one match as a dict for JSON."""
    clock = content.columns.seconds
    seconds = float(clock[-1] - clock[0]) if np.isfinite(clock[[0, -1]]).all() else 0.0
    landings, rally_at = _Landings(content.strokes), _Times(content.rallies)
    bounces = [
        {**_bounce(event, content), "rally": rally_at(event.time_seconds), **landings.at(event.time_seconds)}
        for event in content.events
        if event.event == "bounce"
    ]
    _tell_phases(bounces, content)
    strokes = _strokes(content)
    return {
        "name": content.files.name,
        "found": _found(content, seconds),
        "not_told": _not_told(content, bounces, strokes),
        "statistics": MatchStatistics.of(content.rallies, seconds).as_json(),
        "rallies": _rallies(content.rallies, strokes, bounces),
        "bounces": bounces,
        "zones": _zones(bounces),
        "strokes": strokes,
        "speeds": _spreads(strokes, "speed_kmh"),
        "heights": _spreads(strokes, "net_clearance_cm"),
        "doubts": _doubts(content),
        "provenance": _provenance(content),
    }


def _found(content: MatchContent, seconds: float) -> dict[str, Any]:
    columns = content.columns
    seen = columns.has(Status.SEEN)
    confidence = columns.confidence[seen & np.isfinite(columns.confidence)]
    kinds = Counter(event.event for event in content.events)
    return {
        "frames": len(columns),
        "seconds": round(seconds, 3),
        **{status.value: int(columns.has(status).sum()) for status in Status},
        "duplicates": int(columns.duplicate.sum()),
        "mean_confidence_of_seen": round(float(confidence.mean()), 4) if len(confidence) else None,
        "bounces": kinds["bounce"],
        "bounces_on_the_table": sum(event.event == "bounce" and event.table_x is not None for event in content.events),
        "passings_of_the_net": kinds["net"],
        "rallies": len(content.rallies),
        "strokes": len(content.strokes),
    }


def _not_told(content: MatchContent, bounces: Sequence[dict[str, Any]], strokes: Sequence[StrokeRow]) -> list[str]:
    """Return what cannot be told of the match, and why, a line each."""
    lines = [str(warning) for warning in content.manifest.get("warnings", [])]
    if not content.manifest:
        lines.append("Where the rows are from is not known: no manifest lies beside the ball.csv.")
    if content.files.events is None:
        lines.append("Bounces and net crossings are missing: there is no events.csv. `ttcli spot` makes one.")
    if content.files.rallies is None:
        lines.append("Rallies are missing: there is no rallies.csv. `ttcli rallies` makes one.")
    elif not content.rallies:
        lines.append("No rally was found: it needs bounces on both halves, and the net crossing between them, in sight.")
    if content.files.strokes is None:
        lines.append("Speeds, heights over the net and landings with their intervals are missing: there is no strokes.csv.")
    without = sum(bounce["table_x_m"] is None for bounce in bounces)
    if without:
        lines.append(f"{without} of {len(bounces)} bounces have no position on the table: it was not found there.")
    unknown = sum(bounce["phase"] is None for bounce in bounces)
    if unknown:
        lines.append(
            f"{unknown} of {len(bounces)} bounces belong to no stroke that is known: "
            "they lie outside rallies, or an event was missed."
        )
    for column, what in (("speed_kmh", "speed"), ("net_clearance_cm", "height over the net")):
        lacking = sum(stroke[column] is None for stroke in strokes)
        if lacking:
            lines.append(f"{lacking} of {len(strokes)} strokes have no {what}.")
    for name, what in (("server", "who served"), ("ended", "how the point ended")):
        lacking = sum(getattr(rally, name) is None for rally in content.rallies)
        if lacking:
            lines.append(f"It is unknown {what} in {lacking} of {len(content.rallies)} rallies.")
    return lines


def _rallies(rallies: Sequence[Rally], strokes: Sequence[StrokeRow], bounces: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    strokes_of, bounces_of = defaultdict[int | None, list[int]](list), defaultdict[int | None, list[int]](list)
    for stroke in strokes:
        strokes_of[stroke["rally"]].append(stroke["stroke"])
    for place, bounce in enumerate(bounces):
        bounces_of[bounce["rally"]].append(place)
    return [_rally(number, rally, strokes_of[number], bounces_of[number]) for number, rally in enumerate(rallies, 1)]


def _rally(number: int, rally: Rally, strokes: Sequence[int], bounces: Sequence[int]) -> dict[str, Any]:
    """Return what is told of a rally.

    Args:
        number: From 1 on.
        rally: As the file has it.
        strokes: Numbers of its strokes, in order.
        bounces: Places of its bounces in the list of all.
    """
    return {
        "rally": number,
        "start_s": round(rally.start_seconds, 3),
        "end_s": round(rally.end_seconds, 3),
        "start_frame": rally.start_frame if rally.start_frame >= 0 else None,
        "end_frame": rally.end_frame if rally.end_frame >= 0 else None,
        **{name: getattr(rally, name) for name in ("strokes", "bounces", "server", "ended", "confidence")},
        "last_strokes": list(strokes[-LAST_STROKES:]),
        "last_bounces": list(bounces[-LAST_STROKES:]),
    }


def _bounce(event: Event, content: MatchContent) -> dict[str, Any]:
    half = _half(event.table_y, _camera_at(content, event))
    return {
        "frame": event.frame,
        "time_s": event.time_seconds,
        "x": event.x,
        "y": event.y,
        "confidence": event.confidence,
        "error_s": event.error_seconds,
        "table_x_m": event.table_x,
        "table_y_m": event.table_y,
        "half": half,
        "zone": zone_of(event.table_x, event.table_y),
        "phase": None,
        "lands": None,
    }


class _Landings:
    """The strokes that say when their ball bounced, to be asked for by time."""

    def __init__(self, strokes: Sequence[StrokeRow]) -> None:
        self._strokes = sorted(
            (each for each in strokes if each["bounce_time_s"] is not None), key=lambda each: each["bounce_time_s"]
        )
        self._times = [stroke["bounce_time_s"] for stroke in self._strokes]

    def at(self, seconds: float | None) -> dict[str, Any]:
        """Return number and ellipse of the stroke that bounced then, None where there is none."""
        if seconds is not None:
            place = bisect_left(self._times, seconds - SAME_BOUNCE)
            if place < len(self._times) and self._times[place] <= seconds + SAME_BOUNCE:
                return {"stroke": self._strokes[place]["stroke"], **{name: self._strokes[place][name] for name in ELLIPSE}}
        return {"stroke": None, **dict.fromkeys(ELLIPSE)}


class _Times:
    """Which rally a time is in."""

    def __init__(self, rallies: Sequence[Rally]) -> None:
        self._rallies = rallies
        self._starts = [rally.start_seconds for rally in rallies]

    def __call__(self, seconds: float | None) -> int | None:
        """Return the number of the rally; None where there is none."""
        if seconds is None:
            return None
        place = bisect_right(self._starts, seconds + SAME_TIME) - 1
        return place + 1 if place >= 0 and seconds <= self._rallies[place].end_seconds + SAME_TIME else None


def _camera_at(content: MatchContent, event: Event) -> TableCamera | None:
    seconds = event.time_seconds
    views = (view.camera for view in content.views if seconds is not None and view.start_seconds <= seconds <= view.end_seconds)
    return next(views, None)


def _half(table_y: float | None, camera: TableCamera | None) -> str | None:
    """Return the half on which a bounce was, as SIDES call it; None where it cannot be told."""
    if table_y is None or camera is None:
        return None
    ends = camera.project(np.array([[0, TABLE_LENGTH / 2, TABLE_HEIGHT], [0, -TABLE_LENGTH / 2, TABLE_HEIGHT]]))
    across, down = np.abs(ends[0] - ends[1])
    names = ("left", "right") if across > down else ("near", "far")
    return names[table_y > 0]


def zone_of(x: float | None, y: float | None) -> str | None:
    """Return the ninth of its half in which a bounce was, as its own player sees it; None if unknown."""
    if x is None or y is None or abs(x) > TABLE_WIDTH / 2 + ON_TABLE or abs(y) > TABLE_LENGTH / 2 + ON_TABLE:
        return None
    depth = min(2, int(abs(y) / (TABLE_LENGTH / 6)))
    to_the_left = x if y > 0 else -x  # the player at positive y looks against the y axis
    across = 0 if to_the_left > TABLE_WIDTH / 6 else 2 if to_the_left < -TABLE_WIDTH / 6 else 1
    return f"{DEPTHS[depth]}_{ACROSS[across]}"


def _tell_phases(bounces: Sequence[dict[str, Any]], content: MatchContent) -> None:
    """Note for each bounce which stroke it belongs to, as far as bounces and passings of a rally tell it without a contradiction.

    After the serve's first bounce each stroke passes the net and bounces once. From the first event on that does not follow this,
    nothing more is told of the rally: one that was missed would make all the rest wrong.
    """
    rally_at = _Times(content.rallies)
    passings, own = defaultdict[int | None, list[float]](list), defaultdict[int | None, list[dict[str, Any]]](list)
    for event in content.events:
        if event.event == "net" and event.time_seconds is not None:
            passings[rally_at(event.time_seconds)].append(event.time_seconds)
    for bounce in bounces:
        own[bounce["rally"]].append(bounce)
    for number in range(1, len(content.rallies) + 1):
        _tell_phases_of(own[number], passings[number])


def _tell_phases_of(bounces: Sequence[dict[str, Any]], passings: Sequence[float]) -> None:
    """Note which stroke each bounce of one rally belongs to, up to the first contradiction."""
    halves: list[bool | None] = [None, None]  # on which half the serve's first bounce is, and the other one
    for place, bounce in enumerate(bounces):
        passed = sum(seconds < bounce["time_s"] for seconds in passings)
        half = None if bounce["table_y_m"] is None else bounce["table_y_m"] > 0
        here, there = halves[passed % 2], halves[(passed + 1) % 2]
        if passed != place or (half is not None and (here not in (None, half) or there == half)):
            return
        halves[passed % 2] = here if half is None else half
        bounce["phase"] = PHASES[min(max(passed - 1, 0), 3)]
        bounce["lands"] = "own half" if passed == 0 else "other half"


def _zones(bounces: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return how many bounces were in each zone of each half; a serve's first bounce is not a landing, and counts apart."""
    counts: dict[str, Counter[str]] = {}
    for bounce in bounces:
        if bounce["zone"] is not None and bounce["lands"] != "own half":
            half = bounce["half"] or ("y > 0" if bounce["table_y_m"] > 0 else "y < 0")
            counts.setdefault(half, Counter())[bounce["zone"]] += 1
    return {half: dict(sorted(count.items())) for half, count in sorted(counts.items())}


def _strokes(content: MatchContent) -> list[StrokeRow]:
    """Return the strokes with their phases: by their place in the rally that strokes.csv says they are of."""
    places: Counter[int] = Counter()
    told = []
    for stroke in content.strokes:
        phase = None
        if stroke["rally"] is not None:
            phase = PHASES[min(places[stroke["rally"]], 3)]
            places[stroke["rally"]] += 1
        told.append({**stroke, "phase": phase})
    return told


def _spreads(strokes: Sequence[StrokeRow], column: str) -> dict[str, dict[str, float]]:
    """Return the spread of a number over all strokes that have it, and over those of each side and phase."""
    groups: dict[str, list[float]] = {}
    for stroke in strokes:
        if (value := stroke[column]) is not None:
            for name in ("all", stroke["side"], stroke["phase"]):
                if name is not None:
                    groups.setdefault(name, []).append(value)
    order = ("all", *SIDES, *PHASES)
    return {
        name: {
            "count": len(values),
            "least": min(values),
            "median": round(median(values), 3),
            "mean": round(fmean(values), 3),
            "most": max(values),
        }
        for name, values in sorted(groups.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    }


def _doubts(content: MatchContent) -> dict[str, Any]:
    """Return the most doubtful places, as `ttcli review` lists them, and how many there are."""
    facts = content.manifest.get("video", {})
    width = facts.get("width") if isinstance(facts.get("width"), int) and facts["width"] > 0 else _width_of(content)
    lists = other_doubts(content.columns, width, content.events, content.rallies, content.views)
    queue = DoubtQueue(content.columns, width, lists)
    worst = []
    for doubt in queue.worst(MOST_DOUBTS):
        row = content.columns.row_of(doubt.frame)
        seconds = None if row is None or np.isnan(content.columns.seconds[row]) else float(content.columns.seconds[row])
        worst.append(
            {
                "kind": doubt.kind,
                "frame": doubt.frame,
                "time_s": seconds,
                "score": round(doubt.score, 3),
                "reasons": list(doubt.reasons),
            }
        )
    return {"count": queue.how_many(), "worst": worst}


def _width_of(content: MatchContent) -> int:
    """Return how wide the picture is at least, where no manifest says it."""
    x = content.columns.x[np.isfinite(content.columns.x)]
    return max(320, int(x.max()) + 1) if len(x) else 1920


def _provenance(content: MatchContent) -> dict[str, Any]:
    """Return from what and by what the match was told: files with their hashes, and what the manifest says."""
    files = {name: path for name, path in asdict(content.files).items() if name not in ("name", "video") and path is not None}
    kept = ("version", "video", "checkpoint", "second_stage", "options", "seen_by_network", "corrections", "seconds")
    return {
        "files": {name: {"name": path.name, "sha256": content_hash(path)} for name, path in files.items()},
        **{name: content.manifest.get(name) for name in kept},
    }
