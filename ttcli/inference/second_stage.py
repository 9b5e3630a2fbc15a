"""A second stage at what may be the ball: crops around the candidates, from a picture ENLARGED times as large.

The first network sees the whole picture small; a ball is a few pixels wide there, and its place is coarse. A second one
sees the same frames, about as sharp as the video has them, around each place that the first one offers. It says where
in the crop the ball is and how probably there is one. How much that counts lies in the first one's checkpoint
(`runtimes.SecondNetwork`).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch

from ttcli.configs import DetectConfig
from ttcli.inference.answers import CANDIDATES, FrameAnswer, Peak
from ttcli.inference.camera_motion import CameraTracker
from ttcli.inference.predictor import StreamingPredictor
from ttcli.inference.runtimes import Runtime
from ttcli.networks.heatmaps import Peaks, decode_candidates
from ttcli.networks.model_input import ENLARGED
from ttcli.networks.odds import log_odds
from ttcli.networks.packed_windows import PLANES, as_pixels, gray_of, pack_window
from ttcli.networks.windows import window_frames
from ttcli.video.reader import Frame

CROP = 96
"""Height and width of a crop, in pixels of the larger picture."""
REACH, SAME_PLACE = 3.0, 2.0
"""Working pixels from a candidate within which a peak of the second stage is about the same ball, and within which its
position counts. Further away the two contradict each other, as on long faint streaks, and the first, which saw more of
the picture, is right more often."""
FRAMES, CROPS = 32, 16
"""Frames, at most, that wait for a look, and crops that go through the network together. There are always as many: in
batches of another size the same crop has another last digit, and rows would depend on where one began to look. A crop
takes 1.5 ms in a batch of 16 and 4.5 ms alone."""
FAINTEST_LOGIT, MOST_BEHIND = -2.0, 2.0
"""Candidates whose probability has log odds below this, or so far below the frame's strongest, get no crop: on some
3,500 frames not one of these was the ball."""
MOST_BEHIND_FOR_PLACE = 0.5
"""The same where the second network's opinion does not count, so that no candidate overtakes another: of those further
behind, on 5,050 frames, one was chosen. A sixth to a quarter of the crops lies between."""
LEAST_LOGIT = -4.0
"""Log odds that stand for all below, of a place where the second stage sees nothing: how little says no more."""
SURE_LOGIT = -2.0
"""Log odds of a peak from which on its place counts."""
LARGER = np.array([[ENLARGED, 0, (ENLARGED - 1) / 2], [0, ENLARGED, (ENLARGED - 1) / 2], [0, 0, 1]])
"""From working pixels to pixels of the larger picture; the centres of both are whole numbers."""


def larger_size(runtime: Runtime, height: int, width: int, config: DetectConfig) -> tuple[int, int] | None:
    """Return the size of the larger pictures that a second stage needs; None where there is none.

    Args:
        runtime: The first network.
        height: Rows of the pictures that it sees.
        width: Columns of these.
        config: Settings.
    """
    wanted = config.refine and runtime.second is not None and min(height, width) * ENLARGED >= CROP
    return (ENLARGED * height, ENLARGED * width) if wanted else None


def worth_a_look(own: np.ndarray, behind: float = MOST_BEHIND) -> np.ndarray:
    """Return which candidates are refined.

    Args:
        own: The first network's log odds (N, CANDIDATES), of each frame the strongest first.
        behind: How far below that one the others may be.
    """
    return (own > FAINTEST_LOGIT) & (own > own[:, :1] - behind)


class NetworkPredictor:
    """What the networks say of the frames of a shot.

    Args:
        predictor: The first network, which sees whole pictures.
        look: The second one; None leaves the first one's answers as they are.
    """

    def __init__(self, predictor: StreamingPredictor, look: "SecondStage | None") -> None:
        self.runtime = predictor.runtime
        self._predictor, self._look = predictor, look
        if look is not None:
            predictor.poses_kept = look.kept

    def answers(self, frames: Iterable[Frame], first: int = 0) -> Iterator[FrameAnswer]:
        """Yield an answer to each frame of a shot, the first of which is frame `first` of the video."""
        look = self._look
        if look is None:
            yield from self._predictor.answers((frame.picture for frame in frames), first)
            return
        look.begin(self._predictor.camera)

        def pictures() -> Iterator[np.ndarray | None]:
            for frame in frames:
                look.keep(frame.large)
                yield frame.picture

        yield from look.again(self._predictor.answers(pictures(), first))


@dataclass
class _Judged:
    """A frame whose candidates are looked at, or wait for it."""

    answer: FrameAnswer
    peaks: np.ndarray
    """(CANDIDATES, 3): x, y and probability by the first network."""
    own: np.ndarray
    """(CANDIDATES,): the first network's log odds."""
    looked: np.ndarray
    """(CANDIDATES,): the second's."""
    waiting: int
    """Crops that were not looked at yet."""


