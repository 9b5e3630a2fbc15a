"""The page: one HTML file with its style, its script and its charts in it. It asks for nothing but the video beside it."""

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from ttcli.reporting.charts import clock
from ttcli.reporting.markup import data_table, tag
from ttcli.reporting.sections import Film, match_article

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; media-src 'self' file:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What the page may ask for: its own parts, and a video beside it; nothing of a network."""


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
        match_article(match, film, f"m{number}", len(matches) > 1)
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
        tag("h2", "Matches", id="matches") + data_table(heads, rows, "The matches beside each other"),
        aria_labelledby="matches",
    )
