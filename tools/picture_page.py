"""Hits, misses and false claims of a result on labelled videos, as one picture to look at: `docs/pictures.jpg`.

    python tools/picture_page.py simulated results docs/pictures.jpg

Each tile is cut from the video around the label (yellow ring), or where there is no ball around the claim (red cross).
Within each kind, tiles are taken evenly from all there are.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.labels.formats import read_ball_labels
from ttcli.labels.problems import Problems
from ttcli.labels.sources import find_sources
from ttcli.results.trajectory import read_ball_csv
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

NEAR = 10 / 1920
"""Of the picture's width: within it a claim is right."""
REACH = 0.05
"""Of the picture's width: from the middle of a tile to its border."""
TILE = 150
COLUMNS = 8
KINDS = ("found", "missed", "claimed where there is no ball")
RING, CROSS, TEXT = (255, 220, 0), (255, 40, 40), (255, 255, 255)


class Case(NamedTuple):
    """One frame of a video, and what is right and what is claimed of it, in pixels."""

    kind: str
    video: Path
    frame: int
    truth: tuple[float, float] | None
    claim: tuple[float, float] | None


def cases(folder: Path, results: Path) -> Iterator[Case]:
    """Yield the labelled frames of a folder that are of one of KINDS."""
    for source in find_sources(folder):
        if source.video is None or source.balls is None:
            continue
        info = probe(source.video)
        labels = read_ball_labels(source.balls, Problems().add, height=info.height, width=info.width)
        for row in read_ball_csv(results / f"{source.name}.csv"):
            label = labels.get(row.frame_index)
            if label is None:
                continue
            truth = (label.x, label.y) if label.visible else None
            claim = None if row.x is None else (row.x, row.y)
            right = truth and claim and np.hypot(*np.subtract(truth, claim)) <= NEAR * info.width
            kind = KINDS[0] if right else KINDS[1] if truth else KINDS[2] if claim else None
            if kind:
                yield Case(kind, source.video, row.frame_index, truth, claim)


def tile(picture: np.ndarray, case: Case) -> np.ndarray:
    """Return the part of an RGB picture round a case, marked, TILE pixels square."""
    reach = round(REACH * picture.shape[1])
    x, y = (round(value) for value in case.truth or case.claim)
    padded = cv2.copyMakeBorder(picture, reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    cut = cv2.resize(padded[y : y + 2 * reach, x : x + 2 * reach], (TILE, TILE), interpolation=cv2.INTER_CUBIC)
    if case.truth:
        cv2.circle(cut, (TILE // 2, TILE // 2), TILE // 8, RING, 1, cv2.LINE_AA)
    if case.claim and case.kind != KINDS[0]:
        away = (np.subtract(case.claim, (x, y)) * TILE / (2 * reach) + TILE / 2).round().astype(int)
        cv2.drawMarker(cut, tuple(int(value) for value in away), CROSS, cv2.MARKER_CROSS, TILE // 12, 1, cv2.LINE_AA)
    return cut


def rows_of(kind: str, chosen: list[Case], count: int) -> np.ndarray:
    """Return a title and rows of tiles."""
    tiles = []
    for video in dict.fromkeys(case.video for case in chosen):
        of_frame = {case.frame: case for case in chosen if case.video == video}
        with FrameReader(probe(video), wanted=of_frame) as reader:
            tiles += [tile(frame.picture, of_frame[frame.frame_index]) for frame in reader if frame.picture is not None]
    while len(tiles) % COLUMNS:
        tiles.append(np.zeros((TILE, TILE, 3), np.uint8))
    title = np.zeros((24, COLUMNS * TILE, 3), np.uint8)
    cv2.putText(title, f"{kind}: {len(chosen)} of {count}", (4, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, TEXT, 1, cv2.LINE_AA)
    rows = [np.hstack(tiles[begin : begin + COLUMNS]) for begin in range(0, len(tiles), COLUMNS)]
    return np.vstack([title, *rows])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of labelled videos")
    parser.add_argument("results", type=Path, help="what `ttcli detect` wrote of them")
    parser.add_argument("output", type=Path)
    parser.add_argument("--tiles", type=int, default=3 * COLUMNS, help="of each kind at most")
    options = parser.parse_args()
    found = list(cases(options.folder, options.results))
    parts = []
    for kind in KINDS:
        of_kind = [case for case in found if case.kind == kind]
        if of_kind:
            places = np.linspace(0, len(of_kind) - 1, min(options.tiles, len(of_kind))).round().astype(int)
            parts.append(rows_of(kind, [of_kind[place] for place in places], len(of_kind)))
    cv2.imwrite(str(options.output), cv2.cvtColor(np.vstack(parts), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
