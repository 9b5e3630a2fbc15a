"""Files of labels, results and networks, damaged by chance, and what the readers make of them."""

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ttcli.configs import ConvertConfig, DetectConfig, EvaluateConfig, RenderConfig, SpotConfig
from ttcli.convert import convert
from ttcli.errors import TtcliError
from ttcli.evaluate import evaluate
from ttcli.inference.exported_runtimes import load_exported
from ttcli.models import CheckpointEntry, _cells
from ttcli.networks.checkpoints import load_checkpoint, read_metadata, save_checkpoint
from ttcli.networks.model_input import input_channels
from ttcli.networks.registry import create_model
from ttcli.render import render
from ttcli.results.content_hash import content_hash
from ttcli.results.manifest import counts_if_done, option_facts
from ttcli.spot import spot
from ttcli.verify import verify

KINDS = ("cvat", "json", "csv", "yolo", "manifest", "checkpoint", "onnx")
HEIGHT, WIDTH = 64, 96
MOST_BYTES = 2**21
"""Of a damaged text."""
EXTREMES = (
    "0", "-1", "1e308", "-5e9", "1e-320", "nan", "inf", "-0", "999999999", "100000", "9" * 5000, "1" + "0" * 400, "1_000",
    "18446744073709551616", "0x10", "", "null", "true", "[]", "{}", '"\\ud800"', "\u0663", "1.5", "-3000", "5000", "1000000000000",
)  # fmt: skip
ROWS = "\n".join(f"{i},{i / 25:.6f},{10 + 2 * i},{20 + i % 7},0.9,{'seen' if i % 9 else 'filled'},0" for i in range(40))
CSVS = {
    "ball.csv": "frame,time_s,x,y,confidence,status,duplicate\n" + ROWS + "\n40,1.6,,,0.1,unseen,0\n41,1.64,,,0,broken,1\n",
    "labels.csv": "frame,status,x,y\n"
    + "".join(f"{i},visible,{3 * i},{i}\n" for i in range(20))
    + "20,absent,,\n21,unknown,,\n",
    "tracknet.csv": "Frame,Visibility,X,Y\n" + "".join(f"{i},{i % 4},{3 * i},{i}\n" for i in range(20)),
    "tennis.csv": "file name,visibility,x-coordinate,y-coordinate,status\n"
    + "".join(f"{i:04d}.jpg,{i % 4},{3 * i},{i},{i % 3}\n" for i in range(20)),
    "ball.events.csv": "frame,time_s,event,x,y,confidence,error_s,table_x_m,table_y_m\n"
    + "".join(f"{i}.25,{i / 25:.6f},{'bounce' if i % 2 else 'net'},{i},{i},0.8,0.002,0.1,-0.5\n" for i in range(0, 40, 5)),
}
JSONS = {
    "ball_markup.json": json.dumps({str(i): {"x": i, "y": 2 * i} if i % 5 else {"x": -1, "y": -1} for i in range(30)}),
    "events_markup.json": json.dumps({str(4 * i): ("bounce", "net", "empty_event")[i % 3] for i in range(12)}),
}
SHAPES = "".join(
    f'<points frame="{i}" outside="{int(i % 8 == 7)}" occluded="0" keyframe="{int(i % 5 > 0)}" points="{i}.5,{2 * i}.25"/>\n'
    for i in range(24)
)
CVAT = (
    "<?xml version='1.0' encoding='utf-8'?>\n<annotations><version>1.1</version><meta><task><size>40</size><stop_frame>39"
    f"</stop_frame><original_size><width>{WIDTH}</width><height>{HEIGHT}</height></original_size></task></meta>\n"
    f'<track id="0" label="ball">\n{SHAPES}</track>\n<track id="1" label="hand">\n'
    '<box frame="3" xtl="1" ytl="2" xbr="3" ybr="4" outside="0" keyframe="1"/>\n</track>\n</annotations>\n'
)


