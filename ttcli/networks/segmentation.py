"""Unet, Unet++ and DeepLabV3+ of segmentation-models-pytorch: `unet_effb0`, `unetpp_*` and `deeplabv3p_effb0`."""

from functools import partial

from segmentation_models_pytorch.base.initialization import initialize_decoder
from segmentation_models_pytorch.base.modules import SCSEModule
from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from segmentation_models_pytorch.decoders.unetplusplus.decoder import UnetPlusPlusDecoder
from segmentation_models_pytorch.encoders import get_encoder
from torch import nn

from ttcli.networks.encoder_decoder import EncoderDecoder, replace_relu
from ttcli.networks.imagenet import fetch, widen_first_convolution

UNET_CHANNELS = (256, 128, 64)
"""Channels of the decoders of Unet and Unet++ at strides 16, 8 and 4."""
DEEPLAB_CHANNELS = 256
DEEPLAB_STRIDE = 16
"""Pixels per cell of the features that DeepLabV3+ looks at with holes: its encoder does not go down to 32."""
DEEPLAB_RATES = (12, 24, 36)
DEEPLAB_DROPOUT = 0.5
DEEPLAB_LEAST_BATCH = 2
"""It takes the mean of a whole picture, of which a batch norm cannot learn from one picture."""


def build_segmentation(
    decoder: str, encoder: str, channels_in: int, frames_in: int, frames_out: int, activation: str, pretrained: bool
) -> EncoderDecoder:
    """Return a network of the library's decoder and encoder, and our head.

    Args:
        decoder: "unet", "unetpp" or "deeplabv3p".
        encoder: The library's name for the encoder.
        channels_in: Channels of the input.
        frames_in: Frames in a window.
        frames_out: Frames to predict.
        activation: "silu" or "relu", for the decoder.
        pretrained: Take the encoder's weights from ImageNet.

    Example:
        >>> model = build_segmentation("unet", "efficientnet-b0", 36, 9, 9, "silu", pretrained=False)
        >>> model(torch.zeros(1, 36, 64, 96)).logits.shape
        torch.Size([1, 9, 16, 24])
    """
    stride = DEEPLAB_STRIDE if decoder == "deeplabv3p" else 32
    built, channels = _encoder(encoder, channels_in, frames_in, pretrained, stride)
    if decoder == "deeplabv3p":
        channels_out, least_batch = DEEPLAB_CHANNELS, DEEPLAB_LEAST_BATCH
        part = _deeplab_decoder(channels)
    else:
        channels_out, least_batch = UNET_CHANNELS[-1], 1
        part = _unet_decoder(channels) if decoder == "unet" else unetpp_decoder(channels)
    return EncoderDecoder(built, part, channels_in, channels_out, frames_out, activation, least_batch)


def unetpp_decoder(encoder_channels: list[int], attention: str | None = None) -> nn.Module:
    """Return the decoder of Unet++ down to stride 4, with UNET_CHANNELS[-1] channels.

    Zhou, Siddiquee, Tajbakhsh, Liang, "UNet++: A Nested U-Net Architecture for Medical Image Segmentation", 2018,
    arXiv:1807.10165.

    Args:
        encoder_channels: Channels of the input and of the features at strides 2, 4, 8, 16 and 32.
        attention: "scse" weighs channels and places in every block.
    """
    channels = (*UNET_CHANNELS, UNET_CHANNELS[-1])
    decoder = UnetPlusPlusDecoder(encoder_channels, channels, n_blocks=len(channels), attention_type=attention)
    decoder.blocks[f"x_0_{len(UNET_CHANNELS)}"] = nn.Identity()  # the last block goes on to stride 2: not needed
    for module in decoder.modules():
        if isinstance(module, SCSEModule):  # squeezes to as few as two channels, which ReLU can leave dead for good
            replace_relu(module, nn.SiLU)
    initialize_decoder(decoder)
    return decoder


def _unet_decoder(encoder_channels: list[int]) -> nn.Module:
    """Return the decoder of Unet (Ronneberger, Fischer, Brox, 2015, arXiv:1505.04597) down to stride 4."""
    decoder = UnetDecoder(encoder_channels, UNET_CHANNELS, n_blocks=len(UNET_CHANNELS))
    initialize_decoder(decoder)
    return decoder


def _deeplab_decoder(encoder_channels: list[int]) -> nn.Module:
    """Return the decoder of DeepLabV3+ (Chen, Zhu, Papandreou, Schroff, Adam, 2018, arXiv:1802.02611)."""
    decoder = DeepLabV3PlusDecoder(
        encoder_channels=encoder_channels,
        encoder_depth=5,
        out_channels=DEEPLAB_CHANNELS,
        atrous_rates=DEEPLAB_RATES,
        output_stride=DEEPLAB_STRIDE,
        aspp_separable=True,
        aspp_dropout=DEEPLAB_DROPOUT,
    )
    initialize_decoder(decoder)
    return decoder


def _encoder(name: str, channels_in: int, frames: int, pretrained: bool, stride: int) -> tuple[nn.Module, list[int]]:
    """Return the library's encoder of that name, for windows, and the channels of the input and of its features."""
    weights = "imagenet" if pretrained else None
    build = partial(get_encoder, name, in_channels=3, weights=weights, output_stride=stride)
    encoder = fetch(name, build) if pretrained else build()
    widen_first_convolution(encoder, channels_in, frames, pretrained)
    for unused in ("_conv_head", "_bn1"):  # of the classifier: EfficientNet keeps them, and they would not learn
        if hasattr(encoder, unused):
            delattr(encoder, unused)
    return encoder, encoder.out_channels
