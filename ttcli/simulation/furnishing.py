"""Halls as they are where the table is hard to find: other tables, any colours, lines that are coloured or worn, prints."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.textures import TextureBank
from ttcli.simulation.world import Halls

MOST_OTHERS = 3
"""Tables in a hall beside the one that is played on."""
ASIDE, BEYOND = (2.9, 7.0), (4.8, 10.0)
"""How far from middle to middle tables stand, across and along, metres."""
PRINTS = 3
STRIPES, STRIPE_SHARE = 6, 0.25
"""Tapes on a table, at most, and the share of halls that have any."""
MAT_SHARE, BASE_SHARE = 0.4, 0.5
"""Share of the halls whose floor is a mat of a strong colour, and whose tables stand on a box, not on thin legs alone."""
_MAT_GAINS = ((2.6, 0.35, 0.5), (2.4, 0.5, 0.9), (0.35, 1.7, 0.8), (0.4, 0.6, 2.2), (0.3, 0.3, 0.3), (1.5, 0.6, 1.7))
_ODD_COLOURS = ((0.55, 0.08, 0.1), (0.05, 0.05, 0.06), (0.45, 0.1, 0.3), (0.02, 0.12, 0.1), (0.65, 0.65, 0.68))


def furnish(halls: Halls, textures: TextureBank, generator: torch.Generator, share: float = 0.55) -> Halls:
    """Return the halls with other tables, and with tables of more kinds.

    Args:
        halls: As `build_halls` made them, on the CPU.
        textures: What prints are cut from.
        generator: Source of all chance.
        share: Share of the halls that hold other tables.
    """
    count = len(halls.table)
    uniform = uniform_draw(generator, count)
    odd = torch.tensor(_ODD_COLOURS)[torch.randint(len(_ODD_COLOURS), (count,), generator=generator)]
    table = torch.where(uniform(1) < 0.3, odd * (0.6 + 0.8 * uniform(3)), halls.table).clamp(0.01, 0.95)
    coloured = torch.where(uniform(1) < 0.5, uniform(3), table + 0.3 * (uniform(3) - 0.2)).clamp(0, 1)
    line = torch.where(uniform(1) < 0.2, coloured, halls.line)
    line = torch.lerp(table, line, 1 - 0.75 * uniform(1) ** 2.5)  # worn, or dirty
    edge = torch.where(uniform(1) < 0.3, table * (0.3 + uniform(1)), halls.edge).clamp(0, 1)
    tape = torch.where(uniform(1) < 0.15, uniform(3), halls.tape)
    gain = halls.gain.clone()
    gain[:, 2] *= _mats(count, generator)
    return replace(
        halls, table=table, line=line, edge=edge, tape=tape, gain=gain,
        others=_other_tables(count, share, generator), prints=_prints(count, textures, generator),
        base=_bases(count, textures, generator),
    )  # fmt: skip


def equip(halls: Halls, generator: torch.Generator) -> Halls:
    """Return the halls with nets that have a thickness, which are seen from their ends too, and with tapes on some tables.

    Trainers stick tapes on a table to show where a ball should fall.
    """
    count = len(halls.table)
    uniform = uniform_draw(generator, count)
    radius = torch.cat([0.008 + 0.02 * uniform(1), 0.003 + 0.007 * uniform(1)], 1)
    posts = torch.cat([radius, 0.5 * uniform(3) * uniform(1)], 1)
    return replace(halls, posts=posts, stripes=_stripes(halls, generator))


def _stripes(halls: Halls, generator: torch.Generator) -> Tensor:
    """Return tapes (B, STRIPES, 10) as `Halls` has them; most halls have none, and those have no size."""
    count = len(halls.table)
    uniform = uniform_draw(generator, count)
    there = (uniform(1, 1) < STRIPE_SHARE) & (uniform(STRIPES, 1) < 0.6)
    place = (uniform(STRIPES, 2) - 0.5) * torch.tensor([1.4, 2.6])
    turn = math.pi * torch.where(uniform(STRIPES, 1) < 0.4, uniform(STRIPES, 1), torch.round(2 * uniform(STRIPES, 1)) / 2)
    size = torch.cat([0.05 + 0.9 * uniform(STRIPES, 1) ** 1.5, 0.005 + 0.025 * uniform(STRIPES, 1)], 2) * there
    dash = 0.06 + 0.25 * uniform(STRIPES, 1)
    share = torch.where(uniform(STRIPES, 1) < 0.5, 1.0, 0.3 + 0.5 * uniform(STRIPES, 1))
    colour = torch.where(uniform(STRIPES, 1) < 0.6, halls.line[:, None], uniform(STRIPES, 3))
    colour = torch.lerp(halls.table[:, None].expand_as(colour), colour, 0.4 + 0.6 * uniform(STRIPES, 1))
    return torch.cat([place, turn, size, dash, share, colour], 2)


def _mats(count: int, generator: torch.Generator) -> Tensor:
    """Return gains (B, 3) of floors: two in five are mats of a strong colour."""
    uniform = uniform_draw(generator, count)
    strong = torch.tensor(_MAT_GAINS)[torch.randint(len(_MAT_GAINS), (count,), generator=generator)]
    return torch.where(uniform(1) < MAT_SHARE, strong * (0.6 + 0.8 * uniform(3)), 1.0)


def _bases(count: int, textures: TextureBank, generator: torch.Generator) -> Tensor:
    """Return boxes (B, 7) that tables stand on, as `Halls` has them; half of the halls have none."""
    uniform = uniform_draw(generator, count)
    half = torch.tensor([0.2, 0.3]) + uniform(2) * torch.tensor([0.5, 0.95])
    half = half * (uniform(1) < BASE_SHARE)
    wall = torch.randint(textures.wall_count, (count, 1), generator=generator)
    colour = uniform(3) * (0.2 + 0.8 * uniform(1))
    return torch.cat([half, wall.float(), colour, 0.45 + 0.28 * uniform(1)], 1)


def _other_tables(count: int, share: float, generator: torch.Generator) -> Tensor:
    """Return others (B, MOST_OTHERS, 4) as `Halls` has them: in rows with the one that is played on, or anywhere."""
    uniform = uniform_draw(generator, count)
    slots = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1), (2, 0), (-2, 0))
    order = torch.rand(count, len(slots), generator=generator).argsort(1)[:, :MOST_OTHERS]
    grid = torch.tensor(slots).float()[order]  # (B, K, 2)
    step = torch.stack([low + (high - low) * uniform(1) ** 1.5 for low, high in (ASIDE, BEYOND)], 2)
    place = grid * step + 0.6 * (uniform(MOST_OTHERS, 2) - 0.5)
    turn = 0.1 * (uniform(MOST_OTHERS) - 0.5) + (uniform(1) < 0.15) * (uniform(MOST_OTHERS) - 0.5) * 2
    there = (uniform(1) < share) & (torch.arange(MOST_OTHERS) <= uniform(1) * MOST_OTHERS)
    return torch.cat([place, turn[..., None], there[..., None].float()], 2)


def _prints(count: int, textures: TextureBank, generator: torch.Generator) -> Tensor:
    """Return prints (B, PRINTS, 5) as `Halls` has them; most halls have none, and those have no size."""
    uniform = uniform_draw(generator, count)
    place = (uniform(PRINTS, 2) - 0.5) * torch.tensor([1.3, 2.5])
    size = (0.02 + 0.16 * uniform(PRINTS, 2) ** 2) * (uniform(1, 1) < 0.4) * (uniform(PRINTS, 1) < 0.6)
    wall = torch.randint(textures.wall_count, (count, PRINTS, 1), generator=generator)
    return torch.cat([place, size, wall.float()], 2)
