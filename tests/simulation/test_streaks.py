"""Streaks: a swept disc keeps its area and its middle, and stays inside of its picture."""

import math

import pytest
import torch
from scenes import seeded

from ttcli.simulation import streaks as streaks_module
from ttcli.simulation.streaks import DEVICE_PATCH_SIZES, PATCH_SIZES, Streaks, path_centre, soften, streak_patches

HEIGHT, WIDTH = 280, 280


def streaks_of(paths, radius, share=None, blur=0.0):
    """Return streaks with paths (N, P, 2), each in a picture of its own."""
    paths = torch.as_tensor(paths, dtype=torch.float32)
    count, points = paths.shape[:2]
    share = torch.full((count, points - 1), 1 / (points - 1)) if share is None else torch.as_tensor(share).expand(count, -1)
    radius = torch.as_tensor(radius, dtype=torch.float32).expand(count)
    return Streaks(paths, share, radius, torch.arange(count), torch.full((count,), float(blur)))


def cover_pictures(streaks, height=HEIGHT, width=WIDTH):
    """Return what is covered (N, H, W), for streaks with a picture each or several in one."""
    pictures = torch.zeros(int(streaks.picture.max()) + 1, height, width)
    for patch in streak_patches(streaks, height, width):
        pictures.view(-1).index_add_(0, patch.index(0, 1, height * width).flatten(), patch.cover.flatten())
    return pictures


def centroids(pictures):
    rows, columns = torch.arange(pictures.shape[1]).float(), torch.arange(pictures.shape[2]).float()
    total = pictures.sum((1, 2))
    return torch.stack([pictures.sum(1) @ columns / total, pictures.sum(2) @ rows / total], -1)


def straight_paths(length, count=12):
    """Return paths (N, 2, 2) of one length in all directions, each off the pixel grid."""
    angle = torch.arange(count) * (2 * math.pi / count) + 0.1
    middle = torch.tensor([140.0, 140.0]) + torch.rand(count, 2, generator=seeded(2))
    half = length / 2 * torch.stack([angle.cos(), angle.sin()], -1)
    return torch.stack([middle - half, middle + half], 1)


@pytest.mark.parametrize("blur", [0.0, 0.3])
@pytest.mark.parametrize("length", [0.0, 0.5, 7.0, 60.0, 250.0])
@pytest.mark.parametrize(("radius", "area_error", "centre_error"), [(1.0, 0.05, 0.35), (2.5, 0.03, 0.1), (6.0, 0.02, 0.05)])
def test_cover_sums_to_the_balls_area_and_centres_on_the_middle_of_the_path(radius, area_error, centre_error, length, blur):
    paths = straight_paths(length, 16)
    pictures = cover_pictures(streaks_of(paths, radius, blur=blur))
    area = pictures.sum((1, 2)) / (math.pi * radius**2)
    away = centroids(pictures) - paths.mean(1)
    # One or two points a pixel know the edge of a small disc only so well, but err to no side.
    assert area.sub(1).abs().max() < area_error
    assert area.mean().sub(1).abs() < 0.03
    assert away.norm(dim=1).max() < centre_error
    assert away.mean(0).norm() < 0.05


def test_cover_is_a_share_and_greatest_along_the_path():
    pictures = cover_pictures(streaks_of(straight_paths(30.0), 3.0))
    assert pictures.min() >= 0
    assert pictures.max() <= 1 + 1e-5
    # A point in the middle of a streak is covered for a diameter's time out of the whole length's.
    assert pictures.amax((1, 2)) == pytest.approx(torch.full((12,), 6 / 30), abs=0.01)


def test_a_ball_at_rest_is_a_disc():
    picture = cover_pictures(streaks_of([[[50.0, 40.0], [50.0, 40.0]]], 5.0))[0]
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    distance = torch.hypot(columns - 50.0, rows - 40.0)
    assert (picture[distance < 4.2] > 0.99).all()
    assert (picture[distance > 5.8] == 0).all()
    assert ((picture[(distance > 4.8) & (distance < 5.2)] - 0.5).abs() < 0.3).all()


def test_a_bent_path_is_a_v():
    start, apex, end = (40.0, 40.0), (70.0, 100.0), (100.0, 40.0)
    picture = cover_pictures(streaks_of([[start, apex, end]], 2.0))[0]
    on_path = [(55, 70), (85, 70), (45, 50), (95, 50)]
    assert all(picture[y, x] > 0.02 for x, y in on_path)
    assert picture[60:80, 66:75].max() == 0  # between the arms
    assert picture[40, 65:75].max() == 0  # the chord is empty
    assert picture.sum() == pytest.approx(math.pi * 4, rel=0.03)


def test_each_part_of_a_path_weighs_as_the_time_spent_on_it():
    streaks = streaks_of([[[40.0, 100.0], [100.0, 100.0], [100.0, 40.0]]], 2.0, share=[[0.75, 0.25]])
    picture = cover_pictures(streaks)[0]
    assert picture[:, :97].sum() / picture[:96].sum() == pytest.approx(3.0, rel=0.1)


