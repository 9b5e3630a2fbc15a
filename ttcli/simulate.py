"""Matches that never happened: videos of drawn rallies with exact labels, in the layout of OpenTTGames."""

import json
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ttcli.configs import SimulateConfig
from ttcli.errors import OutputError, SettingError
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.labels.event import EventLabel
from ttcli.labels.openttgames import write_ball_markup, write_events_markup
from ttcli.networks.devices import choose_device
from ttcli.outputs import complete_file, holds_something, locked_folder, sweep_below
from ttcli.processes import WorkerPool
from ttcli.simulation.camera import KINDS
from ttcli.simulation.flight import CONTACT_NAMES
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.scene import Scenes
from ttcli.simulation.staging import film, held, stage_rally
from ttcli.simulation.textures import TextureBank, paint_textures
from ttcli.simulation.timeline import STATE_NAMES, RallyBatch
from ttcli.video.writer import VideoWriter

PLACES = {"training": "game", "test": "test"}
"""Part of the layout -> how its videos are named there."""


def simulate(output: Path, config: SimulateConfig, quiet: bool = False) -> dict:
    """Draw rallies into `output` and return a summary.

    Writes `videos/game_N.mp4` and, under `training/annotations/game_N/`, `ball_markup.json` and `events_markup.json` as
    OpenTTGames has them, and `truth.json` with what no annotator can know: the ball's place in metres, the ends of
    its blur, how much of it is hidden, each contact, and the camera. With `part` "test" the names are those of its test
    set.

    Raises:
        OutputError: The folder holds something already, or another run is going on in it, or it cannot be written.
        SettingError: A setting is out of its range.
    """
    _check(config)
    if output.is_file():
        raise OutputError(output, "is a file", "give the name of a folder")
    with locked_folder(output):
        _prepare(output, config)
        return _simulate(output, config, quiet)


def _simulate(output: Path, config: SimulateConfig, quiet: bool) -> dict:
    numbers = [list(range(job, config.rallies, config.jobs)) for job in range(min(config.jobs, config.rallies))]
    if len(numbers) == 1:
        videos = _film_rallies(output, config, numbers[0], quiet)
    else:
        with WorkerPool(len(numbers), torch.set_num_threads, (1,)) as processes:
            parts = [processes.submit(_film_rallies, output, config, some, True) for some in numbers]
            try:
                videos = [video for part in parts for video in part.result()]
            except BrokenProcessPool as error:
                raise OutputError(
                    output, "a process that drew was killed", "make room in memory, or give fewer --jobs"
                ) from error
    videos.sort(key=lambda video: video["rally"])
    named = [{key: value for key, value in video.items() if key != "rally"} for video in videos]
    return {"output": str(output), "videos": named, "frames": sum(video["frames"] for video in named)}


def _film_rallies(output: Path, config: SimulateConfig, numbers: list[int], quiet: bool) -> list[dict]:
    """Draw the videos of some of the rallies, and return what each is.

    All rallies are played, for chance is one stream over them; filming takes nearly all of the time.
    """
    device = choose_device(config.device)
    textures = paint_textures(config.seed).to(device)
    rallies = simulate_rallies(config.rallies, torch.Generator().manual_seed(config.seed), device=device)
    videos = []
    for rally in numbers:
        chance = torch.Generator().manual_seed(config.seed * 100_003 + rally)
        scenes, frame_rate = stage_rally(
            rally, rallies, textures, config.height, config.width, chance, config.camera, config.frame_rate, config.frames
        )
        name = f"{PLACES[config.part]}_{rally + 1}"
        frames = _film(output, name, scenes, rallies, textures, frame_rate, config, chance, quiet)
        videos.append({"rally": rally, "name": name, "frames": frames, "frame_rate": float(frame_rate)})
    return videos


