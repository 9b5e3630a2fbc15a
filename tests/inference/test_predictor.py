"""Each frame is looked at once, and again where there is doubt; in as many threads as there are, with the same answers."""

import itertools
import threading
from collections import Counter

import numpy as np
import pytest
import torch
from ball_videos import ball_path, ball_picture

from ttcli.inference.predictor import LARGEST_CROP, MARGIN, StreamingPredictor
from ttcli.inference.runtimes import Runtime, load_runtime
from ttcli.networks.blocks import NetworkAnswer

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


def film(path=PATH):
    """Return pictures as dark as their number, with a bright ball on a path."""
    dark = (ball_picture(HEIGHT, WIDTH, place, 5.0) // 60 * 60 for place in path)
    return [np.maximum(picture, number).astype(np.uint8) for number, picture in enumerate(dark)]


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
    wanted = told(Doubtful({5, 17, 40, 41, 42, 66}), film(), ahead=2)
    assert told(Doubtful({5, 17, 40, 41, 42, 66}, workers), film(), ahead=ahead) == wanted


@pytest.mark.parametrize("count", [0, 1, 5, 9, 10, 26])
@pytest.mark.parametrize("stride", [1, 2])
def test_each_frame_has_an_answer_however_short_the_video(count, stride):
    assert len(told(Doubtful(range(70)), film()[:count], stride=stride)) == count


@pytest.mark.parametrize("workers", [1, 3])
def test_a_real_network_says_the_same_in_any_number_of_threads(workers):
    runtime = load_runtime(None, "cpu", "fp32", threads=workers)
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (64, 96, 3), dtype=np.uint8) for _ in range(40)]
    said = [
        list(StreamingPredictor(runtime, 64, 96, 9, again=3, ahead=ahead).answers(iter(pictures))) for ahead in (0, workers)
    ]
    alone = load_runtime(None, "cpu", "fp32", threads=1)
    assert said[0] == said[1] == list(StreamingPredictor(alone, 64, 96, 9, again=3).answers(iter(pictures)))


def test_what_fails_in_a_thread_is_raised_and_nothing_waits():
    class Failing(Doubtful):
        def __call__(self, windows):
            if len(self.shown) == 2:
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
