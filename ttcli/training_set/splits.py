"""Which windows of a training set are for training, and which tell how well it went: by game, or by rally."""

import hashlib
from collections.abc import Iterable, Mapping

TRAINING, VALIDATION, TEST = "training", "validation", "test"
SPLITS = (TRAINING, VALIDATION, TEST)


def split_by_game(parts: Mapping[str, str | None], share: float, known: Mapping[str, str]) -> dict[str, str]:
    """Return the split of each game.

    Games of the part `test` are for testing. About `share` of the others is for validation, at least one where
    there are two and the share is above 0. Which ones depends on nothing but their names; games that have a split
    keep it.

    Args:
        parts: The part that each game belongs to by its layout, or None.
        share: Share of the games that are not for testing, in [0, 1).
        known: The split of games that are in the set already.
    """
    splits = {name: TEST for name, part in parts.items() if part == TEST} | dict(known)
    others = {*parts, *known} - {name for name, split in splits.items() if split == TEST}
    splits |= dict.fromkeys(others - splits.keys(), TRAINING)
    missing = _validation_count(len(others), share) - sum(splits[name] == VALIDATION for name in others)
    open_names = [name for name in others if name not in known]
    for name in sorted(open_names, key=_chance)[: max(0, missing)]:
        splits[name] = VALIDATION
    return splits


def split_by_rally(rallies: Iterable[int], name: str, share: float) -> dict[int, str]:
    """Return the split of each rally of one video; a video of one rally is for training.

    Args:
        rallies: Numbers of the rallies.
        name: Name of the video, so that not every video loses the same rallies.
        share: Share of the rallies that is for validation, in [0, 1).
    """
    order = sorted(set(rallies), key=lambda rally: _chance(f"{name}/{rally}"))
    validating = order[: _validation_count(len(order), share)]
    return {rally: VALIDATION if rally in validating else TRAINING for rally in order}


def _validation_count(count: int, share: float) -> int:
    if share <= 0 or count < 2:
        return 0
    return min(max(1, round(share * count)), count - 1)


def _chance(name: str) -> str:
    """Return what sorts names in an order that is the same everywhere and tells nothing about them."""
    return hashlib.sha256(name.encode()).hexdigest()
