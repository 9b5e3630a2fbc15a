"""Which windows of a labelled video go into a training set: the index arithmetic of `extract`."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ttcli.errors import SettingError
from ttcli.labels.ball import BallLabel
from ttcli.labels.event import EVENT_NAMES, EventLabel
from ttcli.labels.rallies import rally_numbers
from ttcli.networks.windows import window_span

LABELLED = "labelled"
"""Kind of a window that was taken for its ball labels alone."""
FAR = "far"
"""Kind of a window away from every event."""


@dataclass(frozen=True, slots=True)
class LabelledWindow:
    """A window all of whose frames have a label."""

    first: int
    """Frame of its first place."""
    kind: str
    """Name of the event next to its middle, FAR or LABELLED."""
    rally: int
    """Number of the rally that its first frame belongs to, from 0 on."""
    last_rally: int
    """That of its last frame."""
    visible: int
    """How many of its frames show the ball."""
    all_visible: bool
    """Whether all of them do."""


@dataclass(frozen=True)
class Choice:
    """What makes a window one to keep."""

    window_size: int
    """Frames in a window."""
    stride: int
    """Frames between two neighbours in a window."""
    events: tuple[str, ...] | None
    """Names of events whose surroundings are kept, `all` among them for every one; None keeps all labelled windows."""
    before: int
    """Frames before an event that still belong to it."""
    after: int
    """Frames after an event that still belong to it."""
    far: int
    """Most windows to add that lie away from every event."""
    limit: int | None
    """Most windows to keep; None keeps all."""
    seed: int
    """Seed of the choice among windows away from events, and of the choice under `limit`."""

    def check(self) -> None:
        """Raise SettingError where no window could ever be kept."""
        span = window_span(self.window_size, self.stride)
        if self.events is not None and self.before + self.after + 1 < span:
            raise SettingError(
                "--before and --after", f"leave {self.before + self.after + 1} frames around an event, and a window spans {span}",
                "give more frames, a smaller --window, or --no-events",
            )  # fmt: skip

    def wants(self, event: str) -> bool:
        """Tell whether the surroundings of this event are kept."""
        return self.events is not None and (event in self.events or "all" in self.events)


def select_windows(
    labels: Mapping[int, BallLabel],
    events: Sequence[EventLabel] | None,
    choice: Choice,
    unusable: Collection[int] = (),
) -> list[LabelledWindow]:
    """Return the windows to keep of one video, sorted by first frame.

    A window is a candidate where somebody labelled every one of its frames, visible or not. Near an event it is kept where
    all of its frames lie within `before` and `after` of wanted events. Far windows share no frame with the
    surroundings of any event, wanted or not; at most `far` of them are kept, chosen by chance.

    Args:
        labels: Labels of the ball, by frame.
        events: Events of the same video; None where it has no labels of events.
        choice: What to keep.
        unusable: Frames that have a label which says nothing, such as a ball that is leaving the picture. They may
            stand in a window, where they are unknown.
    """
    candidates = labelled_windows(labels, choice.window_size, choice.stride, unusable)
    if choice.events is None:
        kept = candidates
    else:
        # Without labels of events nobody knows what is far from them.
        kept = _near(candidates, events, choice) + _far(candidates, events, choice) if events is not None else []
    if choice.limit is not None and len(kept) > choice.limit:
        kept = random.Random(choice.seed).sample(kept, choice.limit)
    return sorted(kept, key=lambda window: window.first)


def labelled_windows(
    labels: Mapping[int, BallLabel], window_size: int, stride: int, unusable: Collection[int] = ()
) -> list[LabelledWindow]:
    """Return every window whose frames all have a label, usable or not, sorted by first frame."""
    frames = np.array(sorted({*labels, *unusable}), dtype=np.int64)
    if not len(frames):
        return []
    seen = np.array([frame in labels and labels[frame].visible for frame in frames.tolist()])
    rallies = _rallies(frames, seen)
    places = frames[:, None] + stride * np.arange(window_size)  # (N, window_size)
    at = np.searchsorted(frames, places).clip(max=len(frames) - 1)
    whole = (frames[at] == places).all(1)
    visible = seen[at].sum(1)
    return [
        LabelledWindow(
            int(frames[row]),
            LABELLED,
            int(rallies[row]),
            int(rallies[at[row, -1]]),
            int(visible[row]),
            bool(visible[row] == window_size),
        )
        for row in np.nonzero(whole)[0]
    ]


def window_frames_of(windows: Iterable[LabelledWindow], window_size: int, stride: int) -> list[int]:
    """Return the frames that windows hold, each once, sorted: windows overlap."""
    return sorted({window.first + place * stride for window in windows for place in range(window_size)})


def _rallies(frames: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the rally (N,) of each labelled frame: where the ball is long not seen, or nobody labelled, one ends."""
    if not seen.any():
        return rally_numbers(frames)
    shown = frames[seen]
    before = (np.searchsorted(shown, frames, side="right") - 1).clip(min=0)
    return rally_numbers(shown)[before]


def _near(candidates: list[LabelledWindow], events: Sequence[EventLabel], choice: Choice) -> list[LabelledWindow]:
    """Return the candidates that lie within the surroundings of wanted events, each by the name of the nearest one."""
    wanted = [event for event in events if choice.wants(event.event)]
    if not wanted:
        return []
    covered = _surroundings(wanted, choice)
    moments = np.array([event.frame_index for event in wanted])
    kept = []
    for window in candidates:
        frames = _frames(window, choice)
        if covered.issuperset(frames):
            nearest = int(np.abs(moments - frames[len(frames) // 2]).argmin())
            kept.append(replace(window, kind=wanted[nearest].event))
    return kept


def _far(candidates: list[LabelledWindow], events: Sequence[EventLabel], choice: Choice) -> list[LabelledWindow]:
    """Return up to `far` candidates away from every known event, spread by chance."""
    if not choice.far:
        return []
    covered = _surroundings([event for event in events if event.event in EVENT_NAMES or choice.wants(event.event)], choice)
    away = [window for window in candidates if covered.isdisjoint(_frames(window, choice))]
    chosen = random.Random(choice.seed).sample(away, min(choice.far, len(away)))
    return [replace(window, kind=FAR) for window in chosen]


def _frames(window: LabelledWindow, choice: Choice) -> range:
    return range(window.first, window.first + choice.window_size * choice.stride, choice.stride)


def _surroundings(events: Collection[EventLabel], choice: Choice) -> set[int]:
    """Return the frames within `before` and `after` of any of the events."""
    return {
        frame for event in events for frame in range(event.frame_index - choice.before, event.frame_index + choice.after + 1)
    }
