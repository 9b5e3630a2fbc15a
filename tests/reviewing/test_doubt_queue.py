"""What is doubtful comes first, what is decided comes no more, and errors lead to their neighbours."""

import numpy as np
import pytest

from ttcli.results.ball_columns import STATUSES, BallColumns
from ttcli.results.decisions import Decision
from ttcli.results.events import Event
from ttcli.results.rallies import Rally
from ttcli.results.trajectory import Status
from ttcli.reviewing.doubt import REASONS, doubts_of
from ttcli.reviewing.doubt_queue import DoubtQueue, other_doubts

SEEN, FILLED, UNSEEN, BROKEN = (STATUSES.index(status) for status in (Status.SEEN, Status.FILLED, Status.UNSEEN, Status.BROKEN))


def flight(count=200):
    """Return a ball that flies to and fro over a table, 1920 wide, 50 frames a second, sure of itself."""
    frame = np.arange(count)
    along = np.abs((frame % 80) - 40) / 40
    x, y = 300 + 1300 * along, 700 - 4 * np.abs((frame % 20) - 10.0) * (20 - np.abs((frame % 20) - 10.0))
    return BallColumns(frame, frame / 50, x, y, np.full(count, 0.97), np.full(count, SEEN, np.int8), np.zeros(count, bool))


def hide(columns, *frames, confidence=0.05, status=UNSEEN):
    for frame in frames:
        columns.x[frame] = columns.y[frame] = np.nan
        columns.status[frame], columns.confidence[frame] = status, confidence


def frames_of(queue, count):
    return [doubt.frame for doubt in queue.worst(count)]


def test_a_flight_with_bounces_and_strokes_is_in_no_doubt():
    assert doubts_of(flight(), 1920).max() < 0.5
    assert np.median(doubts_of(flight(), 1920).max(0)) < 0.1


@pytest.mark.parametrize("share", [1, 3])
def test_each_kind_of_doubt_comes_first_and_is_told_in_words(share):
    columns = flight()
    columns.x /= share
    columns.y /= share
    columns.confidence[[60, 33]] = 0.55, 0.6
    columns.x[33] += 120 / share
    hide(columns, 90)
    hide(columns, 140, confidence=0.45)
    columns.status[111] = FILLED
    queue = DoubtQueue(columns, 1920 // share)
    worst = {doubt.frame: doubt.reasons for doubt in queue.worst(8)}
    assert REASONS["jump"] in worst[33] and REASONS["confidence"] in worst[33] + worst[60]
    assert worst[90][0] == REASONS["gap"] and REASONS["candidate"] in worst[140] and worst[111][0] == REASONS["filled"]
    assert frames_of(queue, 1) == [33]


def test_a_ball_seen_for_a_moment_far_from_any_other_is_doubtful():
    columns = flight()
    hide(columns, *range(40, 160), confidence=0.01)
    columns.x[100], columns.y[100], columns.status[100], columns.confidence[100] = 5.0, 5.0, SEEN, 0.9
    assert REASONS["lonely"] in DoubtQueue(columns, 1920).worst(1)[0].reasons


def test_what_is_decided_comes_no_more_and_comes_again_when_it_is_taken_back():
    columns = flight()
    columns.confidence[60] = 0.3
    queue = DoubtQueue(columns, 1920)
    first = queue.how_many()
    queue.decide(Decision(1, "ball", 60, 400.0, 500.0))
    assert 60 not in frames_of(queue, 50) and (columns.x[60], columns.y[60]) == (400.0, 500.0)
    queue.reset([])
    assert frames_of(queue, 1) == [60] and queue.how_many() == first and columns.x[60] == flight().x[60]


def test_beside_an_error_doubt_grows_and_beside_what_is_right_it_shrinks():
    columns = flight()
    columns.confidence[:] = 0.8
    queue = DoubtQueue(columns, 1920)
    before = queue.scores()
    queue.decide(Decision(1, "none", 100))
    queue.decide(Decision(2, "ball", 30, columns.x[30], columns.y[30], confirmed=True))
    after = queue.scores()
    assert after[102] > before[102] and after[28] < before[28] and after[160] == before[160]
    assert after[100] == after[30] == 0.0


def test_broken_frames_and_an_empty_path_are_no_places_to_look_at():
    columns = flight(60)
    hide(columns, *range(60), confidence=0.0)
    assert frames_of(DoubtQueue(columns, 1920), 9) == []
    hide(columns, 30, confidence=0.4, status=BROKEN)
    assert frames_of(DoubtQueue(columns, 1920), 9) == []


def test_repeated_pictures_are_asked_about_once():
    columns = flight()
    columns.confidence[[50, 51]] = 0.6
    columns.duplicate[51] = True
    assert frames_of(DoubtQueue(columns, 1920), 1) == [50]


def test_an_hour_is_judged_at_once():
    columns = flight(400)
    many = BallColumns(*(np.tile(getattr(columns, name), 500) for name in columns.__dataclass_fields__))
    many.frame[:], many.seconds[:] = np.arange(200_000), np.arange(200_000) / 50
    many.confidence[123_456] = 0.1
    queue = DoubtQueue(many, 1920)
    assert frames_of(queue, 1) == [123_456]
    queue.decide(Decision(1, "none", 123_456))
    assert len(queue.worst(40)) == 40


def test_events_bounds_of_rallies_and_tables_that_moved_are_doubtful(table_views):
    columns = flight()
    events = [
        Event(20.0, 0.4, "bounce", float(columns.x[20]), float(columns.y[20]), 0.6),
        Event(50.0, 1.0, "bounce", float(columns.x[50]) + 200, float(columns.y[50]), 0.99),
        Event(70.0, 1.4, "net", None, None, 0.99),
        Event(90.0, 1.8, "net", None, None, 0.99),
        Event(120.0, 2.4, "bounce", float(columns.x[120]), float(columns.y[120]), 0.99),
    ]
    rallies = [Rally(0.2, 3.0, 10, 150, 4, 3, "left", None, 0.8)]
    doubts = other_doubts(columns, 1920, events, rallies, table_views)
    by_name = {doubt.name: doubt for doubt in doubts}
    assert [by_name[f"event:{place}"].frame for place in (0, 1, 3)] == [20, 50, 90] and "event:4" not in by_name
    assert by_name["event:1"].reasons[0] == "bounce off the path" and "twice" in by_name["event:3"].reasons[0]
    assert by_name["rally:0start"].frame == 10 and by_name["rally:0end"].score > by_name["rally:0start"].score
    assert by_name["table:1"].reasons == ("the table moved",) and by_name["table:1"].score > by_name["table:0"].score
    queue = DoubtQueue(columns, 1920, doubts)
    queue.decided.add("event:1")
    assert "event:1" not in {doubt.name for doubt in queue.worst(99)}


@pytest.fixture
def table_views():
    from ttcli.table.by_hand import camera_from_corners
    from ttcli.table.views import TableView

    corners = np.array([(500.0, 800.0), (1400.0, 800.0), (1250.0, 620.0), (650.0, 620.0)])
    views = [camera_from_corners(corners + shift, 1080, 1920) for shift in (0, 40)]
    return [TableView(0.0, 1.9, views[0]), TableView(2.0, 3.9, views[1])]
