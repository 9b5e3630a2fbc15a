"""Windows to train on, drawn by the simulator as they are needed."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ttcli.networks.model_input import ENLARGED
from ttcli.simulation.backdrop import paint_backdrop
from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.drawing import draw_scenes
from ttcli.simulation.players import rush_behind
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.scene import Scenes, build_scenes, draw_kinds, draw_moments
from ttcli.simulation.staging import film, held, stage_rally
from ttcli.simulation.surroundings import BOUNCE, NET_PASS
from ttcli.simulation.textures import paint_textures
from ttcli.simulation.timeline import RallyBatch
from ttcli.training_set.window_batch import BALL_IN_CROP, WindowBatch, join_windows, unknown_events

RALLIES, WINDOWS_PER_RALLY = 192, 60
"""Rallies that windows are drawn from before new ones are played, and how many windows from each."""
DEVICE_RALLIES, DEVICE_WINDOWS_PER_RALLY = 1024, 180
"""The same on a GPU, which draws so fast that training waits for the seconds in which rallies are played."""
MOVING_SHARE = 0.4
"""Share of windows whose camera pans, zooms or shakes."""
CHUNK = 8
"""Windows drawn together: larger chunks leave the processor's caches, smaller ones pay for dispatch."""
DEVICE_CHUNK_PIXELS = 256 * 192 * 128
"""Pixels of a frame of all windows drawn together on a GPU, which waits for orders: 4.7 GB of its memory."""
RUSH_SHARE = 0.35
"""Share of windows in which somebody rushes past behind the ball. A network that was not shown such windows finds three
balls in front of a body that moves by its own width where it finds five others at a stroke."""
CANDIDATE_SHARE = 0.95
"""The same of windows for the second stage, which is never asked about places far from play."""
NEAR_SPREAD, BESIDE_SHARE = 0.1, 0.35
"""For windows of the second stage: the standard deviation of the ball's position around the middle, in crops. Then the
share in which the ball lies anywhere within a crop's width of the middle, as where a candidate was a hand or a shoe
near it."""
GLINT_SHARE = 0.3
"""Share of windows for the second stage with glints, which a cut shows as it shows a ball further away."""
SOFT_SHARE = 0.2
"""Share of windows for the second stage from video too small for it, whose pictures are enlarged."""
SHAPES = ((288, 512), (288, 512), (288, 512), (336, 448), (512, 288))
"""Heights and widths of the working pictures that crops are cut from, each as often: wide, 4:3, upright."""
EVENT_STEPS = 120
"""Steps a second that targets of events are stated in."""
OF_RALLIES, OF_WINDOWS = 0, 1
"""What chance is used for: each use has numbers of its own."""


def seeded_generator(*numbers: int) -> torch.Generator:
    """Return a generator on the processor whose numbers follow from all of these, and differ where one of them does."""
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed >> np.uint64(1)))


