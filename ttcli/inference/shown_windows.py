"""Windows of pictures through a network: aligned, cropped, packed, and the predictions carried back."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ttcli.inference.answers import WindowAnswer, decoded
from ttcli.inference.camera_motion import Box, align, carried_back, carry_back
from ttcli.inference.runtimes import Runtime
from ttcli.networks.blocks import NetworkAnswer
from ttcli.networks.packed_windows import PLANES, gray_of, pack_window
from ttcli.networks.windows import Window

WHOLLY = 0.99
"""Share of a cell that lies in a crop which was carried back, from which on it was looked at."""


class Picture(NamedTuple):
    """A frame's pixels, and their grays where the network is given differences."""

    pixels: np.ndarray
    gray: np.ndarray | None


def as_kept(pixels: np.ndarray, difference: bool) -> Picture:
    """Return a frame's pixels (H, W, 4) with what else windows need of them."""
    return Picture(pixels, gray_of(pixels) if difference else None)


class ShownWindow(NamedTuple):
    """A window that the network is to be shown."""

    window: Window
    pictures: list[Picture]
    maps: list[np.ndarray] | None
    """From each frame to the middle one; None where the camera rests."""
    again: bool
    """Whether it is shown because of doubt."""
    box: Box | None
    """What is shown of the pictures, once they are aligned; None shows all."""


class Looked:
    """What a network said of windows in a first look at a video: it need not be shown the same bytes again."""

    def __init__(self) -> None:
        self._said: dict[bytes, NetworkAnswer] = {}
        self._first_look = True

    def end(self) -> None:
        """End the first look: from now on nothing more is noted, and each answer is given once."""
        self._first_look = False

    def answer(self, runtime: Runtime, packed: Tensor) -> NetworkAnswer:
        """Return what a network says of packed windows; may be called in several threads."""
        if not self._said and not self._first_look:
            return runtime(packed)
        key = hashlib.blake2b(packed.numpy().data, digest_size=32).digest()
        said = self._said.pop(key, None) or runtime(packed)
        if self._first_look:
            self._said[key] = said
        return said


def run_windows(runtime: Runtime, group: Sequence[ShownWindow], looked: Looked | None = None) -> list[WindowAnswer]:
    """Return what a network says of some windows that show it as much of their pictures; may be called in several threads."""
    whole = group[0].pictures[0].pixels.shape[:2]
    box = group[0].box or Box(0, 0, whole[1], whole[0])
    packed = runtime.memory("windows", (len(group), box.height, box.width, runtime.window_size, PLANES), torch.int8)
    for shown, out in zip(group, packed.numpy(), strict=True):
        if shown.maps is None:
            pixels = [box.of(picture.pixels) for picture in shown.pictures]
            grays = [box.of(picture.gray) for picture in shown.pictures if picture.gray is not None]
        else:
            pixels = align([picture.pixels for picture in shown.pictures], shown.maps, box)
            grays = [gray_of(laid) for laid in pixels] if runtime.difference else []
        pack_window(pixels, grays or None, out)
    answer = runtime(packed) if looked is None else looked.answer(runtime, packed)
    told = zip(group, answer.probabilities.cpu(), answer.offsets.cpu(), strict=True)
    return [_carried(runtime, whole, *each) for each in told]


def _carried(
    runtime: Runtime, whole: tuple[int, ...], shown: ShownWindow, probabilities: Tensor, offsets: Tensor
) -> WindowAnswer:
    """Return what a network said of a window in the places of the whole pictures, as they came."""
    stride, looked = runtime.output_stride, None
    if shown.box is not None:
        probabilities, offsets, looked = _put_back(probabilities, offsets, shown.box, whole, stride)
    if shown.maps is not None:
        maps = [shown.maps[place] for place in runtime.output_frames]
        if looked is not None:
            seen = looked[0].numpy()  # the same of all frames, until they are carried back
            looked = torch.from_numpy(np.stack([carried_back(seen, each, stride) for each in maps]) > WHOLLY).float()
        probabilities, offsets = carry_back(probabilities, offsets, maps, stride)
        if looked is not None:
            probabilities = probabilities * looked
    frames = [] if shown.box is not None else decoded(probabilities, offsets)
    return WindowAnswer(probabilities, offsets, looked, frames)


def _put_back(
    probabilities: Tensor, offsets: Tensor, box: Box, size: tuple[int, ...], stride: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what was said of a crop as if it were of the whole picture, and where that is, (K, h, w)."""
    height, width = (side // stride for side in size)
    whole = [torch.zeros(*part.shape[:-2], height, width) for part in (probabilities, offsets, probabilities)]
    parts = (probabilities, offsets, torch.ones_like(probabilities))
    for place, part in zip(whole, parts, strict=True):
        rows, columns = slice(box.top // stride, None), slice(box.left // stride, None)
        place[..., rows, columns][..., : part.shape[-2], : part.shape[-1]] = part
    return whole[0], whole[1], whole[2]
