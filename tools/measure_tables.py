"""How far the corners of tables that are found are from true ones, on clips and on drawn videos.

    python tools/measure_tables.py CLIPS                            # looks for the tables alone, without the ball
    python tools/measure_tables.py CLIPS RESULTS                    # those that `ttcli detect CLIPS -o RESULTS` found
    python tools/measure_tables.py CLIPS --sheet sheet.png          # and draws them all
    python tools/measure_tables.py --simulated 60 --seed 7          # on drawn halls with 1 to 4 tables

CLIPS has `x.table.json` beside `x.mp4`: {"frames": {"0": {"near_left": [x, y], ...}}}, corners of the board in pixels. Or it has
`tables/`, with `corners.json`, {"MATCH": [[x, y], ...]}, and the picture MATCH.jpg that they are of, for clips with names as
MATCH_1.mp4. Their corners are carried to the clip by points of the hall that both pictures show; a clip that shows another camera
has none. Clips without either should have no table, or are only looked at. Distances are of the worst corner, in pixels of a
picture 1920 wide.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from ttcli.rendering.table_picture import draw_table
from ttcli.results.manifest import read_manifest
from ttcli.results.trajectory import read_ball_csv
from ttcli.simulation.backdrop import paint_backdrop
from ttcli.simulation.camera import Cameras
from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.drawing import draw_scenes
from ttcli.simulation.furnishing import furnish
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.scene import build_scenes, draw_kinds
from ttcli.simulation.table_pictures import cameras_anywhere
from ttcli.simulation.textures import paint_textures
from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.views import NoTable, TableView, TableViews, views_as_json, views_from_json
from ttcli.table.watcher import TableWatcher
from ttcli.video.probe import VideoInfo, probe
from ttcli.video.reader import Frame, FrameReader

SEEN_AREA, ENLARGED = 576 * 320, 2
"""Pixels of the picture that `detect` shows its first network, and how much longer the sides of the second's are."""
LEAST_AGREE, LEAST_SHARE = 50, 0.45
"""Points of a clip's frame and of the labelled picture that agree on a homography where both are of one camera."""
MOST_MOVED = 0.12
"""Picture widths that corners may be from where they were labelled: farther off it is another camera."""
LEAST_ALIKE = 0.5
"""Correlation of both pictures about the table."""
MATCHED_WIDTH = 960
"""Pixels of the pictures whose points are compared."""
SAMPLES = 2
"""Frames of a clip to which corners are carried."""
RIGHT, FAIR, WRONG = 8.0, 12.0, 20.0
"""Pixels of a picture 1920 wide."""
TILE, COLUMNS = 480, 5
FRAMES, STEP_SECONDS = 42, 0.125
"""Of drawn videos."""


@dataclass
class Clip:
    """A clip with what was found in it and where its table truly is."""

    path: Path
    info: VideoInfo
    views: list[Any]
    """As manifests hold them."""
    times: list[float]
    """Of its frames, seconds."""
    truth: dict[int, np.ndarray]
    """Frame -> corners (4, 2)."""

    def tables(self) -> TableViews:
        """Return what was found."""
        return views_from_json(self.views, self.info.width)

    def off(self) -> list[float]:
        """Return how far the worst corner is off at each frame with a truth at which a table is told."""
        found = []
        for frame, corners in self.truth.items():
            camera = self.tables()(self.times[frame])
            if camera is not None:
                found.append(worst(camera, corners) * 1920 / self.info.width)
        return found


def worst(camera: TableCamera, corners: np.ndarray) -> float:
    """Return how far the worst of the corners (4, 2), in any order, is off."""
    seen = camera.project(landmarks()[0][:4])
    return float(np.linalg.norm(seen[None] - corners[:, None], axis=2).min(1).max())


def look(path: Path, info: VideoInfo, weights: Path | None) -> tuple[list[Any], list[float]]:
    """Return the tables that are found in a video as `detect` looks for them, and the times of its frames."""
    scale = (SEEN_AREA / (info.height * info.width)) ** 0.5 / 32
    size = max(1, round(info.height * scale)) * 32, max(1, round(info.width * scale)) * 32
    watcher, times = TableWatcher(info.height, info.width, weights), []
    with FrameReader(info, *size, judge=True, large_size=(ENLARGED * size[0], ENLARGED * size[1])) as reader:
        for frame in watcher.noting(reader):
            times.append(frame.time_seconds)
    return views_as_json(watcher.views()), times