class _Crop(NamedTuple):
    """A place to look at: a window around one of a frame's candidates."""

    judged: _Judged
    candidate: int
    """Which of the frame's candidates lies there."""
    frame: int
    """Its number in the shot."""
    pictures: list[np.ndarray]
    """Pictures of the window."""
    maps: list[np.ndarray] | None
    """From each to the frame that is asked about; None where the camera rests."""
    place: int
    """Place of that frame in the window."""
    left: int
    """Left of the crop, pixels of the larger picture."""
    top: int


class SecondStage:
    """Looks at the candidates of each frame a second time, some frames after the first network did.

    Args:
        first: The first network, which brings the second, and whose calibration applies to both votes together.
        height: Rows of the pictures that the first network sees.
        width: Columns of these.
        stride: Frames between two neighbours in a window.
        behind: Frames, at most, that have come after one whose answer is handed on.

    Raises:
        ValueError: The first network brings no second one.
    """

    def __init__(self, first: Runtime, height: int, width: int, stride: int, behind: int) -> None:
        if first.second is None:
            raise ValueError("a network that brings no second one, for a second stage")
        self._first, self._runtime, self._weights = first, first.second.runtime, first.second
        self._size, self._stride = (height, width), stride
        self._most_behind = MOST_BEHIND if self._weights.look else MOST_BEHIND_FOR_PLACE
        self._span = self._runtime.window_size * stride
        self.kept = behind + self._span
        """The latest frames, at most, that are kept, so that all of a window are there when it is cut out."""
        self._most_under_way = first.workers
        self._pictures: deque[np.ndarray] = deque(maxlen=self.kept)
        self.begin(None)

    def begin(self, camera: CameraTracker | None) -> None:
        """Forget what was seen: another shot follows, in which `camera` tells where pictures lie; None where nobody looks."""
        self._camera = camera
        self._count = 0
        self._pictures.clear()
        self._under_way: deque[tuple[list[_Crop], Future[Peaks]]] = deque()

    def keep(self, picture: np.ndarray | None) -> None:
        """Take the next frame's larger picture (H, W, 3) uint8.

        For a broken one, None, that before it stands in, and for those at the very start the first good one.
        """
        self._count += 1
        if self._pictures:
            self._pictures.append(self._pictures[-1] if picture is None else picture)
        elif picture is not None:
            self._pictures.extend([picture] * min(self._count, self.kept))

    def again(self, answers: Iterable[FrameAnswer]) -> Iterator[FrameAnswer]:
        """Yield the first network's answers to each frame of a shot, refined by the second's."""
        waiting: deque[_Judged] = deque()
        crops: deque[_Crop] = deque()
        try:
            for number, answer in enumerate(answers):
                judged = self._begin_with(answer)
                waiting.append(judged)
                crops += self._crops(number, judged)
                while len(crops) >= CROPS or (crops and number - crops[0].frame >= FRAMES):
                    self._send(crops)
                while self._under_way and (len(self._under_way) > self._most_under_way or self._under_way[0][1].done()):
                    self._note_first()
                while waiting and not waiting[0].waiting:
                    yield self._end_with(waiting.popleft())
                self._forget(number + 1 - self._span)
            while crops:
                self._send(crops)
            while self._under_way:
                self._note_first()
            yield from map(self._end_with, waiting)
        finally:
            for _, future in self._under_way:
                future.cancel()

    def _forget(self, frame: int) -> None:
        """Let go of the pictures before a frame; the newest one stays, for it may have to stand in for a broken one."""
        while len(self._pictures) > 1 and self._count - len(self._pictures) < frame:
            self._pictures.popleft()

    def _begin_with(self, answer: FrameAnswer) -> _Judged:
        peaks = np.array(answer.peaks, float)
        own = log_odds(peaks[:, 2])
        worth = worth_a_look(own[None], self._most_behind)
        return _Judged(answer, peaks, own, np.where(worth[0], np.nan, LEAST_LOGIT), int(worth.sum()))

    def _end_with(self, judged: _Judged) -> FrameAnswer:
        """Return the answer for a frame in the light of both networks."""
        if not judged.answer.peaks[0].probability:
            return judged.answer  # neither of them saw it
        peaks = judged.peaks
        peaks[:, 2] = self._weights.probability(judged.own, judged.looked, self._first.calibration)
        peaks = peaks[np.argsort(-peaks[:, 2], kind="stable")].astype(np.float32)  # as precise as answers are
        return FrameAnswer([Peak(*peak) for peak in peaks.tolist()])

    def _crops(self, frame: int, judged: _Judged) -> list[_Crop]:
        """Return the crops around a frame's candidates, in a window with the frame in the middle, or near it at the shot's ends."""
        size, stride = self._runtime.window_size, self._stride
        phase = frame % stride
        latest = phase + ((self._count - 1 - phase) // stride + 1 - size) * stride
        start = max(min(frame - size // 2 * stride, latest), phase)
        frames = window_frames(start, size, stride, self._count)
        pictures = [self._pictures[each - self._count] for each in frames]
        place = (frame - start) // stride
        maps = None if self._camera is None else self._camera.maps(frames, frames[place])
        crops = []
        for candidate in np.flatnonzero(np.isnan(judged.looked)).tolist():
            corner = [
                round(min(max(ENLARGED * at + (ENLARGED - 1) / 2 - (CROP - 1) / 2, 0), ENLARGED * side - CROP))
                for at, side in zip(judged.peaks[candidate, :2].tolist(), reversed(self._size), strict=True)
            ]
            crops.append(_Crop(judged, candidate, frame, pictures, maps, place, *corner))
        return crops

    def _send(self, crops: deque[_Crop]) -> None:
        """Have the first crops that wait looked at, as many as go together."""
        together = [crops.popleft() for _ in range(min(CROPS, len(crops)))]
        self._under_way.append((together, self._first.pool.submit(self._look, together)))

    def _look(self, crops: list[_Crop]) -> Peaks:
        """Return what the second network sees in some crops, (N, CANDIDATES) each; called in threads."""
        runtime = self._runtime
        pixels = runtime.memory("crop", (runtime.window_size, CROP, CROP, 3), torch.uint8).numpy()
        windows = runtime.memory("crops", (CROPS, CROP, CROP, runtime.window_size, PLANES), torch.int8)
        for crop, window in zip(crops, windows.numpy(), strict=False):
            _fill(pixels, crop)
            _pack(pixels, window, runtime.difference)
        said = runtime(windows)
        rows, places = range(len(crops)), [crop.place for crop in crops]
        found = decode_candidates(said.probabilities[rows, places][:, None], said.offsets[rows, places][:, None], CANDIDATES)
        return Peaks(*(values[:, 0].cpu() for values in found))

    def _note_first(self) -> None:
        """Wait for the crops that were sent first, and note of each the strongest peak within REACH of its candidate."""
        crops, future = self._under_way.popleft()
        rows = range(len(crops))
        x, y, probability = (values.double().numpy() for values in future.result())
        x = (x + [[crop.left] for crop in crops] - (ENLARGED - 1) / 2) / ENLARGED
        y = (y + [[crop.top] for crop in crops] - (ENLARGED - 1) / 2) / ENLARGED
        asked = np.array([crop.judged.peaks[crop.candidate, :2] for crop in crops])
        probability[np.hypot(x - asked[:, :1], y - asked[:, 1:2]) > REACH] = 0
        best = probability.argmax(1)
        logits = log_odds(probability[rows, best])
        for crop, place, logit in zip(crops, np.stack([x[rows, best], y[rows, best]], 1), logits, strict=True):
            judged, proposed = crop.judged, crop.judged.peaks[crop.candidate, :2]
            judged.looked[crop.candidate] = max(logit, LEAST_LOGIT)
            judged.waiting -= 1
            if logit > SURE_LOGIT and np.hypot(*(place - proposed)) <= SAME_PLACE:
                proposed += place
                proposed /= 2


def _pack(pixels: np.ndarray, window: np.ndarray, difference: bool) -> None:
    """Write the pictures of a crop (T, CROP, CROP, 3) as a packed window."""
    planes = as_pixels(pixels.reshape(-1, CROP, 3))  # one picture below another, for each call takes its time
    frames = list(planes.reshape(-1, CROP, CROP, PLANES))
    grays = list(gray_of(planes).reshape(-1, CROP, CROP)) if difference else None
    pack_window(frames, grays, window)


def _fill(window: np.ndarray, crop: _Crop) -> None:
    """Write the pictures of a crop into `window` (T, CROP, CROP, 3), laid over the frame that is asked about."""
    if crop.maps is None:
        rows, columns = slice(crop.top, crop.top + CROP), slice(crop.left, crop.left + CROP)
        for picture, out in zip(crop.pictures, window, strict=True):
            out[:] = picture[rows, columns]
        return
    for picture, each, out in zip(crop.pictures, crop.maps, window, strict=True):
        to_crop = LARGER @ each @ np.linalg.inv(LARGER)
        to_crop[:2, 2] -= crop.left, crop.top
        cv2.warpAffine(picture, to_crop[:2], (CROP, CROP), dst=out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
