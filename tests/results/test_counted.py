import pytest

from ttcli.results.counted import counted


@pytest.mark.parametrize(
    ("number", "noun", "line"),
    [
        (0, "bounce", "0 bounces"),
        (1, "rally", "1 rally"),
        (2, "rally", "2 rallies"),
        (2, "replay", "2 replays"),
        (3, "match", "3 matches"),
    ],
)
def test_a_number_has_the_noun_that_it_asks_for(number, noun, line):
    assert counted(number, noun) == line
