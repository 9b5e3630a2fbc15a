"""Dissolves are found at their end, and what only moves is none."""

import cv2
import numpy as np
import pytest

from ttcli.video.cuts import CutFinder

BEFORE, AFTER = 20, 12
"""Pictures of the first shot and of the second one."""


def scene(seed: int, height: int = 144, width: int = 512) -> np.ndarray:
    """Return a wide gray picture of patches."""
    patches = np.random.default_rng(seed).integers(20, 236, (height // 24, width // 24 + 1), np.uint8)
    return cv2.resize(patches, (width, height), interpolation=cv2.INTER_LINEAR)


def shot(seed: int, count: int) -> list[np.ndarray]:
    """Return pictures of a still scene in which somebody walks and the camera is noisy."""
    noise = np.random.default_rng(seed)
    pictures = []
    for number in range(count):
        picture = scene(seed)[:, :256].astype(np.float32) + noise.normal(0, 3, (144, 256))
        cv2.rectangle(picture, (40 + 2 * number, 60), (60 + 2 * number, 120), 90.0, -1)
        pictures.append(picture)
    return pictures


def mixed(first: list[np.ndarray], second: list[np.ndarray], shares: np.ndarray) -> list[np.ndarray]:
    """Return the pictures of two shots, the end of one and the beginning of the other laid over each other."""
    steps = len(shares)
    over = [(1 - share) * one + share * other for share, one, other in zip(shares, first[-steps:], second[:steps], strict=True)]
    return first[:-steps] + over + second[steps:]


def begins(pictures: list[np.ndarray]) -> list[int]:
    """Return the pictures that shots begin with."""
    finder = CutFinder()
    grays = [np.clip(picture, 0, 255).astype(np.uint8) for picture in pictures]
    decisions = [decision for gray in grays for decision in finder.add(gray)] + finder.finish()
    assert len(decisions) == len(pictures)
    return [index for index, decision in enumerate(decisions) if decision]


def shares_of(steps: int, soft: bool = False) -> np.ndarray:
    share = np.arange(1, steps + 1) / (steps + 1)
    return 3 * share**2 - 2 * share**3 if soft else share


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("steps", [6, 12, 25, 50])
def test_a_dissolve_is_found_at_its_end(steps: int, soft: bool) -> None:
    pictures = mixed(shot(1, BEFORE + steps), shot(2, steps + AFTER), shares_of(steps, soft))
    (found,) = begins(pictures)
    assert BEFORE + steps - max(3, steps / 4) <= found <= BEFORE + steps


def test_a_fade_to_black_and_one_from_black_part_two_shots() -> None:
    black = [np.full((144, 256), 16.0) for _ in range(30)]
    dark = mixed(shot(1, BEFORE + 10), black, shares_of(10))
    found = begins(mixed(dark, shot(2, 10 + AFTER), shares_of(10)))
    assert len(found) == 2 and found[1] == pytest.approx(len(dark), abs=1)


def test_two_dissolves_in_a_row_are_two() -> None:
    first = mixed(shot(1, BEFORE + 8), shot(2, 40), shares_of(8))
    assert len(begins(mixed(first, shot(3, 8 + AFTER), shares_of(8)))) == 2


def test_a_dissolve_that_is_broken_off_is_none() -> None:
    first, second = shot(1, BEFORE + AFTER), shot(2, 6)
    for share, place in zip((0.1, 0.2, 0.3, 0.3, 0.2, 0.1), range(BEFORE, BEFORE + 6), strict=True):
        first[place] = (1 - share) * first[place] + share * second[place - BEFORE]
    assert begins(first) == []


@pytest.mark.parametrize("speed", [2, 4, 12])
def test_a_pan_that_stops_is_none(speed: int) -> None:
    picture = scene(3, width=1024)
    lefts = [speed * min(max(0, number - 10), 400 // speed) for number in range(20 + 400 // speed)]
    assert begins([picture[:, left : left + 256] for left in lefts]) == []


def test_a_zoom_that_stops_is_none() -> None:
    picture = scene(4, 288, 512)
    margins = [2 * min(max(0, number - 8), 40) for number in range(60)]
    assert begins([cv2.resize(picture[m : 288 - m, 2 * m : 512 - 2 * m], (256, 144)) for m in margins]) == []


def test_somebody_who_walks_before_the_lens_and_stays_is_none() -> None:
    pictures = []
    for number in range(60):
        picture = scene(9)[:, :256].copy()
        cv2.rectangle(picture, (-130 + 8 * min(number, 30), 0), (8 * min(number, 30), 144), 30, -1)
        pictures.append(picture)
    assert begins(pictures) == []


def test_lights_that_go_on_slowly_are_none() -> None:
    bright = scene(8)[:, :256].astype(np.float32)
    assert begins([bright * (0.5 + 0.5 * min(max(number - 10, 0) / 20, 1)) for number in range(50)]) == []