def labelled(path: Path, info: VideoInfo, count: int) -> dict[int, np.ndarray]:
    """Return the true corners of a clip by frame, as far as they are known."""
    own = path.with_name(f"{path.stem}.table.json")
    if own.exists():
        frames = json.loads(own.read_text())["frames"]
        return {int(frame): np.array(list(corners.values()), float) for frame, corners in frames.items()}
    match = path.parent / "tables" / f"{path.stem.rpartition('_')[0]}.jpg"
    if not match.exists():
        return {}
    corners = np.array(json.loads((match.parent / "corners.json").read_text())[match.stem], float)
    frames = [round((number + 0.5) * count / SAMPLES) for number in range(SAMPLES)]
    picture = cv2.cvtColor(cv2.imread(str(match)), cv2.COLOR_BGR2RGB)
    found = {}
    with FrameReader(info, wanted=frames) as reader:
        for frame in reader:
            if frame.picture is not None and (carried := carry(picture, frame.picture, corners)) is not None:
                found[frame.frame_index] = carried
    return found


def carry(picture: np.ndarray, other: np.ndarray, corners: np.ndarray) -> np.ndarray | None:
    """Return where corners (4, 2) of a picture are in another of the same camera; None where it is another camera."""
    finder = cv2.SIFT_create(1500)
    shrink = MATCHED_WIDTH / picture.shape[1]
    size = MATCHED_WIDTH, round(picture.shape[0] * shrink)
    (here, one), (there, two) = (
        finder.detectAndCompute(cv2.resize(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA), None)
        for each in (picture, other)
    )
    if one is None or two is None:
        return None
    pairs = [pair for pair in cv2.BFMatcher().knnMatch(one, two, k=2) if len(pair) == 2]
    good = [best for best, second in pairs if best.distance < 0.75 * second.distance]
    if len(good) < LEAST_AGREE:
        return None
    places = np.array([here[match.queryIdx].pt for match in good]), np.array([there[match.trainIdx].pt for match in good])
    plane, agree = cv2.findHomography(*((place + 0.5) / shrink - 0.5 for place in places), cv2.RANSAC, 3.0)
    if plane is None or agree.sum() < LEAST_AGREE or agree.mean() < LEAST_SHARE:
        return None
    moved = cv2.perspectiveTransform(corners[None], plane)[0]
    if not _alike(picture, other, plane, corners):
        return None  # captions agree where another camera is shown
    return moved if np.linalg.norm(moved - corners, axis=1).max() < MOST_MOVED * picture.shape[1] else None


def _alike(picture: np.ndarray, other: np.ndarray, plane: np.ndarray, corners: np.ndarray) -> bool:
    """Return whether two pictures look alike about the table, too."""
    height, width = picture.shape[:2]
    back = cv2.warpPerspective(other, np.linalg.inv(plane), (width, height))
    (left, top), (right, bottom) = corners.min(0).astype(int) - 40, corners.max(0).astype(int) + 40
    box = slice(max(0, top), bottom), slice(max(0, left), right)
    one, two = (cv2.cvtColor(each[box], cv2.COLOR_RGB2GRAY).astype(float).ravel() for each in (picture, back))
    return float(np.corrcoef(one, two)[0, 1]) > LEAST_ALIKE


def kept_labels(path: Path, info: VideoInfo, count: int, kept: Path | None) -> dict[int, np.ndarray]:
    """Return the true corners of a clip by frame, from the file that keeps them where they are in it."""
    known = json.loads(kept.read_text()) if kept is not None and kept.exists() else {}
    if path.name not in known:
        known[path.name] = {frame: corners.tolist() for frame, corners in labelled(path, info, count).items()}
        if kept is not None:
            kept.write_text(json.dumps(known))
    return {int(frame): np.array(corners) for frame, corners in known[path.name].items()}


def clips_in(folder: Path, results: Path | None, weights: Path | None, kept: Path | None) -> Iterator[Clip]:
    """Yield the clips of a folder with what was found in each."""
    for path in sorted(each for each in folder.iterdir() if each.suffix in (".mp4", ".mov", ".mkv")):
        info = probe(path)
        if results is None:
            views, times = look(path, info, weights)
        else:
            csv = results / f"{path.stem}.csv"
            views = read_manifest(csv)["tables"]
            times = [row.time_seconds or 0.0 for row in read_ball_csv(csv)]
        yield Clip(path, info, views, times, kept_labels(path, info, len(times), kept))


