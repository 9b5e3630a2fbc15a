"""Encoders that were made for one RGB picture, for windows of frames; with their weights from ImageNet or without."""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from ttcli.errors import SettingError

T = TypeVar("T")


def fetch(encoder: str, load: Callable[[], T]) -> T:
    """Return what `load` returns, which may come over the network.

    Args:
        encoder: Whose weights are loaded.
        load: Function that loads them.

    Raises:
        SettingError: They are not on this machine and cannot be fetched.
    """
    log = logging.getLogger("huggingface_hub")  # tells of each of its tries, which take half a minute in all
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        return load()
    except (OSError, RuntimeError) as error:  # no connection, no such file, a full disk; a file cut short
        fact = f"the ImageNet weights of {encoder} cannot be had ({_reason(error)})"
        cure = "train without it, or begin once where there is a network: they are stored for the next time"
        raise SettingError("pretrained", fact, cure) from error
    finally:
        log.setLevel(level)


def _reason(error: BaseException) -> str:
    """Return the first line of what an error, or the one that caused it, says."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def widen_first_convolution(encoder: nn.Module, channels_in: int, frames: int, keep_colours: bool) -> None:
    """Let an encoder take windows instead of pictures, in place.

    Args:
        encoder: Its first convolution takes the three colours.
        channels_in: Channels of the input: the colours of each frame, then whatever else there is.
        frames: Frames in a window.
        keep_colours: Whether to keep what the convolution has learned of colours, see `spread_colours`.
    """
    first = next(module for module in encoder.modules() if isinstance(module, nn.Conv2d))
    height, width = first.kernel_size
    fresh = nn.Conv2d(channels_in, first.out_channels, (height, width)).weight.detach()
    first.in_channels = channels_in
    first.weight = nn.Parameter(spread_colours(first.weight.detach(), fresh, frames) if keep_colours else fresh)


def spread_colours(colours: Tensor, fresh: Tensor, frames: int) -> Tensor:
    """Return the weight of a convolution for windows, from that for one picture.

    Each frame gets the colours' weight divided by the number of frames, so that a scene that stands still makes the
    activations that its picture made. The random weights, less their mean over the frames, are added: they answer to
    what changes from frame to frame alone, and without them the network could not tell the frames apart. All other
    channels keep theirs.

    Args:
        colours: Learned weight, shape (O, 3, k, k).
        fresh: Random weight, shape (O, C, k, k), of which the first 3 * `frames` channels are the frames' colours.
        frames: Frames in a window.
    """
    random = fresh[:, : 3 * frames].unflatten(1, (frames, 3))
    spread = colours.unsqueeze(1) / frames + random - random.mean(dim=1, keepdim=True)
    return torch.cat([spread.flatten(1, 2), fresh[:, 3 * frames :]], dim=1)
