"""A set as a whole: folders that are complete or not there, and a manifest made from them."""

import errno
import json
from pathlib import Path

import pytest

from ttcli.errors import InputError, LabelError, OutputError
from ttcli.results.content_hash import content_hash
from ttcli.training_set.folder import (
    complete_clip,
    count_clips,
    read_clips,
    remove_partial_clips,
    write_clip_file,
    write_manifest,
)  # fmt: skip

SIZES = {"source_height": 4, "source_width": 4, "height": 2, "width": 2, "window_size": 3}


def counts(split: str, windows: int, kind: str) -> dict:
    sums = {"windows": windows, "all_visible": windows - 1, "without_ball": 0, "kinds": {kind: windows}}
    return {"windows": {split: sums}, "frames": {"visible": windows + 2}, "bytes": 10}


def add(data: Path, name: str, **content) -> None:
    with complete_clip(data, name) as folder:
        write_clip_file(folder, {**SIZES, **counts("training", 5, "net"), **content})


def names(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "clips").iterdir())


def test_a_clip_gets_its_name_when_it_is_complete(tmp_path: Path) -> None:
    with complete_clip(tmp_path, "a") as folder:
        assert read_clips(tmp_path) == {} and names(tmp_path) == [folder.name]
        write_clip_file(folder, SIZES)
    assert read_clips(tmp_path) == {"a": SIZES} and names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    add(tmp_path, "a", split="first")
    with pytest.raises(error), complete_clip(tmp_path, "a") as folder:
        (folder / "clip.json").write_text("{")
        raise error
    assert names(tmp_path) == ["a"] and read_clips(tmp_path)["a"]["split"] == "first"


def test_a_clip_that_is_there_is_replaced(tmp_path: Path) -> None:
    add(tmp_path, "a", split="first")
    (tmp_path / "clips/a/native.bin").write_bytes(b"old")
    add(tmp_path, "a", split="second")
    assert read_clips(tmp_path)["a"]["split"] == "second" and names(tmp_path) == ["a"]
    assert not (tmp_path / "clips/a/native.bin").exists()


def test_what_killed_runs_left_is_no_clip_and_can_be_removed(tmp_path: Path) -> None:
    add(tmp_path, "a")
    (tmp_path / "clips/.partial-xyz").mkdir()
    assert list(read_clips(tmp_path)) == ["a"]
    remove_partial_clips(tmp_path)
    assert names(tmp_path) == ["a"]


def test_no_set_has_no_clips(tmp_path: Path) -> None:
    assert read_clips(tmp_path / "absent") == {}


def test_a_damaged_clip_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "clips/a").mkdir(parents=True)
    with pytest.raises(InputError, match="clip.json: cannot be read"):
        read_clips(tmp_path)
    (tmp_path / "clips/a/clip.json").write_text("[]")
    with pytest.raises(LabelError, match="clip.json: source_height is no whole number"):
        read_clips(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "clips").write_text("a file")
    with pytest.raises(OutputError, match="cannot be made.*; give a folder"), complete_clip(tmp_path, "a"):
        pass


def test_the_manifest_adds_up_the_clips(tmp_path: Path) -> None:
    add(tmp_path, "a")
    add(tmp_path, "b", **counts("training", 3, "bounce"))
    add(tmp_path, "c", **counts("test", 2, "net"))
    write_manifest(tmp_path, {"window_size": 3})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["options"] == {"window_size": 3} and manifest["clips"] == read_clips(tmp_path)
    totals = manifest["totals"]
    sums = {"videos": 2, "windows": 8, "all_visible": 6, "without_ball": 0, "kinds": {"bounce": 3, "net": 5}}
    assert totals["splits"]["training"] == sums
    assert totals["splits"]["validation"]["videos"] == 0 and totals["splits"]["test"]["windows"] == 2
    assert (totals["frames"], totals["bytes"]) == ({"visible": 16}, 30)


def test_a_video_split_by_rally_counts_in_both(tmp_path: Path) -> None:
    both = counts("training", 4, "net")
    both["windows"] |= counts("validation", 2, "net")["windows"]
    splits = count_clips({"a": both})["splits"]
    assert [splits[name]["videos"] for name in ("training", "validation", "test")] == [1, 1, 0]


def test_a_full_disk_is_one_line_and_the_old_manifest_stays(tmp_path: Path, monkeypatch) -> None:
    add(tmp_path, "a")
    write_manifest(tmp_path, {})
    before = (tmp_path / "manifest.json").read_bytes()

    def full(*_, **__) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    for write in (lambda: write_manifest(tmp_path, {"new": 1}), lambda: write_clip_file(tmp_path, {})):
        with pytest.raises(OutputError, match="cannot be written .No space left on device.; make room on the disk"):
            write()
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "manifest.json"]


def test_the_hash_tells_content_not_place(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    hashes = [content_hash(tmp_path / name) for name in "abc"]
    assert hashes[0] == hashes[1] != hashes[2] and len(hashes[0]) == 64


def test_the_hash_of_a_folder_tells_names_and_contents_of_its_files(tmp_path: Path) -> None:
    for folder, name in (("one", "1.txt"), ("two", "1.txt"), ("three", "2.txt")):
        (tmp_path / folder / "below").mkdir(parents=True)
        (tmp_path / folder / name).write_bytes(b"0 1 1")
    hashes = [content_hash(tmp_path / folder) for folder in ("one", "two", "three")]
    assert hashes[0] == hashes[1] != hashes[2]
    with pytest.raises(InputError, match="cannot be read"):
        content_hash(tmp_path / "absent")
