"""How much of what is wrong a reviewer finds by the queue of doubt of `ttcli review`, against looking at frames in any order.

A reviewer that knows the labels goes through the queue, and decides about one frame at a time: right, where the ball is, or none.
The queue follows, as on the page. Clips are taken together: the most doubtful frame of any of them comes next. Only frames that
have a label are shown.

    python tools/measure_review.py PREDICTED TRUTH

With --corrections the decisions are written beside each CSV, as `ttcli review` does, for `ttcli extract`.

PREDICTED and TRUTH are folders as for `ttcli evaluate`: x.csv and x.csv, or x/ball_markup.json. The size of the picture is
that of a video beside the truth, or --size.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from ttcli.configs import EvaluateConfig
from ttcli.evaluate import _match, _picture_size
from ttcli.labels.ball import BallLabel
from ttcli.labels.formats import find_format, read_ball_labels
from ttcli.labels.problems import Problems
from ttcli.results.ball_columns import read_ball_columns
from ttcli.results.content_hash import content_hash
from ttcli.results.corrections import ENDING, header_of, lines_of
from ttcli.results.decisions import Decision
from ttcli.results.trajectory import Status
from ttcli.reviewing.doubt_queue import DoubtQueue

SHARES = (0.01, 0.02, 0.05, 0.1)
NEAR = 10.0
"""Pixels of a picture 1920 wide within which a ball is found."""


class Clip:
    """What was found of one clip, its labels, and the queue of its doubts."""

    def __init__(self, predicted: Path, labels: dict[int, BallLabel], width: int) -> None:
        self.columns, self.width = read_ball_columns(predicted), width
        self.labels = {frame: label for frame, label in labels.items() if self.columns.row_of(frame) is not None}
        self.queue = DoubtQueue(self.columns, width)
        for row, frame in enumerate(self.columns.frame):
            if int(frame) not in self.labels:
                self.queue.leave_out(row)  # nobody knows whether it is right
        self.wrong = {frame: self.is_wrong(frame) for frame in self.labels}
        self.predicted, self.decisions = predicted, list[Decision]()

    def is_wrong(self, frame: int) -> bool:
        """Return whether the row of a frame says something else than its label."""
        row, label = self.columns.row_of(frame), self.labels[frame]
        claimed = bool(self.columns.has(Status.SEEN, Status.FILLED)[row])
        if label.place is None or not claimed:
            return claimed != label.visible
        off = np.hypot(self.columns.x[row] - label.place[0], self.columns.y[row] - label.place[1])
        return bool(off * 1920 / self.width > NEAR)

    def worst(self) -> tuple[float, int]:
        """Return score and frame of the place that comes next; a score of 0 where there is none."""
        found = self.queue.worst(1)
        return (found[0].score, found[0].frame) if found else (0.0, -1)

    def review(self, frame: int) -> bool:
        """Decide about a frame as its label says, and return whether it was wrong."""
        label, row, wrong = self.labels[frame], self.columns.row_of(frame), self.wrong[frame]
        x, y = (label.x, label.y) if wrong or not label.visible else (float(self.columns.x[row]), float(self.columns.y[row]))
        number = len(self.decisions) + 1
        self.decisions.append(Decision(number, "ball" if label.visible else "none", frame, x, y, confirmed=not wrong))
        self.queue.decide(self.decisions[-1])
        return wrong

    def write(self) -> None:
        """Write the decisions beside the CSV."""
        header = header_of(None, {"name": self.predicted.name, "sha256": content_hash(self.predicted)})
        path = self.predicted.with_name(f"{self.predicted.stem}{ENDING}")
        path.write_text("".join(lines_of(header, self.decisions)), encoding="utf-8")


def review_all(clips: list[Clip]) -> list[bool]:
    """Return for each frame that is shown, in turn, whether it was wrong; those that no queue names are not shown."""
    shown = []
    worst = [clip.worst() for clip in clips]
    while True:
        place = max(range(len(clips)), key=lambda number: worst[number][0])
        if worst[place][0] <= 0:
            return shown
        shown.append(clips[place].review(worst[place][1]))
        worst[place] = clips[place].worst()


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predicted", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--size", help="as in 1280x720")
    parser.add_argument("--corrections", action="store_true", help="write the decisions beside each CSV")
    asked = parser.parse_args()
    width, height = map(int, asked.size.split("x")) if asked.size else (None, None)
    config = EvaluateConfig(picture_height=height, picture_width=width)
    clips = []
    for files in _match(asked.predicted, asked.truth)[0]:
        size = _picture_size(files, find_format(files.truth), config)
        clips.append(Clip(files.predicted, read_ball_labels(files.truth, Problems().add, None, *size), size[1]))
    frames, errors = sum(len(clip.labels) for clip in clips), sum(sum(clip.wrong.values()) for clip in clips)
    shown = review_all(clips)
    for clip in clips if asked.corrections else ():
        clip.write()
    gone = {f"{share:.0%}": round(sum(shown[: round(share * frames)]) / max(errors, 1), 3) for share in SHARES}
    half = next((place for place in range(1, len(shown) + 1) if sum(shown[:place]) >= errors / 2), None)
    said = {
        "clips": len(clips), "frames": frames, "errors": errors, "gone_after": gone,
        "in_any_order": {f"{share:.0%}": share for share in SHARES},
        "half_gone_after": None if half is None else round(half / frames, 4), "named": len(shown),
        "named_errors": sum(shown),
    }  # fmt: skip
    print(json.dumps(said, indent=2))


if __name__ == "__main__":
    main()
