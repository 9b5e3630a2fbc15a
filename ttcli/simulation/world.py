"""The hall: floor, walls, barriers, the table with its lines, and the net, seen along rays."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ttcli.simulation.camera import Cameras
from ttcli.simulation.chance import uniform_draw
from ttcli.simulation.textures import FLOOR_SIZE, WALL_HEIGHT, WALL_WIDTH, TextureBank, unpack
from ttcli.table.constants import NET_HEIGHT, NET_OVERHANG, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

LINE_WIDTH, CENTRE_LINE_WIDTH, TAPE_WIDTH = 0.02, 0.003, 0.015
TABLE_THICKNESS = 0.03
LEG_RADIUS = 0.025
_LEGS: list["_Rod"] = [((x, y, 0.02), (0.9 * x, 0.85 * y, 0.73)) for x in (-0.6, 0.6) for y in (-1.05, 1.05)] + [
    ((-0.6, y, 0.3), (0.6, y, 0.3)) for y in (-0.95, 0.95)
]
_Rod = tuple[tuple[float, float, float], tuple[float, float, float]]
_NET_END = TABLE_WIDTH / 2 + NET_OVERHANG
_POSTS: list[_Rod] = [
    ((side, 0.0, TABLE_HEIGHT - 0.05), (side, 0.0, TABLE_HEIGHT + NET_HEIGHT)) for side in (-_NET_END, _NET_END)
]
_TAPE: list[_Rod] = [((-_NET_END, 0.0, TABLE_HEIGHT + NET_HEIGHT), (_NET_END, 0.0, TABLE_HEIGHT + NET_HEIGHT))]
FAR = 1e4
"""Depth of what nothing stands behind, in metres."""


@dataclass(frozen=True)
class Halls:
    """What stands still in a scene, one for each window; every field has the windows as its first dimension."""

    low: Tensor  # (B, 3) the room's corner with the smallest coordinates, metres
    high: Tensor  # (B, 3) and with the largest
    fence_low: Tensor  # (B, 2) the same for the barriers round the court
    fence_high: Tensor
    fence_height: Tensor  # (B,) metres; 0 where there is none
    wall: Tensor  # (B,) index of the painted wall
    fence: Tensor  # (B,)
    floor: Tensor  # (B,)
    texel: Tensor  # (B, 3) texels a metre of wall, fence and floor
    shift: Tensor  # (B, 3) where the pattern begins, texels
    gain: Tensor  # (B, 3, 3) colour gains of wall, fence and floor
    table: Tensor  # (B, 3) colours in [0, 1]
    edge: Tensor  # (B, 3)
    line: Tensor  # (B, 3)
    net: Tensor  # (B, 3)
    net_opacity: Tensor  # (B,) of the mesh
    tape: Tensor  # (B, 3)
    light: Tensor  # (B, 2) the fall of light across the hall
    others: Tensor | None = None  # (B, K, 4) other tables: x and y in metres, turn in radians, and 1 where there is one
    prints: Tensor | None = (
        None  # (B, P, 5) what is printed on the table: x and y of its middle, half its sizes, and which wall
    )
    base: Tensor | None = (
        None  # (B, 7) the box that tables stand on: half its sizes, 0 for none, which wall, its colour, its top
    )
    stripes: Tensor | None = (
        None  # (B, S, 10) tapes on the table: x and y of the middle, turn, half the sizes, dash, its share, colour
    )
    posts: Tensor | None = None  # (B, 5) radius of the net's posts and of its tape, metres, and the posts' colour

    def at(self, windows: Tensor) -> "Halls":
        """Return the halls of some windows."""
        return self.map(lambda values: values[windows])

    def map(self, change: Callable[[Tensor], Tensor]) -> "Halls":
        """Return the halls with each of their tensors changed."""
        there = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        return Halls(**{name: change(value) for name, value in there.items()})

    def at_least(self, reach: tuple[float, float]) -> "Halls":
        """Return the halls with walls at least `reach` metres across and along the table from its middle."""
        floor = self.low.new_tensor([*reach, 0.0])
        return replace(self, low=torch.minimum(self.low, -floor), high=torch.maximum(self.high, floor))


@dataclass(frozen=True)
class View:
    """A hall as one camera sees it.

    `picture` (B, 3, H, W) has the net in it. `disparity` (B, 1, H, W) is one over the depth of what is opaque.
    `net_cover` (B, 1, H, W) is how much the net hides of what stands behind.
    """

    picture: Tensor
    disparity: Tensor
    net_cover: Tensor


def build_halls(position: Tensor, textures: TextureBank, generator: torch.Generator) -> Halls:
    """Return halls large enough for cameras at `position` (B, 3)."""
    count = len(position)
    uniform = uniform_draw(generator, count)

    def pick(high: int) -> Tensor:
        return torch.randint(high, (count,), generator=generator)

    position = position.cpu()
    reach = torch.tensor([3.0, 5.0]) + uniform(2) * torch.tensor([6.0, 8.0])
    high = torch.cat([torch.maximum(reach, position[:, :2] + 0.5), (position[:, 2:] + 0.5).clamp_min(4) + 5 * uniform(1)], 1)
    reach = torch.tensor([3.0, 5.0]) + uniform(2) * torch.tensor([6.0, 8.0])
    low = torch.cat([torch.minimum(-reach, position[:, :2] - 0.5), torch.zeros(count, 1)], 1)
    fence = torch.tensor([2.5, 4.5]) + uniform(2) * torch.tensor([1.5, 2.5])

    table = _table_colours(uniform(3), pick(5))
    white = 0.75 + 0.25 * uniform(1)
    halls = Halls(
        low=low, high=high, fence_low=-fence, fence_high=fence,
        fence_height=(0.6 + 0.3 * uniform()) * (uniform() < 0.5),
        wall=pick(textures.wall_count), fence=pick(textures.wall_count), floor=pick(textures.floor_count),
        texel=torch.tensor([18.0, 40.0, 20.0]) * (0.7 + 1.0 * uniform(3)),
        shift=uniform(3) * 1000,
        gain=(0.5 + uniform(3, 1)) * (0.8 + 0.4 * uniform(3, 3)),
        table=table, edge=torch.where(uniform(1) < 0.4, white.expand(-1, 3), table * 0.7),
        line=(white * (0.9 + 0.1 * uniform(3))).clamp(0, 1),
        net=0.4 * uniform(3) ** 2, net_opacity=0.15 + 0.5 * uniform(),
        tape=(0.7 + 0.3 * uniform(1)) * (0.9 + 0.1 * uniform(3)),
        light=(uniform(2) - 0.5) * 0.5,
    )  # fmt: skip
    return halls.map(lambda values: values.to(textures.texels.device))


def view_halls(halls: Halls, cameras: Cameras, textures: TextureBank, height: int, width: int) -> View:
    """Return what the first camera of each window sees on a picture of the given size."""
    origin = [part[:, None, None] for part in cameras.position[:, 0].unbind(-1)]  # x, y, z, each (B, 1, 1)
    # Planes, one for each coordinate, (B, H, W); the forward component is 1, so that distance along a ray is depth.
    rays = cameras.rays(height, width)
    picture, depth = _view_room(halls, origin, rays, textures)
    hidden = torch.zeros_like(depth)
    for number in range(0 if halls.others is None else halls.others.shape[1]):
        _stand_other_table(halls, number, cameras, (origin, rays), textures, (picture, depth, hidden))
    picture = _stand_legs(halls, cameras, picture)
    picture, depth = _stand_base(halls, origin, rays, picture, depth, textures)
    picture, depth = _lay_table(halls, origin, rays, picture, depth, textures)
    picture, cover = _hang_net(halls, origin, rays, picture, depth)
    picture = _stand_posts(halls, cameras, picture)
    return View(picture.clamp_(0, 1), 1 / depth[:, None], torch.maximum(hidden, cover)[:, None])


def _stand_other_table(
    halls: Halls,
    number: int,
    cameras: Cameras,
    sight: tuple[list[Tensor], list[Tensor]],
    textures: TextureBank,
    view: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Put one other table into each hall that has so many: into picture, depth and what its net hides, in place."""
    assert halls.others is not None
    rows = torch.nonzero(halls.others[:, number, 3])[:, 0]
    if not len(rows):
        return
    some, place = halls.at(rows), halls.others[rows, number]
    picture, depth, hidden = view
    origin, rays = ([part[rows] for part in parts] for parts in sight)
    cos, sin = place[:, 2].cos()[:, None, None], place[:, 2].sin()[:, None, None]
    x, y = origin[0] - place[:, 0, None, None], origin[1] - place[:, 1, None, None]
    origin = [cos * x + sin * y, cos * y - sin * x, origin[2]]  # as the table sees it
    rays = [cos * rays[0] + sin * rays[1], cos * rays[1] - sin * rays[0], rays[2]]
    every = torch.arange(len(cameras.focal), device=picture.device)
    shown = _stand_legs(some, cameras.at(every[rows]), picture[rows], place)
    shown, near = _stand_base(some, origin, rays, shown, depth[rows], textures)
    shown, near = _lay_table(some, origin, rays, shown, near, textures)
    shown, cover = _hang_net(some, origin, rays, shown, near)
    shown = _stand_posts(some, cameras.at(every[rows]), shown, place)
    picture[rows], depth[rows], hidden[rows] = shown, near, torch.maximum(hidden[rows], cover)


