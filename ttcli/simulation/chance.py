"""Numbers drawn by chance, the same ones for the same generator."""

from collections.abc import Callable

import torch
from torch import Tensor


def uniform_draw(generator: torch.Generator, *leading: int, device: torch.device | None = None) -> Callable[..., Tensor]:
    """Return what draws uniform numbers from 0 to 1: `draw(*shape)` gives them in the shape (*leading, *shape).

    Args:
        generator: Generator of the numbers, on the processor.
        leading: First sizes of each shape, such as the number of windows.
        device: Where the numbers are wanted; on the processor if None.
    """

    def draw(*shape: int) -> Tensor:
        numbers = torch.rand(*leading, *shape, generator=generator)
        return numbers if device is None else numbers.to(device)

    return draw