def _check(config: SimulateConfig) -> None:
    if config.camera != "any" and config.camera not in KINDS:
        raise SettingError("camera", f"{config.camera!r} is not known", f"take any or one of {', '.join(KINDS)}")
    if config.part not in PLACES:
        raise SettingError("part", f"{config.part!r} is not known", f"take one of {', '.join(PLACES)}")
    if min(config.height, config.width) < 64 or config.height % 2 or config.width % 2:
        raise SettingError("size", f"{config.width}x{config.height} is not drawn", "give even sides of at least 64")
    if config.rallies < 1 or (config.frames is not None and config.frames < 1):
        raise SettingError("rallies and frames", "must be at least 1", "give larger numbers")
    if config.frame_rate is not None and not 1 <= config.frame_rate <= 1000:
        raise SettingError("frame rate", f"is {config.frame_rate}", "give 1 to 1000 frames per second")


def _prepare(output: Path, config: SimulateConfig) -> None:
    """Make the folders of the videos, in one that holds nothing but what runs that were killed have left."""
    if holds_something(output) and not config.overwrite:
        raise OutputError(output, "is not empty", "give another folder, or --overwrite to write into it")
    sweep_below(output)
    try:
        (output / "videos").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(output, f"cannot be made ({error.strerror})", "give a folder that you may write to") from error


def _film(
    output: Path,
    name: str,
    scenes: Scenes,
    rallies: RallyBatch,
    textures: TextureBank,
    frame_rate: Fraction,
    config: SimulateConfig,
    generator: torch.Generator,
    quiet: bool,
) -> int:
    """Draw one video, write it with its labels, and return its number of frames."""
    height, width = config.height, config.width
    count = scenes.times.shape[1]
    drawn_frames, chunks = film(scenes, textures, rallies, height, width, generator), []
    with (
        VideoWriter(
            output / "videos" / f"{name}.mp4", height, width, frame_rate, crf=config.crf, overwrite=config.overwrite
        ) as writer,
        tqdm(total=count, desc=name, unit="frame", disable=True if quiet else None) as bar,
    ):
        for drawn in drawn_frames:
            for picture in drawn.frames[0].cpu().numpy():
                writer.write(picture)
            chunks.append(
                {field.name: getattr(drawn, field.name)[0].cpu() for field in fields(drawn) if field.name != "frames"}
            )
            bar.update(drawn.frames.shape[1])
    truth = {key: torch.cat([chunk[key] for chunk in chunks]) for key in chunks[0]}
    folder = output / config.part / "annotations" / name
    folder.mkdir(parents=True, exist_ok=True)
    _write_labels(folder, truth, scenes, rallies, frame_rate, config)
    return count


def _write_labels(
    folder: Path, truth: dict[str, Tensor], scenes: Scenes, rallies: RallyBatch, frame_rate: Fraction, config: SimulateConfig
) -> None:
    labels: dict[int, BallLabel] = {}
    known = truth["known"] & ~held(scenes, rallies)
    for frame_index in torch.nonzero(known)[:, 0].tolist():
        x, y = truth["position"][frame_index].tolist()
        seen = bool(truth["visible"][frame_index])
        labels[frame_index] = BallLabel(True, round(x, 2), round(y, 2)) if seen else NOT_VISIBLE
    write_ball_markup(folder / "ball_markup.json", labels, overwrite=True)

    rally, frames = int(scenes.rally[0]), scenes.times.shape[1]
    contacts = _contacts(rallies, rally)
    events: dict[int, str] = {}
    for contact in contacts:
        frame_index = round((contact["time_s"] - float(scenes.times[0, 0])) * float(frame_rate))
        if contact["kind"] in ("bounce", "net_pass") and 0 <= frame_index < frames:
            events.setdefault(frame_index, "bounce" if contact["kind"] == "bounce" else "net")
    write_events_markup(folder / "events_markup.json", [EventLabel(*item) for item in sorted(events.items())], overwrite=True)

    story = {"height": config.height, "width": config.width, "frame_rate": str(frame_rate), "seed": config.seed}
    story |= {"exposure_s": float(scenes.exposure[0]), "contacts": contacts, "frames": _frame_truths(truth, scenes, rallies)}
    with complete_file(folder / "truth.json", overwrite=True) as path:
        path.write_text(json.dumps(story, separators=(",", ":")) + "\n")


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
