"""Rows of a CSV file come back as they were written, and as the standard library would write them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttcli.errors import OutputError
from ttcli.results.csv_rows import append_rows, read_rows, write_rows

TEXT = st.text(st.characters(exclude_categories=("C",)) | st.sampled_from(',"\n'), min_size=1)
ROWS = st.lists(st.tuples(TEXT, st.none() | st.integers() | st.floats(allow_nan=False) | TEXT))


@given(ROWS)
def test_rows_are_written_as_the_standard_library_writes_them(rows):
    ours, theirs = io.StringIO(), io.StringIO()
    assert append_rows(ours, rows) == len(rows)
    csv.writer(theirs, lineterminator="\n").writerows(rows)
    assert ours.getvalue() == theirs.getvalue()


def test_rows_come_back(tmp_path):
    path = tmp_path / "some.csv"
    names = ["plain", "a, b", 'say "net"', "two\nlines", "and\rtwo", "größer", ""]
    assert write_rows(path, ("frame", "name"), enumerate(names)) == len(names)
    assert [row.cells["name"] for row in read_rows(path, needed=("frame", "name"))] == names


def test_rows_that_end_in_an_error_leave_what_was_there(tmp_path):
    def rows():
        yield (1,)
        raise RuntimeError

    path = tmp_path / "some.csv"
    write_rows(path, ("frame",), [(7,)])
    with pytest.raises(OutputError, match="exists already"):
        write_rows(path, ("frame",), [])
    with pytest.raises(RuntimeError):
        write_rows(path, ("frame",), rows(), overwrite=True)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["frame\n7\n"]
