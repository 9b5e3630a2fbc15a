"""Exported networks: the answers of torch in other runtimes, and one line for every file that is not one."""

import errno
import json
import sys
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from stand_ins import SmallNetwork
from video_files import encode, noise_pictures

from ttcli.configs import DetectConfig, ExportConfig
from ttcli.detect import detect
from ttcli.errors import CheckpointError, OutputError, SettingError
from ttcli.export import export
from ttcli.inference.exported_runtimes import load_exported
from ttcli.inference.runtimes import TorchRuntime
from ttcli.networks.checkpoints import save_checkpoint
from ttcli.networks.model_input import working_size
from ttcli.networks.packed_windows import unpack
from ttcli.networks.registry import MODELS, create_model
from ttcli.networks.weight_files import METADATA_KEY
from ttcli.results.trajectory import read_ball_csv

HEIGHT, WIDTH = 64, 96
METADATA = {"area": HEIGHT * WIDTH, "calibration": {"slope": 2.0, "bias": 1.0}, "fps": [25.0, 60.0]}


def built(name):
    """Return a network of windows of three frames, whose peaks differ."""
    torch.manual_seed(0)
    model = create_model(name, window_size=3)
    with torch.no_grad():
        model.head.heatmap[-1].weight.mul_(40)
    return model.eval()


