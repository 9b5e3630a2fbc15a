"""Matches on film: one camera and one hall, or, as a broadcast shows them, cuts to players and slow replays in the pauses."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ttcli.processes import WorkerPool
from ttcli.simulation.backdrop import Backdrop, paint_backdrop
from ttcli.simulation.camera import KINDS, Cameras, place_cameras
from ttcli.simulation.drawing import draw_scenes
from ttcli.simulation.match import Match
from ttcli.simulation.players import People, draw_people
from ttcli.simulation.scene import Scenes, build_scenes, draw_kinds
from ttcli.simulation.staging import CHUNK, MOVING_MARGIN, MOVING_SHARE, VIDEO_RATES, Shot
from ttcli.simulation.textures import paint_textures

SEGMENT = 16
"""Frames that a process draws before it gives them back."""
AHEAD = 3
"""Segments asked for ahead, for each process."""
FARTHEST_CONTACT = 3.0
"""Seconds: what players do so long before or after a frame does not show on it."""
BYSTANDERS = 3
SETTLE, RETURN = (0.8, 1.8), (0.5, 1.5)
"""Seconds after a point before a broadcast cuts away, and before the next toss when it is back."""
SHORTEST_CUT = 1.5
CUT_SHARE, REPLAY_SHARE = 0.75, 0.4
"""Share of the pauses that are long enough in which a broadcast cuts away, and of those in which it shows the point again."""
REPLAY_PACE = (0.3, 0.6)
"""Speed of replays, against the true one."""
CLOSE_ZOOM = (2.5, 5.0)
FACE = 1.4
"""Metres over the floor that a close-up aims at."""
ARENA = (13.0, 13.0)
"""Metres from the table's middle to the walls: cameras of replays stand within."""
REPLAY_CAMERAS = ("side", "corner", "broadcast")


@dataclass(frozen=True)
class MatchFilm:
    """A staged match, from which each segment of frames can be drawn by itself."""

    match: Match
    scenes: Scenes
    """Scenes of one window, whose frames are the film's."""
    shots: list[Shot]
    frame_rate: Fraction
    height: int
    width: int
    seed: int

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.scenes.times.shape[1]

    def segments(self) -> list[Shot]:
        """Return the parts that are drawn on their own, in order."""
        return [
            Shot(first, min(first + SEGMENT, shot.last))
            for shot in self.shots
            for first in range(shot.first, shot.last, SEGMENT)
        ]


def stage_match(
    match: Match,
    seed: int,
    height: int,
    width: int,
    camera: str = "any",
    frame_rate: float | None = None,
    frames: int | None = None,
) -> MatchFilm:
    """Return a film of a match.

    Args:
        match: What is played.
        seed: Seed of all chance: hall, people, camera, cuts.
        height: Height of the picture, in pixels.
        width: The same.
        camera: One of KINDS, or any. A broadcast cuts to players and replays in the pauses.
        frame_rate: Frames per second; None draws one of VIDEO_RATES.
        frames: At most; None shows the whole match.
    """
    generator = torch.Generator().manual_seed(seed)
    pick = int(torch.randint(len(VIDEO_RATES), (1,), generator=generator))
    rate = Fraction(frame_rate or VIDEO_RATES[pick]).limit_denominator(1001)
    count = max(1, min(int(match.seconds * rate), frames or int(match.seconds * rate)))
    times = (torch.arange(count) / float(rate))[None]
    exposure = (0.1 + 0.5 * torch.rand(1, generator=generator)) / float(rate)
    kind = draw_kinds(1, generator) if camera == "any" else torch.tensor([KINDS.index(camera)])
    moving = (torch.rand(1, generator=generator) < MOVING_SHARE) & torch.tensor([camera in ("any", "broadcast")])
    textures = paint_textures(seed)
    scenes = build_scenes(torch.tensor([0]), times, exposure, kind, moving, textures, height, width, generator)
    scenes = replace(scenes, people=_with_bystanders(scenes, generator))
    shots = [Shot(0, count)]
    if KINDS[int(kind)] == "broadcast":
        scenes = replace(scenes, halls=scenes.halls.at_least(ARENA))
        scenes, shots = _edit(match, scenes, float(rate), height, width, generator)
    return MatchFilm(match, scenes, shots, rate, height, width, seed)


