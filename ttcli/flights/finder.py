"""The strokes of a path: cut at its strokes, each flight fitted in space, and what that says where it can be trusted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from ttcli.flights.doubts import LEAST_JUDGED, LEAST_SIZING, Fitted, doubt_of
from ttcli.flights.fit import Fit, Pieces, fit_flights, fly_flights
from ttcli.flights.measuring import Measures, measure
from ttcli.flights.releases import LONGEST as LONGEST_TOSS
from ttcli.flights.sightlines import as_seen_by, camera_at, view_of
from ttcli.flights.splitting import LEAST_SIGHTINGS, LONGEST_GAP, SERVE_GAP, Flight, flight_into_the_net, flights_of
from ttcli.flights.telling import Told, told_of, told_toss
from ttcli.flights.tosses import toss_of
from ttcli.flights.views import View
from ttcli.play.contacts import Contact, contacts_of
from ttcli.play.court import court_of_camera
from ttcli.play.exchanges import LONGEST_PAUSE
from ttcli.play.finder import exchanges_of
from ttcli.play.sightings import Sightings
from ttcli.results.events import Event
from ttcli.results.rallies import Rally
from ttcli.results.strokes import Stroke
from ttcli.table.camera import TableCamera, Tables
from ttcli.table.constants import TABLE_HEIGHT

BEFORE_RALLY = 0.6
"""Seconds that a stroke may be before the start of its rally, which is about the serve."""
NET = "net"
BEYOND = ("long", "wide")
"""Endings of a rally that say how its last stroke over the net ended."""
SMEARED = 0.004
"""Seconds around a stroke within which a sighting is of neither flight."""
MOST_ERROR = 6.0 / 1920
"""Picture widths, 1 sigma: sightings that are farther off the flights are not of this table, or of no ball."""
PLACES = 40
"""Places of a flight that is drawn."""
MOST_BACK = 0.5
"""Seconds before the first sighting to which a flight is followed back to its stroke."""


HIDDEN_STROKE = 0.4
"""Metres, 1 sigma, from where a ball was seen last of a toss to where it was seen first of the serve."""


class Found(NamedTuple):
    """What a path shows about strokes."""

    strokes: list[Stroke]
    warning: str | None = None
    """Why strokes have no numbers, where the table or the clock is to blame."""
    fits: bool = True
    """False where the flights do not fit the table."""
    evidence: float = 0.0
    """Logarithm of how probable the sightings are, by the flights that were fitted to them: it compares tables."""
    ways: tuple[np.ndarray, ...] = ()
    """(K, 3) metres, above the table's surface, of each flight that has numbers."""


@dataclass
class _Cut:
    """One flight, ready to be fitted."""

    flight: Flight
    rally: int | None
    sure: float
    camera: TableCamera | None = None
    times: np.ndarray = field(default_factory=lambda: np.zeros(0))
    pixels: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    tossed: tuple[np.ndarray, np.ndarray] | None = None
    """Times and pixels before a serve."""
    told: Told | None = None
    ended: str | None = None
    """How the rally ended with this stroke, where it did."""
    way: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))


def find_strokes(
    sightings: Sightings, events: Sequence[Event], rallies: Sequence[Rally], tables: Tables | None, width: int
) -> Found:
    """Return the strokes of a path, in order of time.

    Args:
        sightings: The path.
        events: Bounces and passings of the net on it, with a time each, in order.
        rallies: Rallies of the path; where there are any, strokes outside are left out.
        tables: How the table was seen; without it strokes have no numbers.
        width: Width of the picture, pixels.
    """
    contacts = contacts_of(events, sightings, tables)
    cuts = [*_cut(sightings, contacts, rallies, width), *_into_the_net(sightings, contacts, rallies, width)]
    if tables is not None:
        cuts += _lone(sightings, cuts, rallies, tables)
        for cut in cuts:
            _see(cut, sightings, tables)
    cuts.sort(key=lambda cut: cut.flight.start)
    groups = [_fit_group(group) for group in _by_camera(cuts)]
    fits = all(group.fitted is not None for group in groups)
    warnings = [] if fits else ["the flights do not fit the table: it is elsewhere, or the path is of no ball in play"]
    warnings += _doubt(groups)
    strokes = [stroke for cut in cuts if (stroke := _stroke(cut, sightings)) is not None]
    left = "some strokes" if any(stroke.speed is not None for stroke in strokes) else "strokes"
    warning = f"{warnings[0]}; {left} have no numbers" if warnings else None
    ways = tuple(cut.way for cut in cuts if cut.told is not None and cut.told.is_stroke and cut.told.bounce is not None)
    return Found(strokes, warning, fits, sum(group.evidence for group in groups), ways)


