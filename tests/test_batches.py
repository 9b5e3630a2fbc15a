"""Batches by number: each window as often as it is reused, the same whoever asks, and parts of one for all processes."""

from itertools import islice

import pytest
import torch

from ttcli import datasets
from ttcli.augmentation import DRAWN_ALREADY, Augmentation
from ttcli.batches import BatchPlan, BatchStream
from ttcli.datasets import WindowBatch


class NumberedWindows:
    """Windows whose pixels are their number."""

    def __init__(self):
        self.position = 0

    def seek(self, position):
        self.position = position

    def draw(self, count):
        numbers = torch.arange(self.position, self.position + count)
        self.position += count
        flags = torch.ones(count, 1, dtype=torch.bool)
        return WindowBatch(numbers.byte().view(-1, 1, 1, 1, 1).expand(-1, 1, 4, 4, 3), torch.zeros(count, 1, 2), flags, flags)


def numbers(batch):
    return batch.frames[:, 0, 0, 0, 0].int()


def batches(first, count, batch=6, reuse=1, augmentation=None, **processes):
    stream = BatchStream(NumberedWindows(), BatchPlan(batch, reuse, augmentation, 0, **processes)).start(first)
    try:
        return list(islice(stream, count))
    finally:
        stream.close()


@pytest.mark.parametrize(("batch", "reuse"), [(6, 1), (6, 2), (6, 3)])
def test_windows_come_as_often_as_they_are_reused(batch, reuse):
    seen = torch.cat([numbers(one) for one in batches(0, 30, batch, reuse)])
    assert len(seen) == 30 * batch
    uses = torch.bincount(seen)
    assert uses[5 * batch // reuse : 20 * batch // reuse].float().mean() == pytest.approx(reuse, rel=0.2)


@pytest.mark.parametrize("augmentation", [None, Augmentation()])
def test_a_batch_is_the_same_whether_a_run_begins_or_goes_on_with_it(augmentation):
    begun, gone_on = batches(0, 9, reuse=3, augmentation=augmentation), batches(4, 5, reuse=3, augmentation=augmentation)
    for one, other in zip(begun[4:], gone_on, strict=True):
        assert torch.equal(one.frames, other.frames)


def test_processes_share_the_windows_of_one_process_with_all_of_the_batch():
    alone = batches(0, 4, batch=6)
    parts = [batches(0, 4, batch=2, rank=rank, processes=3) for rank in range(3)]
    for number, whole in enumerate(alone):
        assert torch.equal(torch.cat([numbers(part[number]) for part in parts]), numbers(whole))


@pytest.mark.gpu
def test_batches_made_in_a_stream_of_their_own_are_those_made_in_turn(rallies, textures, monkeypatch):
    monkeypatch.setattr(datasets, "simulate_rallies", lambda count, generator, device: rallies.to(device))
    monkeypatch.setattr(datasets, "paint_textures", lambda seed: textures)
    device = torch.device("cuda")
    plan = BatchPlan(batch=24, reuse=3, augmentation=DRAWN_ALREADY, seed=0)
    aside = BatchStream(datasets.DrawnWindows(9, 64, 96, 1, device), plan, device).start(0)
    in_turn = BatchStream(datasets.DrawnWindows(9, 64, 96, 1, device), plan)
    load = torch.randn(2048, 2048, device=device)
    for number in range(6):
        load = torch.nn.functional.normalize(load @ load)  # the stream of training is busy
        first, second = next(aside), in_turn._make(number)
        for name, values in vars(first).items():
            assert torch.equal(values, getattr(second, name)), name
    aside.close()
