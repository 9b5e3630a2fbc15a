"""From candidates to the ball in each frame: decided, copied for repeated frames, in pixels of the video."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby

import numpy as np

from ttcli.detection.backing import with_backing
from ttcli.detection.choices import Choice
from ttcli.detection.lone import without_lone
from ttcli.detection.plan import VideoPlan, with_distinct_stride
from ttcli.detection.proposals import Proposal, propose
from ttcli.detection.resting import without_rests
from ttcli.detection.tracking import Candidates, decide
from ttcli.inference.answers import CANDIDATES, NOWHERE, Peak
from ttcli.inference.runtimes import Runtime
from ttcli.networks.odds import log_odds
from ttcli.results.trajectory import BallPosition, Status
from ttcli.video.reader import Frame

Confidence = Callable[[float], float]
"""From the probability of a peak to how often such a peak is the ball."""


def ball_positions(proposals: Iterable[Proposal], plan: VideoPlan, confidence: Confidence) -> Iterator[BallPosition]:
    """Yield the ball of each frame, in order; no path crosses a cut.

    Args:
        proposals: For every frame of the video, in order.
        plan: Plan of the video.
        confidence: Confidence of the network that proposed.
    """
    for _, shot in groupby(proposals, key=lambda proposal: proposal.shot):
        yield from _shot_positions(shot, plan, confidence)


def positions_in(frames: Iterable[Frame], plan: VideoPlan, runtime: Runtime) -> Iterator[BallPosition]:
    """Yield the ball in some frames in a row of a video, as both stages of detection find it.

    Args:
        frames: At the sizes of the plan.
        plan: Plan of the video.
        runtime: The first network, which brings the second.
    """
    plan, frames = with_distinct_stride(plan, frames, runtime)
    return ball_positions(propose(frames, plan, runtime), plan, runtime.confidence)


def _shot_positions(proposals: Iterable[Proposal], plan: VideoPlan, confidence: Confidence) -> Iterator[BallPosition]:
    """Yield the ball of each frame of one shot; a repeated picture has the ball of its original."""
    waiting: deque[Proposal] = deque()  # those without a row yet
    original: BallPosition | None = None  # the last row of a distinct picture

    def distinct() -> Iterator[Proposal]:
        for proposal in proposals:
            waiting.append(proposal)
            if not proposal.duplicate:
                yield proposal

    def repeats() -> Iterator[BallPosition]:
        while waiting and waiting[0].duplicate:
            yield _repeat(waiting.popleft(), original)

    choose = _linked_choices if plan.settings.link else _single_choices
    for peak, sure in choose(distinct(), plan, confidence):
        yield from repeats()
        position = _position(waiting.popleft(), peak, sure, plan)
        if position.status is not Status.BROKEN:
            original = position
        yield position
    yield from repeats()


def _repeat(proposal: Proposal, original: BallPosition | None) -> BallPosition:
    """Return the ball of a picture that repeats another."""
    if original is None:
        raise ValueError(f"frame {proposal.frame_index} repeats a picture, and none came before it")
    return replace(original, frame_index=proposal.frame_index, time_seconds=proposal.time_seconds, duplicate=True)


def _position(proposal: Proposal, peak: Peak, confidence: float, plan: VideoPlan) -> BallPosition:
    """Return the ball of a frame whose most probable place is a peak."""
    place = (proposal.frame_index, proposal.time_seconds)
    if proposal.broken:
        return BallPosition(*place, None, None, 0.0, Status.BROKEN, shot=proposal.shot)
    if confidence < plan.settings.threshold:
        return BallPosition(*place, None, None, confidence, Status.UNSEEN, shot=proposal.shot)
    x, y = source_position(peak, plan)
    return BallPosition(*place, x, y, confidence, Status.SEEN, shot=proposal.shot)


def _single_choices(proposals: Iterable[Proposal], plan: VideoPlan, confidence: Confidence) -> Iterator[tuple[Peak, float]]:
    """Yield the strongest peak of each frame with its confidence, whatever the frames around it say."""
    for proposal in proposals:
        peak = proposal.peaks[0] if proposal.peaks else NOWHERE
        yield peak, confidence(peak.probability) if peak.probability else 0.0


def _linked_choices(proposals: Iterable[Proposal], plan: VideoPlan, confidence: Confidence) -> Iterator[tuple[Peak, float]]:
    """Yield the peak of each frame that is most probably the ball in the light of the frames around it."""
    choices = with_backing(without_rests(_choices_over_time(proposals, plan, confidence)))
    for choice in without_lone(choices, plan.height, plan.width):
        yield choice.peak, choice.confidence


def _choices_over_time(proposals: Iterable[Proposal], plan: VideoPlan, confidence: Confidence) -> Iterator[Choice]:
    """Yield the peak of each frame that the path through all frames makes most probable."""
    undecided: deque[tuple[float, tuple[Peak, ...], np.ndarray]] = deque()  # time, peaks, confidence of each by itself

    def candidates() -> Iterator[Candidates]:
        for proposal in proposals:
            peaks = proposal.peaks or (NOWHERE,) * CANDIDATES
            confidences = np.array([confidence(peak.probability) if peak.probability else 0.0 for peak in peaks])
            with np.errstate(divide="ignore"):  # log odds of 0 and 1 are infinite, and mean it
                logits = log_odds(confidences, least=0.0)
            undecided.append((proposal.time_seconds, peaks, confidences))
            yield Candidates(proposal.time_seconds, np.array([(peak.x, peak.y) for peak in peaks]), logits)

    for decision in decide(candidates(), plan.height * plan.width):
        seconds, peaks, confidences = undecided.popleft()
        yield Choice(seconds, peaks[decision.choice], float(confidences[decision.choice]), decision.confidence)


def source_position(peak: Peak, plan: VideoPlan) -> tuple[float, float]:
    """Return where a peak lies in the pixels of the video, x then y.

    Pixel centres are whole numbers in both pictures, so they share their corners at -0.5, not at 0.
    """
    x = (peak.x + 0.5) * plan.info.width / plan.width - 0.5
    y = (peak.y + 0.5) * plan.info.height / plan.height - 0.5
    return x, y
