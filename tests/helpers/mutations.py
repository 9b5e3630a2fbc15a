"""Videos damaged at random, by a seed, in the ways in which files come to harm."""

import random
from collections.abc import Callable
from pathlib import Path

from made_videos import MADE

SEEDS = (
    "rate_25.mp4", "b_frames.mp4", "fragments.mp4", "varying.mkv", "b_frames.ts", "mpeg4.avi", "vp9.webm", "mjpeg.mov",
    "raw.h264", "hevc.mp4", "h264.flv", "turned_90.mp4", "interlaced.mpg", "edit_list.mp4", "lossless.mkv", "wide_pixels.mp4",
    "av1.mp4", "wmv.wmv", "ten_bit_422.mov", "vp8.webm",
)  # fmt: skip
"""Names of the videos that are damaged; each way of reading a file is among them."""
BY_NAME = {made.name: made for made in MADE}
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def make_seeds(folder: Path) -> dict[str, bytes]:
    """Return the undamaged videos by name."""
    contents = {}
    for name in SEEDS:
        BY_NAME[name].make(folder / name)
        contents[name] = (folder / name).read_bytes()
    return contents


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Return a damaged copy: one to three harms, of any kind, anywhere."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if data:
            chance.choice(HARMS)(data, chance)
    return bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    """Return a place; headers and indexes, at both ends, are hit more often than they are long."""
    near = min(len(data), 1200)
    return chance.choice((chance.randrange(len(data)), chance.randrange(near), len(data) - 1 - chance.randrange(near)))


def cut_off(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def lose_beginning(data: bytearray, chance: random.Random) -> None:
    del data[: chance.randrange(min(len(data), 4000))]


def flip_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 3, 10, 50))):
        data[_place(data, chance)] ^= 1 << chance.randrange(8)


def overwrite(data: bytearray, chance: random.Random) -> None:
    place, length = _place(data, chance), chance.choice((1, 4, 16, 64, 500))
    filling = chance.choice((b"\0" * length, b"\xff" * length, chance.randbytes(length)))
    data[place : place + length] = filling[: len(data) - place]


def set_number(data: bytearray, chance: random.Random) -> None:
    """Put an extreme number where a size, a count or a duration may be."""
    place, number = _place(data, chance), chance.choice((*EXTREMES, chance.getrandbits(32)))
    length = chance.choice((1, 2, 4, 8))
    order = chance.choice(("big", "little"))
    number = (number & ((1 << 8 * length) - 1)).to_bytes(length, order)
    data[place : place + length] = number[: len(data) - place]


def lose_piece(data: bytearray, chance: random.Random) -> None:
    place = _place(data, chance)
    del data[place : place + chance.choice((1, 7, 188, 1000, 4096))]


def repeat_piece(data: bytearray, chance: random.Random) -> None:
    place, length = _place(data, chance), chance.choice((4, 188, 1000))
    data[place:place] = data[place : place + length] * chance.choice((1, 3))


def swap_pieces(data: bytearray, chance: random.Random) -> None:
    first, second = sorted(_place(data, chance) for _ in range(2))
    length = chance.choice((4, 100, 188, 1000))
    if first + length < second and second + length <= len(data):
        one, other = data[first : first + length], data[second : second + length]
        data[first : first + length], data[second : second + length] = other, one


HARMS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    cut_off, lose_beginning, flip_bits, flip_bits, overwrite, overwrite, set_number, set_number, set_number, lose_piece,
    repeat_piece, swap_pieces,
)  # fmt: skip
