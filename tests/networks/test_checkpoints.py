"""A checkpoint rebuilds its network, and says in one line why another file cannot."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ttcli.errors import CheckpointError, OutputError
from ttcli.inference.runtimes import load_second_network
from ttcli.models import CheckpointEntry, _cells
from ttcli.networks.checkpoints import (
    DEFAULT_WEIGHTS,
    FAST_WEIGHTS,
    load_checkpoint,
    packaged,
    read_metadata,
    save_checkpoint,
)
from ttcli.networks.model_input import windows_to_input
from ttcli.networks.registry import create_model

ARGUMENTS = {"model": "centernet_v8n", "window_size": 3, "difference": False, "outputs": "center"}


@pytest.fixture(scope="module")
def model():
    return create_model("centernet_v8n", window_size=3, difference=False, outputs="center").eval()


@pytest.fixture
def path(model, tmp_path):
    save_checkpoint(tmp_path / "model.safetensors", model, {"area": 512 * 288, "seed": 3})
    return tmp_path / "model.safetensors"


def rewrite(path, metadata=None, change=None, key="ttcli"):
    """Write a checkpoint anew with other metadata or other tensors."""
    tensors = load_file(path)
    if change:
        change(tensors)
    save_file(tensors, path, metadata={key: json.dumps(ARGUMENTS if metadata is None else metadata)})


def refusal(path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(path))
    return message


def test_what_is_saved_comes_back(model, path):
    state = torch.random.get_rng_state()
    checkpoint = load_checkpoint(path)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert checkpoint.metadata.items() >= {**ARGUMENTS, "area": 512 * 288, "seed": 3}.items()
    assert read_metadata(path) == checkpoint.metadata
    assert not checkpoint.model.training
    assert all(parameter.requires_grad for parameter in checkpoint.model.parameters())
    saved = model.state_dict()
    for name, tensor in checkpoint.model.state_dict().items():
        assert torch.equal(tensor, saved[name]), name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_halves_the_file_and_loads_as_fp32(model, path, dtype, tmp_path):
    half = tmp_path / "half.safetensors"
    save_checkpoint(half, model, {}, dtype=dtype)
    assert half.stat().st_size < 0.55 * path.stat().st_size
    saved = model.state_dict()
    for name, tensor in load_checkpoint(half).model.state_dict().items():
        assert tensor.dtype == saved[name].dtype
        torch.testing.assert_close(tensor, saved[name], atol=1e-6, rtol=0.01)


def test_weights_in_channels_last_memory_are_saved(tmp_path):
    fresh = create_model("centernet_v8n").to(memory_format=torch.channels_last)
    save_checkpoint(tmp_path / "model.safetensors", fresh, {})
    weight = load_checkpoint(tmp_path / "model.safetensors").model.encoder.stem.conv.weight
    assert torch.equal(weight, fresh.encoder.stem.conv.weight)


def test_an_existing_file_is_kept_on_request(model, path):
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        save_checkpoint(path, model, {}, overwrite=False)
    assert path.read_bytes() == before


def test_a_missing_file_is_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.safetensors")
    assert "no such file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"a text\nof two lines", b"\x80\x02}q\x00."])
def test_a_file_of_another_kind_is_refused(content, tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    assert "not a safetensors file" in refusal(path)


def test_a_pickled_checkpoint_is_refused(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "model.pt")
    assert "not a safetensors file" in refusal(tmp_path / "model.pt")


@pytest.mark.parametrize("part", [0.9, 0.5, 0.001])
def test_a_file_cut_short_is_refused(path, part):
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert "damaged" in refusal(path)


def test_safetensors_of_another_program_are_refused(path):
    rewrite(path, key="format")
    assert "without the metadata" in refusal(path)
    rewrite(path, metadata=[1, 2])
    assert "without the metadata" in refusal(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("model", None), ("window_size", "9"), ("window_size", True), ("difference", 1), ("outputs", ["all"]),
     ("neck", None), ("activation", 1), ("pretrained", "yes"), ("area", -1), ("multiple", 1.5),
     ("calibration", {"slope": 1.0}), ("calibration", [1, 2]),
     ("area", 10**12), ("area", 1), ("area", 10**400), ("multiple", 10**9), ("multiple", 33), ("fps", [0, 1e-9]),
     ("fps", [60, 24]), ("fps", [24, True]), ("fps", 25), ("calibration", {"slope": 0.0, "bias": 0.0}),
     ("calibration", {"slope": 10**400, "bias": 0.0}), ("second_stage", {"own": 1e300, "look": 0.0, "bias": 0.0}),
     ("second_stage", {"own": "1", "look": 0.0, "bias": 0.0}), ("event_head", 1), ("ranges", [[0, 1]]),
     ("ranges", {"encoder.stem": [1.0, 0.0]}), ("ranges", {"encoder.stem": [0.0]}), ("ranges", {"encoder.stem": [0, 1e300]})],
)  # fmt: skip
def test_metadata_of_the_wrong_type_are_refused(path, key, value):
    rewrite(path, metadata={**ARGUMENTS, key: value})
    assert f"metadata has {key}" in refusal(path)


def test_keys_that_nobody_knows_are_passed_over(path):
    weights = {"own": 1.0, "look": 0.5, "bias": 0.0, "more": [1]}
    rewrite(path, metadata={**ARGUMENTS, "second_stage": weights, "more": {}})
    second = load_second_network(load_checkpoint(path).metadata, "cpu", "fp32")
    assert (second.own, second.look, second.bias) == (1.0, 0.5, 0.0)


def test_keys_of_older_files_are_read(path):
    weights = {"own": 1.0, "look": 0.5, "bias": 0.0}
    rewrite(path, metadata={**ARGUMENTS, "closer": weights})
    assert load_checkpoint(path).metadata["second_stage"] == weights


def test_what_checkpoints_say_is_shown_in_plain_lines_whatever_it_is(tmp_path, model):
    said = {"licence": "[red]\x1b[31m\nx", "training_data": "x" * 10**6, "metrics": {str(n): n for n in range(1000)}}
    save_checkpoint(tmp_path / "forged.safetensors", model, said)
    rewrite(tmp_path / "forged.safetensors", {**ARGUMENTS, **said, "model": "", "kind": []})
    cells = _cells(CheckpointEntry("forged", 1, read_metadata(tmp_path / "forged.safetensors")))
    assert all("\x1b" not in cell and len(cell) < 1000 for cell in cells)


def test_a_checkpoint_of_before_there_was_a_choice_is_loaded(model, path):
    rewrite(path, metadata={**ARGUMENTS, "outputs": "middle"})
    loaded = load_checkpoint(path).model
    assert (loaded.outputs, loaded.output_frames) == ("center", (1,))
    assert (loaded.neck, loaded.activation, loaded.pretrained) == ("pan", None, False)
    assert torch.equal(loaded.encoder.stem.conv.weight, model.encoder.stem.conv.weight)


def test_a_checkpoint_tells_how_its_training_began_and_loads_without_a_network(path, tmp_path):
    rewrite(path, metadata={**ARGUMENTS, "pretrained": True})
    save_checkpoint(tmp_path / "again.safetensors", load_checkpoint(path).model, {})
    assert read_metadata(tmp_path / "again.safetensors")["pretrained"] is True


def test_an_unknown_network_is_refused(path):
    rewrite(path, metadata={**ARGUMENTS, "model": "centernet_v99"})
    assert "'centernet_v99'" in refusal(path)
    rewrite(path, metadata={**ARGUMENTS, "window_size": 4})
    assert "window_size is 4" in refusal(path)
    rewrite(path, metadata={**ARGUMENTS, "neck": "giraffe"})
    assert "neck is 'giraffe'" in refusal(path)


def test_tensors_that_do_not_fit_are_refused(path):
    weight = "encoder.stem.conv.weight"
    rewrite(path, change=lambda tensors: tensors.update({weight: tensors[weight].to(torch.int32)}))
    assert f"{weight} is torch.int32" in refusal(path)
    rewrite(path, change=lambda tensors: tensors.update({weight: torch.zeros(1, 2)}))
    assert f"{weight} is torch.float32 (1, 2)" in refusal(path)
    rewrite(path, change=lambda tensors: tensors.update({weight: torch.full((32, 9, 3, 3), float("nan"))}))
    assert "not finite" in refusal(path)
    rewrite(path, change=lambda tensors: tensors.update(more=torch.zeros(1)))
    assert "has 1 tensor ('more')" in refusal(path)
    rewrite(path, change=lambda tensors: [tensors.pop(name) for name in (weight, "more")])
    assert f"lacks 1 tensor ('{weight}')" in refusal(path)


@pytest.fixture
def in_8_bits(model, tmp_path):
    save_checkpoint(tmp_path / "small.safetensors", model, {}, dtype=torch.int8)
    return tmp_path / "small.safetensors"


def test_8_bits_quarter_the_file_and_lose_half_a_step_of_each_channel_at_most(model, path, in_8_bits):
    assert in_8_bits.stat().st_size < 0.32 * path.stat().st_size
    saved = model.state_dict()
    for name, tensor in load_checkpoint(in_8_bits).model.state_dict().items():
        if tensor.dim() < 2:
            assert torch.equal(tensor, saved[name]), name
            continue
        step = saved[name].abs().flatten(1).amax(1) / 127
        assert ((tensor - saved[name]).abs().flatten(1).amax(1) <= 0.501 * step).all(), name


def test_a_trained_network_answers_the_same_in_8_bits_and_not_in_3(tmp_path):
    whole = load_checkpoint(FAST_WEIGHTS).model
    windows = torch.randint(256, (1, 1, 64, 64, 3), generator=torch.Generator().manual_seed(1)).repeat(1, 9, 1, 1, 1)
    pictures = windows_to_input(windows.to(torch.uint8), True, torch.float32)
    save_checkpoint(tmp_path / "small.safetensors", whole, {}, dtype=torch.int8)
    coarse = create_model(whole.name).eval()
    coarse.load_state_dict({name: rounded(tensor, 3) for name, tensor in whole.state_dict().items()})
    with torch.no_grad():
        networks = whole, load_checkpoint(tmp_path / "small.safetensors").model, coarse
        answers = [network(pictures).logits for network in networks]
    small, rough = ((answer - answers[0]).abs().mean() / answers[0].std() for answer in answers[1:])
    assert small < 0.1 < rough


def rounded(tensor: torch.Tensor, bits: int) -> torch.Tensor:
    """Return a kernel with so many bits left of each number."""
    if tensor.dim() < 2:
        return tensor
    step = tensor.abs().amax() / 2 ** (bits - 1)
    return (tensor / step).round() * step


def test_channels_of_nothing_but_zeros_come_back_from_8_bits(model, tmp_path):
    silent = create_model("centernet_v8n", window_size=3, difference=False, outputs="center")
    silent.load_state_dict({name: 0 * tensor for name, tensor in model.state_dict().items()})
    save_checkpoint(tmp_path / "silent.safetensors", silent, {}, dtype=torch.int8)
    state = load_checkpoint(tmp_path / "silent.safetensors").model.state_dict()
    assert all((tensor == 0).all() for tensor in state.values())


@pytest.mark.parametrize("change", [lambda scale: None, lambda scale: scale[:-1], lambda scale: scale * float("nan")])
def test_8_bits_without_their_scales_are_refused(in_8_bits, change):
    def spoil(tensors):
        name = next(name for name in tensors if name.endswith(".int8_scale"))
        changed = change(tensors.pop(name))
        if changed is not None:
            tensors[name] = changed

    rewrite(in_8_bits, change=spoil)
    assert "8 bits without a scale" in refusal(in_8_bits) or "not finite" in refusal(in_8_bits)


def test_names_stand_for_the_checkpoints_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert packaged(None) == packaged(Path("default")) == DEFAULT_WEIGHTS
    assert packaged(Path("fast")) == FAST_WEIGHTS
    assert packaged(Path("other.safetensors")) == Path("other.safetensors")
    Path("default").mkdir()  # such as a run of that name
    assert packaged(Path("default")) == DEFAULT_WEIGHTS
    Path("fast").touch()  # a file of that name is meant by it
    assert packaged(Path("fast")) == Path("fast")


def test_the_checkpoints_of_the_package_are_small():
    files = list(DEFAULT_WEIGHTS.parent.rglob("*.safetensors"))
    assert {DEFAULT_WEIGHTS, FAST_WEIGHTS} <= set(files)
    assert sum(file.stat().st_size for file in files) < 15e6


@pytest.mark.slow
def test_a_checkpoint_is_loaded_without_what_torch_would_import_to_draw_weights():
    code = (
        "import sys; from ttcli.networks.checkpoints import DEFAULT_WEIGHTS, load_checkpoint; "
        "load_checkpoint(DEFAULT_WEIGHTS); sys.exit('sympy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
