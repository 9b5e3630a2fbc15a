"""Drawing targets and decoding heatmaps are each other's inverse."""

import pytest
import torch

from ttcli.networks.heatmaps import decode_heatmaps, draw_targets

HEIGHT, WIDTH = 16, 24  # cells


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.bool)


def draw_one(x: float, y: float, visible: bool = True, known: bool = True, **settings):
    return draw_targets(torch.tensor([[[x, y]]]), torch.tensor([[visible]]), torch.tensor([[known]]), HEIGHT, WIDTH, **settings)


def border_positions() -> torch.Tensor:
    """Corners, edges and their neighbourhood, in working pixels."""
    xs = torch.tensor([-0.5, 0.0, 1.5, 3.49, 3.5, 47.3, 4 * WIDTH - 1.0, 4 * WIDTH - 0.51])
    ys = torch.tensor([-0.5, 0.2, 5.5, 4 * HEIGHT - 1.0, 4 * HEIGHT - 0.51])
    return torch.cartesian_prod(xs, ys).unsqueeze(0)


@pytest.mark.parametrize("kind", ["gaussian", "disk"])
def test_decoding_a_drawn_target_gives_the_position_back(kind):
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([4.0 * WIDTH, 4.0 * HEIGHT])
    anywhere = torch.rand(1, 400, 2, generator=generator) * scale - 0.5
    positions = torch.cat([anywhere, border_positions()], dim=1)
    count = positions.shape[1]
    targets = draw_targets(positions, ones(1, count), ones(1, count), HEIGHT, WIDTH, kind=kind)
    peaks = decode_heatmaps(targets.heat, targets.offsets)
    assert targets.known.all()
    assert (torch.stack([peaks.x, peaks.y], dim=-1) - positions).abs().max() < 0.05 * 4
    assert (peaks.confidence == 1).all()


def test_shapes_and_weights():
    positions = torch.rand(2, 9, 2) * 60
    visible = torch.rand(2, 9) > 0.5
    targets = draw_targets(positions, visible, ones(2, 9), HEIGHT, WIDTH)
    assert targets.heat.shape == targets.offset_weight.shape == (2, 9, HEIGHT, WIDTH)
    assert targets.offsets.shape == (2, 9, 2, HEIGHT, WIDTH)
    assert torch.equal(targets.heat.flatten(2).amax(-1) == 1, visible)
    assert torch.equal(targets.offset_weight.flatten(2).amax(-1) == 1, visible)


@pytest.mark.parametrize("kind", ["gaussian", "disk"])
def test_the_cell_of_the_centre_is_exactly_one(kind):
    targets = draw_one(x=4 * 5 + 3.4, y=4 * 3 - 0.4, kind=kind, radius=0.1)
    assert targets.heat[0, 0, 3, 5] == 1


def test_offsets_point_from_each_cell_to_the_ball():
    targets = draw_one(x=4 * 5 + 1.5 + 1, y=4 * 3 + 1.5 - 1)
    assert targets.offsets[0, 0, :, 3, 5].tolist() == pytest.approx([0.25, -0.25])
    assert targets.offsets[0, 0, :, 2, 6].tolist() == pytest.approx([-0.75, 0.75])


def test_a_disk_covers_its_radius_in_working_pixels():
    targets = draw_one(x=41.5, y=21.5, kind="disk", radius=4.0)
    assert targets.heat.sum() == 5  # the cell of the centre and its four neighbours, 4 px away


def test_invisible_and_unknown_balls_leave_no_heat_whatever_their_position():
    for visible, known in [(False, True), (True, False), (False, False)]:
        targets = draw_one(float("nan"), float("inf"), visible, known)
        assert targets.heat.count_nonzero() == 0
        assert targets.offset_weight.count_nonzero() == 0
        assert targets.offsets.isfinite().all()
        assert targets.known.item() is known


@pytest.mark.parametrize("kind", ["gaussian", "disk"])
def test_a_ball_just_outside_is_unknown_and_one_far_outside_not_visible(kind):
    near = draw_one(-2.0, 30.0, kind=kind)
    assert not near.known and near.heat.count_nonzero() == 0
    for x, y in [(-40.0, 30.0), (30.0, 4 * HEIGHT + 40.0), (1e9, 5.0)]:
        far = draw_one(x, y, kind=kind)
        assert far.known and far.heat.count_nonzero() == 0


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="square"):
        draw_one(3, 3, kind="square")


def test_decoding_averages_the_votes_of_the_neighbours_by_probability():
    probabilities = torch.zeros(1, 1, 5, 5)
    probabilities[0, 0, 2, 2], probabilities[0, 0, 2, 3] = 0.75, 0.25
    offsets = torch.zeros(1, 1, 2, 5, 5)
    peaks = decode_heatmaps(probabilities, offsets)
    assert peaks.x.item() == pytest.approx((2 + 0.25) * 4 + 1.5)
    assert peaks.y.item() == pytest.approx(2 * 4 + 1.5)
    assert peaks.confidence.item() == 0.75


def test_neighbours_beyond_the_border_do_not_vote():
    probabilities = torch.full((1, 1, 5, 5), 0.1)
    probabilities[0, 0, 0, 0] = 0.9
    offsets = torch.zeros(1, 1, 2, 5, 5)
    peaks = decode_heatmaps(probabilities, offsets)
    assert peaks.x.item() == pytest.approx(0.2 / 1.2 * 4 + 1.5)


def test_decoding_takes_half_precision_and_empty_heatmaps():
    peaks = decode_heatmaps(torch.zeros(2, 9, 4, 6, dtype=torch.bfloat16), torch.zeros(2, 9, 2, 4, 6))
    assert peaks.x.shape == (2, 9) and peaks.x.dtype == torch.float32
    assert peaks.x.isfinite().all() and (peaks.confidence == 0).all()