def _cut(sightings: Sightings, contacts: Sequence[Contact], rallies: Sequence[Rally], width: int) -> Iterator[_Cut]:
    """Yield the flights of the exchanges that are of a rally; of all groups of contacts where no rally was told."""
    exchanges = [(exchange.contacts, exchange.score) for exchange in exchanges_of(contacts, sightings)]
    if not rallies:
        taken = {id(contact) for group, _ in exchanges for contact in group}
        exchanges += [(group, 0.0) for group in _groups([contact for contact in contacts if id(contact) not in taken])]
        exchanges.sort(key=lambda pair: pair[0][0].seconds)
    for group, _ in exchanges:
        number = _rally_of(group, rallies)
        if rallies and number is None:
            continue
        sure = rallies[number - 1].confidence if number is not None else 0.5
        flights = flights_of(group, sightings, width)
        for flight in flights:
            ended = rallies[number - 1].ended if number is not None and flight is flights[-1] else None
            yield _Cut(flight, number, 1.0 if sure is None else sure, ended=ended if ended in BEYOND else None)


def _into_the_net(sightings: Sightings, contacts: Sequence[Contact], rallies: Sequence[Rally], width: int) -> Iterator[_Cut]:
    """Yield the strokes that ended their rallies in the net."""
    for number, rally in enumerate(rallies, 1):
        if rally.ended != NET:
            continue
        own = [contact for contact in contacts if rally.start_seconds <= contact.seconds <= rally.end_seconds]
        flight = flight_into_the_net(own, rally.end_seconds, rally.strokes == 1, sightings, width)
        if flight is not None:
            yield _Cut(flight, number, 1.0 if rally.confidence is None else rally.confidence, ended=NET)


def _groups(contacts: Sequence[Contact]) -> Iterator[list[Contact]]:
    """Yield contacts that follow each other soon, if a passing of the net is among them or both halves are."""
    group: list[Contact] = []
    for contact in [*contacts, None]:
        if contact is None or (group and contact.seconds - group[-1].seconds > LONGEST_PAUSE):
            if any(not each.bounce for each in group) or len({each.side for each in group} - {0}) == 2:
                yield group
            group = []
        if contact is not None:
            group.append(contact)


