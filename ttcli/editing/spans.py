"""Which parts of a video are kept: the rallies that are wanted, with some time around each."""

from collections.abc import Sequence
from dataclasses import dataclass

from ttcli.results.rallies import Rally


@dataclass(frozen=True)
class Span:
    """A part of a video that is kept, with the rallies in it."""

    start_seconds: float
    end_seconds: float
    rallies: tuple[tuple[int, Rally], ...]
    """With their numbers in rallies.csv, from 1 on."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end_seconds - self.start_seconds

    @property
    def name(self) -> str:
        """What it is called in lists."""
        first, last = self.rallies[0][0], self.rallies[-1][0]
        return f"Rally {first}" if first == last else f"Rallies {first} to {last}"

    @property
    def text(self) -> str:
        """Its name, with what is known of its rallies."""
        return "; ".join(described(number, rally) for number, rally in self.rallies)


def chosen_rallies(rallies: Sequence[Rally], longest: int | None, min_strokes: int | None) -> list[tuple[int, Rally]]:
    """Return the rallies that are wanted, with their numbers, in order of time.

    Args:
        rallies: All of them, in order of time.
        longest: How many, those that take the longest; None takes all.
        min_strokes: Strokes that they must have; one whose strokes nobody counted has none.
    """
    wanted = [(number, rally) for number, rally in enumerate(rallies, 1) if (rally.strokes or 0) >= (min_strokes or 0)]
    if longest is not None:
        wanted = sorted(sorted(wanted, key=lambda each: -each[1].seconds)[:longest])
    return wanted


def spans_around(
    rallies: Sequence[tuple[int, Rally]], before: float, after: float, whole_seconds: float | None, apart: bool = False
) -> list[Span]:
    """Return the parts of a video that hold some rallies.

    Args:
        rallies: With their numbers, in order of time.
        before: Seconds that are kept before each.
        after: Seconds that are kept after it.
        whole_seconds: Length of the video; None where it does not say.
        apart: A part for each; else those that meet are one.
    """
    spans: list[Span] = []
    for number, rally in rallies:
        start = max(0.0, rally.start_seconds - before)
        end = rally.end_seconds + after
        end = end if whole_seconds is None else min(end, whole_seconds)
        if end <= start:
            continue
        if spans and not apart and start <= spans[-1].end_seconds:
            last = spans.pop()
            spans.append(Span(last.start_seconds, max(end, last.end_seconds), (*last.rallies, (number, rally))))
        else:
            spans.append(Span(start, end, ((number, rally),)))
    return spans


def described(number: int, rally: Rally) -> str:
    """Return what is known of a rally in a line, as in Rally 3: 5 strokes, served from the left, net."""
    facts = [f"{rally.strokes} stroke{'s' * (rally.strokes != 1)}"] if rally.strokes is not None else []
    facts += [f"served {_from(rally.server)}"] if rally.server else []
    facts += [rally.ended.replace("_", " ")] if rally.ended else []
    return f"Rally {number}" + (f": {', '.join(facts)}" if facts else "")


def _from(side: str) -> str:
    return f"from the {side}" if side in ("left", "right") else f"from the {side} end"
