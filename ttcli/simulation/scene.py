"""Scenes: which rally, seen by which camera, in which hall, by which light, and when each frame is taken."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ttcli.simulation.camera import KINDS, Cameras, place_cameras
from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.players import People, draw_people
from ttcli.simulation.sensor import Sensors, draw_sensors
from ttcli.simulation.surroundings import HIT
from ttcli.simulation.textures import TextureBank
from ttcli.simulation.timeline import IN_PLAY, TOSS, RallyBatch
from ttcli.simulation.world import Halls, build_halls

FRAME_RATES = (24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0)
"""Frames per second. Faster video is taken with a stride, so that the network meets these: in nine frames at 120 a
tossed ball at its highest point moves by half its width, and looks like a lamp."""
_RATE_WEIGHTS = (0.05, 0.15, 0.1, 0.1, 0.15, 0.15, 0.3)
BROADCAST_SHARE = 0.4
"""Share of windows as television shows them: 25 or 30 frames a second, long exposures, hard hitting: long faint streaks."""
TRIES = 3
"""Moments that are looked at for one in which the ball is in play, which is what videos are cut to."""
STROKE_SHARE = 0.55
"""Share of windows that a racket meets the ball in: hand, racket and body move with it, and most misses are there."""
_KIND_WEIGHTS = (0.40, 0.10, 0.16, 0.30, 0.04)


@dataclass(frozen=True)
class Scenes:
    """Everything that stays the same through each of B windows, and the times of its frames."""

    rally: Tensor  # (B,) index into the rallies
    times: Tensor  # (B, T) of the rally's clock, seconds: a copied frame repeats its time
    exposure: Tensor  # (B,) seconds
    cameras: Cameras
    moving: Tensor  # (B,) bool: the camera turns or zooms
    halls: Halls
    people: People
    sensors: Sensors
    ball: Tensor  # (B, 3) colour in [0, 1]
    ball_light: Tensor  # (B,) how much darker the lower side is
    ball_size: Tensor  # (B,) of the image, against the true size: lenses and encoders swell small bright things
    ball_glare: Tensor  # (B,) exponent of the coverage below 1: a bright streak looks denser than its share of the exposure
    specks: Tensor  # (B, S, 6) x, y in [0, 1], radius in pixels, colour

    def at(self, frames: slice) -> "Scenes":
        """Return the same scenes at some of their frames."""
        cameras = self.cameras.at(torch.arange(len(self.rally), device=self.times.device), frames)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Scenes(**{**values, "times": self.times[:, frames], "cameras": cameras})


def build_scenes(
    rally: Tensor,
    times: Tensor,
    exposure: Tensor,
    kinds: Tensor,
    moving: Tensor,
    textures: TextureBank,
    height: int | Tensor,
    width: int | Tensor,
    generator: torch.Generator,
) -> Scenes:
    """Return scenes with everything that chance decides beside when and from where.

    Args:
        rally: Index of the rally (B,) that each scene shows.
        times: When each frame is taken (B, T), on the rally's clock, seconds.
        exposure: How long the shutter is open (B,), seconds of the rally's clock.
        kinds: Kinds of camera (B,), indexes into KINDS.
        moving: Which cameras (B,) turn and zoom.
        textures: What walls and floors can look like.
        height: Height of the whole picture, in pixels, or of each (B,).
        width: The same.
        generator: Source of all chance, on the CPU.
    """
    count, device = len(rally), times.device
    uniform = uniform_draw(generator, count)
    cameras = place_cameras(kinds, times, height, width, moving, generator)
    people = draw_people(cameras.position[:, 0], generator)
    area = torch.as_tensor(height * width).float().expand(count)
    swell = (area / (288 * 512)).sqrt().clamp_min(1)[:, None, None]  # specks are as large on a larger picture
    specks = torch.cat([uniform(24, 2), swell * (0.5 + 2.2 * uniform(24, 1) ** 2), _speck_colours(count, generator)], 2)
    specks[..., 2] *= uniform(24) < uniform(1) * (uniform(1) < 0.6)  # none in many windows, two dozen in some
    return Scenes(
        rally=rally.to(device), times=times, exposure=exposure.to(device), cameras=cameras, moving=moving.to(device),
        halls=build_halls(cameras.position[:, 0], textures, generator),
        people=People(*(getattr(people, field.name).to(device) for field in fields(people))),
        sensors=draw_sensors(count, generator).to(device), ball=_ball_colours(count, generator).to(device),
        ball_light=(0.05 + 0.5 * uniform()).to(device), ball_size=(0.95 + 0.3 * uniform()).to(device),
        ball_glare=(0.65 + 0.35 * uniform()).to(device), specks=specks.to(device),
    )  # fmt: skip


def draw_moments(rallies: RallyBatch, count: int, frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return rallies (B,), frame times (B, T) and exposures (B,) for windows somewhere in the given rallies."""
    uniform = uniform_draw(generator, count)
    rally = torch.randint(len(rallies.positions), (count,), generator=generator)
    state, end_sample = rallies.state.cpu(), rallies.end_sample.cpu()
    choice = torch.multinomial(torch.tensor(_RATE_WEIGHTS), count, replacement=True, generator=generator)
    interval = 1 / torch.tensor(FRAME_RATES)[choice]
    broadcast = uniform() < BROADCAST_SHARE
    interval = torch.where(broadcast, 1 / 25 - uniform().round() * (1 / 25 - 1 / 30), interval)
    # Rallies at the top are faster than these.
    pace = torch.where(broadcast | (uniform() < 0.2), 1 + uniform(), torch.ones(count))
    pace = torch.where(uniform() < 0.1, 0.1 + 0.5 * uniform(), pace)  # slow-motion video
    interval = interval * pace
    steps = torch.ones(count, frames)
    copied = (uniform(1) < 0.12) & (uniform(frames) < 0.35 * uniform(1))  # re-encoded video repeats frames
    lost = (uniform(1) < 0.1) & (uniform(frames) < 0.3)  # and leaves some out
    steps = torch.where(copied, torch.zeros(()), torch.where(lost, torch.full((), 2.0), steps))
    clock = (steps.cumsum(1) - steps[:, :1]) * interval[:, None]
    latest = end_sample[rally] / rallies.sample_rate
    last = (latest - clock[:, -1] - 0.05).clamp_min(0.01)
    tries = uniform(TRIES) * last[:, None]
    at = ((tries + clock[:, -1:] / 2) * rallies.sample_rate).long().clamp(max=state.shape[1] - 1)
    code = state[rally[:, None], at]
    played = (code == TOSS) | (code == IN_PLAY)
    start = tries.gather(1, played.float().argmax(1, keepdim=True))[:, 0]  # the first in play, or just the first
    struck, instant = _some_stroke(rallies, rally, generator)
    around = torch.minimum((instant - uniform() * clock[:, -1]).clamp_min(0), last)
    start = torch.where(struck & (uniform() < STROKE_SHARE), around, start)
    short = torch.exp(torch.log(torch.tensor(0.03)) * uniform() ** 1.3)  # bright light: 0.03 to 1 of a frame
    exposure = interval * torch.where(broadcast | (uniform() < 0.35), 0.3 + 0.7 * uniform(), short)
    return rally, start[:, None] + clock, exposure