def _rally_of(group: Sequence[Contact], rallies: Sequence[Rally]) -> int | None:
    middle = group[len(group) // 2].seconds
    for number, rally in enumerate(rallies, 1):
        if rally.start_seconds - BEFORE_RALLY <= middle <= rally.end_seconds + BEFORE_RALLY:
            return number
    return None


def _lone(sightings: Sightings, cuts: Sequence[_Cut], rallies: Sequence[Rally], tables: Tables) -> Iterator[_Cut]:
    """Yield runs of sightings without any contact that was told, where no rally was: each may be of one flight."""
    if rallies:
        return
    times, pixels = sightings.between(-np.inf, np.inf)
    breaks = np.flatnonzero(np.diff(times) > LONGEST_GAP) + 1
    for rows in np.split(np.arange(len(times)), breaks):
        if len(rows) < LEAST_SIGHTINGS:
            continue
        begin, end = float(times[rows[0]]), float(times[rows[-1]])
        if any(cut.flight.start < end and cut.flight.end > begin for cut in cuts) or end - begin > 2.5:
            continue
        camera = camera_at(tables, begin, end)
        court = None if camera is None else court_of_camera(camera)
        if court is None:
            continue
        along = court.places(pixels[rows])
        # From behind an end nobody sees from the picture alone which way the ball goes.
        side = 0 if court.from_an_end else -int(np.sign(np.median(np.diff(along)))) if len(along) > 1 else 0
        if court.from_an_end or along.min() < 0 < along.max():
            yield _Cut(Flight(begin, end, False, None, side, court, False, 1, None), None, 0.4)


def _see(cut: _Cut, sightings: Sightings, tables: Tables) -> None:
    """Note the sightings of a flight, as one camera sees them; too little is seen of one that the net ends."""
    flight = cut.flight
    if cut.ended == NET:
        return
    camera = camera_at(tables, flight.start, min(flight.end, flight.start + 2))
    if camera is None:
        return
    after = SMEARED if flight.struck else -1e-6
    times, pixels = sightings.between(flight.start + after, flight.end - (SMEARED if np.isfinite(flight.end) else 0) + 2e-6)
    shown = as_seen_by(camera, tables, times, pixels)
    known = np.isfinite(shown[:, 0])
    cut.camera, cut.times, cut.pixels = camera, times[known], shown[known]
    if flight.serve:
        before, pixels = sightings.between(flight.start - LONGEST_TOSS, flight.start - SMEARED)
        shown = as_seen_by(camera, tables, before, pixels)
        known = np.isfinite(shown[:, 0])
        cut.tossed = before[known], shown[known]


def _by_camera(cuts: Sequence[_Cut]) -> list[list[_Cut]]:
    """Return the flights that can be fitted, those of each camera together."""
    by_camera: dict[int, list[_Cut]] = {}
    for cut in cuts:
        if cut.camera is not None and len(cut.times) >= LEAST_SIGHTINGS:
            by_camera.setdefault(id(cut.camera), []).append(cut)
    return list(by_camera.values())


class _Group(NamedTuple):
    """What came of the flights of one camera."""

    cuts: list[_Cut]
    evidence: float
    fitted: Fitted | None
    """None where the flights do not fit the table."""


def _fit_group(cuts: list[_Cut]) -> _Group:
    """Fit the flights of one camera together, and note what they say."""
    camera = cuts[0].camera
    assert camera is not None
    view, pieces = view_of(camera), pieces_of(cuts)
    fit, pieces = _fit_sides(view, pieces)
    evidence = float((-0.5 * fit.cost - 2 * pieces.seen.sum(1) * np.log(fit.error)).sum())
    if len(cuts) >= LEAST_JUDGED and float(np.median(fit.error)) > MOST_ERROR * camera.width:
        return _Group(cuts, evidence, None)
    stroke = np.array([cut.flight.start - cut.times[0] if cut.flight.struck else 0.0 for cut in cuts])
    duration = np.where(pieces.seen, pieces.times, 0).max(1)
    errors = np.array([cut.flight.error or 0.0 for cut in cuts])
    measures = measure(fit, duration, pieces.bounces, np.clip(stroke, -MOST_BACK, 0.0), errors)
    arcs = fly_flights(fit.numbers[:, None], duration, pieces.bounces)
    ways = arcs.at(np.linspace(0, 1, PLACES)[None, None] * duration[:, None, None])[:, :, 0]  # (3, N, PLACES)
    for row, cut in enumerate(cuts):
        cut.way = ways[:, row].T - (0, 0, TABLE_HEIGHT)
        cut.told = told_of(measures, fit, pieces, row, cut.flight.serve, MOST_ERROR * camera.width)
        _toss(cut, row, view, fit, measures)
    return _Group(cuts, evidence, Fitted(view, pieces, fit, measures))


def _toss(cut: _Cut, row: int, view: View, fit: Fit, measures: Measures) -> None:
    """Note the toss before a serve whose flight tells something."""
    told = cut.told
    if cut.tossed is None or told is None or (told.speed is None and told.bounce is None):
        return
    (times, pixels), stroke = cut.tossed, cut.flight.start
    place, unsure = measures.place[row], measures.place_covariance[row]
    if not cut.flight.struck:
        if not len(times) or stroke - times[-1] < SERVE_GAP:
            return  # what was seen before may be of the serve
        stroke, unsure = float(times[-1]) + 1e-3, unsure + HIDDEN_STROKE**2 * np.eye(3)
    toss = toss_of(view.camera, times, pixels, stroke, place, unsure, float(fit.error[row]))
    cut.told = replace(told, toss=None if toss is None else told_toss(toss))


def _doubt(groups: Sequence[_Group]) -> list[str]:
    """Take the numbers of flights back that together speak against the table or the clock, and return why.

    Cameras with enough flights are judged by themselves, all others together: one that moves is another one for each flight.
    """
    fitted = [(group.cuts, group.fitted) for group in groups if group.fitted is not None]
    many = [[each] for each in fitted if len(each[0]) >= LEAST_SIZING]
    few = [each for each in fitted if len(each[0]) < LEAST_SIZING]
    warnings = []
    for judged in [*many, few] if few else many:
        if (warning := doubt_of([camera for _, camera in judged])) is not None:
            warnings.append(warning)
            for cut in (cut for cuts, _ in judged for cut in cuts):
                cut.told, cut.way = None, np.zeros((0, 3))
    return warnings


def pieces_of(cuts: Sequence[_Cut]) -> Pieces:
    """Return flights in the form in which they are fitted."""
    most = max(len(cut.times) for cut in cuts)
    times, pixels = np.zeros((len(cuts), most)), np.zeros((len(cuts), most, 2))
    seen = np.zeros((len(cuts), most), bool)
    for row, cut in enumerate(cuts):
        count = len(cut.times)
        times[row, :count], pixels[row, :count], seen[row, :count] = cut.times - cut.times[0], cut.pixels, True
    ends = [cut.flight.court.end if cut.flight.court is not None and cut.flight.court.end else 1 for cut in cuts]
    side = np.array([cut.flight.side * end for cut, end in zip(cuts, ends, strict=True)], float)
    told = np.array([cut.flight.told for cut in cuts]) - np.array([[cut.times[0]] for cut in cuts])
    return Pieces(times, pixels, seen, side, np.array([cut.flight.bounces for cut in cuts]), told)


def _fit_sides(view: View, pieces: Pieces) -> tuple[Fit, Pieces]:
    """Return the fits, with the likelier end for flights whose end nobody told."""
    unknown = pieces.side == 0
    if not unknown.any():
        return fit_flights(view, pieces), pieces
    fits = [fit_flights(view, pieces._replace(side=np.where(unknown, side, pieces.side))) for side in (-1.0, 1.0)]
    other = fits[1].cost < fits[0].cost
    chosen = Fit(*(np.where(other.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in zip(*fits, strict=True)))
    return chosen, pieces._replace(side=np.where(unknown, np.where(other, 1.0, -1.0), pieces.side))


def _stroke(cut: _Cut, sightings: Sightings) -> Stroke | None:
    """Return the row of a flight; None where it is no stroke."""
    flight, told = cut.flight, cut.told
    if told is not None and not told.is_stroke:
        if cut.rally is None or (flight.passing is None and not flight.struck):
            return None
        told = None  # a rally is made of strokes: this one rolled off the net, or is of no use for numbers
    if told is None and flight.passing is None and not flight.struck and cut.ended != NET:
        return None
    court = flight.court
    side = flight.side or (0 if told is None or court is None or court.end is None else told.end * court.end)
    named = court.name(side) if court is not None and side else None
    start = flight.start
    base = Stroke(start, sightings.instant(start), cut.rally, named, ended=cut.ended, confidence=cut.sure)
    return base if told is None else told.fill(base, cut.times[0])