def make_seeds(folder: Path, kind: str) -> None:
    """Write what is damaged, and what the readers need beside it."""
    pictures = folder / "ball"
    pictures.mkdir(parents=True, exist_ok=True)
    for number in range(6):
        noise = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(pictures / f"{number:03d}.png"), noise)
    for name, text in {**CSVS, **JSONS, "ball.xml": CVAT}.items():
        (folder / name).write_text(text, encoding="utf-8")
    if kind in ("checkpoint", "onnx"):
        torch.manual_seed(0)
        facts = {"area": HEIGHT * WIDTH, "multiple": 32, "fps": [24.0, 60.0], "calibration": {"slope": 2.0, "bias": 0.1}}
        model = create_model("centernet_v8n", window_size=3)
        save_checkpoint(folder / "net.safetensors", model, {**facts, "licence": "MIT", "metrics": {"f1": 0.5}})
    if kind == "onnx":
        from ttcli.configs import ExportConfig
        from ttcli.export import export

        export(folder / "net.onnx", ExportConfig(folder / "net.safetensors", HEIGHT, WIDTH, overwrite=True))


def damaged(text: bytes, chance: random.Random) -> bytes:
    """Return a text with one or more kinds of damage."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        text = chance.choice(DAMAGE)(text, chance)[:MOST_BYTES]
    return text


def _flip(text: bytes, chance: random.Random) -> bytes:
    changed = bytearray(text)
    for _ in range(chance.choice((1, 3, 20)) if changed else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(text: bytes, chance: random.Random) -> bytes:
    first, last = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    return chance.choice((text[:first], text[first:], text[:first] + text[last:]))


def _extreme(text: bytes, chance: random.Random) -> bytes:
    numbers = list(re.finditer(rb"-?\d+(\.\d+)?", text))
    for found in sorted(chance.sample(numbers, min(len(numbers), chance.choice((1, 2, 10)))), key=lambda each: -each.start()):
        text = text[: found.start()] + chance.choice(EXTREMES).encode() + text[found.end() :]
    return text


def _repeat(text: bytes, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True) or [b""]
    place = chance.randrange(len(lines))
    how_often = min(chance.choice((2, 2, 50, 2000)), max(2, MOST_BYTES // (1 + len(lines[place]))))
    return b"".join([*lines[:place], *[lines[place]] * how_often, *lines[place:]]) if len(lines) > 1 else text * how_often


def _lose(text: bytes, chance: random.Random) -> bytes:
    parts = re.split(rb"([,\n<>{}\":])", text)
    for _ in range(chance.choice((1, 3))):
        parts[chance.randrange(len(parts))] = b""
    return b"".join(parts)


def _nest(text: bytes, chance: random.Random) -> bytes:
    place, depth = chance.randrange(len(text) + 1), chance.choice((10, 3000, 100_000))
    opening, closing = chance.choice(
        ((b"[", b"]"), (b'{"1":', b"}"), (b"<a>", b"</a>"), (b'"', b'"'), (b"<track label='ball'>", b"</track>"))
    )
    return text[:place] + opening * depth + closing * depth + text[place:]


def _insert(text: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(text) + 1)
    odd = (
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\\ud800",
        b"\r",
        b"\x1b[31m",
        b'"',
        b"\xe2\x80\xa8",
        b"<!DOCTYPE a>",
        b"x" * 200_000,
        b"&a;",
    )
    return text[:place] + chance.choice(odd) + text[place:]


DAMAGE: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _cut, _extreme, _extreme, _repeat, _lose, _nest, _insert)


def damaged_value(value: object, chance: random.Random) -> object:
    """Return JSON with something in it replaced by what cannot be there."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {other: each for other, each in value.items() if other != key}
        return {**value, key: damaged_value(value[key], chance), **({"more": 1} if chance.random() < 0.2 else {})}
    if isinstance(value, list) and value and chance.random() < 0.7:
        place = chance.randrange(len(value))
        return [*value[:place], damaged_value(value[place], chance), *value[place + 1 :]]
    odd = (
        None, True, 0, -1, 1, 7, 33, 10**9, 10**12, 10**400, 1e308, -1e308, float("nan"), float("inf"), 1e-320, "",
        "x", "x" * 10**5,
        "\ud800", "\x1b[31m\n[red]", [], {}, [[]], {"a": {}}, [1, 2], "/dev/zero", "/dev/stdin", "../../../../etc/passwd",
        "a\0b", 0.5,
    )  # fmt: skip
    return chance.choice(odd)


