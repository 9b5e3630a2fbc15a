"""Detection on frames that a test hands in, without a reader."""

from collections.abc import Iterable, Iterator

from ttcli.configs import DetectConfig
from ttcli.detection.decision import positions_in
from ttcli.detection.plan import VideoPlan, plan_at
from ttcli.detection.proposals import Proposal
from ttcli.inference.answers import CANDIDATES, Peak
from ttcli.results.trajectory import BallPosition
from ttcli.table.views import TableViews
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import Frame


def planned(info: VideoInfo, runtime, height: int, width: int, settings: DetectConfig) -> VideoPlan:
    """Return the plan of a video that is seen at a size, with the step that the settings give."""
    return plan_at(info, runtime, settings, height, width, settings.step)


def positions(
    frames: Iterable[Frame], info: VideoInfo, runtime, height: int, width: int, settings: DetectConfig
) -> Iterator[BallPosition]:
    """Yield the ball in frames of a video that are seen at a size."""
    return positions_in(frames, planned(info, runtime, height, width, settings), runtime)


class ToldProposals:
    """Proposals that a test tells, for a video that nobody reads: a sure peak at each place, none where it is None."""

    def __init__(self, places, frame_rate=25.0, shots=None, tables=None):
        self.places, self.frame_rate, self.shots = places, frame_rate, shots or [0] * len(places)
        self.tables, self.truncated = TableViews(tables or []), False
        self.balls = []

    def note_ball(self, seconds, x, y):
        self.balls.append((seconds, x, y))

    def __iter__(self):
        for index, (place, shot) in enumerate(zip(self.places, self.shots, strict=True)):
            peak = Peak(0.0, 0.0, 1e-6) if place is None else Peak(*place, 1 - 1e-6)
            yield Proposal(index, index / self.frame_rate, shot, peaks=(peak, *[Peak(0.0, 0.0, 0.0)] * (CANDIDATES - 1)))

    def views(self):
        return []
