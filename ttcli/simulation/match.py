"""Whole matches: rallies one after another on one clock, and what players do in the time between."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.surroundings import BOUNCE, HIT, NET_PASS, NET_TOUCH, NOTHING, TABLE_HALF_LENGTH
from ttcli.simulation.timeline import CHANGING, IN_PLAY, LOOSE, NOT_THERE, STAND, SWING, TOSS, RallyBatch
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT

LONGEST_STORY = 14.0
"""Seconds of a rally's record; what is played for longer is left out."""
SERVES_IN_TURN = 2
FIRST_SERVE = (1.0, 4.0)
"""Seconds from the beginning of the match to its first ball."""
PAUSE = (2.0, 11.0)
"""Seconds from the end of a story to the next rally's; with the tails of the stories play is about a quarter of a match."""
TOWEL_SHARE, TOWEL = 0.1, (12.0, 25.0)
"""How often the players take a longer pause, and its length in seconds."""
SLOW_PLAY_SHARE = 0.55
"""Share of the pauses in which the ball is bounced by hand, or passed on."""
SWING_SHARE, WALK_SHARE, STRAY_SHARE = 0.4, 0.6, 0.25
"""Share of the pauses in which a player strikes without a ball, walks about, and in which a second ball rolls through."""
POINTS_OF_GAME, LEAST_LEAD = 11, 2
BREAK, REST = (20.0, 40.0), 4.0
"""Seconds between two games, and how long players rest in it before and after they are counted at the other end."""
BENCH = 2.7
"""Metres from the table's middle to where a player rests, one on either side."""
WALKING_SPEED, STRIDE_SECONDS = (0.7, 1.6), 0.3
"""Metres per second; and how often a walking player's place is written down."""
STROLL = ((-2.5, 1.7), (2.5, 5.0))
"""Where walking players turn round, from the low to the high corner, for the side of positive y, metres."""
LANDED_ASIDE = TABLE_HALF_LENGTH
"""Metres along the table: a ball that comes below the table's level nearer to the net, and beside the table, was wide."""


@dataclass(frozen=True)
class PlayedRally:
    """One point of a match; times in seconds of its clock."""

    toss: float
    """When the ball leaves the server's hand."""
    start: float
    """When the racket meets it."""
    end: float
    """When the point is over."""
    server: int
    """The sign of y of the server's end."""
    strokes: int
    bounces: int
    """On the table, while the point is played."""
    ended: str
    """net, long, wide, double_bounce, missed; or let, a serve that is played again and counts for nothing."""


@dataclass(frozen=True)
class Match:
    """A match that never happened."""

    story: RallyBatch
    """Story of one row: the ball and the contacts of the whole match; see `story_near`."""
    rallies: list[PlayedRally]
    """In order of time, lets among them."""
    strays: RallyBatch
    """Strays of one row, on the same clock: a second ball that rolls through now and then."""
    changes: list[float]
    """Seconds at which the players change ends: from each on, who was at one is at the other."""

    @property
    def seconds(self) -> float:
        """Length of the match."""
        return self.story.positions.shape[1] / self.story.sample_rate

    def changed_by(self, seconds: float) -> bool:
        """Return whether the players are at each other's ends then, compared with how they began."""
        return sum(change <= seconds for change in self.changes) % 2 == 1

    def story_near(self, seconds: float, reach: float) -> RallyBatch:
        """Return the story with the contacts within `reach` of an instant, each at the end where who makes it is then."""
        near = self.story.near(seconds - reach, seconds + reach)
        nearest = min(self.changes, key=lambda change: abs(change - seconds), default=seconds)
        turned = near.contact_side.sign() * (-1 if nearest < seconds else 1)
        return replace(near, contact_side=torch.where(near.contact_side.abs() == CHANGING, turned, near.contact_side))


