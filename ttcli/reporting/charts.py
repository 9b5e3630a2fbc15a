"""Charts as plain SVG: shapes and words, without colour alone, and with a title that is read aloud."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ttcli.reporting.markup import tag
from ttcli.reporting.ticks import number_ticks, time_ticks
from ttcli.table.constants import TABLE_LENGTH, TABLE_WIDTH

MARKS = {"serve": "circle", "receive": "square", "third ball": "triangle", "later": "diamond", None: "cross"}
"""Phase -> shape, so that nobody needs to tell colours apart."""
OUTLINES: dict[str, list[tuple[float, float]]] = {
    "triangle": [(0, -1), (0.95, 0.75), (-0.95, 0.75)],
    "diamond": [(0, -1), (1, 0), (0, 1), (-1, 0)],
    "cross": [
        (-1, -0.6), (-0.6, -1), (0, -0.4), (0.6, -1), (1, -0.6), (0.4, 0),
        (1, 0.6), (0.6, 1), (0, 0.4), (-0.6, 1), (-1, 0.6), (-0.4, 0),
    ],
}  # fmt: skip
"""Corners of shapes around their middles, of size 1."""
MAP_SCALE, MAP_MARGIN = 250, 60
"""Pixels for a metre, and around the table."""
BAR_ROW, BAR_LEFT = 22, 120
EDGE = 60
"""Pixels at an end of an axis in which a label does not stand around its mark, so that it stays inside."""


def svg(width: float, height: float, title: str, *parts: str, **attributes: object) -> str:
    """Return a picture that scales with the page.

    Args:
        width: Width in its own coordinates.
        height: The same.
        title: What it shows, in words.
        parts: Its elements.
        attributes: Further ones of the picture.
    """
    head = tag("title", escape(title))
    return tag(
        "svg",
        head + "".join(parts),
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        role="group",
        aria_label=title,
        **attributes,
    )


def mark(phase: str | None, x: float, y: float, size: float = 7.0) -> str:
    """Return the shape of a phase around a place."""
    shape = MARKS.get(phase, "cross")
    if shape == "circle":
        return tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{size * 0.8:.1f}")
    if shape == "square":
        return tag(
            "rect", x=f"{x - size * 0.7:.1f}", y=f"{y - size * 0.7:.1f}", width=f"{size * 1.4:.1f}", height=f"{size * 1.4:.1f}"
        )
    ways = OUTLINES[shape]
    points = " ".join(f"{x + size * across:.1f},{y + size * down:.1f}" for across, down in ways)
    return tag("polygon", points=points)


def bar_chart(title: str, bars: Sequence[tuple[str, float]], unit: str) -> str:
    """Return bars from left to right with their names and numbers."""
    most = max((value for _, value in bars), default=0) or 1
    width, height = 400, BAR_ROW * max(1, len(bars)) + 6
    parts = []
    for place, (name, value) in enumerate(bars):
        top = place * BAR_ROW + 3
        long = value / most * (width - BAR_LEFT - 60)
        parts.append(tag("text", escape(name), x=BAR_LEFT - 8, y=top + 14, text_anchor="end"))
        parts.append(tag("rect", x=BAR_LEFT, y=top, width=f"{max(long, 1):.1f}", height=BAR_ROW - 6, class_="bar"))
        parts.append(tag("text", f"{value:g}", x=f"{BAR_LEFT + long + 6:.1f}", y=top + 14))
    return svg(width, height, f"{title} ({unit})", *parts, class_="bars")


def timeline(rallies: Sequence[dict[str, Any]], seconds: float, key: str) -> str:
    """Return the rallies along the time of the match, as high as they have strokes."""
    width, height, foot = 1000, 122, 34
    most = max((rally["strokes"] or 1 for rally in rallies), default=1)
    span = max(seconds, max((rally["end_s"] for rally in rallies), default=0.0), 1e-3)
    parts = [tag("line", x1=0, y1=height - foot, x2=width, y2=height - foot, class_="axis")]
    for rally in rallies:
        left, right = rally["start_s"] / span * width, rally["end_s"] / span * width
        high = (rally["strokes"] or 1) / most * (height - foot - 14)
        words = rally_words(rally)
        box = tag(
            "rect",
            tag("title", escape(words)),
            x=f"{left:.2f}",
            y=f"{height - foot - high:.1f}",
            width=f"{max(right - left, 2):.2f}",
            height=f"{high:.1f}",
            class_="bar",
        )
        parts.append(tag("g", box, **playable(rally["start_s"], rally["end_s"], words, f"{key}-rally-{rally['rally']}")))
    for moment in time_ticks(span):
        x = moment / span * width
        anchor = "start" if x < EDGE else "end" if x > width - EDGE else "middle"
        parts.append(tag("line", x1=f"{x:.1f}", y1=height - foot, x2=f"{x:.1f}", y2=height - foot + 5, class_="axis"))
        parts.append(tag("text", clock(moment), x=f"{x:.1f}", y=height - foot + 6, class_="below", text_anchor=anchor))
    return svg(width, height, "Rallies along the match; as high as they have strokes", *parts, class_="timeline")


def table_map(bounces: Iterable[dict[str, Any]], key: str) -> str:
    """Return the table from above with its bounces and their ellipses; the y axis is to the right, the x axis downwards."""
    width, height = TABLE_LENGTH * MAP_SCALE + 2 * MAP_MARGIN, TABLE_WIDTH * MAP_SCALE + 2 * MAP_MARGIN
    middle_x, middle_y = width / 2, height / 2
    parts = [
        tag("rect", x=MAP_MARGIN, y=MAP_MARGIN, width=TABLE_LENGTH * MAP_SCALE, height=TABLE_WIDTH * MAP_SCALE, class_="table"),
        tag("line", x1=MAP_MARGIN, y1=middle_y, x2=width - MAP_MARGIN, y2=middle_y, class_="table-line"),
        tag("line", x1=middle_x, y1=MAP_MARGIN - 20, x2=middle_x, y2=height - MAP_MARGIN + 20, class_="net"),
    ]
    for share in (1 / 3, 2 / 3):
        for side in (-1, 1):
            x = middle_x + side * share * TABLE_LENGTH / 2 * MAP_SCALE
            parts.append(tag("line", x1=f"{x:.1f}", y1=MAP_MARGIN, x2=f"{x:.1f}", y2=height - MAP_MARGIN, class_="zone-line"))
        y = MAP_MARGIN + share * TABLE_WIDTH * MAP_SCALE
        parts.append(tag("line", x1=MAP_MARGIN, y1=f"{y:.1f}", x2=width - MAP_MARGIN, y2=f"{y:.1f}", class_="zone-line"))
    for place, bounce in enumerate(bounces):
        if bounce["table_x_m"] is not None and bounce["table_y_m"] is not None:
            parts.append(_bounce(bounce, place, middle_x, middle_y, key))
    return svg(width, height, "Bounces on the table from above", *parts, class_="map")


def _bounce(bounce: dict[str, Any], place: int, middle_x: float, middle_y: float, key: str) -> str:
    x, y = middle_x + bounce["table_y_m"] * MAP_SCALE, middle_y + bounce["table_x_m"] * MAP_SCALE
    words = bounce_words(bounce)
    parts = [tag("title", escape(words))]
    if bounce["bounce_major_cm"] is not None and bounce["bounce_minor_cm"] is not None:
        turn = 90 - (bounce["bounce_angle_deg"] or 0.0)
        parts.append(
            tag("ellipse", cx=f"{x:.1f}", cy=f"{y:.1f}", rx=f"{bounce['bounce_major_cm'] / 100 * MAP_SCALE:.1f}",
                ry=f"{bounce['bounce_minor_cm'] / 100 * MAP_SCALE:.1f}",
                transform=f"rotate({turn:.1f} {x:.1f} {y:.1f})", class_="ellipse")
        )  # fmt: skip
    parts.append(mark(bounce["phase"], x, y))
    seconds = bounce["time_s"]
    place_of = {"data_phase": bounce["phase"] or "unknown", "data_half": bounce["half"] or "unknown", "data_bounce": place}
    play = {} if seconds is None else playable(max(0.0, seconds - 1.0), seconds + 1.0, words, f"{key}-bounce-{place}")
    return tag("g", "".join(parts), **{"class_": "bounce", "id": f"{key}-bounce-{place}", **place_of, **play})


def intervals(
    title: str, rows: Sequence[tuple[str | None, dict[str, Any]]], value: str, low: str, high: str, unit: str, key: str
) -> str:
    """Return a row for each phase with a mark for each stroke, and the interval in which 95 of 100 true values lie.

    Args:
        title: What is shown.
        rows: Strokes with their phases; those without the value are left out.
        value: Column of the number.
        low: Column of its lower bound.
        high: Column of its upper bound.
        unit: Unit of the number.
        key: Key of the match on the page.
    """
    shown = [(phase, stroke) for phase, stroke in rows if stroke[value] is not None]
    names = [phase for phase in (*list(MARKS)[:4], None) if any(each == phase for each, _ in shown)]
    width = 640
    heights = [16 + min(150, max(24, 3 * sum(each == phase for each, _ in shown))) for phase in names]
    height = sum(heights) + 30
    bounds = [stroke[column] for _, stroke in shown for column in (value, low, high) if stroke[column] is not None]
    least, most = min([*bounds, 0.0]), max([*bounds, 1.0])
    scale = (width - BAR_LEFT - 20) / (most - least)
    parts = []
    for number in number_ticks(least, most):
        x = BAR_LEFT + (number - least) * scale
        parts.append(tag("line", x1=f"{x:.1f}", y1=0, x2=f"{x:.1f}", y2=height - 26, class_="zone-line"))
        parts.append(tag("text", f"{number:g}", x=f"{x:.1f}", y=height - 22, class_="below", text_anchor="middle"))
    top = 0.0
    for phase, row_height in zip(names, heights, strict=True):
        own = [stroke for each, stroke in shown if each == phase]
        parts.append(tag("text", escape(phase or "unknown"), x=BAR_LEFT - 10, y=top + row_height / 2 + 4, text_anchor="end"))
        for place, stroke in enumerate(own):
            y = top + 8 + (place + 0.5) * (row_height - 16) / len(own)
            parts.append(_stroke(stroke, phase, y, least, scale, (value, low, high), unit, key))
        top += row_height
    return svg(width, height, f"{title} ({unit})", *parts, class_="intervals")


def _stroke(
    stroke: dict[str, Any],
    phase: str | None,
    y: float,
    least: float,
    scale: float,
    columns: tuple[str, str, str],
    unit: str,
    key: str,
) -> str:
    value, low, high = (stroke[column] for column in columns)
    x = BAR_LEFT + (value - least) * scale
    words = f"Stroke {stroke['stroke']}: {value:g} {unit}" + (
        f", {low:g} to {high:g}" if low is not None and high is not None else ""
    )
    parts = [tag("title", escape(words))]
    if low is not None and high is not None:
        first, last = (BAR_LEFT + (bound - least) * scale for bound in (low, high))
        parts.append(tag("line", x1=f"{first:.1f}", y1=f"{y:.1f}", x2=f"{last:.1f}", y2=f"{y:.1f}", class_="interval"))
    parts.append(mark(phase, x, y, 4.5))
    start = max(0.0, stroke["time_s"] - 0.5)
    return tag("g", "".join(parts), class_="stroke", **playable(start, start + 2.0, words, f"{key}-stroke-{stroke['stroke']}"))


def playable(start: float, end: float, words: str, name: str) -> dict[str, object]:
    """Return the attributes of what plays a part of the video when it is clicked, or by Enter."""
    return {"data_start": f"{start:.3f}", "data_end": f"{end:.3f}", "data_what": words, "data_name": name}


def rally_words(rally: dict[str, Any]) -> str:
    """Return what is known of a rally in words."""
    facts = [f"Rally {rally['rally']}, {clock(rally['start_s'])} to {clock(rally['end_s'])}"]
    facts += [f"{rally['strokes']} stroke{'s' * (rally['strokes'] != 1)}"] if rally["strokes"] is not None else []
    facts += [f"served from {rally['server']}"] if rally["server"] else []
    facts += [f"ended {rally['ended'].replace('_', ' ')}"] if rally["ended"] else []
    return ", ".join(facts)


def zone_words(zone: str) -> str:
    """Return a zone in the words of players, who call the middle third of a half's depth half-long."""
    return zone.replace("half_", "half-long_").replace("_", " ")


def bounce_words(bounce: dict[str, Any], exactly: bool = True) -> str:
    """Return what is known of a bounce in words.

    Args:
        bounce: As the numbers of a match have it.
        exactly: With its time, rally, position and confidence.
    """
    facts = ["Bounce" if not exactly or bounce["time_s"] is None else f"Bounce at {bounce['time_s']:.3f} s"]
    facts += [f"rally {bounce['rally']}"] if exactly and bounce["rally"] else []
    facts += [f"{bounce['phase']}" + (", on its own half" if bounce["lands"] == "own half" else "")] if bounce["phase"] else []
    facts += [f"{bounce['half']} half"] if bounce["half"] else []
    facts += [zone_words(bounce["zone"])] if bounce["zone"] else []
    if not exactly:
        return ", ".join(facts)
    facts += [f"x {bounce['table_x_m']:.3f} m, y {bounce['table_y_m']:.3f} m"] if bounce["table_x_m"] is not None else []
    facts += [f"confidence {bounce['confidence']:g}"] if bounce["confidence"] is not None else []
    return ", ".join(facts)


def clock(seconds: float) -> str:
    """Return minutes and seconds, as in 3:07."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
