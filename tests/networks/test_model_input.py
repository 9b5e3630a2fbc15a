"""Frames become model input as documented."""

import pytest
import torch

from ttcli.networks.model_input import (
    input_channels,
    median_of_frames,
    windows_to_input,
    working_size,
)


def random_windows(batch: int = 2, window_size: int = 9, height: int = 12, width: int = 20) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (batch, window_size, height, width, 3), dtype=torch.uint8, generator=generator)


def expected_input(windows: torch.Tensor, difference: bool) -> torch.Tensor:
    """The documented channels, computed the slow and plain way in float64."""
    values = windows.double()
    gray = values.mean(-1)
    channels = [((values[:, t, ..., c] - 127.5) / 63.75) for t in range(windows.shape[1]) for c in range(3)]
    if difference:
        median = gray.median(dim=1).values
        channels += [(gray[:, t] - median) / 32 for t in range(windows.shape[1])]
    return torch.stack(channels, dim=1)


@pytest.mark.parametrize("window_size", [1, 3, 5, 9])
@pytest.mark.parametrize("difference", [True, False])
def test_channels_are_colours_frame_by_frame_and_then_differences(window_size, difference):
    windows = random_windows(window_size=window_size)
    pictures = windows_to_input(windows, difference, torch.float32)
    assert pictures.shape == (2, input_channels(window_size, difference), 12, 20)
    torch.testing.assert_close(pictures.double(), expected_input(windows, difference), atol=1e-5, rtol=0)


def test_bf16_input_is_the_rounded_fp32_input():
    windows = random_windows()
    exact = windows_to_input(windows, True, torch.float32)
    assert torch.equal(windows_to_input(windows, True, torch.bfloat16), exact.bfloat16())


def test_memory_is_channels_last_and_can_be_given():
    windows = random_windows()
    first = windows_to_input(windows, True, torch.bfloat16)
    assert first.is_contiguous(memory_format=torch.channels_last)
    again = windows_to_input(255 - windows, True, torch.bfloat16, out=first)
    assert again is first
    assert torch.equal(first, windows_to_input(255 - windows, True, torch.bfloat16))
    with pytest.raises(ValueError, match="out is"):
        windows_to_input(windows[:1], True, torch.bfloat16, out=first)


def test_each_window_is_converted_by_itself():
    windows = random_windows(batch=3)
    together = windows_to_input(windows, True, torch.float32)
    assert torch.equal(together[1:2], windows_to_input(windows[1:2], True, torch.float32))


def test_what_stands_still_has_no_difference_and_a_passing_ball_has():
    windows = random_windows(batch=1)[:, :1].repeat(1, 9, 1, 1, 1) // 2
    windows[0, 4, 5, 7] += 96
    difference = windows_to_input(windows, True, torch.float32)[0, 27:]
    assert difference[4, 5, 7] == pytest.approx(3.0)
    assert difference.count_nonzero() == 1


@pytest.mark.parametrize("window_size", range(1, 12))
def test_median_of_frames_is_the_median(window_size):
    values = torch.randint(0, 9, (2, window_size, 300), dtype=torch.int16)
    assert torch.equal(median_of_frames(values.unbind(1)), values.median(dim=1).values)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(1080, 1920, (288, 512)), (720, 1280, (288, 512)), (1920, 1080, (512, 288)), (480, 640, (320, 416))],
)
def test_working_size_of_usual_pictures(height, width, expected):
    assert working_size(height, width) == expected


@pytest.mark.parametrize(("height", "width"), [(1, 1), (240, 320), (100, 4000), (2160, 4096), (1000, 30)])
def test_working_size_keeps_shape_area_and_multiples(height, width):
    rows, columns = working_size(height, width)
    assert rows % 32 == 0 and columns % 32 == 0 and rows > 0 and columns > 0
    assert rows * columns == pytest.approx(512 * 288, rel=0.25)
    assert rows / columns == pytest.approx(height / width, rel=0.25)
