"""The empty hall: every pixel shows what its ray meets, at its distance."""

from dataclasses import replace

import pytest
import torch
from scenes import HEIGHT, WIDTH, cameras_of_each_kind, seeded

from ttcli.simulation.camera import KINDS, Cameras, look_at
from ttcli.simulation.furnishing import STRIPE_SHARE, equip
from ttcli.simulation.surroundings import NET_HALF_WIDTH, NET_TOP, TABLE_HALF_LENGTH, TABLE_HALF_WIDTH
from ttcli.simulation.table_pictures import cameras_anywhere
from ttcli.simulation.textures import TextureBank, paint_textures, unpack
from ttcli.simulation.world import build_halls, view_halls
from ttcli.table.constants import TABLE_HEIGHT

PER_KIND = 3
COUNT = PER_KIND * len(KINDS)


@pytest.fixture(scope="module")
def cameras():
    return cameras_of_each_kind(PER_KIND)


@pytest.fixture(scope="module")
def halls(cameras, textures):
    return build_halls(cameras.position[:, 0], textures, seeded())


@pytest.fixture(scope="module")
def view(halls, cameras, textures):
    return view_halls(halls, cameras, textures, HEIGHT, WIDTH)


def meet(cameras, axis, at):
    """Return where pixels' rays meet a plane (B, H, W, 3), at which depth (B, H, W), and what a pixel spans there, (B, H, W, 3)."""
    rays = torch.stack(cameras.rays(HEIGHT, WIDTH), -1)
    origin = cameras.position[:, 0, None, None]
    depth = (at - origin[..., axis]) / rays[..., axis]
    place = origin + depth[..., None] * rays
    return place, depth, sum(change.abs() for change in torch.gradient(place, dim=(1, 2)))


def inner_table(cameras):
    """Return the pixels (B, H, W) well inside of the table's halves, away from edges, lines and net, and their depths."""
    place, depth, span = meet(cameras, 2, TABLE_HEIGHT)
    x, y, _ = place.abs().unbind(-1)
    off_x, off_y, _ = (0.03 + 1.2 * span).unbind(-1)
    return (x > off_x) & (x < TABLE_HALF_WIDTH - off_x) & (y > off_y) & (y < TABLE_HALF_LENGTH - off_y), depth


def test_pixels_whose_ray_meets_the_table_have_its_colour_and_depth(view, halls, cameras):
    inside, depth = inner_table(cameras)
    free = inside & (view.net_cover[:, 0] == 0)
    assert free.flatten(1).any(1).all()
    assert free.sum() > 5000
    colour = halls.table[:, :, None, None]
    assert (view.picture - colour).abs().amax(1)[free].max() < 1e-4
    assert (1 / view.disparity[:, 0])[free].sub(depth[free]).abs().max() < 1e-2


def look_closely(halls, cameras, textures, place, zoom=8.0):
    """Return the view (B, ..., 9, 9) of what lies round the projection of a place, enlarged, and the place's depth (B,)."""
    pixel, depth = cameras.project(torch.tensor(place).expand(len(cameras.focal), 1, 1, 3))
    left, top = ((pixel[:, 0, 0] + 0.5) * zoom - 0.5 - 4).unbind(-1)
    return view_halls(halls, cameras.view(left, top, zoom), textures, 9, 9), depth[:, 0, 0]


def test_the_tables_corners_are_where_they_project_to(halls, cameras, textures):
    for x in (-TABLE_HALF_WIDTH, TABLE_HALF_WIDTH):
        for y in (-TABLE_HALF_LENGTH, TABLE_HALF_LENGTH):
            within, depth = look_closely(halls, cameras, textures, [0.95 * x, 0.95 * y, TABLE_HEIGHT])
            assert (1 / within.disparity[:, 0, 4, 4]).sub(depth).abs().max() < 0.02
            # Past the corner one sees the floor, a wall, or the board's lower side.
            past, depth = look_closely(halls, cameras, textures, [1.1 * x, 1.1 * y, TABLE_HEIGHT])
            assert (1 / past.disparity[:, 0, 4, 4]).sub(depth).min() > 0.03


def test_lines_are_on_the_border_and_along_the_middle(halls, cameras, textures):
    top = torch.arange(COUNT)[-PER_KIND:]
    assert KINDS[-1] == "top"
    places = {
        "side": [TABLE_HALF_WIDTH - 0.01, 0.7, 0.76],
        "end": [-0.4, 0.01 - TABLE_HALF_LENGTH, 0.76],
        "middle": [0.0, 0.9, 0.76],
    }
    for name, place in places.items():
        picture = look_closely(halls.at(top), cameras.at(top), textures, place, zoom=64.0)[0].picture
        assert (picture[:, :, 4, 4] - halls.line[top]).abs().max() < 0.05, name


