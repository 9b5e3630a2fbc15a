import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttcli.errors import SettingError
from ttcli.labels.ball import NOT_VISIBLE, BallLabel
from ttcli.labels.event import EventLabel
from ttcli.training_set.selection import FAR, LABELLED, Choice, labelled_windows, select_windows, window_frames_of

SEEN = BallLabel(True, 10.0, 20.0)


def choice(window_size=3, stride=1, events=("all",), before=4, after=12, far=0, limit=None, seed=0):
    return Choice(window_size, stride, events, before, after, far, limit, seed)


def seen(frames):
    return dict.fromkeys(frames, SEEN)


@settings(max_examples=60, deadline=None)
@given(
    frames=st.sets(st.integers(0, 60)), unusable=st.sets(st.integers(0, 60), max_size=5),
    window_size=st.sampled_from([1, 3, 5, 9]), stride=st.integers(1, 4),
)  # fmt: skip
def test_a_window_is_kept_exactly_where_all_its_frames_have_a_label(frames, unusable, window_size, stride):
    windows = labelled_windows(seen(frames), window_size, stride, unusable)
    labelled = frames | unusable
    expected = [first for first in sorted(labelled) if all(first + stride * place in labelled for place in range(window_size))]
    assert [window.first for window in windows] == expected
    for window in windows:
        held = {window.first + stride * place for place in range(window_size)}
        assert window.visible == len(held & frames)


@settings(max_examples=40, deadline=None)
@given(moments=st.sets(st.integers(0, 100), max_size=6), window_size=st.sampled_from([3, 9]), stride=st.integers(1, 2))
def test_near_windows_lie_within_the_surroundings_and_far_ones_outside(moments, window_size, stride):
    events = [EventLabel(moment, "bounce") for moment in sorted(moments)]
    surroundings = {frame for moment in moments for frame in range(moment - 4, moment + 13)}
    picked = select_windows(seen(range(140)), events, choice(window_size, stride, far=1000))
    for window in picked:
        held = set(window_frames_of([window], window_size, stride))
        assert held <= surroundings if window.kind == "bounce" else not held & surroundings
    possible = range(140 - (window_size - 1) * stride)
    whole = [first for first in possible if set(range(first, first + window_size * stride, stride)) <= surroundings]
    assert [window.first for window in picked if window.kind == "bounce"] == whole


def test_an_event_of_the_published_set_gives_nine_windows_of_nine_frames():
    picked = select_windows(seen(range(96, 113)), [EventLabel(100, "net")], choice(9, events=("net",)))
    assert [window.first for window in picked] == list(range(96, 105))
    assert {window.kind for window in picked} == {"net"}


def test_unwanted_events_are_left_out_and_not_far_either():
    events = [EventLabel(20, "bounce"), EventLabel(60, "net")]
    picked = select_windows(seen(range(100)), events, choice(events=("bounce",), far=1000))
    assert {window.kind for window in picked} == {"bounce", FAR}
    far = set(window_frames_of([window for window in picked if window.kind == FAR], 3, 1))
    assert far.isdisjoint(range(16, 33)) and far.isdisjoint(range(56, 73))


def test_strokes_of_the_extended_set_do_not_take_far_windows_away():
    events = [EventLabel(20, "left_forehand_loop")]
    picked = select_windows(seen(range(100)), events, choice(events=("bounce",), far=1000))
    assert len(picked) == 98 and {window.kind for window in picked} == {FAR}


def test_between_two_events_the_nearest_gives_the_name():
    events = [EventLabel(20, "bounce"), EventLabel(30, "net")]
    kinds = {window.first + 1: window.kind for window in select_windows(seen(range(100)), events, choice())}
    assert kinds[24] == "bounce" and kinds[26] == "net"


def test_a_ball_free_stretch_is_a_far_one():
    labels = dict.fromkeys(range(50), NOT_VISIBLE)
    picked = select_windows(labels, [], choice(events=("bounce",), far=5))
    assert len(picked) == 5 and all(window.visible == 0 for window in picked)


def test_without_events_every_labelled_window_is_kept():
    picked = select_windows(seen(range(10)), None, choice(events=None))
    assert [window.first for window in picked] == list(range(8)) and {window.kind for window in picked} == {LABELLED}


def test_a_gap_in_the_labels_begins_a_new_rally():
    picked = select_windows(seen([*range(10), *range(500, 510)]), None, choice(events=None))
    assert {window.rally for window in picked if window.first < 100} == {0}
    assert {window.rally for window in picked if window.first >= 500} == {1}


def test_the_limit_chooses_by_the_seed():
    one, again = (select_windows(seen(range(200)), None, choice(events=None, limit=20)) for _ in range(2))
    other = select_windows(seen(range(200)), None, choice(events=None, limit=20, seed=1))
    assert len(one) == 20 and one == again != other


def test_windows_that_never_fit_are_refused():
    with pytest.raises(SettingError, match="leave 5 frames around an event"):
        choice(9, before=2, after=2).check()


def test_a_long_time_without_the_ball_begins_a_new_rally_though_it_is_labelled():
    labels = seen(range(20)) | dict.fromkeys(range(20, 200), NOT_VISIBLE) | seen(range(200, 220))
    windows = {window.first: window for window in labelled_windows(labels, 3, 1)}
    assert (windows[10].rally, windows[100].rally, windows[210].rally) == (0, 0, 1)
    assert (windows[198].rally, windows[198].last_rally) == (0, 1)


def test_without_labels_of_events_nothing_is_far_from_them():
    assert select_windows(seen(range(50)), None, choice(events=("bounce",), far=5)) == []