class _Tape:
    """The match while it is put together: what lies where on its clock."""

    def __init__(self, samples: int, rate: int) -> None:
        self.rate = rate
        self.positions = torch.zeros(samples, 3)
        self.state = torch.full((samples,), NOT_THERE, dtype=torch.int8)
        self.contacts: list[tuple[float, int, tuple[float, float, float], int]] = []

    def lay(self, story: RallyBatch, row: int, first: int, turn: float) -> int:
        """Lay a story from sample `first` on, turned about the table's middle where `turn` is -1; return the sample after it."""
        end = min(int(story.end_sample[row]), len(self.state) - first)
        turned = torch.tensor([turn, turn, 1.0])
        self.positions[first : first + end] = story.positions[row, :end] * turned
        self.state[first : first + end] = story.state[row, :end]
        self.positions[first + end :] = self.positions[first + end - 1]
        for time, kind, place, side in zip(
            story.contact_time[row].tolist(),
            story.contact_kind[row].tolist(),
            (story.contact_position[row] * turned).tolist(),
            story.contact_side[row].tolist(),
            strict=True,
        ):
            if kind != NOTHING and time * self.rate < end:
                self.contacts.append((first / self.rate + time, kind, tuple(place), round(turn * side)))
        return first + end

    def collect(self) -> RallyBatch:
        """Return it as a story of one row."""
        contacts = sorted(self.contacts) or [(float("inf"), NOTHING, (0.0, 0.0, 0.0), 0)]
        times, kinds, places, sides = zip(*contacts, strict=True)
        return RallyBatch(
            positions=self.positions[None],
            sample_rate=self.rate,
            end_sample=torch.tensor([len(self.state)]),
            state=self.state[None],
            contact_time=torch.tensor([times]),
            contact_kind=torch.tensor([kinds], dtype=torch.int8),
            contact_position=torch.tensor([places]),
            contact_side=torch.tensor([sides], dtype=torch.int8),
        )


