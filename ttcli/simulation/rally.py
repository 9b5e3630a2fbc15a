"""Rallies that never happened: serve, strokes, misses, and what the ball does after the point."""

import math

import torch
from torch import Tensor

from ttcli.simulation.flight import Ball, advance, fly
from ttcli.simulation.slow_play import SlowPlay
from ttcli.simulation.strokes import Random, return_ball, serve_ball
from ttcli.simulation.surroundings import BOUNCE, FLOOR, HAND, HIT, NET_TOUCH, NOTHING, TABLE_HALF_LENGTH
from ttcli.simulation.threads import one_thread
from ttcli.simulation.timeline import IN_HAND, IN_PLAY, LOOSE, NOT_THERE, TOSS, History, RallyBatch
from ttcli.table.constants import GRAVITY, TABLE_HEIGHT

SLOW_SHARE = 0.1
"""Part of the stories that are no rally: a ball bounced on racket, table or floor, trickling, or thrown over."""
CAUGHT_SHARE = 0.3
"""Part of the balls that a hand picks out of the air after the point."""
MOST_RETURNS = 10
RELEASE_SECONDS = 0.12
"""How long the hand moves with the ball before it lets go."""
PIECE_SECONDS = 0.2
"""All balls are moved by so much before the umpire looks at them again."""
LONGEST_STROKE_SECONDS = 4.0
"""A ball that lies on the table bounces no second time: the point is over then."""
STRIKE_PARTS = ((-0.6, 0.0), (-0.1, 0.1), (-0.1, 0.2), (0.1, 0.5), (0.1, 0.5), (0.3, 0.8), (0.5, 0.95))
"""When a receiver strikes, even chances: -1 the bounce, 0 the top of the flight after it, 1 the end of his time."""


def simulate_rallies(
    count: int,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
    duration_seconds: float = 8.0,
    sample_rate: int = 500,
    slow_share: float = SLOW_SHARE,
) -> RallyBatch:
    """Return `count` stories of a ball; the same generator state gives the same stories.

    A story begins with the ball in the server's hand. Toss, serve and up to MOST_RETURNS strokes follow, until a
    player fails; then the ball bounces and rolls on, or a hand catches it. Some stories are slow play instead.

    Args:
        count: How many stories; they are simulated together, 256 or more at a time pay best.
        generator: A CPU generator.
        device: Where the result lies. The physics run on the processor: thousands of small steps, one after another, for
            which a GPU takes several times as long.
        duration_seconds: Length of every story's record.
        sample_rate: Samples per second, also the steps of the integration; from 400 on they are short enough.
        slow_share: How probably a story is slow play.
    """
    with one_thread():
        samples = round(duration_seconds * sample_rate)
        match = _Match(count, generator, torch.device("cpu"), samples, sample_rate, slow_share)
        match.begin_rallies((~match.slow).nonzero()[:, 0])
        match.begin_slow_play(match.slow.nonzero()[:, 0])
        while match.play_on():
            match.judge()
        return match.finish().to(device)