def _some_stroke(rallies: RallyBatch, rally: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return whether rallies (B,) have strokes, and the time of one of each, seconds."""
    hits = (rallies.contact_kind == HIT).cpu()[rally]  # (B, E)
    chosen = (hits * (0.01 + torch.rand(hits.shape, generator=generator))).argmax(1, keepdim=True)
    return hits.any(1), rallies.contact_time.cpu()[rally].gather(1, chosen)[:, 0]


def draw_kinds(count: int, generator: torch.Generator) -> Tensor:
    """Return kinds of camera (B,), as often as people use them."""
    return torch.multinomial(torch.tensor(_KIND_WEIGHTS[: len(KINDS)]), count, replacement=True, generator=generator)


def _ball_colours(count: int, generator: torch.Generator) -> Tensor:
    """Return colours (B, 3): mostly white balls, a quarter orange ones, about as bright as white paint in that hall."""
    uniform = uniform_draw(generator, count)
    white = 0.93 + 0.07 * uniform(3)
    orange = torch.tensor([1.0, 0.55, 0.12]) * (0.85 + 0.15 * uniform(3)) + 0.25 * uniform(1)
    colour = torch.where(uniform(1) < 0.28, orange, white)
    return (colour * (0.68 + 0.4 * uniform(1))).clamp(0, 1)


def _speck_colours(count: int, generator: torch.Generator) -> Tensor:
    bright = 0.3 + 0.7 * torch.rand(count, 24, 1, generator=generator)
    tint = 1 - 0.4 * torch.rand(count, 24, 3, generator=generator) * (torch.rand(count, 24, 1, generator=generator) < 0.4)
    return bright * tint
