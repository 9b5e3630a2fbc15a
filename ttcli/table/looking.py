"""The network's look at a part of a picture."""

from pathlib import Path

import cv2
import numpy as np
import torch

from ttcli.networks.devices import cpu_multiplies_in_bf16
from ttcli.networks.table_finder import HEIGHT, MULTIPLE, WIDTH
from ttcli.table.evidence import WHOLE, Region
from ttcli.table.weights import load_table_finder


class TableLooker:
    """Shows parts of pictures to the network.

    Args:
        height: Height of the video's picture.
        width: Its width.
        weights: Weights of the network; those in the package if None.
    """

    def __init__(self, height: int, width: int, weights: Path | None = None) -> None:
        self._model = load_table_finder(weights)
        self._bf16 = cpu_multiplies_in_bf16()  # 11 ms a look instead of 20, and probabilities off by 0.01 at most
        scale = (HEIGHT * WIDTH / (height * width)) ** 0.5 / MULTIPLE
        self._size = max(1, round(width * scale)) * MULTIPLE, max(1, round(height * scale)) * MULTIPLE

    def heat(self, picture: np.ndarray, region: Region) -> np.ndarray:
        """Return the network's answer (KINDS, h, w) for a part of a picture (H, W, 3)."""
        small = torch.from_numpy(_part(picture, region, self._size))
        pictures = (small.permute(2, 0, 1)[None].float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            return self._model(pictures).float().sigmoid()[0].numpy()


def _part(picture: np.ndarray, region: Region, size: tuple[int, int]) -> np.ndarray:
    """Return a part of a picture in a size, width then height; enlarged where it has too few pixels of its own."""
    height, width = picture.shape[:2]
    if region is WHOLE:
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    ratio = np.array([region.width * width / size[0], region.height * height / size[1]])
    shrink = int(ratio.max())
    if shrink > 1:  # else every second pixel would be passed over
        picture = cv2.resize(picture, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
        height, width = picture.shape[:2]
        ratio = np.array([region.width * width / size[0], region.height * height / size[1]])
    scale = np.array([[ratio[0], 0, 0], [0, ratio[1], 0]])
    # Borders of regions lie between pixels, whose centres are whole numbers.
    scale[:, 2] = np.array([region.left * width, region.top * height]) - 0.5 + 0.5 * ratio
    return cv2.warpAffine(picture, scale, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
