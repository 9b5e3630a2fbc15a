"""The networks by name.

The contract that each keeps, and `tests/networks/test_registry.py` tests:

* input (B, C, H, W) as `model_input.windows_to_input` makes it, H and W multiples of 32, else SettingError;
* output `Prediction`: heatmap logits (B, K, H/4, W/4) and offsets (B, K, 2, H/4, W/4), x then y, in cells;
* attributes as `BallNetwork` has them, and its `take_packed_windows`, after which it answers the same for windows as
  bytes;
* every parameter gets a gradient;
* all tensors in the state dict, so that a checkpoint holds all of the network;
* each batch norm registered right after the convolution that it follows, so that `fuse_batch_norm` finds it;
* logits near -4.6 at the start, so that the loss is finite from the first step in fp32 and bf16.

A network's module is imported when the network is built: torchvision and segmentation-models-pytorch take seconds, come
with the extra `train` alone, and the default network needs neither.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ttcli.errors import SettingError
from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.libraries import training_libraries
from ttcli.networks.model_input import input_channels

WINDOW_SIZES = (1, 3, 5, 9)
"""Frames that a window may have."""
OUTPUTS = ("all", "center", "last")
"""For which frames of the window a network answers."""
FORMER_OUTPUTS = {"middle": "center"}
"""Names that checkpoints of earlier versions hold, and what they are called now."""
NECKS = ("pan", "asff")
"""How a YOLOv8 network brings its features together."""
ACTIVATIONS = ("silu", "relu")
"""What the decoder after an EfficientNet may have between its convolutions."""


@dataclass(frozen=True)
class Wanted:
    """What a network is built for."""

    channels_in: int
    frames_in: int
    frames_out: int
    neck: str
    activation: str
    """One of ACTIVATIONS; "relu", which ResNet and its decoder have, where the network has no choice."""
    pretrained: bool


def _yolov8(wanted: Wanted, width: float, depth: float) -> BallNetwork:
    from ttcli.networks.centernet_yolov8 import CenterNetYoloV8

    return CenterNetYoloV8(wanted.channels_in, wanted.frames_out, width, depth, wanted.neck)


def _hourglass(wanted: Wanted, stacks: int) -> BallNetwork:
    from ttcli.networks.hourglass import CenterNetHourglass

    return CenterNetHourglass(wanted.channels_in, wanted.frames_out, stacks)


def _segmentation(wanted: Wanted, decoder: str, encoder: str) -> BallNetwork:
    from ttcli.networks.segmentation import build_segmentation

    return build_segmentation(
        decoder, encoder, wanted.channels_in, wanted.frames_in, wanted.frames_out, wanted.activation, wanted.pretrained
    )


def _effunetpp(wanted: Wanted) -> BallNetwork:
    from ttcli.networks.effunetpp import build_effunetpp

    return build_effunetpp(wanted.channels_in, wanted.frames_in, wanted.frames_out, wanted.activation, wanted.pretrained)


MODELS: dict[str, Callable[[Wanted], BallNetwork]] = {
    "centernet_v8n": partial(_yolov8, width=0.25, depth=0.33),
    "centernet_v8s": partial(_yolov8, width=0.50, depth=0.33),
    "centernet_hourglass104": partial(_hourglass, stacks=2),
    "centernet_hourglass52": partial(_hourglass, stacks=1),
    "unet_effb0": partial(_segmentation, decoder="unet", encoder="efficientnet-b0"),
    "unetpp_effb0": partial(_segmentation, decoder="unetpp", encoder="efficientnet-b0"),
    "unetpp_resnet34": partial(_segmentation, decoder="unetpp", encoder="resnet34"),
    "deeplabv3p_effb0": partial(_segmentation, decoder="deeplabv3p", encoder="efficientnet-b0"),
    "effunetpp_b0": _effunetpp,
}
"""Name -> function that builds the network."""

WITH_NECK = ("centernet_v8n", "centernet_v8s")
"""Networks that have a choice of NECKS."""
WITH_ACTIVATION = ("unet_effb0", "unetpp_effb0", "deeplabv3p_effb0", "effunetpp_b0")
"""Networks that have a choice of ACTIVATIONS."""
WITH_IMAGENET = ("unet_effb0", "unetpp_effb0", "unetpp_resnet34", "deeplabv3p_effb0", "effunetpp_b0")
"""Networks whose encoder can begin with weights learned on ImageNet."""


def create_model(
    name: str,
    window_size: int = 9,
    difference: bool = True,
    outputs: str = "all",
    neck: str = "pan",
    activation: str | None = None,
    pretrained: bool = False,
    event_head: bool = False,
) -> BallNetwork:
    """Return a fresh network with random weights.

    Args:
        name: A key of MODELS.
        window_size: Frames in a window, one of WINDOW_SIZES.
        difference: Whether the input has the channels of difference to the window's median.
        outputs: "all" predicts every frame of the window, "center" the middle one only, "last" the last.
        neck: "pan" mixes coarse features into finer ones, "asff" also weighs them anew at every place.
        activation: "silu" or "relu" in the decoder after an EfficientNet; None takes "silu", the encoder's own, for
            with ReLU these learn badly.
        pretrained: Begin with weights of the encoder that were learned on ImageNet, fetched where they are not
            stored on this machine yet.
        event_head: Hold an event head, which training alone asks.

    Raises:
        SettingError: The name or a setting is unknown, the network has no such choice, or the weights cannot be fetched.
        LibraryError: A library that the network needs is not installed.
    """
    if name not in MODELS:
        raise SettingError(f"model {name!r:.60}", "no network of that name", f"take one of {', '.join(MODELS)}")
    outputs = FORMER_OUTPUTS.get(outputs, outputs)
    check_known(window_size, outputs, neck, activation)
    _check_choice(name, "neck", neck != NECKS[0], WITH_NECK)
    _check_choice(name, "activation", activation is not None, WITH_ACTIVATION)
    _check_choice(name, "pretrained", pretrained, WITH_IMAGENET)
    if activation is None and name in WITH_ACTIVATION:
        activation = ACTIVATIONS[0]
    output_frames = answered_frames(outputs, window_size)
    channels = input_channels(window_size, difference)
    wanted = Wanted(channels, window_size, len(output_frames), neck, activation or "relu", pretrained)
    model = _build(name, wanted)
    model.name = name
    model.window_size = window_size
    model.difference = difference
    model.outputs = outputs
    model.output_frames = output_frames
    model.neck = neck
    model.activation = activation
    model.pretrained = pretrained
    model.event_head = False
    if event_head:
        add_event_head(model)
    return model


def check_known(window_size: int, outputs: str, neck: str = NECKS[0], activation: str | None = None) -> None:
    """Raise SettingError where an argument of `create_model` has a value that none of the networks can have."""
    _check_known("window_size", window_size, WINDOW_SIZES)
    _check_known("outputs", FORMER_OUTPUTS.get(outputs, outputs), OUTPUTS)
    _check_known("neck", neck, NECKS)
    _check_known("activation", activation, (None, *ACTIVATIONS))


def add_event_head(model: BallNetwork) -> None:
    """Give a network an event head, which has to learn yet."""
    model.head.add_events()
    model.event_head = True


def answered_frames(outputs: str, window_size: int) -> tuple[int, ...]:
    """Return the places in a window of the frames that a network predicts.

    Args:
        outputs: One of OUTPUTS, or a former name of one.
        window_size: Frames in the window.
    """
    places = {"all": tuple(range(window_size)), "center": (window_size // 2,), "last": (window_size - 1,)}
    return places[FORMER_OUTPUTS.get(outputs, outputs)]


def _build(name: str, wanted: Wanted) -> BallNetwork:
    """Return the network; a library that cannot be imported is a LibraryError."""
    with training_libraries(f"model {name!r}"):
        return MODELS[name](wanted)


def _check_known(setting: str, value: object, known: tuple) -> None:
    if value not in known:
        allowed = ", ".join(str(one) for one in known if one is not None)
        raise SettingError(setting, f"is {value!r:.60}", f"take one of {allowed}")


def _check_choice(name: str, setting: str, chosen: bool, networks: tuple[str, ...]) -> None:
    if chosen and name not in networks:
        cure = f"leave it out, or take one of {', '.join(networks)}"
        raise SettingError(setting, f"model {name!r} has no choice of it", cure)
