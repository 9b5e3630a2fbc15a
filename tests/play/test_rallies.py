"""Rallies on paths that are known: each found once, from its serve to its end, and nothing else."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from played_paths import BOARD, FALLS, NET, Film

from ttcli.play import finder
from ttcli.play.contacts import Contact, contacts_of, in_flight
from ttcli.play.court import court_of_bounces
from ttcli.play.endings import Ending
from ttcli.play.exchanges import LONGEST_PAUSE, LONGEST_UNTOLD, find_exchanges
from ttcli.play.finder import RallyFinder, exchanges_of, find_rallies
from ttcli.play.sightings import Sightings
from ttcli.results.rallies import Play
from ttcli.results.trajectory import Status


def found(film, threshold=0.5, rows=None):
    return find_rallies(film.rows() if rows is None else rows, film.events, None, threshold)


def match(*parts, pause=8.0, **film):
    """Return a film of some rallies with pauses, and when each begins and ends."""
    film = Film(**film)
    film.wait(2.0)
    bounds = []
    for strokes, server, ended in parts:
        bounds.append(film.rally(strokes, server, ended))
        film.wait(pause)
    return film, bounds


@pytest.mark.parametrize("frame_rate", [25.0, 60.0, 120.0])
def test_each_rally_is_found_from_its_serve_to_its_end(frame_rate):
    parts = [(3, -1, "long"), (4, 1, "net"), (2, -1, "missed"), (5, 1, "double_bounce"), (7, -1, "long")]
    film, bounds = match(*parts, frame_rate=frame_rate)
    rallies = found(film)
    assert len(rallies) == 5
    for rally, (begin, end), (strokes, server, ended) in zip(rallies, bounds, parts, strict=True):
        assert rally.start_seconds == pytest.approx(begin, abs=0.05) and rally.end_seconds == pytest.approx(end, abs=0.2)
        assert rally.start_frame == pytest.approx(begin * frame_rate, abs=3)
        assert (rally.strokes, rally.server, rally.ended) == (strokes, {-1: "left", 1: "right"}[server], ended)
        assert rally.confidence > 0.7


def test_an_ace_is_a_rally_and_a_ball_that_is_passed_on_is_none():
    film, bounds = match((3, -1, "long"), (4, 1, "net"))
    film.passed_on(1)
    film.wait(4.0)
    bounds.append(film.rally(1, -1, "missed"))
    film.wait(9.0)
    rallies = found(film)
    assert [rally.start_seconds for rally in rallies] == pytest.approx([begin for begin, _ in bounds], abs=0.05)
    assert rallies[-1].strokes == 1


def test_an_ace_that_flies_as_high_as_a_ball_that_is_passed_on_is_one_by_its_toss():
    film, bounds = match((3, -1, "long"), (4, 1, "net"))
    film.passed_on(1, tossed=True)
    film.wait(9.0)
    film.passed_on(1)
    film.wait(9.0)
    rallies = found(film)
    assert len(rallies) == len(bounds) + 1 and rallies[-1].strokes == 1


def test_an_ace_whose_crossing_nobody_told_is_one_by_its_toss():
    for tossed in (True, False):
        film, _ = match((3, -1, "long"), (4, 1, "net"))
        film.passed_on(1, tossed)
        film.events.pop(-2)
        film.wait(9.0)
        assert len(found(film)) == 2 + tossed


def test_a_bounce_on_the_half_that_the_ball_comes_from_begins_a_point():
    for struck in (0.3, -0.3):  # away from the net, as in play, and towards it, as in a serve
        film, _ = match((3, -1, "long"), (4, 1, "net"))
        begin = film.seconds
        film.appear(-1.1, 640)
        film.fly(0.5, 0.7, bounce=True)  # passed on
        film.wait(1.3)
        film.appear(-0.75 + struck * -1, 690)
        film.fly(0.1, -0.75, bounce=True)
        film.fly(0.38, 0.6, bounce=True)
        film.fly(0.25, 1.15, 620)
        film.fly(0.5, -0.6, bounce=True)
        film.wait(8.0)
        last = found(film)[-1]
        assert (last.start_seconds > begin + 1.5) == (struck > 0), "with a pause between"
        assert struck < 0 or last.strokes == 2


def test_a_toss_begins_a_point_whatever_bounced_before():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    film.bounced_by_hand(-1, 1)
    film.wait(0.8)
    begin = film.seconds + 0.4
    film.appear(1.1, 640)
    film.fly(0.4, 1.1, 640)
    film.rally(5, 1, "long")
    film.wait(9.0)
    assert (found(film)[-1].start_seconds, found(film)[-1].server) == (pytest.approx(begin, abs=0.05), "right")


def test_a_ball_that_hops_over_the_net_is_no_serve():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    film.appear(0.1, 690)
    film.fly(0.2, 0.05, bounce=True)
    film.fly(0.4, -0.1, bounce=True)
    film.wait(9.0)
    assert len(found(film)) == 2


def test_a_serve_that_is_hidden_soon_after_its_bounce_is_not_lost():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    film.appear(1.1, 640)
    film.fly(0.12, 0.4, bounce=True)
    film.fly(0.12, 0.1, 640)
    film.wait(0.4)
    film.appear(0.3, 600)
    film.fly(0.2, 0.2, 600)
    film.wait(9.0)
    assert len(found(film)) == 2


def test_a_return_that_drops_from_the_net_is_no_serve():
    film, _ = match((3, -1, "long"), (3, 1, "net"))
    film.appear(1.3, 560)
    film.fly(0.3, 0.05, bounce=True)
    film.fly(0.4, 0.5, bounce=True)
    film.wait(9.0)
    assert len(found(film)) == 2


def test_a_stray_bounce_before_a_cut_belongs_to_no_exchange():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    sightings = Sightings()
    for row in film.rows():
        sightings.add(row)
    contacts = contacts_of(film.events, sightings, None)
    court = contacts[0].court
    stray = [Contact(30.0, True, -1, court), Contact(31.8, True, 1, court), Contact(32.4, False, -1, court)]
    stray.append(Contact(33.0, True, -1, court))
    assert find_exchanges(stray)[0].score > find_exchanges(stray, shots=[31.0])[0].score


def test_a_ball_that_is_missed_is_in_play_until_it_is_on_the_floor_or_nobody_sees_it():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    film.rally(1, -1, None)
    film.fly(0.62, 1.4, 800)
    floor = film.seconds
    assert found(film)[-1].end_seconds == pytest.approx(floor, abs=0.05)
    film.fly(0.5, 1.9, 800)
    film.wait(8.0)
    rally = found(film)[-1]
    assert rally.end_seconds == pytest.approx(floor, abs=0.05) and (rally.strokes, rally.ended) == (1, "missed")


def test_a_ball_that_the_edge_of_a_racket_sends_on_was_struck():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    film.rally(1, -1, None)
    film.fly(0.4, 1.2, 640)
    film.fly(0.7, 2.0, 800)
    film.wait(8.0)
    rally = found(film)[-1]
    assert (rally.strokes, rally.ended) == (2, None)
    assert rally.end_seconds == pytest.approx(film.seconds - 8.0, abs=0.1)


def test_a_serve_into_the_net_is_a_rally_of_one_stroke():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    begin = film.seconds
    film.appear(1.1, 640)
    film.fly(0.12, 0.75, bounce=True)
    film.fly(0.25, 0.02, 640)
    end = film.seconds
    film.fly(0.25, 0.15)
    film.wait(9.0)
    film.appear(0.6, 640)  # a ball that drops onto the table, and lies there
    film.fly(0.2, 0.6, bounce=True)
    film.fly(0.2, 0.55)
    film.wait(9.0)
    rallies = found(film)
    assert len(rallies) == 3
    lost = rallies[-1]
    assert (lost.strokes, lost.bounces, lost.server, lost.ended) == (1, 1, "right", "net")
    assert lost.start_seconds == pytest.approx(begin, abs=0.05)
    assert lost.end_seconds == pytest.approx(end + 0.15, abs=0.05)
    assert len(found(film, threshold=0.7)) == 2


def test_a_ball_that_is_bounced_by_hand_is_none_and_does_not_belong_to_the_rally_that_follows():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    film.bounced_by_hand(-1)
    film.wait(0.8)
    begin, _ = film.rally(3, -1, "long")
    film.wait(8.0)
    film.bounced_by_hand(1)
    film.wait(8.0)
    rallies = found(film)
    assert len(rallies) == 3 and rallies[-1].start_seconds == pytest.approx(begin, abs=0.05)


def test_missing_and_false_events_within_a_rally_cut_it_into_no_pieces():
    film, bounds = match((9, -1, "long"), (6, 1, "net"), (8, -1, "missed"))
    film.events = [event for place, event in enumerate(film.events) if place % 7 != 3]
    extra = [replace(film.events[6], time_seconds=film.events[6].seconds + 0.3)]
    film.events = sorted(film.events + extra, key=lambda event: event.seconds)
    rallies = found(film)
    assert len(rallies) == 3
    for rally, (begin, end) in zip(rallies, bounds, strict=True):
        assert abs(rally.start_seconds - begin) < 0.4 and abs(rally.end_seconds - end) < 0.4


def test_a_crossing_told_twice_and_a_bounce_that_is_not_split_no_exchange():
    """Nobody knows which way the crossings go: the first way to read the two is not the one that the next bounce allows."""
    told = "B-1 N0 B1 N0 B-1 N0 N0 N0 B-1 N0 B1"  # of the crossings in the middle one is false, and a bounce is missing
    times = [0.0, 0.15, 0.35, 0.78, 0.86, 1.3, 1.6, 2.7, 2.95, 3.4, 3.6]
    contacts = [
        Contact(seconds, each[0] == "B", int(each[1:]), None) for seconds, each in zip(times, told.split(), strict=True)
    ]
    (exchange,) = find_exchanges(contacts)
    assert len(exchange.contacts) == len(contacts) - 1


def test_lobs_whose_contacts_nobody_told_split_no_exchange_but_a_ball_that_rests_between_does():
    film, _ = match((12, -1, "long"))
    first, last = film.events[9].seconds, film.events[-7].seconds
    assert LONGEST_PAUSE < last - first < LONGEST_UNTOLD
    held = [
        replace(row, x=700.0, y=600.0) if row.place and first + 0.3 < row.time_seconds < last - 0.3 else row
        for row in film.rows()
    ]
    for rows, count in ((film.rows(), 1), (held, 2)):
        sightings = Sightings()
        for row in rows:
            sightings.add(row)
        contacts = [contact for contact in contacts_of(film.events, sightings, None) if not first < contact.seconds < last]
        assert len(find_exchanges(contacts)) == 2
        assert len(find_exchanges(contacts, partial(in_flight, sightings=sightings))) == count


def test_a_lob_above_the_picture_splits_no_exchange_but_a_ball_that_nobody_sees_for_long_does():
    film, _ = match((12, -1, "long"))
    first, last = film.events[9].seconds, film.events[-7].seconds
    for free, count in ((True, 1), (False, 2)):
        sightings = Sightings()
        for row in _lobbed(film.rows(), first, last, free):
            sightings.add(row)
        told = [event for event in film.events if not first < event.seconds < last]
        contacts = [contact for contact in contacts_of(told, sightings, None) if not first < contact.seconds < last]
        assert len(find_exchanges(contacts, partial(in_flight, sightings=sightings))) == count


def _lobbed(rows, first, last, free):
    """Return rows with one high flight from an instant to another, hidden for a second in its middle, or a ball that is held then.

    Without a camera the table seems to end where balls bounce, so it falls more slowly than with FALLS.
    """
    for row in rows:
        if not first + 0.1 < row.time_seconds < last - 0.1:
            yield row
            continue
        away = row.time_seconds - first
        height = 0.7 * FALLS / 2 * away * (last - row.time_seconds) if free else 100.0
        seen = abs(row.time_seconds - (first + last) / 2) > 0.5
        place = (700.0 + 80 * away, BOARD - height) if seen else (None, None)
        yield replace(row, x=place[0], y=place[1], status=Status.SEEN if seen else Status.UNSEEN)


def test_a_ball_that_is_hidden_after_its_bounce_was_perhaps_struck():
    film, [(_, end)] = match((3, -1, "missed"))
    rows = [
        replace(row, x=None, y=None, status=Status.UNSEEN) if end - 0.35 < row.time_seconds < end - 0.05 else row
        for row in film.rows()
    ]
    assert [rally.ended for rally in found(film)] == ["missed"]
    assert [rally.ended for rally in found(film, rows=rows)] == [None]


def test_a_cut_in_mid_rally_ends_nothing():
    film, _ = match((8, -1, "long"), (8, 1, "net"))
    middle = film.events[6].seconds + 0.1
    rows = [replace(row, shot=int(row.time_seconds > middle)) for row in film.rows()]
    assert [rally.strokes for rally in found(film, rows=rows)] == [8, 8]


def from_behind(film):
    """Return the rows of a film as a camera behind an end sees it, and turn its events too."""
    rows = [
        replace(row, x=film.mirrored(row.place)[0], y=film.mirrored(row.place)[1]) if row.place else row for row in film.rows()
    ]
    film.events = [replace(event, x=film.mirrored(event.place)[0], y=film.mirrored(event.place)[1]) for event in film.events]
    return rows


def test_from_behind_the_server_is_near_or_far():
    film, _ = match((5, -1, "long"), (6, 1, "long"), (4, 1, "missed"))
    rows = from_behind(film)
    assert [rally.server for rally in found(film, rows=rows)] == ["far", "near", "near"]


def by_bounces_alone(film):
    """Return the rows as `from_behind`, with the crossings left out and lateral places as far apart as on a table."""
    rows = from_behind(film)
    film.events = [event for event in film.events if event.event == "bounce"]
    aside = np.random.default_rng(3).uniform(-60, 60, len(film.events))
    film.events = [replace(event, x=NET + across) for event, across in zip(film.events, aside, strict=True)]
    return rows


def test_from_behind_bounces_tell_the_direction_of_play_where_crossings_do_not():
    film, bounds = match((5, -1, "long"), (6, 1, "long"), (4, 1, "missed"), (5, -1, "net"))
    rows = by_bounces_alone(film)
    court = court_of_bounces(film.events)
    assert court.from_an_end and court.net[1] == pytest.approx(560, abs=90)
    assert court.metre(-1) == pytest.approx(0.9 * 120 / 1.14, rel=0.3)
    rallies = found(film, rows=rows)
    assert [rally.server for rally in rallies] == ["far", "near", "near", "far"]
    assert [rally.start_seconds for rally in rallies] == pytest.approx([begin for begin, _ in bounds], abs=0.05)
    assert [rally.end_seconds for rally in rallies] == pytest.approx([end for _, end in bounds], abs=1.1)


def test_a_ball_bounced_by_hand_hides_no_direction_of_play():
    film, _ = match((5, -1, "long"), (6, 1, "long"), (5, 1, "long"))
    film.bounced_by_hand(-1, times=40)
    by_bounces_alone(film)
    film.events[-40:] = [replace(event, x=NET + 10) for event in film.events[-40:]]
    assert court_of_bounces(film.events).from_an_end


def test_few_bounces_and_those_of_one_place_tell_no_direction_of_play():
    film, _ = match((5, -1, "long"))
    by_bounces_alone(film)
    assert court_of_bounces(film.events) is None
    film = Film()
    film.bounced_by_hand(-1, times=40)
    assert court_of_bounces(film.events) is None
    assert court_of_bounces([]) is None


@pytest.mark.parametrize("hidden", [3, 5])
def test_from_behind_a_bounce_that_the_near_player_hides_splits_no_rally(hidden):
    film, _ = match((5, -1, "long"), (6, 1, "long"), (9, -1, "long"), (6, 1, "long"))
    rows = by_bounces_alone(film)
    of_third = [event for event in film.events if event.seconds > 22 and event.seconds < 34]
    near = [event for event in of_third if event.y > court_of_bounces(film.events).net[1]]
    film.events.remove(near[(hidden - 1) // 2])
    assert len(found(film, rows=rows)) == 4


def test_from_behind_a_serve_that_nobody_returned_is_two_bounces():
    film, _ = match((5, -1, "long"), (6, 1, "long"), (1, -1, "missed"), (6, 1, "long"))
    rows = by_bounces_alone(film)
    assert [rally.bounces for rally in found(film, rows=rows)][2] == 2


def test_slow_motion_and_many_balls_have_no_server_that_is_made_up():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    slow = [replace(row, time_seconds=4 * row.time_seconds) for row in film.rows()]
    film.events = [replace(event, time_seconds=4 * event.seconds) for event in film.events]
    assert found(film, rows=slow) == []


@pytest.mark.parametrize(("pace", "late"), [(1.0, 0.0), (1.5, 0.0), (1.5, 0.1)])
def test_a_replay_is_not_counted_again(pace, late):
    """Its passings are found less exactly than its bounces, and may be told `late`."""
    film, bounds = match((3, -1, "long"), (6, 1, "net"))
    shown, begin = list(film.rows()), bounds[1][0]
    again = [row for row in shown if bounds[1][0] <= row.time_seconds <= bounds[1][1] + 0.5]
    since = film.seconds
    rows = shown[:-1] + [
        replace(row, frame_index=len(shown) + place, time_seconds=since + pace * (row.time_seconds - begin), shot=1)
        for place, row in enumerate(again)
    ]
    film.events += [
        replace(event, time_seconds=since + pace * (event.seconds - begin) + late * (event.event == "net"))
        for event in film.events
        if event.seconds >= begin
    ]
    finder = RallyFinder()
    for row in rows:
        finder.add(row)
    assert len(finder.rallies(film.events, 0.5)) == 2
    assert finder.replays == 1


def test_points_of_one_length_after_cuts_are_no_replays():
    film = Film()
    film.wait(2.0)
    cuts = []
    for pause in (0.0, 0.06, 0.12):
        cuts.append(film.seconds - 1.0)
        film.rally(4, -1, "long", slower=pause)
        film.wait(8.0)
    rows = [replace(row, shot=sum(row.time_seconds > cut for cut in cuts)) for row in film.rows()]
    finder = RallyFinder()
    for row in rows:
        finder.add(row)
    assert (len(finder.rallies(film.events, 0.5)), finder.replays) == (3, 0)


@pytest.mark.parametrize("events", [0, 1, 2])
def test_hardly_any_events_are_no_rally(events):
    film, _ = match((3, -1, "long"))
    film.events = film.events[:events]
    assert found(film) == []


def test_a_path_without_rows_has_none():
    assert find_rallies([], [], None, 0.5) == []


def test_a_path_that_begins_or_ends_in_a_rally_keeps_within_its_rows():
    film, _ = match((9, -1, "long"))
    rows = [row for row in film.rows() if 3.2 < row.time_seconds < 5.5]
    film.events = [event for event in film.events if 3.2 < event.seconds < 5.5]
    (rally,) = found(film, rows=rows)
    assert rows[0].time_seconds <= rally.start_seconds < rally.end_seconds <= rows[-1].time_seconds


def test_exchanges_never_share_a_contact_and_say_what_followed():
    film, _ = match((3, -1, "double_bounce"), (4, 1, "net"), pause=0.5)
    sightings = Sightings()
    for row in film.rows():
        sightings.add(row)
    exchanges = find_exchanges(contacts_of(film.events, sightings, None))
    seconds = [contact.seconds for exchange in exchanges for contact in exchange.contacts]
    assert seconds == sorted(set(seconds))
    assert exchanges[0].after is not None and exchanges[0].after.bounce


@pytest.mark.parametrize(("apart", "rallies"), [(1.2, 1), (1.9, 2)])
def test_what_begins_with_a_passing_soon_after_an_end_that_was_told_is_the_same_point(monkeypatch, apart, rallies):
    film, _ = match((12, -1, "long"))

    def in_two(contacts, sightings):
        (exchange,) = exchanges_of(contacts, sightings)
        first, rest = exchange.contacts[:13], exchange.contacts[13:]
        assert first[-1].bounce and not rest[0].bounce
        later = apart - (rest[0].seconds - first[-1].seconds)
        rest = [contact._replace(seconds=contact.seconds + later) for contact in rest]
        return [exchange._replace(contacts=first, after=rest[0]), exchange._replace(contacts=rest, before=first[-1])]

    monkeypatch.setattr(finder, "exchanges_of", in_two)
    monkeypatch.setattr(
        finder, "ending_of", lambda exchange, sightings: Ending(exchange.contacts[-1].seconds + 0.3, "net", False)
    )
    assert len(found(film)) == rallies


def test_times_within_a_rally_are_play():
    film, _ = match((3, -1, "long"), (4, 1, "net"))
    rallies = found(film)
    play = Play(rallies)
    assert play(rallies[0].start_seconds) and play(rallies[1].end_seconds) and not play(rallies[0].end_seconds + 0.1)
    assert not play(0.0) and not Play([])(3.0)
    assert np.mean([play(seconds) for seconds in np.arange(0, film.seconds, 0.01)]) == pytest.approx(
        sum(rally.seconds for rally in rallies) / film.seconds, abs=0.01
    )


def test_what_follows_a_point_without_an_end_too_soon_for_a_serve_is_the_same_point(monkeypatch):
    film, _ = match((12, -1, "long"))
    rows = from_behind(film)
    whole = found(film, rows=rows)

    def in_two(contacts, sightings):
        (exchange,) = exchanges_of(contacts, sightings)
        first, rest = exchange.contacts[:14], exchange.contacts[14:]
        return [exchange._replace(contacts=first, after=rest[0]), exchange._replace(contacts=rest, before=first[-1])]

    monkeypatch.setattr(finder, "exchanges_of", in_two)
    (rally,) = found(film, rows=rows)
    assert (rally.start_seconds, rally.end_seconds) == (whole[0].start_seconds, whole[0].end_seconds)
    assert (rally.server, rally.ended, rally.bounces) == (whole[0].server, whole[0].ended, whole[0].bounces)
