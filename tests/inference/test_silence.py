"""Nothing here asks the network for anything: not the commands, and not the libraries that they use."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ttcli.inference.exported_runtimes import import_library

HOOK = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        sys.stderr.write(f"NETWORK {event} {arguments[1:]}\\n")
        raise OSError("no network")
sys.addaudithook(refuse)
"""


def script(folder: Path) -> str:
    """Return a program that exports a small network, by both runtimes, and runs it in each."""
    return f"""
from pathlib import Path
from ttcli.configs import ExportConfig
from ttcli.export import export
from ttcli.inference.exported_runtimes import load_exported
from ttcli.networks.checkpoints import save_checkpoint
from ttcli.networks.registry import create_model
import torch
folder = Path({str(folder)!r})
save_checkpoint(folder / "a.safetensors", create_model("centernet_v8n", window_size=1), {{"area": 1024}})
export(folder / "a.onnx", ExportConfig(folder / "a.safetensors", 32, 32))
for runtime in ("onnx", "openvino"):
    load_exported(folder / "a.onnx", runtime, "fp32")(torch.zeros(1, 32, 32, 1, 4, dtype=torch.int8))
"""


@pytest.mark.slow
def test_export_and_exported_files_ask_the_network_for_nothing(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    trace = tmp_path / "trace"
    tracer = ["strace", "-f", "-e", "trace=connect,sendto,sendmmsg,sendmsg", "-o", str(trace)] if shutil.which("strace") else []
    done = subprocess.run([*tracer, sys.executable, "-c", script(tmp_path)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "NETWORK" not in done.stderr
    assert not tracer or "sin_port" not in trace.read_text()  # a library may ask past Python
    assert not [path for path in home.rglob("*") if "onnxruntime" in path.name or "intel" in str(path)]  # nor keeps a diary


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_libraries_are_told_to_be_silent_before_they_are_imported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    monkeypatch.delitem(sys.modules, "openvino_telemetry", raising=False)
    seen = {}

    def import_module(name: str) -> SimpleNamespace:
        seen.update(variable=os.environ.get("ORT_DISABLE_TELEMETRY"), teller=sys.modules.get("openvino_telemetry", "there"))
        return SimpleNamespace(set_default_logger_severity=lambda level: None)

    monkeypatch.setattr("importlib.import_module", import_module)
    import_library(name)
    assert seen == {"variable": "1", "teller": None}
