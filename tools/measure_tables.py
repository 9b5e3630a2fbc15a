"""How far the corners of tables that `ttcli detect` found are from labelled ones.

    ttcli detect CLIPS -o RESULTS
    python tools/measure_tables.py CLIPS RESULTS

CLIPS has `x.table.json` beside `x.mp4`: {"frames": {"0": {"near_left": [x, y], ...}}}, corners of the board in pixels. Told are the
distances of each corner in pixels of a picture 1920 wide, at the labelled frames in which the table was found.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from ttcli.results.manifest import read_manifest
from ttcli.results.trajectory import read_ball_csv
from ttcli.table.camera import landmarks
from ttcli.table.views import views_from_json


def main() -> None:
    """Print a line for each clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("results", type=Path)
    args = parser.parse_args()
    places = landmarks()[0][:4]
    for label in sorted(args.clips.glob("*.table.json")):
        name = label.name.removesuffix(".table.json")
        csv = args.results / f"{name}.csv"
        manifest, rows = read_manifest(csv), read_ball_csv(csv)
        tables, width = views_from_json(manifest["tables"]), manifest["video"]["width"]
        frames = json.loads(label.read_text())["frames"]
        off = []
        for frame, corners in frames.items():
            camera = tables(rows[int(frame)].time_seconds)
            if camera is not None:
                seen, true = camera.project(places), np.array(list(corners.values()))
                off += (np.linalg.norm(seen[None] - true[:, None], axis=2).min(1) * 1920 / width).tolist()
        told = f"median {np.median(off):.1f}, largest {max(off):.1f} px" if off else "no table"
        print(f"{name}: {len(off) // 4} of {len(frames)} labelled frames, {told}")


if __name__ == "__main__":
    main()