class DrawnWindows:
    """An endless source of drawn windows, crops of the working picture.

    What is drawn at a position follows from it, the arguments and the kind of device. Windows are drawn in blocks, on a
    GPU large ones, and the last block is kept until it has been handed out.

    Args:
        window_size: Frames in a window.
        height: Height of the crops, in working pixels.
        width: Width of the crops, in working pixels.
        seed: The same seed draws the same windows.
        device: Where they are drawn.
        rallies: Rallies that are played at a time; None for as many as pay.
        block: Windows that are drawn at a time; None for as many as pay. Where several processes take their portions in
            turn, each would draw whole blocks for its part of them: there it is the size of a portion.
        second_stage: Windows for the second stage: cut from pictures ENLARGED times as large, the middle frame's ball near
            their middle.
    """

    def __init__(
        self,
        window_size: int,
        height: int,
        width: int,
        seed: int,
        device: str | torch.device = "cpu",
        rallies: int | None = None,
        block: int | None = None,
        second_stage: bool = False,
    ) -> None:
        self.window_size, self.height, self.width = window_size, height, width
        self._second_stage = second_stage
        self.device = torch.device(device)
        self.position = 0
        """Number of the window that comes next."""
        self._seed = seed
        self._textures = paint_textures(seed).to(self.device)
        on_processor = self.device.type == "cpu"
        self._count = rallies or (RALLIES if on_processor else DEVICE_RALLIES)
        self.run = self._count * (WINDOWS_PER_RALLY if on_processor else DEVICE_WINDOWS_PER_RALLY)
        """Windows from the same rallies, beginning at a multiple of it: whoever draws all of them has these played once."""
        self._played: tuple[int, RallyBatch] | None = None  # the latest rallies, and which they are
        paying = CHUNK if on_processor else max(CHUNK, DEVICE_CHUNK_PIXELS // (height * width))
        self._chunk = min(block or paying, self.run)
        self._drawn: tuple[int, WindowBatch] | None = None  # the latest block, and which it is

    def seek(self, position: int) -> None:
        """Go on with the window of that number."""
        self.position = position

    def draw(self, count: int) -> WindowBatch:
        """Return the next windows."""
        parts, end = [], self.position + count
        while self.position < end:
            number, first = divmod(self.position, self._chunk)
            last = min(self._chunk, first + end - self.position)
            parts.append(self._block(number).at(slice(first, last)))
            self.position += last - first
        return join_windows(parts)

    def _block(self, number: int) -> WindowBatch:
        """Return a block, drawn unless it is the latest."""
        if self._drawn is None or self._drawn[0] != number:
            self._drawn = number, self._draw_block(number)
        return self._drawn[1]

    def _rallies(self, number: int) -> RallyBatch:
        """Return the rallies of a run of windows, played unless they are the latest."""
        if self._played is None or self._played[0] != number:
            generator = seeded_generator(self._seed, OF_RALLIES, number)
            self._played = number, simulate_rallies(self._count, generator, device=self.device)
        return self._played[1]

    def _draw_block(self, number: int) -> WindowBatch:
        count, first = self._chunk, number * self._chunk
        rallies = self._rallies(first // self.run)
        generator = seeded_generator(self._seed, OF_WINDOWS, first)
        scenes = self._scenes(rallies, count, generator)
        backdrop = paint_backdrop(scenes, self._textures, self.height, self.width, generator)
        glints = GLINT_SHARE if self._second_stage else 0.0
        drawn = draw_scenes(scenes, backdrop, rallies, self.height, self.width, generator, glints)
        events = drawn_events(rallies, scenes.rally, scenes.times)
        if self._second_stage:
            soft = torch.nonzero(torch.rand(count, generator=generator) < SOFT_SHARE)[:, 0].to(self.device)
            drawn.frames[soft] = _enlarged(drawn.frames[soft])
        return WindowBatch(drawn.frames, drawn.position, drawn.visible, drawn.known, events)

    def _scenes(self, rallies: RallyBatch, count: int, generator: torch.Generator) -> Scenes:
        """Return scenes of rallies whose cameras show a crop of the working picture."""
        uniform = uniform_draw(generator, count)
        rally, times, exposure = draw_moments(rallies, count, self.window_size, generator)
        full = torch.tensor(SHAPES)[torch.randint(len(SHAPES), (count,), generator=generator)]  # (B, 2)
        if self._second_stage:
            full *= ENLARGED
        heights, widths = full.unbind(1)
        scenes = build_scenes(
            rally, times.to(self.device), exposure, draw_kinds(count, generator), uniform() < MOVING_SHARE,
            self._textures, heights, widths, generator,
        )  # fmt: skip
        zoom = 0.85 + 0.4 * uniform()
        zoom = torch.where(uniform() < 0.1, 1.5 + 2.5 * uniform(), zoom)  # somebody films from close by
        crop = torch.tensor([self.width, self.height])
        middle = self.window_size // 2
        ball = rallies.position_at(scenes.rally, scenes.times[:, middle : middle + 1])[:, :, None]
        everyone = torch.arange(count, device=self.device)
        ball = scenes.cameras.at(everyone, middle).project(ball)[0][:, 0, 0].cpu()
        around = (ball + 0.5) * zoom[:, None] - 0.5 - self._place_in_crop(uniform) * (crop - 1)
        anywhere = uniform(2) * (full.flip(1) * zoom[:, None] - crop)
        share = CANDIDATE_SHARE if self._second_stage else BALL_IN_CROP
        corner = torch.where(uniform(1) < share, around, anywhere).to(self.device)
        cameras = scenes.cameras.view(corner[:, 0], corner[:, 1], zoom.to(self.device))
        rows = torch.nonzero(uniform() < RUSH_SHARE)[:, 0].to(self.device)
        place = rallies.position_at(scenes.rally[rows], scenes.times[rows, middle : middle + 1])[:, 0]
        stands_by = 3 * rows + 2  # of the three people in each window
        people = rush_behind(
            scenes.people, stands_by, place, cameras.position[rows, middle], scenes.times[rows, middle], generator
        )
        return replace(scenes, cameras=cameras, people=people)

    def _place_in_crop(self, uniform: Callable[..., Tensor]) -> Tensor:
        """Return where in the crop the ball of the middle frame shall lie (B, 2), from 0 at its first pixel to 1 at its last."""
        anywhere = uniform(2)
        if not self._second_stage:
            return anywhere
        near = 0.5 + NEAR_SPREAD * torch.erfinv((2 * anywhere - 1) * 0.9999) * 2**0.5
        return torch.where(uniform(1) < BESIDE_SHARE, 2 * anywhere - 0.5, near)


def _enlarged(frames: Tensor) -> Tensor:
    """Return pictures (B, T, H, W, 3) uint8 as if they had been ENLARGED times as small before."""
    planar = frames.flatten(0, 1).permute(0, 3, 1, 2).float()
    small = functional.avg_pool2d(planar, ENLARGED)
    large = functional.interpolate(small, scale_factor=ENLARGED, mode="bilinear").round_().to(torch.uint8)
    return large.permute(0, 2, 3, 1).unflatten(0, frames.shape[:2])


def drawn_events(rallies: RallyBatch, rally: Tensor, times: Tensor) -> Tensor:
    """Return the wanted events (B, T, 2) of windows at `times` (B, T) in rallies (B,).

    Those of TTNet, cos(n pi / 8) for |n| < 4 frames of 1/120 s around an event, stated in time.
    """
    kinds, when = rallies.contact_kind[rally], rallies.contact_time[rally]  # (B, E)
    found = []
    for kind in (BOUNCE, NET_PASS):
        at = torch.where(kinds == kind, when, torch.full_like(when, float("inf")))
        found.append((times[:, :, None] - at[:, None]).abs().amin(-1))
    return soft_events(torch.stack(found, -1))


def soft_events(away: Tensor) -> Tensor:
    """Return how probably an event is to be seen in frames that are so many seconds away from it."""
    steps = away * EVENT_STEPS
    return torch.where(steps < 4, torch.cos(steps.clamp(max=4) * (torch.pi / 8)), torch.zeros_like(steps))


def drawn_films(
    count: int, frames: int, height: int, width: int, seed: int, device: str | torch.device = "cpu"
) -> Iterator[WindowBatch]:
    """Yield whole pictures of rallies filmed as `ttcli simulate` films them, each a batch of one long window.

    They are ordinary video, where windows to train on are hard on purpose: long exposures, moving cameras.

    Args:
        count: How many films.
        frames: Frames of each at most.
        height: Height of the picture, in pixels.
        width: Width of the picture, in pixels.
        seed: The same seed draws the same films.
        device: Where they are drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    device = torch.device(device)
    textures = paint_textures(seed).to(device)
    rallies = simulate_rallies(count, generator, device=device)
    for rally in range(count):
        scenes, _ = stage_rally(rally, rallies, textures, height, width, generator, frames=frames)
        parts = list(film(scenes, textures, rallies, height, width, generator))
        known = torch.cat([part.known for part in parts], 1) & ~held(scenes, rallies).to(device)
        columns = (torch.cat([getattr(part, name) for part in parts], 1) for name in ("frames", "position", "visible"))
        pictures, positions, visible = columns
        yield WindowBatch(pictures, positions, visible, known, unknown_events(visible))
