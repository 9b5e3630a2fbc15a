"""What cameras and codecs do to a picture: colour, blur, noise and compression, on whole windows.

Each function changes some of the windows in `frames` (B, T, H, W, 3) uint8 in place, on their device: those that `rows`
(N,) names. A copy for each effect would cost as much as some effects. A window gets one strength for all of its frames,
as one camera took them. Chance is drawn on the processor, so that a seed means the same on every device.
"""

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.simulation.cosines import BLOCK, block_cosines

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in brightness, ITU-R BT.601."""
GAIN = (0.75, 1.3)
"""Brightness of a window, multiplied."""
WHITE_BALANCE = 0.1
"""Most by which one colour's gain differs from the window's."""
TONE_BEND = 0.45
"""Bends the tone curve as exponents from 0.7 to 1.4 do."""
SATURATION = (0.5, 1.5)
FLICKER = 0.02
"""Standard deviation of a frame's gain: lamps and the camera's exposure waver."""
GAUSSIAN_SIGMA = (0.4, 1.2)
"""Pixels; more would wash out a ball of three pixels."""
SHAKE_LENGTH = (2.0, 6.0)
"""Pixels that a moving camera smears."""
SMALL_WEIGHT = 1e-3
"""Weights of a kernel below this change nothing that a byte can hold, and cost as much as others."""
NOISE_SIGMA = (1.0, 7.0)
"""Gray levels."""
NOISE_SPARE = 1 << 16
"""Random numbers more than a frame needs: each frame reads the same ones, but begins elsewhere."""
QUANTISER = (2.0, 10.0)
"""Gray levels to which a block's mean times 8 is rounded: hardly seen, and blocks as on a poor stream."""
QUANTISER_SLOPE = 0.5
"""How much coarser each step to a finer ripple is rounded."""
CHROMA_COARSER = 1.5
CHROMA_RIPPLES = 4
"""Colour keeps the slower half of the eight ripples in each direction, as video does that stores it at half size."""
CACHED = 1 << 19
"""Numbers that a processor works on at a time: more leave its caches, and a blur takes four times as long."""


def uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return random numbers between `low` and `high`, on the processor."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def log_uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return random numbers between `low` and `high` whose logarithm is spread evenly, on the processor."""
    return uniform(math.log(low), math.log(high), shape, generator).exp()


def recolour(frames: Tensor, rows: Tensor, generator: torch.Generator) -> None:
    """Show windows in another light: gain, white balance, saturation and tone curve, and a little flicker."""
    count, length = len(rows), frames.shape[1]
    gain = log_uniform(*GAIN, (count, 1), generator) * (1 + uniform(-1, 1, (count, 3), generator) * WHITE_BALANCE)
    saturation = uniform(*SATURATION, (count, 1, 1), generator)
    bend = uniform(-TONE_BEND, TONE_BEND, (count,), generator).tolist()
    flicker = 1 + FLICKER * torch.randn(count, length, 1, 1, generator=generator)
    luma = torch.tensor(LUMA)[:, None].expand(3, 3)
    mixing = (saturation * torch.eye(3) + (1 - saturation) * luma) * gain[:, None]  # (N, 3, 3), rows are read
    mixing = _four_pixels(mixing[:, None] * flicker, frames.shape[2] * frames.shape[3]).to(frames.device)
    for number, row in enumerate(rows.tolist()):
        for band in _bands(frames[row]):
            band.copy_(_mix(band, mixing[number], bend[number]))


def _four_pixels(mixing: Tensor, pixels: int) -> Tensor:
    """Return matrices (..., 3, 3) that mix colours as (..., 12, 12) that do so for four pixels side by side.

    The product with a matrix of size 3 is four times as slow. Where pixels do not come in fours they stay as they are.
    """
    return mixing if pixels % 4 else torch.kron(torch.eye(4), mixing)


