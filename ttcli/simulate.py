"""Matches that never happened: videos of drawn rallies with exact labels, in the layout of OpenTTGames."""

from collections.abc import Iterable, Mapping
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ttcli.configs import SimulateConfig
from ttcli.errors import OutputError, SettingError
from ttcli.networks.devices import choose_device
from ttcli.outputs import holds_something, locked_folder, sweep_below
from ttcli.processes import WorkerPool
from ttcli.simulation.annotations import write_annotations, write_played
from ttcli.simulation.camera import KINDS
from ttcli.simulation.match import simulate_match
from ttcli.simulation.match_film import draw_match, stage_match
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.staging import Shot, film, stage_rally
from ttcli.simulation.textures import paint_textures
from ttcli.simulation.threads import one_thread
from ttcli.video.writer import VideoWriter

SHORTEST_MATCH, LONGEST_MATCH = 0.25, 60.0
"""Minutes."""
PLACES = {"training": "game", "test": "test"}
"""Part of the layout -> how its videos are named there."""


def simulate(output: Path, config: SimulateConfig, quiet: bool = False) -> dict:
    """Draw rallies into `output` and return a summary.

    Writes `videos/game_N.mp4` and, under `training/annotations/game_N/`, `ball_markup.json` and
    `events_markup.json` as OpenTTGames has them, and `truth.json` with what no annotator can know. That is the
    ball's position in metres, the ends of its blur, how much is hidden, each contact, and the camera. With `part`
    "test" the names follow its test set. With `match` it is one video of a whole match, and `rallies.csv` lists its
    rallies.

    Raises:
        OutputError: The folder holds something already, or another run is going on in it, or it cannot be written.
        SettingError: A setting is out of its range.
    """
    _check(config)
    if output.is_file():
        raise OutputError(output, "is a file", "give the name of a folder")
    with locked_folder(output):
        _prepare(output, config)
        with one_thread():
            return _simulate(output, config, quiet)


def _simulate(output: Path, config: SimulateConfig, quiet: bool) -> dict:
    videos = _film_videos(output, config, quiet) if config.match is None else _film_match(output, config, config.match, quiet)
    return {"output": str(output), "videos": videos, "frames": sum(video["frames"] for video in videos)}


def _film_videos(output: Path, config: SimulateConfig, quiet: bool) -> list[dict]:
    """Draw a video of each rally, in one process or in several, and return what each is."""
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
    return [{key: value for key, value in video.items() if key != "rally"} for video in videos]


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
        drawn = (part.arrays() for part in film(scenes, textures, rallies, config.height, config.width, chance))
        frames = scenes.times.shape[1]
        truth = _write_film(output, name, drawn, frames, frame_rate, config, quiet)
        folder = output / config.part / "annotations" / name
        write_annotations(folder, truth, scenes, rallies, [Shot(0, frames)], frame_rate, config)
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
    if config.match is not None and not SHORTEST_MATCH <= config.match <= LONGEST_MATCH:
        raise SettingError(
            "match",
            f"lasts {config.match:g} minutes",
            f"give {SHORTEST_MATCH:g} to {LONGEST_MATCH:g}: more make several matches",
        )
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


def _film_match(output: Path, config: SimulateConfig, minutes: float, quiet: bool) -> list[dict]:
    """Draw the video of one match, write it with its labels and its rallies, and return what it is."""
    match = simulate_match(60 * minutes, torch.Generator().manual_seed(config.seed))
    staged = stage_match(match, config.seed, config.height, config.width, config.camera, config.frame_rate, config.frames)
    name = f"{PLACES[config.part]}_1"
    try:
        truth = _write_film(output, name, draw_match(staged, config.jobs), staged.frames, staged.frame_rate, config, quiet)
    except BrokenProcessPool as error:
        raise OutputError(output, "a process that drew was killed", "make room in memory, or give fewer --jobs") from error
    folder = output / config.part / "annotations" / name
    write_annotations(folder, truth, staged.scenes, match.story, staged.shots, staged.frame_rate, config)
    write_played(folder, staged)
    return [{"name": name, "frames": staged.frames, "frame_rate": float(staged.frame_rate), "rallies": len(match.rallies)}]


def _write_film(
    output: Path,
    name: str,
    drawn: Iterable[Mapping[str, np.ndarray]],
    count: int,
    frame_rate: Fraction,
    config: SimulateConfig,
    quiet: bool,
) -> dict[str, Tensor]:
    """Write one video of `count` frames, and return what is known of them, by the names of `Drawn`."""
    path, parts = output / "videos" / f"{name}.mp4", []
    with (
        VideoWriter(path, config.height, config.width, frame_rate, crf=config.crf, overwrite=config.overwrite) as writer,
        tqdm(total=count, desc=name, unit="frame", disable=True if quiet else None) as bar,
    ):
        for part in drawn:
            for picture in part["frames"]:
                writer.write(picture)
            bar.update(len(part["frames"]))
            parts.append({key: values for key, values in part.items() if key != "frames"})
    return {key: torch.from_numpy(np.concatenate([part[key] for part in parts])) for key in parts[0]}
