"""Windows changed by chance, whole and with their labels, so that a network sees more than was filmed."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.simulation.portions import portions
from ttcli.training.ball_edits import mask_balls, paste_balls
from ttcli.training.picture_effects import add_noise, blur, compress, log_uniform, recolour
from ttcli.training_set.stored_windows import NEAR_CROP
from ttcli.training_set.window_batch import WindowBatch


@dataclass(frozen=True)
class Augmentation:
    """How often a window is changed in each way, as a probability in [0, 1], and by how much."""

    window_size: int | None = None
    """Frames that are taken of each window; None takes all."""
    stride: float = 0.3
    """Frames are taken further apart than they came, where the window has more of them than `window_size`."""
    mask_ball: float = 0.2
    """The ball is painted over in every frame where the background behind it is known; the target is then empty."""
    paste_ball: float = 0.3
    """A ball in flight is put into a window that is known to show none."""
    repeat: float = 0.1
    """One frame is lost and another comes twice, with its label."""
    reverse: float = 0.5
    """Time runs backwards."""
    mirror: float = 0.5
    """Left and right change places."""
    swap_colours: float = 0.3
    """Red, green and blue change places: halls, tables and shirts come in all colours."""
    zoom: float = 0.5
    """Pictures become larger and are cut, or smaller and get a black border."""
    zoom_least: float = 0.8
    """Smallest factor of `zoom`."""
    zoom_most: float = 1.25
    """Largest factor of `zoom`."""
    blur: float = 0.2
    """Out of focus, or smeared by a shaking camera."""
    recolour: float = 0.5
    """Other gain, white balance, saturation and tone curve, and a little flicker."""
    noise: float = 0.3
    """Noise of a sensor in bad light."""
    compression: float = 0.15
    """Blocks and smeared colour of a poor stream."""


DRAWN_ALREADY = Augmentation(stride=0, mask_ball=0, paste_ball=0, repeat=0, zoom=0, blur=0, recolour=0, noise=0, compression=0)
"""For windows that the simulator drew with all the rest in them: a mirror, time backwards and colours exchanged."""


def augment(batch: WindowBatch, settings: Augmentation, generator: torch.Generator) -> WindowBatch:
    """Return windows changed by chance; those that came in stay as they are.

    The order is as in reality: what the scene holds, then how it is filmed, then lens, sensor and codec. The ball is
        painted over first, while the background is as the camera saw it.

    Args:
        batch: Windows on any device.
        settings: What is done, and how often.
        generator: On the processor. The same seed does the same on every device.
    """
    count = len(batch.frames)

    def choose(probability: float) -> Tensor:
        return _choose(count, probability, generator)

    batch = take_frames(batch, settings.window_size, settings.stride, generator)  # a copy: the rest is in place
    mask_balls(batch, choose(settings.mask_ball))
    paste_balls(batch, choose(settings.paste_ball), generator)
    repeat_frames(batch, choose(settings.repeat), generator)
    reverse(batch, choose(settings.reverse))
    mirror(batch, choose(settings.mirror))
    swap_colours(batch, choose(settings.swap_colours), generator)
    zoom(batch, choose(settings.zoom), settings.zoom_least, settings.zoom_most, generator)
    blur(batch.frames, choose(settings.blur), generator)
    recolour(batch.frames, choose(settings.recolour), generator)
    add_noise(batch.frames, choose(settings.noise), generator)
    compress(batch.frames, choose(settings.compression), generator)
    return batch


def take_frames(batch: WindowBatch, window_size: int | None, probability: float, generator: torch.Generator) -> WindowBatch:
    """Return windows of fewer frames, taken at one stride within each window and in their order; always a copy.

    Args:
        batch: Windows of T frames.
        window_size: Frames to take; None takes all.
        probability: Probability of a stride greater than 1, where T allows one.
        generator: Generator of strides and first frames.

    Raises:
        ValueError: The windows have fewer frames.
    """
    count, length = batch.visible.shape
    size = length if window_size is None else window_size
    if size > length:
        raise ValueError(f"windows of {length} frames hold none of {size}")
    greatest = (length - 1) // max(size - 1, 1)
    share = torch.rand(count, 3, generator=generator, dtype=torch.float64)
    wider = (share[:, 0] < probability) & (greatest > 1)
    stride = torch.where(wider, 2 + (share[:, 1] * (greatest - 1)).floor(), torch.ones_like(share[:, 1]))
    first = (share[:, 2] * (length - (size - 1) * stride)).floor()
    order = (first[:, None] + stride[:, None] * torch.arange(size)).long()
    index = (order + length * torch.arange(count)[:, None]).flatten().to(batch.frames.device)
    # Whole frames are copied this way; an index for window and frame would go byte by byte.
    columns = (values.flatten(0, 1).index_select(0, index) for values in vars(batch).values())
    return WindowBatch(*(column.unflatten(0, (count, size)) for column in columns))


def repeat_frames(batch: WindowBatch, rows: Tensor, generator: torch.Generator) -> None:
    """Take one frame out of some windows and show another twice, as bad captures do; in place."""
    length = batch.visible.shape[1]
    lost, twice = torch.randint(length, (2, len(rows)), generator=generator).tolist()
    for number, row in enumerate(rows.tolist()):
        order = sorted([frame for frame in range(length) if frame != lost[number]] + [twice[number]])
        index = torch.tensor(order).to(batch.frames.device)
        for values in vars(batch).values():
            values[row] = values[row].index_select(0, index)


def reverse(batch: WindowBatch, rows: Tensor) -> None:
    """Let some windows run backwards, in place: reversed play is as good as any other."""
    for some in portions(rows.to(batch.frames.device)):
        for values in vars(batch).values():
            values[some] = values[some].flip(1 - values.dim())


def mirror(batch: WindowBatch, rows: Tensor) -> None:
    """Exchange left and right in some windows, in place."""
    width = batch.frames.shape[3]
    for some in portions(rows.to(batch.frames.device)):
        batch.frames[some] = batch.frames[some].flip(-2)
        batch.positions[some, ..., 0] = width - 1 - batch.positions[some, ..., 0]


def swap_colours(batch: WindowBatch, rows: Tensor, generator: torch.Generator) -> None:
    """Put red, green and blue of some windows in another order, in place."""
    for row in rows.tolist():
        before = batch.frames[row].clone()
        for colour, source in enumerate(torch.randperm(3, generator=generator).tolist()):
            if colour != source:
                batch.frames[row, ..., colour] = before[..., source]


def zoom(batch: WindowBatch, rows: Tensor, least: float, most: float, generator: torch.Generator) -> None:
    """Cut and enlarge some windows, or make them smaller on black, in place; their size stays.

    A ball that leaves the picture is not visible any more, and close to the border nothing is known (NEAR_CROP).

    Args:
        batch: Windows.
        rows: Which of them, (N,).
        least: Smallest factor.
        most: Largest factor.
        generator: Generator of factors and places.
    """
    factors = log_uniform(least, most, (len(rows),), generator).tolist()
    places = torch.rand(len(rows), 2, generator=generator).tolist()
    full = batch.frames.shape[2:4]
    for row, factor, place in zip(rows.tolist(), factors, places, strict=True):
        part = [round(size / max(factor, 1)) for size in full]  # height and width of what is shown
        whole = [round(size * min(factor, 1)) for size in full]  # ... and at which size
        top, left = (int(share * (size - some + 1)) for share, size, some in zip(place, full, part, strict=True))
        down, right = (int(share * (size - some + 1)) for share, size, some in zip(place, full, whole, strict=True))
        frames, positions = batch.frames[row], batch.positions[row]
        resized = _resize(frames[:, top : top + part[0], left : left + part[1]], *whole)
        if factor < 1:
            frames.zero_()
        frames[:, down : down + whole[0], right : right + whole[1]] = resized
        scale = positions.new_tensor([whole[1] / part[1], whole[0] / part[0]])
        moved = (positions + 0.5 - positions.new_tensor([left, top])) * scale - 0.5
        positions.copy_(moved + positions.new_tensor([right, down]))
        _drop_balls_outside(positions, batch.visible[row], batch.known[row], *full)


def _resize(frames: Tensor, height: int, width: int) -> Tensor:
    """Return pictures (T, H, W, 3) uint8 in another size, smoothed where it is smaller."""
    planes = frames.permute(0, 3, 1, 2)
    if frames.device.type != "cpu":  # bytes are resized on the processor only
        planes = planes.float()
    planes = functional.interpolate(planes, size=(height, width), mode="bilinear", antialias=True)
    if planes.dtype != torch.uint8:
        planes = planes.round_().clamp_(0, 255).to(torch.uint8)
    return planes.permute(0, 2, 3, 1)


def _drop_balls_outside(positions: Tensor, visible: Tensor, known: Tensor, height: int, width: int) -> None:
    """Correct the labels (T, 2), (T,), (T,) of balls that have left the picture, in place."""
    border = positions.new_tensor([width, height]) - 0.5
    outside = torch.maximum(-0.5 - positions, positions - border).amax(-1)  # in pixels, negative inside
    hides = visible & (outside >= 0)
    visible &= ~hides
    known &= ~(hides & (outside < NEAR_CROP))
    positions *= visible[:, None]


def _choose(count: int, probability: float, generator: torch.Generator) -> Tensor:
    """Return the rows of windows that chance picks."""
    return torch.nonzero(torch.rand(count, generator=generator) < probability)[:, 0]
