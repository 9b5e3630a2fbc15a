"""The second look at candidates: at the right pixels, of the right frames, weighed with the first, in bounded memory."""

import itertools
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ball_videos import ball_path, ball_picture, write_video
from detection_runs import planned, positions
from stand_ins import BrightestSpot

from ttcli.configs import DetectConfig
from ttcli.detect import detect
from ttcli.detection.proposals import network_predictor
from ttcli.errors import CheckpointError
from ttcli.inference.runtimes import Runtime, SecondNetwork, TorchRuntime, load_runtime
from ttcli.inference.second_stage import CROP, CROPS, FRAMES, LEAST_LOGIT, larger_size
from ttcli.networks.blocks import NetworkAnswer
from ttcli.networks.checkpoints import load_checkpoint, save_checkpoint
from ttcli.results.manifest import read_manifest
from ttcli.results.trajectory import read_ball_csv
from ttcli.video.probe import VideoInfo, probe
from ttcli.video.reader import Frame

HEIGHT, WIDTH = 96, 160
"""Of the pictures that the first network sees; the larger ones are twice as large."""
PATH = [(50.0 + 2 * n, 48 + 10 * np.sin(n / 4)) for n in range(30)]
INFO = VideoInfo(Path("match.mp4"), HEIGHT, WIDTH, Fraction(25), None, None, "h264", False)
AWAY = 1.75
"""Pixels by which the first network here errs."""