@pytest.fixture(scope="module")
def network():
    """A network that is exported in a fraction of the time that the default one takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "quick", lambda wanted: SmallNetwork(wanted.channels_in, wanted.frames_out))
        yield built("quick")


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    return export_of(network, tmp_path_factory.mktemp("exported"))


def export_of(network, folder):
    """Return the checkpoint, the file made of it, and what `export` said."""
    save_checkpoint(folder / "mine.safetensors", network, METADATA)
    video = encode(folder / "a.mp4", noise_pictures(20, HEIGHT, WIDTH))
    config = ExportConfig(folder / "mine.safetensors", HEIGHT, WIDTH, video=video)
    return folder / "mine.safetensors", folder / "mine.onnx", export(folder / "mine.onnx", config)


def test_the_summary_says_how_far_each_runtime_is_from_torch(exported):
    assert_is_as_torch(*exported[1:])


@pytest.mark.slow
def test_so_it_does_of_the_default_network(tmp_path):
    assert_is_as_torch(*export_of(built("centernet_v8n"), tmp_path)[1:])


def assert_is_as_torch(path, summary):
    assert summary.bytes == path.stat().st_size
    assert [(found.runtime, found.precision) for found in summary.comparisons] == [
        ("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "auto"),
    ]  # fmt: skip
    for found in summary.comparisons[:2]:
        assert found.largest_probability_difference < 1e-4 and found.largest_shift < 0.01
        assert found.windows == 8
    assert "opset 18" in str(summary) and "openvino" in str(summary)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("batch", [1, 3])
def test_an_exported_network_answers_as_in_torch(exported, network, runtime, batch):
    there = load_exported(exported[1], runtime, "fp32")
    here = TorchRuntime(create_model("quick", window_size=3), METADATA, "cpu", "fp32")
    assert (there.window_size, there.output_frames, there.difference) == (3, (0, 1, 2), True)
    assert (there.area, there.most_fps, there.calibration) == (here.area, here.most_fps, here.calibration)
    assert there.confidence(0.3) == here.confidence(0.3)
    windows = torch.randint(-128, 128, (batch, HEIGHT, WIDTH, 3, 4), dtype=torch.int8)
    with torch.inference_mode():
        expected = network(unpack(windows, True, torch.float32))
    probabilities, offsets = there(windows)
    torch.testing.assert_close(probabilities, expected.logits.sigmoid(), atol=1e-4, rtol=0)
    torch.testing.assert_close(offsets, expected.offsets, atol=1e-3, rtol=0)


@pytest.mark.parametrize("runtime", ["onnx", pytest.param("openvino", marks=pytest.mark.slow)])
def test_detect_finds_the_same_in_every_runtime(exported, tmp_path, runtime):
    checkpoint, path, _ = exported
    encode(tmp_path / "a.mp4", noise_pictures(12, HEIGHT, WIDTH))
    # An exported file is of one size: where torch looks again at a crop, it looks at the whole picture. And a network that has
    # learned nothing has peaks of the same height, whose order is chance.
    config = DetectConfig(weights=checkpoint, threshold=0.0, precision="fp32", device="cpu", step=1, link=False)
    detect([tmp_path / "a.mp4"], tmp_path / "torch.csv", config, quiet=True)
    there = replace(config, weights=path, runtime=runtime)
    detect([tmp_path / "a.mp4"], tmp_path / "there.csv", there, quiet=True)
    for one, other in zip(read_ball_csv(tmp_path / "torch.csv"), read_ball_csv(tmp_path / "there.csv"), strict=True):
        assert (one.x, one.y) == pytest.approx((other.x, other.y), abs=0.05)


@pytest.fixture
def small(tmp_path, small_network):
    """Return the checkpoint of a network that is exported in a moment."""
    torch.manual_seed(1)
    metadata = METADATA | {"area": 96 * 160}
    save_checkpoint(tmp_path / "small.safetensors", create_model("small", window_size=3), metadata)
    return tmp_path / "small.safetensors"


@pytest.mark.slow
def test_unless_told_otherwise_the_file_is_for_what_detect_shows_the_network(small, tmp_path, drawn_quickly):
    export(tmp_path / "wide.onnx", ExportConfig(small))
    assert load_exported(tmp_path / "wide.onnx", "onnx", "fp32").working_size(720, 1280) == (96, 160)


@pytest.mark.slow
def test_beside_a_video_it_is_for_what_detect_shows_of_that(small, tmp_path, drawn_quickly):
    encode(tmp_path / "upright.mp4", noise_pictures(16, 128, 96))
    export(tmp_path / "upright.onnx", ExportConfig(small, video=tmp_path / "upright.mp4"))
    assert load_exported(tmp_path / "upright.onnx", "onnx", "fp32").working_size(128, 96) == working_size(128, 96, 96 * 160)


def test_a_video_that_is_seen_at_another_size_is_refused(exported):
    with pytest.raises(SettingError, match="made for pictures of 96x64, .* seen at 64x96; export again with --size 64x96"):
        load_exported(exported[1], "onnx", "fp32").working_size(1920, 1280)


@pytest.mark.parametrize(
    ("name", "runtime", "message"),
    [("mine.onnx", "torch", "torch does not read"), ("mine.safetensors", "onnx", "onnx does not read")],
)
def test_a_file_of_another_runtime_is_refused(exported, tmp_path, name, runtime, message):
    config = DetectConfig(weights=exported[1].with_name(name), runtime=runtime)
    encode(tmp_path / "a.mp4", noise_pictures(3, HEIGHT, WIDTH))
    with pytest.raises(SettingError, match=message):
        detect([tmp_path / "a.mp4"], tmp_path / "a.csv", config, quiet=True)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("content", [b"", b"no network at all" * 20])
def test_a_file_that_is_no_network_is_one_line(tmp_path, runtime, content):
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match="bad.onnx: "):
        load_exported(tmp_path / "bad.onnx", runtime, "auto")
    with pytest.raises(CheckpointError, match="no such file"):
        load_exported(tmp_path / "none.onnx", runtime, "auto")


def test_what_a_runtime_says_itself_is_not_printed(exported, tmp_path, capfd):
    content = bytearray(exported[1].read_bytes())
    content[:200] = content[:200].replace(b"pytorch", b"\xe7\xa8yto\xff\xff")
    for name, damaged in (
        ("bad", bytes(content)),
        ("half", bytes(content[: len(content) // 2])),
        ("no", b"\x08\x07\x12\0no" * 40),
    ):
        (tmp_path / f"{name}.onnx").write_bytes(damaged)
        for runtime in ("onnx", "openvino"):
            with suppress(CheckpointError):
                load_exported(tmp_path / f"{name}.onnx", runtime, "auto")
    assert capfd.readouterr() == ("", "")


def test_a_network_of_somebody_else_is_refused(exported, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported[1])
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    for runtime in ("onnx", "openvino"):
        with pytest.raises(CheckpointError, match="without the metadata of ttcli"):
            load_exported(tmp_path / "foreign.onnx", runtime, "auto")


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize(
    ("said", "fact"),
    [({"window_size": 10**9}, "window_size is 1000000000"), ({"window_size": 9}, "its input has the shape"),
     ({"outputs": "none"}, "outputs is 'none'"), ({"difference": False}, "its input has the shape"),
     ({"area": 10**12}, "metadata has area"),
     ({"multiple": 7}, "metadata has multiple"), ({"fps": [0, 1]}, "metadata has fps"),
     ({"second_stage": {}}, "metadata has second_stage")],
)  # fmt: skip
def test_a_file_that_says_of_itself_what_cannot_be_is_one_line(exported, tmp_path, runtime, said, fact):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported[1])
    entry = next(entry for entry in model.metadata_props if entry.key == METADATA_KEY)
    entry.value = json.dumps({**json.loads(entry.value), **said})
    onnx.save(model, tmp_path / "forged.onnx")
    with pytest.raises(CheckpointError, match=fact):
        load_exported(tmp_path / "forged.onnx", runtime, "auto")


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("sides", [(65, 96), (2**20, 2**20), (0, 96)])
def test_a_file_for_pictures_that_cannot_be_is_one_line(exported, tmp_path, runtime, sides):
    save_network(tmp_path / "forged.onnx", exported[1], sides, 1.0)
    with pytest.raises(CheckpointError, match=r"forged.onnx: (its input has the shape|cannot be read)"):
        load_exported(tmp_path / "forged.onnx", runtime, "auto")


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize(
    ("value", "fact"),
    [(2.0, "its probabilities are out of range, or no numbers"), (float("nan"), "out of range, or no numbers"),
     ([0.5, 0.5], r"its probabilities are float32 \(2,\), not float32 \(1, 3, 16, 24\)")],
)  # fmt: skip
def test_answers_that_cannot_be_are_one_line(exported, tmp_path, runtime, value, fact):
    save_network(tmp_path / "forged.onnx", exported[1], (HEIGHT, WIDTH), value)
    network = load_exported(tmp_path / "forged.onnx", runtime, "fp32")
    with pytest.raises(CheckpointError, match=fact):
        network(torch.zeros(1, HEIGHT, WIDTH, 3, 4, dtype=torch.int8))


def save_network(path, real, sides, value):
    """Write a network that says of itself what a real one says, and always answers with one value, or with two."""
    onnx = pytest.importorskip("onnx")
    floats, cells = onnx.TensorProto.FLOAT, [side // 4 for side in sides]
    shapes = [1, 3, *cells], [1, 3, 2, *cells]
    shapes = [[len(value)] if isinstance(value, list) else shape for shape in shapes]
    tensor = onnx.helper.make_tensor("value", floats, [len(value)], value) if isinstance(value, list) else None
    nodes = []
    for name, shape in zip(("probabilities", "offsets"), shapes, strict=True):
        if tensor is None:
            one = onnx.helper.make_tensor("value", floats, [1], [value])
            size = onnx.helper.make_tensor("size", onnx.TensorProto.INT64, [len(shape)], shape)
            nodes.append(onnx.helper.make_node("Constant", [], [f"{name}_size"], value=size))
            nodes.append(onnx.helper.make_node("ConstantOfShape", [f"{name}_size"], [name], value=one))
        else:
            nodes.append(onnx.helper.make_node("Constant", [], [name], value=tensor))
    info = onnx.helper.make_tensor_value_info
    outputs = [info(name, floats, None) for name in ("probabilities", "offsets")]
    graph = onnx.helper.make_graph(nodes, "forged", [info("pictures", floats, ["batch", 12, *sides])], outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    model.metadata_props.extend(onnx.load(real).metadata_props)
    onnx.save(model, path)


def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(exported, tmp_path):
    config = ExportConfig(exported[0], HEIGHT, WIDTH)
    with pytest.raises(SettingError, match="does not end in .onnx"):
        export(tmp_path / "mine.pt", config)
    with pytest.raises(SettingError, match="multiples of 32"):
        export(tmp_path / "mine.onnx", replace(config, width=100))
    with pytest.raises(OutputError, match="exists already"):
        export(exported[1], config)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def exported_already(exported, monkeypatch):
    """Let torch give the program that it made before, where what is asked comes after it: it takes seconds to make one."""
    onnx = pytest.importorskip("onnx")
    monkeypatch.setattr("torch.onnx.export", lambda *_, **__: SimpleNamespace(model_proto=onnx.load(exported[1])))


def test_a_full_disk_is_one_line_and_leaves_no_half_file(small, tmp_path, drawn_quickly, exported_already, monkeypatch):
    def fill_up(model, path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(tmp_path.iterdir())
    monkeypatch.setattr("onnx.save", fill_up)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\)"):
        export(tmp_path / "mine.onnx", ExportConfig(small, HEIGHT, WIDTH))
    assert set(tmp_path.iterdir()) == before


def test_a_comparison_that_fails_leaves_nothing_either(small, tmp_path, drawn_quickly, exported_already, monkeypatch):
    before = set(tmp_path.iterdir())
    monkeypatch.setattr("onnx.save", lambda model, path: path.write_bytes(b"no network"))  # no runtime can read it
    with pytest.raises(CheckpointError):
        export(tmp_path / "mine.onnx", ExportConfig(small, HEIGHT, WIDTH))
    assert set(tmp_path.iterdir()) == before


def test_a_missing_library_names_the_extra(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SettingError, match=r"onnxruntime is not installed; pip install '.\[onnx\]'"):
        load_exported(exported[1], "onnx", "auto")


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_file_with_other_outputs_is_one_line(exported, tmp_path, runtime):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported[1])
    del model.graph.output[1]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(CheckpointError, match="its input and outputs are not pictures, probabilities, offsets"):
        load_exported(tmp_path / "other.onnx", runtime, "auto")


def test_an_event_head_is_not_exported(tmp_path, small_network, drawn_quickly):
    torch.manual_seed(1)
    model = create_model("small", window_size=3, event_head=True).eval()
    save_checkpoint(tmp_path / "events.safetensors", model, {})
    export(tmp_path / "events.onnx", ExportConfig(weights=tmp_path / "events.safetensors", height=HEIGHT, width=WIDTH))
    windows = torch.randint(-128, 128, (2, HEIGHT, WIDTH, 3, 4), dtype=torch.int8)
    with torch.inference_mode():
        expected = model(unpack(windows, True, torch.float32)).logits.sigmoid()
    for runtime in ("onnx", "openvino"):
        told = load_exported(tmp_path / "events.onnx", runtime, "fp32")(windows).probabilities
        torch.testing.assert_close(told, expected, atol=1e-4, rtol=1e-3)
