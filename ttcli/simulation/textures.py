"""Painted walls and floors for the halls of the simulator: panels, crowds, letters, lamps, lines."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

WALL_HEIGHT, WALL_WIDTH = 192, 1024
FLOOR_SIZE = 512

_LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ0123456789"


@dataclass(frozen=True)
class TextureBank:
    """Painted surfaces, drawn once and shared by many scenes.

    `texels` (all of them) int32 holds all walls, WALL_HEIGHT x WALL_WIDTH, and then all floors, FLOOR_SIZE square, with
    red in the lowest byte, then green, then blue: one look-up reads a colour. A wall repeats along its width.
    """

    texels: Tensor
    wall_count: int
    floor_count: int
    wall_brightness: Tensor
    """Mean green of each wall, 0 to 255."""

    @property
    def floors_at(self) -> int:
        """Where the first floor begins among the texels."""
        return self.wall_count * WALL_HEIGHT * WALL_WIDTH

    def cut(self, wall: int, top: int, left: int, height: int, width: int) -> Tensor:
        """Return a piece of a wall as a picture (3, H, W) in [0, 1]."""
        whole = self.texels[: self.floors_at].view(self.wall_count, WALL_HEIGHT, WALL_WIDTH)
        colours = whole[wall, top : top + height, left : left + width].view(torch.uint8).unflatten(-1, (width, 4))
        return colours[..., :3].permute(2, 0, 1) / 255

    def to(self, device: torch.device) -> "TextureBank":
        """Return the bank on another device."""
        brightness = self.wall_brightness.to(device)
        return TextureBank(self.texels.to(device), self.wall_count, self.floor_count, brightness)


def paint_textures(seed: int, walls: int = 40, floors: int = 24) -> TextureBank:
    """Return a bank of painted surfaces; the same seed paints the same pictures."""
    chance = np.random.default_rng([seed, 7])
    painted = [_paint_wall(chance) for _ in range(walls)] + [_paint_floor(chance) for _ in range(floors)]
    texels = np.concatenate([picture.reshape(-1, 3) for picture in painted]).astype(np.int32)
    packed = torch.from_numpy(texels @ np.array([1, 1 << 8, 1 << 16], np.int32))
    brightness = torch.tensor([float(wall[..., 1].mean()) for wall in painted[:walls]])
    return TextureBank(packed, walls, floors, brightness)


def unpack(texels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return red, green and blue, 0 to 255 in float32, of packed texels."""
    red, green, blue = (((texels >> shift) & 255).float() for shift in (0, 8, 16))
    return red, green, blue


def _paint_wall(chance: np.random.Generator) -> np.ndarray:
    picture = _cloudy(chance, WALL_HEIGHT, WALL_WIDTH, _muted_colour(chance), chance.uniform(3, 40))
    if chance.random() < 0.5:
        _paint_panels(chance, picture)
    if chance.random() < 0.4:
        _paint_crowd(chance, picture)
    for _ in range(chance.integers(0, 5)):
        _paint_board(chance, picture)
    if chance.random() < 0.6:
        _paint_letters(chance, picture, int(chance.integers(1, 14)))
    if chance.random() < 0.6:
        _paint_lamps(chance, picture)
    return _soften(chance, picture)


def _paint_floor(chance: np.random.Generator) -> np.ndarray:
    picture = _cloudy(chance, FLOOR_SIZE, FLOOR_SIZE, _muted_colour(chance), chance.uniform(2, 25))
    if chance.random() < 0.4:
        _paint_planks(chance, picture)
    for _ in range(chance.integers(0, 6)):
        _paint_court_line(chance, picture)
    if chance.random() < 0.5:
        _paint_letters(chance, picture, int(chance.integers(1, 8)))
    if chance.random() < 0.3:
        _paint_lamps(chance, picture)
    return _soften(chance, picture)


def _muted_colour(chance: np.random.Generator) -> np.ndarray:
    """Return an RGB colour as halls have them: any hue, rarely bright."""
    value = 255 * chance.beta(1.3, 2.2)
    tint = chance.uniform(0.25, 1, 3) ** chance.uniform(0, 1.2)
    return np.clip(value * tint / tint.max(), 6, 245)


def _any_colour(chance: np.random.Generator) -> tuple[int, int, int]:
    if chance.random() < 0.45:  # print is white, or nearly
        return (int(chance.uniform(190, 256)),) * 3
    red, green, blue = (int(v) for v in chance.integers(0, 256, 3))
    return red, green, blue


