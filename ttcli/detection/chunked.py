"""One long video as tasks: what the network offers for each chunk, and the rows that come of all of them together.

A task reads its chunk and some frames around it, and hands on what the network says of each frame, 40 bytes; what is judged over
time is judged by one process that sees all of it in order. So the rows are those of one process that reads the video alone, but for
tenths of a pixel where pictures repeat or the camera moves: docs/SCALE.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import NamedTuple

import numpy as np

from ttcli.configs import DetectConfig
from ttcli.detection.ball_path import network_predictor, offers_for
from ttcli.detection.jobs import Job
from ttcli.errors import VideoError
from ttcli.inference.closer_look import larger_size
from ttcli.inference.predictor import CANDIDATES, FrameAnswer, Peak
from ttcli.inference.runtimes import Runtime
from ttcli.table.views import TableView
from ttcli.table.watcher import TableWatcher
from ttcli.video.chunks import Chunk
from ttcli.video.reader import Frame, FrameReader

SAME_TIME = 1e-6
"""Seconds by which a frame's time may differ from the one that its packet promises: rounding."""
NOTHING = FrameAnswer([Peak(0.0, 0.0, 0.0)] * CANDIDATES, None)
"""What is said of a broken frame."""


@dataclass(frozen=True)
class Sight:
    """How the pictures of a video are looked at by tasks."""

    height: int
    """Of the picture that the network sees."""
    width: int
    stride: int
    """Frames between two neighbours in a window."""
    table_height: int
    """Of the video's picture, in which the table is looked for; 0 where it is not."""
    table_width: int


@dataclass(frozen=True)
class ChunkAnswers:
    """What a task found on the frames of its chunk."""

    peaks: np.ndarray
    """(N, CANDIDATES, 3) float32: x, y and probability, as `Peak` has them; 0 of frames without a picture of their own."""
    events: np.ndarray | None
    """(N, 2) float32: probabilities of events; None of a network without an event head."""
    broken: np.ndarray
    """(N,) bool."""
    duplicate: np.ndarray
    """(N,) bool."""
    begins: np.ndarray
    """(N,) bool: whether a shot begins with it."""
    views: list[TableView]
    """Of the table, on the whole video's clock."""


def answer_chunk(job: Job, chunk: Chunk, sight: Sight, runtime: Runtime, config: DetectConfig) -> ChunkAnswers | None:
    """Return what is found on a chunk; None where other frames come than its packets promise, or none at all."""
    watcher = TableWatcher(sight.table_height, sight.table_width) if sight.table_height else None
    facts: list[_Fact] = []
    try:
        with FrameReader(
            job.video, sight.height, sight.width, judge=True, start_seconds=chunk.read_seconds, picture_rate=config.picture_rate,
            large_size=larger_size(runtime, sight.height, sight.width, config),
        ) as reader:
            frames: Iterable[Frame] = islice(reader, chunk.read_count)
            first = next(frames, None)
            if first is None or reader.first_stamp != chunk.read_stamp:
                return None
            frames = chain([first], frames)
            found = _answers(watcher.noting(frames) if watcher else frames, chunk, sight, runtime, config, facts)
    except VideoError:
        return None  # read as a whole, what is left of it has rows
    own = slice(chunk.first - chunk.read_first, chunk.end - chunk.read_first)
    kept = facts[own]
    times = [fact.seconds + chunk.read_time for fact in kept]
    if len(kept) != len(chunk.times) or not np.allclose(times, chunk.times, rtol=0, atol=SAME_TIME):
        return None
    answers = [found.get(number, NOTHING) for number in range(chunk.first, chunk.end)]
    with_events = next((answer for answer in found.values() if answer.events is not None), None)
    shots = [fact.shot for fact in kept]
    before = facts[own.start - 1].shot if own.start else 0
    until = chunk.times[-1] + (chunk.times[-1] - chunk.times[-2] if len(chunk.times) > 1 else 0.0)  # the next chunk's first frame
    shift = chunk.read_time  # the reader's clock begins with the frame that is read first
    views = [] if watcher is None else [
        TableView(max(view.start_seconds + shift, chunk.times[0]), min(view.end_seconds + shift, until), view.camera)
        for view in watcher.views()
    ]  # fmt: skip
    return ChunkAnswers(
        peaks=np.array([answer.peaks for answer in answers], np.float32),
        events=None if with_events is None else np.array([answer.events or (0.0, 0.0) for answer in answers], np.float32),
        broken=np.array([fact.broken for fact in kept]),
        duplicate=np.array([fact.duplicate for fact in kept]),
        begins=np.diff(shots, prepend=before) != 0,
        views=[view for view in views if view.start_seconds <= view.end_seconds],
    )


def _answers(
    frames: Iterable[Frame], chunk: Chunk, sight: Sight, runtime: Runtime, config: DetectConfig,
    facts: list["_Fact"],
) -> dict[int, FrameAnswer]:
    """Return the network's answers by number of the frame, and note the facts of each frame that was read."""
    predictor = network_predictor(runtime, sight.height, sight.width, sight.stride, config)
    found: dict[int, FrameAnswer] = {}

    def distinct(shot: Iterable[Frame]) -> Iterator[Frame]:
        for frame in shot:
            facts.append(_Fact(frame.picture is None, frame.duplicate, frame.shot, frame.time_seconds))
            if not frame.duplicate:
                yield frame._replace(frame_index=chunk.read_first + frame.frame_index)

    for _, shot in groupby(frames, key=lambda frame: frame.shot):
        for offer in offers_for(distinct(shot), predictor):
            if not offer.broken:
                found[offer.frame_index] = FrameAnswer(offer.peaks, offer.events)
    return found


class _Fact(NamedTuple):
    """What is known of a frame beside its answer."""

    broken: bool
    duplicate: bool
    shot: int
    seconds: float
    """On the reader's clock."""


class RecordedAnswers:
    """A predictor that hands on answers which stand in their pictures' place.

    Args:
        runtime: The network that gave them.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def answers(self, frames: Iterable[Frame], first: int = 0) -> Iterator[FrameAnswer]:
        """Yield the answers."""
        for frame in frames:
            yield NOTHING if frame.picture is None else frame.picture


def recorded_frames(chunks: Sequence[Chunk], answers: Sequence[ChunkAnswers]) -> Iterator[Frame]:
    """Yield the frames of a video whose pictures are answers already."""
    shot = 0
    for chunk, said in zip(chunks, answers, strict=True):
        for place, seconds in enumerate(chunk.times):
            shot += int(said.begins[place])
            answer = None if said.broken[place] else _answer(said, place)
            yield Frame(chunk.first + place, seconds, answer, None, bool(said.duplicate[place]), shot)


def _answer(said: ChunkAnswers, place: int) -> FrameAnswer:
    events = None if said.events is None else tuple(said.events[place].tolist())
    return FrameAnswer([Peak(*peak) for peak in said.peaks[place].tolist()], events)
