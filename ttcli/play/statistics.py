"""What the rallies of a match are together: how many, how long, who served, how they ended."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from rich.table import Table

from ttcli.results.rallies import Rally

LONGEST_BAR = 40
"""Characters of a histogram's longest bar."""
STROKES_TOLD_APART = 12
"""Rallies of more strokes are counted together."""
UNKNOWN = "not told"


@dataclass(frozen=True)
class MatchStatistics:
    """What the rallies of a match are together."""

    rallies: int
    seconds: float
    """Seconds of the whole path."""
    play_seconds: float
    strokes: list[int]
    """Strokes of each rally."""
    lengths: list[float]
    """Lengths of each rally, seconds."""
    servers: dict[str, int]
    """Rallies by the end that served; unknown ones under "not told"."""
    endings: dict[str, int]
    """Rallies by how they ended, in the same way."""

    @classmethod
    def of(cls, rallies: Sequence[Rally], seconds: float) -> "MatchStatistics":
        """Return the statistics of rallies on a path of some seconds."""
        return cls(
            len(rallies),
            seconds,
            sum(rally.seconds for rally in rallies),
            [rally.strokes or 0 for rally in rallies],
            [rally.seconds for rally in rallies],
            dict(Counter(rally.server or UNKNOWN for rally in rallies).most_common()),
            dict(Counter(rally.ended or UNKNOWN for rally in rallies).most_common()),
        )

    @property
    def share_of_play(self) -> float | None:
        """Part of the path that is play; None of one without length."""
        return self.play_seconds / self.seconds if self.seconds > 0 else None

    def as_json(self) -> dict[str, Any]:
        """Return the statistics as a dict for JSON."""
        share = self.share_of_play
        return {
            "rallies": self.rallies,
            "seconds": round(self.seconds, 3),
            "play_seconds": round(self.play_seconds, 3),
            "share_of_play": None if share is None else round(share, 4),
            "strokes": _spread(self.strokes),
            "lengths_seconds": _spread(self.lengths),
            "histogram_of_strokes": dict(self.histogram()),
            "servers": self.servers,
            "endings": self.endings,
        }

    def histogram(self) -> list[tuple[str, int]]:
        """Return how many rallies had how many strokes, long ones together."""
        counts = Counter(min(count, STROKES_TOLD_APART + 1) for count in self.strokes)
        names = {STROKES_TOLD_APART + 1: f"{STROKES_TOLD_APART + 1} or more"}
        return [(names.get(count, str(count)), counts[count]) for count in range(1, max(counts, default=0) + 1)]

    def as_table(self) -> Table:
        """Return the statistics as a table for people."""
        table = Table("", "", title="rallies", show_header=False)
        share = self.share_of_play
        table.add_row("rallies", str(self.rallies))
        table.add_row("play", f"{_clock(self.play_seconds)} of {_clock(self.seconds)}" + (f", {share:.0%}" if share else ""))
        if self.rallies:
            table.add_row("strokes", _range(self.strokes, "{:.0f}", "{:.1f}"))
            table.add_row("seconds", _range(self.lengths, "{:.1f}", "{:.1f}"))
            table.add_row("served from", _counts(self.servers))
            table.add_row("ended", _counts(self.endings))
        histogram = self.histogram()
        most = max((count for _, count in histogram), default=0)
        for name, count in histogram:
            table.add_row(f"of {name} stroke{'s' * (name != '1')}", f"{'#' * -(-count * LONGEST_BAR // max(most, 1))} {count}")
        return table

    def __str__(self) -> str:
        share = self.share_of_play
        of_it = f", {share:.0%} of {_clock(self.seconds)}" if share is not None else ""
        return f"{self.rallies} rallies, {_clock(self.play_seconds)} of play{of_it}"


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    told = {"least": min(values), "median": median(values), "mean": fmean(values), "most": max(values)}
    return {name: round(value, 3) for name, value in told.items()}


def _range(values: Sequence[float], form: str, mean_form: str) -> str:
    least, most, mean = form.format(min(values)), form.format(max(values)), mean_form.format(fmean(values))
    return f"{least} to {most}, {mean} in the mean"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
