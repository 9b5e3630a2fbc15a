"""Films that are kept for the next run: drawn once, and the same from then on."""

import pytest
import torch
from window_batches import counting_windows, dotted_windows, same

from ttcli.errors import OutputError
from ttcli.training.kept_films import keep_films

CPU = torch.device("cpu")


def test_films_are_drawn_once_and_the_same_from_then_on(tmp_path):
    place = tmp_path / "films" / "of a test"
    drawn = [dotted_windows(1, 4, seed=1), counting_windows(1, 6)]
    first = list(keep_films(place, iter(drawn), CPU))
    again = list(keep_films(place, _none_may_be_drawn(), CPU))
    assert all(same(one, other) for one, other in zip(first, again, strict=True)) and len(again) == 2
    for film, kept in zip(drawn, again, strict=True):
        assert torch.equal(kept.known, film.known) and torch.equal(kept.visible, film.visible & film.known)
        torch.testing.assert_close(kept.positions[kept.visible], film.positions[kept.visible], rtol=0, atol=0.006)
        assert (kept.frames.int() - film.frames.int()).abs().float().mean() < 1


def test_films_that_were_not_all_drawn_are_drawn_anew(tmp_path):
    place = tmp_path / "films"
    films = [dotted_windows(1, 3, seed=number) for number in range(3)]
    stopped = keep_films(place, iter(films), CPU)
    next(stopped)
    stopped.close()
    assert list(tmp_path.iterdir()) == []
    assert len(list(keep_films(place, iter(films), CPU))) == 3 and len(list(place.iterdir())) == 3


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        next(keep_films(tmp_path / "file" / "films", iter([dotted_windows(1, 3)]), CPU))


def _none_may_be_drawn():
    raise AssertionError("a film was drawn")
    yield