class Teller(Runtime):
    """A stand-in for the first network, that knows where the ball is, nearly, and tells two more places without one."""

    def __init__(self, path, logits=(1.0, -0.9, -1.5), closer=None):
        metadata = {"calibration": {"slope": 2.0, "bias": 0.5}}
        super().__init__(metadata, 9, tuple(range(9)), False, 4, torch.device("cpu"), torch.float32)
        self.path, self.logits, self.second = path, logits, closer

    def __call__(self, windows):
        """Answer by the gray of the first pixel of each frame, which is its number."""
        batch, height, width, *_ = windows.shape
        numbers = windows[:, 0, 0, :, 0].int() + 128
        probabilities = np.full((batch, 9, height // 4, width // 4), 1e-6, np.float32)
        offsets = np.zeros((batch, 9, 2, height // 4, width // 4), np.float32)
        shares = torch.tensor(self.logits).sigmoid().tolist()
        for row, place in itertools.product(range(batch), range(9)):
            x, y = self.path[numbers[row, place]]
            for (at_x, at_y), share in zip(((x + AWAY, y), (20, 20), (140, 80)), shares, strict=True):
                column, line = round((at_x - 1.5) / 4), round((at_y - 1.5) / 4)
                probabilities[row, place, line, column] = share
                offsets[row, place, :, line, column] = (at_x - 1.5) / 4 - column, (at_y - 1.5) / 4 - line
        return NetworkAnswer(torch.from_numpy(probabilities), torch.from_numpy(offsets))

    def confidence(self, probability):
        return probability


class Recorder(BrightestSpot):
    """A stand-in for the second network: the centroid of what is bright, and all that it is shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(x.clone())
        return super().forward(x)


def closer(own=1.0, look=0.5, bias=0.25, network=Recorder):
    return SecondNetwork(TorchRuntime(network(), device="cpu", precision="fp32"), own, look, bias)


def film(path=PATH, moves=(0.0, 0.0)):
    """Return frames whose first pixel is their number, a ball on a path, before a hall that passes by."""
    random = np.random.default_rng(0)
    hall = cv2.resize(random.integers(10, 90, (60, 90, 3), dtype=np.uint8), (1800, 1200), interpolation=cv2.INTER_CUBIC)
    frames = []
    for number, (x, y) in enumerate(path):
        left, top = 400 + number * moves[0], 300 + number * moves[1]
        inside = np.float32([[1, 0, 2 * left + 0.5], [0, 1, 2 * top + 0.5]])
        large = cv2.warpAffine(hall, inside, (2 * WIDTH, 2 * HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        ball = ball_picture(2 * HEIGHT, 2 * WIDTH, (2 * x + 0.5, 2 * y + 0.5), 5.0)
        large = np.where(ball > 60, ball, large)
        small = cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        small[:4, :4] = number
        frames.append(Frame(number, number / 25, small, large))
    return frames


def answers(frames: Iterable[Frame], runtime, stride=1, **settings):
    plan = planned(INFO, runtime, HEIGHT, WIDTH, DetectConfig(stride=stride, **settings))
    predictor = network_predictor(plan, runtime)
    return list(predictor.answers(frames, 0))


@pytest.mark.parametrize("moves", [(0.0, 0.0), (3.0, -1.5)], ids=["still", "pan"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("count", [30, 4], ids=["long", "short"])
def test_a_place_is_the_middle_of_what_both_networks_say(stride, moves, count):
    path = PATH[:count]
    said = answers(film(path, moves), Teller(path, closer=closer()), stride)
    assert len(said) == count
    for answer, (x, y) in zip(said, path, strict=True):
        assert (answer.peaks[0].x, answer.peaks[0].y) == pytest.approx((x + AWAY / 2, y), abs=0.06)


def test_both_opinions_count_by_their_weights():
    [answer, *_] = answers(film(), Teller(PATH, closer=closer()))
    odds = [np.log(peak.probability) - np.log1p(-peak.probability) for peak in answer.peaks]
    calibrated = [2.0 * each + 0.5 for each in odds]
    nothing = 0.5 * LEAST_LOGIT + 0.25
    # the second network is sure of the ball (5), sees none at the next place, and is not asked about the last
    assert calibrated == pytest.approx([1.0 + 0.5 * 5 + 0.25, -0.9 + nothing, -1.5 + nothing], abs=1e-3)


def test_a_candidate_that_is_confirmed_comes_first():
    said = answers(film(), Teller(PATH, logits=(-0.5, 1.0, -3.0), closer=closer()))
    assert all(answer.peaks[0].x == pytest.approx(x + AWAY / 2, abs=0.06) for answer, (x, _) in zip(said, PATH, strict=True))


def test_faint_candidates_are_not_looked_at():
    looks = closer()
    answers(film(), Teller(PATH, logits=(-2.5, -3.0, -3.5), closer=looks))
    assert not looks.runtime.model.shown


@pytest.mark.parametrize(("look", "places"), [(0.5, 2), (0.0, 1)], ids=["opinion", "place only"])
def test_where_no_opinion_counts_only_candidates_that_can_be_chosen_are_looked_at(look, places):
    looks = closer(look=look)
    answers(film(), Teller(PATH, logits=(1.0, 0.2, -1.5), closer=looks))
    assert len(looks.runtime.model.shown) == -(-FRAMES * places // CROPS) + -(-(len(PATH) - FRAMES) * places // CROPS)


def test_cuts_come_in_batches_of_one_size_and_show_the_frames_around():
    looks = closer()
    frames = [frame._replace(large=np.full((2 * HEIGHT, 2 * WIDTH, 3), frame.frame_index, np.uint8)) for frame in film()]
    answers(frames, Teller(PATH, logits=(1.0, -3.0, -3.5), closer=looks), steady=False)
    shown = torch.cat(looks.runtime.model.shown)
    assert {len(part) for part in looks.runtime.model.shown} == {CROPS} and shown.shape[2:] == (CROP, CROP)
    windows = (shown[:30, ::3, 5, 5] * 63.75 + 127.5).round().int().tolist()
    wanted = [list(range(start, start + 9)) for start in [0] * 5 + list(range(1, 21)) + [21] * 5]
    assert sorted(windows[:24]) == sorted(wanted[:24])


@pytest.mark.parametrize("broken", [{4}, {0, 1}, {29}, {3, 4, 5, 6}, {0, 2, 9, 10}])
def test_broken_frames_spoil_no_other(broken):
    frames = film()
    for number in broken:
        frames[number] = frames[number]._replace(picture=None, large=None)
    said = answers(frames, Teller(PATH, closer=closer()))
    for number, (answer, (x, y)) in enumerate(zip(said, PATH, strict=True)):
        if number not in broken:
            assert (answer.peaks[0].x, answer.peaks[0].y) == pytest.approx((x + AWAY / 2, y), abs=0.06)


QUICK = [(5, 9, 4)]


@pytest.mark.parametrize(
    ("batch", "step", "stride"),
    [
        pytest.param(batch, step, stride, marks=[] if (batch, step, stride) in QUICK else [pytest.mark.slow])
        for batch, step in ((1, 1), (4, 3), (5, 9))
        for stride in (1, 2, 4)
    ],
)
def test_what_is_kept_suffices_and_does_not_grow(batch, step, stride):
    path = [PATH[number % 30] for number in range(250)]
    runtime, handed_out = Teller(path, closer=closer(network=BrightestSpot)), 0  # a Recorder would keep 0.8 GB
    [one, *_] = film(PATH[:1])

    def endless():
        nonlocal handed_out
        for number in itertools.cycle(range(250)):
            small = one.picture.copy()
            small[:4, :4] = number
            yield Frame(handed_out, handed_out / 25, small, one.large)
            handed_out += 1

    plan = planned(INFO, runtime, HEIGHT, WIDTH, DetectConfig(stride=stride, batch=batch, step=step))
    predictor = network_predictor(plan, runtime)
    said = predictor.answers(endless(), 0)
    most, bearable = 0, (9 + 8 * step + 9) * stride + FRAMES
    for answered in range(min(400, 2 * bearable)):  # what is kept for good has passed the bound by then
        next(said)
        most = max(most, handed_out - answered)
    assert most <= bearable


def test_detect_refines_unless_asked_not_to(tmp_path):
    path = [(3.2 * x, 3.2 * y) for x, y in ball_path(24)]
    video = write_video(tmp_path / "match.mp4", (ball_picture(205, 307, place, 6.0) for place in path))
    runtime = TorchRuntime(BrightestSpot(), {"area": 128 * 192}, device="cpu", precision="fp32")
    detect([video], tmp_path / "alone.csv", DetectConfig(fit_ball=False), quiet=True, runtime=runtime)
    runtime.second = closer()
    detect([video], tmp_path / "both.csv", DetectConfig(fit_ball=False), quiet=True, runtime=runtime)
    detect([video], tmp_path / "told.csv", DetectConfig(fit_ball=False, refine=False), quiet=True, runtime=runtime)
    alone, both = ((tmp_path / f"{name}.csv").read_bytes() for name in ("alone", "both"))
    assert alone == (tmp_path / "told.csv").read_bytes() and alone != both
    for row, place in zip(read_ball_csv(tmp_path / "both.csv"), path, strict=True):
        assert (row.x, row.y) == pytest.approx(place, abs=0.5)
    said = [read_manifest(tmp_path / f"{name}.csv")["options"]["refine"] for name in ("both", "told")]
    assert said == [True, False]


def test_there_is_no_second_stage_without_room_or_without_a_second_network():
    runtime = TorchRuntime(BrightestSpot(), device="cpu", precision="fp32")
    assert larger_size(runtime, 288, 512, DetectConfig()) is None
    runtime.second = closer()
    assert larger_size(runtime, 288, 512, DetectConfig()) == (576, 1024)
    assert larger_size(runtime, 288, 512, DetectConfig(refine=False)) is None
    assert larger_size(runtime, 32, 512, DetectConfig()) is None  # a crop would not fit


def test_frames_without_a_larger_picture_need_no_second_stage(tmp_path):
    """So it is where a video is looked at before it is read."""
    video = write_video(tmp_path / "match.mp4", (ball_picture(64, 96, place) for place in ball_path(12)))
    runtime = TorchRuntime(BrightestSpot(), {"area": 64 * 96}, device="cpu", precision="fp32")
    runtime.second = closer()
    frames = [Frame(number, number / 25, ball_picture(64, 96, place)) for number, place in enumerate(ball_path(12))]
    rows = list(positions(frames, probe(video), runtime, 64, 96, DetectConfig(refine=False)))
    assert all(row.x == pytest.approx(x, abs=0.35) for row, (x, _) in zip(rows, ball_path(12), strict=True))


def test_a_checkpoint_says_how_much_a_second_stage_counts(tmp_path):
    assert load_runtime(None, "cpu", "fp32").second is not None
    checkpoint = load_checkpoint(load_runtime(None, "cpu", "fp32").weights)
    metadata = {name: value for name, value in checkpoint.metadata.items() if name != "second_stage"}
    save_checkpoint(tmp_path / "own.safetensors", checkpoint.model, metadata)
    assert load_runtime(tmp_path / "own.safetensors", "cpu", "fp32").second is None
    save_checkpoint(tmp_path / "bad.safetensors", checkpoint.model, {**metadata, "second_stage": {"own": 1.0, "look": "much"}})
    with pytest.raises(CheckpointError, match="second_stage"):
        load_runtime(tmp_path / "bad.safetensors", "cpu", "fp32")