class _Match:
    """All stories while they are made: each ball at its own clock, which goes back when a racket takes it early."""

    def __init__(
        self,
        count: int,
        generator: torch.Generator,
        device: torch.device,
        samples: int,
        sample_rate: int,
        slow_share: float,
    ) -> None:
        self.generator, self.device, self.samples, self.rate = generator, device, samples, sample_rate
        self.random = Random(generator, device)
        self.length = samples + sample_rate  # beyond the end, so that strokes just before it are decided alike
        self.history = History(count, self.length, sample_rate, device)
        self.slow = self.random.uniform(count) < slow_share
        self.side = torch.where(self.random.uniform(count) < 0.5, -1.0, 1.0)  # of the player who has the ball
        self.clock = torch.zeros(count, dtype=torch.long, device=device)  # the last sample written
        self.start = self.clock.clone()  # the last stroke's sample
        self.tossed, self.struck = self.clock.clone(), self.clock.clone()
        self.dead = torch.full_like(self.clock, self.length)
        self.playing, self.serving = ~self.slow, ~self.slow
        self.returns_left = torch.full_like(self.clock, MOST_RETURNS)
        self.slow_play = SlowPlay(count, self.random)

    def begin_rallies(self, rows: Tensor) -> None:
        """Write hand, toss and the serve's stroke."""
        count, side = len(rows), self.side[rows]
        behind = self.random.uniform(count, low=0.08, high=0.45)
        position = torch.stack(
            [
                self.random.uniform(count, low=-0.75, high=0.75),
                side * (TABLE_HALF_LENGTH + behind),
                self.random.uniform(count, low=0.9, high=1.1),
            ],
            dim=1,
        )
        rise = 0.16 + 1.04 * self.random.uniform(count) ** 2
        velocity = self.random.uniform(count, 3, low=-0.12, high=0.12)
        velocity[:, 1] = side * velocity[:, 1].abs()
        velocity[:, 2] = (2 * GRAVITY * rise).sqrt()
        released = self._hold(rows, position, velocity)
        struck_height = torch.minimum(
            position[:, 2] + self.random.uniform(count, low=-0.08, high=0.3), position[:, 2] + 0.8 * rise
        )
        self.tossed[rows] = released
        self.struck[rows] = released + self._toss(rows, released, struck_height)
        ball = self.history.ball_at(rows, self.struck[rows])
        self._launch(rows, self.struck[rows], serve_ball(ball.position, self.generator))

    def begin_slow_play(self, rows: Tensor) -> None:
        """Write the ball in the hand, and let it go for something other than a rally."""
        position, velocity = self.slow_play.begin(rows, self.side[rows])
        released = self._hold(rows, position, velocity)
        for samples in (self.tossed, self.struck, self.dead, self.clock):
            samples[rows] = released

    def play_on(self) -> bool:
        """Move all balls that have time left by PIECE_SECONDS; return whether there were any."""
        rows = (self.clock < self.length - 1).nonzero()[:, 0]
        if len(rows) == 0:
            return False
        ball = self.history.ball_at(rows, self.clock[rows])
        handled = self.slow_play.goes_on(rows)
        balls, contacts = [], []
        for _ in range(round(PIECE_SECONDS * self.rate)):
            ball, contact = advance(ball, 1 / self.rate)
            if handled:
                ball, contact = self.slow_play.touch(rows, ball, contact)
            balls.append(ball)
            contacts.append(contact)
        self.history.write(rows, self.clock[rows] + 1, balls, contacts)
        self.clock[rows] = (self.clock[rows] + len(balls)).clamp(max=self.length - 1)
        return True

    def judge(self) -> None:
        """End the points that are lost, and let the others' receivers strike, as far as the records reach."""
        rows = self.playing.nonzero()[:, 0]
        if len(rows) == 0:
            return
        good, fault, second, let = self._read_stroke(rows)
        ends = torch.minimum(fault, second)
        stuck = self.clock[rows] - self.start[rows] > LONGEST_STROKE_SECONDS * self.rate
        ends = torch.where(stuck, torch.minimum(ends, self.clock[rows]), ends)
        ends = torch.where(let, torch.minimum(good, ends), ends)
        decided = ends < self.length
        rows, good, ends = rows[decided], good[decided], ends[decided]
        strike, possible = self._choose_strike(rows, good, ends)
        possible &= ~let[decided]
        lost = rows[~possible]
        self.dead[lost], self.playing[lost] = ends[~possible], False
        rows, strike = rows[possible], strike[possible]
        if len(rows) > 0:
            self.side[rows] *= -1
            self.serving[rows] = False
            self.returns_left[rows] -= 1
            incoming = self.history.ball_at(rows, strike)
            self._launch(rows, strike, return_ball(incoming, self.generator))

    def finish(self) -> RallyBatch:
        """Return the stories, each with an end after its point."""
        count = len(self.clock)
        samples = torch.arange(self.samples, device=self.device)
        tail = (0.5 + 5.5 * self.random.uniform(count)) * self.rate
        tail = torch.where(self.random.uniform(count) < 0.4, self.length, tail.long())
        end = (self.dead + tail).clamp(max=self.samples)
        caught_at, caught = self._catches()
        held = ((0.3 + 0.5 * self.random.uniform(count)) * self.rate).long()
        end = torch.where(caught, torch.minimum(caught_at + held, end), end)
        rows = caught.nonzero()[:, 0]
        drift = self.random.uniform(len(rows), 3, low=-0.3, high=0.3)
        drift[:, 2].abs_()  # not down into the table
        self.history.hold(rows, caught_at[rows], drift)
        state = torch.full((count, self.samples), IN_HAND, dtype=torch.int8, device=self.device)
        for code, since in ((TOSS, self.tossed), (IN_PLAY, self.struck), (LOOSE, self.dead), (NOT_THERE, end)):
            state[samples >= since[:, None]] = code
            if code == LOOSE:
                state[caught[:, None] & (samples > caught_at[:, None])] = IN_HAND
        return self.history.collect(state, end)

    def _hold(self, rows: Tensor, position: Tensor, velocity: Tensor) -> Tensor:
        """Write the ball in the hand until it leaves `position` with `velocity` (M, 3); return that sample (M,)."""
        count = len(rows)
        released = (self.random.uniform(count, low=0.3, high=1.0) * self.rate).long()
        phase, frequency = 6.3 * self.random.uniform(count, 3), self.random.uniform(count, 3, low=0.3, high=1.2)
        size = self.random.uniform(count, 3, low=0.0, high=0.015)
        balls = []
        for sample in range(int(self.rate) + 1):
            age = ((released - sample).clamp(min=0) / self.rate)[:, None]
            moved = age.clamp(max=RELEASE_SECONDS)
            back = velocity * (moved - moved**2 / (2 * RELEASE_SECONDS))
            # Never below the place of release: a ball that is let go on the table was not pressed into it.
            swing = size * (1 + torch.sin(phase + 2 * math.pi * frequency * age)) * (1 - torch.exp(-10 * age))
            balls.append(Ball(position - back + swing, velocity, torch.zeros_like(velocity)))
        self.history.write(rows, torch.zeros_like(released), balls)
        self.history.mark(rows, released, HAND)
        return released

    def _toss(self, rows: Tensor, released: Tensor, height: Tensor) -> Tensor:
        """Write the toss; return after how many samples (M,) the ball has fallen to `height` (M,)."""
        ball = self.history.ball_at(rows, released)
        falling = torch.full_like(released, self.rate)
        balls = []
        for sample in range(1, self.rate + 1):
            ball = fly(ball, 1 / self.rate)
            low = (ball.position[:, 2] < height) & (ball.velocity[:, 2] < 0)
            falling = torch.where(low, falling.clamp(max=sample), falling)
            balls.append(ball)
        self.history.write(rows, released + 1, balls)
        return falling

    def _launch(self, rows: Tensor, samples: Tensor, ball: Ball) -> None:
        """Let rackets send the balls off at their samples (M,), and set their clocks there."""
        self.history.mark(rows, samples, HIT)
        self.history.ball.velocity[rows, samples] = ball.velocity
        self.history.ball.spin[rows, samples] = ball.spin
        self.start[rows] = samples
        self.clock[rows] = samples

    def _read_stroke(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what followed the last strokes: samples (M,) of three contacts, `self.length` for those not seen.

        The good bounce on the other half, the fault that makes it late, and what ends the receiver's time after it;
        and whether a serve touched the net on its way.
        """
        samples = torch.arange(self.length, device=self.device)
        seen = (samples > self.start[rows, None]) & (samples <= self.clock[rows, None])
        kind = torch.where(seen, self.history.contact.kind[rows], NOTHING)
        at_home = self.history.contact.position[rows, :, 1] * self.side[rows, None] > 0
        floor, bounced = kind == FLOOR, kind == BOUNCE
        serving = self.serving[rows]
        own = _first(bounced & at_home)
        # A serve's first bounce at home is as it should be, and one on the other half before it is a fault.
        own_again = _first(bounced & at_home & (samples > own[:, None]))
        good = _first(bounced & ~at_home)
        fault = torch.minimum(torch.where(serving, own_again, own), _first(floor))
        fault = torch.where(serving & (good < own), torch.minimum(fault, good), fault)
        good = torch.where(good < fault, good, self.length)
        fault = torch.where(good < fault, self.length, fault)
        second = _first((bounced | floor) & (samples > good[:, None]))
        let = serving & (good < self.length) & (_first(kind == NET_TOUCH) < good)
        return good, fault, second, let

    def _choose_strike(self, rows: Tensor, good: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Return at which samples (M,) the receivers strike: rising, top, falling or late; and if they do."""
        count = len(rows)
        samples = torch.arange(self.length, device=self.device)
        x, y, z = self.history.ball.position[rows].unbind(dim=2)
        depth = -y * self.side[rows, None]  # metres behind the net, on the receiver's side
        inside = (samples >= good[:, None]) & (samples < ends[:, None])
        reach = inside & (samples > good[:, None] + 0.02 * self.rate) & (samples < ends[:, None] - 0.03 * self.rate)
        reach &= samples > self.start[rows, None] + 0.22 * self.rate
        reach &= (x.abs() < 2.5) & (depth > 0.55) & (depth < TABLE_HALF_LENGTH + 4) & (z > 0.3) & (z < 2.2)
        # Under the table's level only from some way behind it: else the board is between racket and net.
        reach &= z > TABLE_HEIGHT + 0.07 - 0.8 * (depth - TABLE_HALF_LENGTH).clamp(min=0)
        apex = torch.where(inside, z, -1.0).argmax(dim=1)
        low, high = x.new_tensor(STRIKE_PARTS)[(len(STRIKE_PARTS) * self.random.uniform(count)).long()].unbind(dim=1)
        part = low + (high - low) * self.random.uniform(count)
        wished = apex + part * torch.where(part < 0, apex - good, ends - apex)
        strike = torch.where(reach, (samples - wished[:, None]).abs(), 1e9).argmin(dim=1)
        every = torch.arange(count, device=self.device)
        speed = self.history.ball.velocity[rows, strike].norm(dim=1)
        misses = self.random.uniform(count) < (0.04 + 0.04 * (speed - 7)).clamp(0.03, 0.6)
        possible = reach[every, strike] & ~misses & (self.returns_left[rows] > 0)
        return strike, possible

    def _catches(self) -> tuple[Tensor, Tensor]:
        """Return when (N,) hands catch the balls after the point, and whether they do."""
        count = len(self.clock)
        after = self.dead + (self.random.uniform(count, low=0.3, high=2.5) * self.rate).long()
        height = self.history.ball.position[..., 2]
        speed = self.history.ball.velocity.norm(dim=2)
        samples = torch.arange(self.length, device=self.device)
        at = _first((samples > after[:, None]) & (height > TABLE_HEIGHT + 0.1) & (height < 1.6) & (speed < 6))
        return at, (at < self.samples) & (self.random.uniform(count) < CAUGHT_SHARE)


def _first(happened: Tensor) -> Tensor:
    """Return the first true sample of each row, (M, S) -> (M,), or S where there is none."""
    first = happened.int().argmax(dim=1)
    return torch.where(happened.any(dim=1), first, happened.shape[1])
