"""Labels of drawn films, in the layout of OpenTTGames, with what no annotator can know beside them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from ttcli.configs import SimulateConfig
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.labels.event import EventLabel
from ttcli.labels.openttgames import write_ball_markup, write_events_markup
from ttcli.outputs import complete_file
from ttcli.results.rallies import Rally, write_rallies_csv
from ttcli.simulation.match_film import MatchFilm
from ttcli.simulation.scene import Scenes
from ttcli.simulation.staging import Shot, held
from ttcli.simulation.surroundings import CONTACT_NAMES, TABLE_HALF_LENGTH
from ttcli.simulation.timeline import STATE_NAMES, RallyBatch
from ttcli.table.constants import TABLE_HEIGHT


def write_annotations(
    folder: Path,
    truth: dict[str, Tensor],
    scenes: Scenes,
    rallies: RallyBatch,
    shots: Sequence[Shot],
    frame_rate: Fraction,
    config: SimulateConfig,
) -> None:
    """Write ball_markup.json, events_markup.json and truth.json of a film into a folder, which is made.

    Args:
        folder: Folder of the annotations.
        truth: The fields of `Drawn` but the pictures, by name.
        scenes: The film, a batch of one.
        rallies: The stories that it shows.
        shots: Its parts; within each, time runs on.
        frame_rate: Frames per second.
        config: How it was made.

    Raises:
        OutputError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels: dict[int, BallLabel] = {}
    known = truth["known"] & ~held(scenes, rallies)
    for frame_index in torch.nonzero(known)[:, 0].tolist():
        x, y = truth["position"][frame_index].tolist()
        seen = bool(truth["visible"][frame_index])
        labels[frame_index] = BallLabel(True, round(x, 2), round(y, 2)) if seen else NOT_VISIBLE
    write_ball_markup(folder / "ball_markup.json", labels, overwrite=True)

    contacts = _contacts(rallies, int(scenes.rally[0]))
    events = {frame: kind for shot in shots for frame, kind in _events(contacts, scenes.times[0, shot.first : shot.last], shot)}
    write_events_markup(folder / "events_markup.json", [EventLabel(*item) for item in sorted(events.items())], overwrite=True)

    story = {"height": config.height, "width": config.width, "frame_rate": str(frame_rate), "seed": config.seed}
    story |= {"exposure_s": float(scenes.exposure[0]), "contacts": contacts, "frames": _frame_truths(truth, scenes, rallies)}
    with complete_file(folder / "truth.json", overwrite=True) as path:
        path.write_text(json.dumps(story, separators=(",", ":")) + "\n")


def write_played(folder: Path, film: MatchFilm) -> None:
    """Write rallies.csv, as `ttcli rallies` would at its best, and rallies.json, which knows the tosses, and the lets.

    Args:
        folder: Folder of the match's annotations.
        film: The staged match; rallies that begin after its end are left out.

    Raises:
        OutputError: The folder cannot be written.
    """
    rate, names = float(film.frame_rate), _names_of_ends(film.scenes)
    shown = [point for point in film.match.rallies if point.end * rate < film.frames]
    rallies = [
        Rally(
            start_seconds=point.start,
            end_seconds=point.end,
            start_frame=round(point.start * rate),
            end_frame=round(point.end * rate),
            strokes=point.strokes,
            bounces=point.bounces,
            server=names[point.server],
            ended=point.ended,
            confidence=1.0,
        )
        for point in shown
        if point.ended != "let"
    ]
    write_rallies_csv(folder / "rallies.csv", rallies, overwrite=True)
    story = [{**asdict(point), "server": names[point.server]} for point in shown]
    shots = [{"first_frame": shot.first, "last_frame": shot.last - 1} for shot in film.shots]
    with complete_file(folder / "rallies.json", overwrite=True) as path:
        path.write_text(json.dumps({"rallies": story, "shots": shots}, indent=1) + "\n")


def _names_of_ends(scenes: Scenes) -> dict[int, str]:
    """Return what the ends of the table are called, by the sign of their y: as the first frame's camera sees them."""
    ends = torch.tensor([[[[0.0, side * TABLE_HALF_LENGTH, TABLE_HEIGHT] for side in (-1, 1)]]])
    cameras = scenes.cameras.at(torch.tensor([0]), 0)
    (left, top), (right, bottom) = cameras.project(ends.to(scenes.times.device))[0][0, 0].tolist()
    if abs(right - left) < abs(bottom - top):
        return {-1: "far", 1: "near"} if bottom > top else {-1: "near", 1: "far"}
    return {-1: "left", 1: "right"} if right > left else {-1: "right", 1: "left"}


def _events(contacts: list[dict], times: Tensor, shot: Shot) -> list[tuple[int, str]]:
    """Return frames and names of the events that a shot shows, the last first; its frames were taken at `times` (T,)."""
    begin, step = float(times[0]), float(times[-1] - times[0]) / max(1, len(times) - 1) or 1.0
    found = []
    for contact in contacts:
        frame = round((contact["time_s"] - begin) / step)
        if contact["kind"] in ("bounce", "net_pass") and 0 <= frame < len(times):
            found.append((shot.first + frame, "bounce" if contact["kind"] == "bounce" else "net"))
    return found[::-1]


def _contacts(rallies: RallyBatch, rally: int) -> list[dict]:
    """Return all contacts of a rally in order of time."""
    kinds = rallies.contact_kind[rally].tolist()
    times, places = rallies.contact_time[rally].tolist(), rallies.contact_position[rally].tolist()
    return [
        {"time_s": round(time, 5), "kind": CONTACT_NAMES[kind], "place_m": _rounded(place, 4)}
        for kind, time, place in zip(kinds, times, places, strict=True)
        if kind in CONTACT_NAMES
    ]


def _frame_truths(truth: dict[str, Tensor], scenes: Scenes, rallies: RallyBatch) -> list[dict]:
    """Return what is known of each frame: ball in metres and pixels, blur, share in view, and the camera."""
    states = rallies.state_at(scenes.rally, scenes.times)[0].tolist()
    cameras = scenes.cameras
    return [
        {
            "frame": frame_index,
            "time_s": round(float(scenes.times[0, frame_index]), 6),
            "state": STATE_NAMES[states[frame_index]],
            "place_m": _rounded(truth["place"][frame_index].tolist(), 4),
            "blur": [_rounded(end, 2) for end in truth["path"][frame_index].tolist()],
            "radius": round(float(truth["radius"][frame_index]), 3),
            "in_view": round(float(truth["in_view"][frame_index]), 3),
            "camera": {
                "position_m": _rounded(cameras.position[0, frame_index].tolist(), 4),
                "rotation": [_rounded(row, 6) for row in cameras.rotation[0, frame_index].tolist()],
                "focal": round(float(cameras.focal[0, frame_index]), 3),
                "centre": _rounded(cameras.centre[0, frame_index].tolist(), 2),
            },
        }
        for frame_index in range(len(states))
    ]


def _rounded(values: list[float], digits: int) -> list[float]:
    return [round(value, digits) for value in values]
