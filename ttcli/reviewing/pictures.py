"""Pictures of frames as JPEG, made in a thread of their own, with the neighbours read ahead."""

import threading
from collections import OrderedDict
from concurrent.futures import Future

import cv2
import numpy as np

from ttcli.errors import SettingError, TtcliError, VideoError, as_told
from ttcli.video.frame_access import FrameAccess
from ttcli.video.probe import VideoInfo

MOST_VIEW_PIXELS = 1920 * 1080
"""Pixels of a picture that fills a screen; zoomed in, the page asks for the video's own size."""
MOST_BYTES = 160 * 2**20
"""Most bytes of all pictures that are kept."""
VIEW_QUALITY, WHOLE_QUALITY = 85, 95
AHEAD, BEHIND = 24, 15
"""Frames that are made ahead of the one that was asked for, and before it where the way leads back."""

FAILURES = (TtcliError, OSError, ValueError, RuntimeError, MemoryError)
"""What reading and decoding may raise; whoever waits for a picture gets it."""
Key = tuple[int, bool]
"""Frame, and whether at the video's own size."""


class Pictures:
    """JPEG pictures of the frames of a video. The last one that was asked for is made first.

    Args:
        info: The video.
        count: How many frames it has.
        times: When each frame is; see `FrameAccess`.
    """

    def __init__(self, info: VideoInfo, count: int, times: np.ndarray | None) -> None:
        self._info, self._count = info, count
        self._times = times
        self._view = view_size(info.height, info.width)
        self._kept: OrderedDict[Key, bytes | None] = OrderedDict()
        self._bytes = 0
        self._wanted: OrderedDict[Key, Future[bytes | None]] = OrderedDict()
        self._last = -1
        self._ended = False
        self._error: TtcliError | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="pictures", daemon=True)
        self._thread.start()

    def ask(self, frame: int, whole: bool = False) -> "Future[bytes | None]":
        """Return what will be the picture of a frame; None of one that cannot be decoded.

        Args:
            frame: Its number.
            whole: At the video's own size.
        """
        key = (frame, whole and self._view != (self._info.height, self._info.width))
        with self._changed:
            if self._ended:
                raise self._error or SettingError(self._info.path, "is closed", "begin the review again")
            if key in self._kept:
                self._kept.move_to_end(key)
                done: Future[bytes | None] = Future()
                done.set_result(self._kept[key])
                self._changed.notify()
                return done
            future = self._wanted.setdefault(key, Future())
            self._wanted.move_to_end(key)
            self._changed.notify()
            return future

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(5)

    def _work(self) -> None:
        try:
            with FrameAccess(self._info, self._times) as access:
                while (task := self._next_task()) is not None:
                    self._make(access, *task)
        except FAILURES as error:
            self._fail(self._told(error))

    def _next_task(self) -> Key | None:
        """Return what to make next: what was asked for last, or else what is ahead; None at the end."""
        with self._changed:
            while not self._ended:
                if self._wanted:
                    return next(reversed(self._wanted))
                ahead = range(self._last + 1, min(self._last + AHEAD + 1, self._count)) if self._last >= 0 else range(0)
                for frame in ahead:
                    if (frame, False) not in self._kept:
                        return frame, False
                self._changed.wait()
        return None

    def _make(self, access: FrameAccess, frame: int, whole: bool) -> None:
        """Make a picture; where the way leads back also those before it, which have to be decoded all the same."""
        with self._changed:
            asked = (frame, whole) in self._wanted
            back = asked and not whole and frame == self._last - 1
            if asked:
                self._last = frame
        for each in range(max(0, frame - BEHIND), frame) if back else ():
            if (each, False) not in self._kept:
                self._keep((each, False), self._jpeg(access, each, False))
        try:
            self._keep((frame, whole), self._jpeg(access, frame, whole))
        except FAILURES as error:
            with self._changed:
                future = self._wanted.pop((frame, whole), None)
                self._last = -1
            if future is not None:
                future.set_exception(self._told(error))

    def _jpeg(self, access: FrameAccess, frame: int, whole: bool) -> bytes | None:
        picture = access.picture(frame, None if whole else self._view)
        if picture is None:
            return None
        quality = [cv2.IMWRITE_JPEG_QUALITY, WHOLE_QUALITY if whole else VIEW_QUALITY]
        return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)[1].tobytes()

    def _keep(self, key: Key, jpeg: bytes | None) -> None:
        with self._changed:
            self._bytes -= len(self._kept.pop(key, None) or b"")
            self._kept[key] = jpeg
            self._bytes += len(jpeg or b"")
            while self._bytes > MOST_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1] or b"")
            future = self._wanted.pop(key, None)
        if future is not None:
            future.set_result(jpeg)

    def _told(self, error: BaseException) -> TtcliError:
        """Return what to tell of a failure."""
        return as_told(error, self._info.path) or VideoError(
            self._info.path, f"cannot be decoded ({error})", "copy the file again"
        )

    def _fail(self, error: TtcliError) -> None:
        """Let all that is asked for fail, and what will be."""
        with self._changed:
            wanted, self._wanted = self._wanted, OrderedDict()
            self._ended, self._error = True, error
        for future in wanted.values():
            future.set_exception(error)


def view_size(height: int, width: int) -> tuple[int, int]:
    """Return height and width at which a picture fills a screen: its own, or smaller."""
    share = min(1.0, (MOST_VIEW_PIXELS / (height * width)) ** 0.5)
    return max(1, round(height * share)), max(1, round(width * share))