def placed(points: Tensor, place: Tensor) -> Tensor:
    """Return points (P, 3) of the table's own axes where it stands, (N, P, 3), for tables at `place` (N, 3 or more)."""
    cos, sin = place[:, 2, None].cos(), place[:, 2, None].sin()
    x = cos * points[:, 0] - sin * points[:, 1] + place[:, 0, None]
    y = sin * points[:, 0] + cos * points[:, 1] + place[:, 1, None]
    return torch.stack([x, y, points[:, 2].expand_as(x)], -1)


def _table_colours(chance: Tensor, kind: Tensor) -> Tensor:
    """Return table tops (B, 3): blues, greens, dark ones, purple, and anything."""
    bases = torch.tensor([[0.1, 0.25, 0.6], [0.08, 0.35, 0.25], [0.12, 0.14, 0.18], [0.3, 0.2, 0.45], [0.5, 0.4, 0.4]])
    return (bases[kind] * (0.45 + 1.1 * chance)).clamp(0.02, 0.95)


def _view_room(halls: Halls, origin: list[Tensor], rays: list[Tensor], textures: TextureBank) -> tuple[Tensor, Tensor]:
    """Return the picture (B, 3, H, W) and depth (B, H, W) of floor, walls and barriers."""
    inverse = [1 / torch.where(ray.abs() < 1e-6, 1e-6, ray) for ray in rays]
    far = [_exit(halls.low[:, axis], halls.high[:, axis], origin[axis], inverse[axis]) for axis in range(3)]
    depth = torch.minimum(torch.minimum(far[0], far[1]), far[2])
    # Barriers are the faces of a lower box that look at the camera from beyond the table.
    beyond = [_exit(halls.fence_low[:, axis], halls.fence_high[:, axis], origin[axis], inverse[axis]) for axis in range(2)]
    fence_depth = torch.minimum(*beyond)
    fence_z = origin[2] + fence_depth * rays[2]
    fence = (fence_z < halls.fence_height[:, None, None]) & (fence_z > 0) & (fence_depth > 0)
    floor = (far[2] <= depth) & (rays[2] < 0) & ~fence
    depth = torch.where(fence, fence_depth, depth)

    kind = torch.where(floor, 2, fence.long())  # wall, fence, floor: the order of Halls.texel, shift and gain
    colour = _read_surface(halls, kind, floor, [place + depth * ray for place, ray in zip(origin, rays, strict=True)], textures)
    slope = halls.light[:, 0, None, None] * rays[0] + halls.light[:, 1, None, None] * rays[1]
    light = 1 + slope * (rays[0] ** 2 + rays[1] ** 2 + rays[2] ** 2).rsqrt()
    return colour.mul_(light[:, None] / 255), depth


