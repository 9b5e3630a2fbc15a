"""Sensors: neutral settings change nothing, and each effect does what its number says."""

from dataclasses import replace

import pytest
import torch
from scenes import neutral_sensors, seeded

from ttcli.simulation.cosines import block_cosines
from ttcli.simulation.sensor import (
    Caption,
    _add_fresh_noise,
    _compress,
    _halve_chroma,
    draw_captions,
    draw_sensors,
    expose,
    stick_captions,
)


def gray_pictures(count=1, frames=3, height=24, width=32, value=0.5):
    return torch.full((count, frames, 3, height, width), value)


def some_pictures(frames=2, height=24, width=32):
    """Return pictures (T, 3, H, W) of smooth colours in [0.2, 0.8]."""
    coarse = torch.rand(frames, 3, 4, 5, generator=seeded())
    return 0.2 + 0.6 * torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")


def exposed(pictures, seed=0, **settings):
    """Return uint8 pictures taken by sensors that are neutral but for some settings."""
    count = len(pictures)
    sensors = replace(neutral_sensors(count), **{name: torch.full((count,), value) for name, value in settings.items()})
    return expose(pictures.clone(), sensors, seeded(seed))


def test_neutral_sensors_show_colours_as_they_are():
    colours = torch.rand(3, 7, 3, generator=seeded())
    assert torch.equal(neutral_sensors(3).tone(colours), colours)
    pictures = torch.arange(24 * 32 * 3).remainder(256).view(1, 1, 3, 24, 32) / 255
    shown = exposed(pictures)
    assert shown.dtype == torch.uint8
    assert shown.shape == (1, 1, 24, 32, 3)
    assert torch.equal(shown, (pictures * 255).round().byte().permute(0, 1, 3, 4, 2))


def test_tone_is_gamma_then_gain_then_black_level():
    sensors = replace(
        neutral_sensors(2),
        gamma=torch.tensor([1.0, 2.0]), gain=torch.tensor([[0.5, 1.0, 2.0], [1.0, 1.0, 1.0]]), black=torch.tensor([0.1, 0.0]),
    )  # fmt: skip
    shown = sensors.tone(torch.full((2, 4, 3), 0.4))
    assert torch.allclose(shown[0], torch.tensor([0.3, 0.5, 0.9]).expand(4, 3))
    assert torch.allclose(shown[1], torch.full((4, 3), 0.16))
    assert sensors.at(torch.tensor([1])).gamma.item() == 2


def test_drawn_sensors_keep_order_of_brightness():
    sensors = draw_sensors(50, seeded())
    ramp = torch.linspace(0, 1, 20)[None, :, None].expand(50, 20, 3)
    assert (sensors.tone(ramp).diff(dim=1) > 0).all()
    assert sensors.blur.min() >= 0
    assert sensors.blur.max() <= 1 / 3


@pytest.mark.parametrize("deviation", [0.01, 0.05])
def test_noise_has_the_stated_deviation_and_no_mean(deviation):
    shown = exposed(gray_pictures(frames=9, height=64, width=64), noise=deviation).float() / 255
    assert shown.std() == pytest.approx(deviation, rel=0.05)
    assert shown.mean() == pytest.approx(0.5, abs=0.002)
    assert torch.corrcoef(shown.view(9, -1)).sub(torch.eye(9)).abs().max() < 0.05  # fresh in every frame