def tile(clip: Clip) -> np.ndarray:
    """Return a frame of a clip with its table, and where it truly is, as a tile."""
    told = [view for view in clip.views if "none" not in view]
    longest = max(told, key=lambda view: view["end_s"] - view["start_s"], default=None)
    seconds = clip.times[len(clip.times) // 2] if longest is None else (longest["start_s"] + longest["end_s"]) / 2
    number = min(int(np.searchsorted(clip.times, seconds)), len(clip.times) - 1)
    height = round(TILE * clip.info.height / clip.info.width)
    with FrameReader(clip.info, height, TILE, wanted=[number]) as reader:
        pictures = [frame.picture for frame in reader if frame.picture is not None]
    picture = pictures[0].copy() if pictures else np.zeros((height, TILE, 3), np.uint8)
    scale = TILE / clip.info.width
    if longest is not None and (camera := clip.tables()(clip.times[number])) is not None:
        draw_table(picture, camera, scale)
    nearest = min(clip.truth, key=lambda frame: abs(frame - number), default=None)
    for x, y in [] if nearest is None else clip.truth[nearest] * scale:
        cv2.circle(picture, (round(x), round(y)), 4, (0, 255, 0), 1, cv2.LINE_AA)
    reason = "" if told else str(clip.views[0]["none"] if clip.views else "")
    off = clip.off()
    text = f"{clip.path.stem} {max(off):.0f}" if off else f"{clip.path.stem} {reason}"
    cv2.putText(picture, text, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
    square = np.zeros((TILE * 9 // 16, TILE, 3), np.uint8)
    part = picture[: len(square)]
    square[: len(part)] = part
    return square


def say(name: str, off: list[float], labels: int) -> None:
    """Print a line of figures."""
    if not labels:
        return
    told = f"median {np.median(off):.1f}, largest {max(off):.1f} px" if off else "no table"
    within = ", ".join(f"{sum(each <= bound for each in off)} within {bound:.0f}" for bound in (RIGHT, FAIR, WRONG))
    print(f"{name}: {len(off)} of {labels} labelled told, {told}; {within}", flush=True)


def measure_clips(folder: Path, results: Path | None, weights: Path | None, sheet: Path | None, kept: Path | None) -> None:
    """Print a line for each clip, and how many are right of those that show a labelled camera."""
    tiles, largest, labels, told, every = [], [], 0, 0, 0
    for clip in clips_in(folder, results, weights, kept):
        off = clip.off()
        every += 1
        told += any("none" not in view for view in clip.views)
        labels += bool(clip.truth)
        largest += [max(off)] if off else []
        if clip.truth:
            say(clip.path.stem, off, len(clip.truth))
        if not off:
            reasons = "; ".join(sorted({str(view["none"]) for view in clip.views if "none" in view}))
            print(f"{clip.path.stem}: {'a table, without a label' if reasons == '' else reasons}", flush=True)
        if sheet is not None:
            tiles.append(tile(clip))
    print(f"a table is told in {told} of {every} clips")
    say("clips that show a labelled table, by their worst frame", largest, labels)
    if sheet is not None and tiles:
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
        rows = [np.concatenate(tiles[first : first + COLUMNS], 1) for first in range(0, len(tiles), COLUMNS)]
        cv2.imwrite(str(sheet), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


class DrawnVideo(NamedTuple):
    """A drawn video with its truth."""

    frames: list[Frame]
    cameras: list[TableCamera]
    """At each frame."""
    balls: list[tuple[float, float] | None]
    """At each frame, pixels; None where nobody could see it."""
    moving: bool
    """Whether its camera moves; a third do."""


def drawn_video(
    seed: int, height: int, width: int, count: int = FRAMES, step: float = STEP_SECONDS, moves: bool | None = None
) -> DrawnVideo:
    """Return a video that is drawn by a seed, of frames `step` seconds apart; where `moves` is None, a third moves."""
    generator = torch.Generator().manual_seed(seed)
    uniform = uniform_draw(generator, 1)
    textures, rallies = paint_textures(seed, 12, 8), simulate_rallies(4, generator)
    times = (0.3 + step * torch.arange(count).float())[None]
    kinds, moving = draw_kinds(1, generator), uniform() < 1 / 3
    if moves is not None:
        moving = torch.full_like(moving, moves)
    rally, exposure = torch.zeros(1, dtype=torch.long), torch.full((1,), 0.01)
    scenes = build_scenes(rally, times, exposure, kinds, moving, textures, height, width, generator)
    if not moving and float(uniform()) < 0.4:
        one = cameras_anywhere(1, height, width, generator)
        parts = (part.expand(-1, count, *part.shape[2:]) for part in vars(one).values())
        scenes = replace(scenes, cameras=Cameras(*parts))
    halls = furnish(scenes.halls, textures, generator, share=0.75)
    scenes = replace(scenes, halls=halls)
    backdrop = paint_backdrop(scenes, textures, height, width, generator, margin=width // 3)
    frames, cameras, balls = [], [], []
    for number in range(count):
        drawn = draw_scenes(scenes.at(slice(number, number + 1)), backdrop, rallies, height, width, generator)
        frames.append(Frame(number, number * step, drawn.frames[0, 0].numpy()))
        balls.append(tuple(drawn.position[0, 0].tolist()) if drawn.visible[0, 0] else None)
        position, rotation, focal, centre = (part[0, number].double().numpy() for part in vars(scenes.cameras).values())
        cameras.append(TableCamera(position, rotation, float(focal), centre, width))
    return DrawnVideo(frames, cameras, balls, bool(moving))


def measure_simulated(count: int, seed: int, size: tuple[int, int], weights: Path | None) -> None:
    """Print how often the right table is told in drawn videos, how far off it is, and whether the error that is told holds."""
    width, height = size
    off, held, told, wrong, could, moved = [], [], 0, 0, 0, []
    for number in range(count):
        frames, cameras, balls, moving = drawn_video(seed + number, height, width)
        watcher = TableWatcher(height, width, weights)
        for frame in watcher.noting(frames):
            if (ball := balls[frame.frame_index]) is not None:
                watcher.note_ball(frame.time_seconds, *ball)
        shown = cameras[0].project(landmarks()[0][:4])
        could += bool(((shown > 0) & (shown < (width, height))).all(1).sum() >= 3)
        views = watcher.views()
        own = []
        for frame, camera in islice(zip(frames, cameras, strict=True), 0, None, 8):
            found = TableViews(views)(frame.time_seconds)
            if found is None:
                continue
            corners = camera.project(landmarks()[0][:4])
            own.append(worst(found, corners) * 1920 / width)
            held += inside(found, corners)
        told += bool(own)
        wrong += bool(own and np.median(own) > WRONG * 2)
        off += own
        moved += own if moving else []
        what = (
            f"off by {np.median(own):.1f} px" if own else "; ".join(view.reason for view in views if isinstance(view, NoTable))
        )
        told_at = [f"{view.start_seconds:.1f}-{view.end_seconds:.1f}" for view in views if isinstance(view, TableView)]
        print(f"{seed + number}{' moving' if moving else ''}: {what} {' '.join(told_at)}", flush=True)
    print(f"told in {told} of {count}, {could} show three corners; another table, or none, in {wrong}")
    print(f"worst corner: median {np.median(off):.2f} px, while the camera moves {np.median(moved) if moved else 0:.2f}")
    print(f"corners within the 95 % that are told: {np.mean(held):.3f} of {len(held)}")


def inside(found: TableCamera, corners: np.ndarray) -> list[bool]:
    """Return for each corner (4, 2) whether it lies in the ellipse of 95 % about where it is told to be."""
    places = landmarks()[0][:4]
    turned = min((places, places[::-1]), key=lambda each: float(np.linalg.norm(found.project(each) - corners, axis=1).max()))
    off, spread = corners - found.project(turned), found.spread(turned)
    return [bool(each @ np.linalg.solve(matrix, each) < 5.991) for each, matrix in zip(off, spread, strict=True)]


def read_size(text: str) -> tuple[int, int]:
    """Return width and height, as `1280x720` says."""
    width, height = map(int, text.split("x"))
    return width, height


def main() -> None:
    """Print the figures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("results", type=Path, nargs="?")
    parser.add_argument("--weights", type=Path, help="of the finder; else those in the package")
    parser.add_argument("--sheet", type=Path, help="picture of all clips")
    parser.add_argument("--labels", type=Path, help="file in which carried labels are kept for the next run")
    parser.add_argument("--simulated", type=int, default=0, help="drawn videos")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", type=read_size, default="512x288", metavar="WIDTHxHEIGHT", help="of the drawn videos")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.clips is not None:
        measure_clips(args.clips, args.results, args.weights, args.sheet, args.labels)
    if args.simulated:
        measure_simulated(args.simulated, args.seed, args.size, args.weights)


if __name__ == "__main__":
    main()
