"""Damaged files of every other kind: an answer or one line, soon, and never a library's warning.

`tools/fuzz_files.py` does the same for as long as one likes, with a limit of memory.
"""

import time
from pathlib import Path

import pytest
from file_mutations import KINDS, make_seeds, try_file

FILES = {"cvat": 25, "json": 25, "csv": 12, "yolo": 10, "manifest": 12, "checkpoint": 8}
"""Damaged files of each kind; exported networks are left to the tool: nobody promises that a runtime survives one."""
LIMIT_SECONDS = 10
"""For one file; a usual one takes 0.1."""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_is_read_or_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    make_seeds(tmp_path / "seeds", kind)
    for seed in range(FILES[kind]):
        started = time.monotonic()
        try_file(kind, seed, tmp_path / "seeds", tmp_path)
        assert time.monotonic() - started < LIMIT_SECONDS, f"seed {seed}"


def test_every_kind_but_exported_networks_is_tried_here() -> None:
    assert set(KINDS) == {*FILES, "onnx"}
