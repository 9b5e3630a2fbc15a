"""Paths of simulated rallies as simulated cameras see them, with what detection does to them, to train a spotter on."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch

from ttcli.simulation.camera import KINDS, Cameras, place_cameras
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.surroundings import BOUNCE, HIT, NET_PASS
from ttcli.simulation.timeline import IN_HAND, NOT_THERE, RallyBatch
from ttcli.spotting.paths import TABLE_FEATURES, Track, make_track
from ttcli.spotting.table_views import Views, seen_on_table
from ttcli.table.constants import TABLE_HEIGHT

RALLIES = 256
"""Played at a time: 256 take about as long as 64."""
SCENES_PER_RALLY = 30
"""How often each is filmed before new ones are played."""
DURATION_SECONDS = 8.0
MOST_RALLIES = 8
"""In one scene, by the same camera."""
LONGEST_PIECE_SECONDS = 4.5
WIDTH = 1920
HEIGHTS = (1080, 1080, 1080, 1440, 3413)
"""Heights of pictures scaled to that width: wide, older, upright."""
FRAME_RATES = (24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0, 100.0, 119.88, 120.0, 240.0)
RATE_WEIGHTS = (0.04, 0.16, 0.10, 0.12, 0.10, 0.05, 0.12, 0.04, 0.04, 0.18, 0.05)
MOVING_SHARE = 0.25
SLOWED_SHARE = 0.06
"""Scenes in slow motion, 1.5 to 11 times."""
FASTEST_CAMERA = 600.0
"""Frames per second that slow motion is taken with at most."""
REPEATED_SHARE = 0.1
"""Scenes with frames that are shown twice."""
BROKEN_SHARE = 0.5
"""Scenes seen as detection sees broadcasts: bodies before the table, streaks too faint to be found, short pieces, jumps."""
BODY = ((0.02, 0.05), (0.09, 0.18))
"""Half the width and height of a body before the table, picture widths, from and to."""
FAST = (0.015, 0.06)
"""Picture widths a frame at which half of the fast balls are missed that are missed at all, from and to."""
SEEN_FRAMES, MISSED_FRAMES = (2, 9), (1, 9)
"""Seen frames of short pieces, and of the gaps between them, from and to before."""
JUMP_FRAMES = (1, 6)
TABLE_SPREAD = 0.03
"""Errors of a known table: parts of its half lengths, of the way up, and of a metre."""
NEAREST_ABOVE, TURNED_ABOVE = 0.4, 0.35
"""Cameras over the table, which the simulator puts high up: how much of the way is left at the least, and radians by which
they are turned about the table at the most."""
KINDS_OF_CONTACT = {"bounce": BOUNCE, "net": NET_PASS, "hit": HIT}


class Scenes(NamedTuple):
    """Which scenes are drawn, as shares."""

    kinds: tuple[float, ...]
    """Where the camera stands: KINDS."""
    fragments: float
    """Scenes of which only the surroundings of some moments are known, as labels have them."""
    table: float
    """Scenes whose table is known."""
    wrong_table: float
    """Share of these in which it is somewhere else."""


ANYWHERE = Scenes(kinds=(0.38, 0.13, 0.18, 0.21, 0.10), fragments=0.35, table=0.65, wrong_table=0.04)
ABOVE = Scenes(kinds=(0.0, 0.0, 0.0, 0.0, 1.0), fragments=0.1, table=1.0, wrong_table=0.0)
"""Those of a camera that looks down on a table that is known."""


class LabelledTrack(NamedTuple):
    """A track, and the instants of what happened on it, in seconds of the same clock."""

    track: Track
    events: dict[str, np.ndarray]
    """Name of the event -> (E,) seconds."""


class SimulatedTracks:
    """An endless source of tracks.

    Args:
        seed: The same seed gives the same tracks.
        rallies: Rallies that are played at a time.
        duration_seconds: Length of each.
        scenes: Which scenes they are of.
    """

    def __init__(
        self, seed: int, rallies: int = RALLIES, duration_seconds: float = DURATION_SECONDS, scenes: Scenes = ANYWHERE
    ) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._random = np.random.default_rng(seed)
        self._count, self._duration_seconds, self._scenes = rallies, duration_seconds, scenes
        self._tracks = self._drawn()

    def __iter__(self) -> Iterator[LabelledTrack]:
        return self._tracks

    def draw(self) -> LabelledTrack:
        """Return the next track."""
        return next(self._tracks)

    def _drawn(self) -> Iterator[LabelledTrack]:
        """Yield tracks without end, of new rallies when those that were played have been filmed often enough."""
        while True:
            rallies = simulate_rallies(self._count, self._generator, duration_seconds=self._duration_seconds)
            left = self._count * SCENES_PER_RALLY
            while left > 0:
                count = int(self._random.integers(1, MOST_RALLIES + 1))
                left -= count
                scene = _film(rallies, count, self._scenes.kinds, self._random, self._generator)
                yield _as_detected(*scene, self._scenes, self._random)


class _Film(NamedTuple):
    """What an eye that misses nothing sees of a scene: T frames of video of a known height."""

    times: np.ndarray  # (T,) seconds
    positions: np.ndarray  # (T, 2) pixels
    inside: np.ndarray  # (T,) bool: there is a ball, and on the picture
    held: np.ndarray  # (T,) bool: in a hand
    height: int
    frame_seconds: float
    views: Views


def _film(
    rallies: RallyBatch, count: int, kinds: tuple[float, ...], random: np.random.Generator, generator: torch.Generator
) -> tuple[_Film, dict[str, np.ndarray]]:
    """Return some rallies filmed by one camera, one after another, and their events."""
    frame_rate = random.choice(FRAME_RATES, p=RATE_WEIGHTS)
    slower = float(np.exp(random.uniform(0.4, 2.4))) if random.random() < SLOWED_SHARE else 1.0
    slower = min(slower, FASTEST_CAMERA / frame_rate)
    frame_rate, count = frame_rate * slower, math.ceil(count / slower)
    height = int(random.choice(HEIGHTS))
    pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    events: dict[str, list[np.ndarray]] = {name: [] for name in KINDS_OF_CONTACT}
    now = 0.0
    for _ in range(count):
        index = int(random.integers(len(rallies.end_sample)))
        end = float(rallies.end_sample[index]) / rallies.sample_rate
        length = min(random.uniform(1.0, LONGEST_PIECE_SECONDS), end)
        begin = random.uniform(0, end - length)
        at = begin + random.uniform(0, 1) / frame_rate + np.arange(int(length * frame_rate)) / frame_rate
        pieces.append((at, at - begin + now, np.full(len(at), index)))
        contacts, times = rallies.contact_kind[index].numpy(), rallies.contact_time[index].numpy().astype(float)
        for name, kind in KINDS_OF_CONTACT.items():
            inside = (contacts == kind) & (times >= begin) & (times < begin + length)
            events[name].append(times[inside] - begin + now)
        now += length + random.exponential(3.0)
    rally_times, clock, rally = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    which, when = torch.from_numpy(rally), torch.from_numpy(rally_times)[:, None]
    places = rallies.position_at(which, when)[:, 0]
    states = rallies.state_at(which, when)[:, 0].numpy()
    camera = _camera(clock, height, kinds, random, generator)
    pixels = camera.project(places[None, :, None].float())[0][0, :, 0].double().numpy()
    views = Views(*(part[0].double().numpy() for part in (camera.position, camera.rotation, camera.focal, camera.centre)))
    inside = (states != NOT_THERE) & (pixels >= 0).all(1) & (pixels < (WIDTH, height)).all(1)
    film = _Film(clock * slower, pixels, inside, states == IN_HAND, height, slower / frame_rate, views)
    return film, {name: np.concatenate(times) * slower for name, times in events.items()}


def _camera(
    clock: np.ndarray, height: int, kinds: tuple[float, ...], random: np.random.Generator, generator: torch.Generator
) -> Cameras:
    """Return one camera at all times (T,), batch of one."""
    kind = torch.tensor([random.choice(len(KINDS), p=kinds)])
    moving = torch.tensor([random.random() < MOVING_SHARE])
    camera = place_cameras(kind, torch.from_numpy(clock).float()[None], height, WIDTH, moving, generator)
    return _put_elsewhere(camera, random) if kinds == ABOVE.kinds and random.random() < 0.5 else camera


def _put_elsewhere(camera: Cameras, random: np.random.Generator) -> Cameras:
    """Return a camera over the table nearer to it and looking down less steeply, with the table as large on the picture."""
    nearer = random.uniform(NEAREST_ABOVE, 1.0)
    position, forward = camera.position[0, 0], camera.rotation[0, 0, 2]
    target = position + forward * (TABLE_HEIGHT - position[2]) / forward[2]
    away, about = random.uniform(-TURNED_ABOVE, TURNED_ABOVE), random.uniform(0, 2 * math.pi)
    axis = np.array([math.cos(about), math.sin(about), 0.0]) * away
    turn = torch.from_numpy(cv2.Rodrigues(axis)[0]).float()
    return Cameras(
        target + nearer * (camera.position - target) @ turn.T, camera.rotation @ turn.T, camera.focal * nearer, camera.centre
    )


def _as_detected(film: _Film, events: dict[str, np.ndarray], scenes: Scenes, random: np.random.Generator) -> LabelledTrack:
    """Return a film's track with the errors of detection, or with the gaps of labels."""
    count = len(film.times)
    seen = film.inside & ~(film.held & (random.random() < 0.6))
    if random.random() < 0.5:
        seen &= random.random(count) >= random.uniform(0, 0.25)
    if random.random() < 0.5:
        _hide(seen, film.times, random.choice(film.times, random.integers(1, 6)), 0.03, 0.5, random)
    if random.random() < 0.5:  # the racket hides the ball, or is taken for it
        _hide(seen, film.times, events["hit"], 0.01, 0.12, random)
    if random.random() < scenes.fragments:
        seen &= _fragments(film, events, random)
    broken = random.random() < BROKEN_SHARE
    if broken:
        _break(seen, film, events, random)
    confidences = np.ones(count) if random.random() < 0.3 else 1 - random.beta(0.6, 3, count) * 0.5
    positions = film.positions + _noise(count, random)
    if random.random() < 0.4:
        _add_false_positions(positions, confidences, seen, film, random)
    if broken and random.random() < 0.4:
        _jump(positions, confidences, seen, film, events, random)
    if random.random() < 0.3:
        positions = positions.round()
    if random.random() < REPEATED_SHARE:  # every so many frames shown twice, as conversion of frame rates does it
        source = np.maximum.accumulate(np.where(random.random(count) < random.uniform(0.1, 0.5), 0, np.arange(count)))
        positions, confidences, seen = positions[source], confidences[source], seen[source]
    track = make_track(film.times[seen], positions[seen], confidences[seen], film.height, WIDTH)
    if random.random() < scenes.table:
        views = Views(*(part[seen] for part in film.views))
        track = track._replace(table=_table(positions[seen], views, scenes.wrong_table, random))
    return LabelledTrack(track, events)


