"""One long video as tasks: what the networks propose for each chunk, and the proposals that all of them together are.

A task reads its chunk and some frames around it, and hands on what the networks say of each frame, 40 bytes. One
process sees all of that in order, and decides. So the rows equal the rows of one process that reads the video
alone, but for tenths of a pixel where pictures repeat or the camera moves: docs/SCALE.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np

from ttcli.detection.plan import VideoPlan
from ttcli.detection.proposals import Proposal, propose
from ttcli.errors import VideoError
from ttcli.inference.answers import CANDIDATES, NOWHERE, Peak
from ttcli.inference.runtimes import Runtime
from ttcli.table.camera import Tables
from ttcli.table.views import NoTable, TableView, TableViews, joined, later
from ttcli.table.watcher import TableWatcher
from ttcli.video.chunks import Chunk
from ttcli.video.reader import Frame, FrameReader

SAME_TIME = 1e-6
"""Seconds by which a frame's time may differ from the one that its packet promises: rounding."""
NO_PEAKS = (NOWHERE,) * CANDIDATES
"""Stands in an array for the peaks of a frame without any."""


@dataclass(frozen=True)
class ChunkProposals:
    """What a task found on the frames of its chunk."""

    peaks: np.ndarray
    """(N, CANDIDATES, 3) float32: x, y and probability, as `Peak` has them; 0 of frames without a picture of their own."""
    broken: np.ndarray
    """(N,) bool."""
    duplicate: np.ndarray
    """(N,) bool."""
    begins: np.ndarray
    """(N,) bool: whether a shot begins with it."""
    views: list[TableView | NoTable]
    """Views of the table, on the whole video's clock."""


def propose_for_chunk(plan: VideoPlan, chunk: Chunk, runtime: Runtime) -> ChunkProposals | None:
    """Return what is found on a chunk; None where other frames come than its packets promise, or none at all.

    Args:
        plan: Plan of the whole video.
        chunk: The chunk.
        runtime: The first network, which brings the second.
    """
    info = plan.info
    looks = plan.settings.table is None and info.has_square_pixels
    watcher = TableWatcher(info.height, info.width) if looks else None
    reader = FrameReader(
        info, plan.height, plan.width, judge=True, start_seconds=chunk.read_seconds, large_size=plan.large_size
    )
    try:
        with reader:
            frames: Iterator[Frame] = islice(reader, chunk.read_count)
            first = next(frames, None)
            if first is None or reader.first_stamp != chunk.read_stamp:
                return None
            frames = chain([first], frames)
            frames = watcher.noting(frames) if watcher else frames
            proposals = list(propose(_numbered(frames, chunk), plan, runtime))
    except VideoError:
        return None  # read as a whole, what is left of it has rows
    own = proposals[chunk.first - chunk.read_first : chunk.end - chunk.read_first]
    times = [proposal.time_seconds + chunk.read_time for proposal in own]
    if len(own) != len(chunk.times) or not np.allclose(times, chunk.times, rtol=0, atol=SAME_TIME):
        return None
    before = proposals[chunk.first - chunk.read_first - 1].shot if chunk.first > chunk.read_first else 0
    return ChunkProposals(
        peaks=np.array([proposal.peaks or NO_PEAKS for proposal in own], np.float32),
        broken=np.array([proposal.broken for proposal in own]),
        duplicate=np.array([proposal.duplicate for proposal in own]),
        begins=np.diff([proposal.shot for proposal in own], prepend=before) != 0,
        views=[] if watcher is None else _on_the_whole_clock(watcher.views(), chunk),
    )


def _numbered(frames: Iterable[Frame], chunk: Chunk) -> Iterator[Frame]:
    """Yield the frames of a chunk by their numbers in the whole video, by which windows keep their rhythm."""
    for frame in frames:
        yield frame._replace(frame_index=chunk.read_first + frame.frame_index)


def _on_the_whole_clock(views: Iterable[TableView | NoTable], chunk: Chunk) -> list[TableView | NoTable]:
    """Return views of the table from a chunk's own clock, which begins with the frame that is read first, cut to its own frames."""
    until = chunk.times[-1] + (chunk.times[-1] - chunk.times[-2] if len(chunk.times) > 1 else 0.0)  # the next one's first frame
    moved = [later(view, chunk.read_time) for view in views]
    cut = [
        replace(view, start_seconds=max(view.start_seconds, chunk.times[0]), end_seconds=min(view.end_seconds, until))
        for view in moved
    ]
    return [view for view in cut if view.start_seconds <= view.end_seconds]


class RecordedProposals:
    """The proposals for a video whose chunks are all there.

    Args:
        chunks: In order.
        found: What tasks found on each.
        told: Views of the table that the user told; None takes those that the tasks found.
    """

    truncated = False
    """A file that is cut off is not cut into chunks."""

    def __init__(
        self, chunks: Sequence[Chunk], found: Sequence[ChunkProposals], told: Sequence[TableView] | None = None
    ) -> None:
        self._chunks, self._found, self._told = chunks, found, told
        self.tables: Tables = TableViews(self.views())

    def __iter__(self) -> Iterator[Proposal]:
        """See `proposals.Proposals`."""
        shot = 0
        for chunk, found in zip(self._chunks, self._found, strict=True):
            for place, seconds in enumerate(chunk.times):
                shot += int(found.begins[place])
                broken, duplicate = bool(found.broken[place]), bool(found.duplicate[place])
                proposal = Proposal(chunk.first + place, seconds, shot, broken, duplicate)
                yield proposal if broken or duplicate else _with_peaks(proposal, found, place)

    def note_ball(self, seconds: float, x: float, y: float) -> None:
        """See `proposals.Proposals`; which table is played on was judged where it was looked at."""

    def views(self) -> list[TableView | NoTable]:
        """See `proposals.Proposals`."""
        if self._told is not None:
            return list(self._told)
        return joined(view for found in self._found for view in found.views)


def _with_peaks(proposal: Proposal, found: ChunkProposals, place: int) -> Proposal:
    """Return a proposal with what a task found on the frame at a place of its chunk."""
    return proposal._replace(peaks=tuple(Peak(*peak) for peak in found.peaks[place].tolist()))
