"""Draws scenes before their backdrop: people, ball, captions, sensor, and says exactly where the ball is on each frame."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from ttcli.simulation.backdrop import Backdrop, show_halls
from ttcli.simulation.camera import Cameras
from ttcli.simulation.glints import draw_glints
from ttcli.simulation.players import DISCS, LIMBS, TORSO, People, box_of_people, disc_streaks, paint_people, sweep_of_parts
from ttcli.simulation.portions import frame_groups, row_groups
from ttcli.simulation.poses import pose_people
from ttcli.simulation.scene import Scenes
from ttcli.simulation.sensor import Caption, Sensors, expose, stick_captions
from ttcli.simulation.streaks import Streaks, blend, path_centre, streak_patches
from ttcli.simulation.surroundings import BOUNCE, HIT, NET_TOUCH
from ttcli.simulation.textures import TextureBank
from ttcli.simulation.timeline import LOOSE, NOT_THERE, RallyBatch
from ttcli.table.constants import BALL_RADIUS

VISIBLE_SHARE = 0.5
"""A ball of which more than this is in view is visible, with less than HIDDEN_SHARE it is not, between: unknown."""
HIDDEN_SHARE = 0.1
FAINTEST = 0.03
"""Change of brightness, of 1, below which nobody could tell the ball from what is behind it: unknown.

Noise and compression hide more: see `_faintest`."""
STILL = 0.1
"""Speed in m/s below which a ball after the point is one that lies about, like any other bright dot: unknown."""


@dataclass(frozen=True)
class Drawn:
    """Drawn windows: `frames` (B, T, H, W, 3) uint8 RGB, and per frame what is known of the ball.

    `position` (B, T, 2) in pixels, `visible` and `known` (B, T) bool. `path` (B, T, 3, 2) is the ball's centre at
    the shutter's opening, at a bounce in between (else as the last) and at its closing. `radius` (B, T) in pixels,
    `in_view` (B, T) the share not hidden, `place` (B, T, 3) in metres at mid-exposure.
    """

    frames: Tensor
    position: Tensor
    visible: Tensor
    known: Tensor
    path: Tensor
    radius: Tensor
    in_view: Tensor
    place: Tensor

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what is drawn of the first window, by name."""
        return {field.name: getattr(self, field.name)[0].cpu().numpy() for field in fields(self)}


def draw_scenes(
    scenes: Scenes,
    backdrop: Backdrop,
    rallies: RallyBatch,
    height: int,
    width: int,
    generator: torch.Generator,
    glints: float = 0.0,
    strays: RallyBatch | None = None,
) -> Drawn:
    """Return the scenes as their cameras take them, pictures of height x width.

    Args:
        scenes: B windows of T frames; their cameras decide what part of the hall fills the picture.
        backdrop: As `paint_backdrop` made it for these windows, of these frames and perhaps more.
        rallies: The rallies that the scenes show.
        height: In pixels.
        width: In pixels.
        generator: Source of noise and flicker.
        glints: Share of windows in which small lights flicker and move.
        strays: Second balls, a story for each of the rallies; nobody knows of them, and all people stand before them.
    """
    pictures, disparity, net_cover = show_halls(scenes, backdrop, height, width)
    if glints:
        draw_glints(pictures, glints, generator)
    if strays is not None:
        _draw_strays(scenes, strays, pictures, disparity, net_cover)
    path, share, bounced, place = _ball_paths(scenes, rallies)
    pixels, depth, radius = _seen_balls(scenes, path)
    free = _free_view(scenes, place, depth, disparity, net_cover)
    _draw_people(scenes, rallies, backdrop.textures, pictures, disparity, net_cover, depth, free)
    _hide_behind_captions(free, backdrop.captions)
    state = rallies.state_at(scenes.rally, scenes.times)
    in_view, change = _draw_balls(scenes, pictures, free, pixels, share, radius, state != NOT_THERE)
    stick_captions(pictures, backdrop.captions)

    position = path_centre(pixels.flatten(0, 1), bounced.flatten()).unflatten(0, radius.shape)
    inside = ((position > -0.5) & (position < torch.tensor([width - 0.5, height - 0.5], device=radius.device))).all(-1)
    visible = inside & (in_view >= VISIBLE_SHARE)
    hidden = in_view <= HIDDEN_SHARE
    speed = (path[:, :, 2] - path[:, :, 0]).norm(dim=-1) / scenes.exposure[:, None]
    known = (visible & (change > _faintest(scenes.sensors)[:, None]) & ~((state == LOOSE) & (speed < STILL))) | hidden
    frames = expose(pictures, scenes.sensors, generator)
    return Drawn(frames, position, visible, known, pixels, radius, in_view, place)


def _faintest(sensors: Sensors) -> Tensor:
    """Return the smallest change of brightness (B,) that can be told from noise and from what compression leaves."""
    return FAINTEST + 0.6 * sensors.noise + 0.3 * sensors.quantise