def _table(pixels: np.ndarray, views: Views, wrong: float, random: np.random.Generator) -> np.ndarray:
    """Return the table's features (N, TABLE_FEATURES) of sightings, with the errors of a table that was found."""
    features = seen_on_table(pixels, views, WIDTH)
    spread = 10 * TABLE_SPREAD if random.random() < wrong else TABLE_SPREAD * random.random()
    features[:, 1:] *= 1 + spread * random.normal(size=TABLE_FEATURES - 1)
    features[:, 1:3] += spread * random.normal(size=2)
    return features


def _break(seen: np.ndarray, film: _Film, events: dict[str, np.ndarray], random: np.random.Generator) -> None:
    """Hide what detection misses in broadcasts, in place."""
    frames, count = film.positions / WIDTH, len(seen)
    if random.random() < 0.45 and len(events["bounce"]):
        for instant in random.choice(events["bounce"], random.integers(1, 3)):
            body = frames[np.abs(film.times - instant).argmin()] + random.normal(size=2) * 0.03
            sway = 0.03 * random.random() * np.sin(random.uniform(1, 4) * film.times[:, None] + random.uniform(0, 6, 2))
            size = random.uniform(*BODY)
            seen &= (np.abs(frames - body - sway) > size).any(1) | (random.random(count) < 0.1)
    if random.random() < 0.5:
        speed = np.linalg.norm(np.diff(frames, axis=0, append=frames[-1:]), axis=1)
        least = random.uniform(*FAST)
        seen &= random.random(count) >= random.uniform(0.3, 0.9) / (1 + np.exp((least - speed) / (0.2 * least)))
    if random.random() < 0.4:
        chosen = events["bounce"][random.random(len(events["bounce"])) < random.uniform(0.2, 0.7)]
        _hide(seen, film.times, chosen, 0.02, 0.35, random)
    if random.random() < 0.35:
        lengths = [int(random.integers(*(SEEN_FRAMES, MISSED_FRAMES)[piece % 2])) for piece in range(count)]
        kept = np.repeat(np.arange(count) % 2 == 0, lengths)[:count]
        pieces = np.zeros(count, bool)
        begin, end = np.sort(random.integers(0, count + 1, 2))  # a part of the scene, or nearly all of it
        pieces[begin:end] = True
        seen &= kept | ~pieces


