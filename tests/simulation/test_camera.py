"""Cameras: projection and rays are inverses, crops and turns do to points what they do to pictures."""

import pytest
import torch
from scenes import HEIGHT, WIDTH, cameras_of_each_kind, seeded

from ttcli.simulation.camera import KINDS, homographies, place_cameras


def some_points(count, frames=1, points=6):
    """Return points (B, T, P, 3) round the table, in front of every camera."""
    chance = torch.rand(count, 1, points, 3, generator=seeded(3))
    return ((chance - 0.5) * torch.tensor([2.0, 3.0, 1.0]) + torch.tensor([0.0, 0.0, 0.9])).expand(-1, frames, -1, -1)


def ray_through(cameras, pixel):
    """Return the directions (B, 3) of pixels (B, 2), whole or not, of the first frames."""
    return torch.stack(cameras.view(pixel[:, 0], pixel[:, 1]).rays(1, 1), -1)[:, 0, 0]


@pytest.mark.parametrize("moving", [False, True])
def test_the_ray_of_a_projected_point_meets_the_point(moving):
    cameras = cameras_of_each_kind(6, moving=moving)
    points = some_points(30)
    pixels, depth = cameras.project(points)
    for point in range(points.shape[2]):
        met = cameras.position[:, 0] + depth[:, 0, point, None] * ray_through(cameras, pixels[:, 0, point])
        assert (met - points[:, 0, point]).norm(dim=1).max() < 1e-3


def test_points_along_a_ray_project_to_its_pixel_at_their_depth():
    cameras = cameras_of_each_kind(6)
    rays = torch.stack(cameras.rays(HEIGHT, WIDTH), -1)
    for column, row, depth in ((0, 0, 2.0), (WIDTH - 1, 3, 9.0), (70, HEIGHT - 1, 0.5)):
        points = cameras.position + depth * rays[:, row, column][:, None]
        pixels, depths = cameras.project(points[:, :, None])
        assert (pixels - torch.tensor([column, row])).abs().max() < 0.01
        assert depths.sub(depth).abs().max() < 1e-3


def test_a_view_projects_to_where_the_enlarged_cut_picture_has_the_point():
    cameras = cameras_of_each_kind(4)
    points = some_points(20)
    left, top, zoom = torch.arange(20) * 3.0, torch.arange(20) * -2.0, torch.linspace(0.5, 3, 20)
    before, depth = cameras.project(points)
    after, same_depth = cameras.view(left, top, zoom).project(points)
    # Pixel centres lie on integers: an enlarged picture's corner (-0.5, -0.5) stays, its pixels grow around it.
    expected = (before + 0.5) * zoom[:, None, None, None] - 0.5 - torch.stack([left, top], -1)[:, None, None]
    assert (after - expected).abs().max() < 0.01
    assert torch.equal(depth, same_depth)


def test_rotations_are_orthonormal_and_right_handed():
    rotation = cameras_of_each_kind(10, moving=True, frames=5).rotation
    assert (rotation @ rotation.transpose(-1, -2) - torch.eye(3)).abs().max() < 1e-5
    assert torch.linalg.det(rotation).sub(1).abs().max() < 1e-5


def test_pictures_are_upright():
    cameras = cameras_of_each_kind(10)
    low = torch.tensor([0.0, 0.0, 0.7]).expand(50, 1, 1, 3)
    pixels, _ = cameras.project(torch.cat([low, low + torch.tensor([0.0, 0.0, 0.3])], 2))
    not_from_above = torch.arange(50) < 10 * KINDS.index("top")
    assert (pixels[:, 0, 0, 1] > pixels[:, 0, 1, 1])[not_from_above].all()


def test_homographies_map_what_one_camera_sees_to_what_it_sees_when_turned():
    cameras = cameras_of_each_kind(6, moving=True, frames=5)
    everyone = torch.arange(30)
    source = cameras.at(everyone, 2)
    points = some_points(30, frames=5)
    pixels, _ = cameras.project(points)
    here, _ = source.project(points[:, :1])
    flat = torch.cat([pixels, torch.ones_like(pixels[..., :1])], -1)
    mapped = torch.einsum("btij,btpj->btpi", homographies(source, cameras), flat)
    assert (mapped[..., :2] / mapped[..., 2:] - here).abs().max() < 0.05
    assert (pixels - here).abs().amax((1, 2, 3)).median() > 1  # they did turn


@pytest.mark.parametrize(("height", "width"), [(288, 512), (512, 288), (336, 448)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_table_in_the_picture(kind, height, width):
    kinds = torch.full((200,), KINDS.index(kind))
    cameras = place_cameras(kinds, torch.zeros(200, 1), height, width, torch.zeros(200, dtype=torch.bool), seeded())
    corners = [[x, y, 0.76] for x in (-0.7625, 0, 0.7625) for y in (-1.37, 0, 1.37)]
    pixels, _ = cameras.project(torch.tensor(corners).expand(200, 1, 9, 3))
    inside = ((pixels > -0.5) & (pixels < torch.tensor([width - 0.5, height - 0.5]))).all(-1)[:, 0]
    assert inside[:, 4].all()
    assert inside.all(1).float().mean() > 0.95
    extent = (pixels.amax(2) - pixels.amin(2))[:, 0] / torch.tensor([width, height])
    assert extent.amax(1).min() > 0.1


def test_only_moving_cameras_move_and_none_changes_its_place():
    times = torch.linspace(0, 3, 6).expand(40, -1)
    moving = torch.arange(40) % 2 == 1
    cameras = place_cameras(torch.arange(40) % len(KINDS), times, HEIGHT, WIDTH, moving, seeded())
    for values in (cameras.rotation, cameras.focal):
        change = (values - values[:, :1]).abs().flatten(1).amax(1)
        assert torch.equal(change > 0, moving)
    assert torch.equal(cameras.position, cameras.position[:, :1].expand(-1, 6, -1))


def test_motion_is_a_function_of_time():
    moving = torch.ones(10, dtype=torch.bool)
    coarse, fine = (
        place_cameras(torch.arange(10) % 5, torch.linspace(0, 1, frames).expand(10, -1), HEIGHT, WIDTH, moving, seeded())
        for frames in (3, 5)
    )
    assert torch.allclose(coarse.rotation, fine.rotation[:, ::2], atol=1e-6)
    assert torch.allclose(coarse.focal, fine.focal[:, ::2])


def test_cameras_of_one_frame_are_a_row_of_all():
    cameras = cameras_of_each_kind(2, moving=True, frames=4)
    rows = torch.tensor([7, 1])
    one = cameras.at(rows, 2)
    assert torch.equal(one.rotation, cameras.rotation[rows, 2:3])
    assert torch.equal(one.centre, cameras.centre[rows, 2:3])
    assert one.focal.shape == (2, 1)