def try_file(kind: str, seed: int, seeds: Path, scratch: Path) -> str:
    """Damage a file of a kind and let all that read it read it; return `rows` where one did, else `refused`.

    Raises:
        Exception: Whatever is no TtcliError.
    """
    chance = random.Random(f"{kind} {seed}")
    work = scratch / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    passed = [_passes(step) for step in TRIALS[kind](chance, seeds, work)]
    return "rows" if any(passed) else "refused"


def _passes(step: Callable[[], object]) -> bool:
    try:
        step()
    except TtcliError as error:
        assert "\n" not in str(error) and len(str(error)) < 20_000
        return False
    return True


def _labels(chance: random.Random, path: Path, seeds: Path, work: Path) -> list[Callable[[], object]]:
    """Return the steps that read a file, or folder, of labels."""
    sized = {"picture_height": HEIGHT, "picture_width": WIDTH}
    other = seeds / chance.choice(["labels.csv", "ball.events.csv"])
    return [
        lambda: convert(path, work / "a.csv", ConvertConfig(**sized, overwrite=True)),
        lambda: convert(path, work / "a.xml", ConvertConfig(overwrite=True)),
        lambda: convert(path, work / "a.json", ConvertConfig(**sized, events=True, overwrite=True)),
        lambda: evaluate(path, other, EvaluateConfig(**sized, bootstrap=5)),
        lambda: evaluate(other, path, EvaluateConfig(**sized, bootstrap=5)),
        lambda: spot(path, work / "e.csv", SpotConfig(**sized, frame_rate=25.0, overwrite=True)),
    ]


def _try_cvat(chance: random.Random, seeds: Path, work: Path) -> list[Callable[[], object]]:
    path = work / "ball.xml"
    path.write_bytes(damaged((seeds / "ball.xml").read_bytes(), chance))
    return _labels(chance, path, seeds, work)


def _try_json(chance: random.Random, seeds: Path, work: Path) -> list[Callable[[], object]]:
    path = work / chance.choice(list(JSONS))
    text = (seeds / path.name).read_bytes()
    if chance.random() < 0.3:
        text = json.dumps(damaged_value(json.loads(text), chance)).encode()
    path.write_bytes(damaged(text, chance))
    return _labels(chance, path, seeds, work)


def _try_csv(chance: random.Random, seeds: Path, work: Path) -> list[Callable[[], object]]:
    path = work / chance.choice(list(CSVS))
    path.write_bytes(damaged((seeds / path.name).read_bytes(), chance))
    config = RenderConfig(overwrite=True, zoom=3.0, speed=True, table_map=True, slow=2.0, scale=chance.choice((1.0, 0.5)))
    ball = path if path.name == "ball.csv" else seeds / "ball.csv"
    events = path if path.name == "ball.events.csv" else seeds / "ball.events.csv"
    sized = {"picture_height": HEIGHT, "picture_width": WIDTH}
    return [
        *_labels(chance, path, seeds, work),
        lambda: spot(path, work / "e.csv", SpotConfig(**sized, overwrite=True)),
        lambda: render(seeds / "ball", ball, work / "o.gif", config, True, events, work / "o.srt"),
    ]