def _jump(
    positions: np.ndarray,
    confidences: np.ndarray,
    seen: np.ndarray,
    film: _Film,
    events: dict[str, np.ndarray],
    random: np.random.Generator,
) -> None:
    """Put some pieces of the path on something else that is near and still, such as a hand, a shoe or a lamp, in place."""
    instants = np.concatenate([*events.values(), random.choice(film.times, 2)])
    for instant in instants[random.random(len(instants)) < random.uniform(0.05, 0.3)]:
        first = int(np.abs(film.times - instant).argmin()) + int(random.integers(-2, 3))
        piece = slice(max(0, first), max(0, first) + int(random.integers(*JUMP_FRAMES)))
        drift = np.linspace(0, 1, len(positions[piece]))[:, None] * random.normal(size=2) * 20
        positions[piece] = (
            positions[max(0, min(first, len(seen) - 1))] + random.normal(size=2) * random.uniform(15, 120) + drift
        )
        confidences[piece] = random.uniform(0.5, 0.95)
        seen[piece] = True


def _noise(count: int, random: np.random.Generator) -> np.ndarray:
    """Return errors of positions (T, 2) in pixels: up to 2.5, and now and then a larger one."""
    size = random.choice([0.0, 0.5, random.uniform(0.5, 2.5)], p=[0.2, 0.3, 0.5])
    rare = random.random(count)[:, None] < 0.02
    return random.normal(size=(count, 2)) * np.where(rare, 4 * size, size)


