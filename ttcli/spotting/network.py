"""The network that tells events from a path.

First a temporal convolutional network over the steps around finds what bends the path: bounces and hits. The steps
around do not show where the net stands, for the path goes on there as if nothing was. But the net lies between the
bounces on both halves. So the likely bounces and hits become landmarks of the scene, each step attends to them, and a
second network decides. Its passings of the net become landmarks too, for the net is where other flights passed it, and
a third network decides again.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ttcli.networks.event_head import EVENTS
from ttcli.spotting.paths import FEATURES, GRID_RATE

EARLY = ("bounce", "hit")
"""What it predicts by the path alone."""
CHANNELS = 48
HEADS = 4
LANDMARK_FEATURES = 9
MOST_LANDMARKS = 32
"""Most landmarks of each kind."""
SCENE_FEATURES = 15
"""See `scene_coordinates`."""
LEAST_LANDMARK = 0.2
"""Probability from which on a peak is a landmark."""
_BOUNCE, _HIT, _NET = (0.0, 0.0), (1.0, 0.0), (0.0, 1.0)
"""Marks of the kinds of landmarks."""
_NEAR_SECONDS = 4.0
"""A landmark counts 1/e after that time: cameras move."""
_FAR_WEIGHT = 0.02
"""What it counts at least: most cameras do not."""
_ROUNDS = 4
"""Rounds of parting the bounces into halves: serves bounce on the server's first."""
_GUESS = 0.05
"""Weight of the guess where the middles of the halves are, against landmarks."""
_GUESSED_HALF = 0.15
"""Picture widths from the net to the middle of a half, in that guess."""
_RARE = -3.0
"""Logit that heads begin with: events are rare."""
_PEAK_REACH = 6
"""Steps to each side that a landmark rises above: 50 ms."""
_STRIDE = 12
"""Steps from one question to the landmarks to the next: where the net stands changes slowly."""


class Landmarks(NamedTuple):
    """Places of a scene that B paths bent at, K of them, most probable first."""

    features: Tensor
    """(B, LANDMARK_FEATURES, K): x, y, velocity before and after, probability, whether a hit, whether at the net."""
    steps: Tensor
    """(B, K) where on the grid; may lie outside."""
    there: Tensor
    """(B, K) bool; the others only fill up."""


class Answer(NamedTuple):
    """Logits at each of S steps."""

    early: Tensor
    """(B, 2, S): bounce and hit, by the path alone."""
    first: Tensor
    """(B, 2, S): EVENTS, by bounces and hits."""
    events: Tensor
    """(B, 2, S): EVENTS, by the other net crossings too."""


class PathSpotter(nn.Module):
    """Tells bounces and passings of the net at each step of a path."""

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.channels = channels
        self.stem = nn.Conv1d(FEATURES, channels, 1)
        self.encoder = nn.Sequential(*(Block(channels, dilation) for dilation in (1, 2, 4, 8, 16, 32)))
        self.early_head = _head(channels, len(EARLY))
        self.first, self.second = Decision(channels), Decision(channels)

    def forward(self, features: Tensor) -> Answer:
        """Return the logits at all steps of paths (B, FEATURES, S)."""
        hidden = self.encoder(self.stem(features))
        early = self.early_head(hidden)
        bends = find_landmarks(features, early, (_BOUNCE, _HIT))
        hidden, first = self.first(features, hidden, bends)
        passings = find_landmarks(features, first[:, 1:], (_NET,))
        landmarks = Landmarks(*(torch.cat(parts, -1) for parts in zip(bends, passings, strict=True)))
        return Answer(early, first, self.second(features, hidden, landmarks)[1])


def _head(channels: int, kinds: int) -> nn.Conv1d:
    """Return the layer of the logits, which takes all kinds of events for rare at first."""
    head = nn.Conv1d(channels, kinds, 1)
    if head.bias is not None:
        nn.init.constant_(head.bias, _RARE)
    return head


class Decision(nn.Module):
    """Looks at the landmarks from each step, then around, and predicts EVENTS."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = LandmarkAttention(channels)
        self.scene = nn.Sequential(nn.Conv1d(SCENE_FEATURES, channels, 1), nn.GELU(), nn.Conv1d(channels, channels, 1))
        self.mix = nn.Conv1d(2 * channels, channels, 1)
        self.decoder = nn.Sequential(*(Block(channels, dilation) for dilation in (1, 4, 16)))
        self.head = _head(channels, len(EVENTS))

    def forward(self, features: Tensor, hidden: Tensor, landmarks: Landmarks) -> tuple[Tensor, Tensor]:
        """Return what is known of each step then, (B, C, S), and the logits, (B, 2, S)."""
        context = self.attention(features, hidden, landmarks)
        scene = self.scene(scene_coordinates(features, landmarks))
        hidden = self.decoder(hidden + scene + self.mix(torch.cat([hidden, context], 1)))
        return hidden, self.head(hidden)


class Block(nn.Module):
    """A residual block: a dilated convolution over five steps, then a mixing of channels."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.convolution = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the same shape, (B, C, S)."""
        normal = self.norm(hidden.transpose(1, 2)).transpose(1, 2)
        return hidden + self.mix(functional.gelu(self.convolution(normal)))


