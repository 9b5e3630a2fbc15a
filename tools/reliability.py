"""Draws how often the ball is right at each confidence: `docs/reliability.png`.

    ttcli detect VIDEOS -o out --threshold 0     # so that every frame has its best position
    python tools/reliability.py docs/reliability.png "simulated, unseen" out TRUTH ["real" OTHER_OUT OTHER_TRUTH ...]

A position counts as right within 10 px of a picture 1920 wide; where the label says that no ball is to be seen, it is wrong.
Frames without a label count nowhere.
"""

import argparse
import io
from pathlib import Path

import numpy as np

from ttcli.labels.formats import find_format
from ttcli.labels.problems import Problems
from ttcli.labels.sources import find_sources
from ttcli.results.trajectory import read_ball_csv
from ttcli.video.probe import probe

NEAR = 10 / 1920
"""Of the picture's width."""
BINS = np.array([0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0])


def judged(predicted: Path, truth: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences (N,) and whether each is right (N,), of all labelled frames."""
    confidences, right = [], []
    for source in find_sources(truth):
        table = predicted / f"{source.name}.csv"
        if not table.exists():
            continue
        info = probe(source.video)
        labels = find_format(source.balls).read(source.balls, Problems().add, info.height, info.width)
        for row in read_ball_csv(table):
            label = labels.get(row.frame_index)
            if label is None or row.confidence is None or row.x is None:
                continue
            away = np.hypot(row.x - label.x, row.y - label.y) / info.width if label.visible else np.inf
            confidences.append(row.confidence)
            right.append(away <= NEAR)
    return np.array(confidences), np.array(right, float)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("sets", nargs="+", help="name, folder of ball.csv files and folder of labelled videos, in threes")
    told = parser.parse_args()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    lines, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    lines.plot([0, 1], [0, 1], color="gray", linestyle=":", label="as it should be")
    for begin in range(0, len(told.sets), 3):
        name, predicted, truth = told.sets[begin], Path(told.sets[begin + 1]), Path(told.sets[begin + 2])
        confidences, right = judged(predicted, truth)
        bins = np.digitize(confidences, BINS[1:-1])
        held = [row for row in range(len(BINS) - 1) if (bins == row).sum() >= 5]
        said = np.array([confidences[bins == row].mean() for row in held])
        true = np.array([right[bins == row].mean() for row in held])
        sizes = np.array([(bins == row).sum() for row in held])
        error = float(np.abs(said - true) @ sizes / sizes.sum())
        print(f"{name}: {len(right)} frames, mean distance of confidence and truth {error:.3f}")
        print("  " + ", ".join(f"{s:.2f} said, {t:.2f} true ({n})" for s, t, n in zip(said, true, sizes, strict=True)))
        [line] = lines.plot(said, true, marker="o", label=f"{name}, {len(right)} frames, off by {error:.3f}")
        counts.plot(said, sizes, marker="o", color=line.get_color())
    lines.set(ylabel="share right within 10 px", xlim=(0, 1), ylim=(0, 1.02))
    counts.set(xlabel="confidence", ylabel="frames", yscale="log")
    lines.legend()
    for axes in (lines, counts):
        axes.grid(alpha=0.3)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=90)
    told.output.write_bytes(png.getvalue())


if __name__ == "__main__":
    main()
