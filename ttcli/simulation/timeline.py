"""What became of the balls: the history that a simulation writes, and the batch of rallies that is read from it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ttcli.simulation.flight import Ball, Contact
from ttcli.simulation.surroundings import HAND, NET_PASS, NOTHING

IN_HAND, TOSS, IN_PLAY, LOOSE, NOT_THERE = range(5)
"""States of the ball: held; tossed for a serve; in a rally; after the point or in no game at all; no ball."""
STATE_NAMES = ("in_hand", "toss", "in_play", "loose", "not_there")
SWING, STAND = 6, 7
"""What players do without a ball, written among the contacts: a stroke in the air, and a place where one stands."""
CHANGING = 2
"""Times the side at which one was before: the side of the places where players stand while they change ends."""


@dataclass(frozen=True)
class RallyBatch:
    """N stories of one ball, each of S samples and at most E contacts; metres and seconds, see `flight`.

    After a story's end (`end_sample`) the state is NOT_THERE and the position stays where it was last.
    """

    positions: Tensor  # (N, S, 3) of the ball's centre
    sample_rate: int  # samples per second
    end_sample: Tensor  # (N,) int64, how many samples have a meaning
    state: Tensor  # (N, S) int8, IN_HAND to NOT_THERE
    contact_time: Tensor  # (N, E) seconds, ascending, padded with inf
    contact_kind: Tensor  # (N, E) int8, padded with NOTHING
    contact_position: Tensor  # (N, E, 3) of the ball's centre
    contact_side: Tensor  # (N, E) int8, sign of y; for NET_PASS the side that the ball comes from

    def to(self, device: torch.device | str) -> "RallyBatch":
        """Return the same rallies on another device."""
        return RallyBatch(
            positions=self.positions.to(device),
            sample_rate=self.sample_rate,
            end_sample=self.end_sample.to(device),
            state=self.state.to(device),
            contact_time=self.contact_time.to(device),
            contact_kind=self.contact_kind.to(device),
            contact_position=self.contact_position.to(device),
            contact_side=self.contact_side.to(device),
        )

    def near(self, begin: float, end: float) -> "RallyBatch":
        """Return the same stories with those contacts only that any of them has from `begin` to `end` seconds."""
        kept = ((self.contact_time >= begin) & (self.contact_time <= end)).any(0)
        kept[0] |= not kept.any()
        return replace(
            self,
            contact_time=self.contact_time[:, kept],
            contact_kind=self.contact_kind[:, kept],
            contact_position=self.contact_position[:, kept],
            contact_side=self.contact_side[:, kept],
        )

    def position_at(self, rally_index: Tensor, times: Tensor) -> Tensor:
        """Return the positions (M, K, 3) in the rallies (M,) at `times` (M, K) seconds, between samples linearly.

        Near a contact the result is wrong by less than speed * sample distance / 2 across the surface.
        """
        sample = (times * self.sample_rate).clamp(0, self.positions.shape[1] - 1)
        first = sample.floor().long().clamp(max=self.positions.shape[1] - 2)
        rally = rally_index[:, None]
        part = (sample - first)[..., None].to(self.positions.dtype)
        return torch.lerp(self.positions[rally, first], self.positions[rally, first + 1], part)

    def state_at(self, rally_index: Tensor, times: Tensor) -> Tensor:
        """Return the states (M, K) in the rallies (M,) at `times` (M, K) seconds."""
        sample = (times * self.sample_rate).long().clamp(0, self.state.shape[1] - 1)
        return self.state[rally_index].gather(1, sample)


class History:
    """Everything about `count` balls at `length` samples, written in pieces, each ball at its own clock.

    What is written again counts: a piece that starts earlier than the last one ended replaces it.
    """

    def __init__(self, count: int, length: int, sample_rate: int, device: torch.device) -> None:
        self.length, self.sample_rate, self.device = length, sample_rate, device
        self.ball = Ball(*(torch.zeros(count, length, 3, device=device) for _ in range(3)))
        never = torch.full((count, length), float("inf"), device=device)
        self.contact = Contact(
            torch.full((count, length), NOTHING, dtype=torch.int8, device=device),
            never.clone(),
            torch.zeros(count, length, 3, device=device),
            never.clone(),
            torch.zeros(count, length, 3, device=device),
        )
        self.marks: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def write(self, rows: Tensor, first: Tensor, balls: list[Ball], contacts: list[Contact] | None = None) -> None:
        """Write successive samples of some balls from sample `first` (M,) on; contact i lies between i - 1 and i."""
        for parts, buffers in ((balls, self.ball), (contacts or [], self.contact)):
            if not parts:
                continue
            samples = first[:, None] + torch.arange(len(parts), device=self.device)
            inside = samples < self.length
            where = (rows[:, None].expand_as(samples)[inside], samples[inside])
            for name, buffer in zip(buffers._fields, buffers, strict=True):
                piece = torch.stack([getattr(part, name) for part in parts], dim=1)  # (M, steps, ...)
                buffer[where] = piece[inside]

    def ball_at(self, rows: Tensor, samples: Tensor) -> Ball:
        """Return some balls as they were, each at its own sample (M,)."""
        return Ball(*(buffer[rows, samples] for buffer in self.ball))

    def mark(self, rows: Tensor, samples: Tensor, kind: int) -> None:
        """Note a contact with racket or hand exactly at a sample (M,)."""
        self.marks.append((rows, samples, torch.full_like(rows, kind), self.ball.position[rows, samples].clone()))

    def hold(self, rows: Tensor, samples: Tensor, drift: Tensor) -> None:
        """Keep some balls from `samples` (M,) on in a hand that moves by `drift` (M, 3) in metres per second."""
        if len(rows) == 0:
            return
        ages = (torch.arange(self.length, device=self.device) - samples[:, None]).clamp(min=0)[..., None]
        caught = self.ball.position[rows, samples][:, None] + drift[:, None] * (ages / self.sample_rate)
        self.ball.position[rows] = torch.where(ages > 0, caught, self.ball.position[rows])
        later = torch.arange(self.length, device=self.device) > samples[:, None]
        self.contact.kind[rows] = torch.where(later, NOTHING, self.contact.kind[rows])
        self.contact.pass_fraction[rows] = self.contact.pass_fraction[rows].masked_fill(later, float("inf"))
        self.mark(rows, samples, HAND)

    def collect(self, state: Tensor, end_sample: Tensor) -> RallyBatch:
        """Return the first samples, as many as `state` (N, S) has, as rallies that end at `end_sample` (N,)."""
        samples = state.shape[1]
        last = torch.minimum(torch.arange(samples, device=self.device), end_sample[:, None] - 1)
        positions = self.ball.position.gather(1, last[..., None].expand(-1, -1, 3))
        rally, time, kind, position, side = self._contacts()
        kept = time < (end_sample[rally] - 1) / self.sample_rate
        rally, time, kind, position, side = (part[kept] for part in (rally, time, kind, position, side))
        order = time.argsort(stable=True)
        order = order[rally[order].argsort(stable=True)]
        rally = rally[order]
        counts = torch.bincount(rally, minlength=len(state))
        rank = torch.arange(len(rally), device=self.device) - (counts.cumsum(0) - counts)[rally]
        shape = (len(state), max(1, int(counts.max())))
        padded = [torch.full(shape, float("inf")), torch.full(shape, NOTHING, dtype=torch.int8)]
        padded += [torch.zeros(*shape, 3), torch.zeros(shape, dtype=torch.int8)]
        padded = [part.to(self.device) for part in padded]
        for part, values in zip(padded, (time, kind, position, side), strict=True):
            part[rally, rank] = values[order].to(part.dtype)
        return RallyBatch(positions, self.sample_rate, end_sample, state, *padded)

    def _contacts(self) -> tuple[Tensor, ...]:
        """Return rally, time, kind, position and side of all contacts, in no order."""
        found = (self.contact.kind != NOTHING).nonzero(as_tuple=True)
        passed = (self.contact.pass_fraction <= 1).nonzero(as_tuple=True)
        rally, sample, kind, position = (torch.cat(parts) for parts in zip(*self.marks, strict=True))
        fractions = [self.contact.fraction[found], self.contact.pass_fraction[passed]]
        times = [(where[1] - 1 + part) / self.sample_rate for where, part in zip((found, passed), fractions, strict=True)]
        kinds = [self.contact.kind[found], torch.full_like(passed[0], NET_PASS)]
        positions = [self.contact.position[found], self.contact.pass_position[passed]]
        came_from = self.ball.position[passed[0], (passed[1] - 1).clamp(min=0), 1]
        sides = [positions[0][:, 1].sign(), torch.where(came_from >= 0, 1.0, -1.0), position[:, 1].sign()]
        return (
            torch.cat([found[0], passed[0], rally]),
            torch.cat([*times, sample / self.sample_rate]),
            torch.cat([*kinds, kind]),
            torch.cat([*positions, position]),
            torch.cat(sides),
        )
