"""Weights come back from a file as they were written, and a file is whole or not there."""

import resource

import pytest
import torch

from ttcli.errors import CheckpointError, OutputError
from ttcli.networks.table_finder import TableFinder
from ttcli.networks.weight_files import read_all, read_metadata, read_tensors, write_weights
from ttcli.table.weights import save_table_finder

CURE = "give another file"


def test_what_is_written_comes_back(tmp_path):
    tensors = {"a": torch.rand(3, 4).T, "b": torch.arange(5)}
    path = tmp_path / "some.safetensors"
    write_weights(path, tensors, {"seed": 3})
    assert read_metadata(path, CURE) == {"seed": 3}
    read = read_tensors(path, CURE)
    assert read.keys() == tensors.keys() and all(torch.equal(read[name], tensors[name]) for name in tensors)


def test_metadata_of_another_name_are_not_those_of_a_network(tmp_path):
    path = tmp_path / "state.safetensors"
    write_weights(path, {"a": torch.zeros(1)}, [1, 2], key="other")
    assert read_metadata(path, CURE) is None and read_all(path)[0] == {"other": "[1, 2]"}


@pytest.mark.parametrize("content", [b"", b"not weights", None])
def test_a_damaged_or_missing_file_is_told_of_in_one_line(tmp_path, content):
    path = tmp_path / "some.safetensors"
    if content is not None:
        path.write_bytes(content)
    for read in (read_metadata, read_tensors):
        with pytest.raises(CheckpointError) as caught:
            read(path, CURE)
        assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_former_file(tmp_path):
    path = tmp_path / "finder.safetensors"
    write_weights(path, {"a": torch.zeros(1)})
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, limits[1]))  # no file may be larger, as on a disk that is full
    try:
        with pytest.raises(OutputError, match="finder.safetensors: cannot be written"):
            save_table_finder(path, TableFinder(), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]
