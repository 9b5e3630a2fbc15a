"""The page: one HTML file with its style, its script and its charts in it. It asks for nothing but the video beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any

from ttcli.play.statistics import UNKNOWN
from ttcli.reporting.charts import (
    MARKS,
    bar_chart,
    bounce_words,
    clock,
    intervals,
    mark,
    playable,
    svg,
    table_map,
    tag,
    timeline,
    zone_words,
)
from ttcli.reporting.numbers import ACROSS, DEPTHS, PHASES

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; media-src 'self' file:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What the page may ask for: its own parts, and a video beside it; nothing of a network."""
MOST_ROWS = 2000
"""Most rows of a table on the page; all are in the CSV and in `--json`."""

SPEEDS = ("speed_kmh", "speed_low", "speed_high")
HEIGHTS = ("net_clearance_cm", "clearance_low", "clearance_high")
"""Columns of a number and of its bounds."""
LONG_CELL = 28
"""Characters of HTML from which on a cell gets room for some words a line."""


@dataclass(frozen=True)
class Film:
    """Where a page finds what it plays of one match, as seen from the page; nothing where there is nothing."""

    video: str | None = None
    clips: dict[int, tuple[str, float]] = field(default_factory=dict)
    """Number of a rally -> its clip, and the second of the video at which it begins."""


def report_page(report: dict[str, Any], films: Sequence[Film], title: str) -> str:
    """Return the page.

    Args:
        report: As `numbers.report_json` returns it.
        films: Films of each match.
        title: Title of the page.
    """
    matches = report["matches"]
    body = [tag("h1", escape(title)), _overview(matches) if len(matches) > 1 else ""]
    body += [
        _match(match, film, f"m{number}", len(matches) > 1)
        for number, (match, film) in enumerate(zip(matches, films, strict=True), 1)
    ]
    body.append(
        tag(
            "footer",
            tag("p", f"Made by {report['made_by']} {report['version']}. Times are seconds of the video; frames count from 0."),
        )
    )
    return (
        "<!doctype html>\n"
        + tag(
            "html",
            tag("head", _head(title))
            + tag("body", tag("main", "\n".join(body)) + PLAYER + _data(report) + tag("script", _part("report.js"))),
            lang="en",
        )
        + "\n"
    )


PLAYER = tag(
    "dialog",
    tag("h2", "", id="player-title")
    + '<video id="film" controls playsinline preload="none"></video>'
    + tag("p", "", id="player-trouble", role="status")
    + tag("form", tag("button", "Close", type="submit"), method="dialog"),
    id="player",
    aria_labelledby="player-title",
)


def _head(title: str) -> str:
    return (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY, quote=True)}">'
        + tag("title", escape(title))
        + '<link rel="icon" href="data:,">'
        + tag("style", _part("report.css"))
    )


def _part(name: str) -> str:
    return (files("ttcli.reporting") / "page" / name).read_text(encoding="utf-8")


def _data(report: dict[str, Any]) -> str:
    """Return the numbers for the script and for whoever reads the file by a program; no text in them ends the element."""
    text = json.dumps(report, separators=(",", ":")).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return f'<script type="application/json" id="report">{text}</script>'


def _overview(matches: Sequence[dict[str, Any]]) -> str:
    rows = []
    for number, match in enumerate(matches, 1):
        found, statistics = match["found"], match["statistics"]
        share = statistics["share_of_play"]
        strokes, speed = statistics["strokes"], match["speeds"].get("all")
        cells = [
            f"<a href='#m{number}'>{escape(match['name'])}</a>",
            clock(found["seconds"]),
            str(found["rallies"]),
            "" if share is None or not found["rallies"] else f"{share:.0%}",
            "" if strokes is None else f"{strokes['mean']:g}",
            "" if strokes is None else f"{strokes['most']:g}",
            "" if speed is None else f"{speed['median']:g}",
            "" if speed is None else f"{speed['most']:g}",
            str(match["doubts"]["count"]),
        ]
        rows.append(cells)
    heads = (
        "match", "length", "rallies", "in play", "strokes a rally, mean", "longest rally, strokes", "median speed, km/h",
        "fastest, km/h", "doubtful places",
    )  # fmt: skip
    return tag(
        "section",
        tag("h2", "Matches", id="matches") + _table(heads, rows, "The matches beside each other"),
        aria_labelledby="matches",
    )


