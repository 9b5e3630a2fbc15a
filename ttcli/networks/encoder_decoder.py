"""A network of an encoder and a decoder that others wrote, and our head."""

from torch import nn

from ttcli.networks.ball_network import BallNetwork
from ttcli.networks.blocks import BallHead

HEAD_CHANNELS = 64
BATCH_NORM_MOMENTUM = 0.1
"""Part of a batch norm's statistics that each step renews; 0.01, as some encoders have it, still leaves a third of
what was there at the start after a hundred steps."""
_ACTIVATIONS = {"silu": nn.SiLU, "relu": nn.ReLU}


class EncoderDecoder(BallNetwork):
    """Heatmaps and offsets at stride 4 from a window of frames.

    Args:
        encoder: Takes the input, returns a list of features, from fine to coarse.
        decoder: Takes that list, returns features at stride 4.
        channels_in: Channels of the input.
        channels_out: Channels that the decoder returns.
        frames_out: Frames to predict.
        activation: "silu" or "relu", for the decoder.
        least_batch: Windows that a batch must have in training.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        channels_in: int,
        channels_out: int,
        frames_out: int,
        activation: str,
        least_batch: int = 1,
    ) -> None:
        head = BallHead(channels_out, HEAD_CHANNELS, frames_out)
        super().__init__(channels_in, frames_out, encoder, decoder, head, least_batch)
        replace_relu(self.decoder, _ACTIVATIONS[activation])
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = BATCH_NORM_MOMENTUM


def replace_relu(module: nn.Module, activation: type[nn.Module]) -> None:
    """Put another activation in the place of every ReLU of a module."""
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU):
            setattr(module, name, activation(inplace=child.inplace))
        else:
            replace_relu(child, activation)