def draw_match(film: MatchFilm, jobs: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the segments of a film in order: arrays of pictures and of what is known of them, by the names of `Drawn`.

    Args:
        film: The staged match.
        jobs: Processes that draw; the pictures are the same for any number.

    Raises:
        BrokenProcessPool: A process was killed.
    """
    segments = film.segments()
    if jobs == 1:
        yield from map(_Studio(film).draw, segments)
        return
    with WorkerPool(jobs, _open_studio, (film,)) as processes:
        pending: deque = deque()
        for segment in segments:
            pending.append(processes.submit(_draw_in_studio, segment))
            if len(pending) > AHEAD * jobs:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


class _Studio:
    """Draws segments; the backdrop of the last shot is kept."""

    def __init__(self, film: MatchFilm) -> None:
        self._film = film
        self._textures = paint_textures(film.seed)
        self._shot = Shot(0, 0)
        self._backdrop: Backdrop | None = None

    def draw(self, segment: Shot) -> dict[str, np.ndarray]:
        film = self._film
        backdrop = self._backdrop_of(next(shot for shot in film.shots if shot.first <= segment.first < shot.last))
        generator = torch.Generator().manual_seed(film.seed * 100_003 + segment.first)
        parts = []
        for first in range(segment.first, segment.last, CHUNK):
            scenes = film.scenes.at(slice(first, min(first + CHUNK, segment.last)))
            middle = (float(scenes.times.min()) + float(scenes.times.max())) / 2
            if film.match.changed_by(middle):
                scenes = replace(scenes, people=scenes.people.at_other_ends())
            story = film.match.story_near(middle, FARTHEST_CONTACT)
            drawn = draw_scenes(scenes, backdrop, story, film.height, film.width, generator, strays=film.match.strays)
            parts.append(drawn.arrays())
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _backdrop_of(self, shot: Shot) -> Backdrop:
        if self._backdrop is None or shot != self._shot:
            film = self._film
            captions = torch.Generator().manual_seed(film.seed)  # the same in all shots
            margin = int(MOVING_MARGIN * film.width)
            scenes = film.scenes.at(slice(*shot))
            self._backdrop = paint_backdrop(scenes, self._textures, film.height, film.width, captions, margin=margin)
            self._shot = shot
        return self._backdrop


_STUDIOS: list[_Studio] = []
"""The one of a process that draws."""


def _open_studio(film: MatchFilm) -> None:
    torch.set_num_threads(1)
    _STUDIOS.append(_Studio(film))


def _draw_in_studio(segment: Shot) -> dict[str, np.ndarray]:
    return _STUDIOS[-1].draw(segment)


def _with_bystanders(scenes: Scenes, generator: torch.Generator) -> People:
    """Return the people of a scene and BYSTANDERS more, such as an umpire and those who wait."""
    groups = [scenes.people]
    for _ in range(BYSTANDERS):
        more = draw_people(scenes.cameras.position[:, 0].cpu(), generator)
        groups.append(more.at(torch.nonzero(more.side == 0)[:, 0]))
    return People(*(torch.cat([getattr(group, field.name) for group in groups]) for field in fields(People)))


def _edit(
    match: Match, scenes: Scenes, rate: float, height: int, width: int, generator: torch.Generator
) -> tuple[Scenes, list[Shot]]:
    """Return a film with cuts to players and replays in its pauses, and its shots."""
    count = scenes.times.shape[1]
    uniform = partial(_between, generator)
    times, cameras, shots, at = [], [], [], 0

    def show(last: int, clock: Tensor | None = None, seen: Cameras | None = None) -> None:
        nonlocal at
        if last > at:
            part = scenes.at(slice(at, last))
            times.append(part.times if clock is None else clock)
            cameras.append(part.cameras if seen is None else seen)
            shots.append(Shot(at, last))
            at = last

    for point, following in zip(match.rallies, match.rallies[1:], strict=False):
        away = round((point.end + uniform(*SETTLE)) * rate)
        back = min(round((following.toss - uniform(*RETURN)) * rate), count)
        if away < at or back - away < SHORTEST_CUT * rate or uniform(0, 1) > CUT_SHARE:
            continue
        show(away)
        part = scenes.at(slice(away, back))
        if uniform(0, 1) < REPLAY_SHARE:
            clock = _replay(point.start, point.end, part.times, uniform(*REPLAY_PACE))
            kind = KINDS.index(REPLAY_CAMERAS[int(uniform(0, len(REPLAY_CAMERAS)))])
            still = torch.tensor([False])
            show(back, clock, place_cameras(torch.tensor([kind]), clock, height, width, still, generator))
        else:
            side = -1 if uniform(0, 1) < 0.5 else 1
            target = torch.tensor([[uniform(-0.4, 0.4), side * 2.2, FACE]])
            show(back, None, part.cameras.aimed(target, uniform(*CLOSE_ZOOM)))
    show(count)
    whole = replace(scenes, times=torch.cat(times, 1), cameras=cameras[0].followed_by(cameras[1:]))
    return whole, shots


def _replay(begin: float, end: float, times: Tensor, pace: float) -> Tensor:
    """Return what a replay of a point shows in frames at `times` (1, T): its last part, slowed, until it is over."""
    age = (times - times[:, :1]) * pace
    return max(begin - 0.5, end + 0.5 - float(age[0, -1])) + age


def _between(generator: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=generator))