def simulate_match(seconds: float, generator: torch.Generator) -> Match:
    """Return a match of a length in seconds; the same generator state gives the same match.

    The players serve in turn, twice each, and change ends after each game. Between the rallies the ball lies, is in a
    pocket, is bounced by hand or passed on; players walk, and strike without a ball; a second ball may roll through.
    """
    chance = _Chance(generator)
    count = max(4, round(seconds / 4))  # more than fit: a rally with its pause takes longer
    rallies = simulate_rallies(count, generator, duration_seconds=LONGEST_STORY, slow_share=0.0)
    slow = simulate_rallies(max(2, count // 2), generator, slow_share=1.0)
    rate = rallies.sample_rate
    tape, strays = _Tape(round(seconds * rate), rate), _Tape(round(seconds * rate), rate)
    played: list[PlayedRally] = []
    score = Score()
    changes: list[float] = []
    at, slow_row = chance.between(*FIRST_SERVE), 0
    for row in range(count):
        point = read_point(rallies, row)
        if point is None or not point.bounces:  # a serve that misses the table is none
            continue
        first = round(at * rate)
        if first + int(rallies.end_sample[row]) >= len(tape.state):
            break
        server = score.server
        turn = float(server * point.server)
        begin = tape.lay(rallies, row, first, turn) / rate
        played.append(_moved(point, at, server))
        if score.count(played[-1]):
            at = begin + chance.between(*BREAK)
            changes.append(_change_ends(tape, chance, begin, min(at, seconds)))
            continue
        pause = chance.between(*(TOWEL if chance.happens(TOWEL_SHARE) else PAUSE))
        at = begin + pause
        if chance.happens(SLOW_PLAY_SHARE) and slow_row < len(slow.positions):
            length = float(slow.end_sample[slow_row]) / rate
            slow_at = begin + chance.between(0.2, 1.0) * pause
            if slow_at + length < seconds:
                end = tape.lay(slow, slow_row, round(slow_at * rate), chance.sign()) / rate
                at = max(at, end + chance.between(0.3, 1.5))
            slow_row += 1
        _pass_the_time(tape, strays, chance, begin, min(at, seconds))
    return Match(tape.collect(), played, strays.collect(), changes)


class Score:
    """Who serves from where, and which game is over."""

    def __init__(self) -> None:
        self._points = {-1: 0, 1: 0}  # of who is at the end of this sign
        self._first = -1  # the end that served first in this game

    @property
    def server(self) -> int:
        """The sign of y of the end that serves next."""
        played = sum(self._points.values())
        even = min(self._points.values()) >= POINTS_OF_GAME - 1  # from there on they serve once each
        turns = played if even else played // SERVES_IN_TURN
        return self._first * (-1) ** turns

    def count(self, point: PlayedRally) -> bool:
        """Count a point; return whether the game is over, and the players change ends."""
        if point.ended == "let":
            return False
        last = point.server * (-1) ** (point.strokes - 1)
        winner = last if point.ended in ("double_bounce", "missed") else -last
        self._points[winner] += 1
        ahead = self._points[winner] - self._points[-winner]
        if self._points[winner] < POINTS_OF_GAME or ahead < LEAST_LEAD:
            return False
        # Who received first serves first in the next game, and does so from the other end, which is where the server was.
        self._points = {-1: 0, 1: 0}
        return True


def read_point(rallies: RallyBatch, row: int) -> PlayedRally | None:
    """Return what was played in a story, on its own clock; None where the record ends before the point does."""
    state = rallies.state[row]
    tossed, struck = (int((state >= code).to(torch.int8).argmax()) for code in (TOSS, IN_PLAY))
    after = (state != IN_PLAY) & (torch.arange(len(state)) > struck)
    dead = int(after.to(torch.int8).argmax())
    if state[struck] != IN_PLAY or dead <= struck or state[dead] == NOT_THERE:
        return None
    rate = rallies.sample_rate
    start, end = struck / rate, dead / rate
    times, kinds = rallies.contact_time[row], rallies.contact_kind[row]
    lasts = (times >= start - 1 / rate) & (times <= end + 1 / rate)
    hits = torch.nonzero(lasts & (kinds == HIT))[:, 0]
    last = int(hits[-1])
    later = lasts & (times > times[last])
    sides = rallies.contact_side[row]
    return PlayedRally(
        toss=tossed / rate,
        start=start,
        end=end,
        server=int(sides[int(hits[0])]),
        strokes=len(hits),
        bounces=int((lasts & (kinds == BOUNCE)).sum()),
        ended=_ending(rallies, row, later, int(sides[last]), len(hits) == 1, dead),
    )


def _ending(rallies: RallyBatch, row: int, later: Tensor, side: int, served: bool, dead: int) -> str:
    """Return how a point ended, by the contacts `later` (E,) than the last stroke, which was made at the end `side`."""
    kinds, sides = rallies.contact_kind[row], rallies.contact_side[row]
    good = torch.nonzero(later & (kinds == BOUNCE) & (sides != side))[:, 0]
    if len(good):
        touched = torch.nonzero(later & (kinds == NET_TOUCH))[:, 0]
        if served and len(touched) and touched[0] < good[0]:
            return "let"
        return "double_bounce" if len(good) > 1 else "missed"
    if not (later & (kinds == NET_PASS)).any():
        return "net"
    path = rallies.positions[row, :dead]
    above = torch.nonzero(path[:, 2] > TABLE_HEIGHT)[:, 0]
    return "long" if abs(float(path[int(above[-1]), 1])) > LANDED_ASIDE else "wide"


def _moved(point: PlayedRally, seconds: float, server: int) -> PlayedRally:
    """Return a point on a clock on which its story begins at `seconds`."""
    return PlayedRally(
        point.toss + seconds, point.start + seconds, point.end + seconds, server, point.strokes, point.bounces, point.ended
    )


def _pass_the_time(tape: _Tape, strays: _Tape, chance: "_Chance", begin: float, end: float) -> None:
    """Let players move, and perhaps a second ball roll, from `begin` to `end` seconds."""
    if end - begin < 1.5:
        return
    for side in (-1, 1):
        if chance.happens(WALK_SHARE):
            _walk(tape, chance, begin, end - 1.0, side)
        elif chance.happens(SWING_SHARE):
            place = (chance.between(-0.6, 0.6), side * chance.between(1.6, 2.3), chance.between(0.8, 1.2))
            tape.contacts.append((chance.between(begin + 0.3, end - 1.0), SWING, place, side))
    if chance.happens(STRAY_SHARE):
        _roll(strays, chance, begin, end)


def _walk(tape: _Tape, chance: "_Chance", begin: float, end: float, side: int) -> None:
    """Let a player walk somewhere and back."""
    (left, near), (right, far) = STROLL
    home = torch.tensor([0.0, side * 2.2])
    goal = torch.tensor([chance.between(left, right), side * chance.between(near, far)])
    seconds = 2 * float((goal - home).norm()) / chance.between(*WALKING_SPEED)
    steps = int(min(seconds, end - begin) / STRIDE_SECONDS)
    for step in range(steps):
        part = 1 - abs(1 - 2 * step * STRIDE_SECONDS / seconds)
        x, y = torch.lerp(home, goal, part).tolist()
        tape.contacts.append((begin + step * STRIDE_SECONDS, STAND, (x, y, 0.0), side))


def _change_ends(tape: _Tape, chance: "_Chance", begin: float, end: float) -> float:
    """Let both players walk to a side of the table, rest, and walk on to the other end; return when they have changed.

    Players are known by their ends, and from that instant on each has the other's.
    """
    changed, speed, aside = (begin + end) / 2, chance.between(*WALKING_SPEED), chance.sign() * BENCH
    for side in (-1, 1):
        steps = _steps([(0.0, side * 2.2), (side * aside, side * 1.9), (side * aside, 0.0)], speed)
        resting = [steps[-1]] * math.ceil(REST / STRIDE_SECONDS)
        way = [*steps, *resting, *((x, -y) for x, y in [*resting, *steps[::-1]])]
        for step, (x, y) in enumerate(way):
            seconds = changed + (step - len(way) / 2) * STRIDE_SECONDS
            tape.contacts.append((seconds, STAND, (x, y, 0.0), CHANGING * side))
    return changed


def _steps(way: Sequence[tuple[float, float]], speed: float) -> list[tuple[float, float]]:
    """Return where one is at each STRIDE_SECONDS of a way by some places, metres, at a speed in m/s."""
    places = []
    for (x, y), (next_x, next_y) in pairwise(way):
        count = max(1, round(math.hypot(next_x - x, next_y - y) / (speed * STRIDE_SECONDS)))
        places += [(x + step / count * (next_x - x), y + step / count * (next_y - y)) for step in range(count)]
    return [*places, way[-1]]


def _roll(strays: _Tape, chance: "_Chance", begin: float, end: float) -> None:
    """Let a second ball roll over the floor past the table."""
    seconds = min(chance.between(1.5, 4.0), end - begin)
    first, count = round((begin + chance.between(0.0, end - begin - seconds)) * strays.rate), round(seconds * strays.rate)
    count = min(count, len(strays.state) - first)
    age = torch.arange(count) / strays.rate
    speed, direction = chance.between(0.6, 2.2), chance.sign()
    place = torch.stack([chance.sign() * chance.between(1.2, 2.8) + 0 * age, direction * (speed * age - 2.5), 0 * age], 1)
    place[:, 2] = BALL_RADIUS
    strays.positions[first : first + count] = place
    strays.state[first : first + count] = LOOSE


class _Chance:
    """Single numbers by chance."""

    def __init__(self, generator: torch.Generator) -> None:
        self._uniform = uniform_draw(generator, 1)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * float(self._uniform())

    def happens(self, share: float) -> bool:
        return float(self._uniform()) < share

    def sign(self) -> float:
        return 1.0 if self.happens(0.5) else -1.0