def _hide(
    seen: np.ndarray, times: np.ndarray, middles: np.ndarray, shortest: float, longest: float, random: np.random.Generator
) -> None:
    """Hide the ball for some time around each instant, in place."""
    for middle in middles:
        half = random.uniform(shortest, longest) / 2
        seen[(times >= middle - half) & (times <= middle + half)] = False


def _fragments(film: _Film, events: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Return which frames (T,) lie near one of some moments: most events, and others."""
    moments = np.concatenate([*events.values(), random.choice(film.times, 3)])
    moments = moments[random.random(len(moments)) < random.uniform(0.5, 1)]
    known = np.zeros(len(film.times), bool)
    scale = max(film.frame_seconds, 1 / 120)
    for moment in moments:
        before, after = random.uniform(1, 16, 2) * scale
        known |= (film.times >= moment - before) & (film.times <= moment + after)
    return known


def _add_false_positions(
    positions: np.ndarray, confidences: np.ndarray, seen: np.ndarray, film: _Film, random: np.random.Generator
) -> None:
    """Put some frames' balls elsewhere, near the path or anywhere, in place; also where no ball was seen."""
    wrong = random.random(len(seen)) < random.uniform(0, 0.04)
    near = random.random(len(seen)) < 0.6
    elsewhere = random.uniform((0, 0), (WIDTH, film.height), (len(seen), 2))
    nearby = positions + random.normal(size=(len(seen), 2)) * random.uniform(10, 80)
    positions[wrong] = np.where(near[:, None], nearby, elsewhere)[wrong]
    confidences[wrong] = random.uniform(0.5, 0.95, wrong.sum())
    seen |= wrong & (random.random(len(seen)) < 0.5)
