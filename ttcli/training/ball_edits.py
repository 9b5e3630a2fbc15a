"""Balls taken out of windows and put into them, so that a network learns the ball and not the play around it."""

import math

import torch
from torch import Tensor

from ttcli.networks.event_head import EVENTS
from ttcli.networks.model_input import median_of_frames
from ttcli.simulation.streaks import Streaks, streak_patches
from ttcli.table.constants import BALL_RADIUS, GRAVITY
from ttcli.training.picture_effects import log_uniform, uniform
from ttcli.training_set.stored_windows import NEAR_CROP
from ttcli.training_set.window_batch import UNKNOWN_EVENT, WindowBatch

LEAST_RADIUS, MOST_RADIUS = 3, 20
"""Pixels from a streak's middle line that are painted over: the least, and where a larger ball is left alone."""
SEAM = 2
"""Pixels outside of what is painted over in which two frames must show the same."""
QUIET_CHANGE = 5.0
"""Gray levels of difference, root mean square, that go unseen at a seam..."""
QUIET_NOISE = 1.5
"""... and how many times the window's own noise comes on top."""
LOUDEST_NOISE = 10.0
"""Gray levels; where half of the pixels change more, it is the camera that moves."""
NOISE_STRIDE = 4
"""Noise stride of the pixels, every so many in each direction are looked at for the window's noise."""

DIAMETER = (3.0, 14.0)
"""Pixels of a pasted ball."""
SPEED = (1.5, 25.0)
"""Metres per second, as seen from the side."""
FORESHORTENING = (0.35, 1.0)
"""Share of a ball's way that the camera sees; it loses what leads towards it."""
FASTEST = 60.0
"""Pixels per frame; of faster balls a crop shows no flight."""
FRAME_RATE = (25.0, 120.0)
"""Frames per second that a pasted flight is seen at; it says how far the ball falls from one to the next."""
EXPOSURE = (0.05, 0.7)
"""Share of the time between frames in which the shutter is open."""
CLIMB = math.radians(30)
"""Standard deviation of the flight's angle to the horizontal."""
COLOURS = ((255.0, 255.0, 250.0), (255.0, 165.0, 60.0))
"""White and orange, in full light."""
ORANGE_SHARE = 0.35
SHADE = (0.1, 0.5)
"""How much darker a ball's lower side is."""
LIGHT = (0.8, 1.1)
"""Brightness of a ball relative to the brightest things in its window..."""
LEAST_WHITE = 160.0
"""... which are taken to be no darker than this: a ball is lit well in a dark hall too."""


def mask_balls(batch: WindowBatch, rows: Tensor) -> None:
    """Take the ball out of some windows, out of every frame, and say so in their labels; in place.

    The ball and its whole streak are painted over with the same place in that other frame which shows it free and is
    most alike around it. A window is left alone where such a background is not truly known: a frame is unlabelled, the
    camera or a player moves behind the ball, or the ball hardly moves.

    Args:
        batch: Windows.
        rows: Which of them, (N,).
    """
    visible, known, positions = batch.visible.cpu(), batch.known.cpu(), batch.positions.cpu().float()
    for row in rows.tolist():
        told = known[row].all() and visible[row].any() and len(visible[row]) > 2
        if told and _paint_over(batch.frames[row], streak_paths(positions[row], visible[row]), visible[row]):
            batch.visible[row], batch.positions[row] = False, 0


def streak_paths(positions: Tensor, visible: Tensor) -> Tensor:
    """Return where a ball goes while the shutter may be open, (T, 3, 2): half a frame before, the label, half after.

    The shutter is open for at most the whole time between two frames. Where the ball is not seen in one of the
    neighbours, it is taken to have moved as on the other side.

    Args:
        positions: (T, 2), any value where not visible.
        visible: (T,) bool.
    """
    both = (visible[1:] & visible[:-1])[:, None]
    step = torch.where(both, positions.diff(dim=0), torch.full_like(positions[1:], torch.nan))
    gap = torch.full_like(positions[:1], torch.nan)
    before, after = torch.cat([gap, step]), torch.cat([step, gap])
    before, after = torch.where(before.isnan(), after, before), torch.where(after.isnan(), before, after)
    half_before, half_after = before.nan_to_num(0) / 2, after.nan_to_num(0) / 2
    return torch.stack([positions - half_before, positions, positions + half_after], 1)


def _paint_over(window: Tensor, paths: Tensor, visible: Tensor) -> bool:
    """Paint the ball of a window (T, H, W, 3) over in place, or return False and leave it alone."""
    reach = MOST_RADIUS + SEAM
    size = torch.tensor([window.shape[2], window.shape[1]])
    low = (paths[visible].amin((0, 1)) - reach).floor().clamp_min(0).minimum(size - 1).long().tolist()
    high = (paths[visible].amax((0, 1)) + reach + 2).floor().clamp_min(1).minimum(size).long().tolist()
    frames = window[:, low[1] : high[1], low[0] : high[0]]  # a view: what is painted there is painted in the window
    distance = _distances((paths - torch.tensor(low)).to(window.device), frames.shape[1], frames.shape[2])
    distance[~visible.to(window.device)] = math.inf
    radius, limit = _ball_radius(frames, distance)
    if radius is None:
        return False
    fillings = []
    for frame in torch.nonzero(visible)[:, 0].tolist():
        filling = _background(frames, frame, distance, radius, limit)
        if filling is None:
            return False
        fillings.append(filling)
    for frame, row, column, colours in fillings:  # not before all are known: they come from frames with the ball
        frames[frame, row, column] = colours
    return True


