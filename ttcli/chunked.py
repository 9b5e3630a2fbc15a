"""One long video as tasks: what the network offers for each chunk, and the rows that come of all of them together.

A task reads its chunk and some frames around it, and hands on what the network says of each frame, a hundred bytes; what is judged over
time is judged by one process that sees all of it in order. So the rows are those of one process that reads the video alone.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import numpy as np

from ttcli.ball_path import network_predictor, offers_for
from ttcli.configs import DetectConfig
from ttcli.detection_jobs import Job
from ttcli.predictor import CANDIDATES, FrameAnswer, Peak
from ttcli.runtimes import Runtime
from ttcli.table.views import TableView
from ttcli.table.watcher import TableWatcher
from ttcli.video.chunks import Chunk
from ttcli.video.reader import Frame, FrameReader

NOTHING = FrameAnswer([Peak(0.0, 0.0, 0.0)] * CANDIDATES, None)
"""What is said of a broken frame."""


@dataclass(frozen=True)
class Sight:
    """How the pictures of a video are looked at by tasks."""

    height: int
    """Of the picture that the network sees."""
    width: int
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
    """Return what is found on a chunk; None where other frames come than its packets promise."""
    with FrameReader(
        job.video, sight.height, sight.width, judge=True, start_seconds=chunk.read_seconds, picture_rate=config.picture_rate
    ) as reader:
        watcher = TableWatcher(sight.table_height, sight.table_width) if sight.table_height else None
        frames: Iterable[Frame] = islice(reader, chunk.read_count)
        facts: list[tuple[bool, bool, int]] = []  # broken, repeats, shot
        found = _answers(watcher.noting(frames) if watcher else frames, chunk, sight, runtime, config, facts)
    own = slice(chunk.first - chunk.read_first, chunk.end - chunk.read_first)
    kept = facts[own]
    if len(kept) != len(chunk.times):
        return None
    answers = [found.get(number, NOTHING) for number in range(chunk.first, chunk.end)]
    with_events = next((answer for answer in found.values() if answer.events is not None), None)
    broken, duplicate, shots = np.array(kept).T
    before = facts[own.start - 1][2] if own.start else 0
    shift = chunk.read_seconds  # the reader's clock begins with the frame that is read first
    views = [] if watcher is None else [
        TableView(max(view.start_seconds + shift, chunk.times[0]), min(view.end_seconds + shift, chunk.times[-1]), view.camera)
        for view in watcher.views()
    ]  # fmt: skip
    return ChunkAnswers(
        peaks=np.array([answer.peaks for answer in answers], np.float32),
        events=None if with_events is None else np.array([answer.events or (0.0, 0.0) for answer in answers], np.float32),
        broken=broken.astype(bool),
        duplicate=duplicate.astype(bool),
        begins=np.diff(shots, prepend=before) != 0,
        views=[view for view in views if view.start_seconds <= view.end_seconds],
    )


def _answers(
    frames: Iterable[Frame], chunk: Chunk, sight: Sight, runtime: Runtime, config: DetectConfig,
    facts: list[tuple[bool, bool, int]],
) -> dict[int, FrameAnswer]:
    """Return the network's answers by number of the frame, and note the facts of each frame that was read."""
    predictor = network_predictor(runtime, sight.height, sight.width, 1, config)
    found: dict[int, FrameAnswer] = {}

    def distinct(shot: Iterable[Frame]) -> Iterator[Frame]:
        for frame in shot:
            facts.append((frame.picture is None, frame.duplicate, frame.shot))
            if not frame.duplicate:
                yield frame._replace(frame_index=chunk.read_first + frame.frame_index)

    for _, shot in groupby(frames, key=lambda frame: frame.shot):
        for offer in offers_for(distinct(shot), predictor):
            if not offer.broken:
                found[offer.frame_index] = FrameAnswer(offer.peaks, offer.events)
    return found


class RecordedAnswers:
    """A predictor that hands on answers which stand in their pictures' place.

    Args:
        runtime: The network that gave them.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def answers(self, pictures: Iterable[FrameAnswer | None], first: int = 0) -> Iterator[FrameAnswer]:
        """Yield the answers."""
        for answer in pictures:
            yield NOTHING if answer is None else answer


def recorded_frames(chunks: Sequence[Chunk], answers: Sequence[ChunkAnswers]) -> Iterator[Frame]:
    """Yield the frames of a video whose pictures are answers already; the answers are forgotten on the way."""
    shot, waiting = 0, deque(zip(chunks, answers, strict=True))
    while waiting:
        chunk, said = waiting.popleft()
        for place, seconds in enumerate(chunk.times):
            shot += int(said.begins[place])
            answer = None if said.broken[place] else _answer(said, place)
            yield Frame(chunk.first + place, seconds, answer, None, bool(said.duplicate[place]), shot)


def _answer(said: ChunkAnswers, place: int) -> FrameAnswer:
    events = None if said.events is None else tuple(said.events[place].tolist())
    return FrameAnswer([Peak(*peak) for peak in said.peaks[place].tolist()], events)
