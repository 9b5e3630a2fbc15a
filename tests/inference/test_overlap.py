"""Batches put together while older answers are still on their way: the same answers, and no picture spoilt on the way."""

import numpy as np
import pytest
import torch

from ttcli.inference.predictor import StreamingPredictor
from ttcli.inference.runtimes import load_runtime
from ttcli.networks.model_input import Upload


@pytest.fixture(scope="module")
def runtime():
    return load_runtime(None, "cpu", "fp32")


@pytest.mark.parametrize(("count", "step", "batch"), [(40, 3, 4), (23, 9, 2), (5, 1, 4), (0, 3, 4)])
def test_answers_do_not_depend_on_how_long_they_wait(runtime, count, step, batch):
    random = np.random.default_rng(count)
    pictures = [random.integers(0, 256, (64, 96, 3), dtype=np.uint8) for _ in range(count)]
    told = [
        list(StreamingPredictor(runtime, 64, 96, step, batch=batch, ahead=ahead).answers(iter(pictures))) for ahead in (0, 1, 3)
    ]
    assert len(told[0]) == count
    assert told[0] == told[1] == told[2]


def test_on_the_processor_nothing_is_copied():
    picture = torch.zeros(4, 6, 3, dtype=torch.uint8)
    assert Upload(torch.device("cpu"), 4, 6)(picture) is picture


@pytest.mark.gpu
def test_pictures_arrive_whole_whatever_becomes_of_them_here(runtime):
    device = torch.device("cuda")
    upload = Upload(device, 288, 512)
    sent, there = [], []
    picture = torch.empty(288, 512, 3, dtype=torch.uint8)
    for number in range(40):
        picture.random_(0, 256, generator=torch.Generator().manual_seed(number))
        sent.append(picture.clone())
        there.append(upload(picture))
    torch.cuda.synchronize()
    assert all(torch.equal(one, other.cpu()) for one, other in zip(sent, there, strict=True))
    fast = load_runtime(None, "cuda", "fp32")
    pictures = [picture[:64, :96].numpy().copy() for picture in sent]
    told = [list(StreamingPredictor(fast, 64, 96, 3, ahead=ahead).answers(iter(pictures))) for ahead in (0, 1)]
    assert told[0] == told[1]
