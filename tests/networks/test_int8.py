"""A network in 8 bits answers nearly what it answers in floating numbers, and is taken only where that is known to hold."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.nn import functional

from ttcli.errors import SettingError
from ttcli.inference import runtimes
from ttcli.inference.runtimes import TorchRuntime, load_runtime
from ttcli.networks import int8
from ttcli.networks.checkpoints import PACKAGED, SECOND_STAGE_WEIGHTS, load_checkpoint
from ttcli.networks.heatmaps import decode_heatmaps
from ttcli.networks.int8 import Grid, int8_is_exact, parts_with_ranges, recorded_ranges
from ttcli.networks.odds import log_odds
from ttcli.networks.packed_windows import pack_windows
from ttcli.networks.registry import create_model

exact = pytest.mark.skipif(not int8_is_exact(), reason="this torch or this processor adds bytes up otherwise")


def windows(count=2, height=96, width=160):
    """Return packed windows in which a ball flies in front of noise."""
    random = np.random.default_rng(3)
    frames = np.repeat(random.integers(20, 90, (count, 1, height, width, 3)), 9, 1)
    for time in range(9):
        frames[:, time, 40 + time : 44 + time, 20 + 8 * time : 25 + 8 * time] = 240
    return pack_windows(frames.astype(np.uint8), True)


@pytest.mark.parametrize("ranges", [[(-0.28, 9.0)], [(-0.3, 2.0), (-0.8, 1.0)], [(0.0, 0.001)], [(1.0, 2.0)]])
def test_a_grid_holds_zero_and_the_ends_of_its_ranges(ranges):
    scale, zero = Grid.over(*ranges)
    low, high = min(0.0, *(each[0] for each in ranges)), max(each[1] for each in ranges)
    assert 0 <= zero <= 255 and scale > 0
    assert -scale * zero == pytest.approx(low, abs=scale / 2) and scale * (255 - zero) == pytest.approx(high, abs=scale)


@exact
@pytest.mark.parametrize("weights", [*PACKAGED.values(), SECOND_STAGE_WEIGHTS])
def test_it_finds_the_ball_of_the_network_in_floating_numbers(weights):
    shown = windows()
    wanted, told = (load_runtime(weights, "cpu", precision)(shown) for precision in ("fp32", "int8"))
    before, after = (answer.probabilities.amax((2, 3)) for answer in (wanted, told))
    assert (before > 0.5).any(), "without a ball there is nothing to compare"
    seen = before > 0.2
    assert np.abs(log_odds(before[seen].numpy()) - log_odds(after[seen].numpy())).max() < 0.6
    places, others = (decode_heatmaps(*answer) for answer in (wanted, told))
    assert torch.hypot(places.x - others.x, places.y - others.y)[seen].max() < 0.5


@exact
def test_it_says_the_same_in_any_batch_and_in_several_threads():
    runtime, shown = load_runtime(PACKAGED["fast"], "cpu", "int8"), windows(4)
    together = runtime(shown).probabilities
    with ThreadPoolExecutor(2) as pool:
        alone = [answer.probabilities for answer in pool.map(runtime, shown.split(1))]
    torch.testing.assert_close(torch.cat(alone), together, rtol=1e-5, atol=1e-6)


@exact
def test_any_network_of_its_kind_runs_by_the_ranges_that_were_noted():
    torch.manual_seed(0)
    model = create_model("centernet_v8n").eval()
    torch.nn.init.normal_(model.head.heatmap[2].weight)  # a fresh one says the same everywhere
    state = {name: value.clone() for name, value in model.state_dict().items()}
    shown = windows(3)
    plain = TorchRuntime(model, device="cpu", precision="fp32")
    with recorded_ranges(plain.model) as noted:
        wanted = plain(shown).probabilities.logit()
        ranges = noted()
    plain(shown)
    assert noted() == ranges, "nothing is noted afterwards"
    again = create_model("centernet_v8n").eval()
    again.load_state_dict(state)
    told = TorchRuntime(again, {"ranges": ranges}, device="cpu", precision="int8")(shown).probabilities.logit()
    spread = wanted.std()
    assert spread > 0.01 and (told - wanted).std() < 0.2 * spread


def test_a_range_leaves_out_the_largest_numbers_of_a_few_windows():
    ends = [torch.tensor([[-0.25, float(high)]]) for high in [*range(1, 20), 1000]]
    low, high = int8._span(ends)
    assert low == -0.25 and 18 <= high <= 20


def test_rounding_errors_of_neighbouring_frames_cancel():
    weight = (40 * torch.randn(8, 36, 3, 3, generator=torch.Generator().manual_seed(1))).clamp(-126, 126)
    levels = int8._whole(weight, 9).float()
    assert (levels - weight).abs().max() <= 1.001
    assert (levels - weight).unflatten(1, (9, 4)).sum(1).abs().max() <= 1.001
    assert (weight.round() - weight).unflatten(1, (9, 4)).sum(1).abs().max() > 1.5, "by itself each adds its own error"
    assert torch.equal(int8._whole(weight, 1), weight.round().to(torch.int8))
    assert int8._whole(torch.full((1, 36, 1, 1), 127.4), 9).max() == 127


def test_bytes_are_pooled_and_added_as_numbers_are():
    x = torch.randint(0, 256, (2, 5, 7, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    pooled = int8._largest_of(int8._largest_of(x, 2), 3)
    assert torch.equal(pooled.float(), functional.max_pool2d(x.float(), 5, 1, 2))
    one, other = torch.tensor([10, 250, 3], dtype=torch.uint8), torch.tensor([20, 250, 2], dtype=torch.uint8)
    assert int8._added(one, other, 7).tolist() == [23, 255, 0]


@exact
@pytest.mark.parametrize(("quick", "taken"), [(True, torch.int8), (False, None)])
def test_it_is_taken_by_itself_where_the_processor_is_made_for_it(monkeypatch, quick, taken):
    monkeypatch.setattr(runtimes, "cpu_multiplies_in_int8", lambda: quick)
    runtime = load_runtime(PACKAGED["fast"], "cpu", "auto")
    assert runtime.dtype == runtime.second.runtime.dtype == (taken or runtimes.choose_dtype("auto", runtime.device))


@pytest.mark.parametrize("without", [None, "encoder.stages.1.0"])
def test_without_all_ranges_it_is_not_taken_and_cannot_be_asked_for(monkeypatch, without):
    monkeypatch.setattr(runtimes, "cpu_multiplies_in_int8", lambda: True)
    checkpoint = load_checkpoint(PACKAGED["fast"])
    ranges = {name: ends for name, ends in checkpoint.metadata["ranges"].items() if without and name != without}
    metadata = {**checkpoint.metadata, "ranges": ranges}
    assert TorchRuntime(checkpoint.model, metadata, "cpu").dtype != torch.int8
    with pytest.raises(SettingError, match="--precision"):
        TorchRuntime(load_checkpoint(PACKAGED["fast"]).model, metadata, "cpu", "int8")


@pytest.mark.parametrize("arguments", [("unet_effb0",), ("centernet_v8n", 9, True, "all", "asff")])
def test_other_networks_have_no_such_form(arguments):
    pytest.importorskip("segmentation_models_pytorch")
    assert not parts_with_ranges(create_model(*arguments, pretrained=False))


def test_where_torch_has_no_such_convolution_it_is_not_taken(monkeypatch):
    def gone(*arguments):
        raise AttributeError("no such operator")

    monkeypatch.setattr(int8, "_Convolution", gone)
    int8_is_exact.cache_clear()
    try:
        assert not int8_is_exact()
        assert load_runtime(PACKAGED["fast"], "cpu", "auto").dtype != torch.int8
    finally:
        int8_is_exact.cache_clear()
