"""A network of an encoder and a decoder that others wrote, and our head."""

from torch import Tensor, nn

from ttcli.errors import SettingError
from ttcli.networks.blocks import BallHead, Prediction, check_input

COARSEST_STRIDE = 32
"""Pixels per cell of the encoder's last features."""
HEAD_CHANNELS = 64
BATCH_NORM_MOMENTUM = 0.1
"""Part of a batch norm's statistics that each step renews; 0.01, as some encoders have it, still leaves a third of
what was there at the start after a hundred steps."""
_ACTIVATIONS = {"silu": nn.SiLU, "relu": nn.ReLU}


class EncoderDecoder(nn.Module):
    """Heatmaps and offsets at stride 4 from a window of frames.

    Args:
        encoder: Takes the input, returns a list of features, from fine to coarse.
        decoder: Takes that list, returns features at stride 4.
        channels_in: Channels of the input.
        channels_out: Channels that the decoder returns.
        frames_out: Frames to answer for.
        activation: "silu" or "relu", for the decoder.
        least_batch: Windows that a batch must have in training.
    """

    output_stride = 4

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
        super().__init__()
        self.channels_in = channels_in
        self.frames_out = frames_out
        self.least_batch = least_batch
        self.encoder = encoder
        self.decoder = decoder
        self.head = BallHead(channels_out, HEAD_CHANNELS, frames_out)
        replace_relu(self.decoder, _ACTIVATIONS[activation])
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = BATCH_NORM_MOMENTUM

    def forward(self, x: Tensor) -> Prediction:
        """Return the prediction for input (B, C, H, W).

        Raises:
            SettingError: H or W is no multiple of 32, or the batch is too small to learn from.
        """
        check_input(x, self.channels_in, COARSEST_STRIDE)
        if self.training and len(x) < self.least_batch:
            fact = f"is a batch of {len(x)}, and this network's batch norm needs {self.least_batch} in training"
            raise SettingError("model input", fact, f"train with batches of {self.least_batch} or more")
        return self.head(self.decoder(self.encoder(x)))


def replace_relu(module: nn.Module, activation: type[nn.Module]) -> None:
    """Put another activation in the place of every ReLU of a module."""
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU):
            setattr(module, name, activation(inplace=child.inplace))
        else:
            replace_relu(child, activation)
