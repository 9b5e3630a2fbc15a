"""How well windows are laid over each other while the camera moves, in drawn videos whose camera is known.

    python tools/measure_camera.py --videos 40 --seed 3000

Three of four videos have a camera that pans, zooms or shakes. Each is shown as it is, and with a score and a name before it.
What is off is the mean over a window's frames and over points all over the picture, in pixels of one 576 wide, as `detect`
shows its first network.
"""

import argparse
from typing import NamedTuple

import cv2
import numpy as np
from measure_tables import drawn_video

from ttcli.inference.camera_motion import LOOK_EVERY, CameraTracker
from ttcli.table.camera import TableCamera

HEIGHT, WIDTH = 320, 576
DRAWN = 360, 640
FRAMES, RATE = 100, 25
WINDOW, STEP = 9, 3
LETTERS = (
    ("LINDBERG A.  11 9 7", (24, 280), 0.5, (10, 10, 10)),
    ("MORIZONO M.  8 11 3", (24, 303), 0.5, (240, 240, 240)),
    ("TABLE 2", (490, 48), 0.45, (250, 220, 50)),
)
"""Text, place, size and colour of what stands before a broadcast."""
GRID = np.stack(np.meshgrid(np.linspace(40, 536, 6), np.linspace(30, 290, 5), [1.0]), -1).reshape(-1, 3)
"""Points (30, 3) all over the picture."""


class Laid(NamedTuple):
    """How far the windows of a video are off."""

    off: list[float]
    """Of each window, pixels."""
    moved: list[float]
    """What it would be if the camera were taken to stand still."""
    aligned: float
    """Share of the windows in which the camera was taken to move."""


def with_captions(picture: np.ndarray) -> np.ndarray:
    """Return a picture (320, 576, 3) with a score before it."""
    shown = picture.copy()
    cv2.rectangle(shown, (20, 262), (230, 308), (20, 20, 60), -1)
    cv2.rectangle(shown, (20, 262), (230, 285), (200, 200, 210), -1)
    for text, place, size, colour in LETTERS:
        cv2.putText(shown, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
    return shown


def laid(pictures: list[np.ndarray], views: list[np.ndarray]) -> Laid:
    """Return how far the windows of some pictures are off, whose views (3, 3) are from directions to pixels."""
    tracker, off, moved, aligned = CameraTracker(HEIGHT, WIDTH), list[float](), list[float](), 0
    middle = WINDOW // 2
    for number, picture in enumerate(pictures):
        tracker.add(picture)
        while middle + WINDOW // 2 + LOOK_EVERY <= number:
            window = range(middle - WINDOW // 2, middle + WINDOW // 2 + 1)
            true = np.stack([GRID @ (views[middle] @ np.linalg.inv(views[each])).T for each in window])
            true = true[..., :2] / true[..., 2:]
            maps = tracker.maps(window, middle)
            aligned += maps is not None
            told = np.stack([(GRID @ each.T)[:, :2] for each in maps or [np.eye(3)] * WINDOW])
            off.append(_root_mean_square(told - true))
            moved.append(_root_mean_square(GRID[:, :2] - true))
            middle += STEP
    return Laid(off, moved, aligned / len(off))


def measure(count: int, seed: int) -> None:
    """Draw videos and print how far their windows are off."""
    found: dict[tuple[bool, str], list[Laid]] = {}
    for number in range(count):
        video = drawn_video(seed + number, *DRAWN, count=FRAMES, step=1 / RATE, moves=number % 4 != 0)
        pictures = [cv2.resize(frame.picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for frame in video.frames]
        scale = WIDTH / DRAWN[1]
        shrink = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]])
        views = [shrink @ _intrinsics(camera) @ camera.rotation for camera in video.cameras]
        for name, shown in (("as it is", pictures), ("captions", [with_captions(picture) for picture in pictures])):
            told = laid(shown, views)
            found.setdefault((video.moving, name), []).append(told)
            print(f"{seed + number}, {name}: off by {np.median(told.off):.2f} of {np.median(told.moved):.2f}", flush=True)
    for (moves, name), videos in found.items():
        off, moved = (np.concatenate([getattr(each, field) for each in videos]) for field in ("off", "moved"))
        print(
            f"{'moving' if moves else 'still'} camera, {name}, {len(videos)} videos: off by {np.median(off):.2f} px in the median, "
            f"{np.quantile(off, 0.9):.2f} in nine of ten, more than 1 px in {np.mean(off > 1):.3f} of the windows "
            f"({np.mean(moved > 1):.3f} if nothing were laid); {np.mean([each.aligned for each in videos]):.2f} of them are laid"
        )


def _intrinsics(camera: TableCamera) -> np.ndarray:
    (x, y), focal = camera.centre, camera.focal
    return np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]])


def _root_mean_square(vectors: np.ndarray) -> float:
    return float(np.sqrt((vectors**2).sum(-1).mean()))


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--seed", type=int, default=3000)
    options = parser.parse_args()
    measure(options.videos, options.seed)


if __name__ == "__main__":
    main()