def _match(match: dict[str, Any], film: Film, key: str, several: bool) -> str:
    parts = [
        tag("h2", escape(match["name"])) if several else "",
        _summary(match),
        _rallies(match, key),
        _lengths(match, key),
        _map(match, key),
        _intervals(match, key, "speeds", "Speed of the strokes", SPEEDS, "km/h"),
        _intervals(match, key, "heights", "Height of the strokes over the net", HEIGHTS, "cm"),
        _before_the_end(match, key),
        _doubts(match, key),
        _provenance(match, key),
    ]
    clips = json.dumps({str(number): clip for number, clip in film.clips.items()}) if film.clips else None
    return tag("article", "\n".join(parts), id=key, class_="match", data_video=film.video, data_clips=clips)


def _section(key: str, name: str, title: str, *parts: str) -> str:
    return tag("section", tag("h3", escape(title), id=f"{key}-{name}") + "".join(parts), aria_labelledby=f"{key}-{name}")


def _summary(match: dict[str, Any]) -> str:
    found, share = match["found"], match["statistics"]["share_of_play"]
    facts = [
        ("Length of the video", clock(found["seconds"])),
        ("Frames", f"{found['frames']:,}"),
        ("Ball seen", f"{found['seen']:,} frames ({found['seen'] / max(found['frames'], 1):.0%})"),
        (
            "How sure of it, mean",
            "unknown" if found["mean_confidence_of_seen"] is None else f"{found['mean_confidence_of_seen']:.1%}",
        ),
        ("Rallies", str(found["rallies"])),
        (
            "Time in play",
            "unknown"
            if not found["rallies"] or share is None
            else f"{clock(match['statistics']['play_seconds'])} ({share:.0%})",
        ),
        ("Bounces", f"{found['bounces']:,}, {found['bounces_on_the_table']:,} with a place on the table"),
        ("Net crossings", f"{found['passings_of_the_net']:,}"),
        ("Doubtful places", f"{match['doubts']['count']:,}"),
    ]
    facts += [("Broken frames", f"{found['broken']:,}")] if found["broken"] else []
    facts += [("Filled frames", f"{found['filled']:,}")] if found["filled"] else []
    listed = tag(
        "dl", "".join(tag("div", tag("dt", escape(name)) + tag("dd", escape(value))) for name, value in facts), class_="facts"
    )
    refused = tag("ul", "".join(tag("li", _code(line)) for line in match["not_told"]))
    told = tag("h3", "What is missing, and why") + refused if match["not_told"] else ""
    return tag("section", tag("h3", "What was found") + listed + told)


def _code(text: str) -> str:
    """Return a text with what stands between backticks as code."""
    parts = escape(text).split("`")
    return "".join(tag("code", part) if place % 2 else part for place, part in enumerate(parts))


RALLIES_HINT = "Each bar is a rally, as high as it has strokes. The numbers below are minutes and seconds of the video."


def _rallies(match: dict[str, Any], key: str) -> str:
    rallies = match["rallies"]
    if not rallies:
        return ""
    rows = []
    for rally in rallies[:MOST_ROWS]:
        confidence = "" if rally["confidence"] is None else f"{rally['confidence']:g}"
        number = tag(
            "button",
            str(rally["rally"]),
            type="button",
            class_="play",
            **playable(rally["start_s"], rally["end_s"], f"Rally {rally['rally']}", f"{key}-row-{rally['rally']}"),
            data_rally=rally["rally"],
        )
        cells = [
            number,
            f"{rally['start_s']:g}",
            f"{rally['end_s'] - rally['start_s']:.1f}",
            *(_cell(rally[name]) for name in ("strokes", "bounces", "server", "ended")),
            confidence,
        ]
        rows.append(cells)
    heads = ("rally", "begins at, s", "lasts, s", "strokes", "bounces", "served from", "ended", "how sure")
    return _section(
        key, "rallies", "Rallies", timeline(rallies, match["found"]["seconds"], key), tag("p", RALLIES_HINT, class_="hint"),
        _table(heads, rows, "Rallies in order of time"), _more(len(rallies)),
    )  # fmt: skip


def _cell(value: object) -> str:
    """Return a cell; one that says in words that it cannot be told."""
    return tag("span", "unknown", class_="unknown") if value is None else escape(str(value).replace("_", " "))


def _more(count: int) -> str:
    return tag("p", f"The first {MOST_ROWS:,} of {count:,}; all are in the CSV.") if count > MOST_ROWS else ""


