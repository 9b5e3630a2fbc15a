"""Batch norm in checkpoints: its statistics are those of whole pictures, where training knows any."""

from dataclasses import replace

import pytest
import torch
from stored_sets import HEIGHT, WIDTH, write_clip
from torch import nn
from window_batches import textured_windows

from ttcli import train as training
from ttcli.configs import TrainConfig
from ttcli.networks.checkpoints import load_checkpoint
from ttcli.networks.model_input import windows_to_input
from ttcli.networks.registry import create_model
from ttcli.training import loop
from ttcli.training.batch_norm import with_statistics_of

pytestmark = pytest.mark.usefixtures("one_picture_of_curves")

CONFIG = TrainConfig(
    steps=3, batch=4, reuse=2, crop_height=32, crop_width=32, warmup=1, device="cpu", precision="fp32", window_size=3
)


def norms(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def test_statistics_are_those_of_the_windows_and_nothing_else_changes():
    torch.manual_seed(0)
    network = create_model("centernet_v8n", window_size=3).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batches = [textured_windows(2, 3, 64, 96, seed=number, noise=4) for number in (1, 2)]
    renewed = with_statistics_of(network, batches)
    first = norms(renewed)[0]
    shown = [windows_to_input(batch.frames, renewed.difference, torch.float32) for batch in batches]
    convolved = [next(module for module in renewed.modules() if isinstance(module, nn.Conv2d))(x) for x in shown]
    torch.testing.assert_close(first.running_mean, torch.stack([x.mean((0, 2, 3)) for x in convolved]).mean(0))
    assert not any(norm.training or norm.momentum is None for norm in norms(renewed))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(torch.equal(value, dict(network.named_parameters())[name]) for name, value in renewed.named_parameters())


@pytest.mark.parametrize(("whole_every", "renewed"), [(2, True), (0, False)])
def test_checkpoints_have_the_statistics_of_whole_pictures_where_training_knows_any(
    tmp_path, monkeypatch, whole_every, renewed
):
    for name, split in (("one", "training"), ("two", "validation")):
        write_clip(tmp_path / "set", name, split, frames=10, window_size=3)
    sizes = []

    def noted(network, batches):
        batches = list(batches)
        sizes.extend(tuple(batch.frames.shape[2:4]) for batch in batches)
        return with_statistics_of(network, batches)

    monkeypatch.setattr(loop, "with_statistics_of", noted)
    config = replace(CONFIG, whole_every=whole_every, calibrate=False)
    training.train(tmp_path / "set", tmp_path / "run", config, quiet=True)
    assert (set(sizes) == {(HEIGHT, WIDTH)}) is renewed and len(sizes) == 4 * renewed  # of 8 windows, now and at the end
    counted = norms(load_checkpoint(tmp_path / "run" / "last.safetensors").model)[0].num_batches_tracked
    assert (int(counted) == 2) is renewed
