"""What training minimises: a focal loss on heatmap logits, an L1 loss on offsets, and a cross entropy on events.

After Zhou, Wang, Kraehenbuehl, "Objects as Points", 2019, arXiv:1904.07850. We differ: positives are weighted up,
offsets are learned in all cells near the centre, and frames of which nothing is known are left out.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ttcli.networks.blocks import Prediction
from ttcli.networks.heatmaps import Targets

FOCUS = 2.0
"""Power by which cells that are nearly right count less (alpha)."""
NEARNESS = 4.0
"""Power by which negatives near a ball count less (beta)."""
POSITIVE_WEIGHT = 2.0
"""How much more the cells that hold a ball count."""
OFFSET_WEIGHT = 1.0
"""How much the loss on offsets counts beside the loss on heatmaps."""
EVENT_WEIGHT = 2.0
"""How much the loss on events counts beside it: a frame's cross entropy is small, for few frames hold one."""


def at_least_one(count: Tensor) -> Tensor:
    """Return what a sum over a batch is divided by, where so many things were summed."""
    return count.clamp_min(1)


def ball_loss(
    prediction: Prediction,
    targets: Targets,
    positive_weight: float = POSITIVE_WEIGHT,
    divisor: Callable[[Tensor], Tensor] = at_least_one,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the ball's loss to minimise, and its parts by name ("heatmap", "offset") without gradient.

    Computed in fp32 whatever the precision of the prediction.

    Args:
        prediction: Prediction of the network.
        targets: What it should have answered.
        positive_weight: How much more the cells that hold a ball count.
        divisor: From the balls (or cells) of this batch to what the sum over them is divided by. Where processes train
            together, each with a part of a batch, it looks at all of them.
    """
    heatmap = focal_loss(prediction.logits, targets.heat, targets.known, positive_weight, divisor)
    offset = offset_loss(prediction.offsets, targets.offsets, targets.offset_weight, targets.known, divisor)
    return heatmap + OFFSET_WEIGHT * offset, {"heatmap": heatmap.detach(), "offset": offset.detach()}


def focal_loss(
    logits: Tensor,
    heat: Tensor,
    known: Tensor,
    positive_weight: float = POSITIVE_WEIGHT,
    divisor: Callable[[Tensor], Tensor] = at_least_one,
) -> Tensor:
    """Return the focal loss of CenterNet per visible ball, in fp32.

    Args:
        logits: Heatmaps before the sigmoid, shape (B, K, h, w).
        heat: Wanted probability, shape (B, K, h, w); cells with exactly 1 are positives.
        known: Frames that count, bool, shape (B, K).
        positive_weight: How much more positives count.
        divisor: See `ball_loss`.
    """
    logits = logits.float()
    positive = heat >= 1
    # logsigmoid stays finite where the log of a rounded sigmoid does not
    log_yes = functional.logsigmoid(logits)
    log_no = functional.logsigmoid(-logits)
    loss_yes = -positive_weight * torch.exp(FOCUS * log_no) * log_yes
    loss_no = -((1 - heat.float()) ** NEARNESS) * torch.exp(FOCUS * log_yes) * log_no
    loss = torch.where(positive, loss_yes, loss_no) * known[..., None, None]
    balls = (positive.flatten(2).any(-1) & known).sum()
    return loss.sum() / divisor(balls)


def offset_loss(
    predicted: Tensor,
    wanted: Tensor,
    weight: Tensor,
    known: Tensor,
    divisor: Callable[[Tensor], Tensor] = at_least_one,
) -> Tensor:
    """Return the mean distance in cells, |x| + |y|, over the cells that have a weight, in fp32.

    Args:
        predicted: From each cell to the ball in cells, x then y, shape (B, K, 2, h, w).
        wanted: The same, true.
        weight: How much each cell counts, shape (B, K, h, w).
        known: Frames that count, bool, shape (B, K).
        divisor: See `ball_loss`.
    """
    weight = weight.float() * known[..., None, None]
    distance = (predicted.float() - wanted).abs().sum(2)
    return (distance * weight).sum() / divisor(weight.sum())


def event_loss(logits: Tensor, wanted: Tensor, divisor: Callable[[Tensor], Tensor] = at_least_one) -> Tensor:
    """Return the mean cross entropy over the events of which something is known, in fp32.

    Args:
        logits: Logits of events before the sigmoid, shape (B, K, 2).
        wanted: Their probability, between 0 and 1 near an event; below 0 where nothing is known.
        divisor: See `ball_loss`.
    """
    known = wanted >= 0
    loss = functional.binary_cross_entropy_with_logits(logits.float(), wanted.float().clamp_min(0), reduction="none")
    return (loss * known).sum() / divisor(known.sum())