def _lengths(match: dict[str, Any], key: str) -> str:
    statistics = match["statistics"]
    if not match["rallies"]:
        return ""
    charts = [
        bar_chart(
            "Rallies by strokes",
            [(f"{name} stroke{'s' * (name != '1')}", count) for name, count in statistics["histogram_of_strokes"].items()],
            "rallies",
        )
    ]
    for title, name in (("How they ended", "endings"), ("Served from", "servers")):
        bars = [
            ("unknown" if word == UNKNOWN else word.replace("_", " "), count)
            for word, count in sorted(statistics[name].items(), key=lambda item: item[0] == UNKNOWN)
        ]
        charts.append(bar_chart(title, bars, "rallies"))
    captions = ("How many strokes a rally had", "How rallies ended", "From which end of the table the rally was served")
    titled = "".join(tag("figure", chart + tag("figcaption", words)) for chart, words in zip(charts, captions, strict=True))
    return _section(key, "lengths", "How long rallies were, how they ended, who served", tag("div", titled, class_="row"))


def _map(match: dict[str, Any], key: str) -> str:
    bounces = match["bounces"]
    if not any(bounce["table_x_m"] is not None for bounce in bounces):
        return ""
    halves = sorted({bounce["half"] or "unknown" for bounce in bounces if bounce["table_x_m"] is not None})
    phases = [phase for phase in (*PHASES, "unknown") if any((bounce["phase"] or "unknown") == phase for bounce in bounces)]
    boxes = "".join(_box(key, "phase", phase, _legend(phase)) for phase in phases)
    sides = "".join(_box(key, "half", half, "") for half in halves)
    filters = tag("fieldset", tag("legend", "Bounce after") + boxes) + tag(
        "fieldset", tag("legend", "Half of the table") + sides
    )
    shown = tag("p", "", id=f"{key}-shown", role="status")
    caption = (
        "The table from above. Its left end here is the end that the camera sees near or on the left. "
        "An ellipse holds the true place in 95 of 100 cases."
    )
    figure = tag("figure", table_map(bounces, key) + tag("figcaption", caption))
    return _section(
        key,
        "map",
        "Bounces on the table",
        tag("form", filters, class_="filters", data_map=key),
        shown,
        figure,
        _zones(match, key),
    )


def _box(key: str, kind: str, value: str, legend: str) -> str:
    name = f"{key}-{kind}-{value.replace(' ', '-')}"
    box = f'<input type="checkbox" checked id="{name}" data-kind="{kind}" value="{escape(value, quote=True)}">'
    return tag("span", box + tag("label", legend + escape(value), for_=name), class_="box")


def _legend(phase: str) -> str:
    return svg(18, 18, f"mark of {phase}", mark(phase if phase in MARKS else None, 9, 9), class_="legend", aria_hidden="true")


DEPTH_WORDS = {"short": "short, near the net", "half": "half-long", "long": "long, near the end"}


def _zones(match: dict[str, Any], key: str) -> str:
    """Return the counts of bounces in the nine zones of each half."""
    names = {"left": "the left half", "right": "the right half", "near": "the near half", "far": "the far half"}
    tables = []
    for half, counts in match["zones"].items():
        rows = [
            [tag("span", DEPTH_WORDS[depth]), *(str(counts.get(f"{depth}_{across}", 0)) for across in ACROSS)]
            for depth in DEPTHS
        ]
        caption = f"Balls that landed on {names.get(half, f'the half {half}')}; left and right as its own player sees them"
        tables.append(_table(("how deep", *ACROSS), rows, caption))
    return tag("div", "".join(tables), class_="row") if tables else ""


INTERVAL_HINT = "Each mark is a stroke; its line holds the true value in 95 of 100 cases. Half of them lie below the median."


def _intervals(match: dict[str, Any], key: str, name: str, title: str, columns: tuple[str, str, str], unit: str) -> str:
    spreads = match[name]
    if not spreads:
        return ""
    rows = [
        [escape(group), *(f"{round(spread[each], 1):g}" for each in ("count", "least", "median", "mean", "most"))]
        for group, spread in spreads.items()
    ]
    chart = intervals(title, [(stroke["phase"], stroke) for stroke in match["strokes"]], *columns, unit, key)
    lowest, highest = ("slowest", "fastest") if name == "speeds" else ("lowest", "highest")
    heads = ("strokes", "count", lowest, "median", "mean", highest)
    table = _table(heads, rows, f"{title}, {unit}")
    return _section(
        key,
        name,
        title,
        tag(
            "div",
            tag("figure", chart + tag("figcaption", f"{title} in {unit}. {INTERVAL_HINT}")) + table,
            class_="row",
        ),
    )


