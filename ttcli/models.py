"""The networks by name.

The contract that each keeps, and `tests/test_models.py` tests:

* input (B, C, H, W) as `model_input.windows_to_input` makes it, H and W multiples of 32, else SettingError;
* output `Prediction`: heatmap logits (B, K, H/4, W/4) and offsets (B, K, 2, H/4, W/4), x then y, in cells;
* attributes `encoder`, `decoder`, `head`, `frames_out` (K) and `output_stride` (4) from the network; `name`,
  `window_size`, `difference`, `outputs` (the arguments that made it) and `output_frames` (which frames of the window
  the K outputs are) from `create_model`;
* all tensors in the state dict, so that a checkpoint holds all of the network;
* logits near -4.6 at the start, so that the loss is finite from the first step in fp32 and bf16.
"""

from collections.abc import Callable

from torch import nn

from ttcli.errors import SettingError
from ttcli.model_input import input_channels
from ttcli.networks.centernet_yolov8 import CenterNetYoloV8

WINDOW_SIZES = (1, 3, 5, 9)
"""Frames that a window may have."""
OUTPUTS = ("all", "middle")
"""For which frames of the window a network answers."""

MODELS: dict[str, Callable[[int, int], nn.Module]] = {
    "centernet_v8n": lambda channels, frames: CenterNetYoloV8(channels, frames, width=0.25, depth=0.33),
    "centernet_v8s": lambda channels, frames: CenterNetYoloV8(channels, frames, width=0.50, depth=0.33),
}
"""Name -> function of input channels and frames out that builds the network."""


def create_model(name: str, window_size: int = 9, difference: bool = True, outputs: str = "all") -> nn.Module:
    """Return a fresh network with random weights.

    Args:
        name: A key of MODELS.
        window_size: Frames in a window, one of WINDOW_SIZES.
        difference: Whether the input has the channels of difference to the window's median.
        outputs: "all" answers for every frame of the window, "middle" for the middle one only.

    Raises:
        SettingError: The name or a setting is unknown.
    """
    if name not in MODELS:
        raise SettingError(f"model {name!r}", "no network of that name", f"take one of {', '.join(MODELS)}")
    if window_size not in WINDOW_SIZES:
        allowed = ", ".join(map(str, WINDOW_SIZES))
        raise SettingError("window_size", f"is {window_size!r}", f"take one of {allowed}")
    if outputs not in OUTPUTS:
        raise SettingError("outputs", f"is {outputs!r}", f"take one of {', '.join(OUTPUTS)}")
    output_frames = tuple(range(window_size)) if outputs == "all" else (window_size // 2,)
    model = MODELS[name](input_channels(window_size, difference), len(output_frames))
    model.name = name
    model.window_size = window_size
    model.difference = difference
    model.outputs = outputs
    model.output_frames = output_frames
    return model
