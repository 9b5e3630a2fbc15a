"""One contract for every network in the registry."""

import math

import pytest
import torch
from torch import nn

from ttcli.checkpoints import load_checkpoint, save_checkpoint
from ttcli.errors import SettingError
from ttcli.heatmaps import decode_heatmaps, draw_targets
from ttcli.losses import ball_loss
from ttcli.model_input import input_channels, windows_to_input
from ttcli.models import MODELS, OUTPUTS, WINDOW_SIZES, create_model
from ttcli.networks.blocks import fuse_batch_norm

HEIGHT, WIDTH = 64, 96


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def random_input(channels: int, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, channels, HEIGHT, WIDTH).to(memory_format=torch.channels_last)


def random_targets(frames: int, batch: int = 2):
    positions = torch.rand(batch, frames, 2) * torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    flags = torch.ones(batch, frames, dtype=torch.bool)
    return draw_targets(positions, flags, flags, HEIGHT // 4, WIDTH // 4)


def randomise_batch_norm(model: nn.Module) -> None:
    """Give batch norm the statistics and factors of a trained network, which differ from 0 and 1."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_keeps_the_contract(name, tmp_path):
    model = create_model(name)
    for part in ("encoder", "decoder", "head"):
        assert isinstance(getattr(model, part), nn.Module)
    assert (model.name, model.window_size, model.frames_out, model.output_stride) == (name, 9, 9, 4)
    assert model.output_frames == tuple(range(9)) and model.difference is True
    x = random_input(36)

    # finite from the first step, and every parameter learns
    prediction = model.to(memory_format=torch.channels_last)(x)
    assert prediction.logits.shape == (2, 9, HEIGHT // 4, WIDTH // 4)
    assert prediction.offsets.shape == (2, 9, 2, HEIGHT // 4, WIDTH // 4)
    assert prediction.logits.mean().item() == pytest.approx(-math.log(99), abs=0.5)
    total, _ = ball_loss(prediction, random_targets(9))
    total.backward()
    assert total.isfinite()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.count_nonzero() > 0, parameter_name

    # the same in bf16
    with torch.autocast("cpu", torch.bfloat16):
        total, _ = ball_loss(model(x), random_targets(9))
    assert total.isfinite()

    # saved, loaded and folded it answers the same
    randomise_batch_norm(model)
    model.eval()
    with torch.inference_mode():
        expected = model(x)
    save_checkpoint(tmp_path / "model.safetensors", model, {})
    loaded = load_checkpoint(tmp_path / "model.safetensors").model
    with torch.inference_mode():
        for given, wanted in zip(loaded.to(memory_format=torch.channels_last)(x), expected, strict=True):
            assert torch.equal(given, wanted)
        folded = fuse_batch_norm(loaded)
        for given, wanted in zip(folded(x), expected, strict=True):
            torch.testing.assert_close(given, wanted, atol=1e-4, rtol=1e-3)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())

    # what it cannot take, it says
    for wrong in (torch.zeros(1, 36, 60, 96), torch.zeros(1, 36, 64, 90), torch.zeros(1, 35, 64, 96)):
        with pytest.raises(SettingError, match="model input"):
            model(wrong)


@pytest.mark.parametrize("window_size", WINDOW_SIZES)
@pytest.mark.parametrize("outputs", OUTPUTS)
def test_windows_and_outputs_of_every_kind(window_size, outputs):
    for difference in (True, False):
        model = create_model("centernet_v8n", window_size, difference, outputs).eval()
        frames = window_size if outputs == "all" else 1
        with torch.inference_mode():
            prediction = model(torch.zeros(1, input_channels(window_size, difference), 32, 32))
        assert prediction.logits.shape == (1, frames, 8, 8)
        assert len(model.output_frames) == model.frames_out == frames
    if outputs == "middle":
        assert model.output_frames == (window_size // 2,)


def test_unknown_settings_name_the_known_ones():
    with pytest.raises(SettingError, match="centernet_v8n, centernet_v8s"):
        create_model("centernet_v9")
    with pytest.raises(SettingError, match="1, 3, 5, 9"):
        create_model("centernet_v8n", window_size=4)
    with pytest.raises(SettingError, match="all, middle"):
        create_model("centernet_v8n", outputs="last")


def test_batch_norm_is_folded_for_inference_only():
    with pytest.raises(ValueError, match="eval mode"):
        fuse_batch_norm(create_model("centernet_v8n"))


def moving_blobs(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return windows of noise with a bright 3-px ball on a straight path, and its positions (B, 9, 2)."""
    start = torch.stack([torch.randint(10, 30, (batch,)), torch.randint(10, HEIGHT - 10, (batch,))], dim=-1)
    steps = torch.arange(9).view(1, 9, 1) * torch.tensor([7, 0])
    positions = start.unsqueeze(1) + steps
    windows = torch.randint(0, 100, (batch, 9, HEIGHT, WIDTH, 3), dtype=torch.uint8)
    for b in range(batch):
        for t in range(9):
            x, y = positions[b, t].tolist()
            windows[b, t, y - 1 : y + 2, x - 1 : x + 2] = 255
    return windows, positions.float()


def test_a_few_steps_of_learning_put_the_peak_on_the_ball():
    windows, positions = moving_blobs(batch=6)
    x = windows_to_input(windows, True, torch.float32)
    flags = torch.ones(6, 9, dtype=torch.bool)
    targets = draw_targets(positions, flags, flags, HEIGHT // 4, WIDTH // 4)
    model = create_model("centernet_v8n").to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(45):
        total, _ = ball_loss(model(x), targets)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    with torch.no_grad():
        prediction = model(x)
    peaks = decode_heatmaps(prediction.logits.sigmoid(), prediction.offsets)
    distance = (torch.stack([peaks.x, peaks.y], dim=-1) - positions).norm(dim=-1)
    assert distance.median() < 2 and (distance < 4).float().mean() > 0.9
