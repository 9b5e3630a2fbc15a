"""Imports of a command's pipeline: without the collector, and no more of them than it takes."""

import gc
import subprocess
import sys

from ttcli.commands.imports import imported_at_once


def test_the_collector_rests_while_modules_are_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "imported_once.py").write_text("import gc\nwhile_imported = gc.isenabled()\n")
    gc.unfreeze()
    with imported_at_once():
        import imported_once
    assert not imported_once.while_imported
    assert gc.isenabled() and gc.get_freeze_count(), "what was imported is never looked through again"
    gc.unfreeze()
    with imported_at_once():
        import imported_once
    assert gc.isenabled() and not gc.get_freeze_count()


def test_detection_imports_what_it_is_asked_for():
    code = "import sys, ttcli.detect; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "ttcli.detection.one_video" in loaded
    others = {"ttcli.detection.cluster", "ttcli.flights", "ttcli.play", "ttcli.spotting", "ttcli.render", "torch._dynamo"}
    assert not others & set(loaded)