def _cloudy(chance: np.random.Generator, height: int, width: int, colour: np.ndarray, contrast: float) -> np.ndarray:
    """Return a surface of one colour with light and dirt on it at several scales."""
    clouds = np.zeros((height, width), np.float32)
    for cell in (128, 48, 12, 3):
        grid = chance.normal(size=(height // cell + 2, width // cell + 2)).astype(np.float32)
        clouds += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * (cell / 128) ** chance.uniform(0.1, 1)
    clouds *= contrast / max(float(clouds.std()), 1e-6)
    return np.clip(colour + clouds[..., None], 0, 255).astype(np.uint8)


def _paint_panels(chance: np.random.Generator, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    pitch = int(chance.uniform(6, 120))
    colour = tuple(float(v) for v in _muted_colour(chance))
    upright = chance.random() < 0.6
    for place in range(0, width if upright else height, pitch):
        thick = max(1, int(pitch * chance.uniform(0.05, 0.5)))
        if upright:
            cv2.rectangle(picture, (place, 0), (place + thick, height), colour, -1)
        else:
            cv2.rectangle(picture, (0, place), (width, place + thick), colour, -1)


def _paint_crowd(chance: np.random.Generator, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    top, bottom = sorted(chance.integers(0, height, 2))
    size = chance.uniform(2.5, 7)
    dark = chance.uniform(0.15, 1)
    for row in np.arange(top, bottom, size * 2.2):
        for column in np.arange(0, width, size * 2.6):
            x, y = int(column + chance.normal() * size * 0.5), int(row + chance.normal() * size * 0.3)
            shirt = tuple(float(v) * dark for v in chance.integers(0, 256, 3))
            skin = tuple(float(v) * dark * chance.uniform(0.5, 1) for v in (225, 175, 140))
            cv2.ellipse(picture, (x, y + int(size)), (int(size), int(size * 1.2)), 0, 0, 360, shirt, -1, cv2.LINE_AA)
            cv2.circle(picture, (x, y - int(size * 0.4)), max(1, int(size * 0.45)), skin, -1, cv2.LINE_AA)


def _paint_board(chance: np.random.Generator, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    x, y = int(chance.integers(0, width)), int(chance.integers(0, height))
    w, h = int(chance.uniform(5, 160)), int(chance.uniform(4, 70))
    colour = tuple(float(v) for v in _muted_colour(chance) * chance.uniform(0.5, 2))
    cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
    if chance.random() < 0.5:
        cv2.rectangle(picture, (x, y), (x + w, y + h), _any_colour(chance), int(chance.integers(1, 3)), cv2.LINE_AA)


def _paint_letters(chance: np.random.Generator, picture: np.ndarray, words: int) -> None:
    height, width = picture.shape[:2]
    for _ in range(words):
        word = "".join(chance.choice(list(_LETTERS), int(chance.integers(1, 12))))
        size = chance.uniform(0.2, 0.6) if chance.random() < 0.6 else chance.uniform(0.6, 2.0)
        place = (int(chance.integers(-20, width)), int(chance.integers(5, height)))
        font = int(chance.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX]))
        thick = max(1, int(size * chance.uniform(1, 4)))
        cv2.putText(picture, word, place, font, size, _any_colour(chance), thick, cv2.LINE_AA)


def _paint_lamps(chance: np.random.Generator, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    radius = chance.uniform(0.6, 3)
    for _ in range(chance.integers(3, 120)):
        place = (int(chance.integers(0, width) * 8), int(chance.integers(0, height) * 8))
        bright = chance.uniform(120, 256)
        tint = tuple(float(bright * v) for v in chance.uniform(0.75, 1, 3))
        cv2.circle(picture, place, int(radius * chance.uniform(0.6, 1.6) * 8), tint, -1, cv2.LINE_AA, 3)


def _paint_planks(chance: np.random.Generator, picture: np.ndarray) -> None:
    size = picture.shape[0]
    pitch = int(chance.uniform(8, 90))
    change = chance.uniform(0.75, 1.25)
    for place in range(0, size, pitch):
        part = picture[:, place : place + max(1, int(pitch * chance.uniform(0.05, 0.6)))]
        part[:] = np.clip(part * change, 0, 255)


def _paint_court_line(chance: np.random.Generator, picture: np.ndarray) -> None:
    size = picture.shape[0]
    start, end = ([int(v) for v in chance.integers(0, size, 2)] for _ in range(2))
    cv2.line(picture, start, end, _any_colour(chance), int(chance.integers(1, 5)), cv2.LINE_AA)


def _soften(chance: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Return the surface as a lens out of focus sees it, more or less."""
    return cv2.GaussianBlur(picture, (0, 0), float(chance.uniform(0.3, 1.6)))