class LandmarkAttention(nn.Module):
    """Each step weighs the landmarks by where they lie as seen from it, and takes the mean of what they say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv1d(channels, channels, 1)
        # One linear layer over landmark, step and the time between, kept apart so that sums need no copies.
        self.of_landmark = nn.Linear(LANDMARK_FEATURES, channels)
        self.of_step = nn.Linear(2, channels, bias=False)
        self.of_time = nn.Linear(2, channels, bias=False)
        self.pair = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.alone = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor, hidden: Tensor, landmarks: Landmarks) -> Tensor:
        """Return what the landmarks say at each step, (B, C, S)."""
        batch, channels, steps = hidden.shape
        if landmarks.there.shape[1] == 0 or steps == 0:
            return self.alone[None, :, None].expand(batch, channels, steps)
        query = self.query(hidden)[..., ::_STRIDE].transpose(1, 2)  # (B, Q, C)
        place = features[:, 2:4, ::_STRIDE].transpose(1, 2)  # (B, Q, 2)
        at = torch.arange(0, steps, _STRIDE, device=hidden.device)
        away = (landmarks.steps[:, None] - at[None, :, None]) / GRID_RATE  # (B, Q, K)
        pair = self.of_landmark(landmarks.features.transpose(1, 2))[:, None] + self.of_step(place)[:, :, None]
        pair = pair + self.of_time(torch.stack([torch.tanh(away), torch.tanh(away / 8)], -1))
        pair = functional.gelu(self.pair(functional.gelu(pair)))  # (B, Q, K, C)
        apart = pair.unflatten(3, (HEADS, -1))
        score = torch.einsum("bqkhc,bqhc->bqhk", apart, query.unflatten(2, (HEADS, -1))) * (channels // HEADS) ** -0.5
        weight = score.masked_fill(~landmarks.there[:, None, None], -1e4).softmax(3)
        said = self.value(torch.einsum("bqhk,bqkhc->bqhc", weight, apart).flatten(2))
        said = torch.where(landmarks.there.any(1)[:, None, None], said, self.alone)
        return _at_every_step(said.transpose(1, 2), steps)


def scene_coordinates(features: Tensor, landmarks: Landmarks) -> Tensor:
    """Return where each step lies between the bounces on both halves of the table, (B, SCENE_FEATURES, S).

    But for serves a ball bounces on the half that it flies to. So the axis along which balls move at bounces, and the
    direction along it, divide the bounces between the two halves; then each goes to the half whose middle is nearer.
    The two middles are at -1 and 1 of a coordinate, and the net is near 0, or where the likely passings of the net are.
    No gradient flows through this.

    Args:
        features: (B, FEATURES, S).
        landmarks: K of each path.
    """
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        steps, marks = features.shape[2], landmarks.features.float()
        place, before, after, sure, is_hit, is_net = marks.split([2, 2, 2, 1, 1, 1], 1)
        sure = sure[:, 0] * landmarks.there  # (B, K)
        bounce, passing = sure * ((1 - is_hit) * (1 - is_net))[:, 0], sure * is_net[:, 0]
        velocity = before + after
        axis = _main_axis(velocity, bounce)  # (B, 2)
        way = (velocity * axis[..., None]).sum(1)  # (B, K)
        at = torch.arange(0, steps, _STRIDE, device=features.device)
        away = (landmarks.steps[:, None] - at[None, :, None]).abs() / GRID_RATE  # (B, Q, K)
        near = torch.exp(-away / _NEAR_SECONDS) + _FAR_WEIGHT
        centre, half, counts = _part_halves(place, way, near * bounce[:, None], axis)
        along = torch.einsum("bqd,bdk->bqk", half, place) - (half * centre).sum(2, keepdim=True)  # (B, Q, K)
        size = (half**2).sum(2, keepdim=True) + 1e-4
        weight = near * passing[:, None]
        count = weight.sum(2, keepdim=True)
        net = (weight * along / size).sum(2, keepdim=True) / (count + _GUESS)
        scene = torch.cat([centre, half, size, net, counts[0], counts[1], count], 2).transpose(1, 2)
        centre, half, size, net, counts = _at_every_step(scene, steps).split([2, 2, 1, 1, 3], 1)
        offset, velocity = features[:, 2:4] - centre, features[:, 4:6]
        u, speed = ((part * half).sum(1, keepdim=True) / size for part in (offset, velocity))
        across = (offset[:, :1] * half[:, 1:] - offset[:, 1:] * half[:, :1]) / size
        told = [u.clamp(-3, 3), across.clamp(-3, 3), (speed / 8).tanh(), size.sqrt(), torch.log1p(counts)]
        for beyond in (u, u - net):  # seconds until the ball is there
            until = -beyond * speed / (speed**2 + 0.5)
            told += [(until / 0.03).clamp(-3, 3), (until / 0.2).tanh()]
            told += [torch.exp(-((until / 0.02) ** 2)), beyond.clamp(-2, 2)]
        return torch.cat(told, 1) * features[:, :1]


def _part_halves(place: Tensor, way: Tensor, weight: Tensor, axis: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the point between the middles of the two halves, half of the way between them, and how much lies on each.

    Args:
        place: Place of K bounces, (B, 2, K).
        way: Their speeds along the axis, (B, K).
        weight: How much each counts at Q steps, (B, Q, K).
        axis: (B, 2), of length 1.

    Returns:
        (B, Q, 2), (B, Q, 2) and (2, B, Q, 1).
    """
    mean = torch.einsum("bqk,bdk->bqd", weight, place) / (weight.sum(2, keepdim=True) + 1e-3)
    guess = torch.stack([mean + sign * _GUESSED_HALF * axis[:, None] for sign in (1, -1)])  # (2, B, Q, 2)
    side = torch.stack([way > 0, way <= 0]).float()[:, :, None]  # (2, B, 1, K)
    for _ in range(_ROUNDS):
        sided = weight * side
        counts = sided.sum(3, keepdim=True)
        middles = (torch.einsum("sbqk,bdk->sbqd", sided, place) + _GUESS * guess) / (counts + _GUESS)
        centre, half = (middles[0] + middles[1]) / 2, (middles[0] - middles[1]) / 2
        along = torch.einsum("bqd,bdk->bqk", half, place) - (half * centre).sum(2, keepdim=True)
        side = torch.stack([along > 0, along <= 0]).float()
    return centre, half, counts


