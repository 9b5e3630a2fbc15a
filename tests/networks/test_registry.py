"""One contract for every network in the registry."""

import logging
import math
import sys

import pytest
import torch
from torch import nn

from ttcli.errors import SettingError
from ttcli.networks.blocks import fuse_batch_norm
from ttcli.networks.checkpoints import load_checkpoint, save_checkpoint
from ttcli.networks.heatmaps import decode_heatmaps, draw_targets
from ttcli.networks.hourglass import CHANNELS, CenterNetHourglass, Hourglass
from ttcli.networks.imagenet import fetch, spread_colours
from ttcli.networks.model_input import input_channels, windows_to_input
from ttcli.networks.registry import MODELS, OUTPUTS, WINDOW_SIZES, create_model
from ttcli.training.losses import ball_loss, event_loss

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


def loss_of(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return a loss of everything that training asks a network for."""
    if not model.event_head:
        return ball_loss(model(x), random_targets(9))[0]
    prediction, events = model.with_events(x)
    assert events.shape == (2, 9, 2)
    wanted = torch.rand(2, 9, 2) - 0.3  # of some nothing is known
    return ball_loss(prediction, random_targets(9))[0] + event_loss(events, wanted)


def randomise_batch_norm(model: nn.Module) -> None:
    """Give batch norm the statistics and factors of a trained network, which differ from 0 and 1."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)


NARROW = {"narrow_hourglass104": 2, "narrow_hourglass52": 1}
"""Hourglasses of so many stacks, built as those of the registry, which have a hundred million parameters."""
QUICK = {
    "centernet_v8n", "centernet_v8n-asff", "centernet_v8n-events", "unet_effb0", "effunetpp_b0", "narrow_hourglass52",
}  # fmt: skip
"""The smallest network of each kind; the others are among the slow tests."""


def case(name: str, said: str = "", **settings):
    """Return the parameters of a network, marked slow unless it is one of QUICK."""
    shown = f"{name}-{said}" if said else name
    return pytest.param(name, settings, id=shown, marks=[] if shown in QUICK else [pytest.mark.slow])


CASES = [case(name) for name in (*MODELS, *NARROW)]
CASES += [case("centernet_v8n", "asff", neck="asff"), case("effunetpp_b0", "relu", activation="relu")]
CASES += [case(name, "events", event_head=True) for name in ("centernet_v8n", "unetpp_resnet34")]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_every_model_keeps_the_contract(name, settings, tmp_path, monkeypatch):
    for narrow, stacks in NARROW.items():
        monkeypatch.setitem(
            MODELS, narrow, lambda wanted, stacks=stacks: CenterNetHourglass(
                wanted.channels_in, wanted.frames_out, stacks, channels=[size // 8 for size in CHANNELS]
            )
        )  # fmt: skip
    model = create_model(name, **settings)
    for part in ("encoder", "decoder", "head"):
        assert isinstance(getattr(model, part), nn.Module)
    assert (model.name, model.window_size, model.frames_out, model.output_stride) == (name, 9, 9, 4)
    assert model.output_frames == tuple(range(9)) and model.difference is True
    given = {"neck": model.neck, "activation": model.activation, "event_head": model.event_head}
    assert settings.items() <= given.items()
    momenta = {module.momentum for module in model.modules() if isinstance(module, nn.BatchNorm2d)}
    assert momenta == {0.1}  # slower, short trainings find nothing on whole pictures: docs/NETWORKS.md
    x = random_input(36)

    # finite from the first step, and every parameter learns
    prediction = model.to(memory_format=torch.channels_last)(x)
    assert prediction.logits.shape == (2, 9, HEIGHT // 4, WIDTH // 4)
    assert prediction.offsets.shape == (2, 9, 2, HEIGHT // 4, WIDTH // 4)
    assert prediction.logits.mean().item() == pytest.approx(-math.log(99), abs=0.5)
    total = loss_of(model, x)
    total.backward()
    assert total.isfinite()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.count_nonzero() > 0, parameter_name

    # the same in bf16
    with torch.autocast("cpu", torch.bfloat16):
        assert loss_of(model, x).isfinite()

    # saved, loaded and folded it answers the same
    randomise_batch_norm(model)
    model.eval()
    with torch.inference_mode():
        expected = model(x)
    save_checkpoint(tmp_path / "model.safetensors", model, {})
    loaded = load_checkpoint(tmp_path / "model.safetensors").model
    assert (loaded.neck, loaded.activation) == (model.neck, model.activation)
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
    if outputs != "all":
        assert model.output_frames == ({"center": window_size // 2, "last": window_size - 1}[outputs],)


def test_the_former_name_of_an_output_is_known():
    model = create_model("centernet_v8n", 5, outputs="middle")
    assert (model.outputs, model.output_frames) == ("center", (2,))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("centernet_v9", {}, "centernet_v8n, centernet_v8s"),
        ("centernet_v8n", {"window_size": 4}, "1, 3, 5, 9"),
        ("centernet_v8n", {"outputs": "first"}, "all, center, last"),
        ("centernet_v8n", {"neck": "long"}, "pan, asff"),
        ("unet_effb0", {"neck": "asff"}, "no choice of it; .* centernet_v8n, centernet_v8s"),
        ("unet_effb0", {"activation": "tanh"}, "take one of silu, relu"),
        ("unetpp_resnet34", {"activation": "silu"}, "no choice of it; .* unet_effb0"),
        ("centernet_hourglass52", {"pretrained": True}, "no choice of it; .* unetpp_resnet34"),
    ],
)
def test_a_setting_that_cannot_be_names_those_that_can(name, settings, message):
    with pytest.raises(SettingError, match=message):
        create_model(name, **settings)


def activations(model: nn.Module) -> set[type]:
    """Return what lies between the convolutions of a decoder, attention aside."""
    modules = [module for name, module in model.decoder.named_modules() if "attention" not in name]
    return {type(module) for module in modules if isinstance(module, (nn.ReLU, nn.SiLU))}


def test_a_decoder_has_the_activation_of_its_encoder_unless_another_is_asked_for():
    with torch.device("meta"):
        assert activations(create_model("unetpp_resnet34")) == {nn.ReLU}
        for name in ("unet_effb0", "unetpp_effb0", "deeplabv3p_effb0", "effunetpp_b0"):
            assert activations(create_model(name)) == {nn.SiLU}
            assert activations(create_model(name, activation="relu")) == {nn.ReLU}


def test_a_mean_over_a_picture_is_not_learned_from_one_window():
    model = create_model("deeplabv3p_effb0", window_size=1, difference=False)
    with pytest.raises(SettingError, match="batches of 2 or more"):
        model(torch.zeros(1, 3, 32, 32))
    assert model.eval()(torch.zeros(1, 3, 32, 32)).logits.shape == (1, 1, 8, 8)


@pytest.mark.parametrize("name", [pytest.param("centernet_hourglass104", marks=pytest.mark.slow), "centernet_hourglass52"])
def test_a_wide_hourglass_is_a_narrow_one_with_more_channels(name):
    with torch.device("meta"):  # shapes without numbers
        wide = create_model(name)
        narrow = CenterNetHourglass(
            36, 9, NARROW[f"narrow_{name.removeprefix('centernet_')}"], [size // 8 for size in CHANNELS]
        )
        given, wanted = wide(torch.zeros(2, 36, HEIGHT, WIDTH)), narrow(torch.zeros(2, 36, HEIGHT, WIDTH))
    assert given.logits.shape == wanted.logits.shape and given.offsets.shape == wanted.offsets.shape
    assert wide.state_dict().keys() == narrow.state_dict().keys()


def test_an_hourglass_takes_sides_that_cannot_be_halved_to_the_end():
    hourglass = Hourglass((8, 8, 8, 8), (1, 1, 1, 1)).eval()
    x = torch.randn(1, 8, 9, 13)
    with torch.inference_mode():
        assert hourglass(x).shape == x.shape


def test_asff_weighs_every_level_at_every_place():
    neck = create_model("centernet_v8n", neck="asff").decoder.eval()
    features = [torch.randn(2, channels, 64 >> i, 96 >> i) for i, channels in enumerate((32, 64, 128, 256))]
    with torch.inference_mode():
        levels = neck.levels(features)
        weights = neck.weights(levels)
        assert weights.shape == (2, 4, 64, 96)
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 64, 96))
        assert (weights.std(dim=(2, 3)) > 0).all()
        # where one level gets all the weight, it alone goes on
        for index, level in enumerate(levels):
            neck.weigh.weight.zero_()
            neck.weigh.bias.copy_(torch.eye(4)[index] * 100)
            enlarged = level.repeat_interleave(1 << index, dim=2).repeat_interleave(1 << index, dim=3)
            torch.testing.assert_close(neck(features), neck.join(enlarged))


@pytest.mark.parametrize(("frames", "channels"), [(1, 3), (3, 9), (9, 27), (9, 36)])
def test_what_imagenet_taught_answers_a_still_scene_as_it_answered_its_picture(frames, channels):
    colours, fresh = torch.randn(8, 3, 3, 3), torch.randn(8, channels, 3, 3)
    picture = torch.randn(1, 3, 16, 16)
    still = torch.cat([picture.repeat(1, frames, 1, 1), torch.zeros(1, channels - 3 * frames, 16, 16)], dim=1)
    weight = spread_colours(colours, fresh, frames)
    expected = nn.functional.conv2d(picture, colours)
    torch.testing.assert_close(nn.functional.conv2d(still, weight), expected, atol=1e-4, rtol=1e-4)
    if frames > 1:
        assert not torch.allclose(weight[:, :3], weight[:, 3:6])


def pretend_to_fetch(monkeypatch) -> list[torch.Tensor]:
    """Let the libraries find weights without a network; return the list that the first convolutions' go into."""
    from ttcli.networks import effunetpp, segmentation

    found = []

    def get_encoder(name, weights, **settings):
        encoder = build(name, weights=None, **settings)
        found.append(next(encoder.parameters()).detach().clone())
        return encoder

    def get_state_dict(*_, **__):
        state = effunetpp.efficientnet_b0().state_dict()
        found.append(state["features.0.0.weight"].clone())
        return state

    build = segmentation.get_encoder
    monkeypatch.setattr(segmentation, "get_encoder", get_encoder)
    monkeypatch.setattr(type(effunetpp.WEIGHTS), "get_state_dict", get_state_dict)
    return found


@pytest.mark.parametrize("name", ["unetpp_resnet34", "deeplabv3p_effb0", "effunetpp_b0"])
def test_pretrained_weights_are_in_the_network(name, monkeypatch):
    found = pretend_to_fetch(monkeypatch)
    model = create_model(name, window_size=3, pretrained=True)
    assert model.pretrained
    first = next(module for module in model.encoder.modules() if isinstance(module, nn.Conv2d))
    colours = first.weight[:, :9].unflatten(1, (3, 3)).sum(dim=1)
    torch.testing.assert_close(colours, found[0], atol=1e-5, rtol=1e-4)
    assert model.eval()(torch.zeros(1, 12, 32, 32)).logits.shape == (1, 3, 8, 8)


def test_weights_that_cannot_be_fetched_are_one_line():
    def fail():
        raise FileNotFoundError("not in\nthe store") from ConnectionError("no route to host\nand more")

    with pytest.raises(SettingError, match="weights of resnet34 cannot be had .no route to host.") as caught:
        fetch("resnet34", fail)
    assert "\n" not in str(caught.value)
    assert logging.getLogger("huggingface_hub").level != logging.ERROR


@pytest.mark.parametrize(("name", "library"), [("unet_effb0", "segmentation_models_pytorch"), ("effunetpp_b0", "torchvision")])
def test_a_missing_library_is_one_line(name, library, monkeypatch):
    for module in ("segmentation", "effunetpp"):
        monkeypatch.delitem(sys.modules, f"ttcli.networks.{module}", raising=False)
    for module in [module for module in sys.modules if module.startswith(library + ".")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SettingError, match=f"{library} cannot be imported .*pip install") as caught:
        create_model(name)
    assert "\n" not in str(caught.value)


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


@pytest.mark.slow
def test_a_few_steps_of_learning_put_the_peak_on_the_ball():
    windows, positions = moving_blobs(batch=4)
    x = windows_to_input(windows, True, torch.float32)
    flags = torch.ones(4, 9, dtype=torch.bool)
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
