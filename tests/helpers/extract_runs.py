"""Runs of `extract` on a small film, for its tests, and what they left on disk."""

from pathlib import Path

import numpy as np
from ball_videos import HEIGHT, WIDTH, ball_path

from ttcli.configs import ExtractConfig
from ttcli.extract import ExtractReport, extract
from ttcli.training_set.frame_store import FrameStore

FRAMES = 24
PLACES = dict(enumerate(ball_path(FRAMES)))
SMALL = {"height": HEIGHT, "width": WIDTH}
ALL = {"events": None, **SMALL}
"""Settings of tests that are not about events."""


def run(tmp_path: Path, source: Path | None = None, **settings) -> ExtractReport:
    return extract([source or tmp_path / "in"], tmp_path / "set", ExtractConfig(**{**ALL, **settings}), quiet=True)


def clip(tmp_path: Path, name: str = "a") -> Path:
    return tmp_path / "set/clips" / name


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def middle_of_light(picture: np.ndarray) -> tuple[float, float]:
    """Return where the ball is drawn, x and y."""
    weight = np.clip(picture.mean(2) - 70, 0, None)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()


def assert_labels_on_the_ball(store: FrameStore, tolerance: float = 0.35) -> None:
    for frame in store.frame_indexes:
        label = store.labels[frame]
        x, y = middle_of_light(store.picture(frame))
        in_source = ((x + 0.5) * store.source_width / store.width - 0.5, (y + 0.5) * store.source_height / store.height - 0.5)
        assert np.hypot(in_source[0] - label.x, in_source[1] - label.y) < tolerance, frame
