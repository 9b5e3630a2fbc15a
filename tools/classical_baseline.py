"""Finds the ball without a network, for comparison: differences of frames, colour, shape, and flight.

    python tools/classical_baseline.py fit SIMULATED -o classical.json
    python tools/classical_baseline.py detect classical.json CLIPS -o out
    ttcli evaluate out CLIPS

What moved is what differs from the frame before and from the one behind, both. Each blob of it has a size, a shape, a
brightness and a colour; a logistic regression on simulated videos, whose labels are exact, says how probably it is the ball.
The best few of each frame are then judged over time by the same flight as the network's peaks (`ttcli/detection/tracking.py`).
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ttcli.detection.tracking import Candidates, decide
from ttcli.labels.formats import read_ball_labels
from ttcli.labels.sources import find_sources
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv
from ttcli.video.probe import is_video, probe
from ttcli.video.reader import FrameReader

WIDTH = 960
"""Pixels of the picture that is looked at; the network sees 512."""
MOST_BLOBS = 8
"""Of each frame that are judged over time; the network hands on 3."""
LEAST_DIFFERENCE = 12
"""Gray levels that something moving differs by, at the least."""
NEAR = 10.0
"""Pixels of a picture 1920 wide within which a blob is the ball."""
WORKING_WIDTH = 512
"""Width in whose pixels flight is told."""


def blobs(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return places (N, 2) and features (N, F) of what moved in the middle one of three pictures."""
    before, now, after = (cv2.GaussianBlur(picture, (3, 3), 0) for picture in pictures)
    difference = cv2.min(cv2.absdiff(now, before), cv2.absdiff(now, after)).max(axis=2)
    level = max(LEAST_DIFFERENCE, 3.0 * float(np.median(difference)) + 6)
    mask = cv2.morphologyEx((difference > level).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask)
    kept = [row for row in range(1, count) if 3 <= stats[row, cv2.CC_STAT_AREA] <= 1500]
    kept = sorted(kept, key=lambda row: -stats[row, cv2.CC_STAT_AREA])[:200]
    features = []
    for row in kept:
        left, top, width, height, area = stats[row]
        window = np.s_[top : top + height, left : left + width]
        inside = labels[window] == row
        colour = now[window][inside].mean(axis=0) / 255
        moments = cv2.moments(inside.astype(np.uint8), True)
        spread = np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]]) / max(area, 1)
        short, long = np.sqrt(np.linalg.eigvalsh(spread).clip(0.08)) * 4
        bright, saturation = colour.max(), colour.max() - colour.min()
        orange = float(colour[0] - colour[2]) * bright
        fill = area / (short * long * np.pi / 4)
        features.append(
            [1, np.log(short), np.log(short) ** 2, np.log(long / short), np.log(long / short) ** 2, fill, bright, saturation,
             bright * (1 - saturation), orange, float(difference[window][inside].mean()) / 64, np.log1p(count)]
        )  # fmt: skip
    return centres[kept].reshape(-1, 2), np.array(features, float).reshape(-1, 12)


def film(video: Path) -> Iterator[tuple[int, float, np.ndarray, np.ndarray]]:
    """Yield frame, time, places (N, 2) and features (N, F) of a video; places in pixels of a picture WIDTH wide."""
    info = probe(video)
    height = round(WIDTH * info.height / info.width)
    with FrameReader(info, height, WIDTH) as reader:
        frames = [frame for frame in reader if frame.picture is not None]
    for number, frame in enumerate(frames):
        around = [frames[min(max(other, 0), len(frames) - 1)].picture for other in (number - 1, number, number + 1)]
        yield frame.frame_index, frame.time_seconds, *blobs(around)


def fit(folders: list[Path]) -> np.ndarray:
    """Return the weights of the features, by logistic regression on labelled videos."""
    rows, right = [], []
    for source in (source for folder in folders for source in find_sources(folder)):
        info = probe(source.video)
        labels = read_ball_labels(source.balls, lambda problem: None, None, info.height, info.width)
        for frame_index, _, places, features in film(source.video):
            label = labels.get(frame_index)
            if label is None or not len(places):
                continue
            at = np.array([label.x, label.y]) * WIDTH / info.width if label.visible else np.full(2, -1e6)
            rows.append(features)
            right.append(np.linalg.norm(places - at, axis=1) <= NEAR * WIDTH / 1920)
    table, truth = np.concatenate(rows), np.concatenate(right).astype(float)
    weights = np.zeros(table.shape[1])
    for _ in range(30):  # Newton's method
        chance = 1 / (1 + np.exp(-table @ weights))
        curvature = (table * (chance * (1 - chance))[:, None]).T @ table + 1e-3 * np.eye(len(weights))
        weights += np.linalg.solve(curvature, table.T @ (truth - chance) - 1e-3 * weights)
    print(f"{len(truth)} blobs, {int(truth.sum())} of them the ball")
    return weights


def detect(video: Path, weights: np.ndarray) -> Iterator[BallPosition]:
    """Yield the ball of each frame."""
    info = probe(video)
    offers = []

    def candidates() -> Iterator[Candidates]:
        for frame_index, seconds, places, features in film(video):
            logits = features @ weights
            best = np.argsort(-logits)[:MOST_BLOBS]
            missing = MOST_BLOBS - len(best)
            chosen = np.concatenate([places[best], np.zeros((missing, 2))])
            logits = np.concatenate([logits[best], np.full(missing, -np.inf)])
            offers.append((frame_index, seconds, chosen))
            yield Candidates(seconds, chosen * WORKING_WIDTH / WIDTH, logits)

    area = WORKING_WIDTH**2 * info.height / info.width
    for number, decision in enumerate(decide(candidates(), area)):
        frame_index, seconds, places = offers[number]
        x, y = (places[decision.choice] + 0.5) * info.width / WIDTH - 0.5
        seen = decision.confidence >= 0.5
        place = (float(x), float(y)) if seen else (None, None)
        yield BallPosition(frame_index, seconds, *place, decision.confidence, Status.SEEN if seen else Status.UNSEEN)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["fit", "detect"])
    parser.add_argument("inputs", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    told = parser.parse_args()
    if told.what == "fit":
        told.output.write_text(json.dumps(fit(told.inputs).tolist()))
        return
    weights = np.array(json.loads(told.inputs[0].read_text()))
    told.output.mkdir(parents=True, exist_ok=True)
    for video in sorted(path for path in told.inputs[1].iterdir() if is_video(path)):
        write_ball_csv(told.output / f"{video.stem}.csv", detect(video, weights), overwrite=True)


if __name__ == "__main__":
    main()