def _mix(window: Tensor, mixing: Tensor, bend: float) -> Tensor:
    """Return frames (T, H, W, 3) with the colours of each multiplied by a matrix, and the tone curve bent."""
    size = mixing.shape[-1]
    colours = torch.bmm(window.float().reshape(len(window), -1, size), mixing).clamp_(0, 255)
    # x + bend x (1 - x) for x in [0, 1]: a power would cost more than all the rest
    colours *= (colours * (-bend / 255)).add_(1 + bend)
    return _to_bytes(colours).view(window.shape)


def blur(frames: Tensor, rows: Tensor, generator: torch.Generator) -> None:
    """Show windows out of focus, or smeared by a camera that shakes; what is seen stays where it was."""
    count = len(rows)
    shaken = (uniform(0, 1, (count,), generator) < 0.5).tolist()
    sigma = uniform(*GAUSSIAN_SIGMA, (count,), generator).tolist()
    length = uniform(*SHAKE_LENGTH, (count,), generator).tolist()
    angle = uniform(0, math.pi, (count,), generator).tolist()
    for number, row in enumerate(rows.tolist()):
        if shaken[number]:
            kernels = [shake_kernel(length[number], angle[number])]
        else:
            kernels = gaussian_kernels(sigma[number])
        for part in _parts(frames[row]):
            part.copy_(_convolve(part, kernels))


