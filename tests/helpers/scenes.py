"""Scenes for the tests of the simulator: balls that stand still where a test wants them, sensors that change nothing."""

from dataclasses import replace

import torch
from torch import Tensor

from ttcli.simulation.backdrop import Backdrop, paint_backdrop
from ttcli.simulation.camera import KINDS, Cameras, place_cameras
from ttcli.simulation.drawing import Drawn, draw_scenes
from ttcli.simulation.scene import Scenes, build_scenes
from ttcli.simulation.sensor import Sensors
from ttcli.simulation.surroundings import NOTHING
from ttcli.simulation.textures import TextureBank
from ttcli.simulation.timeline import IN_PLAY, RallyBatch
from ttcli.table.camera import TableCamera

HEIGHT, WIDTH = 144, 256
"""Size of whole pictures here."""
CROP_HEIGHT, CROP_WIDTH = 96, 160
"""Size of what is cut round the ball out of pictures ENLARGED times as large."""
ENLARGED = 4


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cameras_of_each_kind(
    count: int, moving: bool = False, frames: int = 1, height: int = HEIGHT, width: int = WIDTH, seed: int = 0
) -> Cameras:
    """Return `count` cameras of each kind, in the order of KINDS, at `frames` times over 2 s."""
    kinds = torch.arange(len(KINDS)).repeat_interleave(count)
    times = torch.linspace(0, 2, frames).expand(len(kinds), -1)
    return place_cameras(kinds, times, height, width, torch.full((len(kinds),), moving), seeded(seed))


def true_cameras(count: int, seed: int = 0) -> list[TableCamera]:
    """Return cameras of each kind, `count` of each, as the table is seen by them on a picture of full HD."""
    cameras = cameras_of_each_kind(count, height=1080, width=1920, seed=seed)
    parts = (cameras.position, cameras.rotation, cameras.focal, cameras.centre)
    rows = zip(*(part[:, 0].double().numpy() for part in parts), strict=True)
    return [TableCamera(place, turn, float(focal), centre, 1920) for place, turn, focal, centre in rows]


def still_balls(places: list[tuple[float, float, float]] | Tensor, state: int = IN_PLAY) -> RallyBatch:
    """Return rallies of 2 s, one for each place, in which the ball hangs there and nobody hits it."""
    places = torch.as_tensor(places)
    count, samples = len(places), 200
    return RallyBatch(
        positions=places[:, None].repeat(1, samples, 1),
        sample_rate=100,
        end_sample=torch.full((count,), samples),
        state=torch.full((count, samples), state, dtype=torch.int8),
        contact_time=torch.full((count, 1), float("inf")),
        contact_kind=torch.full((count, 1), NOTHING, dtype=torch.int8),
        contact_position=torch.zeros(count, 1, 3),
        contact_side=torch.zeros(count, 1, dtype=torch.int8),
    )


def neutral_sensors(count: int) -> Sensors:
    """Return sensors that show colours as they are."""
    none = torch.zeros(count)
    return Sensors(
        blur=none, sharpen=none, gamma=torch.ones(count), gain=torch.ones(count, 3), black=none, flicker=none,
        noise=none, chroma=none.bool(), quantise=none,
    )  # fmt: skip


def plain_scenes(
    rally: Tensor,
    times: Tensor,
    exposure: Tensor,
    textures: TextureBank,
    kinds: list[str] | None = None,
    moving: bool = False,
    people: bool = True,
    enlarged: int = 1,
    seed: int = 0,
) -> Scenes:
    """Return scenes with neutral sensors, round evenly lit white balls, and nothing that looks like one."""
    count = len(rally)
    kinds = torch.tensor([KINDS.index(kind) for kind in kinds or [KINDS[row % len(KINDS)] for row in range(count)]])
    moves = torch.full((count,), moving)
    size = HEIGHT * enlarged, WIDTH * enlarged
    scenes = build_scenes(rally, times, exposure, kinds, moves, textures, *size, seeded(seed))
    one = torch.ones(count)
    scenes = replace(
        scenes, sensors=neutral_sensors(count), ball=torch.ones(count, 3), ball_light=0 * one, ball_size=one,
        ball_glare=one, specks=torch.zeros_like(scenes.specks),
    )  # fmt: skip
    return scenes if people else replace(scenes, people=scenes.people.at(torch.arange(0)))


def close_scenes(
    rally: Tensor, times: Tensor, exposure: Tensor, balls: RallyBatch, textures: TextureBank, **settings
) -> Scenes:
    """Return plain scenes, enlarged so that balls are some pixels wide, and cut round the ball of the middle frame."""
    scenes = plain_scenes(rally, times, exposure, textures, enlarged=ENLARGED, **settings)
    middle = times.shape[1] // 2
    ball = balls.position_at(rally, times[:, middle : middle + 1])[:, :, None]
    pixel = scenes.cameras.at(torch.arange(len(rally)), middle).project(ball)[0][:, 0, 0]
    left, top = (pixel - torch.tensor([CROP_WIDTH / 2, CROP_HEIGHT / 2])).unbind(-1)
    return replace(scenes, cameras=scenes.cameras.view(left, top))


def scenes_of(balls: RallyBatch, textures: TextureBank, frames: int = 1, **settings) -> Scenes:
    """Return a close scene of each rally of still balls, `frames` frames over 1.5 s."""
    count = len(balls.positions)
    times = torch.linspace(0.2, 1.7, frames).expand(count, -1)
    return close_scenes(torch.arange(count), times, torch.full((count,), 0.01), balls, textures, **settings)


def backdrop_of(
    scenes: Scenes, textures: TextureBank, height: int = CROP_HEIGHT, width: int = CROP_WIDTH, **settings
) -> Backdrop:
    """Return a backdrop without captions, with room for a camera that pans."""
    return paint_backdrop(scenes, textures, height, width, seeded(), **{"captions": 0.0, "margin": 64, **settings})


def draw(scenes: Scenes, balls: RallyBatch, textures: TextureBank, height: int = CROP_HEIGHT, width: int = CROP_WIDTH) -> Drawn:
    """Return plain scenes drawn."""
    return draw_scenes(scenes, backdrop_of(scenes, textures, height, width), balls, height, width, seeded(1))