def _exit(low: Tensor, high: Tensor, origin: Tensor, inverse: Tensor) -> Tensor:
    """Return how far (B, H, W) rays that start between two planes go until they meet one of them."""
    return torch.where(inverse > 0, high[:, None, None] - origin, low[:, None, None] - origin) * inverse


def _read_surface(halls: Halls, kind: Tensor, floor: Tensor, hit: list[Tensor], textures: TextureBank) -> Tensor:
    """Return colours (B, 3, H, W), 0 to 255 before gains, of the points `hit` on surfaces by kind (B, H, W)."""
    x, y, z = hit
    entry = kind + torch.arange(len(kind), device=kind.device)[:, None, None] * 3
    texel, shift = halls.texel.flatten()[entry], halls.shift.flatten()[entry]
    height, width = torch.where(floor, FLOOR_SIZE, WALL_HEIGHT), torch.where(floor, FLOOR_SIZE, WALL_WIDTH)
    # Along a wall by x + y and upward by z, on the floor by x and y.
    rows = torch.where(floor, x * texel + shift, (WALL_HEIGHT - 1 - 0.8 * z * texel).clamp_(0, WALL_HEIGHT - 1.01))
    columns = torch.where(floor, y * texel, (x + y) * texel + shift)
    begins = torch.stack([halls.wall, halls.fence, halls.floor], 1) * torch.tensor(
        [WALL_HEIGHT * WALL_WIDTH] * 2 + [FLOOR_SIZE**2], device=kind.device
    )
    begins[:, 2] += textures.floors_at
    colour = _bilinear(textures.texels, begins.flatten()[entry], rows, columns, height, width)
    gain = halls.gain.flatten(0, 1)
    return torch.stack([plane * gain[:, channel][entry] for channel, plane in enumerate(colour)], 1)