def _ball_paths(scenes: Scenes, rallies: RallyBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the ball's path (B, T, 3, 3), the shares of its two parts (B, T, 2), whether it broke, and its middle."""
    open_ = scenes.times - scenes.exposure[:, None] / 2
    close = scenes.times + scenes.exposure[:, None] / 2
    when = rallies.contact_time[scenes.rally]  # (B, E)
    kind = rallies.contact_kind[scenes.rally]
    breaks = (kind == BOUNCE) | (kind == HIT) | (kind == NET_TOUCH)
    within = breaks[:, None] & (when[:, None] > open_[..., None]) & (when[:, None] < close[..., None])  # (B, T, E)
    broken = within.any(-1)
    first = torch.where(within, when[:, None], torch.full_like(when[:, None], 1e6)).amin(-1)
    middle = torch.where(broken, first, scenes.times)
    count, frames = scenes.times.shape
    instants = torch.stack([open_, middle, close, scenes.times], -1).clamp_min(0)  # (B, T, 4)
    places = rallies.position_at(scenes.rally, instants.flatten(1)).view(count, frames, 4, 3)
    # A path that is not broken is one segment: its middle is moved to its end, where no time is spent.
    places[:, :, 1] = torch.where(broken[..., None], places[:, :, 1], places[:, :, 2])
    before = torch.where(broken, (middle - open_) / scenes.exposure[:, None], 1.0).clamp(0, 1)
    return places[:, :, :3], torch.stack([before, 1 - before], -1), broken, places[:, :, 3]


def _seen_balls(scenes: Scenes, path: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return where paths (B, T, 3, 3) are on the pictures (B, T, 3, 2), and depths and radii (B, T) of the balls, in pixels."""
    pixels, depths = scenes.cameras.project(path)  # (B, T, 3, 2), (B, T, 3)
    depth = depths[:, :, 0]
    return pixels, depth, BALL_RADIUS * scenes.cameras.focal / depth * scenes.ball_size[:, None]


def _draw_strays(scenes: Scenes, strays: RallyBatch, pictures: Tensor, disparity: Tensor, net_cover: Tensor) -> None:
    """Draw second balls into pictures (B, T, 3, H, W), in place."""
    there = strays.state_at(scenes.rally, scenes.times) != NOT_THERE
    if there.any():
        path, share, _, place = _ball_paths(scenes, strays)
        pixels, depth, radius = _seen_balls(scenes, path)
        free = _free_view(scenes, place, depth, disparity, net_cover)
        _draw_balls(scenes, pictures, free, pixels, share, radius, there)


def _free_view(scenes: Scenes, place: Tensor, depth: Tensor, disparity: Tensor, net_cover: Tensor) -> Tensor:
    """Return how freely each pixel (B, T, 1, H, W) is seen at the ball's distance: not through the table, half through the net."""
    depth = depth[..., None, None, None]
    behind_net = (place[..., 1] * scenes.cameras.position[..., 1] < 0).float()[..., None, None, None]
    free = torch.empty_like(disparity)
    for some in frame_groups(free.shape, free.device):
        open_ = disparity[:, some] * depth[:, some] < 1.004
        free[:, some] = open_ * (1 - net_cover[:, some] * behind_net[:, some])
    return free


def _hide_behind_captions(free: Tensor, captions: list[Caption]) -> None:
    """Take what captions cover from the ball's view (B, T, 1, H, W), in place."""
    for window, top, left, box in captions:
        free[window, ..., top : top + box.shape[1], left : left + box.shape[2]] = 0


def _draw_people(
    scenes: Scenes,
    rallies: RallyBatch,
    textures: TextureBank,
    pictures: Tensor,
    disparity: Tensor,
    net_cover: Tensor,
    ball_depth: Tensor,
    free: Tensor,
) -> None:
    """Draw the people into pictures (B, T, 3, H, W) and take the ball's view behind them from `free`, both in place."""
    height, width = pictures.shape[3:]
    people, window = scenes.people, scenes.people.window
    half = scenes.exposure[window, None] / 2
    instants = [scenes.times[window] + shift for shift in (-half, 0, half)]
    poses = [pose_people(people, rallies, scenes.rally[window], times) for times in instants]
    cameras = scenes.cameras.at(window)
    ends, depths = cameras.project(poses[1].flatten(2, 4).unflatten(2, (-1, 3)))
    low, high = ends.amin((1, 2)) - 20, ends.amax((1, 2)) + 20
    near = (high > 0).all(1) & (low[:, 0] < width) & (low[:, 1] < height) & (depths.amin((1, 2)) > 0.3)
    order = depths.mean((1, 2)).argsort(descending=True)
    order = order[near[order]]
    # Far ones first; each round takes one person of each window, so that the rows of a round differ.
    rank = (window[order][:, None] == window[order][None]).tril(-1).sum(1)
    for turn in range(int(rank.max()) + 1 if len(rank) else 0):
        rows = order[rank == turn]
        of_rows = [pose[rows] for pose in poses]
        some, their = people.at(rows), cameras.at(rows)
        _draw_one_each(scenes, some, of_rows, their, textures, pictures, disparity, net_cover, ball_depth, free)


def _draw_one_each(
    scenes: Scenes,
    people: People,
    poses: Sequence[Tensor],
    cameras: Cameras,
    textures: TextureBank,
    pictures: Tensor,
    disparity: Tensor,
    net_cover: Tensor,
    ball_depth: Tensor,
    free: Tensor,
) -> None:
    """Draw people who are in different windows, as they stand at the shutter's opening, its middle and its closing."""
    height, width = pictures.shape[3:]
    window = people.window
    sensors = scenes.sensors.at(window)
    people = replace(people, colour=sensors.tone(people.colour))
    opened, capsules, closed = poses
    sweep, blur = sweep_of_parts(opened, closed, cameras), 6 * sensors.blur
    behind_net = capsules[:, :, TORSO, 0, 1] * cameras.position[..., 1] < 0
    planes = (..., None, None, None)
    for some in row_groups(len(window), window.device):
        box = box_of_people(people.at(some), capsules[some], cameras.at(some), blur[some], height, width, sweep[some])
        if box is None:
            continue
        seen = cameras.at(some).view(
            *(torch.full((len(some),), corner, device=window.device) for corner in (box.left, box.top))
        )
        painted = paint_people(people.at(some), capsules[some], seen, blur[some], box.height, box.width, sweep[some], textures)
        colour, opacity, depth = painted
        where = (_rows_of(window[some]), ..., slice(box.top, box.top + box.height), slice(box.left, box.left + box.width))
        cover = opacity.mul_(disparity[where] * depth[planes] < 1)
        cover.mul_(1 - net_cover[where] * behind_net[some][planes])
        hides = depth < ball_depth[window[some]]
        shown, seen_past = pictures[where].lerp_(colour, cover), free[where].mul_(1 - cover * hides[planes])
        if not isinstance(where[0], slice):  # these are copies
            pictures[where], free[where] = shown, seen_past
    for disc in range(DISCS):
        streaks, depth = disc_streaks(people, poses, cameras, disc, sensors.blur)
        colour = people.colour[:, LIMBS + disc]
        _draw_discs(streaks, depth, colour, ball_depth[window], behind_net, pictures, disparity, net_cover, free)


def _rows_of(index: Tensor) -> slice | Tensor:
    """Return what to index rows with: one row is a part of the whole, which can be changed in place."""
    return slice(int(index), int(index) + 1) if len(index) == 1 else index


def _draw_discs(
    streaks: Streaks,
    depth: Tensor,
    colour: Tensor,
    ball_depth: Tensor,
    behind_net: Tensor,
    pictures: Tensor,
    disparity: Tensor,
    net_cover: Tensor,
    free: Tensor,
) -> None:
    """Draw one disc of each of N people, streaks and `depth` (N, T), `colour` (N, 3), and take the ball's view behind it."""
    height, width = pictures.shape[3:]
    hides = (depth < ball_depth).flatten().float()
    for patch in streak_patches(streaks, height, width):
        pixel = patch.index(0, 1, height * width)
        shown = patch.cover.clamp(0, 1) * (disparity.view(-1)[pixel] * depth.flatten()[patch.rows, None] < 1)
        shown *= 1 - net_cover.view(-1)[pixel] * behind_net.flatten()[patch.rows, None]
        shade = 1 - 0.15 * (1 - patch.lit)
        blend(pictures, patch, shown, colour[patch.rows // depth.shape[1], :, None] * shade[:, None])
        free.view(-1).index_add_(0, pixel.flatten(), (-free.view(-1)[pixel] * shown * hides[patch.rows, None]).flatten())


def _draw_balls(
    scenes: Scenes, pictures: Tensor, free: Tensor, path: Tensor, share: Tensor, radius: Tensor, there: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw the balls in place; return the share of each in view and its largest change of brightness, both (B, T)."""
    count, frames, _, height, width = pictures.shape
    picture = torch.arange(count * frames, device=pictures.device)
    in_view = torch.zeros(count * frames, device=pictures.device)
    change = torch.zeros_like(in_view)
    index = torch.nonzero(there.flatten())[:, 0]
    blur = scenes.sensors.blur.repeat_interleave(frames)
    streaks = Streaks(path.flatten(0, 1), share.flatten(0, 1), radius.flatten(), picture, blur).at(index)
    toned = scenes.sensors.tone(scenes.ball)
    for patch in streak_patches(streaks, height, width):
        which = index[patch.rows]
        window = which // frames
        seen = free.view(-1)[patch.index(0, 1, height * width)]
        whole = 3.1416 * radius.flatten()[which] ** 2  # a ball's coverage sums to its area, wherever it goes
        in_view[which] = (patch.cover * seen).sum(1) / whole
        shade = 1 - scenes.ball_light[window, None] * (0.5 - 0.5 * patch.lit)
        colour = toned[window, :, None] * shade[:, None]
        opacity = patch.cover.clamp(0, 1) ** scenes.ball_glare[window, None] * seen
        change[which] = blend(pictures, patch, opacity, colour).abs().amax(1)
    return in_view.view(count, frames), change.view(count, frames)