def test_a_part_without_time_leaves_nothing():
    bent = streaks_of([[[40.0, 60.0], [90.0, 60.0], [300.0, 200.0]]], 2.0, share=[[1.0, 0.0]])
    straight = streaks_of([[[40.0, 60.0], [90.0, 60.0]]], 2.0)
    assert torch.allclose(cover_pictures(bent), cover_pictures(straight), atol=1e-6)


@pytest.mark.parametrize("shift", [(-60.0, 0.0), (60.0, 0.0), (0.0, -50.0), (0.0, 50.0), (-59.0, 49.0)])
def test_streaks_at_the_border_are_cut_and_do_not_come_in_elsewhere(shift):
    height, width = 90, 120
    path = torch.tensor([[[52.0, 41.0], [68.0, 49.0]]]) + torch.tensor(shift)
    whole = cover_pictures(streaks_of(path + 100, 4.0), height + 200, width + 200)
    cut = cover_pictures(streaks_of(path, 4.0), height, width)
    assert cut.sum() > 0
    assert torch.allclose(cut, whole[:, 100 : 100 + height, 100 : 100 + width], atol=1e-5)


def test_streaks_far_outside_and_endless_ones_are_left_out():
    paths = [[[-500.0, 50.0], [-480.0, 50.0]], [[50.0, 900.0], [60.0, 900.0]], [[-1e4, 50.0], [1e4, 50.0]]]
    assert streak_patches(streaks_of(paths, 3.0), HEIGHT, WIDTH) == []


def test_order_of_streaks_does_not_matter():
    paths = torch.cat([straight_paths(length) for length in (0.0, 9.0, 40.0, 90.0)])
    radius = torch.linspace(1, 6, len(paths))
    streaks = streaks_of(paths, radius)
    shuffled = streaks.at(torch.randperm(len(paths), generator=seeded()))
    assert torch.allclose(cover_pictures(streaks), cover_pictures(shuffled), atol=1e-6)
    rows = torch.cat([patch.rows for patch in streak_patches(streaks, HEIGHT, WIDTH)])
    assert sorted(rows.tolist()) == list(range(len(paths)))


def test_patches_are_as_small_as_the_streak_allows():
    for patch in streak_patches(streaks_of(straight_paths(20.0), 2.0), HEIGHT, WIDTH):
        side = math.isqrt(patch.cover.shape[1])
        assert side in PATCH_SIZES
        assert side <= 32
        assert (patch.cover.sum(1) > 0).all()


def test_the_upper_side_is_lit():
    (patch,) = streak_patches(streaks_of([[[50.0, 40.0], [50.0, 40.0]]], 6.0), HEIGHT, WIDTH)
    side = math.isqrt(patch.cover.shape[1])
    cover, lit = patch.cover[0].view(side, side), patch.lit[0].view(side, side)
    covered = torch.nonzero(cover > 0.9)
    upper, lower = covered[covered[:, 0] == covered[:, 0].min()], covered[covered[:, 0] == covered[:, 0].max()]
    assert lit[upper[:, 0], upper[:, 1]].mean() > 0.6
    assert lit[lower[:, 0], lower[:, 1]].mean() < -0.6
    assert lit.abs().max() <= 1


def test_soften_keeps_the_mean_and_spreads_a_point_as_its_kernel_says():
    pictures = torch.rand(3, 2, 9, 13, generator=seeded())
    side = torch.tensor([0.0, 0.2, 1 / 3])
    soft = soften(pictures, side)
    assert torch.equal(soft[0], pictures[0])
    assert torch.allclose(soft.mean((1, 2, 3)), pictures.mean((1, 2, 3)), atol=1e-6)
    point = torch.zeros(1, 1, 7, 7)
    point[0, 0, 3, 3] = 1
    kernel = torch.tensor([0.2, 0.6, 0.2])
    assert torch.allclose(soften(point, side[1:2])[0, 0, 2:5, 2:5], kernel[:, None] * kernel, atol=1e-6)


def test_the_label_is_the_middle_of_the_chord_or_where_bent_of_the_extent():
    path = torch.tensor([[[0.0, 0.0], [10.0, 30.0], [16.0, 6.0]]])
    assert path_centre(path, torch.tensor([False])).tolist() == [[8.0, 3.0]]
    assert path_centre(path, torch.tensor([True])).tolist() == [[8.0, 15.0]]


def test_fewer_and_larger_squares_draw_the_same(monkeypatch):
    generator = torch.Generator().manual_seed(2)
    start = 300 * torch.rand(60, 1, 2, generator=generator)
    path = start + 160 * torch.rand(60, 3, 2, generator=generator) ** 2
    share = torch.tensor([0.4, 0.6]).expand(60, -1)
    radius, picture = 0.5 + 8 * torch.rand(60, generator=generator), torch.zeros(60).long()
    streaks = Streaks(path, share, radius, picture, torch.full((60,), 0.1))
    drawn = []
    for sizes in (PATCH_SIZES, DEVICE_PATCH_SIZES):
        monkeypatch.setattr(streaks_module, "PATCH_SIZES", sizes)
        picture = torch.zeros(480 * 480)
        for patch in streak_patches(streaks, 480, 480):
            picture.index_add_(0, patch.pixel.flatten(), patch.cover.flatten())
        drawn.append(picture)
    assert drawn[0].sum() > 100
    assert torch.allclose(*drawn, atol=1e-5)