def _bilinear(texels: Tensor, base: Tensor, rows: Tensor, columns: Tensor, height: Tensor, width: Tensor) -> list[Tensor]:
    """Return red, green and blue between the texels of pictures that begin at `base`, repeating beyond their borders."""
    top, left = rows.floor(), columns.floor()
    down, right = rows - top, columns - left
    top, left = top.long().remainder_(height), left.long().remainder_(width)
    below, beside = (top + 1) % height, (left + 1) % width
    top, below = base + top * width, base + below * width
    corners = [unpack(texels[place]) for place in (top + left, top + beside, below + left, below + beside)]
    mixed = zip(*corners, strict=True)
    return [torch.lerp(torch.lerp(a, b, right), torch.lerp(c, d, right), down) for a, b, c, d in mixed]


def _stand_legs(halls: Halls, cameras: Cameras, picture: Tensor, place: Tensor | None = None) -> Tensor:
    """Return the picture (B, 3, H, W) with the table's legs and struts; they are thin and stand below the table."""
    radius = torch.full_like(halls.tape[:, :1], LEG_RADIUS)
    return _with_rods(cameras, picture, _LEGS, radius, 0.5 * halls.edge, place)


def _stand_posts(halls: Halls, cameras: Cameras, picture: Tensor, place: Tensor | None = None) -> Tensor:
    """Return the picture (B, 3, H, W) with posts of the net that have a thickness, as its tape has one, where halls have such."""
    if halls.posts is None:
        return picture
    picture = _with_rods(cameras, picture, _TAPE, halls.posts[:, 1:2], halls.tape, place)
    return _with_rods(cameras, picture, _POSTS, halls.posts[:, :1], halls.posts[:, 2:], place)


def _with_rods(
    cameras: Cameras, picture: Tensor, rods: list[_Rod], radius: Tensor, colour: Tensor, place: Tensor | None
) -> Tensor:
    """Return the picture (B, 3, H, W) with rods of radius (B, 1), metres, and colour (B, 3) before all that is in it."""
    height, width = picture.shape[2:]
    ends = torch.tensor(rods, device=picture.device).view(-1, 3)  # (2 P, 3)
    there = ends.expand(len(picture), -1, 3) if place is None else placed(ends, place)
    pixels, depth = cameras.project(there[:, None])
    rows, columns = torch.arange(height, device=picture.device).float(), torch.arange(width, device=picture.device).float()
    thickness = radius[..., None] * cameras.focal[:, :1, None] / depth.unflatten(2, (-1, 2)).mean(-1)
    distance = segment_distances(pixels.unflatten(2, (-1, 2)), rows, columns) - thickness[..., None, None]
    cover = _step(-distance.amin(2))  # (B, 1, H, W)
    return torch.lerp(picture, colour[:, :, None, None].expand_as(picture), cover)


