"""The candidates in one frame, as the networks of the package propose them: asked for when a person wants them."""

import threading
from typing import TYPE_CHECKING

import numpy as np

from ttcli.configs import DetectConfig
from ttcli.video.frame_access import FrameAccess
from ttcli.video.probe import VideoInfo

if TYPE_CHECKING:  # torch takes seconds, and a page that opens needs none
    from ttcli.detection.plan import VideoPlan
    from ttcli.inference.answers import Peak
    from ttcli.inference.runtimes import Runtime

REACH_WINDOWS = 1.0
"""Windows before and after the frame that the networks see."""


class Candidates:
    """Asks the networks about one frame at a time; they are loaded when the first one is asked about.

    Args:
        info: The video.
        times: When each frame is; see `FrameAccess`.
    """

    def __init__(self, info: VideoInfo, times: np.ndarray | None) -> None:
        self._info, self._times = info, times
        self._lock = threading.Lock()
        self._loaded: tuple[Runtime, VideoPlan, FrameAccess] | None = None

    def __call__(self, frame: int) -> list[dict[str, float]]:
        """Return the places that may be the ball in a frame, strongest first: `x` and `y` in pixels, and `probability`.

        Raises:
            TtcliError: The networks cannot be loaded, or the video not be read.
        """
        with self._lock:
            return self._ask(frame)

    def _ask(self, frame: int) -> list[dict[str, float]]:
        from ttcli.detection.proposals import propose
        from ttcli.video.reader import Frame

        runtime, plan, access = self._loaded or self._load()
        reach = round(REACH_WINDOWS * 9 * plan.stride)
        frames = []
        for number in range(max(0, frame - reach), frame + reach + 1):
            picture = access.picture(number, (plan.height, plan.width))
            large = None if plan.large_size is None or picture is None else access.picture(number, plan.large_size)
            if picture is not None:
                frames.append(Frame(number, float(number / self._info.frame_rate), picture, large))
        for proposal in propose(frames, plan, runtime):
            if proposal.frame_index == frame:
                return [_place(peak, plan) for peak in proposal.peaks if peak.probability > 0]
        return []

    def _load(self) -> tuple["Runtime", "VideoPlan", FrameAccess]:
        from ttcli.detection.scouting import plan_video
        from ttcli.inference.exported_runtimes import load_network

        config = DetectConfig(step=3, fit_ball=False)
        runtime = load_network(None, config.runtime, config.device, config.precision, 1)
        plan = plan_video(self._info, runtime, config)
        self._loaded = runtime, plan, FrameAccess(self._info, self._times)
        return self._loaded


def _place(peak: "Peak", plan: "VideoPlan") -> dict[str, float]:
    from ttcli.detection.decision import source_position

    x, y = source_position(peak, plan)
    return {"x": round(x, 2), "y": round(y, 2), "probability": round(peak.probability, 3)}
