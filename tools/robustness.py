"""How the ball is found against its width, its streak, and what is done to the picture: `docs/robustness.png`.

    ttcli simulate -o sim --part test --rallies 16 --seed 9201 --size 1280x720 --frames 60
    python tools/robustness.py sim docs/robustness.png [--weights CHECKPOINT] [--scratch FOLDER]

The simulated videos are detected as they are, and their frames sorted by how wide the ball is and how long its streak, which
`truth.json` knows. Then each video is made worse in one way at a time, by several amounts, and detected again. Pixels are those
of a picture 1920 wide; recall and precision within 10 of them.
"""

import argparse
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.inference.exported_runtimes import load_network
from ttcli.labels.ball import BallLabel
from ttcli.labels.openttgames import read_ball_markup
from ttcli.labels.problems import Problems
from ttcli.results.trajectory import read_ball_csv
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader
from ttcli.video.writer import VideoWriter

NEAR = 10.0
REFERENCE_WIDTH = 1920
LEAST_FRAMES = 20
"""Fewer visible balls in a group say nothing."""
WIDTHS = (0, 6, 9, 12, 16, 24, 100)
STREAKS = (0, 10, 20, 40, 80, 160, 1000)

Picture = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Change:
    """One way to make a video worse, by one amount."""

    panel: str
    amount: str
    apply: Picture = lambda picture, number, random: picture
    crf: int = 12
    keep: int = 1
    """Every so many frames are kept."""
    shake: float = 0.0
    """Pixels that the picture, and the ball with it, is moved by at most."""


def _noise(sigma: float) -> Picture:
    return lambda picture, number, random: (picture + sigma * random.normal(size=picture.shape)).clip(0, 255).astype(np.uint8)


def _contrast(share: float) -> Picture:
    return lambda picture, number, random: (127.5 + share * (picture - 127.5)).astype(np.uint8)


def _dark(share: float) -> Picture:
    return lambda picture, number, random: (picture * share).astype(np.uint8)


def shake_at(pixels: float, number: int, width: int) -> np.ndarray:
    """Return how far a shaken picture of that width is moved, x then y, in its pixels."""
    return pixels * width / REFERENCE_WIDTH * np.array([np.sin(1.9 * number), np.cos(2.7 * number)])


def _shake(pixels: float) -> Picture:
    def apply(picture: np.ndarray, number: int, random: np.random.Generator) -> np.ndarray:
        shift = shake_at(pixels, number, picture.shape[1])
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        return cv2.warpAffine(picture, matrix, picture.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    return apply


CHANGES = [
    *(Change("x264 quality (CRF)", str(crf), crf=crf) for crf in (12, 28, 34, 40)),
    *(Change("noise, gray levels", str(sigma), _noise(sigma)) for sigma in (0, 5, 10, 20)),
    *(Change("contrast", f"{share:g}", _contrast(share)) for share in (1, 0.6, 0.4, 0.25)),
    *(Change("light", f"{share:g}", _dark(share)) for share in (1, 0.5, 0.25, 0.12)),
    *(Change("shake, px", str(pixels), _shake(pixels), shake=pixels) for pixels in (0, 4, 12, 30)),
    *(Change("every nth frame", str(keep), keep=keep) for keep in (1, 2, 3, 4)),
]


def outcomes(
    video: Path, table: Path, labels: dict[int, BallLabel], keep: int = 1, shake: float = 0.0
) -> Iterator[tuple[int, bool, bool, bool]]:
    """Yield frame, whether the ball is visible, whether one is claimed, and whether that is right."""
    width = probe(video).width
    rows = {row.frame_index * keep: row for row in read_ball_csv(table)}
    for frame, label in labels.items():
        row = rows.get(frame)
        if row is None:
            continue
        claimed = row.status.has_position
        moved = shake_at(shake, frame, width)
        away = np.array([row.x, row.y]) - moved - (label.x, label.y) if claimed and label.visible else np.array([np.inf])
        near = np.linalg.norm(away) * REFERENCE_WIDTH / width <= NEAR
        yield frame, label.visible, claimed, bool(near)


def rates(found: list[tuple[int, bool, bool, bool]]) -> tuple[float, float, int]:
    """Return recall, precision and the number of visible balls."""
    visible, claims, right = (sum(row[place] for row in found) for place in (1, 2, 3))
    return right / max(visible, 1), right / max(claims, 1), visible


def strata(folder: Path, names: list[str], tables: Path) -> dict[str, list[tuple[str, float, float, int]]]:
    """Return recall by the ball's width and by the length of its streak; a claim belongs to no group, so without precision."""
    groups: dict[str, dict[int, list]] = {"ball width, px": {}, "streak, px": {}}
    for name in names:
        video, annotations = folder / "videos" / f"{name}.mp4", folder / "test/annotations" / name
        truth = json.loads((annotations / "truth.json").read_text())
        scale = REFERENCE_WIDTH / truth["width"]
        known = {frame["frame"]: frame for frame in truth["frames"]}
        labels = read_ball_markup(annotations / "ball_markup.json", Problems().add)
        for row in outcomes(video, tables / f"{name}.csv", labels):
            frame = known[row[0]]
            if not row[1] or frame["radius"] is None:
                continue
            path = np.array(frame["blur"])
            length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()) * scale
            for panel, value, bounds in (
                ("ball width, px", 2 * frame["radius"] * scale, WIDTHS), ("streak, px", length, STREAKS),
            ):  # fmt: skip
                groups[panel].setdefault(int(np.digitize(value, bounds)), []).append(row)
    names_of = {"ball width, px": WIDTHS, "streak, px": STREAKS}
    result = {}
    for panel, by_group in groups.items():
        bounds = names_of[panel]
        rows = []
        for group in sorted(by_group):
            recall, _, visible = rates(by_group[group])
            if visible >= LEAST_FRAMES:
                upper = "" if group == len(bounds) - 1 else str(bounds[group])
                rows.append((f"{bounds[group - 1]}–{upper}", recall, np.nan, visible))
        result[panel] = rows
    return result