def _try_yolo(chance: random.Random, seeds: Path, work: Path) -> list[Callable[[], object]]:
    folder = work / "labels"
    folder.mkdir()
    for number in range(12):
        text = f"0 0.{number:02d} 0.4{number} 0.01 0.02 0.9\n1 0.5 0.5 0.1 0.1\n".encode()
        name = (
            f"img_{number:06d}.txt"
            if chance.random() < 0.9
            else chance.choice((f"img_{'9' * number}.txt", "x.txt", "classes.txt"))
        )
        (folder / name).write_bytes(damaged(text, chance) if chance.random() < 0.3 else text)
    return _labels(chance, folder, seeds, work)


def _try_manifest(chance: random.Random, seeds: Path, work: Path) -> list[Callable[[], object]]:
    ball = work / "ball.csv"
    ball.write_bytes((seeds / "ball.csv").read_bytes())
    csv, net = {"name": "ball.csv", "path": "ball.csv", "sha256": content_hash(ball)}, seeds / "labels.csv"
    facts = {"name": net.name, "path": str(net), "sha256": content_hash(net)}
    view = {"start_s": 0, "end_s": 2, "position": [0, -5, 2], "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}
    view |= {"centre": [48, 32], "focal": 90, "width": WIDTH}
    counts = dict.fromkeys(("frames", "seen", "filled", "broken", "duplicates", "shots"), 1)
    said = {
        "made_by": "ttcli detect",
        "csv": csv,
        "video": {**facts, "name": "ball"},
        "checkpoint": facts,
        "second_stage": facts,
    }
    said = {**said, "options": option_facts(DetectConfig()), "counts": counts, "tables": [view], "version": "0"}
    text = json.dumps(damaged_value(said, chance) if chance.random() < 0.7 else said).encode()
    (work / "ball.json").write_bytes(damaged(text, chance) if chance.random() < 0.4 else text)
    return [
        lambda: verify(ball),
        lambda: counts_if_done(ball, net, net, net, DetectConfig()),
        lambda: spot(ball, work / "e.csv", SpotConfig(picture_height=HEIGHT, picture_width=WIDTH, overwrite=True)),
    ]


def _try_checkpoint(chance: random.Random, seeds: Path, work: Path) -> list[Callable[[], object]]:
    path = work / "net.safetensors"
    if chance.random() < 0.6:
        said = damaged_value(read_metadata(seeds / "net.safetensors"), chance)
        text = json.dumps(said).encode()
        text = damaged(text, chance) if chance.random() < 0.3 else text
        save_file(load_file(seeds / "net.safetensors"), path, {"ttcli": text.decode("utf-8", "replace")})
    else:
        content = (seeds / "net.safetensors").read_bytes()
        head = chance.choice((8, 2000, len(content)))
        path.write_bytes(damaged(content[:head], chance) + content[head:])
    return [lambda: _cells(CheckpointEntry("net", 1, read_metadata(path))), lambda: load_checkpoint(path)]


def _try_onnx(chance: random.Random, seeds: Path, work: Path) -> list[Callable[[], object]]:
    path, content = work / "net.onnx", (seeds / "net.onnx").read_bytes()
    said = json.dumps(read_metadata(seeds / "net.safetensors")).encode()
    if chance.random() < 0.6:
        import onnx

        model = onnx.load(seeds / "net.onnx")
        text = json.dumps(damaged_value(json.loads(said), chance)).encode()
        text = damaged(text, chance) if chance.random() < 0.3 else text
        model.metadata_props[0].value = text.decode("utf-8", "replace")
        onnx.save(model, path)
    else:
        head = chance.choice((200, 20_000, len(content)))
        path.write_bytes(damaged(content[:head], chance) + content[head:])

    def run(runtime: str) -> None:
        network = load_exported(path, runtime, "fp32", threads=1)
        network(torch.zeros(1, input_channels(network.window_size, network.difference), HEIGHT, WIDTH))

    return [lambda: run("onnx"), lambda: run("openvino")]


TRIALS = {
    "cvat": _try_cvat, "json": _try_json, "csv": _try_csv, "yolo": _try_yolo, "manifest": _try_manifest,
    "checkpoint": _try_checkpoint, "onnx": _try_onnx,
}  # fmt: skip
"""What is done with a file of each kind."""
