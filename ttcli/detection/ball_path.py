"""From the frames of a video to the ball in each: windows through the network, candidates judged, repeats answered."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain, groupby, islice
from typing import NamedTuple, Protocol

import numpy as np

from ttcli.configs import DetectConfig
from ttcli.detection.tracking import Candidates, decide
from ttcli.inference.closer_look import CloserLook, NetworkPredictor, larger_size
from ttcli.inference.predictor import FrameAnswer, Peak, StreamingPredictor
from ttcli.inference.runtimes import Runtime
from ttcli.networks.windows import choose_step, choose_stride
from ttcli.results.trajectory import BallPosition, Status
from ttcli.video.probe import VideoInfo
from ttcli.video.reader import Frame

PEEKED_FRAMES = 60
"""Frames at the beginning that tell how many pictures are repeats, where the frame rate is high."""


class Predictor(Protocol):
    """What answers for frames: `closer_look.NetworkPredictor`, or one who hands on what others answered."""

    runtime: Runtime

    def answers(self, frames: Iterable[Frame], first: int) -> Iterator[FrameAnswer]:
        """Yield an answer for each frame of a shot, whose first one is frame `first` of the video."""


def ball_positions(
    frames: Iterable[Frame],
    info: VideoInfo,
    runtime: Runtime,
    height: int,
    width: int,
    config: DetectConfig,
    predictor: Predictor | None = None,
) -> Iterator[BallPosition]:
    """Yield the ball of each frame, in order; no window and no path crosses a cut.

    Args:
        frames: The frames at `height` x `width`.
        info: The video they are from.
        runtime: The network.
        height: Rows of the frames.
        width: Columns of the frames.
        config: Settings.
        predictor: Answers for the pictures; None lets the network do so.
    """
    if predictor is None:
        frames, stride = with_stride(frames, info, runtime, config)
        predictor = network_predictor(runtime, height, width, stride, config)
    for number, shot in groupby(frames, key=lambda frame: frame.shot):
        locate = lambda pictures: _shot_positions(pictures, predictor, info, height, width, config)  # noqa: E731
        for position in _with_repeats(shot, locate):
            yield position if number == 0 else replace(position, shot=number)


def network_predictor(
    runtime: Runtime, height: int, width: int, stride: int, config: DetectConfig
) -> NetworkPredictor:
    """Return the network behind windows of neighbours `stride` frames apart, and the one that looks closer."""
    step = config.step or choose_step(len(runtime.output_frames))
    predictor = StreamingPredictor(runtime, height, width, step, stride, config.batch, config.steady)
    if larger_size(runtime, height, width, config) is None:
        return NetworkPredictor(predictor, None)
    return NetworkPredictor(predictor, CloserLook(runtime, height, width, stride, predictor.behind))


def with_stride(
    frames: Iterable[Frame], info: VideoInfo, runtime: Runtime, config: DetectConfig
) -> tuple[Iterable[Frame], int]:
    """Return the frames of a video, all of them, and how many lie between two neighbours in a window."""
    if config.stride is not None:
        return frames, config.stride
    stride = choose_stride(info.frame_rate, runtime.most_fps)
    if stride > 1:  # not where the rate is high by repeated pictures alone
        frames, distinct = _peek_distinct(frames)
        stride = choose_stride(info.frame_rate * distinct, runtime.most_fps)
    return frames, stride


def _peek_distinct(frames: Iterable[Frame]) -> tuple[Iterable[Frame], Fraction]:
    """Return the frames, all of them, and the share of the first ones that repeat no other."""
    rest = iter(frames)
    first = list(islice(rest, PEEKED_FRAMES))
    share = Fraction(sum(not frame.duplicate for frame in first), len(first)) if first else Fraction(1)
    return chain(first, rest), share


def _with_repeats(
    frames: Iterable[Frame], locate: Callable[[Iterable[Frame]], Iterator[BallPosition]]
) -> Iterator[BallPosition]:
    """Yield the ball of each frame, where `locate` sees distinct pictures only; a repeat has the ball of its original."""
    waiting: deque[Frame] = deque()  # those without a row yet, their pictures let go
    answer: BallPosition | None = None  # of the last distinct picture that has a row

    def distinct() -> Iterator[Frame]:
        for frame in frames:
            waiting.append(frame._replace(picture=None, large=None))
            if not frame.duplicate:
                yield frame

    def repeats() -> Iterator[BallPosition]:
        while waiting and waiting[0].duplicate:
            frame = waiting.popleft()
            yield replace(answer, frame_index=frame.frame_index, time_seconds=frame.time_seconds, duplicate=True)

    for position in locate(distinct()):
        yield from repeats()
        waiting.popleft()
        if position.status is not Status.BROKEN:
            answer = position
        yield position
    yield from repeats()


def _shot_positions(
    frames: Iterable[Frame], predictor: Predictor, info: VideoInfo, height: int, width: int, config: DetectConfig
) -> Iterator[BallPosition]:
    """Yield the ball of each frame of one shot, all of them distinct pictures."""
    choose = _linked_choices if config.link else _single_choices
    for offer, peak, confidence in choose(offers_for(frames, predictor), predictor.runtime, height * width):
        if offer.broken:
            yield BallPosition(offer.frame_index, offer.time_seconds, None, None, 0.0, Status.BROKEN)
        elif confidence < config.threshold:
            yield BallPosition(offer.frame_index, offer.time_seconds, None, None, confidence, Status.UNSEEN)
        else:
            x, y = source_position(peak, info, height, width)
            yield BallPosition(offer.frame_index, offer.time_seconds, x, y, confidence, Status.SEEN, events=offer.events)


class Offer(NamedTuple):
    """What the network offers for one frame."""

    frame_index: int
    time_seconds: float
    broken: bool
    peaks: list[Peak]
    events: tuple[float, ...] | None


def offers_for(frames: Iterable[Frame], predictor: Predictor) -> Iterator[Offer]:
    """Yield what the network offers for each frame of a shot, all of them distinct pictures."""
    open_frames: deque[tuple[int, float, bool]] = deque()  # those without an answer yet
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        return

    def noted() -> Iterator[Frame]:
        for frame in chain([first], frames):
            open_frames.append((frame.frame_index, frame.time_seconds, frame.picture is None))
            yield frame

    for answer in predictor.answers(noted(), first.frame_index):
        yield Offer(*open_frames.popleft(), *answer)


def _single_choices(
    offers: Iterable[Offer], runtime: Runtime, area: float
) -> Iterator[tuple[Offer, Peak, float]]:
    """Yield the strongest peak of each frame with its confidence, whatever the frames around it say."""
    for offer in offers:
        yield offer, offer.peaks[0], runtime.confidence(offer.peaks[0].probability)


def _linked_choices(
    offers: Iterable[Offer], runtime: Runtime, area: float
) -> Iterator[tuple[Offer, Peak, float]]:
    """Yield the peak of each frame that is most probably the ball in the light of the frames around it."""
    undecided: deque[Offer] = deque()

    def candidates() -> Iterator[Candidates]:
        for offer in offers:
            undecided.append(offer)
            confidences = np.array([0.0 if offer.broken else runtime.confidence(peak.probability) for peak in offer.peaks])
            with np.errstate(divide="ignore"):  # log odds of 0 and 1 are infinite, and mean it
                logits = np.log(confidences) - np.log1p(-confidences)
            places = np.array([(peak.x, peak.y) for peak in offer.peaks])
            yield Candidates(offer.time_seconds, places, logits)

    for decision in decide(candidates(), area):
        offer = undecided.popleft()
        yield offer, offer.peaks[decision.choice], decision.confidence


def source_position(peak: Peak, info: VideoInfo, height: int, width: int) -> tuple[float, float]:
    """Return where a peak of a `height` x `width` picture lies in the pixels of the video, x then y.

    Pixel centres are whole numbers in both, so the pictures share their corners at -0.5, not at 0.
    """
    x = (peak.x + 0.5) * info.width / width - 0.5
    y = (peak.y + 0.5) * info.height / height - 0.5
    return x, y