def _main_axis(velocity: Tensor, weight: Tensor) -> Tensor:
    """Return the direction, (B, 2) of length 1, to the right, along which velocities (B, 2, K) spread most."""
    x, y = velocity.unbind(1)
    xx, yy, xy = ((weight * part).sum(1) for part in (x * x, y * y, x * y))
    angle = 0.5 * torch.atan2(2 * xy, xx - yy)
    return torch.stack([angle.cos(), angle.sin()], 1)


def _at_every_step(sparse: Tensor, steps: int) -> Tensor:
    """Return values (B, C, Q) of every _STRIDE-th step at all steps (B, C, S)."""
    dense = functional.interpolate(sparse, scale_factor=_STRIDE, mode="linear", align_corners=False)
    # Interpolation puts the first value in the middle of its steps, half a stride late.
    half = _STRIDE // 2
    return torch.cat([dense[..., half:], dense[..., -1:].expand(-1, -1, half)], 2)[..., :steps]


def find_landmarks(features: Tensor, logits: Tensor, kinds: tuple[tuple[float, float], ...]) -> Landmarks:
    """Return the peaks of the probabilities as landmarks; no gradient flows through them.

    Args:
        features: (B, FEATURES, S).
        logits: (B, N, S).
        kinds: What marks each of the N kinds among landmarks.
    """
    steps = logits.shape[2]
    probability = logits.detach().float().sigmoid() * features[:, :1]
    highest = functional.max_pool1d(probability, 2 * _PEAK_REACH + 1, 1, _PEAK_REACH)
    peaks = torch.where((probability == highest) & (probability >= LEAST_LANDMARK), probability, 0.0)
    height, where = peaks.topk(min(MOST_LANDMARKS, steps), 2)  # (B, N, K)
    marks = logits.new_tensor(kinds, dtype=torch.float32)[None, :, None].expand(*height.shape, 2)
    height, where, marks = height.flatten(1), where.flatten(1), marks.flatten(1, 2).transpose(1, 2)
    near = [(where + shift).clamp(0, steps - 1)[:, None].expand(-1, 2, -1) for shift in (0, -5, 5)]
    seen = [features[:, low : low + 2].gather(2, index) for low, index in zip((2, 4, 4), near, strict=True)]
    return Landmarks(torch.cat([*seen, height[:, None], marks], 1), where, height > 0)