def _distances(paths: Tensor, height: int, width: int) -> Tensor:
    """Return each pixel's distance from each path (T, 3, 2), a chain of two segments, shape (T, H, W)."""
    x = torch.arange(width, device=paths.device, dtype=torch.float32)
    y = torch.arange(height, device=paths.device, dtype=torch.float32)[:, None]
    first = _squared_distances(paths[:, 0], paths[:, 1], x, y)
    return torch.minimum(first, _squared_distances(paths[:, 1], paths[:, 2], x, y)).sqrt_()


def _squared_distances(begin: Tensor, end: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return the squared distance of pixels at x (W,) and y (H, 1) from segments (T, 2), shape (T, H, W)."""
    along = (end - begin)[:, :, None, None]  # (T, 2, 1, 1)
    dx, dy = x - begin[:, 0, None, None], y - begin[:, 1, None, None]
    part = (dx * along[:, 0] + dy * along[:, 1]).div_(along.square().sum(1).clamp_min(1e-6)).clamp_(0, 1)
    return (dx - part * along[:, 0]).square_().add_((dy - part * along[:, 1]).square_())


def _ball_radius(frames: Tensor, distance: Tensor) -> tuple[int | None, float]:
    """Return how far from its path a ball shows, in pixels, and the difference that counts as none, in gray levels.

    Args:
        frames: (T, H, W, 3) uint8.
        distance: Distance of each pixel from the ball's path, infinite in frames without one, (T, H, W).

    Returns:
        The radius, None where it is larger than MOST_RADIUS or everything moves; and the difference.
    """
    median = median_of_frames(frames.unbind(0))
    change = (torch.maximum(frames, median) - torch.minimum(frames, median)).amax(-1).float()
    far = distance[:, ::NOISE_STRIDE, ::NOISE_STRIDE] > LEAST_RADIUS
    some = change[:, ::NOISE_STRIDE, ::NOISE_STRIDE][far]
    noise = float(some.median()) if len(some) else 0.0
    limit = QUIET_CHANGE + QUIET_NOISE * noise
    if noise > LOUDEST_NOISE:
        return None, limit

    rings = MOST_RADIUS + 2
    ring = distance.clamp_max(rings).long()
    frame, row, column = torch.nonzero(ring < rings, as_tuple=True)
    index = frame * rings + ring[frame, row, column]
    total = torch.zeros(len(frames) * rings, device=frames.device)
    total = total.index_add(0, index, change[frame, row, column].square()).view(-1, rings)
    pixels = torch.bincount(index, minlength=total.numel()).view(-1, rings)
    # A player beside the ball in some of the frames makes it no larger: the median frame counts.
    loud = ((total / pixels).sqrt().nanmedian(0).values > limit).tolist()
    radii = range(LEAST_RADIUS, MOST_RADIUS + 1)
    return next((radius for radius in radii if not loud[radius] and not loud[radius + 1]), None), limit


def _background(
    frames: Tensor, frame: int, distance: Tensor, radius: int, limit: float
) -> tuple[int, Tensor, Tensor, Tensor] | None:
    """Return what is behind the ball in a frame, or None where no other frame tells.

    Returns:
        The frame, rows (N,) and columns (N,) of pixels, and their colours (N, 3) uint8.
    """
    row, column = torch.nonzero(distance[frame] < radius + SEAM, as_tuple=True)
    pixels = frames[:, row, column].float()  # (T, n, 3)
    away = distance[frame, row, column]
    if not len(row):  # the ball is not in the picture
        return frame, row, column, pixels[frame].to(torch.uint8)
    free = (distance[:, row, column] > radius + 1).all(1)
    seam = away > radius
    change = pixels[frame] - pixels
    # Lamps that flicker make whole frames brighter or darker.
    brighter = change[:, seam].mean(1, keepdim=True).nan_to_num(0)  # (T, 1, 3)
    unlike = (change[:, seam] - brighter).abs().amax(-1).square().mean(1).sqrt().nan_to_num(math.inf)
    unlike[~free] = math.inf
    source = int(unlike.argmin())
    if not float(unlike[source]) <= limit:
        return None
    weight = (radius + 1 - away).clamp(0, 1)[:, None]
    filled = torch.lerp(pixels[frame], pixels[source] + brighter[source], weight)
    return frame, row, column, filled.round_().clamp_(0, 255).to(torch.uint8)


def paste_balls(batch: WindowBatch, rows: Tensor, generator: torch.Generator) -> None:
    """Put a ball in flight into some windows, with its labels; in place.

    Only windows that are known to show no ball get one, so that there is never a second.

    Args:
        batch: Windows.
        rows: Which of them, (N,).
        generator: Generator of the flights.
    """
    empty = (batch.known.all(1) & ~batch.visible.any(1)).cpu()
    rows = rows[empty[rows]]
    if not len(rows):
        return
    _, length, height, width, _ = batch.frames.shape
    paths, radius = draw_flights(len(rows), length, height, width, generator)
    _draw_balls(batch.frames, rows, paths, radius, generator)
    centre = paths[:, :, 1]
    border = torch.tensor([width, height]) - 0.5
    outside = torch.maximum(-0.5 - centre, centre - border).amax(-1)  # (N, T), pixels
    reach = (paths[:, :, 2] - paths[:, :, 0]).norm(dim=-1) / 2 + radius[:, None] + 1
    inside = outside < 0
    known = inside | (outside > reach.clamp_min(NEAR_CROP))
    labels = (batch.positions, centre * inside[..., None]), (batch.visible, inside), (batch.known, known)
    for column, values in labels:
        column[rows.to(column.device)] = values.to(column)
    events = batch.events[rows.to(batch.events.device)]
    events[..., EVENTS.index("bounce")].clamp_(max=0)  # a pasted ball never bounces; where a net would be, nobody knows
    events[..., EVENTS.index("net")] = UNKNOWN_EVENT
    batch.events[rows.to(batch.events.device)] = events


def draw_flights(count: int, length: int, height: int, width: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return flights through a picture and the balls' radius (N,), in pixels.

    Gravity follows from the ball's size, which tells how many pixels a metre has, and from a frame rate.

    Returns:
        Where each ball is when the shutter opens, half-way, and when it closes, (N, T, 3, 2); and its radius.
    """

    def draw(bounds: tuple[float, float]) -> Tensor:
        return log_uniform(*bounds, (count,), generator)

    diameter, frame_rate = draw(DIAMETER), draw(FRAME_RATE)
    scale = diameter / (2 * BALL_RADIUS)  # pixels per metre
    speed = (draw(SPEED) * draw(FORESHORTENING) * scale / frame_rate).clamp_max(FASTEST)
    climb = CLIMB * torch.randn(count, generator=generator)
    side = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    velocity = torch.stack([side * climb.cos(), -climb.sin()], -1) * speed[:, None]
    fall = torch.stack([torch.zeros(count), GRAVITY * scale / frame_rate**2], -1)
    place = torch.rand(count, 2, generator=generator) * torch.tensor([width - 1, height - 1])
    moment = torch.randint(length, (count, 1, 1), generator=generator)  # the frame in which it is there
    shutter = uniform(*EXPOSURE, (count, 1, 1), generator) * torch.tensor([-0.5, 0, 0.5])
    time = (torch.arange(length)[:, None] + shutter - moment)[..., None]  # (N, T, 3, 1)
    path = place[:, None, None] + velocity[:, None, None] * time + 0.5 * fall[:, None, None] * time**2
    return path, diameter / 2


def _draw_balls(frames: Tensor, rows: Tensor, paths: Tensor, radius: Tensor, generator: torch.Generator) -> None:
    """Draw balls into windows `rows` of frames (B, T, H, W, 3) in place, each as bright as its window lets it be."""
    count, (length, height, width, _) = len(rows), frames.shape[1:]
    device = frames.device
    orange = (torch.rand(count, generator=generator) < ORANGE_SHARE).long()
    shade = uniform(*SHADE, (count,), generator).to(device)
    light = uniform(*LIGHT, (count, 1), generator)
    blur = uniform(0.05, 0.25, (count,), generator)
    brightness = torch.stack([_brightness(frames[row]) for row in rows.tolist()])
    colour = (torch.tensor(COLOURS)[orange] * light).to(device) * brightness[:, None] / 255
    streaks = Streaks(
        path=paths.flatten(0, 1).to(device),
        share=torch.full((count * length, 2), 0.5, device=device),
        radius=radius.repeat_interleave(length).to(device),
        picture=(rows[:, None] * length + torch.arange(length)).flatten().to(device),
        blur=blur.repeat_interleave(length).to(device),
    )
    for patch in streak_patches(streaks, height, width):
        ball, place = torch.nonzero(patch.cover > 0, as_tuple=True)
        picture, pixel = patch.picture[ball], patch.pixel[ball, place]
        where = (picture // length, picture % length, pixel // width, pixel % width)
        number = patch.rows[ball] // length
        lit = 1 - shade[number] * (0.5 - 0.5 * patch.lit[ball, place])
        cover = patch.cover[ball, place].clamp_max(1)[:, None]
        seen = torch.lerp(frames[where].float(), colour[number] * lit[:, None], cover)
        frames[where] = seen.round_().clamp_(0, 255).to(torch.uint8)


def _brightness(window: Tensor) -> Tensor:
    """Return how bright something white is in a window, of 255."""
    some = window[::4, ::8, ::8].amax(-1).flatten().float()
    return some.quantile(0.97).clamp(LEAST_WHITE, 255)