STRIPE_COLOUR = torch.tensor([0.9, 0.2, 0.7])


def taped(halls, turn, dash, share):
    """Return the halls with one tape, 60 cm long and 6 wide, whose middle is at x = 0.3 and y = 0.6."""
    stripe = torch.tensor([0.3, 0.6, turn, 0.3, 0.03, dash, share, *STRIPE_COLOUR])
    return replace(halls, stripes=stripe.expand(len(halls.table), 1, 10))


@pytest.mark.parametrize(("turn", "along"), [(0.0, (0.25, 0.0)), (torch.pi / 2, (0.0, 0.25))])
def test_a_tape_lies_along_its_turn_and_nowhere_else(turn, along, halls, cameras, textures):
    top = torch.arange(COUNT)[-PER_KIND:]
    some = taped(halls.at(top), turn, 0.2, 1.0)
    for place, colour in (
        ([0.3 + along[0], 0.6 + along[1], TABLE_HEIGHT], STRIPE_COLOUR.expand(PER_KIND, 3)),
        ([0.3 + along[1], 0.6 + along[0], TABLE_HEIGHT], halls.table[top]),
    ):
        picture = look_closely(some, cameras.at(top), textures, place, zoom=64.0)[0].picture
        assert (picture[:, :, 4, 4] - colour).abs().max() < 0.05


def test_a_dashed_tape_has_gaps(halls, cameras, textures):
    top = torch.arange(COUNT)[-PER_KIND:]
    some = taped(halls.at(top), 0.0, 0.2, 0.5)
    for away, colour in ((0.05, STRIPE_COLOUR.expand(PER_KIND, 3)), (0.15, halls.table[top])):
        picture = look_closely(some, cameras.at(top), textures, [0.3 + away, 0.6, TABLE_HEIGHT], zoom=64.0)[0].picture
        assert (picture[:, :, 4, 4] - colour).abs().max() < 0.05


def test_a_net_with_posts_is_seen_from_its_end(textures):
    position, target = torch.tensor([[3.0, 0.0, 2.4]]), torch.tensor([[0.0, 0.0, TABLE_HEIGHT]])
    size, focal = torch.tensor([[WIDTH, HEIGHT]]), torch.tensor([[1.5 * WIDTH]])
    camera = Cameras(position[:, None], look_at(position, target)[:, None], focal, (size[:, None] - 1) / 2)
    halls = build_halls(position, textures, seeded())
    posts = torch.tensor([[0.02, 0.02, *STRIPE_COLOUR]])
    thin, thick = (view_halls(hall, camera, textures, HEIGHT, WIDTH).picture for hall in (halls, replace(halls, posts=posts)))
    for place, colour in (([NET_HALF_WIDTH, 0.0, NET_TOP - 0.05], STRIPE_COLOUR), ([0.3, 0.0, NET_TOP], halls.tape[0])):
        column, row = camera.project(torch.tensor([[[place]]]))[0][0, 0, 0].round().long().tolist()
        assert (thick[0, :, row, column] - colour).abs().max() < 0.05
        assert torch.equal(thick[0, :, row, column + 20], thin[0, :, row, column + 20])


def test_cameras_beside_the_net_stand_in_its_plane_and_see_a_large_table():
    cameras = cameras_anywhere(200, HEIGHT, WIDTH, seeded(), beside=1.0)
    x, y, _ = cameras.position[:, 0].unbind(-1)
    assert (y.abs() < 0.16 * x.abs()).all()
    assert 2.0 <= x.abs().min() < x.abs().max() <= 4.0
    corners = torch.tensor([[x, y, TABLE_HEIGHT] for x in (-0.76, 0.76) for y in (-1.37, 1.37)])
    pixels = cameras.project(corners[None, None])[0][:, 0]
    extent = pixels.amax(1) - pixels.amin(1)
    assert (extent / torch.tensor([WIDTH, HEIGHT])).amax(1).min() > 0.6