def worsen(video: Path, output: Path, change: Change) -> None:
    """Write a video made worse."""
    info = probe(video)
    random = np.random.default_rng(0)
    rate = Fraction(info.frame_rate) / change.keep
    with (
        FrameReader(info) as reader,
        VideoWriter(output, info.height, info.width, rate, crf=change.crf, overwrite=True) as writer,
    ):
        for frame in reader:
            if frame.frame_index % change.keep == 0:
                writer.write(change.apply(frame.picture, frame.frame_index, random))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("simulated", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--videos", type=int, help="no more than so many are made worse")
    parser.add_argument("--panels", nargs="+", help="only these kinds of change")
    told = parser.parse_args()
    config = DetectConfig(overwrite=True)
    runtime = load_network(told.weights, "auto", "auto", "auto")
    videos = sorted((told.simulated / "videos").glob("*.mp4"))
    names = [video.stem for video in videos]
    with tempfile.TemporaryDirectory() as scratch:
        tables = Path(scratch) / "as_they_are"
        detect(videos, tables, config, True, runtime)
        panels = strata(told.simulated, names, tables)
        for change in (change for change in CHANGES if not told.panels or change.panel in told.panels):
            found = []
            for video in videos[: told.videos]:
                worse = Path(scratch) / f"{video.stem}.mp4"
                worsen(video, worse, change)
                table = Path(scratch) / f"{video.stem}.csv"
                detect([worse], table, config, True, runtime)
                markup = told.simulated / "test/annotations" / video.stem / "ball_markup.json"
                labels = read_ball_markup(markup, Problems().add)
                labels = {frame: label for frame, label in labels.items() if frame % change.keep == 0}
                found += list(outcomes(worse, table, labels, change.keep, change.shake))
            panels.setdefault(change.panel, []).append((change.amount, *rates(found)))
    for panel, rows in panels.items():
        for amount, recall, precision, visible in rows:
            print(f"| {panel} | {amount} | {recall:.3f} | {'–' if np.isnan(precision) else f'{precision:.3f}'} | {visible} |")
    draw(panels, told.output)


def draw(panels: dict[str, list[tuple[str, float, float, int]]], output: Path) -> None:
    """Draw a panel for each kind of change."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.5), layout="constrained")
    axes = figure.subplots(2, 4, sharey=True).flatten()
    for each, (panel, rows) in zip(axes, panels.items(), strict=False):
        amounts = [row[0] for row in rows]
        each.plot(amounts, [row[1] for row in rows], marker="o", label="recall")
        each.plot(amounts, [row[2] for row in rows], marker="s", label="precision", linestyle="--")
        each.set(title=panel, ylim=(0, 1.03))
        each.grid(alpha=0.3)
        each.tick_params(axis="x", labelrotation=30 if len(amounts) > 4 else 0)
    axes[2].legend(loc="lower left")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=90)
    output.write_bytes(png.getvalue())


if __name__ == "__main__":
    main()
