"""A game, or a rally, is in one split; later games leave the earlier ones where they are."""

from hypothesis import given
from hypothesis import strategies as st

from ttcli.training_set.splits import SPLITS, TEST, TRAINING, VALIDATION, split_by_game, split_by_rally

NAMES = st.sets(st.text("abc123_", min_size=1, max_size=4), max_size=12)
SHARES = st.floats(0, 0.99)
PARTS = st.sampled_from([None, "training", "test"])


@given(games=st.dictionaries(st.text("abc123_", min_size=1, max_size=4), PARTS, max_size=12), share=SHARES)
def test_every_game_has_one_split_and_test_stays_test(games, share) -> None:
    splits = split_by_game(games, share, {})
    assert splits.keys() == games.keys() and set(splits.values()) <= set(SPLITS)
    assert all((splits[name] == TEST) == (part == TEST) for name, part in games.items())
    others = [split for split in splits.values() if split != TEST]
    assert others.count(VALIDATION) == (
        min(max(1, round(share * len(others))), len(others) - 1) if share and len(others) > 1 else 0
    )


@given(first=NAMES, later=NAMES, share=SHARES)
def test_games_that_come_later_leave_the_others_alone(first, later, share) -> None:
    before = split_by_game(dict.fromkeys(first), share, {})
    after = split_by_game(dict.fromkeys(later - first), share, before)
    assert {name: after[name] for name in first} == before
    assert after.keys() == first | later


@given(games=NAMES, share=SHARES)
def test_the_order_of_games_does_not_matter(games, share) -> None:
    assert split_by_game(dict.fromkeys(sorted(games)), share, {}) == split_by_game(
        dict.fromkeys(sorted(games)[::-1]), share, {}
    )


@given(rallies=st.lists(st.integers(0, 50), max_size=40), share=SHARES)
def test_every_rally_has_one_split_and_one_is_left_for_training(rallies, share) -> None:
    splits = split_by_rally(rallies, "match", share)
    assert splits.keys() == set(rallies) and set(splits.values()) <= {TRAINING, VALIDATION}
    assert not rallies or TRAINING in splits.values()
    assert (VALIDATION in splits.values()) == (share > 0 and len(splits) > 1)


def test_videos_do_not_all_lose_the_same_rallies() -> None:
    lost = {
        min(rally for rally, split in split_by_rally(range(10), name, 0.1).items() if split == VALIDATION)
        for name in "abcdefgh"
    }
    assert len(lost) > 1
