"""Results as tables for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

METRIC_COLUMNS = (
    ("recall@10", "recall@10", 3),
    ("precision@10", "precision@10", 3),
    ("f1@10", "f1@10", 3),
    ("accuracy@10", "accuracy@10", 3),
    ("accuracy@5", "accuracy@5", 3),
    ("median", "median", 2),
    ("rmse", "rmse", 2),
    ("false_claims_per_1000", "false/1000", 1),
)
"""Metric, heading and decimals of each column behind the clip's name and its number of labelled frames."""

EVENT_COLUMNS = (
    ("labelled", "labelled", 0),
    ("found", "found", 0),
    ("pce", "PCE", 3),
    ("spce", "SPCE", 3),
    ("f1@1", "F1@1", 3),
    ("f1@2", "F1@2", 3),
    ("f1@4", "F1@4", 3),
    ("precision@4", "precision@4", 3),
    ("recall@4", "recall@4", 3),
    ("ap@4", "AP@4", 3),
    ("mean_abs_error_ms", "off by, ms", 1),
)
"""The same for events."""

NOTHING = "–"
"""Shown where a metric is 0/0 or an interval is not known."""


def metrics_table(summary: Mapping[str, Any]) -> Table:
    """Return a row for each clip, then one for all of them together and one for their 95 % intervals.

    A single clip has no row of all, and without intervals there is no row for them.

    Args:
        summary: What `ttcli evaluate --json` prints.
    """
    table = Table(caption="median and rmse in pixels of a picture 1920 wide")
    table.add_column("clip", overflow="fold")
    for heading in ("frames", *(heading for _, heading, _ in METRIC_COLUMNS)):
        table.add_column(heading, justify="right")
    for clip in summary["clips"]:
        table.add_row(clip["clip"], *_metric_cells(clip))
    table.add_section()
    if len(summary["clips"]) > 1:
        table.add_row("all", *_metric_cells(summary["all"]))
    if any(summary["all"]["intervals_95"].values()):
        table.add_row("95 % from", "", *_interval_cells(summary["all"], end=0))
        table.add_row("95 % to", "", *_interval_cells(summary["all"], end=1))
    return table


def events_table(summary: Mapping[str, Any], names: Sequence[str]) -> Table:
    """Return rows for each clip, one for each kind of event, then rows for all of them together.

    Args:
        summary: What `ttcli evaluate --json` prints of events.
        names: Kinds of events.
    """
    table = Table(caption="@1, @2, @4: within 1, 2, 4 frames of 120 a second. off by: those found within 100 ms")
    table.add_column("clip", overflow="fold")
    table.add_column("event")
    for _, heading, _ in EVENT_COLUMNS:
        table.add_column(heading, justify="right")
    several = [("all", summary["all"])] if len(summary["clips"]) > 1 else []
    for clip, metrics in [*((clip["clip"], clip) for clip in summary["clips"]), *several]:
        if clip == "all":
            table.add_section()
        for name in names:
            table.add_row(clip, name, *_event_cells(metrics["by_event"][name]))
        table.add_row(clip, "both", *_event_cells({**metrics, "labelled": metrics["labels"], "ap@4": metrics["map@4"]}))
    return table


def _event_cells(metrics: Mapping[str, Any]) -> list[str]:
    return [_cell(metrics.get(name), decimals) for name, _, decimals in EVENT_COLUMNS]


def _metric_cells(metrics: Mapping[str, Any]) -> list[str]:
    return [str(metrics["labelled"]), *(_cell(metrics[name], decimals) for name, _, decimals in METRIC_COLUMNS)]


def _interval_cells(metrics: Mapping[str, Any], end: int) -> list[str]:
    intervals = [(metrics["intervals_95"][name], decimals) for name, _, decimals in METRIC_COLUMNS]
    return [_cell(interval and interval[end], decimals) for interval, decimals in intervals]


def _cell(value: float | None, decimals: int) -> str:
    return NOTHING if value is None else f"{value:.{decimals}f}"