def _before_the_end(match: dict[str, Any], key: str) -> str:
    """Return the last strokes of each rally, or where strokes are not told its last bounces."""
    strokes = {stroke["stroke"]: stroke for stroke in match["strokes"]}
    rows = []
    for rally in match["rallies"][:MOST_ROWS]:
        last = [_stroke_words(strokes[number]) for number in rally["last_strokes"]] or [
            bounce_words(match["bounces"][place], exactly=False) for place in rally["last_bounces"]
        ]
        if last:
            cells = [str(rally["rally"]), *(escape(words) for words in [""] * (3 - len(last)) + last), _cell(rally["ended"])]
            rows.append(cells)
    if not rows:
        return ""
    heads = ("rally", "third last", "last but one", "last", "ended")
    return _section(
        key,
        "end",
        "Last strokes of each rally",
        _table(heads, rows, "The last three strokes of each rally, or bounces where strokes are unknown"),
    )


def _stroke_words(stroke: dict[str, Any]) -> str:
    facts = [stroke["phase"] or "stroke"]
    facts += [f"from {stroke['side']}"] if stroke["side"] else []
    if stroke["speed_kmh"] is not None:
        bounds = (
            ""
            if stroke["speed_low"] is None or stroke["speed_high"] is None
            else f" ({stroke['speed_low']:g} to {stroke['speed_high']:g})"
        )
        facts.append(f"{stroke['speed_kmh']:g} km/h{bounds}")
    facts += [f"{stroke['net_clearance_cm']:g} cm over the net"] if stroke["net_clearance_cm"] is not None else []
    facts += [f"{stroke['spin']} spin"] if stroke["spin"] else []
    facts += [f"landed {zone_words(stroke['zone'])}"] if stroke["zone"] else []
    return ", ".join(facts)


def _doubts(match: dict[str, Any], key: str) -> str:
    doubts = match["doubts"]
    if not doubts["worst"]:
        return _section(key, "doubts", "Doubtful places", tag("p", "None."))
    rows = []
    for place, doubt in enumerate(doubts["worst"]):
        frame = str(doubt["frame"])
        if doubt["time_s"] is not None:
            start = max(0.0, doubt["time_s"] - 1.0)
            frame = tag(
                "button",
                frame,
                type="button",
                class_="play",
                **playable(start, start + 2.0, f"Frame {frame}", f"{key}-doubt-{place}"),
            )
        rows.append(
            [
                frame,
                "" if doubt["time_s"] is None else f"{doubt['time_s']:g}",
                doubt["kind"],
                escape("; ".join(doubt["reasons"])),
                f"{doubt['score']:.0%}",
            ]
        )
    words = f"The {len(rows)} most doubtful of {doubts['count']:,}. " if doubts["count"] > len(rows) else ""
    hint = tag("p", _code(words + "`ttcli review` shows you one after the other, and you correct them with one key each."))
    return _section(
        key,
        "doubts",
        "Doubtful places",
        hint,
        _table(("frame", "at, s", "what", "why it is doubtful", "chance of an error"), rows, "The worst first"),
    )


def _provenance(match: dict[str, Any], key: str) -> str:
    """Return from what the match was told, as nested lists."""
    facts = {name: value for name, value in match["provenance"].items() if value not in (None, {}, [])}
    return _section(
        key,
        "provenance",
        "How this page was made",
        tag("details", tag("summary", "Files, video, checkpoint, options and their hashes") + _listed(facts)),
    )


def _listed(value: object) -> str:
    if isinstance(value, dict):
        return tag(
            "dl",
            "".join(tag("dt", escape(str(name))) + tag("dd", _listed(each)) for name, each in value.items()),
            class_="nested",
        )
    return escape("unknown" if value is None else str(value))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Return a table; cells are HTML already. It scrolls by itself where the page is narrow, by keys too."""
    head = tag("tr", "".join(tag("th", escape(name), scope="col") for name in heads))
    lines = "".join(
        tag(
            "tr",
            "".join(
                tag(
                    "th" if place == 0 else "td",
                    cell,
                    scope="row" if place == 0 else None,
                    class_="long" if len(cell) > LONG_CELL else None,
                )
                for place, cell in enumerate(cells)
            ),
        )
        for cells in rows
    )
    table = tag("table", tag("caption", escape(caption)) + tag("thead", head) + tag("tbody", lines))
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)
