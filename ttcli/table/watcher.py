"""Looks for the table while the frames of a video pass, and notices when the camera moves.

A network looks at the whole picture first, then LOOKS times, every LOOK_SECONDS, at the part that shows the table; their mean is
freed of the players who stood before a corner in one of them. Then it looks seldom, to see whether the table is still there.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from ttcli.networks.table_finder import HEIGHT, MULTIPLE, STRIDE, WIDTH
from ttcli.table.camera import TableCamera
from ttcli.table.fit import WHOLE, Region, fit_camera, region_around
from ttcli.table.views import TableView
from ttcli.table.weights import load_table_finder
from ttcli.video.reader import Frame

LOOKS = 5
LOOK_SECONDS = 0.4
"""All looks are done before the first event is told: the spotter waits for 4 s of path at the least."""
CHECK_SECONDS = 2.0
MOST_PAUSE_SECONDS = 12.8
"""Between two tries while the camera keeps moving; the first pauses are shorter."""
SAME_VIEW = 0.6
"""Cosine between two answers of the network from which on they are of one view."""
LEAST_LOOKS = 3
"""Of a view that is used; a camera that moves has fewer."""


class TableWatcher:
    """Notes how the table is seen, shot by shot.

    Args:
        height: Of the video's picture, in whose pixels the cameras will be.
        width: Its width.
        weights: Of the network; those in the package if None.
    """

    def __init__(self, height: int, width: int, weights: Path | None = None) -> None:
        self._height, self._width = height, width
        self._model = load_table_finder(weights)
        self._stretches: list[_Stretch] = []
        self._open = False  # whether the last stretch goes on
        self._pause = LOOK_SECONDS

    def noting(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames, looking at some of them on the way."""
        due, shot = 0.0, -1
        for frame in frames:
            new = frame.shot != shot
            if (new or frame.time_seconds >= due) and frame.picture is not None:
                shot = frame.shot
                due = frame.time_seconds + self._look(frame, frame.picture if frame.large is None else frame.large, new)
            if self._open and frame.shot == self._stretches[-1].shot:
                self._stretches[-1].end = frame.time_seconds
            yield frame

    def __call__(self, seconds: float) -> TableCamera | None:
        """Return the camera that saw the table then, or None where it was not found or moved."""
        for stretch in reversed(self._stretches):
            if stretch.start <= seconds <= stretch.end:
                return self._camera(stretch)
        return None

    def views(self) -> list[TableView]:
        """Return all views of the table."""
        found = [(stretch, self._camera(stretch)) for stretch in self._stretches]
        return [TableView(stretch.start, stretch.end, camera) for stretch, camera in found if camera]

    def _look(self, frame: Frame, picture: np.ndarray, new: bool) -> float:
        """Look at a frame's picture; return after how many seconds the next one is due."""
        if new:
            self._close(moved=False)
            self._pause = LOOK_SECONDS
        if self._open:
            heat = self._heat(picture, self._stretches[-1].region)
            if not self._stretches[-1].goes_on(heat):
                return self._close(moved=True)
        else:
            heat = self._heat(picture, WHOLE)
            region = region_around(heat)
            heat = heat if region is WHOLE else self._heat(picture, region)
            self._stretches.append(_Stretch(frame.shot, frame.time_seconds, heat, region))
            self._open = True
        stretch = self._stretches[-1]
        stretch.add(heat, frame.time_seconds)
        return LOOK_SECONDS if stretch.looks < LOOKS else CHECK_SECONDS

    def _close(self, moved: bool) -> float:
        """End the stretch that goes on, if any, and forget it where it told of no table; return how long to pause."""
        if not self._open:
            return 0.0
        self._open = False
        last = self._stretches[-1]
        # A camera that keeps moving would make thousands of short stretches, and cost more than the ball.
        self._pause = min(2 * self._pause, MOST_PAUSE_SECONDS) if last.looks < LEAST_LOOKS else LOOK_SECONDS
        if moved:
            last.end = last.seen
        if self._camera(last) is None:
            self._stretches.pop()
        else:
            last.total = np.zeros(0)
        return self._pause

    def _heat(self, picture: np.ndarray, region: Region) -> np.ndarray:
        """Return the network's answer (KINDS, h, w) for a part of a picture (H, W, 3)."""
        picture = _part(picture, region)
        height, width = picture.shape[:2]
        scale = (HEIGHT * WIDTH / (height * width)) ** 0.5 / MULTIPLE
        size = tuple(max(1, round(side * scale)) * MULTIPLE for side in (width, height))
        small = torch.from_numpy(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        with torch.inference_mode():
            return self._model(small.permute(2, 0, 1)[None].float() / 255).sigmoid()[0].numpy()

    def _camera(self, stretch: "_Stretch") -> TableCamera | None:
        if stretch.looks < LEAST_LOOKS:
            return None
        if stretch.looks != stretch.fitted:
            heat = stretch.total / stretch.looks
            stretch.camera = fit_camera(heat, STRIDE, self._width, self._height, stretch.region)
            stretch.fitted = stretch.looks
        return stretch.camera


def _part(picture: np.ndarray, region: Region) -> np.ndarray:
    """Return a part of a picture, enlarged where it has too few pixels of its own."""
    if region is WHOLE:
        return picture
    height, width = picture.shape[:2]
    shape = (WIDTH, round(WIDTH * height / width))
    scale = np.array([[region.width * width / shape[0], 0, 0], [0, region.height * height / shape[1], 0]])
    # Borders of regions lie between pixels, whose centres are whole numbers.
    scale[:, 2] = np.array([region.left * width, region.top * height]) - 0.5 + 0.5 * np.diag(scale[:, :2])
    return cv2.warpAffine(picture, scale, shape, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)


class _Stretch:
    """A time in which the camera stands still."""

    def __init__(self, shot: int, start: float, heat: np.ndarray, region: Region) -> None:
        self.shot, self.start, self.region = shot, start, region
        self.end = self.seen = start  # the last frame so far, and the last one that was looked at
        self.total = np.zeros_like(heat)
        self.looks = self.fitted = 0
        self.camera: TableCamera | None = None

    def goes_on(self, heat: np.ndarray) -> bool:
        """Return whether a further answer is of the same view."""
        size = float(np.linalg.norm(heat) * np.linalg.norm(self.total))
        return size > 0 and float((heat * self.total).sum()) >= SAME_VIEW * size

    def add(self, heat: np.ndarray, seconds: float) -> None:
        """Note that the view was still there then."""
        self.seen = seconds
        if self.looks < LOOKS:
            self.total += heat
            self.looks += 1
