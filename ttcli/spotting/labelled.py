"""Labelled paths as tracks: folders of annotations in the layout of OpenTTGames."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ttcli.errors import InputError
from ttcli.labels.ball import BallLabel
from ttcli.labels.event import EventLabel
from ttcli.labels.openttgames import FRAME_RATE, PICTURE_HEIGHT, PICTURE_WIDTH, read_ball_markup, read_events_markup
from ttcli.labels.problems import Problems
from ttcli.spotting.paths import Track, make_track
from ttcli.spotting.simulated import LabelledTrack

NAMES = ("bounce", "net")
PIECE_SECONDS = (4.0, 12.0)
"""Piece seconds of visible time, from and to, in a track to train on: context as the simulated scenes have it."""


def read_track(
    balls: dict[int, BallLabel], events: list[EventLabel], height: int, width: int, frame_rate: float
) -> LabelledTrack:
    """Return the labels of one video as a track of sure sightings with its events."""
    seen = [(frame / frame_rate, label.x, label.y) for frame, label in sorted(balls.items()) if label.visible]
    table = np.array(seen, float).reshape(-1, 3)
    track = make_track(table[:, 0], table[:, 1:], np.ones(len(table)), height, width)
    return LabelledTrack(track, {name: _instants(events, name, frame_rate) for name in NAMES})


def read_folder(folder: Path) -> LabelledTrack:
    """Return the track of one folder of annotations, `ball_markup.json` and `events_markup.json`.

    Raises:
        InputError: One of the two is missing.
        LabelError: One of them is damaged.
    """
    paths = folder / "ball_markup.json", folder / "events_markup.json"
    for path in paths:
        if not path.is_file():
            raise InputError(path, "no such file", "give a folder with ball_markup.json and events_markup.json")
    problems = Problems()
    balls, events = read_ball_markup(paths[0], problems.add), read_events_markup(paths[1], problems.add)
    return read_track(balls, events, PICTURE_HEIGHT, PICTURE_WIDTH, FRAME_RATE)


class LabelledTracks:
    """An endless source of varied pieces of labelled tracks.

    Labels lie around events, four frames before and twelve after: where a run begins would tell where its event is. So
    each run is cut at random, and nothing can be learned from its ends.

    Args:
        tracks: Tracks of whole videos.
        seed: The same seed gives the same pieces.
    """

    def __init__(self, tracks: list[LabelledTrack], seed: int) -> None:
        self._tracks = tracks
        self._random = np.random.default_rng(seed)
        lengths = np.array([len(track.track.times) for track in tracks], float)
        self._shares = lengths / lengths.sum()

    def __iter__(self) -> Iterator[LabelledTrack]:
        while True:
            yield self.draw()

    def draw(self) -> LabelledTrack:
        """Return the next piece: cut, thinned, with noise, larger or smaller, faster or slower."""
        random = self._random
        whole = self._tracks[random.choice(len(self._tracks), p=self._shares)]
        count = min(len(whole.track.times), int(random.uniform(*PIECE_SECONDS) * FRAME_RATE))
        begin = random.integers(len(whole.track.times) - count + 1)
        times, positions, confidences = (part[begin : begin + count] for part in whole.track[:3])
        kept = cut_runs(times, random, share=0.7)
        if random.random() < 0.5:
            kept &= random.random(count) >= random.uniform(0, 0.2)
        if random.random() < 0.2:  # half the frame rate
            kept &= np.round(times * FRAME_RATE).astype(int) % 2 == random.integers(2)
        size = random.choice([0.0, random.uniform(0, 2.5)]) / PICTURE_WIDTH
        scale, pace = np.exp(random.uniform(-0.25, 0.25)), np.exp(random.uniform(-0.15, 0.15))
        positions = positions * scale + random.normal(size=2) * 0.03 + random.normal(size=positions.shape) * size
        track = Track(times[kept] * pace, positions[kept], confidences[kept])
        return LabelledTrack(track, {name: at * pace for name, at in whole.events.items()})


def cut_runs(
    times: np.ndarray, random: np.random.Generator, before: int = 5, after: int = 11, share: float = 1.0
) -> np.ndarray:
    """Return which sightings (N,) are left when runs of neighbouring frames lose some at both ends.

    Args:
        times: (N,) seconds.
        random: Source of chance.
        before: Most frames that a run loses at its beginning.
        after: Most frames that it loses at its end.
        share: Share of the runs that lose any, for each end.
    """
    run = np.cumsum(np.diff(times, prepend=times[:1]) > 1.5 / FRAME_RATE)
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    ends = np.append(starts[1:], len(times))
    index = np.arange(len(times))
    cut = random.integers(0, before + 1, len(starts)) * (random.random(len(starts)) < share)
    cut_end = random.integers(0, after + 1, len(starts)) * (random.random(len(starts)) < share)
    return (index >= (starts + cut)[run]) & (index < (ends - cut_end)[run])


def _instants(events: list[EventLabel], name: str, frame_rate: float) -> np.ndarray:
    return np.array([label.frame_index / frame_rate for label in events if label.event == name])
