"""The sections of a match on the page: each takes the numbers of the match and returns its HTML."""

import json
from dataclasses import dataclass, field
from html import escape
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
    timeline,
    zone_words,
)
from ttcli.reporting.markup import cell_text, data_table, nested_list, tag, with_code
from ttcli.reporting.numbers import ACROSS, DEPTHS, PHASES

MOST_ROWS = 2000
"""Most rows of a table on the page; all are in the CSV and in `--json`."""
SPEEDS = ("speed_kmh", "speed_low", "speed_high")
HEIGHTS = ("net_clearance_cm", "clearance_low", "clearance_high")
"""Columns of a number and of its bounds."""


@dataclass(frozen=True)
class Film:
    """Where a page finds what it plays of one match, as seen from the page; nothing where there is nothing."""

    video: str | None = None
    clips: dict[int, tuple[str, float]] = field(default_factory=dict)
    """Number of a rally -> its clip, and the second of the video at which it begins."""


def match_article(match: dict[str, Any], film: Film, key: str, several: bool) -> str:
    """Return all that the page has of one match.

    Args:
        match: Its numbers, as `numbers.match_numbers` returns them.
        film: What plays.
        key: Beginning of the ids of its elements.
        several: Whether the page has other matches, so that this one needs its name.
    """
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
    content = "\n".join(parts)
    if not several:  # nothing stands between the page's title and the sections
        content = content.replace("<h3", "<h2").replace("</h3>", "</h2>")
    return tag("article", content, id=key, class_="match", data_video=film.video, data_clips=clips)


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
    refused = tag("ul", "".join(tag("li", with_code(line)) for line in match["not_told"]))
    told = tag("h3", "What is missing, and why") + refused if match["not_told"] else ""
    return tag("section", tag("h3", "What was found") + listed + told)


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
            *(cell_text(rally[name]) for name in ("strokes", "bounces", "server", "ended")),
            confidence,
        ]
        rows.append(cells)
    heads = ("rally", "begins at, s", "lasts, s", "strokes", "bounces", "served from", "ended", "how sure")
    return _section(
        key, "rallies", "Rallies", timeline(rallies, match["found"]["seconds"], key), tag("p", RALLIES_HINT, class_="hint"),
        data_table(heads, rows, "Rallies in order of time"), _more(len(rallies)),
    )  # fmt: skip


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
        tables.append(data_table(("how deep", *ACROSS), rows, caption))
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
    table = data_table(heads, rows, f"{title}, {unit}")
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
            cells = [
                str(rally["rally"]),
                *(escape(words) for words in [""] * (3 - len(last)) + last),
                cell_text(rally["ended"]),
            ]
            rows.append(cells)
    if not rows:
        return ""
    heads = ("rally", "third last", "last but one", "last", "ended")
    return _section(
        key,
        "end",
        "Last strokes of each rally",
        data_table(heads, rows, "The last three strokes of each rally, or bounces where strokes are unknown"),
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
    facts += _toss_words(stroke)
    facts += [f"landed {zone_words(stroke['zone'])}"] if stroke["zone"] else []
    return ", ".join(facts)


def _toss_words(stroke: dict[str, Any]) -> list[str]:
    if stroke["toss_low"] is None:
        return []
    if stroke["toss_cm"] is None or stroke["toss_high"] is None:
        return [f"tossed {stroke['toss_low']:g} cm or higher"]
    return [f"tossed {stroke['toss_cm']:g} cm high ({stroke['toss_low']:g} to {stroke['toss_high']:g})"]


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
    hint = tag("p", with_code(words + "`ttcli review` shows you one after the other, and you correct them with one key each."))
    return _section(
        key,
        "doubts",
        "Doubtful places",
        hint,
        data_table(("frame", "at, s", "what", "why it is doubtful", "chance of an error"), rows, "The worst first"),
    )


def _provenance(match: dict[str, Any], key: str) -> str:
    """Return from what the match was told, as nested lists."""
    facts = {name: value for name, value in match["provenance"].items() if value not in (None, {}, [])}
    return _section(
        key,
        "provenance",
        "How this page was made",
        tag("details", tag("summary", "Files, video, checkpoint, options and their hashes") + nested_list(facts)),
    )
