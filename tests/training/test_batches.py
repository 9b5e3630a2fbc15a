"""Batches by number: each window as often as it is reused, the same whoever asks, and parts of one for all processes."""

import multiprocessing
from contextlib import closing
from functools import partial
from itertools import islice

import pytest
import torch

from ttcli.errors import LabelError
from ttcli.training import drawn_windows
from ttcli.training.augmentation import DRAWN_ALREADY, Augmentation
from ttcli.training.batches import BatchPlan, BatchStream, MixedBatches, position_of_part
from ttcli.training_set.window_batch import WindowBatch, unknown_events


class NumberedWindows:
    """Windows whose pixels are their number."""

    def __init__(self, run=1):
        self.position, self.run = 0, run

    def seek(self, position):
        self.position = position

    def draw(self, count):
        numbers = torch.arange(self.position, self.position + count)
        self.position += count
        flags = torch.ones(count, 1, dtype=torch.bool)
        pictures = numbers.byte().view(-1, 1, 1, 1, 1).expand(-1, 1, 4, 4, 3)
        return WindowBatch(pictures, torch.zeros(count, 1, 2), flags, flags, unknown_events(flags))


def broken_source():
    raise LabelError("clip", "is damaged", "make it anew")


def numbers(batch):
    return batch.frames[:, 0, 0, 0, 0].int()


def batches(first, count, batch=6, reuse=1, augmentation=None, run=1, **more):
    source = partial(NumberedWindows, run)
    stream = BatchStream(source, BatchPlan(batch, reuse, augmentation, 0, **more)).start(first)
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


def test_a_larger_pool_lets_windows_come_again_later_and_as_often():
    seen = torch.stack([numbers(one) for one in batches(0, 60, batch=6, reuse=3, pool=60)])
    ages = torch.arange(60)[:, None] + 6 - seen // 2  # in batches; six batches' windows are made before the first
    assert ages.max() == 30 and ages[30:].float().std() > 6
    assert torch.bincount(seen.flatten())[24:48].float().mean() == pytest.approx(3, rel=0.25)


def test_a_batch_from_a_larger_pool_is_the_same_whether_a_run_begins_or_goes_on_with_it():
    for first in (3, 30):
        begun, gone_on = batches(0, first + 4, reuse=3, pool=40), batches(first, 4, reuse=3, pool=40)
        for one, other in zip(begun[first:], gone_on, strict=True):
            assert torch.equal(one.frames, other.frames)


@pytest.mark.slow  # for workers take seconds to start
@pytest.mark.parametrize("first", [0, 5])
def test_workers_make_what_their_places_in_turn_tell(first):
    made = batches(first, 7, batch=4, run=8, workers=2)  # two batches' windows belong together
    of_batch = [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11]  # each of two workers takes two parts in a row
    for number, one in enumerate(made, first):
        assert numbers(one).tolist() == list(range(4 * of_batch[number], 4 * of_batch[number] + 4))


def test_no_window_is_made_twice_by_workers_of_several_processes():
    plans = [BatchPlan(6, 1, None, 0, rank, processes=2, workers=3) for rank in range(2)]
    places = [position_of_part(number, plan, run=30) for plan in plans for number in range(60)]
    assert sorted(places) == list(range(0, 720, 6))


def test_what_a_worker_cannot_read_is_told_in_one_line():
    before = set(multiprocessing.active_children())
    stream = BatchStream(broken_source, BatchPlan(6, 1, None, 0, workers=1)).start(0)
    with pytest.raises(LabelError, match="^clip: is damaged; make it anew$"):
        next(stream)
    assert set(multiprocessing.active_children()) <= before  # the worker is gone, though the error is still known


@pytest.mark.gpu
def test_batches_made_in_a_stream_of_their_own_are_those_made_in_turn(drawn_quickly):
    device = torch.device("cuda")
    plan = BatchPlan(batch=24, reuse=3, augmentation=DRAWN_ALREADY, seed=0)

    def source():
        return drawn_windows.DrawnWindows(9, 64, 96, 1, device)

    aside, in_turn = BatchStream(source, plan, device).start(0), BatchStream(source, plan)
    load = torch.randn(2048, 2048, device=device)
    for number in range(6):
        load = torch.nn.functional.normalize(load @ load)  # the stream of training is busy
        first, second = next(aside), in_turn._make(number)
        for name, values in vars(first).items():
            assert torch.equal(values, getattr(second, name)), name
    aside.close()


def test_every_so_many_steps_have_whole_pictures_also_where_a_run_goes_on():
    def mixed(first, count):
        plans = [BatchPlan(6, 1, None, 0), BatchPlan(2, 1, None, 0)]
        streams = [BatchStream(partial(NumberedWindows, 1), plan) for plan in plans]
        with closing(MixedBatches(*streams, 3).start(first)) as coming:
            return [numbers(batch).tolist() for batch in islice(coming, count)]

    crops = iter(list(range(first, first + 6)) for first in range(0, 30, 6))
    assert mixed(0, 7) == [next(crops), next(crops), [0, 1], next(crops), next(crops), [2, 3], next(crops)]
    for first in (1, 2, 3, 5):
        assert mixed(first, 7 - first) == mixed(0, 7)[first:]
