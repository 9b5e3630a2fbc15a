"""What all networks that find the ball have in common, whatever their encoder and decoder."""

from torch import Tensor, nn

from ttcli.errors import SettingError
from ttcli.networks.blocks import BallHead, Prediction, check_input
from ttcli.networks.heatmaps import OUTPUT_STRIDE
from ttcli.networks.model_input import SIZE_MULTIPLE


class BallNetwork(nn.Module):
    """Heatmaps and offsets at stride 4 from a window of frames.

    `create_model` makes each, and writes down in it what it was asked for: the attributes from `name` on.

    Args:
        channels_in: Channels of the input.
        frames_out: Frames to predict.
        encoder: Takes the input, returns what the decoder takes.
        decoder: Returns features at stride 4.
        head: Takes the features.
        least_batch: Windows that a batch must have in training.
    """

    output_stride = OUTPUT_STRIDE
    """Pixels per cell of the heatmaps."""
    name: str
    """A key of `registry.MODELS`."""
    window_size: int
    """Frames in a window."""
    difference: bool
    """Whether the input has the channels of difference to the window's median."""
    outputs: str
    """One of `registry.OUTPUTS`."""
    output_frames: tuple[int, ...]
    """Places in the window of the frames that it predicts."""
    neck: str
    """One of `registry.NECKS`."""
    activation: str | None
    """One of `registry.ACTIVATIONS`; None where the network has no choice."""
    pretrained: bool
    """Whether the encoder's training began with weights learned on ImageNet."""
    event_head: bool
    """Whether it holds an event head, for `with_events`."""

    takes_packed_windows = False
    """Whether the first convolution takes windows as bytes."""

    def __init__(
        self,
        channels_in: int,
        frames_out: int,
        encoder: nn.Module,
        decoder: nn.Module,
        head: BallHead,
        least_batch: int = 1,
    ) -> None:
        super().__init__()
        self.channels_in = channels_in
        self.frames_out = frames_out
        self.least_batch = least_batch
        self.encoder = encoder
        self.decoder = decoder
        self.head = head

    def forward(self, x: Tensor) -> Prediction:
        """Return the prediction for input (B, C, H, W).

        Raises:
            SettingError: H or W is no multiple of 32, or the batch is too small to learn from.
        """
        return self.head(self._features(x))

    def with_events(self, x: Tensor) -> tuple[Prediction, Tensor]:
        """Return the prediction and the logits of `event_head.EVENTS`, (B, K, 2), as training alone asks for them.

        Raises:
            SettingError: See `forward`.
            ValueError: The network has no event head.
        """
        features = self._features(x)
        prediction = self.head(features)
        return prediction, self.head.event_head()(features, *prediction)

    def _features(self, x: Tensor) -> Tensor:
        """Return what the head takes."""
        check_input(x, self.channels_in, SIZE_MULTIPLE)
        if self.training and len(x) < self.least_batch:
            fact = f"is a batch of {len(x)}, and this network's batch norm needs {self.least_batch} in training"
            raise SettingError("model input", fact, f"train with batches of {self.least_batch} or more")
        return self.decoder(self.encoder(x))

    def take_packed_windows(self) -> bool:
        """Let the first convolution take `packed_windows` as they are, once batch norm is folded; return whether it can."""
        return False
