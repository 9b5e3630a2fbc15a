"""What a network is fed, for training; detection hands it the same as bytes: `packed_windows`."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

Picture = TypeVar("Picture")
Choice = Callable[[Picture, Picture], Picture]
WORKING_AREA = 512 * 288
"""Pixels of the picture that a network sees, about."""
ENLARGED = 2
"""How many times as wide and high a picture is for the second stage: see `ttcli.inference.second_stage`."""
SIZE_MULTIPLE = 32
"""Height and width that a network sees are multiples of this: its coarsest features lie at stride 32."""
COLOUR_MEAN = 127.5
COLOUR_SCALE = 63.75
"""Colours 0..255 become (value - COLOUR_MEAN) / COLOUR_SCALE, from -2 to 2."""
DIFFERENCE_SCALE = 32.0
"""Gray levels of difference to the window's median that become 1: a ball differs by 30 to 100."""


def working_size(height: int, width: int, area: int = WORKING_AREA, multiple: int = SIZE_MULTIPLE) -> tuple[int, int]:
    """Return the height and width at which a network sees a picture of `height` x `width`.

    Both are multiples of `multiple`. The size near `area` pixels that changes the shape and the area least is chosen:
    1080 x 1920 and 720 x 1280 become 288 x 512.
    """

    def change(candidate: tuple[int, int]) -> float:
        rows, columns = candidate
        shape = math.log(rows * width / (columns * height))
        return abs(shape) + 0.25 * abs(math.log(rows * columns / area))

    ideal_rows = math.sqrt(area * height / width) / multiple
    ideal_columns = math.sqrt(area * width / height) / multiple
    return min(
        (
            (rows * multiple, columns * multiple)
            for rows in _whole_numbers_near(ideal_rows)
            for columns in _whole_numbers_near(ideal_columns)
        ),
        key=change,
    )


def seen_pictures(metadata: dict[str, Any]) -> tuple[int, int]:
    """Return `area` and `multiple`, as `working_size` takes them, of the pictures that a checkpoint's network is shown."""
    return metadata.get("area", WORKING_AREA), metadata.get("multiple", SIZE_MULTIPLE)


def input_channels(window_size: int, difference: bool) -> int:
    """Return the channels of the model input: RGB of each frame, and its difference to the median where asked."""
    return window_size * (4 if difference else 3)


def windows_to_input(windows: Tensor, difference: bool, dtype: torch.dtype, out: Tensor | None = None) -> Tensor:
    """Return the model input of a batch of windows.

    Args:
        windows: Frames as uint8 RGB, shape (B, T, H, W, 3).
        difference: Add for each frame its gray picture less the median gray of the window, pixel by pixel. It shows
            what moves and leaves out what stands still.
        dtype: Floating type of the result.
        out: An earlier result of the same shape and type to write over: fresh memory for four windows costs as much
            time as half of the work.

    Returns:
        Shape (B, 3T, H, W), or (B, 4T, H, W) with `difference`, in channels_last memory: red, green and blue of the
        first frame, of the second, ...; then the T differences.
    """
    batch, window_size, height, width, _ = windows.shape
    channels = input_channels(window_size, difference)
    if out is None:
        out = empty_input(batch, channels, height, width, dtype, windows.device)
    elif out.shape != (batch, channels, height, width) or out.dtype != dtype:
        raise ValueError(f"out is {out.dtype} {tuple(out.shape)}, not {dtype} {(batch, channels, height, width)}")
    pixels = out.permute(0, 2, 3, 1)
    # One window after another keeps what lies between in the processor's cache; a GPU likes the whole batch.
    together = 1 if windows.device.type == "cpu" else max(1, batch)
    for some_windows, some_pixels in zip(windows.split(together), pixels.split(together), strict=True):
        some_pixels[..., : 3 * window_size] = _scale_colours(_interleave(some_windows), dtype)
        if difference:
            _write_differences(_grays(some_windows).unbind(1), some_pixels[..., 3 * window_size :])
    return out


def empty_input(batch: int, channels: int, height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return memory for the model input of a batch, shape (B, C, H, W), channels_last."""
    return torch.empty(batch, height, width, channels, dtype=dtype, device=device).permute(0, 3, 1, 2)


def _interleave(windows: Tensor) -> Tensor:
    """Return the colours of uint8 windows (B, T, H, W, 3) as (B, H, W, 3T)."""
    batch, window_size, height, width, _ = windows.shape
    interleaved = torch.empty(batch, height, width, window_size, 3, dtype=torch.uint8, device=windows.device)
    for colour in range(3):  # in one copy the innermost loop has three steps, and takes three times as long
        interleaved[..., colour] = windows[..., colour].permute(0, 2, 3, 1)
    return interleaved.flatten(3)


def _scale_colours(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Return uint8 colours as the numbers that the network takes."""
    # exact in bf16 up to the division: whole numbers to 255 and halves to 127.5 have eight bits
    return values.to(dtype).sub_(COLOUR_MEAN).div_(COLOUR_SCALE)


def _grays(frames: Tensor) -> Tensor:
    """Return three times the gray of uint8 RGB frames (..., H, W, 3), exact, as int16 (..., H, W)."""
    return frames.sum(-1, dtype=torch.int16)


def _write_differences(grays: Sequence[Tensor], out: Tensor) -> None:
    """Write each frame's gray less the window's median gray, in units of DIFFERENCE_SCALE.

    Args:
        grays: T frames as `_grays` gives them, each (..., H, W).
        out: Shape (..., H, W, T).
    """
    median = median_of_frames(grays)
    for place, gray in enumerate(grays):
        out[..., place] = (gray - median).to(torch.float32).div_(3 * DIFFERENCE_SCALE)


def median_of_frames(frames: Sequence[Tensor]) -> Tensor:
    """Return the median of pictures of the same shape, place by place; the lower one where their number is even.

    Minima and maxima of whole pictures are several times faster here than torch.median, which sorts pixel by pixel.
    """
    return median_of(frames, torch.minimum, torch.maximum)


def median_of(frames: Sequence[Picture], lower: Choice[Picture], upper: Choice[Picture]) -> Picture:
    """Return the median of pictures, pixel by pixel, from the lower and the upper of two; see `median_of_frames`."""
    # The smallest and the largest of more than half of the values cannot be the median: drop both, take in the next
    # value, and go on until one value (or two) is left.
    needed = len(frames) // 2 + 2
    kept, waiting = list(frames[:needed]), list(frames[needed:])
    while len(kept) > 2:
        kept = _without_extremes(kept, lower, upper)
        if waiting:
            kept.append(waiting.pop())
    return kept[0] if len(kept) == 1 else lower(kept[0], kept[1])


def _without_extremes(values: list[Picture], lower: Choice[Picture], upper: Choice[Picture]) -> list[Picture]:
    """Return the multiset of `values`, place by place, without its minimum and its maximum."""
    values = list(values)
    half = len(values) // 2

    def sort_pair(low: int, high: int) -> None:
        values[low], values[high] = lower(values[low], values[high]), upper(values[low], values[high])

    for low in range(half):  # afterwards the minimum is in the first half, the maximum in the second
        sort_pair(low, len(values) - 1 - low)
    for index in range(1, (len(values) + 1) // 2):
        sort_pair(0, index)
    for index in range(half, len(values) - 1):
        sort_pair(index, len(values) - 1)
    return values[1:-1]


def _whole_numbers_near(ideal: float) -> set[int]:
    return {max(1, math.floor(ideal)), max(1, math.ceil(ideal))}