def segment_distances(ends: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return distances (..., h, w) from the points of a grid to segments with ends (..., 2, 2), in pixels."""
    start, along = ends[..., 0, :], ends[..., 1, :] - ends[..., 0, :]
    length = along.square().sum(-1).clamp_min(1e-6)
    from_x = columns - start[..., 0, None]
    from_y = rows - start[..., 1, None]
    reached = (from_x * (along[..., 0] / length)[..., None])[..., None, :] + (from_y * (along[..., 1] / length)[..., None])[
        ..., None
    ]
    reached = reached.clamp_(0, 1)
    dx = from_x[..., None, :] - reached * along[..., 0, None, None]
    dy = from_y[..., None] - reached * along[..., 1, None, None]
    return (dx.square_() + dy.square_()).sqrt_()


def _stand_base(
    halls: Halls, origin: list[Tensor], rays: list[Tensor], picture: Tensor, depth: Tensor, textures: TextureBank
) -> tuple[Tensor, Tensor]:
    """Return picture and depth with the boxes that tables stand on, their four faces with pieces of painted walls on them."""
    if halls.base is None:
        return picture, depth
    across, along, wall, *colour, top = (part[:, None, None] for part in halls.base.unbind(1))
    size = [torch.full_like(wall.long(), side) for side in (WALL_HEIGHT, WALL_WIDTH)]
    begins = (wall.long() * WALL_HEIGHT * WALL_WIDTH).expand_as(depth)
    for axis, half, reach, sign in (
        (0, across, along, -1),
        (0, across, along, 1),
        (1, along, across, -1),
        (1, along, across, 1),
    ):
        slope = torch.where(rays[axis].abs() < 1e-5, 1e-5, rays[axis])
        far = (sign * half - origin[axis]) / slope
        beside, up = origin[1 - axis] + far * rays[1 - axis], origin[2] + far * rays[2]
        shown = (half > 0) & (far > 0.05) & (far < depth) & (beside.abs() < reach) & (up > 0) & (up < top)
        texel = _bilinear(textures.texels, begins, (160 - 110 * up).clamp(0, WALL_HEIGHT - 1.01), 300 + 90 * beside, *size)
        shade = 0.6 + 0.4 * axis
        face = [shade * (0.5 * tint + 0.5 * part / 255) for tint, part in zip(colour, texel, strict=True)]
        picture = torch.where(shown[:, None], torch.stack(face, 1), picture)
        depth = torch.where(shown, far, depth)
    return picture, depth


def _lay_table(
    halls: Halls, origin: list[Tensor], rays: list[Tensor], picture: Tensor, depth: Tensor, textures: TextureBank
) -> tuple[Tensor, Tensor]:
    """Return picture and depth with the table on them: its edge first, then the top with what is printed on it and its lines."""
    for height, colour in ((TABLE_HEIGHT - TABLE_THICKNESS, halls.edge), (TABLE_HEIGHT, halls.table)):
        far, (x, y), (pixel_x, pixel_y) = _meet_plane(origin, rays, axis=2, at=height)
        inside_x, inside_y = (TABLE_WIDTH / 2 - x.abs()) / pixel_x, (TABLE_LENGTH / 2 - y.abs()) / pixel_y  # pixels
        cover = _step(inside_x) * _step(inside_y) * (far < depth)
        surface = colour[:, :, None, None]
        if height == TABLE_HEIGHT:
            border_x = _step(inside_x) - _step(inside_x - LINE_WIDTH / pixel_x)
            border_y = _step(inside_y) - _step(inside_y - LINE_WIDTH / pixel_y)
            lines = torch.maximum(torch.maximum(border_x, border_y), _stripe(x.abs(), CENTRE_LINE_WIDTH / 2, pixel_x))
            surface = _printed(halls, surface, x, y, textures)
            surface = _taped(halls, surface, x, y, torch.maximum(pixel_x, pixel_y))
            surface = torch.lerp(surface, halls.line[:, :, None, None], lines[:, None])
        picture = torch.lerp(picture, surface.expand_as(picture), cover[:, None])
        depth = torch.where(cover > 0.5, far, depth)
    return picture, depth


def _printed(halls: Halls, surface: Tensor, x: Tensor, y: Tensor, textures: TextureBank) -> Tensor:
    """Return a surface (B, 3, 1, 1) with pieces of painted walls on it, (B, 3, H, W), or as it is where halls have no prints."""
    for place in () if halls.prints is None else halls.prints.unbind(1):
        along, across = (x - place[:, 0, None, None]), (y - place[:, 1, None, None])
        inside = ((along.abs() < place[:, 2, None, None]) & (across.abs() < place[:, 3, None, None])).float()
        base = (place[:, 4].long() * WALL_HEIGHT * WALL_WIDTH)[:, None, None].expand_as(x)
        size = [torch.full_like(base, side) for side in (WALL_HEIGHT, WALL_WIDTH)]
        colour = _bilinear(textures.texels, base, 96 + 90 * along, 300 + 90 * across, *size)
        surface = torch.lerp(surface.expand(-1, -1, *x.shape[1:]), torch.stack(colour, 1) / 255, inside[:, None])
    return surface


def _taped(halls: Halls, surface: Tensor, x: Tensor, y: Tensor, pixel: Tensor) -> Tensor:
    """Return a surface with tapes on it, whole or dashed, or as it is where halls have none."""
    for stripe in () if halls.stripes is None else halls.stripes.unbind(1):
        middle_x, middle_y, turn, half_length, half_width, dash, share = stripe[:, :7, None, None].unbind(1)
        from_x, from_y = x - middle_x, y - middle_y
        along, across = turn.cos() * from_x + turn.sin() * from_y, turn.cos() * from_y - turn.sin() * from_x
        cover = _step((half_length - along.abs()) / pixel) * _stripe(across.abs(), half_width, pixel)
        cover = cover * (along.remainder(dash) < share * dash)
        surface = torch.lerp(surface.expand(-1, -1, *x.shape[1:]), stripe[:, 7:, None, None], cover[:, None])
    return surface


def _hang_net(halls: Halls, origin: list[Tensor], rays: list[Tensor], picture: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
    """Return the picture with the net in it, and how much the net covers (B, H, W)."""
    far, (x, z), (pixel_x, pixel_z) = _meet_plane(origin, rays, axis=1, at=0.0)
    top, end = TABLE_HEIGHT + NET_HEIGHT, TABLE_WIDTH / 2 + NET_OVERHANG
    inside = _step((end - x.abs()) / pixel_x) * _step((top - z) / pixel_z) * _step((z - TABLE_HEIGHT) / pixel_z)
    tape = _stripe((z - (top - TAPE_WIDTH / 2)).abs(), TAPE_WIDTH / 2, pixel_z)
    post = _stripe((x.abs() - end).abs(), 0.015, pixel_x)
    cover = torch.maximum(torch.maximum(tape, post), halls.net_opacity[:, None, None])
    cover = cover * inside * (far <= depth + 0.02)
    colour = torch.lerp(halls.net[:, :, None, None], halls.tape[:, :, None, None], tape[:, None])
    return torch.lerp(picture, colour, cover[:, None]), cover


def _step(pixels: Tensor) -> Tensor:
    """Return how much of a pixel lies inside of a border, `pixels` from its centre."""
    return (pixels + 0.5).clamp_(0, 1)


def _stripe(distance: Tensor, half_width: float | Tensor, pixel: Tensor) -> Tensor:
    """Return how much of a pixel a line covers, also where the line is thinner than a pixel."""
    return _step((half_width - distance) / pixel).minimum((2 * half_width / pixel).clamp(max=1))


def _meet_plane(origin: list[Tensor], rays: list[Tensor], axis: int, at: float) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Return depth (B, H, W), the other two coordinates there, and the metres that a pixel spans in each of them."""
    slope = torch.where(rays[axis].abs() < 1e-5, 1e-5, rays[axis])
    depth = (at - origin[axis]) / slope
    behind = depth <= 0.05
    place = [origin[other] + depth * rays[other] for other in range(3) if other != axis]
    pixel = [(_span(part, 1) + _span(part, 2)).clamp_(1e-4, 1) for part in place]
    return depth.masked_fill_(behind, FAR), [part.masked_fill_(behind, 1e3) for part in place], pixel


def _span(place: Tensor, dim: int) -> Tensor:
    """Return the change of `place` from each pixel to the next along `dim`, as large as `place`."""
    change = place.diff(dim=dim).abs_()
    last = change.narrow(dim, change.shape[dim] - 1, 1)
    return torch.cat([change, last], dim)