def gaussian_kernels(sigma: float) -> list[Tensor]:
    """Return a column (K, 1) and a row (1, K) whose product is a Gaussian of sum 1."""
    reach = math.ceil(2.5 * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    return [weights[:, None], weights[None]]


def shake_kernel(length: float, angle: float) -> Tensor:
    """Return the kernel (K, K), of sum 1, of a point that moves evenly for `length` pixels round the centre."""
    reach = math.ceil(length / 2) + 1
    along = torch.linspace(-0.5, 0.5, 8 * reach + 1) * length
    cells = torch.arange(-reach, reach + 1)
    column = (1 - (math.cos(angle) * along[:, None] - cells).abs()).clamp_min(0)
    row = (1 - (math.sin(angle) * along[:, None] - cells).abs()).clamp_min(0)
    return row.T @ column / len(along)


def _convolve(frames: Tensor, kernels: list[Tensor]) -> Tensor:
    """Return frames (T, H, W, 3) convolved with one kernel after another; borders are repeated outwards.

    A sum of shifted pictures: for a few weights that is several times faster here than a convolution per channel.
    """
    length, height, width, _ = frames.shape
    values = frames
    for each in kernels:
        kernel = torch.where(each > SMALL_WEIGHT, each, 0.0)
        padded = _pad(values, kernel.shape[0] // 2, kernel.shape[1] // 2).flatten(2)  # the three colours side by side
        values = torch.zeros(length, height, 3 * width, device=frames.device)
        for row, weights in enumerate((kernel / kernel.sum()).tolist()):
            for column, weight in enumerate(weights):
                if weight > 0:
                    values.add_(padded[:, row : row + height, 3 * column : 3 * (column + width)], alpha=weight)
        values = values.view(frames.shape)
    return _to_bytes(values)


def _pad(frames: Tensor, rows: int, columns: int) -> Tensor:
    """Return frames (T, H, W, 3) as floats, grown on each side by so many copies of the outermost row and column."""
    length, height, width, _ = frames.shape
    padded = torch.empty(length, height + 2 * rows, width + 2 * columns, 3, device=frames.device)
    middle = padded[:, rows : rows + height]
    middle[:, :, columns : columns + width] = frames
    middle[:, :, :columns], middle[:, :, columns + width :] = frames[:, :, :1], frames[:, :, -1:]
    padded[:, :rows], padded[:, rows + height :] = middle[:, :1], middle[:, -1:]
    return padded


def add_noise(frames: Tensor, rows: Tensor, generator: torch.Generator) -> None:
    """Add Gaussian noise to windows, other noise in each frame."""
    count, (length, height, width, _) = len(rows), frames.shape[1:]
    size = height * width * 3
    bank = torch.randn(size + NOISE_SPARE, generator=generator).to(frames.device)
    sigma = uniform(*NOISE_SIGMA, (count,), generator).tolist()
    starts = torch.randint(NOISE_SPARE + 1, (count, length), generator=generator).tolist()
    for number, row in enumerate(rows.tolist()):
        grain = (bank * sigma[number]).round_().to(torch.int16)
        for frame, start in zip(frames[row], starts[number], strict=True):
            some = grain[start : start + size].view(height, width, 3)
            frame.copy_((frame + some).clamp_(0, 255))


def compress(frames: Tensor, rows: Tensor, generator: torch.Generator) -> None:
    """Show windows as a codec keeps them: ripples of 8x8 blocks rounded, colour at half the resolution."""
    strength = log_uniform(*QUANTISER, (len(rows),), generator).tolist()
    for number, row in enumerate(rows.tolist()):
        for band in _bands(frames[row]):
            _compress(band, strength[number])


def _compress(frames: Tensor, strength: float) -> None:
    """Compress frames (T, H, W, 3) in place."""
    height, width = frames.shape[1:3]
    planes = frames.permute(0, 3, 1, 2).contiguous().float()
    padding = (0, -width % BLOCK, 0, -height % BLOCK)
    if any(padding):
        planes = functional.pad(planes, padding, mode="replicate")
    red, green, blue = planes.unbind(1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    red, blue = (_quantise(plane - luma, CHROMA_COARSER * strength, CHROMA_RIPPLES) for plane in (red, blue))
    luma = _quantise(luma - 128, strength, BLOCK).add_(128)
    green = luma - (LUMA[0] / LUMA[1]) * red - (LUMA[2] / LUMA[1]) * blue
    for colour, plane in enumerate((red.add_(luma), green, blue.add_(luma))):
        frames[..., colour] = _to_bytes(plane)[:, :height, :width]


def _quantise(planes: Tensor, strength: float, ripples: int) -> Tensor:
    """Return planes (M, H, W), of whole blocks, whose cosine coefficients are rounded, the fastest left out."""
    count, height, width = planes.shape
    basis, steps = _ripples(ripples, planes.device)
    blocks = planes.view(count, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(2, 3)
    shape = blocks.shape
    coefficients = blocks.reshape(-1, BLOCK * BLOCK) @ basis
    coefficients.div_(strength * steps).round_().mul_(strength * steps)
    return (coefficients @ basis.T).view(shape).transpose(2, 3).reshape(count, height, width)


@functools.lru_cache(maxsize=8)
def _ripples(ripples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the cosine transform of a block, pixels by ripples (64, R * R), and each ripple's relative step, (R * R,)."""
    ripple = torch.arange(ripples)
    steps = 1 + QUANTISER_SLOPE * (ripple[:, None] + ripple)
    return block_cosines(ripples).T.contiguous().to(device), steps.flatten().to(device)


def _parts(window: Tensor) -> tuple[Tensor, ...]:
    """Return views of as many frames of a window (T, H, W, 3) as are worked on at a time, all of them on a GPU."""
    on_processor = window.device.type == "cpu"
    return window.split(max(1, CACHED // window[0].numel()) if on_processor else len(window))


def _bands(window: Tensor) -> tuple[Tensor, ...]:
    """Return views of as many rows of a window (T, H, W, 3) as are worked on at a time: whole blocks, all on a GPU."""
    length, height, width, _ = window.shape
    blocks = max(1, CACHED // (length * width * 3 * BLOCK))
    return window.split(blocks * BLOCK if window.device.type == "cpu" else height, dim=1)


def _to_bytes(values: Tensor) -> Tensor:
    """Return float values rounded to uint8; the values are overwritten."""
    # By way of int16, which is five times faster here than straight from float.
    return values.add_(0.5).clamp_(0, 255).to(torch.int16).to(torch.uint8)
