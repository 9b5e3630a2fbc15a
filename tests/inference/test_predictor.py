"""Each frame is looked at once, and again where there is doubt; in as many threads as there are, with the same answers."""

import itertools
import threading
from collections import Counter
from functools import cache

import cv2
import numpy as np
import pytest
import torch
from ball_videos import ball_path, ball_picture

from ttcli.inference import runtimes
from ttcli.inference.answers import FrameAnswer, OpenFrame, Peak, Said, WindowAnswer
from ttcli.inference.predictor import LARGEST_CROP, MARGIN, StreamingPredictor
from ttcli.inference.runtimes import Runtime, load_runtime
from ttcli.networks.blocks import NetworkAnswer
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.windows import Window

HEIGHT, WIDTH = 192, 320
PATH = ball_path(70, HEIGHT, WIDTH)


class Doubtful(Runtime):
    """A stand-in that finds what is bright, and is in doubt of some frames at the ends of windows.

    Args:
        unsure: Numbers of these frames.
        workers: Threads.
    """

    def __init__(self, unsure=(), workers=1):
        super().__init__({}, 9, tuple(range(9)), False, 4, torch.device("cpu"), torch.float32)
        self.unsure, self.workers = set(unsure), workers
        self.shown, self.lock = [], threading.Lock()

    def __call__(self, windows):
        batch, height, width, *_ = windows.shape
        colours = windows[..., 0].permute(0, 3, 1, 2).int() + 128  # (B, 9, H, W)
        numbers = colours.amin((2, 3)).tolist()  # what is dark is as dark as the frame's number
        with self.lock:
            self.shown += [(height, width, frames) for frames in numbers]
        cells = torch.nn.functional.avg_pool2d(colours.float(), 4)
        probabilities = torch.zeros_like(cells)
        for row, place in itertools.product(range(batch), range(9)):
            doubt = numbers[row][place] in self.unsure and place not in (2, 3, 4, 5, 6)
            if cells[row, place].max() > 100:
                probabilities[row, place].view(-1)[cells[row, place].argmax()] = 0.5 if doubt else 0.999
        return NetworkAnswer(probabilities, torch.zeros(batch, 9, 2, height // 4, width // 4))

    @property
    def crops(self):
        return [shown for shown in self.shown if shown[:2] != (HEIGHT, WIDTH)]


@cache
def drawn():
    dark = (ball_picture(HEIGHT, WIDTH, place, 5.0) // 60 * 60 for place in PATH)
    return [np.maximum(picture, number).astype(np.uint8) for number, picture in enumerate(dark)]


def film():
    """Return pictures as dark as their number, with a bright ball on PATH: a list to change, of pictures that stay as they are."""
    return list(drawn())


def told(runtime, pictures, step=9, again=3, **settings):
    return list(StreamingPredictor(runtime, HEIGHT, WIDTH, step, again=again, steady=False, **settings).answers(pictures))


def assert_at(answer, place):
    assert np.hypot(answer.peaks[0].x - place[0], answer.peaks[0].y - place[1]) < 4


def test_without_doubt_each_frame_is_looked_at_once():
    runtime = Doubtful()
    answers = told(runtime, film())
    assert len(answers) == len(PATH) and not runtime.crops
    shown = Counter(number for *_, numbers in runtime.shown for number in numbers)
    assert set(shown) == set(range(70)) and sum(shown.values()) == 72  # the last window moves back to end on the last frame
    for answer, place in zip(answers, PATH, strict=True):
        assert_at(answer, place)


@pytest.mark.parametrize(("frame", "starts"), [(0, []), (8, [3, 6]), (30, []), (35, [30, 33]), (36, [30, 33]), (61, [57, 60])])
def test_a_frame_in_doubt_is_looked_at_again_in_crops_around_it(frame, starts):
    runtime = Doubtful({frame})
    answers = told(runtime, film())
    assert sorted(numbers[0] for *_, numbers in runtime.crops) == starts
    for height, width, _ in runtime.crops:
        assert height * width <= LARGEST_CROP * HEIGHT * WIDTH and width >= 2 * MARGIN
    for number, (answer, place) in enumerate(zip(answers, PATH, strict=True)):
        assert_at(answer, place)
        # the mean of one look in doubt and of others, of which those that have it near their middle are sure
        assert answer.peaks[0].probability > (0.6 if number == frame and starts else 0.4)


def test_a_second_peak_is_doubt_too():
    class TwoPeaks(Doubtful):
        def __call__(self, windows):
            answer = super().__call__(windows)
            answer.probabilities[:, 1, 1, 1] = 0.4
            return answer

    runtime = TwoPeaks()
    told(runtime, film())
    assert len(runtime.shown) > 8


def test_who_asks_for_a_step_gets_no_more_looks():
    runtime = Doubtful(range(70))
    told(runtime, film(), step=3, again=None)
    assert not runtime.crops and len(runtime.shown) == 22


@pytest.mark.parametrize("ahead", [0, 1, 5, 50])
@pytest.mark.parametrize("workers", [1, 4])
def test_answers_do_not_depend_on_threads_nor_on_how_many_windows_are_under_way(ahead, workers):
    assert told(Doubtful({5, 17, 40, 41, 42, 66}, workers), film(), ahead=ahead) == in_one_thread()


@cache
def in_one_thread():
    return told(Doubtful({5, 17, 40, 41, 42, 66}), film(), ahead=2)


@pytest.mark.parametrize("count", [0, 1, 5, 9, 10, 26])
@pytest.mark.parametrize("stride", [1, 2])
def test_each_frame_has_an_answer_however_short_the_video(count, stride):
    assert len(told(Doubtful(range(70)), film()[:count], stride=stride)) == count


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_a_real_network_says_the_same_in_any_number_of_threads(workers):
    runtime = load_runtime(None, "cpu", "fp32", threads=workers)
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (64, 96, 3), dtype=np.uint8) for _ in range(40)]
    said = [
        list(StreamingPredictor(runtime, 64, 96, 9, again=3, ahead=ahead).answers(iter(pictures))) for ahead in (0, workers)
    ]
    alone = load_runtime(None, "cpu", "fp32", threads=1)
    assert said[0] == said[1] == list(StreamingPredictor(alone, 64, 96, 9, again=3).answers(iter(pictures)))


def test_weights_are_read_in_one_thread(monkeypatch):
    threads = []
    monkeypatch.setattr(
        runtimes, "load_checkpoint", lambda path: threads.append(torch.get_num_threads()) or load_checkpoint(path)
    )
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        load_runtime(None, "cpu", "fp32")
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {1}


def test_what_fails_in_a_thread_is_raised_and_nothing_waits():
    class Failing(Doubtful):
        def __call__(self, windows):
            if len(self.shown) >= 2:
                raise MemoryError("no more")
            return super().__call__(windows)

    with pytest.raises(MemoryError, match="no more"):
        told(Failing(workers=2), film())


def test_broken_frames_are_stood_in_for_by_the_last_good_one_or_the_first():
    pictures = film()
    for broken in (0, 1, 20, 21, 69):
        pictures[broken] = None
    runtime = Doubtful()
    assert len(told(runtime, pictures)) == 70
    by_start = sorted(numbers for _, _, numbers in runtime.shown)
    assert by_start[0][:4] == [2, 2, 2, 3] and by_start[2][1:5] == [19, 19, 19, 22] and by_start[-1][-2:] == [68, 68]


def test_a_proposal_that_the_middle_frame_does_not_show_is_looked_at_at_the_border():
    predictor = StreamingPredictor(Doubtful(), HEIGHT, WIDTH, 9, again=3)
    peaks = [Peak(2.0, 50.0, 0.5), Peak(0.0, 0.0, 0.0), Peak(0.0, 0.0, 0.0)]
    empty = torch.zeros(9, HEIGHT // 4, WIDTH // 4)
    answer = WindowAnswer(empty, empty, None, [FrameAnswer(peaks)] * 9)
    predictor._open = {8: OpenFrame([Said(0, False, answer, 8)])}
    window = Window(tuple(range(9)), tuple(range(9)), 0)
    for shift in (-300.0, 500.0):
        maps = [np.eye(3) for _ in range(9)]
        maps[8][0, 2] = shift  # the camera has panned away
        box = predictor._box(window, maps, [8])
        assert box.width >= 64 and box.height >= 64
        assert box.left == 0 if shift < 0 else box.left + box.width == WIDTH


def play_and_pause(*, ball):
    """Pictures as `film` has them, with a ball in some frames alone."""
    return [picture if number in ball else np.full_like(picture, picture.min()) for number, picture in enumerate(film())]


def starts_shown(runtime):
    return sorted(numbers[0] for height, width, numbers in runtime.shown if (height, width) == (HEIGHT, WIDTH))


@pytest.mark.parametrize(
    ("probes", "starts"), [(1, [0, 9, 18, 27, 36, 45, 54, 61]), (2, [0, 18, 36, 54, 61]), (3, [0, 27, 54, 61])]
)
def test_while_no_ball_is_seen_the_network_is_shown_less(probes, starts):
    runtime = Doubtful()
    answers = told(runtime, play_and_pause(ball=()), probes=probes)
    assert starts_shown(runtime) == starts
    assert len(answers) == 70 and all(answer.peaks[0].probability == 0 for answer in answers)


@pytest.mark.parametrize(
    ("ball", "more"),
    [(range(9), [9, 18]), (range(30, 33), [9, 18, 36, 45]), (range(47, 70), [36, 45]), (range(38, 44), [])],
)
def test_a_ball_in_a_probe_brings_back_the_windows_on_both_sides_of_it(ball, more):
    runtime = Doubtful()
    answers = told(runtime, play_and_pause(ball=ball), probes=3)
    assert starts_shown(runtime) == sorted([0, 27, 54, 61, *more])
    for number, answer in enumerate(answers):
        assert (answer.peaks[0].probability > 0.9) == (
            number in ball and number in {n for _, _, seen in runtime.shown for n in seen}
        )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("count", [1, 9, 10, 18, 27, 36, 45, 46, 70])
def test_the_end_is_looked_at_though_no_probe_falls_there(count, stride):
    runtime = Doubtful()
    answers = told(runtime, play_and_pause(ball=[count - 1])[:count], probes=3, stride=stride)
    assert len(answers) == count and answers[-1].peaks[0].probability > 0.9


@pytest.mark.parametrize("ahead", [0, 1, 5, 50])
@pytest.mark.parametrize("workers", [1, 4])
def test_what_is_left_out_does_not_depend_on_threads(ahead, workers):
    assert told(Doubtful(UNSURE, workers), with_pauses(), probes=3, ahead=ahead) == left_out_in_one_thread()


UNSURE = {5, 35, 36, 44}


@cache
def with_pauses():
    return play_and_pause(ball=[*range(5), *range(33, 50)])


@cache
def left_out_in_one_thread():
    return told(Doubtful(UNSURE), with_pauses(), probes=3, ahead=2)


def test_probes_keep_their_rhythm_wherever_one_begins_to_look():
    pictures = play_and_pause(ball=range(60, 66))
    whole, part = Doubtful(), Doubtful()
    wanted = told(whole, pictures, probes=3)
    predictor = StreamingPredictor(part, HEIGHT, WIDTH, 9, again=3, probes=3, steady=False)
    assert list(predictor.answers(pictures[13:], first=13))[9:] == wanted[22:]


def test_an_answer_never_waits_for_more_frames_than_it_says():
    predictor = StreamingPredictor(Doubtful(range(70)), HEIGHT, WIDTH, 9, again=3, probes=3, steady=False)
    come = 0

    def coming():
        nonlocal come
        for picture in play_and_pause(ball=[*range(12), *range(50, 70)]) * 4:
            come += 1
            yield picture

    for number, _ in enumerate(predictor.answers(coming())):
        assert come - 1 - number <= predictor.behind


class MiddlePeak(Doubtful):
    """A stand-in that is in doubt of a place in the middle of the picture in each frame."""

    def __call__(self, windows):
        batch, height, width, *_ = windows.shape
        probabilities = torch.zeros(batch, 9, height // 4, width // 4)
        probabilities[:, :, height // 8, width // 8] = 0.5
        return NetworkAnswer(probabilities, torch.zeros(batch, 9, 2, height // 4, width // 4))


@pytest.mark.parametrize("begin", [pytest.param(25, marks=pytest.mark.slow), 27, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("broken", [(), range(23, 37)], ids=["whole", "broken"])
def test_a_camera_that_moves_makes_no_difference_between_threads(broken, begin):
    random = np.random.default_rng(0)
    hall = cv2.resize(random.integers(0, 255, (40, 120, 3), dtype=np.uint8), (1200, 400), interpolation=cv2.INTER_CUBIC)
    left = [300 + 4 * max(0, number - begin) for number in range(90)]
    pictures = [None if n in broken else hall[100 : 100 + HEIGHT, at : at + WIDTH].copy() for n, at in enumerate(left)]
    said = []
    for ahead in (0, 1, 8):
        predictor = StreamingPredictor(MiddlePeak(), HEIGHT, WIDTH, 9, again=3, ahead=ahead)
        said.append(list(predictor.answers(pictures)))
    assert said[0] == said[1] == said[2]
    xs = [answer.peaks[0].x for answer in said[0]]
    assert max(xs) - min(xs) > 3, "the camera was seen to move"
