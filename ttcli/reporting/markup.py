"""The elements of HTML that the page is made of: attributes are escaped here, content by whoever passes it."""

from collections.abc import Sequence
from html import escape

LONG_CELL = 28
"""Characters of HTML from which on a cell gets room for some words a line."""


def tag(name: str, content: str = "", **attributes: object) -> str:
    """Return an element; attributes that are None are left out, and `_` in a name becomes `-`."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{content}</{name}>"


def with_code(text: str) -> str:
    """Return a text with what stands between backticks as code."""
    parts = escape(text).split("`")
    return "".join(tag("code", part) if place % 2 else part for place, part in enumerate(parts))


def cell_text(value: object) -> str:
    """Return what a cell holds: "unknown" where there is no value."""
    return tag("span", "unknown", class_="unknown") if value is None else escape(str(value).replace("_", " "))


def nested_list(value: object) -> str:
    """Return a dict as names with their values, dicts in it in the same way; anything else as text."""
    if isinstance(value, dict):
        return tag(
            "dl",
            "".join(tag("dt", escape(str(name))) + tag("dd", nested_list(each)) for name, each in value.items()),
            class_="nested",
        )
    return escape("unknown" if value is None else str(value))


def data_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
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
