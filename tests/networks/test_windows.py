from collections import Counter
from fractions import Fraction
from itertools import pairwise, product

import pytest

from ttcli.errors import SettingError
from ttcli.networks.windows import Window, WindowSchedule, choose_stride, window_frames

WINDOW_SIZE = 9


def all_windows(frame_count: int, schedule: WindowSchedule) -> list[Window]:
    windows = []
    for _ in range(frame_count):
        windows += schedule.arrive()
    return windows + schedule.finish()


def answer_counts(windows: list[Window]) -> Counter[int]:
    return Counter(frame for window in windows for frame in window.answers if frame is not None)


CASES = list(product(range(1, 10), (1, 2, 3)))


@pytest.mark.parametrize(("step", "stride"), CASES)
def test_every_frame_is_answered_whatever_the_length(step, stride):
    for frame_count in range(41):
        windows = all_windows(frame_count, WindowSchedule(WINDOW_SIZE, step, stride))
        assert sorted(answer_counts(windows)) == list(range(frame_count))


@pytest.mark.parametrize(("step", "stride"), CASES)
def test_inside_the_video_each_frame_has_window_size_by_step_answers(step, stride):
    frame_count = 200
    counts = answer_counts(all_windows(frame_count, WindowSchedule(WINDOW_SIZE, step, stride)))
    margin = WINDOW_SIZE * stride
    inside = {counts[frame] for frame in range(margin, frame_count - 2 * margin)}
    assert inside == {WINDOW_SIZE // step, -(-WINDOW_SIZE // step)}


@pytest.mark.parametrize(("step", "stride"), CASES)
def test_windows_hold_neighbours_one_stride_apart_and_answer_for_what_they_hold(step, stride):
    for frame_count in (1, 5, 9, 10, 26, 27, 40):
        for window in all_windows(frame_count, WindowSchedule(WINDOW_SIZE, step, stride)):
            assert len(window.frame_indexes) == len(window.answers) == WINDOW_SIZE
            real = [frame for frame in window.answers if frame is not None]
            assert list(window.frame_indexes[: len(real)]) == real
            assert real == list(range(real[0], real[-1] + 1, stride))
            assert set(window.frame_indexes[len(real) :]) <= {real[-1]}


@pytest.mark.parametrize(("step", "stride"), CASES)
def test_frames_repeat_only_in_videos_shorter_than_a_window(step, stride):
    for frame_count in range(WINDOW_SIZE * stride, 41):
        for window in all_windows(frame_count, WindowSchedule(WINDOW_SIZE, step, stride)):
            assert len(set(window.frame_indexes)) == WINDOW_SIZE


SCHEDULES = [(step, stride, 0, 9) for step, stride in CASES] + [(1, stride, 4, 1) for stride in (1, 2, 3)]


@pytest.mark.parametrize(("step", "stride", "first_output", "outputs"), SCHEDULES)
def test_settled_frames_get_no_further_answer_and_kept_frames_fill_every_window(step, stride, first_output, outputs):
    for frame_count in range(41):
        schedule = WindowSchedule(WINDOW_SIZE, step, stride, first_output, outputs)
        for _ in range(frame_count):
            settled = settled_of(schedule)
            check_windows(schedule.arrive(), settled, schedule)
        check_windows(schedule.finish(), settled_of(schedule), schedule)


def settled_of(schedule: WindowSchedule) -> int:
    """Return the number of frames from the start that no window to come answers for."""
    return max(0, schedule.frame_count - schedule.span)


def check_windows(windows: list[Window], settled: int, schedule: WindowSchedule) -> None:
    for window in windows:
        assert min(frame for frame in window.answers if frame is not None) >= settled
        assert min(window.frame_indexes) >= schedule.frame_count - schedule.span
        assert max(window.frame_indexes) < schedule.frame_count


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_network_of_the_middle_frame_answers_once_for_each_frame(stride):
    for frame_count in range(41):
        windows = all_windows(frame_count, WindowSchedule(WINDOW_SIZE, 1, stride, first_output=4, outputs=1))
        assert answer_counts(windows) == Counter(range(frame_count))
        assert all(window.frame_indexes[4] == window.answers[0] for window in windows)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("first", [0, 4, 7])
def test_between_two_windows_lie_those_of_the_finer_rhythm(stride, first):
    schedule = WindowSchedule(WINDOW_SIZE, 9, stride, first=first)
    windows = [window for window in all_windows(100, schedule) if window.start % stride == 0]
    finer = {
        window.start
        for window in all_windows(100, WindowSchedule(WINDOW_SIZE, 3, stride, first=first))
        if window.start % stride == 0 and (first + window.start) // stride % 3 == 0
    }
    between = [window for pair in pairwise(windows) for window in schedule.between(*pair, 3)]
    assert {window.start for window in between} == finer - {window.start for window in windows}
    for window in between:
        assert window.frame_indexes == window.answers == tuple(range(window.start, window.start + 9 * stride, stride))


def test_the_same_windows_in_the_same_order_at_every_run():
    first, second = (all_windows(40, WindowSchedule(WINDOW_SIZE, 3, 2)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("step", "stride"), CASES)
def test_a_stretch_of_a_video_has_the_same_windows_wherever_one_begins(step, stride):
    whole = {window.frame_indexes for window in all_windows(150, WindowSchedule(WINDOW_SIZE, step, stride))}
    for first in range(1, 20):
        part = all_windows(150 - first, WindowSchedule(WINDOW_SIZE, step, stride, first=first))
        later = [tuple(first + frame for frame in window.frame_indexes) for window in part]
        settled = first + (WINDOW_SIZE + step) * stride  # the first window of each phase is where the part begins
        assert {frames for frames in later if frames[0] >= settled} == {frames for frames in whole if frames[0] >= settled}


def test_window_frames_repeat_the_border_frame():
    assert window_frames(-4, 9, 1, 30) == [0, 0, 0, 0, 0, 1, 2, 3, 4]
    assert window_frames(26, 9, 1, 30) == [26, 27, 28, 29, 29, 29, 29, 29, 29]
    assert window_frames(0, 9, 1, 1) == [0] * 9


def test_window_frames_stay_in_their_phase_at_the_border():
    assert window_frames(-3, 5, 2, 30) == [1, 1, 1, 3, 5]
    assert window_frames(24, 5, 2, 30) == [24, 26, 28, 28, 28]


@pytest.mark.parametrize("step", [0, 10, -1])
def test_a_step_that_skips_frames_is_refused(step):
    with pytest.raises(SettingError, match="--step: .* give 1 to 9"):
        WindowSchedule(WINDOW_SIZE, step)


def test_a_stride_below_one_is_refused():
    with pytest.raises(SettingError, match="--stride"):
        WindowSchedule(WINDOW_SIZE, 1, 0)


def test_stride_grows_only_with_high_frame_rates():
    assert [choose_stride(Fraction(rate), 120.0) for rate in (25, 60, 120, 150, 240)] == [1, 1, 1, 1, 2]
    assert [choose_stride(Fraction(rate), 25.0) for rate in (25, 30, 50, 120)] == [1, 1, 2, 5]