def test_noise_follows_the_generator():
    first, again, other = (exposed(gray_pictures(), seed, noise=0.05) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_flicker_changes_whole_frames():
    shown = exposed(gray_pictures(frames=6), flicker=0.1).float()
    assert (shown.std((2, 3, 4)) == 0).all()
    assert shown.mean((2, 3, 4)).std() > 3


def test_sharpening_leaves_flat_parts_and_steepens_edges():
    pictures = gray_pictures(value=0.3)
    pictures[..., 16:] = 0.6
    shown = exposed(pictures, sharpen=1.0).float() / 255
    assert shown[0, 0, 12, 5, 0].item() == pytest.approx(0.3, abs=0.003)
    assert shown[0, 0, 12, 15, 0] < 0.27
    assert shown[0, 0, 12, 16, 0] > 0.63


def test_half_chroma_keeps_brightness_and_averages_colour():
    pictures = torch.rand(2, 3, 8, 12, generator=seeded())
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    halved = _halve_chroma(pictures)
    assert torch.allclose((halved * weights).sum(1), (pictures * weights).sum(1), atol=1e-5)
    chroma = halved - (halved * weights).sum(1, keepdim=True)
    assert torch.allclose(chroma[..., ::2, ::2], chroma[..., 1::2, 1::2], atol=1e-5)
    gray = torch.rand(1, 1, 8, 12, generator=seeded(1)).expand(-1, 3, -1, -1)
    assert torch.allclose(_halve_chroma(gray), gray, atol=1e-6)


def test_the_cosine_transform_is_orthonormal():
    cosines = block_cosines()
    assert torch.allclose(cosines @ cosines.T, torch.eye(64), atol=1e-6)
    assert torch.allclose(cosines[0], torch.full((64,), 1 / 8))


def test_of_few_ripples_the_slowest_are_kept():
    whole = block_cosines().view(8, 8, 64)
    assert torch.allclose(block_cosines(4).view(4, 4, 64), whole[:4, :4], atol=1e-6)


def step_of(step: float) -> torch.Tensor:
    """Return the step of compression of some windows as `expose` hands it on."""
    return torch.full((1, 1, 1, 1), step)


@pytest.mark.parametrize(("height", "width"), [(24, 32), (29, 37)])
def test_compression_with_a_tiny_step_changes_nothing(height, width):
    pictures = some_pictures(height=height, width=width)
    assert torch.allclose(_compress(pictures.clone(), step_of(1e-6)), pictures, atol=1e-4)


def test_compression_loses_more_with_a_larger_step_but_not_the_mean():
    pictures = torch.rand(2, 3, 64, 64, generator=seeded())
    loss = [(_compress(pictures.clone(), step_of(step)) - pictures).abs().mean() for step in (0.01, 0.1, 0.5)]
    assert 0 < loss[0] < loss[1] < loss[2]
    assert _compress(pictures.clone(), step_of(0.1)).mean() == pytest.approx(pictures.mean().item(), abs=0.003)


def test_compression_of_a_block_does_not_touch_its_neighbours():
    pictures = some_pictures()
    changed = pictures.clone()
    changed[..., 8:16, 16:24] = 0.9
    difference = (_compress(changed, step_of(0.1)) - _compress(pictures.clone(), step_of(0.1))).abs().sum((0, 1))
    difference[8:16, 16:24] = 0
    assert difference.max() == 0


def test_captions_lie_inside_and_stay_in_their_window(textures):
    captions = draw_captions(40, textures, 48, 64, 0.5, seeded())
    windows = {caption.window for caption in captions}
    assert 10 < len(windows) < 30
    pictures = torch.full((40, 2, 3, 48, 64), -1.0)
    stick_captions(pictures, captions)
    assert {int(window) for window in torch.nonzero((pictures >= 0).any(4).any(3).any(2).any(1))} == windows
    for _, top, left, box in captions:
        assert 0 <= top <= 48 - box.shape[1]
        assert 0 <= left <= 64 - box.shape[2]
    assert draw_captions(40, textures, 48, 64, 0.0, seeded()) == []


def test_a_caption_hides_what_is_behind_it():
    pictures = gray_pictures(count=2)
    box = torch.rand(3, 5, 7, generator=seeded())
    stick_captions(pictures, [Caption(window=1, top=4, left=9, picture=box)])
    assert torch.equal(pictures[1, :, :, 4:9, 9:16], box.expand(3, -1, -1, -1))
    assert (pictures[0] == 0.5).all()
    assert (pictures[1] == 0.5).sum() == 3 * 3 * (24 * 32 - 35)


def test_noise_drawn_on_a_gpu_is_as_strong_as_it_should_be_and_follows_from_the_seed():
    strength = torch.tensor([0.0, 0.02, 0.1])
    first, again = torch.full((2, 3, 2, 3, 64, 64), 0.5)
    for pictures in (first, again):
        _add_fresh_noise(pictures, strength, seeded(4))
    assert first.std((1, 2, 3, 4)).tolist() == pytest.approx(strength.tolist(), rel=0.03)
    assert torch.equal(first, again)
