"""`effunetpp_b0`: torchvision's EfficientNet-B0, and the decoder of Unet++ with SiLU and attention."""

from functools import partial

from torch import Tensor, nn
from torchvision.models import EfficientNet_B0_Weights, efficientnet_b0

from ttcli.networks.encoder_decoder import EncoderDecoder
from ttcli.networks.imagenet import fetch, widen_first_convolution
from ttcli.networks.segmentation import UNET_CHANNELS, unetpp_decoder

WEIGHTS = EfficientNet_B0_Weights.IMAGENET1K_V1
STAGES = ((0, 2), (2, 3), (3, 4), (4, 6), (6, 8))
"""First and one past the last part of EfficientNet for the features at strides 2, 4, 8, 16 and 32. The ninth part is
of the classifier."""
STAGE_CHANNELS = (16, 24, 40, 112, 320)


class EfficientNetEncoder(nn.Module):
    """EfficientNet-B0: the input, and its features at strides 2, 4, 8, 16 and 32.

    Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, arXiv:1905.11946.
    """

    def __init__(self, channels_in: int, frames: int, pretrained: bool) -> None:
        super().__init__()
        network = efficientnet_b0()
        if pretrained:
            # never unpickled: it is a file from outside
            load = partial(WEIGHTS.get_state_dict, progress=True, check_hash=True, weights_only=True)
            network.load_state_dict(fetch("efficientnet_b0", load))
        parts = network.features
        self.stages = nn.ModuleList(parts[first:end] for first, end in STAGES)
        widen_first_convolution(self, channels_in, frames, pretrained)
        self.out_channels = [channels_in, *STAGE_CHANNELS]

    def forward(self, x: Tensor) -> list[Tensor]:
        features = [x]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features


def build_effunetpp(channels_in: int, frames_in: int, frames_out: int, activation: str, pretrained: bool) -> EncoderDecoder:
    """Return the network.

    Args:
        channels_in: Channels of the input.
        frames_in: Frames in a window.
        frames_out: Frames to predict.
        activation: "silu" or "relu", for the decoder.
        pretrained: Take the encoder's weights from ImageNet.
    """
    encoder = EfficientNetEncoder(channels_in, frames_in, pretrained)
    decoder = unetpp_decoder(encoder.out_channels, attention="scse")
    return EncoderDecoder(encoder, decoder, channels_in, UNET_CHANNELS[-1], frames_out, activation)