def test_the_halls_of_training_have_posts_and_some_have_tapes(textures):
    halls = build_halls(torch.tensor([3.0, 0.0, 1.5]).expand(400, 3), textures, seeded())
    equipped = equip(halls, seeded())
    with_tapes = (equipped.stripes[..., 3:5] > 0).all(-1).any(1).float().mean()
    assert STRIPE_SHARE - 0.06 < with_tapes < STRIPE_SHARE + 0.06
    assert (equipped.posts[:, :2] > 0).all()


def test_nothing_is_seen_through_the_room(view, halls, cameras):
    depth = 1 / view.disparity[:, 0]
    hit = cameras.position[:, 0, None, None] + depth[..., None] * torch.stack(cameras.rays(HEIGHT, WIDTH), -1)
    assert depth.min() > 0
    assert (hit > halls.low[:, None, None] - 0.02).all()
    assert (hit < halls.high[:, None, None] + 0.02).all()
    assert view.picture.min() >= 0
    assert view.picture.max() <= 1


def test_the_net_covers_its_rectangle_and_nothing_else(view, halls, cameras):
    place, depth, span = meet(cameras, 1, 0.0)
    x, z = place[..., 0].abs(), place[..., 2]
    off_x, _, off_z = (0.03 + 1.2 * span).unbind(-1)
    cover = view.net_cover[:, 0]
    off = (x > NET_HALF_WIDTH + off_x) | (z > NET_TOP + off_z) | (z < TABLE_HEIGHT - off_z) | (depth < 0)
    assert cover[off].max() == 0
    on = (x < NET_HALF_WIDTH - off_x) & (z > TABLE_HEIGHT + off_z) & (z < NET_TOP - off_z) & (depth > 0)
    assert on.sum() > 100
    expected = halls.net_opacity[:, None, None].expand_as(cover)
    assert (cover - expected)[on].min() > -1e-4
    assert cover.min() >= 0
    assert cover.max() <= 1


def test_a_view_of_a_part_is_the_part_of_the_view(view, halls, cameras, textures):
    left, top = torch.full((COUNT,), 40.0), torch.full((COUNT,), 30.0)
    part = view_halls(halls, cameras.view(left, top), textures, 64, 80)
    # Not its last row and column: there a pixel's extent is taken from the neighbour on the other side.
    cut = (..., slice(30, 93), slice(40, 119))
    assert (part.picture[..., :-1, :-1] - view.picture[cut]).abs().mean() < 1e-3
    assert torch.allclose(part.disparity[..., :-1, :-1], view.disparity[cut], rtol=0.01)


def test_an_enlarged_view_is_the_view_enlarged(view, halls, cameras, textures):
    rows = torch.arange(0, COUNT, PER_KIND)
    none = torch.zeros(len(rows))
    large = view_halls(halls.at(rows), cameras.at(rows).view(none, none, 2.0), textures, 2 * HEIGHT, 2 * WIDTH)
    small, plain = torch.nn.functional.avg_pool2d(large.picture, 2), view.picture[rows]
    change, shifted = ((picture - plain).abs().mean((1, 2, 3)) for picture in (small, small.roll(2, -1)))
    assert (change < 0.5 * shifted).all()
    assert change.mean() < 0.02
    inside, depth = inner_table(cameras)
    seen = torch.nn.functional.avg_pool2d(1 / large.disparity, 2)[:, 0]
    assert (seen - depth[rows])[inside[rows]].abs().max() < 0.05


def test_halls_of_some_windows_look_as_among_all(view, halls, cameras, textures):
    rows = torch.tensor([7, 2])
    assert torch.equal(view_halls(halls.at(rows), cameras.at(rows), textures, HEIGHT, WIDTH).picture, view.picture[rows])


def test_the_same_seed_paints_the_same_textures():
    first, again, other = (paint_textures(seed, walls=1, floors=1) for seed in (1, 1, 2))
    assert torch.equal(first.texels, again.texels)
    assert not torch.equal(first.texels, other.texels)


def test_texels_hold_three_colours(textures):
    red, green, blue = unpack(torch.tensor([10 + (20 << 8) + (255 << 16)], dtype=torch.int32))
    assert (red.item(), green.item(), blue.item()) == (10, 20, 255)
    piece = textures.cut(wall=3, top=5, left=1000, height=20, width=24)
    assert piece.shape == (3, 20, 24)
    assert 0 <= piece.min() <= piece.max() <= 1
    assert piece.std() > 0


def test_a_bank_knows_where_its_floors_begin(textures):
    assert isinstance(textures, TextureBank)
    assert len(textures.texels) - textures.floors_at == textures.floor_count * 512 * 512
