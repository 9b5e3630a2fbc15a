"""What the networks propose for the frames of a video: the only thing that is told to the stage that decides.

Here proposals are made from frames. Where a video is detected in chunks, each task makes the proposals for its
chunk, and the process that decides reads them from arrays (`chunked`).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import NamedTuple, Protocol

from ttcli.detection.plan import VideoPlan, with_distinct_stride
from ttcli.detection.told_tables import told_tables
from ttcli.inference.answers import Peak
from ttcli.inference.predictor import StreamingPredictor
from ttcli.inference.runtimes import Runtime
from ttcli.inference.second_stage import NetworkPredictor, SecondStage
from ttcli.table.camera import Tables
from ttcli.table.views import NoTable, TableView, TableViews
from ttcli.table.watcher import TableWatcher
from ttcli.video.reader import Frame, FrameReader


class Proposal(NamedTuple):
    """What is known of one frame before anything is decided."""

    frame_index: int
    """0-based, in presentation order."""
    time_seconds: float
    """The frame's own timestamp minus the stream's first."""
    shot: int = 0
    """Number of the shot, from 0 on."""
    broken: bool = False
    """Whether the frame could not be decoded."""
    duplicate: bool = False
    """Whether it repeats the picture before it; then nothing is proposed, for the ball is where it was."""
    peaks: tuple[Peak, ...] = ()
    """Places that may be the ball, in pixels of the picture that the network saw, strongest first; none of a broken frame."""


class Proposals(Protocol):
    """The proposals for a video, frame by frame in order, and what else was noted about it on the way."""

    @property
    def tables(self) -> Tables:
        """Where the table is at a time of the video, once the frames around it have come."""

    @property
    def truncated(self) -> bool:
        """Whether the file was cut off; known at the end."""

    def __iter__(self) -> Iterator[Proposal]:
        """Yield a proposal for each frame."""

    def note_ball(self, seconds: float, x: float, y: float) -> None:
        """Note where the ball was seen: it tells which table is played on."""

    def views(self) -> list[TableView | NoTable]:
        """Return from when to when the table was seen how, or why not; complete at the end."""


class NetworkProposals:
    """Proposals of the networks for the frames of a reader.

    Args:
        reader: Reader of the whole video, at the sizes of the plan, judged.
        plan: Plan of the video.
        runtime: The first network, which brings the second.
    """

    def __init__(self, reader: FrameReader, plan: VideoPlan, runtime: Runtime) -> None:
        self._reader, self._plan, self._runtime = reader, plan, runtime
        info = plan.info
        told = told_tables(info, plan.settings.table)
        self._views: list[TableView | NoTable] = [*(told or [])]
        looks = told is None and info.has_square_pixels
        self._watcher = TableWatcher(info.height, info.width) if looks else None
        self.tables: Tables = self._watcher or TableViews(self._views)

    @property
    def truncated(self) -> bool:
        """See `Proposals`."""
        return self._reader.truncated

    def __iter__(self) -> Iterator[Proposal]:
        """See `Proposals`; to be called once."""
        frames: Iterable[Frame] = self._reader if self._watcher is None else self._watcher.noting(self._reader)
        plan, frames = with_distinct_stride(self._plan, frames, self._runtime)
        return propose(frames, plan, self._runtime)

    def note_ball(self, seconds: float, x: float, y: float) -> None:
        """See `Proposals`."""
        if self._watcher is not None:
            self._watcher.note_ball(seconds, x, y)

    def views(self) -> list[TableView | NoTable]:
        """See `Proposals`."""
        return self._views if self._watcher is None else self._watcher.views()


def propose(frames: Iterable[Frame], plan: VideoPlan, runtime: Runtime) -> Iterator[Proposal]:
    """Yield what the networks propose for each frame, in order; no window crosses a cut.

    Args:
        frames: At the sizes of the plan.
        plan: Plan of the video.
        runtime: The first network, which brings the second.
    """
    networks = network_predictor(plan, runtime)
    for _, shot in groupby(frames, key=lambda frame: frame.shot):
        yield from _propose_for_shot(shot, networks)


def network_predictor(plan: VideoPlan, runtime: Runtime) -> NetworkPredictor:
    """Return the first network behind windows, and the second behind it where the plan says so."""
    settings = plan.settings
    steps = plan.step, plan.stride
    predictor = StreamingPredictor(
        runtime, plan.height, plan.width, *steps, settings.batch, settings.steady, plan.again, plan.probes, looked=plan.looked
    )
    if plan.large_size is None:
        return NetworkPredictor(predictor, None)
    return NetworkPredictor(predictor, SecondStage(runtime, plan.height, plan.width, plan.stride, predictor.behind))


def _propose_for_shot(frames: Iterable[Frame], networks: NetworkPredictor) -> Iterator[Proposal]:
    """Yield what the networks propose for each frame of a shot, of which they see the distinct pictures."""
    waiting: deque[Proposal] = deque()  # frames without an answer yet, their pictures let go

    def distinct() -> Iterator[Frame]:
        for frame in frames:
            broken = frame.picture is None
            waiting.append(Proposal(frame.frame_index, frame.time_seconds, frame.shot, broken, frame.duplicate))
            if not frame.duplicate:
                yield frame

    seen = distinct()
    if first := next(seen, None):
        for answer in networks.answers(chain([first], seen), first.frame_index):
            while waiting[0].duplicate:
                yield waiting.popleft()
            proposal = waiting.popleft()
            yield proposal if proposal.broken else proposal._replace(peaks=tuple(answer.peaks))
    yield from waiting
